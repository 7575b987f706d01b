package journal

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"mqtk/broker"
)

// TestClockBehind: a machine that wakes with a clock behind that of its log sees
// times as far away as they were: nothing lasts hours longer for it.
func TestClockBehind(t *testing.T) {
	const hours = 10 * time.Hour
	dir := t.TempDir()
	j := openTest(t, dir, 0)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	j.log.mu.Lock()
	j.shift, j.log.ahead = hours, hours // as if the clock were ahead
	j.log.mu.Unlock()
	now := time.Now()
	m := &broker.Message{Topic: "a", QoS: 1, Arrived: now, Expires: now.Add(time.Minute)}
	appendTest(t, j, broker.Event{Kind: broker.EventSession, ClientID: "c", Incarnation: 1, Sequence: 1, Ends: now.Add(time.Hour)},
		broker.Event{Kind: broker.EventEnqueue, Incarnation: 1, Sequence: 1, Message: m, QoS: 1},
		broker.Event{Kind: broker.EventRetain, Topic: "a", Sequence: 1, Message: m},
		broker.Event{Kind: broker.EventWill, ClientID: "c", Incarnation: 1, Sequence: 2, Message: m, Ends: now.Add(time.Hour)})
	closeTest(t, j)
	for range 3 { // and then stays behind
		j = openTest(t, dir, 0)
		near := func(what string, at, want time.Time) {
			if d := at.Sub(want).Abs(); d > 10*time.Second {
				t.Errorf("%s is %v off", what, d)
			}
		}
		seen := 0
		err := j.Replay(func(e *broker.Event) error {
			switch e.Kind {
			case broker.EventSession:
				near("the session's end", e.Ends, now.Add(time.Hour))
			case broker.EventWill:
				near("the will's time", e.Ends, now.Add(time.Hour))
				near("the will's arrival", e.Message.Arrived, now)
			case broker.EventRetain:
				near("the retained message's end", e.Message.Expires, now.Add(time.Minute))
			default:
				return nil
			}
			seen++
			return nil
		})
		events, failed := j.Fetch(1, []uint64{1})
		if err != nil || failed != nil || seen != 3 || len(events) != 1 {
			t.Fatal(err, failed, seen, events)
		}
		near("the queued message's end", events[0].Message.Expires, now.Add(time.Minute))
		appendTest(t, j, broker.Event{Kind: broker.EventHeld, Incarnation: 1, Sequence: 9, PacketID: 1})
		closeTest(t, j)
	}
}

// TestStages: nothing before Replay, nothing after Close, and one Replay.
func TestStages(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, dir, 0)
	event := []broker.Event{{Kind: broker.EventHeld, Incarnation: 1, PacketID: 1}}
	if err := j.Append(event, nil); !errors.Is(err, errNotReplayed) {
		t.Error("Append before Replay:", err)
	}
	if _, err := j.Fetch(1, []uint64{1}); !errors.Is(err, errNotReplayed) {
		t.Error("Fetch before Replay:", err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil {
		t.Error("opened twice")
	}
	refuse := errors.New("no")
	if err := j.Replay(func(*broker.Event) error { return refuse }); !errors.Is(err, refuse) {
		t.Error("the taker's error:", err)
	}
	closeTest(t, j)
	closeTest(t, j)
	j = openTest(t, dir, 0)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	if _, err := replayedFacts(j); err == nil {
		t.Error("replayed twice")
	}
	appendTest(t, j, event...)
	closeTest(t, j)
	if err := j.Append(event, nil); !errors.Is(err, errClosed) {
		t.Error("Append after Close:", err)
	}
	if err := j.Append(nil, func(error) { t.Error("durable after Close") }); !errors.Is(err, errClosed) {
		t.Error("barrier after Close:", err)
	}
}

// TestUnreadableRecord: a good frame that holds no records says where it is.
func TestUnreadableRecord(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, dir, 0)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	j.log.mu.Lock()
	at := j.log.add(func(dst []byte) []byte { return append(dst, 2, recordEnqueue, 0xff) })
	j.log.mu.Unlock()
	closeTest(t, j)
	j = openTest(t, dir, 0)
	defer closeTest(t, j)
	_, err := replayedFacts(j)
	var damage *DamageError
	if !errors.As(err, &damage) || damage.Offset != at.offset() || filepath.Dir(damage.File) != dir {
		t.Fatal(err)
	}
}

// TestAppendAllocates: nothing for a delivery and its end, but for what grows.
func TestAppendAllocates(t *testing.T) {
	j, err := Open(Options{Dir: t.TempDir(), Durability: None})
	if err != nil {
		t.Fatal(err)
	}
	defer closeTest(t, j)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	m := &broker.Message{Topic: "a/b", Payload: bytes.Repeat([]byte("x"), 256), QoS: 1, Arrived: time.Now()}
	put := []broker.Event{{Kind: broker.EventEnqueue, Incarnation: 1, Message: m, QoS: 1}, {Kind: broker.EventInflight, Incarnation: 1, PacketID: 7}}
	end := []broker.Event{{Kind: broker.EventDequeue, Incarnation: 1}}
	appendTest(t, j, broker.Event{Kind: broker.EventSession, ClientID: "c", Incarnation: 1, Sequence: 1})
	n := testing.AllocsPerRun(1000, func() {
		put[0].Sequence++
		put[1].Sequence++
		end[0].Sequence++
		appendTest(t, j, put...)
		appendTest(t, j, end...)
	})
	if n >= 1 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}

// TestBytesOfAMessage holds the cost on disk of a queued message of 256 bytes,
// its end included.
func TestBytesOfAMessage(t *testing.T) {
	const most, messages = 384, 1000 // measured: 351
	dir := t.TempDir()
	j := openTest(t, dir, 0)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	m := &broker.Message{Topic: "sensors/23/temperature", Payload: bytes.Repeat([]byte("x"), 256), QoS: 1, From: "publisher-1",
		Arrived: time.Now(), Owner: &broker.Identity{Username: "user-1", ClientID: "publisher-1"}}
	awaitDurable(t, j)
	before := j.Measure().BytesWritten // the reserve
	for n := uint64(1000); n < 1000+messages; n++ {
		appendTest(t, j, broker.Event{Kind: broker.EventEnqueue, Incarnation: 300, Sequence: n, Message: m, QoS: 1},
			broker.Event{Kind: broker.EventInflight, Incarnation: 300, Sequence: n, PacketID: 1000})
		appendTest(t, j, broker.Event{Kind: broker.EventDequeue, Incarnation: 300, Sequence: n})
	}
	awaitDurable(t, j)
	per := (j.Measure().BytesWritten - before) / messages
	t.Log(per, "bytes")
	if per > most {
		t.Errorf("%d bytes for each message, at most %d are planned", per, most)
	}
	closeTest(t, j)
}
