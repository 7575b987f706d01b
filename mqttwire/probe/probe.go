package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// Options say which broker is asked, and as whom.
type Options struct {
	// Dial opens a connection that speaks MQTT.
	Dial func(ctx context.Context) (net.Conn, error)
	// Bare opens one to the same place without TLS and WebSocket, for the time
	// that takes; nil: that time is not asked for.
	Bare func(ctx context.Context) (net.Conn, error)
	// TLS is what is between the two; nil: none.
	TLS *TLS

	HasUsername, HasPassword bool
	Username                 string
	Password                 []byte

	IDPrefix    string   // of all client ids; letters and digits, 17 of them at most
	Topic       string   // below which all topics are; without wildcards
	MaxPacket   int      // bytes up to which the packet size is searched for
	Rounds      int      // of each round trip
	AuthMethods []string // to ask for
}

const (
	timeLimit  = 12 * time.Second // for asking
	sweepLimit = 2 * time.Second  // for tidying up after it
	patience   = 3 * time.Second  // with an answer that has to come
	quickOnes  = 3                // questions at once, besides those that wait
)

// An asker holds what the questions share.
type asker struct {
	o         Options
	version   mqttwire.Version    // the highest that the broker takes
	base      mqttwire.Properties // of its CONNACK
	qos       mqttwire.QoS        // 1, or 0 where the broker announces that
	patience  time.Duration
	forbidden error         // why messages do not get through at all; nil: they do
	grace     time.Duration // in which what was sent before a PINGRESP has come
	lastID    atomic.Int32
	left      leftovers

	mu     sync.Mutex
	report *Report
}

// Run asks. An error is one of the first connection, or of ctx, which leaves an
// unfinished report: whatever a broker does later is part of the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	start := time.Now()
	a := &asker{o: o, patience: patience, report: &Report{Facts: map[string]map[string]Fact{}}}
	if err := a.first(ctx); ctx.Err() != nil {
		return nil, context.Cause(ctx)
	} else if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, timeLimit, errors.New("the time ran out"))
	a.run(limited)
	cancel()
	a.report.Left = a.sweep(context.WithoutCancel(ctx))
	if ctx.Err() != nil {
		return a.report, context.Cause(ctx)
	}
	a.report.Took = time.Since(start)
	return a.report, nil
}

// first finds the highest version, and what its CONNACK says.
func (a *asker) first(ctx context.Context) error {
	p, _, err := a.firstTimed(ctx)
	if err != nil {
		return err
	}
	a.say("access", "connack", Fact{Value: p.line})
	p.leave(nil)
	return nil
}

// firstTimed is the first connection, in the highest version there is, and the
// time that it took from dialling to its CONNACK.
func (a *asker) firstTimed(ctx context.Context) (p *peer, took time.Duration, err error) {
	var first error
	for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311, mqttwire.V31} {
		a.version = v
		start := time.Now()
		if p, err = a.connect(ctx, hello{}); err == nil {
			took = time.Since(start)
			a.base, a.qos = p.props, mqttwire.QoS(min(1, number(p.props, mqttwire.MaximumQoS, 1)))
			a.grace = min(time.Second, max(250*time.Millisecond, 4*took))
			return p, took, nil
		}
		if first == nil {
			first = err
		}
		if !refusesVersion(err) {
			break
		}
	}
	return nil, 0, first
}

// refusesVersion tells an answer that an older version may have a better one to.
// Some old brokers close without a word.
func refusesVersion(err error) bool {
	var refused *client.RefusedError
	if errors.As(err, &refused) {
		return refused.Reason == mqttwire.UnsupportedProtocolVersion
	}
	return errors.As(err, new(*client.LostError)) || errors.As(err, new(*client.ViolationError))
}

// A question finds out some facts. What it does not say is unknown, by its error.
type question struct {
	section string
	keys    []string
	needs   need
	ask     func(context.Context) error
}

// A need is what a question cannot be asked without.
type need byte

const (
	nothing need = 0
	five    need = 1 // 5.0
	topics  need = 2 // messages that get through
)

// run asks for times first, alone, and then for all else: what has to wait
// for clocks of the broker beside what has not.
func (a *asker) run(ctx context.Context) {
	a.forbidden = a.control(ctx)
	for _, q := range a.timed() {
		a.put(ctx, q)
	}
	var all sync.WaitGroup
	for _, q := range a.slow() {
		all.Go(func() { a.put(ctx, q) })
	}
	quick := make(chan question)
	for range quickOnes {
		all.Go(func() {
			for q := range quick {
				a.put(ctx, q)
			}
		})
	}
	for _, q := range slices.Concat(a.quick(), a.tlsQuestions()) {
		quick <- q
	}
	close(quick)
	all.Wait()
}

