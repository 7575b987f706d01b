package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// carryOut runs a plan against a broker in memory, under the clock of a bubble.
func carryOut(t *testing.T, faults testFaults, p Plan) (r *Result, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, faults)
		p.Target = b.target()
		r, err = Run(t.Context(), p)
		b.close()
	})
	return r, err
}

// counts says what must be so in a run without faults.
func checkCounts(t *testing.T, r *Result, sent, fan int64) {
	t.Helper()
	c := r.Counts
	want := Counts{
		Sent: sent, Acknowledged: sent, Expected: sent * fan, Delivered: sent * fan,
		BytesSent: c.BytesSent, BytesReceived: c.BytesSent * fan,
	}
	if c != want {
		t.Errorf("counted\n%+v, want\n%+v", c, want)
	}
	if len(r.Failures) > 0 {
		t.Errorf("failures: %v", r.Failures)
	}
	if n := r.Latency.Count(); n != c.Delivered {
		t.Errorf("%d latencies for %d deliveries", n, c.Delivered)
	}
	points := int64(0)
	for _, p := range r.Series {
		points += p.Delivered
	}
	if points != c.Delivered {
		t.Errorf("the points of the series sum up to %d deliveries of %d: %+v", points, c.Delivered, r.Series)
	}
}

func TestTrafficOfAllKinds(t *testing.T) {
	for _, shape := range []Shape{Pairs, FanIn, FanOut, Shared} {
		for _, v := range []mqttwire.Version{mqttwire.V31, mqttwire.V311, mqttwire.V5} {
			if shape == Shared && v != mqttwire.V5 {
				continue
			}
			for q := range mqttwire.QoS(3) {
				t.Run(fmt.Sprintf("%s/%v/QoS%d", shape, v, q), func(t *testing.T) {
					p := Plan{Shape: shape, Version: v, QoS: q, Messages: 500, Warmup: 20 * time.Millisecond, Workers: 2, Outstanding: 50, Window: 20, SizeMin: 16, SizeMax: 200}
					fan := int64(1)
					switch shape {
					case FanIn:
						p.Publishers = 3
					case FanOut:
						p.Subscribers, fan = 3, 3
					default:
						p.Publishers, p.Subscribers = 3, 3
					}
					r, err := carryOut(t, testFaults{delay: time.Millisecond}, p)
					if err != nil {
						t.Fatal(err)
					}
					checkCounts(t, r, 500, fan)
				})
			}
		}
	}
}

// TestTrafficByPlan: an open loop sends what is planned, when it is planned.
func TestTrafficByPlan(t *testing.T) {
	for q := range mqttwire.QoS(3) {
		r, err := carryOut(t, testFaults{delay: 3 * time.Millisecond}, Plan{
			Publishers: 3, Subscribers: 3, QoS: q, Rate: 1000, Duration: 2 * time.Second, Workers: 2,
		})
		if err != nil {
			t.Fatal(err)
		}
		checkCounts(t, r, 2000, 1)
		if r.Seconds < 1.9 || r.Seconds > 2.1 {
			t.Errorf("2000 messages at 1000/s took %v s", r.Seconds)
		}
		if p50 := r.Latency.Quantile(.5); p50 < 3*time.Millisecond || p50 > 5*time.Millisecond {
			t.Errorf("QoS %d: latency %v, of a broker that takes 3 ms", q, p50)
		}
		if g := r.Generator; g.Lag == nil || g.Lag.Max() > time.Millisecond || g.Limited {
			t.Errorf("the generator: %+v", g)
		}
	}
}

// TestTrafficAfterRamp: in the ramp half as much is sent as without it.
func TestTrafficAfterRamp(t *testing.T) {
	r, err := carryOut(t, testFaults{}, Plan{
		Publishers: 2, Subscribers: 2, Rate: 1000, Duration: 3 * time.Second, Ramp: 2 * time.Second, Workers: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	checkCounts(t, r, 2000, 1)
}

// TestTrafficEndsEarly: whoever interrupts gets what was measured until then.
func TestTrafficEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{delay: time.Millisecond})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		r, err := Run(ctx, Plan{Publishers: 1, Subscribers: 1, Rate: 100, Duration: time.Hour, Workers: 1, Target: b.target()})
		if err != nil {
			t.Fatal(err)
		}
		if r.Counts.Sent < 180 || r.Counts.Sent > 220 || len(r.Failures) > 0 {
			t.Errorf("after 2 s of 100/s: %+v", r)
		}
		checkCounts(t, r, r.Counts.Sent, 1)
		b.close()
	})
}

