package fuzz

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/referee"
)

// A Verdict is a class of trouble.
type Verdict byte

const (
	Crash       Verdict = iota + 1 // connections lost and refused, or the process is gone
	Hang                           // silence
	RuleBreak                      // a statement broken by the broker
	Disturbance                    // of clients that did nothing wrong
)

// String is one word, or two: crash, hang, rule-break, disturbance.
func (v Verdict) String() string {
	return [...]string{"none", "crash", "hang", "rule-break", "disturbance"}[v]
}

// Trouble is what a case brought to light.
type Trouble struct {
	Verdict   Verdict
	Clause    string // of a rule-break: the statement, or a section
	Text      string // a sentence without a full stop
	Client    int    // of the case; 0: the healthy pair, or none
	LastWords []string
	mark      string // what else tells this trouble from others of its verdict
}

// key tells troubles apart, without the words that differ each time.
func (t *Trouble) key() string { return t.Verdict.String() + " " + t.Clause + " " + t.mark }

// isLike tells whether a smaller case shows the same.
func (t *Trouble) isLike(o *Trouble) bool {
	return o != nil && t.Verdict == o.Verdict && t.Clause == o.Clause && (t.Verdict != RuleBreak || t.mark == o.mark)
}

// A player plays one case, with the healthy pair beside it.
type player struct {
	dial     func(context.Context) (net.Conn, error)
	username *string
	password []byte
	patience time.Duration       // until silence is a hang
	pair     *pair               // nil: nobody watches
	known    func(*Trouble) bool // tells trouble that was found before; nil: none was

	links    map[int]*link
	sessions *referee.Sessions
	news     chan struct{}
	readers  sync.WaitGroup
	refused  bool
	assigned []string    // client ids that the broker chose, and that were not swept yet
	wild     atomic.Bool // a client of the case did something wrong
	stale    bool        // one of an earlier case did, and the broker is not ours to start anew
}

// settle is how long an answer is waited for that must come, and brief for
// one that may: what comes later is no trouble yet.
const (
	settle = 500 * time.Millisecond
	brief  = 10 * time.Millisecond
)

// play plays the case and tells what the broker did wrong on its connections.
func (p *player) play(ctx context.Context, c *Case) *Trouble {
	p.links, p.sessions, p.refused = make(map[int]*link), referee.NewSessions(), false
	p.wild.Store(false)
	for i := range c.Steps {
		if ctx.Err() != nil || p.refused {
			break
		}
		p.step(ctx, &c.Steps[i], c.Version)
		if p.pair != nil {
			p.pair.nudge(i % 3)
		}
	}
	t := p.judge(ctx)
	for _, l := range p.links {
		l.close()
	}
	p.readers.Wait()
	for _, l := range p.links {
		if l.assigned != "" {
			p.assigned = append(p.assigned, l.assigned)
		}
	}
	return t
}

func (p *player) step(ctx context.Context, s *Step, v mqttwire.Version) {
	l := p.links[s.Client]
	switch s.Op {
	case Pause:
		p.wait(ctx, s.Pause, func() bool { return false })
	case Settle:
		if l != nil {
			p.wait(ctx, brief, l.hears)
		}
	case Close:
		if l != nil {
			l.close()
		}
	default:
		p.send(ctx, s, v)
	}
}

// send sends what the step says, and waits for the answer that must come.
func (p *player) send(ctx context.Context, s *Step, v mqttwire.Version) {
	b, err := p.bytes(s, v)
	if err != nil {
		return
	}
	l := p.links[s.Client]
	if l == nil {
		conn, err := p.dial(ctx)
		if err != nil {
			p.refused = true
			return
		}
		l = newLink(s.Client, conn, p)
		p.links[s.Client] = l
		p.readers.Go(l.receive)
	}
	if !l.isOpen() {
		return
	}
	answer := s.answer()
	before := l.count(answer)
	l.send(b, s.Op == Hold)
	if answer != 0 && s.Op == Send && l.isOrderly() {
		p.wait(ctx, settle, func() bool { return l.count(answer) > before || before == 1<<30 })
	}
}

