package capture

import (
	"net/netip"
	"time"
)

// A Frame is one record of a capture.
type Frame struct {
	Number int // in the capture, from 1, as Wireshark counts
	At     time.Time
	Link   LinkType
	Data   []byte // as much as was kept; good until the next one is read
	Length int    // on the wire
}

// A LinkType says how a frame begins, by the numbers of the tcpdump group.
type LinkType uint16

// A Connection is one TCP connection of a capture.
type Connection struct {
	Number         int // in the capture, from 0, as Wireshark's tcp.stream counts
	Client, Server netip.AddrPort
	Midway         bool   // its beginning was not seen, and who is the client is a guess
	Inside         string // what its bytes were taken out of: "", "ws", "tls", "tls ws"

	// Of WebSocket: Sec-WebSocket-Protocol as the client offers it, and as the
	// server chooses.
	Offered, Chosen string

	// Origin is whom a PROXY header, which a load balancer puts before the first
	// bytes, says the client to be.
	Origin netip.AddrPort

	ignored bool
}

// Ignore tells the assembler that nobody wants to know more of a connection.
func (c *Connection) Ignore() { c.ignored = true }

// An Event is something that one side of a connection was seen to do.
type Event struct {
	Connection *Connection
	FromServer bool
	At         time.Time
	Frame      int // the frame that brought it, or that completed it
	Kind       EventKind
	Data       []byte // of Data; a copy
	Missing    int    // of Missed: how many bytes
	Text       string // of Trouble: a sentence; of Data: "text" if it came in a text frame of WebSocket
}

// An EventKind is what was seen.
type EventKind byte

const (
	Opened   EventKind = iota // the connection begins
	Data                      // bytes, in order, each once
	Missed                    // bytes that both sides know of and that the capture does not hold
	Repeated                  // bytes were sent again: Missing says how many
	Closed                    // this side has said all (FIN)
	Reset                     // this side has broken off (RST)
	Trouble                   // what is inside cannot be followed, and why
)
