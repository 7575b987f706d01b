package journal

import (
	"hash/maphash"
	"slices"

	"mqtk/mqttwire"
)

// An index says for everything that is true now in which frame it stands. It
// holds numbers and places, no messages. It is guarded by log.mu.
//
// What is dead is not in it, and needs not be: a record that kills stands behind
// what it kills, and cleaning goes from the front (see the package comment).
type index struct {
	log      *log
	sessions map[uint64]*incarnation
	nobody   incarnation      // whose the retained set is
	retained ledger           // by version
	ended    forgetting       // incarnations whose records may still come
	dying    []*incarnation   // ended, and yet to be taken off their segments' counts
	highest  uint64           // incarnation that the log knows of
	shared   map[place]uint32 // frames of one message: how many records live by it
	frame    openFrame        // the one under way
	olds     map[uint32]bool  // numbers of the old generation's segments
	tombs    map[uint32]tombs // of the young segments, by number
	scanning bool             // the log is read: the same record may come twice
	seed     maphash.Seed     // of filters in removals
	last     *incarnation     // that was asked for
}

// An openFrame is the frame whose records are being entered.
type openFrame struct {
	at     place // as the records get it
	shared bool
	count  int // records that live by it so far
}

// tombs are what a young segment has of records that kill.
type tombs struct {
	always bool   // some must go on as long as there is an old generation
	debt   uint32 // others until the old segments up to this number are gone
}

// recordShare is what a record is of a shared frame's size, beside the message.
const recordShare = 12

func newIndex(l *log) *index {
	return &index{
		log: l, sessions: map[uint64]*incarnation{}, shared: map[place]uint32{},
		olds: map[uint32]bool{}, tombs: map[uint32]tombs{}, seed: maphash.MakeSeed(),
	}
}

// begin opens a frame in which up to puts records may live. shared: by one message.
//
// A frame of one message is needed until the last record that lives by it is
// gone; in any other each record is needed for itself, and counts for a share.
func (x *index) begin(at place, puts int, shared bool) {
	shared = shared && puts > 1
	switch {
	case shared:
		at = at.sized(max(at.size()-puts*recordShare, recordShare))
	case puts > 1:
		at = at.share(puts)
	}
	x.frame = openFrame{at: at, shared: shared}
}

// end closes the frame.
func (x *index) end() {
	if f := &x.frame; f.shared && f.count > 0 {
		x.shared[f.at.key()] = uint32(f.count)
		x.log.live(f.at, 1)
		x.log.live(f.at.sized(recordShare), f.count)
	}
	x.frame = openFrame{}
}

// hold counts one more record that lives in the open frame.
func (x *index) hold() {
	if x.frame.count++; !x.frame.shared {
		x.log.live(x.frame.at, 1)
	}
}

// drop counts one less that lives at a place.
func (x *index) drop(at place) {
	if at == 0 {
		return
	}
	if x.frame.shared && at.key() == x.frame.at.key() {
		x.frame.count--
		return
	}
	if len(x.shared) > 0 {
		if n, ok := x.shared[at.key()]; ok {
			x.log.live(at.sized(recordShare), -1)
			if n > 1 {
				x.shared[at.key()] = n - 1
				return
			}
			delete(x.shared, at.key())
		}
	}
	x.log.live(at, -1)
}

// key is the place without its size: one for each frame.
func (p place) key() place { return p >> 8 }

// sized is the place with another size.
func (p place) sized(n int) place { return p&^0xff | place(sizeClass(n)) }

// debt is what a record that kills the one at a place must carry: the number of
// the old segment that stands in, 0 for a young one. For the young one goes
// before the killer does; the old one may not.
func (x *index) debt(at place) uint32 {
	if at == 0 || !x.olds[at.segment()] {
		return 0
	}
	return at.segment()
}

// supersedes decides between two records of one number, which cleaning that a
// crash interrupted leaves behind: the old generation's is the copy, and of two
// in it the later one. Otherwise the later one.
func (x *index) supersedes(at, former place) bool {
	return !x.scanning || former == 0 || x.olds[at.segment()] || !x.olds[former.segment()]
}

// incarnation returns what is known of a session, and begins it; nil once it ended.
func (x *index) incarnation(number uint64) *incarnation {
	if x.last != nil && x.last.number == number {
		return x.last
	}
	s := x.sessions[number]
	if s == nil {
		if x.ended.has(number) {
			return nil
		}
		s = &incarnation{number: number}
		x.sessions[number] = s
		x.highest = max(x.highest, number)
	}
	x.last = s
	return s
}

