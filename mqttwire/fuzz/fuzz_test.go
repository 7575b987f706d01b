package fuzz_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
	"mqtk/mqttwire/fuzz"
)

// faulty are brokers that break, each at something that a case does now and
// then and the healthy pair never, and how little of a case shows it.
func faulty() []struct {
	name    string
	fault   fault
	verdict fuzz.Verdict
	steps   int
	holds   string // in a line of the script
} {
	return []struct {
		name    string
		fault   fault
		verdict fuzz.Verdict
		steps   int
		holds   string
	}{
		{"crash on a shared subscription", func(_ *broken, p mqttwire.Packet, _ []byte) effect {
			if s, ok := p.(*mqttwire.Subscribe); ok && strings.HasPrefix(s.Subscriptions[0].Filter, "$share") {
				return crash
			}
			return fine
		}, fuzz.Crash, 2, "SUBSCRIBE packet-id=1 filter=$share"},
		{"crash on bytes that are no packet", func(_ *broken, p mqttwire.Packet, raw []byte) effect {
			if p == nil && raw[0]&0xf6 == 0x36 {
				return crash
			}
			return fine
		}, fuzz.Crash, 1, "hex=3"},
		{"hang on a session that is kept", func(_ *broken, p mqttwire.Packet, _ []byte) effect {
			if c, ok := p.(*mqttwire.Connect); ok && !c.CleanStart {
				return hang
			}
			return fine
		}, fuzz.Hang, 1, "CONNECT version=5 client-id="},
		{"a CONNACK too many", func(_ *broken, p mqttwire.Packet, _ []byte) effect {
			if m, ok := p.(*mqttwire.Publish); ok && m.Retain && m.QoS == 1 {
				return answer
			}
			return fine
		}, fuzz.RuleBreak, 2, "PUBLISH"},
		{"no close at bad flags", func(_ *broken, p mqttwire.Packet, raw []byte) effect {
			if t := raw[0] >> 4; p == nil && (t == byte(mqttwire.SUBSCRIBE) || t == byte(mqttwire.PUBREL)) && raw[0]&15 != 2 {
				return eat
			}
			return fine
		}, fuzz.RuleBreak, 2, "< EOF"},
		{"all connections closed by a DISCONNECT with a will", func(_ *broken, p mqttwire.Packet, _ []byte) effect {
			if d, ok := p.(*mqttwire.Disconnect); ok && d.Reason == mqttwire.DisconnectWithWill {
				return evict
			}
			return fine
		}, fuzz.Disturbance, 2, "DISCONNECT DisconnectWithWill"},
		{"messages of others eaten after an empty payload", eater(), fuzz.Disturbance, 2, "PUBLISH"},
	}
}

// eater swallows messages of QoS 1 after a client of a case published an
// empty one.
func eater() fault {
	hungry := 0
	return func(b *broken, p mqttwire.Packet, _ []byte) effect {
		m, ok := p.(*mqttwire.Publish)
		switch {
		case !ok:
		case len(m.Payload) == 0:
			hungry = b.starts
		case hungry == b.starts && strings.Contains(m.Topic, "healthy") && m.QoS == 0:
			return eat
		}
		return fine
	}
}

func TestFaultsAreFound(t *testing.T) {
	for _, test := range faulty() {
		t.Run(test.name, func(t *testing.T) {
			s := hunts(t, test.fault, fuzz.Options{Seed: 7, Count: 300})
			if len(s.Findings) == 0 {
				t.Fatalf("nothing was found in %d cases", s.Cases)
			}
			f := s.Findings[0]
			if f.Verdict != test.verdict {
				t.Errorf("%s (%s), want %s", f.Verdict, f.Text, test.verdict)
			}
			if !f.Again || len(f.Case.Steps) > test.steps || f.Before > 0 {
				t.Errorf("of %d steps %d are left, again %t, with %d cases before", f.Steps, len(f.Case.Steps), f.Again, f.Before)
			}
			if !f.Shows {
				t.Error("the script alone does not show it")
			}
			if !strings.Contains(f.Script, test.holds) {
				t.Errorf("the script does not hold %s", test.holds)
			}
			if t.Failed() {
				t.Log("\n" + f.Script)
			}
		})
	}
}

