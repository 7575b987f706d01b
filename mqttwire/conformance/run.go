package conformance

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A Dialer opens a connection to the broker.
type Dialer func(ctx context.Context) (net.Conn, error)

// Options say what the broker is like and how it is to be judged.
type Options struct {
	Prefix   string        // see NewPrefix; "" is "conform", good for a broker of one's own
	Strict   bool          // of what the standard lets a broker choose, the best
	Have     []string      // what the broker has of what scripts need: users, acl, challenge, anonymous, quiet
	Settings []Setting     // that the broker runs with: scripts that ask for others are skipped
	Patience time.Duration // how long to wait for what has no time; 0 is 5 s
	Parallel int           // scripts at a time, for RunAll; 0 is 64
	Frames   bool          // the dialer's connections are by WebSocket
	Sweep    bool          // clear the retained messages and sessions that a script leaves
	Username string        // for a CONNECT that has none, if not empty
	Password string
	Literal  bool          // play scripts whatever they need, and take a refusal for what it is: no expected answer
	Late     time.Duration // how long after its window what comes is still in time; 0 is 150 ms, for a loaded machine
	Linger   time.Duration // how long to watch for what still comes behind the last step
	Watch    func(Seen)    // told of each packet, one at a time, as it is sent or comes; nil: nobody
}

// NewPrefix makes seven letters and digits by which client ids and topics of a
// run differ from those of all others on the same broker.
func NewPrefix() string { return strings.ToLower(rand.Text()[:7]) }

// slack is what a live broker and a loaded machine may be off in time.
const (
	slackEarly = 20 * time.Millisecond
	slackLate  = 150 * time.Millisecond
)

// A runner plays one script.
type runner struct {
	script    *Script
	dial      Dialer
	options   Options
	clients   map[int]*client
	variables map[string]variable
	wake      chan struct{} // a client has news
	readers   sync.WaitGroup
	last      time.Time // of the step before
	window    *step     // for what is received next
	waited    bool      // in vain, for an optional packet
	trace     []string
	left      leftovers
	begun     time.Time
	opened    int // connections so far
	telling   sync.Mutex
}

// A variable is a value as it stood in a packet, perhaps in hexadecimal.
type variable struct {
	text string
	hex  bool
}

// Run plays a script against a broker. All connections are closed and all
// goroutines are gone when it returns. It takes time from package time alone,
// so it can run in a testing/synctest bubble with a dialer of that bubble.
func Run(ctx context.Context, s *Script, dial Dialer, o Options) Result {
	if why := o.skips(s); why != "" && !o.Literal {
		return Result{Script: s, Outcome: Skip, Got: why}
	}
	if o.Prefix == "" {
		o.Prefix = "conform"
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	if o.Late == 0 {
		o.Late = slackLate
	}
	number := strconv.FormatInt(int64(s.Number), 36)
	number = strings.Repeat("0", max(0, 4-len(number))) + number
	r := &runner{script: s, dial: dial, options: o, clients: make(map[int]*client), wake: make(chan struct{}, 1), begun: time.Now()}
	r.variables = map[string]variable{"id": {text: o.Prefix + number}, "topic": {text: "mqtk/" + o.Prefix + "/" + number}}
	result := r.play(ctx)
	result.Script, result.Elapsed = s, time.Since(r.begun)
	for _, c := range r.clients {
		c.close()
	}
	r.readers.Wait()
	if o.Sweep {
		r.sweep(ctx)
	}
	result.Trace = r.trace
	return result
}

// skips tells why a script does not fit the broker, or "".
func (o *Options) skips(s *Script) string {
	for _, need := range s.Needs {
		if !slices.Contains(o.Have, need) {
			return "needs " + need
		}
	}
	if s.Frames != "" && !o.Frames {
		return "it is about frames, which " + noFrames
	}
	if SettingsKey(s.Settings) != SettingsKey(o.Settings) {
		if len(s.Settings) == 0 {
			return "needs the default settings"
		}
		return "needs " + SettingsKey(s.Settings)
	}
	return ""
}

func (r *runner) play(ctx context.Context) Result {
	r.last = time.Now()
	for i := 0; i < len(r.script.steps); i++ {
		st := &r.script.steps[i]
		if st.op == opGroup {
			group := r.script.steps[i : i+1]
			for i+1 < len(r.script.steps) && r.script.steps[i+1].op == opGroup && r.script.steps[i+1].clients[0] == st.clients[0] {
				i++
				group = group[:len(group)+1]
			}
			if f := r.group(ctx, group); f != nil {
				return r.result(f)
			}
			continue
		}
		if f := r.step(ctx, st); f != nil {
			return r.result(f)
		}
	}
	r.linger(ctx)
	for _, c := range r.clients {
		if err := c.breach(); err != nil {
			last := &r.script.steps[len(r.script.steps)-1]
			return r.result(r.breachAt(last, err))
		}
	}
	return Result{Outcome: Pass, Shown: r.script.Shows}
}

func (r *runner) step(ctx context.Context, st *step) *failure {
	switch st.op {
	case opSend, opHold:
		return r.send(ctx, st)
	case opClose:
		r.note(st.clients[0], ">", "EOF")
		if c := r.clients[st.clients[0]]; c != nil {
			r.tell(Seen{Client: c.number, Connection: c.serial, Sent: true, End: "EOF"})
			c.close()
		}
		r.last = time.Now()
	case opWait:
		return r.wait(ctx, st)
	case opWindow:
		r.window = st
	case opNothing:
		return r.nothing(ctx, st)
	case opAnything:
		return r.anything(ctx, st)
	case opDistinct:
		return r.distinct(st)
	default:
		return r.expect(ctx, st)
	}
	return nil
}

func (r *runner) wait(ctx context.Context, st *step) *failure {
	timer := time.NewTimer(st.from)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return &failure{step: st, got: ctx.Err().Error()}
	}
	r.last = time.Now()
	return nil
}

func (r *runner) distinct(st *step) *failure {
	seen := make(map[string]string)
	for _, name := range st.names {
		value, ok := r.variables[name]
		if !ok {
			return &failure{step: st, got: "$" + name + " has no value"}
		}
		if other, ok := seen[value.text]; ok {
			return &failure{step: st, got: fmt.Sprintf("$%s and $%s are both %s", other, name, value.text)}
		}
		seen[value.text] = name
	}
	return nil
}

// note keeps a line of what happened, for the report of a failure.
func (r *runner) note(client int, arrow, text string) {
	r.trace = append(r.trace, fmt.Sprintf("%8.3fs %d%s %s", time.Since(r.begun).Seconds(), client, arrow, brief(text, 240)))
}

// text puts the variables into a text.
func (r *runner) text(s string) string {
	if !strings.Contains(s, "${") {
		return s
	}
	for name, value := range r.variables {
		s = strings.ReplaceAll(s, "${"+name+"}", value.text)
	}
	return s
}

// versionOf is the version that a CONNECT names, or the script's.
func versionOf(p *mqttwire.Connect, otherwise mqttwire.Version) mqttwire.Version {
	if p.Version >= mqttwire.V31 && p.Version <= mqttwire.V5 {
		return p.Version
	}
	return otherwise
}
