package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A retainedReader reads what a broker retains, all of it and once.
//
// At QoS 1 and 2 brokers have limits on what they queue for a subscriber, and
// drop the rest of the retained messages without a word (mosquitto 2: 1,000
// beside those under way). So the topics are learnt at QoS 0, and then their
// messages are asked for by name, some at a time, at QoS 2, which tells the QoS
// of each.
type retainedReader struct {
	*link
	filters []string
	each    func(m *mqttwire.Publish) error // on the reading goroutine; the message is good until it returns

	mu       sync.Mutex
	topics   []string        // learnt
	known    map[string]bool // the same
	awaited  map[string]bool // of those asked for by name, the ones that have not come; nil: topics are learnt
	sentinel string          // the topic whose retained message comes last
	last     time.Time       // when something came
	end      chan struct{}   // closed when all is here
}

const (
	sentinelPrefix = "mqtk/retained-end/"

	retainedQuiet      = time.Second     // without a sentinel: nothing for so long is the end
	retainedStuck      = 5 * time.Second // with one that does not come: the same
	retainedBatch      = 500             // topics asked for by name in one SUBSCRIBE
	sentinelIdentifier = 268435454       // of its subscription, where others have to be told from it
	sentinelExpiry     = 60              // seconds that the sentinel stays where it is not cleared
)

// newRetainedReader prepares a conversation; cancel frees what it holds.
func (p *program) newRetainedReader(ctx context.Context, o *connectOptions, pl plan, filters []string, each func(*mqttwire.Publish) error) (r *retainedReader, cancel func()) {
	pl.options.Retry.Again = 0 // a second connection would get all messages once more
	l, cancel := p.newLink(ctx, o, pl)
	r = &retainedReader{link: l, filters: filters, each: each, known: make(map[string]bool)}
	l.plan.options.Hooks.OnMessage = r.message
	return r, cancel
}

// read reads all, when the link is connected.
func (r *retainedReader) read() error {
	if err := r.learn(); err != nil {
		return err
	}
	for batch := range slices.Chunk(r.topics, retainedBatch) {
		if err := r.fetch(batch); err != nil {
			return err
		}
	}
	return nil
}

// begin sets up a wait for the end of what is asked for next.
func (r *retainedReader) begin(awaited map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awaited, r.sentinel, r.last, r.end = awaited, "", time.Now(), make(chan struct{})
}

// learn finds out which topics have retained messages.
func (r *retainedReader) learn() error {
	r.begin(nil)
	if err := r.subscribe(r.filters, 0); err != nil {
		return err
	}
	filters, quiet := r.filters, retainedStuck
	sentinel := r.raise()
	if sentinel == "" {
		quiet = retainedQuiet
		r.say("the broker does not let us retain a message to mark the end: after %s of silence this is taken for all", quiet)
	}
	err := r.await(quiet)
	if sentinel != "" {
		if lowered := r.lower(sentinel); err == nil {
			err = lowered
		}
		filters = append(slices.Clone(filters), sentinel)
	}
	if err == nil {
		_, err = r.Unsubscribe(r.ctx, filters, nil)
	}
	return err
}

// fetch gets the messages of some topics. What did not come is asked for once
// more, as long as something comes; a topic whose message was removed meanwhile
// is waited for in vain.
func (r *retainedReader) fetch(topics []string) error {
	for before := len(topics) + 1; len(topics) > 0 && len(topics) < before; {
		before = len(topics)
		if err := r.ask(topics); err != nil {
			return err
		}
		r.mu.Lock()
		topics = slices.Collect(maps.Keys(r.awaited))
		r.mu.Unlock()
	}
	return nil
}

// ask gets what comes of some topics.
func (r *retainedReader) ask(topics []string) error {
	awaited := make(map[string]bool, len(topics))
	for _, topic := range topics {
		awaited[topic] = true
	}
	r.begin(awaited)
	if err := r.subscribe(topics, 2); err != nil {
		return err
	}
	if err := r.await(retainedQuiet); err != nil {
		return err
	}
	_, err := r.Unsubscribe(r.ctx, topics, nil)
	return err
}

// subscribe asks for filters; one that is refused fails.
func (r *retainedReader) subscribe(filters []string, qos mqttwire.QoS) error {
	subscriptions := make([]mqttwire.Subscription, len(filters))
	for i, filter := range filters {
		subscriptions[i] = mqttwire.Subscription{Filter: filter, QoS: qos}
	}
	reasons, err := r.Subscribe(r.ctx, subscriptions, nil)
	if err != nil {
		return err
	}
	for i, reason := range reasons {
		if reason < mqttwire.UnspecifiedError {
			continue
		}
		code := exitPartly
		if reason == mqttwire.NotAuthorized || reason == mqttwire.UnspecifiedError && r.spoken() != mqttwire.V5 {
			code = exitDenied
		}
		return fail(code, fmt.Errorf("subscribe %s: %s (0x%02X)", filters[i], reason.Text(mqttwire.SUBACK), byte(reason))).withReason(reason, mqttwire.SUBACK)
	}
	return nil
}