// TestSameSeedSameFinding: what is found, and what is left of it, depends on
// nothing but the seed.
func TestSameSeedSameFinding(t *testing.T) {
	fault := faulty()[0].fault
	o := fuzz.Options{Seed: 11, Count: 100}
	a, b := hunts(t, fault, o), hunts(t, fault, o)
	if len(a.Findings) == 0 || len(b.Findings) != len(a.Findings) || a.Findings[0].Script != b.Findings[0].Script {
		t.Errorf("%d and %d findings, or other scripts", len(a.Findings), len(b.Findings))
	}
}

// TestNothingIsFound: a right broker is told nothing.
func TestNothingIsFound(t *testing.T) {
	count := 1000
	if testing.Short() {
		count = 200
	}
	s := hunts(t, nil, fuzz.Options{Seed: 3, Count: count})
	if s.Cases != count || s.Stopped != "" {
		t.Errorf("%d cases were played: %s", s.Cases, s.Stopped)
	}
	for _, f := range s.Findings {
		t.Errorf("%s: %s [%s]\n%s", f.Verdict, f.Text, f.Clause, f.Script)
	}
}

// TestCasesAreScripts: every step is a line that package conformance reads,
// and the bytes are the same.
func TestCasesAreScripts(t *testing.T) {
	kinds := make(map[mqttwire.PacketType]int)
	whole, broken := 0, 0
	for _, v := range []mqttwire.Version{mqttwire.V31, mqttwire.V311, mqttwire.V5} {
		for n := range 400 {
			c := fuzz.Generate(1, n, v)
			script := "=== case\n# " + v.String() + ":\n"
			for i := range c.Steps {
				script += c.Steps[i].String() + "\n"
				if c.Steps[i].Text != "" {
					whole++
				} else if c.Steps[i].Op <= fuzz.Hold && c.Steps[i].Raw != nil {
					broken++
					kinds[mqttwire.PacketType(c.Steps[i].Raw[0]>>4)]++
				}
			}
			parsed, err := conformance.Parse("case", script)
			if err != nil || len(parsed) != 1 || parsed[0].Version != v {
				t.Fatalf("case %d of %s: %v\n%s", n, v, err, script)
			}
			again := fuzz.Generate(1, n, v)
			for i := range c.Steps {
				if c.Steps[i].String() != again.Steps[i].String() {
					t.Fatalf("case %d of %s differs when it is made up again", n, v)
				}
			}
		}
	}
	if whole < 5000 || broken < 2000 || len(kinds) < 15 {
		t.Errorf("%d packets in words, %d in bytes, of %d types: this is no mixture", whole, broken, len(kinds))
	}
}

// TestBytesSurviveAsText: what is written behind hex= is read back as it was.
func TestBytesSurviveAsText(t *testing.T) {
	for n := range 300 {
		c := fuzz.Generate(2, n, mqttwire.V5)
		for i := range c.Steps {
			s := &c.Steps[i]
			if s.Op > fuzz.Hold || s.Text != "" {
				continue
			}
			var got bytes.Buffer
			conn := recorder{&got}
			scripts, err := conformance.Parse("step", s.String()+"\n1< anything 1ms")
			if err != nil {
				t.Fatal(err)
			}
			conformance.Run(context.Background(), scripts[0], conn.dial, conformance.Options{})
			if want := s.Raw; s.Op == fuzz.Send && !bytes.Equal(got.Bytes(), want) {
				t.Fatalf("%s: sent %x, want %x", s, got.Bytes(), want)
			}
		}
	}
}

// TestOnceIsNoFinding: a rule that is broken once and never again is told as
// something else than a finding.
func TestOnceIsNoFinding(t *testing.T) {
	broke := false
	s := hunts(t, func(_ *broken, p mqttwire.Packet, _ []byte) effect {
		if m, ok := p.(*mqttwire.Publish); ok && m.Retain && !broke {
			broke = true
			return answer
		}
		return fine
	}, fuzz.Options{Seed: 4, Count: 60})
	if len(s.Findings) != 0 || len(s.Doubtful) != 1 || s.Doubtful[0].Verdict != fuzz.RuleBreak {
		t.Errorf("%d findings, %d doubtful", len(s.Findings), len(s.Doubtful))
	}
}

