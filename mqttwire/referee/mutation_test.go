package referee

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// flawless is a conversation of which there is nothing to say.
var flawless = strings.Split(strings.TrimSpace(`
> CONNECT client-id=a clean-start=1 keep-alive=60 receive-maximum=2 maximum-packet-size=100 topic-alias-maximum=2 request-problem-information=0
< CONNACK receive-maximum=2 maximum-packet-size=100 topic-alias-maximum=2 retain-available=0
> SUBSCRIBE packet-id=1 filter=a/# qos=1 subscription-identifier=5
< SUBACK packet-id=1 GrantedQoS1
> PUBLISH topic=x qos=1 packet-id=1 topic-alias=2 payload=1
> PUBLISH topic=x qos=2 packet-id=2 payload=2
< PUBACK packet-id=1
< PUBREC packet-id=2
> PUBREL packet-id=2
< PUBCOMP packet-id=2
< PUBLISH topic=a/1 qos=1 packet-id=1 subscription-identifier=5 payload=3
< PUBLISH topic=a/2 qos=1 packet-id=2 subscription-identifier=5 payload=4
> PUBACK packet-id=1
> PUBACK packet-id=2
> PINGREQ
< PINGRESP
> UNSUBSCRIBE packet-id=3 filter=a/#
< UNSUBACK packet-id=3 Success
> DISCONNECT
`), "\n")

