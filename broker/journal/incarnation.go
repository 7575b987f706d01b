package journal

import (
	"mqtk/broker"
	"mqtk/mqttwire"
)

// An incarnation is one session, and none that had its ClientID before: where
// everything that is true of it stands. One without an EventSession holds what
// came through a share, or the will of a clean connection.
//
// The index enters its records. One that puts lives in the open frame; nothing
// happens if something with a higher number came before.
type incarnation struct {
	number        uint64
	clientID      string
	session       keyed
	will          keyed
	subscriptions map[string]subscribed
	held          map[mqttwire.PacketID]keyed
	queue         ledger // deliveries, those in the window too until PUBREC
	window        flights
	removals      removals
	gone          recent        // deliveries that ended last
	delivery      uint64        // the highest number of a delivery in the log
	change        uint64        // and of anything else
	told          *broker.Event // the EventSession, while the log is read
}

// keyed is where the latest of a key stands.
type keyed struct {
	sequence uint64
	at       place  // 0: nothing
	debt     uint32 // of former ones, for who ends this one
}

// subscribed is a subscription; the filter is its key.
type subscribed struct {
	keyed
	options    byte
	identifier uint32
}

func (s *incarnation) empty() bool {
	return s.session.at == 0 && s.will.at == 0 && len(s.subscriptions) == 0 && len(s.held) == 0 &&
		s.queue.count == 0 && s.window.count() == 0 && len(s.queue.early) == 0
}

// enqueue enters a delivery, which rides: is in flight at once.
func (x *index) enqueue(s *incarnation, sequence uint64, packetID mqttwire.PacketID) {
	s.delivery = max(s.delivery, sequence)
	if s.queue.refuse(sequence) {
		return
	}
	f := s.window.find(sequence)
	if f != nil && f.state == released {
		return
	}
	former := s.queue.get(sequence)
	if former != 0 && !x.supersedes(x.frame.at, former) {
		return
	}
	s.queue.put(sequence, x.frame.at)
	x.hold()
	x.drop(former)
	if packetID == 0 || f != nil {
		return
	}
	f = s.window.put(sequence)
	f.state, f.packetID = sent, packetID
}

// late says that a delivery has ended already of which a record comes.
func (x *index) late(s *incarnation, sequence uint64) bool {
	return s.queue.expected(sequence) || !x.scanning && s.gone.has(sequence)
}

// inflight puts a delivery into the window by a record of its own.
func (x *index) inflight(s *incarnation, sequence uint64, packetID mqttwire.PacketID, state flightState) {
	s.delivery = max(s.delivery, sequence)
	if x.late(s, sequence) {
		return
	}
	f := s.window.put(sequence)
	copied := f.state == state && f.packetID == packetID // or else it was sent anew, under another id
	if f.state > state || copied && f.at != 0 && !x.supersedes(x.frame.at, f.at) {
		return
	}
	if former := f.at; former != 0 {
		f.debt = max(f.debt, x.debt(former))
		x.drop(former)
	}
	f.at, f.packetID, f.state = x.frame.at, packetID, state
	x.hold()
	if state == released { // only PUBREL is owed
		at := s.queue.kill(sequence)
		f.debt = max(f.debt, x.debt(at))
		x.drop(at)
	}
}

// dequeue ends a delivery and returns the debt of its end.
func (x *index) dequeue(s *incarnation, sequence uint64) (debt uint32) {
	s.delivery = max(s.delivery, sequence)
	at := s.queue.kill(sequence)
	debt = x.debt(at)
	x.drop(at)
	s.gone.add(sequence)
	f := s.window.find(sequence)
	if at == 0 && (f == nil || f.state != released) && !x.scanning {
		s.queue.expect(sequence)
	}
	if f != nil {
		debt = max(debt, f.debt, x.debt(f.at))
		x.drop(f.at)
		s.window.land(f)
	}
	return debt
}

