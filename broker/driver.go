package broker

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// The goroutine driver: one goroutine a connection, its reader. It waits for
// readability before it borrows a buffer, so that an idle connection holds a
// small stack and its state. A writer goroutine exists only while there are
// bytes that a non-blocking write would not take.

const (
	smallRead  = 2 << 10     // the own buffer of a connection without a file descriptor
	lingerTime = time.Second // how long input is discarded so that the last packet is not lost to a reset
)

// stream is the goroutine driver's side of one connection.
type stream struct {
	conn  net.Conn
	core  *Conn
	raw   rawConn  // empty: no non-blocking calls on this kind of connection
	poll  pollable // nil: the connection has no such calls of its own
	small []byte   // what a connection without raw and poll reads into
	tail  Tail

	begun atomic.Bool // core is set: the broker knows of the stream before

	mu      sync.Mutex
	changed sync.Cond   // L is mu; signals the three below
	woken   bool        // Resume was called
	closed  bool        // Close was called
	failed  bool        // a write failed
	ending  atomic.Bool // linger waits for whoever writes
}

// A pollable connection, as of TLS or a WebSocket, has more on the wire than MQTT's
// bytes, and calls of its own that never block.
type pollable interface {
	// WaitReadable waits, without a buffer, until Read would not: until it has bytes,
	// an error or the end. It keeps to the read deadline.
	WaitReadable() error
	// WriteNow writes what the network takes at once. What it did not take must be
	// what is written next, by WriteNow or Write.
	WriteNow(p []byte) (n int, err error)
}

// run drives one connection until it ends.
func (b *Broker) run(g *Gate, nc net.Conn) {
	s := &stream{conn: nc}
	s.changed.L = &s.mu
	if s.poll, _ = nc.(pollable); !s.raw.init(s) && s.poll == nil {
		s.small = make([]byte, smallRead)
	}
	s.core = b.Accept(s, g, nc.RemoteAddr())
	s.begun.Store(true)
	err := errClosing
	if s.core.Closing() { // refused at the door: there is no last word to linger for
		s.core.Closed(err)
	} else {
		err = s.read()
		s.core.Closed(err)
		s.linger(err)
	}
	s.conn.Close()
	s.core.Release()
}

// errClosing ends the read loop when the core wants the connection closed.
var errClosing = errors.New("closing")

// read feeds the core until the stream ends, fails, or the core is done with it.
func (s *stream) read() (err error) {
	defer s.core.catchReading(&err)
	for {
		batch, in, err := s.fill()
		if err != nil {
			return s.tail.Cause(err)
		}
		err = s.receive(batch, in)
		s.core.b.release(batch)
		if err != nil {
			return err
		}
	}
}

// receive hands bytes to the core, waits while the core wants no more, and
// keeps what remains of them.
func (s *stream) receive(batch *Batch, in []byte) error {
	for {
		used := s.core.Receive(batch, in)
		batch.Flush()
		in = in[used:]
		if s.core.Closing() {
			return errClosing
		}
		switch {
		case s.core.Paused():
			if !s.await() {
				return errClosing
			}
		case !s.core.Left():
			s.tail.Keep(in)
			return nil
		}
	}
}

// await blocks until Resume or Close. False: it was Close.
func (s *stream) await() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.woken && !s.closed {
		s.changed.Wait()
	}
	s.woken = false
	return !s.closed
}

// fill waits for bytes and returns them, behind the tail, in a borrowed batch.
func (s *stream) fill() (*Batch, []byte, error) {
	if s.raw.ok() {
		return s.raw.read(s)
	}
	if s.poll != nil {
		return s.fillWhenReadable()
	}
	n, err := s.conn.Read(s.small)
	if n == 0 {
		if err == nil {
			err = io.ErrNoProgress
		}
		return nil, nil, err
	}
	batch := s.core.b.borrow()
	copy(s.tail.Space(batch), s.small[:n])
	return batch, s.tail.Filled(batch, n), nil
}

