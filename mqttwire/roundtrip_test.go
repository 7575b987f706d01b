package mqttwire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// A maker makes packets that the standard allows.
type maker struct {
	*rand.Rand
	version Version
}

// dump shows all that a packet says, with nil and empty lists alike.
func dump(p Packet) string {
	if p, ok := p.(*Connect); ok {
		flat := *p
		flat.Will, flat.will = nil, Will{}
		if p.Will != nil {
			return fmt.Sprintf("%#v will %+v", flat, *p.Will)
		}
		return fmt.Sprintf("%+v", flat)
	}
	return fmt.Sprintf("%T%+v", p, p)
}

// Packets of every kind and version survive the wire, and no other length of
// body than theirs is taken for them.
func TestRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 14))
	decoders := map[Version]*Decoder{V31: {}, V311: {}, V5: {}}
	var buffer []byte
	for range 6000 {
		m := maker{random, all[random.IntN(3)]}
		d := decoders[m.version]
		d.Version = m.version
		p := m.packet()
		b, err := p.Append(buffer[:0], m.version)
		if err != nil {
			t.Fatalf("%s: %v", dump(p), err)
		}
		buffer = b
		q, n, err := d.Decode(fenced(b))
		if err != nil || n != len(b) {
			t.Fatalf("%s\n%x: %d of %d, %v", dump(p), b, n, len(b), err)
		}
		if dump(q) != dump(p) {
			t.Fatalf("%x\n got %s\nwant %s", b, dump(q), dump(p))
		}
		if len(b) < 200 {
			checkLengths(t, p, b, m.version)
		}
	}
}

// checkLengths cuts and lengthens the body of b at every byte, with a
// Remaining Length that fits: another packet may come of it, never this one.
func checkLengths(t *testing.T, p Packet, b []byte, v Version) {
	t.Helper()
	_, size := variableByte(b[1:])
	body := append(bytes.Clone(b[1+size:]), 0xFF) // which is no property length, reason or filter
	if v == V31 && p.Type() == CONNECT {
		body = body[:len(body)-1] // bytes behind a CONNECT of 3.1 are let pass
	}
	for n := 0; n <= len(body); n++ {
		if n == len(b)-1-size {
			continue
		}
		other := append(appendVariableByte([]byte{b[0]}, uint32(n)), body[:n]...)
		q, used, err := (&Decoder{Version: v}).Decode(fenced(other))
		if err == nil && (used != len(other) || dump(q) == dump(p)) {
			t.Fatalf("%x, made from %x, is %s", other, b, dump(p))
		}
	}
}

func (m maker) packet() Packet {
	switch types := 14 + int(m.version)/5; PacketType(1 + m.IntN(types)) {
	case CONNECT:
		return m.connect()
	case CONNACK:
		return m.connack()
	case PUBLISH:
		return m.publish()
	case SUBSCRIBE:
		return m.subscribe()
	case SUBACK:
		return &Suback{PacketID: m.id(), Properties: m.properties(SUBACK), Reasons: m.reasons(SUBACK)}
	case UNSUBSCRIBE:
		p := &Unsubscribe{PacketID: m.id(), Properties: m.properties(UNSUBSCRIBE)}
		for range 1 + m.IntN(4) {
			p.Filters = append(p.Filters, m.filter())
		}
		return p
	case UNSUBACK:
		p := &Unsuback{PacketID: m.id(), Properties: m.properties(UNSUBACK)}
		if m.version == V5 {
			p.Reasons = m.reasons(UNSUBACK)
		}
		return p
	case PINGREQ:
		return &Pingreq{}
	case PINGRESP:
		return &Pingresp{}
	case DISCONNECT:
		return &Disconnect{Reason: m.reason(DISCONNECT), Properties: m.properties(DISCONNECT)}
	case AUTH:
		p := m.properties(AUTH).AppendWithout(nil, AuthenticationMethod)
		return &Auth{Reason: m.reason(AUTH), Properties: p.AddText(AuthenticationMethod, m.text())}
	}
	kind := PUBACK + PacketType(m.IntN(4))
	return &Ack{Kind: kind, PacketID: m.id(), Reason: m.reason(kind), Properties: m.properties(kind)}
}

func (m maker) connect() *Connect {
	p := &Connect{ProtocolName: protocolNames[m.version], Version: m.version, CleanStart: m.coin(), KeepAlive: uint16(m.Uint32()),
		Properties: m.properties(CONNECT), ClientID: m.text(), HasUsername: m.coin(), HasPassword: m.coin()}
	if dataWithoutMethod(p.Properties) {
		p.Properties = p.Properties.AddText(AuthenticationMethod, m.text())
	}
	if m.coin() {
		p.Will = &Will{Topic: m.topic(), Payload: m.bytes(), QoS: QoS(m.IntN(3)), Retain: m.coin(), Properties: m.properties(WillProperties)}
	}
	if p.HasUsername {
		p.Username = m.text()
	} else if m.version != V5 {
		p.HasPassword = false
	}
	if p.HasPassword {
		p.Password = m.bytes()
	}
	return p
}

