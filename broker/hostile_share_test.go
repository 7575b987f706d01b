package broker_test

import (
	"fmt"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// Publishers to a share whose members are all slow, and keep their pace, wait
// as they do for a plain subscriber: nothing is lost.
func TestHostileFanInToShare(t *testing.T) {
	for _, qos := range []mqttwire.QoS{0, 1} {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			inBubble(t, broker.Options{}, func(s *siege) {
				const publishers, each, size = 10, 500, kibibyte
				slow := s.connect("version=5 client-id=slow session-expiry-interval=60")
				slow.send("SUBSCRIBE packet-id=1 filter=$share/g/flood/# qos=1")
				slow.expect("SUBACK GrantedQoS1")
				s.patience = time.Minute
				for i := range publishers {
					p := s.connect(fmt.Sprintf("version=5 clean-start=1 client-id=p-%d", i))
					s.work.Go(func() { p.flood("flood/a", qos, each, size, 100) })
				}
				bytes := 0
				got := slow.drain(publishers*each, func() {
					if bytes += size; bytes >= 16*kibibyte { // four times the pace
						bytes = 0
						time.Sleep(50 * time.Millisecond)
					}
				})
				if got != publishers*each {
					s.Errorf("%d messages came of %d", got, publishers*each)
				}
				s.work.Wait()
				s.patience = time.Second
			})
		})
	}
}
