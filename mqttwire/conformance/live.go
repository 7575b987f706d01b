package conformance

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"mqtk/mqttwire"
)

// A Seen is what happens on a connection of a script, told as it happens.
type Seen struct {
	At         time.Duration // since the script began
	Client     int
	Connection int           // of all of the script, from 1 on; 0: there is none
	Sent       bool          // by the script
	Line       mqttwire.Line // the zero Line: bytes that are no packet, or the end
	Raw        []byte        // of the packet, or those bytes
	End        string        // why nothing more is sent, or comes: EOF
	Err        error         // what is wrong about it
}

// Text is a packet in words, hex=... for other bytes, or the end.
func (s *Seen) Text() string {
	switch {
	case s.End != "":
		return s.End
	case s.Line.Type == 0:
		return "hex=" + hex.EncodeToString(s.Raw)
	}
	return s.Line.String()
}

// tell hands something seen to whoever watches. The readers of several
// connections call it.
func (r *runner) tell(s Seen) {
	if r.options.Watch == nil {
		return
	}
	r.telling.Lock()
	defer r.telling.Unlock()
	s.At = time.Since(r.begun)
	r.options.Watch(s)
}

// linger waits for what still comes, until all connections have ended. No step
// looks at it, so it is not kept.
func (r *runner) linger(ctx context.Context) {
	if r.options.Linger == 0 {
		return
	}
	timer := time.NewTimer(r.options.Linger)
	defer timer.Stop()
	for r.isOpen() {
		for _, c := range r.clients {
			c.drop()
		}
		select {
		case <-r.wake:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (r *runner) isOpen() bool {
	for _, c := range r.clients {
		if !c.finished() {
			return true
		}
	}
	return false
}

// finished tells that nothing more comes.
func (c *client) finished() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.ended || len(c.events) > 0 && c.events[len(c.events)-1].end != ""
}

// drop forgets what came.
func (c *client) drop() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	end := len(c.events)
	if end > 0 && c.events[end-1].end != "" {
		end--
	}
	c.events, c.came = c.events[end:], 0
}

// maxPending is how much may come that no step has looked at yet.
const maxPending = 64 << 20

// isFull tells that there is more than anyone will look at: what reads it stops.
func (c *client) isFull() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	const each = 512 // bytes that an event takes besides, about
	return len(c.events) > maxPending/each || c.came > maxPending
}

// An UnreachableError is a connection that could not be opened.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the broker cannot be reached: %v", e.Err)
}
func (e *UnreachableError) Unwrap() error { return e.Err }

// An UnmeetableError is an expectation of a script that no packet can meet.
type UnmeetableError struct{ Err error }

func (e *UnmeetableError) Error() string { return "no packet can be this: " + e.Err.Error() }
func (e *UnmeetableError) Unwrap() error { return e.Err }

// An UnsayableError is a packet of a script that cannot be written.
type UnsayableError struct{ Err error }

func (e *UnsayableError) Error() string {
	return fmt.Sprintf("the script sends what cannot be written: %v", e.Err)
}
func (e *UnsayableError) Unwrap() error { return e.Err }

// Steps counts the steps of the script.
func (s *Script) Steps() int { return len(s.steps) }

// EndsWithSend tells that nothing is awaited behind the last packet sent: what
// answers it may be worth a wait.
func (s *Script) EndsWithSend() bool {
	last := &s.steps[len(s.steps)-1]
	return last.op == opSend && last.items[0].line.Type != mqttwire.DISCONNECT
}
