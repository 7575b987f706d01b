package broker

import "time"

// queue holds the deliveries of a session that wait for its client, oldest
// first. Guarded by the session's mutex.
type queue struct {
	entries ring[queued]
	bytes   int
	qos0    int     // of them, those of QoS 0
	stored  stretch // behind the entries: what the Store alone has
}

type queued struct {
	delivery
	sequence uint64
}

// len is how many are in memory.
func (q *queue) len() int { return q.entries.len() }

// empty says whether nothing waits, here or in the Store.
func (q *queue) empty() bool { return q.len() == 0 && q.stored.count == 0 }

// A client that is online and keeps its pace may be behind by more than the
// limits, since those who publish to it are slowed already and what they have
// on its way must not be lost: their reading stops at crowded times the limits,
// and a message is dropped at patience times them.
const (
	crowded  = 2
	patience = 4
)

// fits says whether a message of size more bytes may wait: one always may.
func (q *queue) fits(size int, l *Limits, times int) bool {
	if l.MaxQueuedMessages == 0 {
		return false
	}
	return q.len() == 0 || q.len() < times*l.MaxQueuedMessages && q.bytes+size <= times*l.MaxQueuedBytes
}

// keptFits says whether a message of size bytes may wait where the Store has all
// that waits, what is in memory too: one always may.
func (q *queue) keptFits(size int, l *Limits) bool {
	if l.MaxQueuedMessages == 0 {
		return false
	}
	waiting := int64(q.bytes+q.len()*storedOverhead) + q.stored.bytes
	return q.empty() || waiting+int64(size+storedOverhead) <= l.MaxQueuedDiskBytes
}

// crowded says whether even withheld acknowledgements did not stop the inflow.
func (q *queue) crowded(l *Limits) bool {
	return !q.fits(0, l, crowded) || q.stored.bytes > l.MaxQueuedDiskBytes/4*3
}

// half says whether more than half of a limit is taken. Who comes back to what
// the Store kept for it slows nobody: only the Store's own limit counts then.
func (q *queue) half(l *Limits) bool {
	if q.stored.count > 0 {
		return q.stored.bytes > l.MaxQueuedDiskBytes/2
	}
	return q.len()*2 > l.MaxQueuedMessages || q.bytes*2 > l.MaxQueuedBytes && q.len() > 1
}

// quarter says whether at most a quarter of all limits is taken.
func (q *queue) quarter(l *Limits) bool {
	return q.stored.count == 0 && q.len()*4 <= l.MaxQueuedMessages && (q.bytes*4 <= l.MaxQueuedBytes || q.len() <= 1)
}

func (q *queue) push(d queued) {
	*q.entries.push() = d
	q.count(&d, 1)
}

// count accounts for an entry that comes (1) or goes (-1).
func (q *queue) count(d *queued, n int) {
	q.bytes += n * d.message.size()
	if d.qos == 0 {
		q.qos0 += n
	}
}

// front is the oldest delivery; the queue is not empty.
func (q *queue) front() *queued { return q.entries.at(0) }

// pop removes the oldest delivery.
func (q *queue) pop() {
	q.count(q.front(), -1)
	q.entries.pop()
}

// unpop puts back what was popped.
func (q *queue) unpop(d queued) {
	*q.entries.unshift() = d
	q.count(&d, 1)
}

// remove takes out the deliveries that are to go, wherever they stand, and
// returns them.
func (q *queue) remove(goes func(*queued) bool) (gone []queued) {
	q.entries.filter(func(e *queued) bool {
		if !goes(e) {
			return true
		}
		q.count(e, -1)
		gone = append(gone, *e)
		return false
	})
	return gone
}

// expire drops deliveries whose time has passed. It makes room before a newer
// message is refused.
func (q *queue) expire(now time.Time) (dropped []queued) {
	return q.remove(func(e *queued) bool { return !e.message.alive(now) })
}
