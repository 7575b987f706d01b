package mqttwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What cannot be said in a version, and what no version can say.
func TestAppendRefuses(t *testing.T) {
	long := strings.Repeat("a", maxString+1)
	method := Properties(nil).AddText(AuthenticationMethod, "X")
	one := []Subscription{{Filter: "a"}}
	for _, test := range []struct {
		name string
		p    Packet
		on   []Version
		want ReasonCode // Success: said
	}{
		{"QoS 3", &Publish{QoS: 3, Topic: "a", PacketID: 1}, all, MalformedPacket},
		{"DUP at QoS 0", &Publish{Dup: true, Topic: "a"}, all, MalformedPacket},
		{"no packet id", &Publish{QoS: 1, Topic: "a"}, all, ProtocolError},
		{"a packet id at QoS 0", &Publish{PacketID: 1, Topic: "a"}, all, Success},
		{"empty topic", &Publish{}, all, ProtocolError},
		{"empty topic with alias", &Publish{Properties: Properties(nil).AddNumber(TopicAlias, 1)}, []Version{V5}, Success},
		{"empty topic with alias on 3.x", &Publish{Properties: Properties(nil).AddNumber(TopicAlias, 1)}, three, ProtocolError},
		{"alias 0", &Publish{Topic: "a", Properties: Properties(nil).AddNumber(TopicAlias, 0)}, []Version{V5}, TopicAliasInvalid},
		{"wildcard", &Publish{Topic: "a/#"}, all, MalformedPacket},
		{"U+0000", &Publish{Topic: "a\x00"}, all, MalformedPacket},
		{"long topic", &Publish{Topic: long}, all, MalformedPacket},
		{"properties on 3.x", &Publish{Topic: "a", Properties: Properties{0xFF}}, three, Success},
		{"wrong property", &Publish{Topic: "a", Properties: Properties(nil).AddNumber(ReceiveMaximum, 1)}, []Version{V5}, MalformedPacket},
		{"long property", &Publish{Topic: "a", Properties: Properties(nil).AddText(ContentType, long)}, []Version{V5}, MalformedPacket},
		{"long user property", &Publish{Topic: "a", Properties: Properties(nil).AddUser("a", long)}, []Version{V5}, MalformedPacket},
		{"long binary property", &Publish{Topic: "a", Properties: Properties(nil).AddBinary(CorrelationData, []byte(long))}, []Version{V5}, MalformedPacket},
		{"text for a number", &Publish{Topic: "a", Properties: Properties(nil).AddText(TopicAlias, "a")}, []Version{V5}, MalformedPacket},
		{"binary for a text", &Publish{Topic: "a", Properties: Properties(nil).AddBinary(ContentType, nil)}, []Version{V5}, MalformedPacket},
		{"number for a text", &Publish{Topic: "a", Properties: Properties(nil).AddNumber(ContentType, 1)}, []Version{V5}, MalformedPacket},
		{"number too large", &Publish{Topic: "a", Properties: Properties(nil).AddNumber(TopicAlias, 65536)}, []Version{V5}, MalformedPacket},
		{"version", &Publish{Topic: "a"}, []Version{0, 6}, UnsupportedProtocolVersion},
		{"version of a CONNECT", &Connect{}, []Version{0, 6}, UnsupportedProtocolVersion},
		{"version of an ack", &Ack{Kind: PUBACK, PacketID: 1}, []Version{0, 6}, UnsupportedProtocolVersion},
		{"version of a ping", &Pingreq{}, []Version{0, 2, 6}, UnsupportedProtocolVersion},
		{"will QoS 3", &Connect{Will: &Will{Topic: "a", QoS: 3}}, all, MalformedPacket},
		{"empty will topic", &Connect{Will: &Will{}}, all, ProtocolError},
		{"will property in CONNECT", &Connect{Properties: Properties(nil).AddNumber(WillDelayInterval, 1)}, []Version{V5}, MalformedPacket},
		{"password alone", &Connect{HasPassword: true}, three, MalformedPacket},
		{"password alone on 5.0", &Connect{HasPassword: true}, []Version{V5}, Success},
		{"auth data without method", &Connect{Properties: Properties(nil).AddBinary(AuthenticationData, nil)}, []Version{V5}, ProtocolError},
		{"long client id", &Connect{ClientID: long}, all, MalformedPacket},
		{"long password", &Connect{HasUsername: true, HasPassword: true, Password: []byte(long)}, all, MalformedPacket},
		{"user name not UTF-8", &Connect{HasUsername: true, Username: "\xff"}, all, MalformedPacket},
		{"level 6", &Connect{Version: 6}, all, Success},
		{"session present with a refusal", &Connack{SessionPresent: true, Reason: NotAuthorized}, all, ProtocolError},
		{"no return code", &Connack{Reason: ProtocolError}, three, ProtocolError},
		{"not a CONNACK reason", &Connack{Reason: SessionTakenOver}, []Version{V5}, ProtocolError},
		{"ack of another kind", &Ack{Kind: PUBLISH, PacketID: 1}, all, MalformedPacket},
		{"ack of no kind", &Ack{PacketID: 1}, all, MalformedPacket},
		{"ack without id", &Ack{Kind: PUBACK}, all, ProtocolError},
		{"refusing PUBACK", &Ack{Kind: PUBACK, PacketID: 1, Reason: QuotaExceeded}, three, QuotaExceeded},
		{"PUBACK without subscribers", &Ack{Kind: PUBACK, PacketID: 1, Reason: NoMatchingSubscribers}, all, Success},
		{"PUBCOMP not found", &Ack{Kind: PUBCOMP, PacketID: 1, Reason: PacketIdentifierNotFound}, all, Success},
		{"PUBCOMP refusing", &Ack{Kind: PUBCOMP, PacketID: 1, Reason: QuotaExceeded}, []Version{V5}, ProtocolError},
		{"no filters", &Subscribe{PacketID: 1}, all, ProtocolError},
		{"bad filter", &Subscribe{PacketID: 1, Subscriptions: []Subscription{{Filter: "a#"}}}, all, ProtocolError},
		{"requested QoS 3", &Subscribe{PacketID: 1, Subscriptions: []Subscription{{Filter: "a", QoS: 3}}}, all, ProtocolError},
		{"retain handling 3", &Subscribe{PacketID: 1, Subscriptions: []Subscription{{Filter: "a", RetainHandling: 3}}}, []Version{V5}, ProtocolError},
		{"no local on a share", &Subscribe{PacketID: 1, Subscriptions: []Subscription{{Filter: "$share/g/a", NoLocal: true}}}, []Version{V5}, ProtocolError},
		{"subscribe without id", &Subscribe{Subscriptions: one}, all, ProtocolError},
		{"subscription identifier twice", &Subscribe{PacketID: 1, Subscriptions: one, Properties: Properties(nil).AddNumber(SubscriptionIdentifier, 1).AddNumber(SubscriptionIdentifier, 2)}, []Version{V5}, ProtocolError},
		{"no reasons", &Suback{PacketID: 1}, all, ProtocolError},
		{"SUBACK failure on 3.1", &Suback{PacketID: 1, Reasons: []ReasonCode{NotAuthorized}}, []Version{V31}, NotAuthorized},
		{"SUBACK failure", &Suback{PacketID: 1, Reasons: []ReasonCode{NotAuthorized}}, []Version{V311, V5}, Success},
		{"not a SUBACK reason", &Suback{PacketID: 1, Reasons: []ReasonCode{Banned}}, []Version{V5}, ProtocolError},
		{"not a 3.1.1 SUBACK reason", &Suback{PacketID: 1, Reasons: []ReasonCode{3}}, three, 3},
		{"nothing to unsubscribe", &Unsubscribe{PacketID: 1}, all, ProtocolError},
		{"UNSUBACK without reasons", &Unsuback{PacketID: 1}, []Version{V5}, ProtocolError},
		{"UNSUBACK without reasons on 3.x", &Unsuback{PacketID: 1}, three, Success},
		{"not a DISCONNECT reason", &Disconnect{Reason: GrantedQoS1}, []Version{V5}, ProtocolError},
		{"DISCONNECT on 3.x", &Disconnect{Reason: SessionTakenOver}, three, Success},
		{"AUTH on 3.x", &Auth{Reason: ContinueAuthentication, Properties: method}, three, MalformedPacket},
		{"AUTH without method", &Auth{Reason: ContinueAuthentication}, []Version{V5}, ProtocolError},
	} {
		for _, v := range test.on {
			name := fmt.Sprintf("%s in %v", test.name, v)
			b, err := test.p.Append([]byte("head"), v)
			checkReason(t, name, err, test.want)
			if err != nil && string(b) != "head" {
				t.Errorf("%s: left %q", name, b)
			}
		}
	}
}

