package conformance

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// An Audit plays scripts against a broker that is somebody's, of which nothing
// is known: what its verdicts rest on has failed twice, and never because the
// time was up or the broker was gone.
type Audit struct {
	Dial    Dialer
	Options Options
	// Limit is for the whole; what did not get its turn is not testable.
	Limit time.Duration
	// Report is told of each script that has come to its end, one at a time.
	Report func(done, of int, r Result)
}

const (
	// sweepTime of the limit is for clearing up.
	sweepTime = 4 * time.Second
	// late is how late a broker may be where the standard says what it must do
	// when a time is over, and not how soon: many look at their clocks in steps
	// of seconds.
	late = 6 * time.Second
	// longTime is what a script must wait to be begun first and by itself.
	longTime = 8 * time.Second
	// apart is how far rough scripts begin from each other, so that it is known
	// which one a broker could not bear.
	apart = 30 * time.Millisecond
	// dying is how long a broker may take to end.
	dying = 15 * time.Millisecond
	// backTime is how long a broker that went away may take to come back.
	backTime = 3 * time.Second
)

var (
	errTimeUp = errors.New("time ran out")
	errGone   = errors.New("the broker went away")
)

// A Played is what an Audit has come to.
type Played struct {
	Versions map[mqttwire.Version]string // that the broker does not speak, and how it says so
	Silent   map[mqttwire.Version]string // in which no message comes through, and why
	Have     []string                    // what was given, and what was found by asking
	Results  []Result                    // one for each script
	Unstable []Result                    // failed, and passed when played again
	Losses   []Loss
	Elapsed  time.Duration
}

// A Loss is the broker going away while scripts were played.
type Loss struct {
	At       time.Duration // since the beginning
	Back     bool          // within 3 s
	Why      string
	Suspects []*Script // that were being played, the last begun first: the likeliest
}

// A player plays the scripts of an audit.
type player struct {
	Audit
	played Played
	begun  time.Time
	stop   context.CancelCauseFunc
	done   int

	mutex   sync.Mutex
	index   map[*Script]int
	running []*turn       // in the order in which they began
	stood   time.Time     // when this process last stood still
	looking chan struct{} // holds one while somebody looks for the broker
}

// A turn is a script being played.
type turn struct {
	script  *Script
	begun   time.Time
	reached bool // it had a connection
	lost    bool // the broker went away meanwhile
}

// Run plays scripts, as many as the limit allows.
func (a Audit) Run(ctx context.Context, scripts []*Script) *Played {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := &player{Audit: a, begun: time.Now(), stop: stop, index: make(map[*Script]int), looking: make(chan struct{}, 1)}
	if p.Options.Prefix == "" {
		p.Options.Prefix = NewPrefix()
	}
	p.Options.Parallel, p.Options.Patience = cmp.Or(p.Options.Parallel, 64), cmp.Or(p.Options.Patience, 3*time.Second)
	p.Options.Late = cmp.Or(p.Options.Late, late)
	timer := time.AfterFunc(a.Limit-sweepTime, func() { stop(errTimeUp) })
	defer timer.Stop()
	p.played.Results = make([]Result, len(scripts))
	for i, s := range scripts {
		p.index[s] = i
	}
	p.ask(ctx)
	long, gentle, rough := p.sort(scripts)
	var waiting, pulse sync.WaitGroup
	pulse.Go(func() { p.feelPulse(ctx) })
	for _, s := range long {
		waiting.Go(func() { p.often(ctx, []*Script{s}) })
	}
	p.often(ctx, gentle, rough)
	waiting.Wait()
	stop(nil)
	pulse.Wait()
	p.played.Elapsed = time.Since(p.begun)
	return &p.played
}

