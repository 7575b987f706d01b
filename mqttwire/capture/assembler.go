package capture

import (
	"net/netip"
	"slices"
	"time"
)

// AssemblerOptions say what is to be followed, and with what.
type AssemblerOptions struct {
	// Keys decrypt TLS. They may grow while frames are added; nil: none.
	Keys *KeyLog
	// Ports: only connections with one of these are followed; none: all are. Of
	// a connection whose beginning was not seen, the end with such a port is the
	// server.
	Ports []uint16
	// Memory is how many bytes may wait for what is missing before them, over
	// all connections; 0: 64 MiB.
	Memory int
}

// An Assembler puts the connections of a capture together again. What it
// returns of one connection is in the order in which an onlooker could know it:
// the bytes of each side in order, each once, and no answer before what it was
// an answer to, even where the capture holds them the other way round.
//
// It starts no goroutine, reads no clock, and is not safe for concurrent use.
// Its memory is bounded: connections that were quiet for longest are given up
// first.
type Assembler struct {
	options  AssemblerOptions
	internet internet
	newest   map[ends]*conversation // of the same ends there may be one after another
	quiet    *conversation          // a ring: the next one was quiet for longest
	waiting  []*conversation        // for something that is missing
	look     int                    // whose turn it is, of those
	numbers  int
	held     int // bytes, over all
	events   []Event
}

// ends are the addresses of both sides, the lower one first.
type ends struct{ low, high netip.AddrPort }

// How much is kept, and how long what is missing is waited for.
const (
	maxConversations = 1 << 16
	maxMemory        = 64 << 20
	maxHeld          = 8 << 20 // of one side: more than most windows
	maxSegments      = 4096    // of one side
	segmentCost      = 128     // what a held segment costs beyond its bytes

	// acknowledgedWait is for bytes that the other side says it has: they come
	// a little late, if the capture mixed up the order, or never.
	acknowledgedWait = 500 * time.Millisecond
	// lostWait is for bytes that were lost on the way and will be sent again.
	lostWait = 60 * time.Second
	// A connection whose beginning was not seen begins with the lowest sequence
	// numbers of the first few segments.
	midwaySegments = 16
)

// NewAssembler begins with no connection.
func NewAssembler(o AssemblerOptions) *Assembler {
	if o.Memory == 0 {
		o.Memory = maxMemory
	}
	return &Assembler{options: o, newest: make(map[ends]*conversation)}
}

// Add takes the next frame of a capture and returns what it shows.
func (a *Assembler) Add(f Frame) []Event {
	a.events = nil
	if b := f.Link.internet(f.Data); b != nil {
		if d, ok := a.internet.datagram(b, len(b)+f.Length-len(f.Data), f.At); ok {
			a.addDatagram(&d, f)
		}
	}
	for range min(2, len(a.waiting)) { // they all have their turn, and a frame costs the same however many wait
		a.look = (a.look + 1) % len(a.waiting)
		a.settle(a.waiting[a.look], f.At, false)
		if len(a.waiting) == 0 {
			break
		}
	}
	return a.events
}

// Now tells that time has passed without a frame, as it does in a live capture,
// and returns what is no longer waited for.
func (a *Assembler) Now(at time.Time) []Event {
	a.events = nil
	for _, c := range slices.Clone(a.waiting) {
		a.settle(c, at, false)
	}
	return a.events
}

// Flush returns what was held back, at the end of a capture.
func (a *Assembler) Flush() []Event {
	a.events = nil
	waiting := slices.Clone(a.waiting)
	slices.SortFunc(waiting, func(x, y *conversation) int { return x.told.Number - y.told.Number })
	for _, c := range waiting {
		a.settle(c, time.Time{}, true)
	}
	return a.events
}

func (a *Assembler) addDatagram(d *datagram, f Frame) {
	g, from, to, ok := d.segment()
	if !ok {
		return
	}
	g.at, g.frame = f.At, f.Number
	c := a.conversation(&g, from, to)
	s := c.sideOf(from)
	c.sides[s].begin(&g)
	if c.ignored || c.told.ignored {
		return
	}
	a.take(c, s, g)
	a.settle(c, f.At, false)
}

// conversation finds or begins the connection that a segment belongs to.
func (a *Assembler) conversation(g *segment, from, to netip.AddrPort) *conversation {
	key := ends{from, to}
	if key.high.Compare(key.low) < 0 {
		key = ends{to, from}
	}
	c := a.newest[key]
	if c != nil && !c.begunAgain(g, from) {
		a.touch(c)
		return c
	}
	if c != nil {
		a.drop(c)
	} else if len(a.newest) == maxConversations {
		a.drop(a.quiet.following)
	}
	c = newConversation(key, g, from, to, a.options)
	c.told.Number = a.numbers
	a.numbers++
	a.newest[key] = c
	a.touch(c)
	if !c.ignored {
		a.emit(c, Event{Kind: Opened, FromServer: c.told.Server == from, At: g.at, Frame: g.frame})
	}
	return c
}

// touch puts a connection at the end of the ring of quiet ones.
func (a *Assembler) touch(c *conversation) {
	if a.quiet == c {
		return
	}
	c.unlink()
	if a.quiet != nil {
		c.following, c.preceding = a.quiet.following, a.quiet
		c.following.preceding, a.quiet.following = c, c
	}
	a.quiet = c
}

// drop forgets a connection, after telling what was held back of it.
func (a *Assembler) drop(c *conversation) {
	a.settle(c, time.Time{}, true)
	a.leave(c)
	if a.quiet == c {
		if a.quiet = c.preceding; a.quiet == c {
			a.quiet = nil
		}
	}
	c.unlink()
	delete(a.newest, c.key)
}

func (a *Assembler) emit(c *conversation, e Event) {
	if e.Frame < c.last.Frame && e.At.Before(c.last.At) {
		e.At = c.last.At // held back: this is when it could be known
	} else {
		c.last = e
		c.last.Data = nil
	}
	e.Connection = c.told
	a.events = append(a.events, e)
}