var (
	all   = []Version{V31, V311, V5}
	three = []Version{V31, V311}
)

// The memory of these is never touched, so it costs nothing.
func TestAppendTooLong(t *testing.T) {
	p := &Publish{Topic: "a", Payload: make([]byte, maxVariableByte-4)}
	if b, _, err := p.appendHead(nil, V5, 0); err != nil || !bytes.Equal(b, wire("30 ffffff7f 0001 61 00")) {
		t.Errorf("the longest packet: %x, %v", b, err)
	}
	p.Payload = make([]byte, maxVariableByte-3)
	b, err := p.Append([]byte("head"), V5)
	checkReason(t, "PUBLISH", err, PacketTooLarge)
	f, _, err := p.AppendForward([]byte("head"), V5, Forward{})
	checkReason(t, "forwarded PUBLISH", err, PacketTooLarge)
	a := appender{dst: make([]byte, maxVariableByte+7), begin: 4, packet: SUBACK, version: V5}
	c, err := a.finish()
	checkReason(t, "SUBACK", err, PacketTooLarge)
	if len(b) != 4 || len(f) != 4 || len(c) != 4 {
		t.Errorf("left %d, %d and %d bytes", len(b), len(f), len(c))
	}
}

// The Remaining Length makes room for itself at each of its sizes.
func TestAppendLengths(t *testing.T) {
	for _, n := range []int{0, 1, 100, 127, 128, 129, 16_383, 16_384, 16_385, 2_097_151, 2_097_152, 3_000_000} {
		p := &Unsubscribe{PacketID: 1}
		for left := n; len(p.Filters) == 0 || left > 0; left -= min(left, 60_000) {
			p.Filters = append(p.Filters, strings.Repeat("f", max(1, min(left, 60_000))))
		}
		b, err := p.Append([]byte("head"), V311)
		if err != nil {
			t.Fatal(err)
		}
		q, used, err := (&Decoder{Version: V311}).Decode(b[4:])
		if err != nil || used != len(b)-4 || string(b[:4]) != "head" {
			t.Fatalf("%d: %d of %d, %v", n, used, len(b)-4, err)
		}
		if !slices.Equal(q.(*Unsubscribe).Filters, p.Filters) {
			t.Errorf("%d: other filters", n)
		}
	}
}

