package journal

import (
	"testing"

	"mqtk/broker"
)

// TestAllBeforeTheMessage: the whole QoS 2 exchange of a delivery is appended
// before the delivery itself, which a busy publisher's thread brings late, in a
// frame that others need. It is over, after a restart as well.
func TestAllBeforeTheMessage(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, dir, 0)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	m := &broker.Message{Topic: "a", Payload: []byte("x"), QoS: 2}
	appendTest(t, j, broker.Event{Kind: broker.EventSession, ClientID: "c", Incarnation: 1, Sequence: 1})
	for _, kind := range []broker.EventKind{broker.EventInflight, broker.EventReleased, broker.EventDequeue} {
		appendTest(t, j, broker.Event{Kind: kind, Incarnation: 1, Sequence: 5, PacketID: 7})
	}
	appendTest(t, j,
		broker.Event{Kind: broker.EventEnqueue, Incarnation: 1, Sequence: 5, Message: m, QoS: 2},
		broker.Event{Kind: broker.EventEnqueue, Incarnation: 1, Sequence: 6, Message: m, QoS: 2})
	want := map[string]string{"session 1": "c 0", "queue 1 6": "x"}
	compareIndex(t, j, want)
	closeTest(t, j)
	j = openTest(t, dir, 0)
	defer closeTest(t, j)
	facts, err := replayedFacts(j)
	if err != nil {
		t.Fatal(err)
	}
	compareFacts(t, facts, want, "after the restart")
}
