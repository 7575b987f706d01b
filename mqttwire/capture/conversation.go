package capture

import (
	"net/netip"
	"slices"
	"time"
)

// A conversation is what is known of one connection.
type conversation struct {
	told    *Connection
	key     ends
	ignored bool // by the ports that were asked for
	begun   bool // both sides' sequence numbers have a beginning
	sides   [2]side
	inside  stack
	last    Event // that was told, without its data

	waits                int       // its place among those that wait, from 1; 0: none
	since                time.Time // and from when on
	acked                bool      // what it waits for was sent, as the other side says
	following, preceding *conversation
}

// A side is what one side sends.
type side struct {
	seen    bool   // a segment
	isn     uint32 // before its first byte
	over    bool   // FIN or RST was seen
	located bool   // next is what the segments so far say of the beginning
	known   bool   // next is that, for good
	told    bool   // something of it
	next    uint32 // sequence number of the next byte that is to be told

	held  []segment // by sequence number: beyond next, or not yet to be told
	bytes int       // that these cost

	frame int // that brought what was told last, 0 after a hole
	at    time.Time

	hasAcked   bool
	acked      uint32 // what the other side says it has
	ackedFrame int    // that said so
	ackedAt    time.Time

	hasStray bool
	stray    uint32 // where a segment ended that was far off

	closed, reset bool // and told so
}

const (
	client = 0
	server = 1
	// farOff is more than a window and a loss of many segments.
	farOff = 1 << 26
)

func newConversation(key ends, g *segment, from, to netip.AddrPort, o AssemblerOptions) *conversation {
	c := &conversation{told: &Connection{Client: from, Server: to}, key: key, inside: stack{keys: o.Keys}}
	c.following, c.preceding = c, c
	switch {
	case g.flags&flagSYN != 0:
		c.begun = true
		if g.flags&flagACK != 0 {
			c.told.Client, c.told.Server = to, from
		}
	default:
		c.told.Midway = true
		if likelyServer(o.Ports, from, to) {
			c.told.Client, c.told.Server = to, from
		}
	}
	c.ignored = len(o.Ports) > 0 && !slices.Contains(o.Ports, from.Port()) && !slices.Contains(o.Ports, to.Port())
	return c
}

// likelyServer guesses which of two is the server.
func likelyServer(ports []uint16, this, other netip.AddrPort) bool {
	x, y := slices.Contains(ports, this.Port()), slices.Contains(ports, other.Port())
	if x != y {
		return x
	}
	return this.Port() < other.Port()
}

func (c *conversation) unlink() {
	c.following.preceding, c.preceding.following = c.preceding, c.following
	c.following, c.preceding = c, c
}

func (c *conversation) sideOf(from netip.AddrPort) int {
	if from == c.told.Client {
		return client
	}
	return server
}

// begunAgain says whether a segment begins another connection between the same
// ends, by the same rule as Wireshark, so that both number connections alike.
func (c *conversation) begunAgain(g *segment, from netip.AddrPort) bool {
	s := &c.sides[c.sideOf(from)]
	return g.flags&(flagSYN|flagACK) == flagSYN && s.seen && (g.seq != s.isn || c.sides[client].over || c.sides[server].over)
}

// begin notes where a side begins.
func (s *side) begin(g *segment) {
	if !s.seen {
		s.seen, s.isn = true, g.seq
		if g.flags&flagSYN == 0 {
			s.isn--
		}
	}
	s.over = s.over || g.flags&(flagFIN|flagRST) != 0
}

// take puts a segment where it belongs.
func (a *Assembler) take(c *conversation, from int, g segment) {
	s, other := &c.sides[from], &c.sides[1-from]
	if g.flags&flagSYN != 0 {
		g.seq++ // a SYN counts as a byte
		if !s.known {
			s.known, s.located, s.next = true, true, g.seq
		}
	}
	if s.known && s.isStray(&g) {
		if !a.rejoin(s, g) {
			return
		}
		a.miss(c, Event{FromServer: from == server, At: g.at, Frame: g.frame}, 0)
	}
	if g.flags&(flagACK|flagRST) == flagACK {
		c.acknowledge(other, &g)
	} else {
		g.flags &^= flagACK
	}
	if c.locate(s, &g) {
		return
	}
	if n := a.hold(s, g); n > 0 {
		a.emit(c, Event{Kind: Repeated, FromServer: from == server, At: g.at, Frame: g.frame, Missing: n})
	}
}

