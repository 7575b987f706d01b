package bench

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// TestHostile has bytes come that no broker sends. Whatever they are, the run
// ends in time, without much memory, and says what happened.
func TestHostile(t *testing.T) {
	flood := func(b ...byte) func(io.Writer) { return hostileFlood(nil, 200, b...) }
	for name, hostile := range map[string]func(io.Writer){
		"packet type 0":              hostileBytes(0, 0),
		"QoS 3":                      hostileBytes(0x36, 7, 0, 1, 't', 0, 1, 0, 'x'),
		"a length without end":       hostileBytes(0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF),
		"an endless packet":          hostileFlood([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, 't', 0}, 1<<20, 'x'),
		"a PUBLISH that ends early":  hostileBytes(0x30, 2, 0, 9),
		"a topic with a wildcard":    hostileBytes(0x30, 4, 0, 1, '#', 0),
		"QoS 1 with packet id 0":     hostileBytes(0x32, 6, 0, 1, 't', 0, 0, 0),
		"CONNACK again":              hostileBytes(0x20, 3, 0, 0, 0),
		"CONNECT":                    hostileBytes(0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 0),
		"SUBACK of nothing":          hostileBytes(0x90, 4, 0x77, 0x77, 0, 0),
		"SUBACK with many reasons":   hostileBytes(0x90, 8, 0, 1, 0, 0, 0, 0, 0, 0),
		"SUBACK with an odd reason":  hostileBytes(0x90, 4, 0, 1, 0, 0x11),
		"PUBACK of nothing":          hostileBytes(0x40, 2, 0x77, 0x77),
		"PUBREC of nothing":          hostileBytes(0x50, 2, 0x77, 0x77),
		"PUBCOMP of nothing":         hostileBytes(0x70, 2, 0x77, 0x77),
		"PUBREL of nothing":          hostileBytes(0x62, 2, 0x77, 0x77),
		"DISCONNECT":                 hostileBytes(0xE0, 1, 0x8B),
		"AUTH":                       hostileBytes(0xF0, 0),
		"UNSUBACK":                   hostileBytes(0xB0, 4, 0, 1, 0, 0),
		"PINGREQ":                    hostileBytes(0xC0, 0),
		"HTTP":                       hostileBytes([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")...),
		"a flood of PINGRESP":        flood(0xD0, 0),
		"a flood of PUBREL":          flood(0x62, 2, 0x77, 0x77),
		"a flood of PUBREC":          flood(0x50, 2, 0x77, 0x77),
		"a flood of QoS 0":           flood(0x30, 6, 0, 1, 't', 0, 'h', 'i'),
		"a flood of empty payloads":  flood(0x30, 4, 0, 1, 't', 0),
		"a flood of properties":      flood(0x30, 12, 0, 1, 't', 8, 0x26, 0, 1, 'a', 0, 2, 'b', 'c'),
		"a flood of unknown aliases": flood(0x30, 6, 0, 0, 3, 0x23, 0, 9),
		"QoS 2 with ids without end": manyQoS2,
		"one half of a packet":       hostileBytes(0x30, 100, 0, 1, 't', 0),
	} {
		before := heap()
		for _, victim := range []string{"-p", "-s"} {
			for _, after := range []int{0, 50} {
				if after == 0 && victim == "-p" && testing.Short() {
					continue
				}
				f := testFaults{hostile: hostile, hostileTo: victim, hostileAfter: after}
				p := Plan{Publishers: 1, Subscribers: 1, QoS: 2, Version: mqttwire.V5, Rate: 100, Duration: time.Second, Warmup: -1}
				what := fmt.Sprintf("%s to %s after %d", name, victim, after)
				runIn(t, f, p, func(t *testing.T, b *testBroker, r *Result, err error) {
					if grown := heap() - before; grown > 20<<20 {
						t.Errorf("%s: %d bytes more", what, grown)
					}
					if d := time.Since(b.start); d > 45*time.Second {
						t.Errorf("%s: it took %v", what, d)
					}
					saysWhat(t, what, r, err)
				})
			}
		}
	}
}

// saysWhat fails the test unless an error or a failure is a sentence, if
// anything is wrong at all.
func saysWhat(t *testing.T, what string, r *Result, err error) {
	t.Helper()
	text := fmt.Sprint(err)
	if err == nil {
		wrong := r.Connections.Lost > 0 || r.Counts.Lost > 0 || r.Counts.Unacknowledged > 0
		if wrong != (len(r.Failures) > 0) && r.Plan.QoS > 0 {
			t.Errorf("%s: %+v, %+v, and failures %v", what, r.Connections, r.Counts, r.Failures)
		}
		if !wrong {
			return
		}
		text = fmt.Sprint(r.Failures)
	}
	t.Logf("%s: %s", what, text)
	if strings.Count(text, " ") < 3 || strings.Contains(text, "%!") || strings.Contains(text, "<nil>") {
		t.Errorf("%s: no sentence: %s", what, text)
	}
}

// manyQoS2 sends QoS 2 messages with new ids and never a PUBREL.
func manyQoS2(w io.Writer) {
	var err error
	for id := 1; err == nil; id = id%65535 + 1 {
		if id%100 == 0 {
			<-time.After(time.Millisecond)
		}
		_, err = w.Write([]byte{0x34, 6, 0, 1, 't', byte(id >> 8), byte(id), 0})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestForeignMessages has somebody else publish to the topics of the run for
// ever: that is counted, and holds up nothing.
func TestForeignMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{forget: 100})
		defer b.close()
		other, stop := testClient(t, b.target(), mqttwire.Connect{ClientID: "other", CleanStart: true}, nil), make(chan struct{})
		go func() {
			for n := 0; ; n++ {
				payload := [][]byte{nil, []byte("hello"), make([]byte, 16), make([]byte, 64), numbered(1<<23, n)}[n%5]
				_ = other.Publish(t.Context(), &mqttwire.Publish{Topic: "here/0", Payload: payload}, nil)
				_ = other.Flush(t.Context())
				select {
				case <-time.After(50 * time.Millisecond):
				case <-stop:
					return
				}
			}
		}()
		p := Plan{Publishers: 1, Subscribers: 1, QoS: 1, Topic: "here/%i", Rate: 100, Duration: 2 * time.Second, Target: b.target()}
		r, err := Run(t.Context(), p)
		close(stop)
		other.Close()
		if wantResult(t, b, r, err); r.Counts.Foreign < 40 || r.Counts.Sent != 200 || r.Counts.Lost < 1 {
			t.Errorf("%+v", r.Counts)
		}
		if d := time.Since(b.start); d > 12*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

// TestSevered has connections end in the middle of a run: it goes on with the
// rest, and ends when none is left.
func TestSevered(t *testing.T) {
	for name, test := range map[string]struct {
		pick func(id string) bool
		lost int
		ends time.Duration // after the cut, at the latest
	}{
		"one publisher":  {func(id string) bool { return strings.HasSuffix(id, "-p0") }, 1, 15 * time.Second},
		"one subscriber": {func(id string) bool { return strings.HasSuffix(id, "-s3") }, 1, 15 * time.Second},
		"all publishers": {func(id string) bool { return strings.Contains(id, "-p") }, 3, 7 * time.Second},
		"everybody":      {func(string) bool { return true }, 6, 10 * time.Millisecond},
	} {
		for _, rate := range []float64{0, 300} {
			synctest.Test(t, func(t *testing.T) {
				b := newTestBroker(t, testFaults{delay: time.Millisecond})
				defer b.close()
				var cut time.Time
				time.AfterFunc(3*time.Second, func() {
					cut = time.Now()
					if n := b.sever(test.pick); n != test.lost {
						t.Errorf("%s: cut %d", name, n)
					}
				})
				p := Plan{Publishers: 3, Subscribers: 3, QoS: 1, Rate: rate, Outstanding: 5, Duration: 6 * time.Second, Target: b.target()}
				r, err := Run(t.Context(), p)
				took := time.Since(cut)
				wantResult(t, b, r, err)
				if r.Connections.Lost != test.lost || !hasFailure(r, LostConnection) || hasFailure(r, BadSum) {
					t.Errorf("%s at rate %g: %+v, %v", name, rate, r.Connections, r.Failures)
				}
				if took > test.ends {
					t.Errorf("%s at rate %g: ended %v after the cut", name, rate, took)
				}
				if r.Counts.Sent == 0 || r.Counts.Delivered == 0 {
					t.Errorf("%s at rate %g: %+v", name, rate, r.Counts)
				}
			})
		}
	}
}

// TestRefused has the broker refuse, or say nothing at all.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		faults testFaults
		want   string        // in the error
		within time.Duration // it is said
	}{
		"nobody there":           {testFaults{unreachable: true}, "mem", time.Second},
		"CONNECT":                {testFaults{refuseConnect: mqttwire.NotAuthorized}, "not authorized", time.Second},
		"CONNECT of the third":   {testFaults{refuseConnect: mqttwire.ServerUnavailable, refuseAfter: 2}, "unavailable", time.Second},
		"SUBSCRIBE":              {testFaults{refuseSubscribe: mqttwire.NotAuthorized}, "subscribe mqtk/", time.Second},
		"no answer to CONNECT":   {testFaults{mute: mqttwire.CONNECT}, "CONNACK", 31 * time.Second},
		"no answer to SUBSCRIBE": {testFaults{mute: mqttwire.SUBSCRIBE}, "SUBACK", 31 * time.Second},
	} {
		for _, v := range []mqttwire.Version{mqttwire.V311, mqttwire.V5} {
			p := Plan{Publishers: 3, Subscribers: 3, QoS: 1, Version: v, Rate: 100, Duration: time.Second}
			runIn(t, test.faults, p, func(t *testing.T, b *testBroker, r *Result, err error) {
				took := time.Since(b.start)
				if saysWhat(t, name, r, err); took > test.within+time.Second {
					t.Errorf("%s: said after %v", name, took)
				}
				if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(test.want)) {
					t.Errorf("%s: %v does not say %s", name, err, test.want)
				}
			})
		}
	}
}

