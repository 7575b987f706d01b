package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// linkPlan is one of a shape of connections.
func linkPlan(shape Shape, target Target, n int) Plan {
	return Plan{Shape: shape, Subscribers: n, Workers: 2, Target: target, Connect: mqttwire.Connect{CleanStart: true, KeepAlive: 60}}
}

// inBubble carries a plan out against a broker in memory, in fake time.
func inBubble(t *testing.T, f testFaults, plan Plan, judge func(b *testBroker, r *Result, err error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, f)
		defer b.close()
		if plan.Target.Dial == nil {
			plan.Target = b.target()
		}
		r, err := Run(t.Context(), plan)
		judge(b, r, err)
	})
}

// near tells that a time is as it should be, to a thousandth and some ms.
func near(got, want float64) bool { return math.Abs(got-want) <= .011+want/1000 }

func TestRamp(t *testing.T) {
	plan := linkPlan(Ramp, Target{}, 200)
	plan.ConnectRate, plan.Hold = 100, 90*time.Second
	var told []string
	plan.Progress = func(s Snapshot) {
		if !slices.Contains(told, s.Phase) {
			told = append(told, s.Phase)
		}
		if s.Connections != 200 || s.Done < 0 || s.Done > 1 {
			t.Errorf("told %+v", s)
		}
		if making := s.Phase == "connect" && s.Elapsed > time.Second; making && (math.Abs(s.Rate-100) > 8 || s.Delivered < 90 || s.Delivered > 200) || s.Phase == "hold" && s.Rate > 0 {
			t.Errorf("told %+v", s)
		}
	}
	inBubble(t, testFaults{delay: 20 * time.Millisecond}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		c := &r.Connections
		if c.Wanted != 200 || c.Opened != 200 || c.MaxOpen != 200 || c.Lost != 0 || len(c.Refused)+len(c.Failed) > 0 {
			t.Errorf("connections: %+v", c)
		}
		if !near(c.Seconds, 199./100+.02) {
			t.Errorf("%g seconds for 200 connections at 100/s", c.Seconds)
		}
		if n, p50, most := r.Connect.Count(), r.Connect.Quantile(.5).Seconds(), r.Connect.Max().Seconds(); n != 200 || !near(p50, .02) || !near(most, .02) {
			t.Errorf("latency: %d, p50 %g, max %g", n, p50, most)
		}
		if len(r.Phases) != 2 || r.Phases[0].Name != "connect" || r.Phases[0].Count != 200 || r.Phases[1].Name != "hold" || r.Phases[1].Count != 200 || !near(r.Phases[1].Seconds, 90) {
			t.Errorf("phases: %+v", r.Phases)
		}
		if !near(r.Seconds, c.Seconds+90) || len(r.Series) < 90 || r.Series[50].Connected != 200 || r.Series[0].Connected < 98 || r.Series[0].Connected > 99 {
			t.Errorf("%g seconds, series %+v", r.Seconds, r.Series)
		}
		if len(r.Failures) > 0 || !slices.Equal(told, []string{"connect", "hold"}) {
			t.Errorf("failures: %v; told %q", r.Failures, told)
		}
		if b := b.report(); b.connects != 200 || b.disconnects != 200 || len(b.complaints) > 0 {
			t.Errorf("the broker saw %+v", b)
		}
	})
}

// TestRampSlowBroker: a broker that answers later than planned makes latency, not
// a lower rate of asking.
func TestRampSlowBroker(t *testing.T) {
	plan := linkPlan(Ramp, Target{}, 1000)
	plan.ConnectRate, plan.Hold = 1000, time.Second
	inBubble(t, testFaults{stall: 500 * time.Millisecond}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if p := r.Connect.Quantile(.75).Seconds(); !near(p, .25) {
			t.Errorf("three quarters waited no longer than %g s, in a stall of 500 ms half of the time", p)
		}
		if m := r.Connect.Max().Seconds(); !near(m, .5) {
			t.Errorf("the longest waited %g s", m)
		}
	})
}

// pingSpy is a connection that notes when PINGREQ is sent.
type pingSpy struct {
	net.Conn
	sent func()
}

func (c pingSpy) Write(b []byte) (int, error) {
	if string(b) == "\xC0\x00" {
		c.sent()
	}
	return c.Conn.Write(b)
}

