package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A hello is a CONNECT of ours.
type hello struct {
	version    mqttwire.Version // 0: the highest there is
	id         string           // empty: a new one of ours
	noID       bool             // it is empty on the wire
	keep       bool             // the session that is there, and this one
	keepAlive  uint16
	properties mqttwire.Properties
	will       *mqttwire.Will
	nobody     bool // no user name and password
	hold       bool // acknowledge nothing
}

// A message is a PUBLISH that came, copied.
type message struct {
	mqttwire.Publish
	at time.Time
}

// An event is what came from the broker.
type event struct {
	at      time.Time
	kind    mqttwire.PacketType // 0: the end
	id      mqttwire.PacketID
	reasons []mqttwire.ReasonCode
	message *message
	err     error // of the end
}

// A peer is a client of one question: its reading goroutine acknowledges, and
// hands on what came.
type peer struct {
	a      *asker
	conn   *client.Conn
	id     string
	hold   bool
	props  mqttwire.Properties
	there  bool   // session present
	line   string // the CONNACK in the text form
	events chan event
	quit   chan struct{}
	ended  chan struct{}
	forget func() bool // ctx no longer closes

	lastID mqttwire.PacketID
	inbox  []message
	end    error // that was seen in events
}

// An endError is how the broker ended a connection.
type endError struct {
	reason *mqttwire.ReasonCode // of a DISCONNECT
	err    error
}

func (e *endError) Error() string {
	if e.reason != nil {
		return fmt.Sprintf("DISCONNECT %s (0x%02X)", e.reason.Text(mqttwire.DISCONNECT), byte(*e.reason))
	}
	if errors.As(e.err, new(*client.ViolationError)) {
		return e.err.Error()
	}
	return "the connection is closed without a word"
}

// connect opens a connection and says hello.
func (a *asker) connect(ctx context.Context, h hello) (*peer, error) {
	nc, err := a.o.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return a.greet(ctx, nc, h)
}

// greet says hello on a connection that is open.
func (a *asker) greet(ctx context.Context, nc net.Conn, h hello) (*peer, error) {
	connect := a.connectPacket(h)
	if h.keep || number(h.properties, mqttwire.SessionExpiryInterval, 0) > 0 {
		a.left.session(connect.ClientID, connect.Version)
	}
	conn := client.NewConn(nc, client.ConnOptions{Version: connect.Version, AutoFlush: true, Limits: mqttwire.Limits{MaxPacketSize: uint32(a.o.MaxPacket + 1<<20)}})
	limited, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	connack, err := conn.Handshake(limited, connect)
	if err != nil {
		return nil, err
	}
	p := &peer{a: a, conn: conn, id: connect.ClientID, hold: h.hold, there: connack.SessionPresent,
		props: slices.Clone(connack.Properties), line: string(mqttwire.AppendText(nil, connack, connect.Version)),
		events: make(chan event, 64), quit: make(chan struct{}), ended: make(chan struct{})}
	p.forget = context.AfterFunc(ctx, func() { conn.Close() })
	go p.read()
	return p, nil
}

func (a *asker) connectPacket(h hello) *mqttwire.Connect {
	c := &mqttwire.Connect{Version: h.version, CleanStart: !h.keep, KeepAlive: h.keepAlive, Properties: h.properties, ClientID: h.id, Will: h.will}
	if c.Version == 0 {
		c.Version = a.version
	}
	if c.ClientID == "" && !h.noID {
		c.ClientID = a.newID()
	}
	if !h.nobody {
		c.HasUsername, c.Username = a.o.HasUsername, a.o.Username
		c.HasPassword, c.Password = a.o.HasPassword, a.o.Password
		if c.Version != mqttwire.V5 && !c.HasUsername {
			c.HasPassword, c.Password = false, nil
		}
	}
	return c
}

func (p *peer) read() {
	defer close(p.ended)
	for {
		packet, err := p.conn.ReadPacket()
		e := event{at: time.Now(), err: err}
		if err == nil {
			e.note(packet)
			p.acknowledge(packet)
		}
		select {
		case p.events <- e:
		case <-p.quit:
			return
		}
		if err != nil {
			return
		}
	}
}

