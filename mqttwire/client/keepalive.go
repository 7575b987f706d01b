package client

import (
	"context"
	"time"

	"mqtk/mqttwire"
)

// keeper keeps a link alive; the writing goroutine's.
//
// PINGREQ is sent when nothing else was for the keep alive less a margin, for
// timers come late. The PINGRESP is due within half of the keep alive. What
// counts is the time that the reader waited for the network: a program that
// is slow to take messages is no silence of the server. A server that floods
// us instead of answering, so that the reader never waits, is found by what it
// sent. A packet that is half here when the time is up may first be completed,
// for which the reader has its own limit; then the time runs once more.
type keeper struct {
	l      *link
	every  time.Duration // 0: no keep alive
	timer  *time.Timer
	excuse uint64 // the packet that is waited for, plus 1

	pardoned bool // that packet came, and the time runs once more
}

func newKeeper(l *link) *keeper {
	k := &keeper{l: l, every: l.g.KeepAlive, timer: time.NewTimer(time.Hour)}
	k.timer.Stop()
	if k.every > 0 {
		k.timer.Reset(k.quiet())
	}
	return k
}

// quiet is how long nothing may be sent.
func (k *keeper) quiet() time.Duration { return k.every - min(k.every/8, time.Second) }

// patience is how long a PINGRESP may take.
func (k *keeper) patience() time.Duration { return k.every / 2 }

// check is called when the timer fires.
func (k *keeper) check(now time.Time) error {
	c := k.l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	wait, err := k.overdue(now)
	if err != nil {
		return err
	}
	if quiet := k.quiet() - now.Sub(k.l.sent); quiet > 0 {
		wait = min(wait, quiet)
	} else if len(k.l.pings) == 0 {
		if err := k.l.ping(now, nil); err != nil {
			return err
		}
		k.l.sent = now
		wait = min(k.quiet(), k.patience())
	}
	k.timer.Reset(wait)
	return nil
}

// overdue judges the oldest PINGREQ under way, and tells when to look again.
func (k *keeper) overdue(now time.Time) (wait time.Duration, err error) {
	if len(k.l.pings) == 0 {
		k.excuse, k.pardoned = 0, false
		return k.every, nil
	}
	p, s := k.l.pings[0], &k.l.conn.source
	silent := s.patientFor(now) - p.waited
	flooded := now.Sub(p.sent) >= k.patience() && s.bytes.Load()-p.bytes > floodBytes
	if silent < k.patience() && !flooded {
		return max(k.patience()-silent, time.Millisecond), nil
	}
	switch current := s.packets.Load() + 1; {
	case flooded:
	case s.within.Load() && (k.excuse == 0 || k.excuse == current):
		k.excuse = current
		return time.Second, nil
	case k.excuse != 0 && !k.pardoned: // that packet is here: the PINGRESP can be behind it
		k.pardoned = true
		k.l.pings[0].waited = s.patientFor(now)
		return k.patience(), nil
	}
	return 0, &TimeoutError{Waiting: "PINGRESP", After: k.patience()}
}

// ping sends a PINGREQ; c.mu is held.
func (l *link) ping(now time.Time, answer chan struct{}) error {
	if _, err := l.conn.put(&mqttwire.Pingreq{}, false); err != nil {
		return err
	}
	s := &l.conn.source
	l.pings = append(l.pings, ping{sent: now, waited: s.patientFor(now), bytes: s.bytes.Load(), loose: l.loose, answer: answer})
	l.stir()
	return nil
}

// pong takes the answer to the oldest PINGREQ; one that nobody asked for is let
// pass, the standard does not name it.
func (l *link) pong() {
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(l.pings) == 0 {
		return
	}
	l.known = l.pings[0].loose
	if answer := l.pings[0].answer; answer != nil {
		close(answer)
	}
	l.pings = append(l.pings[:0], l.pings[1:]...)
}

// Ping sends PINGREQ and waits for the PINGRESP. All that the server sent
// before it has then passed OnMessage.
func (c *Client) Ping(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.until(ctx, func() bool { return c.link != nil }); err != nil {
		return err
	}
	return c.confirm(ctx)
}

// Confirm is Ping that waits for no connection: without one it is a *LostError.
func (c *Client) Confirm(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.over(); err != nil {
		return err
	}
	if c.link == nil {
		return &LostError{Err: errNoAnswer}
	}
	return c.confirm(ctx)
}

// Probe sends a PINGREQ, unless there is one under way, and waits for nothing:
// it makes Unconfirmed a closer bound.
func (c *Client) Probe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.link; l != nil && len(l.pings) == 0 {
		_ = l.ping(time.Now(), nil) // an error is that of the connection
	}
}

// confirm pings; c.mu is held, and given up while it waits.
func (c *Client) confirm(ctx context.Context) error {
	answer := make(chan struct{})
	l := c.link
	if err := l.ping(time.Now(), answer); err != nil {
		return err
	}
	c.mu.Unlock()
	defer c.mu.Lock()
	timer := time.NewTimer(c.o.ReplyTimeout)
	defer timer.Stop()
	select {
	case <-answer:
		return nil
	case <-l.gone:
		return &LostError{Err: errNoAnswer}
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return &TimeoutError{Waiting: "PINGRESP", After: c.o.ReplyTimeout}
	}
}
