package commands

import "mqtk/broker"

// What the man page of serve says about --data. It is a promise: broker/doc.go
// and package journal keep it, and bench crash tries to break it.

func serveNotes() []manSection {
	return append(doorNotes(), durableNotes(), weakerNotes(), notKeptNotes(), troubleNotes(), directoryNotes(), storeTopicNotes(), memoryTopicNotes(), refusalTopicNotes())
}

func durableNotes() manSection {
	return manSection{
		heading: "WHEN AN ACKNOWLEDGEMENT IS DURABLE",
		text: `With --data DIR and --durability fsync, which is the default, a packet that acknowledges something leaves once that is on the disk: written, and synced with fdatasync(2). From then on it survives kill -9 and power loss at any moment. Commits are shared: whatever has come while the disk was busy goes with the next write and the next sync.

"Persistent" is a session that outlives its connection: a session expiry above 0 on 5.0, a clean session flag of 0 on 3.x.`,
		rows: []manRow{
			{"PUBACK", "the message is on the disk for each persistent session that is to get it at QoS 1 or 2, and for the retained set where it is retained; a message that nobody is to keep costs no disk, and its PUBACK says that it was taken. So does the PUBACK of a message that a session does not get since its queue is full, unless the limit queue_full is refuse; the log says what was dropped"},
			{"PUBREC", "the same, and that the packet identifier is taken: a repetition of the PUBLISH will not be delivered again"},
			{"PUBCOMP", "the packet identifier is free again"},
			{"PUBREL", "as the sender at QoS 2: that the receiver has the message, so that it will not come a second time"},
			{"PUBLISH at QoS 2", "to a persistent session: the message and its packet identifier are on the disk before it is sent"},
			{"SUBACK, UNSUBACK", "of a persistent session: the subscriptions, with all their options, are on the disk or gone from it"},
			{"CONNACK", "all that the CONNECT changed is on the disk: a session made, ended or taken up, its expiry, its will"},
			{"not waited for", "that a message was acknowledged by its receiver. After a crash it may come once more, with DUP at QoS 1; at QoS 2 that is no second delivery, since the receiver knows the packet identifier"},
		},
	}
}

func weakerNotes() manSection {
	return manSection{
		heading: "WEAKER DURABILITY",
		text:    `--durability says when to acknowledge. An orderly end (TERM, INT, --for) writes and syncs all in each mode.`,
		rows: []manRow{
			{"fsync", "when it is on the disk. Nothing that was acknowledged is lost, by kill -9 or by power loss, as long as the disk keeps what it says it has synced"},
			{"os", "when the operating system has it. kill -9 of the broker loses nothing; power loss or a crash of the system loses what was not yet on the disk, on Linux usually the last 5 to 30 seconds. QoS 2 messages of that time may come twice"},
			{"none", "at once. It is written within one second, or as soon as there is 1 MiB of it: kill -9 loses up to that, power loss as much as with os"},
			{"--commit-delay", "weakens nothing: acknowledgements wait for their commit, which waits for company. Each commit writes at least a block of 4 KiB, so a delay of 20 ms bounds that to 50 blocks a second, which is what wears an SD card out. A publisher that sends one message after the other, each after the acknowledgement of the one before, then gets at most 50 a second through"},
		},
	}
}

func notKeptNotes() manSection {
	return manSection{
		heading: "WHAT IS NOT KEPT",
		text:    `These are gone after a restart, whatever --durability says.`,
		rows: []manRow{
			{"QoS 0", "messages on their way to a receiver, and nothing is promised of those that queue_qos0 queues; a retained message of QoS 0 is kept"},
			{"clean sessions", "all of a session that ends with its connection (expiry 0, on 3.x a clean session): subscriptions, queue, window. Where the publisher or the receiver of a QoS 2 message has such a session, a crash in the middle leaves no exactly once. The will of such a client is kept, and goes out at the start"},
			{"what a SUBSCRIBE still brings", "retained messages that a new subscription was being sent when the broker was killed and that were not yet: they stay retained, and come with the next SUBSCRIBE"},
			{"over the limits", "messages beyond max_queued_disk_bytes of a session: dropped and counted, or refused, as queue_full says; and messages and sessions whose expiry has come, for time goes on while the broker is down"},
			{"$SYS", "the counters below $SYS/ begin anew"},
		},
	}
}

