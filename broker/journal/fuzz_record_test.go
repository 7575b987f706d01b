package journal

import (
	"math/rand/v2"
	"testing"
	"time"

	"mqtk/broker"
)

// FuzzRecords: whatever a frame holds, reading it gives Events or an error.
func FuzzRecords(f *testing.F) {
	r := invention{rand.New(rand.NewPCG(3, 4))}
	for range 40 {
		payload := appendHead(nil, 2, true)
		for range 3 {
			e := r.event()
			if e.Message != nil {
				e.Message.Payload = e.Message.Payload[:min(40, len(e.Message.Payload))]
				payload, _ = appendMessage(payload, e.Message, 0)
			}
			payload = appendRecord(payload, &e, e.PacketID, r.Uint32N(5), 0)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		events, _, err := readEvents(payload, time.Hour)
		if err != nil {
			return
		}
		for i := range events {
			if e := &events[i]; e.Kind < broker.EventEnqueue || e.Kind > broker.EventWill || e.Kind == broker.EventEnqueue && e.Message == nil {
				t.Fatalf("%+v", e)
			}
		}
		j := &Journal{index: newIndex(new(log)), log: new(log)}
		replay := &replay{j: j, x: j.index, take: func(*broker.Event) error { return nil }, messages: newMessageReader(0)}
		if err := replay.frame(old, newPlace(1, headerSize, len(payload)), payload); err != nil {
			t.Fatal("read before, and now:", err)
		}
	})
}