// locate finds where a side begins whose beginning was not seen, and says
// whether that, and to keep the connection alive, is all that a segment is for.
func (c *conversation) locate(s *side, g *segment) bool {
	bare := g.flags&(flagSYN|flagFIN|flagRST) == 0
	switch {
	case s.known && bare && g.length <= 1 && g.seq == s.next-1:
		return true // a keep-alive repeats a byte, or says that it could
	case bare && g.length == 0:
		if !s.located || !s.known && after(g.seq, s.next) < 0 {
			s.located, s.next = true, g.seq
			s.known = c.begun
		}
		return true
	case !s.known && bare && g.length == 1 && len(g.data) == 1 && g.data[0] == 0:
		return true // by the look of it a keep-alive of Windows
	case s.located && g.seq == s.next+1 && len(s.held) == 0 && c.told.Midway && !s.told:
		s.next = g.seq // what had told where the side is was a keep-alive
	}
	if !s.known && c.begun {
		s.known, s.located, s.next = true, true, g.seq
	}
	return false
}

// acknowledge notes what a segment says its sender has of the other side, and
// takes it back from the segment if that cannot be.
func (c *conversation) acknowledge(other *side, g *segment) {
	if !other.known && !c.told.Midway {
		other.known, other.located, other.next = true, true, g.ack
	}
	if far := after(g.ack, other.next); other.known && (far > farOff || far < -farOff) {
		g.flags &^= flagACK
		return
	}
	if !other.hasAcked || after(g.ack, other.acked) > 0 {
		other.hasAcked, other.acked = true, g.ack
		other.ackedAt, other.ackedFrame = g.at, g.frame
	}
}

// ahead is how far the other side's acknowledgements are ahead of what was told.
func (s *side) ahead() int {
	if !s.known || !s.hasAcked {
		return 0
	}
	return max(after(s.acked, s.next), 0)
}

// isStray says whether a segment is so far off that it belongs to another
// connection, or to this one after a long silence of the capture.
func (s *side) isStray(g *segment) bool {
	far := after(g.seq, s.next)
	return far > farOff || far < -farOff
}

// rejoin gives up what was before, if a far-off segment follows on another one.
func (a *Assembler) rejoin(s *side, g segment) bool {
	again := s.hasStray && s.stray == g.seq && g.length > 0
	s.hasStray, s.stray = g.length > 0 && !again, g.end()
	if again {
		for len(s.held) > 0 {
			a.release(s)
		}
		s.next, s.hasAcked, s.frame = g.seq, false, 0
	}
	return again
}

// hold keeps what is new of a segment, and returns how many bytes of it are not.
func (a *Assembler) hold(s *side, g segment) (repeated int) {
	if s.known {
		if old := min(after(s.next, g.seq), g.length); old > 0 {
			repeated = old
			g.trim(old)
		}
	}
	for {
		i := s.place(g.seq)
		if i > 0 {
			if over := min(after(s.held[i-1].end(), g.seq), g.length); over > 0 {
				repeated += over
				g.trim(over)
				s.held[i-1].hadLess(&g)
			}
		}
		if g.length == 0 && g.flags&(flagFIN|flagRST) == 0 {
			return repeated
		}
		if i == len(s.held) || after(g.end(), s.held[i].seq) <= 0 {
			a.insert(s, i, g)
			return repeated
		}
		if free := after(s.held[i].seq, g.seq); free > 0 {
			a.insert(s, i, g.head(free))
			g.trim(free)
		}
	}
}

// hadLess takes the lower acknowledgement of two segments with the same bytes:
// what is sent again may know more than it did at first.
func (g *segment) hadLess(other *segment) {
	if other.flags&flagACK == 0 {
		g.flags &^= flagACK
	} else if after(other.ack, g.ack) < 0 {
		g.ack = other.ack
	}
}

// place is where a segment with this sequence number belongs.
func (s *side) place(seq uint32) int {
	i, _ := slices.BinarySearchFunc(s.held, seq, func(g segment, seq uint32) int {
		if after(g.seq, seq) > 0 {
			return 1
		}
		return -1
	})
	return i
}

func (a *Assembler) insert(s *side, i int, g segment) {
	g.data = slices.Clone(g.data)
	s.held = slices.Insert(s.held, i, g)
	s.bytes += len(g.data) + segmentCost
	a.held += len(g.data) + segmentCost
}
