package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Conn is what a listener accepts where more than MQTT is on the wire: a header
// of the PROXY protocol, TLS, WebSocket, or all three, in this order. Handshake
// goes through them; Accept has waited for none. Afterwards Read and Write are
// about MQTT's bytes.
//
// A driver that has many of them may wait by WaitReadable, which holds no buffer
// meanwhile and after which Read does not wait, and write by WriteNow.
type Conn struct {
	inlet
	entrance *entrance
	ready    atomic.Bool // Handshake has succeeded: what it has set is not changed any more
	remote   net.Addr
	tls      *tls.Conn
	ws       *webSocket
	top      net.Conn // the uppermost of tls, ws and the inlet
	upper    io.Reader

	peek   [1]byte // a byte of MQTT's that WaitReadable has found
	peeked bool
	ended  error // of reading, for good, behind bytes that the caller has yet to answer
	failed error // of reading, for good

	writing sync.Mutex // held by who seals and flushes
	owed    bool       // the first byte of the next write has been sealed already
	broken  error      // of writing, for good
}

func newConn(socket net.Conn, e *entrance) *Conn {
	c := &Conn{inlet: inlet{Conn: socket}, entrance: e, remote: socket.RemoteAddr()}
	c.raw.init(&c.inlet)
	return c
}

// Handshake reads a PROXY header, speaks TLS and upgrades to WebSocket, as the
// listener was told. It ends with ctx. A Conn whose handshake failed is of no use
// but to be closed. The failure is an io.EOF only if the peer has left without a
// word, as those do who look whether a port is open.
func (c *Conn) Handshake(ctx context.Context) error {
	if c.ready.Load() {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Conn.SetDeadline(time.Unix(1, 0)) })
	err := c.enter()
	if !stop() && (err == nil || isTimeout(err)) { // the socket may be past its deadline
		err = fmt.Errorf("the handshake did not end in time: %w", context.Cause(ctx))
	}
	if err != nil {
		return c.leaving(err)
	}
	c.serene = true
	c.ready.Store(true)
	return nil
}

// leaving tells who left without a word from who left in the middle of one.
func (c *Conn) leaving(err error) error {
	switch ended := errors.Is(err, io.EOF); {
	case !c.heard && (ended || isReset(err)):
		return &handshakeError{"the peer has left without a word", io.EOF}
	case ended:
		return &handshakeError{err.Error(), io.ErrUnexpectedEOF}
	}
	return err
}

func (c *Conn) enter() error {
	e := c.entrance
	c.top = &c.inlet
	if e.proxy.Mode != "" {
		if err := c.readProxyHeader(); err != nil {
			return err
		}
	}
	if e.tls != nil {
		c.hello.expected = true
		c.tls = tls.Server(&c.inlet, e.tls.face.config)
		if err := c.tls.Handshake(); err != nil {
			c.hearOut(err)
			return explainClient(err)
		}
		c.top = c.tls
	}
	c.upper = c.top
	if e.ws {
		return c.upgrade()
	}
	return nil
}

// plain tells that there is nothing between the socket and MQTT.
func (c *Conn) plain() bool { return c.tls == nil && c.ws == nil }

// TLS is the state of the encryption; nil: none.
func (c *Conn) TLS() *tls.ConnectionState {
	if !c.ready.Load() || c.tls == nil {
		return nil
	}
	s := c.tls.ConnectionState()
	return &s
}

// RemoteAddr is the peer's address, after Handshake that of the client which a
// proxy speaks for.
func (c *Conn) RemoteAddr() net.Addr {
	if c.ready.Load() {
		return c.remote
	}
	return c.Conn.RemoteAddr()
}

// Proxied tells that the peer may speak for another: before Handshake, RemoteAddr
// is not the client's.
func (c *Conn) Proxied() bool {
	return c.entrance.proxy.Mode != "" || len(c.entrance.webSocket.ForwardedFor) > 0
}

// NetConn is the connection below all that the listener speaks. Reading or
// writing it breaks that.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// SyscallConn gives access to the descriptor where its bytes are those of MQTT,
// which is so behind a PROXY header alone.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if socket, ok := c.Conn.(syscall.Conn); ok && c.ready.Load() && c.plain() {
		return socket.SyscallConn()
	}
	return nil, syscall.EINVAL
}

var errNoHandshake = errors.New("read or written before Handshake")

// WaitReadable waits until Read has something to return, at once.
func (c *Conn) WaitReadable() error {
	if !c.ready.Load() {
		return errNoHandshake
	}
	for !c.peeked && c.failed == nil {
		if c.ended != nil {
			c.fail(c.ended)
			break
		}
		n, err := c.upper.Read(c.peek[:])
		c.peeked = n > 0
		switch {
		case n > 0 || err == nil:
		case passing(err):
			if c.react(); c.failed != nil {
				break
			}
			if err := c.fill(); err != nil {
				return err
			}
		default:
			c.fail(err)
		}
	}
	if c.peeked {
		return nil
	}
	return c.failed
}

func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := c.WaitReadable(); err != nil {
		return 0, err
	}
	p[0], c.peeked = c.peek[0], false
	n := 1
	for n < len(p) {
		m, err := c.upper.Read(p[n:])
		n += m
		if err == nil {
			continue
		}
		if !passing(err) {
			c.ended = err
		}
		break
	}
	c.react()
	return n, nil
}

