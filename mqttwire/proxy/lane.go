package proxy

import (
	"sync"
	"time"

	"mqtk/mqttwire"
)

const (
	maxPacket = 8 << 20 // what is larger is forwarded as it comes: no rule acts on it
	maxHeld   = 4 << 20 // what waits to be forwarded in a direction; then its source waits
)

// A lane is a direction under rules. It reads packets and decides; what is to
// be forwarded goes into a queue, which a second goroutine writes in time.
type lane struct {
	*direction
	rules   []counted
	decoder mqttwire.Decoder
	queue   *queue
	sent    *eye
	number  int       // packets so far
	planned int64     // bytes that went into the queue
	through int       // bytes of a packet too large to be held
	broken  bool      // no packets are told apart any more
	dark    string    // not empty: nothing is forwarded any more, and why
	last    time.Time // when what is in the queue will have been forwarded
}

// counted is a rule with what it has seen in a direction.
type counted struct {
	*Rule
	index          int
	matched, acted int
	waiting        bool // of Reorder: the last packet was held back, the next is its partner
}

func newLane(d *direction) *lane {
	l := &lane{direction: d, decoder: mqttwire.Decoder{From: d.from}, sent: d.eye(senderLeg(d.from))}
	l.queue = newQueue(d)
	for i := range d.Rules {
		l.rules = append(l.rules, counted{Rule: &d.Rules[i], index: i})
	}
	return l
}

func (l *lane) run() {
	var writing sync.WaitGroup
	writing.Go(l.queue.write)
	err := l.read()
	l.sent.ended(err)
	l.queue.freeAll()
	l.queue.put(parcel{deed: passEnd, err: err, due: l.last})
	l.queue.close()
	writing.Wait()
	l.queue.arrived.flush()
}

// read takes packets off the source until it ends.
func (l *lane) read() error {
	buffer := make([]byte, chunk)
	var tail []byte
	for {
		n, err := l.source.Read(buffer)
		tail = append(tail, buffer[:n]...)
		for len(tail) > 0 {
			size, whole := l.cut(tail)
			if size == 0 {
				break
			}
			l.take(tail[:size:size], whole)
			tail = tail[size:]
		}
		if len(tail) == 0 {
			tail = nil // the queue has it
		}
		if err != nil {
			if len(tail) > 0 {
				l.take(tail, false)
			}
			return err
		}
	}
}

// cut tells how much of b is to be looked at as one: a whole packet, or bytes
// that are to be forwarded as they are. 0: more has to come.
func (l *lane) cut(b []byte) (size int, whole bool) {
	if l.broken {
		return len(b), false
	}
	if l.through == 0 {
		if l.number == 0 && !opens(b[0], l.from) {
			l.broken = true // whoever does not begin as MQTT does has not to wait for the end of a packet
			return len(b), false
		}
		size = l.announced(b)
		switch {
		case l.broken:
			return len(b), false
		case size > maxPacket:
			l.number++
			l.through = size
		case size == 0 || size > len(b):
			return 0, false
		default:
			return size, true
		}
	}
	size = min(l.through, len(b))
	l.through -= size
	return size, false
}

// opens tells whether MQTT can begin with a byte.
func opens(b byte, from mqttwire.Side) bool {
	switch mqttwire.PacketType(b >> 4) {
	case mqttwire.CONNECT:
		return from == mqttwire.Client
	case mqttwire.CONNACK, mqttwire.AUTH:
		return from == mqttwire.Server
	}
	return false
}

// announced is the size of the packet that b begins with, 0 if it cannot be
// told yet.
func (l *lane) announced(b []byte) int {
	length := 0
	for i := 1; i < min(len(b), 5); i++ {
		length |= int(b[i]&127) << (7 * (i - 1))
		if b[i] < 128 {
			return 1 + i + length
		}
	}
	l.broken = len(b) >= 5
	return 0
}

// take decides about a packet, or about bytes that are none.
func (l *lane) take(raw []byte, whole bool) {
	now := time.Now()
	o := outcome{pieces: [][]byte{raw}}
	if whole {
		o = l.decide(raw)
	}
	switch {
	case l.dark != "":
		l.sent.see(raw, []string{l.dark})
		return
	case l.isSilent():
		l.sent.see(raw, []string{lostHalfOpen})
		return
	}
	l.cutShort(&o)
	l.sent.see(raw, o.faults)
	l.forward(&o, now)
}

const (
	lostHalfOpen = "lost: half-open"
	lostEnded    = "lost: the connection was ended"
)

// forward puts into the queue what was decided.
func (l *lane) forward(o *outcome, now time.Time) {
	due := now.Add(o.wait)
	if due.Before(l.last) {
		due = l.last
	}
	l.last = due
	if o.hold != nil {
		l.queue.hold(o.hold.index, o.pieces, o.hold.Wait.to)
		o.pieces = nil
	}
	for _, piece := range o.pieces {
		l.queue.put(parcel{raw: piece, due: due})
	}
	for _, r := range o.partners {
		l.queue.free(r.index, due)
	}
	if o.deed == passBytes {
		return
	}
	l.queue.put(parcel{deed: o.deed, due: due})
	if l.dark = lostEnded; o.deed == goSilent {
		l.dark = lostHalfOpen
	}
}

func (l *lane) isSilent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent
}
