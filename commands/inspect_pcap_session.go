package commands

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/capture"
	"mqtk/mqttwire/referee"
)

// A wireSession is what is known of one MQTT connection of a capture.
type wireSession struct {
	connection   *capture.Connection
	conversation *referee.Conversation // nil: nobody knows yet whether this is MQTT
	home         *referee.Sessions     // those of its broker; nil: it stands for itself
	held         []capture.Event       // until that is known
	first        []byte                // of the client, until then

	clientID   string
	identified bool
	version    mqttwire.Version
	began      time.Time
	last       time.Time
	frame      int
	frames     []packetFrame // of the latest packets, by their number
	packets    [2]int
	repeated   [2]int
	findings   []wireFinding
	counts     [referee.Note + 1]int
	samples    []latencySample
	ended      [2]bool
	ending     string // how it ended
	text       bool   // a text frame was seen
	over       bool
	refused    bool // by CONNACK

	wanted    bool
	lines     [][]byte // that are said once it is wanted
	topicSeen bool
	aliases   [2]map[uint32]string
	chosen    map[int]bool // numbers of the packets that concern the topic
	track     wireTrack
}

// A packetFrame says which frame of the capture a packet ended in.
type packetFrame struct{ packet, frame int }

// A wireFinding is a finding with its place in the capture.
type wireFinding struct {
	referee.Finding
	frame int           // 0: not known any more
	since time.Duration // the beginning of the capture
}

// A latencySample is how long a hand-shake took.
type latencySample struct {
	of   referee.Handshake
	took time.Duration
}

func (s *wireSession) lastSeen() time.Time {
	if s.last.IsZero() {
		return s.began
	}
	return s.last
}

// repeats counts what was sent again.
func (s *wireSession) repeats(e *capture.Event) {
	if e.FromServer {
		s.repeated[1]++
	} else {
		s.repeated[0]++
	}
}

// mostFrames is how many packets back a finding may be for its frame to be known.
const mostFrames = 512

func (s *wireSession) frameOf(packet int) int {
	if i := packet % mostFrames; packet > 0 && i < len(s.frames) && s.frames[i].packet == packet {
		return s.frames[i].frame
	}
	return 0
}

// noteFrame remembers in which frame a packet ended.
func (s *wireSession) noteFrame(packet int) {
	i := packet % mostFrames
	for len(s.frames) <= i {
		s.frames = append(s.frames, packetFrame{})
	}
	s.frames[i] = packetFrame{packet, s.frame}
}

// faulty tells whether anything but notes was found.
func (s *wireSession) faulty() bool {
	for kind, n := range s.counts {
		if n > 0 && referee.Kind(kind) != referee.Note {
			return true
		}
	}
	return false
}

// What first bytes are.
type mqttness byte

const (
	unsureMQTT mqttness = iota
	sureMQTT
	noMQTT
)

// looksLike judges a connection by the bytes that came first.
func (s *wireSession) looksLike(e *capture.Event) mqttness {
	c := s.connection
	if strings.HasPrefix(c.Chosen, "mqtt") || strings.Contains(c.Offered, "mqtt") {
		return sureMQTT
	}
	if c.Midway {
		return looksMidway(e.Data, e.FromServer)
	}
	if e.FromServer {
		return noMQTT // the client of MQTT speaks first
	}
	s.first = append(s.first, e.Data...)
	return looksLikeConnect(s.first)
}

// looksLikeConnect tells how a CONNECT begins, of whatever version.
func looksLikeConnect(b []byte) mqttness {
	if b[0]>>4 != byte(mqttwire.CONNECT) {
		return noMQTT
	}
	at := 1
	for at < len(b) && at < 4 && b[at] >= 0x80 {
		at++
	}
	name := b[min(at+1, len(b)):]
	for _, known := range []string{"\x00\x04MQTT", "\x00\x06MQIsdp"} {
		if n := min(len(name), len(known)); string(name[:n]) == known[:n] {
			if n == len(known) {
				return sureMQTT
			}
			return unsureMQTT
		}
	}
	return noMQTT
}

// looksMidway tells whether bytes of a connection that was there before are
// whole packets.
func looksMidway(b []byte, fromServer bool) mqttness {
	for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311} {
		d := mqttwire.Decoder{Version: v, From: mqttwire.Client}
		if fromServer {
			d.From = mqttwire.Server
		}
		rest := b
		for len(rest) > 0 {
			_, n, err := d.Decode(rest)
			if err != nil || n == 0 {
				break
			}
			rest = rest[n:]
		}
		if len(rest) == 0 {
			return sureMQTT
		}
	}
	return noMQTT
}

