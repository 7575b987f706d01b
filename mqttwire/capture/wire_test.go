package capture

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// A wire makes frames by hand: raw IPv4, a millisecond apart.
type wire struct {
	frames         []Frame
	client, server netip.AddrPort
	at             time.Time
}

func newWire() *wire {
	return &wire{
		client: netip.MustParseAddrPort("10.0.0.1:50000"),
		server: netip.MustParseAddrPort("10.0.0.2:1883"),
		at:     time.Unix(1000, 0),
	}
}

// say adds a segment. What it is goes as in ">S 99", "<SA 499 100",
// "> 100 500 hello": who sends it, flags, sequence number, acknowledgement, data.
func (w *wire) say(lines ...string) *wire {
	for _, line := range lines {
		g, fromServer := parseSegment(line)
		from, to := w.client, w.server
		if fromServer {
			from, to = to, from
		}
		w.add(LinkType(linkRaw), ipv4(from.Addr(), to.Addr(), protocolTCP, tcpBytes(from.Port(), to.Port(), g)))
	}
	return w
}

func (w *wire) add(link LinkType, data []byte) *wire {
	w.at = w.at.Add(time.Millisecond)
	w.frames = append(w.frames, Frame{Number: len(w.frames) + 1, At: w.at, Link: link, Data: data, Length: len(data)})
	return w
}

func parseSegment(line string) (g segment, fromServer bool) {
	head, rest, _ := strings.Cut(line, " ")
	for _, flag := range head[1:] {
		g.flags |= map[rune]byte{'S': flagSYN, 'F': flagFIN, 'R': flagRST, 'A': flagACK}[flag]
	}
	fields := strings.SplitN(rest, " ", 3)
	fmt.Sscan(fields[0], &g.seq)
	if len(fields) > 1 && fields[1] != "-" {
		g.flags |= flagACK
		fmt.Sscan(fields[1], &g.ack)
	}
	if len(fields) > 2 {
		g.data = []byte(fields[2])
	}
	return g, head[0] == '<'
}

func tcpBytes(from, to uint16, g segment) []byte {
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	b = binary.BigEndian.AppendUint32(b, g.seq)
	b = binary.BigEndian.AppendUint32(b, g.ack)
	b = append(b, 0x50, g.flags, 0xff, 0xff, 0, 0, 0, 0)
	return append(b, g.data...)
}

func ipv4(from, to netip.Addr, protocol byte, data []byte) []byte {
	b := []byte{0x45, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(20+len(data)))
	b = append(b, 0, 0, 0, 0, 64, protocol, 0, 0)
	b = append(b, from.AsSlice()...)
	b = append(b, to.AsSlice()...)
	return append(b, data...)
}

// shown is what an assembler makes of frames, a line for each event.
func shown(o AssemblerOptions, frames []Frame) string {
	a := NewAssembler(o)
	var lines []string
	show := func(events []Event) {
		for _, e := range events {
			lines = append(lines, e.line())
		}
	}
	for _, f := range frames {
		show(a.Add(f))
	}
	show(a.Flush())
	return strings.Join(lines, "\n")
}

// line is an event in words: connection, side, frame, what.
func (e Event) line() string {
	side := ">"
	if e.FromServer {
		side = "<"
	}
	what := [...]string{"opened", "", "missed", "repeated", "closed", "reset", "trouble"}[e.Kind]
	switch e.Kind {
	case Data:
		what = e.Text + string(e.Data)
	case Missed, Repeated:
		what += fmt.Sprint(" ", e.Missing)
	case Trouble:
		what += " " + e.Text
	}
	return fmt.Sprintf("%d%s %d %s", e.Connection.Number, side, e.Frame, what)
}
