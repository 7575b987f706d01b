package commands

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// endOptions are the ways of sub to end by itself, when it is quiet or when all
// that is retained has come.
type endOptions struct {
	Idle             time.Duration
	UntilRetainedEnd bool
}

func (o *endOptions) flags() []cli.Flag {
	return inCategory("End",
		valued("idle", "end when no message has come for `TIME`; those left out do not count, nor does the time without a connection", toPositiveDuration(&o.Idle)),
		onOff("until-retained-end", "end when all retained messages have come", &o.UntilRetainedEnd))
}

func (o *endOptions) check(all *subOptions) error {
	switch {
	case !o.UntilRetainedEnd:
		return nil
	case all.NoRetained:
		return usagef("--until-retained-end waits for retained messages, and --no-retained leaves them out")
	case all.RetainHandling != nil && *all.RetainHandling != 0:
		return usagef("--until-retained-end needs all retained messages: leave --retain-handling out")
	}
	return nil
}

// ends is what a subscriber knows of its ends. The zero value knows of none.
type ends struct {
	idle     bool
	retained *retainedEnd // nil: it is not waited for
	last     atomic.Int64 // when a message was taken, by the clock of start; kept where idle
	start    time.Time
}

// A retainedEnd waits for the sentinel behind what is retained. On 3.x, where
// nothing expires, it stays on the broker if the process is killed in between. A
// will that removes it was tried: a broker that retains nothing, or that lets us
// publish nothing, then refuses the connection.
type retainedEnd struct {
	sentinel sentinel
	last     atomic.Int64  // when anything retained came
	came     chan struct{} // closed when the sentinel has come
	once     sync.Once
	over     atomic.Bool
	acked    atomic.Bool  // some that is retained waits for our answers
	raising  atomic.Bool  // the sentinel is under way to the broker
	losses   atomic.Int32 // of the connection meanwhile
}

// lossesForSentinel of a connection in a row, each while the sentinel is under
// way, are no accident: on 3.x closing is all that a broker can say that retains
// nothing.
const lossesForSentinel = 2

// retrying tells why the next attempt follows, and gives up on a broker that
// closes each connection upon the sentinel.
func (s *subscriber) retrying(cause error, wait time.Duration) error {
	r := s.ends.retained
	if r != nil && r.raising.Load() && s.spoken() != mqttwire.V5 && r.losses.Add(1) == lossesForSentinel {
		enough := fail(exitLost, cause, "the broker closes the connection each time upon the message that marks the end: it may retain none",
			"--idle 1 ends without such a mark")
		s.stop(enough)
		return enough
	}
	return s.again(cause, wait)
}

// makeEnds makes those that the flags ask for.
func (s *subscriber) makeEnds() {
	s.ends.start, s.ends.idle = time.Now(), s.o.Idle > 0
	if s.o.UntilRetainedEnd {
		s.ends.retained = &retainedEnd{sentinel: sentinel{topic: sentinelPrefix + randomID()}, came: make(chan struct{})}
	}
}

// open tells that retained messages are still waited for.
func (e *ends) open() bool { return e.retained != nil && !e.retained.over.Load() }

// granted notes at which QoS messages come.
func (e *ends) granted(reasons []mqttwire.ReasonCode) {
	if e.retained == nil {
		return
	}
	for _, reason := range reasons {
		if reason < mqttwire.UnspecifiedError {
			e.retained.sentinel.qos = max(e.retained.sentinel.qos, mqttwire.QoS(reason))
		}
	}
}

// took notes that a message was taken.
func (e *ends) took(now time.Time) {
	if e.idle {
		e.last.Store(int64(now.Sub(e.start)))
	}
}

// sees looks for the sentinel; no sentinel is a message of the user's.
func (e *ends) sees(m *mqttwire.Publish) bool {
	r := e.retained
	if r == nil {
		return false
	}
	if m.Retain {
		r.last.Store(int64(time.Since(e.start)))
	}
	if !strings.HasPrefix(m.Topic, sentinelPrefix) {
		if m.Retain && m.QoS > 0 {
			r.acked.Store(true)
		}
		return false
	}
	if m.Topic == r.sentinel.topic && m.Retain && len(m.Payload) > 0 && r.meant(m) {
		r.once.Do(func() { close(r.came) })
	}
	return true
}

