package journal

import "slices"

// A ledger says where each of many numbered things stands: deliveries of a
// session, or versions of the retained set. Numbers mostly grow, and things
// mostly end in the order of their numbers, so it is a list of sorted pages; an
// entry has 16 bytes. What is dead leaves gaps, which go when a page is half empty.
//
// Appends of several threads may cross, so that the end of a thing comes before
// the thing: early remembers such numbers, and put refuses them.
type ledger struct {
	pages []page
	count int      // entries that are alive
	early []uint64 // ends that came before what they end, ascending
}

const (
	pageSize  = 4096
	mostEarly = 4096 // beyond this many the lowest will never come
)

type page struct {
	entries []ledgerEntry // ascending; empty in a ledger's only page alone
	dead    int
}

type ledgerEntry struct {
	number uint64
	at     place // 0: dead
}

// get returns where a thing stands, 0: nowhere.
func (l *ledger) get(number uint64) place {
	if e := l.find(number); e != nil {
		return e.at
	}
	return 0
}

func (l *ledger) find(number uint64) *ledgerEntry {
	if l.empty() {
		return nil
	}
	if i, ok := l.pages[l.page(number)].search(number); ok {
		return &l.pages[l.page(number)].entries[i]
	}
	return nil
}

func (l *ledger) empty() bool { return len(l.pages) == 0 || len(l.pages[0].entries) == 0 }

