package bench

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// batchSize is how many messages leave in one write at most. It is small beside
// the window and the outstanding messages, so that these rule.
const batchSize = 64

// A flight is a message of QoS 1 or 2 that is not acknowledged.
type flight struct {
	sequence int64 // below 0: of an earlier phase
	at       int64 // from when its acknowledgement is timed
	stage    byte  // 0: free; else the packet that is awaited, a mqttwire.PacketType
}

// A publisher is a client that sends numbered messages.
type publisher struct {
	w      *worker
	c      *link
	number uint32
	topic  string
	stock  *stock // its messages have a topic each; nil: all have the one

	// The template is batch packets, one behind the other, which are patched and
	// sent; it stands where all packets are of one length.
	template          []byte
	packet            int // bytes of each
	idAt, payloadAt   int // in each
	batch             int64
	nextID            int // in ids
	ids               []uint16
	flights           []flight // by packet id - 1
	inflight          int64
	window            int64
	sent, limit       int64 // messages of this phase: sent, and to send at most
	due               int64 // that the plan wants sent by now; limit in a closed loop
	freeSince         int64 // what was planned before was held up by window or socket
	held              bool  // by window or socket
	marked, isStarved bool  // it is in worker.dirty, worker.starved
	refused           spans
	refusedN          int64
	maxPacket         int
	wireBytes         []byte // for packets that are encoded one by one
	fan               *fan   // nil: nobody here receives
	forgiven          int64  // number up to which nothing counts as outstanding any more
	seen              glimpse
	starving          atomic.Bool // it waits for deliveries
}

// A fan is how far the receivers of one publisher have come, together. It is
// counted by their workers, once for each batch that they read.
type fan struct {
	progress  atomic.Int64 // sum of the numbers that the receivers have come to
	receivers atomic.Int64 // that live
	sent      atomic.Int64 // by the publisher
}

// connected makes the template, and honours what the broker grants.
func (p *publisher) connected(c *link, g *grants) (bool, error) {
	plan := &p.w.run.plan
	switch {
	case plan.QoS > g.maximumQoS:
		return false, &client.LimitError{Subject: "publish " + p.topic, Reason: mqttwire.QoSNotSupported,
			Detail: fmt.Sprintf("QoS %d is more than the server's Maximum QoS %d", plan.QoS, g.maximumQoS)}
	case plan.Retain && !g.retain:
		return false, &client.LimitError{Subject: "publish " + p.topic, Reason: mqttwire.RetainNotSupported,
			Detail: "the server has no retained messages (Retain Available 0)"}
	}
	p.window = int64(min(plan.Window, g.receiveMaximum))
	p.maxPacket = g.maximumPacket
	if plan.QoS > 0 {
		p.flights = make([]flight, p.window)
		p.ids = make([]uint16, p.window)
		for i := range p.ids {
			p.ids[i] = uint16(i + 1)
		}
		p.nextID, p.inflight = 0, 0
	}
	return false, p.prepareTemplate(plan)
}

// prepareTemplate encodes a message of the longest size, and as many copies as
// make a batch.
func (p *publisher) prepareTemplate(plan *Plan) error {
	one, payload, err := p.encode(nil, plan.SizeMax)
	if err != nil {
		return err
	}
	if len(one) > p.maxPacket {
		return &client.LimitError{Subject: "publish " + p.topic, Reason: mqttwire.PacketTooLarge,
			Detail: fmt.Sprintf("a packet of %d bytes is more than the server's Maximum Packet Size %d", len(one), p.maxPacket)}
	}
	const longest = 64 << 10 // of a template: no more than a socket takes at once
	p.batch = int64(max(1, min(batchSize, longest/len(one))))
	if plan.QoS > 0 {
		p.batch = min(p.batch, p.window)
	}
	if plan.Outstanding > 0 && plan.Rate == 0 {
		p.batch = min(p.batch, int64(plan.Outstanding))
	}
	p.packet, p.payloadAt = len(one), payload
	p.idAt = payload - len(plan.PublishProperties) - propertyLength(plan) - 2
	if p.w.run.sizes.fixed() && p.stock == nil {
		p.template = make([]byte, 0, int(p.batch)*len(one))
		for range p.batch {
			p.template = append(p.template, one...)
		}
	}
	return nil
}

// propertyLength is how many bytes say how long the properties are.
func propertyLength(plan *Plan) int {
	if plan.Version != mqttwire.V5 {
		return 0
	}
	n := 1
	for l := len(plan.PublishProperties); l >= 0x80; l >>= 7 {
		n++
	}
	return n
}