// TestKeepAlive: connections that were made in one moment are pinged within their
// keep alive, and not all in one moment.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{})
		defer b.close()
		var mu sync.Mutex
		pings := map[int][]time.Duration{}
		begun, target := time.Now(), b.target()
		dial := target.Dial
		count := 0
		target.Dial = func(ctx context.Context, local netip.Addr) (net.Conn, error) {
			nc, err := dial(ctx, local)
			mu.Lock()
			defer mu.Unlock()
			i := count
			count++
			return pingSpy{nc, func() {
				mu.Lock()
				defer mu.Unlock()
				pings[i] = append(pings[i], time.Since(begun))
			}}, err
		}
		plan := linkPlan(Ramp, target, 100)
		plan.Connect.KeepAlive, plan.Hold = 10, 2*time.Minute
		r, err := Run(t.Context(), plan)
		if err != nil || r.Connections.Lost > 0 || len(pings) != 100 {
			t.Fatalf("%v, %d lost, %d were pinged", err, r.Connections.Lost, len(pings))
		}
		var firsts []time.Duration
		for i, times := range pings {
			firsts = append(firsts, times[0])
			last := time.Duration(0)
			for _, at := range append(times, 2*time.Minute) {
				if at-last > 10*time.Second {
					t.Errorf("connection %d was silent from %v to %v", i, last, at)
				}
				last = at
			}
			if len(times) > 31 {
				t.Errorf("connection %d was pinged %d times in 2 min, at a keep alive of 10 s", i, len(times))
			}
		}
		slices.Sort(firsts)
		if spread := firsts[90] - firsts[10]; spread < time.Second {
			t.Errorf("pings are sent within %v", spread)
		}
	})
}

// TestKeepAliveUnanswered: a broker that does not answer PINGREQ loses its
// connections.
func TestKeepAliveUnanswered(t *testing.T) {
	plan := linkPlan(Ramp, Target{}, 20)
	plan.Connect.KeepAlive, plan.Hold = 10, time.Minute
	inBubble(t, testFaults{mute: mqttwire.PINGREQ}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil || r.Connections.Lost != 20 {
			t.Fatalf("%v, %+v", err, r)
		}
		if len(r.Failures) != 1 || r.Failures[0].Kind != LostConnection || !strings.Contains(r.Failures[0].Text, "20 connections of 20 ended before the end") || !strings.Contains(r.Failures[0].Text, "PINGRESP") {
			t.Errorf("failures: %v", r.Failures)
		}
		if r.Seconds > 20 {
			t.Errorf("it went on for %g s with nobody left", r.Seconds)
		}
	})
}

// TestRampLoses: connections that the network ends are counted, and the rest is
// held.
func TestRampLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{})
		defer b.close()
		plan := linkPlan(Ramp, b.target(), 50)
		plan.Hold = 10 * time.Second
		go func() {
			<-time.After(5 * time.Second)
			if n := b.sever(func(id string) bool { return strings.HasSuffix(id, "7") }); n != 5 {
				t.Errorf("%d were severed", n)
			}
		}()
		r, err := Run(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Connections; c.Opened != 50 || c.Lost != 5 || c.MaxOpen != 50 || r.Phases[1].Count != 45 || !near(r.Phases[1].Seconds, 10) {
			t.Errorf("%+v, %+v", c, r.Phases)
		}
		if len(r.Failures) != 1 || r.Failures[0].Kind != LostConnection {
			t.Errorf("failures: %v", r.Failures)
		}
	})
}

func TestRampRefused(t *testing.T) {
	plan := linkPlan(Ramp, Target{}, 50)
	plan.Hold = time.Second
	for _, reason := range []mqttwire.ReasonCode{mqttwire.NotAuthorized, mqttwire.ServerBusy} {
		inBubble(t, testFaults{refuseConnect: reason, refuseAfter: 30}, plan, func(b *testBroker, r *Result, err error) {
			if err != nil {
				t.Fatal(err)
			}
			name := reason.Name(mqttwire.CONNACK)
			if c := r.Connections; c.Wanted != 50 || c.Opened != 30 || c.Refused[name] != 20 || len(c.Refused) != 1 || len(c.Failed) != 0 {
				t.Errorf("%+v", c)
			}
			if want := fmt.Sprintf("the broker refused connections: %s (20)", name); len(r.Failures) != 1 || r.Failures[0] != (Failure{NotConnected, want}) {
				t.Errorf("failures: %v", r.Failures)
			}
		})
	}
	inBubble(t, testFaults{refuseConnect: mqttwire.NotAuthorized}, plan, func(b *testBroker, r *Result, err error) {
		if refused := new(client.RefusedError); !errors.As(err, &refused) || refused.Reason != mqttwire.NotAuthorized {
			t.Errorf("all were refused, and the error is %v", err)
		}
	})
}

