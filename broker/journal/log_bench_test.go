package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// BenchmarkRawAppend is the measure of the log: one thread writes n records and
// syncs once.
func BenchmarkRawAppend(b *testing.B) {
	for _, n := range []int{1, 256, 1024} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			record, buf := make([]byte, 300), []byte(nil)
			for i := 0; i < b.N; i += n {
				buf = buf[:0]
				for range min(n, b.N-i) {
					buf = append(buf, record...)
				}
				if _, err := f.Write(buf); err != nil {
					b.Fatal(err)
				}
				if err := syncData(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCommit has n producers that each wait for their record's durability.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 256, 1024} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			l := openTestLog(b, logOptions{filesystem: directory(b.TempDir())})
			record := make([]byte, 291)
			var producers sync.WaitGroup
			b.ResetTimer()
			for i := range n {
				producers.Go(func() {
					durable := make(chan error, 1)
					call := func(err error) { durable <- err }
					for range (b.N + n - 1 - i) / n {
						l.mu.Lock()
						l.add(func(dst []byte) []byte { return append(dst, record...) })
						l.wait(call)
						l.mu.Unlock()
						if err := <-durable; err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			producers.Wait()
			b.ReportMetric(float64(b.N)/float64(max(l.measures().commits, 1)), "records/commit")
		})
	}
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
