package bench

import (
	"bytes"
	"io"
	"net"
	"time"

	"mqtk/mqttwire"
)

// testFaults is what a testBroker does wrong; zero is nothing. What happens to
// one message in so many happens to each message whose number the count
// divides: at publishing the messages are counted as they come, at delivering
// as they go, each receiver's by itself. A message suffers one of these only.
type testFaults struct {
	unreachable bool          // nobody accepts
	delay       time.Duration // before all that it writes
	stall       time.Duration // at the start of each second, in which nothing leaves
	stopAfter   time.Duration // since its start: from then on it reads and writes nothing
	readPause   time.Duration // before each read of 1 KiB

	// one delivery in so many
	drop    int64
	double  int64 // comes twice
	swap    int64 // comes after the next of its publisher
	late    int64 // comes again, 50 deliveries later
	corrupt int64 // has another last byte
	forge   int64 // has another byte in its header
	forgeAt int   // which
	lower   int64 // comes at a QoS lower by one

	keepOld  bool // a retained message is not replaced
	unmarked bool // and comes without RETAIN

	// one publish in so many
	forget           int64 // is acknowledged and goes nowhere
	swallow          int64 // is not even acknowledged
	again            int64 // is acknowledged twice, each time
	stray            int64 // is acknowledged with an id that is not its own
	refusePublish    mqttwire.ReasonCode
	refuseEach       int64 // 0: all
	acknowledgeAfter time.Duration
	receiveMaximum   int // that is held against the client; say it in grants

	lastWord bool // PUBREL crosses DISCONNECT on the way, and the connection ends 10 ms later

	refuseConnect   mqttwire.ReasonCode
	refuseAfter     int // that many connections are let in
	refuseSubscribe mqttwire.ReasonCode
	closeAfter      int                 // PUBLISH packets of a connection, either way
	mute            mqttwire.PacketType // is never answered
	hostile         func(io.Writer)     // writes what follows the CONNACK
	hostileTo       string              // to whom, by a part of the client's id
	hostileAfter    int                 // not before so many PUBLISH packets, either way
	grants          mqttwire.Properties // of every CONNACK
}

// hits tells whether number n is one that the fault is about.
func hits(n, each int64) bool { return each > 0 && n%each == 0 }

// wait returns when the broker may write.
func (f *testFaults) wait(start time.Time) {
	if f.delay > 0 {
		<-time.After(f.delay)
	}
	if f.stopAfter > 0 && time.Since(start) > f.stopAfter {
		<-time.After(time.Minute)
	}
	if left := f.stall - time.Since(start)%time.Second; left > 0 {
		<-time.After(left)
	}
}

// slow is how the broker reads.
func (f *testFaults) slow(nc net.Conn, start time.Time) io.Reader {
	switch {
	case f.stopAfter > 0:
		return stoppedReader{nc, start.Add(f.stopAfter), f.readPause}
	case f.readPause > 0:
		return slowReader{nc, f.readPause}
	}
	return nc
}

type slowReader struct {
	net.Conn
	pause time.Duration
}

func (r slowReader) Read(p []byte) (int, error) {
	<-time.After(r.pause)
	return r.Conn.Read(p[:min(len(p), 1<<10)])
}

type stoppedReader struct {
	net.Conn
	at    time.Time
	pause time.Duration
}

func (r stoppedReader) Read(p []byte) (int, error) {
	if time.Now().After(r.at) {
		<-time.After(time.Minute)
	}
	return slowReader{r.Conn, r.pause}.Read(p)
}

// times is how often an acknowledgement is sent.
func (b *testBroker) times(kind mqttwire.PacketType) int {
	if kind == mqttwire.PUBCOMP || !hits(b.books.published, b.faults.again) {
		return 1
	}
	b.books.repeated++
	return 2
}

// strayID is the id that an acknowledgement has.
func (b *testBroker) strayID(kind mqttwire.PacketType, id mqttwire.PacketID) mqttwire.PacketID {
	if kind == mqttwire.PUBCOMP || !hits(b.books.published, b.faults.stray) {
		return id
	}
	b.books.strayed++
	return id ^ 0x4000
}

// spoil puts d into the session as the faults will have it.
func (b *testBroker) spoil(s *testSession, d *testDelivery) {
	f := &b.faults
	b.books.routed++
	n := b.books.routed
	switch {
	case hits(n, f.drop):
		b.books.dropped++
		return
	case hits(n, f.swap):
		s.keep(d)
		return
	case hits(n, f.double):
		b.books.doubled++
		again := *d
		s.put(d)
		d = &again
	case hits(n, f.late):
		again := *d
		s.late = append(s.late, testLate{&again, s.count + 51})
	case hits(n, f.corrupt) && len(d.Payload) > 0:
		d.corrupted = true
		d.Payload = append([]byte(nil), d.Payload...)
		d.Payload[len(d.Payload)-1] ^= 0xFF
	case hits(n, f.forge) && len(d.Payload) >= 16:
		d.Payload = append([]byte(nil), d.Payload...)
		d.Payload[f.forgeAt] ^= 0x81
	case hits(n, f.lower) && d.QoS > 0:
		d.lowered = true
		d.QoS--
	}
	s.put(d)
	s.release(publisherOf(d.Payload))
	for len(s.late) > 0 && s.late[0].due <= s.count {
		d := s.late[0].testDelivery
		s.late = s.late[1:]
		s.put(d)
	}
}

// A testLate is a delivery that comes again when the session has had so many.
type testLate struct {
	*testDelivery
	due int
}

// keep holds d back until the next of its publisher has gone, or for a second.
func (s *testSession) keep(d *testDelivery) {
	b, of := s.broker, publisherOf(d.Payload)
	s.release(of)
	s.kept[of] = d
	time.AfterFunc(time.Second, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if s.kept[of] == d {
			s.release(of)
		}
	})
}

// release lets go what is kept of a publisher.
func (s *testSession) release(publisher uint32) {
	if d := s.kept[publisher]; d != nil {
		delete(s.kept, publisher)
		s.put(d)
	}
}

// Bytes that no client should survive by luck. Those that go on for ever make a
// pause now and then, so that fake time goes on too.

func hostileBytes(b ...byte) func(io.Writer) {
	return func(w io.Writer) { _, _ = w.Write(b) }
}

// hostileFlood writes first, and then about size bytes of repeated b each
// millisecond, until the client has enough.
func hostileFlood(first []byte, size int, b ...byte) func(io.Writer) {
	many := bytes.Repeat(b, 1+size/len(b))
	return func(w io.Writer) {
		_, err := w.Write(first)
		for err == nil {
			<-time.After(time.Millisecond)
			_, err = w.Write(many)
		}
	}
}
