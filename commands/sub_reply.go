package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// replyOptions are the flags of sub that make it answer requests.
type replyOptions struct {
	Reply         replyKind
	ResponseTopic string // where a request names none
}

// A replyKind is how requests are answered; the zero value is not at all.
type replyKind struct{ how, what string }

func (o *replyOptions) flags() []cli.Flag {
	return inCategory("Request and reply",
		valued("reply", "answer each message that asks for it by `HOW`: echo sends its payload back, text:TEXT says TEXT, exec:COMMAND what COMMAND prints, which has the payload on stdin and the topic in MQTK_TOPIC", toReply(&o.Reply)),
		valued("response-topic", "answer at `TOPIC` where a request names none, as on MQTT 3.1.1", toString(&o.ResponseTopic)))
}

func toReply(into *replyKind) func(string) error {
	return func(s string) error {
		how, what, found := strings.Cut(s, ":")
		if known := how == "echo" && !found || how == "text" && found || how == "exec" && what != ""; !known {
			return errors.New("must be echo, text:TEXT or exec:COMMAND")
		}
		*into = replyKind{how, what}
		return nil
	}
}

// check refuses an answer that would be a request again.
func (o *replyOptions) check(filters []mqttwire.Subscription) error {
	if o.ResponseTopic == "" {
		return nil
	}
	if o.Reply.how == "" {
		return usagef("--response-topic goes with --reply")
	}
	if err := checkTopic("--response-topic", o.ResponseTopic); err != nil {
		return err
	}
	for _, s := range filters {
		filter := s.Filter
		if _, rest, shared := mqttwire.SplitShared(filter); shared {
			filter = rest
		}
		if mqttwire.Match(filter, o.ResponseTopic) {
			return usagef("--response-topic %s: the filter %s brings it back, and each answer would be answered", o.ResponseTopic, s.Filter)
		}
	}
	return nil
}

// A responder answers. Messages are taken on the reading goroutine, which must
// not wait for the broker to take the answers: the acknowledgements come by it.
// So requests wait in a queue, and one that finds it full has no answer.
type responder struct {
	s         *subscriber
	kind      replyKind
	topic     string
	environ   messageEnviron
	queue     chan *mqttwire.Publish
	workers   sync.WaitGroup
	ctx       context.Context // of the workers
	interrupt context.CancelFunc
	lost      atomic.Int64 // requests without an answer

	mu      sync.Mutex
	pending int           // requests that wait for theirs
	queued  int           // their bytes
	settled chan struct{} // not nil: to be closed when none is pending

	// Of the reading goroutine.
	unasked, crowded bool // it has been said
}

const (
	replyQueue     = 1024
	replyQueueSize = 64 << 20 // of payloads
	replyCommands  = 8        // at a time
	replySize      = 16 << 20 // that a command may print
	replyGrace     = time.Second
)

func (o *replyOptions) responder(s *subscriber) *responder {
	r := &responder{s: s, kind: o.Reply, topic: o.ResponseTopic, environ: newMessageEnviron(), queue: make(chan *mqttwire.Publish, replyQueue)}
	return r
}

// start begins to answer; settle ends that. Both are for nil, too.
func (r *responder) start() {
	if r == nil {
		return
	}
	r.ctx, r.interrupt = context.WithCancel(r.s.ctx)
	workers := 1 // which keeps the order
	if r.kind.how == "exec" {
		workers = replyCommands
	}
	for range workers {
		r.workers.Go(r.work)
	}
}

// take queues a request.
func (r *responder) take(m *mqttwire.Publish, _ time.Time) error {
	topic, _ := m.Properties.Text(mqttwire.ResponseTopic)
	if topic == "" {
		topic = r.topic
	}
	if topic == "" {
		r.sayOnce(&r.unasked, "%s: the message names no response topic, so there is no answer (--response-topic is for those); this is said once", m.Topic)
		return nil
	}
	if mqttwire.CheckTopicName(topic) != nil {
		r.lose("%s: the response topic %q is none", m.Topic, topic)
		return nil
	}
	if !r.admit(len(m.Payload)) {
		r.lost.Add(1)
		r.sayOnce(&r.crowded, "requests come faster than they can be answered: some have no answer; this is said once")
		return nil
	}
	request := *m
	request.Topic, request.Payload, request.Properties = strings.Clone(m.Topic), bytes.Clone(m.Payload), slices.Clone(m.Properties)
	r.queue <- &request
	return nil
}

