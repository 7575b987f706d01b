package broker

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
)

// Link is what the core asks of a connection's driver. All three may be called
// by any thread, never under a lock.
type Link interface {
	Flush()  // bytes lie in the outbox: Take, write, Wrote, Next
	Resume() // a pause is over: call Receive again with what it left
	Close()  // end the connection once the outbox is written, or after a second
}

// phase is how far a connection has come. It belongs to the driver's thread.
type phase byte

const (
	opening        phase = iota // nothing but CONNECT is expected
	authenticating              // AUTH packets go to and fro
	connecting                  // CONNECT is accepted, CONNACK waits for the store
	connected
)

// Conn is the state of one network connection: a machine that is fed bytes and
// leaves bytes in its outbox. It does no I/O and never blocks.
//
// Fields of the first group belong to the driver's thread. The second is set
// before the session publishes the connection and not changed after. What is
// shared says how.
type Conn struct {
	b          *Broker
	link       Link
	cache      *publishing // what a publisher needs, nil before its first PUBLISH
	open       *segment    // acknowledgements of the batch under way
	*handshake             // nil once it is over, unless the client may authenticate again
	phase      phase
	lastWord   mqttwire.ReasonCode // the client's DISCONNECT reason
	said       bool                // the client sent DISCONNECT
	left       bool                // the last Receive left whole packets to a pause
	gone       bool                // Closed was called, guarded by handover

	mounted        bool // its gate has a mount point
	attached       bool // its session was given to it under its names; guarded by the registry's mutex
	version        mqttwire.Version
	quiet          bool      // Request Problem Information is 0
	receiveMaximum uint16    // the client's, capped by max_inflight
	aliasMaximum   uint16    // Topic Alias, outbound
	maxPacketSize  uint32    // the client's, 0: none
	identity       *Identity // without names until it is accepted
	session        *Session
	terms          *terms

	out       outbox
	segments  *segment          // the last of the waiting acknowledgements, a ring; guarded by out.mu
	aliasesTo map[string]uint16 // Topic Alias, outbound, guarded by out.mu
	inbound   atomic.Int32      // QoS 1 and 2 received here and not yet answered for good
	live      atomic.Bool       // CONNACK with Success is in the outbox
	closing   atomic.Bool
	paused    atomic.Bool
	limit     deadline   // time to a complete CONNECT, then of the identity
	seat      int32      // among the registry's conns, guarded by its mutex
	handover  sync.Mutex // held while an authenticator's answer acts for the driver's thread
	cause     atomic.Pointer[endCause]
	watch     wheelEntry // keep alive
}

// handshake is what a connection needs until CONNACK; one with enhanced
// authentication keeps it. It belongs to the driver's thread.
type handshake struct {
	auth     *exchange                                   // enhanced authentication, nil without
	question func(context.Context) (answer func(*Batch)) // for the authenticator, to be asked at the end of Receive
	connect  *connectRequest                             // from CONNECT on
	cancel   func()                                      // ends the authenticator's work, guarded by handover
}

// clientID is empty until the connection is accepted.
func (c *Conn) clientID() string { return c.identity.ClientID }

// asks says whether a question waits for the end of Receive.
func (c *Conn) asks() bool { return c.handshake != nil && c.question != nil }

// endCause says why the broker ended a connection.
type endCause struct {
	reason mqttwire.ReasonCode
	detail string
	kind   refused // it was not let in
}

// Accept takes a connection in that was admitted and came by a gate, nil for that
// of Serve; the driver then calls Receive for what arrives, unless it is Closing
// already, and Closed, once, when nothing more will. The Link may be called before
// Accept returns.
func (b *Broker) Accept(link Link, g *Gate, remote net.Addr) *Conn {
	if g == nil {
		g = b.gate
	}
	c := &Conn{b: b, link: link, identity: &Identity{Remote: remote}, handshake: &handshake{}, terms: b.termsOf(g)}
	now := time.Now()
	b.metrics.sockets.Add(1)
	if why := b.enter(c); why.kind != notRefused {
		c.turnOut(why)
		return c
	}
	if b.draining.Load() { // Shutdown may have looked for connections before
		c.end(mqttwire.ServerShuttingDown, "the server is shutting down")
	}
	b.deadlines.arm((*openLimit)(c), now.Add(b.limits().ConnectTimeout))
	return c
}

