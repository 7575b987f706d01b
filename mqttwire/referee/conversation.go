package referee

import (
	"time"

	"mqtk/mqttwire"
)

// A Conversation follows one connection. It is not safe for concurrent use:
// whoever feeds it puts both directions in the order in which they were seen.
type Conversation struct {
	options  Options
	skew     time.Duration
	version  mqttwire.Version
	guessed  bool // version is a guess
	numbers  int
	now      time.Time
	packet   *Packet // that is judged
	found    []Finding
	ready    []Packet // for the next Feed
	doubts   []doubt
	crowded  bool    // there were more of them than are kept, and that is said
	halves   [2]half // of the client, of the server
	sessions *Sessions
	session  *session // from CONNECT on
	known    *session // that the client id had at CONNECT
	serial   int      // of the connection, among those that share Sessions
	connection
}

// Options say what is known before the first byte.
type Options struct {
	// Sessions is shared by all conversations with one broker, so that what a
	// session carries from one connection to the next is followed; nil: each
	// connection stands for itself. Only who sees all connections of a client
	// should share them.
	Sessions *Sessions
	// Midway: the connection was there before the first byte that was seen.
	Midway bool
	// Version is that of a connection whose CONNECT was not seen.
	Version mqttwire.Version
	// Skew is how much later than it really was a packet may have been seen,
	// against those of the other direction; 0: 2 ms, as in captures. Negative:
	// not at all, where bytes are fed before they are passed on.
	Skew time.Duration
	// MaxPacket bounds what is kept of a packet; 0: 16 MiB.
	MaxPacket int
}

const (
	defaultSkew      = 2 * time.Millisecond
	defaultMaxPacket = 16 << 20
)

// A half is one side of the connection.
type half struct {
	stream
	partial  bool // not all that it sent was seen
	limits   limits
	aliases  aliases
	underway int       // PUBLISH packets that count against the Receive Maximum
	last     time.Time // when a packet was last seen
	left     int       // the number of its DISCONNECT
	ended    bool
	acked    [16]uint64                // by type of acknowledgement: the latest PUBLISH, in order, that it answered
	resent   uint64                    // the latest of an earlier connection that it sent again
	echoes   map[mqttwire.PacketID]int // of its packets sent again: answers that may still come
	ids      []uint64                  // a bit for each that it used in a PUBLISH
}

// New begins to follow a connection.
func New(o Options) *Conversation {
	c := &Conversation{options: o, version: o.Version, skew: o.Skew, sessions: o.Sessions}
	if o.Skew == 0 {
		c.skew = defaultSkew
	}
	if o.MaxPacket <= 0 {
		c.options.MaxPacket = defaultMaxPacket
	}
	if c.sessions == nil {
		c.sessions = NewSessions()
	}
	c.sessions.mutex.Lock()
	defer c.sessions.mutex.Unlock()
	c.sessions.serial++
	c.serial = c.sessions.serial
	c.begin()
	for i := range c.halves {
		c.halves[i].decoder.From = mqttwire.Client + mqttwire.Side(i)
	}
	if o.Midway {
		c.midway()
	}
	return c
}

// blind tells whether something of the connection was not seen, or is seen so
// late that the next one goes on with the session already.
func (c *Conversation) blind() bool {
	return c.connects == 0 || c.halves[0].partial || c.halves[1].partial || c.session != nil && c.session.newest > c.serial
}

func (c *Conversation) half(side mqttwire.Side) *half { return &c.halves[side-mqttwire.Client] }

func other(side mqttwire.Side) mqttwire.Side { return mqttwire.Client + mqttwire.Server - side }

// Feed takes the bytes that one side was seen to send, of any length, and
// returns the packets that they complete.
func (c *Conversation) Feed(from mqttwire.Side, at time.Time, b []byte) []Packet {
	c.sessions.mutex.Lock()
	defer c.sessions.mutex.Unlock()
	c.clock(at)
	h := c.half(from)
	defer func() { h.last = c.now }()
	if h.state == following || h.state == seeking && c.synced(from, b) {
		h.take(b)
	}
	unknown := c.version == 0
	packets := c.drain(from, c.ready)
	c.ready = nil
	if unknown && c.connects > 0 {
		packets = c.drain(other(from), packets)
	}
	return packets
}

