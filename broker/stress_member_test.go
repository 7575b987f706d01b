package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"mqtk/mqttwire"
)

// A stream is what must arrive in order: one topic of one publisher at one QoS.
// At QoS 0 that holds for what was sent on one connection.
type stream struct {
	topic string
	qos   mqttwire.QoS
	on    int // which connection of the publisher, at QoS 0
}

// A member of a storm has a session that lasts, subscribes to all that members
// publish at QoS 2, and numbers what it publishes. It misses nothing of QoS 1
// and 2, gets QoS 2 once, and sees the numbers in order.
type member struct {
	*storm
	name      string
	version   mqttwire.Version
	r         *rand.Rand
	conn      net.Conn
	former    []net.Conn // taken over
	connects  int
	decoder   mqttwire.Decoder
	in        []byte
	used      int // of in
	took      int // packets
	aliases   map[uint32]string
	lastID    mqttwire.PacketID
	sent      []*sending // QoS 1 and 2 under way, oldest first
	published map[stream]int
	posts     int
	seen      map[stream]int // the last number
	held      map[mqttwire.PacketID]bool
	open      map[mqttwire.PacketID]bool // deliveries of this connection without a last answer
	window    int                        // Receive Maximum
	owed      []*mqttwire.Ack
	requests  int // SUBSCRIBE, UNSUBSCRIBE and PINGREQ without an answer
	confirmed bool
}

// sending is a PUBLISH of QoS 1 or 2 until its last acknowledgement.
type sending struct {
	mqttwire.Publish
	released bool
	again    bool // its PUBREL was sent on an earlier connection
}

func newMember(w *storm, i int) *member {
	return &member{
		storm: w, name: fmt.Sprintf("m%d", i), r: rand.New(rand.NewPCG(w.seed, uint64(i))),
		version: [...]mqttwire.Version{mqttwire.V5, mqttwire.V311, mqttwire.V5, mqttwire.V31}[i%4],
		in:      make([]byte, 4096), published: map[stream]int{}, seen: map[stream]int{}, held: map[mqttwire.PacketID]bool{},
	}
}

// wrong reports a broken promise.
func (m *member) wrong(format string, args ...any) bool {
	m.Errorf(m.name+": "+format, args...)
	return false
}

// severed reports a connection that the broker may end only with itself.
func (m *member) severed(format string, args ...any) bool {
	return !m.mortal && m.wrong(format, args...)
}

// connect opens a connection, the first or the next, and goes on where the one
// before ended.
func (m *member) connect() bool {
	nc, err := m.dial()
	if err != nil {
		return m.severed("dial: %v", err)
	}
	m.conn, m.used, m.owed, m.requests, m.confirmed = nc, 0, nil, 0, false
	m.aliases, m.open = map[uint32]string{}, map[mqttwire.PacketID]bool{}
	m.window = pick(m.r, 1, 3, 20, 65535)
	m.decoder = mqttwire.Decoder{Version: m.version, From: mqttwire.Server}
	p := &mqttwire.Connect{Version: m.version, ClientID: m.name, KeepAlive: 60}
	if m.version == mqttwire.V5 {
		p.Properties = p.Properties.AddNumber(mqttwire.SessionExpiryInterval, 1000).
			AddNumber(mqttwire.ReceiveMaximum, uint32(m.window)).AddNumber(mqttwire.TopicAliasMaximum, uint32(m.r.IntN(4)))
	}
	if m.r.IntN(3) == 0 {
		p.Will = &mqttwire.Will{Topic: "v/will", Payload: []byte(m.name), QoS: mqttwire.QoS(m.r.IntN(3))}
	}
	if !m.write(p) {
		return false
	}
	for end := time.Now().Add(ample); !m.confirmed; {
		if time.Now().After(end) {
			return m.wrong("no CONNACK comes")
		}
		if !m.read(time.Second) {
			return false
		}
	}
	m.connects++
	for _, s := range m.sent {
		again := mqttwire.Packet(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: s.PacketID})
		s.again = s.released
		if !s.released {
			s.Dup = true
			again = &s.Publish
		}
		if !m.write(again) {
			return false
		}
	}
	return true
}

