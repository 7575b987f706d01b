package broker_test

import (
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A receiver that hesitates once, for longer than it is waited for, loses what
// comes meanwhile. Then it is waited for again, though the flood never lets it
// drain: without that it would lose two of three messages to the end.
func TestHostileHesitation(t *testing.T) {
	inBubble(t, broker.Options{}, func(s *siege) {
		const n, hesitation = 6000, 900 * time.Millisecond
		slow := s.connect("version=3.1.1 clean-start=1 client-id=slow")
		slow.send("SUBSCRIBE packet-id=1 filter=flood/# qos=0")
		slow.expect("SUBACK GrantedQoS0")
		s.patience = 10 * time.Second
		p := s.connect("version=3.1.1 clean-start=1 client-id=p")
		s.work.Go(func() {
			for range n {
				p.put(&mqttwire.Publish{Topic: "flood/a", Payload: make([]byte, kibibyte)})
				nap(time.Millisecond)
			}
		})
		bytes := 0
		got := slow.drain(n, func() {
			if bytes += kibibyte; bytes == 500*kibibyte {
				nap(hesitation)
			}
			if bytes%(16*kibibyte) == 0 { // a third of the flood, five times the pace
				nap(50 * time.Millisecond)
			}
		})
		s.work.Wait()
		if lost := n - got; lost == 0 || lost > 1000 {
			s.Errorf("%d messages were lost, want some of the %v, and of the half second after it", lost, hesitation)
		}
		s.patience = time.Second
	})
}