// fail ends the reading. A peer that broke the rules of WebSocket or TLS is told
// so; what it sends meanwhile is read, lest a reset eat the words.
func (c *Conn) fail(err error) {
	c.failed = err
	if c.ws != nil {
		c.ws.part()
	}
	c.answer()
	c.inlet.release()
	if wrong := (*frameError)(nil); !errors.As(err, &wrong) {
		return
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.discard()
	}
}

// hearOut reads what a client sends to whom TLS has just said by an alert why it is
// not let in: a reset would eat that.
func (c *Conn) hearOut(why error) {
	if errors.Is(why, io.EOF) || errors.Is(why, io.ErrUnexpectedEOF) || isReset(why) || isTimeout(why) || alertOf(why) != "" {
		return // it has gone, or said so
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.discard()
	}
}

// discard reads, for a while, what nobody will look at.
func (c *Conn) discard() {
	_ = c.Conn.SetReadDeadline(time.Now().Add(farewell))
	b := make([]byte, 2<<10)
	for range 500 { // 1 MB is enough
		if _, err := c.Conn.Read(b); err != nil {
			return
		}
	}
}

// farewell is how long somebody is listened to who will not be answered.
const farewell = time.Second

// react sends what reading has written: Pong, Close, alerts of TLS.
func (c *Conn) react() {
	c.answer()
	if c.unsent() > maxUnread && c.failed == nil {
		c.failed = errors.New("the peer asks for answers and reads none")
	}
}

// maxUnread bytes of answers are kept for a peer that does not read.
const maxUnread = 256 << 10

// answer is for the reader to call, who sends nothing while somebody writes, and
// for whoever has written, that nothing be left then.
func (c *Conn) answer() {
	for c.unsent() > 0 && c.writing.TryLock() {
		all, err := c.flush(false)
		c.writing.Unlock()
		if err != nil || !all {
			return // whoever writes next goes on, or finds the same error
		}
	}
}

func (c *Conn) Write(p []byte) (int, error) { return c.write(p, true) }

// WriteNow writes as much as the socket takes without waiting: n may be less than
// len(p), and what follows must begin with the rest of p.
//
// TLS and WebSocket cannot take back what they have made of bytes that the socket
// has no room for. Then all but the last of those are reported as written: it
// comes again, by which time the socket has room, and is not made again.
func (c *Conn) WriteNow(p []byte) (int, error) {
	if !c.raw.ok() {
		return 0, nil
	}
	return c.write(p, false)
}

func (c *Conn) write(p []byte, wait bool) (n int, err error) {
	if !c.ready.Load() {
		return 0, errNoHandshake
	}
	if len(p) == 0 {
		return 0, nil
	}
	c.writing.Lock()
	n, err = c.seal(p, wait)
	c.writing.Unlock()
	if n == len(p) {
		c.answer()
	}
	return n, err
}

func (c *Conn) seal(p []byte, wait bool) (n int, err error) {
	if c.broken != nil {
		return 0, c.broken
	}
	if all, err := c.flushBroken(wait); !all {
		return 0, err
	}
	if c.owed {
		c.owed, n = false, 1
	}
	for n < len(p) {
		m, err := c.top.Write(p[n:min(len(p), n+sealChunk)])
		if err != nil {
			c.broken = err
			return n, err
		}
		n += m
		if all, err := c.flushBroken(wait); !all {
			c.owed = true
			return n - 1, err
		}
	}
	return n, nil
}

// flushBroken is flush, and notes an error that does not pass.
func (c *Conn) flushBroken(wait bool) (bool, error) {
	all, err := c.flush(wait)
	if err != nil && !passing(err) {
		c.broken = err
	}
	return all, err
}

// SetDeadline and its like are the socket's.
func (c *Conn) SetDeadline(t time.Time) error      { return c.Conn.SetDeadline(t) }
func (c *Conn) SetReadDeadline(t time.Time) error  { return c.Conn.SetReadDeadline(t) }
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(t) }

// CloseWrite tells the peer that nothing more will come: a WebSocket by Close, to
// which the peer has an answer, TLS by its alert, a socket by its end.
func (c *Conn) CloseWrite() error {
	if !c.ready.Load() {
		return errNoHandshake
	}
	if err := c.sayGoodbye(true); err != nil || !c.plain() {
		return err
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *Conn) sayGoodbye(wait bool) (err error) {
	if wait {
		c.writing.Lock()
	} else if !c.writing.TryLock() {
		return nil // somebody waits for the peer
	}
	defer c.writing.Unlock()
	if c.ws != nil {
		err = c.ws.CloseWrite()
	}
	if c.tls != nil && (c.ws == nil || !wait) { // a WebSocket's peer has an answer first
		err = errors.Join(err, c.tls.CloseWrite())
	}
	if err == nil && c.broken == nil {
		_, err = c.flush(wait)
	}
	return err
}

// Close says goodbye if that needs no waiting, and closes the socket.
func (c *Conn) Close() error {
	if c.ready.Load() && !c.plain() && c.raw.ok() {
		_ = c.sayGoodbye(false)
	}
	return c.Conn.Close()
}
