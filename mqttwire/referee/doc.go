// Package referee follows MQTT connections from outside, both directions of
// each, and holds both sides to the standard: what is broken, by statement,
// what stays without an answer, what was sent again, how long each hand-shake
// took. It is fed bytes with the times at which they were seen; it reads no
// clock, opens nothing and starts no goroutine, so a capture of last week and
// a proxy of now are followed alike.
//
// # In doubt for the accused
//
// A violation is what no reading of the standard and no order of events
// allows. What the standard leaves open is a note at most. So:
//
//   - A packet that was on its way counts as received only where that helps
//     its sender: a server may use a packet id as soon as the client's PUBACK
//     was seen, but a client is held to CONNACK only once it must know it.
//   - The two directions may have been seen in a slightly wrong order
//     (Options.Skew). What a swap would explain is a doubt: the packet of the
//     other side that clears it has so long to come.
//   - After bytes that were not seen nothing is said that rests on them, and a
//     direction is taken up again where packets follow each other without a
//     rest. A hole within the payload of a PUBLISH costs nothing but that.
//   - Of a session whose beginning was not seen nothing is said that rests on
//     its past. Sessions are shared by those who see all connections.
//
// # What is judged
//
// Every packet for itself (by mqttwire.Decoder), and in 5.0, with the like of
// 3.1.1 by its numbers:
//
//	order         MQTT-3.1.0-1 3.1.0-2 3.2.0-1 3.2.0-2 3.2.2-7 3.14.0-1 3.14.4-1 3.1.4-1 4.13.1-1
//	CONNACK       MQTT-3.2.2-2 3.2.2-3 3.2.2-4 3.2.2-16 3.1.2-28
//	packet ids    MQTT-2.2.1-3 2.2.1-4 2.2.1-5 2.2.1-6
//	flows         MQTT-3.3.1-1 3.3.1-3 3.3.4-1 4.3.3-3 4.3.3-6 4.3.3-8 4.3.3-11 4.4.0-1
//	their order   MQTT-4.6.0-1 4.6.0-2 4.6.0-3 4.6.0-4 4.6.0-5
//	limits        MQTT-3.1.2-24 3.1.2-26 3.1.2-27 3.1.2-29 3.3.4-7 3.3.4-9
//	              3.2.2-11 3.2.2-12 3.2.2-13 3.2.2-14 3.2.2-15 3.2.2-17 3.2.2-18, sections 3.2.2.3.11 to 13, 3.3.4
//	subscriptions MQTT-3.8.4-6 3.8.4-8 3.11.3-1 3.3.1-12 3.3.4-3, section 3.3.2.3.8
//	AUTH          MQTT-3.1.2-30 4.12.0-2 4.12.0-3 4.12.0-5 4.12.0-6 4.12.0-7 4.12.1-1
//	time          MQTT-3.1.2-20 3.1.2-22 3.1.4-3
//	forwarding    MQTT-3.3.2-4 3.3.2-6 3.3.2-15 to 18 3.3.2-20 3.8.3-3 3.10.4-2
//	answers       MQTT-3.1.4-5 3.8.4-1 3.10.4-4 3.12.4-1 4.3.2-4 4.3.3-4 4.3.3-8 4.3.3-11
//
// A message is known again by its topic and payload. Whoever was not seen may
// have published the same, and a bridge may bring a message back, so that what
// rests on who published a message, when and with what is a note, no violation;
// and nothing is said of what was seen to be published twice.
//
// # How it is bounded
//
// A peer decides how much is remembered of it, up to what the constants called
// most... allow: packets in flight by their ids, filters, aliases, topics with
// retained messages, publications. Beyond, the judgement that needs them is
// given up, not the memory.
//
// Rejected: sessions by the address of the broker without its port, for a
// capture may hold a proxy and the broker behind it, and each client twice; and
// to hold the two directions to the order in which they were seen, which called
// violations what was a swap of two packets.
package referee
