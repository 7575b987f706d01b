package broker

import (
	"maps"
	"slices"
	"time"

	"mqtk/mqttwire"
)

// What a queue has beyond its share of memory lies in the Store alone and comes
// back in portions, while its client takes what is in front of it. Nobody waits
// for the disk under a lock: a goroutine reads, and then pumps.

// storedOverhead is what a delivery in the Store counts for beside its message,
// in bytes: about what its record adds, and the index over it.
const storedOverhead = 64

// spilled is a delivery that the Store alone is to have, on its way there.
type spilled struct {
	session  *Session
	sequence uint64
	size     int
}

// spills says whether the Store may hold deliveries for the session alone: for
// one that lasts, or that did when what is there came. mu is held.
func (s *Session) spills() bool {
	return s.persistent() || s.traffic != nil && s.queue.stored.count > 0
}

// spill lets a delivery wait in the Store. mu is held.
func (s *Session) spill(batch *Batch, q *queued) {
	size := q.message.size()
	s.queue.stored.add(q.sequence, size+storedOverhead)
	s.unwritten = append(s.unwritten, q.sequence)
	s.shared = s.shared || q.share() != nil
	batch.spilled = append(batch.spilled, spilled{s, q.sequence, size})
}

// fits says whether a message of size more bytes may wait for the session, here
// or in the Store. mu is held.
func (s *Session) fits(size int) bool {
	spills := s.b.keeps && s.spills()
	switch {
	case !spills && s.b.strained(closing):
		c := s.live()
		return c != nil && (s.traffic == nil || s.fitsTight(c, size))
	case s.traffic == nil:
		return s.b.limits().MaxQueuedMessages > 0
	case spills:
		return s.queue.keptFits(size, s.b.limits())
	}
	return s.queue.fits(size, s.b.limits(), 1)
}

// sweepStored makes room in the Store by dropping what has expired there, at most
// once a minute. It is for the next messages; this one is dropped. mu is held.
func (s *Session) sweepStored(now time.Time) {
	if s.fetching || s.queue.stored.count == 0 || now.Sub(s.sweptStored) < time.Minute {
		return
	}
	s.sweptStored, s.fetching = now, true
	s.b.goroutines.Go(func() {
		after, more := uint64(0), true
		for more && s.b.context.Err() == nil {
			after, more = s.sweepPortion(after)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fetching = false
		s.refill()
	})
}

// sweepPortion looks at the deliveries in the Store behind a number, and returns
// the last of those.
func (s *Session) sweepPortion(after uint64) (last uint64, more bool) {
	s.mu.Lock()
	numbers := s.queue.stored.after(after, sweepAtOnce)
	s.mu.Unlock()
	if len(numbers) == 0 {
		return after, false
	}
	found, err := s.b.store.Fetch(s.incarnation, numbers)
	if err != nil {
		s.unreadable(err)
		return after, false
	}
	s.b.background(func(batch *Batch) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := range found {
			e := &found[i]
			if !e.Message.alive(batch.now) && s.unstore(e.Sequence, e.Message.size()+storedOverhead) {
				batch.events = append(batch.events, s.event(EventDequeue, e.Sequence))
				s.b.metrics.dropped(dropExpired)
			}
		}
		s.relieve(batch, s.live())
	})
	return numbers[len(numbers)-1], true
}

// sweepAtOnce is how many deliveries a sweep reads at once.
const sweepAtOnce = 256

// written tells that the Store has a delivery that spilled, or did not take it.
func (s *Session) written(d spilled, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := slices.BinarySearch(s.unwritten, d.sequence); ok {
		s.unwritten = slices.Delete(s.unwritten, i, i+1)
	}
	if err != nil {
		s.unstore(d.sequence, d.size+storedOverhead)
	}
	s.refill()
	if q := s.left; q != nil && len(s.unwritten) == 0 {
		s.left = nil
		s.b.goroutines.Go(func() { s.b.execute(q) })
	}
}

// unstore takes a delivery out of what the Store alone has. False: it was not in.
// mu is held.
func (s *Session) unstore(number uint64, size int) bool {
	was := s.queue.stored.payload()
	if !s.queue.stored.remove(number, size) {
		return false
	}
	s.b.metrics.queued(-1, s.queue.stored.payload()-was) // which replay knew only about
	return true
}

