package conformance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A client is one connection of a script: it keeps what came, in order.
type client struct {
	number  int
	serial  int // of the connection, among all of the script
	conn    net.Conn
	held    []byte // to be sent with the next
	version mqttwire.Version
	wake    chan<- struct{}
	seen    func(Seen) // told of what comes; nil: nobody

	mutex   sync.Mutex
	events  []event // not yet expected by any step; the end is never taken off
	referee referee
	failed  error // the first breach that came
	left    bool  // the script sent DISCONNECT
	ended   bool  // the script closed it, or saw its end
	came    int   // bytes of events
	leaves  bool  // DISCONNECT was sent, or is held
	hangUp  *time.Timer
}

// An event is a packet that came, or the end.
type event struct {
	at   time.Time
	raw  []byte
	line mqttwire.Line
	code mqttwire.ReasonCode // of a packet that has one
	err  error               // what came is against the rules
	end  string              // why nothing more comes
	// cause is what a connection ended by, where it was not closed in peace.
	cause error
}

func (e *event) String() string {
	switch {
	case e.end != "":
		return e.end
	case e.err != nil && e.line.Type == 0:
		return fmt.Sprintf("hex=%x: %v", e.raw, e.err)
	case e.err != nil:
		return e.line.String() + ": " + e.err.Error()
	}
	return e.line.String()
}

func newClient(number int, conn net.Conn, v mqttwire.Version, wake chan<- struct{}) *client {
	return &client{number: number, conn: conn, version: v, wake: wake, referee: newReferee()}
}

// read turns what comes into events until the connection ends.
func (c *client) read() {
	var buffer []byte
	chunk := make([]byte, 16<<10)
	decoder := mqttwire.Decoder{From: mqttwire.Server}
	for {
		n, err := c.conn.Read(chunk)
		buffer = append(buffer, chunk[:n]...)
		now := time.Now()
		for {
			size, bad := packetLen(buffer)
			if bad != nil {
				c.add(event{at: now, raw: clone(buffer), err: bad})
				c.add(event{at: now, end: "EOF after bytes that are no packet"})
				return
			}
			if size == 0 {
				break
			}
			c.add(c.decode(&decoder, buffer[:size], now))
			buffer = buffer[size:]
			if c.isFull() {
				c.add(event{at: now, end: "so much that no step looks at that no more is read"})
				return
			}
		}
		if err != nil {
			e := event{at: now, end: "EOF"}
			if !errors.Is(err, io.EOF) {
				e.cause = err
			}
			if len(buffer) > 0 && errors.Is(err, io.EOF) {
				c.add(event{at: now, raw: clone(buffer), err: errors.New("the connection ends inside a packet")})
			}
			c.add(e)
			return
		}
	}
}

func (c *client) decode(d *mqttwire.Decoder, raw []byte, now time.Time) event {
	e := event{at: now, raw: clone(raw)}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	d.Version = c.version
	p, n, err := d.Decode(e.raw)
	if err == nil && n != len(e.raw) {
		err = fmt.Errorf("the packet is of %d bytes, read %d", len(e.raw), n)
	}
	if err != nil {
		e.err = fmt.Errorf("the broker's packet is not valid: %w", err)
		return e
	}
	e.line = mqttwire.LineOf(p, c.version)
	e.code = codeOf(p)
	e.err = c.referee.received(p, len(e.raw))
	return e
}

func codeOf(p mqttwire.Packet) mqttwire.ReasonCode {
	switch p := p.(type) {
	case *mqttwire.Connack:
		return p.Reason
	case *mqttwire.Ack:
		return p.Reason
	}
	return 0
}

func (c *client) add(e event) {
	c.tell(&e)
	c.mutex.Lock()
	c.events = append(c.events, e)
	c.came += len(e.raw)
	if e.err != nil && c.failed == nil {
		c.failed = e.err
	}
	c.mutex.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// tell tells of an event, but not of the end that this side has made.
func (c *client) tell(e *event) {
	c.mutex.Lock()
	ours := c.ended && e.end != ""
	c.mutex.Unlock()
	if c.seen == nil || ours {
		return
	}
	err := e.err
	if err == nil {
		err = e.cause
	}
	c.seen(Seen{Client: c.number, Connection: c.serial, Line: e.line, Raw: e.raw, End: e.end, Err: err})
}

// peek is the next event.
func (c *client) peek() (event, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.events) == 0 {
		return event{}, false
	}
	return c.events[0], true
}

// take takes the next event off; the end stays. A breach that a step expected
// by its bytes is forgiven.
func (c *client) take() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	e := c.events[0]
	if e.end != "" {
		c.ended = true
		return
	}
	c.pop()
	if e.err != nil && c.failed == e.err {
		c.failed = nil
	}
}

// pass takes the next event off, and forgives nothing.
func (c *client) pass() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.pop()
}

func (c *client) pop() {
	c.came -= len(c.events[0].raw)
	c.events = c.events[1:]
}

// breach is what the broker did against the rules, if anything.
func (c *client) breach() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.failed
}

// sent tells the referee what the script sends.
func (c *client) sent(p mqttwire.Packet, v mqttwire.Version) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if connect, ok := p.(*mqttwire.Connect); ok {
		c.version = versionOf(connect, v)
	}
	if _, ok := p.(*mqttwire.Disconnect); ok {
		c.left = true
	}
	c.referee.sent(p)
}

// stale tells whether the next thing sent needs a connection of its own.
func (c *client) stale(isConnect bool) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.ended || c.left && isConnect
}

func (c *client) close() {
	c.mutex.Lock()
	c.ended = true
	if c.hangUp != nil {
		c.hangUp.Stop()
	}
	c.mutex.Unlock()
	c.conn.Close()
}

// grace is how long a broker has for closing the connection upon DISCONNECT, as
// it should.
const grace = 300 * time.Millisecond

// hangsUp closes the connection after DISCONNECT, as a client must, if the
// broker does not: it need not.
func (c *client) hangsUp() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.leaves && c.hangUp == nil && !c.ended {
		c.hangUp = time.AfterFunc(grace, func() { c.conn.Close() })
	}
}

// packetLen is the size of the packet that b begins with, 0 if it is not whole.
func packetLen(b []byte) (int, error) {
	length, shift := 0, 0
	for i := 1; i < len(b); i++ {
		length |= int(b[i]&127) << shift
		if b[i] < 128 {
			if total := 1 + i + length; total <= len(b) {
				return total, nil
			}
			return 0, nil
		}
		if shift += 7; shift > 21 {
			return 0, errors.New("the Remaining Length does not end")
		}
	}
	return 0, nil
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }
