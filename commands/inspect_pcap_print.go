package commands

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"mqtk/bench"
	"mqtk/mqttwire"
	"mqtk/mqttwire/referee"
)

// A pcapPrinter writes the report on a capture, for people or as JSON.
type pcapPrinter struct {
	journalPrinter
	options *pcapOptions
	live    bool
	blocks  [][]byte // about sessions, until all packets are listed
	printed int      // blocks
	err     error    // of the output
}

func (o *pcapPrinter) write(b []byte) {
	if o.err != nil {
		return
	}
	if _, o.err = o.Write(b); o.live && o.err == nil {
		o.err = o.Flush()
	}
}

// tellsAtOnce: findings are lines of their own, between the packets.
func (o *pcapPrinter) tellsAtOnce() bool { return o.json || o.live || o.options.Packets }

// mark is how a line begins: when, and who to whom on which connection.
func (o *pcapPrinter) mark(since time.Duration, s *wireSession, side mqttwire.Side) string {
	arrow := map[mqttwire.Side]string{mqttwire.Client: ">", mqttwire.Server: "<", mqttwire.Either: " "}[side]
	return fmt.Sprintf("%s %d%s", o.ink.faint(fmt.Sprintf("%12.6f", since.Seconds())), s.connection.Number, arrow)
}

// packetLine is a packet as a line.
func (o *pcapPrinter) packetLine(s *wireSession, p *referee.Packet, since time.Duration) []byte {
	if o.json {
		return o.jsonLine(o.packetObject(s, p, since))
	}
	comment := fmt.Sprintf("  # packet %d", p.Number)
	if p.Answers > 0 {
		comment += fmt.Sprintf(", %s after packet %d", shortDuration(p.After), p.Answers)
	}
	return fmt.Appendf(nil, "%s %s%s\n", o.mark(since, s, p.From), o.words(p), o.ink.faint(comment))
}

// words are the text form of a packet, or the bytes of one that is none.
func (o *pcapPrinter) words(p *referee.Packet) string {
	switch {
	case p.Packet == nil && len(p.Raw) > tracedBytes:
		return fmt.Sprintf("hex=%x # %d bytes", p.Raw[:tracedBytes], len(p.Raw))
	case p.Packet == nil:
		return fmt.Sprintf("hex=%x", p.Raw)
	case o.options.Secrets:
		return p.Line.String()
	}
	return traced(p.Packet, p.Version)
}

// findingLine is a finding as a line.
func (o *pcapPrinter) findingLine(s *wireSession, f *wireFinding) []byte {
	if o.json {
		return o.jsonLine(o.findingObject(s, f))
	}
	return fmt.Appendf(nil, "%s ! %s\n", o.mark(f.since, s, mqttwire.Either), o.sentence(f))
}

// sentence is a finding in words.
func (o *pcapPrinter) sentence(f *wireFinding) string {
	head := f.Kind.String()
	if f.Side != mqttwire.Either {
		head += " by the " + f.Side.String()
	}
	if f.Clause != "" {
		head += " (" + f.Statement() + ")"
	}
	if f.Packet > 0 {
		head += fmt.Sprintf(", packet %d", f.Packet)
	}
	if f.frame > 0 {
		head += fmt.Sprintf(", frame %d", f.frame)
	}
	line := head + ": " + visible(f.Text)
	if f.Kind == referee.Violation {
		line = o.ink.bad(line)
	}
	return line
}