// refill has a portion read back, if the client is near the end of what is in
// memory. mu is held.
func (s *Session) refill() {
	q, l := &s.queue, s.b.limits()
	if q.stored.count == 0 || s.fetching || s.ended || s.live() == nil || q.len() > 0 && q.len()*4 > l.MaxQueuedMessages {
		return
	}
	numbers := q.stored.front(s.portion())
	if len(s.unwritten) > 0 { // written goes on from there
		i, _ := slices.BinarySearch(numbers, s.unwritten[0])
		numbers = numbers[:i]
	}
	if len(numbers) == 0 {
		return
	}
	s.fetching = true
	s.b.goroutines.Go(func() {
		found, err := s.b.store.Fetch(s.incarnation, numbers)
		s.b.background(func(batch *Batch) { s.refilled(batch, numbers, found, err) })
	})
}

// portion is how many deliveries to read back at once: half of what memory may
// hold of them.
func (s *Session) portion() int {
	q, l := &s.queue, s.b.limits()
	each := max(q.stored.bytes/int64(q.stored.count), 1)
	return int(max(min(int64(l.MaxQueuedMessages), int64(l.MaxQueuedBytes)/each)/2, 1))
}

// refilled goes on with a portion.
func (s *Session) refilled(batch *Batch, numbers []uint64, found []Event, err error) {
	if err == nil {
		s.b.rehome(batch, s.takeBack(batch, numbers, found))
		return
	}
	s.unreadable(err)
	s.mu.Lock()
	s.fetching = false
	c := s.live()
	s.mu.Unlock()
	if c != nil {
		c.kick(mqttwire.ImplementationSpecificError, "the store failed")
	}
}

// unreadable says that the store did not give back what it has of the session.
func (s *Session) unreadable(err error) {
	s.b.log.Error("the store cannot read back what it keeps for a client", "client", s.ClientID(), "error", err)
}

// takeBack puts a portion into the queue and pumps.
func (s *Session) takeBack(batch *Batch, numbers []uint64, found []Event) (orphans []orphan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetching = false
	if s.ended {
		return nil
	}
	orphans = s.admit(batch, numbers, found)
	if c := s.live(); c != nil {
		s.pump(batch, c)
	}
	return orphans
}

// admit moves what was found from the stretch to the entries. What a share has
// brought that the session has left meanwhile is for others. mu is held.
func (s *Session) admit(batch *Batch, numbers []uint64, found []Event) (orphans []orphan) {
	for _, number := range numbers {
		if len(found) == 0 || found[0].Sequence != number {
			if s.unstore(number, storedOverhead) {
				s.b.log.Error("a message is not in the store any more", "client", s.ClientID(), "number", number)
			}
			continue
		}
		e := &found[0]
		found = found[1:]
		if !s.unstore(number, e.Message.size()+storedOverhead) {
			continue
		}
		q := queued{s.delivery(e), number}
		if e.Share != "" && s.subscriptions.get(e.Share) == nil {
			batch.events = append(batch.events, s.event(EventDequeue, number))
			orphans = append(orphans, orphan{q.share(), e.Message})
			continue
		}
		s.queue.push(q)
		batch.tally.queued(1, e.Message.size())
	}
	return orphans
}

// delivery is the one that the Store has given back.
func (s *Session) delivery(e *Event) delivery {
	d := delivery{message: e.Message, qos: e.QoS, retain: e.Retain, brought: e.Brought, recorded: true}
	if len(e.Identifiers) > 0 || e.Share != "" {
		d.extras = &extras{identifiers: e.Identifiers}
	}
	if e.Share != "" { // which the session may have left: others are in it all the same
		d.extras.share = s.b.shareOf(e.Share)
	}
	return d
}

