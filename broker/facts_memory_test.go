package broker_test

import (
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// The limit of these tests is 64 MiB: the levels begin at 24, 28, 36 and 40.
const (
	heldSpilling = 25 * mebibyte
	heldSlowing  = 30 * mebibyte
	heldRefusing = 37 * mebibyte
	heldClosing  = 45 * mebibyte
)

func shortOfMemory(t *testing.T, attack func(s *siege)) {
	inBubble(t, broker.Options{Limits: limits(t, "memory_limit", "64MiB")}, attack)
}

// New clients are refused while memory is short, and let in again when it has eased.
func TestMemoryRefusesConnect(t *testing.T) {
	shortOfMemory(t, func(s *siege) {
		s.broker.MemoryHeld(heldSlowing)
		s.connect("version=5 client-id=before")
		s.broker.MemoryHeld(heldRefusing)
		old := s.ask("version=3.1.1 clean-start=1 client-id=old")
		old.expect("CONNACK ServerUnavailable")
		young := s.ask("version=5 client-id=young")
		if p, ok := young.next().(*mqttwire.Connack); !ok || p.Reason != mqttwire.ServerUnavailable {
			s.Errorf("5.0: %v", p)
		}
		s.broker.MemoryHeld(35 * mebibyte) // not low enough for a change
		s.ask("version=3.1.1 clean-start=1 client-id=old").expect("CONNACK ServerUnavailable")
		s.broker.MemoryHeld(31 * mebibyte)
		s.connect("version=3.1.1 clean-start=1 client-id=old")
	})
}

// A publisher that sends much is read at 64 KiB a second; who sends little is
// read as ever.
func TestMemorySlowsFastPublishers(t *testing.T) {
	shortOfMemory(t, func(s *siege) {
		flood := func(version string) time.Duration {
			s.patience = time.Minute
			defer func() { s.patience = time.Second }()
			g := s.connect("version=" + version + " clean-start=1 client-id=fast")
			start := time.Now()
			g.flood("nobody/reads", 1, 400, kibibyte, 100)
			return time.Since(start)
		}
		for _, version := range []string{"3.1.1", "5"} {
			if took := flood(version); took > 100*time.Millisecond {
				s.Errorf("%s: %v before", version, took)
			}
			s.broker.MemoryHeld(heldSlowing)
			if took := flood(version); took < 4*time.Second || took > 8*time.Second {
				s.Errorf("%s: 400 KiB took %v, want it at 64 KiB a second", version, took)
			}
			start := time.Now()
			s.others()
			if took := time.Since(start); took > 10*time.Millisecond {
				s.Errorf("%s: others waited for %v", version, took)
			}
			s.broker.MemoryHeld(20 * mebibyte)
			if took := flood(version); took > 100*time.Millisecond {
				s.Errorf("%s: %v after", version, took)
			}
		}
	})
}

// The consumers of QoS 0 that have stopped reading are closed, the fullest first,
// and no more of them than it takes.
func TestMemoryClosesTheSlowest(t *testing.T) {
	shortOfMemory(t, func(s *siege) {
		for _, id := range []string{"stopped-1", "stopped-2"} {
			g := s.connect("version=5 client-id=" + id)
			g.send("SUBSCRIBE packet-id=1 filter=flood/# qos=0")
			g.expect("SUBACK GrantedQoS0")
		}
		reader := s.connect("version=5 client-id=reader")
		reader.send("SUBSCRIBE packet-id=1 filter=flood/# qos=0")
		reader.expect("SUBACK GrantedQoS0")
		p := s.connect("version=5 client-id=p")
		s.patience = 10 * time.Second
		s.work.Go(func() { p.flood("flood/a", 0, 1000, kibibyte, 1) })
		reader.drain(1000, atOnce)
		s.work.Wait()
		s.patience = time.Second
		nap(time.Second)
		before := s.broker.Tally().Live
		s.broker.MemoryHeld(heldRefusing)
		nap(3 * time.Second)
		if n := s.broker.Tally().Live; n != before {
			s.Errorf("%d connected of %d before it is time", n, before)
		}
		s.broker.MemoryHeld(40 * mebibyte)
		nap(3 * time.Second)
		if n := s.broker.Tally().Live; n != before-2 {
			s.Errorf("%d connected of %d, want the two that stopped gone", n, before)
		}
		s.broker.MemoryHeld(0)
		s.others()
	})
}