// openLimit is the Conn as what has a time to a complete CONNECT, and after it
// one to the end of what it was let in by.
type openLimit Conn

func (c *openLimit) deadline() *deadline { return &c.limit }

func (c *openLimit) fire(now time.Time) {
	switch {
	case !c.live.Load():
		(*Conn)(c).tooLate()
	case c.identity.Expires == 0: // CONNACK came this moment
	case now.Unix() < c.identity.Expires: // or the clock was set back
		(*Conn)(c).expire()
	default:
		(*Conn)(c).kick(mqttwire.MaximumConnectTime, "the credentials have expired")
	}
}

// expire arms the end of a connection whose identity has one.
func (c *Conn) expire() {
	const ages = 1 << 61 // ns, some 73 years: beyond it there is no arithmetic
	if at := time.Unix(c.identity.Expires, 0); c.identity.Expires != 0 && time.Until(at) < ages {
		c.b.deadlines.arm((*openLimit)(c), at)
		if c.closing.Load() { // Closed may have been here before
			c.b.deadlines.disarm((*openLimit)(c))
		}
	}
}

// tooLate closes a connection whose CONNECT, or what the authentication behind
// it wants, is not complete in time.
func (c *Conn) tooLate() {
	c.turnOut(refusal{refusedTimeout, mqttwire.UnspecifiedError, "no complete hand-shake in time"})
	c.link.Close()
}

// silent is the wheel's word that the keep alive is over.
func (c *Conn) silent(now time.Time) {
	if c.Paused() || !c.b.wheel.overdue(c, now) { // or a pause ended this moment
		c.b.wheel.add(c, c.watch.keepAlive, now)
		return
	}
	c.kick(mqttwire.KeepAliveTimeout, "nothing was heard for one and a half times the keep alive")
}

// Broker is the one that the connection belongs to.
func (c *Conn) Broker() *Broker { return c.b }

// Closing says that the driver is to write what is left and close.
func (c *Conn) Closing() bool { return c.closing.Load() }

// Parted says that the client's DISCONNECT is why: it sends no more. For the
// driver's thread.
func (c *Conn) Parted() bool { return c.said }

// Paused says that Receive wants nothing until the Link's Resume.
func (c *Conn) Paused() bool { return c.paused.Load() && !c.closing.Load() }

// Left says whether the last Receive left whole packets in its input because its
// turn was over, or because of a pause, which may be over by now: then Receive
// wants them when others have had theirs. For the driver's thread.
func (c *Conn) Left() bool { return c.left }

// pause stops the reading until released, which whoever pauses sees to. Nobody
// pauses what is paused: the end of one pause would be that of the other, and a
// connection that an Authenticator is asked about would be read meanwhile.
func (c *Conn) pause() { c.paused.Store(true) }

// released ends a pause. It is also how a receiver under pressure lets go of a
// publisher that waited for it.
func (c *Conn) released() {
	c.b.wheel.touch(c, time.Now()) // time in which we did not read is not silence
	c.paused.Store(false)
	c.link.Resume()
}

// A turn is what one Receive does of its input, so that a client whose packets
// are small and dear lets those come in between who share its thread: the clock
// is looked at after each turnPackets.
const (
	turnTime    = 4 * time.Millisecond
	turnPackets = 16
)

// over says whether the turn is, of which n packets were the last.
func (batch *Batch) over(packets, n int) bool {
	return packets/turnPackets != (packets-n)/turnPackets && time.Since(batch.now) > turnTime
}

