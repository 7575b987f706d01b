package capture

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzCapture reads any file, and follows what it holds.
func FuzzCapture(f *testing.F) {
	var written bytes.Buffer
	if err := conversations(&written); err != nil {
		f.Fatal(err)
	}
	f.Add(written.Bytes()[:4000])
	f.Add(pcapngFile(binary.LittleEndian, binary.BigEndian))
	f.Add(pcapFile(binary.BigEndian, 0xa1b23c4d, 1, "one", "two"))
	for seed := range uint64(8) {
		f.Add(pcapOf(chance(seed).frames()))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := Open(bytes.NewReader(file))
		if err != nil {
			return
		}
		a := NewAssembler(AssemblerOptions{Memory: 1 << 20})
		kept, told := 0, 0
		count := func(events []Event) {
			for _, e := range events {
				if told += len(e.Data); e.Connection == nil || e.Kind == Data && len(e.Data) == 0 || e.Missing < 0 {
					t.Fatalf("%s", e.line())
				}
			}
		}
		for n := 1; ; n++ {
			frame, err := r.Next()
			if err != nil {
				break
			}
			if frame.Number != n || len(frame.Data) > len(file) {
				t.Fatalf("frame %d of %d bytes, after %d", frame.Number, len(frame.Data), n-1)
			}
			kept += len(frame.Data)
			count(a.Add(frame))
		}
		count(a.Flush())
		waits := 0
		for _, c := range a.newest {
			waits += c.inside.size
		}
		if a.held != waits || len(a.waiting) != 0 {
			t.Fatalf("after Flush %d bytes are held, %d of them inside, and %d connections wait", a.held, waits, len(a.waiting))
		}
		if told > kept {
			t.Fatalf("%d bytes are told of %d", told, kept)
		}
	})
}

// pcapOf makes a file of raw frames.
func pcapOf(frames []Frame) []byte {
	b := pcapFile(binary.LittleEndian, 0xa1b23c4d, 0)
	for _, f := range frames {
		b = words(binary.LittleEndian, b, int(f.At.Unix()), f.At.Nanosecond(), len(f.Data), f.Length, f.Data)
	}
	return b
}

// FuzzInside has both sides of a connection say anything.
func FuzzInside(f *testing.F) {
	f.Add([]byte("PROXY TCP4 1.2.3.4 5.6.7.8 1000 1883\r\n"+upgradeRequest), []byte(packedAnswer), []byte("\xc2\x83\x00\x00\x00\x00abc"), false)
	f.Add([]byte("\x16\x03\x01\x00\x05hello"), []byte("\x16\x03\x03\x00\x02\x02\x00"), []byte("\x17\x03\x03\x00\x01x"), false)
	f.Add(frame(0x82, true, "abc"), frame(0x82, false, "abc"), frame(0x82, true, "def"), true)
	f.Fuzz(func(t *testing.T, first, answer, then []byte, midway bool) {
		var s stack
		told := &Connection{Midway: midway}
		for i, b := range [][]byte{first, answer, then, answer, then} {
			pieces, _ := s.feed(told, i%2 == 1, bytes.Clone(b))
			for _, p := range pieces {
				if len(p.data) == 0 {
					t.Fatal("a piece of nothing")
				}
			}
			if i == 2 {
				s.skip(len(then)%2 == 1, len(first)%50)
			}
		}
		if most := 2 * (2*len(first) + 2*len(answer) + 2*len(then) + deflatedBack); s.kept() > most {
			t.Fatalf("%d bytes are kept", s.kept())
		}
	})
}
