package eventloop

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"mqtk/broker"
)

// lingerTime is how long input is discarded after the last packet was written:
// a close with unread input would become a reset and eat that packet.
const lingerTime = time.Second

// roundBytes of input are handled before what they produced is flushed.
const roundBytes = 64 << 10

// conn is one connection of a loop, and the broker's Link to it.
type conn struct {
	loop    *loop
	core    *broker.Conn
	tail    broker.Tail
	fd      int32
	watched uint16 // EPOLLIN, EPOLLOUT
	state   state
	held    bool // the tail holds whole packets that a pause left
	hidden  bool // epoll does not know of it
	eager   bool // the loop's list of those has it
	parted  bool // the client said DISCONNECT, and nothing behind it

	marks atomic.Uint32 // for other threads: begun, inside, ending
	users atomic.Int32  // threads in a system call on fd, plus closing
}

// Marks of a connection: one word for all, since there may be many connections.
const (
	begun  = 1 << iota // core is set, and epoll knows of the connection: the broker does before
	inside             // Receive runs: a pause that ends meanwhile is no news to the loop
	ending             // the loop waits for the outbox to be empty
)

func (c *conn) is(mark uint32) bool { return c.marks.Load()&mark != 0 }

// closing is added to users when the descriptor is to be closed, by whoever is
// the last to use it: its number must not be given away under a writer.
const closing = 1 << 30

// state of a connection, the loop's.
type state byte

const (
	open      state = iota
	finishing       // the core is done; the outbox is being written
	lingering       // half-closed; input is discarded
	dead
)

// watch sets the events that epoll reports for the connection.
func (c *conn) watch(events uint16) {
	switch {
	case c.hidden:
		c.hidden, c.watched = false, events
		c.control(unix.EPOLL_CTL_ADD)
	case c.watched != events:
		c.watched = events
		c.control(unix.EPOLL_CTL_MOD)
	}
}

// hide keeps epoll from reporting over and over that the peer of a connection
// that is not read is gone: what it sent before is read after the pause.
func (c *conn) hide() {
	c.control(unix.EPOLL_CTL_DEL)
	c.hidden, c.watched = true, 0
}

func (c *conn) control(op int) error {
	return unix.EpollCtl(c.loop.epoll, op, int(c.fd), &unix.EpollEvent{Events: uint32(c.watched), Fd: c.fd})
}

// ready handles what epoll reports, but for room to write.
func (c *conn) ready(events uint32) {
	gone := events&(unix.EPOLLHUP|unix.EPOLLERR) != 0
	switch {
	case c.state == open && gone && c.core.Paused():
		c.hide()
	case c.state == open && (gone || events&unix.EPOLLIN != 0):
		c.read()
	case c.state == finishing && gone:
		c.drop()
	case c.state == lingering && (gone || events&unix.EPOLLIN != 0):
		c.discard()
	}
}

// read takes what has arrived, once: epoll reports again what is left, of which
// there may be more where the buffer was full.
func (c *conn) read() (full bool) {
	if c.core.Paused() {
		c.watch(c.watched &^ unix.EPOLLIN)
		return false
	}
	if c.held {
		return false // its turn comes with the request that is posted
	}
	batch := c.loop.batch
	space := c.tail.Space(batch)
	n, err := unix.Read(int(c.fd), space)
	switch {
	case n > 0:
		c.receive(c.tail.Filled(batch, n))
	case err == unix.EAGAIN || err == unix.EINTR:
	case n == 0:
		c.end(c.tail.Cause(io.EOF))
	default:
		c.end(os.NewSyscallError("read", err))
	}
	return n == len(space)
}

// readOn reads in place of epoll's report, as long as there is much: a client that
// sends more than its receivers take is paused and resumed all the time, and need
// not be watched in between.
func (c *conn) readOn() {
	c.eager = false
	if c.state != open || c.watched&unix.EPOLLIN != 0 {
		return
	}
	full := c.read()
	switch {
	case c.state != open || c.held || c.core.Paused(): // resume will
	case full:
		c.listen()
	default:
		c.watch(c.watched | unix.EPOLLIN)
	}
}

// listen has the connection read in the next round.
func (c *conn) listen() {
	if !c.eager && c.watched&unix.EPOLLIN == 0 {
		c.eager = true
		c.loop.eager = append(c.loop.eager, c)
	}
}

// receive hands bytes to the core and keeps what it leaves.
func (c *conn) receive(in []byte) {
	batch := c.loop.batch
	c.marks.Or(inside)
	used := c.core.Receive(batch, in)
	c.marks.And(^uint32(inside)) // from here on a pause that ends posts a request
	c.loop.handled += used
	if c.core.Closing() {
		c.parted = used == len(in) && c.core.Parted()
		c.end(nil)
		return
	}
	if !c.core.Paused() && !c.core.Left() {
		c.tail.Keep(in[used:])
		if c.loop.handled >= roundBytes {
			c.loop.flush()
		}
		return
	}
	c.tail.Hold(batch, in[used:])
	batch.Flush()
	c.held = true
	if c.core.Paused() {
		c.watch(c.watched &^ unix.EPOLLIN)
	} else {
		c.loop.post(request{conn: c, want: wantResume}) // behind those who wait for their turn
	}
}

