package commands

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A tally publishes and counts what the broker says to it.
type tally struct {
	*link
	mu      sync.Mutex
	refused int
	denied  int                 // of the refused: for rights
	reason  mqttwire.ReasonCode // of the first one
	taken   int
	doubt   int // QoS 2 messages that the loss of a session left in doubt
	oneShot bool
	heard   bool // --require-subscriber
	skip    bool // --skip-bad
	bad     int  // lines that were left out
	unheard int  // without a subscriber
	lowered bool // it has been said that a QoS, and that properties are not what they were
	bare    bool
	second  map[string]bool // topics with messages of their own that may be on their way at QoS 2
	unsaid  bool            // the broker says nothing to the last message: it is at QoS 0
	longest int             // payload
	losses  int             // of the connection in a row, without an answer to a message
	settled int             // messages that had their answer at the last of them

	// What is told of a run that ends early.
	handed int       // messages to be published
	items  int       // of the source
	each   int       // messages of an item
	even   bool      // each item was a line of the input, and the lines have no others
	input  string    // its name
	loose  bool      // some were at QoS 0
	probed time.Time // when it was last asked whether these have arrived
}

// publishAll publishes what the source gives: a payload to every topic, and a
// message with a topic of its own to that one.
func (t *tally) publishAll(messages []mqttwire.Publish, s source) error {
	answers := make([]func(mqttwire.ReasonCode, error), len(messages))
	for i := range messages {
		answers[i] = t.answer(messages[i].Topic)
	}
	t.each, t.even, t.probed = len(messages), true, time.Now()
	var it item
	for {
		ok, err := t.next(s, &it)
		if err != nil || !ok {
			return err
		}
		t.count(&it)
		if it.own != nil {
			err = t.publishOwn(&it)
		} else {
			err = t.publishTo(messages, answers, it.payload)
		}
		if err != nil && !t.leavesOut(err) {
			return err
		}
	}
}

// next takes the next item of the source that can be published. What was handed
// over is on its way before that is waited for.
func (t *tally) next(s source, it *item) (ok bool, err error) {
	for {
		if s.waits() {
			if err := t.Flush(t.ctx); err != nil {
				return false, err
			}
			t.probe()
		}
		if ok, err = s.next(t.ctx, t.Done(), it); !t.leavesOut(err) {
			return ok, err
		}
	}
}

// publishTo publishes a payload to every topic.
func (t *tally) publishTo(messages []mqttwire.Publish, answers []func(mqttwire.ReasonCode, error), payload []byte) error {
	t.note(len(payload))
	t.handed += len(messages)
	for i := range messages {
		messages[i].Payload = payload
		if err := t.publish(&messages[i], answers[i]); err != nil {
			return err
		}
	}
	return nil
}

// publishOwn publishes a message as it came, as far as the broker takes such.
func (t *tally) publishOwn(it *item) error {
	m := it.own
	t.note(len(m.Payload))
	t.handed++
	if most := t.Grants().MaximumQoS; m.QoS > most {
		m.QoS = most
		t.sayOnce(&t.lowered, "the broker takes no more than QoS %d: messages of a higher one are published at that", most)
	}
	if t.spoken() != mqttwire.V5 && len(m.Properties) > 0 {
		t.sayOnce(&t.bare, "MQTT %s has no properties: those of the messages are left out", t.spoken())
	}
	err := t.keepOrder(m)
	if err == nil {
		err = t.publish(m, t.answer(m.Topic))
	}
	if bad := new(mqttwire.Error); errors.As(err, &bad) {
		t.handed--
		return &inputError{it.input, it.number, fmt.Errorf("topic %q: %s", m.Topic, detailOf(err))}
	}
	return err
}

// keepOrder waits where a broker might put a message before one of the same
// topic: those of QoS 2 count from their PUBREL on, which others overtake.
func (t *tally) keepOrder(m *mqttwire.Publish) error {
	if m.QoS == 2 && len(t.second) < secondTopics {
		t.second[m.Topic] = true
		return nil
	}
	if m.QoS < 2 && !t.second[m.Topic] {
		return nil
	}
	clear(t.second)
	if m.QoS == 2 {
		t.second[m.Topic] = true
	}
	return t.Wait(t.ctx)
}

