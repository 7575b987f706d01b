package crash

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A session is a client whose process lives on while the broker is killed. It
// keeps its side of the session and resumes it, as the standard asks.
type session struct {
	run      *run
	clientID string
	version  mqttwire.Version
	filters  []mqttwire.Subscription
	receive  func(p *mqttwire.Publish) // each message, once at QoS 2; nil: none are expected
	random   *rand.Rand                // of the client's own goroutine

	mu      sync.Mutex
	conn    *client.Conn
	begun   bool                       // a CONNACK said that the broker has the session
	granted chan struct{}              // closed by the SUBACK
	refusal mqttwire.ReasonCode        // in it
	held    map[mqttwire.PacketID]bool // incoming QoS 2 messages without PUBREL yet
	out     []*outgoing                // in the order of their first sending
	lastID  mqttwire.PacketID
	limit   int // of out: the broker's Receive Maximum
}

func (r *run) session(role string, index int) *session {
	return &session{
		run:      r,
		clientID: r.prefix + role + decimal(index),
		version:  r.version(index),
		random:   r.rand(role, index),
		granted:  make(chan struct{}),
		held:     make(map[mqttwire.PacketID]bool),
		limit:    r.o.Window,
	}
}

// keepAlive spares idle clients the pinging, in seconds.
const keepAlive = 3600

// sessionExpiry is how long the broker has to keep our sessions, in seconds.
const sessionExpiry = 24 * 60 * 60

// live goes online again and again until ctx ends.
func (s *session) live(ctx context.Context, work func(ctx context.Context)) {
	for ctx.Err() == nil {
		if err := s.online(ctx, work); err != nil {
			pause(ctx, 10*time.Millisecond+time.Duration(s.random.IntN(20))*time.Millisecond)
		}
	}
}

// online connects, resumes, and keeps the connection until work has returned.
// The context of work ends with the connection.
func (s *session) online(ctx context.Context, work func(ctx context.Context)) error {
	if err := s.run.gate.enter(ctx); err != nil {
		return err
	}
	defer s.run.gate.leave()
	conn, connack, err := s.run.connect(ctx, s.connect())
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	s.resume(conn, connack)
	reading, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		s.read(conn)
	}()
	work(reading)
	conn.Close()
	<-done
	s.mu.Lock()
	s.conn = nil
	s.mu.Unlock()
	return nil
}

// connect is the CONNECT that keeps the session.
func (s *session) connect() *mqttwire.Connect {
	c := &mqttwire.Connect{Version: s.version, ClientID: s.clientID, KeepAlive: keepAlive}
	if s.version == mqttwire.V5 {
		c.Properties = c.Properties.AddNumber(mqttwire.SessionExpiryInterval, sessionExpiry)
	}
	return c
}

// resume goes on where the last connection broke.
func (s *session) resume(conn *client.Conn, connack *mqttwire.Connack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	if s.limit = s.run.o.Window; s.version == mqttwire.V5 {
		if n, ok := connack.Properties.Number(mqttwire.ReceiveMaximum); ok {
			s.limit = min(s.limit, int(n))
		}
	}
	if !connack.SessionPresent {
		s.begin()
	}
	s.begun = true
	for _, m := range s.out {
		_ = conn.WritePacket(m.again()) // a broken connection is the reader's to find
	}
	if len(s.filters) > 0 && !closed(s.granted) {
		_ = conn.WritePacket(&mqttwire.Subscribe{PacketID: subscribeID, Subscriptions: s.filters})
	}
	_ = conn.Flush()
}

// subscribeID is free: who subscribes here does not publish.
const subscribeID = 1

// begin starts anew on a broker that has no session. Were there one before, it
// was lost.
func (s *session) begin() {
	if s.begun {
		s.run.ledger.find(LostSession, Example{Client: s.clientID})
	} else {
		s.run.ledger.count(func(a *Acknowledged) { a.Sessions++ })
	}
	s.out = nil
	clear(s.held)
	if closed(s.granted) {
		s.granted = make(chan struct{})
	}
}

// subscribed is closed by the SUBACK.
func (s *session) subscribed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.granted
}

// refused is the reason of a refusal in the SUBACK, 0: none.
func (s *session) refused() mqttwire.ReasonCode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal
}

// read takes what comes until the connection breaks.
func (s *session) read(conn *client.Conn) {
	for {
		p, err := conn.ReadPacket()
		if err != nil {
			s.run.violated(s.clientID, err)
			return
		}
		s.take(conn, p)
		if conn.Buffered() == 0 {
			_ = conn.Flush()
		}
	}
}

func (s *session) take(conn *client.Conn, p mqttwire.Packet) {
	switch p := p.(type) {
	case *mqttwire.Publish:
		s.takeMessage(conn, p)
	case *mqttwire.Ack:
		if p.Kind == mqttwire.PUBREL {
			s.mu.Lock()
			delete(s.held, p.PacketID)
			s.mu.Unlock()
			_ = conn.WritePacket(&mqttwire.Ack{Kind: mqttwire.PUBCOMP, PacketID: p.PacketID})
			return
		}
		s.takeAnswer(conn, p)
	case *mqttwire.Suback:
		s.takeGrant(p)
	}
}

// takeMessage is the receiver of the standard: a QoS 2 message counts when its
// id is not held.
func (s *session) takeMessage(conn *client.Conn, p *mqttwire.Publish) {
	again := false
	if p.QoS == 2 {
		s.mu.Lock()
		again = s.held[p.PacketID]
		s.held[p.PacketID] = true
		s.mu.Unlock()
	}
	if s.receive != nil && !again {
		s.receive(p)
	}
	switch p.QoS {
	case 1:
		_ = conn.WritePacket(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID})
	case 2:
		_ = conn.WritePacket(&mqttwire.Ack{Kind: mqttwire.PUBREC, PacketID: p.PacketID})
	}
}

func (s *session) takeGrant(p *mqttwire.Suback) {
	s.mu.Lock()
	defer s.mu.Unlock()
	granted := 0
	for _, reason := range p.Reasons {
		if reason >= mqttwire.UnspecifiedError {
			s.refusal = reason
			continue
		}
		granted++
	}
	s.run.ledger.count(func(a *Acknowledged) { a.Subscriptions += granted })
	if !closed(s.granted) {
		close(s.granted)
	}
}

// hangUp says DISCONNECT, which keeps the session, and waits for the broker to
// close; or just breaks the connection off.
func (s *session) hangUp(ctx context.Context, politely bool) {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil || !politely {
		return
	}
	if conn.WritePacket(new(mqttwire.Disconnect)) == nil && conn.Flush() == nil {
		pause(ctx, time.Second) // ctx ends when the broker closes
	}
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// violated notes an error of reading that is the broker's fault.
func (r *run) violated(clientID string, err error) {
	var v *client.ViolationError
	if errors.As(err, &v) {
		r.ledger.find(Violation, Example{Client: clientID, Detail: v.Err.Error()})
	}
}
