package client

import (
	"context"
	"net"
	"time"

	"mqtk/mqttwire"
)

// ConnOptions are the manners of a Conn.
type ConnOptions struct {
	// Version before any CONNECT was sent; Handshake sets it. 0 means 5.0.
	Version mqttwire.Version
	// Limits that incoming packets must keep, by the strict decoder.
	Limits mqttwire.Limits
	// AutoFlush sends each packet at once.
	AutoFlush bool
	// WriteTimeout bounds one write to a peer that does not read; 0 means 30 s.
	WriteTimeout time.Duration
	// Trace sees each packet in the order of the wire. It must not call the Conn.
	Trace func(sent bool, p mqttwire.Packet)
}

// Conn speaks packets over a net.Conn and knows nothing of sessions: the hand
// of load generators and inspectors, and what Client stands on.
//
// One goroutine may read; any number may write.
type Conn struct{}

// NewConn wraps nc, which the Conn owns from now on.
func NewConn(nc net.Conn, o ConnOptions) *Conn { panic("client: declaration only") }

// Handshake sends connect and waits for the CONNACK, until ctx ends. A refusal
// is a *RefusedError. The CONNACK is a view, good until the next read.
func (c *Conn) Handshake(ctx context.Context, connect *mqttwire.Connect) (*mqttwire.Connack, error) {
	panic("client: declaration only")
}

// ReadPacket waits for the next packet, a view that is good until the next
// call. The end of the stream is io.EOF between packets, io.ErrUnexpectedEOF
// within one; what breaks the protocol is a *ViolationError.
func (c *Conn) ReadPacket() (mqttwire.Packet, error) { panic("client: declaration only") }

// Buffered is the number of bytes read from the network and not yet returned
// as packets. When ReadPacket would have to wait, it is time to Flush.
func (c *Conn) Buffered() int { panic("client: declaration only") }

// WritePacket puts p into the output buffer, and sends the buffer when it has
// grown beyond 64 KiB or AutoFlush is set.
func (c *Conn) WritePacket(p mqttwire.Packet) error { panic("client: declaration only") }

// Write puts raw bytes into the output buffer, for those who send what is no
// valid packet. The trace does not see them.
func (c *Conn) Write(b []byte) (int, error) { panic("client: declaration only") }

// Flush sends what is buffered.
func (c *Conn) Flush() error { panic("client: declaration only") }

// Version is the protocol version spoken.
func (c *Conn) Version() mqttwire.Version { panic("client: declaration only") }

// NetConn is the connection underneath, for deadlines and addresses.
func (c *Conn) NetConn() net.Conn { panic("client: declaration only") }

// Disconnect sends d (nil: a normal disconnection), shuts the sending side
// down, waits up to a second for the peer to close, and closes.
func (c *Conn) Disconnect(d *mqttwire.Disconnect) error { panic("client: declaration only") }

// Close closes the connection at once; nothing buffered is sent.
func (c *Conn) Close() error { panic("client: declaration only") }
