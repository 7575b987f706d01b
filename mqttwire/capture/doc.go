// Package capture reads what was captured from a network, down to the bytes
// that two programs said to each other, and it writes captures, too. It knows
// nothing of MQTT.
//
//	file.go pcap.go pcapng.go   Reader: a file -> Frames, and the TLS keys in it
//	link.go                     Ethernet with its tags, Linux cooked, loopback, PPP, raw
//	internet.go segment.go      IPv4, IPv6, fragments, tunnels; TCP headers
//	assembler.go                Assembler: Frames -> Events of connections
//	conversation.go settle.go   one connection: what is held, what can be told, what is given up
//	inside.go                   what its bytes are taken out of, by the first of them:
//	  origin.go                   the PROXY header of a load balancer
//	  tls*.go                     TLS, whose keys a key log tells
//	  websocket.go frames.go      WebSocket, packed messages too
//	live*.go                    Frames from an interface
//	writer.go                   Writer: conversations -> a pcapng file
//
// # In which order
//
// Each side's bytes are told in order and each once, when the last of what is
// before them is here, and as of the frame that brought it: that is where
// Wireshark finds a packet complete, if it is told to reassemble out of order.
// Over both sides the order is that of the capture, with one exception. A
// segment acknowledges what its sender had before it spoke; if the capture does
// not hold that yet, because it mixed up the order, the segment waits for a
// moment. So nothing is told before what it may be an answer to.
//
// # What is missing
//
// A hole that the other side acknowledges was missed by the capture, not by the
// connection: it is told as Missed after half a second. One that nobody
// acknowledges was lost on the way and is waited for, as the receiver does, for
// a minute at most. What waits is bounded, in each connection and over all; at
// the bound, and at the end, holes are given up in order. Times are those of
// the capture.
//
// # What is repeated
//
// Bytes that come again are those that came first: what differs in a
// retransmission is not looked at, as a receiver that had the first would not.
// The bytes of a TCP keep-alive and headers alone are no repetition.
//
// Rejected: gopacket, for 1.7 MB in the program, and libpcap, for the C in it.
// Tests have tshark as their judge.
package capture
