package crash

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A decoy is a command that is not the broker that answers: that one comes up
// when the command starts, and outlives it.
type decoy struct {
	*fakeBroker
	endsAtOnce bool
	ended      chan struct{}
}

func newDecoy(endsAtOnce bool) *decoy {
	d := &decoy{newFakeBroker(""), endsAtOnce, make(chan struct{})}
	close(d.ended)
	return d
}

func (d *decoy) Start() error {
	d.ended = make(chan struct{})
	if d.endsAtOnce {
		close(d.ended)
	}
	return d.fakeBroker.Start()
}

func (d *decoy) Kill() error {
	if !closed(d.ended) {
		close(d.ended)
	}
	return nil
}

func (d *decoy) Ended() <-chan struct{} { return d.ended }

// What already listens at the address is left alone.
func TestAddressTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBroker("")
		if err := b.Start(); err != nil {
			t.Fatal(err)
		}
		d := newDecoy(false)
		c := smallLoad(b)
		c.Broker = d
		r, err := c.Run(t.Context())
		var other *OtherError
		if r != nil || !errors.As(err, &other) || !other.Before || !strings.Contains(err.Error(), "already listens") {
			t.Errorf("got %v, %v", r, err)
		}
		if d.starts > 0 || b.count > 0 || len(b.sessions) > 0 {
			t.Errorf("the command was started %d times; the other broker got %d messages and %d sessions", d.starts, b.count, len(b.sessions))
		}
		if err := b.Kill(); err != nil {
			t.Error(err)
		}
	})
}

// A broker that answers on when the command was killed is not the one to judge,
// and neither is one that answers when the command has ended by itself.
func TestAnswersOn(t *testing.T) {
	for _, test := range []struct {
		endsAtOnce bool
		want       string
	}{
		{false, "is not the broker that answers"},
		{true, "has ended, and something else answers"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDecoy(test.endsAtOnce)
			c := smallLoad(d.fakeBroker)
			c.Broker = d
			begun := time.Now()
			r, err := c.Run(t.Context())
			var other *OtherError
			if r != nil || !errors.As(err, &other) || other.Before || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v, want %q", r, err, test.want)
			}
			if d.starts != 1 {
				t.Errorf("the command was started %d times", d.starts)
			}
			if took := time.Since(begun); took > c.Patience+3*c.LoadTime {
				t.Errorf("it took %s to see that", took)
			}
			if err := d.fakeBroker.Kill(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A port that takes a moment to be given back is waited for.
func TestSlowlyVacated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDecoy(false)
		c := smallLoad(d.fakeBroker)
		c.Broker = d
		r := newRun(c)
		if err := d.Start(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		time.AfterFunc(c.Patience/2, func() { _ = d.fakeBroker.Kill() })
		if err := r.kill(t.Context()); err != nil || time.Since(begun) < c.Patience/2 {
			t.Errorf("got %v after %s", err, time.Since(begun))
		}
	})
}
