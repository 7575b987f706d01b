package broker_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// raw is a packet with a fixed header that fits its body.
func raw(first byte, body ...byte) []byte {
	b := []byte{first}
	n := len(body)
	for ; n > 127; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(append(b, byte(n)), body...)
}

// unhex reads hex digits in groups.
func unhex(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// refuses feeds each packet to a connection of its own, which has to end with
// that reason.
func refuses(t *testing.T, version string, packets map[string][2]string) {
	t.Helper()
	for name, p := range packets {
		t.Run(name, func(t *testing.T) {
			inBubble(t, broker.Options{}, func(s *siege) {
				g := s.connect("version=" + version + " clean-start=1 client-id=a will-topic=well/will will-payload=x")
				g.write(append(unhex(t, p[0]), 0xC0, 0)) // PINGREQ, which nobody may act on
				g.expectClosed("DISCONNECT " + p[1])
				s.receiver.expect("PUBLISH topic=well/will")
			})
		})
	}
}

// A variable byte integer ends after 4 bytes, wherever it stands.
func TestHostileVariableByteInteger(t *testing.T) {
	refuses(t, "5", map[string][2]string{
		"in the fixed header":            {"30 ffffffff7f", "MalformedPacket"},
		"in the fixed header, zero":      {"c0 8080808001", "MalformedPacket"},
		"in the fixed header, cut":       {"30 ffffffff", "MalformedPacket"},
		"as property length":             {"30 09 000161 ffffffff01 00", "MalformedPacket"},
		"as property length, to the end": {"30 07 000161 80808080", "MalformedPacket"},
		"as subscription identifier":     {"82 0f 0001 06 0b ffffffff01 000161 00 00 00", "MalformedPacket"},
		"longer than needed":             {"c0 8000", "MalformedPacket"},
	})
	refuses(t, "3.1.1", map[string][2]string{"in the fixed header of 3.1.1": {"30 ffffffff7f", ""}})
	inBubble(t, broker.Options{}, func(s *siege) {
		for _, digits := range []string{
			"10 12 0004 4d515454 05 02 0000 ffffffff01 000161",                             // properties
			"10 1b 0004 4d515454 05 06 0000 00 000161 ffffffff01 000162 000163 0000000000", // properties of the will
		} {
			g := s.knock(mqttwire.V5)
			g.write(unhex(s.T, digits))
			g.expect("CONNACK MalformedPacket")
			g.expectEnd()
		}
	})
}

// Every property length is checked against its section, every section against
// the packet.
func TestHostileSectionLengths(t *testing.T) {
	const malformed = "MalformedPacket|ProtocolError"
	refuses(t, "5", map[string][2]string{
		"properties longer than PUBLISH":     {"30 05 000161 05 01", malformed},
		"properties longer than SUBSCRIBE":   {"82 07 0001 7f 000161 00", malformed},
		"properties longer than PUBACK":      {"40 04 0001 00 09", malformed},
		"properties longer than DISCONNECT":  {"e0 02 00 09", malformed},
		"properties longer than AUTH":        {"f0 02 18 09", malformed},
		"properties longer than UNSUBSCRIBE": {"a2 06 0001 7f 000161", malformed},
		"a property longer than its section": {"30 0b 000161 05 26 0004 6161 0000 61", malformed},
		"a number cut by its section":        {"30 09 000161 03 02 000000 00", malformed},
		"a pair cut by its section":          {"30 0b 000161 04 26 0001 61 0001 61", malformed},
		"a topic longer than PUBLISH":        {"30 03 00ff61", malformed},
		"a topic length cut":                 {"30 01 00", malformed},
		"a filter longer than SUBSCRIBE":     {"82 06 0001 00 000f61", malformed},
		"a packet id cut":                    {"32 04 000161 00", malformed},
		"PUBACK without a packet id":         {"40 01 00", malformed},
	})
	refuses(t, "3.1.1", map[string][2]string{
		"a topic longer than PUBLISH of 3.1.1":    {"30 03 00ff61", ""},
		"a filter longer than SUBSCRIBE of 3.1.1": {"82 05 0001 000f61", ""},
		"PUBACK of 3.1.1 with more":               {"40 03 000100", ""},
		"PINGREQ with more":                       {"c0 01 00", ""},
	})
}

// Packets that are whole and wrong.
func TestHostileWrongPackets(t *testing.T) {
	const malformed = "MalformedPacket|ProtocolError"
	refuses(t, "5", map[string][2]string{
		"CONNACK, which a server sends":  {"20 03 00 00 00", "ProtocolError"},
		"SUBACK, which a server sends":   {"90 04 0001 00 00", "ProtocolError"},
		"UNSUBACK, which a server sends": {"b0 04 0001 00 00", "ProtocolError"},
		"PINGRESP, which a server sends": {"d0 00", "ProtocolError"},
		"a second CONNECT":               {"10 0e 0004 4d515454 05 02 0000 00 0001 61", "ProtocolError"},
		"packet type 0":                  {"00 00", "MalformedPacket"},
		"an empty topic without alias":   {"30 03 0000 00", "ProtocolError"},
		"packet id 0 in PUBLISH":         {"32 06 000161 0000 00", malformed},
		"packet id 0 in SUBSCRIBE":       {"82 07 0000 00 000161 00", malformed},
		"packet id 0 in UNSUBSCRIBE":     {"a2 06 0000 00 000161", malformed},
		"packet id 0 in PUBACK":          {"40 02 0000", malformed},
		"packet id 0 in PUBREL":          {"62 02 0000", malformed},
		"QoS 3":                          {"36 06 000161 0001 00", "MalformedPacket"},
		"QoS 3 in SUBSCRIBE":             {"82 07 0001 00 000161 03", malformed},
		"DUP at QoS 0":                   {"38 04 000161 00", malformed},
		"a property repeated":            {"30 08 000161 04 0100 0100", malformed},
		"a property unknown":             {"30 06 000161 02 7f00", malformed},
		"a property of another packet":   {"30 09 000161 05 11 00000001", malformed},
		"a property that has no value":   {"30 06 000161 02 0102", malformed},
		"a topic with a wildcard":        {"30 06 0003 612f23 00", malformed + "|TopicNameInvalid"},
		"a topic with U+0000":            {"30 06 0003 610062 00", malformed},
		"a topic that is not UTF-8":      {"30 05 0002 c328 00", malformed},
		"a topic with a surrogate":       {"30 06 0003 eda080 00", malformed},
		"SUBSCRIBE without options":      {"82 06 0001 00 000161", "MalformedPacket"},
		"SUBSCRIBE without filters":      {"82 03 0001 00", "ProtocolError"},
		"SUBSCRIBE with reserved bits":   {"82 07 0001 00 000161 c0", malformed},
		"SUBSCRIBE with header flags 0":  {"80 07 0001 00 000161 00", "MalformedPacket"},
		"UNSUBSCRIBE without filters":    {"a2 03 0001 00", "ProtocolError"},
		"subscription identifier 0":      {"82 09 0001 02 0b00 000161 00", "ProtocolError"},
		"AUTH without a method":          {"f0 02 18 00", "ProtocolError"},
		"AUTH that nobody asked for":     {"f0 07 18 05 15 0002 6161", "ProtocolError"},
		"PUBREL with header flags 0":     {"60 02 0001", "MalformedPacket"},
		"PUBACK with an unlisted code":   {"40 03 0001 7e", malformed},
		"DISCONNECT of a server's":       {"e0 02 8e 00", "ProtocolError"},
		"an alias of 0":                  {"30 07 000161 03 23 0000", "TopicAliasInvalid|ProtocolError"},
		"an alias above the maximum":     {"30 07 000161 03 23 ffff", "TopicAliasInvalid"},
		"an alias that is unknown":       {"30 06 0000 03 23 0001", "ProtocolError"},
		"an identifier from a client":    {"30 06 000161 02 0b01", "ProtocolError"},
	})
}

// 10,000 user properties are answered at once; one more is too many.
func TestHostileUserProperties(t *testing.T) {
	overLoopback(t, broker.Options{}, func(s *siege) {
		g := s.connect("version=5 client-id=a")
		g.send("SUBSCRIBE packet-id=1 filter=a")
		g.expect("SUBACK GrantedQoS0")
		var p mqttwire.Properties
		for range 10_000 {
			p = p.AddUser("name", "value")
		}
		g.put(&mqttwire.Publish{Topic: "a", QoS: 1, PacketID: 7, Properties: p})
		got := g.expect("PUBLISH topic=a").(*mqttwire.Publish)
		if !slices.Equal(got.Properties, p) {
			s.Errorf("%d bytes of properties came back of %d", len(got.Properties), len(p))
		}
		g.expect("PUBACK Success packet-id=7")
		g.put(&mqttwire.Subscribe{PacketID: 2, Properties: p, Subscriptions: []mqttwire.Subscription{{Filter: "b"}}})
		g.expect("SUBACK GrantedQoS0")
		g.put(&mqttwire.Publish{Topic: "a", Properties: p.AddUser("one", "more")})
		g.expectClosed("DISCONNECT QuotaExceeded")
	})
}

// sample is one packet to be mutilated.
type sample struct {
	id      string
	version string
	connect bool
	bytes   []byte
}

// samples are the well-formed packets of the golden vectors that a client sends.
func samples(t *testing.T) (all []sample) {
	t.Helper()
	data, err := os.ReadFile("../mqttwire/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Packets []struct {
			ID, Version, Direction, Type, Hex string
			Valid                             any
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.Packets {
		if v.Valid == true && v.Direction != "s2c" {
			all = append(all, sample{v.ID, v.Version, v.Type == "CONNECT", unhex(t, v.Hex)})
		}
	}
	if len(all) < 80 {
		t.Fatalf("only %d packets", len(all))
	}
	return all
}

// host opens the connection that a mutilated packet is sent on.
func (p *sample) host(s *siege, n int) *guest {
	if p.connect {
		return s.knock(map[string]mqttwire.Version{"3.1": mqttwire.V31, "3.1.1": mqttwire.V311, "5.0": mqttwire.V5}[p.version])
	}
	return s.connect(fmt.Sprintf("version=%s clean-start=1 keep-alive=2 client-id=cut-%d", p.version, n))
}

// Every packet cut at every byte, and then either closed or left silent: that
// connection ends, in its time, and nothing of the packet is acted on.
func TestHostileCutPackets(t *testing.T) {
	inBubble(t, broker.Options{}, func(s *siege) {
		watcher := s.connect("version=5 client-id=watcher")
		watcher.send("SUBSCRIBE packet-id=1 filter=#")
		watcher.expect("SUBACK GrantedQoS0")
		step := 1
		if raceEnabled {
			step = 4
		}
		type victim struct {
			*guest
			what string
		}
		var silent []victim
		n := 0
		for _, p := range samples(t) {
			for i := 1; i < len(p.bytes); i += step {
				n++
				g := p.host(s, n)
				g.write(p.bytes[:i])
				g.Close()
				n++
				g = p.host(s, n)
				g.write(p.bytes[:i])
				silent = append(silent, victim{g, fmt.Sprintf("%s cut at %d", p.id, i)})
			}
		}
		start := time.Now()
		s.patience = 6 * time.Second
		for _, g := range silent {
			for p := g.next(); p != nil; p = g.next() {
				if p.Type() != mqttwire.DISCONNECT && p.Type() != mqttwire.CONNACK {
					s.Errorf("%s was answered with %v", g.what, p.Type())
				}
			}
		}
		if took := time.Since(start); took > 5*time.Second {
			s.Errorf("the last connection ended after %v", took)
		}
		s.patience = time.Second
		watcher.quiet(time.Second)
		t.Logf("%d packets", n)
	})
}

// Every packet with a body that is shorter or longer than it should be, and a
// fixed header that agrees. What is in the bytes behind is never acted on.
func TestHostileLengthenedPackets(t *testing.T) {
	inBubble(t, broker.Options{}, func(s *siege) {
		n := 0
		for _, p := range samples(t) {
			_, size := binary.Uvarint(p.bytes[1:]) // the encoding happens to be the same
			body := p.bytes[1+size:]
			var variants [][]byte
			for i := range body {
				variants = append(variants, raw(p.bytes[0], body[:i]...))
			}
			for _, more := range [][]byte{{0}, {0xC0, 0}, {0xFF, 0xFF, 0xFF}} {
				variants = append(variants, raw(p.bytes[0], slices.Concat(body, more)...))
			}
			if raceEnabled {
				variants = variants[max(0, len(variants)-8):]
			}
			for _, b := range variants {
				n++
				g := p.host(s, n)
				g.write(b)
				g.Conn.(interface{ CloseWrite() error }).CloseWrite()
				for answer := g.next(); answer != nil; answer = g.next() {
					if answer.Type() == mqttwire.PINGRESP && mqttwire.PacketType(b[0]>>4) != mqttwire.PINGREQ {
						s.Errorf("%s as % x was taken for a PINGREQ", p.id, b)
					}
				}
				g.Close()
			}
		}
		t.Logf("%d packets", n)
	})
}