// TestRampFails: what the system says of connections is told as it says it, and
// where this machine is to blame, what to do.
func TestRampFails(t *testing.T) {
	for _, test := range []struct {
		number syscall.Errno
		advice string // "": this machine is not to blame
	}{{syscall.ECONNREFUSED, ""}, {syscall.EMFILE, "this process has all the open files"}, {syscall.EADDRNOTAVAIL, "no port is left on this side"}} {
		synctest.Test(t, func(t *testing.T) {
			b := newTestBroker(t, testFaults{})
			defer b.close()
			plan := linkPlan(Ramp, Target{}, 50)
			plan.Hold = time.Second
			count, dial := 0, b.target().Dial
			var mu sync.Mutex
			plan.Target = Target{Name: "tcp://broker.example", Dial: func(ctx context.Context, local netip.Addr) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				if count++; count > 20 {
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: test.number}
				}
				return dial(ctx, local)
			}}
			r, err := Run(t.Context(), plan)
			if err != nil {
				t.Fatal(err)
			}
			if c := r.Connections; c.Opened != 20 || c.Failed[test.number.Error()] != 30 || len(c.Failed) != 1 {
				t.Errorf("%+v", c)
			}
			advice := strings.Join(r.Notes, "\n")
			if len(r.Failures) != 1 || r.Failures[0].Kind != NotConnected || !strings.Contains(advice, test.advice) || (test.advice == "") != (advice == "") {
				t.Errorf("failures: %v, notes %v", r.Failures, r.Notes)
			}
		})
	}
}

func TestRampUnreachable(t *testing.T) {
	plan := linkPlan(Ramp, Target{}, 50)
	inBubble(t, testFaults{unreachable: true}, plan, func(b *testBroker, r *Result, err error) {
		if !errors.As(err, new(*client.DialError)) {
			t.Errorf("got %v", err)
		}
	})
	inBubble(t, testFaults{mute: mqttwire.CONNECT}, linkPlan(Ramp, Target{}, 5), func(b *testBroker, r *Result, err error) {
		if late := new(client.TimeoutError); !errors.As(err, &late) || late.Waiting != "CONNACK" {
			t.Errorf("got %v", err)
		}
	})
}

// TestRampStopped: who ends a run early gets what there is.
func TestRampStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{})
		defer b.close()
		plan := linkPlan(Ramp, b.target(), 100)
		plan.ConnectRate = 10
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		r, err := Run(ctx, plan)
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Connections; c.Wanted != 100 || c.Opened < 40 || c.Opened > 41 || !near(r.Seconds, 4) {
			t.Errorf("%+v after %g s", c, r.Seconds)
		}
	})
}

func TestChurn(t *testing.T) {
	plan := linkPlan(Churn, Target{}, 10)
	plan.ConnectRate, plan.Duration, plan.Warmup = 50, 10*time.Second, 2*time.Second
	inBubble(t, testFaults{delay: 30 * time.Millisecond}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Connections; c.Opened < 499 || c.Opened > 501 || c.Wanted != 10 || c.MaxOpen > 10 || c.Lost != 0 || !near(c.Seconds, 10) || r.Connect.Count() != int64(c.Opened) {
			t.Errorf("%+v, %d timed", c, r.Connect.Count())
		}
		if most := r.Connect.Max().Seconds(); !near(most, .03) {
			t.Errorf("the longest took %g s", most)
		}
		if len(r.Phases) != 1 || r.Phases[0].Name != "connect" || !near(r.Phases[0].PerSecond(), 50) || len(r.Failures) > 0 || len(r.Series) != 10 {
			t.Errorf("%+v, %v, %d points", r.Phases, r.Failures, len(r.Series))
		}
		if books := b.report(); books.connects != books.disconnects || books.connects < 600 || books.takeovers > 0 || len(books.complaints) > 0 {
			t.Errorf("the broker saw %+v", books)
		}
	})
}

// TestChurnBehind: at a rate that the broker cannot have, the wait of each client
// for its turn is latency.
func TestChurnBehind(t *testing.T) {
	plan := linkPlan(Churn, Target{}, 2) // of which each takes 60 ms: 33 a second
	plan.ConnectRate, plan.Duration, plan.Warmup = 100, 9*time.Second, time.Second
	inBubble(t, testFaults{delay: 60 * time.Millisecond}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if most := r.Connect.Max().Seconds(); most < 5 {
			t.Errorf("the longest took %g s, with the clients two thirds behind after 10 s", most)
		}
	})
}

// TestChurnAtFullSpeed: without a rate, clients come as fast as they are answered.
func TestChurnAtFullSpeed(t *testing.T) {
	plan := linkPlan(Churn, Target{}, 10)
	plan.Duration, plan.Warmup = 10*time.Second, time.Second
	inBubble(t, testFaults{delay: 50 * time.Millisecond}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Connections; c.Opened < 900 || c.Opened > 2010 {
			t.Errorf("%d connections of 10 clients in 10 s, each answered after 50 ms", c.Opened)
		}
		if most := r.Connect.Max().Seconds(); !near(most, .05) {
			t.Errorf("the longest took %g s", most)
		}
	})
}

