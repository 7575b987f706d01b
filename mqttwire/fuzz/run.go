package fuzz

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"mqtk/mqttwire"
)

// Options say what is to be tested and for how long.
type Options struct {
	Dial     func(ctx context.Context) (net.Conn, error)
	Process  Process            // the broker, if it is ours to start; nil: it is not
	Versions []mqttwire.Version // by turns; none: 5.0 twice and 3.1.1 once, as far as the broker speaks them
	Username *string            // of all clients
	Password []byte

	Seed     uint64
	First    int           // the number of the first case
	Count    int           // of cases; 0: no limit
	Time     time.Duration // of playing, in which new cases begin; 0: no limit
	Patience time.Duration // until silence is a hang, 0: 5 s
	Shrink   time.Duration // for making one finding smaller, 0: 30 s

	Progress func(Progress) // nil: none
	Found    func(*Finding) // called as soon as a finding is as small as it gets; nil: none
}

// A Process is a broker that can be started anew.
type Process interface {
	// Restart ends the process, if it runs, and starts one without a memory.
	Restart(ctx context.Context) error
	// Ended tells whether it is gone by itself, how, and what it said last;
	// it waits for that for the given time.
	Ended(wait time.Duration) (how string, lastWords []string, ended bool)
}

// Progress is how far a run is.
type Progress struct {
	Cases    int
	Steps    int
	Findings int
	Doing    string // besides playing cases; empty: nothing
}

// A Finding is trouble, and the smallest case that showed it.
type Finding struct {
	Trouble
	Case   Case
	Steps  int  // of the case as it was made up
	Seen   int  // how often the like of it came
	Again  bool // it came again when the case was played again
	Before int  // cases before it that had to be played, too; they are part of Case
	Script string
	Shows  bool // the script alone was seen to fail
	qos    int  // of the healthy pair in the script
}

// A Summary is what a run has come to.
type Summary struct {
	Seed     uint64
	Versions []mqttwire.Version
	Cases    int
	Steps    int
	Elapsed  time.Duration
	Findings []*Finding
	Doubtful []*Finding // rule-breaks and hangs that did not come again: no findings
	Stopped  string     // why the run could not go on to its end; empty: it did
}

// A hunt is a run under way.
type hunt struct {
	Options
	player   *player
	pair     *pair
	pairs    int
	versions []mqttwire.Version
	summary  *Summary
	seen     map[string]*Finding
	recent   []Case // what was played before, the last one at the end
	trail    *trail // of the cases, as far as it is not swept yet
	begun    time.Time
	shrunk   time.Duration // what making findings smaller took

	lost      error // why the broker is not there any more
	shrinking bool
	aside     []aside // crashes that came while another finding was made smaller
	qos       int     // the highest below 2 that the pair can have
}

// An aside is trouble that was not looked for.
type aside struct {
	c Case
	t Trouble
}

// recentCases is how many cases before one may have had a part in its trouble.
const recentCases = 16

// Run makes cases up and plays them until a limit or the end of ctx. An error
// means that it could not begin.
func Run(ctx context.Context, o Options) (*Summary, error) {
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	if o.Shrink == 0 {
		o.Shrink = 30 * time.Second
	}
	h := &hunt{Options: o, seen: make(map[string]*Finding), begun: time.Now(), trail: newTrail()}
	h.player = &player{dial: o.Dial, username: o.Username, password: o.Password, patience: o.Patience, news: make(chan struct{}, 1)}
	h.player.known = func(t *Trouble) bool { return h.seen[t.key()] != nil && !h.shrinking }
	h.summary = &Summary{Seed: o.Seed}
	if err := h.begin(ctx); err != nil {
		return nil, err
	}
	defer func() { h.pair.close() }()
	for n := o.First; ctx.Err() == nil && h.mayGoOn(n); n++ {
		c := Generate(o.Seed, n, h.versions[n%len(h.versions)])
		h.leaves(c.Steps, c.Version)
		t := h.try(ctx, &c)
		if ctx.Err() != nil {
			break
		}
		h.summary.Cases++
		h.summary.Steps += len(c.Steps)
		if t != nil && !h.found(ctx, c, t) {
			break
		}
		h.remember(c)
		if len(h.trail.sessions)+len(h.trail.topics) >= 100 {
			h.sweep(ctx)
		}
		h.tell("")
	}
	h.finish(ctx)
	h.summary.Elapsed = time.Since(h.begun)
	return h.summary, nil
}

