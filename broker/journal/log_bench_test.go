package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const benchRecord = 300 // bytes on disk

// BenchmarkCommit has n producers that each wait for their record's durability,
// in turn with the measure of the log: one thread that appends n records with
// one write and syncs. A disk's mood changes from second to second, so they
// alternate, a few commits each; raw is the log's speed as a part of that one's.
// Waking n producers costs time without any log, too: bound is what would be
// left of raw if that were all that came on top.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 256, 1024} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			l := openTestLog(b, logOptions{filesystem: directory(b.TempDir())})
			p := newProducers(b, l, n)
			defer p.stop()
			w := newWoken(n)
			defer w.stop()
			var raw, ours, woken time.Duration
			b.ResetTimer()
			for done := 0; done < b.N; {
				rounds := min(64, (b.N-done+n-1)/n)
				raw += appendRaw(b, f, n, rounds)
				ours += p.run(rounds)
				woken += w.run(rounds)
				done += n * rounds
			}
			b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "ns/record")
			b.ReportMetric(float64(raw)/float64(ours), "raw")
			b.ReportMetric(float64(raw)/float64(raw+woken), "bound")
			b.ReportMetric(float64(b.N)/float64(max(l.measures().commits, 1)), "records/commit")
		})
	}
}

func appendRaw(b *testing.B, f *os.File, n, rounds int) time.Duration {
	begun := time.Now()
	record, buf := make([]byte, benchRecord), []byte(nil)
	for range rounds {
		buf = buf[:0]
		for range n {
			buf = append(buf, record...)
		}
		if _, err := f.Write(buf); err != nil {
			b.Fatal(err)
		}
		if err := syncData(f); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begun)
}

// A crowd is goroutines that each do so many rounds when they are told to.
type crowd struct {
	begin []chan int
	round sync.WaitGroup
	all   sync.WaitGroup
}

func (p *crowd) run(rounds int) time.Duration {
	begun := time.Now()
	p.round.Add(len(p.begin))
	for _, c := range p.begin {
		c <- rounds
	}
	p.round.Wait()
	return time.Since(begun)
}

func (p *crowd) stop() {
	for _, c := range p.begin {
		close(c)
	}
	p.all.Wait()
}

// producers add a record each, wait for it, and add the next.
type producers struct {
	crowd
	l *log
}

func newProducers(b *testing.B, l *log, n int) *producers {
	p := &producers{l: l}
	for range n {
		begin := make(chan int, 1)
		p.begin = append(p.begin, begin)
		p.all.Go(func() {
			record := make([]byte, benchRecord-frameHeader)
			encode := func(dst []byte) []byte { return append(dst, record...) }
			durable := make(chan error, 1)
			call := func(err error) { durable <- err }
			for rounds := range begin {
				for range rounds {
					l.mu.Lock()
					l.add(encode)
					l.wait(call)
					l.mu.Unlock()
					if err := <-durable; err != nil {
						b.Error(err)
					}
				}
				p.round.Done()
			}
		})
	}
	return p
}

// woken are producers without a log: each waits, puts its record into a buffer
// that all share, and waits again.
type woken struct {
	mu     sync.Mutex
	buf    []byte
	wake   []chan error
	came   int
	all    chan struct{}
	ending sync.WaitGroup
}

func newWoken(n int) *woken {
	w := &woken{all: make(chan struct{}, 1)}
	for range n {
		c := make(chan error, 1)
		w.wake = append(w.wake, c)
		w.ending.Go(func() {
			record := make([]byte, benchRecord)
			for range c {
				w.mu.Lock()
				w.buf = append(w.buf, record...)
				if w.came++; w.came == n {
					w.all <- struct{}{}
				}
				w.mu.Unlock()
			}
		})
	}
	return w
}

func (w *woken) run(rounds int) time.Duration {
	begun := time.Now()
	for range rounds {
		w.mu.Lock()
		w.buf, w.came = w.buf[:0], 0
		w.mu.Unlock()
		for _, c := range w.wake {
			c <- nil
		}
		<-w.all
	}
	return time.Since(begun)
}

func (w *woken) stop() {
	for _, c := range w.wake {
		close(c)
	}
	w.ending.Wait()
}

func openTestLog(t testing.TB, o logOptions) *log {
	t.Helper()
	l, err := openLog(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close() })
	if err := l.recover(func(generation, place, []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return l
}