func TestAppendConnectAsItIs(t *testing.T) {
	for _, test := range []struct {
		p    Connect
		v    Version
		want string
	}{
		{Connect{ClientID: "a"}, V311, "100d 0004 4d515454 04 00 0000 0001 61"},
		{Connect{ClientID: "a"}, V31, "100f 0006 4d5149736470 03 00 0000 0001 61"},
		{Connect{ClientID: "a", Version: V5}, V311, "100e 0004 4d515454 05 00 0000 00 0001 61"},
		{Connect{ClientID: "a", Version: 6}, V311, "100d 0004 4d515454 06 00 0000 0001 61"},
		{Connect{ClientID: "a", ProtocolName: "NO"}, V311, "100b 0002 4e4f 04 00 0000 0001 61"},
	} {
		if b, err := test.p.Append(nil, test.v); err != nil || !bytes.Equal(b, wire(test.want)) {
			t.Errorf("%+v: %x, %v", test.p, b, err)
		}
	}
}

func TestAppendForward(t *testing.T) {
	properties := Properties(nil).AddNumber(TopicAlias, 7).AddUser("a", "1").AddNumber(MessageExpiryInterval, 100).
		AddNumber(SubscriptionIdentifier, 300).AddText(ContentType, "t").AddNumber(SubscriptionIdentifier, 1).AddUser("a", "2")
	kept := Properties(nil).AddUser("a", "1").AddNumber(MessageExpiryInterval, 100).AddText(ContentType, "t").AddUser("a", "2")
	aged := Properties(nil).AddUser("a", "1").AddNumber(MessageExpiryInterval, 60).AddText(ContentType, "t").AddUser("a", "2")
	gone := Properties(nil).AddUser("a", "1").AddNumber(MessageExpiryInterval, 0).AddText(ContentType, "t").AddUser("a", "2")
	for _, test := range []struct {
		f        Forward
		have     Properties
		want     Properties
		topic    string
		versions []Version
	}{
		{Forward{}, nil, nil, "a/b", all},
		{Forward{}, properties, kept, "a/b", all},
		{Forward{}, kept, kept, "a/b", all},
		{Forward{Waited: 40}, properties, aged, "a/b", all},
		{Forward{Waited: 40}, kept, aged, "a/b", all},
		{Forward{Waited: 101}, kept, gone, "a/b", all},
		{Forward{TopicAlias: 300}, properties, kept.AddNumber(TopicAlias, 300), "", []Version{V5}},
		{Forward{Waited: 40, TopicAlias: 3, SubscriptionIdentifiers: []uint32{1, 128, 1}}, properties,
			slices.Clone(aged).AddNumber(TopicAlias, 3).AddNumber(SubscriptionIdentifier, 1).AddNumber(SubscriptionIdentifier, 128).AddNumber(SubscriptionIdentifier, 1), "a/b", all},
		{Forward{SubscriptionIdentifiers: []uint32{maxVariableByte}}, nil, Properties(nil).AddNumber(SubscriptionIdentifier, maxVariableByte), "a/b", all},
	} {
		for _, v := range test.versions {
			for qos := range QoS(3) {
				in := &Publish{QoS: qos, Retain: true, Topic: test.topic, PacketID: 0xABCD, Properties: test.have, Payload: []byte("payload")}
				out := *in
				out.Properties = test.want
				want, err := out.Append([]byte("head"), v)
				if err != nil {
					t.Fatal(err)
				}
				got, at, err := in.AppendForward([]byte("head"), v, test.f)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%+v in %v: %v\n got %x\nwant %x", test.f, v, err, got, want)
				}
				if qos == 0 && at != -1 || qos > 0 && binary.BigEndian.Uint16(got[at:]) != 0xABCD {
					t.Errorf("QoS %d: packet id at %d of %x", qos, at, got)
				}
			}
		}
	}
}

