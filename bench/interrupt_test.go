package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// TestInterrupted ends runs at all that they can be at: whatever it is, there is a
// result, which adds up, blames nobody, and can be printed.
func TestInterrupted(t *testing.T) {
	slow := testFaults{delay: 2 * time.Millisecond}
	traffic := Plan{Publishers: 2, Subscribers: 2, QoS: 1, Rate: 500, Warmup: 500 * time.Millisecond, Duration: 3 * time.Second, ConnectRate: 4}
	pub, sub, offline, retained := traffic, traffic, traffic, traffic
	pub.Shape, sub.Shape, offline.Shape, retained.Shape = PubOnly, SubOnly, Offline, Retain
	pub.Subscribers, sub.Publishers, sub.Rate = 0, 0, 0
	offline.Messages, retained.Messages, retained.Subscribers = 1500, 1500, 1
	ramp := Plan{Shape: Ramp, Subscribers: 10, ConnectRate: 10, Hold: time.Second}
	churn := Plan{Shape: Churn, Subscribers: 4, Warmup: time.Second, Duration: 3 * time.Second}
	storm := Plan{Shape: Storm, Subscribers: 10, ConnectRate: 10, Hold: time.Second, Duration: 3 * time.Second}
	for _, p := range []Plan{traffic, pub, sub, offline, retained, ramp, churn, storm} {
		p.Workers = 1
		for _, at := range []int{150, 600, 1200, 2400, 3900} {
			interruptAt(t, slow, p, time.Duration(at)*time.Millisecond)
		}
	}
}

func interruptAt(t *testing.T, f testFaults, p Plan, at time.Duration) {
	t.Helper()
	what := fmt.Sprintf("%s ended after %v", p.Shape, at)
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, f)
		defer b.close()
		p.Target = b.target()
		ctx, cancel := context.WithTimeout(t.Context(), at)
		defer cancel()
		r, err := Run(ctx, p)
		if r == nil || err != nil {
			t.Errorf("%s: %v, %v", what, r, err)
			return
		}
		took := time.Since(b.start)
		if !r.Interrupted && at < 1500*time.Millisecond || took > at+5*time.Second {
			t.Errorf("%s: interrupted: %t, and it took %v", what, r.Interrupted, took)
		}
		c := r.Counts
		if c.Sent != c.Acknowledged+c.Refused+c.Unacknowledged || c.Expected != c.Delivered+c.Lost || c.Lost > 0 || len(r.Failures) > 0 {
			t.Errorf("%s: %+v, %v", what, c, r.Failures)
		}
		if n := r.Connections.Opened; p.Shape != Churn && p.Shape != Storm && at > 300*time.Millisecond && n == 0 {
			t.Errorf("%s: %+v", what, r.Connections)
		}
		if text, err := r.MarshalJSON(); err != nil || !json.Valid(text) {
			t.Errorf("%s: %v in %s", what, err, text)
		}
		if _, err := r.WriteTo(io.Discard); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	})
}

// TestInterruptedUnanswered: while a broker says nothing, a run can be ended too.
func TestInterruptedUnanswered(t *testing.T) {
	for _, mute := range []mqttwire.PacketType{mqttwire.CONNECT, mqttwire.SUBSCRIBE} {
		for _, shape := range []Shape{Pairs, Offline, Ramp, Storm} {
			p := Plan{Shape: shape, Subscribers: 2, QoS: 1, Workers: 1}
			if shape.sends() {
				p.Publishers = 2
			}
			if shape.connects() && mute == mqttwire.SUBSCRIBE {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				b := newTestBroker(t, testFaults{mute: mute})
				defer b.close()
				p.Target = b.target()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				r, err := Run(ctx, p)
				if err != nil || !r.Interrupted || time.Since(b.start) > 12*time.Second {
					t.Errorf("%s, mute to %v: %v after %v: %+v", shape, mute, err, time.Since(b.start), r)
				}
			})
		}
	}
}
