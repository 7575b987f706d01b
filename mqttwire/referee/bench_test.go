package referee

import (
	"testing"
	"time"

	"mqtk/mqttwire"
)

// BenchmarkFeed is what a message at QoS 1 and its acknowledgement cost.
func BenchmarkFeed(b *testing.B) {
	c := New(Options{Skew: -1})
	at := time.Unix(0, 0)
	say := func(from mqttwire.Side, p mqttwire.Packet) []byte {
		raw, err := p.Append(nil, mqttwire.V5)
		if err != nil {
			b.Fatal(err)
		}
		return raw
	}
	c.Feed(mqttwire.Client, at, say(mqttwire.Client, &mqttwire.Connect{Version: mqttwire.V5, ClientID: "a", CleanStart: true}))
	c.Feed(mqttwire.Server, at, say(mqttwire.Server, &mqttwire.Connack{}))
	c.Feed(mqttwire.Client, at, say(mqttwire.Client, &mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: "rooms/+", QoS: 1}}}))
	c.Feed(mqttwire.Server, at, say(mqttwire.Server, &mqttwire.Suback{PacketID: 1, Reasons: []mqttwire.ReasonCode{1}}))
	publish := say(mqttwire.Server, &mqttwire.Publish{Topic: "rooms/1", QoS: 1, PacketID: 7, Payload: make([]byte, 100)})
	ack := say(mqttwire.Client, &mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: 7})
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range c.Feed(mqttwire.Server, at, publish) {
			if len(p.Findings) > 0 {
				b.Fatal(p.Findings)
			}
		}
		for _, p := range c.Feed(mqttwire.Client, at, ack) {
			if len(p.Findings) > 0 {
				b.Fatal(p.Findings)
			}
		}
	}
}

// What nothing answers must not make every packet dear.
func TestDoubtsCostLittle(t *testing.T) {
	c := New(Options{Skew: time.Second})
	for range mostDoubts {
		c.doubt(Finding{Text: "doubtful"}, mqttwire.Server, func(mqttwire.Packet) bool { return false }, nil)
	}
	if n := testing.AllocsPerRun(10, func() { c.settle(mqttwire.Server, &mqttwire.Pingresp{}) }); n != 0 || len(c.doubts) != mostDoubts {
		t.Errorf("%v allocations, %d doubts are left", n, len(c.doubts))
	}
}

// Findings that have no room to wait are not told, but that is.
func TestTooManyDoubtsAreTold(t *testing.T) {
	c := New(Options{Skew: time.Second})
	for range mostDoubts + 2 {
		c.doubt(Finding{Text: "doubtful"}, mqttwire.Server, func(mqttwire.Packet) bool { return false }, nil)
	}
	if found := c.tell(); len(found) != 1 || found[0].Kind != Note {
		t.Errorf("%v, want one note", found)
	}
}