// DefaultVersions are those that cases are made up in by turns.
func DefaultVersions() []mqttwire.Version {
	return []mqttwire.Version{mqttwire.V5, mqttwire.V5, mqttwire.V311}
}

func (h *hunt) mayGoOn(n int) bool {
	return (h.Count == 0 || n-h.First < h.Count) && (h.Time == 0 || time.Since(h.begun)-h.shrunk < h.Time)
}

func (h *hunt) tell(doing string) {
	if h.Progress != nil {
		h.Progress(Progress{h.summary.Cases, h.summary.Steps, len(h.summary.Findings), doing})
	}
}

// begin finds the versions that the broker speaks, and connects the pair.
func (h *hunt) begin(ctx context.Context) error {
	if h.Process != nil {
		if err := h.Process.Restart(ctx); err != nil {
			return err
		}
	}
	wanted := h.Options.Versions
	if len(wanted) == 0 {
		wanted = DefaultVersions()
	}
	var first error
	speaks := make(map[mqttwire.Version]bool)
	for _, v := range wanted {
		if _, known := speaks[v]; !known {
			err := h.newPair(ctx, v)
			if speaks[v] = err == nil; err == nil {
				h.pair.close()
			} else if first == nil {
				first = err
			}
		}
		if speaks[v] {
			h.versions = append(h.versions, v)
		}
	}
	if len(h.versions) == 0 {
		return fmt.Errorf("two clients cannot talk over the broker: %w", first)
	}
	h.summary.Versions = h.versions
	return h.newPair(ctx, h.versions[0])
}

// prefix is what the topics of the run begin with.
func (h *hunt) prefix() string { return "fz" + strconv.FormatUint(h.Seed, 36) }

// newPair connects a healthy pair, under names that no one had.
func (h *hunt) newPair(ctx context.Context, v mqttwire.Version) (err error) {
	h.pairs++
	name := h.prefix() + "/healthy" + strconv.Itoa(h.pairs)
	h.pair, err = newPair(ctx, h.player, v, name)
	h.player.pair = h.pair
	if err == nil {
		h.qos = min(1, h.pair.to.qos[1])
	}
	return err
}

// try plays a case and looks after the pair.
func (h *hunt) try(ctx context.Context, c *Case) *Trouble {
	t := h.player.play(ctx, c)
	h.player.stale = h.Process == nil && (h.player.stale || h.player.wild.Load())
	ill := h.pair.check(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if h.Process != nil {
		wait := time.Duration(0)
		if ill != nil {
			wait = time.Second // it may be about to go
		}
		if how, words, ended := h.Process.Ended(wait); ended {
			return &Trouble{Verdict: Crash, Text: "the broker has ended by itself: " + how, LastWords: words, mark: how + marked(words)}
		}
	}
	if ill != nil {
		return ill
	}
	return t
}

// marked is what the last words of one crash and of the next have in common:
// all but the digits of the lines that speak of a place.
func marked(words []string) string {
	mark := ""
	for _, w := range words {
		if len(mark) < 400 {
			for _, c := range w {
				if c < '0' || c > '9' {
					mark += string(c)
				}
			}
		}
	}
	return mark
}

// fresh has a broker that remembers nothing, or, where it is not ours, as
// little as can be, and a new pair.
func (h *hunt) fresh(ctx context.Context) error {
	defer func(patience time.Duration) { h.player.patience = patience }(h.player.patience)
	h.player.patience = h.Patience
	h.pair.close()
	if h.Process != nil {
		if err := h.Process.Restart(ctx); err != nil {
			return err
		}
		return h.newPair(ctx, h.versions[0])
	}
	var err error
	for deadline := time.Now().Add(2 * h.player.patience); ; {
		if err = h.newPair(ctx, h.versions[0]); err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			break
		}
		h.player.wait(ctx, 100*time.Millisecond, func() bool { return false })
	}
	if err == nil {
		h.sweep(ctx)
	}
	return err
}