// bytes are those of the step; a CONNECT without a user name gets that of the
// run, as in inspect send.
func (p *player) bytes(s *Step, v mqttwire.Version) ([]byte, error) {
	if p.username != nil && s.Text != "" && s.kind() == mqttwire.CONNECT {
		packet, err := s.packet(v)
		if err != nil {
			return nil, err
		}
		if c, ok := packet.(*mqttwire.Connect); ok && !c.HasUsername {
			c.HasUsername, c.Username = true, *p.username
			c.HasPassword, c.Password = p.password != nil, p.password
		}
		return packet.Append(nil, v)
	}
	return s.bytes(v)
}

// answer is the packet that a broker answers a packet in words with; 0: none.
func (s *Step) answer() mqttwire.PacketType {
	if s.Text == "" {
		return 0
	}
	switch s.kind() {
	case mqttwire.CONNECT:
		return mqttwire.CONNACK
	case mqttwire.SUBSCRIBE:
		return mqttwire.SUBACK
	case mqttwire.UNSUBSCRIBE:
		return mqttwire.UNSUBACK
	case mqttwire.PINGREQ:
		return mqttwire.PINGRESP
	case mqttwire.PUBREL:
		return mqttwire.PUBCOMP
	case mqttwire.PUBLISH:
		line, err := mqttwire.ParseLine(s.Text)
		if qos, _ := line.Get("qos"); err == nil && qos == "1" {
			return mqttwire.PUBACK
		} else if qos == "2" {
			return mqttwire.PUBREC
		}
	}
	return 0
}

// wait waits until something is so, and tells whether it is.
func (p *player) wait(ctx context.Context, limit time.Duration, so func() bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for !so() {
		select {
		case <-p.news:
		case <-timer.C:
			return so()
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// judge looks at the connections of the case once all was sent.
func (p *player) judge(ctx context.Context) *Trouble {
	numbers := make([]int, 0, len(p.links))
	for n := range p.links {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		p.fence(ctx, p.links[n])
	}
	for _, n := range numbers {
		l := p.links[n]
		l.mutex.Lock()
		breaches := l.breaches
		l.mutex.Unlock()
		if len(breaches) > 0 {
			return &Trouble{Verdict: RuleBreak, Clause: breaches[0].Clause, Text: breaches[0].Text, Client: n}
		}
	}
	for _, n := range numbers {
		l := p.links[n]
		clause, _ := l.mustClose()
		if clause == "" {
			continue
		}
		patience := p.patience
		if p.known != nil && p.known(&Trouble{Verdict: RuleBreak, Clause: clause, mark: "open"}) {
			patience = brief // it would be told again and again, and waited for each time
		}
		p.wait(ctx, patience, func() bool { clause, _ := l.mustClose(); return clause == "" })
		if clause, why := l.mustClose(); clause != "" && ctx.Err() == nil {
			return &Trouble{Verdict: RuleBreak, Clause: clause, Text: why, Client: n, mark: "open"}
		}
	}
	return nil
}

// fence sends a PINGREQ behind all that a client sent, if it did nothing
// wrong: its answer shows that the broker has read all of it. What it does with
// the bytes of others it is given a moment to show, so that the trouble that
// comes of them is that of this case and not of the next.
func (p *player) fence(ctx context.Context, l *link) {
	if len(l.held) > 0 {
		l.send(nil, false)
	}
	if !l.isSound() {
		p.wait(ctx, brief, func() bool { return !l.isOpen() })
		return
	}
	before := l.count(mqttwire.PINGRESP)
	ping, _ := (&mqttwire.Pingreq{}).Append(nil, mqttwire.V5)
	l.send(ping, false)
	if !p.wait(ctx, p.patience, func() bool { return l.count(mqttwire.PINGRESP) > before || before == 1<<30 }) && ctx.Err() == nil && l.isSound() {
		l.mutex.Lock()
		l.breaches = append(l.breaches, referee.Finding{Kind: referee.Violation, Side: mqttwire.Server, Clause: "MQTT-3.12.4-1",
			Text: fmt.Sprintf("PINGREQ of client %d stays without an answer", l.number)})
		l.mutex.Unlock()
	}
}