func (e *event) note(packet mqttwire.Packet) {
	e.kind = packet.Type()
	switch q := packet.(type) {
	case *mqttwire.Publish:
		m := &message{Publish: *q, at: e.at}
		m.Topic, m.Payload, m.Properties = string([]byte(q.Topic)), slices.Clone(q.Payload), slices.Clone(q.Properties)
		e.message = m
	case *mqttwire.Ack:
		e.id, e.reasons = q.PacketID, []mqttwire.ReasonCode{q.Reason}
	case *mqttwire.Suback:
		e.id, e.reasons = q.PacketID, slices.Clone(q.Reasons)
	case *mqttwire.Disconnect:
		e.reasons = []mqttwire.ReasonCode{q.Reason}
	}
}

// acknowledge answers what came, unless the question is what happens without.
func (p *peer) acknowledge(packet mqttwire.Packet) {
	if p.hold {
		return
	}
	var answer *mqttwire.Ack
	switch q := packet.(type) {
	case *mqttwire.Publish:
		if q.QoS > 0 {
			answer = &mqttwire.Ack{Kind: mqttwire.PUBACK + mqttwire.PacketType(q.QoS-1), PacketID: q.PacketID}
		}
	case *mqttwire.Ack:
		switch {
		case q.Kind == mqttwire.PUBREC && q.Reason < mqttwire.UnspecifiedError:
			answer = &mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: q.PacketID}
		case q.Kind == mqttwire.PUBREL:
			answer = &mqttwire.Ack{Kind: mqttwire.PUBCOMP, PacketID: q.PacketID}
		}
	}
	if answer != nil {
		_ = p.conn.WritePacket(answer) // what is wrong shows in reading
	}
}

// next waits for the next event; messages go into the inbox besides. Without
// one in time ok is false.
func (p *peer) next(ctx context.Context, wait time.Duration) (e event, ok bool, err error) {
	if p.end != nil {
		return e, false, p.end
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case e = <-p.events:
	case <-timer.C:
		return e, false, nil
	case <-ctx.Done():
		return e, false, context.Cause(ctx)
	}
	switch {
	case e.kind == mqttwire.DISCONNECT:
		p.end = &endError{reason: &e.reasons[0]}
	case e.err != nil && ctx.Err() != nil:
		return e, false, context.Cause(ctx)
	case e.err != nil:
		p.end = &endError{err: e.err}
	case e.message != nil:
		p.inbox = append(p.inbox, *e.message)
	}
	return e, p.end == nil, p.end
}

// await waits for the answer of a kind to the packet with an id.
func (p *peer) await(ctx context.Context, kind mqttwire.PacketType, id mqttwire.PacketID) (event, error) {
	deadline := time.Now().Add(p.a.patience)
	for {
		e, ok, err := p.next(ctx, time.Until(deadline))
		switch {
		case err != nil:
			return e, err
		case !ok:
			return e, &silenceError{kind, p.a.patience}
		case e.kind == kind && e.id == id:
			return e, nil
		case e.kind == mqttwire.PUBREC && e.id == id && e.reasons[0] >= mqttwire.UnspecifiedError:
			return e, nil
		}
	}
}

// A silenceError is an answer that did not come.
type silenceError struct {
	kind  mqttwire.PacketType
	after time.Duration
}

func (e *silenceError) Error() string { return fmt.Sprintf("no %v within %v", e.kind, e.after) }

// send writes a packet; where the broker does not take it, what it said counts.
func (p *peer) send(ctx context.Context, packet mqttwire.Packet) error {
	err := p.conn.WritePacket(packet)
	if err == nil || errors.As(err, new(*mqttwire.Error)) {
		return err
	}
	deadline := time.Now().Add(p.a.patience)
	for p.end == nil {
		if _, ok, said := p.next(ctx, time.Until(deadline)); !ok {
			if said != nil {
				return said
			}
			break
		}
	}
	if p.end == nil {
		return err
	}
	return p.end
}

func (p *peer) packetID() mqttwire.PacketID {
	p.lastID++
	return p.lastID
}

// A Refusal is a reason code that says no.
type Refusal struct {
	Packet mqttwire.PacketType
	Reason mqttwire.ReasonCode
}

func (e *Refusal) Error() string {
	return fmt.Sprintf("%v %s (0x%02X)", e.Packet, e.Reason.Text(e.Packet), byte(e.Reason))
}

