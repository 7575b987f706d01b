package referee

import (
	"slices"
	"time"

	"mqtk/mqttwire"
)

// A doubt is a finding that a packet of the other side clears if it was really
// there before and was only seen a little later.
type doubt struct {
	finding Finding // without a text: none
	due     time.Time
	from    mqttwire.Side // who clears it
	own     bool          // by a packet that clears no other doubt
	clears  func(mqttwire.Packet) bool
	then    func() // what the doubted packet does, once it is cleared or not
}

// mostDoubts bounds what hangs in the air; beyond, doubts are dropped, which is
// said once.
const mostDoubts = 256

// doubt makes a finding unless from is seen within the skew to have sent what
// clears it. Either way the state goes on by then; with one, a packet clears
// one doubt alone.
func (c *Conversation) doubt(f Finding, from mqttwire.Side, clears func(mqttwire.Packet) bool, then func()) {
	if c.skew <= 0 {
		if f.Text != "" {
			c.add(f)
		}
		run(then)
		return
	}
	if len(c.doubts) >= mostDoubts {
		if f.Text != "" && !c.crowded {
			c.crowded = true
			c.find(Note, f.Side, "", "more than %d findings wait at a time for a packet that may clear them: from here on some are not told", mostDoubts)
		}
		run(then)
		return
	}
	c.doubts = append(c.doubts, doubt{f, c.now.Add(c.skew), from, then != nil, clears, then})
}

// doubtAbout is a doubt that is about a packet id. Of several at a time only
// the first counts: behind a swap more may look strange.
func (c *Conversation) doubtAbout(id mqttwire.PacketID, f Finding, from mqttwire.Side, clears func(mqttwire.Packet) bool, then func()) {
	if c.skew > 0 {
		if last, ok := c.murky[id]; ok && c.now.Sub(last) <= 2*c.skew {
			f.Text = ""
		}
		c.murky[id] = c.now
	}
	c.doubt(f, from, clears, then)
}

// settle drops the doubts that p has cleared, after it was judged: of those
// that need a packet for themselves the first.
func (c *Conversation) settle(from mqttwire.Side, p mqttwire.Packet) {
	first := slices.IndexFunc(c.doubts, func(d doubt) bool { return d.from == from && d.clears(p) })
	if first < 0 {
		return
	}
	var cleared []doubt
	left := c.doubts[:first:first]
	used := false
	for _, d := range c.doubts[first:] {
		if d.from != from || used && d.own || !d.clears(p) {
			left = append(left, d)
			continue
		}
		cleared = append(cleared, d)
		used = used || d.own
	}
	c.doubts = left
	for _, d := range cleared {
		run(d.then)
	}
}

// overdue makes findings of the doubts whose time is over; all: of every one.
func (c *Conversation) overdue(all bool) {
	for len(c.doubts) > 0 && (all || c.doubts[0].due.Before(c.now)) {
		d := c.doubts[0]
		c.doubts = c.doubts[1:]
		if d.finding.Text != "" {
			c.add(d.finding)
		}
		run(d.then)
	}
}

func run(then func()) {
	if then != nil {
		then()
	}
}

func isAck(p mqttwire.Packet, kind mqttwire.PacketType, id mqttwire.PacketID) bool {
	ack, ok := p.(*mqttwire.Ack)
	return ok && ack.Kind == kind && ack.PacketID == id
}
