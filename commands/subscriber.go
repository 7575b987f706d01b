package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mqtk/commands/condition"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A sieve tells whether a message passes.
type sieve func(m *mqttwire.Publish) bool

// A subscriber is sub at work. A message goes through the sieves and then to
// every taker.
type subscriber struct {
	*link
	o         *subOptions
	sieves    []sieve
	seen      condition.Message // what --where and --expect look at; of the reading goroutine
	printer   *printer          // one of takers
	takers    []taker
	exact     []taker       // those that are given messages as they came, still packed
	unpack    unpacker      // of the reading goroutine
	hinted    bool          // that a payload looks packed
	goals     []goal        // they are takers, too
	trial     *trial        // one of them; nil: nothing is judged
	done      chan struct{} // closed when nothing more is wanted
	once      sync.Once
	responder *responder // one of the goals; nil: requests are not answered
	ends      ends
	refused   error // the verdict on filters that the broker refused beside others
	granted   bool  // the broker has answered SUBSCRIBE

	// Of the reading goroutine.
	printed uint64
}

// run subscribes and prints.
func (o *subOptions) run(ctx context.Context, p *program) error {
	if o.Exec == "" && o.Reply.how == "" { // waiting for a command is a system call
		p.oneThread()
	}
	p.json = o.JSON
	p.quiet = o.Quiet
	pl, err := o.plan(p)
	if err != nil {
		return err
	}
	subscriptions, err := o.subscriptions(append(o.Topics, p.line.words()...), pl.topic)
	if err != nil {
		return err
	}
	if pl.needs5 == "" {
		pl.needs5 = o.needs5()
	}
	if err := o.check(pl); err != nil {
		return err
	}
	l, cancel := p.newLink(ctx, &o.connectOptions, pl)
	defer cancel()
	brokenPipe := ignoreBrokenPipe()
	defer brokenPipe()
	defer watchReader(p.Out, func() { l.stop(errReaderGone) })()

	s := &subscriber{link: l, o: o, done: make(chan struct{})}
	if s.trial, err = o.newTrial(s); err != nil {
		return err
	}
	s.makeSieves()
	if err := s.makeTakers(); err != nil {
		return err
	}
	s.makeEnds()
	if s.printer.live != nil {
		defer s.liveOn()()
	}
	l.plan.options.Gather = !o.exactly() && o.Reply.how == "" // times and answers are not to wait
	l.plan.options.Hooks.OnMessage = s.message
	l.plan.options.Hooks.OnDrained = s.flush
	l.plan.options.Hooks.OnRetry = s.retrying
	l.plan.options.Hooks.OnSessionLost = func(lost client.SessionLost) {
		if !lost.Expected {
			l.say("the broker has lost the session: %s subscribed anew", plural(lost.Subscriptions, "filter", "filters"))
		}
	}
	if s.trial == nil {
		return s.converse(subscriptions)
	}
	return s.trial.conclude(s.converse(subscriptions), s.printed >= uint64(o.Count))
}

// converse is sub from the connection to the end.
func (s *subscriber) converse(subscriptions []mqttwire.Subscription) error {
	l := s.link
	line, stand := s.makeProgress()
	defer line.end()
	if err := l.connect(); err != nil {
		return l.outcome(err, s.goalOpen())
	}
	line.begin(stand)
	s.responder.start()
	defer s.reauthenticating(s.o.ReauthEvery)()
	refused, err := s.subscribe(subscriptions)
	if s.refused = refused; err == nil {
		stop := s.startEnds()
		err = s.wait()
		stop()
		if problem := s.settle(); err == nil {
			err = problem
		}
	}
	s.responder.settle()
	if problem := goodbye(l.disconnect()); err == nil {
		err = problem
	}
	open := s.goalOpen()
	s.close()
	if failed := (*failure)(nil); err == nil && errors.As(context.Cause(l.ctx), &failed) {
		err = failed // the last of the output could not be written
	}
	cause := context.Cause(l.ctx)
	if outcome := l.outcome(err, open); outcome != nil || errors.Is(cause, errReaderGone) {
		if late := (*failure)(nil); errors.As(outcome, &late) && late.Code == exitTimeout && !s.granted {
			late.Hints = append(late.Hints, "the broker has not answered SUBSCRIBE")
		}
		return outcome
	}
	if verdict := s.verdict(); verdict != nil || cause != nil {
		return verdict
	}
	return refused
}

// goalOpen tells whether a signal would leave something undone.
func (s *subscriber) goalOpen() bool {
	return s.o.Count > 0 || s.ends.open() || slices.ContainsFunc(s.goals, goal.open)
}

// verdict is the first one that a goal was not reached.
func (s *subscriber) verdict() error {
	for _, g := range s.goals {
		if err := g.verdict(); err != nil {
			return err
		}
	}
	return nil
}

// subscribe asks for all filters at once, then takes the unwanted ones back.
// refused is the verdict on filters that the broker refused beside others that
// it granted; when it granted none, that is err.
func (s *subscriber) subscribe(subscriptions []mqttwire.Subscription) (refused, err error) {
	if len(subscriptions) > 0 {
		reasons, err := s.Subscribe(s.ctx, subscriptions, s.o.Properties.of(mqttwire.SUBSCRIBE))
		if err != nil {
			return nil, err
		}
		refused = s.judge(subscriptions, reasons)
		s.ends.granted(reasons)
		if f, ok := refused.(*failure); ok && f.all {
			return nil, refused
		}
	}
	s.granted = true
	if len(s.o.Unsubscribe) > 0 {
		reasons, err := s.Unsubscribe(s.ctx, s.o.Unsubscribe, s.o.Properties.of(mqttwire.UNSUBSCRIBE))
		if err != nil {
			return nil, err
		}
		for i, reason := range reasons {
			if reason >= mqttwire.UnspecifiedError && i < len(s.o.Unsubscribe) {
				s.say("unsubscribe %s: %s (0x%02X)", s.o.Unsubscribe[i], reason.Text(mqttwire.UNSUBACK), byte(reason))
				refused = fail(exitPartly, fmt.Errorf("not every filter was unsubscribed"))
			}
		}
	}
	return refused, nil
}

