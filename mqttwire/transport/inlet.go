package transport

import (
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// An inlet is the socket below TLS and WebSocket. While hands are shaken it is
// the socket. Afterwards it never waits: what is read above it is what fill has
// fetched, and what is written above it is kept until flush sends it. So TLS and
// WebSocket neither block nor hold more of a connection than their state, and
// many layers make one system call.
type inlet struct {
	net.Conn
	raw    rawSocket
	serene bool // hands are shaken
	heard  bool // something has come for a handshake
	hello  hello

	chunk *chunk // what fill has fetched, in is what is left of it
	in    []byte
	small []byte // what fill reads into where there are no raw calls
	end   error  // what the socket said last

	mu  sync.Mutex
	out []byte // what was written above; in a sealBuffer
	box *sealBuffer
}

// A hello hands a TLS client's first record on in small ones, as which it may come
// by RFC 8446, section 5.1. crypto/tls keeps for good a buffer as large as the largest
// record was, and with the keys of today that is the first one, by far: of an idle
// connection's 12 kB it was 3.
type hello struct {
	expected bool
	left     int // of the record's bytes
	piece    int // a half, a quarter or less of them: what collects them doubles as it grows
	kind     [3]byte
}

const maxPiece = 570

func (h *hello) read(r io.Reader, p []byte) (int, error) {
	if len(p) <= 5 {
		return 0, io.ErrShortBuffer // crypto/tls reads into 512 at least
	}
	if h.left == 0 {
		n, err := io.ReadFull(r, p[:5])
		h.left = int(p[3])<<8 | int(p[4])
		h.kind = [3]byte(p[:3])
		if handshake := p[0] == 0x16; err != nil || !handshake || h.left == 0 {
			h.expected = false
			return n, err
		}
		for h.piece = h.left; h.piece > maxPiece; {
			h.piece = (h.piece + 1) / 2
		}
	}
	n, err := r.Read(p[5 : 5+min(h.left, h.piece, len(p)-5)])
	h.left -= n
	h.expected = h.left > 0 && err == nil
	copy(p, h.kind[:])
	p[3], p[4] = byte(n>>8), byte(n)
	if n == 0 {
		return 0, err
	}
	return 5 + n, err
}

// A chunk is as much as is fetched at once; a TLS record fits in.
type chunk [32 << 10]byte

// A sealBuffer takes what a write of sealChunk becomes in TLS records or a frame.
type sealBuffer [sealChunk + 1<<10]byte

const sealChunk = 32 << 10

var (
	chunks      = sync.Pool{New: func() any { return new(chunk) }}
	sealBuffers = sync.Pool{New: func() any { return new(sealBuffer) }}
)

// errMore says that Read has nothing before the next fill.
var errMore error = needMore{}

// needMore is what crypto/tls takes for an error that passes.
type needMore struct{}

func (needMore) Error() string   { return "nothing more has arrived" }
func (needMore) Timeout() bool   { return true }
func (needMore) Temporary() bool { return true }

func (l *inlet) Read(p []byte) (n int, err error) {
	if len(l.in) == 0 {
		switch {
		case !l.serene:
			if l.hello.expected {
				n, err = l.hello.read(l.Conn, p)
			} else {
				n, err = l.Conn.Read(p)
			}
			l.heard = l.heard || n > 0
			return n, err
		case l.end != nil:
			return 0, l.end
		}
		return 0, errMore
	}
	n = copy(p, l.in)
	l.in = l.in[n:]
	if len(l.in) == 0 {
		l.release()
	}
	return n, nil
}

func (l *inlet) release() {
	if l.chunk != nil {
		chunks.Put(l.chunk)
	}
	l.chunk, l.in = nil, nil
}

// fill waits for bytes and fetches them; only where the socket allows no raw
// calls it holds a buffer meanwhile. An end of the stream is for Read to tell.
func (l *inlet) fill() error {
	if l.end != nil {
		return nil
	}
	n, err := 0, error(nil)
	if l.raw.ok() {
		if n, err = l.raw.read(l); err == nil {
			l.in = l.chunk[:n]
		}
	} else {
		if l.small == nil {
			l.small = make([]byte, 2<<10)
		}
		n, err = l.Conn.Read(l.small)
		l.in = l.small[:n]
	}
	switch {
	case n > 0:
		return nil
	case err == nil:
		err = io.EOF
	case passing(err):
		l.release()
		return err
	}
	l.release()
	l.end = err
	return nil
}

func (l *inlet) Write(p []byte) (int, error) {
	if !l.serene {
		return l.Conn.Write(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		l.box = sealBuffers.Get().(*sealBuffer)
		l.out = l.box[:0]
	}
	l.out = append(l.out, p...)
	return len(p), nil
}

// unsent is how much flush has to send.
func (l *inlet) unsent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.out)
}

// flush sends what was written above, one caller at a time. Without wait it sends
// what the socket takes at once, and says whether that was all.
func (l *inlet) flush(wait bool) (all bool, err error) {
	for {
		l.mu.Lock()
		b, box := l.out, l.box
		l.out, l.box = nil, nil
		l.mu.Unlock()
		if len(b) == 0 {
			return true, nil
		}
		n := 0
		if wait || !l.raw.ok() {
			n, err = l.Conn.Write(b)
		} else {
			n, err = l.raw.write(b)
		}
		if n < len(b) {
			l.putBack(b[n:], box)
		} else {
			giveBack(box)
		}
		if err != nil || n < len(b) {
			return false, err
		}
	}
}

// putBack keeps what the socket had no room for, which may be for long: in no more
// memory than it needs.
func (l *inlet) putBack(b []byte, box *sealBuffer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := slices.Concat(b, l.out)
	giveBack(box)
	giveBack(l.box)
	l.out, l.box = kept, nil
}

// giveBack is for a buffer, or for nil, where there was none.
func giveBack(b *sealBuffer) {
	if b != nil {
		sealBuffers.Put(b)
	}
}

// SetWriteDeadline is what crypto/tls calls around its last alert, which must not
// end the writing of what has been sealed before.
func (l *inlet) SetWriteDeadline(t time.Time) error {
	if l.serene {
		return nil
	}
	return l.Conn.SetWriteDeadline(t)
}
