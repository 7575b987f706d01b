package commands

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// paced gives the items of a source by a plan: every so often after the one
// before, however long that took to send. What is late is made up for up to
// maxLateness, so that a pause in the input or of the broker is not followed by
// a flood.
type paced struct {
	source
	every time.Duration
	at    time.Time // when the next item is due
	held  bool      // there is one that waits for its time
}

const maxLateness = 100 * time.Millisecond

func (s *paced) waits() bool   { return s.source.waits() || time.Now().Before(s.at) }
func (s *paced) pending() bool { return s.held || s.source.pending() }

func (s *paced) left() (n int, whole bool) {
	if n, whole = s.source.left(); s.held {
		n++
	}
	return n, whole
}

func (s *paced) next(ctx context.Context, done <-chan struct{}, it *item) (bool, error) {
	ok, err := s.source.next(ctx, done, it)
	if !ok || err != nil {
		return false, err
	}
	s.held = true
	if over, err := waitUntil(ctx, done, s.at); over || err != nil {
		return false, err
	}
	s.held = false
	if now := time.Now(); now.Sub(s.at) > maxLateness {
		s.at = now
	}
	s.at = s.at.Add(s.every)
	return true, nil
}

// waitUntil waits for a time. It ends early with ctx; over: the client is done,
// and its Wait tells why.
func waitUntil(ctx context.Context, done <-chan struct{}, at time.Time) (over bool, err error) {
	wait := time.Until(at)
	if wait <= 0 {
		return false, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-done:
		return true, nil
	}
}

// between is the time between two items of the source: --rate counts messages,
// of which a payload makes one for each topic.
func (o *pubOptions) between(topics int) time.Duration {
	if o.RepeatDelay > 0 || o.whole() {
		return o.Interval
	}
	return o.Interval * time.Duration(topics)
}

// toPace reads 20, 20/s, 2k, 30/m or 100/h as the time between two messages.
func toPace(into *time.Duration) func(string) error {
	return func(s string) error {
		number, unit, _ := strings.Cut(s, "/")
		length := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "min": time.Minute, "h": time.Hour}[unit]
		n, err := parseCount(number)
		every := time.Duration(float64(length) / n)
		if err != nil || length == 0 || !(n > 0) || every <= 0 || every > 1000*time.Hour {
			return fmt.Errorf("must be messages a second, such as 2000, 2000/s, 2k or 0.5, or 30/m, or 100/h")
		}
		*into = every
		return nil
	}
}

// toRepeat reads how many times, or inf.
func toRepeat(into *int) func(string) error {
	return func(s string) error {
		if s == "inf" {
			*into = endless
			return nil
		}
		if err := toNumber(into, 1, 1<<31-1)(s); err != nil {
			return fmt.Errorf("must be a number of times from 1, or inf")
		}
		return nil
	}
}
