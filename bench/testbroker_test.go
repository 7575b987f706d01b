package bench

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A testBroker is a broker that keeps its promise, except for what its faults
// say, and keeps books of what it did. It serves any net.Conn: in memory, under
// the clock of a bubble, as well as sockets. One mutex guards all of it.
//
// A connection has two goroutines: serve reads and does what packets ask for,
// write sends what lies in out. Nothing is sent under the mutex.
type testBroker struct {
	faults testFaults
	start  time.Time

	mu       sync.Mutex
	running  sync.WaitGroup
	closed   bool
	conns    map[*testConn]bool
	listener net.Listener // nil: connections are in memory
	sessions map[string]*testSession
	retained map[string]*mqttwire.Publish
	shares   map[string]int        // whose turn it is, by filter
	routes   map[string]*testRoute // by topic; forgotten with each change
	books    testBooks
}

type testConn struct {
	net.Conn
	broker  *testBroker
	reader  *mqttwire.Reader
	session *testSession // nil before CONNECT

	wake    chan struct{} // there is something to write, or closing was set
	out     []byte
	hostile bool // hostile bytes follow on out
	closing bool // after what is in out
	left    bool // it said DISCONNECT
	counted int  // PUBLISH either way
}

// newTestBroker makes a broker that ends with the test. Inside a bubble close
// it before the bubble ends.
func newTestBroker(t testing.TB, f testFaults) *testBroker {
	b := &testBroker{
		faults: f, start: time.Now(), conns: map[*testConn]bool{}, sessions: map[string]*testSession{},
		retained: map[string]*mqttwire.Publish{}, shares: map[string]int{}, routes: map[string]*testRoute{}, books: newTestBooks(),
	}
	t.Cleanup(b.close)
	return b
}

// target is where the broker is, in memory.
func (b *testBroker) target() Target {
	return Target{Name: "mem://", Dial: func(context.Context, netip.Addr) (net.Conn, error) {
		near, far := transport.MemPair()
		return near, b.take(far)
	}}
}

// listen makes it listen on loopback and gives that as a target.
func (b *testBroker) listen(t testing.TB) Target {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.listener = l
	b.running.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil || b.take(nc) != nil {
				return
			}
		}
	})
	return Target{Name: "tcp://" + l.Addr().String(), Network: "tcp", Address: l.Addr().String()}
}

// close ends all connections and waits for everything that the broker runs.
func (b *testBroker) close() {
	b.mu.Lock()
	b.closed = true
	if b.listener != nil {
		b.listener.Close()
	}
	for c := range b.conns {
		c.Close()
		c.stir()
	}
	b.mu.Unlock()
	b.running.Wait()
}

// take takes a new connection over.
func (b *testBroker) take(nc net.Conn) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.faults.unreachable {
		nc.Close()
		return &net.OpError{Op: "dial", Net: "mem", Err: net.ErrClosed}
	}
	c := &testConn{Conn: nc, broker: b, wake: make(chan struct{}, 1)}
	c.reader = mqttwire.NewReader(b.faults.slow(nc, b.start))
	c.reader.From = mqttwire.Client
	b.conns[c] = true
	b.running.Go(c.serve)
	b.running.Go(c.write)
	return nil
}

// sever ends the connections of the clients that of picks, as a network would.
func (b *testBroker) sever(of func(id string) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		if c.session != nil && of(c.session.id) {
			c.Close()
			n++
		}
	}
	return n
}

