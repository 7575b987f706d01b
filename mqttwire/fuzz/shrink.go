package fuzz

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A shrinker makes a case smaller as long as it shows the same trouble.
type shrinker struct {
	h     *hunt
	want  *Trouble
	last  *Trouble // as the smallest case showed it
	until time.Time
	best  Case
}

// shrink plays the case of a finding again, makes it smaller, and writes it
// down.
func (h *hunt) shrink(ctx context.Context, f *Finding) {
	if h.Process == nil && !h.lives(ctx) {
		f.Script = f.script()
		return
	}
	s := &shrinker{h: h, want: &f.Trouble, until: time.Now().Add(h.Shrink), best: f.Case}
	patience := h.player.patience
	h.player.patience = min(patience, time.Second)
	if f.mark == "open" {
		h.player.patience = min(patience, 300*time.Millisecond)
	}
	for range 3 { // it may be a matter of luck
		if f.Again = f.Again || s.shows(ctx, f.Case.Steps); f.Again {
			break
		}
	}
	for before := 1; !f.Again && before <= len(h.recent) && ctx.Err() == nil && h.Process != nil; before *= 4 {
		f.Again = s.shows(ctx, joined(h.recent[len(h.recent)-before:], f.Case))
		f.Before = before
	}
	if f.Again {
		s.smaller(ctx)
		s.best.renumber()
		f.Case = s.best
	} else {
		f.Before = 0
	}
	h.player.patience = patience
	if f.Again {
		if s.shows(ctx, s.best.Steps) { // with all patience
			f.Trouble = *s.last
		}
	}
	if ctx.Err() == nil {
		h.write(ctx, f)
	}
}

// renumber counts the clients that are left from 1.
func (c *Case) renumber() {
	numbers := make(map[int]int)
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.Client > 0 && numbers[s.Client] == 0 {
			numbers[s.Client] = len(numbers) + 1
		}
		s.Client = numbers[s.Client]
	}
}

// joined are the steps of several cases in a row, each with clients of its own.
func joined(cases []Case, last Case) []Step {
	var all []Step
	most := 0
	for _, c := range append(slices.Clone(cases), last) {
		base := most
		for _, s := range c.Steps {
			if s.Client > 0 {
				s.Client += base
				most = max(most, s.Client)
			}
			all = append(all, s)
		}
	}
	return all
}

// shows plays steps against a fresh broker and keeps them if the trouble comes.
// A crash that comes in its place is kept for later.
func (s *shrinker) shows(ctx context.Context, steps []Step) bool {
	if ctx.Err() != nil || len(steps) == 0 {
		return false
	}
	if s.h.fresh(ctx) != nil {
		if s.h.Process == nil {
			s.until = time.Time{} // it does not come back
		}
		return false
	}
	s.h.tell("making case " + strconv.Itoa(s.best.Number) + " smaller: " + strconv.Itoa(len(s.best.Steps)) + " steps")
	c := s.best
	c.Steps = steps
	s.h.leaves(c.Steps, c.Version)
	t := s.h.try(ctx, &c)
	if !s.want.isLike(t) {
		if t != nil && t.Verdict == Crash && s.h.seen[t.key()] == nil {
			s.h.aside = append(s.h.aside, aside{c, *t})
		}
		return false
	}
	s.best, s.last = c, t
	return true
}

// smaller leaves out clients, then steps, then parts of steps, until nothing
// more can go or time is up.
func (s *shrinker) smaller(ctx context.Context) {
	for s.hasTime(ctx) {
		size := s.size()
		s.clients(ctx)
		s.steps(ctx)
		s.parts(ctx)
		if s.size() == size {
			return
		}
	}
}

func (s *shrinker) hasTime(ctx context.Context) bool {
	return ctx.Err() == nil && time.Now().Before(s.until)
}

// size is what has to become less.
func (s *shrinker) size() int {
	n := 0
	for i := range s.best.Steps {
		n += 1 + len(s.best.Steps[i].Text) + 4*len(s.best.Steps[i].Raw) + int(s.best.Steps[i].Op)
	}
	return n
}

