// Package crash holds a broker to its promise that what it acknowledged survives
// kill -9. It starts the broker, has clients talk to it, kills it at a random
// moment, starts it anew on the same data, lets the clients resume, and so on;
// at the end everything is drained and each acknowledgement looked at.
//
//	Test.Run ── Start, Kill ──▶ Broker                      the process under test
//	   │  gate: open while it may be talked to
//	   ▼
//	publishers ──▶ broker ──▶ subscribers, a share        numbered messages, QoS 1 and 2
//	writers    ──▶ broker ──▶ retained reader             after each restart, and at the end
//	wills      ──▶ broker ──▶ subscribers                 one for each connection that broke
//	registrars ──▶ broker ──▶ looked for at the end       sessions and subscriptions made and ended
//	   │ acknowledgements           │ receipts
//	   └────────▶ ledger ◀──────────┘ ──▶ Report
//
// The clients are correct ones whose process lives on: they resend what has no
// answer, with DUP and in order, keep the QoS 2 ids that they hold, and expect
// Session Present. What they count as acknowledged: PUBACK; PUBREC, with which
// the broker takes a QoS 2 message over; PUBCOMP of a retained write, for a
// broker may apply it as late as PUBREL; SUBACK, UNSUBACK; and CONNACK, for the
// session and the will of its CONNECT. What has no acknowledgement may be there
// or not. Where the broker has lost a publisher's session, what was on its way
// is given up: it may arrive or not, once.
//
// A kill does not come at any odd moment alone. Every other one follows a burst
// of publishes within 3 ms, when acknowledgements are on their way; some come
// while the broker starts, some right after, when everybody resumes.
//
// Before the first start, and after each kill, nothing may answer at the address:
// what does is not the broker under test, and nothing is said about it.
//
// # Goroutines
//
// One for each client, one more for the reading of each connection; Run itself
// starts, kills, and reads the retained set. All of them are gone when Run
// returns. The ledger has the one lock that they share, and it is a leaf;
// session.mu guards one client's window.
//
// # Choices
//
// client.Conn and not client.Client carries the packets: what is examined here
// is when which packet came, and a client that helps itself would hide it.
//
// The load is modest (500 messages a second): more would test the patience of
// the disk and not the promise. A subscriber that is away comes back before
// some hundred messages wait for it, since brokers drop from a limit on.
package crash
