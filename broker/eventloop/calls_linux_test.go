package eventloop_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"mqtk/broker"
)

// TestBurstCostsFewCalls: of a burst that comes at once, the broker reads and writes
// many messages at a time. 7 calls were measured at QoS 0, and 38 at QoS 1: two for
// each window of max_inflight, and what the publisher's acknowledgements take.
func TestBurstCostsFewCalls(t *testing.T) {
	const burst, window = 1000, 64
	for _, c := range []struct{ qos, most int }{{0, 100}, {1, 200}} {
		t.Run(fmt.Sprint("QoS ", c.qos), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mqtt")
			run(t, broker.Options{Driver: newDriver(t)}, "unix", path)
			sub, pub := rawConnect(t, path, "sub"), rawConnect(t, path, "pub")
			sub.say(encode(t, fmt.Sprintf("SUBSCRIBE packet-id=1 filter=t qos=%d", c.qos)), 6)
			message := encode(t, fmt.Sprintf("PUBLISH topic=t qos=%d packet-id=%d payload=%s", c.qos, c.qos, strings.Repeat("x", 64)))
			size := len(message)
			in := bytes.Repeat(message, burst)
			for i := range burst {
				if c.qos == 1 {
					binary.BigEndian.PutUint16(in[i*size+idInT:], uint16(i+1))
				}
				binary.BigEndian.PutUint16(in[(i+1)*size-2:], uint16(i)) // the end of the payload
			}
			before := calls(t)
			pub.write(in)
			for i := 0; i < burst; {
				got := sub.read(min(window, burst-i) * size)
				for end := size; end <= len(got); end += size {
					if n := binary.BigEndian.Uint16(got[end-2:]); int(n) != i {
						t.Fatalf("message %d came as number %d", n, i)
					}
					i++
				}
				if c.qos == 1 {
					sub.acknowledge(got, size)
				}
			}
			if c.qos == 1 {
				pub.read(4 * burst)
			}
			spent := calls(t) - before - (sub.calls - sub.greeted) - (pub.calls - pub.greeted)
			t.Logf("%d calls", spent)
			if spent >= c.most {
				t.Errorf("%d messages cost %d reads and writes, want fewer than %d", burst, spent, c.most)
			}
		})
	}
}
