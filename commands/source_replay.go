package commands

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// openRecording opens the file of --replay.
func (o *pubOptions) openRecording(p *program, v override) (source, error) {
	in, name := p.In, "stdin"
	if o.Replay != "-" {
		file, err := openFile(p, "replay", o.Replay)
		if err != nil {
			return nil, err
		}
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return nil, usagef("--replay %s: is a directory", o.Replay)
		}
		in, name = file, o.Replay // it is read to the end of the process
	}
	o.input = in
	s := &messageLines{lines: newLines(name, in, "\n"), override: v}
	s.torn = func(err error) { p.warn("%v: left out", err) }
	if o.Interval > 0 {
		o.Speed = 0 // it sets the pace
	}
	s.clock = &replayClock{speed: o.Speed, from: o.From, to: o.To, say: p.warn}
	return s, nil
}

// A replayClock gives the messages of a recording their time.
type replayClock struct {
	speed    replaySpeed
	from, to moment
	say      func(format string, a ...any)

	origin time.Time // of the first message of the recording
	first  time.Time // of the first one that is sent, which was
	start  time.Time // at this time
	last   time.Time // when the one before is due

	count          int       // of the messages
	oldest, newest time.Time // of them
}

// plan tells whether a message of a time is to be sent, and when.
func (c *replayClock) plan(at time.Time) (due time.Time, inside bool, err error) {
	if at.IsZero() {
		return due, false, errors.New(`neither "ts" nor "tst" says when: --jsonl publishes lines without a time`)
	}
	if c.count++; c.count == 1 {
		c.origin, c.oldest, c.newest = at, at, at
	}
	if at.Before(c.oldest) {
		c.oldest = at
	}
	if at.After(c.newest) {
		c.newest = at
	}
	if c.from.set && at.Before(c.from.of(c.origin)) || c.to.set && at.After(c.to.of(c.origin)) {
		return due, false, nil
	}
	if c.first.IsZero() {
		c.first, c.start = at, time.Now()
		c.last = c.start
	}
	due = c.start.Add(c.speed.scale(at.Sub(c.first)))
	if wait := due.Sub(c.last); wait >= longWait {
		c.say("the next message comes in %s: --speed and --from shorten the wait", wait.Round(time.Second))
	}
	c.last = due
	return due, true, nil
}

// missed tells, at the end, that the window was beside all messages.
func (c *replayClock) missed() error {
	if c.count == 0 || !c.first.IsZero() {
		return nil
	}
	return fmt.Errorf("no message of %d lies between --from and --to: they are of %s to %s", c.count, c.oldest.Format(time.RFC3339Nano), c.newest.Format(time.RFC3339Nano))
}

// longWait for a message is one that looks as if mqtk hung.
const longWait = time.Minute

// A replaySpeed is how many times as fast as recorded; 0 is without any wait.
type replaySpeed float64

func (s replaySpeed) scale(d time.Duration) time.Duration {
	if s == 0 {
		return 0
	}
	scaled := float64(d) / float64(s)
	switch {
	case scaled >= math.MaxInt64:
		return math.MaxInt64
	case scaled <= math.MinInt64:
		return math.MinInt64
	}
	return time.Duration(scaled)
}

// toSpeed reads 2, 0.5, 10x or max.
func toSpeed(into *replaySpeed) func(string) error {
	return func(s string) error {
		if s == "max" {
			*into = 0
			return nil
		}
		n, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
		if err != nil || !(n >= 1e-6 && n <= 1e9) {
			return fmt.Errorf("must be a factor such as 2 or 0.5, or max")
		}
		*into = replaySpeed(n)
		return nil
	}
}

// A moment is a time, or so long after the first message of a recording.
type moment struct {
	set   bool
	at    time.Time
	after time.Duration // where at is zero
}

// before tells moments that are in the wrong order for any recording.
func (m moment) before(other moment) bool {
	if m.at.IsZero() != other.at.IsZero() {
		return false
	}
	return m.set && other.set && (m.at.Before(other.at) || m.after < other.after)
}

func (m moment) of(origin time.Time) time.Time {
	if m.at.IsZero() {
		return origin.Add(m.after)
	}
	return m.at
}

func toMoment(into *moment) func(string) error {
	return func(s string) error {
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			*into = moment{set: true, at: at}
			return nil
		}
		after, err := parseDuration(s)
		if err != nil {
			return fmt.Errorf("must be a time such as 2026-11-22T08:30:00Z, or an offset from the first message such as 90 or 1m30s")
		}
		*into = moment{set: true, after: after}
		return nil
	}
}
