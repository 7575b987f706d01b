package commands

import (
	"errors"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// fullDisk is a taker whose output has no room.
type fullDisk struct{ treePrinter }

func (fullDisk) take(*mqttwire.Publish, time.Time) error { return nil }
func (fullDisk) flush() error                            { return errors.New("no space left on device") }

// What could not be written stays on the broker.
func TestNothingIsRemovedThatWasNotWritten(t *testing.T) {
	for _, full := range []bool{false, true} {
		r := newRemover(nil, false)
		r.ended = make(chan struct{}) // as if the goroutine that publishes were at work
		s := &subscriber{link: &link{stop: func(error) {}}, takers: []taker{r}}
		if full {
			s.exact = []taker{&fullDisk{}}
		}
		if err := r.take(&mqttwire.Publish{Topic: "a", Retain: true, Payload: []byte("1")}, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if len(r.queue) > 0 || r.n > 0 {
			t.Error("the message is removed before anything is written")
		}
		if err := s.flush(); (err != nil) != full {
			t.Errorf("flush: %v", err)
		}
		if want := map[bool]int{false: 1}[full]; len(r.queue) != want || r.n != want {
			t.Errorf("full %t: %d messages were handed over, not %d", full, r.n, want)
		}
	}
}
