package commands

import (
	"os"
	"sync/atomic"
	"time"

	"mqtk/bench"
	"mqtk/mqttwire"
)

// progress is the line of pub, for streams that nobody types.
func (o *pubOptions) progress(p *program) *progress {
	if !o.many() || isTerminal(o.input) {
		return nil
	}
	return p.newProgress(o.Debug)
}

// standing tells how a stream to so many topics stands.
func (o *pubOptions) standing(t *tally, topics int) func() standing {
	return func() standing {
		t.mu.Lock()
		s := standing{count: uint64(t.taken), noun: "published"}
		refused := t.refused
		t.mu.Unlock()
		if o.input != nil {
			s.part, s.paced = partRead(o.input), o.Replay != "" && o.Interval == 0 && o.Speed > 0
		} else if o.Repeat > 0 {
			s.total = uint64(o.Repeat) * uint64(topics)
		}
		if refused > 0 {
			s.notes = append(s.notes, bench.FormatCount(float64(refused))+" refused")
		}
		if unsent := t.Unsent(); unsent > 0 {
			s.notes = append(s.notes, bench.FormatCount(float64(unsent))+" unacknowledged")
		}
		s.notes = append(s.notes, t.absence()...)
		return s
	}
}

// absence tells of a connection that is not there.
func (l *link) absence() []string {
	if l.away.Load() {
		return []string{"no connection"}
	}
	return nil
}

// A counter is a taker that counts, for others to look at.
type counter struct{ messages, bytes atomic.Uint64 }

func (c *counter) take(m *mqttwire.Publish, _ time.Time) error {
	c.messages.Add(1)
	c.bytes.Add(uint64(len(m.Payload)))
	return nil
}

func (c *counter) flush() error { return nil }
func (c *counter) close() error { return nil }

// makeProgress is for runs whose messages go elsewhere than to the terminal, or
// to a reader who may draw there.
func (s *subscriber) makeProgress() (line *progress, stand func() standing) {
	out, ok := s.p.Out.(*os.File)
	if !ok || isTerminal(out) && s.o.prints() {
		return nil, nil
	}
	if info, err := out.Stat(); err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
		return nil, nil
	}
	if line = s.p.newProgress(s.o.Debug); line == nil {
		return nil, nil
	}
	c := &counter{}
	s.takers = append(s.takers, c)
	return line, func() standing {
		notes := []string{bench.FormatBytes(float64(c.bytes.Load()))}
		return standing{
			count: c.messages.Load(), total: uint64(s.o.Count), noun: "messages", notes: append(notes, s.absence()...),
		}
	}
}