func (m maker) connack() *Connack {
	p := &Connack{Reason: m.reason(CONNACK), Properties: m.properties(CONNACK)}
	if m.version != V5 {
		p.Reason = returnCodes[m.IntN(len(returnCodes))]
	}
	p.SessionPresent = p.Reason == Success && m.version != V31 && m.coin()
	return p
}

func (m maker) publish() *Publish {
	p := &Publish{QoS: QoS(m.IntN(3)), Retain: m.coin(), Topic: m.topic(), Properties: m.properties(PUBLISH), Payload: m.bytes()}
	if p.QoS > 0 {
		p.Dup, p.PacketID = m.coin(), m.id()
	}
	if _, ok := p.Properties.Number(TopicAlias); ok && m.coin() {
		p.Topic = ""
	}
	return p
}

func (m maker) subscribe() *Subscribe {
	p := &Subscribe{PacketID: m.id(), Properties: m.properties(SUBSCRIBE)}
	for range 1 + m.IntN(4) {
		s := Subscription{Filter: m.filter(), QoS: QoS(m.IntN(3))}
		if m.version == V5 {
			s.NoLocal = m.coin() && !strings.HasPrefix(s.Filter, "$share/")
			s.RetainAsPublished = m.coin()
			s.RetainHandling = byte(m.IntN(3))
		}
		p.Subscriptions = append(p.Subscriptions, s)
	}
	return p
}

func (m maker) reason(t PacketType) ReasonCode {
	for m.version == V5 {
		if r := ReasonCode(m.IntN(256)); r.AllowedIn(t, Either) {
			return r
		}
	}
	return Success
}

func (m maker) reasons(t PacketType) (list []ReasonCode) {
	for range 1 + m.IntN(4) {
		r := m.reason(t)
		if m.version != V5 {
			r = ReasonCode(m.IntN(3))
		}
		if m.version == V311 && m.IntN(4) == 0 {
			r = UnspecifiedError
		}
		list = append(list, r)
	}
	return list
}

// properties makes some of those that t may hold, in a random order.
func (m maker) properties(t PacketType) (p Properties) {
	if m.version != V5 || m.coin() {
		return nil
	}
	var rules []PropertyRule
	for rule := range PropertyTable() {
		for rule.AllowedIn(t, Either) && m.coin() {
			rules = append(rules, rule)
			if !rule.Repeats(t) {
				break
			}
		}
	}
	m.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
	for _, rule := range rules {
		switch {
		case rule.ID == ResponseTopic:
			p = p.AddText(rule.ID, m.topic())
		case rule.Kind == Byte:
			p = p.AddNumber(rule.ID, uint32(m.IntN(2)))
		case rule.Kind == TwoByte:
			p = p.AddNumber(rule.ID, 1+uint32(m.IntN(65535)))
		case rule.Kind == FourByte:
			p = p.AddNumber(rule.ID, 1+m.Uint32N(1<<32-1))
		case rule.Kind == VariableByte:
			p = p.AddNumber(rule.ID, 1+m.Uint32N(maxVariableByte)>>m.IntN(28))
		case rule.Kind == StringPair:
			p = p.AddUser(m.text(), m.text())
		default:
			p = addAny(p, rule, 0, m.text())
		}
	}
	return p
}

func (m maker) coin() bool   { return m.IntN(2) == 0 }
func (m maker) id() PacketID { return PacketID(1 + m.IntN(65535)) }

func (m maker) bytes() []byte {
	b := make([]byte, m.length())
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

// length is mostly short and sometimes around what one byte can say.
func (m maker) length() int {
	switch m.IntN(40) {
	case 0:
		return 100 + m.IntN(60)
	case 1:
		return 16_000 + m.IntN(1000)
	}
	return m.IntN(12)
}

func (m maker) text() string {
	var b strings.Builder
	for range m.length() {
		b.WriteString([]string{"a", "Z", "0", " ", "é", "€", "😀", "\ufeff", "\x01", "\uffff", "+", "#", "/", "$"}[m.IntN(14)])
	}
	return b.String()
}

func (m maker) topic() string {
	return "t" + strings.NewReplacer("+", "", "#", "").Replace(m.text())
}

func (m maker) filter() string {
	levels := []string{[]string{"$share/g", "$SYS", "", "a", "+"}[m.IntN(5)]}
	for range m.IntN(4) {
		levels = append(levels, []string{"+", "", "é", "level"}[m.IntN(4)])
	}
	return strings.Join(append(levels, []string{"#", "+", "x"}[m.IntN(3)]), "/")
}