// TestMutations breaks one line of it, &, at a time: exactly the statement that
// is broken is named, and whose doing it is.
func TestMutations(t *testing.T) {
	for _, m := range []struct{ line, becomes, want string }{
		{"", "", ""},
		{"< CONNACK", "< PUBLISH topic=a/1\n&", "server MQTT-3.2.0-1"},
		{"< CONNACK", "& session-present=1", "server MQTT-3.2.2-2, client MQTT-3.2.2-4"},
		{"< CONNACK", "& response-information=x", "server MQTT-3.1.2-28"},
		{"< CONNACK", "&\n< CONNACK", "server MQTT-3.2.0-2"},
		{"< CONNACK", "&\n> CONNECT client-id=a", "client MQTT-3.1.0-2, server MQTT-3.1.0-2"},
		{"< SUBACK", "< SUBACK packet-id=1 GrantedQoS1 GrantedQoS1", "server MQTT-3.8.4-6"},
		{"< SUBACK", "< SUBACK packet-id=1 GrantedQoS0", "server MQTT-3.8.4-8, server MQTT-3.8.4-8"},
		{"< SUBACK", "< SUBACK packet-id=1 GrantedQoS1\n< SUBACK packet-id=9 GrantedQoS1", "server MQTT-2.2.1-6"},
		{"< SUBACK", "< SUBACK packet-id=1 GrantedQoS1 reason-string=x", "server MQTT-3.1.2-29"},
		{"> PUBLISH topic=x qos=1", "> PUBLISH topic=x qos=1 packet-id=1 topic-alias=3", "client MQTT-3.2.2-17"},
		{"> PUBLISH topic=x qos=1", "> PUBLISH topic=x qos=1 packet-id=1 retain=1", "client MQTT-3.2.2-14"},
		{"> PUBLISH topic=x qos=1", "> PUBLISH qos=1 packet-id=1 topic-alias=1", "client 3.3.4"},
		{"> PUBLISH topic=x qos=2", "> PUBLISH topic=x qos=2 packet-id=2\n> PUBLISH topic=x packet-id=3 qos=1\n< PUBACK packet-id=3", "client MQTT-3.3.4-7"},
		{"> PUBLISH topic=x qos=2", "&\n> PUBLISH topic=x qos=2 packet-id=1\n< PUBREC packet-id=1\n> PUBREL packet-id=1\n< PUBCOMP packet-id=1", "client MQTT-2.2.1-3"},
		{"> PUBLISH topic=x qos=2", "> PUBLISH topic=x qos=2 packet-id=2 payload=" + strings.Repeat("x", 100), "client MQTT-3.2.2-15"},
		{"< PUBACK packet-id=1", "< PUBACK packet-id=1\n< PUBACK packet-id=1", "server MQTT-2.2.1-5"},
		{"< PUBREC packet-id=2", "< PUBREC packet-id=2\n> PUBLISH topic=x qos=2 packet-id=2 dup=1 payload=2", "client MQTT-4.4.0-1"},
		{"> PUBREL packet-id=2", "> PUBREL packet-id=2\n> PUBREL packet-id=7", "client MQTT-2.2.1-5"},
		{"> PUBREL packet-id=2", "< PUBCOMP packet-id=2\n> PUBREL packet-id=2", "server MQTT-4.3.3-11"},
		{"< PUBLISH topic=a/1", "< PUBLISH topic=a/1 qos=2 packet-id=3 subscription-identifier=5\n> PUBREC packet-id=3\n< PUBREL packet-id=3\n> PUBCOMP packet-id=3\n&", "server MQTT-3.8.4-8"},
		{"< PUBLISH topic=a/1", "< PUBLISH topic=a/1 qos=1 packet-id=1", "server MQTT-3.3.4-3"},
		{"< PUBLISH topic=a/1", "< PUBLISH topic=a/1 qos=1 packet-id=1 subscription-identifier=6", "server 3.3.2.3.8"},
		{"< PUBLISH topic=a/1", "< PUBLISH topic=a/1 qos=1 dup=1 packet-id=1 subscription-identifier=5", "server MQTT-3.3.1-3"},
		{"< PUBLISH topic=a/1", "< PUBLISH topic=a/1 qos=1 packet-id=1 subscription-identifier=5 topic-alias=3", "server MQTT-3.1.2-26"},
		{"< PUBLISH topic=a/2", "< PUBLISH topic=a/2 qos=1 packet-id=1 subscription-identifier=5\n< PUBLISH topic=a/2 qos=1 packet-id=2 subscription-identifier=5", "server MQTT-2.2.1-4"},
		{"> PUBACK packet-id=2", "< PUBLISH topic=a/2 qos=1 packet-id=3 subscription-identifier=5\n< PUBLISH topic=a/2 qos=1 packet-id=4 subscription-identifier=5\n&\n> PUBACK packet-id=3\n> PUBACK packet-id=4", "server MQTT-3.3.4-9"},
		{"< PUBLISH topic=a/2", "< PUBLISH topic=a/2 qos=1 packet-id=2 subscription-identifier=5 payload=" + strings.Repeat("x", 100), "server MQTT-3.1.2-24"},
		{"> PUBACK packet-id=1", "> PUBACK packet-id=2\n&", "client MQTT-4.6.0-2, client MQTT-2.2.1-5"},
		{"> PUBACK packet-id=1", "> PUBREC packet-id=1", "client MQTT-3.3.4-1"},
		{"> PINGREQ", "> AUTH ReAuthenticate authentication-method=x\n> PINGREQ", "client MQTT-4.12.0-7"},
		{"< PINGRESP", "< PINGRESP\n< PINGRESP", "server 3.13"},
		{"< UNSUBACK", "< UNSUBACK packet-id=3 Success Success", "server MQTT-3.11.3-1"},
		{"> DISCONNECT", "> DISCONNECT\n> PINGREQ", "client MQTT-3.14.4-1"},
		{"> DISCONNECT", "< DISCONNECT\n< PUBLISH topic=a/3 subscription-identifier=5", "server MQTT-3.14.4-1"},
	} {
		t.Run(m.becomes, func(t *testing.T) {
			lines := slices.Clone(flawless)
			i := slices.IndexFunc(lines, func(l string) bool { return m.line != "" && strings.HasPrefix(l, m.line) })
			if m.line != "" {
				lines[i] = strings.ReplaceAll(m.becomes, "&", lines[i])
			}
			p := &player{t: t, conversations: map[int]*Conversation{}, version: mqttwire.V5, versions: map[int]mqttwire.Version{}, step: 10 * time.Millisecond}
			p.options.Skew = -1
			for _, line := range strings.Split(strings.Join(append(lines, "finish now"), "\n"), "\n") {
				word, rest, _ := strings.Cut(line, " ")
				p.event(line, word, rest)
			}
			var got []string
			for _, f := range p.found {
				if f.Kind == Violation || m.want == "" {
					got = append(got, f.Side.String()+" "+f.Clause)
				}
			}
			if strings.Join(got, ", ") != m.want {
				t.Errorf("%q are told, want %q", got, m.want)
			}
		})
	}
}
