package mqttwire

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// Table 2-4 the other way round: what each packet may hold.
func TestPropertyTable(t *testing.T) {
	want := map[PacketType]string{
		CONNECT:        "11 15 16 17 19 21 22 26 27",
		WillProperties: "01 02 03 08 09 18 26",
		CONNACK:        "11 12 13 15 16 1A 1C 1F 21 22 24 25 26 27 28 29 2A",
		PUBLISH:        "01 02 03 08 09 0B 23 26",
		PUBACK:         "1F 26", PUBREC: "1F 26", PUBREL: "1F 26", PUBCOMP: "1F 26", SUBACK: "1F 26", UNSUBACK: "1F 26",
		SUBSCRIBE:   "0B 26",
		UNSUBSCRIBE: "26",
		DISCONNECT:  "11 1C 1F 26",
		AUTH:        "15 16 1F 26",
		PINGREQ:     "", PINGRESP: "",
	}
	for packet := range AUTH + 1 {
		var got []string
		for rule := range PropertyTable() {
			if rule.AllowedIn(packet, Either) {
				got = append(got, strings.ToUpper(hexCode(ReasonCode(rule.ID))[2:]))
			}
			if rule.AllowedIn(packet, Either) != (rule.AllowedIn(packet, Client) || rule.AllowedIn(packet, Server)) {
				t.Errorf("%v in %v: nobody may", rule.ID, packet)
			}
		}
		if strings.Join(got, " ") != want[packet] {
			t.Errorf("%v: %v, want %s", packet, got, want[packet])
		}
	}
	rows := 0
	for rule := range PropertyTable() {
		rows++
		if id, ok := ParsePropertyID(rule.Name); !ok || id != rule.ID || id.String() != rule.Name {
			t.Errorf("%v: %v, %v", rule.Name, id, ok)
		}
	}
	if rows != 27 {
		t.Errorf("%d properties", rows)
	}
	if id, ok := ParsePropertyID(""); ok {
		t.Errorf("no name is %v", id)
	}
	if s := PropertyID(0x7F).String(); s != "0x7F" {
		t.Error(s)
	}
	if _, ok := PropertyID(0x04).Rule(); ok {
		t.Error("0x04 is a property")
	}
	if rule, _ := SubscriptionIdentifier.Rule(); !rule.Repeats(PUBLISH) || rule.Repeats(SUBSCRIBE) || rule.AllowedIn(PUBLISH, Client) {
		t.Errorf("%+v", rule)
	}
}

// Each property, in each packet: allowed or 0x81, twice or 0x82, cut: 0x81.
func TestPropertyCheck(t *testing.T) {
	for packet := range AUTH + 1 {
		for rule := range PropertyTable() {
			p := addAny(nil, rule, 1, "x")
			if !rule.AllowedIn(packet, Either) {
				checkProperties(t, p, packet, Either, MalformedPacket)
				continue
			}
			checkProperties(t, p, packet, Either, Success)
			for _, side := range []Side{Client, Server} {
				want := ProtocolError
				if rule.AllowedIn(packet, side) {
					want = Success
				}
				checkProperties(t, p, packet, side, want)
			}
			for cut := 1; cut < len(p); cut++ {
				checkProperties(t, p[:cut], packet, Either, MalformedPacket)
			}
			want := ProtocolError
			if rule.Repeats(packet) {
				want = Success
			}
			checkProperties(t, append(slices.Clone(p), p...), packet, Either, want)
			checkPropertyValues(t, rule, packet)
		}
	}
}

func checkPropertyValues(t *testing.T, rule PropertyRule, packet PacketType) {
	zero := map[PropertyID]ReasonCode{ReceiveMaximum: ProtocolError, MaximumPacketSize: ProtocolError, SubscriptionIdentifier: ProtocolError, TopicAlias: TopicAliasInvalid}
	switch rule.Kind {
	case Byte:
		checkProperties(t, Properties{byte(rule.ID), 0}, packet, Either, Success)
		checkProperties(t, Properties{byte(rule.ID), 2}, packet, Either, ProtocolError)
		checkProperties(t, Properties{byte(rule.ID), 255}, packet, Either, ProtocolError)
	case UTF8, StringPair:
		for _, bad := range []string{"\x00", "\xed\xa0\x80", "\xc0\xaf", "a\xff"} {
			checkProperties(t, addAny(nil, rule, 0, bad), packet, Either, MalformedPacket)
		}
		if rule.Kind == StringPair {
			checkProperties(t, Properties(nil).AddUser("\x00", ""), packet, Either, MalformedPacket)
			checkProperties(t, Properties(nil).AddUser("", ""), packet, Either, Success)
		}
	case Binary:
		checkProperties(t, addAny(nil, rule, 0, "\x00\xff"), packet, Either, Success)
	default:
		checkProperties(t, addAny(nil, rule, 0, ""), packet, Either, zero[rule.ID])
	}
	if rule.ID == ResponseTopic {
		checkProperties(t, addAny(nil, rule, 0, "a/+"), packet, Either, ProtocolError)
		checkProperties(t, addAny(nil, rule, 0, "é/#"), packet, Either, ProtocolError)
		checkProperties(t, addAny(nil, rule, 0, "é"), packet, Either, Success)
		checkProperties(t, addAny(nil, rule, 0, ""), packet, Either, ProtocolError)
	}
}