// TestBrokerStaysAway: without a process to start, the end of the broker is
// the end of the run.
func TestBrokerStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broken{t: t, fault: faulty()[0].fault}
		_ = b.Restart(t.Context())
		var told []*fuzz.Finding
		s, err := fuzz.Run(t.Context(), fuzz.Options{Dial: b.dial, Seed: 7, Count: 300, Found: func(f *fuzz.Finding) { told = append(told, f) }})
		if err != nil || s.Stopped == "" || len(s.Findings) != 1 || len(told) != 1 {
			t.Fatalf("%v: stopped %q, %d findings, %d told", err, s.Stopped, len(s.Findings), len(told))
		}
		f := s.Findings[0]
		if f.Verdict != fuzz.Crash || f.Again || len(f.Case.Steps) != f.Steps || !strings.Contains(f.Script, "It came once") {
			t.Errorf("%s, again %t, %d of %d steps\n%s", f.Verdict, f.Again, len(f.Case.Steps), f.Steps, f.Script)
		}
		b.stop()
	})
}

// TestNobodyIsLeft: after a run on a broker that is not its own neither
// retained messages nor sessions are left, also when it was broken off.
func TestNobodyIsLeft(t *testing.T) {
	for _, brokenOff := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := &broken{t: t}
			_ = b.Restart(t.Context())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			most := 0
			o := fuzz.Options{Dial: b.dial, Seed: 6, Count: 120, Progress: func(p fuzz.Progress) {
				most = max(most, b.leftovers(t, "fz6/#"))
				if p.Cases == 40 && brokenOff {
					cancel()
				}
			}}
			if _, err := fuzz.Run(ctx, o); err != nil {
				t.Error(err)
			}
			if left := b.leftovers(t, "#"); left != 0 || most == 0 {
				t.Errorf("%d retained messages are left of %d, broken off: %t", left, most, brokenOff)
			}
			b.stop()
		})
	}
}

// TestLowerQoS: a broker that announces a lower Maximum QoS, and grants it, is
// told nothing.
func TestLowerQoS(t *testing.T) {
	for qos := range mqttwire.QoS(2) {
		synctest.Test(t, func(t *testing.T) {
			b := &broken{t: t, maximumQoS: &qos}
			s, err := fuzz.Run(t.Context(), fuzz.Options{Dial: b.dial, Process: b, Seed: 9, Count: 60})
			if err != nil || s.Cases != 60 || len(s.Findings)+len(s.Doubtful) > 0 {
				t.Errorf("Maximum QoS %d: %v, %+v", qos, err, s)
			}
			b.stop()
		})
	}
}

// TestTimeIsOfPlaying: making a finding smaller takes nothing of the time.
func TestTimeIsOfPlaying(t *testing.T) {
	silent := func(_ *broken, p mqttwire.Packet, _ []byte) effect {
		if c, ok := p.(*mqttwire.Connect); ok && !c.CleanStart {
			return hang
		}
		return fine
	}
	s := hunts(t, silent, fuzz.Options{Seed: 7, Time: 20 * time.Second, Patience: 4 * time.Second, Shrink: time.Minute})
	if s.Elapsed < 40*time.Second || s.Cases < 2 {
		t.Errorf("%d cases in %s", s.Cases, s.Elapsed)
	}
}

// TestCrashOnTheWay: a broker that crashes while another finding is made
// smaller has crashed, and is not only gone.
func TestCrashOnTheWay(t *testing.T) {
	for _, ours := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			told := false
			b := &broken{t: t, fault: func(b *broken, p mqttwire.Packet, _ []byte) effect {
				m, ok := p.(*mqttwire.Publish)
				switch {
				case !ok || !m.Retain:
				case told:
					return crash
				default:
					told = true
					return answer
				}
				return fine
			}}
			o := fuzz.Options{Dial: b.dial, Seed: 4, Count: 60}
			if ours {
				o.Process = b
			} else if err := b.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			s, err := fuzz.Run(t.Context(), o)
			if err != nil || len(s.Findings) != 1 || s.Findings[0].Verdict != fuzz.Crash || s.Findings[0].Again != ours {
				t.Errorf("a broker of ours: %t: %v, %+v", ours, err, s)
			}
			if took := time.Since(begun); !ours && (s.Stopped == "" || took > time.Minute) {
				t.Errorf("stopped %q, after %s", s.Stopped, took)
			}
			b.stop()
		})
	}
}
