package broker

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"mqtk/mqttwire"
)

// What a session costs that has nothing under way, in bytes. The allocator has
// a size of exactly this. If it trips: is the new field needed by a session that
// is idle? If not, it belongs into traffic.
const sessionBytes = 128

func TestSizeOfASession(t *testing.T) {
	if size := unsafe.Sizeof(Session{}); size > sessionBytes && unsafe.Sizeof(uintptr(0)) == 8 {
		t.Errorf("a Session has %d bytes, %d are allowed", size, sessionBytes)
	}
}

// heldIDs are what a map would be, whether they are few or many.
func TestHeldIDs(t *testing.T) {
	for _, most := range []int{1, 2, fewHeld, fewHeld + 1, 200} {
		var h heldIDs
		model := make(map[mqttwire.PacketID]uint32)
		for step := range 5000 {
			id := mqttwire.PacketID(rand.IntN(2*most) + 1)
			if _, held := model[id]; held && rand.IntN(3) > 0 {
				delete(model, id)
				h.drop(id)
			} else if held || len(model) < most {
				model[id] = uint32(step)
				h.set(id, uint32(step))
			}
			id = mqttwire.PacketID(rand.IntN(2*most) + 1)
			epoch, held := h.get(id)
			if want, ok := model[id]; epoch != want || held != ok || h.len() != len(model) {
				t.Fatalf("at most %d: after %d steps id %d is held %t, %d, of %d; want %t, %d, of %d",
					most, step, id, held, epoch, h.len(), ok, want, len(model))
			}
		}
	}
}
