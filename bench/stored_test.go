package bench

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// leavesNothing fails the test unless the broker has forgotten the run.
func leavesNothing(t *testing.T, what string, b *testBroker) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.sessions) > 0 || len(b.retained) > 0 {
		t.Errorf("%s: it leaves %d sessions and %d retained messages", what, len(b.sessions), len(b.retained))
	}
}

func phaseOf(r *Result, name string) Phase {
	for _, p := range r.Phases {
		if p.Name == name {
			return p
		}
	}
	return Phase{}
}

func TestOffline(t *testing.T) {
	for _, v := range []mqttwire.Version{mqttwire.V31, mqttwire.V311, mqttwire.V5} {
		for q := range mqttwire.QoS(3) {
			for _, rate := range []float64{0, 1000} {
				p := Plan{Shape: Offline, Publishers: 2, Subscribers: 4, Topics: 2, Version: v, QoS: q, Messages: 2000, Rate: rate, Workers: 1 + int(q)}
				runIn(t, testFaults{delay: time.Millisecond}, p, func(t *testing.T, b *testBroker, r *Result, err error) {
					wantResult(t, b, r, err)
					if booked(r.Counts) != b.counts(nil) || r.Counts.Delivered != 4000 || r.Counts.Acknowledged != 2000 || len(r.Failures) > 0 {
						t.Errorf("%v, QoS %d: %+v, %v; the broker has %+v", v, q, r.Counts, r.Failures, b.counts(nil))
					}
					queue, drain := phaseOf(r, phaseQueue), phaseOf(r, phaseDrain)
					if queue.Count != 2000 || drain.Count != 4000 || drain.Seconds != r.Seconds || rate > 0 && (queue.Seconds < 1.99 || queue.Seconds > 2.1) || drain.Seconds <= 0 || drain.Seconds > 1 {
						t.Errorf("%v, QoS %d: %+v, %v s", v, q, r.Phases, r.Seconds)
					}
					if r.Latency != nil || r.Service != nil || r.Plan.QoS != max(1, q) || r.Connections.Wanted != 6 || r.Connections.Opened != 6 {
						t.Errorf("%v, QoS %d: %+v, latency %v", v, q, r.Connections, r.Latency)
					}
					leavesNothing(t, "offline", b)
				})
			}
		}
	}
}

// What still comes when a client has said DISCONNECT is answered by nothing
// (MQTT-3.14.4-1).
func TestNothingAfterDisconnect(t *testing.T) {
	for _, shape := range []Shape{Offline, Pairs, Retain} {
		p := Plan{Shape: shape, Publishers: 2, Subscribers: 2, QoS: 2, Messages: 100}
		runIn(t, testFaults{lastWord: true}, p, func(t *testing.T, b *testBroker, r *Result, err error) {
			wantResult(t, b, r, err)
			if books := b.report(); len(books.complaints) > 0 || books.disconnects == 0 {
				t.Errorf("%s: %q of %d that left", shape, books.complaints, books.disconnects)
			}
		})
	}
}

func TestOfflineFaults(t *testing.T) {
	for name, test := range map[string]struct {
		faults testFaults
		kind   FailureKind
	}{
		"drop":   {testFaults{drop: 100}, BrokenPromise},
		"double": {testFaults{double: 100}, BrokenPromise},
		"swap":   {testFaults{swap: 100}, BrokenPromise},
		"lower":  {testFaults{lower: 100}, BrokenPromise},
		"forget": {testFaults{forget: 100}, BrokenPromise},
		"close":  {testFaults{closeAfter: 400}, LostConnection},
		"refuse": {testFaults{refusePublish: mqttwire.QuotaExceeded, refuseEach: 10}, NotAllowed},
	} {
		p := Plan{Shape: Offline, Publishers: 3, Subscribers: 3, QoS: 2, Messages: 1300}
		runIn(t, test.faults, p, func(t *testing.T, b *testBroker, r *Result, err error) {
			wantResult(t, b, r, err)
			if want := b.counts(nil); name != "close" && booked(r.Counts) != want {
				t.Errorf("%s: the broker has\n%+v, the run says\n%+v", name, want, booked(r.Counts))
			}
			if !hasFailure(r, test.kind) {
				t.Errorf("%s: %v", name, r.Failures)
			}
			leavesNothing(t, name, b)
		})
	}
}