// Receive handles the whole packets at the front of in and says how many bytes
// they took; the driver keeps the tail. While Paused it takes nothing.
func (c *Conn) Receive(batch *Batch, in []byte) (used int) {
	if c.left = c.paused.Load(); c.left || c.closing.Load() {
		return 0
	}
	defer c.catch(batch)
	batch.begin(c)
	allowance, packets := c.allowance(batch.now), 0
	if c.left = allowance <= 0; c.left {
		return 0
	}
	for used < len(in) && !c.closing.Load() {
		if c.left = c.paused.Load(); c.left {
			break
		}
		if why := notConnect(in[used:]); c.phase == opening && why != "" {
			c.turnOut(refusal{refusedProtocol, mqttwire.ProtocolError, why})
			break
		}
		if c.phase == connected {
			if n := c.handleBareAcks(batch, in[used:]); n > 0 {
				used += n * bareAck
				packets += n
				if c.left = used < len(in) && batch.over(packets, n); c.left {
					break
				}
				continue
			}
		}
		p, n, err := batch.decoder.Decode(in[used:])
		if err != nil {
			c.refuseBytes(batch, p, err)
			break
		}
		if n == 0 {
			break
		}
		if c.left = !c.handle(batch, p); c.left {
			break
		}
		used += n
		packets++
		if c.left = used < len(in) && (used >= allowance || batch.over(packets, 1)); c.left {
			break
		}
	}
	if packets > 0 {
		c.b.wheel.touch(c, batch.now)
		batch.tally.received(packets, used)
	}
	c.commit(batch)
	if pending, flush := c.out.unflushed(); flush {
		batch.note(c)
	} else if pending > c.most() && !c.asks() {
		c.holdBack()
	}
	if batch.ahead != nil {
		c.waitBehind(batch)
	}
	c.spend(batch, used)
	if c.b.strained(slowing) {
		c.slowDown(batch.waited, batch.now)
	}
	if c.asks() {
		c.inquire()
	}
	return used
}

// handle acts on one packet. False: it was not taken, Receive will see it again.
func (c *Conn) handle(batch *Batch, p mqttwire.Packet) bool {
	switch c.phase {
	case opening:
		if p, ok := p.(*mqttwire.Connect); ok {
			c.handleConnect(batch, p)
			batch.begin(c)
			return true
		}
	case authenticating:
		switch p := p.(type) {
		case *mqttwire.Auth:
			c.handleAuth(batch, p)
			return true
		case *mqttwire.Disconnect:
			c.end(mqttwire.Success, "")
			return true
		}
		c.refuse(refusal{refusedProtocol, mqttwire.ProtocolError, p.Type().String() + " during the authentication"})
		return true
	case connected:
		return c.handleConnected(batch, p)
	}
	c.end(mqttwire.ProtocolError, p.Type().String()+" before the connection is accepted")
	return true
}

func (c *Conn) handleConnected(batch *Batch, p mqttwire.Packet) bool {
	switch p := p.(type) {
	case *mqttwire.Publish:
		return c.handlePublish(batch, p)
	case *mqttwire.Ack:
		c.handleAck(batch, p)
	case *mqttwire.Subscribe:
		c.handleSubscribe(batch, p)
	case *mqttwire.Unsubscribe:
		c.handleUnsubscribe(batch, p)
	case *mqttwire.Pingreq:
		c.send(&mqttwire.Pingresp{})
	case *mqttwire.Disconnect:
		c.handleDisconnect(batch, p)
	case *mqttwire.Auth:
		c.handleReAuth(batch, p)
	case *mqttwire.Connect:
		c.fail(batch, mqttwire.ProtocolError, "a second CONNECT")
	default:
		c.fail(batch, mqttwire.ProtocolError, "a client does not send "+p.Type().String())
	}
	return true
}

// refuseBytes ends the connection over bytes that do not decode.
func (c *Conn) refuseBytes(batch *Batch, p mqttwire.Packet, err error) {
	reason, detail := mqttwire.MalformedPacket, err.Error()
	if e, ok := err.(*mqttwire.Error); ok {
		reason = e.Reason
	}
	switch c.phase {
	case authenticating:
		c.refuse(refusal{refusedProtocol, reason, detail})
		return
	case opening:
	default:
		c.fail(batch, reason, detail)
		return
	}
	if p, ok := p.(*mqttwire.Connect); ok {
		c.refuseConnectBytes(p, reason, detail)
	} else if batch.decoder.Version == mqttwire.V5 { // a CONNECT told so before it went wrong
		c.version = mqttwire.V5
		c.refuse(refusal{refusedProtocol, reason, detail})
	}
	c.turnOut(refusal{refusedProtocol, reason, detail})
}

