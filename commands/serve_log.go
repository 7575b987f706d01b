package commands

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A lineBuffer stands between the broker and whoever reads its log: a log that
// nobody reads (a paused pager, a full pipe) must not stop a broker. Lines wait
// in memory up to a bound; what comes past it is dropped, counted and said.
type lineBuffer struct {
	w    io.Writer
	lost func(dropped int) string // the line that says so
	wake chan struct{}            // one slot: there is something to write, or the end
	end  chan struct{}            // closed by Close: no more rest
	done chan struct{}            // closed when the writing goroutine has ended

	mu      sync.Mutex
	pending []byte
	dropped int
	closed  bool
}

const lineBufferLimit = 256 << 10

// lineBufferRest is how long lines gather after a write: the first is written at
// once, and a thousand in a second cost a hundred writes, not a thousand.
const lineBufferRest = 10 * time.Millisecond

func newLineBuffer(w io.Writer, lost func(int) string) *lineBuffer {
	b := &lineBuffer{w: w, lost: lost, wake: make(chan struct{}, 1), end: make(chan struct{}), done: make(chan struct{})}
	go b.run()
	return b
}

// Write takes whole lines and never fails.
func (b *lineBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	switch {
	case b.closed:
	case len(b.pending)+len(line) > lineBufferLimit:
		b.dropped++
	default:
		b.pending = append(b.pending, line...)
	}
	b.mu.Unlock()
	b.signal()
	return len(line), nil
}

// Close writes what is pending, but waits no longer than the given time for a
// reader that does not read.
func (b *lineBuffer) Close(patience time.Duration) {
	b.mu.Lock()
	if !b.closed {
		close(b.end)
	}
	b.closed = true
	b.mu.Unlock()
	b.signal()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
	}
}

func (b *lineBuffer) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *lineBuffer) run() {
	defer close(b.done)
	var batch []byte
	for range b.wake {
		b.mu.Lock()
		batch, b.pending = b.pending, batch[:0]
		dropped, closed := b.dropped, b.closed
		b.dropped = 0
		b.mu.Unlock()
		if dropped > 0 {
			batch = append(batch, b.lost(dropped)...)
		}
		if len(batch) > 0 {
			_, _ = b.w.Write(batch) // a log that cannot be written has nobody to be told
		}
		if closed {
			return
		}
		select {
		case <-b.end:
		case <-time.After(lineBufferRest):
		}
	}
}

// newLogger builds the log of serve: text for people, JSON for machines.
func (p *program) newLogger(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(&humanHandler{w: w, level: level, ink: p.inkFor(p.Err), scratch: &scratch{}})
}

func lostLines(format string) func(int) string {
	if format == "json" {
		return func(n int) string {
			return fmt.Sprintf(`{"level":"WARN","msg":"log lines dropped","count":%d}`+"\n", n)
		}
	}
	return func(n int) string { return fmt.Sprintf("%d lines of this log were dropped: nobody read them\n", n) }
}

// A humanHandler writes one line a record: time, level, message, key=value.
// Names and reasons come from clients, so control characters are made visible
// whether or not this is a terminal: a log is read on one in the end.
type humanHandler struct {
	w     io.Writer
	level slog.Leveler
	ink   ink
	attrs string // rendered once, by WithAttrs
	group string // prefix of keys, with its dot
	*scratch
}

// scratch is where all handlers of a log put their lines together: garbage made
// at a connect lies on the pages of what stays, and keeps them half empty.
type scratch struct {
	mu   sync.Mutex
	line []byte
}

// maxScratch is how much of a long line is kept for the next.
const maxScratch = 4 << 10

func (h *humanHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

func (h *humanHandler) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := h.line[:0]
	if !r.Time.IsZero() {
		line = append(h.dim(r.Time.AppendFormat(line, "2006-01-02 15:04:05.000"), 0), ' ')
	}
	level := r.Level.String()
	if r.Level >= slog.LevelWarn {
		line = append(line, h.ink.bad(fmt.Sprintf("%-5s ", level))...)
	} else {
		line = append(append(line, level...), "      "[min(len(level), 5):]...)
	}
	line = append(append(line, visible(r.Message)...), h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		line = h.appendAttr(line, h.group, a)
		return true
	})
	line = append(line, '\n')
	if h.line = line; cap(line) > maxScratch {
		h.line = nil
	}
	_, err := h.w.Write(line)
	return err
}

func (h *humanHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b []byte
	for _, a := range attrs {
		b = h.appendAttr(b, h.group, a)
	}
	c := *h
	c.attrs += string(b)
	return &c
}

func (h *humanHandler) WithGroup(name string) slog.Handler {
	c := *h
	if name != "" {
		c.group += name + "."
	}
	return &c
}

func (h *humanHandler) appendAttr(b []byte, group string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range v.Group() {
			b = h.appendAttr(b, group, inner)
		}
		return b
	}
	if a.Equal(slog.Attr{}) {
		return b
	}
	b = append(b, ' ')
	at := len(b)
	b = h.dim(append(append(append(b, visible(group)...), visible(a.Key)...), '='), at)
	return appendLogValue(b, v.String())
}

// dim makes what stands from at on faint, where there is colour.
func (h *humanHandler) dim(b []byte, at int) []byte {
	if !h.ink.on {
		return b
	}
	return append(b[:at], h.ink.faint(string(b[at:]))...)
}

// appendLogValue quotes what would be ambiguous in key=value, or move a cursor.
func appendLogValue(b []byte, s string) []byte {
	if s == "" || strings.ContainsAny(s, " \"=") || visible(s) != s {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}
