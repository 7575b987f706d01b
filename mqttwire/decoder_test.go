package mqttwire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func wire(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// What one version or one side is refused for and the other is not. The
// vectors have the rest.
func TestDecodeRules(t *testing.T) {
	for _, test := range []struct {
		name    string
		version Version
		from    Side
		hex     string
		want    ReasonCode // Success: accepted
	}{
		{"3.1 padded remaining length", V31, Client, "c080 00", Success},
		{"3.1.1 padded remaining length", V311, Client, "c080 80 00", Success},
		{"5.0 padded remaining length, seen before the body", V5, Client, "3083 00", MalformedPacket},
		{"5.0 CONNECT padded", 0, Client, "108e00 0004 4d515454 05 02 003c 00 0001 61", MalformedPacket},
		{"3.1.1 CONNECT padded", 0, Client, "108d00 0004 4d515454 04 02 003c 0001 61", Success},
		{"type 0 from its first byte", V5, Client, "00", MalformedPacket},
		{"not CONNECT first, from its first byte", 0, Client, "30", ProtocolError},
		{"AUTH on 3.1.1 from its first byte", V311, Either, "f0", MalformedPacket},
		{"flags from the first byte", V5, Client, "c1", MalformedPacket},
		{"direction from the first byte", V5, Client, "20", ProtocolError},
		{"3.1 unused header bits", V31, Client, "cf00", Success},
		{"3.1 PUBACK with header bits", V31, Client, "4f02 0001", Success},
		{"3.1 PUBREL without QoS 1", V31, Client, "6002 0001", MalformedPacket},
		{"3.1 SUBSCRIBE with retain bit", V31, Client, "8306 0001 0001 61 00", Success},
		{"3.1 requested QoS upper bits", V31, Client, "8206 0001 0001 61 fd", Success},
		{"3.1 requested QoS 3", V31, Client, "8206 0001 0001 61 03", ProtocolError},
		{"3.1 CONNECT header bits, flag 0, will bits, bytes behind", 0, Client, "1f12 0006 4d5149736470 03 3b 003c 0001 61 ffffff", Success},
		{"3.1 will QoS 3 with a will", 0, Client, "1014 0006 4d5149736470 03 1e 003c 0001 61 0001 77 0000", MalformedPacket},
		{"3.1 password without user flag", 0, Client, "1012 0006 4d5149736470 03 42 003c 0001 61 0001 70", MalformedPacket},
		{"3.1 user name cut", 0, Client, "1010 0006 4d5149736470 03 82 003c 0001 61 00", MalformedPacket},
		{"3.1 password missing", 0, Client, "1012 0006 4d5149736470 03 c2 003c 0001 61 0001 75", Success},
		{"3.1 bytes behind PINGREQ", V31, Client, "c001 00", MalformedPacket},
		{"3.1 bytes behind DISCONNECT", V31, Client, "e001 00", MalformedPacket},
		{"3.1 CONNACK reserved byte", V31, Server, "2002 0100", Success},
		{"3.1 SUBACK 0x80", V31, Server, "9003 0001 80", ProtocolError},
		{"3.1.1 CONNACK 6", V311, Server, "2002 0006", ProtocolError},
		{"3.1.1 CONNACK session present with a refusal", V311, Server, "2002 0105", ProtocolError},
		{"3.1.1 SUBACK without codes", V311, Server, "9002 0001", ProtocolError},
		{"3.1.1 UNSUBACK with bytes behind", V311, Server, "b003 0001 00", MalformedPacket},
		{"3.1.1 DISCONNECT of a server", V311, Server, "e000", ProtocolError},
		{"5.0 DISCONNECT of a server", V5, Server, "e000", Success},
		{"5.0 SUBACK without codes", V5, Server, "9003 0001 00", ProtocolError},
		{"5.0 PUBACK 0x10 of a client", V5, Client, "4003 0001 10", ProtocolError},
		{"5.0 PUBACK 0x10 of a server", V5, Server, "4003 0001 10", Success},
		{"5.0 PUBACK 0x10 of either", V5, Either, "4003 0001 10", Success},
		{"5.0 AUTH success of a client", V5, Client, "f006 00 04 15 0001 58", ProtocolError},
		{"5.0 AUTH re-authenticate of a server", V5, Server, "f006 19 04 15 0001 58", ProtocolError},
		{"5.0 bare AUTH", V5, Client, "f000", ProtocolError},
		{"5.0 AUTH of one byte", V5, Client, "f001 18", MalformedPacket},
		{"5.0 DISCONNECT 8C of a server", V5, Server, "e001 8c", Success},
		{"5.0 DISCONNECT 8C of a client", V5, Client, "e001 8c", ProtocolError},
		{"5.0 DISCONNECT 04 of a server", V5, Server, "e001 04", ProtocolError},
		{"5.0 DISCONNECT with server reference of a client", V5, Client, "e006 00 04 1c 0001 61", ProtocolError},
		{"5.0 empty response topic", V5, Client, "3007 0001 61 03 08 0000", ProtocolError},
		{"5.0 response topic with U+0000", V5, Client, "3008 0001 61 04 08 0001 00", MalformedPacket},
		{"5.0 property length of two bytes for one", V5, Client, "3005 0001 61 8000", MalformedPacket},
		{"5.0 property length of five bytes", V5, Client, "3008 0001 61 8080808001", MalformedPacket},
		{"5.0 subscription identifier padded", V5, Server, "3007 0001 61 03 0b 8100", MalformedPacket},
		{"5.0 subscription identifier of five bytes", V5, Server, "300a 0001 61 06 0b ffffffff7f", MalformedPacket},
		{"5.0 property identifier of two bytes", V5, Client, "3007 0001 61 03 8101 00", MalformedPacket},
		{"5.0 user property name cut", V5, Client, "3007 0001 61 03 26 0005", MalformedPacket},
		{"5.0 user property value cut", V5, Client, "3009 0001 61 05 26 0000 0001", MalformedPacket},
		{"5.0 will data in CONNECT: auth data without method", 0, Client, "1012 0004 4d515454 05 02 003c 04 16 0001 01 0001 63", ProtocolError},
		{"3.1.1 will topic with wildcard", 0, Client, "1013 0004 4d515454 04 06 003c 0001 63 0002 772b 0000", TopicNameInvalid},
		{"3.1.1 bad share", V311, Client, "820d 0001 0008 2473686172652f67 00", ProtocolError},
		{"5.0 UNSUBSCRIBE with a bad filter", V5, Client, "a207 0001 00 0002 6123", ProtocolError},
		{"5.0 UNSUBSCRIBE filter cut", V5, Client, "a206 0001 00 0002 61", MalformedPacket},
		{"3.1.1 DUP at QoS 0", V311, Server, "3803 0001 61", MalformedPacket},
		{"3.1 DUP at QoS 0", V31, Server, "3803 0001 61", MalformedPacket},
		{"5.0 empty topic with alias at QoS 1", V5, Client, "3208 0000 0001 03 23 0001", Success},
		{"3.1.1 empty topic", V311, Client, "3002 0000", ProtocolError},
	} {
		d := &Decoder{Version: test.version, From: test.from}
		b := wire(test.hex)
		_, n, err := d.Decode(fenced(b))
		if checkReason(t, test.name, err, test.want); err == nil && n != len(b) {
			t.Errorf("%s: %d of %d bytes", test.name, n, len(b))
		}
	}
}

func TestDecodeConnectVersion(t *testing.T) {
	for _, test := range []struct {
		hex     string
		name    string // "" with level 0: no packet
		level   Version
		version Version // what the Decoder then speaks
		want    ReasonCode
	}{
		{"100e 0004 4d515454 05 02 003c 00 0001 61", "MQTT", 5, V5, Success},
		{"100d 0004 4d515454 04 02 003c 0001 61", "MQTT", 4, V311, Success},
		{"100f 0006 4d5149736470 03 02 003c 0001 61", "MQIsdp", 3, V31, Success},
		{"100d 0004 4d515454 06 02 003c 0001 61", "MQTT", 6, 0, UnsupportedProtocolVersion},
		{"100d 0004 4d515454 03 02 003c 0001 61", "MQTT", 3, 0, UnsupportedProtocolVersion},
		{"1009 0006 4d5149736470 05", "MQIsdp", 5, 0, UnsupportedProtocolVersion},
		{"1f07 0004 4e4f5045 04", "NOPE", 4, 0, UnsupportedProtocolVersion},
		{"1007 0004 4dff5454 04", "", 0, 0, MalformedPacket},
		{"1006 0004 4d515454", "", 0, 0, MalformedPacket},
		{"100d 0004 4d515454 05 03 003c 0001 61", "", 0, V5, MalformedPacket}, // says which version the refusal speaks
	} {
		d := &Decoder{}
		p, _, err := d.Decode(fenced(wire(test.hex)))
		checkReason(t, test.hex, err, test.want)
		if d.Version != test.version {
			t.Errorf("%s: version %v, want %v", test.hex, d.Version, test.version)
		}
		connect, ok := p.(*Connect)
		if ok != (test.name != "") || ok && (connect.ProtocolName != test.name || connect.Version != test.level) {
			t.Errorf("%s: packet %+v", test.hex, p)
		}
	}
}

func TestDecodeLimits(t *testing.T) {
	publish := wire("3005 0001 61 00 78")
	for _, limit := range []uint32{7, 8} {
		if _, n, err := (&Decoder{Version: V5, Limits: Limits{MaxPacketSize: limit}}).Decode(publish); n != 7 || err != nil {
			t.Errorf("limit %d: %d, %v", limit, n, err)
		}
	}
	d := &Decoder{Version: V5, Limits: Limits{MaxPacketSize: 6}}
	_, _, err := d.Decode(publish[:2])
	checkReason(t, "judged on the fixed header", err, PacketTooLarge)

	// A CONNECT that is too large still tells in which version to say so.
	d = &Decoder{Limits: Limits{MaxPacketSize: 100}}
	p, n, err := d.Decode(wire("10ff7f 0004 4d515454 05"))
	checkReason(t, "CONNECT", err, PacketTooLarge)
	if connect, ok := p.(*Connect); !ok || n != 0 || connect.Version != V5 || d.Version != V5 {
		t.Errorf("%+v, %v", p, d.Version)
	}
	d = &Decoder{Limits: Limits{MaxPacketSize: 100}}
	if p, _, err := d.Decode(wire("10ff7f 0004")); p != nil || d.Version != 0 {
		t.Errorf("%v, %v", p, err)
	}

	_, _, err = (&Decoder{Version: V5, From: Server, Limits: Limits{MaxPacketSize: 6}}).Decode(publish)
	if bad, ok := err.(*Error); !ok || bad.Clause != "MQTT-3.1.2-24" {
		t.Errorf("the client's limit: %v", err)
	}

	d = &Decoder{Version: V5, Limits: Limits{MaxFilters: 2}}
	_, _, err = d.Decode(wire("820b 0001 00 0001 61 00 0001 62 00"))
	checkReason(t, "two filters", err, Success)
	_, _, err = d.Decode(wire("820f 0001 00 0001 61 00 0001 62 00 0001 63 00"))
	checkReason(t, "three filters", err, QuotaExceeded)
	_, _, err = d.Decode(wire("a20c 0001 00 0001 61 0001 62 0001 63"))
	checkReason(t, "three filters to unsubscribe", err, QuotaExceeded)

	// Those of the Will count too.
	d = &Decoder{Limits: Limits{MaxUserProperties: 2}}
	connect := &Connect{Properties: Properties(nil).AddUser("", ""), Will: &Will{Topic: "w", Properties: Properties(nil).AddUser("", "")}}
	b, _ := connect.Append(nil, V5)
	_, _, err = d.Decode(b)
	checkReason(t, "two user properties", err, Success)
	connect.Will.Properties = connect.Will.Properties.AddUser("", "")
	b, _ = connect.Append(nil, V5)
	_, _, err = d.Decode(b)
	checkReason(t, "three user properties", err, QuotaExceeded)
}

// With work per property that grew with their number this would not end.
func TestDecodeManyUserProperties(t *testing.T) {
	const count = 300_000
	var properties Properties
	for range count {
		properties = properties.AddUser("n", "v")
	}
	b, err := (&Publish{Topic: "a", Properties: properties}).Append(nil, V5)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := (&Decoder{Version: V5}).Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range p.(*Publish).Properties.User() {
		n++
	}
	if n != count {
		t.Errorf("%d user properties", n)
	}
	_, _, err = (&Decoder{Version: V5, Limits: Limits{MaxUserProperties: 10_000}}).Decode(b)
	checkReason(t, "too many", err, QuotaExceeded)
}

// A Decoder keeps no memory of a packet: neither the buffer nor huge lists.
func TestDecodeForgets(t *testing.T) {
	subscribe := &Subscribe{PacketID: 1}
	for i := range 1000 {
		subscribe.Subscriptions = append(subscribe.Subscriptions, Subscription{Filter: fmt.Sprint(i)})
	}
	d := &Decoder{Version: V5}
	for _, p := range []Packet{
		&Publish{Topic: "topic", Payload: []byte("payload"), Properties: Properties(nil).AddUser("a", "b")},
		subscribe,
		&Unsubscribe{PacketID: 1, Filters: []string{"a", "b"}},
		&Auth{Reason: ContinueAuthentication, Properties: Properties(nil).AddText(AuthenticationMethod, "X")},
		&Connack{Properties: Properties(nil).AddText(ReasonString, "x")},
		&Disconnect{Properties: Properties(nil).AddText(ReasonString, "x")},
		&Ack{Kind: PUBREC, PacketID: 1, Properties: Properties(nil).AddText(ReasonString, "x")},
		&Connect{ClientID: "c", Will: &Will{Topic: "w"}},
	} {
		b, err := p.Append(nil, V5)
		if err != nil {
			t.Fatal(err)
		}
		if _, n, err := d.Decode(b); n != len(b) || err != nil {
			t.Fatalf("%v: %v", p.Type(), err)
		}
		if _, n, err := d.Decode(b[:0]); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		clean := &Decoder{Version: V5}
		clean.subscribe.Subscriptions, clean.unsubscribe.Filters = d.subscribe.Subscriptions, d.unsubscribe.Filters
		if fmt.Sprint(clean) != fmt.Sprint(d) {
			t.Errorf("%v is remembered: %+v", p.Type(), d)
		}
		if cap(d.subscribe.Subscriptions) > keepElements {
			t.Errorf("a list of %d subscriptions is kept", cap(d.subscribe.Subscriptions))
		}
		for _, filter := range d.unsubscribe.Filters[:cap(d.unsubscribe.Filters)] {
			if filter != "" {
				t.Errorf("filter %q is kept", filter)
			}
		}
	}
}

// Views have no room behind them, so that an append to one does not write
// into the buffer.
func TestDecodeViewsAreCut(t *testing.T) {
	p := &Publish{QoS: 1, PacketID: 1, Topic: "a", Payload: []byte("p"), Properties: Properties(nil).AddBinary(CorrelationData, []byte{1}).AddUser("n", "v")}
	b, err := p.Append(nil, V5)
	if err != nil {
		t.Fatal(err)
	}
	whole := append(bytes.Clone(b), 0xA5)
	got, _, err := (&Decoder{Version: V5}).Decode(whole)
	if err != nil {
		t.Fatal(err)
	}
	q := got.(*Publish)
	data, _ := q.Properties.Binary(CorrelationData)
	_ = append(q.Payload, 1, 2, 3)
	_ = append(q.Properties, 1, 2, 3)
	_ = append(data, 1, 2, 3)
	for x := range q.Properties.All() {
		_ = append(x.Value, 1, 2, 3)
		_ = append(x.Name, 1, 2, 3)
	}
	if !bytes.Equal(whole[:len(b)], b) || whole[len(b)] != 0xA5 {
		t.Errorf("the buffer became %x", whole)
	}
}

func TestDecodeErrorsAreTyped(t *testing.T) {
	_, _, err := (&Decoder{Version: V5}).Decode([]byte{0})
	if bad := (*Error)(nil); !errors.As(err, &bad) {
		t.Errorf("%T", err)
	}
}
