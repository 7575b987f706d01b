package conformance

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A Recorder writes what was seen on connections as a script, to be played
// against a broker: what clients said is sent, what the server said is expected.
//
//	=== recorded 2026-11-22T05:10:00.123456Z
//	# 5.0:
//	1> CONNECT version=5 clean-start=1 client-id=boiler # 0.000000s
//	1< CONNACK Success # 0.000210s 200600000322000a
//	+1.5s
//	1< PUBLISH topic=a qos=1 packet-id=$p1 payload=x # 1.503000s 320600016100...
//	1> PUBACK packet-id=$p1 # 1.503400s 40020001
//	1> EOF # 1.504000s
//
// What another broker may choose another way is not expected: packet ids of the
// server are variables, assigned client ids, authentication data and remaining
// expiries are *, and limits, reason strings, user properties of answers and
// topic aliases are left out. Waits are rounded. A packet that follows one of
// another kind with nothing in between may come before it (<~).
//
// At the end of each line stands when it was seen, since the beginning, and,
// where the line does not say all of it, what the bytes were. That is for
// ReadRecord; the runner takes it for a comment. It takes lines that begin with
// #| for comments, too: what was said on a connection after one side had closed
// it, or before the client had said anything, which no script can say again.
type Recorder struct {
	w        io.Writer
	err      error
	began    time.Time
	first    bool          // nothing was written yet
	clock    time.Duration // how far the script is when it is played
	version  mqttwire.Version
	held     *recordedLine // not written yet: what follows decides on its arrow
	mixed    bool          // held is of another kind than the line before it
	open     map[int]*recordedConnection
	sessions map[string]*recordedSession
	named    int // variables so far
}

// A recordedLine is a step that has yet to be written.
type recordedLine struct {
	connection int
	arrow      byte
	text       string
	comment    string
	kind       kind
}

// A kind is what brokers send in no order that holds against another kind.
type kind byte

const (
	kindFixed   kind = iota // has its place among the others
	kindPublish             // in order with others of its kind
	kindAnswer
)

func kindOf(t mqttwire.PacketType) kind {
	switch t {
	case mqttwire.PUBLISH:
		return kindPublish
	case 0, mqttwire.CONNECT, mqttwire.CONNACK, mqttwire.DISCONNECT, mqttwire.AUTH:
		return kindFixed
	}
	return kindAnswer
}

// A recordedConnection is one connection of a record.
type recordedConnection struct {
	version  mqttwire.Version
	clientID string
	session  *recordedSession
	spoken   bool // the client has sent something
	over     bool // a side has closed
}

// A recordedSession has the variables of the packet ids that the server uses.
type recordedSession struct {
	names map[string]string
}

// maxSessions bounds what is remembered of clients that have left.
const maxSessions = 10_000

// NewRecorder makes a Recorder; the times of what is seen are from began on.
func NewRecorder(w io.Writer, began time.Time) *Recorder {
	return &Recorder{w: w, began: began, first: true, open: make(map[int]*recordedConnection), sessions: make(map[string]*recordedSession)}
}

// Packet tells of a packet, raw and in words, or of bytes that are none: then
// line is the zero Line. Version is that of the connection.
func (r *Recorder) Packet(connection int, from mqttwire.Side, at time.Time, raw []byte, line mqttwire.Line, v mqttwire.Version) {
	c := r.connection(connection, v)
	c.version = v
	text := "hex=" + hex.EncodeToString(raw)
	if line.Type != 0 {
		if said, ok := r.words(c, from, line); ok {
			text = said.String()
		}
	}
	step := &recordedLine{connection: connection, arrow: arrowOf(from), text: text, comment: r.stamp(at), kind: kindOf(line.Type)}
	if len(line.Reasons)+len(line.Fields) > manyWords || !says(text, v, raw) {
		step.comment += " " + hex.EncodeToString(raw)
	}
	r.add(c, step, at)
}

// Closed tells that a side has closed its direction.
func (r *Recorder) Closed(connection int, from mqttwire.Side, at time.Time) {
	c := r.connection(connection, 0)
	r.add(c, &recordedLine{connection: connection, arrow: arrowOf(from), text: "EOF", comment: r.stamp(at)}, at)
	c.over = true
}

// Gone tells that nothing more will be seen of a connection.
func (r *Recorder) Gone(connection int) { delete(r.open, connection) }

