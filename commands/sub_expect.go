package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/commands/condition"
	"mqtk/commands/expect"
	"mqtk/mqttwire"
)

// expectOptions are the flags of sub that judge what comes.
type expectOptions struct {
	Expect, Report []string
	Seq            *string // empty: the number that the payload begins with

	expectations []*expect.Expectation
	number       *condition.Field
}

func (o *expectOptions) flags() []cli.Flag {
	seq := valued("seq", "check that the number in each payload, or in `FIELD` such as payload.n, is one more than the one before on its topic", toStringOrEmpty(&o.Seq))
	seq.Value.(*setter).arity = fieldArity
	return inCategory("Judgement",
		valued("expect", "end with 10 unless what comes is as `EXPR` says, such as 'payload=open within 5s', 'count>=3', 'every qos=1', 'never payload.error' (repeatable): see EXPECTATIONS in the man page", toList(&o.Expect)),
		seq,
		valued("report", "write the judgement to a file, too, as `tap=FILE` or junit=FILE (repeatable)", toReport(&o.Report)))
}

// fieldArity lets --seq stand without its field: another word is taken for one
// where it can hardly be a filter.
func fieldArity(next []string) int {
	if next == nil { // --seq=FIELD
		return 1
	}
	if len(next) > 0 && (next[0] == "payload" || hasAnyPrefix(next[0], "payload.", "payload[", "user.", "user[", "topic[")) {
		return 1
	}
	return 0
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func toReport(into *[]string) func(string) error {
	return func(s string) error {
		form, path, _ := strings.Cut(s, "=")
		switch known := form == "tap" || form == "junit"; {
		case known && path == "":
			return fmt.Errorf("names no file: %s=FILE", form)
		case known && path == "-":
			return fmt.Errorf("is no file: %s=/dev/stdout is stdout", form)
		case !known:
			return errors.New("must be tap=FILE or junit=FILE")
		}
		*into = append(*into, s)
		return nil
	}
}

// judges tells whether anything is judged.
func (o *expectOptions) judges() bool { return len(o.Expect) > 0 || o.Seq != nil }

// parse reads the expectations.
func (o *expectOptions) parse() error {
	for _, text := range o.Expect {
		e, err := expect.Parse(text)
		if err != nil {
			return pointAt("--expect", text, err)
		}
		o.expectations = append(o.expectations, e)
	}
	if o.Seq != nil {
		text := *o.Seq
		if text == "" {
			text = "payload"
		}
		var err error
		if o.number, err = condition.ParseField(text); err != nil {
			return pointAt("--seq", text, err)
		}
	}
	if len(o.Report) > 0 && !o.judges() {
		return usagef("--report tells of --expect and --seq: give one of them")
	}
	return nil
}

// newTrial makes the trial that the flags ask for, nil if none, and opens its
// reports: there should be a place for them before anything is waited for.
func (o *subOptions) newTrial(s *subscriber) (*trial, error) {
	if !o.judges() {
		return nil, nil
	}
	if o.ExitAfterSubscribe {
		return nil, usagef("--exit-after-subscribe ends before there is anything to judge: leave it out, or --expect and --seq")
	}
	if slices.Contains(s.p.line.words(), "within") && len(o.Expect) > 0 {
		return nil, usagef("within stands outside of --expect: put both in quotes, as in --expect '%s within 5s'", strings.Join(o.Expect, " "))
	}
	for _, e := range o.expectations {
		if o.Timeout > 0 && e.Within() > o.Timeout {
			return nil, usagef("--expect %s: -W/--timeout ends before that time", e)
		}
	}
	t := &trial{s: s, number: o.number}
	if len(o.expectations) > 0 {
		var err error
		if t.Trial, err = expect.NewTrial(o.expectations, o.lasts()); err != nil {
			f := usagef("--expect %w", err)
			if errors.As(err, new(*expect.Unbounded)) {
				f.Hints = []string{"add a time, as in --expect '" + o.Expect[0] + " within 5s', or one of -W, -C and --idle"}
			}
			return nil, f
		}
	}
	if t.number != nil {
		t.sequence = &expect.Sequence{}
	}
	for _, report := range o.Report {
		form, path, _ := strings.Cut(report, "=")
		file, err := openReport("--report "+report, path)
		if err != nil {
			t.closeReports()
			return nil, err
		}
		t.reports = append(t.reports, trialReport{form, file})
	}
	return t, nil
}

// lasts tells whether anything but expectations ends sub.
func (o *subOptions) lasts() bool {
	return o.Timeout > 0 || o.Count > 0 || o.RetainedOnly || o.Idle > 0 || o.UntilRetainedEnd
}

// A trial is the goal of --expect and --seq.
type trial struct {
	s       *subscriber
	number  *condition.Field
	reports []trialReport
	said    int // about the sequence

	mu sync.Mutex // guards what follows
	*expect.Trial
	sequence *expect.Sequence
	started  time.Time
	over     bool
	timer    *time.Timer
}

type trialReport struct {
	form string
	file *reportFile
}

// start is called when the broker has granted the subscriptions, or with the
// first message, which may come before.
func (t *trial) start(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin(at)
}

// begin starts the clock; t.mu is held.
func (t *trial) begin(at time.Time) {
	if !t.started.IsZero() {
		return
	}
	t.started = at
	if t.Trial != nil {
		t.Trial.Start(at)
		t.schedule(at)
	}
}

// schedule has time judge; t.mu is held.
func (t *trial) schedule(now time.Time) {
	if due, ok := t.Next(); ok {
		t.timer = time.AfterFunc(due.Sub(now), t.tick)
	}
}

// tick has time judge, unless silence only means that nobody speaks any more.
func (t *trial) tick() {
	ctx, cancel := context.WithTimeout(t.s.ctx, trialPatience)
	defer cancel()
	gone := t.s.away.Load() || t.s.Ping(ctx) != nil
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	select {
	case <-t.s.done:
		return
	default:
	}
	if gone {
		t.s.stop(errNobodyThere())
		return
	}
	if t.over = t.Tick(now); t.over {
		t.s.finish()
		return
	}
	t.schedule(now)
}

const trialPatience = 5 * time.Second // with a broker that has a ping to answer

func errNobodyThere() error {
	return fail(exitLost, errors.New("the time was over without a connection to the broker: that nothing came means nothing"))
}

// take judges a message, which s.seen stands for.
func (t *trial) take(m *mqttwire.Publish, at time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin(at)
	if t.sequence != nil {
		t.takeNumber(m)
	}
	if t.Trial != nil && !t.over {
		if t.over = t.Take(&t.s.seen, at); t.over {
			t.s.finish()
		}
	}
	return nil
}

const sequenceLines = 20 // on stderr; what is wrong after that is counted

// takeNumber checks the number of a message. What was retained before is no part
// of the stream that comes; where live messages keep their mark, only the first
// of a topic can be such a one.
func (t *trial) takeNumber(m *mqttwire.Publish) {
	marked := t.s.o.keepsRetain() && t.s.spoken() == mqttwire.V5
	if m.Retain && !marked {
		return
	}
	n, ok := t.number.Count(&t.s.seen)
	wrong := "has no number in " + t.number.String()
	if ok {
		wrong = t.sequence.Take(m.Topic, n, m.Dup && m.QoS == 1, m.Retain)
	} else {
		t.sequence.Unnumbered++
	}
	if wrong == "" || t.said > sequenceLines {
		return
	}
	if t.said++; t.said > sequenceLines {
		t.s.say("seq: what else is wrong is counted")
		return
	}
	t.s.say("seq %s: %s", m.Topic, wrong)
}

func (t *trial) flush() error { return nil }
func (t *trial) close() error { return nil }

// open tells whether an expectation is.
func (t *trial) open() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Trial != nil && !t.over
}

