package bench

import (
	"bytes"
	"testing"
	"time"
)

func FuzzHeader(f *testing.F) {
	f.Add(uint16(0xFFFE), uint32(maxClients-1), int64(maxMessages-1), int64(1<<62))
	f.Add(uint16(0), uint32(0), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, tag uint16, publisher uint32, sequence, sent int64) {
		h := header{tag, publisher % maxClients, sequence & (maxMessages - 1), sent & (1<<timeBits - 1)}
		b := make([]byte, HeaderSize)
		h.put(b)
		if got := readHeader(b); got != h {
			t.Errorf("%+v came back as %+v", h, got)
		}
		again := make([]byte, HeaderSize)
		readHeader(b).put(again)
		if !bytes.Equal(b, again) {
			t.Errorf("%x came back as %x", b, again)
		}
	})
}

// TestSince: 48 bits of a time are enough to tell an interval, also where they
// have overflowed in it, and one below zero.
func TestSince(t *testing.T) {
	const low = 1<<timeBits - 1
	for _, sent := range []int64{0, low - 5, 1<<62 + 3, time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC).UnixNano()} {
		for _, d := range []int64{0, 1, 10, int64(30 * time.Hour), -1, -int64(time.Hour)} {
			if got := since(sent&low, sent+d); got != d {
				t.Errorf("%d after %d: %d", d, sent, got)
			}
		}
	}
}

func TestSizesCoverRange(t *testing.T) {
	s := newSizer(&Plan{SizeMin: 20, SizeMax: 29})
	seen := map[int]int{}
	for i := range int64(10_000) {
		size := s.size(7, i)
		if size < 20 || size > 29 {
			t.Fatalf("message %d has %d bytes", i, size)
		}
		if size != s.size(7, i) {
			t.Fatal("the same message has two sizes")
		}
		seen[size]++
	}
	for size, n := range seen {
		if n < 700 || n > 1300 {
			t.Errorf("%d of 10000 messages have %d bytes", n, size)
		}
	}
	if fixed := newSizer(&Plan{SizeMin: 20, SizeMax: 20}); !fixed.fixed() || fixed.size(1, 2) != 20 {
		t.Error("one size is not one size")
	}
}

func TestIntact(t *testing.T) {
	whole := fill(100)
	payload := append([]byte(nil), whole[:40]...)
	header{1, 2, 3, 4}.put(payload)
	if !intact(payload, whole) {
		t.Error("a payload is not what was sent")
	}
	for i := HeaderSize; i < len(payload); i++ {
		payload[i] ^= 1
		if intact(payload, whole) {
			t.Errorf("byte %d is another, and nobody notices", i)
		}
		payload[i] ^= 1
	}
	if intact(whole, whole[:99]) {
		t.Error("a payload is longer than any that was sent, and nobody notices")
	}
}