// Missing tells that bytes of a side were not seen.
func (r *Recorder) Missing(connection int, from mqttwire.Side, n int) {
	r.flushHeld(false)
	r.write(fmt.Sprintf("# not recorded: %d bytes of the %s of connection %d\n", n, from, connection))
}

// Flush writes what is held back, and gives the first error of writing.
func (r *Recorder) Flush() error {
	r.flushHeld(false)
	return r.err
}

func (r *Recorder) connection(number int, v mqttwire.Version) *recordedConnection {
	c := r.open[number]
	if c == nil {
		c = &recordedConnection{version: v, session: newRecordedSession()}
		r.open[number] = c
	}
	if r.version == 0 {
		r.begin(v)
	}
	return c
}

func newRecordedSession() *recordedSession {
	return &recordedSession{names: make(map[string]string)}
}

func arrowOf(from mqttwire.Side) byte {
	if from == mqttwire.Server {
		return '<'
	}
	return '>'
}

// begin writes the header, in the version of the first connection.
func (r *Recorder) begin(v mqttwire.Version) {
	if r.version = v; v < mqttwire.V31 || v > mqttwire.V5 {
		r.version = mqttwire.V5
	}
	r.write(fmt.Sprintf("%s%s\n# %s:\n", recordTitle, r.began.UTC().Format(time.RFC3339Nano), r.version))
}

func (r *Recorder) stamp(at time.Time) string {
	return fmt.Sprintf("%.6fs", max(0, at.Sub(r.began)).Seconds())
}

// manyWords is where it costs less to write the bytes than to see whether the
// line says them.
const manyWords = 200

// says tells whether a line alone gives the bytes of its packet back.
func says(text string, v mqttwire.Version, raw []byte) bool {
	if strings.HasPrefix(text, "hex=") {
		return true
	}
	p, err := mqttwire.ParseText(text, v)
	if err != nil || strings.Contains(text, "=$") || strings.Contains(text, "=*") {
		return false
	}
	if c, ok := p.(*mqttwire.Connect); ok {
		v = versionOf(c, v)
	}
	b, err := p.Append(nil, v)
	return err == nil && bytes.Equal(b, raw)
}

// shortest is what time has to pass before it is worth a wait: the runner waits
// for what it receives anyway, for up to a few seconds.
const (
	shortestSend    = 10 * time.Millisecond
	shortestReceive = time.Second
)

// add puts a step behind those before it, with the wait that lies between.
func (r *Recorder) add(c *recordedConnection, step *recordedLine, at time.Time) {
	due := at.Sub(r.began)
	if r.first {
		r.first, r.clock = false, due // nobody waits for the beginning
	}
	c.spoken = c.spoken || step.arrow == '>'
	if c.over || !c.spoken && step.text == "EOF" {
		r.flushHeld(false)
		r.write(fmt.Sprintf("#| %d%c %s # %s\n", step.connection, step.arrow, step.text, step.comment))
		return
	}
	shortest := shortestSend
	if step.arrow == '<' {
		shortest = shortestReceive
	}
	if wait := sensible(due - r.clock); due-r.clock >= shortest {
		r.flushHeld(false)
		r.write("+" + wait.String() + "\n")
		r.clock += wait
	}
	if step.arrow == '<' {
		r.clock = max(r.clock, due)
	}
	mixed := r.held != nil && r.held.arrow == '<' && step.arrow == '<' && r.held.connection == step.connection &&
		r.held.kind != kindFixed && step.kind != kindFixed && r.held.kind != step.kind
	r.flushHeld(mixed)
	r.held, r.mixed = step, mixed
}

// sensible rounds a wait to two or three digits.
func sensible(d time.Duration) time.Duration {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond)
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// flushHeld writes the line that is held back; mixed: the one behind it is of
// another kind.
func (r *Recorder) flushHeld(mixed bool) {
	h := r.held
	if h == nil {
		return
	}
	mark := ""
	if mixed || r.mixed {
		mark = "~"
	}
	r.held, r.mixed = nil, false
	r.write(fmt.Sprintf("%d%c%s %s # %s\n", h.connection, h.arrow, mark, h.text, h.comment))
}

func (r *Recorder) write(s string) {
	if r.err == nil {
		_, r.err = io.WriteString(r.w, s)
	}
}
