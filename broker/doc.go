// Package broker is an MQTT server for 3.1, 3.1.1 and 5.0. Inside it speaks
// 5.0; what 3.x calls otherwise is translated where its bytes are read.
//
// # How a message goes through
//
//	driver                     core: no I/O, no blocking call                               driver
//	socket -> Conn.Receive -> handlePublish -> route -> Session.deliver -> Conn.putPublish -> outbox -> socket
//	             mqttwire       alias, quota    |         QoS 0: at once       one encoding per shape
//	                            rights, limits  |         QoS 1, 2: window, else queue
//	                            matchFor        +- retain, share, fabric
//	             segment <- acknowledge <- Store.Append ... durable
//
// A read batch does all of its work on its own thread: decode, match, append to
// each receiver's outbox, and at the end one flush for each outbox that became
// dirty. A thousand small messages cost a handful of system calls and change no
// thread. The acknowledgements of the batch are collected in a segment that
// leaves when the Store says that what they acknowledge is durable.
//
// # Drivers
//
// A driver feeds bytes to a Conn and writes what lies in its outbox; Link is
// what the core asks of it. The goroutine driver (driver.go) takes any net.Conn
// and lives here; package eventloop takes sockets on Linux. The seam is
//
//	Admit, Accept; then, on the driver's thread, Receive, Closed and at the end Release;
//	on any thread Take, Wrote, Next, Drained, Failed.
//
// Rejected: a channel of packets for each client, which costs one and a half to
// three times what appending bytes costs; and a writer goroutine for each
// client, which doubles the memory of an idle one.
//
// # Gates
//
// A connection comes by a Gate, which has the rules of its listeners: addresses,
// versions, how many, whom to ask for credentials, a mount point (mount.go). What is
// not MQTT yet, TLS or a WebSocket, has a goroutine and a time of its own (greet.go);
// the reader begins on a fresh one, whose stack no TLS handshake has deepened. Why
// somebody is not let in is one of a list of reasons (refused.go), each of which is
// counted, has its code, and says whether the client hears it.
//
// Rules, limits, bans, Authenticator and Authorizer are values that are replaced as a
// whole while clients are connected. What a connection was promised is in its terms,
// which it shares with all who came under the same rules and limits; the rest is asked
// of the value in force, which costs a load. An Authorizer that has to load rights
// takes over once it knows everybody; until then the former decides (rights.go).
//
// # Who guards what
//
//   - Conn: the fields of the first group belong to the driver's thread; while an
//     Authenticator thinks, the driver does not read, and the answer acts in its
//     place under handover.
//   - Session.mu: subscriptions, will, and its traffic: window, queue, held ids,
//     cursors. A session outlives its connections; Session.live is the one it has.
//   - outbox.mu: the bytes to be sent, outgoing aliases, pressure, waiting
//     segments. Never held over a system call.
//   - registry: client id -> Session, under one mutex. Create, take-over and end
//     of a session are serialised by it. Connections are counted under it, by gate,
//     address and user, and the terms of one are changed.
//   - subscriptions and retainedSet (RWMutex both), busySessions, deadlines,
//     wheel, matches, turns.
//
// Lock order: handover -> Session.handling or registry -> Session.mu ->
// subscriptions, busySessions, turns, or retainedSet -> outbox.mu -> deadlines and
// wheel. Session.handling is held from a packet's change of its client's session
// until the Store has the events of it, and nobody but a connection that takes the
// session over ever waits for it: whatever that one is told then, the Store has
// before. Whoever finds under a lock that others may go on leaves that to its
// batch's Flush. No lock is held over I/O, a channel operation, the Store's
// callback or an Authenticator. An Authorizer may be asked under Session.mu and the
// retained set's, for what a queue, a window or a walk holds: it must not block.
//
// # Goroutines
//
// One for the deadlines, one for $SYS, what Store and Fabric own, and what the
// driver needs: with the goroutine driver one for each connection, and a writer
// while a socket takes no more; with the event loop one for each core. One more
// for each Authenticator's answer that is awaited, and one while sessions have
// more to send than one turn of them takes (turns.go). Shutdown waits for all of
// them.
//
// # Back-pressure
//
// See pressure.go. A receiver that is full but keeps its pace is waited for:
// acknowledgements are withheld, QoS 0 is left unread. A queue may then stand
// above its limits (queue.go: crowded, patience), since what its publishers
// have on their way is not theirs to take back. Below the pace the receiver
// falls to its queue policy at once.
//
// # Memory
//
// What one client can make the broker hold is bounded by limits: the outbox (bytes
// and packets that are not written), the window (max_inflight), the queue, each
// counted where it stands. What all of them hold together is measured, not added
// up: who collects the heap tells MemoryHeld how much of it is live, what comes into
// outboxes and queues until the next time is reckoned on top, and near memory_limit
// (memory.go) the broker gives up, in this order: queues in memory where there is a
// Store, the pace of publishers of whose messages more than 64 KiB a second have to
// wait, new clients, but for those who have a session, and the consumers that have
// stopped reading, those of QoS 0 first, with all that is in their outboxes. With
// the last, no message waits in memory for who is away or slow: it is refused to a
// publisher of 5.0, and dropped and counted for one of 3.x, whom nothing but its
// connection's end could tell. Each level is logged once a minute, counted in $SYS
// and undone when it eases. Before any of them, outboxes share a quarter of the
// limit: each may hold a sixteenth of what is left of it. Garbage is not the
// broker's affair: GOMEMLIMIT, which serve sets, keeps it out of the way.
//
// # What outlives the process
//
// What a persistent session, a share, a will or the retained set must keep
// becomes an Event (store.go); all Events of one packet are one Append. Package
// journal keeps them on disk. Numbers are given under the lock that changes the
// state and decide at replay, so the Append can come after it, in any order with
// those of other threads. An answer waits in its segment until the Store says
// that everything before it is durable; a QoS 2 PUBLISH to a persistent session
// waits too (durable.go). What the answer to a clean session does not need to
// remember waits for nothing.
//
// After a restart (replay.go) sessions are cold: the window's messages and the
// queue lie in the Store, and are read back by a goroutine when the client comes
// (spill.go), as are the parts of any queue that are beyond their share of memory.
// Sessions and wills that ended meanwhile end before the first listener opens.
// What the holder of a share's message leaves in the Store goes to other members
// portion by portion, each portion one frame (bequest).
//
// A Store says in advance that it is full, and the broker then refuses what would
// have to be kept before any of it has happened.
//
// # Where the bytes of an idle connection go
//
// An idle client with one subscription on a filter of its own takes 650 bytes of
// the heap and about 940 resident (mosquitto: 1,016):
//
//	connection   296   Conn 240, its conn in the event loop 48, the peer's address 8
//	session      225   Session 128, Identity 64, ClientID 16, place in the registry 17
//	subscription 129   itself 48, the filter, which the tree shares, 16, node 48, place among its siblings 17
//	not heap     280   slots of spans that nothing fills, and the runtime's own lists, which are 1 MB whoever comes
//
// What a client needs only while it does something is made then and dropped
// after: what it publishes with, the hand-shake, pressure, and traffic (352 bytes,
// the window, queue and held ids; it goes a few seconds after the last message,
// traffic.go). Chunks of outboxes and segments come from pools. Tests hold each of
// these to its size. A million subscriptions take 294 bytes each with sessions and
// filters, a session that is away 374, a retained message 60 besides its payload.
//
// # Where the nanoseconds go
//
// BenchmarkPath measures each stage by itself, in memory and on one core, with
// payloads of 64 bytes; ns for each message, or for each delivery where there is
// more than one receiver:
//
//	                                 1 receiver    10    100
//	decode                                 29
//	match, the topic of the one before     80
//	match, another of the last             90
//	QoS 0, from decoded to outbox         126       46     38
//	QoS 1, from decoded to outbox         350      101     66
//	QoS 1, the acknowledgement of it       29       28     21
//	QoS 2, from decoded to outbox         591      108     68
//	QoS 2, its acknowledgements            56       46     40
//	QoS 1, into a queue                   359
//	QoS 1, out of it, the window, sent    153
//
// What one message costs whatever its receivers is the copy that is kept at QoS 1
// and 2, its collection as garbage, and the answer to the publisher.
//
// With real sockets, two loops and both cores busy it is .17 to .20 µs of CPU for a
// message at QoS 0 in pairs, .6 to .7 at QoS 1, 1.1 at QoS 2; what is not above is
// the system's: .005 reads and writes for each message at QoS 0, .05 at QoS 1 and
// .1 at QoS 2, where the window of 64 sets how much an acknowledgement lets go. At
// QoS 1 the system has 42 % of the CPU, code of mqtk 41, allocation 4, collection 6.
// A connection that comes and goes takes 7.2 calls and 45 µs, two thirds of it in
// the system. A lone message takes about 50 µs from publisher to subscriber.
//
// # What was tried and did not help
//
//   - Rounds of 128 or 256 KiB of input before the flush, chunks of 32 or 64 KiB:
//     nothing, or up to a tenth worse, with 1 KiB messages from many to one.
//   - Many publishers to one receiver of 1 KiB messages cost twice what pairs do: the
//     receiver is full, and they are paused and woken. An outbox of 8 MiB would
//     halve that, and let each stopped client hold 8 MiB. Pausing at three
//     quarters in the middle of a read: a fifth worse.
//   - Slabs of kept messages, pools of window arrays: no faster than the allocator.
//     What helped was one object for each message, rings that stay while there is
//     traffic, and a collection for each 20 MiB of garbage instead of each 4.
//   - Tables that double: 18 to 27 bytes an entry instead of 17 (topictree.Set).
//   - Bounding what a socket holds unsent when it first takes no more: too late, it
//     holds megabytes by then, and hides the pace of a slow receiver. The listener
//     sets it.
//   - Not tried, for it needs unsafe, is a raw blocking epoll_wait: with a processor
//     to spare the runtime lets loops keep theirs (eventloop/doc.go).
//
// # Decisions
//
//   - 2026-11-21. A cached match is not thrown away at each change of a
//     subscription, but held against the last 128 changes: with 1,000 topics beside
//     a million subscriptions a look costs 150 ns at one change in 1,000 messages,
//     where a new match each time cost 880, 350 to 930 at one in 100; at one in 10
//     it costs a quarter more.
//   - 2026-11-21. What a clean member of a lasting share holds is an EventEnqueue
//     of a session that has no EventSession: no record of its own, and the same
//     replay, read-back and dequeue as for everybody.
//   - 2026-11-21. The retained messages that a new subscription has yet to bring
//     are not recorded: after a crash in the middle of them the rest stays away
//     until the next SUBSCRIBE. Recorded, they would be one more queue as large as
//     the retained set for each such subscription; repeated from the start, QoS 2
//     would come twice.
//   - 2026-11-21. Retained messages live encoded in the pages of a sorted list
//     (topictree.Names): 80 bytes for a topic of 20 and a payload of 16, against
//     400 as Messages in a trie. A delivery at QoS 0 is encoded straight from
//     its page, under the set's lock, a few at a time: no copy, and whoever
//     changes a topic comes before or behind what was retained, never between
//     the look at it and its place in the outbox. Rejected: to sort what a Store
//     replays before it is taken up. In the order of the topics each costs .4 µs
//     instead of 1.3, but the sorting .6, and a copy of everything.
//   - 2026-11-21. Store.Append returns an error as well as calling durable: no
//     room is known before anything is written, and can be said of one packet,
//     while a failed sync concerns all that waits. An Append without events is a
//     barrier, so that a batch needs one callback and not one for each packet.
//   - 2026-11-21. What a client may no longer read stays in its queue until it
//     would be sent: to look through all queues when rights change is work of any
//     size, and delivery asks anyway. What is for a client whose rights are not
//     known waits there as well; to drop it would lose, after each restart, what
//     comes before the client does.
//   - 2026-11-21. Authorizer takes *Identity: an interface call with a large
//     struct by value costs more than the check.
//   - 2026-11-21. Properties are kept as they were published and changed while
//     they are encoded (mqttwire.AppendForward), which saves a copy for each
//     message with properties; rejected: stripping them on arrival.
//   - 2026-11-21. A kept message is one object that holds its own packet at QoS 1,
//     of which the payload is the end: whoever speaks the version of its first
//     receiver gets it copied and two bytes set, however long it waited in a
//     queue. Rejected: to cut such objects from slabs of 4 to 32, which took as
//     long, and of which the last message in a window holds all.
//   - 2026-11-21. Acknowledgements that were read together are taken together,
//     64 at most: one hold of the session's locks, one frame for the Store, one
//     look at the queue, and what leaves it is put under one hold of the outbox.
//     That saved a quarter of the CPU of a QoS 1 message; counting in the batch
//     instead of in counters that all threads share, a fifth.
//   - 2026-11-21. Who receives a topic is compiled once and shared by all its
//     publishers until one that concerns it changes, instead of one cache for each
//     connection: memory then grows with topics, not with topics times clients.
package broker
