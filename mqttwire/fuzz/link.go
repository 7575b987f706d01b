package fuzz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/referee"
)

// A link is one connection of a case: what was sent on it, and what came.
type link struct {
	number int
	conn   net.Conn
	held   []byte
	news   chan<- struct{}
	wild   *atomic.Bool // some client of the case did something wrong
	stale  bool         // one of an earlier case may have

	mutex    sync.Mutex
	open     map[mqttwire.PacketID]bool // PUBLISH packets of QoS 1 and 2 that came, and were not answered to the end
	talk     *referee.Conversation
	version  mqttwire.Version // of the CONNECT that was sent
	sent     []byte           // of the client, and not yet a whole packet
	connects int
	wrong    *mqttwire.Error // the first packet of the client that is none
	whole    bool            // that packet was sent to its end
	second   bool            // a second CONNECT was sent
	farewell bool            // DISCONNECT was sent
	odd      bool            // the client did something else that may be wrong
	counts   [16]int         // packets that came, by type
	accepted bool            // CONNACK with success came
	over     string          // the packet after which the broker closes: CONNACK with a refusal, DISCONNECT
	breaches []referee.Finding
	heard    int    // bytes that came
	read     int    // of them, before the last Send
	assigned string // the client id that the broker chose
	garbled  bool   // what came is no packet
	ended    bool   // by the broker
	left     bool   // by the client
}

// errRefused: no connection can be opened.
var errRefused = errors.New("no connection can be opened")

func newLink(number int, conn net.Conn, p *player) *link {
	return &link{number: number, conn: conn, news: p.news, wild: &p.wild, stale: p.stale, open: make(map[mqttwire.PacketID]bool),
		talk: referee.New(referee.Options{Sessions: p.sessions, Skew: -1})}
}

// receive follows what the broker sends until the connection ends.
func (l *link) receive() {
	buffer := make([]byte, 16<<10)
	for {
		n, err := l.conn.Read(buffer)
		l.mutex.Lock()
		if n > 0 {
			l.heard += n
			for _, p := range l.talk.Feed(mqttwire.Server, time.Now(), buffer[:n]) {
				l.came(&p)
			}
		}
		if err != nil {
			l.ended = !l.left
			l.note(l.talk.End(mqttwire.Server, time.Now(), !l.left && !isEOF(err)))
		}
		l.mutex.Unlock()
		select {
		case l.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (l *link) came(p *referee.Packet) {
	if p.Packet == nil && l.stale && len(p.Raw) > 0 && p.Raw[0]>>4 == byte(mqttwire.PUBLISH) {
		l.garbled = true
		return // a message of an earlier case may have been passed on as it came
	}
	l.note(p.Findings)
	switch packet := p.Packet.(type) {
	case nil:
		l.garbled = true
		return
	case *mqttwire.Publish:
		if packet.QoS > 0 {
			l.open[packet.PacketID] = true
		}
	case *mqttwire.Connack:
		if packet.Reason >= 0x80 {
			l.over = "CONNACK"
		}
		l.accepted = packet.Reason == 0
		if id, ok := packet.Properties.Text(mqttwire.AssignedClientIdentifier); ok {
			l.assigned = strings.Clone(id)
		}
	case *mqttwire.Disconnect:
		l.over = "DISCONNECT"
	}
	l.counts[p.Packet.Type()]++
}

// note keeps what the broker did wrong, and remembers that the client did.
//
// Once a client did something wrong it may be that of two readings of it the
// referee has one and the broker another: a session that there is or is not, a
// message with a property that is passed on as it came. From then on, and while
// a packet of the client is not whole, only that counts which nothing from
// outside can excuse.
func (l *link) note(findings []referee.Finding) {
	for _, f := range findings {
		switch {
		case f.Kind != referee.Violation:
		case f.Side == mqttwire.Client:
			l.stray()
		case !l.wild.Load() && len(l.sent) == 0 || slices.Contains(inexcusable(), f.Clause):
			l.breaches = append(l.breaches, f)
		}
	}
}

// stray notes that the client did something wrong that is a packet.
func (l *link) stray() {
	l.odd = true
	l.wild.Store(true)
}

// inexcusable are statements on the order of what the broker itself sends.
func inexcusable() []string {
	return []string{"MQTT-3.2.0-2", "MQTT-3.14.4-1", "MQTT-3.2.2-7", "MQTT-3.2.2-5"}
}

// send writes bytes, behind those that were held. A connection that is gone is
// no matter here.
func (l *link) send(b []byte, hold bool) {
	l.held = append(l.held, b...)
	if hold {
		return
	}
	l.mutex.Lock()
	l.watch(l.held)
	l.read = l.heard
	for _, p := range l.talk.Feed(mqttwire.Client, time.Now(), l.held) {
		l.note(p.Findings)
	}
	l.mutex.Unlock()
	l.conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
	_, _ = l.conn.Write(l.held)
	l.held = nil
}

// watch looks for the first packet of the client that is none.
func (l *link) watch(b []byte) {
	l.sent = append(l.sent, b...)
	d := mqttwire.Decoder{From: mqttwire.Client, Version: l.version}
	for l.wrong == nil && len(l.sent) > 0 {
		p, n, err := d.Decode(l.sent)
		l.version = d.Version
		if errors.As(err, &l.wrong) {
			l.wild.Store(true)
			break
		}
		if n == 0 {
			return
		}
		l.says(p)
		l.sent = l.sent[n:]
	}
	if l.wrong != nil && !l.whole {
		n := packetLen(l.sent)
		l.whole = n > 0 && len(l.sent) >= n
	}
}

// says follows a packet of the client.
func (l *link) says(p mqttwire.Packet) {
	switch p := p.(type) {
	case *mqttwire.Connect:
		l.connects++
		l.second = l.second || l.connects > 1 && !l.farewell
	case *mqttwire.Disconnect:
		l.farewell = true
	case *mqttwire.Ack:
		if p.Kind != mqttwire.PUBREL {
			if !l.open[p.PacketID] {
				l.stray() // of an earlier connection, or of nothing
			}
			l.open[p.PacketID] = p.Kind == mqttwire.PUBREC && p.Reason < 0x80
		}
	}
}

// packetLen is the size of the packet that b begins with, 0 where it cannot be
// known.
func packetLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	length, size := binary.Uvarint(b[1:])
	if size <= 0 || size > 4 {
		return 0
	}
	return 1 + size + int(length)
}

// isOpen tells whether anything may still come.
func (l *link) isOpen() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return !l.ended && !l.left
}

// hears tells whether something came since the last thing that was sent.
func (l *link) hears() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.ended || l.left || l.heard > l.read
}

