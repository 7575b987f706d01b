package crash

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"mqtk/broker"
	"mqtk/mqttwire/transport"
)

// A severed broker is a whole one that lives on while its connections are cut:
// what remembers better cannot be.
type severed struct {
	broker *broker.Broker

	mu       sync.Mutex
	listener *transport.MemListener
	conns    []net.Conn
	ended    chan struct{}
	serving  sync.WaitGroup
}

func newSevered(t *testing.T) *severed {
	b, err := broker.New(broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &severed{broker: b, ended: make(chan struct{})}
	close(s.ended)
	return s
}

func (s *severed) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := transport.NewMemListener()
	s.listener, s.conns, s.ended = l, nil, make(chan struct{})
	s.serving.Go(func() { _ = s.broker.Serve(l) })
	return nil
}

func (s *severed) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if closed(s.ended) {
		return nil
	}
	s.listener.Close()
	for _, c := range s.conns {
		c.Close()
	}
	close(s.ended)
	return nil
}

func (s *severed) Ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

func (s *severed) dial(ctx context.Context) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil, errors.New("nobody listens")
	}
	nc, err := s.listener.Dial(ctx)
	if err == nil {
		s.conns = append(s.conns, nc)
	}
	return nc, err
}

// TestNothingFoundOnBroker: a broker with all its windows, queues and shares
// loses nothing by having its connections cut, and the clients find nothing.
func TestNothingFoundOnBroker(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			s := newSevered(t)
			c := Defaults()
			c.Broker, c.Dial, c.Prefix, c.Seed, c.Kills = s, s.dial, "t-", seed, 8
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !r.OK() || r.Incomplete {
				t.Errorf("seed %d: %v", seed, r.Findings.Examples())
			}
			if err := s.broker.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			s.serving.Wait()
		})
	}
}
