package journal

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"
)

const (
	// commitBytes is how much may be pending before it is written though nobody waits.
	commitBytes = 1 << 20
	// What nobody waits for is written with the next commit, or after this time:
	// it costs no sync of its own while there is traffic.
	idleCommit = 100 * time.Millisecond
	noneCommit = time.Second
	// roomPoll is how often a full disk is looked at.
	roomPoll = time.Second
)

// wait has durable called, by a goroutine of the log, when everything added so
// far survives what the Durability promises. mu is held.
func (l *log) wait(durable func(error)) {
	b := &l.young.pending
	switch {
	case !l.running || l.closing:
		go durable(errClosed)
	case l.err != nil:
		l.ready = append(l.ready, waiter{durable, l.err})
		notify(l.release)
	case l.durability == None || b.empty() && !l.busy:
		l.ready = append(l.ready, waiter{durable, nil})
		notify(l.release)
	case b.empty():
		l.young.writing.waiting = append(l.young.writing.waiting, waiter{durable, nil})
	default:
		b.waiting = append(b.waiting, waiter{durable, nil})
		if !l.busy && len(b.waiting) == l.wanted {
			notify(l.wake)
		}
	}
}

// settle is wait for the disk whatever the Durability: for who is about to
// remove what the frames added so far replace. mu is held.
func (l *log) settle(durable func(error)) {
	if l.durability == Fsync || !l.running || l.closing || l.err != nil {
		l.wait(durable)
		return
	}
	l.settling = append(l.settling, waiter{durable, nil})
	notify(l.wake)
}

// arm has the writer look after a time. mu is held.
func (l *log) arm(d time.Duration) {
	l.armed = true
	l.timer.Reset(d)
}

// patience is how long frames may lie that nobody waits for.
func (l *log) patience() time.Duration {
	if l.durability == None {
		return noneCommit
	}
	return max(idleCommit, l.commitDelay)
}

// start begins the goroutines, when recover is through.
func (l *log) start() {
	l.timer = time.NewTimer(time.Hour)
	l.timer.Stop()
	l.gathered = time.NewTimer(time.Hour)
	l.gathered.Stop()
	l.mu.Lock()
	l.running = true
	if l.full() {
		l.arm(roomPoll)
	}
	l.mu.Unlock()
	l.writer.Go(l.writeCommits)
	l.releaser.Go(l.releaseWaiters)
}

// writeCommits is the writer.
func (l *log) writeCommits() {
	defer close(l.release)
	for {
		select {
		case <-l.wake:
			l.linger()
		case <-l.gathered.C:
		case <-l.timer.C:
			l.mu.Lock()
			l.armed = false
			l.mu.Unlock()
		case <-l.stop:
			l.timer.Stop()
			l.gathered.Stop()
			l.commit()
			l.finish()
			return
		}
		l.commit()
	}
}

// gather has the writer wait for as many as wait already or are called now, if
// they come back at once: else half of the producers would wait for the other
// half's commit, and each commit cost as much as one of all. When the releaser
// has called everybody and nobody comes any more, or after half of a commit's
// time, who came is enough. mu is held.
func (l *log) gather(called int, took time.Duration) {
	waiting := len(l.young.pending.waiting)
	l.wanted = called + waiting
	switch {
	case called == 0 || l.commitDelay > 0:
		l.wanted = 1
		if waiting > 0 {
			notify(l.wake)
		}
	case l.wanted > 1:
		l.gathered.Reset(took / 2)
	}
}

