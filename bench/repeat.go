package bench

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Runner carries out a plan: Run, or what stands in for it.
type Runner func(ctx context.Context, p Plan) (*Result, error)

// Repeat carries out the plan n times, one after the other, and merges what came
// of it. tell, if not nil, hears of each run, from 0. When ctx ends, or a run did
// not take place, the result is of the runs before, and of that run itself if there
// are none; the error is that of the run.
func Repeat(ctx context.Context, p Plan, n int, run Runner, tell func(i int, r *Result)) (*Result, error) {
	var runs []*Result
	var err error
	for i := range n {
		var r *Result
		if r, err = run(ctx, p); err != nil {
			if i == 0 {
				return r, err
			}
			err = fmt.Errorf("run %d of %d: %w", i+1, n, err)
			break
		}
		if i > 0 && r.Interrupted && r.Seconds == 0 {
			break // it has nothing to add
		}
		runs = append(runs, r)
		if tell != nil {
			tell(i, r)
		}
		if ctx.Err() != nil {
			break
		}
	}
	merged := Merge(runs)
	switch {
	case merged == nil:
	case ctx.Err() != nil && err == nil:
		merged.Notes = append(merged.Notes, fmt.Sprintf("the test was ended in run %d of %d", len(runs), n))
	case len(runs) < n:
		merged.Notes = append(merged.Notes, fmt.Sprintf("only %d of %d runs took place", len(runs), n))
	}
	return merged, err
}

// Merge is the sum of runs of one plan, nil if there are none, and the run itself
// if it is alone. Messages, seconds and CPU time are added up, so that what is
// reckoned from them - messages a second, CPU time for a message - is that of all
// runs together; histograms are added up; the series stand one after the other,
// as do the times they are of. What cannot be added is the greatest, or the median,
// of the runs. Failures and notes are those of any run, and say of which.
// Objectives are left to be judged by the sum.
func Merge(runs []*Result) *Result {
	switch len(runs) {
	case 0:
		return nil
	case 1:
		return runs[0]
	}
	m := *runs[0]
	m.Runs, m.Judged = runs, nil
	m.Interrupted = slices.ContainsFunc(runs, func(r *Result) bool { return r.Interrupted })
	m.Seconds, m.Counts, m.Connections, m.Phases, m.Series = 0, Counts{}, Connections{}, nil, nil
	for _, r := range runs {
		for _, p := range r.Series {
			p.At += m.Seconds
			m.Series = append(m.Series, p)
		}
		m.Seconds += r.Seconds
		m.Counts.add(&r.Counts)
		m.Connections.add(&r.Connections)
		m.addPhases(r.Phases)
	}
	m.Latency = mergeHistograms(runs, func(r *Result) *Histogram { return r.Latency })
	m.Service = mergeHistograms(runs, func(r *Result) *Histogram { return r.Service })
	m.Acknowledge = mergeHistograms(runs, func(r *Result) *Histogram { return r.Acknowledge })
	m.Connect = mergeHistograms(runs, func(r *Result) *Histogram { return r.Connect })
	m.Generator = mergeGenerators(runs)
	m.Broker = mergeProcesses(runs)
	m.Failures = nil
	for _, kind := range []FailureKind{BrokenPromise, BadSum, LostConnection, NotAllowed, NotConnected} {
		for _, text := range unite(runs, func(r *Result) []string { return r.failures(kind) }) {
			m.Failures = append(m.Failures, Failure{kind, text})
		}
	}
	m.Notes = unite(runs, func(r *Result) []string { return r.Notes })
	return &m
}

func (c *Counts) add(o *Counts) {
	c.Sent += o.Sent
	c.Acknowledged += o.Acknowledged
	c.Refused += o.Refused
	c.Unacknowledged += o.Unacknowledged
	c.Unsent += o.Unsent
	c.StrayAcks += o.StrayAcks
	c.Expected += o.Expected
	c.Delivered += o.Delivered
	c.Lost += o.Lost
	c.Duplicated += o.Duplicated
	c.Reordered += o.Reordered
	c.Disordered += o.Disordered
	c.Foreign += o.Foreign
	c.Corrupted += o.Corrupted
	c.WrongQoS += o.WrongQoS
	c.BytesSent += o.BytesSent
	c.BytesReceived += o.BytesReceived
}

// add counts every connection of every run.
func (c *Connections) add(o *Connections) {
	c.Wanted += o.Wanted
	c.Opened += o.Opened
	c.Lost += o.Lost
	c.Seconds += o.Seconds
	c.MaxOpen = max(c.MaxOpen, o.MaxOpen)
	c.Refused = addCounts(c.Refused, o.Refused)
	c.Failed = addCounts(c.Failed, o.Failed)
}

