// Package journal is a broker.Store on disk: what it has called durable survives
// kill -9 and power loss.
//
// # What goes where
//
//	Append -> record -> frame -> young segment ... cleaner ... old segment
//	            |         |           |                            |
//	         Event     checksum    one write and one sync       copies of what
//	        as bytes   and place   for all that is pending      is still true
//	            index: number -> place
//
// One Append is one frame: recovered whole or not at all. The log (log.go and
// what it names) knows bytes: frames in numbered segments, group commit,
// recovery, room on the disk. The rest knows Events: record.go, parse.go and
// message.go write and read them, index.go and incarnation.go know where each
// that is true stands, replay.go and fetch.go hand them over, clean.go gives
// disk back. survey.go, view.go and salvage.go read a journal that is somebody
// else's, or damaged.
//
// # The index
//
// Everything that an Event tells has a number that was given under the lock
// which changed it, and numbers decide: the highest of a key wins, and a dequeue
// ends its number wherever it stands. So the index goes by numbers alone. A
// ledger has 16 bytes for each queued delivery and each retained message; topics
// and messages are on disk. Appends of two threads may cross: the end of
// something that has not come is remembered for a while, and what comes after
// its end is not written at all. Thus in a log an end always stands behind what
// it ends, whatever the threads did.
//
// # Two generations
//
// Appends go to the young generation's tail. A head, of either generation, in
// which nothing is true any more is removed at once. When the disk holds more
// than twice what is needed and four segments, the head of the generation that
// has more garbage is cleaned: what is true in it is copied to the tail of the
// old generation, in one frame for each frame; then the head is removed. Nothing
// is ever taken out of the middle. On a full disk a quarter of the head, or an
// eighth of all, is enough; and no copy is begun that there is no room for.
//
// A record that ends something (dequeue, forgotten, unsubscribe, session end, a
// will or a retained message removed) may go when nothing that it ends, and no
// copy of it, is on disk. Because each generation loses its head only, it needs
// not be counted for what it is:
//
//   - What it ends and what stands in the young generation stands before it, and
//     is gone when it comes to the head.
//   - What it ends and what stands in the old generation: it is copied to the
//     old tail, so again it stands behind. A dequeue or forgotten, of which there
//     is one for each message, has the number of that old segment in it (its
//     debt) and is copied only as long as an old segment up to that number is
//     there: of a queue that drains before it was ever cleaned, none is. The
//     rarer ones are copied as long as there is an old generation at all.
//   - At the old generation's head it is dropped.
//
// Copies are synced before a head is removed, and what ended the rest of the head
// is durable then: a retained message goes only when its successor is safe. A
// crash between may leave a record twice; of two with one number the old
// generation's counts, and of two in it the later one, so that its end, which
// carries the debt of that one, outlives both.
//
// A frame of one message and many deliveries counts its message once, and its
// deliveries one by one, in the liveness of its segment.
//
// # What must be there
//
// Each mark says, of both generations, which segment is the first that is not
// dead and which is the last that was on disk; neither ever goes back. A head is
// removed when a mark that calls it dead has been synced, in a commit of its own
// if there is no other. So recovery tells what was given back from what was lost:
// what is dead is not read, and goes if a crash has left it; a segment that is
// missing otherwise is damage. It cannot tell where what would say so is lost
// too: the newest young segments, of which no mark but their own may know, and all
// of them together, even when the reserve is there: that is a journal in which
// nothing was ever written.
//
// # Time
//
// Times are written as if the clock never went back: they and the clock of each
// commit are shifted by what the clock was behind the log at Replay, and read
// less the shift of the reader.
//
// # Full and failed disks
//
// See room.go. While there is no room, Append goes on to take what lets queues
// drain and sessions be resumed; one preallocated segment is given up for that.
// After a failed sync nobody knows what is on disk: durable gets the error, now
// and ever after, until the journal is opened anew.
//
// # Decisions
//
//   - 2026-11-21. A log and an index by hand in place of a database. Measured on
//     two shared cores with 256 producers of 256 bytes: raw append with fdatasync
//     414,000 messages/s, this kind of log 340,000, pebble 114,000, badger
//     102,000, bbolt 91,000, SQLite 81,000; bytes written for a lone message
//     (what wears out an SD card) 4.4 KB, SQLite 12 KB, bbolt 35 KB. Pebble needs
//     64 bits and makes the program 12 MB larger, badger fails on 32 bits, bbolt
//     never gives disk back. bbolt is what tests compare with.
//   - 2026-11-21. Generations are queues. Rejected: cleaning the segment with the
//     most garbage, which copies less, but then an end may be left before or
//     behind what it ends, and must be counted for each key, in memory or on disk.
//   - 2026-11-21. The index has no topics: EventRetain names the version that it
//     replaces, and at Replay the broker, which has the topics anyway, says which
//     one loses. A million retained messages cost 16 MB here and not 100.
//   - 2026-11-21. Debts in dequeues, always in the rarer ends: counting the old
//     segments an unsubscribe must outlive would save a few bytes once a day.
//   - 2026-11-21. A record means the latest message before it in its frame,
//     instead of a number: a copy of some records is then made of the same bytes.
//     An Append that goes back and forth between two messages writes them again.
//   - 2026-11-21. Packet ids that two deliveries of a session hold in the log (the
//     end of the first was lost in a crash) are resolved at Replay, by a dequeue
//     that is written then: a rule alone would be forgotten with the second one.
package journal