func (s *shrinker) clients(ctx context.Context) {
	var numbers []int
	for _, st := range s.best.Steps {
		if st.Client > 0 && !slices.Contains(numbers, st.Client) {
			numbers = append(numbers, st.Client)
		}
	}
	for _, n := range numbers {
		if s.hasTime(ctx) {
			s.shows(ctx, slices.DeleteFunc(slices.Clone(s.best.Steps), func(st Step) bool { return st.Client == n }))
		}
	}
}

// steps leaves out runs of steps, long ones first.
func (s *shrinker) steps(ctx context.Context) {
	for size := len(s.best.Steps) / 2; size > 0; size /= 2 {
		for at := 0; at < len(s.best.Steps) && s.hasTime(ctx); {
			end := min(at+size, len(s.best.Steps))
			if !s.shows(ctx, slices.Delete(slices.Clone(s.best.Steps), at, end)) {
				at = end
			}
		}
	}
}

// parts puts simpler steps in place of what they are.
func (s *shrinker) parts(ctx context.Context) {
	s.pieces(ctx)
	for i := 0; i < len(s.best.Steps); i++ {
		for again := true; again; {
			again = false
			for _, simpler := range simpler(s.best.Steps[i], s.best.Version) {
				if !s.hasTime(ctx) {
					return
				}
				steps := slices.Clone(s.best.Steps)
				steps[i] = simpler
				if s.shows(ctx, steps) {
					again = true
					break
				}
			}
		}
	}
}

// pieces puts packets together again that were sent in two writes.
func (s *shrinker) pieces(ctx context.Context) {
	for i := 0; i+1 < len(s.best.Steps) && s.hasTime(ctx); {
		a, b := s.best.Steps[i], s.best.Steps[i+1]
		if a.Client != b.Client || len(a.Raw) == 0 || len(b.Raw) == 0 {
			i++
			continue
		}
		whole := stepOf(a.Client, b.Op, slices.Concat(a.Raw, b.Raw), s.best.Version)
		if !s.shows(ctx, slices.Replace(slices.Clone(s.best.Steps), i, i+2, whole)) {
			i++
		}
	}
}

// simpler are steps that do a little less than one, the boldest first.
func simpler(s Step, v mqttwire.Version) []Step {
	var all []Step
	if s.Op == Hold {
		sent := s
		sent.Op = Send
		all = append(all, sent)
	}
	switch {
	case s.Op > Hold:
		return nil
	case s.Text != "":
		return append(all, simplerText(s, v)...)
	}
	for _, b := range simplerBytes(s.Raw) {
		all = append(all, stepOf(s.Client, s.Op, b, v))
	}
	return all
}

func simplerText(s Step, v mqttwire.Version) (all []Step) {
	line, err := mqttwire.ParseLine(s.Text)
	if err != nil {
		return nil
	}
	try := func(fields []mqttwire.Field) {
		c := s
		c.Text = mqttwire.Line{Type: line.Type, Reasons: line.Reasons, Fields: fields}.String()
		if _, err := c.bytes(v); err == nil && c.Text != s.Text {
			all = append(all, c)
		}
	}
	for i, f := range line.Fields {
		if f.Key != "version" && f.Key != "clean-start" && f.Key != "client-id" {
			try(slices.Delete(slices.Clone(line.Fields), i, i+1))
		}
		if before, digits, ok := strings.Cut(f.Value, "*"); ok {
			if n, err := strconv.Atoi(digits); err == nil && n > 0 {
				fields := slices.Clone(line.Fields)
				fields[i].Value = before + "*" + strconv.Itoa(n/2)
				try(fields)
			}
		}
	}
	return all
}

// simplerBytes leave a piece out; where the bytes are a packet of the length
// that they say, they are that afterwards, too, or not.
func simplerBytes(b []byte) (all [][]byte) {
	head := 0
	if len(b) > 0 && packetLen(b) == len(b) {
		head = 1
		for b[head] >= 128 {
			head++
		}
		head++
	}
	least := 1
	if len(b) > 200 {
		least = len(b) / 32
	}
	for size := max(len(b)/2, 1); size >= least; size /= 2 {
		for at := head; at+size <= len(b); at += size {
			rest := slices.Delete(slices.Clone(b), at, at+size)
			if head > 0 {
				body := rest[head:]
				all = append(all, append(appendVarint([]byte{b[0]}, uint32(len(body)), 0), body...))
			}
			if len(rest) > 0 {
				all = append(all, rest)
			}
		}
	}
	return all
}
