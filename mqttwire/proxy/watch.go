package proxy

import (
	"bytes"
	"net"
	"sync"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/referee"
)

// An Event is something that was seen.
type Event struct {
	Kind       Kind
	Connection int // from 1, in the order in which they came
	At         time.Time
	From       mqttwire.Side     // who has sent, or closed
	Legs       legs              // where it was seen
	Client     net.Addr          // of Opened and Refused
	Packet     *referee.Packet   // of Packet
	Raw        []byte            // of Bytes and Data
	Version    mqttwire.Version  // of the connection
	Faults     []string          // what was done to it
	Findings   []referee.Finding // besides those of Packet
	Missed     int               // of Missed: how many bytes
	Err        error             // of Refused, and of Closed where it is no ordinary end
}

// A Kind is what was seen.
type Kind byte

const (
	Opened  Kind = iota // a connection, with one to the broker
	Refused             // a connection that did not come about, and why
	Packet              // a packet, or the first bytes that are none
	Bytes               // bytes that are in no packet: behind some that are none, or of one that does not end
	Data                // bytes as they passed, before what they hold is told
	Missed              // bytes that were forwarded, and that Watch did not take in time
	Closed              // a side has closed its direction
	Gone                // a connection is over
)

// legs are the parts of the way on which something was seen. Without faults all
// is seen on both.
type legs byte

const (
	clientLeg legs = 1 << iota
	brokerLeg
	bothLegs = clientLeg | brokerLeg
)

func senderLeg(from mqttwire.Side) legs {
	if from == mqttwire.Server {
		return brokerLeg
	}
	return clientLeg
}

// AsSent tells whether it was seen where it was sent: what the faults left of it
// is seen on the other leg, too.
func (e *Event) AsSent() bool { return e.From == mqttwire.Either || e.Legs&senderLeg(e.From) != 0 }

// AtBroker tells whether the broker was part of it.
func (e *Event) AtBroker() bool { return e.Legs == 0 || e.Legs&brokerLeg != 0 }

// A note is what a direction leaves for the watcher.
type note struct {
	kind       Kind
	connection int
	at         time.Time
	from       mqttwire.Side
	legs       legs
	data       []byte
	missed     int // bytes before this that were not noted
	faults     []string
	err        error
	client     net.Addr
}

// A watcher turns notes into events, in their order, on a goroutine of its own.
type watcher struct {
	watch   func(*Event)
	idle    func()
	backlog int
	faults  bool
	done    chan struct{}

	mu     sync.Mutex
	change sync.Cond
	notes  []note
	held   int // bytes of notes, of those in work too
	over   bool

	// of the goroutine
	open     map[int]*followed
	sessions [2]*referee.Sessions
}

func newWatcher(o *Options) *watcher {
	w := &watcher{watch: o.Watch, idle: o.Idle, backlog: o.Backlog, faults: len(o.Rules) > 0, done: make(chan struct{}), open: make(map[int]*followed)}
	w.change.L = &w.mu
	w.sessions = [2]*referee.Sessions{referee.NewSessions(), referee.NewSessions()}
	if w.watch == nil {
		close(w.done)
		return w
	}
	go w.run()
	return w
}

// noteSize is about what a note takes besides its bytes.
const noteSize = 160

// offer takes a note with a copy of its bytes, if there is room.
func (w *watcher) offer(n note, b []byte) bool {
	if w.watch == nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held > 0 && w.held+len(b)+noteSize > w.backlog {
		return false
	}
	n.data = bytes.Clone(b)
	w.held += len(b) + noteSize
	w.add(n)
	return true
}

// tell takes a note without bytes.
func (w *watcher) tell(n note) {
	if w.watch == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.add(n)
}

func (w *watcher) add(n note) {
	w.notes = append(w.notes, n)
	if len(w.notes) == 1 {
		w.change.Signal()
	}
}

// finish waits until all notes have been worked off.
func (w *watcher) finish() {
	w.mu.Lock()
	w.over = true
	w.change.Signal()
	w.mu.Unlock()
	<-w.done
}

// manyNotes is what is too many to keep the room for.
const manyNotes = 10_000

func (w *watcher) run() {
	defer close(w.done)
	var work []note
	for {
		w.mu.Lock()
		if len(w.notes) == 0 && w.idle != nil {
			w.mu.Unlock()
			w.idle()
			w.mu.Lock()
		}
		for len(w.notes) == 0 && !w.over {
			w.change.Wait()
		}
		if cap(work) > manyNotes {
			work = nil
		}
		work, w.notes = w.notes, work[:0]
		w.mu.Unlock()
		if len(work) == 0 {
			return
		}
		for i := range work {
			w.see(&work[i])
			counted := work[i].kind == Packet
			size := len(work[i].data)
			work[i] = note{}
			if counted {
				w.mu.Lock()
				w.held -= size + noteSize
				w.mu.Unlock()
			}
		}
	}
}

