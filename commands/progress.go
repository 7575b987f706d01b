package commands

import (
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"mqtk/bench"
)

// A progress is a line at the end of the terminal of stderr that says how a long
// run stands. It is drawn in place from the first second on, and makes way for
// whatever else is written to stderr. A nil one shows nothing.
type progress struct {
	p       *program
	out     io.Writer // stderr, in whose place this stands
	columns func() int
	over    chan struct{} // closed at the end; nil before begin
	ticking sync.WaitGroup

	mu     sync.Mutex // guards what follows
	drawn  bench.Status
	text   string // that is drawn
	inside bool   // others have written a part of a line
	lent   int    // commands that may write to the terminal
}

const (
	progressAfter = time.Second
	progressEvery = 250 * time.Millisecond
	progressOver  = 5 * time.Second // what a rate is of
)

// newProgress stands in the place of stderr, where lines can be written over
// there and nobody wants stderr silent, or for himself.
func (p *program) newProgress(debug bool) *progress {
	if p.quiet || debug || !p.canRedraw(p.Err) {
		return nil
	}
	g := &progress{p: p, out: p.Err}
	g.columns = func() int { return columnsOf(g.out) }
	p.Err = g
	return g
}

// begin shows how it stands until end.
func (g *progress) begin(stand func() standing) {
	if g == nil {
		return
	}
	g.over = make(chan struct{})
	g.ticking.Go(func() {
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		var past pace
		for start := time.Now(); ; {
			select {
			case now := <-tick.C:
				s := stand()
				rate := past.rate(now, s.count)
				if elapsed := now.Sub(start); elapsed >= progressAfter {
					g.draw(s.line(rate, elapsed))
				}
			case <-g.over:
				return
			}
		}
	})
}

// end wipes the line and gives stderr back.
func (g *progress) end() {
	if g == nil {
		return
	}
	if g.over != nil {
		close(g.over)
		g.ticking.Wait()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wipe()
	g.p.Err = g.out
}

func (g *progress) draw(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	text = clipped(text, g.columns()-1)
	if g.inside || g.lent > 0 || text == g.text {
		return
	}
	g.text = text
	_ = g.drawn.DrawLines(g.out, []string{text}) // that nobody sees it is no failure of the run
}

// wipe takes the line away; g.mu is held.
func (g *progress) wipe() {
	_ = g.drawn.Clear(g.out)
	g.text = ""
}

// Write writes what stays.
func (g *progress) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wipe()
	if len(b) > 0 {
		g.inside = b[len(b)-1] != '\n'
	}
	return g.out.Write(b)
}

// lendTerminal is stderr for a command, which has it for itself until back.
func (p *program) lendTerminal() (stderr io.Writer, back func()) {
	g, ok := p.Err.(*progress)
	if !ok {
		return p.Err, func() {}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wipe()
	g.lent++
	return g.out, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.lent--
	}
}

// A standing is how a run stands.
type standing struct {
	count, total uint64 // messages; no total: it is not known
	noun         string
	notes        []string
	part         float64 // of the input that is read; 0: it is not known
	paced        bool    // part tells nothing of the time
}

// line is a standing in words.
func (s standing) line(rate float64, elapsed time.Duration) string {
	count, noun := bench.FormatCount(float64(s.count)), s.noun
	if s.total > 0 {
		count += " of " + bench.FormatCount(float64(s.total))
	} else if s.count == 1 {
		noun = strings.TrimSuffix(noun, "s")
	}
	perSecond := bench.FormatCount(rate)
	if rate < 9.95 {
		perSecond = rateText(rate)
	}
	words := append([]string{count + " " + noun, perSecond + "/s"}, s.notes...)
	var left time.Duration
	switch {
	case s.total > s.count && rate > 0:
		left = time.Duration(float64(s.total-s.count) / rate * float64(time.Second))
	case s.part > 0:
		words = append(words, bench.FormatCount(math.Floor(100*s.part))+"%")
		if !s.paced && s.part < 1 {
			left = time.Duration(float64(elapsed) * (1 - s.part) / s.part)
		}
	}
	if left > 0 {
		words = append(words, (left+time.Second-1).Truncate(time.Second).String()+" left")
	}
	return strings.Join(words, ", ")
}

// A pace remembers a counter for a while.
type pace []struct {
	at    time.Time
	count uint64
}

// rate is how much a counter has grown in a second, of late.
func (p *pace) rate(now time.Time, count uint64) float64 {
	*p = append(*p, struct {
		at    time.Time
		count uint64
	}{now, count})
	for now.Sub((*p)[0].at) > progressOver {
		*p = (*p)[1:]
	}
	first := (*p)[0]
	if seconds := now.Sub(first.at).Seconds(); seconds > 0 {
		return float64(count-first.count) / seconds
	}
	return 0
}

// partRead is how much of a file of some size is read; 0 where that cannot be
// told. What is read ahead of its use makes little difference to it.
func partRead(input any) float64 {
	file, ok := input.(*os.File)
	if !ok {
		return 0
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() < 4<<20 {
		return 0
	}
	at, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return min(float64(at)/float64(info.Size()), 1)
}