// admit counts a request, unless there are too many.
func (r *responder) admit(size int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == cap(r.queue) || r.pending > 0 && r.queued+size > replyQueueSize {
		return false
	}
	r.pending++
	r.queued += size
	return true
}

// dismiss counts a request that is dealt with.
func (r *responder) dismiss(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending--
	r.queued -= size
	if r.pending == 0 && r.settled != nil {
		close(r.settled)
		r.settled = nil
	}
}

func (r *responder) sayOnce(said *bool, format string, a ...any) {
	if !*said {
		*said = true
		r.s.say(format, a...)
	}
}

// lose says why a request has no answer.
func (r *responder) lose(format string, a ...any) {
	if n := r.lost.Add(1); n <= refusalsShown {
		r.s.say(format, a...)
	}
}

func (r *responder) work() {
	for {
		select {
		case <-r.ctx.Done():
			return
		case request := <-r.queue:
			if err := r.answer(request); err != nil && r.ctx.Err() == nil {
				r.lose("%s: no answer: %v", request.Topic, err)
			}
			r.dismiss(len(request.Payload))
		}
	}
}

// answer publishes the answer to one request, at its QoS and with its
// correlation data. It names no response topic, so that no answer asks for one.
func (r *responder) answer(request *mqttwire.Publish) error {
	reply := mqttwire.Publish{Topic: r.topic, QoS: request.QoS}
	if topic, given := request.Properties.Text(mqttwire.ResponseTopic); given {
		reply.Topic = topic
	}
	reply.QoS = min(reply.QoS, r.s.Grants().MaximumQoS)
	if data, given := request.Properties.Binary(mqttwire.CorrelationData); given {
		reply.Properties = reply.Properties.AddBinary(mqttwire.CorrelationData, data)
	}
	switch r.kind.how {
	case "echo":
		reply.Payload = request.Payload
		if content, given := request.Properties.Text(mqttwire.ContentType); given {
			reply.Properties = reply.Properties.AddText(mqttwire.ContentType, content)
		}
	case "text":
		reply.Payload = []byte(r.kind.what)
	default:
		out, err := r.run(request)
		if err != nil {
			return err
		}
		reply.Payload = out
	}
	return r.s.Publish(r.ctx, &reply, func(reason mqttwire.ReasonCode, err error) {
		if err == nil && reason >= mqttwire.UnspecifiedError {
			r.lose("publish %s: %s (0x%02X)", reply.Topic, reason.Text(mqttwire.PUBACK), byte(reason))
		}
	})
}

// run gives the payload to the command and takes what it prints.
func (r *responder) run(request *mqttwire.Publish) ([]byte, error) {
	cmd := newShellCommand(r.ctx, r.kind.what, replyGrace)
	stderr, back := r.s.p.lendTerminal()
	defer back()
	cmd.Env = r.environ.of(request, time.Now())
	cmd.Stdin, cmd.Stderr = bytes.NewReader(request.Payload), stderr
	out := &boundedOutput{room: replySize}
	cmd.Stdout = out
	err := cmd.run()
	if out.room < 0 {
		return nil, fmt.Errorf("the command has printed more than %d bytes", replySize)
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it has ended well, and something that it left behind holds its output open
	}
	return out.text, err
}

// boundedOutput keeps what is written to it, up to a bound.
type boundedOutput struct {
	text []byte
	room int // negative: there was more
}

// Write takes b, or ends the command that writes it.
func (w *boundedOutput) Write(b []byte) (int, error) {
	if w.room -= len(b); w.room < 0 {
		return 0, errors.New("too much")
	}
	w.text = append(w.text, b...)
	return len(b), nil
}

func (r *responder) flush() error { return nil }

// settle sees the answers off, before the connection ends.
func (r *responder) settle() {
	if r == nil {
		return
	}
	answered := make(chan struct{})
	r.mu.Lock()
	if r.pending == 0 {
		close(answered)
	} else {
		r.settled = answered
	}
	r.mu.Unlock()
	select {
	case <-answered:
		_ = r.s.Wait(r.s.ctx) // an error is told by others
	case <-r.s.ctx.Done():
	case <-r.s.Done():
	}
	r.interrupt()
	r.workers.Wait()
}

func (r *responder) close() error { return nil }
func (r *responder) open() bool   { return false }

// verdict: who counts on the answers is told that some are missing.
func (r *responder) verdict() error {
	if n := int(r.lost.Load()); n > 0 {
		return fail(exitPartly, fmt.Errorf("%s without an answer", plural(n, "request", "requests")))
	}
	return nil
}
