package client

import (
	"encoding/binary"
	"slices"

	"mqtk/mqttwire"
)

const (
	// defaultInflight is a window that fills a fast link without flooding a slow
	// server; the server's Receive Maximum usually binds first.
	defaultInflight = 256
	// untoldInflight is the window where a server has no word for what it bears:
	// with more at QoS 2, mosquitto (max_inflight_messages) closes the
	// connection, and again at each resend.
	untoldInflight = 20
)

// state is what a slot waits for.
type state byte

const (
	free state = iota
	waitPuback
	waitPubrec
	waitPubcomp
	waitSuback
	waitUnsuback
)

func (s state) message() bool { return s == waitPuback || s == waitPubrec || s == waitPubcomp }

// waits maps an acknowledgement to the state it ends.
func waits(t mqttwire.PacketType) state {
	switch t {
	case mqttwire.PUBACK:
		return waitPuback
	case mqttwire.PUBREC:
		return waitPubrec
	case mqttwire.PUBCOMP:
		return waitPubcomp
	case mqttwire.SUBACK:
		return waitSuback
	}
	return waitUnsuback
}

// A slot is a packet id in use and what belongs to it.
type slot struct {
	id      mqttwire.PacketID
	state   state
	counted bool   // it took a unit of this connection's quota
	queued  bool   // it is to be sent again and was not yet
	seq     uint64 // order of sending; a PUBREL has its own
	packet  []byte // as sent first, without Topic Alias; empty once PUBREL was sent
	idAt    int    // where the packet id stands in packet
	reason  mqttwire.ReasonCode
	done    func(mqttwire.ReasonCode, error)
	request *request // of SUBSCRIBE and UNSUBSCRIBE
}

// inflight is the outgoing half of the session: what was sent and waits for
// its last acknowledgement. Ids count up and come round; an id is found by its
// low bits, so there are at least twice as many slots as the window is wide.
type inflight struct {
	slots  []slot // nil before the first id: a one-shot at QoS 0 never has one
	max    int    // messages, the client's own bound
	open   int    // messages
	quota  int    // messages that this connection may yet send
	limit  int    // the quota at its start
	last   mqttwire.PacketID
	top    mqttwire.PacketID // the highest id ever given out
	seq    uint64
	resend []mqttwire.PacketID // of a former connection, to be sent before anything new
}

func newInflight(most int) inflight {
	if most <= 0 {
		most = defaultInflight
	}
	return inflight{max: min(most, 32<<10)}
}

// window is what the server of g bears, beside the client's own bound.
func (c *Client) window(g *Grants) int {
	if g.Version != mqttwire.V5 && c.o.MaxInflight == 0 {
		return untoldInflight
	}
	return int(g.ReceiveMaximum)
}

// makeSlots makes room for twice the window.
func (f *inflight) makeSlots() {
	size := 64
	for size < 2*f.max {
		size *= 2
	}
	f.slots = make([]slot, size)
}

// connected starts the quota of a new connection.
func (f *inflight) connected(window int) {
	f.limit = min(f.max, window)
	f.quota = f.limit
	for i := range f.slots {
		f.slots[i].counted = false
	}
}

// room tells whether one more message may be sent now.
func (f *inflight) room() bool { return f.open < f.max && f.quota > 0 && len(f.resend) == 0 }

// next finds the slot that will be used next. It is the caller's once it sets
// a state; nil: all are in use.
func (f *inflight) next() *slot {
	if f.slots == nil {
		f.makeSlots()
	}
	for range f.slots {
		f.last++
		if f.last == 0 {
			f.last = 1
		}
		s := &f.slots[int(f.last)&(len(f.slots)-1)]
		if s.state == free {
			s.id = f.last
			f.top = max(f.top, f.last)
			return s
		}
	}
	return nil
}

// find gives the slot of an id in use, or nil.
func (f *inflight) find(id mqttwire.PacketID) *slot {
	if f.slots == nil {
		return nil
	}
	s := &f.slots[int(id)&(len(f.slots)-1)]
	if s.state == free || s.id != id {
		return nil
	}
	return s
}

// sent notes that a message took its place in the window.
func (f *inflight) sent(s *slot, st state) {
	f.seq++
	s.state, s.seq, s.counted = st, f.seq, true
	f.quota--
	f.open++
}

// release frees the id. Done and request are taken out before.
func (f *inflight) release(s *slot) {
	if s.state.message() {
		f.open--
	}
	if s.counted {
		f.quota = min(f.quota+1, f.limit)
	}
	packet := s.packet[:0]
	if cap(packet) > 64<<10 {
		packet = nil
	}
	*s = slot{packet: packet}
}

// inOrder lists the ids in use for which pick holds, in the order of sending.
func (f *inflight) inOrder(pick func(*slot) bool) []mqttwire.PacketID {
	var ids []mqttwire.PacketID
	for i := range f.slots {
		if s := &f.slots[i]; s.state != free && pick(s) {
			ids = append(ids, s.id)
		}
	}
	slices.SortFunc(ids, func(a, b mqttwire.PacketID) int {
		if f.find(a).seq < f.find(b).seq {
			return -1
		}
		return 1
	})
	return ids
}

// longest is the size of the longest message that has no answer at all.
func (f *inflight) longest() (size int) {
	for i := range f.slots {
		if s := &f.slots[i]; s.state.message() && len(s.packet) > 0 {
			size = max(size, len(s.packet)-s.idAt-2)
		}
	}
	return size
}

// renumber makes a new message of an old one: with a new id, as long as one is
// free, and without DUP.
func (f *inflight) renumber(old *slot) *slot {
	s := old
	if other := f.next(); other != nil {
		id := other.id
		*other, *old = *old, slot{packet: other.packet[:0]}
		s = other
		s.id = id
		binary.BigEndian.PutUint16(s.packet[s.idAt:], uint16(id))
	}
	s.packet[0] &^= dupBit
	f.seq++
	s.seq = f.seq
	return s
}

const (
	dupBit    = 0x08
	retainBit = 0x01
)

// topic is that of a slot's encoded PUBLISH.
func (s *slot) topic() string {
	i := 1
	for s.packet[i]&0x80 != 0 {
		i++
	}
	return string(s.packet[i+3 : s.idAt])
}

// qos is that of an encoded PUBLISH.
func qos(packet []byte) mqttwire.QoS { return mqttwire.QoS(packet[0] >> 1 & 3) }
