package journal

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
)

// TestBurstOnAFullDisk: messages that were all asked about while there was still
// room are refused when they come to more than that: what was taken is written,
// the reserve is still there for what drains, and the drain gives disk back.
func TestBurstOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTestDisk()
		d.setRoom(roomSegment * 40)
		j, err := openIn(Options{SegmentSize: roomSegment}, d)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Replay(func(*broker.Event) error { return nil }); err != nil {
			t.Fatal(err)
		}
		session := broker.Event{Kind: broker.EventSession, ClientID: "a", Incarnation: 1, Sequence: 1, SessionExpiry: 60}
		if err := j.Append([]broker.Event{session}, nil); err != nil {
			t.Fatal(err)
		}
		written(j)
		d.setRoom(roomSegment * 7 / 2) // of which the reserve has one
		time.Sleep(2 * roomPoll)
		session.Sequence++
		if err := j.Append([]broker.Event{session}, func(error) {}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if j.Full() {
			t.Fatal("full already")
		}
		m := &broker.Message{Topic: "t", QoS: 1, Payload: make([]byte, roomSegment/4)}
		var taken []broker.Event
		done := 0
		for i := range 40 {
			e := broker.Event{Kind: broker.EventEnqueue, ClientID: "a", Incarnation: 1, Sequence: uint64(i + 1), QoS: 1, Message: m}
			err := j.Append([]broker.Event{e}, func(err error) {
				if err == nil {
					done++
				}
			})
			if err == nil {
				taken = append(taken, broker.Event{Kind: broker.EventDequeue, ClientID: "a", Incarnation: 1, Sequence: uint64(i + 1)})
			} else if !errors.Is(err, errNoRoom) {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if done != len(taken) || done < 4 {
			t.Errorf("%d of %d that were taken are durable", done, len(taken))
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}