// encode appends a message of a size, with the packet id 1, and tells where in it
// its payload begins.
func (p *publisher) encode(dst []byte, size int) (out []byte, payloadAt int, err error) {
	r := p.w.run
	m := mqttwire.Publish{QoS: r.plan.QoS, Retain: r.plan.Retain, Topic: p.topic, Properties: r.plan.PublishProperties, Payload: r.fill[:size]}
	if m.QoS > 0 {
		m.PacketID = 1
	}
	begin := len(dst)
	out, err = m.Append(dst, r.plan.Version)
	return out, len(out) - size - begin, err
}

// begin prepares for a phase: nothing is sent yet.
func (p *publisher) begin(f *phase) {
	p.sent, p.due, p.forgiven, p.refusedN, p.refused = 0, 0, 0, 0, nil
	p.limit = never
	if f.messages > 0 {
		p.limit = shareOf(f.messages, p.number, len(p.w.run.publishers))
	}
	if !f.pacer.open() {
		p.due = p.limit
	}
	p.held, p.freeSince = false, 0
	for i := range p.flights {
		p.flights[i].sequence = -1
	}
}

// mark has the publisher looked at when the batch is over.
func (p *publisher) mark() {
	if !p.marked {
		p.marked = true
		p.w.dirty = append(p.w.dirty, p)
	}
}

// pump sends what may be sent. It returns true if there was more, and others
// should have their turn.
func (p *publisher) pump() (more bool) {
	const turns = 16
	f := p.w.phase
	if f == nil || !p.w.turn.on || p.c.stage != ready {
		return false
	}
	for range turns {
		if p.c.conn.Full() {
			p.held = p.due > p.sent
			return false
		}
		now := p.w.run.clock.now()
		if now >= f.until {
			return false
		}
		k := p.mayPublish(f)
		if k == 0 {
			return false
		}
		p.publish(f, k, now)
	}
	return true
}

// mayPublish is how many messages may be sent now.
func (p *publisher) mayPublish(f *phase) int64 {
	k := min(p.batch, p.due-p.sent)
	if k <= 0 {
		return 0
	}
	half := p.batch / 2 // with less room than that the writes would become small
	if f.pacer.open() || p.flights != nil && p.window < batchSize {
		// A small window needs all of its room: some brokers hold small packets back
		// until they hear of us, and waiting for half of it cost 40 ms each time.
		half = 0
	}
	if p.flights != nil {
		room := p.window - p.inflight
		if room < min(k, half) || room == 0 {
			p.held = true
			return 0
		}
		k = min(k, room)
	}
	if f.outstanding > 0 && p.fan != nil {
		room := p.credit(f)
		if room < min(k, half) || room <= 0 {
			if room = p.starve(f); room < min(k, half) || room <= 0 {
				return 0
			}
		}
		k = min(k, room)
	}
	return k
}

// credit is how many more messages may be outstanding.
func (p *publisher) credit(f *phase) int64 {
	receivers := p.fan.receivers.Load()
	if receivers == 0 {
		return never
	}
	return f.outstanding - (p.sent - max(p.forgiven, p.fan.progress.Load()/receivers))
}

// starve leaves word with the receivers that deliveries are waited for, and looks
// once more for those that came meanwhile.
func (p *publisher) starve(f *phase) int64 {
	p.starving.Store(true)
	if !p.isStarved {
		p.isStarved = true
		p.w.starved = append(p.w.starved, p)
	}
	return p.credit(f)
}

// A glimpse is how far a publisher and its receivers were at a time.
type glimpse struct{ at, sent, progress int64 }

// forgive has a publisher go on of which nothing has come for all of the plan's
// patience, or for a fifth of it in which nothing came of anybody: what it has
// outstanding is lost, or it would wait forever.
func (p *publisher) forgive(f *phase, now, stirred int64) {
	if f.outstanding == 0 || p.fan == nil {
		return
	}
	g := glimpse{p.seen.at, p.sent, p.fan.progress.Load()}
	if g != p.seen || p.due == p.sent {
		g.at = now
		p.seen = g
		return
	}
	patience := int64(p.w.run.plan.Patience)
	if now-max(g.at, stirred) < patience/5 && now-g.at < patience {
		return
	}
	if p.credit(f) < p.batch {
		p.forgiven = p.sent
		p.w.tally.forgiven++
		p.mark()
	}
}

