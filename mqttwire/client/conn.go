package client

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"mqtk/mqttwire"
)

const (
	flushAt        = 64 << 10 // bytes of output that WritePacket sends unasked
	writePiece     = 64 << 10 // bytes that one write time-out is for
	spareLimit     = 1 << 20  // an output buffer larger than this is given up after use
	defaultTimeout = 30 * time.Second
	closeWait      = time.Second // how long the peer may take to close after our DISCONNECT
)

// ConnOptions are the manners of a Conn.
type ConnOptions struct {
	// Version before any CONNECT was sent; Handshake sets it. 0 means 5.0.
	Version mqttwire.Version
	// Limits that incoming packets must keep, by the strict decoder.
	Limits mqttwire.Limits
	// AutoFlush sends each packet at once.
	AutoFlush bool
	// WriteTimeout bounds one write of 64 KiB to a peer that does not read; 0
	// means 30 s.
	WriteTimeout time.Duration
	// StallTimeout, where it is shorter, bounds a write of which no byte is
	// taken; 0 sets no such bound.
	StallTimeout time.Duration
	// PacketTimeout is what a peer has to complete a packet that it began, one
	// more second for every 4 KiB of it that came. 0 waits for ever and leaves
	// the read deadline of the net.Conn to the caller.
	PacketTimeout time.Duration
	// Trace sees each packet in the order of the wire. It must not call the Conn.
	Trace func(sent bool, p mqttwire.Packet)
}

// Conn speaks packets over a net.Conn and knows nothing of sessions: the hand
// of load generators and inspectors, and what Client stands on.
//
// One goroutine may read; any number may write.
type Conn struct {
	nc net.Conn
	o  ConnOptions

	// The reader's.
	reader *mqttwire.Reader
	source source

	// writing holds a token while somebody writes to nc. It is a channel, not a
	// Mutex, because it is held while waiting for the network.
	writing chan struct{}
	spare   []byte          // the writer's
	socket  syscall.RawConn // nil: not a plain one
	take    func(fd uintptr) bool

	mu      sync.Mutex // guards what follows
	out     []byte
	taken   int   // of out, by the last call of take
	answers int   // packets in out that let the server send one more
	shut    bool  // a DISCONNECT is in out or was sent: nothing may follow it
	failed  error // of a write: nothing more will be sent
	tracer  mqttwire.Decoder
}

// NewConn wraps nc, which the Conn owns from now on.
func NewConn(nc net.Conn, o ConnOptions) *Conn {
	if o.Version == 0 {
		o.Version = mqttwire.V5
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = defaultTimeout
	}
	c := &Conn{nc: nc, o: o, writing: make(chan struct{}, 1)}
	c.source = source{nc: nc, patience: o.PacketTimeout}
	c.reader = mqttwire.NewReader(&c.source)
	c.reader.Version, c.reader.Limits, c.reader.From = o.Version, o.Limits, mqttwire.Server
	c.source.buffered = c.reader.Buffered
	c.socket, c.take = plainSocket(nc), c.takeAtOnce
	return c
}

// Version is the protocol version spoken.
func (c *Conn) Version() mqttwire.Version { return c.o.Version }

// NetConn is the connection underneath, for deadlines and addresses.
func (c *Conn) NetConn() net.Conn { return c.nc }

// ReadPacket waits for the next packet, a view that is good until the next
// call. The end of the stream is io.EOF between packets, io.ErrUnexpectedEOF
// within one; what breaks the protocol is a *ViolationError.
func (c *Conn) ReadPacket() (mqttwire.Packet, error) {
	p, err := c.reader.ReadPacket()
	if err != nil {
		var broken *mqttwire.Error
		switch {
		case errors.As(err, &broken):
			return nil, &ViolationError{Err: broken}
		case errors.Is(err, os.ErrDeadlineExceeded) && c.o.PacketTimeout > 0:
			return nil, &TimeoutError{Waiting: "end of a packet that had begun", After: c.o.PacketTimeout}
		}
		return nil, err
	}
	c.source.packets.Add(1)
	if c.o.Trace != nil {
		c.o.Trace(false, p)
	}
	return p, nil
}

// Buffered is the number of bytes read from the network and not yet returned
// as packets. When ReadPacket would have to wait, it is time to Flush.
func (c *Conn) Buffered() int { return c.reader.Buffered() }

// WritePacket puts p into the output buffer, and sends the buffer when it has
// grown beyond 64 KiB or AutoFlush is set. After a DISCONNECT nothing is taken
// any more.
func (c *Conn) WritePacket(p mqttwire.Packet) error {
	pending, err := c.put(p, false)
	if err == nil && (c.o.AutoFlush || pending >= flushAt) {
		return c.Flush()
	}
	return err
}