// secondTopics bounds what keepOrder remembers.
const secondTopics = 4096

// inputError takes an error of the input out of err: what was published before
// it is to have its answers.
func (t *tally) inputError(err *error) *inputError {
	var bad *inputError
	if errors.As(*err, &bad) {
		*err = nil
	}
	return bad
}

// note remembers the longest payload.
func (t *tally) note(length int) {
	t.mu.Lock()
	t.longest = max(t.longest, length)
	t.mu.Unlock()
}

// publish hands one message over. What the broker's grants forbid counts as
// refused by it.
func (t *tally) publish(m *mqttwire.Publish, answer func(mqttwire.ReasonCode, error)) error {
	t.loose = t.loose || m.QoS == 0
	err := t.Publish(t.ctx, m, answer)
	var limit *client.LimitError
	if errors.As(err, &limit) {
		t.refuse(limit.Reason, err.Error())
		return nil
	}
	return err
}

// answer returns what takes the broker's answers for one topic.
func (t *tally) answer(topic string) func(mqttwire.ReasonCode, error) {
	return func(reason mqttwire.ReasonCode, err error) {
		var limit *client.LimitError
		switch {
		case errors.As(err, &limit):
			t.refuse(limit.Reason, err.Error())
		case err != nil: // the end of the client is told by others
		case reason >= mqttwire.UnspecifiedError:
			t.refuse(reason, fmt.Sprintf("publish %s: %s (0x%02X)", topic, reason.Text(mqttwire.PUBACK), byte(reason)))
		default:
			t.take(topic, reason)
		}
	}
}

// take counts a message that the broker has taken.
func (t *tally) take(topic string, reason mqttwire.ReasonCode) {
	t.mu.Lock()
	t.taken++
	unheard := t.heard && reason == mqttwire.NoMatchingSubscribers
	if unheard {
		t.unheard++
	}
	shown := unheard && t.unheard <= refusalsShown
	t.mu.Unlock()
	if shown {
		t.say("publish %s: nobody has subscribed to it (0x%02X)", topic, byte(reason))
	}
}

const refusalsShown = 10

func (t *tally) refuse(reason mqttwire.ReasonCode, sentence string) {
	t.mu.Lock()
	if t.refused++; t.refused == 1 {
		t.reason = reason
	}
	if reason == mqttwire.NotAuthorized {
		t.denied++
	}
	shown := t.refused <= refusalsShown
	t.mu.Unlock()
	if shown {
		t.say("%s", sentence)
	}
}

// sessionLost says what a broker that forgot the session may have done to the
// messages in flight.
func (t *tally) sessionLost(lost client.SessionLost) {
	t.mu.Lock()
	t.doubt += lost.QoS2 + lost.InDoubt
	t.mu.Unlock()
	switch {
	case lost.Republished+lost.InDoubt == 0:
	case lost.Expected:
		t.say("%s sent anew, in a new session", plural(lost.Republished, "message", "messages"))
	case lost.Republished == 0:
		t.say("the broker has lost the session: %s had come to it, and may not have gone on", plural(lost.InDoubt, "QoS 2 message", "QoS 2 messages"))
	default:
		t.say("the broker has lost the session: %s sent anew", plural(lost.Republished, "message", "messages"))
	}
}

// doubtfulSize is a payload that a broker may find too long. On 5.0 it says
// beforehand what it takes; on 3.x all it can do is close the connection.
const doubtfulSize = 16 << 10