// held enters a packet id of an inbound QoS 2 exchange.
func (x *index) held(s *incarnation, sequence uint64, id mqttwire.PacketID) {
	s.change = max(s.change, sequence)
	next, ok := x.follow(s, s.held[id], sequence, heldKey(id))
	if !ok {
		return
	}
	if s.held == nil {
		s.held = map[mqttwire.PacketID]keyed{}
	}
	s.held[id] = next
}

// follow decides whether a record of a key becomes its latest, and enters it.
func (x *index) follow(s *incarnation, former keyed, sequence, key uint64) (next keyed, ok bool) {
	if s.removals.later(key, sequence) {
		return former, false
	}
	if former.at != 0 {
		if sequence < former.sequence || sequence == former.sequence && !x.supersedes(x.frame.at, former.at) {
			return former, false
		}
	}
	x.hold()
	x.drop(former.at)
	return keyed{sequence, x.frame.at, max(former.debt, x.debt(former.at))}, true
}

// forgotten ends a packet id and returns the debt of its end.
func (x *index) forgotten(s *incarnation, sequence uint64, id mqttwire.PacketID) (debt uint32) {
	s.change = max(s.change, sequence)
	h, ok := s.held[id]
	if ok && h.sequence > sequence {
		return 0
	}
	s.removals.add(heldKey(id), sequence)
	delete(s.held, id)
	debt = max(h.debt, x.debt(h.at))
	x.drop(h.at)
	return debt
}

func (x *index) subscribe(s *incarnation, sequence uint64, filter string, options byte, identifier uint32) {
	s.change = max(s.change, sequence)
	next, ok := x.follow(s, s.subscriptions[filter].keyed, sequence, x.filterKey(filter))
	if !ok {
		return
	}
	if s.subscriptions == nil {
		s.subscriptions = map[string]subscribed{}
	}
	s.subscriptions[filter] = subscribed{next, options, identifier}
}

func (x *index) unsubscribe(s *incarnation, sequence uint64, filter string) {
	s.change = max(s.change, sequence)
	e, ok := s.subscriptions[filter]
	if ok && e.sequence > sequence {
		return
	}
	s.removals.add(x.filterKey(filter), sequence)
	delete(s.subscriptions, filter)
	x.drop(e.at)
}

// begun enters an EventSession; false: a later one is there.
func (x *index) begun(s *incarnation, sequence uint64, clientID string) bool {
	s.change = max(s.change, sequence)
	next, ok := x.follow(s, s.session, sequence, 0)
	if ok {
		s.session = next
		if s.clientID != clientID {
			s.clientID = clientID
		}
	}
	return ok
}

// bequeath enters a will.
func (x *index) bequeath(s *incarnation, sequence uint64, clientID string) {
	s.change = max(s.change, sequence)
	next, ok := x.follow(s, s.will, sequence, willKey)
	if ok {
		s.will = next
		if s.clientID == "" {
			s.clientID = clientID
		}
	}
}

// disinherit removes the will.
func (x *index) disinherit(s *incarnation, sequence uint64) {
	s.change = max(s.change, sequence)
	if s.will.at != 0 && s.will.sequence > sequence {
		return
	}
	s.removals.add(willKey, sequence)
	x.drop(s.will.at)
	s.will = keyed{}
}

// bury takes up to most records off their segments' counts and returns how many
// it did; fewer than most: all are.
func (s *incarnation) bury(x *index, most int) (done int) {
	for ; s.queue.count > 0; done++ {
		if done >= most {
			return done
		}
		x.drop(s.queue.pop())
	}
	for _, e := range s.subscriptions {
		x.drop(e.at)
	}
	for _, e := range s.held {
		x.drop(e.at)
	}
	for _, f := range s.window.entries {
		x.drop(f.at)
	}
	x.drop(s.session.at)
	x.drop(s.will.at)
	*s = incarnation{number: s.number}
	return done
}
