package broker

import (
	"testing"

	"mqtk/mqttwire"
)

// Packet ids count up, come around behind 65535, never are 0, and pass over what
// is in use.
func TestPacketIDsComeAround(t *testing.T) {
	var w inflight
	m := &Message{Topic: "t"}
	use := func() *flight { return w.add(delivery{message: m, qos: 1}, w.given, w.nextID()) }
	for range 3 {
		use() // 1, 2 and 3 stay
	}
	for i := 4; i <= 65535; i++ {
		f := use()
		if f.packetID != mqttwire.PacketID(i) {
			t.Fatalf("packet id %d comes after %d", f.packetID, i-1)
		}
		f.sent = true
		w.finish(f)
	}
	w.finish(w.find(2))
	for _, want := range []mqttwire.PacketID{2, 4, 5} {
		if f := use(); f.packetID != want {
			t.Errorf("packet id %d, %d is the next that is free", f.packetID, want)
		}
	}
	if w.open != 5 || w.bytes != 5*m.size() {
		t.Errorf("%d exchanges are open, with %d bytes", w.open, w.bytes)
	}
}
