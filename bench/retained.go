package bench

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
)

const (
	phaseStore   = "store"
	phaseDeliver = "deliver"

	storedMessages = 10_000 // of shapes Retain and Offline, if nothing else is said
)

// fillInStored sets what shapes have in common that store messages first, and
// deliver them then: a number of messages, of any of which nobody waits to be
// delivered before the next is sent, and none of QoS 0 for who is away.
func (p *Plan) fillInStored() {
	if p.Shape == Retain || p.Shape == Offline {
		p.Outstanding = -1
	}
	switch p.Shape {
	case Retain:
		orElse(&p.Messages, cmp.Or(int64(p.Topics), storedMessages))
		orElse(&p.Topics, int(min(p.Messages, maxClients+1)))
		p.Retain = true
	case Offline:
		orElse(&p.Messages, storedMessages)
		p.QoS = max(p.QoS, 1)
	}
}

// checkStored refuses what cannot be done with one retained message for each topic.
func (p *Plan) checkStored() error {
	if p.Shape != Retain {
		return nil
	}
	if p.Messages > maxClients {
		return nonsense("Messages", "%d retained messages: there can be 1 to %d", p.Messages, maxClients)
	}
	if int64(p.Topics) != p.Messages {
		return nonsense("Topics", "%d retained messages on %d topics: each topic keeps one", p.Messages, p.Topics)
	}
	_, err := newStock(p, "")
	return err
}

// A stock is the topics of retained messages: message s of publisher i of n is
// that of topic s·n + i.
type stock struct {
	head, tail string // of a topic, around its number
	filter     string // for all of them
	publishers int64
	messages   int64
}

func newStock(p *Plan, word string) (*stock, error) {
	filter, ok := topicFilter(p.Topic, word)
	head, tail, _ := strings.Cut("/"+p.Topic+"/", "/%i/")
	if !ok || hasNumber(tail) {
		return nil, nonsense("Topic", "topic %s: retained messages are taken by one filter, so %%i has to be a level of the topic by itself, once", p.Topic)
	}
	head, err := topicName(head+"/", 0, word)
	if err != nil {
		return nil, err
	}
	tail, err = topicName("/"+tail, 0, word)
	s := &stock{head: head[1:], tail: tail[:len(tail)-1], filter: filter, publishers: int64(p.Publishers), messages: p.Messages}
	return s, err
}

func (s *stock) number(publisher uint32, sequence int64) int64 {
	return sequence*s.publishers + int64(publisher)
}

func (s *stock) topic(number int64) string {
	return s.head + strconv.FormatInt(number, 10) + s.tail
}

// retained is the course of shape Retain: messages are stored, then each
// subscriber takes all of them by one filter.
//
//	store     PUBLISH with RETAIN, until the broker has the last
//	deliver   SUBSCRIBE, up to the last message
//
// A few topics have had an older message before, which must not come any more. In
// the end all are cleared, whatever has happened; that is not counted.
func (r *run) retained(ctx context.Context) error {
	s, err := newStock(&r.plan, r.word)
	if err != nil {
		return err
	}
	r.castStock(s)
	if err := r.connect(ctx, r.links); err != nil {
		return err
	}
	defer r.clearStock(ctx, s)
	if err := r.storeOld(ctx); err != nil {
		return err
	}
	f := r.newPhase(phaseStore, r.plan.Duration, r.plan.Messages)
	f.untimed = true
	stored, err := r.store(ctx, f)
	if err != nil {
		return err
	}
	delivered, err := r.deliver(ctx, f)
	if err != nil {
		return err
	}
	r.conclude(f)
	r.concludeParts(stored, delivered)
	r.judgeStock()
	return nil
}

// judgeStock finds what retained messages alone can do wrong.
func (r *run) judgeStock() {
	if old := r.book.total.stale; old > 0 {
		r.fail(BrokenPromise, "%s came that had been replaced by newer ones", many(old, "retained message", "retained messages"))
	}
	unmarked := r.gather().unmarked
	if unmarked > 0 {
		r.fail(BrokenPromise, "%s came without RETAIN to a new subscription", many(unmarked, "retained message", "retained messages"))
	}
}

// castStock makes the clients.
func (r *run) castStock(s *stock) {
	for i := range r.plan.Publishers {
		p := r.addPublisher(s.topic(s.messages-1), i) // the longest: it is what has to fit
		p.stock = s
		p.fan.receivers.Store(int64(r.plan.Subscribers))
	}
	for j := range r.plan.Subscribers {
		w := r.workers[j%len(r.workers)]
		c := &collector{w: w, number: j, stock: s, seen: make([]uint64, (s.messages+63)/64)}
		c.c = r.link(w, 's', c)
		w.collectors = append(w.collectors, c)
	}
}

// storeOld stores messages in one topic of a hundred.
func (r *run) storeOld(ctx context.Context) error {
	f := r.newPhase(phaseWarmUp, time.Second, (r.plan.Messages+99)/100)
	if !r.begin(f) {
		return r.loopError()
	}
	if _, err := r.storeAll(ctx, f); err != nil {
		return err
	}
	if r.deserted() {
		return r.firstFailure()
	}
	return nil
}