// synced looks for the beginning of a packet after a gap, and for the version
// where the CONNECT was not seen.
func (c *Conversation) synced(from mqttwire.Side, b []byte) bool {
	versions := []mqttwire.Version{c.version}
	if c.version == 0 {
		versions = []mqttwire.Version{mqttwire.V5, mqttwire.V311}
	}
	if from == mqttwire.Client && c.version == 0 {
		versions = append(versions, 0) // with a CONNECT
	}
	for _, v := range versions {
		if plausible(b, from, v) {
			c.guessed = c.guessed || c.version == 0
			c.version = v
			c.forget(from)
			c.half(from).state = following
			return true
		}
	}
	return false
}

// drain judges the packets that are whole.
func (c *Conversation) drain(from mqttwire.Side, packets []Packet) []Packet {
	h := c.half(from)
	for h.state == following && len(h.tail) > 0 {
		if from == mqttwire.Server && c.version == 0 && c.waitsForConnect() {
			return packets
		}
		k, ok, bad := h.next(c.options.MaxPacket)
		if bad {
			k = chunk{raw: append([]byte(nil), h.tail...)}
			h.lose()
		} else if !ok {
			return packets
		}
		packets = append(packets, c.judge(from, &k))
	}
	return packets
}

// lose gives a direction up.
func (h *half) lose() {
	h.drop(lost)
	h.partial = true
}

// judge turns a chunk into a packet and says what there is to say of it.
func (c *Conversation) judge(from mqttwire.Side, k *chunk) Packet {
	h := c.half(from)
	c.numbers++
	p := Packet{Number: c.numbers, At: c.now, From: from, Raw: k.raw, Missing: k.missing, Cut: k.cut}
	c.packet = &p
	bytes, whole := k.decodable()
	if bytes == nil {
		c.missed(from, "%d bytes of a packet were not seen", k.missing)
	} else if !c.decode(h, from, bytes, whole, &p) {
		c.missed(from, "%d bytes of a packet were not seen", k.missing+k.cut)
	}
	p.Version = c.version
	if p.Packet != nil {
		h.bad = 0
		p.Line = mqttwire.LineOf(p.Packet, c.version)
		if k.missing > 0 {
			c.find(Gap, from, "", "%d of its %d bytes were not seen", k.missing, len(k.raw)+k.cut)
		} else if k.cut > 0 {
			c.find(Note, from, "", "of its %d bytes the first %d were looked at", len(k.raw)+k.cut, len(k.raw))
		}
		c.see(from, p.Packet, len(k.raw)+k.cut)
		c.settle(from, p.Packet)
	}
	p.Findings = c.tell()
	c.packet = nil
	return p
}

// decode fills in the packet, or says why it is none; false: nobody knows, as
// b is not the whole of it.
func (c *Conversation) decode(h *half, from mqttwire.Side, b []byte, whole bool, p *Packet) bool {
	c.connackShape(from, b)
	if from == mqttwire.Client && c.connects == 0 {
		if b, c.bridge = unmarked(b); c.bridge {
			c.find(Note, from, "3.1.2.2", "CONNECT of a bridge, which marks the protocol level as mosquitto does")
		}
	}
	h.decoder.Version = c.version
	packet, n, err := h.decoder.Decode(b)
	switch {
	case err != nil && c.guessed:
		packet, n, err = c.guessAgain(h, from, b, err)
	case err != nil && c.version == mqttwire.V31 && mqttwire.PacketType(b[0]>>4) == mqttwire.SUBACK:
		packet, n, err = c.refusal(h, b, err)
	}
	if mqttwire.PacketType(b[0]>>4) == mqttwire.CONNECT && from == mqttwire.Client && h.decoder.Version != 0 {
		c.version, c.guessed = h.decoder.Version, false
	}
	if err == nil && n > 0 {
		p.Packet = kept(packet)
		return true
	}
	if whole {
		c.malformed(h, from, b, err)
	}
	return whole
}

