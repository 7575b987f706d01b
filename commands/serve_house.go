package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"

	"mqtk/broker"
	"mqtk/commands/config"
	"mqtk/mqttwire/transport"
)

// A house is what a configuration becomes: the doors that clients come in by, and
// the locks on them. It is made as a whole beside the one that is lived in, so that
// a reload has either the new one or the one before.
type house struct {
	config *config.Config
	locks  *locks
	doors  []*door

	blocked map[*door]error // doors that others of the house before keep from opening
	rivals  []*door         // those others
}

// newHouse reads all that the configuration names. No door is open yet.
func newHouse(ctx context.Context, c *config.Config, before *house, log *slog.Logger) (*house, error) {
	k, err := openLocks(ctx, c, before, log)
	if err != nil {
		return nil, err
	}
	h := &house{config: c, locks: k}
	for _, l := range c.Listeners {
		d := newDoor(l, c.AllowAnonymous, log)
		if d.rules.Authenticator, d.guests, err = k.authenticator(&d.Listener); err != nil {
			k.close(before.lock())
			return nil, err
		}
		h.doors = append(h.doors, d)
	}
	return h, nil
}

// open opens the doors, but for those that the house before has open in the same
// way: they are handed over when it is moved into. On an error all are as they were.
func (h *house) open(before *house, s *sockets) error {
	kept := before.byPlace()
	for _, d := range h.doors {
		var err error
		if old := kept.take(d.place()); old != nil {
			err = d.alter(old)
		} else {
			err = d.open(s)
		}
		if before != nil && errors.Is(err, syscall.EADDRINUSE) {
			h.block(d, err)
			err = nil
		}
		if err != nil {
			h.close(before)
			return err
		}
	}
	if err := h.unblock(kept); err != nil {
		h.close(before)
		return err
	}
	return nil
}

func (h *house) block(d *door, err error) {
	if h.blocked == nil {
		h.blocked = map[*door]error{}
	}
	h.blocked[d] = err
}

// close closes what the other house does not have, too.
func (h *house) close(other *house) {
	for _, d := range h.doors {
		d.close()
	}
	h.locks.close(other.lock())
}

// lock are the locks of a house, if there is one.
func (h *house) lock() *locks {
	if h == nil {
		return nil
	}
	return h.locks
}

// doorsByPlace are doors to be found again. A place may be there more than once:
// any free port is.
type doorsByPlace map[string][]*door

func (h *house) byPlace() doorsByPlace {
	all := doorsByPlace{}
	if h != nil {
		for _, d := range h.doors {
			all[d.place()] = append(all[d.place()], d)
		}
	}
	return all
}

// take returns a door at that place, once, or nil.
func (m doorsByPlace) take(place string) *door {
	doors := m[place]
	if len(doors) == 0 {
		return nil
	}
	m[place] = doors[1:]
	return doors[0]
}

// urls are where clients reach the house.
func (h *house) urls() []string {
	var urls []string
	for _, d := range h.doors {
		urls = append(urls, d.urls()...)
	}
	return urls
}

// summary says where the house is open, and for whom; its lines are like those of
// the broker's.
func (h *house) summary() string {
	var b strings.Builder
	for _, d := range h.doors {
		fmt.Fprintf(&b, "%-14s %s lets in %s\n", "listener", strings.Join(d.urls(), " "), d.guests)
	}
	fmt.Fprintf(&b, "%-14s %s\n", "rights", h.locks.rights())
	return b.String()
}

// move makes the house the one that the broker lives in. What can fail comes first,
// and then changes nothing.
func (s *service) move(ctx context.Context, next *house) error {
	before := s.house
	if before == next { // at the start
		before = nil
	}
	if before != nil {
		if err := s.broker.SetAuthorizer(ctx, next.locks.authorizer()); err != nil {
			return err
		}
		if err := s.broker.SetLimits(next.config.Limits); err != nil {
			return err
		}
	}
	s.broker.SetBans(broker.Bans{Users: next.config.Bans.Users, ClientIDs: next.config.Bans.Clients, Addresses: next.config.Bans.Addresses})
	kept := before.byPlace()
	for _, d := range next.doors {
		if old := kept.take(d.place()); old != nil {
			d.takeOver(old)
			continue
		}
		d.gate = broker.NewGate(d.rules)
		for _, l := range d.listeners {
			s.letIn(d, l)
		}
		if before != nil {
			d.greet(s.log)
		}
	}
	for _, doors := range kept {
		for _, d := range doors {
			s.leave(d)
		}
	}
	s.house = next
	if before != nil {
		before.locks.close(next.locks)
	}
	return nil
}

// takeOver gives a door the gate of the one before, and what that has open.
func (d *door) takeOver(old *door) {
	d.gate, d.listeners, old.listeners = old.gate, old.listeners, nil
	d.passed, d.serving = old.passed, old.serving
	d.gate.SetRules(d.rules)
	for _, apply := range d.alterations {
		apply()
	}
}

// urls are where clients reach the door.
func (d *door) urls() []string {
	urls := make([]string, len(d.listeners))
	for i, l := range d.listeners {
		urls[i] = transport.URL(l)
	}
	return urls
}

// serve lets clients in by a listener until it ends. One that a reload has closed
// ends without a word.
func (s *service) serve(g *broker.Gate, l net.Listener) {
	err := s.broker.ServeGate(g, l)
	if errors.Is(err, broker.ErrClosed) || errors.Is(err, net.ErrClosed) {
		return
	}
	select {
	case s.served <- err:
	case <-s.over:
	}
}

// leave closes a door, and ends who came in by it.
func (s *service) leave(d *door) {
	s.log.Info("not listening any more", "url", d.lastURLs())
	s.broker.CloseGate(d.gate)
	d.close()
}
