package capture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// A traffic is a conversation made up by chance, as both sides sent it and as
// a capture shows it.
type traffic struct {
	random   *rand.Rand
	said     [2][]byte
	before   [2][]int // for each byte, how many of the other side its sender had
	isn      [2]uint32
	segments []sent
	repeated bool // something was sent again, with a newer acknowledgement
	dropped  bool // something of it was missed
}

// A sent is a segment that side sent.
type sent struct {
	segment
	side int
}

func newTraffic(seed uint64) *traffic {
	r := rand.New(rand.NewPCG(seed, 8))
	t := &traffic{random: r, isn: [2]uint32{r.Uint32(), r.Uint32()}}
	if r.IntN(4) == 0 {
		t.isn = [2]uint32{^uint32(0) - uint32(r.IntN(300)), ^uint32(0) - uint32(r.IntN(300))}
	}
	t.isn[0]++
	t.isn[1]++
	return t
}

// handshake begins it.
func (t *traffic) handshake() {
	t.segments = append(t.segments,
		sent{segment{seq: t.isn[0] - 1, flags: flagSYN}, 0},
		sent{segment{seq: t.isn[1] - 1, ack: t.isn[0], flags: flagSYN | flagACK}, 1},
		sent{segment{seq: t.isn[0], ack: t.isn[1], flags: flagACK}, 0})
}

// say lets a side send bytes, cut by chance, and the other acknowledge some.
func (t *traffic) say(side int, b []byte) {
	for len(b) > 0 {
		n := min(len(b), 2+t.random.IntN(40))
		if len(b) == n+1 {
			n++ // one byte that is missed at the end could be a FIN
		}
		t.segments = append(t.segments, sent{segment{
			seq: t.isn[side] + uint32(len(t.said[side])), ack: t.isn[1-side] + uint32(len(t.said[1-side])),
			flags: flagACK, data: b[:n], length: n,
		}, side})
		for range n {
			t.before[side] = append(t.before[side], len(t.said[1-side]))
		}
		t.said[side] = append(t.said[side], b[:n]...)
		b = b[n:]
		if t.random.IntN(3) == 0 {
			t.acknowledge(1 - side)
		}
	}
}

func (t *traffic) acknowledge(side int) {
	t.segments = append(t.segments, sent{segment{
		seq: t.isn[side] + uint32(len(t.said[side])), ack: t.isn[1-side] + uint32(len(t.said[1-side])), flags: flagACK}, side})
}

// finish closes both sides.
func (t *traffic) finish() {
	for side := range 2 {
		t.acknowledge(side)
		t.segments[len(t.segments)-1].flags |= flagFIN
		if side == 1 {
			t.segments[len(t.segments)-1].ack++
		}
	}
	t.acknowledge(0)
	last := &t.segments[len(t.segments)-1]
	last.seq++
	last.ack++
}

// lose has the network lose segments, which are sent again after others of the
// same breath, alone or with more.
func (t *traffic) lose(times int) {
	for range times {
		i := t.random.IntN(len(t.segments))
		g := t.segments[i]
		if len(g.data) == 0 {
			continue
		}
		j := i
		for j+1 < len(t.segments) && t.segments[j+1].side == g.side && t.segments[j+1].ack == g.ack && len(t.segments[j+1].data) > 0 {
			j++
		}
		t.segments = slices.Insert(slices.Delete(t.segments, i, i+1), j, g)
	}
}

// repeat has sides send again what had arrived, with what follows.
func (t *traffic) repeat(times int) {
	for range times {
		i := t.random.IntN(len(t.segments))
		g := t.segments[i]
		if len(g.data) == 0 {
			continue
		}
		from := int(g.seq - t.isn[g.side])
		j := i + 1 + t.random.IntN(len(t.segments)-i)
		known, heard := from, 0 // what both sides had said by then
		for _, other := range t.segments[:j] {
			if end := int(other.end() - t.isn[other.side]); other.side == g.side && len(other.data) > 0 {
				known = max(known, end)
			} else if len(other.data) > 0 {
				heard = max(heard, end)
			}
		}
		g.data = t.said[g.side][from:min(known, from+1+t.random.IntN(100))]
		g.length = len(g.data)
		g.ack = t.isn[1-g.side] + uint32(heard)
		t.segments = slices.Insert(t.segments, j, g)
		t.repeated = true
	}
}

// shuffle has the capture mix up the order a little.
func (t *traffic) shuffle(times int) {
	for range times {
		i := 3 + t.random.IntN(max(len(t.segments)-4, 1))
		if i+1 < len(t.segments) {
			t.segments[i], t.segments[i+1] = t.segments[i+1], t.segments[i]
		}
	}
}