// store stores what is measured.
func (r *run) store(ctx context.Context, f *phase) (Phase, error) {
	r.openBook()
	if !r.begin(f) {
		return Phase{}, r.loopError()
	}
	r.book.begin(r, f)
	last, err := r.storeAll(ctx, f)
	r.collect()
	return Phase{Name: f.name, Count: r.book.total.Acknowledged, Seconds: seconds(last - f.start.Load())}, err
}

// storeAll sends, and waits until the broker has taken everything: it tells that by
// an acknowledgement, and at QoS 0 by PINGRESP.
func (r *run) storeAll(ctx context.Context, f *phase) (last int64, err error) {
	if err := r.send(ctx, f); err != nil {
		return 0, err
	}
	r.hush(f)
	if _, err := r.waitUntil(ctx, f, r.plan.Patience, func(s *survey) bool { return s.open == 0 }); err != nil {
		return 0, err
	}
	if r.plan.QoS > 0 {
		return r.lastStir(), nil
	}
	r.each(func(w *worker) {
		for _, p := range w.publishers {
			if p.c.stage == ready {
				p.c.ping()
			}
		}
	})
	_, err = r.waitUntil(ctx, f, answerTime, func(*survey) bool { return !r.pinged() })
	return r.clock.now(), err
}

// pinged tells that a publisher waits for PINGRESP.
func (r *run) pinged() bool {
	waits := make([]bool, len(r.workers))
	r.each(func(w *worker) {
		for _, p := range w.publishers {
			waits[w.number] = waits[w.number] || p.c.stage == ready && p.c.pinged
		}
	})
	return slices.Contains(waits, true)
}

// deliver has the collectors subscribe, and waits for what comes.
func (r *run) deliver(ctx context.Context, f *phase) (Phase, error) {
	if ctx.Err() != nil {
		return Phase{Name: phaseDeliver}, nil
	}
	f.name = phaseDeliver
	begun := r.clock.now()
	r.each(func(w *worker) {
		w.tally.last, w.stirred = begun, begun
		for _, c := range w.collectors {
			c.subscribe()
		}
	})
	_, err := r.wait(ctx, f, r.plan.Patience)
	r.noteUsage()
	r.collect()
	return Phase{Name: phaseDeliver, Count: r.book.total.Delivered, Seconds: seconds(max(begun, r.book.total.last) - begun)}, err
}

// clearStock has a publisher take all retained messages away; where none is left a
// client comes for it.
func (r *run) clearStock(ctx context.Context, s *stock) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	r.plan.Progress = nil
	r.depart(func(c *link) bool { _, ok := c.role.(*collector); return ok })
	x := &clearing{stock: s}
	for _, w := range r.workers {
		r.each(func(of *worker) {
			for _, p := range of.publishers {
				if of == w && p.c.stage == ready && x.c == nil {
					x.c = p.c
					p.c.role = x
					x.room(p.c)
				}
			}
		})
	}
	if x.c == nil {
		x.c = r.link(r.workers[0], 'c', x)
		if _, err := r.connectAll(ctx, "end", func(c *link) bool { return c == x.c }); err != nil {
			return
		}
	}
	for !x.over(r) && r.pause(ctx, pollTime/10, false) {
	}
}

// A clearing is the role of a client that takes all retained messages away.
type clearing struct {
	stock  *stock
	c      *link
	next   int64
	pinged bool // behind the last: the answer tells that all have been taken
}

func (x *clearing) connected(c *link, _ *grants) (bool, error) {
	x.room(c)
	return false, nil
}

// room sends as much as there is room for.
func (x *clearing) room(c *link) {
	out, v := c.w.out[:0], c.w.run.plan.Version
	for x.next < x.stock.messages && !c.conn.Full() {
		m := mqttwire.Publish{Topic: x.stock.topic(x.next), Retain: true}
		out, _ = m.Append(out, v) // with a payload it has been said before
		if x.next++; len(out) > 16<<10 {
			c.send(out)
			out = out[:0]
		}
	}
	c.send(out)
	c.w.out = out[:0]
	if x.next == x.stock.messages && !x.pinged {
		x.pinged = true
		c.ping()
	}
}

// take leaves what else comes alone.
func (x *clearing) take(c *link, in []byte) (used int, err error) {
	for used < len(in) {
		p, n, err := c.w.decode(in[used:])
		if n == 0 || err != nil {
			return used, err
		}
		used += n
		if p.Type() == mqttwire.PINGRESP {
			c.pinged = false
		}
	}
	return used, nil
}

func (x *clearing) gone(*link) {}

// over tells that all is done, or cannot be.
func (x *clearing) over(r *run) (over bool) {
	r.each(func(w *worker) {
		if w == x.c.w {
			over = x.c.stage != ready || x.pinged && !x.c.pinged
		}
	})
	return over
}
