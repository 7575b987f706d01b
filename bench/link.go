package bench

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"mqtk/bench/loop"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A stage is how far a client has come.
type stage byte

const (
	absent   stage = iota // not begun, or ended and not to come again
	reaching              // the connection is being made
	greeting              // CONNECT is sent
	settling              // connected, and not ready yet: a SUBACK is missing
	ready
)

// answerTime is what a broker has to answer a CONNECT or a SUBSCRIBE in, and the
// system to make a connection.
const answerTime = 30 * time.Second

// A role is what a client does once it is connected; nil: it is there, and
// answers. Its methods are called on the client's loop.
type role interface {
	// connected follows CONNACK. The client is ready, unless it says that
	// something is missing: then the role calls client.settled.
	connected(c *link, g *grants) (missing bool, err error)
	// take is given what the broker sent, and returns how many bytes of it are
	// used up. An error ends the connection.
	take(c *link, in []byte) (used int, err error)
	// room: what was sent is with the system.
	room(c *link)
	// gone: the connection has ended, by us or by the broker.
	gone(c *link)
}

// A link is a client and its connection, or the place of one. It belongs to
// one worker.
type link struct {
	w       *worker
	conn    loop.Conn
	role    role
	auth    *login // nil: no enhanced authentication
	number  int32  // of all clients of the run, from 0
	letter  byte   // of its client id: p a publisher, s a subscriber, c one that is there
	stage   stage
	ending  bool   // by us
	pinged  bool   // PINGREQ is sent and not answered
	planned int64  // when it was to be connected
	spoke   int64  // when it sent something last
	cause   error  // why we ended it
	round   uint32 // how often it was dialled
	kept    bool   // its session is to outlive the connection
	met     bool   // the broker has taken it once
}

// id is the client id.
func (c *link) id() string {
	r := c.w.run
	return fmt.Sprintf("%s%s-%c%d", r.plan.Connect.ClientID, r.word, c.letter, c.number)
}

// dial begins the connection.
func (c *link) dial() {
	c.stage, c.ending, c.pinged, c.cause = reaching, false, false, nil
	c.round++
	c.conn = c.w.loop.Connect(c, c.w.run.source(c), answerTime)
}

// source is the address of this side that a client uses.
func (r *run) source(c *link) (a netip.Addr) {
	if s := r.plan.Target.Sources; len(s) > 0 {
		a = s[int(c.number)%len(s)]
	}
	return a
}

// Opened sends CONNECT.
func (c *link) Opened() {
	w := c.w
	connect := w.run.plan.Connect // a copy
	connect.Version, connect.ClientID, connect.CleanStart = w.run.plan.Version, c.id(), !c.kept
	if c.kept && w.run.plan.Shape == Offline && connect.Version == mqttwire.V5 {
		connect.Properties = lastingSession(connect.Properties)
	}
	if w.run.plan.Authenticator != nil {
		if err := c.logIn(&connect); err != nil {
			c.fail(err)
			return
		}
	}
	var err error
	if w.out, err = connect.Append(w.out[:0], connect.Version); err != nil {
		c.fail(err)
		return
	}
	c.enter(greeting)
	c.send(w.out)
}

// enter changes the stage; what the broker owes in it has its time.
func (c *link) enter(s stage) {
	c.stage = s
	if s == greeting || s == settling {
		c.w.await(c)
	}
}

// send sends bytes at once, queue with others of the batch.
func (c *link) send(b []byte) {
	c.spoke = c.w.loop.Now()
	c.conn.Send(b)
}

func (c *link) queue(b []byte) {
	c.spoke = c.w.loop.Now()
	c.conn.Queue(b)
}

// Received takes what the broker sent.
func (c *link) Received(in []byte) (used int) {
	if c.ending {
		return len(in) // what still comes behind our DISCONNECT is answered by nothing (MQTT-3.14.4-1)
	}
	for used < len(in) && c.stage < settling {
		n, err := c.greet(in[used:])
		if err != nil {
			c.fail(err)
			return len(in)
		}
		if n == 0 {
			return used
		}
		used += n
	}
	n, err := c.take(in[used:])
	if err != nil {
		c.fail(err)
		return len(in)
	}
	return used + n
}