// judge says what was refused or granted at a lower QoS. On 3.1.1 a refusal
// has no reason, and rights are the likely one.
func (s *subscriber) judge(subscriptions []mqttwire.Subscription, reasons []mqttwire.ReasonCode) error {
	old := s.spoken() != mqttwire.V5
	var first *failure
	refused, denied := 0, 0
	for i, reason := range reasons {
		if i >= len(subscriptions) {
			break
		}
		filter := subscriptions[i].Filter
		if reason < mqttwire.UnspecifiedError {
			if mqttwire.QoS(reason) < subscriptions[i].QoS && len(s.o.QoS) > 0 { // that was asked for
				s.say("subscribe %s: granted at QoS %d, not %d", filter, reason, subscriptions[i].QoS)
			}
			continue
		}
		refused++
		if reason == mqttwire.NotAuthorized || (old && reason == mqttwire.UnspecifiedError) {
			denied++
		}
		sentence := fmt.Errorf("subscribe %s: %s (0x%02X)", filter, reason.Text(mqttwire.SUBACK), byte(reason))
		if first == nil {
			first = fail(exitPartly, sentence, s.causeOf(reason)...).withReason(reason, mqttwire.SUBACK)
		}
		if len(subscriptions) > 1 {
			s.say("%v", sentence)
		}
	}
	if first == nil {
		return nil
	}
	if len(subscriptions) > 1 {
		first.Err = fmt.Errorf("%d of %d filters refused", refused, len(subscriptions))
	}
	first.all = refused == len(subscriptions)
	if first.all && denied == refused {
		first.Code = exitDenied
	}
	return first
}

// wait waits for the end, whoever brings it.
func (s *subscriber) wait() error {
	if s.o.ExitAfterSubscribe {
		return nil
	}
	select {
	case <-s.done:
		return nil
	default:
	}
	select {
	case <-s.done:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	case <-s.Done():
	}
	select {
	case <-s.done: // the count was reached before the end
		return nil
	default:
		return s.Err()
	}
}

// message takes one message, on the reading goroutine.
func (s *subscriber) message(m *mqttwire.Publish) error {
	if s.o.ExitAfterSubscribe {
		return client.ErrLeave
	}
	select {
	case <-s.done: // it is for whoever comes next
		return client.ErrLeave
	default:
	}
	if s.ends.sees(m) {
		return nil
	}
	if s.o.RetainedOnly && !m.Retain {
		if s.o.UntilRetainedEnd {
			return nil
		}
		s.finish()
		return client.ErrLeave
	}
	said := s.said(m)
	for _, passes := range s.sieves {
		if !passes(said) {
			return nil
		}
	}
	now := time.Now()
	s.ends.took(now)
	for _, t := range s.exact {
		if err := t.take(m, now); err != nil {
			return s.brokenOutput(err)
		}
	}
	for _, t := range s.takers {
		if err := t.take(said, now); err != nil {
			return s.brokenOutput(err)
		}
	}
	s.printed++
	if s.printed == uint64(s.o.Count) {
		s.finish()
	}
	select {
	case <-s.done: // a goal may have been reached, too
		if err := s.flush(); err != nil {
			return err
		}
		return client.ErrStop
	default:
		return nil
	}
}

// makeSieves makes those that the flags ask for.
func (s *subscriber) makeSieves() {
	if s.o.NoRetained {
		s.sieves = append(s.sieves, func(m *mqttwire.Publish) bool {
			return !m.Retain || s.o.keepsRetain() && s.spoken() == mqttwire.V5
		})
	}
	for _, filter := range s.o.FilterOut {
		s.sieves = append(s.sieves, func(m *mqttwire.Publish) bool { return !mqttwire.Match(filter, m.Topic) })
	}
	if s.o.RandomFilter > 0 {
		s.sieves = append(s.sieves, s.o.lucky)
	}
	if len(s.o.Where)+len(s.o.Grep) > 0 || s.trial != nil {
		s.sieves = append(s.sieves, s.o.passes(&s.seen))
	}
}

func (s *subscriber) finish() { s.once.Do(func() { close(s.done) }) }

// settle lets takers do what needs the connection.
func (s *subscriber) settle() (err error) {
	for _, t := range s.takers {
		if t, ok := t.(settler); ok {
			if problem := t.settle(); err == nil {
				err = problem
			}
		}
	}
	return err
}

// flush sends what is printed on its way. Where that fails, nothing behind it
// acts on messages of which nothing is left.
func (s *subscriber) flush() error {
	for _, some := range [][]taker{s.exact, s.takers} {
		for _, t := range some {
			if err := t.flush(); err != nil {
				return s.brokenOutput(err)
			}
		}
	}
	return nil
}

// close ends all takers; the first error is kept as the cause of the end.
func (s *subscriber) close() {
	_ = s.flush()
	for _, t := range slices.Concat(s.exact, s.takers) {
		if err := t.close(); err != nil {
			_ = s.brokenOutput(err)
		}
	}
}

// brokenOutput ends the conversation: quietly if the reader of our output has
// gone, as head does, with an error otherwise.
func (s *subscriber) brokenOutput(err error) error {
	if isReaderGone(err) {
		err = errReaderGone
	} else {
		err = fail(exitFailed, fmt.Errorf("write the output: %w", err))
	}
	s.stop(err)
	return err
}