// handleDisconnect ends the connection at the client's word.
func (c *Conn) handleDisconnect(batch *Batch, p *mqttwire.Disconnect) {
	if seconds, ok := p.Properties.Number(mqttwire.SessionExpiryInterval); ok {
		if !c.session.changeExpiry(c, seconds) {
			c.fail(batch, mqttwire.ProtocolError, "DISCONNECT raises the session expiry from 0")
			return
		}
	}
	if p.Reason == mqttwire.NormalDisconnection {
		c.session.dropWill(batch, c)
	}
	c.commit(batch)
	c.said, c.lastWord = true, p.Reason
	c.finish(nil)
}

// fail is end on the driver's own thread: what came before is answered first.
func (c *Conn) fail(batch *Batch, reason mqttwire.ReasonCode, detail string) {
	c.commit(batch)
	c.end(reason, detail)
}

// end closes the connection for a reason of the broker's: on 5.0, once the
// client is connected, with a DISCONNECT that says it. Any thread may call it;
// one that is not the driver's calls Link.Close as well.
// False: it had another reason before.
func (c *Conn) end(reason mqttwire.ReasonCode, detail string) bool {
	return c.endFor(&endCause{reason: reason, detail: detail})
}

func (c *Conn) endFor(why *endCause) bool {
	reason, detail := why.reason, why.detail
	if !c.cause.CompareAndSwap(nil, why) {
		return false
	}
	var last mqttwire.Packet
	if c.live.Load() && c.version == mqttwire.V5 && reason >= 0x80 {
		p := &mqttwire.Disconnect{Reason: reason}
		if !reason.AllowedIn(mqttwire.DISCONNECT, mqttwire.Server) {
			p.Reason = mqttwire.UnspecifiedError
		}
		if detail != "" {
			p.Properties = p.Properties.AddText(mqttwire.ReasonString, detail)
		}
		last = p
	}
	c.finish(last)
	return true
}

// kick is end for threads other than the driver's.
func (c *Conn) kick(reason mqttwire.ReasonCode, detail string) {
	c.end(reason, detail)
	c.link.Flush()
	c.link.Close()
}

// finish lets nothing more into the outbox behind a last word, which may be
// nil, or out of the socket's input.
func (c *Conn) finish(last mqttwire.Packet) {
	c.out.mu.Lock()
	if last != nil {
		c.put(last)
	}
	c.out.closed = true
	c.out.mu.Unlock()
	c.closing.Store(true)
}

// send puts one packet of the broker's own into the outbox and flushes it at
// the end of the batch, or, for packets from elsewhere, at the caller's Flush.
// False: it does not fit into what the client takes.
func (c *Conn) send(p mqttwire.Packet) bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.put(p)
}

// put is send with out.mu held.
func (c *Conn) put(p mqttwire.Packet) bool {
	if c.out.closed {
		return true
	}
	k := c.space(64)
	b := c.encode(k.bytes, p)
	n := len(b) - len(k.bytes)
	if n == 0 {
		c.leave(k)
		return false
	}
	c.extend(k, b)
	c.b.metrics.sent(1, n)
	return true
}

// Closed tells that the network connection is gone. It is called once, by the
// driver's thread; cause is the driver's error.
func (c *Conn) Closed(cause error) {
	c.finish(nil)
	c.b.deadlines.disarm((*openLimit)(c))
	c.b.wheel.remove(c)
	c.handover.Lock()
	c.gone = true
	if c.handshake != nil && c.cancel != nil {
		c.cancel()
	}
	c.handover.Unlock()
	if s := c.session; s != nil {
		c.b.leave(s, c, cause)
	}
	c.ease()
	c.b.exit(c, cause)
}

// Release tells that the driver is done with the connection: its socket is
// closed and nothing of it runs any more.
func (c *Conn) Release() {
	c.out.mu.Lock()
	c.forsake()
	c.out.mu.Unlock()
	c.b.streams.Done()
}

// Failed tells that a write failed: the reader will see the same. It is the
// writer who says so, and it is the writer no more.
func (c *Conn) Failed(error) {
	c.out.mu.Lock()
	c.out.closed, c.out.writing = true, false
	c.discard()
	c.out.mu.Unlock()
	c.ease()
	c.link.Close()
}
