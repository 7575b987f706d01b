package broker_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// fill says whether the store has room.
func (k *keeper) fill(full bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.full = full
}

// written returns all frames, once everybody is done with what there was to do.
func (k *keeper) written() [][]broker.Event {
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.frames)
}

// A CONNECT that a full store refuses has changed nothing: neither is the session
// gone that it would have ended, nor its connection. What needs no new record is
// taken.
func TestRefusedCleanStart(t *testing.T) {
	for _, online := range []bool{false, true} {
		lineageOf(t, nil, func(l *lineage) {
			a := l.connect5("a", "session-expiry-interval=3600 will-topic=t will-payload=w")
			a.subscribe("t", 1, "")
			if !online {
				a.leave()
			}
			l.k.fill(true)
			for _, fields := range []string{"session-expiry-interval=3600", "will-topic=t will-payload=w"} {
				again := l.dial("a", mqttwire.V5)
				again.send("CONNECT client-id=a clean-start=1 " + fields)
				again.expect("CONNACK ServerUnavailable")
				again.eof()
			}
			l.k.fill(false)
			if online {
				a.alive()
			}
			l.connect5("pub", "clean-start=1").publish("t", "x", "")
			if !online {
				l.k.fill(true)
				a = l.connect5("a", "session-expiry-interval=3600")
			}
			a.expect("PUBLISH topic=t payload=x")
			l.k.fill(true)
			l.connect5("a", "clean-start=1").alive()
		})
	}
}

// A session that leaves messages for its share ends on disk once others have
// them. A crash before that brings no part of it back but those.
func TestEndedSessionStaysSo(t *testing.T) {
	lineageOf(t, []string{"max_queued_messages=4"}, func(l *lineage) {
		heir := l.connect5("heir", "session-expiry-interval=3600")
		heir.subscribe("$share/g/t", 1, "")
		heir.leave()
		other := l.connect5("other", "session-expiry-interval=3600 receive-maximum=1")
		pub := l.connect5("pub", "clean-start=1")
		for i := range 20 {
			pub.publish("t", fmt.Sprint(10+i), "")
		}
		other.subscribe("$share/g/t", 1, "")
		other.leave()
		frames := len(l.k.written())
		l.connect5("heir", "clean-start=1").alive()
		l.crashAt(l.k.written()[:frames+1], time.Second)
		heir = l.connect(mqttwire.V5, "heir", "session-expiry-interval=60")
		pub = l.connect5("pub", "clean-start=1")
		pub.publish("t", "30", "")
		heir.alive()
		other = l.connect5("other", "session-expiry-interval=3600")
		if got := other.payloads(21); !slices.IsSorted(got) || got[0] != "10" || got[20] != "30" {
			t.Errorf("the other member has %v", got)
		}
	})
}

// What the log has in the window under an id, and the broker has not, is not
// ended by another delivery under that id: ids that were given do not come again
// soon, though the latest delivery has not the latest id.
func TestPacketIDsGoOn(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		event := func(kind broker.EventKind, number uint64, id mqttwire.PacketID) broker.Event {
			return broker.Event{Kind: kind, ClientID: "a", Incarnation: 1, Sequence: number, PacketID: id}
		}
		enqueue := func(number uint64, brought bool) broker.Event {
			e := event(broker.EventEnqueue, number, 0)
			e.QoS, e.Brought, e.Message = 1, brought, &broker.Message{Topic: "t", QoS: 1, Payload: []byte(fmt.Sprint(number))}
			return e
		}
		session := event(broker.EventSession, 1, 0)
		session.SessionExpiry = 3600
		l.crashAt([][]broker.Event{{session}, {enqueue(1, false)},
			{enqueue(7, false), event(broker.EventInflight, 7, 5)},
			{enqueue(8, true), event(broker.EventInflight, 8, 4)}}, 0)
		a := l.connect5("a", "session-expiry-interval=3600 receive-maximum=2")
		a.expect("PUBLISH dup=1 packet-id=4 payload=8", "PUBLISH !dup payload=1")
		l.sync()
		l.crash(0)
		a = l.connect5("a", "session-expiry-interval=3600")
		if got := a.payloads(3); !slices.Equal(got, []string{"1", "7", "8"}) {
			t.Errorf("after the next crash %v come", got)
		}
		a.alive()
	})
}

// A retained message that the store refused is not what the next one replaces:
// the store would keep the one before it, and that would rise when the next one
// has gone again.
func TestRefusedRetainedMessage(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "clean-start=1")
		a.publish("r", "1", "retain=1")
		v.noRoomFor(broker.EventRetain)
		for _, topic := range []string{"r", "new"} {
			a.send("PUBLISH topic=" + topic + " retain=1 qos=1 packet-id=5 payload=2")
			a.expect("PUBACK QuotaExceeded packet-id=5")
		}
		v.noRoomFor()
		a.send("SUBSCRIBE packet-id=6 filter=new")
		a.expect("SUBACK GrantedQoS0 packet-id=6")
		a.alive()
		a.publish("r", "3", "retain=1")
		a.send("PUBLISH topic=r retain=1")
		a.alive()
		former := uint64(0)
		for _, frame := range v.all() {
			if e := frame[0]; e.Replaces != former {
				t.Errorf("version %d replaces %d, and not %d", e.Sequence, e.Replaces, former)
			}
			former = frame[0].Sequence
		}
	})
}

// all returns the frames so far.
func (v *vault) all() [][]broker.Event {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.frames)
}

// What others cannot have for want of room stays where it was.
func TestBequestWithoutRoom(t *testing.T) {
	lineageOf(t, []string{"max_queued_messages=4"}, func(l *lineage) {
		l.connect5("heir", "session-expiry-interval=60").subscribeAndLeave("$share/g/t")
		pub := l.connect5("pub", "clean-start=1")
		var want []string
		for i := range 20 {
			pub.publish("t", fmt.Sprint(10+i), "")
			want = append(want, fmt.Sprint(10+i))
		}
		l.sync()
		l.crash(0)
		l.connect5("other", "session-expiry-interval=3600").subscribeAndLeave("$share/g/t")
		l.k.mu.Lock()
		l.k.cramped = true
		l.k.mu.Unlock()
		pass(61 * time.Second)
		l.k.mu.Lock()
		l.k.cramped = false
		l.k.mu.Unlock()
		l.sync()
		l.crash(0)
		other := l.connect5("other", "session-expiry-interval=3600")
		if got := other.payloads(len(want)); !slices.Equal(got, want) {
			t.Errorf("the other member has %v", got)
		}
		other.alive()
	})
}