// confirm makes sure, where that is in doubt, that the broker has taken a
// message to which it has no answer: it answers a PINGREQ behind it.
func (t *tally) confirm(messages []mqttwire.Publish) error {
	if !t.oneShot {
		return t.confirmStream()
	}
	answered := false
	for _, m := range messages {
		t.unsaid = t.unsaid || m.QoS == 0
		answered = answered || m.QoS > 0
	}
	if !t.unsaid || t.spoken() == mqttwire.V5 || t.longest < doubtfulSize {
		return nil
	}
	err := t.Ping(t.ctx)
	if errors.As(err, new(*client.LostError)) && !answered {
		<-t.Done() // the connection is not made again
		err = t.Err()
	}
	return err
}

// retrying tells why the next attempt follows, and ends attempts to send what
// makes the broker close the connection each time.
func (t *tally) retrying(cause error, wait time.Duration) error {
	t.mu.Lock()
	reason := t.lostFor(cause)
	again := t.losses
	t.mu.Unlock()
	if again == lossesForReason && reason != "" {
		enough := fail(exitLost, cause, reason)
		t.stop(enough)
		return enough
	}
	_ = t.again(cause, wait)
	if again == lossesForReason-1 && reason != "" {
		t.say("%s", reason)
	}
	return nil
}

// lostFor counts losses without an answer to any message, and names what is
// likely to cause them; "": nothing that is known. t.mu is held.
func (t *tally) lostFor(cause error) string {
	var lost *client.LostError
	if t.spoken() == mqttwire.V5 || !errors.As(cause, &lost) || lost.Handshake {
		return ""
	}
	if settled := t.taken + t.refused; settled != t.settled {
		t.settled, t.losses = settled, 0
	}
	t.losses++
	switch {
	case lost.Longest >= doubtfulSize && t.oneShot:
		return fmt.Sprintf("the broker closes the connection each time right behind the message: its size, %d bytes, may be the reason", lost.Longest)
	case lost.Longest >= doubtfulSize:
		return fmt.Sprintf("the broker closes the connection each time before it answers a message of %d bytes: its size may be the reason", lost.Longest)
	case t.plan.options.MaxInflight > usualInflight:
		return fmt.Sprintf("the broker closes the connection each time: %d messages at once, by -M/--max-inflight, may be too many for it", t.plan.options.MaxInflight)
	}
	return ""
}

// lossesForReason of a connection in a row, each without an answer, are no accident.
const lossesForReason = 3

// usualInflight is what brokers of 3.x bear that are set up as they came.
const usualInflight = 20

// verdict is the error of a run in which everything was answered; input is that
// of the line that ended it. What may be lost at QoS 0 is said beside all else.
func (t *tally) verdict(input *inputError) error {
	adrift := ""
	if !t.oneShot {
		adrift = t.adrift()
	}
	f := t.judge(input)
	switch {
	case f == nil && adrift == "":
		return nil
	case f == nil:
		return fail(exitPartly, errors.New(adrift))
	case adrift != "":
		f.Hints = append(f.Hints, adrift)
	}
	return f
}

func (t *tally) judge(input *inputError) *failure {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case input != nil && t.taken > 0:
		return fail(exitPartly, fmt.Errorf("%w; %s published before it", input, plural(t.taken, "message was", "messages were")), input.hints()...)
	case input != nil:
		return fail(exitFailed, fmt.Errorf("%w; nothing was published", input), input.hints()...)
	case t.refused > 0 && t.refused == t.denied && t.taken == 0:
		return fail(exitDenied, errors.New("not authorized to publish"), t.causeOf(t.reason)...)
	case t.refused > 0:
		return fail(exitPartly, fmt.Errorf("%s refused of %d", plural(t.refused, "message", "messages"), t.refused+t.taken), t.causeOf(t.reason)...)
	case t.unheard > 0:
		return fail(exitPartly, fmt.Errorf("%s of %d had no subscriber", plural(t.unheard, "message", "messages"), t.taken))
	case t.doubt > 0:
		return fail(exitPartly, fmt.Errorf("%s may have come twice or not at all: the session was lost", plural(t.doubt, "QoS 2 message", "QoS 2 messages")))
	case t.bad > 0:
		return t.badVerdict()
	}
	return nil
}
