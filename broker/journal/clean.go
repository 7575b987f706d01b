package journal

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A cleaner gives disk back, on a goroutine of its own: it removes heads of
// which nothing is needed, and when the disk holds much more than is needed, it
// copies what is needed of a head to the old generation's tail, and removes the
// head then. See the package comment for why that loses nothing and lets nothing rise.
type cleaner struct {
	wake    chan struct{}
	stop    chan struct{}
	done    sync.WaitGroup
	encode  func(dst []byte) []byte // encodeCopy, made once
	parser  parser
	copies  []copied // of the frame under way
	puts    int
	carried int // messages they need
	oldest  uint32
	flushed int // bytes copied since the last flush
}

// A copied is a record that goes on.
type copied struct {
	raw, carrier []byte
	kind         byte
	packetID     mqttwire.PacketID
	sequence     uint64
	session      *incarnation
	text         []byte
}

const (
	cleanSlack    = 4         // segments of garbage that are not worth copying
	cleanFull     = 8         // part of a full disk that is worth it; sizes are known within a 16th
	cleanFlush    = 256 << 10 // bytes that are copied with one sync
	cleanBury     = 4096      // records of ended sessions at a time
	cleanPatience = time.Second
)

func (c *cleaner) init() { c.wake, c.stop = make(chan struct{}, 1), make(chan struct{}) }

// begin starts cleaning.
func (c *cleaner) begin(j *Journal) {
	c.encode = c.encodeCopy
	c.done.Go(func() {
		for {
			select {
			case <-c.stop:
				return
			case <-c.wake:
			}
			if err := j.cleanAll(); err != nil {
				j.log.tell(slog.LevelError, "the journal is not cleaned any more", "path", j.dir, "error", err)
				return
			}
		}
	})
	notify(c.wake)
}

func (c *cleaner) end() {
	close(c.stop)
	c.done.Wait()
}

func (c *cleaner) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// A chore is what the cleaner finds to do.
type chore byte

const (
	nothing chore = iota
	removeYoung
	removeOld
	copyYoung
	copyOld
)

// wakeCleaner is for after a change. log.mu is held.
func (j *Journal) wakeCleaner() {
	if len(j.index.dying) > 0 || j.chore() != nothing {
		notify(j.cleaner.wake)
	}
}

// chore decides: on a full disk sooner, lest nothing be left to copy with. log.mu is held.
func (j *Journal) chore() chore {
	headOld, hasOld := j.log.head(old)
	headYoung, hasYoung := j.log.head(young)
	hasYoung = hasYoung && !headYoung.tail
	if hasOld && headOld.records == 0 {
		return removeOld
	}
	if hasYoung && headYoung.records == 0 && !j.index.tombs[headYoung.number].owes(headOld.number) {
		return removeYoung
	}
	hasOld = hasOld && !headOld.tail && j.roomFor(headOld)
	hasYoung = hasYoung && j.roomFor(headYoung)
	full := j.log.full()
	if full && hasYoung && headYoung.live <= headYoung.size*3/4 {
		return copyYoung
	}
	if full && hasOld && headOld.live <= headOld.size*3/4 {
		return copyOld
	}
	youngDisk, youngLive := j.log.usage(young)
	oldDisk, oldLive := j.log.usage(old)
	garbage, live := youngDisk-youngLive+oldDisk-oldLive, youngLive+oldLive
	enough := garbage > live+cleanSlack*j.log.segmentSize
	if full {
		enough = garbage > max(j.log.segmentSize, (garbage+live)/cleanFull)
	}
	switch {
	case !enough:
		return nothing
	case hasYoung && (!hasOld || youngDisk-youngLive >= oldDisk-oldLive):
		return copyYoung
	case hasOld:
		return copyOld
	}
	return nothing
}

// roomFor says whether a head can be copied, and leave room to what drains. If
// it cannot, it may die before: a copy that has begun must go to the disk first.
func (j *Journal) roomFor(head segmentState) bool {
	left := j.log.room.left - j.log.segmentSize/2
	if j.log.room.reserve {
		left += j.log.segmentSize
	}
	return left >= head.live
}