// TestOfflineForgotten has the broker lose the sessions of those who are away.
func TestOfflineForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{})
		defer b.close()
		time.AfterFunc(time.Second, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			for id, s := range b.sessions {
				if s.conn == nil {
					delete(b.sessions, id)
					return
				}
			}
		})
		r, err := Run(t.Context(), Plan{Shape: Offline, Publishers: 1, Subscribers: 3, Topics: 1, Messages: 200, Rate: 100, Target: b.target()})
		wantResult(t, b, r, err)
		if text := strings.Join(failureTexts(r), "; "); !strings.Contains(text, "no session any more for 1 client of 3") || r.Counts.Lost != 200 {
			t.Errorf("%+v, %s", r.Counts, text)
		}
		leavesNothing(t, "forgotten", b)
	})
}

func TestStock(t *testing.T) {
	for template, want := range map[string]string{"%i": "12", "a/%i": "a/12", "/%i/": "/12/", "%r/%i/%r": "w/12/w", "a/x%%i/%i": "a/x%i/12", "a/b%/%i": "", "%i/%i": "", "a%i": ""} {
		s, err := newStock(&Plan{Topic: template, Publishers: 3, Messages: 20}, "w")
		if err != nil || want == "" {
			if (err == nil) != (want != "") {
				t.Errorf("%s: %v", template, err)
			}
			continue
		}
		if got := s.topic(s.number(0, 4)); got != want || !mqttwire.Match(s.filter, got) {
			t.Errorf("%s: %s is not %s, filter %s", template, got, want, s.filter)
		}
	}
}

func TestStoredPlans(t *testing.T) {
	for field, p := range map[string]Plan{
		"":           {Shape: Retain},
		" ":          {Shape: Offline},
		"  ":         {Shape: Retain, Topics: 7, Topic: "a/%i/b"},
		"Topics":     {Shape: Retain, Topics: 7, Messages: 8},
		"Topic":      {Shape: Retain, Topic: "a/x%i"},
		"Topic ":     {Shape: Retain, Topic: "a/b"},
		"Topic  ":    {Shape: Retain, Topic: "%i/a/%i"},
		"Messages":   {Shape: Retain, Messages: 1 << 25},
		"Messages  ": {Shape: Offline, Messages: -1},
	} {
		p.Target.Address = "x"
		err := p.Check()
		var bad *PlanError
		errors.As(err, &bad)
		if field = strings.TrimSpace(field); field == "" && err != nil || field != "" && (bad == nil || bad.Field != field) {
			t.Errorf("%+v: %v", p, err)
		}
		again := p
		if err == nil && (again.Check() != nil || !reflect.DeepEqual(p, again)) {
			t.Errorf("%+v is not as it was: %+v", p, again)
		}
		if err == nil && (p.Messages != storedMessages && p.Messages != 7 || p.Shape == Offline && p.QoS != 1 || p.Shape == Retain && !p.Retain) {
			t.Errorf("%+v", p)
		}
	}
}

func failureTexts(r *Result) (list []string) {
	for _, f := range r.Failures {
		list = append(list, f.Text)
	}
	return list
}