// TestTrafficDoesNotTakePlace: what keeps a run from beginning is an error of the
// kind that says why.
func TestTrafficDoesNotTakePlace(t *testing.T) {
	plan := Plan{Publishers: 2, Subscribers: 2, QoS: 2, Workers: 1}
	grant := func(id mqttwire.PropertyID, n uint32) testFaults {
		return testFaults{grants: mqttwire.Properties{}.AddNumber(id, n)}
	}
	retain, shared := plan, plan
	retain.Retain, shared.Shape = true, Shared
	for _, test := range []struct {
		name   string
		faults testFaults
		plan   Plan
		as     any
	}{
		{"refused", testFaults{refuseConnect: mqttwire.NotAuthorized}, plan, new(*client.RefusedError)},
		{"refused later", testFaults{refuseConnect: mqttwire.QuotaExceeded, refuseAfter: 2}, plan, new(*client.RefusedError)},
		{"mute", testFaults{mute: mqttwire.CONNECT}, plan, new(*client.TimeoutError)},
		{"mute to SUBSCRIBE", testFaults{mute: mqttwire.SUBSCRIBE}, plan, new(*client.TimeoutError)},
		{"not to subscribe", testFaults{refuseSubscribe: mqttwire.NotAuthorized}, plan, new(*client.SubscribeError)},
		{"QoS 1 at most", grant(mqttwire.MaximumQoS, 1), plan, new(*client.LimitError)},
		{"no RETAIN", grant(mqttwire.RetainAvailable, 0), retain, new(*client.LimitError)},
		{"no shares", grant(mqttwire.SharedSubscriptionAvailable, 0), shared, new(*client.LimitError)},
		{"small packets", grant(mqttwire.MaximumPacketSize, 50), plan, new(*client.LimitError)},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := carryOut(t, test.faults, test.plan)
			if r == nil || r.Interrupted || r.Counts != (Counts{}) || r.Connections.Wanted != 4 || !errors.As(err, test.as) {
				t.Errorf("%v, %T %v", r, err, err)
			}
			if n := r.Connections.Refused["NotAuthorized"] + r.Connections.Refused["QuotaExceeded"]; (n > 0) != errors.As(err, new(*client.RefusedError)) {
				t.Errorf("%v: %+v", err, r.Connections)
			}
		})
	}
	_, err := Run(t.Context(), Plan{Target: Target{Name: "mqtt://nowhere", Dial: func(context.Context, netip.Addr) (net.Conn, error) {
		return nil, errors.New("no way")
	}}})
	if dial := new(client.DialError); !errors.As(err, &dial) || !strings.Contains(err.Error(), "mqtt://nowhere") || !strings.Contains(err.Error(), "no way") {
		t.Errorf("%T %v", err, err)
	}
}

// TestTrafficKeepsReceiveMaximum: a broker that grants less than the window gets
// no more than it grants.
func TestTrafficKeepsReceiveMaximum(t *testing.T) {
	r, err := carryOut(t, testFaults{
		grants: mqttwire.Properties{}.AddNumber(mqttwire.ReceiveMaximum, 3), receiveMaximum: 3, acknowledgeAfter: time.Millisecond,
	}, Plan{Publishers: 2, Subscribers: 2, QoS: 1, Messages: 100, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	checkCounts(t, r, 100, 1)
}

// TestTrafficHearsOthers: publishers and subscribers of two runs.
func TestTrafficHearsOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{delay: 2 * time.Millisecond})
		heard := make(chan *Result)
		go func() {
			var phases []string
			r, err := Run(t.Context(), Plan{Shape: SubOnly, Subscribers: 2, QoS: 1, Duration: 3 * time.Second, Workers: 1, Target: b.target(), Progress: tellPhases(&phases)})
			if err != nil {
				t.Error(err)
			}
			if !slices.Equal(phases, []string{"connect", "listen", "receive"}) {
				t.Errorf("phases of the subscribers are %q", phases)
			}
			heard <- r
		}()
		synctest.Wait()
		sent, err := Run(t.Context(), Plan{Shape: PubOnly, Publishers: 2, QoS: 1, Rate: 500, Duration: time.Second, Workers: 1, Target: b.target()})
		if err != nil {
			t.Fatal(err)
		}
		c := <-heard
		if sent.Counts.Sent != 500 || sent.Counts.Acknowledged != 500 || sent.Acknowledge.Count() != 500 || sent.Latency != nil {
			t.Errorf("sent: %+v", sent)
		}
		if c.Counts.Delivered != 500 || c.Counts.Expected != 500 || c.Counts.Foreign != 0 || len(c.Failures) > 0 {
			t.Errorf("heard: %+v, %v", c.Counts, c.Failures)
		}
		if text := strings.Join(c.Notes, "\n"); strings.Contains(text, "before these subscribers") {
			t.Errorf("notes: %s", text)
		}
		if p50 := c.Latency.Quantile(.5); p50 < 2*time.Millisecond || p50 > 4*time.Millisecond {
			t.Errorf("latency %v by a broker that takes 2 ms", p50)
		}
		b.close()
	})
}

