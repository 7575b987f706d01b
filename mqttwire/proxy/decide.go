package proxy

import (
	"fmt"
	"time"

	"mqtk/mqttwire"
)

// An outcome is what the rules make of a packet.
type outcome struct {
	pieces   [][]byte // what is forwarded, in order
	wait     time.Duration
	deed     deed
	hold     *counted   // the rule that holds it back
	partners []*counted // the rules whose held packets follow it
	faults   []string   // what was done, in words
}

// decide asks the rules in their order.
func (l *lane) decide(raw []byte) outcome {
	l.number++
	p := l.look(raw)
	o := outcome{pieces: [][]byte{raw}}
	for i := range l.rules {
		r := &l.rules[i]
		if !r.concerns(p) {
			continue
		}
		r.matched++
		if r.waiting {
			r.waiting, o.partners = false, append(o.partners, r)
			o.note("reorder: the one before it follows")
			continue
		}
		if !r.counts(r.matched, r.acted) || !l.lucky(r, p.number) {
			continue
		}
		if o.apply(r, p, l.dice()) {
			r.acted++
		}
		if o.pieces == nil {
			break
		}
	}
	return o
}

func (o *outcome) note(format string, a ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, a...))
}

// apply lets a rule act; false: it could not.
func (o *outcome) apply(r *counted, p *packet, dice chance) bool {
	switch r.Action {
	case Drop:
		o.pieces = nil
		o.note("drop")
	case Delay:
		wait := r.Wait.at(dice.at(p.connection, p.from, p.number, r.index, forWait)).Round(time.Microsecond)
		o.wait += wait
		o.note("delay %s", wait)
	case Duplicate:
		once := len(o.pieces)
		for range r.Count {
			o.pieces = append(o.pieces, o.pieces[:once]...)
		}
		o.note("duplicate %d", r.Count)
	case Truncate:
		if r.Count >= len(o.pieces[0]) {
			return false
		}
		for i, piece := range o.pieces {
			o.pieces[i] = piece[:min(r.Count, len(piece))]
		}
		o.note("truncate %d of %d bytes", r.Count, len(p.raw))
	case Reorder:
		o.hold, r.waiting = r, true
		o.note("reorder: held back")
	case Reason:
		return o.changeReason(r, p)
	default:
		o.pieces, o.deed = nil, deedOf(r.Action)
		o.note("%s", r.Action)
	}
	return true
}

func deedOf(a Action) deed {
	switch a {
	case HalfOpen:
		return goSilent
	case Close:
		return endBoth
	}
	return resetBoth
}

// changeReason puts another reason code into the packet, if its version can say
// that.
func (o *outcome) changeReason(r *counted, p *packet) bool {
	switch q := p.packet.(type) {
	case nil:
		o.note("reason %s: not changed, the packet cannot be decoded", r.Reason.Name(p.kind))
		return false
	case *mqttwire.Connack:
		q.Reason, q.SessionPresent = r.Reason, q.SessionPresent && r.Reason < 0x80
	case *mqttwire.Ack:
		q.Reason = r.Reason
	case *mqttwire.Suback:
		setAll(q.Reasons, r.Reason)
	case *mqttwire.Unsuback:
		setAll(q.Reasons, r.Reason)
	case *mqttwire.Disconnect:
		q.Reason = r.Reason
	case *mqttwire.Auth:
		q.Reason = r.Reason
	}
	raw, err := p.packet.Append(nil, p.version)
	if err != nil || p.version != mqttwire.V5 && !said3x(p.kind) {
		o.note("reason %s: not changed, %s cannot say it", r.Reason.Name(p.kind), p.version)
		return false
	}
	for i := range o.pieces {
		o.pieces[i] = raw
	}
	o.note("reason %s", r.Reason.Name(p.kind))
	return true
}

// said3x tells which packets have a reason before 5.0.
func said3x(t mqttwire.PacketType) bool { return t == mqttwire.CONNACK || t == mqttwire.SUBACK }

func setAll(reasons []mqttwire.ReasonCode, to mqttwire.ReasonCode) {
	for i := range reasons {
		reasons[i] = to
	}
}

// cutShort is what rules with after-bytes= leave of an outcome.
func (l *lane) cutShort(o *outcome) {
	n := int64(0)
	for _, piece := range o.pieces {
		n += int64(len(piece))
	}
	for i := range l.rules {
		r := &l.rules[i]
		if r.AfterBytes == 0 || l.planned+n < r.AfterBytes || !l.reaches(r) || !l.lucky(r, 0) {
			continue
		}
		n = max(0, r.AfterBytes-l.planned)
		o.pieces = keep(o.pieces, int(n))
		o.deed, o.hold = deedOf(r.Action), nil
		o.note("%s after %d bytes", r.Action, r.AfterBytes)
	}
	l.planned += n
}

// keep leaves the first n bytes of pieces.
func keep(pieces [][]byte, n int) (kept [][]byte) {
	for _, piece := range pieces {
		piece = piece[:min(len(piece), n)]
		if n -= len(piece); len(piece) > 0 {
			kept = append(kept, piece)
		}
	}
	return kept
}

func (l *lane) reaches(r *counted) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return r.reaches(l.conn.number, l.from, l.known.client)
}

// lucky throws the dice of a rule for a packet.
func (l *lane) lucky(r *counted, number int) bool {
	return r.Probability >= 1 || l.dice().at(l.conn.number, l.from, number, r.index, forProbability) < r.Probability
}

func (l *lane) dice() chance { return chance{l.Seed} }