func (s *stream) fillWhenReadable() (*Batch, []byte, error) {
	if err := s.poll.WaitReadable(); err != nil {
		return nil, nil, err
	}
	batch := s.core.b.borrow()
	n, err := s.conn.Read(s.tail.Space(batch))
	if n > 0 {
		return batch, s.tail.Filled(batch, n), nil
	}
	s.core.b.release(batch)
	if err == nil {
		err = io.ErrNoProgress
	}
	return nil, nil, err
}

// Flush writes what lies in the outbox as far as it goes without blocking and
// leaves the rest to a writer goroutine. Called without locks, by anyone.
func (s *stream) Flush() {
	if !s.begun.Load() {
		return // linger will
	}
	var room [1][]byte
	pieces := s.core.Take(room[:0])
	if len(pieces) == 0 {
		return
	}
	if !s.raw.ok() && s.poll == nil {
		s.startWriter()
		return
	}
	for len(pieces) > 0 {
		n, err := s.writeNow(pieces[0])
		if err != nil {
			s.fail(err)
			return
		}
		if n < len(pieces[0]) {
			s.core.Wrote(n)
			s.startWriter()
			return
		}
		pieces = s.core.Next(n, room[:0])
	}
	if s.ending.Load() {
		s.wrote()
	}
}

// writeNow writes what the network takes at once.
func (s *stream) writeNow(b []byte) (int, error) {
	if s.raw.ok() {
		return s.raw.write(s, b)
	}
	return s.poll.WriteNow(b)
}

// fail tells everybody that a write failed.
func (s *stream) fail(err error) {
	s.mu.Lock()
	s.failed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	s.core.Failed(err)
}

func (s *stream) startWriter() {
	s.core.b.goroutines.Add(1)
	go s.write()
}

// write is the writer goroutine. It ends when the outbox is empty or the
// connection fails.
func (s *stream) write() {
	defer s.core.b.goroutines.Done()
	defer s.wrote()
	defer s.core.catchAside()
	var room [1][]byte
	for pieces := s.core.Next(0, room[:0]); len(pieces) > 0; {
		n, err := s.conn.Write(pieces[0][:min(len(pieces[0]), readChunk)])
		if err != nil {
			s.core.Wrote(n)
			s.fail(err)
			return
		}
		pieces = s.core.Next(n, room[:0])
	}
}

// wrote tells linger that a writer is done.
func (s *stream) wrote() {
	s.mu.Lock()
	s.changed.Broadcast()
	s.mu.Unlock()
}

// TLS is the connection's, nil for none.
func (s *stream) TLS() *tls.ConnectionState { return tlsOf(s.conn) }

// Resume ends a pause: Receive wants the bytes it left.
func (s *stream) Resume() {
	s.mu.Lock()
	s.woken = true
	s.changed.Broadcast()
	s.mu.Unlock()
}

// Close asks the reader to end the connection once what lies in the outbox has
// been written, or after lingerTime.
func (s *stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return // linger has set deadlines of its own
	}
	s.closed = true
	s.changed.Broadcast()
	now := time.Now()
	s.conn.SetReadDeadline(now)
	s.conn.SetWriteDeadline(now.Add(lingerTime))
}

// linger sees the last bytes out: write, half-close, and discard input for a
// while, because a reset would eat the closing packet on its way to the peer.
func (s *stream) linger(cause error) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	now := time.Now()
	s.conn.SetWriteDeadline(now.Add(lingerTime))
	s.ending.Store(true)
	s.Flush()
	s.mu.Lock()
	for !s.failed && !s.core.Drained() { // the last word may be in another thread's hands
		s.changed.Wait()
	}
	s.mu.Unlock()
	half, ok := s.conn.(interface{ CloseWrite() error })
	if !ok || cause == errPanic || !errors.Is(cause, errClosing) && !s.core.Closing() {
		return
	}
	if half.CloseWrite() != nil {
		return
	}
	s.conn.SetReadDeadline(now.Add(lingerTime))
	if s.small == nil {
		s.small = make([]byte, smallRead)
	}
	for {
		if _, err := s.conn.Read(s.small); err != nil {
			return
		}
	}
}