func (c *testConn) serve() {
	b := c.broker
	for {
		p, err := c.reader.ReadPacket()
		b.mu.Lock()
		if err != nil && err != io.EOF && !b.closed {
			b.books.complain(err)
		}
		if err != nil || c.closing || !c.do(p) {
			c.leave()
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
	}
}

// leave ends the connection after what was put in out.
func (c *testConn) leave() {
	b := c.broker
	delete(b.conns, c)
	c.closing = true
	c.stir()
	if s := c.session; s != nil && s.conn == c {
		if s.conn = nil; s.expiry == 0 {
			delete(b.sessions, s.id)
			clear(b.routes)
		}
	}
}

func (c *testConn) stir() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends what is in out, as the faults allow.
func (c *testConn) write() {
	defer c.Close()
	for range c.wake {
		c.broker.faults.wait(c.broker.start)
		c.broker.mu.Lock()
		out, hostile, closing := c.out, c.hostile, c.closing
		c.out, c.hostile = nil, false
		c.broker.mu.Unlock()
		if _, err := c.Write(out); err != nil {
			return
		}
		if hostile {
			c.broker.faults.hostile(c)
		}
		if closing {
			return
		}
	}
}

func (c *testConn) send(p mqttwire.Packet) {
	out, err := p.Append(c.out, c.reader.Version)
	if err != nil {
		panic(err)
	}
	c.out = out
	c.stir()
}

// do does what a packet asks for; false ends the connection.
func (c *testConn) do(p mqttwire.Packet) bool {
	if c.session == nil && p.Type() != mqttwire.CONNECT {
		c.broker.books.complain(&mqttwire.Error{Reason: mqttwire.ProtocolError, Detail: p.Type().String() + " before CONNECT"})
		return false
	}
	if c.left {
		c.broker.books.complain(&mqttwire.Error{Reason: mqttwire.ProtocolError, Detail: p.Type().String() + " after DISCONNECT"})
		return true
	}
	if c.broker.faults.mute == p.Type() {
		return true
	}
	switch p := p.(type) {
	case *mqttwire.Connect:
		return c.connect(p)
	case *mqttwire.Publish:
		return c.publish(p)
	case *mqttwire.Ack:
		c.acknowledged(p)
	case *mqttwire.Subscribe:
		c.subscribe(p)
	case *mqttwire.Unsubscribe:
		for _, filter := range p.Filters {
			delete(c.session.filters, filter)
			clear(c.broker.routes)
		}
		c.send(&mqttwire.Unsuback{PacketID: p.PacketID, Reasons: make([]mqttwire.ReasonCode, len(p.Filters))})
	case *mqttwire.Pingreq:
		c.send(&mqttwire.Pingresp{})
	case *mqttwire.Disconnect:
		if expiry, ok := p.Properties.Number(mqttwire.SessionExpiryInterval); ok {
			c.session.expiry = expiry
		}
		c.broker.books.disconnects++
		if c.broker.faults.lastWord {
			c.left = true
			c.send(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: 60000})
			time.AfterFunc(10*time.Millisecond, func() { c.Close() })
		}
		return c.left
	}
	return true
}

func (c *testConn) connect(p *mqttwire.Connect) bool {
	b := c.broker
	b.books.connects++
	if reason := b.faults.refuseConnect; reason != 0 && b.books.connects > b.faults.refuseAfter {
		c.send(&mqttwire.Connack{Reason: reason})
		return false
	}
	id := strings.Clone(p.ClientID)
	s, present := b.sessions[id]
	if present && s.conn != nil {
		b.books.takeovers++
		s.conn.closing = true
		s.conn.stir()
	}
	if present = present && !p.CleanStart; !present {
		s = newTestSession(b, id)
		b.sessions[id] = s
		clear(b.routes)
	}
	s.conn, c.session, s.expiry = c, s, 0
	s.room, s.inflight, s.unacknowledged = 65535, 0, 0
	if p.Version == mqttwire.V5 {
		s.expiry, _ = p.Properties.Number(mqttwire.SessionExpiryInterval)
		if n, ok := p.Properties.Number(mqttwire.ReceiveMaximum); ok {
			s.room = int(n)
		}
	} else if !p.CleanStart {
		s.expiry = 1
	}
	c.send(&mqttwire.Connack{SessionPresent: present, Properties: b.faults.grants})
	c.hostile = b.faults.hostileAfter == 0 && c.isVictim()
	s.resume()
	return true
}

