package commands

import (
	"strings"
	"testing"

	"mqtk/mqttwire"
)

// TestTraced: what --debug prints of a packet is short, holds no secret, and is
// a line of the text form still.
func TestTraced(t *testing.T) {
	secret := mqttwire.Properties(nil).AddText(mqttwire.AuthenticationMethod, "M").AddBinary(mqttwire.AuthenticationData, []byte("secret"))
	for _, test := range []struct {
		packet mqttwire.Packet
		want   string
	}{
		{
			&mqttwire.Publish{Topic: "a", Payload: []byte(strings.Repeat("x", 64))},
			"PUBLISH topic=a payload=" + strings.Repeat("x", 64),
		},
		{
			&mqttwire.Publish{Topic: "a", Payload: []byte(strings.Repeat("x", 2000000))},
			"PUBLISH topic=a payload=" + strings.Repeat("x", 64) + " # 2000000 bytes",
		},
		{
			&mqttwire.Publish{Topic: "a", Payload: []byte("x" + strings.Repeat("ü", 40))},
			"PUBLISH topic=a payload=x" + strings.Repeat("ü", 31) + " # 81 bytes",
		},
		{
			&mqttwire.Publish{Topic: "a", Payload: make([]byte, 65)},
			"PUBLISH topic=a hex=" + strings.Repeat("00", 64) + " # 65 bytes",
		},
		{
			&mqttwire.Connect{Version: mqttwire.V311, ClientID: "a", HasUsername: true, Username: "u", HasPassword: true, Password: []byte("secret")},
			"CONNECT version=3.1.1 client-id=a username=u password=***",
		},
		{
			&mqttwire.Connect{Version: mqttwire.V5, ClientID: "a", HasPassword: true, Password: []byte("secret\x00"), Properties: secret},
			"CONNECT version=5.0 client-id=a authentication-method=M authentication-data=*** password=***",
		},
		{
			&mqttwire.Connect{Version: mqttwire.V31, ClientID: "a", Will: &mqttwire.Will{Topic: "w", Payload: []byte(strings.Repeat("x", 65))}},
			"CONNECT version=3.1 client-id=a will-topic=w will-payload=" + strings.Repeat("x", 64) + " # 65 bytes",
		},
	} {
		got := traced(test.packet, mqttwire.V5)
		if got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		if _, err := mqttwire.ParseLine(got); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
}