// warm reads back what the window of a session from an earlier process holds,
// before its first connection begins.
func (s *Session) warm() error {
	numbers := s.cold()
	found, err := s.b.store.Fetch(s.incarnation, numbers)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.traffic == nil {
		return nil // another connection has warmed it, and its client has answered
	}
	first := s.queue.stored.first()
	for i := range found {
		e := &found[i]
		switch f := s.window.coldOne(e.Sequence); {
		case f == nil:
		case e.overtook(first):
			s.window.finish(f)
			s.queue.stored.insert(e.Sequence, e.Message.size()+storedOverhead)
			s.b.metrics.queued(1, e.Message.size())
		default:
			s.window.heat(f, s.delivery(e))
		}
	}
	for _, number := range numbers {
		if f := s.window.coldOne(number); f != nil {
			s.b.log.Error("a message is not in the store any more", "client", s.ClientID(), "number", number)
			s.window.finish(f)
		}
	}
	return nil
}

// cold lists the numbers of the window's entries that have yet to be read back.
func (s *Session) cold() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.traffic == nil {
		return nil
	}
	return s.window.cold()
}

// overtook says whether a delivery only seems to be in the window: those that
// left the queue before it were sent by another thread, whose records the crash
// has cut off. What is behind them and QoS 2 was not sent either, and QoS 1 may
// come twice. first is the number of the oldest in the queue, 0 for none.
func (e *Event) overtook(first uint64) bool {
	return first > 0 && e.Sequence > first && !e.Brought
}

// A bequest is what somebody leaves in the Store that members of shares are to
// have: a session that ends, or a holder who did not come back.
type bequest struct {
	incarnation uint64
	clientID    string
	queue       stretch
	sent        map[uint64]bool // deliveries that were in the window
}

// bequest returns what a session that ends leaves for its shares, nil for
// nothing that would have to be read back. mu is held.
func (s *Session) bequest() *bequest {
	if s.traffic == nil || !s.kept || !s.shared {
		return nil
	}
	cold := s.window.cold()
	if s.queue.stored.count == 0 && len(cold) == 0 {
		return nil
	}
	if _, members := s.b.subscriptions.counts(); members == 0 {
		return nil
	}
	q := &bequest{incarnation: s.incarnation, clientID: s.ClientID(), queue: s.queue.stored, sent: make(map[uint64]bool)}
	for _, number := range cold {
		q.sent[number] = true
	}
	return q
}

// bequestPortion is how many deliveries change hands in one frame.
const bequestPortion = 256

// execute gives a bequest to other members of the shares, portion by portion:
// QoS 1, and QoS 2 that was not sent. Then the session it came from ends in the
// Store, too; should the process end first, or the Store fail, the next one begins
// again.
func (b *Broker) execute(q *bequest) {
	first := q.queue.first()
	all := b.handOn(q, first, slices.Sorted(maps.Keys(q.sent)))
	for after := uint64(0); b.context.Err() == nil; {
		numbers := q.queue.after(after, bequestPortion)
		if len(numbers) == 0 {
			break
		}
		after = numbers[len(numbers)-1]
		all = b.handOn(q, first, numbers) && all
	}
	if all && b.context.Err() == nil {
		b.background(func(batch *Batch) {
			batch.events = append(batch.events, Event{Kind: EventSessionEnd, ClientID: q.clientID, Incarnation: q.incarnation})
		})
	}
}

// handOn is one portion of a bequest: one frame. False: it is still in the Store.
func (b *Broker) handOn(q *bequest, first uint64, numbers []uint64) bool {
	found, err := b.store.Fetch(q.incarnation, numbers)
	if err != nil {
		b.log.Error("the store cannot read back what a member of a share leaves", "client", q.clientID, "error", err)
		return false
	}
	b.background(func(batch *Batch) {
		for i := range found {
			e := &found[i]
			batch.events = append(batch.events, Event{Kind: EventDequeue, ClientID: q.clientID, Incarnation: q.incarnation, Sequence: e.Sequence})
			if e.Share == "" || e.QoS == 2 && q.sent[e.Sequence] && !e.overtook(first) {
				continue
			}
			b.rehome(batch, []orphan{{b.shareOf(e.Share), e.Message}})
		}
		err = batch.append()
	})
	if err != nil {
		b.log.Error("the store has no room for what a member of a share leaves", "client", q.clientID, "error", err)
	}
	return err == nil
}