// meant tells the sentinel that its own subscription brings from a copy that
// other filters have matched and whose retain mark was kept.
func (r *retainedEnd) meant(m *mqttwire.Publish) bool {
	if r.sentinel.identifier == 0 {
		return true
	}
	for p := range m.Properties.All() {
		if p.ID == mqttwire.SubscriptionIdentifier && p.Number == r.sentinel.identifier {
			return true
		}
	}
	return false
}

// startEnds begins to watch for the ends. stop is called before the DISCONNECT.
func (s *subscriber) startEnds() (stop func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	var watchers sync.WaitGroup
	if s.ends.idle {
		s.ends.took(time.Now())
		watchers.Go(func() {
			if s.silence(ctx, s.o.Idle, &s.ends.last, nil) {
				s.finish()
			}
		})
	}
	if s.trial != nil {
		s.trial.start(time.Now())
	}
	if s.ends.retained != nil {
		watchers.Go(func() { s.awaitRetained(ctx, s.ends.retained) })
	}
	return func() {
		cancel()
		watchers.Wait()
	}
}

// awaitRetained ends the run when all that is retained has come, or when that
// cannot be told and it is quiet.
func (s *subscriber) awaitRetained(ctx context.Context, r *retainedEnd) {
	if s.spoken() == mqttwire.V5 && s.Grants().IdentifiersAvailable {
		r.sentinel.identifier = sentinelIdentifier
	}
	r.last.Store(int64(time.Since(s.ends.start)))
	r.raising.Store(true)
	raised := s.raise(r.sentinel)
	r.raising.Store(false)
	quiet := retainedStuck
	if !raised && ctx.Err() == nil {
		quiet = retainedQuiet
		s.say("the broker does not let us retain a message to mark the end: after %s of silence this is taken for all", quiet)
	}
	silent := s.silence(ctx, quiet, &r.last, r.came)
	if silent && raised {
		s.say("the mark of the end did not come: after %s of silence this is taken for all", quiet)
	}
	if raised {
		s.takeBack(r.sentinel.topic)
	}
	select {
	case <-r.came:
		silent = !r.acked.Load() || s.nothingBehind(ctx, r)
	default:
	}
	if silent {
		r.over.Store(true)
		s.finish()
	}
}

// nothingBehind waits until nothing retained comes any more. A broker keeps the
// order within a topic alone, and may send the sentinel before messages that wait
// for room in its window, which our answers make: mosquitto does, where those come
// slowly. The answer to a ping comes behind what the answers before the ping have
// brought; an answer of ours may follow the ping that it should precede, QoS 2
// needs two, and so this many in a row have to bring nothing.
func (s *subscriber) nothingBehind(ctx context.Context, r *retainedEnd) bool {
	for quiet := 0; quiet < pingsBehind; quiet++ {
		before := r.last.Load()
		if !s.silence(ctx, pingPause, &r.last, nil) {
			return false
		}
		if r.last.Load() != before {
			quiet = -1
		}
	}
	return true
}

const (
	pingsBehind = 5
	pingPause   = 10 * time.Millisecond
)

// takeBack removes the sentinel and its subscription, whoever has ended the
// run. Where that fails it expires, and the end of the run is none the worse.
func (s *subscriber) takeBack(topic string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), time.Second)
	defer cancel()
	if s.lower(topic) == nil {
		_, _ = s.Unsubscribe(ctx, []string{topic}, nil)
	}
}

// silence waits until nothing has come for a time, which is what last is kept
// for; false: ctx or another end came first. What is on its way when the time
// is up is waited for: it comes before the answer to a ping. Without a
// connection the time does not run.
func (s *subscriber) silence(ctx context.Context, d time.Duration, last *atomic.Int64, end <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-end:
			return false
		case <-s.Done():
			return false
		case <-ctx.Done():
			return false
		}
		before := last.Load()
		left := d - (time.Since(s.ends.start) - time.Duration(before))
		if left <= 0 {
			err := s.Ping(ctx)
			switch {
			case err == nil && last.Load() == before:
				return true
			case err != nil:
				last.CompareAndSwap(before, int64(time.Since(s.ends.start)))
			}
			left = d - (time.Since(s.ends.start) - time.Duration(last.Load()))
		}
		timer.Reset(max(left, 0))
	}
}
