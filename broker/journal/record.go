package journal

import (
	"encoding/binary"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// The payload of a frame is the Events of one Append:
//
//	payload = head record*
//	head    = puts<<1 | shared, a varint
//	record  = kind | flags<<4, one byte, then fields in the order of fields()
//
// A record that has a message means the latest message record before it, so a
// fan-out holds its message once and a copy of some of its records is made of
// the same bytes. Numbers are varints, text has its length before it. The
// session is its incarnation; its ClientID stands in session and will alone.
//
// Format 1, of the segment's header, is what is written here. What a later one
// changes must go on to be read.

// The kinds below 13 are those of broker.Event: their numbers are on disk.
const (
	recordEnqueue     = byte(broker.EventEnqueue)
	recordInflight    = byte(broker.EventInflight)
	recordReleased    = byte(broker.EventReleased)
	recordDequeue     = byte(broker.EventDequeue)
	recordHeld        = byte(broker.EventHeld)
	recordForgotten   = byte(broker.EventForgotten)
	recordRetain      = byte(broker.EventRetain)
	recordSubscribe   = byte(broker.EventSubscribe)
	recordUnsubscribe = byte(broker.EventUnsubscribe)
	recordSession     = byte(broker.EventSession)
	recordSessionEnd  = byte(broker.EventSessionEnd)
	recordWill        = byte(broker.EventWill)
	recordMessage     = byte(15)
)

// Flags, by kind.
const (
	enqueueRides       = 1 // the delivery's EventInflight is in it
	enqueueRetain      = 2
	enqueueIdentifiers = 4
	enqueueShare       = 8
	enqueueBrought     = 4 // beside the QoS

	killDebt = 1 // dequeue, forgotten: see index.debt

	retainMessage  = 1 // else the topic, and nothing is retained
	retainReplaces = 2

	subscribeIdentifier = 1

	sessionConnected = 1
	sessionEnds      = 2
	sessionUsername  = 4
	sessionRemote    = 8

	willMessage = 1
	willEnds    = 2
)

// isTombstone says that a record kills and is nothing itself.
func (r *record) isTombstone() bool {
	switch r.kind {
	case recordDequeue, recordForgotten, recordUnsubscribe, recordSessionEnd:
		return true
	case recordRetain:
		return r.flags&retainMessage == 0
	case recordWill:
		return r.flags&willMessage == 0
	}
	return false
}

// hasMessage says that the record means the latest message.
func (r *record) hasMessage() bool {
	switch r.kind {
	case recordEnqueue:
		return true
	case recordRetain:
		return r.flags&retainMessage != 0
	case recordWill:
		return r.flags&willMessage != 0
	}
	return false
}

// isPut says that an Event becomes a record that lives until another one ends it.
func isPut(e *broker.Event) bool {
	switch e.Kind {
	case broker.EventRetain, broker.EventWill:
		return e.Message != nil
	case broker.EventDequeue, broker.EventForgotten, broker.EventUnsubscribe, broker.EventSessionEnd:
		return false
	}
	return true
}

// rides says that b is the EventInflight of the EventEnqueue a.
func rides(a, b *broker.Event) bool {
	return a.Kind == broker.EventEnqueue && b.Kind == broker.EventInflight &&
		a.Incarnation == b.Incarnation && a.Sequence == b.Sequence && b.PacketID != 0
}

// appendHead begins a payload.
func appendHead(dst []byte, puts int, shared bool) []byte {
	n := uint64(puts) << 1
	if shared {
		n |= 1
	}
	return binary.AppendUvarint(dst, n)
}

// appendRecord appends an Event without its message. packetID is that of an
// EventInflight that rides along, debt that of a dequeue or forgotten.
func appendRecord(dst []byte, e *broker.Event, packetID mqttwire.PacketID, debt uint32, shift time.Duration) []byte {
	at := len(dst)
	dst = append(dst, byte(e.Kind))
	flags := byte(0)
	if e.Kind != broker.EventRetain {
		dst = binary.AppendUvarint(dst, e.Incarnation)
	}
	switch e.Kind {
	case broker.EventEnqueue:
		dst, flags = appendEnqueue(dst, e, packetID)
	case broker.EventInflight, broker.EventReleased, broker.EventHeld:
		dst = binary.AppendUvarint(dst, e.Sequence)
		dst = binary.AppendUvarint(dst, uint64(e.PacketID))
	case broker.EventDequeue, broker.EventForgotten:
		dst, flags = appendKill(dst, e, debt)
	case broker.EventRetain:
		dst, flags = appendRetain(dst, e)
	case broker.EventSubscribe:
		dst, flags = appendSubscribe(dst, e)
	case broker.EventUnsubscribe:
		dst = binary.AppendUvarint(dst, e.Sequence)
		dst = appendText(dst, e.Subscription.Filter)
	case broker.EventSession:
		dst, flags = appendSession(dst, e, shift)
	case broker.EventWill:
		dst, flags = appendWill(dst, e, shift)
	}
	dst[at] |= flags << 4
	return dst
}

func appendEnqueue(dst []byte, e *broker.Event, packetID mqttwire.PacketID) ([]byte, byte) {
	flags := byte(0)
	rest := uint64(e.QoS & 3)
	if e.Brought {
		rest |= enqueueBrought
	}
	dst = binary.AppendUvarint(dst, e.Sequence<<3|rest)
	if packetID != 0 {
		flags |= enqueueRides
		dst = binary.AppendUvarint(dst, uint64(packetID))
	}
	if e.Retain {
		flags |= enqueueRetain
	}
	if len(e.Identifiers) > 0 {
		flags |= enqueueIdentifiers
		dst = binary.AppendUvarint(dst, uint64(len(e.Identifiers)))
		for _, n := range e.Identifiers {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	if e.Share != "" {
		flags |= enqueueShare
		dst = appendText(dst, e.Share)
	}
	return dst, flags
}

func appendKill(dst []byte, e *broker.Event, debt uint32) ([]byte, byte) {
	dst = binary.AppendUvarint(dst, e.Sequence)
	if e.Kind == broker.EventForgotten {
		dst = binary.AppendUvarint(dst, uint64(e.PacketID))
	}
	if debt == 0 {
		return dst, 0
	}
	return binary.AppendUvarint(dst, uint64(debt)), killDebt
}

func appendRetain(dst []byte, e *broker.Event) ([]byte, byte) {
	flags := byte(0)
	dst = binary.AppendUvarint(dst, e.Sequence)
	if e.Message != nil {
		flags |= retainMessage
	} else {
		dst = appendText(dst, e.Topic)
	}
	if e.Replaces != 0 {
		flags |= retainReplaces
		dst = binary.AppendUvarint(dst, e.Sequence-e.Replaces)
	}
	return dst, flags
}

func appendSubscribe(dst []byte, e *broker.Event) ([]byte, byte) {
	flags, s := byte(0), &e.Subscription
	dst = binary.AppendUvarint(dst, e.Sequence)
	dst = append(dst, packOptions(s))
	if e.Identifier != 0 {
		flags |= subscribeIdentifier
		dst = binary.AppendUvarint(dst, uint64(e.Identifier))
	}
	return appendText(dst, s.Filter), flags
}

func appendSession(dst []byte, e *broker.Event, shift time.Duration) ([]byte, byte) {
	flags := byte(0)
	dst = binary.AppendUvarint(dst, e.Sequence)
	dst = appendText(dst, e.ClientID)
	dst = binary.AppendUvarint(dst, uint64(e.SessionExpiry))
	if e.Connected {
		flags |= sessionConnected
	}
	if !e.Ends.IsZero() {
		flags |= sessionEnds
		dst = appendTime(dst, e.Ends, shift)
	}
	if e.Username != "" {
		flags |= sessionUsername
		dst = appendText(dst, e.Username)
	}
	if e.Remote != nil {
		flags |= sessionRemote
		dst = appendAddress(dst, e.Remote)
	}
	return dst, flags
}

func appendWill(dst []byte, e *broker.Event, shift time.Duration) ([]byte, byte) {
	flags := byte(0)
	dst = binary.AppendUvarint(dst, e.Sequence)
	dst = appendText(dst, e.ClientID)
	if e.Message != nil {
		flags |= willMessage
	}
	dst = binary.AppendUvarint(dst, uint64(e.WillDelay))
	if !e.Ends.IsZero() {
		flags |= willEnds
		dst = appendTime(dst, e.Ends, shift)
	}
	return dst, flags
}

// packOptions makes one byte of a subscription's options, as SUBSCRIBE does.
func packOptions(s *mqttwire.Subscription) byte {
	b := byte(s.QoS) | s.RetainHandling<<4
	if s.NoLocal {
		b |= 4
	}
	if s.RetainAsPublished {
		b |= 8
	}
	return b
}

func unpackOptions(b byte) mqttwire.Subscription {
	return mqttwire.Subscription{QoS: mqttwire.QoS(b & 3), NoLocal: b&4 != 0, RetainAsPublished: b&8 != 0, RetainHandling: b >> 4 & 3}
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendTime writes a time as it would be if the clock had never gone back.
func appendTime(dst []byte, t time.Time, shift time.Duration) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(t.UnixNano()+int64(shift)))
}

func readTime(nanoseconds int64, shift time.Duration) time.Time {
	return time.Unix(0, nanoseconds-int64(shift))
}
