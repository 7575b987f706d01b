package mqttwire

import (
	"fmt"
	"testing"
)

// The counts are those under the tables of the standard, and one more for a
// server's DISCONNECT with BadAuthenticationMethod.
func TestReasonCounts(t *testing.T) {
	for packet, want := range map[PacketType][3]int{ // either, client, server
		CONNACK:     {22, 22, 22},
		PUBACK:      {9, 8, 9},
		PUBREC:      {9, 8, 9},
		PUBREL:      {2, 2, 2},
		PUBCOMP:     {2, 2, 2},
		SUBACK:      {12, 12, 12},
		UNSUBACK:    {7, 7, 7},
		DISCONNECT:  {30, 14, 29},
		AUTH:        {3, 2, 2},
		PUBLISH:     {},
		CONNECT:     {},
		SUBSCRIBE:   {},
		PINGREQ:     {},
		UNSUBSCRIBE: {},
		PINGRESP:    {},
	} {
		for side := range want {
			n := 0
			for r := range 256 {
				if ReasonCode(r).AllowedIn(packet, Side(side)) {
					n++
				}
			}
			if n != want[side] {
				t.Errorf("%v from %v: %d reasons, want %d", packet, Side(side), n, want[side])
			}
		}
	}
}

func TestReasonNames(t *testing.T) {
	for r := range 256 {
		r := ReasonCode(r)
		for packet := CONNECT; packet <= AUTH; packet++ {
			if !r.AllowedIn(packet, Either) {
				continue
			}
			for _, name := range []string{r.Name(packet), r.String()} {
				if got, ok := ParseReasonCode(name, packet); !ok || got != r {
					t.Errorf("%v %s: parsed to %v, %v", packet, name, got, ok)
				}
			}
			if r.Text(packet) == "" {
				t.Errorf("%v has no text", r)
			}
		}
	}
	for _, test := range [][2]string{
		{KeepAliveTimeout.String(), "KeepAliveTimeout"},
		{KeepAliveTimeout.Text(DISCONNECT), "keep alive timeout"},
		{ReasonCode(0x7F).String(), "0x7F"},
		{ReasonCode(0x7F).Text(PUBACK), "unknown reason 0x7F"},
		{Success.Text(CONNACK), "success"},
		{GrantedQoS0.Text(SUBACK), "granted QoS 0"},
		{Success.Text(DISCONNECT), "normal disconnection"},
		{GrantedQoS0.Name(SUBACK), "GrantedQoS0"},
		{NotAuthorized.Text(PUBACK), "not authorized"},
	} {
		if test[0] != test[1] {
			t.Errorf("got %q, want %q", test[0], test[1])
		}
	}
	if r, ok := ParseReasonCode("ServerBusy", PUBACK); ok {
		t.Errorf("PUBACK knows %v", r)
	}
}

func TestReturnCodes(t *testing.T) {
	for code, r := range returnCodes {
		if got, ok := r.ReturnCode(); !ok || int(got) != code {
			t.Errorf("%v: %d, %v", r, got, ok)
		}
	}
	if _, ok := MalformedPacket.ReturnCode(); ok {
		t.Error("MalformedPacket has a return code")
	}
	if code, _ := Banned.ReturnCode(); code != 5 {
		t.Errorf("Banned: %d", code)
	}
}

func TestErrorIsASentence(t *testing.T) {
	_, _, err := (&Decoder{Version: V5}).Decode([]byte{0x36, 0})
	if want := "PUBLISH with QoS 3: malformed packet (0x81, MQTT-3.3.1-4)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWords(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"3.1": V31, "3.1.1": V311, "5.0": V5, "level 6": Version(6),
		"client": Client, "server": Server, "either side": Either,
		"CONNECT": CONNECT, "AUTH": AUTH, "WILL": WillProperties, "packet type 16": PacketType(16),
		"topic-alias": TopicAlias,
	} {
		if got.String() != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}
