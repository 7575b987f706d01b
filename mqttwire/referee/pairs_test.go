package referee

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// TestPairs compares what each packet answers, and which hand-shake it ends.
func TestPairs(t *testing.T) {
	p := &player{t: t, conversations: map[int]*Conversation{}, version: mqttwire.V5, step: 10 * time.Millisecond}
	p.play(`
> CONNECT client-id=a clean-start=1 authentication-method=x
< AUTH ContinueAuthentication authentication-method=x
> AUTH ContinueAuthentication authentication-method=x
< CONNACK authentication-method=x
> PUBLISH topic=a qos=1 packet-id=1
> PUBLISH topic=a qos=2 packet-id=2
> SUBSCRIBE packet-id=3 filter=b
> UNSUBSCRIBE packet-id=4 filter=b
> PINGREQ
< PUBACK packet-id=1
< PUBREC packet-id=2
> PUBREL packet-id=2
< SUBACK packet-id=3 GrantedQoS0
< UNSUBACK packet-id=4 Success
< PINGRESP
< PUBCOMP packet-id=2
> AUTH ReAuthenticate authentication-method=x
< AUTH Success authentication-method=x
`)
	want := []struct {
		answers int
		ends    Handshake
		took    time.Duration
	}{
		{}, {1, 0, 0}, {2, 0, 0}, {1, ConnectHandshake, 30}, {}, {}, {}, {}, {},
		{5, PublishQoS1, 50}, {6, 0, 0}, {11, 0, 0}, {7, SubscribeHandshake, 60}, {8, UnsubscribeHandshake, 60},
		{9, PingHandshake, 60}, {12, PublishQoS2, 100}, {}, {17, AuthHandshake, 10},
	}
	if len(p.packets) != len(want) {
		t.Fatalf("%d packets, want %d", len(p.packets), len(want))
	}
	for i, w := range want {
		got := p.packets[i]
		if got.Answers != w.answers || got.Ends != w.ends || got.Took != w.took*time.Millisecond {
			t.Errorf("packet %d answers %d and ends %s in %v, want %d, %s, %v", i+1, got.Answers, got.Ends, got.Took, w.answers, w.ends, w.took*time.Millisecond)
		}
	}
}

// TestPacketsOfOneFeed: packets that come at once are told apart.
func TestPacketsOfOneFeed(t *testing.T) {
	var b []byte
	for _, text := range []string{"CONNECT version=5 clean-start=1 client-id=a", "PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=b qos=1 packet-id=2",
		"SUBSCRIBE packet-id=3 filter=c", "SUBSCRIBE packet-id=4 filter=d"} {
		p, err := mqttwire.ParseText(text, mqttwire.V5)
		if err != nil {
			t.Fatal(err)
		}
		b, err = p.Append(b, mqttwire.V5)
		if err != nil {
			t.Fatal(err)
		}
	}
	packets := New(Options{}).Feed(mqttwire.Client, time.Unix(1, 0), b)
	if len(packets) != 5 {
		t.Fatalf("%d packets", len(packets))
	}
	for _, p := range packets {
		if text := mqttwire.LineOf(p.Packet, mqttwire.V5).String(); text != p.Line.String() {
			t.Errorf("packet %d is %s, and became %s", p.Number, p.Line.String(), text)
		}
	}
}

// TestManyPings: more of them may be under way than are remembered one by one.
func TestManyPings(t *testing.T) {
	c := New(Options{})
	const count = 1<<16 + 1000
	at := time.Unix(1, 0)
	c.Feed(mqttwire.Client, at, []byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"))
	c.Feed(mqttwire.Server, at, []byte{0x20, 2, 0, 0})
	c.Feed(mqttwire.Client, at, bytes.Repeat([]byte{0xc0, 0}, count))
	for i, p := range c.Feed(mqttwire.Server, at.Add(time.Second), bytes.Repeat([]byte{0xd0, 0}, count)) {
		if len(p.Findings) != 0 {
			t.Fatalf("PINGRESP %d: %v", i, p.Findings)
		}
		if i == 5 && p.Answers != 8 {
			t.Errorf("PINGRESP %d answers packet %d", i, p.Answers)
		}
	}
	if len(c.pings) != 0 || c.morePings != 0 {
		t.Errorf("%d and %d are under way", len(c.pings), c.morePings)
	}
}

// TestStatement: 3.1 has no numbers of its own.
func TestStatement(t *testing.T) {
	for _, test := range []struct{ version, line, want string }{
		{"5.0", "> CONNECT client-id=a clean-start=1", "MQTT-3.1.0-2"},
		{"3.1.1", "> CONNECT client-id=a clean-start=1", "MQTT-3.1.0-2"},
		{"3.1", "> CONNECT client-id=a clean-start=1", "MQTT-3.1.0-2 of MQTT 3.1.1"},
		{"3.1", "< CONNACK", "3.2"},
	} {
		p := &player{t: t, conversations: map[int]*Conversation{}, version: mqttwire.V5, step: 10 * time.Millisecond}
		p.play("version " + test.version + "\n> CONNECT client-id=a clean-start=1\n< CONNACK\n")
		word, rest, _ := strings.Cut(test.line, " ")
		p.event(test.line, word, rest)
		if len(p.found) != 1 || p.found[0].Statement() != test.want {
			t.Errorf("%s in %s: %v, want %s", test.line, test.version, p.found, test.want)
		}
	}
}