func addCounts(to, from map[string]int) map[string]int {
	if to == nil {
		return maps.Clone(from)
	}
	for name, n := range from {
		to[name] += n
	}
	return to
}

// addPhases adds each phase to the one of its name.
func (r *Result) addPhases(phases []Phase) {
	for _, p := range phases {
		i := slices.IndexFunc(r.Phases, func(q Phase) bool { return q.Name == p.Name })
		if i < 0 {
			r.Phases = append(r.Phases, p)
			continue
		}
		r.Phases[i].Count += p.Count
		r.Phases[i].Seconds += p.Seconds
	}
}

// mergeHistograms is nil if none of the runs has one.
func mergeHistograms(runs []*Result, of func(*Result) *Histogram) *Histogram {
	var all *Histogram
	for _, r := range runs {
		h := of(r)
		if h == nil {
			continue
		}
		if all == nil {
			all = &Histogram{}
		}
		all.Add(h)
	}
	return all
}

func mergeGenerators(runs []*Result) Generator {
	all := runs[0].Generator
	all.CPUSeconds, all.CPUOfThreads, all.Limited, all.RSS = 0, true, false, 0
	var busy, seconds, waiting, known float64
	for _, r := range runs {
		g := &r.Generator
		all.CPUSeconds += g.CPUSeconds
		all.CPUOfThreads = all.CPUOfThreads && g.CPUOfThreads
		all.RSS = max(all.RSS, g.RSS)
		all.Limited = all.Limited || g.Limited
		busy, seconds = busy+g.Busy*r.Seconds, seconds+r.Seconds
		if g.Waiting >= 0 {
			waiting, known = waiting+g.Waiting*r.Seconds, known+r.Seconds
		}
	}
	all.Busy, all.Waiting = 0, -1
	if seconds > 0 {
		all.Busy = busy / seconds
	}
	if known > 0 {
		all.Waiting = waiting / known
	}
	all.Lag = mergeHistograms(runs, func(r *Result) *Histogram { return r.Generator.Lag })
	all.PerConnection = medianKnown(runs, func(r *Result) int64 { return r.Generator.PerConnection })
	all.Why = whyLimited(runs)
	return all
}

// whyLimited is what the first limited run says, and how many were.
func whyLimited(runs []*Result) (why string) {
	n := 0
	for _, r := range runs {
		if r.Generator.Limited {
			if n++; n == 1 {
				why = r.Generator.Why
			}
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%d of %d runs)", why, n, len(runs))
}

// mergeProcesses is nil unless the broker was watched in every run: its CPU time
// would be of fewer messages than are counted.
func mergeProcesses(runs []*Result) *Process {
	all := &Process{}
	for _, r := range runs {
		b := r.Broker
		if b == nil {
			return nil
		}
		all.PID, all.RSS = b.PID, max(all.RSS, b.RSS)
		all.Seconds += b.Seconds
		all.CPUSeconds += b.CPUSeconds
		all.PeakRSS = max(all.PeakRSS, b.PeakRSS)
		all.HighRSS = max(all.HighRSS, b.HighRSS)
		all.Threads = max(all.Threads, b.Threads)
	}
	all.PerConnection = medianKnown(runs, func(r *Result) int64 { return r.Broker.PerConnection })
	return all
}

// medianKnown is the median of what is not 0.
func medianKnown(runs []*Result, of func(*Result) int64) int64 {
	var values []float64
	for _, r := range runs {
		if v := of(r); v != 0 {
			values = append(values, float64(v))
		}
	}
	if len(values) == 0 {
		return 0
	}
	return int64(Median(values))
}

func (r *Result) failures(kind FailureKind) (texts []string) {
	for _, f := range r.Failures {
		if f.Kind == kind {
			texts = append(texts, f.Text)
		}
	}
	return texts
}

// unite is each text of any run once, and begins it with the runs that say so if
// they are not all.
func unite(runs []*Result, of func(*Result) []string) (texts []string) {
	said := map[string][]int{}
	for i, r := range runs {
		for _, text := range of(r) {
			if said[text] == nil {
				texts = append(texts, text)
			}
			if !slices.Contains(said[text], i+1) {
				said[text] = append(said[text], i+1)
			}
		}
	}
	for i, text := range texts {
		if in := said[text]; len(in) < len(runs) {
			texts[i] = whichRuns(in) + ": " + text
		}
	}
	return texts
}

func whichRuns(numbers []int) string {
	if len(numbers) == 1 {
		return "run " + strconv.Itoa(numbers[0])
	}
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	last := len(words) - 1
	return "runs " + strings.Join(words[:last], ", ") + " and " + words[last]
}