// One encoding serves every receiver: only the packet id differs.
func TestAppendForwardPatch(t *testing.T) {
	p := &Publish{QoS: 1, Topic: "a", Payload: []byte("p")}
	b, at, err := p.AppendForward(nil, V5, Forward{})
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint16(b[at:], 77)
	p.PacketID = 77
	if want, _ := p.Append(nil, V5); !bytes.Equal(b, want) {
		t.Errorf("got %x, want %x", b, want)
	}
}

func TestAppendForwardRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		p    Publish
		v    Version
		f    Forward
		want ReasonCode
	}{
		{"QoS 3", Publish{QoS: 3}, V5, Forward{}, MalformedPacket},
		{"version", Publish{}, 0, Forward{}, UnsupportedProtocolVersion},
		{"topic", Publish{Topic: strings.Repeat("a", maxString+1)}, V5, Forward{}, MalformedPacket},
		{"identifier 0", Publish{}, V5, Forward{SubscriptionIdentifiers: []uint32{0}}, ProtocolError},
		{"identifier too large", Publish{}, V5, Forward{SubscriptionIdentifiers: []uint32{maxVariableByte + 1}}, ProtocolError},
		{"broken properties", Publish{Properties: Properties{3, 0}}, V5, Forward{}, MalformedPacket},
	} {
		b, at, err := test.p.AppendForward([]byte("head"), test.v, test.f)
		checkReason(t, test.name, err, test.want)
		if at != -1 || string(b) != "head" {
			t.Errorf("%s: %d, %q", test.name, at, b)
		}
	}
}