// A followed connection is judged on each leg: on both at once without faults.
type followed struct {
	legs    [2]*referee.Conversation
	version mqttwire.Version
	closed  [2]legs // where a side has closed its direction
}

func (w *watcher) see(n *note) {
	e := Event{Kind: n.kind, Connection: n.connection, At: n.at, From: n.from, Legs: n.legs, Client: n.client, Err: n.err, Faults: n.faults}
	f := w.open[n.connection]
	if f == nil && n.kind != Refused {
		f = w.follow()
		w.open[n.connection] = f
	}
	if n.missed > 0 {
		w.skip(f, n)
	}
	switch n.kind {
	case Packet:
		w.feed(f, n, &e)
		return
	case Missed:
		return
	case Closed:
		f.closed[n.from-mqttwire.Client] |= n.legs
		f.each(n.legs, func(leg legs, c *referee.Conversation) {
			w.rest(f, &e, c)
			e.Findings = append(e.Findings, fair(leg, c.End(n.from, n.at, n.err != nil))...)
		})
	case Gone:
		w.left(f, &e)
		f.each(bothLegs, func(leg legs, c *referee.Conversation) {
			e.Findings = append(e.Findings, fair(leg, c.Finish(n.at))...)
		})
		delete(w.open, n.connection)
	}
	w.watch(&e)
}

// left tells of the bytes of those that did not close their direction.
func (w *watcher) left(f *followed, e *Event) {
	for _, from := range []mqttwire.Side{mqttwire.Client, mqttwire.Server} {
		f.each(bothLegs&^f.closed[from-mqttwire.Client], func(leg legs, c *referee.Conversation) {
			told := *e
			if told.From, told.Legs = from, leg; f.legs[0] == f.legs[1] && f.closed[from-mqttwire.Client] != 0 {
				return
			}
			w.rest(f, &told, c)
		})
	}
}

// rest tells of the bytes of a side that are no whole packet.
func (w *watcher) rest(f *followed, e *Event, c *referee.Conversation) {
	if rest, followed := c.Unread(e.From); followed && len(rest) > 0 {
		w.bytes(f, e, rest)
	}
}

func (w *watcher) follow() *followed {
	f := &followed{}
	f.legs[0] = referee.New(referee.Options{Sessions: w.sessions[0], Skew: -1})
	if f.legs[1] = f.legs[0]; w.faults {
		f.legs[1] = referee.New(referee.Options{Sessions: w.sessions[1], Skew: -1})
	}
	return f
}

// each calls do with the conversations on legs, each once.
func (f *followed) each(l legs, do func(legs, *referee.Conversation)) {
	if f.legs[0] == f.legs[1] {
		do(bothLegs, f.legs[0])
		return
	}
	for i, leg := range [...]legs{clientLeg, brokerLeg} {
		if l&leg != 0 {
			do(leg, f.legs[i])
		}
	}
}

// fair leaves out what a leg cannot tell: with faults a side is judged where it
// stands, by what it was given to see.
func fair(l legs, findings []referee.Finding) []referee.Finding {
	if l == bothLegs {
		return findings
	}
	var left []referee.Finding
	for _, f := range findings {
		if f.Side != mqttwire.Either && senderLeg(f.Side) == l {
			left = append(left, f)
		}
	}
	return left
}

// skip tells of bytes that were not noted.
func (w *watcher) skip(f *followed, n *note) {
	e := Event{Kind: Missed, Connection: n.connection, At: n.at, From: n.from, Legs: n.legs, Missed: n.missed}
	f.each(n.legs, func(leg legs, c *referee.Conversation) {
		e.Findings = append(e.Findings, fair(leg, c.Skip(n.from, n.at, n.missed))...)
	})
	w.watch(&e)
}

// feed hands bytes to the referee, and tells of what they are.
func (w *watcher) feed(f *followed, n *note, e *Event) {
	raw := *e
	raw.Kind, raw.Raw, raw.Version = Data, n.data, f.version
	w.watch(&raw)
	f.each(n.legs, func(leg legs, c *referee.Conversation) {
		before, _ := c.Unread(n.from)
		rest := len(before) + len(n.data)
		packets := c.Feed(n.from, n.at, n.data)
		for i := range packets {
			p := &packets[i]
			p.Findings = fair(leg, p.Findings)
			f.version = p.Version
			told := *e
			told.Packet, told.Version, told.From = p, p.Version, p.From
			w.watch(&told)
			rest -= len(p.Raw)
		}
		if _, followed := c.Unread(n.from); !followed && rest > 0 {
			w.bytes(f, e, n.data[max(0, len(n.data)-rest):])
		}
	})
}

// bytes tells of some that are in no packet.
func (w *watcher) bytes(f *followed, e *Event, b []byte) {
	told := *e
	told.Kind, told.Raw, told.Version = Bytes, b, f.version
	w.watch(&told)
}