// cleanAll cleans until there is nothing to do.
func (j *Journal) cleanAll() error {
	for !j.cleaner.stopped() {
		j.log.mu.Lock()
		more := j.index.bury(cleanBury)
		next := nothing
		if !more && j.log.failed() == nil {
			next = j.chore()
		}
		j.log.mu.Unlock()
		var err error
		switch next {
		case removeYoung:
			err = j.remove(young)
		case removeOld:
			err = j.remove(old)
		case copyYoung:
			err = j.copyHead(young)
		case copyOld:
			err = j.copyHead(old)
		case nothing:
			if !more {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// remove gives a head back in which nothing is needed any more. What ended it
// must be on disk before: a retained message that was replaced is lost if its
// successor is.
func (j *Journal) remove(g generation) error {
	durable := make(chan error, 1)
	j.log.mu.Lock()
	j.log.settle(func(err error) { durable <- err })
	j.log.mu.Unlock()
	select {
	case err := <-durable:
		if err != nil {
			return nil // the journal failed, or is being closed
		}
	case <-j.cleaner.stop: // on a full disk it may never be
		return nil
	}
	j.log.mu.Lock()
	head, ok := j.log.head(g)
	j.log.mu.Unlock()
	if !ok {
		return nil
	}
	switch err := j.log.removeHead(g, j.cleaner.stop); {
	case errors.Is(err, errStopped):
		return nil
	case err != nil:
		return err
	}
	j.log.mu.Lock()
	defer j.log.mu.Unlock()
	delete(j.index.tombs, head.number)
	delete(j.index.olds, head.number)
	return nil
}

// copyHead copies what is needed of a head, and removes it.
func (j *Journal) copyHead(g generation) error {
	err := j.copyOut(g)
	if errors.Is(err, errStopped) {
		return nil
	}
	if err != nil {
		return err
	}
	return j.remove(g)
}

func (j *Journal) copyOut(g generation) error {
	err := j.log.walkHead(g, func(at place, payload []byte) error {
		j.log.mu.Lock()
		err := j.copyFrame(g, at, payload)
		j.log.mu.Unlock()
		if err == nil && j.cleaner.flushed >= cleanFlush {
			err = j.flush(g)
		}
		return err
	})
	if err != nil {
		return err
	}
	return j.flush(g)
}

var errStopped = errors.New("the cleaner was stopped")

// flush brings the copies of a generation's head to the disk. If there is no room
// it removes what has died meanwhile of the other one, or waits.
func (j *Journal) flush(g generation) error {
	j.cleaner.flushed = 0
	for {
		if j.cleaner.stopped() {
			return errStopped
		}
		err := j.log.flushOld()
		if err == nil {
			return nil
		}
		if !errors.Is(err, errNoRoom) {
			j.log.mu.Lock()
			defer j.log.mu.Unlock()
			if j.log.failed() != nil {
				return errStopped // and said already
			}
			return err
		}
		if removed, err := j.removeOther(g); err != nil {
			return err
		} else if removed {
			continue
		}
		t := time.NewTimer(cleanPatience)
		select {
		case <-t.C:
		case <-j.cleaner.stop:
			t.Stop()
		}
	}
}

// removeOther removes the head of the generation that is not being copied, if it
// is of no use any more.
func (j *Journal) removeOther(copying generation) (removed bool, err error) {
	j.log.mu.Lock()
	for j.index.bury(cleanBury) {
	}
	headOld, hasOld := j.log.head(old)
	headYoung, hasYoung := j.log.head(young)
	other, useless := old, hasOld && !headOld.tail && headOld.records == 0
	if copying == old {
		other, useless = young, hasYoung && !headYoung.tail && headYoung.records == 0 && !j.index.tombs[headYoung.number].owes(headOld.number)
	}
	j.log.mu.Unlock()
	if !useless {
		return false, nil
	}
	return true, j.remove(other)
}

// copyFrame copies what is needed of a frame. The index means the copy from now
// on: what kills it will know that it is in the old generation. log.mu is held.
func (j *Journal) copyFrame(g generation, at place, payload []byte) error {
	c, x := &j.cleaner, j.index
	head, _ := j.log.head(old)
	c.oldest = head.number
	if err := c.choose(x, g, at, payload); err != nil || len(c.copies) == 0 {
		return err
	}
	to := j.log.addOld(c.encode)
	if to == 0 {
		return errStopped
	}
	c.flushed += len(payload)
	x.olds[to.segment()] = true
	x.begin(to, c.puts, c.carried == 1)
	for i := range c.copies {
		x.move(&c.copies[i])
	}
	x.end()
	clear(c.copies)
	return nil
}

// choose finds the records that go on.
func (c *cleaner) choose(x *index, g generation, at place, payload []byte) error {
	c.copies, c.puts, c.carried = c.copies[:0], 0, 0
	var last []byte
	p := &c.parser
	for p.parse(payload); ; {
		more, err := p.event()
		if !more {
			return err
		}
		r := &p.record
		s := x.sessions[r.incarnation]
		if r.isTombstone() {
			if g == old || !r.owed(c.oldest) {
				continue
			}
			s = nil
		} else if !x.stands(s, r, at) {
			continue
		} else {
			c.puts++
		}
		e := copied{raw: r.raw, kind: r.kind, packetID: r.packetID, sequence: r.sequence, session: s, text: r.text}
		if r.hasMessage() {
			if e.carrier = p.carrier; last == nil || &last[0] != &e.carrier[0] {
				last = e.carrier
				c.carried++
			}
		}
		c.copies = append(c.copies, e)
	}
}

// owed says whether a record that kills must go on when it leaves the young
// generation: what it kills may still stand in the old one.
func (r *record) owed(oldest uint32) bool {
	var t tombs
	r.bear(&t)
	return t.owes(oldest)
}

// stands says whether a record is the one that the index means.
func (x *index) stands(s *incarnation, r *record, at place) bool {
	here := func(p place) bool { return p != 0 && p.key() == at.key() }
	if r.kind == recordRetain {
		return here(x.retained.get(r.sequence))
	}
	if s == nil {
		return false
	}
	latest := func(k keyed) bool { return k.sequence == r.sequence && here(k.at) }
	switch r.kind {
	case recordEnqueue:
		return here(s.queue.get(r.sequence))
	case recordInflight:
		f := s.window.find(r.sequence)
		return f != nil && f.state == sent && here(f.at)
	case recordReleased:
		f := s.window.find(r.sequence)
		return f != nil && f.state == released && here(f.at)
	case recordHeld:
		return latest(s.held[r.packetID])
	case recordSubscribe:
		return latest(s.subscriptions[string(r.text)].keyed)
	case recordSession:
		return latest(s.session)
	case recordWill:
		return latest(s.will)
	}
	return false
}

func (c *cleaner) encodeCopy(dst []byte) []byte {
	dst = appendHead(dst, c.puts, c.carried == 1)
	var last []byte
	for i := range c.copies {
		e := &c.copies[i]
		if e.carrier != nil && (last == nil || &last[0] != &e.carrier[0]) {
			last = e.carrier
			dst = append(dst, last...)
		}
		dst = append(dst, e.raw...)
	}
	return dst
}

// move lets the index mean the copy of a record.
func (x *index) move(e *copied) {
	to, s := x.frame.at, e.session
	var from place
	switch e.kind {
	case recordRetain:
		if from = x.retained.get(e.sequence); from != 0 {
			x.retained.put(e.sequence, to)
		}
	case recordEnqueue:
		from = s.queue.put(e.sequence, to)
	case recordInflight, recordReleased:
		f := s.window.find(e.sequence)
		from, f.at = f.at, to
	case recordHeld:
		k := s.held[e.packetID]
		from, k.at = k.at, to
		s.held[e.packetID] = k
	case recordSubscribe:
		k := s.subscriptions[string(e.text)]
		from, k.at = k.at, to
		s.subscriptions[string(e.text)] = k
	case recordSession:
		from, s.session.at = s.session.at, to
	case recordWill:
		if s != nil {
			from, s.will.at = s.will.at, to
		}
	}
	if from != 0 {
		x.hold()
		x.drop(from)
	}
}
