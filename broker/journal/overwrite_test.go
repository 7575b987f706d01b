package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"mqtk/broker"
)

// TestBytesOfAnOverwrite holds the cost on disk of a retained message of 256
// bytes that replaces another, cleaning included, when topics are replaced at
// random for a long time; and what the disk holds then.
func TestBytesOfAnOverwrite(t *testing.T) {
	const most, topics, segmentSize = 640, 4000, 128 << 10 // measured: 470
	j := openTest(t, t.TempDir(), segmentSize)
	defer closeTest(t, j)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	versions := make([]uint64, topics)
	version := uint64(0)
	overwrite := func(n int) {
		for i := range n {
			version++
			topic := random.IntN(topics)
			m := &broker.Message{Topic: fmt.Sprint("sensors/temperature/", topic), Payload: bytes.Repeat([]byte("x"), 256), QoS: 1, Retain: true,
				From: "publisher-1", Arrived: time.Now()}
			appendTest(t, j, broker.Event{Kind: broker.EventRetain, Topic: m.Topic, Sequence: version, Replaces: versions[topic], Message: m})
			versions[topic] = version
			if i%100 == 0 {
				settle(t, j)
			}
		}
	}
	overwrite(10 * topics)
	before := j.Measure()
	const n = 5 * topics
	overwrite(n)
	after := j.Measure()
	per := (after.BytesWritten - before.BytesWritten) / n
	t.Log(per, "bytes each, on disk", after.DiskBytes, "live", after.LiveBytes)
	if per > most {
		t.Errorf("%d bytes for each message, at most %d are planned", per, most)
	}
	if after.DiskBytes > 2*after.LiveBytes+(cleanSlack+2)*segmentSize {
		t.Errorf("%d bytes on disk, %d needed", after.DiskBytes, after.LiveBytes)
	}
}