// TestRefusedMessages has single messages refused: they are counted, and not
// expected anywhere.
func TestRefusedMessages(t *testing.T) {
	for q := mqttwire.QoS(1); q < 3; q++ {
		for _, each := range []int64{0, 10} {
			f := testFaults{refusePublish: mqttwire.NotAuthorized, refuseEach: each}
			runIn(t, f, Plan{Publishers: 2, Subscribers: 2, QoS: q, Version: mqttwire.V5, Messages: 1000}, func(t *testing.T, b *testBroker, r *Result, err error) {
				wantResult(t, b, r, err)
				if booked(r.Counts) != b.counts(measured) || r.Counts.Refused < 99 || !hasFailure(r, NotAllowed) || hasFailure(r, BrokenPromise) {
					t.Errorf("QoS %d, one in %d: %+v, %v; the broker has %+v", q, each, r.Counts, r.Failures, b.counts(measured))
				}
			})
		}
	}
}

// TestStrayAcks has a broker acknowledge some messages twice: whoever sends goes
// on, as the standard has it, and it is told.
func TestStrayAcks(t *testing.T) {
	for _, v := range []mqttwire.Version{mqttwire.V311, mqttwire.V5} {
		for q := mqttwire.QoS(1); q < 3; q++ {
			p := Plan{Publishers: 2, Subscribers: 2, QoS: q, Version: v, Messages: 3000, Warmup: -1}
			runIn(t, testFaults{again: 100}, p, func(t *testing.T, b *testBroker, r *Result, err error) {
				wantResult(t, b, r, err)
				books := b.report()
				if c := r.Counts; c.StrayAcks != books.repeated || books.repeated != 30 || c.Acknowledged != 3000 || c.Delivered != 3000 || len(r.Failures) > 0 || r.Connections.Lost > 0 {
					t.Errorf("%v, QoS %d: %+v, %v; the broker has repeated %d", v, q, c, r.Failures, books.repeated)
				}
				if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "30 acknowledgements came that no message awaited") {
					t.Errorf("%v, QoS %d: %q", v, q, notes)
				}
			})
		}
	}
}

