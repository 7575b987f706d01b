package journal

import (
	"testing"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// TestSentAnew: a delivery that went back from the window into the queue is sent
// under another packet id. That one counts, though the record of the former one
// is a copy in the old generation; and so it does when both are copies.
func TestSentAnew(t *testing.T) {
	for _, copied := range []bool{false, true} {
		dir := t.TempDir()
		j := openTest(t, dir, 2048)
		if _, err := replayedFacts(j); err != nil {
			t.Fatal(err)
		}
		byHand(j)
		event := func(kind broker.EventKind) broker.Event {
			return broker.Event{Kind: kind, ClientID: "a", Incarnation: 1, Sequence: 9, QoS: 2}
		}
		session, enqueue, sent := event(broker.EventSession), event(broker.EventEnqueue), event(broker.EventInflight)
		session.SessionExpiry = 60
		enqueue.Message = &broker.Message{Topic: "t", QoS: 2, Payload: []byte("x")}
		appendTest(t, j, session)
		appendTest(t, j, enqueue)
		for i, id := range []mqttwire.PacketID{3, 7} {
			sent.PacketID = id
			appendTest(t, j, sent)
			keep(t, j, uint64(1000*(i+1)), 10)
			if id == 7 && !copied {
				break
			}
			around(t, j, 1)
		}
		closeTest(t, j)
		j = openTest(t, dir, 2048)
		ids := 0
		err := j.Replay(func(e *broker.Event) error {
			if e.Kind == broker.EventInflight {
				if ids++; e.PacketID != 7 {
					t.Errorf("copied %v: the delivery is sent as %d", copied, e.PacketID)
				}
			}
			return nil
		})
		if err != nil || ids != 1 {
			t.Errorf("%d deliveries are in the window: %v", ids, err)
		}
		closeTest(t, j)
	}
}
