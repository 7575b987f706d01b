package crash

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A fakeBroker is a broker in memory that keeps its promise, except for what
// its flaw says. What is in its fields survives Kill; connections do not.
type fakeBroker struct {
	flaw   flaw
	grants mqttwire.Properties // of every CONNACK

	mu       sync.Mutex
	listener *transport.MemListener
	conns    map[*fakeConn]bool
	ended    chan struct{}
	running  sync.WaitGroup
	starts   int
	count    int // of messages routed
	mostHeld int // QoS 2 ids of one session

	sessions map[string]*fakeSession
	retained map[string][]byte
	wills    map[string]*mqttwire.Publish // of the connected, by client id
	kept     map[string]*mqttwire.Publish // a message held back, by topic
	before   map[string][]byte            // the retained message before the last
	removed  []func()                     // puts back what was ended
	undone   []func()                     // undoes what no acknowledgement covers
}

type fakeSession struct {
	id         string
	conn       *fakeConn // nil: away
	persistent bool
	filters    map[string]mqttwire.QoS
	held       map[mqttwire.PacketID]bool
	out        []*fakeDelivery
	lastID     mqttwire.PacketID
}

type fakeDelivery struct {
	mqttwire.Publish
	received bool
}

type fakeConn struct {
	net.Conn
	broker  *fakeBroker
	reader  *mqttwire.Reader
	session *fakeSession
	out     chan []byte
	written chan struct{} // closed when all of out is
}

// A flaw is what a fakeBroker does wrong.
type flaw string

// latency is what a packet of the broker takes, so that something is always
// under way.
const latency = 3 * time.Millisecond

// every is how many messages come between two that the flaw is about.
const every = 41

func newFakeBroker(f flaw) *fakeBroker {
	b := &fakeBroker{
		flaw: f, ended: make(chan struct{}), sessions: map[string]*fakeSession{}, retained: map[string][]byte{},
		wills: map[string]*mqttwire.Publish{}, kept: map[string]*mqttwire.Publish{}, before: map[string][]byte{},
	}
	close(b.ended)
	return b
}

func (b *fakeBroker) Start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.starts++
	b.listener, b.conns, b.ended = transport.NewMemListener(), make(map[*fakeConn]bool), make(chan struct{})
	switch {
	case b.flaw == "never up", b.flaw == "not back" && b.starts == 3:
		close(b.ended)
		return nil
	case b.flaw == "hangs after a kill" && b.starts == 3:
		return nil // connections are taken by nobody
	case b.flaw == "dies" && b.starts == 2:
		ended := b.ended
		b.running.Go(func() {
			select {
			case <-time.After(300 * time.Millisecond): // of a bubble's clock
				b.crash()
			case <-ended:
			}
		})
	}
	if b.flaw != "forgets wills" {
		b.fireWills()
	}
	if b.flaw == "fires wills twice" {
		b.fireWills()
	}
	clear(b.wills)
	l := b.listener
	b.running.Go(func() { b.accept(l) })
	return nil
}

func (b *fakeBroker) fireWills() {
	for _, will := range b.wills {
		b.route(will)
	}
}

func (b *fakeBroker) accept(l *transport.MemListener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		c := &fakeConn{Conn: nc, broker: b, reader: mqttwire.NewReader(nc), out: make(chan []byte, 10_000), written: make(chan struct{})}
		c.reader.From = mqttwire.Client
		b.mu.Lock()
		b.conns[c] = true
		b.mu.Unlock()
		b.running.Go(c.serve)
		b.running.Go(func() {
			defer close(c.written)
			for p := range c.out {
				<-time.After(latency) // of a bubble's clock
				for range len(c.out) {
					p = append(p, <-c.out...)
				}
				c.Write(p)
			}
		})
	}
}

func (b *fakeBroker) Ended() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

func (b *fakeBroker) Kill() error {
	b.crash()
	b.running.Wait()
	return nil
}

// crash ends the process and leaves of its data what the flaw leaves.
func (b *fakeBroker) crash() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if closed(b.ended) {
		return
	}
	close(b.ended)
	b.listener.Close()
	for c := range b.conns {
		c.Close()
	}
	for id, s := range b.sessions {
		if s.conn = nil; !s.persistent {
			delete(b.sessions, id)
		}
	}
	b.spoil()
}

