package eventloop

import (
	"sync"
	"sync/atomic"
)

// A table finds connections by their descriptors, for all loops of a driver: one
// pointer each, which is less than a map needs. It grows and does not shrink.
type table struct {
	pages atomic.Pointer[[]*page]
	mu    sync.Mutex // of growing
}

type page [512]atomic.Pointer[conn]

// get is nil for a descriptor that is no connection's.
func (t *table) get(fd int32) *conn {
	pages := t.pages.Load()
	if pages == nil || int(fd)/len(page{}) >= len(*pages) {
		return nil
	}
	return (*pages)[int(fd)/len(page{})][int(fd)%len(page{})].Load()
}

// set says whose fd is: nobody's, or c's, which epoll may know of already.
func (t *table) set(fd int32, c *conn) {
	pages := t.pages.Load()
	if pages == nil || int(fd)/len(page{}) >= len(*pages) {
		pages = t.grow(int(fd)/len(page{}) + 1)
	}
	(*pages)[int(fd)/len(page{})][int(fd)%len(page{})].Store(c)
}

func (t *table) grow(n int) *[]*page {
	t.mu.Lock()
	defer t.mu.Unlock()
	var pages []*page
	if old := t.pages.Load(); old != nil {
		pages = append(pages, *old...)
	}
	for len(pages) < n {
		pages = append(pages, new(page))
	}
	t.pages.Store(&pages)
	return &pages
}