// page finds the page that a number belongs to: the last one that begins at or
// before it, or the first.
func (l *ledger) page(number uint64) int {
	if last := len(l.pages) - 1; l.pages[last].entries[0].number <= number {
		return last
	}
	low, high := 0, len(l.pages)-1 // the pages from high on begin behind number
	for low < high {
		middle := (low + high) / 2
		if l.pages[middle].entries[0].number <= number {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return max(low-1, 0)
}

// search returns where a number stands in the page, or would.
func (p *page) search(number uint64) (int, bool) {
	e := p.entries
	if e[len(e)-1].number < number { // mostly they come in order
		return len(e), false
	}
	if first := e[0].number; number >= first { // and are dense
		if i := number - first; i < uint64(len(e)) && e[i].number == number {
			return int(i), true
		}
	}
	low, high := 0, len(e)
	for low < high {
		middle := (low + high) / 2
		if e[middle].number < number {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(e) && e[low].number == number
}

// put enters a thing, or moves it. It returns where the thing stood before; 0:
// nowhere.
func (l *ledger) put(number uint64, at place) place {
	if l.empty() {
		if l.pages == nil {
			l.pages = make([]page, 1)
		}
		l.pages[0].entries = append(l.pages[0].entries, ledgerEntry{number, at})
		l.count++
		return 0
	}
	n := len(l.pages)
	p := &l.pages[l.page(number)]
	i, ok := p.search(number)
	switch {
	case ok:
		was := p.entries[i].at
		p.entries[i].at = at
		if was == 0 {
			p.dead--
			l.count++
		}
		return was
	case i == len(p.entries) && i >= pageSize && p == &l.pages[n-1]:
		entries := append(make([]ledgerEntry, 0, pageSize), ledgerEntry{number, at})
		l.pages = append(l.pages, page{entries: entries})
	case i == len(p.entries):
		p.entries = append(p.entries, ledgerEntry{number, at})
	default:
		p.entries = slices.Insert(p.entries, i, ledgerEntry{number, at})
	}
	l.count++
	if len(p.entries) >= 2*pageSize {
		l.split(l.page(p.entries[0].number))
	}
	return 0
}

func (l *ledger) split(i int) {
	p := &l.pages[i]
	half := len(p.entries) / 2
	upper := page{entries: slices.Clone(p.entries[half:])}
	p.entries = slices.Clip(p.entries[:half])
	p.dead, upper.dead = p.buried(), upper.buried()
	l.pages = slices.Insert(l.pages, i+1, upper)
}

func (p *page) buried() (dead int) {
	for i := range p.entries {
		if p.entries[i].at == 0 {
			dead++
		}
	}
	return dead
}

// kill ends a thing and returns where it stood, 0: it was not there.
func (l *ledger) kill(number uint64) place {
	if l.empty() {
		return 0
	}
	i := l.page(number)
	p := &l.pages[i]
	k, ok := p.search(number)
	if !ok || p.entries[k].at == 0 {
		return 0
	}
	at := p.entries[k].at
	p.entries[k].at = 0
	p.dead++
	l.count--
	if p.dead == len(p.entries) {
		l.remove(i)
	} else if p.dead >= 32 && p.dead*2 >= len(p.entries) {
		l.compact(i)
	}
	return at
}

// pop ends the thing with the highest number and returns where it stood; 0: there is none.
func (l *ledger) pop() place {
	for !l.empty() {
		i := len(l.pages) - 1
		p := &l.pages[i]
		k := len(p.entries) - 1
		at := p.entries[k].at
		if p.entries = p.entries[:k]; k == 0 {
			l.remove(i)
		}
		if at != 0 {
			l.count--
			return at
		}
		p.dead--
	}
	return 0
}

// remove drops a page; a short one that is the last is kept for the next thing.
func (l *ledger) remove(i int) {
	switch {
	case len(l.pages) == 1 && cap(l.pages[0].entries) <= 64:
		l.pages[0] = page{entries: l.pages[0].entries[:0]}
	case len(l.pages) == 1:
		l.pages = nil
	case i == 0:
		l.pages[0] = page{}
		l.pages = l.pages[1:]
	default:
		l.pages = slices.Delete(l.pages, i, i+1)
	}
}

// compact takes the dead out of a page and joins it with its neighbour when
// both have become short.
func (l *ledger) compact(i int) {
	p := &l.pages[i]
	p.entries = slices.DeleteFunc(p.entries, func(e ledgerEntry) bool { return e.at == 0 })
	p.dead = 0
	if i > 0 {
		i--
	}
	if i+1 < len(l.pages) && len(l.pages[i].entries)+len(l.pages[i+1].entries) <= pageSize/2 {
		a, b := &l.pages[i], &l.pages[i+1]
		a.entries = append(a.entries, b.entries...)
		a.dead += b.dead
		l.pages = slices.Delete(l.pages, i+1, i+2)
	} else if cap(p.entries) > 2*len(p.entries) && len(l.pages) > 1 && p != &l.pages[len(l.pages)-1] {
		p.entries = slices.Clone(p.entries)
	}
}

// clip gives back the room for growth, once, after many puts.
func (l *ledger) clip() {
	for i := range l.pages {
		if p := &l.pages[i]; cap(p.entries) > len(p.entries)+len(p.entries)/8 {
			p.entries = append(make([]ledgerEntry, 0, len(p.entries)), p.entries...)
		}
	}
	l.pages = slices.Clip(l.pages)
}

// expect remembers the end of a thing that has not come.
func (l *ledger) expect(number uint64) {
	i, ok := slices.BinarySearch(l.early, number)
	if ok {
		return
	}
	if len(l.early) >= mostEarly {
		if i == 0 {
			return
		}
		copy(l.early, l.early[1:i])
		l.early[i-1] = number
		return
	}
	l.early = slices.Insert(l.early, i, number)
}

// expected says that the thing ended before it came.
func (l *ledger) expected(number uint64) bool {
	if len(l.early) == 0 {
		return false
	}
	_, ok := slices.BinarySearch(l.early, number)
	return ok
}

// refuse is expected for the thing itself, which comes once.
func (l *ledger) refuse(number uint64) bool {
	if len(l.early) == 0 {
		return false
	}
	i, ok := slices.BinarySearch(l.early, number)
	if ok {
		l.early = slices.Delete(l.early, i, i+1)
	}
	return ok
}

// all yields what is alive, in order.
func (l *ledger) all(yield func(number uint64, at place) bool) {
	for i := range l.pages {
		for _, e := range l.pages[i].entries {
			if e.at != 0 && !yield(e.number, e.at) {
				return
			}
		}
	}
}
