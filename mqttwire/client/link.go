package client

import (
	"errors"
	"net"
	"time"

	"mqtk/mqttwire"
)

const (
	roomyOutput = 256 << 10 // bytes of output up to which Publish adds to it
	fullOutput  = 1 << 20   // bytes of output at which the reader stops to make more
	ackWithin   = 10 * time.Millisecond
	floodBytes  = 64 << 20 // what may come between a PINGREQ and its PINGRESP in time
)

// A link is one connection of a Client: the reading goroutine goes from link to
// link, the writing goroutine lives and dies with its own. Whoever has
// something to send appends it to the Conn's output and wakes the writer, so
// that many small packets become one write, and nobody but the writer waits
// for a slow network.
type link struct {
	c       *Client
	conn    *Conn
	g       *Grants
	wake    chan struct{}
	gone    chan struct{} // closed when the reader is done with the link
	written chan struct{} // closed when the writer is

	// Guarded by Client.mu.
	dirty  bool      // there is output that the writer has not taken
	busy   bool      // the writer is writing
	broken bool      // a write failed
	sent   time.Time // when output last was
	cause  error     // why the writer, or a time-out, broke the connection
	pings  []ping    // sent and not answered
	topics aliases
	loose  int // messages sent at QoS 0
	known  int // of these, the server has read so many

	// The reading goroutine's.
	names     []string // topic aliases of the server
	unsettled idSet    // QoS 2 of this connection, counted against our Receive Maximum
	receive   int      // our Receive Maximum
	delivered bool     // OnMessage was called since OnDrained
	answers   []answer // since then
	settling  int      // of these, those that let the server send one more
	useful    bool     // a message of QoS 1 or 2 got its answer
	woken     time.Time
	ack       mqttwire.Ack
}

// An answer acknowledges a packet of the server. It is held until OnDrained has
// seen off what the program made of messages: whatever ends the process, what was
// acknowledged is not lost.
type answer struct {
	kind    mqttwire.PacketType
	reason  mqttwire.ReasonCode
	settles bool // it lets the server send one more
	id      mqttwire.PacketID
}

// ping is a PINGREQ under way.
type ping struct {
	sent   time.Time
	waited time.Duration // of the reader, until then
	bytes  int64         // read until then
	loose  int           // messages at QoS 0 sent before it
	answer chan struct{} // closed at the PINGRESP; nil: nobody waits
}

func (c *Client) newLink(conn *Conn, g *Grants) *link {
	l := &link{c: c, conn: conn, g: g, sent: time.Now(), receive: 0xFFFF,
		wake: make(chan struct{}, 1), gone: make(chan struct{}), written: make(chan struct{})}
	if g.Version == mqttwire.V5 {
		if n, ok := c.connect.Properties.Number(mqttwire.ReceiveMaximum); ok {
			l.receive = int(n)
		}
		if n, _ := c.connect.Properties.Number(mqttwire.TopicAliasMaximum); n > 0 {
			l.names = make([]string, n+1)
		}
		l.topics.limit = min(c.o.TopicAliases, int(g.TopicAliasMaximum))
	}
	conn.source.idle = l.idle
	if c.o.Gather {
		conn.source.gather = letGather
	}
	conn.o.StallTimeout = g.KeepAlive
	return l
}

// stir marks new output and wakes the writer; c.mu is held.
func (l *link) stir() {
	l.dirty = true
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write is the writing goroutine: output when there is some, PINGREQ when
// there was none for long enough.
func (l *link) write() {
	defer close(l.written)
	keep := newKeeper(l)
	defer keep.timer.Stop()
	for {
		var err error
		select {
		case <-l.gone:
			return
		case <-l.wake:
			err = l.flush()
		case <-keep.timer.C:
			if err = keep.check(time.Now()); err != nil {
				l.fail(err)
				l.conn.Close()
				return
			}
		}
		if err != nil {
			l.fail(err)
			select { // the server may have said why: let it be read
			case <-l.gone:
			case <-time.After(closeWait):
			}
			l.conn.Close()
			return
		}
	}
}

func (l *link) flush() error {
	c := l.c
	c.mu.Lock()
	l.dirty, l.busy = false, true
	c.mu.Unlock()
	err := l.conn.Flush()
	now := time.Now()
	c.mu.Lock()
	l.sent, l.busy, l.broken = now, false, err != nil
	c.makeRoom()
	c.changed()
	c.mu.Unlock()
	return err
}

// fail notes why the connection is broken.
func (l *link) fail(err error) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if l.cause == nil {
		l.cause = err
	}
	l.c.changed()
}

