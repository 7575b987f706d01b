package commands

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"net/netip"
	"slices"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/capture"
	"mqtk/mqttwire/referee"
)

// A pcapFollower follows all MQTT sessions of a capture side by side.
type pcapFollower struct {
	options  *pcapOptions
	out      *pcapPrinter
	always   bool // every connection is MQTT
	seed     maphash.Seed
	sessions map[*capture.Connection]*wireSession
	brokers  map[netip.AddrPort]*referee.Sessions
	homes    map[uint64]*referee.Sessions // where a client was last, by its id
	plain    map[netip.AddrPort]bool      // where MQTT was seen, in nothing
	writer   *capture.Writer
	began    time.Time
	now      time.Time

	connections int
	seen        int    // MQTT sessions, wanted or not
	trouble     string // of a connection that may have been MQTT
	sealed      sealedServers
	cut         int // sessions of --pcapng that end too early
	totals      pcapTotals
}

// pcapTotals are about the sessions that were asked for, but for encrypted.
type pcapTotals struct {
	sessions  int
	packets   [2]int // of clients, of servers
	repeated  int
	findings  [referee.Note + 1]int
	refused   int // by CONNACK
	encrypted int // connections that could not be looked into
	latencies pcapLatencies
}

func newPcapFollower(o *pcapOptions, out *pcapPrinter, always bool) *pcapFollower {
	return &pcapFollower{
		options: o, out: out, always: always,
		sessions: make(map[*capture.Connection]*wireSession), brokers: make(map[netip.AddrPort]*referee.Sessions),
		homes: make(map[uint64]*referee.Sessions), plain: make(map[netip.AddrPort]bool), seed: maphash.MakeSeed(),
	}
}

// event follows one event, and tells whether more of them are wanted.
func (f *pcapFollower) event(e capture.Event) bool {
	if f.began.IsZero() {
		f.began = e.At
	}
	if e.At.After(f.now) {
		f.now = e.At
	}
	s := f.sessions[e.Connection]
	if e.Kind == capture.Opened {
		f.makeRoom(e.At)
		f.connections++
		s = &wireSession{connection: e.Connection, began: e.At}
		f.sessions[e.Connection] = s
	}
	switch {
	case s == nil:
	case s.conversation != nil:
		f.follow(s, &e)
	default:
		f.decide(s, &e)
	}
	return f.out.err == nil
}

// mostOpen is how many connections are followed at once.
const mostOpen = 1 << 16

// makeRoom gives up those connections that have been idle the longest.
func (f *pcapFollower) makeRoom(now time.Time) {
	if len(f.sessions) < mostOpen {
		return
	}
	all := slices.SortedFunc(maps.Values(f.sessions), func(a, b *wireSession) int {
		return cmp.Or(a.lastSeen().Compare(b.lastSeen()), a.connection.Number-b.connection.Number)
	})
	for _, s := range all[:mostOpen/8] {
		if s.conversation == nil {
			f.ignore(s)
			continue
		}
		f.found(s, []referee.Finding{{Kind: referee.Note, At: now, Text: fmt.Sprintf("not followed further: more than %d connections are open", mostOpen-1)}})
		f.end(s, now)
	}
}

// maxUndecided is how many events may pass until it is known what they are.
const maxUndecided = 64

// decide finds out whether a connection is one of MQTT, by its first bytes.
func (f *pcapFollower) decide(s *wireSession, e *capture.Event) {
	if e.Kind == capture.Repeated { // however often, it tells nothing
		s.repeats(e)
		return
	}
	s.held = append(s.held, *e)
	is := unsureMQTT
	switch e.Kind {
	case capture.Data:
		if is = s.looksLike(e); is == noMQTT && f.asked(s) {
			is = sureMQTT
		}
	case capture.Missed:
		if is = noMQTT; f.asked(s) {
			is = sureMQTT
		}
	case capture.Trouble:
		f.encrypted(s, e)
		is = noMQTT
	case capture.Reset:
		is = noMQTT
	}
	switch {
	case is == sureMQTT:
		f.begin(s)
	case is == noMQTT || len(s.held) > maxUndecided:
		f.ignore(s)
	}
}