// verdict is told by conclude, which knows how the run ended.
func (t *trial) verdict() error { return nil }

// conclude judges what is still open, tells the verdict, and gives the error
// that sub ends with: outcome is what it would be without a trial, counted
// whether -C is satisfied or was not given. Time that runs out is the end of
// what is judged, and no failure.
func (t *trial) conclude(outcome error, counted bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.closeReports()
	if t.timer != nil {
		t.timer.Stop()
	}
	code := exitDone
	if outcome != nil {
		code = classify(outcome).Code
	}
	if code == exitTimeout && t.s.away.Load() && !t.over {
		outcome, code = errNobodyThere(), exitLost
	}
	v := &trialVerdict{duration: time.Since(t.started)}
	if t.started.IsZero() {
		v.duration = 0
	}
	if ended := code == exitDone || code == exitPartly || code == exitTimeout; ended && !t.started.IsZero() {
		t.end(code != exitTimeout)
	} else {
		v.broken = outcome
	}
	v.add(t)
	if err := t.tell(v); err != nil {
		return err
	}
	switch {
	case v.failed > 0 && t.s.p.json:
		return fail(exitUnexpected, fmt.Errorf("%d of %s failed", v.failed, plural(len(v.results), "expectation", "expectations")))
	case v.failed > 0:
		return fail(exitUnexpected, nil)
	case code == exitTimeout && counted && v.broken == nil:
		return t.s.refused
	}
	return outcome
}

// end judges what was open up to the end; t.mu is held.
func (t *trial) end(early bool) {
	if t.Trial != nil {
		t.Trial.End(time.Now(), early)
	}
}

// tell writes the verdict to stderr and to the reports.
func (t *trial) tell(v *trialVerdict) (err error) {
	switch p := t.s.p; {
	case p.quiet, !t.s.greeted.Load(): // the error says it all
	case p.json:
		_ = writeJSON(p.Err, v.object())
	default:
		io.WriteString(p.Err, v.text(p.inkFor(p.Err)))
	}
	for _, r := range t.reports {
		write := v.writeTAP
		if r.form == "junit" {
			write = v.writeJUnit
		}
		if problem := r.file.write(write); problem != nil {
			err = fail(exitFailed, problem)
		}
	}
	return err
}

func (t *trial) closeReports() {
	for _, r := range t.reports {
		r.file.close()
	}
}