// refuses tells an error that answers the question with no from one that has
// other reasons: that we may not, which says nothing of what others may. In 3.x
// a SUBACK does not tell the two apart.
func (a *asker) refuses(err error) bool {
	var (
		refusal *Refusal
		ended   *endError
	)
	switch {
	case errors.As(err, &refusal):
		return refusal.Reason != mqttwire.NotAuthorized && (a.version == mqttwire.V5 || refusal.Packet != mqttwire.SUBACK)
	case errors.As(err, &ended):
		return ended.reason == nil || *ended.reason != mqttwire.NotAuthorized
	}
	return false
}

// subscribe asks for subscriptions and gives what was granted for the first.
// One that is refused is a *Refusal.
func (p *peer) subscribe(ctx context.Context, properties mqttwire.Properties, subscriptions ...mqttwire.Subscription) (mqttwire.QoS, error) {
	packet := &mqttwire.Subscribe{PacketID: p.packetID(), Properties: properties, Subscriptions: subscriptions}
	if err := p.send(ctx, packet); err != nil {
		return 0, err
	}
	e, err := p.await(ctx, mqttwire.SUBACK, packet.PacketID)
	if err != nil {
		return 0, err
	}
	for _, reason := range e.reasons {
		if reason >= mqttwire.UnspecifiedError {
			return 0, &Refusal{mqttwire.SUBACK, reason}
		}
	}
	return mqttwire.QoS(e.reasons[0]), nil
}

// publish sends a message and waits for the end of its handshake.
func (p *peer) publish(ctx context.Context, m mqttwire.Publish) (mqttwire.ReasonCode, error) {
	if m.Retain && len(m.Payload) > 0 {
		p.a.left.retained(m.Topic)
	}
	if m.QoS > 0 {
		m.PacketID = p.packetID()
	}
	if err := p.send(ctx, &m); err != nil || m.QoS == 0 {
		return mqttwire.Success, err
	}
	kind := mqttwire.PUBACK
	if m.QoS == 2 {
		kind = mqttwire.PUBCOMP
	}
	e, err := p.await(ctx, kind, m.PacketID)
	if err != nil {
		return 0, err
	}
	if reason := e.reasons[0]; reason >= mqttwire.UnspecifiedError {
		return reason, &Refusal{e.kind, reason}
	}
	return e.reasons[0], nil
}

// message takes the first message of a topic (empty: of any) out of the inbox,
// waiting for it. Without one in time there is none.
func (p *peer) message(ctx context.Context, topic string, wait time.Duration) (*message, error) {
	deadline := time.Now().Add(wait)
	for {
		for i := range p.inbox {
			if m := p.inbox[i]; topic == "" || m.Topic == topic {
				p.inbox = slices.Delete(p.inbox, i, i+1)
				return &m, nil
			}
		}
		e, _, err := p.next(ctx, time.Until(deadline))
		if err != nil {
			return nil, err
		}
		if e.kind == 0 {
			return nil, nil
		}
	}
}

// arrived waits for the message of a topic, and longer than for those that are
// merely slow; nil: it does not come.
func (p *peer) arrived(ctx context.Context, topic string) (*message, error) {
	m, err := p.message(ctx, topic, p.a.grace)
	if m != nil || err != nil {
		return m, err
	}
	if err := p.settle(ctx); err != nil {
		return nil, err
	}
	return p.message(ctx, topic, 0)
}

// settle waits until all that was under way to p has arrived, as far as that
// can be known.
func (p *peer) settle(ctx context.Context) error {
	if err := p.send(ctx, &mqttwire.Pingreq{}); err != nil {
		return err
	}
	if _, err := p.await(ctx, mqttwire.PINGRESP, 0); err != nil {
		return err
	}
	for {
		if _, ok, err := p.next(ctx, p.a.grace); !ok {
			return err
		}
	}
}

// leave says goodbye, and waits a second at most for the broker to have heard
// it: a connection that is closed with bytes unread loses what was sent last.
func (p *peer) leave(properties mqttwire.Properties) {
	defer p.close()
	if p.conn.WritePacket(&mqttwire.Disconnect{Properties: properties}) != nil {
		return
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-p.events:
		case <-timer.C:
			return
		}
	}
}

// close breaks the connection off.
func (p *peer) close() {
	p.forget()
	p.conn.Close()
	select {
	case <-p.quit:
	default:
		close(p.quit)
	}
	<-p.ended
}

// number is a property's number, as far as an int holds it everywhere, or what its
// absence means.
func number(p mqttwire.Properties, id mqttwire.PropertyID, absent int) int {
	if n, ok := p.Number(id); ok {
		return int(min(n, math.MaxInt32))
	}
	return absent
}