// TestUnanswered has messages that are never acknowledged: the run ends, and
// they are counted.
func TestUnanswered(t *testing.T) {
	for name, f := range map[string]testFaults{
		"no answer to PUBLISH": {mute: mqttwire.PUBLISH},
		"swallowed":            {swallow: 10},
		"another's id":         {stray: 10},
	} {
		for q := mqttwire.QoS(1); q < 3; q++ {
			for _, shape := range []Shape{Pairs, PubOnly} {
				p := Plan{Shape: shape, Publishers: 2, QoS: q, Messages: 1000, Warmup: -1}
				if shape.receives() {
					p.Subscribers = 2
				}
				runIn(t, f, p, func(t *testing.T, b *testBroker, r *Result, err error) {
					wantResult(t, b, r, err)
					if !hasFailure(r, BrokenPromise) || r.Counts.Unacknowledged == 0 {
						t.Errorf("%s at QoS %d: %+v, %v", name, q, r.Counts, r.Failures)
					}
					if took := time.Since(b.start); took > 12*time.Second {
						t.Errorf("%s at QoS %d: it took %v", name, q, took)
					}
				})
			}
		}
	}
}

// TestForged has headers come that say something else: what is counted may be
// wrong then, but not without a word, and the totals still add up.
func TestForged(t *testing.T) {
	for at := range HeaderSize {
		for _, shape := range []Shape{Pairs, FanIn, Shared}[at%3 : at%3+1] {
			p := Plan{Patience: time.Second, Shape: shape, Publishers: 2, Subscribers: map[Shape]int{FanIn: 1}[shape], QoS: 1, Version: mqttwire.V5, Messages: 500, Warmup: -1}
			runIn(t, testFaults{forge: 100, forgeAt: at}, p, func(t *testing.T, b *testBroker, r *Result, err error) {
				wantResult(t, b, r, err)
				c := r.Counts
				if c.Sent != 500 || c.Delivered > c.Expected || c.Lost < 0 || at < 10 && len(r.Failures) == 0 {
					t.Errorf("%s, byte %d: %+v, %v", shape, at, c, r.Failures)
				}
				if seen := c.Delivered + c.Duplicated + c.Foreign + c.Corrupted; seen < 500 || c.Delivered > 500 {
					t.Errorf("%s, byte %d: %+v, which are not the 500 that came", shape, at, c)
				}
			})
		}
	}
}
