// Package proxy stands between clients and a broker. It is handed a listener
// and a way to the broker, forwards what either side says, tells of each packet
// with what the referee thinks of it, and breaks things where it is told to.
//
//	          client's leg                      broker's leg
//	client <---------------> [ read, see, write ] <---------------> broker
//	                               |
//	                             watcher ---> Options.Watch
//
// # Forwarding
//
// Without rules the bytes that come are the bytes that go, in the chunks in
// which they came, be they MQTT or not. A direction that its sender closes is
// closed at the other end, while the other direction goes on; a connection that
// is reset is reset at the other end. A receiver that does not read holds up
// its sender, as it would without a proxy.
//
// # Watching
//
// Each connection has two goroutines, one a direction, which only copy and
// note what they copied before they write it; so an answer is never noted
// before what it answers. All that takes time, decoding, judging, printing, is
// done by one goroutine for all connections. What it has yet to do is bounded
// (Options.Backlog): beyond it bytes are forwarded without being noted, and an
// event says how many, at the place where they are missing. Watching never
// makes forwarding wait.
//
// What that costs was measured with pings to mosquitto over loopback, straight
// and through inspect proxy by turns, on two cores of which others used more than
// all (November 2026, linux/amd64): 50 µs a packet in the median, 37 with rules,
// below 100 in 99 of 100. Most of it are the two goroutines that have to wake up.
// BenchmarkInspectProxy in package commands measures it again.
//
// # Faults
//
// With rules a direction is read packet by packet; bytes that are no packet
// are forwarded as they are. The rules are asked in their order, each about
// each packet, so that several may act on one. What they decide depends on the
// seed, the number of the connection and the number of the packet in its
// direction, on nothing else: neither time nor other connections. A side is then
// judged on its own leg, by what it was given to see.
//
// Rejected: to decode before forwarding where there are no rules, which makes a
// client wait for the printing; one stream of chance for all connections, which
// runs otherwise each time; and to hold up what passes while the output is slow.
package proxy
