package broker_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"mqtk/broker"
)

const readChunk = 64 << 10 // as the drivers have it

// What a driver reads reaches Receive whole and in order, whatever is left for
// more bytes to come or to a pause in between.
func TestTailKeepsOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tails := make([]broker.Tail, 5) // that share one batch, as on a loop
	sent, used := make([][]byte, len(tails)), make([]int, len(tails))
	batch := &broker.Batch{}
	receive := func(i int, in []byte) {
		t.Helper()
		if !bytes.Equal(in, sent[i][used[i]:]) {
			t.Fatalf("input of %d bytes is not the %d that came", len(in), len(sent[i])-used[i])
		}
		n := len(in)
		if r.IntN(4) > 0 {
			n = r.IntN(n + 1)
		}
		used[i] += n
		if r.IntN(2) == 0 {
			tails[i].Hold(batch, in[n:])
		} else {
			tails[i].Keep(in[n:])
		}
	}
	for range 4_000 {
		i := r.IntN(len(tails))
		if len(tails[i].Bytes()) > 0 && (r.IntN(2) == 0 || len(tails[i].Bytes()) > 8*readChunk) {
			receive(i, tails[i].Bytes()) // the pause is over
			continue
		}
		room := tails[i].Space(batch)
		if len(room) < readChunk/2 {
			t.Fatalf("room for %d bytes", len(room))
		}
		n := 1 + r.IntN(len(room))
		if r.IntN(2) == 0 {
			n = 1 + r.IntN(300)
		}
		for j := range room[:n] {
			room[j] = byte(r.Uint32())
		}
		sent[i] = append(sent[i][used[i]:], room[:n]...)
		used[i] = 0
		receive(i, tails[i].Filled(batch, n))
	}
}

// A pause over a whole buffer of small packets copies nothing and makes nothing.
func TestHoldAllocatesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("pools forget under the race detector")
	}
	batch, tail := &broker.Batch{}, broker.Tail{}
	n := testing.AllocsPerRun(100, func() {
		tail.Space(batch)
		tail.Hold(batch, tail.Filled(batch, readChunk))
		tail.Hold(batch, tail.Bytes()[readChunk/2:])
		tail.Keep(nil)
	})
	if n > 1 { // what remembers the buffer
		t.Errorf("%v allocations", n)
	}
}