// session prints the block of a session that has ended, or that the capture
// leaves.
func (o *pcapPrinter) session(s *wireSession, began time.Time) {
	if o.json {
		o.write(o.jsonLine(o.sessionObject(s)))
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", o.ink.head(fmt.Sprintf("session %d  %s", s.connection.Number, nameOf(s))), o.way(s))
	fmt.Fprintf(&b, "  %s, %s, %s\n", s.began.UTC().Format("2006-01-02T15:04:05.000000Z"), shortDuration(s.last.Sub(s.began)), endingOf(s))
	fmt.Fprintf(&b, "  %s, %d of the server%s\n", plural(s.packets[0], "packet of the client", "packets of the client"), s.packets[1], repeatedOf(s))
	for i := range s.findings {
		f := &s.findings[i]
		fmt.Fprintf(&b, "  %s %s\n", o.ink.faint(fmt.Sprintf("%12.6f", f.since.Seconds())), o.sentence(f))
	}
	all := 0
	for _, n := range s.counts {
		all += n
	}
	if all > len(s.findings) {
		fmt.Fprintf(&b, "  and %d more\n", all-len(s.findings))
	}
	o.block([]byte(b.String()))
}

// block prints a block behind an empty line, after all packets.
func (o *pcapPrinter) block(b []byte) {
	if o.options.Packets {
		o.blocks = append(o.blocks, b)
		return
	}
	if o.printed++; o.printed > 1 {
		o.write([]byte("\n"))
	}
	o.write(b)
}

// unread prints that a connection could not be looked into.
func (o *pcapPrinter) unread(s *wireSession, why string) {
	if o.json {
		o.write(o.jsonLine(o.unreadObject(s, why)))
		return
	}
	o.block(fmt.Appendf(nil, "%s  %s\n  not followed: %s\n", o.ink.head(fmt.Sprintf("connection %d", s.connection.Number)), o.way(s), visible(why)))
}

func nameOf(s *wireSession) string {
	switch {
	case s.identified:
		return visible(s.clientID)
	case s.connection.Midway:
		return "(its CONNECT was not seen)"
	}
	return "(no client id)"
}

// way is between whom a connection is, and in what.
func (o *pcapPrinter) way(s *wireSession) string {
	c := s.connection
	way := ""
	if c.Server.IsValid() {
		way = fmt.Sprintf("%s > %s", c.Client, c.Server)
	}
	if s.version != 0 {
		way = strings.TrimSpace(way + "  MQTT " + s.version.String())
	}
	if c.Inside != "" {
		way += " in " + insideOf(c.Inside)
	}
	return way
}

// insideOf names what a connection is inside of.
func insideOf(kinds string) string {
	return map[string]string{"ws": "WebSocket", "tls": "TLS", "tls ws": "WebSocket in TLS"}[kinds]
}

func endingOf(s *wireSession) string { return cmp.Or(s.ending, "open at the end of the capture") }

func repeatedOf(s *wireSession) string {
	if s.repeated == [2]int{} {
		return ""
	}
	return fmt.Sprintf("; TCP sent %s again, %d of the server", plural(s.repeated[0], "segment of the client", "segments of the client"), s.repeated[1])
}

// totals prints what is true of all sessions together.
func (o *pcapPrinter) totals(f *pcapFollower) {
	if o.json {
		o.write(o.jsonLine(o.summaryObject(f)))
		return
	}
	for _, b := range o.blocks {
		o.write(append([]byte("\n"), b...))
	}
	if f.totals.sessions == 0 {
		return
	}
	var b strings.Builder
	t := &f.totals
	fmt.Fprintf(&b, "\n%s  %s, %d of servers, in %s\n", o.ink.head(plural(t.sessions, "session", "sessions")),
		plural(t.packets[0], "packet of clients", "packets of clients"), t.packets[1], shortDuration(f.now.Sub(f.began)))
	var found []string
	for kind, n := range t.findings {
		if n > 0 {
			found = append(found, plural(n, kindWord(referee.Kind(kind), 1), kindWord(referee.Kind(kind), n)))
		}
	}
	fmt.Fprintf(&b, "  %s\n", cmp.Or(strings.Join(found, ", "), "nothing found"))
	if t.refused > 0 {
		fmt.Fprintf(&b, "  %s by the server\n", plural(t.refused, "session was refused", "sessions were refused"))
	}
	if other := f.connections - f.seen - t.encrypted; other > 0 {
		fmt.Fprintf(&b, "  besides %s without MQTT\n", plural(other, "connection", "connections"))
	}
	f.sealed.print(&b)
	t.latencies.table(&b, o.ink)
	o.write([]byte(b.String()))
}

// kindWord is the name of n findings of a kind.
func kindWord(k referee.Kind, n int) string {
	words := map[referee.Kind][2]string{
		referee.Violation: {"violation", "violations"}, referee.Unanswered: {"request without an answer", "requests without an answer"},
		referee.Retransmission: {"retransmission", "retransmissions"}, referee.Silence: {"missed keep-alive", "missed keep-alives"},
		referee.Gap: {"gap", "gaps"}, referee.Note: {"note", "notes"},
	}[k]
	return words[min(n-1, 1)]
}

// shortDuration rounds to what people read.
func shortDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Minute:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// pcapLatencies are how long the hand-shakes of all sessions took.
type pcapLatencies [referee.AuthHandshake + 1]bench.Histogram

func (l *pcapLatencies) add(s latencySample) { l[s.of].Record(int64(s.took), 1) }

// table prints the kinds of which there were any.
func (l *pcapLatencies) table(w io.Writer, i ink) {
	head := fmt.Sprintf("\n%-14s %9s %11s %11s %11s\n", "hand-shake", "count", "p50", "p99", "max")
	for kind := range l {
		h := &l[kind]
		if h.Count() == 0 {
			continue
		}
		if head != "" {
			fmt.Fprint(w, i.head(head))
			head = ""
		}
		fmt.Fprintf(w, "%-14s %9d %11s %11s %11s\n", referee.Handshake(kind), h.Count(),
			shortDuration(h.Quantile(0.5)), shortDuration(h.Quantile(0.99)), shortDuration(h.Max()))
	}
}