// found deals with the trouble that a case showed, and tells whether the run
// can go on.
func (h *hunt) found(ctx context.Context, c Case, t *Trouble) bool {
	known := h.seen[t.key()]
	if known != nil && (!known.isDoubtful() || known.Seen >= 5) {
		known.Seen++
		if t.Verdict == RuleBreak {
			return true // the broker goes on as before
		}
	} else {
		f := &Finding{Trouble: *t, Case: c, Steps: len(c.Steps), Seen: 1, qos: h.qos}
		if known != nil {
			f.Seen += known.Seen
		}
		h.seen[t.key()] = f
		begun := time.Now()
		h.shrinking = true
		h.shrink(ctx, f)
		h.shrinking = false
		h.shrunk += time.Since(begun)
		h.add(f)
		for len(h.aside) > 0 && ctx.Err() == nil {
			next := h.aside[0]
			h.aside = h.aside[1:]
			if h.seen[next.t.key()] == nil {
				h.found(ctx, next.c, &next.t)
			}
		}
	}
	if h.summary.Stopped == "" && h.lives(ctx) {
		return true
	}
	if ctx.Err() == nil && h.Process == nil && !h.hasCrashed() {
		gone := &Finding{Trouble: Trouble{Verdict: Crash, Text: "the broker went away while this case was played again, and did not come back", mark: "refused"},
			Case: c, Steps: len(c.Steps), Seen: 1, qos: h.qos}
		if errors.Is(h.lost, errSilent) {
			gone.Verdict, gone.Text, gone.mark = Hang, "the broker fell silent while this case was played again, and answers no more", "CONNECT"
		}
		gone.Script = gone.script()
		h.add(gone)
	}
	return false
}

// hasCrashed tells whether it is found already that the broker is gone, or
// that it hangs.
func (h *hunt) hasCrashed() bool {
	return slices.ContainsFunc(h.summary.Findings, func(f *Finding) bool { return f.Verdict == Crash || f.Verdict == Hang })
}

// lives tells whether the broker is there, or comes back.
func (h *hunt) lives(ctx context.Context) bool {
	err := h.fresh(ctx)
	if err != nil && ctx.Err() == nil {
		h.summary.Stopped, h.lost = "the broker did not come back: "+err.Error(), err
	}
	return err == nil
}

// isDoubtful tells of a finding that it came once, and may be a matter of the
// machine's pace, or of what earlier cases left behind.
func (f *Finding) isDoubtful() bool {
	return !f.Again && (f.Verdict == RuleBreak || f.Verdict == Hang)
}

// add takes a finding up, unless a smaller look shows that it is one of those
// that are known.
func (h *hunt) add(f *Finding) {
	if f.isDoubtful() && h.summary.Stopped == "" {
		h.summary.Doubtful = slices.DeleteFunc(h.summary.Doubtful, func(other *Finding) bool { return other.key() == f.key() })
		h.summary.Doubtful = append(h.summary.Doubtful, f)
		return
	}
	for _, other := range h.summary.Findings {
		if other.Trouble.Verdict == f.Trouble.Verdict && other.Clause == f.Clause && other.Case.shape() == f.Case.shape() {
			other.Seen += f.Seen
			h.seen[f.key()] = other
			return
		}
	}
	h.summary.Findings = append(h.summary.Findings, f)
	if h.Found != nil {
		h.Found(f)
	}
}

// shape is what a case does, without the values.
func (c *Case) shape() string {
	var all string
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.Op <= Hold {
			all += fmt.Sprintf("%d%v%t ", s.Client, s.kind(), s.Text == "")
		}
	}
	return all
}

func (h *hunt) remember(c Case) {
	if len(h.recent) == recentCases {
		h.recent = append(h.recent[:0], h.recent[1:]...)
	}
	h.recent = append(h.recent, c)
}

// leaves notes what the steps may leave on a broker that is not ours.
func (h *hunt) leaves(steps []Step, v mqttwire.Version) {
	if h.Process == nil {
		h.trail.add(steps, v)
	}
}