// asked tells whether a connection is MQTT whatever its bytes are.
func (f *pcapFollower) asked(s *wireSession) bool {
	at := s.connection.Server
	return f.always || len(f.options.Ports) > 0 || at.Port() == 1883 || at.Port() == 8883 || s.connection.Inside == "" && f.plain[at]
}

func (f *pcapFollower) ignore(s *wireSession) {
	s.connection.Ignore()
	delete(f.sessions, s.connection)
}

// encrypted is a connection that nobody can look into.
func (f *pcapFollower) encrypted(s *wireSession, e *capture.Event) {
	if s.connection.Inside == "" && !f.asked(s) {
		return // HTTP, most likely
	}
	f.totals.encrypted++
	if f.trouble == "" || f.asked(s) {
		f.trouble = e.Text
	}
	if f.asked(s) {
		f.out.unread(s, e.Text)
		return
	}
	f.sealed.add(s.connection, e.Text)
}

// begin follows a connection as one of MQTT, with what was held back.
func (f *pcapFollower) begin(s *wireSession) {
	f.seen++
	o := referee.Options{Midway: s.connection.Midway, Version: f.options.Version}
	if !f.options.Apart {
		broker := s.connection.Server
		if f.brokers[broker] == nil {
			f.brokers[broker] = referee.NewSessions()
		}
		o.Sessions = f.brokers[broker]
		s.home = o.Sessions
	}
	if s.connection.Inside == "" {
		f.plain[s.connection.Server] = true
	}
	s.conversation = referee.New(o)
	s.version = o.Version
	f.want(s)
	held := s.held
	s.held = nil
	for i := range held {
		f.follow(s, &held[i])
	}
}

// follow tells the referee what was seen.
func (f *pcapFollower) follow(s *wireSession, e *capture.Event) {
	if s.over {
		return
	}
	from := mqttwire.Client
	if e.FromServer {
		from = mqttwire.Server
	}
	s.frame, s.last = e.Frame, e.At
	f.record(s, e)
	switch e.Kind {
	case capture.Data:
		f.webSocket(s, e, from)
		for _, p := range s.conversation.Feed(from, e.At, e.Data) {
			f.packet(s, &p)
		}
	case capture.Missed:
		f.found(s, s.conversation.Skip(from, e.At, e.Missing))
	case capture.Repeated:
		s.repeats(e)
	case capture.Trouble:
		f.found(s, []referee.Finding{{Kind: referee.Note, Side: from, Text: e.Text, At: e.At}})
	case capture.Closed:
		f.found(s, s.conversation.End(from, e.At, false))
		s.closed(from, "closed")
		if s.ended[0] && s.ended[1] {
			f.end(s, e.At)
		}
	case capture.Reset:
		f.found(s, s.conversation.End(from, e.At, true))
		s.closed(from, "broken off")
		f.end(s, e.At)
	}
}

// webSocket judges what MQTT asks of WebSocket.
func (f *pcapFollower) webSocket(s *wireSession, e *capture.Event, from mqttwire.Side) {
	if e.Text == "text" && !s.text {
		s.text = true
		f.found(s, []referee.Finding{{Kind: referee.Violation, Side: from, Clause: "MQTT-6.0.0-1", At: e.At,
			Text: "MQTT in a text frame of WebSocket; only binary frames may carry it"}})
	}
}

// packet tells of a packet.
func (f *pcapFollower) packet(s *wireSession, p *referee.Packet) {
	s.packets[p.From-mqttwire.Client]++
	s.version = p.Version
	s.noteFrame(p.Number)
	s.identify(p)
	f.settleIn(s, p)
	listed := s.concerns(p, f.options.Topic)
	f.want(s)
	if p.Ends != referee.NoHandshake {
		s.samples = append(s.samples, latencySample{p.Ends, p.Took})
		f.settle(s)
	}
	if f.options.Packets && listed {
		f.say(s, f.out.packetLine(s, p, p.At.Sub(f.began)))
	}
	f.found(s, p.Findings)
}

