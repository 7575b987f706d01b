package journal

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"mqtk/broker"
)

// BenchmarkAppendQueue is an Append of a message of 256 bytes and one delivery of
// it, and of the end of the delivery 10,000 later. Nobody waits for the disk.
func BenchmarkAppendQueue(b *testing.B) {
	j, err := Open(Options{Dir: b.TempDir(), Durability: None})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	if err := j.Replay(func(*broker.Event) error { return nil }); err != nil {
		b.Fatal(err)
	}
	m := &broker.Message{Topic: "sensors/23/temperature", Payload: bytes.Repeat([]byte("x"), 256), QoS: 1, From: "publisher", Arrived: time.Now(),
		Owner: &broker.Identity{ClientID: "publisher", Username: "user"}}
	put := []broker.Event{{Kind: broker.EventEnqueue, Incarnation: 7, Message: m, QoS: 1}}
	end := []broker.Event{{Kind: broker.EventDequeue, Incarnation: 7}}
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		n++
		put[0].Sequence = n
		j.Append(put, nil)
		if n > 10_000 {
			end[0].Sequence = n - 10_000
			j.Append(end, nil)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(j.Measure().BytesWritten)/float64(n), "B/message")
}

// BenchmarkReplayMillions is a million deliveries over a thousand sessions and a
// million retained messages, of 16 bytes each.
func BenchmarkReplayMillions(b *testing.B) {
	dir := b.TempDir()
	fillMillions(b, dir, 1_000_000)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC() // pools keep for one
		runtime.ReadMemStats(&before)
		j, err := Open(Options{Dir: dir, Durability: None})
		if err != nil {
			b.Fatal(err)
		}
		retained, queued := 0, uint64(0)
		started := time.Now()
		err = j.Replay(func(e *broker.Event) error {
			switch e.Kind {
			case broker.EventRetain:
				retained++
			case broker.EventQueued:
				queued += e.Last - e.Sequence + 1
			}
			return nil
		})
		took := time.Since(started)
		if err != nil || retained != 1_000_000 || queued != 1_000_000 {
			b.Fatal(retained, queued, err)
		}
		runtime.ReadMemStats(&after)
		garbage := after.TotalAlloc - before.TotalAlloc
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(j)
		b.ReportMetric(took.Seconds()*1000, "ms/replay")
		b.ReportMetric(float64(garbage)/1e6, "MB-allocated")
		b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "MB-live")
		j.Close()
	}
}

func fillMillions(b *testing.B, dir string, n int) {
	j, err := Open(Options{Dir: dir, Durability: None})
	if err != nil {
		b.Fatal(err)
	}
	if err := j.Replay(func(*broker.Event) error { return nil }); err != nil {
		b.Fatal(err)
	}
	const sessions = 1000
	for i := range uint64(sessions) {
		j.Append([]broker.Event{{Kind: broker.EventSession, ClientID: fmt.Sprint("client", i), Incarnation: i + 1, Sequence: 1}}, nil)
	}
	m := &broker.Message{Payload: make([]byte, 16), QoS: 1, From: "publisher", Arrived: time.Now(), Owner: &broker.Identity{ClientID: "publisher"}}
	for i := range uint64(n) {
		m.Topic = fmt.Sprint("a/b/", i)
		err1 := j.Append([]broker.Event{{Kind: broker.EventRetain, Topic: m.Topic, Sequence: i + 1, Message: m}}, nil)
		err2 := j.Append([]broker.Event{{Kind: broker.EventEnqueue, Incarnation: 1 + i%sessions, Sequence: 1 + i/sessions, Message: m, QoS: 1}}, nil)
		if err1 != nil || err2 != nil {
			b.Fatal(err1, err2)
		}
		if i%4096 == 0 { // no faster than the disk
			durable := make(chan error)
			j.Append(nil, func(err error) { durable <- err })
			<-durable
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}
