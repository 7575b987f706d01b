package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// smallLoad is enough for a fake broker, whose time costs nothing.
func smallLoad(b *fakeBroker) Test {
	c := Defaults()
	c.Broker, c.Dial, c.Prefix, c.Seed, c.Keys, c.Kills, c.Subscribers = b, b.dial, "t-", 7, 20, 6, 2
	c.Cleanup = true
	return c
}

// TestNothingFound: a broker that keeps its promise is found to, whatever the
// moments of the kills.
func TestNothingFound(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			b := newFakeBroker("")
			c := smallLoad(b)
			c.Seed = seed
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !r.OK() || r.Incomplete {
				t.Errorf("seed %d: a good broker is found bad: %v", seed, r.Findings.Examples())
			}
			a := r.Acknowledged
			if r.Kills != c.Kills || a.QoS1 < 500 || a.QoS2 < 500 || a.Retained < 100 || a.Wills < 5 || a.Sessions < 20 || a.Subscriptions < 40 || a.Unsubscriptions < 5 || a.Ends < 3 {
				t.Errorf("seed %d: hardly a test: %d kills, %+v", seed, r.Kills, a)
			}
			if want := (a.QoS1 + a.QoS2) * 3; r.Delivered < want {
				t.Errorf("seed %d: %d messages delivered to 2 subscribers and a share, want %d", seed, r.Delivered, want)
			}
			if left := len(b.sessions) + len(b.retained); left > 0 {
				t.Errorf("seed %d: %d sessions and retained messages are left on the broker", seed, left)
			}
		})
	}
}

// TestFound: each way to break the promise is seen for what it is.
func TestFound(t *testing.T) {
	for _, test := range []struct {
		flaw  flaw
		want  []Kind
		along []Kind // may be found, too
	}{
		{"loses QoS 1", []Kind{LostQoS1}, nil},
		{"loses QoS 2", []Kind{LostQoS2}, nil},
		{"delivers twice", []Kind{DuplicateQoS2}, nil},
		{"forgets packet ids", []Kind{DuplicateQoS2}, []Kind{DuplicateWill}},
		{"forgets held ids", []Kind{DuplicateQoS2}, nil},
		{"loses a queue", []Kind{LostQoS1, LostQoS2}, []Kind{LostWill}},
		{"loses a publisher's session", []Kind{LostSession}, []Kind{LostQoS2}},
		{"loses a subscriber's session", []Kind{LostSession}, []Kind{LostQoS1, LostQoS2, LostWill}},
		{"loses sessions", []Kind{LostSession}, nil},
		{"loses subscriptions", []Kind{LostSubscription}, nil},
		{"brings back ends", []Kind{ReturnedSession, ReturnedSubscription}, nil},
		{"loses retained messages", []Kind{LostRetained}, nil},
		{"goes back to old retained messages", []Kind{StaleRetained, LostRetained}, nil},
		{"forgets wills", []Kind{LostWill}, nil},
		{"fires wills twice", []Kind{DuplicateWill}, nil},
		{"reorders", []Kind{Reordered}, []Kind{LostQoS1, LostQoS2}},
		{"changes payloads", []Kind{Corrupted, LostQoS1, LostQoS2}, nil},
		{"swallows", []Kind{Reordered}, []Kind{Unanswered}},
		{"sends nonsense", []Kind{Violation}, nil},
		{"dies", []Kind{Died}, nil},
		{"not back", []Kind{NotBack}, nil},
		{"hangs after a kill", []Kind{NotBack}, nil},
	} {
		t.Run(string(test.flaw), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := smallLoad(newFakeBroker(test.flaw))
				c.Kills = 10
				r, err := c.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				expected := make(map[Kind]bool)
				for _, k := range test.want {
					if expected[k] = true; r.Findings.Of(k) == 0 {
						t.Errorf("no %s were found", k)
					}
				}
				for _, k := range test.along {
					expected[k] = true
				}
				for _, k := range Kinds() {
					if n := r.Findings.Of(k); n > 0 && !expected[k] {
						t.Errorf("%d %s were found, too: %v", n, k, r.Findings.Examples())
					}
				}
			})
		})
	}
}

// A broker that never comes up is no finding: there was no test.
func TestNeverUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := smallLoad(newFakeBroker("never up")).Run(t.Context())
		var start *StartError
		if !errors.As(err, &start) || !errors.Is(err, errEnded) {
			t.Errorf("got %v, want a StartError", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := smallLoad(newFakeBroker(""))
		c.Dial = func(context.Context) (net.Conn, error) { return nil, errors.New("nobody listens") }
		_, err := c.Run(t.Context())
		var start *StartError
		if !errors.As(err, &start) || start.After < c.Patience || start.After > 2*c.Patience {
			t.Errorf("got %v, want a StartError after %s", err, c.Patience)
		}
	})
}

