package broker_test

import (
	"fmt"
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

// A subscriber that has acknowledged more than its pace and then says nothing for
// a while, as one does that gets no processor, loses nothing: the publishers wait.
// One that stops for good holds them up once, for as long.
func TestHostileTrust(t *testing.T) {
	for _, version := range []string{"3.1.1", "5"} {
		for _, stops := range []time.Duration{1900 * time.Millisecond, time.Hour} {
			t.Run(fmt.Sprintf("%s, %v", version, stops), func(t *testing.T) {
				inBubble(t, broker.Options{}, func(s *siege) { falterer(s, version, stops) })
			})
		}
	}
}

func falterer(s *siege, version string, stops time.Duration) {
	const publishers, each, size = 10, 800, 300
	s.patience = time.Minute
	g := s.connect("version=5 client-id=g session-expiry-interval=60")
	g.send("SUBSCRIBE packet-id=1 filter=flood/# qos=1")
	g.expect("SUBACK GrantedQoS1")
	start := time.Now()
	for i := range publishers {
		p := s.connect(fmt.Sprintf("version=%s clean-start=1 client-id=p-%d", version, i))
		s.work.Go(func() { p.flood("flood/a", 1, each, size, 200) })
	}
	most := publishers * each
	if stops == time.Hour {
		most = 2000
	}
	n := 0
	got := g.drain(most, func() {
		if n++; n%64 == 0 {
			nap(10 * time.Millisecond) // sixty times the pace
		}
		if n == 2000 && stops < time.Hour {
			nap(stops)
		}
	})
	if got != most {
		s.Errorf("%d messages came of %d", got, most)
	}
	s.work.Wait()
	if took := time.Since(start); stops == time.Hour && took > 2800*time.Millisecond {
		s.Errorf("a subscriber that stopped held its publishers up: the flood took %v", took)
	}
	s.patience = time.Second
}
