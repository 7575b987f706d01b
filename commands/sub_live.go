package commands

import (
	"cmp"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A live view is a part of the terminal that shows how things stand, and is
// written over in place. What changed is drawn when nothing more comes, now and
// then in a flood, and twice a second, for rates sink by themselves.
type live struct {
	mu     sync.Mutex // guards what follows
	screen screen
	view   view
	all    meter
	drawn  time.Time
	behind bool // something has come since then

	wide int    // columns of names
	size [2]int // lines and columns that all has
}

// A view is what a live view shows: a table with a row for each topic, or for
// each level of them.
type view interface {
	take(m *mqttwire.Publish, now time.Time)
	// rows are those that fit, and how many topics they leave out.
	rows(room int, now time.Time) (rows []liveRow, left int)
	// topics are how many are known; more: there have been others.
	topics() (n int, more bool)
}

const (
	watchTopics = 1 << 16 // topics, or levels of topics, that are remembered
	watchText   = 512     // more characters than a line has
	watchEvery  = 100 * time.Millisecond
	watchTick   = 500 * time.Millisecond
)

func newLive(file *os.File, v view) *live { return &live{screen: newScreen(file), view: v} }

// show takes a message.
func (l *live) show(m *mqttwire.Publish, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.add(now)
	l.view.take(m, now)
	l.behind = true
	return l.updateAfter(watchEvery, now)
}

// draw brings the terminal up to date.
func (l *live) draw(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.update(now)
}

// resume draws anew, below what has been written while the process was stopped.
func (l *live) resume(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.screen.drawn = nil
	_ = l.update(now) // the next message tells of an error
}

// drawSoon draws what has come, unless the latest drawing is new: then the next
// tick shows it.
func (l *live) drawSoon(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.behind {
		return nil
	}
	return l.updateAfter(watchEvery, now)
}

// tick draws what has come, and now and then what has gone: rates.
func (l *live) tick(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pause := watchTick
	if l.behind {
		pause = 0
	}
	_ = l.updateAfter(pause, now) // the next message tells of an error
}

// updateAfter draws if the latest drawing is that old; l.mu is held.
func (l *live) updateAfter(pause time.Duration, now time.Time) error {
	if now.Sub(l.drawn) < pause {
		return nil
	}
	return l.update(now)
}

// update draws; l.mu is held.
func (l *live) update(now time.Time) error {
	if l.all.count == 0 {
		return nil
	}
	l.drawn, l.behind = now, false
	return l.screen.draw(func(lines int) []string { return l.layout(lines-1, l.screen.columns-1, now) })
}

// A meter counts, in all and in each of the last seconds.
type meter struct {
	count   uint64
	first   int64 // second of the first
	last    int64 // second of the latest
	seconds [meterSeconds]uint32
}

const meterSeconds = 5

func (t *meter) add(now time.Time) {
	second := now.Unix()
	if t.count == 0 {
		t.first, t.last = second, second
	}
	t.turn(second)
	t.count++
	t.seconds[second%meterSeconds]++
}

// turn forgets seconds that are long ago.
func (t *meter) turn(second int64) {
	if second-t.last >= meterSeconds {
		t.last, t.seconds = second, [meterSeconds]uint32{}
	}
	for t.last < second {
		t.last++
		t.seconds[t.last%meterSeconds] = 0
	}
}

// rate is how many came in a second, of late.
func (t *meter) rate(now time.Time) float64 {
	second := now.Unix()
	t.turn(second)
	sum := 0.0
	for _, n := range t.seconds {
		sum += float64(n)
	}
	return sum / float64(cmp.Or(min(second-t.first+1, meterSeconds), 1))
}

// ticking keeps the drawing up to date until stop.
func (l *live) ticking() (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				l.tick(now)
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// aroundScreen is a stream on the same terminal: what is written there takes the
// place of the drawing, which is begun anew below.
type aroundScreen struct {
	io.Writer
	live *live
}

// Write writes whole lines and has all drawn anew.
func (a aroundScreen) Write(b []byte) (int, error) {
	a.live.mu.Lock()
	defer a.live.mu.Unlock()
	if err := a.live.screen.erase(); err != nil {
		return 0, err
	}
	text := b
	if len(b) > 0 && b[len(b)-1] != '\n' {
		text = append(slices.Clone(b), '\n')
	}
	if _, err := a.Writer.Write(text); err != nil {
		return 0, err
	}
	return len(b), a.live.update(time.Now())
}

// liveOn keeps the live view up to date, and what is told out of its way, until
// off.
func (s *subscriber) liveOn() (off func()) {
	l := s.printer.live
	resized := onResize(func() { _ = l.draw(time.Now()) }) // the next message tells of an error
	resumed := onResume(func() { l.resume(time.Now()) })
	ticking := l.ticking()
	told := s.p.Err
	if isTerminal(told) {
		s.p.Err = aroundScreen{told, l}
	}
	return func() {
		ticking()
		resized()
		resumed()
		s.p.Err = told
	}
}
