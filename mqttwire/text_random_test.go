package mqttwire

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Every packet that the slots can hold, standard or not, survives the text.
func TestTextRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 311))
	for range 20_000 {
		packet := PacketType(1 + random.IntN(15))
		v := Version(3 + random.IntN(3))
		p := randomPacket(random, packet, v)
		text := string(AppendText(nil, p, v))
		if bareControl(text) {
			t.Fatalf("control characters in %q", text)
		}
		got, err := ParseText(text, v)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(got, p) {
			t.Fatalf("%s\n got %+v\nwant %+v", text, got, p)
		}
		if want := LineOf(p, v); want.Match(want, v) != nil && !hasStar(want) {
			t.Fatalf("%s does not match itself: %v", text, want.Match(want, v))
		}
	}
}

func bareControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7F && r < 0xA0 || r == '\u202e' })
}

func hasStar(l Line) bool {
	return slices.ContainsFunc(l.Fields, func(f Field) bool { return f.Value == "*" })
}

// randomPacket fills the slots of a packet, so it covers what they cover.
func randomPacket(random *rand.Rand, packet PacketType, v Version) Packet {
	p := blankPacket(packet, v)
	if one, many := reasonsOf(p); one != nil {
		*one = ReasonCode(random.IntN(2) * random.IntN(256))
	} else if many != nil {
		for range random.IntN(4) {
			*many = append(*many, ReasonCode(random.IntN(256)))
		}
	}
	if c, ok := p.(*Connect); ok && random.IntN(2) == 0 {
		c.Will = nil
	}
	for _, s := range slotsOf(p) {
		if random.IntN(3) > 0 {
			randomSlot(random, s, v)
		}
	}
	if c, ok := p.(*Connect); ok {
		c.Version = v
		if c.ProtocolName == "" {
			c.ProtocolName = protocolNameOf(v)
		}
	}
	return p
}

func randomSlot(random *rand.Rand, s slot, v Version) {
	if s.there != nil {
		*s.there = true
	}
	switch at := s.at.(type) {
	case *string:
		*at = randomText(random)
	case *[]byte:
		if *at = []byte(randomText(random)); len(*at) == 0 && s.there == nil {
			*at = nil
		}
	case *bool:
		*at = random.IntN(2) == 0
	case *byte:
		*at = byte(random.IntN(4))
	case *QoS:
		*at = QoS(random.IntN(4))
	case *uint16:
		*at = uint16(random.Uint32())
	case *PacketID:
		*at = PacketID(random.Uint32())
	case *[]string:
		for range random.IntN(3) {
			*at = append(*at, randomText(random))
		}
	case *[]Subscription:
		for range random.IntN(3) {
			*at = append(*at, Subscription{Filter: randomText(random)})
			for _, option := range subscriptionSlots(&(*at)[len(*at)-1]) {
				randomSlot(random, option, v)
			}
		}
	case propertySlot:
		for range random.IntN(4) * int(v) / int(V5) * int(v/V5) {
			randomProperty(random, at)
		}
	}
}

func randomProperty(random *rand.Rand, s propertySlot) {
	rules := slices.Collect(func(yield func(PropertyRule) bool) {
		for rule := range PropertyTable() {
			if rule.AllowedIn(s.in, Either) && !yield(rule) {
				return
			}
		}
	})
	rule := rules[random.IntN(len(rules))]
	switch rule.Kind {
	case UTF8:
		*s.list = s.list.AddText(rule.ID, randomText(random))
	case Binary:
		*s.list = s.list.AddBinary(rule.ID, []byte(randomText(random)))
	case StringPair:
		*s.list = s.list.AddUser(randomText(random), randomText(random))
	case Byte:
		*s.list = s.list.AddNumber(rule.ID, uint32(random.IntN(256)))
	case TwoByte:
		*s.list = s.list.AddNumber(rule.ID, uint32(random.IntN(1<<16)))
	case VariableByte:
		*s.list = s.list.AddNumber(rule.ID, uint32(random.IntN(1<<28)))
	default:
		*s.list = s.list.AddNumber(rule.ID, random.Uint32())
	}
}

// randomText is short, and made of what the grammar has to look at twice.
func randomText(random *rand.Rand) string {
	pieces := []string{"a", "B/", "#", "+", "=", `"`, "`", "'", `\`, ";", "|", " ", "\t", "\n", "\x00", "\x1b", "\x7f",
		"\u009b", "\u202e", "\ufeff", "\ufffd", "\xff", "é", "温", "🙂", "0x", "1", "*", "-hex", "$SYS"}
	var b strings.Builder
	for range random.IntN(6) {
		b.WriteString(pieces[random.IntN(len(pieces))])
	}
	return b.String()
}
