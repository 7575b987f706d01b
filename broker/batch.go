package broker

import (
	"errors"
	"slices"
	"time"

	"mqtk/mqttwire"
)

// Batch is what a driver's thread works with while it handles one read: the
// read buffer, the decoder, and scratch space that makes the path of a message
// free of allocation. It is borrowed per read, so an idle connection has none.
type Batch struct {
	b        *Broker
	now      time.Time
	decoder  mqttwire.Decoder
	in       []byte // what the driver reads into: buffer, or a large packet's own
	dirty    []*Conn
	refused  []orphan // of shares: the member that had them may not read them
	ahead    *Conn    // is full: who publishes to it waits behind its input, see heldUp
	eased    []waiter // to be let go at Flush, when no lock is held
	events   []Event
	appended bool  // something since the last commit
	due      []due // what is to be sent once the events are durable
	spilled  []spilled
	view     Message  // the message under way
	kept     *Message // its kept copy, once somebody needed one
	topic    string   // a kept copy of its topic, if the match cache has one
	match    matched  // scratch for a topic that is not cached
	merge    map[*Session]int
	acks     []ack           // under way
	suback   mqttwire.Suback // under way
	tally    tally
	waited   int  // bytes of this read's messages that had to wait for somebody, or to be retained
	many     bool // several receivers: encode once per shape
	shapes   [12]shape
	shaped   bool        // some of them is set
	buffer   *readBuffer // nil before it is first read into
}

// shape is one encoding of the message under way, for all receivers of the same
// version, QoS and RETAIN; they differ in the packet id alone.
type shape struct {
	bytes    []byte
	packetID int // offset of the packet id, 0 at QoS 0
	set      bool
}

// NewBatch makes a batch for a driver that keeps one for good.
func (b *Broker) NewBatch() *Batch { return &Batch{b: b} }

func (b *Broker) borrow() *Batch {
	if v := b.batches.Get(); v != nil {
		return v.(*Batch)
	}
	return b.NewBatch()
}

// release gives a batch back. What it was used for must not shine through.
func (b *Broker) release(batch *Batch) {
	batch.in, batch.appended = nil, false
	b.metrics.take(&batch.tally) // what a panic has kept from Flush
	b.batches.Put(batch)
}

// begin readies the batch for one connection's input.
func (batch *Batch) begin(c *Conn) {
	batch.now, batch.waited, batch.ahead = time.Now(), 0, nil
	batch.appended = batch.appended && c.open != nil // of another connection
	d := &batch.decoder
	d.Version, d.From = c.version, mqttwire.Client
	l := c.terms.limits
	d.Limits = mqttwire.Limits{
		MaxPacketSize:     uint32(l.MaxPacketSize),
		MaxUserProperties: l.MaxUserProperties,
		MaxFilters:        l.MaxFilters,
	}
	if c.phase == opening {
		d.Limits.MaxPacketSize = uint32(min(l.ConnectPacketSize, l.MaxPacketSize))
	}
}

// Flush flushes every connection that this batch left bytes for, and lets those
// go who waited for receivers that it found to have room again. Call it without
// locks: what was waited for may need them.
func (batch *Batch) Flush() {
	if batch.tally.waited > 0 {
		batch.b.waits(batch.tally.waited)
	}
	batch.b.metrics.take(&batch.tally)
	if batch.view.Topic != "" {
		batch.drop() // what handlePublish has left: the input of the round is no more
	}
	if len(batch.refused) > 0 {
		batch.passOn()
		batch.appendOrLog()
	}
	for i, c := range batch.dirty {
		batch.dirty[i] = nil
		c.flush()
	}
	batch.dirty = batch.dirty[:0]
	if batch.b.memory.stale.Load() {
		batch.b.lookAgain()
	}
	if len(batch.eased) > 0 {
		releaseAll(batch.eased)
		clear(batch.eased)
		batch.eased = batch.eased[:0]
	}
}

func (c *Conn) flush() {
	defer c.catchAside()
	c.link.Flush()
}

// note remembers a connection whose outbox has become dirty.
func (batch *Batch) note(c *Conn) { batch.dirty = append(batch.dirty, c) }

// carry makes m the message under way. m may be the batch's own view.
func (batch *Batch) carry(m *Message, topic string) {
	if m != &batch.view {
		batch.view = *m
	}
	batch.kept, batch.topic, batch.many = nil, topic, false
	batch.reshape()
}

// reshape forgets the encodings, and scratch that grew beyond reason.
func (batch *Batch) reshape() {
	if !batch.shaped {
		return
	}
	batch.shaped = false
	for i := range batch.shapes {
		s := &batch.shapes[i]
		if s.set = false; cap(s.bytes) > readChunk {
			s.bytes = nil
		}
	}
}

// drop forgets the message under way.
func (batch *Batch) drop() {
	batch.view = Message{}
	batch.kept, batch.many = nil, false
	batch.reshape()
}

// message is the kept copy of the message under way, whoever asked for it first:
// a receiver that speaks v.
func (batch *Batch) message(v mqttwire.Version) *Message {
	if batch.kept == nil {
		batch.kept = batch.view.keep(batch.topic, v)
	}
	return batch.kept
}

// append writes the events gathered since the last call as one frame. What waits
// for that to be durable is sent afterwards, or not at all. No message may be
// under way.
func (batch *Batch) append() error {
	batch.passOn() // in one frame with their leaving the queue
	if len(batch.events) == 0 {
		return nil
	}
	var durable func(error)
	waiting := batch.due
	if batch.due = nil; len(waiting) > 0 {
		durable = batch.b.sendsWhenDurable(waiting)
	}
	err := batch.b.store.Append(batch.events, durable)
	if err != nil {
		batch.unretain()
		for _, d := range slices.Backward(waiting) {
			d.session.withdraw(d)
		}
	}
	clear(batch.events)
	batch.events = batch.events[:0]
	batch.appended = true
	for _, d := range batch.spilled {
		d.session.written(d, err)
	}
	clear(batch.spilled)
	batch.spilled = batch.spilled[:0]
	return err
}

// unretain tells the retained set what of it the Store does not have.
func (batch *Batch) unretain() {
	for i := range batch.events {
		if e := &batch.events[i]; e.Kind == EventRetain {
			batch.b.retained.refused(e)
		}
	}
}

// abandon forgets events that a panic kept from the Store.
func (batch *Batch) abandon() {
	batch.unretain()
	clear(batch.events)
	batch.events = batch.events[:0]
	waiting, spilled := batch.due, batch.spilled
	batch.due, batch.spilled, batch.refused = nil, nil, nil
	for _, d := range slices.Backward(waiting) {
		d.session.withdraw(d)
	}
	for _, d := range spilled {
		d.session.written(d, errAbandoned)
	}
	batch.drop()
}

var errAbandoned = errors.New("abandoned after a panic")

// appendOrLog is append where nothing waits for the events and nobody could be
// told that they are not kept.
func (batch *Batch) appendOrLog() {
	if err := batch.append(); err != nil {
		batch.b.log.Error("the store did not take what happened", "error", err)
	}
}

// background runs f with a batch of its own, for messages that come from no
// read: wills, $SYS, expiries.
func (b *Broker) background(f func(*Batch)) {
	batch := b.borrow()
	batch.now = time.Now()
	defer b.catchBackground(batch)
	f(batch)
	batch.appendOrLog()
	batch.Flush()
	b.release(batch)
}