// enlist makes the subscriptions that stay.
func (m *member) enlist() bool {
	ok := m.subscribe("t/#", 2)
	if m.name == "m0" {
		ok = ok && m.subscribe("$share/g/x/#", 2)
	}
	for ok && m.requests > 0 {
		ok = m.read(time.Second)
	}
	return ok
}

func (m *member) subscribe(filter string, qos mqttwire.QoS) bool {
	m.requests++
	s := mqttwire.Subscription{Filter: filter, QoS: qos}
	p := &mqttwire.Subscribe{PacketID: m.nextID()}
	if m.version == mqttwire.V5 && m.r.IntN(2) == 0 {
		p.Properties = p.Properties.AddNumber(mqttwire.SubscriptionIdentifier, uint32(1+m.r.IntN(300)))
	}
	p.Subscriptions = append(p.Subscriptions, s)
	return m.write(p)
}

func (m *member) nextID() mqttwire.PacketID {
	for {
		m.lastID = m.lastID%5000 + 1
		free := true
		for _, s := range m.sent {
			free = free && s.PacketID != m.lastID
		}
		if free {
			return m.lastID
		}
	}
}

// live is what a member does until the end.
func (m *member) live() {
	defer m.end()
	for time.Now().Before(m.until) && !m.Failed() {
		if !m.act() {
			m.sending.Done()
			return
		}
	}
	for len(m.sent) > 0 && !m.Failed() {
		if !m.answer() || !m.read(20*time.Millisecond) {
			break
		}
	}
	m.mu.Lock()
	m.storm.posted += m.posts
	m.mu.Unlock()
	m.sending.Done()
	for {
		select {
		case <-m.done:
			m.dissolve()
			return
		default:
		}
		if !m.answer() || !m.read(20*time.Millisecond) {
			return
		}
	}
}

// act does one thing.
func (m *member) act() bool {
	switch n := m.r.IntN(100); {
	case n < 35:
		return m.publish()
	case n < 75:
		return m.read(time.Duration(m.r.IntN(3)) * time.Millisecond)
	case n < 85:
		return m.answer()
	case n < 88:
		wait := 15 * time.Millisecond
		if m.r.IntN(60) == 0 {
			wait = 700 * time.Millisecond // falls below any pace
		}
		pause := time.NewTimer(time.Duration(m.r.Int64N(int64(wait))))
		<-pause.C
		return true
	case n < 91:
		return m.change()
	case n < 92:
		m.requests++
		return m.write(&mqttwire.Pingreq{})
	case n < 93:
		if tcp, ok := m.conn.(*net.TCPConn); ok && m.r.IntN(2) == 0 {
			tcp.SetLinger(0)
		}
		m.conn.Close()
		return m.connect()
	case n < 94:
		m.former = append(m.former, m.conn) // left open: the broker ends it
		return m.connect()
	}
	return true
}

// change makes or ends a subscription that overlaps the one that stays.
func (m *member) change() bool {
	filter := pick(m.r, "t/+/0", "t/m0/#", "+/"+m.name+"/+", "$share/g/x/#", "$share/h/v/#", "v/#")
	if m.r.IntN(2) == 0 {
		return m.subscribe(filter, mqttwire.QoS(1+m.r.IntN(2)))
	}
	if filter == "$share/g/x/#" && m.name == "m0" {
		return true
	}
	m.requests++
	return m.write(&mqttwire.Unsubscribe{PacketID: m.nextID(), Filters: []string{filter}})
}

// publish sends some messages in one segment.
func (m *member) publish() bool {
	var all []mqttwire.Packet
	for range 1 + m.r.IntN(8) {
		qos := mqttwire.QoS(m.r.IntN(3))
		if qos > 0 && len(m.sent) >= 20 {
			continue
		}
		p := mqttwire.Publish{Topic: fmt.Sprintf("t/%s/%d", m.name, m.r.IntN(2)), QoS: qos}
		number := 0
		if m.r.IntN(6) == 0 && qos == 2 {
			p.Topic = "x/" + m.name
			m.posts++
			number = m.posts
		} else {
			s := stream{topic: p.Topic, qos: qos}
			if qos == 0 {
				s.on = m.connects
			}
			m.published[s]++
			number = m.published[s]
		}
		size := m.r.IntN(100)
		if m.r.IntN(50) == 0 {
			size = m.r.IntN(30_000)
		}
		p.Payload = append(fmt.Appendf(nil, "%d %d %d ", qos, m.connects, number), bytes.Repeat([]byte{'.'}, size)...)
		if qos == 0 {
			all = append(all, &p)
			continue
		}
		p.PacketID = m.nextID()
		s := &sending{Publish: p}
		m.sent = append(m.sent, s)
		all = append(all, &s.Publish)
	}
	return m.write(all...)
}

