package broker

import "mqtk/mqttwire"

// inflight is the window of one session: QoS 1 and 2 deliveries that the client
// has not yet acknowledged for good, in the order of their first sending. A
// window is small and answered mostly in order, so a list beats a map. Guarded by the session's mutex.
type inflight struct {
	entries ring[flight] // those that are done wait for those before them
	open    int          // entries not done
	used    int          // of them, those that count against the connection's quota
	unsent  int          // of them, those that a resumed connection has yet to be sent
	bytes   int          // payload and topic held
	waiting int          // of those open, the ones that wait for the store
	lastID  mqttwire.PacketID
	given   uint64 // packet ids given so far
}

type flightState byte

const (
	done       flightState = iota
	wantPuback             // QoS 1 PUBLISH, unacknowledged
	wantPubrec             // QoS 2 PUBLISH, unacknowledged
	wantPubcomp
)

// flight is one delivery in the window.
type flight struct {
	delivery         // message nil once PUBREC came
	sequence  uint64 // the session's number of the delivery
	given     uint64 // the count of ids given when this one was
	packetID  mqttwire.PacketID
	state     flightState
	sent      bool // on this connection
	counted   bool // against this connection's quota
	delivered bool // sent at least once, on any connection: DUP next time
	waits     bool // for the store: its records are not durable, and it is not sent
	cold      bool // from an earlier process: the store alone has the message
}

// nextID gives a packet id that is not in use. Ids count up; one can only be in
// use still when the count has come around to it.
func (w *inflight) nextID() mqttwire.PacketID {
	for {
		w.lastID++
		if w.lastID == 0 {
			w.lastID = 1
		}
		w.given++
		if w.open == 0 || w.given-w.entries.at(0).given < 65535 || w.find(w.lastID) == nil {
			return w.lastID
		}
	}
}

// add opens an exchange and returns its entry.
func (w *inflight) add(d delivery, sequence uint64, id mqttwire.PacketID) *flight {
	state := wantPuback
	if d.qos == 2 {
		state = wantPubrec
	}
	f := w.entries.push()
	*f = flight{delivery: d, sequence: sequence, given: w.given, packetID: id, state: state}
	w.open++
	w.bytes += d.message.size()
	return f
}

// find returns the open entry with an id, nil for none. As ids count up, it
// mostly stands as far from the first as its id does.
func (w *inflight) find(id mqttwire.PacketID) *flight {
	n := w.entries.len()
	if n == 0 {
		return nil
	}
	if i := int(id - w.entries.at(0).packetID); i < n && w.entries.at(i).has(id) {
		return w.entries.at(i)
	}
	for i := range n {
		if f := w.entries.at(i); f.has(id) {
			return f
		}
	}
	return nil
}

func (f *flight) has(id mqttwire.PacketID) bool { return f.packetID == id && f.state != done }

// last returns the newest entry if it is the delivery with this number.
func (w *inflight) last(sequence uint64) *flight {
	if n := w.entries.len(); n > 0 && w.entries.at(n-1).sequence == sequence {
		return w.entries.at(n - 1)
	}
	return nil
}

// release frees the message of a QoS 2 delivery whose PUBREC came.
func (w *inflight) release(f *flight) {
	w.bytes -= f.message.size()
	f.message, f.extras = nil, nil
	f.state = wantPubcomp
}

// finish closes an exchange.
func (w *inflight) finish(f *flight) {
	if f.message != nil {
		w.bytes -= f.message.size()
	}
	if f.counted {
		w.used--
	}
	switch {
	case f.waits:
		w.waiting--
	case !f.sent:
		w.unsent--
	}
	*f = flight{}
	w.open--
	for w.entries.len() > 0 && w.entries.at(0).state == done {
		w.entries.pop()
	}
}

// restore adds what an earlier process had in the window: its message has yet to
// be read back, unless it is released.
func (w *inflight) restore(sequence uint64, id mqttwire.PacketID, released bool) {
	f := flight{sequence: sequence, packetID: id, state: wantPuback, delivered: true, cold: !released}
	f.recorded = true
	if released {
		f.state = wantPubcomp
	}
	*w.entries.push() = f
	w.open++
	w.unsent++
	if w.open == 1 || int16(id-w.lastID) > 0 { // ids of the log that the window is without do not come again soon
		w.lastID = id
	}
	w.given = 1 << 16 // any id may be in use: nextID looks
}

// cold lists the numbers of the entries whose message has yet to be read back.
func (w *inflight) cold() (numbers []uint64) {
	for i := range w.entries.len() {
		if f := w.entries.at(i); f.cold {
			numbers = append(numbers, f.sequence)
		}
	}
	return numbers
}

// coldOne returns the entry of a delivery that has yet to be read back, nil for
// none.
func (w *inflight) coldOne(sequence uint64) *flight {
	for i := range w.entries.len() {
		if f := w.entries.at(i); f.cold && f.sequence == sequence {
			return f
		}
	}
	return nil
}

// heat gives an entry the delivery that was read back.
func (w *inflight) heat(f *flight, d delivery) {
	f.delivery, f.cold = d, false
	if d.qos == 2 {
		f.state = wantPubrec
	}
	w.bytes += d.message.size()
}

// restart readies the window for a new connection: everything open is to be
// sent again, and the quota is whole.
func (w *inflight) restart() {
	w.used, w.unsent = 0, w.open-w.waiting
	for i := range w.entries.len() {
		f := w.entries.at(i)
		f.sent, f.counted = false, false
	}
}