// gatherRest is the releaser's part in it.
func (l *log) gatherRest() {
	for idle, before := 0, -1; idle < 2; idle++ {
		l.mu.Lock()
		waiting, over := len(l.young.pending.waiting), l.busy || l.wanted <= 1
		l.mu.Unlock()
		if over {
			return
		}
		if waiting > before {
			idle = 0
		}
		before = waiting
		runtime.Gosched()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted = 1
	if len(l.young.pending.waiting) > 0 && !l.busy {
		notify(l.wake)
	}
}

// linger lets others join the commit.
func (l *log) linger() {
	if l.commitDelay <= 0 {
		return
	}
	t := time.NewTimer(l.commitDelay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.stop:
	}
}

// commit writes what is pending, and syncs it if the Durability, or somebody
// who settles, says so.
func (l *log) commit() {
	l.keepRoom()
	l.mu.Lock()
	s, settling := &l.young, l.settling
	if s.pending.empty() && len(settling) == 0 || l.err != nil {
		l.mu.Unlock()
		return
	}
	l.busy, l.settling = true, nil
	s.take(l.now())
	l.mu.Unlock()
	sync := l.durability == Fsync || len(settling) > 0
	begun := time.Now()
	err := l.put(s, sync)
	l.mu.Lock()
	l.busy = false
	s.writing.waiting = append(s.writing.waiting, settling...)
	l.done(s, sync, time.Since(begun), err)
	l.callAlone()
	l.mu.Unlock()
	if err != nil {
		l.tellFailure()
	}
}

// callAlone spares a lone waiter the way through the releaser: nobody else's
// commit waits for the writer. mu is held, and for the call let go.
func (l *log) callAlone() {
	if len(l.ready) != 1 || l.calling || !l.young.pending.empty() {
		if len(l.ready) > 0 {
			notify(l.release)
		}
		return
	}
	w := l.ready[0]
	l.ready[0] = waiter{}
	l.ready, l.calling = l.ready[:0], true
	l.mu.Unlock()
	w.durable(w.err)
	l.mu.Lock()
	if l.calling = false; len(l.ready) > 0 {
		notify(l.release)
	}
}

// put brings the batch being written to the disk, and waits for room if there
// is none.
func (l *log) put(s *stream, sync bool) error {
	for {
		err := l.write(s)
		if err == nil && sync && s.tail != nil {
			begun := time.Now()
			err = l.sync(s.tail)
			l.countCommit(time.Since(begun))
		}
		if err == nil || !isNoRoom(err) {
			return err
		}
		if l.spendReserve() {
			continue
		}
		if s == &l.old {
			return fmt.Errorf("%w: %w", errNoRoom, err)
		}
		if !l.awaitRoom() {
			return err
		}
	}
}

// done ends a commit: who waited for it is called, or hears that nobody knows.
// mu is held.
func (l *log) done(s *stream, synced bool, took time.Duration, err error) {
	if err != nil {
		l.fail(err)
		return
	}
	if !s.writing.empty() {
		l.count.commits++
	}
	called := len(s.writing.waiting)
	l.ready = append(l.ready, s.writing.waiting...)
	s.done(synced)
	l.gather(called, took)
}

// fail ends all acknowledging: nobody knows what is on disk. mu is held.
func (l *log) fail(err error) {
	if l.err == nil {
		l.err = err
	}
	for _, b := range []*batch{&l.young.writing, &l.young.pending} {
		for _, w := range b.waiting {
			l.ready = append(l.ready, waiter{w.durable, l.err})
		}
		b.waiting = nil
	}
	for _, w := range l.settling {
		l.ready = append(l.ready, waiter{w.durable, l.err})
	}
	l.settling = nil
	notify(l.release)
}

// tellFailure says once that fail was called; no lock is held.
func (l *log) tellFailure() {
	l.mu.Lock()
	err := l.err
	if l.told {
		err = nil
	}
	l.told = l.told || err != nil
	l.mu.Unlock()
	if err != nil {
		l.tell(slog.LevelError, "the journal cannot be written and acknowledges nothing any more: see to the disk, then restart",
			"path", l.disk.path(""), "error", err)
	}
}

// releaseWaiters is the releaser: it calls who waited, while the next commit
// is on its way to the disk.
func (l *log) releaseWaiters() {
	var spare []waiter
	for range l.release {
		spare = l.releaseReady(spare)
		l.gatherRest()
	}
	l.releaseReady(spare)
}

func (l *log) releaseReady(spare []waiter) []waiter {
	l.mu.Lock()
	if l.calling { // the writer does, and will wake the releaser
		l.mu.Unlock()
		return spare
	}
	ready := l.ready
	l.ready, l.calling = spare[:0], true
	l.mu.Unlock()
	for _, w := range ready {
		w.durable(w.err)
	}
	clear(ready)
	l.mu.Lock()
	l.calling = false
	l.mu.Unlock()
	return ready
}

// finish is the writer's last act: it says that the log ends here on purpose.
func (l *log) finish() {
	for _, s := range []*stream{&l.young, &l.old} {
		err := l.finishStream(s)
		if err == nil || isNoRoom(err) { // the frame is a comfort, and no more
			continue
		}
		l.mu.Lock()
		l.fail(err)
		l.mu.Unlock()
	}
	l.tellFailure()
}

func (l *log) finishStream(s *stream) error {
	if s.tail == nil || s.closed && s.pending.empty() || l.broken() != nil {
		return nil
	}
	if s == &l.old {
		if err := l.flushOld(); err != nil {
			return err
		}
	} else if err := l.sync(s.tail); err != nil {
		return err
	}
	l.mu.Lock()
	last := s.tailSegment()
	s.synced = position{last.number, last.size}
	l.begin(s, frameClosed)
	s.take(l.now())
	l.mu.Unlock()
	if err := l.put(s, true); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.done(true)
	return nil
}

// broken is failed for who does not hold mu.
func (l *log) broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// flushOld writes and syncs what addOld collected; mu is not held, and one
// goroutine alone calls it. After errNoRoom it may be called again.
func (l *log) flushOld() error {
	s := &l.old
	defer l.tellFailure()
	for {
		l.mu.Lock()
		if s.writing.empty() && l.err == nil {
			s.take(l.now())
		}
		err, idle := l.err, s.writing.empty()
		l.mu.Unlock()
		if err != nil || idle {
			return err
		}
		err = l.put(s, true)
		l.mu.Lock()
		if err == nil {
			s.done(true)
		} else if !isNoRoom(err) {
			l.fail(err)
		}
		l.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// syncError hides what the system said of a sync: even "no space" then means
// that nobody knows what is on disk.
type syncError struct{ err error }

func (e *syncError) Error() string { return "sync: " + e.err.Error() }

func (l *log) sync(f file) error {
	if err := f.sync(); err != nil {
		return &syncError{err}
	}
	return nil
}

func (l *log) countCommit(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count.syncTime += d
	l.count.longestSync = max(l.count.longestSync, d)
}

// writeAt writes all of b, and counts.
func (l *log) writeAt(f file, b []byte, offset int64) error {
	written := 0
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.count.bytesWritten += int64(written)
	}()
	for written < len(b) {
		n, err := f.writeAt(b[written:], offset+int64(written))
		written += n
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("write: %w", io.ErrShortWrite)
		}
	}
	return nil
}