// write sends packets, which the broker is bound to take in time.
func (m *member) write(packets ...mqttwire.Packet) bool {
	m.conn.SetWriteDeadline(time.Now().Add(ample))
	if _, err := m.conn.Write(encoded(m.storm, m.version, packets...)); err != nil {
		return m.severed("write: %v", err)
	}
	return true
}

// answer sends the acknowledgements that are owed.
func (m *member) answer() bool {
	for _, a := range m.owed {
		if a.Kind == mqttwire.PUBACK || a.Kind == mqttwire.PUBCOMP {
			delete(m.open, a.PacketID)
		}
		if !m.write(a) {
			return false
		}
	}
	m.owed = m.owed[:0]
	return true
}

// read takes what comes within d.
func (m *member) read(d time.Duration) bool {
	if m.used == len(m.in) {
		m.in = append(m.in, make([]byte, len(m.in))...)
	}
	m.conn.SetReadDeadline(time.Now().Add(d))
	n, err := m.conn.Read(m.in[m.used:])
	m.used += n
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return m.severed("connection %d, read: %v", m.connects, err)
	}
	at := 0
	for {
		p, n, err := m.decoder.Decode(m.in[at:m.used])
		if err != nil {
			return m.wrong("the broker sent what does not decode: %v", err)
		}
		if n == 0 {
			break
		}
		m.took++
		if at += n; !m.take(p) {
			return false
		}
	}
	m.used = copy(m.in, m.in[at:m.used])
	return true
}

// take takes one packet.
func (m *member) take(p mqttwire.Packet) bool {
	if ack, ok := p.(*mqttwire.Connack); ok != !m.confirmed {
		return m.wrong("%v came, CONNACK before: %t", p.Type(), m.confirmed)
	} else if ok {
		m.confirmed = true
		if ack.Reason != mqttwire.Success || m.version != mqttwire.V31 && ack.SessionPresent != (m.connects > 0) {
			return m.wrong("CONNACK %v, session present %t, on connection %d", ack.Reason, ack.SessionPresent, m.connects)
		}
		return true
	}
	switch p := p.(type) {
	case *mqttwire.Publish:
		return m.takePublish(p)
	case *mqttwire.Ack:
		return m.takeAck(p)
	case *mqttwire.Suback, *mqttwire.Unsuback, *mqttwire.Pingresp:
		m.requests--
		return m.requests >= 0 || m.wrong("%v that nobody asked for", p.Type())
	}
	return m.severed("%s comes", mqttwire.LineOf(p, m.version))
}

func (m *member) takePublish(p *mqttwire.Publish) bool {
	if alias, ok := p.Properties.Number(mqttwire.TopicAlias); ok {
		if p.Topic == "" {
			p.Topic = m.aliases[alias]
		} else {
			m.aliases[alias] = string([]byte(p.Topic))
		}
	}
	if p.Topic == "" {
		return m.wrong("a PUBLISH without a topic")
	}
	if p.QoS > 0 {
		if m.open[p.PacketID] || m.held[p.PacketID] && !p.Dup {
			return m.wrong("packet id %d is used again before its exchange is over", p.PacketID)
		}
		m.open[p.PacketID] = true
		if m.version == mqttwire.V5 && len(m.open) > m.window {
			return m.wrong("%d deliveries are unanswered, beyond Receive Maximum %d", len(m.open), m.window)
		}
	}
	switch p.QoS {
	case 1:
		m.owed = append(m.owed, &mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID})
	case 2:
		m.owed = append(m.owed, &mqttwire.Ack{Kind: mqttwire.PUBREC, PacketID: p.PacketID})
		if m.held[p.PacketID] {
			return true
		}
		m.held[p.PacketID] = true
	}
	return m.judge(p)
}