// sort settles what will not be played, and splits the others: those that
// mostly wait, those of packets alone, and those that send bytes of which a
// broker may die. The longest come first.
func (p *player) sort(scripts []*Script) (long, gentle, rough []*Script) {
	for _, s := range scripts {
		why := p.Options.skips(s)
		if refusal, refused := p.played.Versions[s.Version]; refused {
			why = "the broker does not speak MQTT " + s.Version.String() + ": " + refusal
		} else if silence := p.played.Silent[s.Version]; silence != "" && s.usesTopics() {
			why = silence
		}
		switch {
		case why != "":
			p.settle(Result{Script: s, Outcome: Skip, Got: why})
		case s.waits() >= longTime:
			long = append(long, s)
		case s.isRough():
			rough = append(rough, s)
		default:
			gentle = append(gentle, s)
		}
	}
	for _, list := range [][]*Script{long, gentle} {
		slices.SortStableFunc(list, func(a, b *Script) int { return cmp.Compare(b.waits(), a.waits()) })
	}
	return long, gentle, rough
}

// waits is the time that a script takes at least.
func (s *Script) waits() (sum time.Duration) {
	for i := range s.steps {
		sum += s.steps[i].from
	}
	return sum
}

// isRough tells a script that sends bytes.
func (s *Script) isRough() bool {
	return slices.ContainsFunc(s.steps, func(st step) bool { return (st.op == opSend || st.op == opHold) && st.items[0].isRaw })
}

// often plays scripts, and again those that fail unless it is evident that the
// broker is to blame: a failure counts if it comes twice in three times.
func (p *player) often(ctx context.Context, lists ...[]*Script) {
	first := make(map[*Script]Result)
	var failed, unsure []*Script
	for _, scripts := range lists {
		p.round(ctx, scripts, apart, func(r Result) {
			if r.Outcome == Fail && !r.isEvident() {
				first[r.Script] = r
				failed = append(failed, r.Script)
				return
			}
			p.settle(r)
		})
	}
	between := time.Duration(0)
	if p.hasLosses() {
		between = apart
	}
	p.round(ctx, failed, between, func(r Result) {
		if before := first[r.Script]; r.Outcome == Pass && !before.gone && !before.late || r.Outcome == Fail && (r.late || before.late) {
			unsure = append(unsure, r.Script)
			return
		}
		p.confirm(r, first[r.Script])
	})
	p.round(ctx, unsure, between, func(r Result) {
		if r.Outcome == Pass {
			p.unstable(first[r.Script])
		}
		p.confirm(r, first[r.Script])
	})
}

// isEvident tells a failure that no slowness on our side can bring about, nor a
// broker that does for two connections what it does at once now and then: a
// packet that must not come, where nothing depends on time.
func (r *Result) isEvident() bool { return !r.gone && r.packet && r.Script.waits() == 0 }

// confirm settles what was played after a failure.
func (p *player) confirm(r, first Result) {
	switch {
	case r.gone:
		r.Outcome, r.Got = Skip, errGone.Error()
	case r.Outcome == Fail && r.late:
		r.Outcome, r.Got = Skip, "this machine is too busy to tell: it stood still while the conversation was held"
	case r.Outcome == Skip && r.Got == errTimeUp.Error():
		r.Got += ", to play it again: it failed once at " + first.Expected + ", got " + first.Got
	}
	p.settle(r)
}

func (p *player) hasLosses() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return len(p.played.Losses) > 0
}

func (p *player) unstable(r Result) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.played.Unstable = append(p.played.Unstable, r)
}

// round plays scripts side by side, and tells judge what each came to, one at a
// time.
func (p *player) round(ctx context.Context, scripts []*Script, apart time.Duration, judge func(Result)) {
	places := make(chan struct{}, p.Options.Parallel)
	judging := make(chan struct{}, 1)
	var running sync.WaitGroup
	for _, s := range scripts {
		places <- struct{}{}
		done := make(chan struct{})
		running.Go(func() {
			defer func() { <-places }()
			r := p.play(ctx, s)
			close(done)
			judging <- struct{}{}
			judge(r)
			<-judging
		})
		if apart > 0 && s.isRough() {
			pause(done, apart)
		}
	}
	running.Wait()
}