func checkProperties(t *testing.T, p Properties, packet PacketType, from Side, want ReasonCode) {
	t.Helper()
	_, err := p.check(packet, from)
	switch {
	case err == nil && want == Success:
	case err == nil:
		t.Errorf("%x in %v of %v is fine, want %v", []byte(p), packet, from, want)
	case err.Reason != want || err.Clause == "" || !strings.HasPrefix(err.Detail, packet.String()):
		t.Errorf("%x in %v of %v: %v, want %v", []byte(p), packet, from, err, want)
	}
}

// addAny adds n or s, whichever the property takes.
func addAny(p Properties, rule PropertyRule, n uint32, s string) Properties {
	switch rule.Kind {
	case UTF8:
		return p.AddText(rule.ID, s)
	case Binary:
		return p.AddBinary(rule.ID, []byte(s))
	case StringPair:
		return p.AddUser("name", s)
	}
	return p.AddNumber(rule.ID, n)
}

func TestPropertiesRead(t *testing.T) {
	p := Properties(nil).AddUser("a", "1").AddNumber(PayloadFormatIndicator, 1).AddNumber(TopicAlias, 0xABCD).AddNumber(MessageExpiryInterval, 0xFFFFFFFF).
		AddNumber(SubscriptionIdentifier, maxVariableByte).AddNumber(SubscriptionIdentifier, 2).AddText(ContentType, "é").AddText(ResponseTopic, "").
		AddBinary(CorrelationData, []byte{0}).AddUser("", "").AddUser("a", "2")
	for id, want := range map[PropertyID]uint32{PayloadFormatIndicator: 1, TopicAlias: 0xABCD, MessageExpiryInterval: 0xFFFFFFFF, SubscriptionIdentifier: maxVariableByte} {
		if n, ok := p.Number(id); !ok || n != want {
			t.Errorf("%v: %d, %v", id, n, ok)
		}
	}
	if s, ok := p.Text(ContentType); s != "é" || !ok {
		t.Errorf("%q, %v", s, ok)
	}
	if s, ok := p.Text(ResponseTopic); s != "" || !ok {
		t.Errorf("%q, %v", s, ok)
	}
	if b, ok := p.Binary(CorrelationData); !ok || !bytes.Equal(b, []byte{0}) {
		t.Errorf("%x, %v", b, ok)
	}
	if _, ok := p.Number(ContentType); ok {
		t.Error("a text is a number")
	}
	if _, ok := p.Text(CorrelationData); ok {
		t.Error("binary data is a text")
	}
	if _, ok := p.Binary(ReasonString); ok {
		t.Error("a missing property is there")
	}
	if _, ok := p.Number(0xFF); ok {
		t.Error("an unknown property is there")
	}
	var users []string
	for name, value := range p.User() {
		users = append(users, name+"="+value)
	}
	if got := strings.Join(users, " "); got != "a=1 = a=2" {
		t.Error(got)
	}
	var again Properties
	for x := range p.All() {
		again = addProperty(again, x)
	}
	if !bytes.Equal(again, p) {
		t.Errorf("%x, want %x", again, p)
	}
	for range p.User() {
		break
	}
	for range p.All() {
		break
	}
}

func addProperty(p Properties, x Property) Properties {
	switch rule, _ := x.ID.Rule(); rule.Kind {
	case UTF8:
		return p.AddText(x.ID, string(x.Value))
	case Binary:
		return p.AddBinary(x.ID, x.Value)
	case StringPair:
		return p.AddUser(string(x.Name), string(x.Value))
	}
	return p.AddNumber(x.ID, x.Number)
}

func TestAppendWithout(t *testing.T) {
	p := Properties(nil).AddNumber(TopicAlias, 1).AddUser("a", "b").AddNumber(SubscriptionIdentifier, 9).AddText(ContentType, "t").AddNumber(SubscriptionIdentifier, 9)
	want := append(Properties("head"), Properties(nil).AddUser("a", "b").AddText(ContentType, "t")...)
	if got := p.AppendWithout(Properties("head"), TopicAlias, SubscriptionIdentifier, 0xFF); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	if got := p.AppendWithout(nil); !bytes.Equal(got, p) {
		t.Errorf("%x, want %x", got, p)
	}
}

func FuzzProperties(f *testing.F) {
	f.Add([]byte(Properties(nil).AddUser("a", "b").AddNumber(SubscriptionIdentifier, 300).AddBinary(CorrelationData, []byte{1})), byte(PUBLISH))
	f.Add([]byte{0x26, 0, 1, 'a', 0, 9}, byte(WillProperties))
	f.Add([]byte{0x0B, 0x80, 0x80, 0x80, 0x80}, byte(SUBSCRIBE))
	f.Fuzz(func(t *testing.T, b []byte, packet byte) {
		p := Properties(fenced(b))
		var again Properties
		count, users := 0, 0
		for x := range p.All() {
			again = addProperty(again, x)
			count++
			if x.ID == UserProperty {
				users++
			}
		}
		for range p.User() {
			users--
		}
		if users != 0 {
			t.Fatalf("All and User differ by %d", users)
		}
		for id := range 256 {
			_, number := p.Number(PropertyID(id))
			_, text := p.Text(PropertyID(id))
			_, binary := p.Binary(PropertyID(id))
			if number && text || text && binary || number && binary {
				t.Fatalf("%v is of two kinds", PropertyID(id))
			}
		}
		if !bytes.HasPrefix(p, again) {
			t.Fatalf("%x written as %x", b, again)
		}
		without := p.AppendWithout(nil)
		if !bytes.Equal(without, again) {
			t.Fatalf("copied %x to %x", b, without)
		}
		packet &= 0xF
		if _, err := p.check(PacketType(packet), Either); err == nil && !bytes.Equal(again, p) {
			t.Fatalf("%x is fine and written as %x", b, again)
		}
	})
}