// judge holds a message against those that came before.
func (m *member) judge(p *mqttwire.Publish) bool {
	if p.Topic[0] == 'v' {
		return true
	}
	var qos mqttwire.QoS
	var on, number int
	if _, err := fmt.Sscan(string(p.Payload[:min(len(p.Payload), 40)]), &qos, &on, &number); err != nil {
		return m.wrong("%s: %.40q: %v", p.Topic, p.Payload, err)
	}
	if p.Topic[0] == 'x' {
		m.mu.Lock()
		defer m.mu.Unlock()
		key := fmt.Sprintf("%s %d", p.Topic, number)
		m.shared[key]++
		return p.QoS < 2 || m.shared[key] == 1 || m.wrong("%s went to the share %d times", key, m.shared[key])
	}
	s := stream{topic: string([]byte(p.Topic)), qos: qos}
	if qos == 0 {
		s.on = on
	}
	last := m.seen[s]
	switch {
	case p.QoS != qos:
		return m.wrong("%v number %d came at QoS %d", s, number, p.QoS)
	case number <= last && qos != 1:
		return m.wrong("%v number %d came after number %d", s, number, last)
	case number > last+1 && qos > 0 && m.deep:
		return m.wrong("%v number %d came after number %d", s, number, last)
	}
	m.seen[s] = max(last, number)
	return true
}

func (m *member) takeAck(p *mqttwire.Ack) bool {
	if p.Kind == mqttwire.PUBREL {
		delete(m.held, p.PacketID)
		m.owed = append(m.owed, &mqttwire.Ack{Kind: mqttwire.PUBCOMP, PacketID: p.PacketID})
		return true
	}
	for i, s := range m.sent {
		if s.PacketID != p.PacketID {
			continue
		}
		switch {
		case p.Kind == mqttwire.PUBCOMP && s.again && p.Reason == mqttwire.PacketIdentifierNotFound:
			m.sent = append(m.sent[:i], m.sent[i+1:]...) // the PUBCOMP before it was lost
		case p.Reason >= 0x80 || (p.Kind == mqttwire.PUBACK) != (s.QoS == 1) || p.Kind == mqttwire.PUBCOMP && !s.released:
			return m.wrong("%v %v for QoS %d, released %t", p.Kind, p.Reason, s.QoS, s.released)
		case p.Kind == mqttwire.PUBREC:
			s.released = true
			m.owed = append(m.owed, &mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: p.PacketID})
		default:
			m.sent = append(m.sent[:i], m.sent[i+1:]...)
		}
		return true
	}
	return m.wrong("%v for %d, which is not under way", p.Kind, p.PacketID)
}

// dissolve ends the session.
func (m *member) dissolve() {
	last := &mqttwire.Disconnect{}
	if m.version == mqttwire.V5 {
		last.Properties = last.Properties.AddNumber(mqttwire.SessionExpiryInterval, 0)
	}
	if !m.write(last) || !m.seeEnd() || m.version == mqttwire.V5 {
		return
	}
	m.conn.Close()
	nc, err := m.dial()
	if err != nil {
		m.wrong("dial: %v", err)
		return
	}
	m.conn = nc
	if !m.write(&mqttwire.Connect{Version: m.version, ClientID: m.name, CleanStart: true}) {
		return
	}
	r := mqttwire.NewReader(nc)
	r.Version, r.From = m.version, mqttwire.Server
	nc.SetReadDeadline(time.Now().Add(ample))
	if _, err := r.ReadPacket(); err != nil {
		m.wrong("read: %v", err)
	}
	if m.write(last) {
		m.seeEnd()
	}
}

// seeEnd waits until the broker closes: a connection that is closed before that
// may be reset, and what was written last with it.
func (m *member) seeEnd() bool {
	m.conn.SetReadDeadline(time.Now().Add(ample))
	for {
		if _, err := m.conn.Read(m.in); errors.Is(err, os.ErrDeadlineExceeded) {
			return m.wrong("the connection does not end")
		} else if err != nil {
			return true
		}
	}
}

func (m *member) end() {
	m.conn.Close()
	for _, nc := range m.former {
		nc.Close()
	}
}
