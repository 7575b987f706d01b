package client

import (
	"net"
	"testing"
)

// atOnce gives so many bytes with each Read.
type atOnce struct {
	net.Conn
	size int
}

func (c atOnce) Read(p []byte) (int, error) { return c.size, nil }

// TestGather: the reader looks away before each of many small reads in quick
// succession, but for the first of them, and before no large one.
func TestGather(t *testing.T) {
	for _, test := range []struct {
		what    string
		size    int
		gathers bool
	}{
		{"small reads in quick succession", 10, true},
		{"large reads", largeRead, false},
	} {
		times := 0
		s := &source{nc: atOnce{size: test.size}, gather: func() { times++ }, buffered: func() int { return 0 }}
		p := make([]byte, largeRead)
		for range 5 * rowForGathering {
			if _, err := s.Read(p); err != nil {
				t.Fatal(err)
			}
		}
		// A machine that stands still for a moment begins a new row.
		if most := 4 * rowForGathering; times > most || test.gathers != (times > most/2) {
			t.Errorf("%s: the reader looked away %d times of %d", test.what, times, most)
		}
	}
}