func (c *link) take(in []byte) (used int, err error) {
	if c.role != nil {
		return c.role.take(c, in)
	}
	for used < len(in) {
		p, n, err := c.w.decode(in[used:])
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		used += n
		if err := c.common(p); err != nil {
			return 0, err
		}
	}
	return used, nil
}

// common takes the packets that any client may get; all others break the protocol.
func (c *link) common(p mqttwire.Packet) error {
	switch p := p.(type) {
	case *mqttwire.Pingresp:
		c.pinged = false
		return nil
	case *mqttwire.Disconnect:
		text, _ := p.Properties.Text(mqttwire.ReasonString)
		reference, _ := p.Properties.Text(mqttwire.ServerReference)
		return &client.DisconnectedError{Reason: p.Reason, ReasonString: clone(text), ServerReference: clone(reference)}
	}
	return violation(mqttwire.ProtocolError, "4.13", "%v that nobody asked for", p.Type())
}

// settled: what was missing is there.
func (c *link) settled() {
	c.stage = ready
	c.w.isReady(c)
}

// Room is the loop's word that there is room for more.
func (c *link) Room() {
	if c.role != nil && c.stage == ready {
		c.role.room(c)
	}
}

// ping keeps a connection alive that has been silent.
func (c *link) ping() {
	c.pinged = true
	c.send([]byte{byte(mqttwire.PINGREQ) << 4, 0})
}

// end says goodbye and closes.
func (c *link) end() {
	if c.stage == absent {
		return
	}
	if c.stage >= greeting && !c.ending {
		c.conn.Send([]byte{byte(mqttwire.DISCONNECT) << 4, 0})
	}
	c.ending = true
	c.conn.Close()
}

// leave says goodbye and has the broker close: on the side that closes first the
// port stays taken for a minute. forget ends the session, too.
func (c *link) leave(forget bool) {
	c.ending = true
	goodbye := mqttwire.Disconnect{}
	if forget && c.w.run.plan.Version == mqttwire.V5 {
		goodbye.Properties = goodbye.Properties.AddNumber(mqttwire.SessionExpiryInterval, 0)
	}
	var err error
	if c.w.out, err = goodbye.Append(c.w.out[:0], c.w.run.plan.Version); err != nil {
		c.fail(err)
		return
	}
	c.send(c.w.out)
}

// abort ends the connection without a word.
func (c *link) abort() {
	if c.stage != absent {
		c.ending = true
		c.conn.Abort()
	}
}

// fail ends the connection because of err, and says so to the broker where it
// broke the protocol.
func (c *link) fail(err error) {
	if c.stage == absent || c.cause != nil {
		return
	}
	if bad, ok := err.(*mqttwire.Error); ok {
		err = &client.ViolationError{Err: bad}
		c.w.violated++
		orElse(&c.w.firstViolation, err)
		if c.w.run.plan.Version == mqttwire.V5 && c.stage > greeting {
			goodbye := mqttwire.Disconnect{Reason: bad.Reason}
			if b, err := goodbye.Append(nil, mqttwire.V5); err == nil {
				c.conn.Send(b)
			}
		}
	}
	c.cause = err
	if c.stage != absent { // Send may have found it closed
		c.conn.Close()
	}
}

// Closed tells the worker what has become of the connection.
func (c *link) Closed(err error) {
	was := c.stage
	c.stage = absent
	if c.cause != nil {
		err = c.cause
	}
	if was >= settling && c.role != nil {
		c.role.gone(c)
	}
	c.w.closed(c, was, c.why(was, err))
	c.conn = nil
}

// why makes of the end of a connection an error that says what happened; nil: we
// wanted it.
func (c *link) why(was stage, err error) error {
	if c.ending {
		return nil
	}
	if c.cause != nil {
		return c.cause
	}
	if err == nil || err == io.EOF {
		err = errClosedByServer
	}
	if was == reaching {
		return &client.DialError{Target: c.w.run.plan.Target.Name, Err: err}
	}
	return &client.LostError{Handshake: was == greeting, Err: err}
}