// A signal ends the test at once, in whatever state it is, and the broker.
func TestInterrupted(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 500 * time.Millisecond, 3 * time.Second, 6500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			b := newFakeBroker("")
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			begun := time.Now()
			c := smallLoad(b)
			c.Kills = 10
			r, err := c.Run(ctx)
			if r != nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %s: got %v, %v", after, r, err)
			}
			if late := time.Since(begun) - after; late > 3*time.Second {
				t.Errorf("after %s: it took %s more to end", after, late)
			}
			if !closed(b.Ended()) {
				t.Errorf("after %s: the broker runs on", after)
			}
		})
	}
}

// A version that the broker refuses is left out, and that is said.
func TestVersionLeftOut(t *testing.T) {
	for _, versions := range [][]mqttwire.Version{{mqttwire.V5, mqttwire.V311}, {mqttwire.V311, mqttwire.V5}} {
		synctest.Test(t, func(t *testing.T) {
			c := smallLoad(newFakeBroker("speaks 3.1.1 alone"))
			c.Versions = versions
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !r.OK() || len(r.Versions) != 1 || r.Versions[0] != "3.1.1" || len(r.Notes) != 1 {
				t.Errorf("got versions %v, notes %q, %v", r.Versions, r.Notes, r.Findings.Examples())
			}
		})
	}
}

// What the broker says it does not have is not asked for.
func TestGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBroker("")
		b.grants = b.grants.AddNumber(mqttwire.RetainAvailable, 0).AddNumber(mqttwire.SharedSubscriptionAvailable, 0).AddNumber(mqttwire.ReceiveMaximum, 3)
		c := smallLoad(b)
		c.Versions, c.Kills = []mqttwire.Version{mqttwire.V5}, 2
		r, err := c.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !r.OK() || len(r.Notes) != 2 || r.Acknowledged.Retained > 0 || r.Delivered != 2*(r.Acknowledged.QoS1+r.Acknowledged.QoS2+r.Acknowledged.Wills)+r.Repeated {
			t.Errorf("notes %q, %+v, %d delivered, %v", r.Notes, r.Acknowledged, r.Delivered, r.Findings.Examples())
		}
		if b.mostHeld > 3 {
			t.Errorf("%d messages were under way with a Receive Maximum of 3", b.mostHeld)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBroker("")
		b.grants = b.grants.AddNumber(mqttwire.MaximumQoS, 1)
		if _, err := smallLoad(b).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "grants QoS 1 at most") {
			t.Errorf("got %v", err)
		}
	})
}

// Parts of the load that are not wanted do not take place.
func TestPartsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := smallLoad(newFakeBroker(""))
		c.Keys, c.Wills, c.Sessions, c.Share, c.Kills = 0, 0, 0, 0, 2
		r, err := c.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if a := r.Acknowledged; !r.OK() || a.Retained+a.Wills+a.Unsubscriptions > 0 || a.Sessions != c.Publishers+c.Subscribers {
			t.Errorf("%+v, %v", a, r.Findings.Examples())
		}
	})
}

func TestReport(t *testing.T) {
	r := &Report{
		Seed: 5, Versions: []string{"5.0"}, Kills: 2, Took: 2 * time.Second, Acknowledged: Acknowledged{QoS1: 3},
		Restarts: []time.Duration{3 * time.Millisecond, 9 * time.Millisecond, 4 * time.Millisecond},
	}
	for range 7 {
		r.Findings.add(LostQoS1, Example{Client: "c", Topic: "t", Number: 4})
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for key, want := range map[string]any{
		"ok": false, "complete": true, "kills": 2.0, "lost_qos1": 7.0, "lost_qos2": 0.0, "acknowledged_qos1": 3.0,
		"restart_median_ms": 4.0, "restart_max_ms": 9.0, "seconds": 2.0,
	} {
		if object[key] != want {
			t.Errorf("%s is %v, want %v", key, object[key], want)
		}
	}
	if examples := object["examples"].([]any); len(examples) != examplesKept {
		t.Errorf("%d examples, want %d", len(examples), examplesKept)
	}
	var human bytes.Buffer
	if _, err := r.WriteTo(&human); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"7 deliveries of acknowledged QoS 1 messages lost", "client c topic t message 4", "4.0 ms", "did not keep"} {
		if !strings.Contains(human.String(), want) {
			t.Errorf("no %q in\n%s", want, &human)
		}
	}
}