// feelPulse notes when this process, or the machine, stood still: what depends
// on time is then not the broker's doing alone.
func (p *player) feelPulse(ctx context.Context) {
	const beat, still = 20 * time.Millisecond, 150 * time.Millisecond
	for last := time.Now(); ctx.Err() == nil; {
		pause(ctx.Done(), beat)
		now := time.Now()
		if now.Sub(last) > still {
			p.mutex.Lock()
			p.stood = now
			p.mutex.Unlock()
		}
		last = now
	}
}

// pause waits for a while, or until done is closed.
func pause(done <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// play plays one script, unless it is too late.
func (p *player) play(ctx context.Context, s *Script) Result {
	t := p.begin(s)
	var r Result
	if ctx.Err() != nil {
		r = Result{Script: s, Outcome: Fail}
	} else {
		r = Run(ctx, s, func(dialing context.Context) (net.Conn, error) {
			conn, err := p.Dial(dialing)
			if err != nil && ctx.Err() == nil {
				p.missed(ctx, t, err)
			}
			p.mutex.Lock()
			defer p.mutex.Unlock()
			t.reached = t.reached || err == nil
			return conn, err
		}, p.Options)
		if s.isRough() {
			pause(ctx.Done(), dying)
			p.look(ctx)
		}
	}
	return p.end(ctx, t, r)
}

func (p *player) begin(s *Script) *turn {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	t := &turn{script: s, begun: time.Now()}
	p.running = append(p.running, t)
	return t
}

// end keeps a failure only where the broker was there and there was time.
func (p *player) end(ctx context.Context, t *turn, r Result) Result {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.running = slices.DeleteFunc(p.running, func(other *turn) bool { return other == t })
	switch {
	case r.Outcome != Fail:
	case ctx.Err() != nil:
		r.Outcome, r.Got = Skip, context.Cause(ctx).Error()
	case t.lost:
		r.gone = true
	default:
		r.late = t.script.waits() > 0 && p.stood.After(t.begun)
	}
	return r
}

// look looks whether the broker is still there.
func (p *player) look(ctx context.Context) {
	if conn, err := p.knock(ctx); err == nil {
		conn.Close()
	} else if ctx.Err() == nil {
		p.missed(ctx, nil, err)
	}
}

func (p *player) knock(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, backTime)
	defer cancel()
	return p.Dial(ctx)
}

// missed deals with a connection that could not be made: the broker is busy, or
// it is gone, for a while or for good. t is who wanted the connection.
func (p *player) missed(ctx context.Context, t *turn, cause error) {
	p.looking <- struct{}{}
	defer func() { <-p.looking }()
	p.mutex.Lock()
	if t != nil {
		t.lost = true
	}
	p.mutex.Unlock()
	if conn, err := p.knock(ctx); err == nil || ctx.Err() != nil {
		if err == nil {
			conn.Close()
		}
		return
	}
	loss := Loss{At: time.Since(p.begun), Why: cause.Error()}
	p.mutex.Lock()
	for _, other := range slices.Backward(p.running) {
		other.lost = true
		if other.reached {
			loss.Suspects = append(loss.Suspects, other.script)
		}
	}
	p.mutex.Unlock()
	loss.Back = p.isBack(ctx)
	p.mutex.Lock()
	p.played.Losses = append(p.played.Losses, loss)
	p.mutex.Unlock()
	if !loss.Back {
		p.stop(errGone)
	}
}

// isBack waits for the broker to come back.
func (p *player) isBack(ctx context.Context) bool {
	for end := time.Now().Add(backTime); time.Now().Before(end); {
		pause(ctx.Done(), 100*time.Millisecond)
		if conn, err := p.knock(ctx); err == nil {
			conn.Close()
			return true
		}
	}
	return false
}

// settle notes what a script has come to. One that was cut short has broken
// nothing.
func (p *player) settle(r Result) {
	if r.Outcome == Skip {
		r.Broken = nil
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.played.Results[p.index[r.Script]] = r
	p.done++
	if p.Report != nil {
		p.Report(p.done, len(p.played.Results), r)
	}
}
