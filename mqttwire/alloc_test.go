package mqttwire

import (
	"encoding/binary"
	"testing"
)

// hot are packets as they come again and again on a busy connection.
func hot() map[string]Packet {
	properties := Properties(nil).AddNumber(MessageExpiryInterval, 3600).AddNumber(TopicAlias, 3).AddUser("content", "json").AddText(ContentType, "application/json; charset=utf-8")
	payload := []byte(`{"temperature": 21.5, "unit": "C"}`)
	filters := []string{"sensors/+/temperature", "$share/group/alarms/#"}
	return map[string]Packet{
		"CONNECT": &Connect{ClientID: "client-1", CleanStart: true, KeepAlive: 60, HasUsername: true, Username: "user", HasPassword: true, Password: []byte("secret"),
			Will: &Will{Topic: "state/client-1", Payload: []byte("gone")}},
		"CONNACK":                 &Connack{Properties: Properties(nil).AddNumber(ReceiveMaximum, 100)},
		"PUBLISH QoS 0":           &Publish{Topic: "sensors/hall/temperature", Payload: payload},
		"PUBLISH QoS 1":           &Publish{QoS: 1, PacketID: 77, Topic: "sensors/hall/temperature", Payload: payload},
		"PUBLISH with properties": &Publish{QoS: 2, PacketID: 77, Topic: "sensors/hall/temperature", Payload: payload, Properties: properties},
		"PUBLISH not ASCII":       &Publish{Topic: "Fühler/Küche/Temperatur in der Mitte", Payload: payload},
		"PUBACK":                  &Ack{Kind: PUBACK, PacketID: 77},
		"PUBREC":                  &Ack{Kind: PUBREC, PacketID: 77, Reason: NoMatchingSubscribers},
		"PUBREL":                  &Ack{Kind: PUBREL, PacketID: 77},
		"PUBCOMP":                 &Ack{Kind: PUBCOMP, PacketID: 77},
		"SUBSCRIBE":               &Subscribe{PacketID: 1, Properties: Properties(nil).AddNumber(SubscriptionIdentifier, 5), Subscriptions: []Subscription{{Filter: filters[0], QoS: 1}, {Filter: filters[1]}}},
		"SUBACK":                  &Suback{PacketID: 1, Reasons: []ReasonCode{GrantedQoS1, GrantedQoS0}},
		"UNSUBSCRIBE":             &Unsubscribe{PacketID: 1, Filters: filters},
		"UNSUBACK":                &Unsuback{PacketID: 1, Reasons: []ReasonCode{Success, NoSubscriptionExisted}},
		"PINGREQ":                 &Pingreq{},
		"PINGRESP":                &Pingresp{},
		"DISCONNECT":              &Disconnect{Reason: SessionTakenOver},
		"AUTH":                    &Auth{Reason: ContinueAuthentication, Properties: Properties(nil).AddText(AuthenticationMethod, "SCRAM-SHA-256").AddBinary(AuthenticationData, payload)},
	}
}

// The promise of the package: neither way allocates.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, p := range hot() {
		for _, v := range all {
			buffer := make([]byte, 0, 4096)
			b, err := p.Append(nil, v)
			if err != nil {
				continue // not a packet of v
			}
			if n := testing.AllocsPerRun(100, func() {
				if _, err := p.Append(buffer, v); err != nil {
					t.Error(err)
				}
			}); n != 0 {
				t.Errorf("append %s in %v: %v allocations", name, v, n)
			}
			d := &Decoder{Version: v}
			if n := testing.AllocsPerRun(100, func() {
				if _, n, err := d.Decode(b); n != len(b) || err != nil {
					t.Error(n, err)
				}
			}); n != 0 {
				t.Errorf("decode %s in %v: %v allocations", name, v, n)
			}
		}
	}
}

func TestAllocationsOfReading(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	p := hot()["PUBLISH with properties"].(*Publish)
	out := make([]byte, 0, 4096)
	identifiers := []uint32{1, 300}
	for name, f := range map[string]func(){
		"AppendForward": func() {
			_, _, _ = p.AppendForward(out, V5, Forward{Waited: 5, TopicAlias: 1, SubscriptionIdentifiers: identifiers})
		},
		"AppendWithout": func() { p.Properties.AppendWithout(out, TopicAlias, SubscriptionIdentifier) },
		"Number":        func() { p.Properties.Number(TopicAlias) },
		"Text":          func() { p.Properties.Text(ContentType) },
		"User": func() {
			for name, value := range p.Properties.User() {
				_, _ = name, value
			}
		},
		"All": func() {
			for x := range p.Properties.All() {
				_ = x
			}
		},
		"CheckTopicName": func() { _ = CheckTopicName("sensors/a quite long name of a topic, longer than a small buffer") },
		"CheckTopicFilter": func() {
			_ = CheckTopicFilter("$share/group/sensors/a quite long topic filter, longer than a small buffer/é/+/#")
		},
		"Match": func() { Match("sensors/+/temperature/#", "sensors/hall/temperature/1") },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"PUBLISH QoS 0", "PUBLISH QoS 1", "PUBLISH with properties", "PUBLISH not ASCII", "PUBACK", "CONNECT", "SUBSCRIBE"} {
		b.Run(name, func(b *testing.B) {
			packet, err := hot()[name].Append(nil, V5)
			if err != nil {
				b.Fatal(err)
			}
			d := &Decoder{Version: V5}
			b.SetBytes(int64(len(packet)))
			b.ReportAllocs()
			for b.Loop() {
				if _, n, _ := d.Decode(packet); n == 0 {
					b.Fatal("not decoded")
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"PUBLISH QoS 0", "PUBLISH QoS 1", "PUBLISH with properties", "PUBACK", "CONNECT", "SUBACK"} {
		b.Run(name, func(b *testing.B) {
			p, buffer := hot()[name], make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Append(buffer, V5); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkForward(b *testing.B) {
	p, buffer := hot()["PUBLISH with properties"].(*Publish), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		out, at, err := p.AppendForward(buffer, V5, Forward{Waited: 1})
		if err != nil {
			b.Fatal(err)
		}
		binary.BigEndian.PutUint16(out[at:], 9)
	}
}

func BenchmarkMatch(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if !Match("sensors/+/temperature/#", "sensors/hall/temperature/1") {
			b.Fatal("no match")
		}
	}
}