// guessAgain tries another version where b is no packet of the one that was
// guessed.
func (c *Conversation) guessAgain(h *half, from mqttwire.Side, b []byte, err error) (mqttwire.Packet, int, error) {
	for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311, mqttwire.V31} {
		if v != c.version && plausible(b, from, v) {
			c.version, h.decoder.Version = v, v
			return h.decoder.Decode(b)
		}
	}
	return nil, 0, err
}

// refusal is a SUBACK that refuses a filter, as servers do to clients of 3.1, too.
func (c *Conversation) refusal(h *half, b []byte, err error) (mqttwire.Packet, int, error) {
	h.decoder.Version = mqttwire.V311
	packet, n, bad := h.decoder.Decode(b)
	if bad != nil {
		return nil, 0, err
	}
	c.find(Note, mqttwire.Server, "3.9", "SUBACK refuses a filter, which 3.1 has no code for")
	return packet, n, nil
}

// malformed says what is wrong with bytes that are no packet.
func (c *Conversation) malformed(h *half, from mqttwire.Side, b []byte, err error) {
	bad, ok := err.(*mqttwire.Error)
	if !ok {
		bad = &mqttwire.Error{Reason: mqttwire.MalformedPacket, Clause: c.clause("MQTT-1.5.5-1", "2.2.3"), Detail: "a remaining length that does not end"}
	}
	h.bad++
	h.partial = true
	clause := bad.Clause
	if clause == "MQTT-3.1.2-2" {
		clause = "3.1.2.2" // the statement is about how the server answers
	}
	c.broken(from, clause, "%s", bad.Detail)
	if from == mqttwire.Client && c.packet != nil {
		c.doom(bad.Clause)
	}
	if from == mqttwire.Client && mqttwire.PacketType(b[0]>>4) == mqttwire.CONNECT && c.packet != nil {
		c.refusable(bad)
	}
	if h.bad >= 2 || c.version == 0 {
		h.lose()
	}
}

// missed notes that bytes of one side were not seen: what it did is no longer
// known, and nothing that rests on it is held against anybody.
func (c *Conversation) missed(from mqttwire.Side, format string, args ...any) {
	c.find(Gap, from, "", format, args...)
	c.forget(from)
}

// Skip tells that n bytes of one side were not seen; 0: nobody knows how many.
// A packet that they make whole comes with the next Feed.
func (c *Conversation) Skip(from mqttwire.Side, at time.Time, n int) []Finding {
	c.sessions.mutex.Lock()
	defer c.sessions.mutex.Unlock()
	c.clock(at)
	h := c.half(from)
	switch {
	case h.state == lost:
	case h.state == following && h.pad(n, c.options.MaxPacket):
		c.ready = c.drain(from, c.ready) // the packet that they belong to tells
	default:
		h.drop(seeking)
		if n > 0 {
			c.missed(from, "%d bytes were not seen", n)
		} else {
			c.missed(from, "some bytes were not seen")
		}
	}
	return c.tell()
}

// End tells that one side has closed its direction, or that the connection was
// broken off (reset).
func (c *Conversation) End(from mqttwire.Side, at time.Time, reset bool) []Finding {
	c.sessions.mutex.Lock()
	defer c.sessions.mutex.Unlock()
	c.clock(at)
	h := c.half(from)
	if h.ended {
		return c.tell()
	}
	h.ended = true
	c.cutOff(from, reset)
	c.closing(from)
	return c.tell()
}

// Finish tells that no more will be seen, and returns what is still open.
func (c *Conversation) Finish(at time.Time) []Finding {
	c.sessions.mutex.Lock()
	defer c.sessions.mutex.Unlock()
	c.clock(at)
	c.overdue(true)
	if !c.over {
		c.unanswered()
		c.conclude()
	}
	return c.tell()
}

// clock moves the time on, and says what its passing shows.
func (c *Conversation) clock(at time.Time) {
	if at.After(c.now) {
		c.now = at
	}
	c.overdue(false)
	c.watch()
}
