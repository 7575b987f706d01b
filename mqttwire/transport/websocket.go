package transport

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
)

// webSocket is either side of a WebSocket after its upgrade: what is written goes
// out in binary frames, one for each Write, and what is read is what the peer's
// frames hold, wherever they begin and end.
//
// Ping is answered by whoever reads. It does not wait for a Write that is going
// on, which may last as long as the peer reads nothing: the answer is left to it.
type webSocket struct {
	net.Conn           // below
	source   io.Reader // of what comes from there
	side     webSocketSide
	in       unframer
	failed   error  // of reading, for good
	parting  []byte // what a Close frame of ours has to say; nil: nothing

	mu     sync.Mutex // held for one frame
	closed bool       // a Close frame was sent: it is the last

	asked  sync.Mutex // guards the next two
	answer byte       // a control frame that is to be sent; 0: none
	words  []byte
}

// webSocketSide says which end it is.
type webSocketSide struct {
	client  bool // its frames are masked, those that come are not
	deflate bool // permessage-deflate was negotiated
}

// newWebSocket speaks WebSocket over a connection after the upgrade. source is the
// connection, or what holds bytes that came behind the upgrade and reads on there.
func newWebSocket(below net.Conn, source io.Reader, side webSocketSide) *webSocket {
	w := &webSocket{Conn: below, source: source, side: side}
	w.in = unframer{fromClient: !side.client, deflate: side.deflate, control: w.react}
	return w
}

// Read returns io.EOF behind a Close frame. Temporary errors of the connection
// below, a deadline's above all, may be followed by another Read.
func (w *webSocket) Read(p []byte) (int, error) {
	n, err := w.next(p)
	w.part()
	return n, err
}

// next is Read, but for the answer to what ends the reading: that is for part to
// give, when all that came before has been looked at.
func (w *webSocket) next(p []byte) (int, error) {
	if w.failed != nil || len(p) == 0 {
		return 0, w.failed
	}
	n, err := w.in.read(w.source, p)
	if n > 0 || err == nil {
		return n, nil
	}
	if passing(err) {
		return 0, err
	}
	if wrong := (*frameError)(nil); errors.As(err, &wrong) {
		w.parting = binary.BigEndian.AppendUint16(nil, wrong.code)
	} else if err == errCloseFrame {
		err = io.EOF
	}
	w.failed = err
	w.in.stopInflating()
	return 0, err
}

// part answers a Close frame, or tells the peer what it did wrong.
func (w *webSocket) part() {
	if w.parting != nil {
		w.reply(opClose, w.parting)
		w.parting = nil
	}
}

// passing says whether an error is of the moment.
func passing(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// react answers a control frame.
func (w *webSocket) react(op byte, p []byte) error {
	switch op {
	case opPing:
		w.reply(opPong, p)
	case opClose:
		w.parting = append([]byte{}, p[:min(len(p), 2)]...)
	}
	return nil
}

// reply sends a control frame as soon as no other frame is being written. Only the
// last one is sent of those that wait: a Pong is owed to the last Ping alone.
func (w *webSocket) reply(op byte, p []byte) {
	w.asked.Lock()
	if w.answer != opClose {
		w.answer, w.words = op, p
	}
	w.asked.Unlock()
	w.answerNow()
}

// answerNow sends what reply has left, unless somebody writes, who will then.
func (w *webSocket) answerNow() {
	for w.owes() && w.mu.TryLock() {
		w.asked.Lock()
		op, p := w.answer, w.words
		w.answer, w.words = 0, nil
		w.asked.Unlock()
		if op != 0 {
			_ = w.sendControl(op, p) // that it failed is seen by reading
		}
		w.mu.Unlock()
	}
}

func (w *webSocket) owes() bool {
	w.asked.Lock()
	defer w.asked.Unlock()
	return w.answer != 0
}

// sendControl writes a control frame, with mu held.
func (w *webSocket) sendControl(op byte, p []byte) error {
	if w.closed {
		return net.ErrClosed
	}
	w.closed = op == opClose
	b := appendHeader(make([]byte, 0, 8+len(p)), finBit|op, len(p), w.side.client)
	if w.side.client {
		mask := newMask()
		b = append(append(b, mask[:]...), p...)
		xor(b[len(b)-len(p):], mask, 0)
	} else {
		b = append(b, p...)
	}
	_, err := w.Conn.Write(b)
	return err
}

// Write sends p in one frame.
func (w *webSocket) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	defer w.answerNow()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, net.ErrClosed
	}
	b := frameBuffers.Get().(*frameBuffer)
	defer frameBuffers.Put(b)
	switch {
	case w.side.deflate && len(p) >= minPack:
		return w.writePacked(b, p)
	case w.side.client:
		return w.writeMasked(b, finBit|opBinary, p)
	}
	return w.writePlain(b, p)
}

// A frameBuffer takes a frame's header and what is written with it. It is as large
// as a TLS record, so that a large frame fills the first one.
type frameBuffer [16 << 10]byte

var frameBuffers = sync.Pool{New: func() any { return new(frameBuffer) }}

// writePlain copies no more of p than what shall go out with the header.
func (w *webSocket) writePlain(b *frameBuffer, p []byte) (int, error) {
	head := appendHeader(b[:0], finBit|opBinary, len(p), false)
	if len(p) > cap(head)-len(head) {
		switch w.Conn.(type) {
		case *net.TCPConn, *net.UnixConn:
			both := net.Buffers{head, p}
			n, err := both.WriteTo(w.Conn)
			return max(int(n)-len(head), 0), err
		}
	}
	n := copy(b[len(head):], p)
	if m, err := w.Conn.Write(b[:len(head)+n]); err != nil || n == len(p) {
		return max(m-len(head), 0), err
	}
	m, err := w.Conn.Write(p[n:])
	return n + m, err
}

// writeMasked sends a client's frame by as much as the buffer takes.
func (w *webSocket) writeMasked(b *frameBuffer, first byte, p []byte) (written int, err error) {
	mask := newMask()
	head := append(appendHeader(b[:0], first, len(p), true), mask[:]...)
	for rest := len(head); written < len(p) || rest > 0; rest = 0 {
		n := copy(b[rest:], p[written:])
		xor(b[rest:rest+n], mask, written)
		m, err := w.Conn.Write(b[:rest+n])
		written += max(m-rest, 0)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// writePacked sends p compressed.
func (w *webSocket) writePacked(b *frameBuffer, p []byte) (int, error) {
	packed := deflate(b[:0], p)
	out := make([]byte, 0, len(packed)+14)
	out = appendHeader(out, finBit|rsv1Bit|opBinary, len(packed), w.side.client)
	if w.side.client {
		mask := newMask()
		out = append(out, mask[:]...)
		xor(packed, mask, 0)
	}
	if _, err := w.Conn.Write(append(out, packed...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func newMask() (mask [4]byte) {
	_, _ = rand.Read(mask[:]) // never fails
	return mask
}

// CloseWrite says that nothing more will come: Close 1000. The peer answers by its
// own, behind which Read returns io.EOF.
func (w *webSocket) CloseWrite() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	return w.sendControl(opClose, binary.BigEndian.AppendUint16(nil, closeNormal))
}

// Close says so, too, unless a Write is waiting for the peer, and closes.
func (w *webSocket) Close() error {
	w.reply(opClose, binary.BigEndian.AppendUint16(nil, closeNormal))
	return w.Conn.Close()
}