// drop has the capture miss segments.
func (t *traffic) drop(times int) {
	for range times {
		if i := 3 + t.random.IntN(len(t.segments)-3); i < len(t.segments)-1 {
			t.segments = slices.Delete(t.segments, i, i+1)
			t.dropped = true
		}
	}
}

// frames are what a capture holds.
func (t *traffic) frames() []Frame { return t.framesOf(50000, 0) }

// framesOf are those of a client's port, after so many others.
func (t *traffic) framesOf(port uint16, before int) []Frame {
	w := newWire()
	w.client = netip.AddrPortFrom(w.client.Addr(), port)
	w.at = w.at.Add(time.Duration(before) * time.Millisecond)
	w.frames = make([]Frame, before)
	for _, g := range t.segments {
		from, to := w.client, w.server
		if g.side == server {
			from, to = to, from
		}
		w.add(linkRaw, ipv4(from.Addr(), to.Addr(), protocolTCP, tcpBytes(from.Port(), to.Port(), g.segment)))
	}
	return w.frames[before:]
}

// seen says of each byte whether the capture holds it.
func (t *traffic) seen() (seen [2][]bool) {
	for side := range seen {
		seen[side] = make([]bool, len(t.said[side]))
	}
	for _, g := range t.segments {
		for i := range g.data {
			seen[g.side][int(g.seq-t.isn[g.side])+i] = true
		}
	}
	return seen
}

// chance makes up a conversation and what happens to it.
func chance(seed uint64) *traffic {
	t := newTraffic(seed)
	t.handshake()
	for range 1 + t.random.IntN(30) {
		b := make([]byte, 2+t.random.IntN(150))
		for i := range b {
			b[i] = 'a' + byte(t.random.IntN(26))
		}
		t.say(t.random.IntN(2), b)
	}
	t.finish()
	some := func(most int) int { return t.random.IntN(most) * t.random.IntN(2) }
	t.lose(some(10))
	t.repeat(some(10))
	t.shuffle(some(10))
	t.drop(some(10) * t.random.IntN(2))
	switch i := t.random.IntN(8); {
	case i < 3: // any one of the hand-shake can be missed
		t.segments = slices.Delete(t.segments, i, i+1)
	case i == 3 && !t.dropped: // all of it
		t.segments = t.segments[3:]
	}
	return t
}

// check follows the capture, and compares with what was said.
func (t *traffic) check() error {
	a := NewAssembler(AssemblerOptions{})
	var events []Event
	for _, f := range t.frames() {
		events = append(events, a.Add(f)...)
	}
	events = append(events, a.Flush()...)
	if a.held != 0 || len(a.waiting) != 0 {
		return fmt.Errorf("after Flush %d bytes are held, and %d connections wait", a.held, len(a.waiting))
	}
	seen := t.seen()
	var told, closed [2]int
	var last time.Time
	for i, e := range events {
		side := speaker(e.FromServer)
		at := told[side]
		switch e.Kind {
		case Data:
			if told[side] += len(e.Data); told[side] > len(t.said[side]) || !bytes.Equal(t.said[side][at:told[side]], e.Data) {
				return fmt.Errorf("event %d, byte %d: %s", i, at, e.line())
			}
			if need := t.before[side][at]; told[1-side] < need && !(t.dropped && t.repeated) { // if so, nobody knows
				return fmt.Errorf("event %d, byte %d: %s was said after %d bytes of the other side, and %d are told", i, at, e.line(), need, told[1-side])
			}
		case Missed:
			told[side] += e.Missing
			if !t.dropped || e.Missing == 0 || slices.Contains(seen[side][at:min(told[side], len(seen[side]))], true) {
				return fmt.Errorf("event %d, byte %d: %s, though it is there", i, at, e.line())
			}
		case Closed:
			closed[side]++
		}
		if e.Kind != Repeated && e.At.Before(last) {
			return fmt.Errorf("event %d: %s goes back in time", i, e.line())
		} else if e.Kind != Repeated {
			last = e.At
		}
	}
	if !t.dropped && (told != [2]int{len(t.said[0]), len(t.said[1])} || closed != [2]int{1, 1}) {
		return fmt.Errorf("told %v of %d and %d bytes, closed %v", told, len(t.said[0]), len(t.said[1]), closed)
	}
	for side := range seen {
		if told[side] < len(seen[side]) && slices.Contains(seen[side][told[side]:], true) {
			return fmt.Errorf("told %d bytes of side %d, and the capture holds more", told[side], side)
		}
	}
	return nil
}

// TestAssemblerByChance follows thousands of conversations in which segments
// were lost, sent again, mixed up, and missed by the capture.
func TestAssemblerByChance(t *testing.T) {
	for seed := range uint64(3000) {
		if err := chance(seed).check(); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, shown(AssemblerOptions{}, chance(seed).frames()))
		}
	}
}

func FuzzAssembler(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		if err := chance(seed).check(); err != nil {
			t.Fatal(err)
		}
	})
}