// publish takes a message over and acknowledges it.
func (c *testConn) publish(p *mqttwire.Publish) bool {
	b, s := c.broker, c.session
	if p.QoS == 2 && s.held[p.PacketID] {
		c.acknowledge(mqttwire.PUBREC, p.PacketID, 0)
		return true
	}
	if p.QoS > 0 {
		s.unacknowledged++
	}
	if limit := b.faults.receiveMaximum; limit > 0 && s.unacknowledged > limit {
		b.books.overruns++
	}
	b.books.arrived(p, time.Since(b.start))
	m := &mqttwire.Publish{Topic: strings.Clone(p.Topic), QoS: p.QoS, Retain: p.Retain, Payload: slices.Clone(p.Payload)}
	m.Properties = p.Properties.AppendWithout(nil, mqttwire.TopicAlias)
	refused, swallowed := b.accept(m)
	switch {
	case swallowed:
		return c.count()
	case p.QoS == 0:
	case p.QoS == 1:
		c.acknowledge(mqttwire.PUBACK, p.PacketID, refused)
	default:
		s.held[p.PacketID] = refused == 0
		c.acknowledge(mqttwire.PUBREC, p.PacketID, refused)
	}
	return c.count()
}

// isVictim tells whether hostile bytes are meant for the client.
func (c *testConn) isVictim() bool {
	f := &c.broker.faults
	return f.hostile != nil && strings.Contains(c.session.id, f.hostileTo)
}

// count counts a PUBLISH; false: it was the last that this connection may have.
func (c *testConn) count() bool {
	c.counted++
	if c.counted == c.broker.faults.hostileAfter && c.isVictim() {
		c.hostile = true
		c.stir()
	}
	return c.broker.faults.closeAfter == 0 || c.counted < c.broker.faults.closeAfter
}

// acknowledge answers a PUBLISH or PUBREL, at once or after a while.
func (c *testConn) acknowledge(kind mqttwire.PacketType, id mqttwire.PacketID, reason mqttwire.ReasonCode) {
	b, s := c.broker, c.session
	send := func() {
		if kind != mqttwire.PUBREC || reason != 0 {
			s.unacknowledged--
		}
		for range b.times(kind) {
			c.send(&mqttwire.Ack{Kind: kind, PacketID: b.strayID(kind, id), Reason: reason})
		}
	}
	if b.faults.acknowledgeAfter == 0 {
		send()
		return
	}
	time.AfterFunc(b.faults.acknowledgeAfter, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		send()
	})
}

// acknowledged is about PUBACK, PUBREC, PUBREL and PUBCOMP.
func (c *testConn) acknowledged(p *mqttwire.Ack) {
	if p.Kind != mqttwire.PUBREL {
		c.session.acknowledged(p)
		return
	}
	reason := mqttwire.PacketIdentifierNotFound
	if c.session.held[p.PacketID] {
		reason = mqttwire.Success
	}
	delete(c.session.held, p.PacketID)
	c.acknowledge(mqttwire.PUBCOMP, p.PacketID, reason)
}

func (c *testConn) subscribe(p *mqttwire.Subscribe) {
	b, s := c.broker, c.session
	reasons := make([]mqttwire.ReasonCode, len(p.Subscriptions))
	for i, sub := range p.Subscriptions {
		if reasons[i] = b.faults.refuseSubscribe; reasons[i] == 0 {
			reasons[i] = mqttwire.ReasonCode(sub.QoS)
			sub.Filter = strings.Clone(sub.Filter)
			s.filters[sub.Filter] = sub
		}
	}
	clear(b.routes)
	c.send(&mqttwire.Suback{PacketID: p.PacketID, Reasons: reasons})
	for i, sub := range p.Subscriptions {
		if _, _, shared := mqttwire.SplitShared(sub.Filter); reasons[i] > 2 || shared || sub.RetainHandling == 2 {
			continue
		}
		for _, m := range b.retained {
			if mqttwire.Match(sub.Filter, m.Topic) {
				r := testReceiver{s, s.id, sub.QoS, true}
				b.books.expect([]testReceiver{r}, m.Payload)
				s.deliver(m, r)
			}
		}
	}
}