// Write puts raw bytes into the output buffer, for those who send what is no
// valid packet. The trace does not see them.
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.writable(); err != nil {
		return 0, err
	}
	c.out = append(c.out, b...)
	return len(b), nil
}

// put appends p to the output and tells how long that is. answers says that p
// gives the server back a unit of our Receive Maximum, once it is sent.
func (c *Conn) put(p mqttwire.Packet, answers bool) (pending int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.writable(); err != nil {
		return 0, err
	}
	out, err := p.Append(c.out, c.o.Version)
	if err != nil {
		return 0, err
	}
	c.out = out
	c.shut = p.Type() == mqttwire.DISCONNECT
	if answers {
		c.answers++
	}
	if c.o.Trace != nil {
		c.o.Trace(true, p)
	}
	return len(out), nil
}

// putBytes appends a packet that was encoded before.
func (c *Conn) putBytes(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.writable(); err != nil {
		return err
	}
	c.out = append(c.out, b...)
	if c.o.Trace != nil {
		c.tracer.Version, c.tracer.From = c.o.Version, mqttwire.Client
		if p, _, err := c.tracer.Decode(b); err == nil && p != nil {
			c.o.Trace(true, p)
		}
	}
	return nil
}

func (c *Conn) writable() error {
	if c.shut {
		return ErrClosed
	}
	return c.failed
}

// pending is the output that waits: bytes, and the answers among it, which the
// server cannot have seen. err tells that no more is taken.
func (c *Conn) pending() (size, answers int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.out), c.answers, c.writable()
}

// Flush sends what is buffered.
func (c *Conn) Flush() error {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	c.mu.Lock()
	b, err := c.out, c.failed
	c.out, c.answers = c.spare[:0], 0
	c.mu.Unlock()
	c.spare = nil
	if err == nil && len(b) > 0 {
		err = c.send(b)
	}
	if cap(b) <= spareLimit {
		c.spare = b
	}
	return err
}

func (c *Conn) send(b []byte) error {
	for len(b) > 0 {
		piece := b[:min(len(b), writePiece)]
		if err := c.sendPiece(piece); err != nil {
			c.mu.Lock()
			c.failed = err
			c.mu.Unlock()
			return err
		}
		b = b[len(piece):]
	}
	return nil
}

// sendPiece goes on as long as bytes are taken, up to the time of the piece.
func (c *Conn) sendPiece(b []byte) error {
	end := time.Now().Add(c.o.WriteTimeout)
	for {
		patience := time.Until(end)
		if stall := c.o.StallTimeout; stall > 0 {
			patience = min(patience, stall)
		}
		_ = c.nc.SetWriteDeadline(time.Now().Add(patience))
		n, err := c.nc.Write(b)
		b = b[n:]
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case n == 0 || !time.Now().Before(end):
			return &TimeoutError{Waiting: WaitingForReader, After: max(patience, time.Millisecond).Round(time.Millisecond)}
		}
	}
}

// Disconnect sends d (nil: a normal disconnection), shuts the sending side
// down, waits up to a second for the peer to close, and closes.
func (c *Conn) Disconnect(d *mqttwire.Disconnect) error {
	defer c.Close()
	if err := c.farewell(d); err != nil {
		return err
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(closeWait))
	_, _ = io.Copy(io.Discard, c.nc)
	return nil
}

// farewell writes the last packet and ends the sending side.
func (c *Conn) farewell(d *mqttwire.Disconnect) error {
	if d == nil {
		d = new(mqttwire.Disconnect)
	}
	if _, err := c.put(d, false); err != nil {
		return err
	}
	if err := c.Flush(); err != nil {
		return err
	}
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	return nil
}

// condemn tells a server that broke the protocol so, where the version has
// words for it, and closes within a second.
func (c *Conn) condemn(v *ViolationError) {
	defer c.Close()
	if c.o.Version != mqttwire.V5 {
		return
	}
	reason := v.Err.Reason
	if !reason.AllowedIn(mqttwire.DISCONNECT, mqttwire.Client) || reason < mqttwire.UnspecifiedError {
		reason = mqttwire.ProtocolError
	}
	c.leave(&mqttwire.Disconnect{Reason: reason})
}

// leave is Disconnect that waits for nobody longer than a second.
func (c *Conn) leave(d *mqttwire.Disconnect) {
	defer time.AfterFunc(closeWait, func() { c.Close() }).Stop()
	_ = c.Disconnect(d)
}

// Close closes the connection at once; nothing buffered is sent.
func (c *Conn) Close() error { return c.nc.Close() }
