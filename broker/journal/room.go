package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"sync/atomic"
	"time"
)

const reserveName = "reserve"

// room is what the log knows of the disk's free space, in time: full before the
// last write fails. A file of one segment, the reserve, is spent when nothing
// else is left, so that queues can drain, which is what frees segments.
//
//	free      2 segments          1/2 segment, reserve spent       0
//	 all  |  no new messages  |  nothing that grows           |  nobody is answered, nothing is lost
type room struct {
	left    int64 // free when measured, less what was added since
	reserve bool  // its file is there
	full    atomic.Bool
	// The writer's own:
	measured time.Time
	looked   time.Time // for the files
	told     bool
	failing  bool // there was no making a reserve
}

// soft says that there is no room for what grows, but for messages that were
// asked about before; hard that there is none for n bytes of those either.
// Neither concerns what lets queues drain. mu is held.
func (l *log) soft() bool { return l.room.full.Load() }

func (l *log) hard(n int) bool {
	left := l.room.left - int64(n)
	if l.room.reserve { // many may have asked at once: what they bring may take no more than there is
		left += l.segmentSize
	}
	return left < l.segmentSize/2
}

// full is soft without mu.
func (l *log) full() bool { return l.room.full.Load() }

// consume counts what was added. mu is held.
func (l *log) consume(n int) {
	l.room.left -= int64(n)
	if l.room.left < 2*l.segmentSize && !l.full() {
		l.room.full.Store(true)
		notify(l.wake) // the writer measures, and says so
	}
}

// measureRoom asks the disk. A disk that does not answer has room: its writes
// will say.
func (l *log) measureRoom() {
	free, _, err := l.disk.space()
	if err != nil {
		free = math.MaxInt64 / 2
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &l.room
	r.left = free - l.unwritten()
	switch {
	case r.left < 2*l.segmentSize:
		r.full.Store(true)
	case r.left >= 3*l.segmentSize && r.reserve:
		r.full.Store(false)
	}
}

// unwritten is how many bytes wait for the disk. mu is held.
func (l *log) unwritten() (n int64) {
	for _, s := range []*stream{&l.young, &l.old} {
		n += int64(len(s.pending.bytes) + len(s.writing.bytes))
	}
	return n
}

// keepRoom is the writer's look at the disk before a commit, not always needed:
// what is added is counted meanwhile.
func (l *log) keepRoom() {
	now := time.Now()
	if now.Sub(l.room.looked) >= roomPoll {
		l.room.looked = now
		l.lookForFiles()
	}
	if !l.full() && now.Sub(l.room.measured) < roomPoll {
		return
	}
	l.room.measured = now
	l.measureRoom()
	l.mu.Lock()
	reserve, left := l.room.reserve, l.room.left
	l.mu.Unlock()
	switch {
	case reserve && left < headerSize:
		l.spendReserve()
	case !reserve && left >= 4*l.segmentSize:
		l.makeReserve()
		l.measureRoom()
	}
	l.tellRoom()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full() && !l.armed {
		l.arm(roomPoll)
	}
}

// lookForFiles fails if the file that is being written has lost its name, as when
// somebody removed the directory: writes and syncs would go well for ever, and
// nothing would be there after them. The writer calls it.
func (l *log) lookForFiles() {
	if l.young.tail == nil {
		return
	}
	f, err := l.disk.view(header{generation: young, number: l.young.onDisk}.name())
	if err == nil {
		f.close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return
	}
	l.mu.Lock()
	l.fail(fmt.Errorf("somebody removed what is being written: %w", err))
	l.mu.Unlock()
	l.tellFailure()
}

// tellRoom says when the disk fills up and when that is over. The writer calls it.
func (l *log) tellRoom() {
	full := l.full()
	if full == l.room.told {
		return
	}
	l.room.told = full
	l.mu.Lock()
	left := l.room.left
	l.mu.Unlock()
	args := []any{"path", l.disk.path(""), "free", max(left, 0), "needed", 4 * l.segmentSize}
	if full {
		l.tell(slog.LevelError, "the disk of the journal is full: nothing new is taken; free space on it, or let clients fetch what is queued", args...)
	} else {
		l.tell(slog.LevelInfo, "the disk of the journal has room again", args...)
	}
}

// awaitRoom is for the writer when the disk takes no more at all: it looks
// again each second, and when a segment is removed. false: the log closes.
func (l *log) awaitRoom() bool {
	l.mu.Lock()
	l.room.left = min(l.room.left, 0)
	l.mu.Unlock()
	l.room.full.Store(true)
	l.tellRoom()
	t := time.NewTimer(roomPoll)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.roomier:
	case <-l.stop:
		return false
	}
	return true
}

// spendReserve gives the reserve to whoever needs room now.
func (l *log) spendReserve() bool {
	l.mu.Lock()
	held := l.room.reserve
	l.room.reserve = false
	l.mu.Unlock()
	if !held || l.disk.remove(reserveName) != nil {
		return false
	}
	l.room.full.Store(true)
	l.measureRoom()
	return true
}

// openReserve takes up the reserve that is there, or makes one.
func (l *log) openReserve() error {
	entries, err := l.disk.list()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.name == reserveName && e.size == l.segmentSize {
			l.room.reserve = true
		} else if e.name == reserveName {
			if err := l.disk.remove(e.name); err != nil {
				return err
			}
		}
	}
	l.measureRoom()
	if !l.room.reserve && l.room.left >= 4*l.segmentSize {
		l.makeReserve()
		l.measureRoom()
	}
	return nil
}

// makeReserve writes zeros, since a file of holes reserves nothing. Without
// one, if that fails, the disk is merely full earlier.
func (l *log) makeReserve() {
	err := l.writeReserve()
	if err != nil && !isNoRoom(err) && !l.room.failing {
		l.tell(slog.LevelError, "cannot keep room in reserve for what drains a full disk", "file", l.disk.path(reserveName), "error", err)
	}
	l.room.failing = err != nil
}

func (l *log) writeReserve() error {
	f, err := l.disk.create(reserveName)
	if err != nil {
		return err
	}
	zeros := make([]byte, min(l.segmentSize, 1<<20))
	for offset := int64(0); err == nil && offset < l.segmentSize; offset += int64(len(zeros)) {
		err = l.writeAt(f, zeros[:min(int64(len(zeros)), l.segmentSize-offset)], offset)
	}
	if err == nil {
		err = f.sync()
	}
	f.close()
	if err == nil {
		err = l.disk.syncDirectory()
	}
	if err != nil {
		l.disk.remove(reserveName)
		return err
	}
	l.mu.Lock()
	l.room.reserve = true
	l.mu.Unlock()
	return nil
}
