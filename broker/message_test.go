package broker

import (
	"fmt"
	"strings"
	"testing"

	"mqtk/mqttwire"
)

// A kept message is what was published and nothing of it is borrowed, whatever
// its size; its packet is what any other of the kind is.
func TestKeptMessages(t *testing.T) {
	for _, topic := range []string{"t", strings.Repeat("t", 100), strings.Repeat("t", 65535)} {
		for size := range 400 {
			for _, v := range []mqttwire.Version{mqttwire.V31, mqttwire.V311, mqttwire.V5} {
				payload := []byte(strings.Repeat("x", size))
				view := Message{Topic: topic, Payload: payload, QoS: 2, Retain: true, From: "me"}
				kept := view.keep(strings.Clone(topic), v)
				own := view.keep("", v)
				clear(payload)
				for _, m := range []*Message{kept, own} {
					if m.Topic != topic || string(m.Payload) != strings.Repeat("x", size) || m.Properties != nil || m.QoS != 2 || !m.Retain || m.From != "me" {
						t.Fatalf("topic of %d, payload of %d: kept %.200q", len(topic), size, fmt.Sprintf("%+v", m))
					}
					if encoded := m.wireOf != 0; encoded != (len(topic) <= size+shortTopic) {
						t.Fatalf("topic of %d, payload of %d: encoded %t", len(topic), size, encoded)
					} else if !encoded {
						continue
					}
					p := mqttwire.Publish{QoS: 1, PacketID: 0x1234, Topic: m.Topic, Payload: m.Payload}
					want, err := p.Append(nil, v)
					wire := append([]byte(nil), m.wire...)
					wire[m.wireID], wire[m.wireID+1] = 0x12, 0x34
					if err != nil || string(wire) != string(want) {
						t.Fatalf("topic of %d, payload of %d, %v: %.100x, want %.100x, %v", len(topic), size, v, wire, want, err)
					}
				}
			}
		}
	}
}

// What changes while it waits, or is not for everybody, is encoded when it is sent.
func TestKeptMessagesWithProperties(t *testing.T) {
	for _, p := range []mqttwire.Properties{
		mqttwire.Properties(nil).AddNumber(mqttwire.MessageExpiryInterval, 9),
		mqttwire.Properties(nil).AddUser("a", "b"),
	} {
		view := Message{Topic: "t", Payload: []byte("x"), Properties: p}
		if m := view.keep("", mqttwire.V5); m.wireOf != 0 || string(m.Properties) != string(p) || string(m.Payload) != "x" || m.Topic != "t" {
			t.Errorf("kept %+v", m)
		}
	}
}

func BenchmarkKeep(b *testing.B) {
	for _, size := range []int{16, 64, 256, 1024} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			view := Message{Topic: "sensors/1/temperature", Payload: make([]byte, size), QoS: 1}
			topic := strings.Clone(view.Topic)
			b.ReportAllocs()
			for b.Loop() {
				view.keep(topic, mqttwire.V311)
			}
		})
	}
}
