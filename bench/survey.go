package bench

import "sync"

// A standing is how far a publisher has come.
type standing struct {
	sent    int64
	refused spans
	open    int64 // messages that are not acknowledged
	certain int64 // messages that the broker has for certain, though its connection has ended
	gone    bool
	stuck   bool // bytes have not left yet
}

// A survey is how a phase stands: what was sent, and what of it has come.
type survey struct {
	broken  bool  // a loop has ended
	through bool  // all that is expected has come, and nothing is open
	stirred int64 // when something was sent, acknowledged or received last

	open, expected, lost int64
	owed                 int64 // of the open, those whose connection stands
	promised             int64 // of the lost, those that had QoS 1 or 2
	twice, twiceLow      int64 // duplicates at QoS 2, at QoS 0
	phantoms             int64 // refused, and received
	worst                example
}

// survey compares what was sent with what has come.
func (r *run) survey() (s survey) {
	standings := make([]standing, len(r.publishers))
	if !r.each(func(w *worker) {
		for _, p := range w.publishers {
			standings[p.number] = p.standing()
		}
	}) {
		return survey{broken: true}
	}
	var mu sync.Mutex
	ok := r.each(func(w *worker) {
		own := survey{stirred: w.stirred}
		for _, x := range w.subscribers {
			own.subscriber(x, standings)
			own.strangers(x)
		}
		for _, x := range w.collectors {
			own.collector(x, standings)
		}
		mu.Lock()
		defer mu.Unlock()
		s.add(&own)
	})
	stuck := false
	for i := range standings {
		s.open += standings[i].open
		if !standings[i].gone {
			s.owed += standings[i].open
		}
		stuck = stuck || standings[i].stuck
	}
	s.broken = !ok
	s.through = s.open == 0 && s.lost == 0 && !stuck
	return s
}

func (p *publisher) standing() standing {
	x := standing{sent: p.sent, refused: append(spans(nil), p.refused...), open: p.open(), gone: p.c.stage != ready}
	if x.gone {
		x.certain = p.lowestOpen()
	} else {
		x.stuck = p.c.conn.Full()
	}
	return x
}

// progress is how many messages have come.
func (w *worker) progress() (n int64) {
	for _, s := range w.subscribers {
		n += s.received
	}
	return n
}

func (s *survey) add(o *survey) {
	s.stirred = max(s.stirred, o.stirred)
	s.expected += o.expected
	s.lost += o.lost
	s.promised += o.promised
	s.twice += o.twice
	s.twiceLow += o.twiceLow
	s.phantoms += o.phantoms
	if s.worst.of == nil {
		s.worst = o.worst
	}
}

// subscriber adds what a subscriber should have had; the first member of a group
// speaks for it.
func (s *survey) subscriber(x *subscriber, standings []standing) {
	s.twiceLow += x.duplicated[0]
	s.twice += x.duplicated[2]
	flows, dead, granted := x.flows, x.dead, x.granted
	if g := x.group; g != nil {
		if g.members[0] != x {
			return
		}
		flows = g.flows
		for _, m := range g.members {
			dead, granted = dead && m.dead, min(granted, m.granted)
		}
	}
	for i := range flows {
		publisher := x.first + uint32(i)*x.step
		s.flow(x, publisher, &flows[i], &standings[publisher], dead, granted > 0)
	}
}

// flow adds one flow. To a receiver whose connection has ended nothing was due any
// more; of a publisher whose connection has ended only what the broker has for
// certain.
func (s *survey) flow(x *subscriber, publisher uint32, f *flow, p *standing, dead, promised bool) {
	end := p.sent
	if p.gone {
		end = min(end, max(f.next, p.certain))
	}
	if dead {
		end = min(end, f.next)
	}
	lost := f.lost(end, p.refused)
	absent := end - f.first - lost // received, or refused and not received
	refused := p.refused.below(end)
	come := f.next - f.first - f.missing.count()
	s.phantoms += refused - (absent - come)
	s.expected += come + lost
	s.lost += lost
	if lost > 0 && promised {
		s.promised += lost
		if s.worst.of == nil {
			s.worst = example{x, publisher, f.firstLost(end, p.refused)}
		}
	}
}

// below counts the numbers below n.
func (s spans) below(n int64) (count int64) {
	for _, x := range s {
		if x.first >= n {
			break
		}
		count += min(x.end, n) - x.first
	}
	return count
}

// firstLost is the lowest number that lost counts.
func (f *flow) firstLost(end int64, refused spans) int64 {
	for _, x := range append(append(spans(nil), f.missing...), span{f.next, max(end, f.next)}) {
		for n := x.first; n < x.end; n++ {
			if !refused.has(n) {
				return n
			}
		}
	}
	return f.next
}
