package journal

import (
	"fmt"
	"io"
	"log/slog"
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
			l.mu.Lock()
			l.wanted = 1 // a releaser that is held up holds up no commit
			l.mu.Unlock()
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
	l.take(s)
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

// finish is the writer's last act: it says that the log ends here on purpose.
func (l *log) finish() {
	l.lookForFiles()
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
	if s.tail == nil || s.closed && s.pending.empty() || s.pending.empty() && s.condemned() || l.broken() != nil {
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
	l.take(s)
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
			l.take(s)
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
