package commands

import (
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/referee"
)

// A pcapPacket is a packet as --json prints it.
type pcapPacket struct {
	Kind     string  `json:"kind"` // packet
	Session  int     `json:"session"`
	Packet   int     `json:"packet"`
	Frame    int     `json:"frame,omitempty"`
	At       string  `json:"ts"`
	Since    float64 `json:"since_start"`
	From     string  `json:"from"`
	ClientID string  `json:"client_id,omitempty"`
	Version  string  `json:"version"`
	Type     string  `json:"type,omitempty"`
	wordsObject
	Size    int     `json:"size"`
	Answers int     `json:"answers,omitempty"`
	After   float64 `json:"after,omitempty"`
}

// A pcapFinding is a finding as --json prints it.
type pcapFinding struct {
	Kind      string  `json:"kind"` // finding
	Finding   string  `json:"finding"`
	Session   int     `json:"session"`
	ClientID  string  `json:"client_id,omitempty"`
	Packet    int     `json:"packet,omitempty"`
	Frame     int     `json:"frame,omitempty"`
	At        string  `json:"ts"`
	Since     float64 `json:"since_start"`
	Side      string  `json:"side,omitempty"`
	Statement string  `json:"statement,omitempty"`
	Detail    string  `json:"detail"`
}

// A pcapSession is a session as --json prints it, or a connection that could
// not be looked into.
type pcapSession struct {
	Kind          string         `json:"kind"` // session
	Session       int            `json:"session"`
	ClientID      string         `json:"client_id,omitempty"`
	Client        string         `json:"client,omitempty"`
	Server        string         `json:"server,omitempty"`
	Inside        string         `json:"inside,omitempty"`
	Version       string         `json:"version,omitempty"`
	Midway        bool           `json:"midway,omitempty"`
	Began         string         `json:"began"`
	Duration      float64        `json:"duration"`
	Ending        string         `json:"ending,omitempty"`
	FromClient    int            `json:"packets_from_client"`
	FromServer    int            `json:"packets_from_server"`
	ClientResends int            `json:"tcp_retransmissions_of_client"`
	ServerResends int            `json:"tcp_retransmissions_of_server"`
	Findings      map[string]int `json:"findings,omitempty"`
	Unread        string         `json:"not_followed,omitempty"`
}

// A pcapSummary is the last line of --json.
type pcapSummary struct {
	Kind        string                  `json:"kind"` // summary
	Sessions    int                     `json:"sessions"`
	Refused     int                     `json:"refused"`
	FromClients int                     `json:"packets_from_clients"`
	FromServers int                     `json:"packets_from_servers"`
	Resends     int                     `json:"tcp_retransmissions"`
	Duration    float64                 `json:"duration"`
	Findings    map[string]int          `json:"findings"`
	Connections int                     `json:"connections"`
	Encrypted   int                     `json:"not_followed"`
	Sealed      []sealedObject          `json:"not_followed_servers,omitempty"`
	Latencies   map[string]*pcapLatency `json:"handshakes"`
}

type pcapLatency struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func (o *pcapPrinter) jsonLine(v any) []byte {
	line, err := jsonLine(v)
	if err != nil && o.err == nil {
		o.err = err
	}
	return line
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func (o *pcapPrinter) packetObject(s *wireSession, p *referee.Packet, since time.Duration) pcapPacket {
	object := pcapPacket{
		Kind: "packet", Session: s.connection.Number, Packet: p.Number, Frame: s.frame, At: stamp(p.At), Since: micros(since),
		From: p.From.String(), ClientID: s.clientID, Version: p.Version.String(), Size: len(p.Raw) + p.Cut,
		Answers: p.Answers, After: micros(p.After),
	}
	if p.Packet == nil {
		object.Text = o.words(p)
		return object
	}
	line := p.Line
	if !o.options.Secrets {
		line = unsecret(line)
	}
	object.Type, object.wordsObject = line.Type.String(), wordsOf(line)
	return object
}

func (o *pcapPrinter) findingObject(s *wireSession, f *wireFinding) pcapFinding {
	object := pcapFinding{
		Kind: "finding", Finding: f.Kind.String(), Session: s.connection.Number, ClientID: s.clientID, Packet: f.Packet, Frame: f.frame,
		At: stamp(f.At), Since: micros(f.since), Statement: f.Clause, Detail: f.Text,
	}
	if f.Side != mqttwire.Either {
		object.Side = f.Side.String()
	}
	return object
}

func (o *pcapPrinter) sessionObject(s *wireSession) pcapSession {
	object := pcapSession{
		Kind: "session", Session: s.connection.Number, ClientID: s.clientID, Inside: s.connection.Inside,
		Midway: s.connection.Midway, Began: stamp(s.began), Duration: micros(s.last.Sub(s.began)), Ending: s.ending,
		FromClient: s.packets[0], FromServer: s.packets[1], ClientResends: s.repeated[0], ServerResends: s.repeated[1],
		Findings: findingCounts(s.counts[:]),
	}
	if s.version != 0 {
		object.Version = s.version.String()
	}
	if s.connection.Server.IsValid() {
		object.Client, object.Server = s.connection.Client.String(), s.connection.Server.String()
	}
	return object
}

func (o *pcapPrinter) unreadObject(s *wireSession, why string) pcapSession {
	object := o.sessionObject(s)
	object.Kind, object.Unread = "connection", why
	return object
}

func findingCounts(counts []int) map[string]int {
	of := make(map[string]int)
	for kind, n := range counts {
		if n > 0 {
			of[referee.Kind(kind).String()] = n
		}
	}
	return of
}

func (o *pcapPrinter) summaryObject(f *pcapFollower) pcapSummary {
	t := &f.totals
	object := pcapSummary{
		Kind: "summary", Sessions: t.sessions, Refused: t.refused, FromClients: t.packets[0], FromServers: t.packets[1], Resends: t.repeated,
		Duration: micros(f.now.Sub(f.began)), Findings: findingCounts(t.findings[:]),
		Connections: f.connections, Encrypted: t.encrypted, Sealed: f.sealed.objects(), Latencies: make(map[string]*pcapLatency),
	}
	for kind := range t.latencies {
		if h := &t.latencies[kind]; h.Count() > 0 {
			object.Latencies[referee.Handshake(kind).String()] = &pcapLatency{h.Count(), micros(h.Quantile(0.5)), micros(h.Quantile(0.99)), micros(h.Max())}
		}
	}
	return object
}

// micros leaves out digits that no capture has.
func micros(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }
