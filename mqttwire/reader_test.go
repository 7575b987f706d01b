package mqttwire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// packets gives n packets of a connection of version v, and their bytes.
func packets(t *testing.T, v Version, n int) (list []string, stream []byte) {
	t.Helper()
	m := maker{rand.New(rand.NewPCG(1, 2)), v}
	for range n {
		p := m.packet()
		var err error
		if stream, err = p.Append(stream, v); err != nil {
			t.Fatal(err)
		}
		list = append(list, dump(p))
	}
	return list, stream
}

func TestReader(t *testing.T) {
	for _, v := range all {
		list, stream := packets(t, v, 500)
		for name, src := range map[string]io.Reader{
			"whole":         bytes.NewReader(stream),
			"byte by byte":  iotest.OneByteReader(bytes.NewReader(stream)),
			"halves":        iotest.HalfReader(bytes.NewReader(stream)),
			"end with data": iotest.DataErrReader(bytes.NewReader(stream)),
		} {
			r := NewReader(src)
			r.Version = v
			for i, want := range list {
				p, err := r.ReadPacket()
				if err != nil || dump(p) != want {
					t.Fatalf("%v %s: packet %d: %v\n got %s\nwant %s", v, name, i, err, dump(p), want)
				}
			}
			for range 2 {
				if p, err := r.ReadPacket(); p != nil || err != io.EOF || r.Buffered() != 0 {
					t.Errorf("%v %s: %v, %v at the end", v, name, p, err)
				}
			}
		}
	}
}

func TestReaderEndsInside(t *testing.T) {
	b := wire("c000 3007 0003 612f62 6869")
	for cut := 3; cut < len(b); cut++ {
		r := NewReader(bytes.NewReader(b[:cut]))
		r.Version = V311
		if _, err := r.ReadPacket(); err != nil {
			t.Fatal(err)
		}
		if r.Buffered() != cut-2 {
			t.Errorf("%d bytes buffered of %d", r.Buffered(), cut-2)
		}
		if _, err := r.ReadPacket(); err != io.ErrUnexpectedEOF {
			t.Errorf("cut to %d: %v", cut, err)
		}
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken")
	r := NewReader(io.MultiReader(bytes.NewReader(wire("c000")), iotest.ErrReader(broken)))
	r.Version = V5
	if p, err := r.ReadPacket(); err != nil || p.Type() != PINGREQ {
		t.Error(p, err)
	}
	if _, err := r.ReadPacket(); err != broken {
		t.Error(err)
	}

	r = NewReader(bytes.NewReader(wire("c000 c100 c000")))
	r.Version = V5
	if _, err := r.ReadPacket(); err != nil {
		t.Error(err)
	}
	for range 2 {
		_, err := r.ReadPacket()
		checkReason(t, "no way past a bad packet", err, MalformedPacket)
	}

	r = NewReader(iotest.ErrReader(nil))
	r.Version = V5
	if _, err := r.ReadPacket(); err != io.ErrNoProgress {
		t.Error(err)
	}

	r = NewReader(bytes.NewReader(wire("10ffffff7f")))
	r.Limits.MaxPacketSize = 1 << 20
	_, err := r.ReadPacket()
	checkReason(t, "limit", err, PacketTooLarge)
}

// The memory follows what arrives, not what is announced, and is given back.
func TestReaderMemory(t *testing.T) {
	arrived := append(wire("30ffffff7f 0001 61"), make([]byte, 1000)...)
	r := NewReader(bytes.NewReader(arrived))
	r.Version = V311
	if _, err := r.ReadPacket(); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
	if len(r.buffer) > smallBuffer {
		t.Errorf("%d bytes for %d that came", len(r.buffer), len(arrived))
	}

	large, err := (&Publish{Topic: "a", Payload: make([]byte, 1<<20)}).Append(nil, V311)
	if err != nil {
		t.Fatal(err)
	}
	r = NewReader(io.MultiReader(bytes.NewReader(large), iotest.OneByteReader(bytes.NewReader(wire("c000c000")))))
	r.Version = V311
	for i := range 3 {
		if _, err := r.ReadPacket(); err != nil {
			t.Fatal(err)
		}
		if i == 0 && len(r.buffer) > 2*len(large) || i > 0 && len(r.buffer) > largeBuffer {
			t.Errorf("%d bytes after packet %d", len(r.buffer), i)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(wire("101000044d515454050200 3c00000361 6263 c000 30070003612f6200 68"), byte(0), uint64(1))
	f.Add(wire("30070003612f6200 68 4002000a c000"), byte(5), uint64(2))
	f.Add(wire("32080003612f62000a68 ff"), byte(4), uint64(3))
	f.Fuzz(func(t *testing.T, stream []byte, version byte, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		r := NewReader(readerFunc(func(b []byte) (int, error) {
			if len(stream) == 0 {
				return 0, io.EOF
			}
			n := copy(b[:min(len(b), 1+random.IntN(9))], stream)
			stream = stream[n:]
			return n, nil
		}))
		d := &Decoder{Version: Version(version)}
		r.Version = d.Version
		for rest := bytes.Clone(stream); ; {
			want, n, wantErr := d.Decode(rest)
			if n == 0 && wantErr == nil {
				wantErr = io.EOF
				if len(rest) > 0 {
					wantErr = io.ErrUnexpectedEOF
				}
			}
			got, err := r.ReadPacket()
			if wantErr != nil {
				if err == nil || err.Error() != wantErr.Error() {
					t.Fatalf("got %v, want %v", err, wantErr)
				}
				return
			}
			if err != nil || dump(got) != dump(want) || r.Version != d.Version {
				t.Fatalf("got %s, %v, want %s", dump(got), err, dump(want))
			}
			rest = rest[n:]
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
