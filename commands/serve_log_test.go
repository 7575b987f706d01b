package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestHumanHandler(t *testing.T) {
	var b bytes.Buffer
	h := &humanHandler{w: &b, level: slog.LevelInfo, scratch: &scratch{}}
	log := slog.New(h)
	for _, test := range []struct {
		log  func()
		want string
	}{
		{func() { log.Debug("no") }, ""},
		{func() { log.Info("connected", "client", "a") }, "INFO  connected client=a\n"},
		{func() { log.Warn("x", "client", "\x1b[31mred\n") }, `WARN  x client="\x1b[31mred\n"` + "\n"},
		{func() { log.Error("two\nlines") }, `ERROR two\nlines` + "\n"},
		{func() { log.Info("x", "empty", "", "blank", "a b", "equal", "a=b", "error", errors.New("bad")) }, `INFO  x empty="" blank="a b" equal="a=b" error=bad` + "\n"},
		{func() { log.Info("x", "bytes", "\xff") }, `INFO  x bytes="\xff"` + "\n"},
		{func() { log.With("a", 1).WithGroup("g").With("b", 2).Info("x", "c", 3, slog.Group("h", "d", 4)) }, "INFO  x a=1 g.b=2 g.c=3 g.h.d=4\n"},
	} {
		b.Reset()
		test.log()
		got := b.String()
		if got != "" {
			if _, err := time.Parse("2006-01-02 15:04:05.000", got[:23]); err != nil {
				t.Errorf("%q: %v", got, err)
			}
			got = got[24:]
		}
		if got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	b.Reset()
	h.ink = ink{on: true}
	log.Warn("x")
	if !strings.Contains(b.String(), "\x1b[") {
		t.Errorf("no colour in %q", &b)
	}
}

// A stuckWriter takes nothing until it is released.
type stuckWriter struct {
	release chan struct{}
	taken   bytes.Buffer
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.release
	return w.taken.Write(p)
}

// A sharedBuffer is looked at between two writes of another goroutine.
type sharedBuffer struct {
	mu    sync.Mutex
	taken bytes.Buffer
}

func (w *sharedBuffer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken.Write(p)
}

func (w *sharedBuffer) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken.String()
}

func TestLineBuffer(t *testing.T) {
	line := []byte(strings.Repeat("x", 1023) + "\n")
	synctest.Test(t, func(t *testing.T) {
		w := &stuckWriter{release: make(chan struct{})}
		b := newLineBuffer(w, lostLines("text"))
		b.Write([]byte("first\n"))
		synctest.Wait() // it is stuck in the first write now
		for range 2 * lineBufferLimit / len(line) {
			b.Write(line)
		}
		start := time.Now()
		b.Close(time.Second)
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("closing waited %v for a reader that does not read", waited)
		}
		close(w.release)
		<-b.done
		got := w.taken.String()
		if !strings.HasPrefix(got, "first\n") || !strings.HasSuffix(got, "256 lines of this log were dropped: nobody read them\n") {
			t.Errorf("%d bytes, from %.10q to %q", len(got), got, got[max(0, len(got)-80):])
		}
		if kept := strings.Count(got, string(line)); kept != lineBufferLimit/len(line) {
			t.Errorf("%d lines were kept", kept)
		}
	})
	synctest.Test(t, func(t *testing.T) { // one is written at once, many together
		var w sharedBuffer
		b := newLineBuffer(&w, lostLines("text"))
		b.Write([]byte("first\n"))
		synctest.Wait()
		if w.String() != "first\n" {
			t.Errorf("%q", w.String())
		}
		b.Write([]byte("second\n"))
		b.Write([]byte("third\n"))
		synctest.Wait()
		if w.String() != "first\n" {
			t.Errorf("%q before the rest is over", w.String())
		}
		time.Sleep(lineBufferRest)
		synctest.Wait()
		if w.String() != "first\nsecond\nthird\n" {
			t.Errorf("%q", w.String())
		}
		b.Close(time.Second)
	})
	synctest.Test(t, func(t *testing.T) {
		var w bytes.Buffer
		b := newLineBuffer(&w, lostLines("text"))
		b.Write([]byte("last\n"))
		b.Close(time.Second)
		b.Write([]byte("too late\n"))
		if w.String() != "last\n" {
			t.Errorf("%q", &w)
		}
	})
}

// In JSON, too, nothing but JSON is written.
func TestLogInJSON(t *testing.T) {
	p := &program{getenv: func(string) string { return "" }}
	var b bytes.Buffer
	p.newLogger(&b, "json", slog.LevelInfo).Info("x", "client", "\x1b")
	b.WriteString(lostLines("json")(7))
	for line := range strings.Lines(b.String()) {
		if !json.Valid([]byte(line)) || strings.Contains(line, "\x1b") {
			t.Errorf("%q", line)
		}
	}
	if !strings.Contains(b.String(), `"count":7`) {
		t.Errorf("%q", &b)
	}
}

func TestALineOfTheLogLeavesNoGarbage(t *testing.T) {
	log := slog.New(&humanHandler{w: io.Discard, level: slog.LevelInfo, scratch: &scratch{}})
	attrs := []slog.Attr{slog.String("client", "c1"), slog.String("remote", "127.0.0.1:1234"), slog.String("reason", "quoted for its blanks")}
	if n := testing.AllocsPerRun(100, func() {
		log.LogAttrs(t.Context(), slog.LevelInfo, "connected", attrs...)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