// spoil does to the data what the flaw says.
func (b *fakeBroker) spoil() {
	for id, s := range b.sessions {
		switch {
		case b.flaw == "loses a publisher's session" && strings.HasSuffix(id, "-p0"),
			b.flaw == "loses a subscriber's session" && strings.HasSuffix(id, "-s0"),
			b.flaw == "loses sessions" && strings.Contains(id, "-n"):
			delete(b.sessions, id)
		case b.flaw == "loses subscriptions" && strings.Contains(id, "-n"):
			clear(s.filters)
		case b.flaw == "loses a queue" && strings.HasSuffix(id, "-s1"):
			s.out = nil
		case b.flaw == "forgets packet ids": // what is resent gets a new one, and PUBREC is forgotten
			for _, d := range s.out {
				s.lastID++
				d.PacketID, d.received = s.lastID, false
			}
		case b.flaw == "forgets held ids":
			clear(s.held)
		}
	}
	for topic := range b.retained {
		switch b.flaw {
		case "loses retained messages":
			delete(b.retained, topic)
		case "goes back to old retained messages":
			b.retained[topic] = b.before[topic]
		}
	}
	if b.flaw == "brings back ends" {
		for _, back := range b.removed {
			back()
		}
	}
	b.removed = nil
	for _, undo := range b.undone {
		undo()
	}
	b.undone = nil
}

func (c *fakeConn) serve() {
	defer func() {
		close(c.out)
		<-c.written
		c.Close()
	}()
	for {
		p, err := c.reader.ReadPacket()
		c.broker.mu.Lock()
		if err == nil {
			if _, ok := p.(*mqttwire.Connect); !ok && (c.session == nil || c.session.conn != c) {
				err = net.ErrClosed // taken over
			}
		}
		if err != nil || closed(c.broker.ended) || !c.take(p) {
			c.broker.gone(c)
			c.broker.mu.Unlock()
			return
		}
		c.broker.mu.Unlock()
	}
}

// gone forgets a connection; its will is due unless it was a DISCONNECT.
func (b *fakeBroker) gone(c *fakeConn) {
	delete(b.conns, c)
	if s := c.session; s != nil && s.conn == c && !closed(b.ended) {
		s.conn = nil
		if will := b.wills[s.id]; will != nil {
			delete(b.wills, s.id)
			b.route(will)
		}
		if !s.persistent {
			delete(b.sessions, s.id)
		}
	}
}

func (c *fakeConn) send(p mqttwire.Packet) {
	text, err := p.Append(nil, c.reader.Version)
	if err != nil {
		panic(err)
	}
	c.out <- text
}

// take does what one packet asks for; false ends the connection.
func (c *fakeConn) take(p mqttwire.Packet) bool {
	switch p := p.(type) {
	case *mqttwire.Connect:
		return c.broker.greet(c, p)
	case *mqttwire.Publish:
		c.broker.publish(c, p)
	case *mqttwire.Ack:
		c.answer(p)
	case *mqttwire.Subscribe:
		c.subscribe(p)
	case *mqttwire.Unsubscribe:
		reasons := make([]mqttwire.ReasonCode, len(p.Filters))
		s := c.session
		for _, filter := range p.Filters {
			filter := clone(filter)
			delete(s.filters, filter)
			c.broker.removed = append(c.broker.removed, func() { s.filters[filter] = 1 })
		}
		c.send(&mqttwire.Unsuback{PacketID: p.PacketID, Reasons: reasons})
	case *mqttwire.Pingreq:
		c.send(&mqttwire.Pingresp{})
	case *mqttwire.Disconnect:
		delete(c.broker.wills, c.session.id)
		return false
	}
	return true
}

func (b *fakeBroker) greet(c *fakeConn, p *mqttwire.Connect) bool {
	if b.flaw == "speaks 3.1.1 alone" && p.Version == mqttwire.V5 {
		c.send(&mqttwire.Connack{Reason: mqttwire.UnsupportedProtocolVersion})
		return false
	}
	id := clone(p.ClientID)
	old := b.sessions[id]
	if old != nil && old.conn != nil {
		old.conn.Close()
		old.conn = nil
	}
	if old != nil && p.CleanStart {
		delete(b.sessions, id)
		ended := old
		b.removed = append(b.removed, func() { b.sessions[id] = ended })
		old = nil
	}
	expiry, _ := p.Properties.Number(mqttwire.SessionExpiryInterval)
	present := old != nil
	if !present {
		old = &fakeSession{id: id, filters: map[string]mqttwire.QoS{}, held: map[mqttwire.PacketID]bool{}}
		b.sessions[id] = old
	}
	old.conn, old.persistent, c.session = c, expiry > 0 || p.Version != mqttwire.V5 && !p.CleanStart, old
	if w := p.Will; w != nil {
		b.wills[id] = &mqttwire.Publish{Topic: clone(w.Topic), QoS: w.QoS, Payload: slices.Clone(w.Payload)}
	}
	connack := &mqttwire.Connack{SessionPresent: present}
	if p.Version == mqttwire.V5 {
		connack.Properties = b.grants
	}
	c.send(connack)
	for _, d := range old.out {
		c.deliver(d, true)
	}
	return true
}

func (c *fakeConn) deliver(d *fakeDelivery, dup bool) {
	if d.received {
		c.send(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: d.PacketID})
		return
	}
	d.Dup = dup && d.QoS > 0
	c.send(&d.Publish)
}

