package commands

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"mqtk/bench"
)

// A benchStatus tells on stderr how a run stands: on a terminal by lines that are
// drawn anew in their place, elsewhere by a line a second. Of a run whose report is
// JSON it tells on a terminal alone: a program that reads stderr finds objects there.
type benchStatus struct {
	w        io.Writer
	terminal bool
	silent   bool
	columns  func() int
	about    string // what is measured, where it is one of several; between runs alone

	mu    sync.Mutex
	drawn bench.Status
	last  time.Time
}

func (p *program) newBenchStatus(json bool) *benchStatus {
	s := &benchStatus{w: p.Err, terminal: p.canRedraw(p.Err)}
	s.silent = p.quiet || json && !s.terminal
	s.columns = func() int { return columnsOf(p.Err) }
	return s
}

// columnsOf is how wide a terminal is; 80 where nobody knows.
func columnsOf(stream any) int {
	if f, ok := stream.(interface{ Fd() uintptr }); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}

const plainEvery = time.Second

// show is called by the run, some four times a second.
func (s *benchStatus) show(now bench.Snapshot) {
	if s.silent {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.about != "" {
		now.Phase = s.about + ", " + now.Phase
	}
	switch {
	case s.terminal:
		_ = s.drawn.Draw(s.w, now, s.columns()) // that nobody sees it is no failure of the run
	case time.Since(s.last) >= plainEvery:
		s.last = time.Now()
		fmt.Fprintln(s.w, now.String())
	}
}

// line says something that stays.
func (s *benchStatus) line(format string, a ...any) {
	if s.silent {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.drawn.Clear(s.w)
	fmt.Fprintf(s.w, format+"\n", a...)
}

// clear takes away what is drawn.
func (s *benchStatus) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.drawn.Clear(s.w)
}

// inBrief is a run in a few words.
func inBrief(r *bench.Result) string {
	var words []string
	for _, f := range []struct{ metric, text string }{
		{"delivered_per_second", "%s delivered"}, {"sent_per_second", "%s sent"}, {"connections_per_second", "%s connected"},
		{"p99", "p99 %s"}, {"broker_cpu_us_per_message", "%s of the broker's CPU a message"},
	} {
		m, _ := bench.MetricNamed(f.metric)
		if len(words) > 0 && m.Unit == bench.UnitPerSecond {
			continue // one rate says it
		}
		if v, known := m.Of(r); known {
			words = append(words, fmt.Sprintf(f.text, m.Format(v)))
		}
	}
	if n := len(r.Failures); n > 0 {
		words = append(words, plural(n, "failure", "failures"))
	}
	return strings.Join(words, ", ")
}
