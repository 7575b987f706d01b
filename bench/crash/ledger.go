package crash

import (
	"bytes"
	"strconv"
	"sync"

	"mqtk/mqttwire"
)

// A ledger holds what was acknowledged against what arrived.
type ledger struct {
	mu        sync.Mutex
	lines     map[string]*line // by topic
	order     []*line
	receivers []*receiver
	sentCount int // messages, wills aside
	owed      int // acknowledged and not arrived, over all receivers
	arrived   int // messages, repeated ones too
	repeated  int // of these, at QoS 1
	refused   int // publishes, by a reason code
	findings  Findings
	counts    Acknowledged
}

// A line is what one client publishes on one topic at one QoS, numbered from 1.
type line struct {
	index  int
	client string
	topic  string
	qos    mqttwire.QoS
	size   int
	will   bool
	acked  []bool // by number; its length is what was sent, and one
}

// A receiver is who gets all messages: a subscriber, or a share as a whole.
type receiver struct {
	name    string
	share   bool
	counts  [][]uint8 // by line and number
	highest []int     // by line: the highest number that came
}

func newLedger() *ledger { return &ledger{lines: make(map[string]*line)} }

// line adds a line. All are there before the first message.
func (l *ledger) line(client, topic string, qos mqttwire.QoS, size int, will bool) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := &line{index: len(l.order), client: client, topic: topic, qos: qos, size: size, will: will, acked: make([]bool, 1)}
	l.lines[topic], l.order = n, append(l.order, n)
	return n
}

// receiver adds a receiver.
func (l *ledger) receiver(name string, share bool) *receiver {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &receiver{name: name, share: share}
	l.receivers = append(l.receivers, r)
	return r
}

// sent gives the next message its number and payload.
func (l *ledger) sent(n *line) (number int, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n.acked = append(n.acked, false)
	if !n.will {
		l.sentCount++
	}
	number = len(n.acked) - 1
	return number, n.payload(number)
}

// payload is the number, filled up to size.
func (n *line) payload(number int) []byte {
	p := strconv.AppendInt(make([]byte, 0, n.size), int64(number), 10)
	if len(p) < n.size {
		p = append(p, ' ')
	}
	for len(p) < n.size {
		p = append(p, byte('a'+(number+len(p))%26))
	}
	return p
}

// acknowledged: from now on the message is owed to every receiver.
func (l *ledger) acknowledged(n *line, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.acked[number] {
		return
	}
	n.acked[number] = true
	switch {
	case n.will:
		l.counts.Wills++
	case n.qos == 2:
		l.counts.QoS2++
	default:
		l.counts.QoS1++
	}
	for _, r := range l.receivers {
		if r.wants(n) && r.count(n, number) == 0 {
			l.owed++
		}
	}
}

// refuse counts a publish that the broker refused with a reason code.
func (l *ledger) refuse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused++
}

// published counts the messages sent, wills aside.
func (l *ledger) published() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sentCount
}

// count adjusts the number of acknowledgements of other kinds.
func (l *ledger) count(change func(*Acknowledged)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.counts)
}

func (l *ledger) find(k Kind, e Example) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.findings.add(k, e)
}

func (l *ledger) found(k Kind) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.findings.Of(k)
}

// received notes that a message came to a receiver, by way of client.
func (l *ledger) received(r *receiver, client string, p *mqttwire.Publish) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lines[p.Topic]
	if n == nil {
		l.findings.add(Corrupted, Example{Client: client, Topic: clone(p.Topic), Detail: "nobody publishes there"})
		return
	}
	head, _, _ := bytes.Cut(p.Payload, []byte(" "))
	number, err := strconv.Atoi(string(head))
	if err != nil || number < 1 || number >= len(n.acked) || !bytes.Equal(p.Payload, n.payload(number)) {
		l.findings.add(Corrupted, Example{Client: client, Topic: n.topic, Detail: strconv.Quote(string(p.Payload[:min(len(p.Payload), 40)]))})
		return
	}
	l.arrived++
	r.grow(n, number)
	if r.counts[n.index][number] < 255 {
		r.counts[n.index][number]++
	}
	l.judge(r, n, number, client)
}

func (l *ledger) judge(r *receiver, n *line, number int, client string) {
	switch again := r.counts[n.index][number] > 1; {
	case again && n.will:
		l.findings.add(DuplicateWill, Example{Client: client, Topic: n.topic, Number: number})
	case again && n.qos == 2:
		l.findings.add(DuplicateQoS2, Example{Client: client, Topic: n.topic, Number: number})
	case again:
		l.repeated++
	case n.acked[number]:
		l.owed--
		fallthrough
	default:
		if highest := r.highest[n.index]; number < highest && !r.share && !n.will {
			l.findings.add(Reordered, Example{Client: client, Topic: n.topic, Number: number, Detail: "after " + strconv.Itoa(highest)})
		}
		r.highest[n.index] = max(r.highest[n.index], number)
	}
}

// wants tells whether the line is for the receiver: a share gets no wills.
func (r *receiver) wants(n *line) bool { return !r.share || !n.will }

func (r *receiver) count(n *line, number int) uint8 {
	if n.index >= len(r.counts) || number >= len(r.counts[n.index]) {
		return 0
	}
	return r.counts[n.index][number]
}

func (r *receiver) grow(n *line, number int) {
	for n.index >= len(r.counts) {
		r.counts, r.highest = append(r.counts, nil), append(r.highest, 0)
	}
	for number >= len(r.counts[n.index]) {
		r.counts[n.index] = append(r.counts[n.index], 0)
	}
}

// state is how many messages are owed, and how many came at all.
func (l *ledger) state() (owed, arrived int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owed, l.arrived
}

// sum looks for what is owed, and adds it to the findings.
func (l *ledger) sum() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.receivers {
		for _, n := range l.order {
			for number, acked := range n.acked {
				if acked && r.wants(n) && r.count(n, number) == 0 {
					l.findings.add(n.lostKind(), Example{Client: r.name, Topic: n.topic, Number: number})
				}
			}
		}
	}
}

func (n *line) lostKind() Kind {
	switch {
	case n.will:
		return LostWill
	case n.qos == 2:
		return LostQoS2
	}
	return LostQoS1
}

func clone(s string) string { return string([]byte(s)) }