// count is how many packets of a type came; many, once nothing more will.
func (l *link) count(t mqttwire.PacketType) int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.ended || l.left || l.over != "" || l.garbled {
		return 1 << 30
	}
	return l.counts[t]
}

// isOrderly tells whether the broker can make packets of all that was sent.
func (l *link) isOrderly() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.wrong == nil && len(l.sent) == 0
}

// isSound tells whether the client did nothing wrong, and the broker let it in.
func (l *link) isSound() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.accepted && !l.odd && l.wrong == nil && !l.second && !l.farewell && !l.garbled && len(l.sent) == 0 && !l.ended && !l.left && l.over == ""
}

func (l *link) close() {
	l.mutex.Lock()
	l.left = true
	l.note(l.talk.End(mqttwire.Client, time.Now(), false))
	l.mutex.Unlock()
	l.conn.Close()
}

// mustClose tells of a connection that the broker must close by now, because of
// what, and by which statement.
func (l *link) mustClose() (clause, why string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch v := l.version; {
	case l.ended || l.left || v == mqttwire.V31:
	case l.over == "CONNACK":
		return closesBy(v, "MQTT-3.2.2-7", "MQTT-3.2.2-5"), "the broker refused the client with CONNACK and did not close the connection"
	case l.over == "DISCONNECT" && v == mqttwire.V5:
		return "MQTT-3.14.4-2", "the broker sent DISCONNECT and did not close the connection"
	case l.second && l.accepted:
		return "MQTT-3.1.0-2", "the broker did not close the connection after a second CONNECT"
	case l.wrong == nil || !l.whole || l.farewell:
	case l.connects == 0:
		if known := v == mqttwire.V5 || v == mqttwire.V311; known && l.wrong.Reason == mqttwire.MalformedPacket && l.wrong.Clause != "MQTT-1.5.5-1" && l.sent[0]>>4 == byte(mqttwire.CONNECT) {
			return "MQTT-3.1.4-1", fmt.Sprintf("the broker did not close the connection after %s", l.wrong.Detail)
		}
	case l.accepted && slices.Contains(fatal(v), l.wrong.Clause):
		return l.wrong.Clause, fmt.Sprintf("the broker did not close the connection after %s", l.wrong.Detail)
	}
	return "", ""
}

func closesBy(v mqttwire.Version, five, three string) string {
	if v == mqttwire.V5 {
		return five
	}
	return three
}

// fatal are the statements that say of one kind of packet that the server
// closes the connection, or takes it as malformed.
func fatal(v mqttwire.Version) []string {
	if v == mqttwire.V5 {
		return []string{"MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-3.6.1-1", "MQTT-3.15.1-1", "MQTT-3.8.3-5"}
	}
	return []string{"MQTT-2.2.2-2", "MQTT-3.3.1-4", "MQTT-3.8.3-4", "MQTT-1.5.3-1", "MQTT-1.5.3-2", "MQTT-3.14.1-1", "MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-3.6.1-1"}
}
