package journal

import (
	"slices"

	"mqtk/mqttwire"
)

// A flight is a delivery in its session's window.
type flight struct {
	sequence uint64
	at       place // of its own record; 0: it rides in the enqueue
	debt     uint32
	packetID mqttwire.PacketID
	state    flightState
}

type flightState byte

const (
	landed flightState = iota // no more
	sent
	released // PUBREC came: the message is needed no more
)

// flights are a window, by ascending sequence. What landed leaves a gap until
// half of them did.
type flights struct {
	entries []flight
	dead    int
}

// find returns a flight, nil if there is none.
func (w *flights) find(sequence uint64) *flight {
	if len(w.entries) == w.dead {
		return nil
	}
	i, ok := w.search(sequence)
	if !ok || w.entries[i].state == landed {
		return nil
	}
	return &w.entries[i]
}

func (w *flights) search(sequence uint64) (int, bool) {
	if n := len(w.entries); n == 0 || w.entries[n-1].sequence < sequence {
		return n, false
	}
	return slices.BinarySearchFunc(w.entries, sequence, func(f flight, sequence uint64) int {
		switch {
		case f.sequence < sequence:
			return -1
		case f.sequence > sequence:
			return 1
		}
		return 0
	})
}

// put returns the flight of a sequence, a new one if there is none.
func (w *flights) put(sequence uint64) *flight {
	i, ok := w.search(sequence)
	if !ok {
		w.entries = slices.Insert(w.entries, i, flight{sequence: sequence})
		return &w.entries[i]
	}
	f := &w.entries[i]
	if f.state == landed {
		*f = flight{sequence: sequence}
		w.dead--
	}
	return f
}

// land ends a flight that find returned.
func (w *flights) land(f *flight) {
	*f = flight{sequence: f.sequence}
	w.dead++
	if w.dead == len(w.entries) || w.dead >= 16 && w.dead*2 >= len(w.entries) {
		w.entries = slices.DeleteFunc(w.entries, func(f flight) bool { return f.state == landed })
		w.dead = 0
	}
	if len(w.entries) == 0 && cap(w.entries) > 64 {
		w.entries = nil
	}
}

func (w *flights) count() int { return len(w.entries) - w.dead }
