package journal

import "sync"

// A cleaner gives disk back.
type cleaner struct {
	wake chan struct{}
	stop chan struct{}
	done sync.WaitGroup
}

func (c *cleaner) init(l *log) {
	c.wake, c.stop = make(chan struct{}, 1), make(chan struct{})
}

func (c *cleaner) begin(j *Journal) {}

func (c *cleaner) end() {
	close(c.stop)
	c.done.Wait()
}

func (j *Journal) wakeCleaner() {}