// raise puts the sentinel up behind the filters. It returns the topic, or ""
// where the broker does not let us.
func (r *retainedReader) raise() string {
	s := sentinel{topic: sentinelPrefix + randomID()}
	r.mu.Lock()
	r.sentinel = s.topic
	r.mu.Unlock()
	if r.link.raise(s) {
		return s.topic
	}
	return ""
}

// A sentinel is a retained message of ours that is subscribed to behind other
// filters, so that it comes when what they retain has come.
type sentinel struct {
	topic      string
	qos        mqttwire.QoS // of the filters: messages of another could overtake it, or be overtaken
	identifier uint32       // of its subscription; 0: none
}

// raise retains the sentinel and subscribes to it, where the broker lets us.
func (l *link) raise(s sentinel) bool {
	message := &mqttwire.Publish{Topic: s.topic, Payload: []byte("end"), Retain: true, QoS: min(max(1, s.qos), l.Grants().MaximumQoS)}
	if l.spoken() == mqttwire.V5 {
		message.Properties = message.Properties.AddNumber(mqttwire.MessageExpiryInterval, sentinelExpiry)
	}
	ctx, cancel := context.WithTimeout(l.ctx, retainedStuck)
	defer cancel()
	reason, err := l.PublishWait(ctx, message)
	if err != nil || reason >= mqttwire.UnspecifiedError {
		return false
	}
	var properties mqttwire.Properties
	if s.identifier != 0 {
		properties = properties.AddNumber(mqttwire.SubscriptionIdentifier, s.identifier)
	}
	reasons, err := l.Subscribe(ctx, []mqttwire.Subscription{{Filter: s.topic, QoS: s.qos}}, properties)
	if err != nil || reasons[0] >= mqttwire.UnspecifiedError {
		_ = l.lower(s.topic)
		return false
	}
	return true
}

// lower takes the sentinel back, also when a signal has ended the reading.
func (l *link) lower(topic string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), time.Second)
	defer cancel()
	_, err := l.PublishWait(ctx, &mqttwire.Publish{Topic: topic, Retain: true, QoS: min(1, l.Grants().MaximumQoS)})
	return err
}

// await waits for the end, or for a time in which nothing comes.
func (r *retainedReader) await(quiet time.Duration) error {
	for {
		r.mu.Lock()
		left := time.Until(r.last.Add(quiet))
		r.mu.Unlock()
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-r.end:
			timer.Stop()
			return nil
		case <-timer.C:
			if err := r.Ping(r.ctx); err != nil { // what was on its way comes before the answer
				return err
			}
		case <-r.Done():
			return r.Err()
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		}
	}
}

// message takes one message, on the reading goroutine.
func (r *retainedReader) message(m *mqttwire.Publish) error {
	if !m.Retain {
		return nil
	}
	r.mu.Lock()
	r.last = time.Now()
	if strings.HasPrefix(m.Topic, sentinelPrefix) {
		if m.Topic == r.sentinel {
			r.sentinel = ""
			close(r.end)
		}
		r.mu.Unlock()
		return nil
	}
	wanted := r.awaited[m.Topic]
	if r.awaited == nil && !r.known[m.Topic] {
		topic := strings.Clone(m.Topic)
		r.topics, r.known[topic] = append(r.topics, topic), true
	}
	r.mu.Unlock()
	if !wanted {
		return nil
	}
	err := r.each(m)
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.awaited, m.Topic); len(r.awaited) == 0 {
		close(r.end)
	}
	return err
}

// run connects, has a part read or changed, and disconnects. goal tells whether
// a signal leaves something undone.
func (r *retainedReader) run(work func() error) error {
	if err := r.connect(); err != nil {
		return r.outcome(err, true)
	}
	err := work()
	if problem := goodbye(r.disconnect()); err == nil {
		err = problem
	}
	return r.outcome(err, true)
}

// readRetained reads what a broker retains below filters.
func (p *program) readRetained(ctx context.Context, o *targetOptions, t *target, filters []string, each func(*mqttwire.Publish) error) error {
	r, cancel := p.newRetainedReader(ctx, &o.connectOptions, t.plan, filters, each)
	defer cancel()
	return r.run(r.read)
}

// keptMessage is a copy of a message, good for ever.
func keptMessage(m *mqttwire.Publish) *mqttwire.Publish {
	kept := *m
	kept.Topic = strings.Clone(m.Topic)
	kept.Payload = append([]byte(nil), m.Payload...)
	kept.Properties = append(mqttwire.Properties(nil), m.Properties...)
	return &kept
}