func troubleNotes() manSection {
	return manSection{
		heading: "WHEN THE DISK FAILS",
		rows: []manRow{
			{"no room", "is known before anything is written. What would take more room is then refused, in 5.0 with 0x97 (quota exceeded) in PUBACK, PUBREC and SUBACK, 0x83 in UNSUBACK, 0x88 in CONNACK (3 on 3.x); what carries no reason code ends the connection without an acknowledgement. Clients can still fetch and acknowledge what waits for them: a file is held back for that. The log says how much room is needed, $SYS/broker/store/full is 1, and when there is room again, messages are taken again without a restart"},
			{"a failed write or sync", "leaves nobody who knows what is on the disk. So nothing is acknowledged any more, neither yes nor no; connections that wait for it are closed; the log says so, and $SYS/broker/store/failed is 1. A restart reads what is really there"},
			{"a torn end", "the last writes before a crash, never synced and so never acknowledged by fsync, may be there in part. The start cuts them off and logs where"},
			{"missing segments", "stop the start like damage, where it is the oldest or one in the middle. Without the newest, or without all, the rest looks like a log that ended earlier: nothing is left that could tell, and serve starts with what is there. So copy, move and delete the directory as a whole"},
			{"damage elsewhere", "in what was once synced: serve does not start, ends with 1, and names file and offset. mqtk inspect journal DIR --verify tells more, and --salvage OUT writes a repaired copy and says what was lost. Nothing is skipped in silence"},
		},
	}
}

func directoryNotes() manSection {
	return manSection{
		heading: "THE DIRECTORY",
		text:    `DIR is made if it is not there, with mode 0700, its files with 0600; what it is in must be there, so that a disk that is not mounted is no new beginning. The log says "recovered", or that the directory is new. It belongs to one broker at a time. To back it up, copy it while the broker is stopped, or let mqtk inspect journal DIR --salvage COPY write a copy beside a running one. An older DIR opens in every later version.`,
		rows: []manRow{
			{"0000000001.young ...", "segments of the log, 16 MB each (4 MB on a disk below 4 GB, 1 MB below 64 MB). What is no longer needed goes as soon as it fills the oldest segment; when the files are more than twice of what is needed and 64 MB, the rest is copied on. So a log that has shrunk stays at up to some 64 MB, and a large one at up to twice of what is needed"},
			{"0000000002.old ...", "segments that hold what was copied on, in the same form"},
			{"reserve", "zeros, as large as a segment, so that a full disk can be drained; it is there from the first start on"},
			{"lock", "held by the broker that uses the directory; the file itself means nothing"},
		},
	}
}

func refusalTopicNotes() manSection {
	s := manSection{
		heading: "REFUSAL TOPICS",
		text:    "These topics below $SYS/broker/ count the connections that were not let in, by the reason.",
	}
	for _, t := range broker.RefusalTopics() {
		s.rows = append(s.rows, manRow{t.Name, t.Doc})
	}
	return s
}

func memoryTopicNotes() manSection {
	s := manSection{
		heading: "MEMORY TOPICS",
		text:    "These topics below $SYS/broker/ tell how the broker stands to memory_limit.",
	}
	for _, t := range broker.MemoryTopics() {
		s.rows = append(s.rows, manRow{t.Name, t.Doc})
	}
	return s
}

func storeTopicNotes() manSection {
	s := manSection{
		heading: "STORE TOPICS",
		text:    `With --data, these topics below $SYS/broker/ tell how it fares; sys_interval says how often.`,
	}
	for _, t := range broker.StoreTopics() {
		s.rows = append(s.rows, manRow{t.Name, t.Doc})
	}
	return manSection{s.heading, s.text, append(s.rows,
		manRow{"store/messages/count", "Messages that are retained or wait in queues, with and without --data."},
		manRow{"store/messages/bytes", "Bytes of them: payloads of retained ones, topics, payloads and properties of those in queues, for each queue."})}
}

func inspectJournalNotes() []manSection {
	return []manSection{{
		heading: "RECORDS",
		text: `A line is FILE:OFFSET FRAME KIND KEY=VALUE ..., with the keys below and those of the text form of packets. What is zero or empty is left out. All records of one frame came with one packet: they are kept together or not at all.

0000000001.young:4711 42 enqueue client-id=worker incarnation=3 sequence=7 qos=1 from=mqtk-x arrived=2026-01-02T03:04:05Z PUBLISH topic=jobs qos=1 payload=hello`,
		rows: []manRow{
			{"enqueue", "a message is for a session: its place in the queue is sequence"},
			{"inflight", "the message of that place has a packet identifier"},
			{"released", "its receiver has sent PUBREC: PUBREL is due"},
			{"dequeue", "the message of that place is done with"},
			{"held, forgotten", "a packet identifier of an inbound QoS 2 message is taken, and free again"},
			{"retain", "the retained message of a topic, or cleared= where there is none any more; sequence is its version"},
			{"subscribe, unsubscribe", "a subscription, as the SUBSCRIBE that made it, and its end"},
			{"session, session-end", "a session as it was last: whose, how long it is kept, whether its client was connected; and its end with all that was of it. incarnation tells one session from an earlier one of the same client-id"},
			{"will", "the will of a client, or none where there is no message any more"},
		},
	}}
}
