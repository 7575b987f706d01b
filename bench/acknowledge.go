package bench

import "mqtk/mqttwire"

// take handles what the broker sends to a publisher: acknowledgements.
func (p *publisher) take(c *link, in []byte) (used int, err error) {
	w := p.w
	w.out = w.out[:0]
	for used < len(in) {
		packet, n, err := w.decode(in[used:])
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		used += n
		if ack, ok := packet.(*mqttwire.Ack); ok {
			p.acknowledged(ack)
		} else if err = c.common(packet); err != nil {
			return 0, err
		}
	}
	if len(w.out) > 0 {
		c.queue(w.out)
		w.out = w.out[:0]
	}
	w.tally.settleRuns()
	p.mark()
	w.pump()
	return used, nil
}

// acknowledged takes PUBACK, PUBREC and PUBCOMP.
func (p *publisher) acknowledged(a *mqttwire.Ack) {
	if p.w.booksClosed {
		return
	}
	if a.PacketID == 0 || int(a.PacketID) > len(p.flights) {
		p.w.stray(a)
		return
	}
	x := &p.flights[a.PacketID-1]
	switch {
	case x.stage == byte(mqttwire.PUBCOMP) && a.Kind == mqttwire.PUBREC && a.Reason < 0x80: // once more
		p.w.tally.StrayAcks++
		p.w.excess++
		p.w.answer(mqttwire.PUBREL, a.PacketID)
	case x.stage != byte(a.Kind):
		p.w.stray(a)
	case a.Kind == mqttwire.PUBREC && a.Reason < 0x80:
		x.stage = byte(mqttwire.PUBCOMP)
		p.w.answer(mqttwire.PUBREL, a.PacketID)
	default:
		p.landed(x, a)
	}
}

// answer puts the next packet of an exchange in out.
func (w *worker) answer(kind mqttwire.PacketType, id mqttwire.PacketID) {
	first := byte(kind) << 4
	if kind == mqttwire.PUBREL {
		first |= 2
	}
	w.out = append(w.out, first, 2, byte(id>>8), byte(id))
}

// stray counts an acknowledgement that no message awaits: the standard does not
// end a connection for that. Who asks for more of an exchange is told that there is
// none.
func (w *worker) stray(a *mqttwire.Ack) {
	if a.Kind == mqttwire.PUBCOMP && w.excess > 0 {
		w.excess--
		return
	}
	w.tally.StrayAcks++
	var next mqttwire.PacketType
	switch {
	case a.Kind == mqttwire.PUBREC && a.Reason < 0x80:
		next = mqttwire.PUBREL
		w.excess++
	case a.Kind == mqttwire.PUBREL:
		next = mqttwire.PUBCOMP
	default:
		return
	}
	if w.run.plan.Version != mqttwire.V5 {
		w.answer(next, a.PacketID)
		return
	}
	m := mqttwire.Ack{Kind: next, PacketID: a.PacketID, Reason: mqttwire.PacketIdentifierNotFound}
	if out, err := m.Append(w.out, mqttwire.V5); err == nil {
		w.out = out
	}
}

// landed ends a flight and gives its packet id back, to be used last of all.
func (p *publisher) landed(x *flight, a *mqttwire.Ack) {
	t := &p.w.tally
	if x.sequence >= 0 {
		now := p.w.loop.Now()
		if a.Reason >= 0x80 {
			t.Refused++
			p.refusedN++
			p.refused.add(x.sequence)
			p.w.noteRefusal(p, a)
		} else {
			t.Acknowledged++
		}
		p.w.stirred = now
		t.acknowledge.record(now - x.at)
		if p.fan == nil {
			t.last = now
		}
	}
	x.stage = 0
	free := p.nextID - int(p.inflight)
	if free < 0 {
		free += len(p.ids)
	}
	p.ids[free] = uint16(a.PacketID)
	p.inflight--
}