// mostHomes bounds the clients that are remembered.
const mostHomes = 1 << 18

// settleIn notes at which broker a client is. Another port may be the same one,
// or one behind a proxy: nobody can tell, so what was known of the client where
// it was before is not held against anybody.
func (f *pcapFollower) settleIn(s *wireSession, p *referee.Packet) {
	if _, ok := p.Packet.(*mqttwire.Connect); !ok || s.home == nil || s.clientID == "" {
		return
	}
	key := maphash.String(f.seed, s.clientID)
	if before := f.homes[key]; before != nil && before != s.home {
		before.Forget(s.clientID)
	}
	if len(f.homes) >= mostHomes {
		clear(f.homes)
	}
	f.homes[key] = s.home
}

// maxFindings is how many findings of a session are kept; the rest is counted.
const maxFindings = 10_000

// found keeps and tells what the referee says.
func (f *pcapFollower) found(s *wireSession, findings []referee.Finding) {
	for _, of := range findings {
		w := wireFinding{of, s.frameOf(of.Packet), of.At.Sub(f.began)}
		if s.counts[of.Kind]++; len(s.findings) < maxFindings {
			s.findings = append(s.findings, w)
		}
		f.want(s)
		if f.out.tellsAtOnce() {
			f.say(s, f.out.findingLine(s, &w))
		}
	}
}

// want decides whether a session is one of those that were asked for, and says
// what was held back until that was known.
func (f *pcapFollower) want(s *wireSession) {
	if s.wanted {
		return
	}
	o := f.options
	switch {
	case len(o.Clients) > 0 && !(s.identified && slices.Contains(o.Clients, s.clientID)),
		o.Topic != "" && !s.topicSeen,
		o.Findings && !s.faulty():
		return
	}
	s.wanted = true
	for _, line := range s.lines {
		f.out.write(line)
	}
	s.lines = nil
	f.settle(s)
	for i := range s.track.held {
		f.track(s, &s.track.held[i])
	}
	s.track.held = nil
}

// maxLines is how many lines of a session are held back.
const maxLines = 10_000

// say prints a line about a session, or holds it back.
func (f *pcapFollower) say(s *wireSession, line []byte) {
	if s.wanted {
		f.out.write(line)
		return
	}
	if len(s.lines) == maxLines {
		s.lines = s.lines[1:]
	}
	s.lines = append(s.lines, line)
}

// settle adds the hand-shakes of a session to the totals once it is wanted.
func (f *pcapFollower) settle(s *wireSession) {
	if s.wanted {
		for _, l := range s.samples {
			f.totals.latencies.add(l)
		}
		s.samples = s.samples[:0]
	}
	if len(s.samples) > maxLines {
		s.samples = s.samples[1:]
	}
}

// end is the end of a session, of which nothing more is followed.
func (f *pcapFollower) end(s *wireSession, at time.Time) {
	f.found(s, s.conversation.Finish(at))
	s.over = true
	f.ignore(s)
	if !s.wanted {
		return
	}
	f.totals.sessions++
	if s.refused {
		f.totals.refused++
	}
	for i := range s.packets {
		f.totals.packets[i] += s.packets[i]
		f.totals.repeated += s.repeated[i]
	}
	for kind, n := range s.counts {
		f.totals.findings[kind] += n
	}
	f.out.session(s, f.began)
}

// finish ends the sessions that the capture leaves open, and gives the totals.
func (f *pcapFollower) finish() {
	var open []*wireSession
	for _, s := range f.sessions {
		if s.conversation != nil {
			open = append(open, s)
		}
	}
	slices.SortFunc(open, func(a, b *wireSession) int { return a.connection.Number - b.connection.Number })
	for _, s := range open {
		f.end(s, f.now)
	}
	f.out.totals(f)
}
