package commands

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestProgress: the line comes after a second, changes four times a second at
// most, makes way for others, and nothing of it stays.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &program{Stdio: Stdio{Err: &out}}
		g := &progress{p: p, out: &out, columns: func() int { return 30 }}
		p.Err = g
		gets := func(wait time.Duration, want string) {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			g.mu.Lock()
			defer g.mu.Unlock()
			if got := out.String(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			out.Reset()
		}
		var count atomic.Uint64
		g.begin(func() standing { return standing{count: count.Load(), noun: "published"} })
		count.Store(1000)
		gets(990*time.Millisecond, "")
		gets(20*time.Millisecond, "1,000 published, 0.0/s\x1b[K\n")
		gets(2*time.Second, "")
		count.Store(300_000_000)
		gets(250*time.Millisecond, "\r\x1b[1A300,000,000 published, 99,999\x1b[K\n")
		p.warn("the broker is gone")
		gets(0, "\r\x1b[1A\x1b[Jmqtk: the broker is gone\n")
		gets(250*time.Millisecond, "300,000,000 published, 92,307\x1b[K\n")
		stderr, back := p.lendTerminal()
		if stderr != &out {
			t.Error("a command writes through mqtk")
		}
		gets(time.Second, "\r\x1b[1A\x1b[J")
		back()
		p.Err.Write([]byte("half a line"))
		gets(time.Second, "half a line")
		p.Err.Write([]byte(" and its end\n"))
		gets(0, " and its end\n")
		gets(250*time.Millisecond, "300,000,000 published, 59,999\x1b[K\n")
		g.end()
		gets(10*time.Second, "\r\x1b[1A\x1b[J")
		if p.Err != &out {
			t.Error("stderr was not given back")
		}
	})
}

// TestNoProgress: nil shows nothing, and where there is no terminal it is nil.
func TestNoProgress(t *testing.T) {
	var out bytes.Buffer
	p := &program{Stdio: Stdio{Err: &out}, getenv: func(string) string { return "" }}
	g := p.newProgress(false)
	if g != nil || p.Err != &out {
		t.Fatal("a line that is redrawn where there is no terminal")
	}
	g.begin(nil)
	g.end()
}

func TestStanding(t *testing.T) {
	for _, test := range []struct {
		standing
		rate float64
		want string
	}{
		{standing{count: 12345, noun: "published", notes: []string{"20 unacknowledged"}}, 1234.4, "12,345 published, 1,234/s, 20 unacknowledged"},
		{standing{count: 250, total: 1000, noun: "published"}, 9.94, "250 of 1,000 published, 9.9/s, 1m16s left"},
		{standing{count: 250, total: 1000, noun: "published"}, 0, "250 of 1,000 published, 0.0/s"},
		{standing{count: 1000, total: 1000, noun: "messages"}, 10, "1,000 of 1,000 messages, 10/s"},
		{standing{count: 7, noun: "published", part: 0.259}, 10, "7 published, 10/s, 25%, 29s left"},
		{standing{count: 7, noun: "published", part: 1}, 10, "7 published, 10/s, 100%"},
		{standing{count: 7, noun: "published", part: 0.25, paced: true}, 10, "7 published, 10/s, 25%"},
		{standing{count: 1, noun: "messages"}, 0, "1 message, 0.0/s"},
	} {
		if got := test.line(test.rate, 10*time.Second); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// TestPace: a rate is that of the last seconds.
func TestPace(t *testing.T) {
	var past pace
	at := time.Unix(1000, 0)
	for i := range 101 {
		want := 100.0
		if i == 0 {
			want = 0
		}
		if got := past.rate(at.Add(time.Duration(i)*progressEvery), uint64(25*i)); got != want {
			t.Fatalf("%d: %g, want %g", i, got, want)
		}
	}
	if got := past.rate(at.Add(30*time.Second), 2500); got != 0 {
		t.Errorf("%g after a silence", got)
	}
	if len(past) > 21 {
		t.Errorf("%d remembered", len(past))
	}
}

func TestPartRead(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "input"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, test := range []struct {
		size, at int64
		want     float64
	}{{1 << 20, 1 << 19, 0}, {8 << 20, 2 << 20, 0.25}, {8 << 20, 9 << 20, 1}} {
		if err := file.Truncate(test.size); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Seek(test.at, 0); err != nil {
			t.Fatal(err)
		}
		if got := partRead(file); got != test.want {
			t.Errorf("%d of %d: %g", test.at, test.size, got)
		}
	}
	if got := partRead(strings.NewReader("x")); got != 0 {
		t.Errorf("%g of what is no file", got)
	}
}
