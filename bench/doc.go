// Package bench is the load: clients by the thousand, on few threads, that know
// what to expect, and a count of everything that happened.
//
//	Plan ── Check ──▶ Run ──▶ Result                what to do; what came of it
//	                   │
//	    coordinator: connect, warm up, measure, wait, conclude
//	                   │ Loop.Do             ▲ counts and histograms, once a second
//	          workers, one loop each (package loop), which share nothing
//	                   │
//	publishers ── pacer: when is a message due? ──▶ broker ──▶ subscribers
//	      │ PUBACK, PUBCOMP                                        │ flow: which number is due?
//	      └────────────▶ counts, histograms ◀──────────────────────┘
//
// Beside it stand bench/crash, which kills a broker, and bench/page, which draws a
// result.
//
// # A message
//
// The first HeaderSize bytes of a payload say which message it is: run, publisher,
// sequence, and when it was sent. The rest is a function of the position, and so is
// its length, in a range, of publisher and sequence. A receiver knows so of each
// payload whether it is what was sent, who sent it, whether it came before, in its
// turn, and by the topic of its publisher.
//
// A flow is what one receiver - a subscriber, or a share group together - has had
// of one publisher: the next number, and the spans that are missing below it. In a
// run without faults it is one comparison for each message.
//
// # Times
//
//	planned   when the schedule wants the message sent: the k-th of all k/rate after the start
//	sent      when it was handed to its connection
//	received  when the read ended that brought it
//
//	latency   from planned to received      service      from sent to received
//	lag       from planned to sent          acknowledge  from sent to PUBACK or PUBCOMP
//
// A message that is due and cannot leave, for the window or the socket is full,
// stays due: its latency grows meanwhile, and nothing is left out (what is known as
// coordinated omission). Lag counts those messages only that neither held up: it is
// the generator's own. Latency is computed by the receiver, from publisher and
// sequence, by the same schedule; only where the receiver is another process does
// the payload say the planned time in place of that of sending. Without a rate
// there is no plan: a publisher sends when its window and what it has outstanding
// allow it, latency is service, and the result says so.
//
// Of a batch in one write all messages have the time before it; of what one read
// has brought, the time after it.
//
// # Counts
//
// Sent is what was handed to a connection. It is the sum of what was acknowledged
// (at QoS 0: sent), refused by a reason code, and never answered. Expected is, for
// each receiver, all that the publishers of its topics sent and that was not
// refused; it is the sum of what was delivered and what is lost, and both are
// counted apart, so that the sum is a check: if it is not true the result is worth
// nothing, and says so (BadSum). To who has lost the connection nothing more was
// due; of a publisher who has lost it only what the broker had acknowledged, or
// what has come all the same.
//
// Duplicated and Reordered count every case. What the protocol forbids is a broken
// promise: loss where publisher and subscriber have QoS 1 or 2, a duplicate at QoS 2
// and at QoS 0, a first-time message behind a later one of its publisher
// (Disordered), a payload or a topic that is another's, a QoS that is not the lower
// of both sides. In a share group every message must come once to one of its
// members, and each member sees an order. A duplicate is what an application would
// see twice: a PUBLISH with DUP whose QoS 2 exchange is not over is answered and
// noted, and counted as nothing; without DUP it is a duplicate; with another
// message in it the connection ends. A broker that breaks the protocol loses the
// connection, and the sentence about it is a failure.
//
// # What is measured when
//
// Connect, and subscribe. Warm-up: traffic as it will be, until everything sent has
// come, or nothing for a second. The measured time begins with counters at zero and
// numbers of its own - the tag in the payload is another, so that a straggler of the
// warm-up is known as one - and lasts to the last delivery. Then there is waiting:
// Patience after the last thing that happened, what is missing is lost. DISCONNECT
// comes after that and is not measured. Seconds, delivered and delivered a second
// always agree.
//
// Rates have an end, too: what was due and is not sent a second after the end of
// the plan is not sent any more, and a note says how much that was.
//
// # Whether it was the generator
//
// Without a rate, the generator was the limit if its busiest thread slept for less
// than a twentieth of the time. With one, if one message in a hundred was sent more
// than a millisecond, and more than a tenth of the latency, behind its plan, held up
// by nothing but the generator; or if its threads were ready to run and waited for a
// CPU for a fifth of the time. Then what is said of the broker is a lower bound, and
// the result says that.
//
// # Choices
//
// A client belongs to one worker for life, pairs and share groups are on one, and
// what workers tell each other is one atomic addition for each batch read and
// publisher. Nothing is allocated for a message. A batch of up to 64 equal packets
// is encoded once; sending it is patching packet ids and headers. A PUBLISH that has
// the head of the last one, to the letter, is not decoded again: that head was
// judged. Equal durations in a row are one entry of a histogram. In a closed loop a
// publisher waits until half a batch has room, or writes become small.
//
// An open loop rests 50 µs between sendings: at more than 20,000/s what is due in
// between leaves together, in place of a wake-up for each message.
//
// Package client is for one session that survives everything; here there are
// thousands that only have to be exact, and its goroutines and copies would be the
// limit (client/doc.go has what a hand-over costs). Rejected, too: a timer for each
// publisher, for the schedule is one for all; locks around counters; sampled
// latencies; a histogram for each client. What a receiver has missed is not a bitmap,
// for a flow without losses needs none.
//
// # Figures
//
// CPU time of the generator for each delivered message of 64 bytes, both ends, on
// two shared cores with the broker beside it (mqtk serve, 10 clients a side,
// 3.1.1, 2026-11-22):
//
//	          QoS 0     QoS 1     QoS 2
//	pairs     0.13 µs   0.35 µs   0.54 µs
//	fan-in    0.13 µs   0.36 µs   0.82 µs
//	fan-out   0.05 µs   0.18 µs   0.39 µs
//
// Of these 0.06, 0.08 and 0.17 are this package's, the rest is the system's
// (BenchmarkMessage).
package bench