func TestRetained(t *testing.T) {
	for _, v := range []mqttwire.Version{mqttwire.V31, mqttwire.V311, mqttwire.V5} {
		for q := range mqttwire.QoS(3) {
			for _, rate := range []float64{0, 1000} {
				p := Plan{Shape: Retain, Publishers: 1 + int(q), Subscribers: 3, Version: v, QoS: q, Messages: 1111, Rate: rate, Workers: 1 + int(q), SizeMin: 20, SizeMax: 20 + 100*int(q)}
				runIn(t, testFaults{delay: time.Millisecond}, p, func(t *testing.T, b *testBroker, r *Result, err error) {
					wantResult(t, b, r, err)
					want := b.counts(measured)
					want.Reordered, want.Disordered = 0, 0 // of topics that have no order
					if booked(r.Counts) != want || r.Counts.Delivered != 3333 || r.Counts.Acknowledged != 1111 || len(r.Failures) > 0 {
						t.Errorf("%v, QoS %d: %+v, %v; the broker has %+v", v, q, r.Counts, r.Failures, want)
					}
					store, deliver := phaseOf(r, phaseStore), phaseOf(r, phaseDeliver)
					if store.Count != 1111 || deliver.Count != 3333 || deliver.Seconds != r.Seconds || rate > 0 && (store.Seconds < 1.1 || store.Seconds > 1.2) || deliver.Seconds <= 0 || deliver.Seconds > 1 {
						t.Errorf("%v, QoS %d: %+v, %v s", v, q, r.Phases, r.Seconds)
					}
					if books := b.report(); r.Latency != nil || books.retained != 1111+12+1111 || books.cleared != 1111 || r.Connections.Wanted != 4+int(q) {
						t.Errorf("%v, QoS %d: %+v, %+v", v, q, books, r.Connections)
					}
					leavesNothing(t, "retained", b)
				})
			}
		}
	}
}

func TestRetainedFaults(t *testing.T) {
	for name, test := range map[string]struct {
		faults testFaults
		kind   FailureKind
	}{
		"drop":      {testFaults{drop: 100}, BrokenPromise},
		"double":    {testFaults{double: 100}, BrokenPromise},
		"corrupt":   {testFaults{corrupt: 100}, BrokenPromise},
		"lower":     {testFaults{lower: 100}, BrokenPromise},
		"forget":    {testFaults{forget: 100}, BrokenPromise},
		"stale":     {testFaults{keepOld: true}, BrokenPromise},
		"unmarked":  {testFaults{unmarked: true}, BrokenPromise},
		"close":     {testFaults{closeAfter: 400}, LostConnection},
		"refuse":    {testFaults{refusePublish: mqttwire.QuotaExceeded, refuseEach: 10}, NotAllowed},
		"SUBSCRIBE": {testFaults{refuseSubscribe: mqttwire.NotAuthorized}, LostConnection},
	} {
		p := Plan{Shape: Retain, Publishers: 2, Subscribers: 2, QoS: 2, Messages: 600}
		runIn(t, test.faults, p, func(t *testing.T, b *testBroker, r *Result, err error) {
			wantResult(t, b, r, err)
			want := b.counts(measured)
			want.Reordered, want.Disordered = 0, 0
			if name == "forget" || name == "stale" { // who was to have them is known to the run alone
				want.Expected, want.Lost = r.Counts.Expected, r.Counts.Expected-want.Delivered
			}
			if name != "close" && name != "SUBSCRIBE" && booked(r.Counts) != want {
				t.Errorf("%s: the broker has\n%+v, the run says\n%+v", name, want, booked(r.Counts))
			}
			if !hasFailure(r, test.kind) {
				t.Errorf("%s: %v", name, r.Failures)
			}
			if lost := r.Counts.Lost > 0; lost != (name == "drop" || name == "forget" || name == "stale") {
				t.Errorf("%s: %+v", name, r.Counts)
			}
			if name != "close" { // by which who clears is hit as well
				leavesNothing(t, name, b)
			}
		})
	}
}

// TestStoredInterrupted ends a run at any time: nothing is left behind.
func TestStoredInterrupted(t *testing.T) {
	for _, shape := range []Shape{Retain, Offline} {
		for after := 20 * time.Millisecond; after < 3*time.Second; after += 290 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				b := newTestBroker(t, testFaults{delay: 10 * time.Millisecond})
				defer b.close()
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				p := Plan{Shape: shape, Publishers: 2, Subscribers: 2, QoS: 1, Messages: 2000, Rate: 1000, Workers: 2, Target: b.target()}
				r, err := Run(ctx, p)
				if err == nil {
					wantResult(t, b, r, err)
				}
				if took := time.Since(b.start); took > after+3*time.Second {
					t.Errorf("%s after %v: it took %v", shape, after, took)
				}
				synctest.Wait()
				leavesNothing(t, string(shape), b)
			})
		}
	}
}
