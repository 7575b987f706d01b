package broker

import (
	"sync"
	"time"

	"mqtk/broker/topictree"
)

// retainedSet holds the retained messages, each as the bytes of a
// retainedEntry. Nothing but an outbox's mutex is taken under its own, which the
// walks of many subscribers share; one who changes it waits for a step of each.
type retainedSet struct {
	sync.RWMutex
	names     topictree.Names
	version   uint64 // counts all changes of the retained set
	bytes     int64
	own       int // of them under $SYS, which count towards no limit
	removed   int // entries that only say so, while a Store replays
	epoch     time.Time
	publisher publisherMemory
	head      []byte // scratch
	expires   retainedExpiry
}

// set stores m under a topic, or deletes what is there for nil; m may be a view.
// version is the topic's new one, 0 when nothing has changed; replaces is the one
// that is no more, 0 for none. Not stored: there is no room.
func (r *retainedSet) set(topic string, m *Message, l *Limits) (version, replaces uint64, stored bool) {
	r.Lock()
	defer r.Unlock()
	at, old, had := r.find(topic)
	switch {
	case m == nil && !had:
		return 0, 0, true
	case m == nil:
		return r.drop(topic, &old), old.version, true
	case !r.room(topic, m.size(), &old, had, l):
		return 0, 0, false
	}
	if had {
		r.bytes -= int64(old.size(topic))
	} else if isSys(topic) {
		r.own++
	}
	r.version++
	r.put(at, topic, m, r.version)
	return r.version, old.version, true
}

// find is a view of what is stored under a topic, and its place. r is locked.
func (r *retainedSet) find(topic string) (at topictree.Place, e retainedEntry, ok bool) {
	at, value, ok := r.names.Find(topic)
	if ok {
		e = parseRetained(value)
	}
	return at, e, ok
}

// put stores m as a version of the topic whose place was just found. r is locked.
func (r *retainedSet) put(at topictree.Place, topic string, m *Message, version uint64) {
	r.bytes += int64(m.size())
	r.head = r.appendHead(r.head[:0], m, version)
	r.names.SetAt(at, topic, r.head, m.Properties, m.Payload)
}

// drop removes what is stored under a topic and returns the version of that
// change. r is locked.
func (r *retainedSet) drop(topic string, old *retainedEntry) uint64 {
	r.bytes -= int64(old.size(topic))
	if isSys(topic) {
		r.own--
	}
	r.names.Delete(topic)
	r.version++
	return r.version
}

// refused takes note that the Store did not take a version: what that replaced is
// what the next one replaces. Where there was nothing, nobody gets it any more.
func (r *retainedSet) refused(e *Event) {
	r.Lock()
	defer r.Unlock()
	at, now, had := r.find(e.Topic)
	switch {
	case !had || now.version != e.Sequence:
	case e.Replaces == 0:
		r.drop(e.Topic, &now)
	default:
		m := r.unpack(e.Topic, &now)
		r.bytes -= int64(now.size(e.Topic))
		r.put(at, e.Topic, m, e.Replaces)
	}
}

// fits says whether set would find room for a message.
func (r *retainedSet) fits(topic string, payload []byte, l *Limits) bool {
	if len(payload) == 0 {
		return true
	}
	r.RLock()
	defer r.RUnlock()
	_, old, had := r.find(topic)
	return r.room(topic, len(topic)+len(payload), &old, had, l)
}

// room says whether a message of size bytes may take the place of what is stored
// under its topic. r is locked.
func (r *retainedSet) room(topic string, size int, old *retainedEntry, had bool, l *Limits) bool {
	if isSys(topic) {
		return true
	}
	count, bytes := r.names.Len()-r.own, r.bytes
	if had {
		count--
		bytes -= int64(old.size(topic))
	}
	return count < l.MaxRetained && bytes+int64(size) <= l.MaxRetainedBytes
}

func (r *retainedSet) counts() (messages int, bytes int64) {
	r.RLock()
	defer r.RUnlock()
	return r.names.Len(), r.bytes
}

// restore takes up an EventRetain that a Store replays. They come in any order,
// so a removal is remembered until restored. Limits are not asked: what was
// acknowledged is kept.
func (r *retainedSet) restore(e *Event) {
	r.Lock()
	defer r.Unlock()
	r.version = max(r.version, e.Sequence)
	at, old, had := r.find(e.Topic)
	e.Replaces = 0
	switch {
	case had && old.version >= e.Sequence:
		e.Replaces = e.Sequence
		return
	case had && old.removed():
		r.removed--
	case had:
		e.Replaces = old.version
		r.bytes -= int64(old.size(e.Topic))
	}
	if e.Message == nil {
		r.removed++
		r.head = appendRemoved(r.head[:0], e.Sequence)
		r.names.SetAt(at, e.Topic, r.head)
		return
	}
	r.put(at, e.Topic, e.Message, e.Sequence)
	r.expires.expect(e.Message.Expires)
}

// restored ends the replay: removals are forgotten, and what has expired will be
// found. It comes before the first change.
func (r *retainedSet) restored(b *Broker) {
	r.Lock()
	defer r.Unlock()
	if r.removed > 0 {
		walk := r.names.Walk()
		for walk.Next(cursorStep, func(topic, value []byte) bool {
			if e := parseRetained(value); e.removed() {
				r.names.Delete(string(topic))
			}
			return true
		}) {
		}
		r.removed = 0
	}
	r.expires.arm(b, r, time.Time{})
}
