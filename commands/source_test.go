package commands

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

func collect(t *testing.T, s source) ([]string, error) {
	t.Helper()
	var (
		got []string
		it  item
	)
	for {
		ok, err := s.next(t.Context(), nil, &it)
		if err != nil || !ok {
			return got, err
		}
		got = append(got, string(it.payload))
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 300_000)
	for _, test := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"\n", []string{""}},
		{"a", []string{"a"}},
		{"a\n", []string{"a"}},
		{"a\r\n\nb", []string{"a\r", "", "b"}},
		{"a\nb\nc\n", []string{"a", "b", "c"}},
		{"a\n" + long + "\nb", []string{"a", long, "b"}},
		{long, []string{long}},
	} {
		for name, r := range map[string]io.Reader{
			"whole":    strings.NewReader(test.in),
			"by bytes": iotest.OneByteReader(strings.NewReader(test.in)),
			"by halfs": iotest.HalfReader(strings.NewReader(test.in)),
			"with EOF": iotest.DataErrReader(strings.NewReader(test.in)),
		} {
			got, err := collect(t, newLines("stdin", r, "\n"))
			if err != nil || strings.Join(got, "|") != strings.Join(test.want, "|") || len(got) != len(test.want) {
				t.Errorf("%.20q %s: got %.60q (%v), want %.60q", test.in, name, got, err, test.want)
			}
		}
	}
}

func TestLinesOfABrokenInput(t *testing.T) {
	broken := errors.New("broken")
	got, err := collect(t, newLines("stdin", io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), "\n"))
	if strings.Join(got, "|") != "a|b" || !errors.Is(err, broken) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestLinesDoNotWait: a line is there as soon as its line end is, and a wait
// for more ends with the context and with the client.
func TestLinesDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := newLines("stdin", r, "\n")
		if _, err := io.WriteString(w, "a\nb\nhalf"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var it item
		for _, want := range []string{"a", "b"} {
			if s.waits() {
				t.Errorf("%s: has to wait", want)
			}
			if ok, err := s.next(t.Context(), nil, &it); string(it.payload) != want || !ok || err != nil {
				t.Errorf("got %q, %v, %v", it.payload, ok, err)
			}
		}
		if !s.waits() {
			t.Error("half a line is a line")
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errTimeUp)
		if ok, err := s.next(ctx, nil, &it); ok || !errors.Is(err, errTimeUp) {
			t.Errorf("after the end: %v, %v", ok, err)
		}
		ended := make(chan struct{})
		close(ended)
		if ok, err := s.next(t.Context(), ended, &it); ok || err != nil {
			t.Errorf("after the client: %v, %v", ok, err)
		}
		w.Close()
		if ok, _ := s.next(t.Context(), nil, &it); string(it.payload) != "half" || !ok {
			t.Errorf("the last line: %q, %v", it.payload, ok)
		}
	})
}

func TestPairQoS(t *testing.T) {
	for _, test := range []struct {
		given string
		n     int
		want  string
	}{
		{"", 2, "00"}, {"1", 3, "111"}, {"012", 3, "012"}, {"2", 1, "2"}, {"01", 3, "no"}, {"01", 1, "no"},
	} {
		var given []string
		for _, c := range test.given {
			given = append(given, string(c))
		}
		levels, err := pairQoS(given, test.n, "topic")
		got := ""
		for _, level := range levels {
			got += string('0' + rune(level))
		}
		if err != nil {
			got = "no"
		}
		if got != test.want {
			t.Errorf("%q for %d: got %s, want %s", test.given, test.n, got, test.want)
		}
	}
}

// A file takes as much room as it is long.
func TestMessageOfAFile(t *testing.T) {
	const size = 1 << 20
	name := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	payload, err := readMessage("message", file)
	if err != nil || len(payload) != size || cap(payload) > size+4096 {
		t.Errorf("%d bytes in room for %d, %v", len(payload), cap(payload), err)
	}
}
