package fuzz

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A Case is a short script, to be played against a broker.
type Case struct {
	Seed    uint64
	Number  int
	Version mqttwire.Version
	Steps   []Step
}

// isLast tells of a step that it is the last one of its client.
func (c *Case) isLast(at int) bool {
	return !slices.ContainsFunc(c.Steps[at+1:], func(s Step) bool { return s.Client == c.Steps[at].Client })
}

// An Op is what is done in a step.
type Op byte

const (
	Send   Op = iota // a packet, or bytes
	Hold             // the same, in one write with what the client sends next
	Close            // the client closes its connection
	Settle           // let come to the client what comes
	Pause            // do nothing for a while
)

// A Step is one thing that is done. The number of a client is that of its
// connection, too: nobody connects twice under one number.
type Step struct {
	Client int
	Op     Op
	Text   string        // a packet in the text form; a value that ends in *300 goes on with 300 letters x
	Raw    []byte        // bytes, where there is no Text
	Pause  time.Duration // of a Pause
}

// String is the step in the language of package conformance.
func (s *Step) String() string {
	switch s.Op {
	case Close:
		return fmt.Sprintf("%d> EOF", s.Client)
	case Settle:
		return fmt.Sprintf("%d< anything 50ms", s.Client)
	case Pause:
		return "+" + s.Pause.String()
	}
	arrow := ">"
	if s.Op == Hold {
		arrow = ">+"
	}
	if s.Text == "" {
		return fmt.Sprintf("%d%s hex=%s", s.Client, arrow, rawText(s.Raw))
	}
	return fmt.Sprintf("%d%s %s", s.Client, arrow, s.Text)
}

// bytes are what the step sends; v is the version of its connection.
func (s *Step) bytes(v mqttwire.Version) ([]byte, error) {
	if s.Text == "" {
		return s.Raw, nil
	}
	p, err := s.packet(v)
	if err != nil {
		return nil, err
	}
	return p.Append(nil, v)
}

func (s *Step) packet(v mqttwire.Version) (mqttwire.Packet, error) {
	line, err := mqttwire.ParseLine(s.Text)
	if err != nil {
		return nil, err
	}
	for i := range line.Fields {
		line.Fields[i].Value = filled(line.Fields[i].Value)
	}
	return line.Packet(v)
}

// kind is the type of the packet that the step sends, as its first byte says.
func (s *Step) kind() mqttwire.PacketType {
	if s.Op > Hold {
		return 0
	}
	if name, _, _ := strings.Cut(s.Text, " "); name != "" {
		for t := mqttwire.CONNECT; t <= mqttwire.AUTH; t++ {
			if t.String() == name {
				return t
			}
		}
	}
	if len(s.Raw) == 0 {
		return 0
	}
	return mqttwire.PacketType(s.Raw[0] >> 4)
}

// stepOf makes a step of bytes: in words if they are a packet that a client
// sends on a connection of version v, and the words give the same bytes.
func stepOf(client int, op Op, raw []byte, v mqttwire.Version) Step {
	d := mqttwire.Decoder{Version: v, From: mqttwire.Either}
	p, n, err := d.Decode(raw)
	if err != nil || n == 0 || n != len(raw) || d.Version != v {
		return Step{Client: client, Op: op, Raw: raw}
	}
	line := mqttwire.LineOf(p, v)
	for i := range line.Fields {
		line.Fields[i].Value = shortened(line.Fields[i].Value)
	}
	s := Step{Client: client, Op: op, Text: line.String()}
	if b, err := s.bytes(v); err != nil || string(b) != string(raw) || strings.Contains(s.Text, "${") {
		return Step{Client: client, Op: op, Raw: raw}
	}
	return s
}

// longRun is from how many equal bytes on a run is written as one.
const longRun = 64

// shortened writes a long run of x at the end of a value as *N.
func shortened(value string) string {
	short := strings.TrimRight(value, "x")
	n := len(value) - len(short)
	if n < longRun {
		return value
	}
	return short + "*" + strconv.Itoa(n)
}

// filled is the reverse of shortened, as package conformance has it.
func filled(value string) string {
	i := strings.LastIndexByte(value, '*')
	if i < 0 {
		return value
	}
	n, err := strconv.ParseUint(value[i+1:], 10, 20)
	if err != nil {
		return value
	}
	return value[:i] + strings.Repeat("x", int(n))
}

// rawText writes bytes as package conformance reads them behind hex=: text
// stands in quotes, long runs as "x"*300.
func rawText(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		run := runLen(b)
		text := textLen(b)
		switch {
		case run >= 16:
			fmt.Fprintf(&out, ` "\x%02x"*%d `, b[0], run)
			b = b[run:]
		case text >= 3:
			fmt.Fprintf(&out, " %q ", b[:text])
			b = b[text:]
		default:
			fmt.Fprintf(&out, "%02x", b[0])
			b = b[1:]
		}
	}
	return strings.TrimSpace(strings.ReplaceAll(out.String(), "  ", " "))
}

func runLen(b []byte) int {
	n := 1
	for n < len(b) && b[n] == b[0] {
		n++
	}
	return n
}

// textLen is how many bytes of plain text b begins with, up to a long run.
func textLen(b []byte) int {
	n := 0
	for n < len(b) && isPlain(b[n]) && runLen(b[n:min(len(b), n+16)]) < 16 {
		n++
	}
	return n
}

// isPlain tells the bytes that stand for themselves between quotes, in every
// place that a script has.
func isPlain(c byte) bool {
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '$' && c != '`'
}
