// Package client is the other end of the wire: what publishers, subscribers,
// load generators, inspectors and bridges stand on.
//
// # Two layers
//
// Conn speaks packets over one net.Conn: hand-shake, strict decoding, buffered
// writing. It knows no session. Client is a session on top of connections that
// come and go:
//
//	Publish ──append──▶ Conn output ──▶ writing goroutine ──one write──▶ network
//	   │ takes a place in the window                ▲ PINGREQ when it was quiet
//	   ▼                                            │ wake
//	inflight (ids, order, bytes for a resend) ◀── reading goroutine ◀── network
//	   │ PUBACK PUBREC PUBCOMP give the place back  │
//	   ▼                                            ▼
//	done(reason)                                 OnMessage, then PUBACK or PUBREC
//
// The reading goroutine lives as long as the Client and goes from connection to
// connection; it makes them, too. A writing goroutine lives with its
// connection. Whoever has a packet appends it to the output under Client.mu,
// which makes the order of the wire that of the window; nobody but the writer
// waits for a slow network. When the reader has nothing left to read it sends
// what there is, so that a thousand acknowledgements are one write; what the
// network does not take at once, and all of it where the connection is no plain
// socket, is the writer's. (Waking the writer for each acknowledgement took half
// of the time of a subscriber that gets its messages one by one.) No lock is
// held while waiting, nor while a hook runs; the order is Client.mu, Conn.mu.
//
// # What is kept
//
// A message of QoS 1 or 2 is kept as its encoded bytes: a resend sets one bit,
// a new beginning after a lost session changes two bytes more. Bytes with a
// topic alias are never kept, for no alias outlives its connection. Ids count
// up and come round rather than being taken from a free list: an
// acknowledgement that comes twice then meets no other message.
//
// # What a server may do to us
//
// Every wait has an end. CONNACK, dialling included: ConnectTimeout. SUBACK,
// UNSUBACK, AUTH: ReplyTimeout. A packet that began: ReplyTimeout, and a second
// for each 4 KiB that came. A write: WriteTimeout for each 64 KiB, and the
// keep alive where no byte is taken. PINGRESP:
// half of the keep alive (see keeper). Closing: a second. What a PUBLISH waits
// for is its caller's context, since a server may rightly take its time.
// Memory grows with what arrives, never with what is declared; the output is
// bounded, and a server that makes us answer without reading is not read.
// Violations are answered by DISCONNECT on 5.0 and end the client: they would
// come again.
//
// # Choices
//
// An acknowledgement for an id that this client never gave out is a violation;
// one for an exchange that is over is let pass, and a PUBREC among them
// answered, for on a session older than the client nobody can tell.
// Acknowledgements of a server may come in any order, for the standard binds
// the order of the client's alone.
//
// Rejected: a channel per packet between caller, window and writer (three
// hand-overs of 200 ns each against 200 ns in all); a timer per message;
// resending within a connection, which 5.0 forbids and TCP does.
package client
