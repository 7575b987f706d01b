package commands

import (
	"strings"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A remover removes the retained messages that are taken from the broker, once
// what is printed and recorded of them has been seen off. Its own goroutine
// publishes: the reading one would wait for itself where the window is full.
type remover struct {
	*retainedChange
	dry bool

	asked map[string]bool // all topics so far; of the reading goroutine

	mu      sync.Mutex
	taken   []string      // since the last flush
	flushed chan struct{} // closed with the next one; nil: nothing is taken
	queue   []string      // topics
	n       int           // that have been queued
	more    chan struct{} // holds one where there are more
	err     error         // of the goroutine
	ended   chan struct{} // closed when it has ended; nil: it has not begun
	closing bool
}

func newRemover(l *link, dry bool) *remover {
	change := &retainedChange{link: l, told: func(*mqttwire.Publish) {}, open: map[string]bool{}}
	return &remover{retainedChange: change, dry: dry, asked: map[string]bool{}, more: make(chan struct{}, 1)}
}

// passes is a sieve: it leaves out what comes back of our own.
func (r *remover) passes(m *mqttwire.Publish) bool {
	return m.Retain || len(m.Payload) > 0 || !r.asked[m.Topic]
}

func (r *remover) take(m *mqttwire.Publish, _ time.Time) error {
	if !m.Retain || len(m.Payload) == 0 || r.asked[m.Topic] { // several filters match it
		return nil
	}
	topic := strings.Clone(m.Topic)
	r.asked[topic] = true
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken = append(r.taken, topic); r.flushed == nil {
		r.flushed = make(chan struct{})
	}
	return nil
}

// flush has removed what was taken. It comes behind the flush of all that writes.
func (r *remover) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flushed == nil || r.closing {
		return nil
	}
	close(r.flushed)
	r.n += len(r.taken)
	if !r.dry {
		r.queue = append(r.queue, r.taken...)
		if r.ended == nil {
			r.ended = make(chan struct{})
			go r.work()
		}
		r.wake()
	}
	r.taken, r.flushed = r.taken[:0], nil
	return nil
}

// wake tells the goroutine that something has changed.
func (r *remover) wake() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// work publishes until there is nothing more to come.
func (r *remover) work() {
	defer close(r.ended)
	for range r.more {
		r.mu.Lock()
		topics, closing := r.queue, r.closing
		r.queue = nil
		r.mu.Unlock()
		for _, topic := range topics {
			m := &mqttwire.Publish{Topic: topic, Retain: true, QoS: 1}
			if r.err = r.publish(m, m); r.err != nil {
				return
			}
		}
		if closing {
			return
		}
	}
}

// settle waits until what has brought the end is flushed, and then until the
// broker has answered.
func (r *remover) settle() error {
	r.mu.Lock()
	flushed := r.flushed
	r.mu.Unlock()
	if flushed != nil {
		select {
		case <-flushed:
		case <-r.ctx.Done():
		case <-r.Done():
		}
	}
	r.mu.Lock()
	r.closing = !r.dry
	ended := r.ended
	r.mu.Unlock()
	if ended == nil {
		return nil
	}
	r.wake()
	<-ended
	if r.err == nil {
		r.err = r.Wait(r.ctx)
	}
	if r.err != nil {
		r.unanswered(r.n)
	}
	return r.err
}

func (r *remover) close() error {
	switch {
	case r.dry:
		r.say("%s would be removed", plural(r.n, "retained message", "retained messages"))
	case r.done > 0:
		r.say("%s removed", plural(r.done, "retained message", "retained messages"))
	}
	return nil
}

// open tells that the broker has not answered all.
func (r *remover) open() bool {
	r.retainedChange.mu.Lock()
	defer r.retainedChange.mu.Unlock()
	return len(r.retainedChange.open) > 0
}