// endSession forgets all of an incarnation, and what may still come of it.
func (x *index) endSession(number uint64) {
	x.highest = max(x.highest, number)
	x.ended.add(number)
	if s := x.sessions[number]; s != nil {
		delete(x.sessions, number)
		x.dying = append(x.dying, s)
		if x.last == s {
			x.last = nil
		}
	}
}

// tidy forgets an incarnation of which nothing is left.
func (x *index) tidy(s *incarnation) {
	if !x.scanning && s.empty() {
		delete(x.sessions, s.number)
		if x.last == s {
			x.last = nil
		}
	}
}

// bury takes the records of ended sessions off their segments' counts, some at a time.
// False: none are left.
func (x *index) bury(most int) bool {
	for len(x.dying) > 0 && most > 0 {
		last := len(x.dying) - 1
		if most -= x.dying[last].bury(x, most); most > 0 {
			x.dying[last] = nil
			x.dying = x.dying[:last]
		}
	}
	return len(x.dying) > 0
}

// retain enters a version of the retained set, which ends another.
func (x *index) retain(version uint64, message bool) {
	if !message || x.retained.refuse(version) {
		return
	}
	former := x.retained.get(version)
	if former != 0 && !x.supersedes(x.frame.at, former) {
		return
	}
	x.retained.put(version, x.frame.at)
	x.hold()
	x.drop(former)
}

// unretain ends a version.
func (x *index) unretain(version uint64) {
	if version == 0 {
		return
	}
	at := x.retained.kill(version)
	if at == 0 && !x.scanning {
		x.retained.expect(version)
	}
	x.drop(at)
}

// bear notes that a segment has records that kill.
func (x *index) bear(segment uint32, t tombs) {
	if t == (tombs{}) {
		return
	}
	known := x.tombs[segment]
	x.tombs[segment] = tombs{known.always || t.always, max(known.debt, t.debt)}
}

// owes says that records that kill are still needed when they leave the young
// generation, whose oldest old segment is given; 0: there is none.
func (t tombs) owes(oldest uint32) bool {
	return oldest != 0 && (t.always || t.debt >= oldest)
}

// A forgetting remembers the last numbers that were added, so many that nothing
// older can be on its way.
type forgetting struct {
	set  map[uint64]struct{}
	ring []uint64
	next int
}

const forgettingSize = 1 << 16

func (f *forgetting) has(number uint64) bool {
	_, ok := f.set[number]
	return ok
}

func (f *forgetting) add(number uint64) {
	if f.has(number) {
		return
	}
	if f.set == nil {
		f.set = map[uint64]struct{}{}
	}
	if len(f.ring) < forgettingSize {
		f.ring = append(f.ring, number)
	} else {
		delete(f.set, f.ring[f.next])
		f.ring[f.next] = number
		f.next = (f.next + 1) % forgettingSize
	}
	f.set[number] = struct{}{}
}

// A removal is the end of something that has a key, so that what came before it
// is known when it comes late.
type removal struct{ key, sequence uint64 }

// removals are the last ones of a session.
type removals struct {
	ring []removal
	next int
}

const mostRemovals = 16

func (r *removals) add(key, sequence uint64) {
	if len(r.ring) < mostRemovals {
		r.ring = append(r.ring, removal{key, sequence})
		return
	}
	r.ring[r.next] = removal{key, sequence}
	r.next = (r.next + 1) % mostRemovals
}

// later says that the thing was removed after it got the number.
func (r *removals) later(key, sequence uint64) bool {
	return slices.ContainsFunc(r.ring, func(e removal) bool { return e.key == key && e.sequence > sequence })
}

// recent are the last few numbers of their kind.
type recent struct {
	numbers [8]uint64
	next    uint8
}

func (r *recent) add(number uint64) {
	r.numbers[r.next] = number
	r.next = (r.next + 1) % uint8(len(r.numbers))
}

func (r *recent) has(number uint64) bool { return slices.Contains(r.numbers[:], number) }

func heldKey(id mqttwire.PacketID) uint64 { return uint64(id) }

const willKey = 1 << 16

func (x *index) filterKey(filter string) uint64 { return maphash.String(x.seed, filter) | 1<<63 }
