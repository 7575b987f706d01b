package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"runtime"
	"testing"

	"mqtk/broker"
)

// sample is a small journal that was closed in peace, and one that was not.
func sample(f *testing.F, closed bool) contents {
	f.Helper()
	traffic, d := newTraffic(3), newFaultyDisk(3)
	traffic.largest = 100
	j, err := openIn(Options{SegmentSize: 1 << 10}, d)
	if err != nil {
		f.Fatal(err)
	}
	defer j.Close()
	if _, _, err := reopened(j); err != nil {
		f.Fatal(err)
	}
	for range 150 {
		events := traffic.next()
		traffic.mind.apply(events)
		durable := make(chan error)
		if err := j.Append(events, func(err error) { durable <- err }); err != nil {
			f.Fatal(err)
		}
		<-durable
	}
	if closed {
		j.Close()
	}
	return d.contents()
}

// openAnything opens what may be anything, and appends if it is taken for a
// journal; then it must be one.
func openAnything(t *testing.T, c contents) {
	t.Helper()
	size := 0
	for _, data := range c {
		size += len(data)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d := c.disk()
	for range 2 {
		j, err := openIn(Options{SegmentSize: 1 << 10}, d)
		if err != nil {
			break
		}
		err = errors.Join(j.Replay(func(e *broker.Event) error {
			if e.Kind == broker.EventQueued && e.Sequence > e.Last {
				t.Errorf("queued from %d to %d", e.Sequence, e.Last)
			}
			return nil
		}))
		if err == nil {
			err = j.Append([]broker.Event{{Kind: broker.EventSession, ClientID: "c", Incarnation: 1 << 50, Sequence: 1 << 50}}, nil)
			if err != nil {
				t.Errorf("append: %v", err)
			}
		}
		if closed := j.Close(); err == nil && closed != nil {
			t.Errorf("close: %v", closed)
		}
		if err != nil {
			break
		}
	}
	runtime.ReadMemStats(&after)
	if most := uint64(4<<20 + 400*size); after.TotalAlloc-before.TotalAlloc > most {
		t.Errorf("%d bytes took %d of memory", size, after.TotalAlloc-before.TotalAlloc)
	}
}

// FuzzSegment: a segment file of any bytes, alone in its directory.
func FuzzSegment(f *testing.F) {
	for _, closed := range []bool{false, true} {
		c := sample(f, closed)
		for _, name := range c.segments() {
			f.Add(c[name], name[len(name)-3:] == "old")
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, isOld bool) {
		name := header{number: 1, generation: young}.name()
		if isOld {
			name = header{number: 1, generation: old}.name()
		}
		openAnything(t, contents{name: data})
	})
}

// FuzzFrames: a good segment with frames of any payload whose checksums are right.
func FuzzFrames(f *testing.F) {
	c := sample(f, true) // of an open one, the newest segment may have no header yet
	for _, name := range c.segments() {
		h, err := readHeader(c[name])
		if err != nil {
			f.Fatal(err)
		}
		_, _, err = walkFrames(h, c[name], func(fr frame) error { f.Add(byte(fr.kind), fr.payload, fr.payload); return nil })
		if err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, first, second []byte) {
		h := header{generation: young, number: 1, first: 1}
		data := h.bytes()
		for _, payload := range [][]byte{first, second} {
			at := len(data)
			data = append(append(data, make([]byte, frameHeader)...), payload...)
			seal(data[at:], frameKind(kind), h.number, int64(at))
		}
		openAnything(t, contents{h.name(): data})
	})
}

// FuzzChanges: a whole journal in which some bytes are others. What opens then is
// what was there, but for the last commits, which nothing vouches for. What is
// dead is not even read.
func FuzzChanges(f *testing.F) {
	c := sample(f, true)
	f.Add(uint16(1), uint16(70), []byte{0, 0, 0})
	f.Add(uint16(0), uint16(0), []byte("mqtk"))
	f.Add(uint16(0), uint16(2), []byte("0")) // in a head that waits to be removed
	whole, err := c.show()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(2), uint16(8), binary.LittleEndian.AppendUint32(nil, 2))
	all := c.segments()
	f.Fuzz(func(t *testing.T, which, at uint16, change []byte) {
		name := all[int(which)%len(all)]
		d := contents{}
		for n, data := range c {
			d[n] = data
		}
		changed := append([]byte(nil), c[name]...)
		copy(changed[min(int(at), len(changed)):], change)
		same := crc32.ChecksumIEEE(changed) == crc32.ChecksumIEEE(c[name])
		d[name] = changed
		openAnything(t, d)
		p, err := d.show()
		var damage *DamageError
		switch last := name == c.last(young) || name == c.last(old); {
		case same && err != nil:
			t.Errorf("nothing is changed: %v", err)
		case err == nil && maps.Equal(p, whole): // nothing of it is needed any more
		case !same && !last && !errors.As(err, &damage) && !errors.Is(err, errFormat):
			t.Errorf("%s is changed at %d to %x: %v", name, at, change, err)
		}
	})
}
