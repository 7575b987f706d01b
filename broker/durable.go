package broker

// A QoS 2 PUBLISH leaves for a persistent session only once its place in the
// window and the publisher's packet id are durable: after a crash it would
// otherwise come a second time, under another id. QoS 1 may; QoS 0 has no record.

// due is a delivery that waits for the store.
type due struct {
	session  *Session
	sequence uint64
	queued   bool // the Store has it in the queue: that it is sent is all that is new
}

// sendWhenDurable puts a delivery into the window without sending it. mu is held.
func (s *Session) sendWhenDurable(batch *Batch, d delivery, sequence uint64) {
	w := &s.window
	f := w.add(d, sequence, w.nextID())
	f.waits, f.counted = true, true
	w.waiting++
	w.used++
	batch.due = append(batch.due, due{session: s, sequence: sequence})
}

// sendsWhenDurable is what the store is to call.
func (b *Broker) sendsWhenDurable(all []due) func(error) {
	return func(err error) {
		if err != nil {
			return // nobody knows what is on disk: a restart will tell
		}
		b.background(func(batch *Batch) {
			for _, d := range all {
				d.session.sendDurable(batch, d.sequence)
			}
		})
	}
}

// sendDurable sends a delivery that waited, or leaves it to the next connection.
func (s *Session) sendDurable(batch *Batch, sequence uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.waitsFor(sequence)
	if f == nil {
		return
	}
	f.waits = false
	s.window.waiting--
	s.window.unsent++
	if c := s.live(); c != nil {
		s.pump(batch, c)
	}
}

// withdraw takes back a delivery that the store did not take. One from the queue
// goes there again, where it was.
func (s *Session) withdraw(d due) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.waitsFor(d.sequence)
	if f == nil {
		return
	}
	again := queued{f.delivery, f.sequence}
	s.window.finish(f)
	switch {
	case d.queued:
		s.queue.unpop(again)
		s.b.metrics.queued(1, again.message.size())
		s.pumpInASecond() // nothing tells when there is room
	case s.live() != nil && s.owes():
		s.pumpLater() // what may have waited behind it
	}
}

// waitsFor returns the entry of a delivery that waits, nil where it no longer
// does. It is one of the newest.
func (t *traffic) waitsFor(sequence uint64) *flight {
	if t == nil {
		return nil
	}
	w := &t.window
	for i := w.entries.len() - 1; i >= 0; i-- {
		if f := w.entries.at(i); f.sequence == sequence && f.waits {
			return f
		}
	}
	return nil
}
