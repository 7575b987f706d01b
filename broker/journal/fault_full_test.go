package journal

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
)

// TestFullDisk fills a small disk with messages until there is no room, crashes,
// drains, and fills it again. What was acknowledged is there all the time, what
// drains is taken all the time, and the disk is given back.
func TestFullDisk(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			l := newLife(t, seed)
			l.disk.capacity = 30 << 10
			l.options = Options{SegmentSize: 2 << 10}
			l.traffic.habit = 0
			for range 3 {
				l.fill()
				l.powerOff()
				l.drain()
				l.powerOff()
			}
		})
	}
}

// start opens the journal and compares.
func (l *life) start() *Journal {
	l.t.Helper()
	j, err := openIn(l.options, l.disk)
	l.journal = j
	if err == nil {
		_, err = l.compare(j)
	}
	if err != nil {
		l.fatal("opening: %v", err)
	}
	return j
}

func (l *life) powerOff() {
	l.disk.crash()
	l.close(l.journal)
	l.disk = l.disk.crash()
	l.crashes++
}

// offer appends and says whether there was room.
func (l *life) offer(j *Journal, events []broker.Event) bool {
	n := len(l.appends) + 1
	err := j.Append(events, func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.called++
		if err == nil {
			l.sure = max(l.sure, n)
		}
	})
	if err != nil {
		if !errors.Is(err, errNoRoom) {
			l.fatal("append: %v", err)
		}
		return false
	}
	l.asked++
	l.appends = append(l.appends, events)
	l.traffic.mind.apply(events)
	return true
}

func (l *life) fill() {
	j := l.start()
	refused := 0
	for i := 0; refused < 20; i++ {
		if i > 3000 {
			l.fatal("the disk of %d bytes is never full: %d are used", l.disk.capacity, l.disk.used())
		}
		events := l.traffic.next()
		if l.random.IntN(3) > 0 {
			events = l.traffic.publish()
		}
		if !j.Full() || len(l.traffic.live(true)) == 0 || isDrain(events) {
			if !l.offer(j, events) {
				refused++
			}
		} else {
			refused++
		}
		if l.random.IntN(3) == 0 {
			time.Sleep(time.Duration(l.random.IntN(2_000_000_000)))
		}
	}
	time.Sleep(10 * time.Second)
	if _, sure := l.counts(); sure != len(l.appends) {
		l.fatal("%d of %d Appends that were taken are sure", sure, len(l.appends))
	}
}

// isDrain says that nothing among the events asks for room.
func isDrain(events []broker.Event) bool {
	for i := range events {
		switch events[i].Kind {
		case broker.EventDequeue, broker.EventReleased, broker.EventForgotten, broker.EventUnsubscribe, broker.EventSessionEnd, broker.EventInflight:
		default:
			return false
		}
	}
	return true
}

// drain ends all deliveries, and then all sessions and retained messages.
func (l *life) drain() {
	j := l.start()
	take := func(e broker.Event) {
		l.t.Helper()
		if !l.offer(j, []broker.Event{e}) {
			l.fatal("no room for what drains")
		}
		if l.random.IntN(20) == 0 {
			time.Sleep(time.Duration(l.random.IntN(300_000_000)))
		}
	}
	all := append(l.traffic.live(true), l.traffic.live(false)...)
	for sequence := uint64(1); sequence < 5000; sequence++ { // all fetch their queues at once
		for _, n := range all {
			h := l.traffic.mind.sessions[n]
			if d, ok := h.deliveries[sequence]; ok && h.state(sequence, d) != "" {
				take(l.traffic.event(broker.EventDequeue, n, sequence, 0))
			}
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(l.traffic.mind.retained)) {
		if l.traffic.mind.retained[topic].Message != nil {
			take(l.traffic.retained(topic, nil))
		}
	}
	for _, n := range all {
		take(l.traffic.event(broker.EventSessionEnd, n, 0, 0))
	}
	time.Sleep(10 * time.Second)
	if j.Full() { // all that it kept for draining is spent, and nothing could go yet: it needs help from outside
		l.t.Logf("seed %d: stuck with %d bytes", l.seed, j.Measure().DiskBytes)
		l.room(16 << 10)
		time.Sleep(10 * time.Second)
		defer l.room(-16 << 10)
	}
	if m := j.Measure(); j.Full() || m.DiskBytes > 12<<10 {
		l.fatal("nothing is left, and the disk has %d bytes of segments; full: %t", m.DiskBytes, j.Full())
	}
}

// room makes the disk larger, as if somebody removed files.
func (l *life) room(more int64) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	l.disk.capacity += more
}

// TestClosesOnFullDisk fills the disk from outside while Appends wait for it.
func TestClosesOnFullDisk(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			l := newLife(t, seed)
			l.disk.capacity = 64 << 10
			l.options = Options{SegmentSize: 1 << 10}
			j := l.start()
			for i := range 300 {
				if i == 100+int(seed) {
					time.Sleep(time.Second)
					l.room(-64 << 10)
				}
				l.offer(j, l.traffic.next())
			}
			time.Sleep(time.Duration(seed) * 100 * time.Millisecond)
			watchdog := time.AfterFunc(time.Hour, func() { panic("the journal does not close on a full disk") })
			defer watchdog.Stop()
			if seed%2 == 0 { // somebody makes room
				l.room(1 << 20)
				time.Sleep(5 * time.Second)
				if _, sure := l.counts(); sure != len(l.appends) {
					l.fatal("there is room, and %d of %d Appends are sure", sure, len(l.appends))
				}
			}
			if err := j.Close(); err == nil && seed%2 != 0 {
				l.fatal("closed without a word, though the disk is full")
			}
			synctest.Wait()
			if called, _ := l.counts(); called != l.asked {
				l.fatal("%d of %d callbacks came", called, l.asked)
			}
			l.disk = l.disk.crash()
			l.disk.capacity = 1 << 20
			l.start()
			l.powerOff()
		})
	}
}
