// Package fuzz looks for what breaks a broker. It makes cases up: short
// scripts in which a few clients, who cooperate, send packets that are valid,
// or almost. While a case is played a healthy pair of clients watches: what
// one publishes must reach the other, in order, unchanged and in time.
//
//	seed, number --Generate--> Case --player--> Trouble? --shrink--> Case --Script--> text
//
// # Where packets come from
//
// A plot (generate.go) has clients connect, subscribe, publish, answer, take
// sessions over and leave. Each packet that it thinks of is valid. Some are
// then taken apart into the pieces that the standard names (grammar.go), and
// one or two of the pieces are changed (mutate.go): lengths that lie, flags,
// ids, properties that stand twice, elsewhere or cut, text that is none,
// fields of 65535 bytes. A case depends on seed, number and version alone.
//
// # What is trouble
//
//	Crash        all connections are lost and new ones refused, or the process is gone
//	Hang         the healthy pair waits in vain, or a CONNECT does
//	RuleBreak    the broker broke a statement, or did not close where it must
//	Disturbance  the healthy pair lost its connection or a message, or got a wrong one
//
// What the clients of the case do wrong is their business. Of the broker only
// that is told which leaves no doubt: 5.0 says in 4.13.1 that the rigor of its
// checks is a compromise, so that a malformed packet which it lets pass is
// trouble only where a statement about just that packet says that the server
// closes (judge.go).
//
// # Smaller
//
// What was found is played again, against a fresh broker if there is one to
// start, and made smaller as long as the same trouble comes: first clients and
// steps are left out (delta debugging), then fields, then bytes. What is left
// is written in the language of package conformance, and played once more by
// its runner, so that it is known whether the script alone shows it.
//
// Rejected: bytes by chance, which die at the first packet of a connection;
// rule-breaks and hangs that came once, which were the pace of the machine; and
// the referee's word on what comes behind a client's own breach of the rules.
package fuzz
