package commands

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"mqtk/mqttwire/transport"
)

// Rivals are doors of the house before which are not in the next one, and have the
// port that a door of the next one wants: as another scheme, or at another address.

// rivals are those of a door, among doors that are left over.
func (d *door) rivals(left doorsByPlace) []*door {
	target, err := transport.ParseURL(d.URL)
	if err != nil {
		return nil
	}
	var rivals []*door
	for _, doors := range left {
		for _, old := range doors {
			if slices.ContainsFunc(old.listeners, func(l net.Listener) bool {
				tcp, ok := l.Addr().(*net.TCPAddr)
				return ok && tcp.Port == target.Port
			}) {
				rivals = append(rivals, old)
			}
		}
	}
	return rivals
}

// unblock looks for the rivals of the doors that could not be opened; there must be
// some, and none that a service manager has opened.
func (h *house) unblock(left doorsByPlace) error {
	for d, err := range h.blocked {
		rivals := d.rivals(left)
		if len(rivals) == 0 {
			return fmt.Errorf("%w; if that is a listener of ours which stays, the two cannot be there at once", err)
		}
		for _, old := range rivals {
			if old.passed {
				return fmt.Errorf("%w; the service manager has opened that socket: what it speaks, and where, changes with a restart", err)
			}
			if !slices.Contains(h.rivals, old) {
				h.rivals = append(h.rivals, old)
			}
		}
	}
	return nil
}

// makeWay closes the rivals, whose clients stay for now, and opens the doors that
// they kept from opening. restore brings the rivals back.
func (s *service) makeWay(next *house) (restore func(), err error) {
	for _, old := range next.rivals {
		old.rivalled = old.urls()
		old.close()
		old.serving.Wait() // or the system has the port still
	}
	restore = func() {
		for _, d := range next.doors {
			if next.blocked[d] != nil {
				d.close()
			}
		}
		for _, old := range next.rivals {
			s.restore(old)
		}
	}
	for _, d := range next.doors {
		if next.blocked[d] == nil {
			continue
		}
		if err := d.open(nil); err != nil {
			restore()
			return nil, err
		}
	}
	return restore, nil
}

// restore opens a door again where it was.
func (s *service) restore(d *door) {
	for _, url := range d.rivalled {
		l, err := transport.Listen(url, d.options)
		if err != nil {
			s.log.Error("a listener that made way for another could not be opened again: a reload or a restart will", "url", url, "error", err)
			continue
		}
		d.listeners = append(d.listeners, l)
		s.letIn(d, l)
	}
	d.rivalled = nil
}

// letIn serves a listener of a door.
func (s *service) letIn(d *door, l net.Listener) {
	if d.serving == nil {
		d.serving = new(sync.WaitGroup)
	}
	d.serving.Go(func() { s.serve(d.gate, l) })
}

// lastURLs are where the door is open, or was until it made way.
func (d *door) lastURLs() string { return strings.Join(append(d.urls(), d.rivalled...), " ") }