func (c *fakeConn) subscribe(p *mqttwire.Subscribe) {
	reasons := make([]mqttwire.ReasonCode, len(p.Subscriptions))
	for i, s := range p.Subscriptions {
		reasons[i] = mqttwire.ReasonCode(s.QoS)
		c.session.filters[clone(s.Filter)] = s.QoS
		for topic, payload := range c.broker.retained {
			if mqttwire.Match(s.Filter, topic) {
				c.send(&mqttwire.Publish{Topic: topic, Payload: payload, Retain: true})
			}
		}
	}
	c.send(&mqttwire.Suback{PacketID: p.PacketID, Reasons: reasons})
}

// publish takes a message over and acknowledges it.
func (b *fakeBroker) publish(c *fakeConn, p *mqttwire.Publish) {
	held := p.QoS == 2 && c.session.held[p.PacketID]
	b.count++
	spoiled := b.count%every == 0 && strings.Contains(p.Topic, "/load/")
	if spoiled && b.flaw == "swallows" {
		return
	}
	if spoiled && b.flaw == "sends nonsense" {
		c.out <- []byte{0x40, 0x02, 0x00, 0x00} // PUBACK for packet id 0
	}
	if !held {
		m := &mqttwire.Publish{Topic: clone(p.Topic), QoS: p.QoS, Retain: p.Retain, Payload: slices.Clone(p.Payload)}
		b.spoilMessage(m, spoiled)
	}
	switch p.QoS {
	case 1:
		c.send(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID})
	case 2:
		c.session.held[p.PacketID] = true
		b.mostHeld = max(b.mostHeld, len(c.session.held))
		c.send(&mqttwire.Ack{Kind: mqttwire.PUBREC, PacketID: p.PacketID})
	}
}

// spoilMessage routes m, or does something else to it.
func (b *fakeBroker) spoilMessage(m *mqttwire.Publish, spoiled bool) {
	switch {
	case spoiled && b.flaw == "loses QoS 1" && m.QoS == 1, spoiled && b.flaw == "loses QoS 2" && m.QoS == 2:
		return
	case spoiled && b.flaw == "delivers twice":
		b.route(m)
	case spoiled && b.flaw == "changes payloads":
		m.Payload[len(m.Payload)-1] = '?'
	case spoiled && b.flaw == "reorders":
		b.kept[m.Topic] = m
		return
	}
	if m.Retain {
		old := b.retained[m.Topic]
		b.before[m.Topic] = old
		if m.QoS == 0 && old != nil {
			b.undone = append(b.undone, func() { b.retained[m.Topic] = old })
		}
		b.retained[m.Topic] = m.Payload
		if len(m.Payload) == 0 {
			delete(b.retained, m.Topic)
		}
	}
	b.route(m)
	if late := b.kept[m.Topic]; late != nil {
		delete(b.kept, m.Topic)
		b.route(late)
	}
}

// route puts m into every session that subscribes to its topic, and into one
// of each share.
func (b *fakeBroker) route(m *mqttwire.Publish) {
	var share []*fakeSession
	for _, s := range b.sessions {
		for filter, qos := range s.filters {
			_, rest, shared := mqttwire.SplitShared(filter)
			switch {
			case !mqttwire.Match(rest, m.Topic):
			case shared:
				share = append(share, s)
			default:
				s.enqueue(m, min(qos, m.QoS))
			}
		}
	}
	if len(share) > 0 {
		share[b.count%len(share)].enqueue(m, m.QoS)
	}
}

func (s *fakeSession) enqueue(m *mqttwire.Publish, qos mqttwire.QoS) {
	s.lastID++
	d := &fakeDelivery{Publish: mqttwire.Publish{Topic: m.Topic, QoS: qos, PacketID: s.lastID, Payload: m.Payload}}
	if qos == 0 {
		d.PacketID = 0
	} else {
		s.out = append(s.out, d)
	}
	if s.conn != nil {
		s.conn.deliver(d, false)
	}
}

// answer is about PUBACK, PUBREC, PUBREL and PUBCOMP.
func (c *fakeConn) answer(p *mqttwire.Ack) {
	s := c.session
	if p.Kind == mqttwire.PUBREL {
		delete(s.held, p.PacketID)
		c.send(&mqttwire.Ack{Kind: mqttwire.PUBCOMP, PacketID: p.PacketID})
		return
	}
	i := slices.IndexFunc(s.out, func(d *fakeDelivery) bool { return d.PacketID == p.PacketID })
	switch {
	case i >= 0 && p.Kind == mqttwire.PUBREC:
		s.out[i].received = true
		c.send(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: p.PacketID})
	case i >= 0:
		s.out = slices.Delete(s.out, i, i+1)
	}
}

// dial connects to whatever runs.
func (b *fakeBroker) dial(ctx context.Context) (net.Conn, error) {
	b.mu.Lock()
	l := b.listener
	b.mu.Unlock()
	if l == nil {
		return nil, errors.New("nobody listens")
	}
	return l.Dial(ctx)
}