// publish sends the next k messages.
func (p *publisher) publish(f *phase, k, now int64) {
	if p.held {
		p.held, p.freeSince = false, now-f.start.Load()
	}
	var out []byte
	if p.template != nil {
		out = p.template[:k*int64(p.packet)]
		for i := range k {
			p.patch(f, out[i*int64(p.packet):], p.payloadAt, p.sent+i, now)
		}
	} else {
		out = p.encodeSome(f, k, now)
	}
	if f.pacer.open() {
		p.noteLag(f, k, now)
	}
	t := &p.w.tally
	p.w.stirred = now
	p.sent += k
	if p.fan != nil {
		p.fan.sent.Store(p.sent)
	}
	t.Sent += k
	t.sent = now
	if p.template != nil {
		t.BytesSent += k * int64(p.w.run.plan.SizeMax)
	}
	if p.flights == nil {
		t.Acknowledged += k
		if p.fan == nil {
			t.last = now
		}
	}
	p.c.send(out)
}

// patch makes the packet that b begins with the message with that number.
func (p *publisher) patch(f *phase, b []byte, payloadAt int, sequence, now int64) {
	at := now
	if f.stampPlan {
		at = f.start.Load() + f.pacer.plannedOf(p.number, sequence)
	}
	header{tag: f.tag, publisher: p.number, sequence: sequence, sent: at}.put(b[payloadAt:])
	if p.flights == nil {
		return
	}
	id := p.ids[p.nextID]
	if p.nextID++; p.nextID == len(p.ids) {
		p.nextID = 0
	}
	p.inflight++
	awaited := byte(mqttwire.PUBACK)
	if p.w.run.plan.QoS == 2 {
		awaited = byte(mqttwire.PUBREC)
	}
	p.flights[id-1] = flight{sequence: sequence, at: at, stage: awaited}
	binary.BigEndian.PutUint16(b[payloadAt+p.idAt-p.payloadAt:], id)
}

// encodeSome encodes messages that are not all of one size, or of one topic.
func (p *publisher) encodeSome(f *phase, k, now int64) []byte {
	out := p.wireBytes[:0]
	for i := range k {
		size := p.w.run.sizes.size(p.number, p.sent+i)
		begin := len(out)
		if p.stock != nil {
			p.topic = p.stock.topic(p.stock.number(p.number, p.sent+i))
		}
		var payloadAt int
		out, payloadAt, _ = p.encode(out, size) // as the longest one was, it can be encoded
		p.patch(f, out[begin:], payloadAt, p.sent+i, now)
		p.w.tally.BytesSent += int64(size)
	}
	p.wireBytes = out
	return out
}

// noteLag records how late the next k messages are, if it is the generator that
// made them so.
func (p *publisher) noteLag(f *phase, k, now int64) {
	at := now - f.start.Load()
	for i := range k {
		if planned := f.pacer.plannedOf(p.number, p.sent+i); planned >= p.freeSince {
			p.w.tally.lag.Record(at-planned, 1)
		}
	}
}

func (p *publisher) room(*link) {
	p.mark()
	p.w.pump()
}

func (p *publisher) gone(*link) {}

// lowestOpen is the lowest number that is not acknowledged.
func (p *publisher) lowestOpen() int64 {
	lowest := p.sent
	if p.flights == nil {
		return 0
	}
	for i := range p.flights {
		if x := &p.flights[i]; x.stage != 0 && x.sequence >= 0 {
			lowest = min(lowest, x.sequence)
		}
	}
	return lowest
}

// open counts the messages of this phase that are not acknowledged.
func (p *publisher) open() (n int64) {
	for i := range p.flights {
		if x := &p.flights[i]; x.stage != 0 && x.sequence >= 0 {
			n++
		}
	}
	return n
}

// abandon gives up what was due and could not be sent. It has waited until now at
// least, and each receiver with it: that is latency, of which an open loop leaves
// nothing out.
func (p *publisher) abandon(f *phase, now int64) {
	t := &p.w.tally
	unsent := p.due - p.sent
	t.Unsent += unsent
	if p.c.stage != ready {
		t.orphaned += unsent
	}
	if f.untimed {
		return
	}
	h, receivers := &t.latency, int64(1)
	if p.fan == nil {
		h = &t.acknowledge
	} else {
		receivers = max(0, p.fan.receivers.Load())
		t.waited += unsent * receivers
	}
	for n := p.sent; n < p.due && receivers > 0; n++ {
		h.Record(now-f.start.Load()-f.pacer.plannedOf(p.number, n), receivers)
	}
}