// control is the plainest message there is. Where that does not get through, it
// is no answer to any question that another one does not.
func (a *asker) control(ctx context.Context) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	topic := a.topic("control")
	if _, err = p.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic}); err == nil {
		_, err = p.publish(ctx, mqttwire.Publish{Topic: topic, Payload: []byte("control")})
	}
	var m *message
	if err == nil {
		m, err = p.arrived(ctx, topic)
	}
	if err == nil && m == nil {
		err = errors.New("a message does not arrive")
	}
	if err != nil {
		return fmt.Errorf("below %s nothing gets through: %w", a.o.Topic, err)
	}
	return nil
}

func (a *asker) put(ctx context.Context, q question) {
	err := context.Cause(ctx)
	switch {
	case q.needs&five != 0 && a.version != mqttwire.V5:
		err = errors.New("there is no such thing before MQTT 5.0")
	case q.needs&topics != 0 && a.forbidden != nil:
		err = a.forbidden
	case err == nil:
		err = q.ask(ctx)
	}
	if err == nil {
		err = errors.New("nothing came of the question")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range q.keys {
		if _, said := a.report.Facts[q.section][key]; !said {
			a.put1(q.section, key, Fact{Note: describe(err)})
		}
	}
}

// say notes a fact.
func (a *asker) say(section, key string, f Fact) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.put1(section, key, f)
}

func (a *asker) put1(section, key string, f Fact) {
	if a.report.Facts[section] == nil {
		a.report.Facts[section] = map[string]Fact{}
	}
	a.report.Facts[section][key] = f
}

// describe is an error as the reason of a fact.
func describe(err error) string {
	var refused *client.RefusedError
	if errors.As(err, &refused) {
		return fmt.Sprintf("CONNACK %s (0x%02X)", refused.Reason.Text(mqttwire.CONNACK), byte(refused.Reason))
	}
	return err.Error()
}

// newID is a client id that nobody else has, of what every broker has to take:
// 23 letters and digits at most.
func (a *asker) newID() string { return a.o.IDPrefix + strconv.Itoa(int(a.lastID.Add(1))) }

// topic is one below that of the run.
func (a *asker) topic(name string) string { return a.o.Topic + "/" + name }

// announced puts beside a fact what the CONNACK says of it; absent is what it
// means where it says nothing.
func (a *asker) announced(f Fact, id mqttwire.PropertyID, absent int) Fact {
	if a.version != mqttwire.V5 {
		return f
	}
	n := number(a.base, id, -1)
	if f.Implied = n < 0; f.Implied {
		n = absent
	}
	rule, _ := id.Rule()
	if f.Announced = n; rule.Kind == mqttwire.Byte && id != mqttwire.MaximumQoS {
		f.Announced = n == 1
	}
	return f
}

// leftovers are what a broker would keep of us.
type leftovers struct {
	mu       sync.Mutex
	topics   []string
	sessions map[string]mqttwire.Version
}

func (l *leftovers) retained(topic string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.topics, topic) {
		l.topics = append(l.topics, topic)
	}
}

func (l *leftovers) session(id string, v mqttwire.Version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions == nil {
		l.sessions = map[string]mqttwire.Version{}
	}
	l.sessions[id] = v
}

// sweep takes away what is left, even after an interruption: ctx is none that
// has ended. It gives what it could not take away.
func (a *asker) sweep(ctx context.Context) (left []string) {
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	var (
		all sync.WaitGroup
		mu  sync.Mutex
	)
	missed := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		left = append(left, what)
	}
	for id, version := range a.left.sessions {
		all.Go(func() {
			p, err := a.connect(ctx, hello{id: id, version: version})
			if err != nil {
				missed("the session of " + id)
				return
			}
			p.leave(nil)
		})
	}
	if len(a.left.topics) > 0 {
		all.Go(func() { a.clear(ctx, missed) })
	}
	all.Wait()
	slices.Sort(left)
	return left
}

// clear takes retained messages away. A broker that refuses even that may have
// refused to keep them in the first place: then what it keeps is looked for.
func (a *asker) clear(ctx context.Context, missed func(string)) {
	if a.clearAll(ctx) == nil {
		return
	}
	kept, err := a.kept(ctx)
	for _, topic := range a.left.topics {
		if err != nil || kept[topic] {
			missed("the retained message " + topic)
		}
	}
}

func (a *asker) clearAll(ctx context.Context) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	for _, topic := range a.left.topics {
		if _, err := p.publish(ctx, mqttwire.Publish{Topic: topic, Retain: true, QoS: a.qos}); err != nil {
			return err
		}
	}
	return nil
}

// kept are the topics of ours that have a retained message.
func (a *asker) kept(ctx context.Context) (map[string]bool, error) {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return nil, err
	}
	defer p.leave(nil)
	for _, topic := range a.left.topics {
		if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic}); err != nil {
			return nil, err
		}
	}
	if err := p.settle(ctx); err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for i := range p.inbox {
		kept[p.inbox[i].Topic] = true
	}
	return kept, nil
}