// identify learns from a packet who the client is, and how it ends.
func (s *wireSession) identify(p *referee.Packet) {
	switch packet := p.Packet.(type) {
	case *mqttwire.Connect:
		s.clientID = strings.Clone(packet.ClientID)
		s.identified = s.clientID != ""
	case *mqttwire.Connack:
		if id, ok := packet.Properties.Text(mqttwire.AssignedClientIdentifier); ok && !s.identified {
			s.clientID, s.identified = strings.Clone(id), true
		}
		s.refused = s.refused || packet.Reason != mqttwire.Success
		if packet.Reason != mqttwire.Success && s.ending == "" {
			s.ending = "refused: " + packet.Reason.Name(mqttwire.CONNACK)
		}
	case *mqttwire.Disconnect:
		if s.ending == "" {
			s.ending = fmt.Sprintf("DISCONNECT of the %s", p.From)
			if packet.Reason != 0 {
				s.ending += ": " + packet.Reason.Name(mqttwire.DISCONNECT)
			}
		}
	}
}

// closed notes who has ended the connection, and how.
func (s *wireSession) closed(side mqttwire.Side, how string) {
	s.ended[side-mqttwire.Client] = true
	if s.ending == "" {
		s.ending = fmt.Sprintf("%s by the %s", how, side)
	}
}

// concerns tells whether a packet has to do with a topic: it is a message on
// it, or answers one that is.
func (s *wireSession) concerns(p *referee.Packet, filter string) bool {
	if filter == "" {
		return true
	}
	if s.chosen == nil || len(s.chosen) > maxLines {
		s.chosen = make(map[int]bool)
	}
	concerned := p.Answers > 0 && s.chosen[p.Answers]
	if publish, ok := p.Packet.(*mqttwire.Publish); ok {
		topic := s.topicOf(publish, p.From)
		if mqttwire.Match(filterOf(filter), topic) {
			concerned, s.topicSeen = true, true
		}
	}
	if concerned {
		s.chosen[p.Number] = true
	}
	return concerned
}

// topicOf is the topic of a message, by its alias if need be.
func (s *wireSession) topicOf(p *mqttwire.Publish, from mqttwire.Side) string {
	alias, ok := p.Properties.Number(mqttwire.TopicAlias)
	if !ok {
		return p.Topic
	}
	aliases := &s.aliases[from-mqttwire.Client]
	if p.Topic != "" {
		if *aliases == nil {
			*aliases = make(map[uint32]string)
		}
		(*aliases)[alias] = strings.Clone(p.Topic)
	}
	return (*aliases)[alias]
}

// A wireTrack is a session as --pcapng writes it.
type wireTrack struct {
	*capture.Track
	held []capture.Event // until the session is wanted
	size int
	cut  bool
}

// maxTrack is how many bytes of a session are held back.
const maxTrack = 16 << 20

// plainPort is the port under which plain MQTT is found by those who read it.
func plainPort(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), 1883) }

// record writes what was seen to the file of --pcapng.
func (f *pcapFollower) record(s *wireSession, e *capture.Event) {
	if f.writer == nil || s.track.cut {
		return
	}
	switch e.Kind {
	case capture.Data, capture.Closed, capture.Reset, capture.Missed:
	default:
		return
	}
	if s.wanted {
		f.track(s, e)
		return
	}
	held := *e
	held.Data = bytes.Clone(e.Data)
	if s.track.size += len(e.Data) + 64; s.track.size > maxTrack {
		held.Kind, held.Data = capture.Missed, nil
	}
	s.track.cut = held.Kind == capture.Missed
	s.track.held = append(s.track.held, held)
}

// track writes one event. A track cannot leave bytes out, so it ends there.
func (f *pcapFollower) track(s *wireSession, e *capture.Event) {
	if s.track.Track == nil {
		server := s.connection.Server
		if s.connection.Inside != "" {
			server = plainPort(server)
		}
		s.track.Track = f.writer.Open(s.connection.Client, server, s.began)
	}
	switch e.Kind {
	case capture.Data:
		s.track.Data(e.FromServer, e.At, e.Data)
	case capture.Missed:
		s.track.Close(e.FromServer, e.At, true)
		s.track.cut = true
		f.cut++
	default:
		s.track.Close(e.FromServer, e.At, e.Kind == capture.Reset)
	}
}