// tellPhases notes the phases of a run as its progress names them, each once.
func tellPhases(into *[]string) func(Snapshot) {
	return func(s Snapshot) {
		if n := len(*into); n == 0 || (*into)[n-1] != s.Phase {
			*into = append(*into, s.Phase)
		}
	}
}

// TestPhasesOfTraffic: waiting for what is under way has a name of its own after
// the warm-up.
func TestPhasesOfTraffic(t *testing.T) {
	var phases []string
	if _, err := carryOut(t, testFaults{delay: 900 * time.Millisecond}, Plan{
		Publishers: 1, Subscribers: 1, Rate: 100, Duration: 2 * time.Second, Workers: 1, Progress: tellPhases(&phases),
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"connect", "warm-up", "settle", "measure", "wait"}; !slices.Equal(phases, want) {
		t.Errorf("got %q", phases)
	}
}

// TestBacklog: messages from before a subscriber came are told of, for what looks
// like their latency is something else.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{acknowledgeAfter: 3 * time.Second})
		defer b.close()
		sent := make(chan error)
		go func() { // of its messages, all due at once, one goes every 3 s
			_, err := Run(t.Context(), Plan{Shape: PubOnly, Publishers: 1, QoS: 1, Rate: 10, Messages: 5, Window: 1, Warmup: -1, Workers: 1, Target: b.target()})
			sent <- err
		}()
		<-time.After(4 * time.Second)
		r, err := Run(t.Context(), Plan{Shape: SubOnly, Subscribers: 1, Topics: 1, QoS: 1, Duration: 20 * time.Second, Workers: 1, Target: b.target()})
		if err := errors.Join(err, <-sent); err != nil {
			t.Fatal(err)
		}
		const want = "3 messages had been planned or sent before these subscribers connected"
		if r.Counts.Delivered != 3 || r.Latency.Max() < 11*time.Second || !strings.Contains(strings.Join(r.Notes, "\n"), want) {
			t.Errorf("%+v, %v, %q", r.Counts, r.Latency.Max(), r.Notes)
		}
	})
}

// TestSilence: subscribers that hear nothing stop after the time they were given.
func TestSilence(t *testing.T) {
	r, err := carryOut(t, testFaults{}, Plan{Shape: SubOnly, Subscribers: 2, Duration: 3 * time.Second, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts != (Counts{}) || r.Seconds != 0 || !strings.Contains(strings.Join(r.Notes, "\n"), "no message came") {
		t.Errorf("%+v", r)
	}
}

// TestTrafficGoesOnWithoutTheLost: where a broker delivers nothing any more at
// QoS 0, a publisher does not wait for it forever.
func TestTrafficGoesOnWithoutTheLost(t *testing.T) {
	r, err := carryOut(t, testFaults{drop: 1}, Plan{
		Publishers: 2, Subscribers: 2, Messages: 100, Outstanding: 10, Workers: 1, Warmup: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Counts; c.Sent != 100 || c.Expected != 100 || c.Lost != 100 || c.Delivered != 0 || len(r.Failures) != 1 || !strings.HasPrefix(r.Failures[0].Text, "nothing arrived of 100 messages") {
		t.Errorf("%+v, %v", r.Counts, r.Failures)
	}
	if !strings.Contains(strings.Join(r.Notes, "\n"), "publishers went on 8 times") {
		t.Errorf("the notes: %q", r.Notes)
	}
}