// resume goes on after a pause with what was left then.
func (c *conn) resume() {
	if c.state != open || c.core.Paused() {
		return
	}
	if c.core.Closing() {
		c.end(nil)
		return
	}
	if c.held {
		c.held = false
		c.receive(c.tail.Bytes())
	}
	if c.state == open && !c.held {
		c.listen()
	}
}

// close is what Link.Close asks for, and what a writer reports who emptied the
// outbox of a connection that is ending.
func (c *conn) close() {
	switch c.state {
	case open:
		c.end(nil)
	case finishing:
		c.finish()
	}
}

// end tells the core that nothing more will be read, and sees the last bytes out.
func (c *conn) end(cause error) {
	c.loop.flush()
	c.state = finishing
	c.core.Closed(cause)
	c.Flush()
	c.marks.Or(ending)
	drained := c.core.Drained()
	if drained && (cause != nil || c.parted) {
		c.drop() // the peer sends nothing more that could become a reset
		return
	}
	if !drained {
		c.watch(c.watched &^ unix.EPOLLIN)
	}
	c.loop.linger = append(c.loop.linger, farewell{c, time.Now().Add(lingerTime)})
	c.finish()
}

// finish half-closes once the outbox is written, or closes behind a DISCONNECT.
func (c *conn) finish() {
	if c.state != finishing || !c.core.Drained() {
		return
	}
	if c.parted || unix.Shutdown(int(c.fd), unix.SHUT_WR) != nil {
		c.drop()
		return
	}
	c.state = lingering
	c.watch(unix.EPOLLIN)
}

// discard reads what nobody will look at, until the peer has closed, too.
func (c *conn) discard() {
	n, err := unix.Read(int(c.fd), c.loop.waste[:])
	if n > 0 || err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	c.drop()
}

// drop closes the socket.
func (c *conn) drop() {
	if c.state == dead {
		return
	}
	c.state = dead
	c.loop.load.Add(-1)
	c.loop.driver.conns.set(c.fd, nil)
	if c.users.Add(closing) == closing {
		unix.Close(int(c.fd))
	}
	c.core.Release()
}

// Flush is the Link's: write what lies in the outbox as far as the socket takes
// it, and leave the rest to the loop. Any thread, no locks.
func (c *conn) Flush() {
	if !c.is(begun) {
		return // end will
	}
	var room [maxPieces][]byte
	if c.write(c.core.Take(room[:0])) {
		c.loop.post(request{conn: c, want: wantRoom})
	}
}

// maxPieces of an outbox are written at a time.
const maxPieces = 8

// turnBytes is what one connection is written before others come. A client that
// reads as fast as the broker finds more for it would keep the thread for good.
const turnBytes = 128 << 10

// write makes its thread the writer until the outbox is empty, the socket full or
// the turn over: then there is more, and the loop is to go on with it.
func (c *conn) write(pieces [][]byte) (more bool) {
	if len(pieces) == 0 {
		return false
	}
	for written := 0; len(pieces) > 0; {
		whole := 0
		for _, p := range pieces {
			whole += len(p)
		}
		n, err := c.send(pieces)
		if err != nil {
			c.core.Failed(err)
			return false
		}
		if written += n; n < whole || written >= turnBytes {
			c.core.Wrote(n)
			return true
		}
		pieces = c.core.Next(n, pieces[:0])
	}
	if c.is(ending) {
		c.loop.post(request{conn: c, want: wantClose})
	}
	return false
}

// send is one non-blocking write.
func (c *conn) send(pieces [][]byte) (n int, err error) {
	for {
		users := c.users.Load()
		if users >= closing {
			return 0, os.ErrClosed
		}
		if c.users.CompareAndSwap(users, users+1) {
			break
		}
	}
	for {
		if len(pieces) == 1 {
			n, err = unix.Write(int(c.fd), pieces[0])
		} else {
			n, err = unix.Writev(int(c.fd), pieces)
		}
		if err != unix.EINTR {
			break
		}
	}
	if c.users.Add(-1) == closing {
		unix.Close(int(c.fd))
	}
	if err == unix.EAGAIN {
		return 0, nil
	}
	return max(n, 0), err
}

// hasRoom says whether epoll reports the room that a write waits for.
func (c *conn) hasRoom(events uint32) bool {
	return events&uint32(c.watched)&unix.EPOLLOUT != 0 && events&(unix.EPOLLHUP|unix.EPOLLERR) == 0
}

// goOn continues the write that the socket had no room for, and has epoll report
// room until it is done.
func (c *conn) goOn() {
	var room [maxPieces][]byte
	if !c.write(c.core.Next(0, room[:0])) {
		c.watch(c.watched &^ unix.EPOLLOUT)
	}
}

// awaitRoom watches for room in the socket.
func (c *conn) awaitRoom() {
	if c.state != dead {
		c.watch(c.watched | unix.EPOLLOUT)
	}
}

// Resume is the Link's. What a Receive paused and what ended before it did, like
// the wait of a CONNACK for no disk, the loop sees when it comes out.
func (c *conn) Resume() {
	if !c.is(inside) {
		c.loop.post(request{conn: c, want: wantResume})
	}
}

// Close is the Link's. What ends before it has begun is seen to then.
func (c *conn) Close() {
	if c.is(begun) {
		c.loop.post(request{conn: c, want: wantClose})
	}
}
