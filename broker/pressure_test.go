package broker

import (
	"testing"

	"mqtk/mqttwire"
)

// Who is paused for one reason is not paused for another: the end of the first
// would be that of the second, and an Authenticator's answer be in a race with
// Receive.
func TestPausedOnce(t *testing.T) {
	c := handWritten(t)
	put := func() {
		c.out.mu.Lock()
		c.putBytes(make([]byte, c.most()+1))
		c.out.mu.Unlock()
	}
	put()
	c.pause()
	c.holdBack()
	if n := c.out.waiting(); n != 0 {
		t.Errorf("a paused connection waits for %d other ends of its pause", n)
	}
	c.paused.Store(false)
	c.holdBack()
	if n := c.out.waiting(); n != 1 || !c.Paused() {
		t.Errorf("a connection whose outbox is full has %d waiters, and is paused: %t", n, c.Paused())
	}
	c.b.memory.strain.Store(int32(slowing))
	c.phase = connected
	c.slowDown(1<<20, c.b.started)
	c.phase = opening
	if n := len(c.b.deadlines.heap); n != 1 { // the pace
		t.Errorf("%d deadlines are armed", n)
	}
}

// What waits in a session is put into an empty outbox whatever all outboxes hold:
// nothing would call for it later. What comes is dropped.
func TestEmptyOutboxTakesWhatWaits(t *testing.T) {
	c := handWritten(t)
	c.version = mqttwire.V311
	s := *c.b.settings.Load()
	s.budget = 1
	c.b.settings.Store(&s)
	c.b.metrics.outHeld.Add(1 << 20)
	defer c.b.metrics.outHeld.Add(-1 << 20)
	batch := c.b.NewBatch()
	batch.begin(c)
	batch.view = Message{Topic: "a", Payload: make([]byte, 2*smallPublish)}
	c.deliverQoS0(batch, &delivery{})
	if n := c.b.metrics.messagesDropped[dropSlow].Load(); n != 1 || c.out.pending != 0 {
		t.Errorf("%d messages dropped, %d bytes pending", n, c.out.pending)
	}
	d := delivery{message: batch.message(c.version), brought: true}
	if v, flush := c.putPublish(batch, &d, 0, false, batch.now); v != put || !flush {
		t.Errorf("a retained message got the verdict %d", v)
	}
}

// A receiver whose outbox is not half full takes a message of any size: nobody was
// told to wait for it. One whose outbox is fuller than its limit has become
// meanwhile is watched from the first message that finds no room.
func TestRoomUntilSomebodyWaits(t *testing.T) {
	c := handWritten(t)
	c.version = mqttwire.V311
	batch := c.b.NewBatch()
	batch.begin(c)
	give := func(size int) verdict {
		d := delivery{message: &Message{Topic: "a", Payload: make([]byte, size)}}
		v, _ := c.putPublish(batch, &d, 0, false, batch.now)
		return v
	}
	if v := give(100 << 10); v != put || c.out.full.Load() {
		t.Fatalf("100 KiB got the verdict %d, full %v", v, c.out.full.Load())
	}
	c.b.memory.outbox.Store(outboxChunk)
	if v := give(100); v != noRoom || !c.out.full.Load() {
		t.Errorf("beyond a limit that came down: verdict %d, full %v", v, c.out.full.Load())
	}
	c.b.memory.outbox.Store(int64(c.b.limits().MaxOutboxBytes))
	if v := give(200 << 10); v != put || !c.out.full.Load() {
		t.Errorf("200 KiB behind 100 got the verdict %d, full %v", v, c.out.full.Load())
	}
	if v := give(100); v != noRoom {
		t.Errorf("100 bytes behind 300 KiB got the verdict %d", v)
	}
}