// TestChurnSessions: with persistent sessions each client finds its own, and none
// is left behind.
func TestChurnSessions(t *testing.T) {
	for _, version := range []mqttwire.Version{mqttwire.V311, mqttwire.V5} {
		plan := linkPlan(Churn, Target{}, 10)
		plan.Version, plan.Duration, plan.Connect.CleanStart = version, 5*time.Second, false
		if version == mqttwire.V5 {
			plan.Connect.Properties = plan.Connect.Properties.AddNumber(mqttwire.SessionExpiryInterval, 3600)
		}
		inBubble(t, testFaults{delay: 10 * time.Millisecond}, plan, func(b *testBroker, r *Result, err error) {
			if err != nil {
				t.Fatal(err)
			}
			n := r.Connections.Opened
			if want := fmt.Sprintf("%d of %d connections found the session that their client had left", n, n); n < 100 || len(r.Notes) != 1 || r.Notes[0] != want {
				t.Errorf("MQTT %v: notes %q, want %q", version, r.Notes, want)
			}
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			if len(b.sessions) > 0 || len(r.Failures) > 0 {
				t.Errorf("MQTT %v: %d sessions are left; %v", version, len(b.sessions), r.Failures)
			}
		})
	}
}

// TestChurnRefused: clients that are refused come again, not as fast as they can.
func TestChurnRefused(t *testing.T) {
	plan := linkPlan(Churn, Target{}, 10)
	plan.Duration, plan.Warmup = 10*time.Second, time.Second
	inBubble(t, testFaults{delay: 10 * time.Millisecond, refuseConnect: mqttwire.ServerBusy, refuseAfter: 1000}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Connections; c.Opened == 0 || c.Refused["ServerBusy"] < 100 || c.Refused["ServerBusy"] > 1000 || len(r.Failures) != 1 {
			t.Errorf("%+v, %v", c, r.Failures)
		}
	})
	inBubble(t, testFaults{refuseConnect: mqttwire.NotAuthorized}, plan, func(b *testBroker, r *Result, err error) {
		if !errors.As(err, new(*client.RefusedError)) {
			t.Errorf("all were refused, and the error is %v", err)
		}
	})
}

// TestChurnLingers: a broker that does not close after DISCONNECT is not waited
// for long.
func TestChurnLingers(t *testing.T) {
	plan := linkPlan(Churn, Target{}, 4)
	plan.Duration, plan.Warmup = 20*time.Second, time.Second
	inBubble(t, testFaults{mute: mqttwire.DISCONNECT}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Connections; c.Opened < 4*18 || c.Opened > 4*21 || c.Lost > 0 || len(r.Failures) > 0 {
			t.Errorf("%+v, %v", c, r.Failures)
		}
	})
}

// TestConnectRateOfTraffic: other shapes make their connections at the rate, too.
func TestConnectRateOfTraffic(t *testing.T) {
	plan := Plan{Shape: Pairs, Publishers: 50, Subscribers: 50, ConnectRate: 20, Rate: 100, Workers: 2}
	inBubble(t, testFaults{}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Connections; c.Opened != 100 || !near(c.Seconds, 99./20) || !near(r.Connect.Max().Seconds(), 0) {
			t.Errorf("%+v, at most %v", c, r.Connect.Max())
		}
	})
}

func TestCheckLinks(t *testing.T) {
	for _, test := range []struct {
		plan       Plan
		field      string
		hold, warm time.Duration
	}{
		{Plan{Shape: Ramp}, "", 10 * time.Second, 0},
		{Plan{Shape: Ramp, Duration: time.Minute}, "", time.Minute, 0},
		{Plan{Shape: Storm}, "", time.Second, 0},
		{Plan{Shape: Churn}, "", 0, time.Second},
		{Plan{Shape: Ramp, Publishers: 1}, "Publishers", 0, 0},
		{Plan{Shape: Ramp, ConnectRate: 1e-9}, "ConnectRate", 0, 0},
		{Plan{Shape: Ramp, ConnectRate: math.NaN()}, "ConnectRate", 0, 0},
	} {
		p := test.plan
		p.Target.Address = "127.0.0.1:1883"
		err := p.Check()
		if bad := new(PlanError); test.field != "" && (!errors.As(err, &bad) || bad.Field != test.field) || test.field == "" && err != nil {
			t.Errorf("%+v: %v", test.plan, err)
		}
		if test.field == "" && (p.Publishers != 0 || p.Subscribers != 10 || p.Hold != test.hold || p.Warmup != test.warm || p.Duration == 0) {
			t.Errorf("%s: %+v", p.Shape, p)
		}
	}
}
