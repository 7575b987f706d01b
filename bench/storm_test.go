package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

func TestStorm(t *testing.T) {
	plan := linkPlan(Storm, Target{}, 300)
	plan.ConnectRate, plan.Duration, plan.Hold = 1000, 10*time.Second, 2*time.Second
	inBubble(t, testFaults{delay: 40 * time.Millisecond}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		c := &r.Connections
		rounds := c.Opened / 300
		if c.Wanted != c.Opened || rounds < 4 || c.Opened%300 != 0 || c.MaxOpen != 300 || c.Lost != 0 || r.Connect.Count() != int64(c.Opened) {
			t.Errorf("%+v, %d timed", c, r.Connect.Count())
		}
		if p := r.Phases; len(p) != 2 || p[0].Name != "connect" || p[0].Count != 300 || !near(p[0].Seconds, .299+.04) || p[1].Name != "reconnect" || p[1].Count != int64(c.Opened) {
			t.Errorf("phases: %+v", p)
		}
		// The last of a round waits longest, and that is what the round takes.
		if most := r.Connect.Max().Seconds(); !near(most*float64(rounds), c.Seconds) {
			t.Errorf("the longest took %g s, %d rounds %g s", most, rounds, c.Seconds)
		}
		if books := b.report(); books.connects != 300*(rounds+1) || books.disconnects != 300 || len(books.complaints) > 0 {
			t.Errorf("the broker saw %+v", books)
		}
		if len(r.Failures) > 0 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], fmt.Sprintf("all connections were dropped at once %d times: the last of 300 was back after", rounds)) {
			t.Errorf("failures %v, notes %q", r.Failures, r.Notes)
		}
	})
}

// TestStormRefused: those that a broker turns away come again, until they are in or
// the time is over.
func TestStormRefused(t *testing.T) {
	plan := linkPlan(Storm, Target{}, 50)
	plan.Duration = time.Second
	inBubble(t, testFaults{refuseConnect: mqttwire.ServerBusy, refuseAfter: 70}, plan, func(b *testBroker, r *Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		c := &r.Connections
		if c.Wanted != 50 || c.Opened != 20 || c.Refused["ServerBusy"] < 30*50 || r.Seconds < 60 || r.Seconds > 63 || c.Seconds < 60 {
			t.Errorf("%+v in %g s", c, r.Seconds)
		}
		if len(r.Failures) != 2 || r.Failures[0].Text != "30 of 50 connections were not back within 1m0s" {
			t.Errorf("failures: %v", r.Failures)
		}
	})
}