// idle is called by the reader before it waits for the network: everything
// that was read has been acted on.
func (l *link) idle() error {
	c := l.c
	l.woken = time.Now()
	if err := l.drain(); err != nil {
		return err
	}
	c.mu.Lock()
	l.sendNow(time.Now())
	c.makeRoom()
	if c.out.open == 0 {
		c.changed()
	}
	c.mu.Unlock()
	return nil
}

// drain has the program see off what it was given, and then answers for that.
func (l *link) drain() error {
	c := l.c
	if l.delivered && c.o.Hooks.OnDrained != nil {
		if err := c.o.Hooks.OnDrained(); err != nil {
			return &hookError{err}
		}
	}
	l.delivered = false
	defer c.deliveryEnded()
	if len(l.answers) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range l.answers {
		l.ack = mqttwire.Ack{Kind: a.kind, PacketID: a.id, Reason: a.reason}
		if err := l.send(&l.ack, a.settles); err != nil {
			return err
		}
	}
	l.answers, l.settling = l.answers[:0], 0
	return nil
}

// acknowledge answers a packet of the server, behind what is held.
func (l *link) acknowledge(a answer) error {
	l.answers = append(l.answers, a)
	if a.settles {
		l.settling++
	}
	if c := l.c; c.stopped || c.closing.Load() || time.Since(l.woken) > ackWithin {
		return l.drain()
	}
	return nil
}

// send appends a packet of the reading goroutine; c.mu is held, and given up
// for a while if the output is full: a server that does not read what it makes
// us write is not read any more, and the write's own time-out ends that. The
// writer is woken when the reader runs dry, or when it is busy for too long.
func (l *link) send(p mqttwire.Packet, answers bool) error {
	c := l.c
	size, err := l.conn.put(p, answers)
	if err == ErrClosed { // our DISCONNECT is out: nothing may follow it
		return nil
	}
	l.dirty = true
	if size > fullOutput {
		l.stir()
		return c.until(c.life, func() bool {
			size, _, err := l.conn.pending()
			return size < fullOutput || err != nil || l.cause != nil
		})
	}
	if now := time.Now(); now.Sub(l.woken) > ackWithin {
		l.stir()
		l.woken = now
	}
	return err
}

// online makes conn the client's connection and resumes the session on it.
func (c *Client) online(conn *Conn, g, before *Grants) *link {
	l := c.newLink(conn, g)
	c.resume(l, before)
	go l.write()
	return l
}

// serve reads l until it ends and tells why.
func (c *Client) serve(l *link) error {
	var err error
	for err == nil {
		var p mqttwire.Packet
		if p, err = l.conn.ReadPacket(); err == nil {
			err = c.receive(l, p)
		}
	}
	if _, refused := err.(*hookError); !refused {
		if problem, ok := l.drain().(*hookError); ok { // what came before counts
			err = problem
		}
	}
	err = l.part(err)
	c.mu.Lock()
	if !c.closing.Load() {
		c.unconfirmed += l.loose - l.known
	}
	c.mu.Unlock()
	close(l.gone)
	<-l.written
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.cause != nil && !telling(err) && !errors.Is(l.cause, net.ErrClosed) {
		err = lost(l.cause, false)
	} // a write that failed on what part closed says less than err
	if e := new(LostError); errors.As(err, &e) {
		e.Longest = c.out.longest()
	}
	c.link, c.dropped = nil, l.dirty || l.broken
	if c.reauth != nil {
		c.reauth.answer(nil, err)
		c.reauth = nil
	}
	c.changed()
	return err
}

// part closes the connection in the way that err calls for.
func (l *link) part(err error) error {
	switch e := err.(type) {
	case *ViolationError:
		l.conn.condemn(e)
	case *DisconnectedError, *TimeoutError:
		l.conn.Close()
	case *hookError:
		l.conn.leave(nil)
		return e.err
	case *SubscribeError:
		l.conn.leave(nil)
	case *AuthError:
		l.conn.leave(&mqttwire.Disconnect{Reason: mqttwire.UnspecifiedError})
	default:
		l.conn.Close()
		return lost(err, false)
	}
	return err
}

// telling tells an error that says what happened from one that says only that
// the connection is no more.
func telling(err error) bool {
	_, silent := err.(*LostError)
	return !silent
}

// hookError is what OnMessage returned.
type hookError struct{ err error }

func (e *hookError) Error() string { return e.err.Error() }
