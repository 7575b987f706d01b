package mqttwire

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What a script author may write, and how it is written in full.
func TestTextIsLenient(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"pingreq", "PINGREQ"},
		{"PINGREQ\r\n", "PINGREQ"},
		{"  PUBACK \t packet-id=7  # done", "PUBACK packet-id=7"},
		{"#nothing", "error"},
		{"PUBACK packet-id=7 0x87", "PUBACK NotAuthorized packet-id=7"},
		{"PUBACK packet-id=0x7 notauthorized", "PUBACK NotAuthorized packet-id=7"},
		{"CONNACK", "CONNACK Success"},
		{"CONNACK NormalDisconnection", "CONNACK Success"},
		{"CONNACK KeepAliveTimeout", "CONNACK KeepAliveTimeout"},
		{"CONNACK 0x7f", "CONNACK 0x7F"},
		{"CONNACK retain-available=false session-present=true", "CONNACK Success session-present=1 retain-available=0"},
		{"DISCONNECT", "DISCONNECT NormalDisconnection"},
		{"SUBACK GrantedQoS1 packet-id=1 Success 0x80", "SUBACK GrantedQoS1 GrantedQoS0 UnspecifiedError packet-id=1"},
		{"CONNECT client-id=a version=5.0", "CONNECT version=5 client-id=a"},
		{"CONNECT client-id=a", "CONNECT version=5 client-id=a"},
		{"CONNECT version=3.1", "CONNECT version=3"},
		{"CONNECT version=3 protocol-name=MQTT", "CONNECT version=3 protocol-name=MQTT"},
		{"CONNECT version=5 protocol-name=MQTT", "CONNECT version=5"},
		{"CONNECT version=9 protocol-name=MQTTX", "CONNECT version=9 protocol-name=MQTTX"},
		{`CONNECT username=""`, `CONNECT version=5 username=""`},
		{"CONNECT password-hex=70", "CONNECT version=5 password=p"},
		{"CONNECT will-qos=1", `CONNECT version=5 will-topic="" will-qos=1`},
		{"CONNECT will-delay-interval=3 will-topic=w", "CONNECT version=5 will-topic=w will-delay-interval=3"},
		{"PUBLISH retain=false qos=3 topic=a/# packet-id=0 payload=x", "PUBLISH topic=a/# qos=3 payload=x"},
		{"PUBLISH topic=a=b payload=\"\"", `PUBLISH topic="a=b"`},
		{"PUBLISH topic=`a\\b c`", `PUBLISH topic="a\\b c"`},
		{"PUBLISH topic=a\\b", `PUBLISH topic=a\b`},
		{`PUBLISH topic=a hex="30 03 0A"`, "PUBLISH topic=a hex=30030a"},
		{"PUBLISH topic=a hex=686921", "PUBLISH topic=a payload=hi!"},
		{`PUBLISH topic=a payload="two\nlines"`, `PUBLISH topic=a payload="two\nlines"`},
		{`PUBLISH topic=a payload="\x1b[2J"`, `PUBLISH topic=a hex=1b5b324a`},
		{"PUBLISH user-property=a=b topic=t", `PUBLISH topic=t user-property="a=b"`},
		{"PUBLISH user-property=a=b=c", `PUBLISH user-property="a=b=c"`},
		{`PUBLISH user-property==`, `PUBLISH user-property="="`},
		{`PUBLISH user-property-hex=613d62=63`, `PUBLISH user-property-hex="613d62=63"`},
		{`PUBLISH correlation-data="\x00"`, `PUBLISH correlation-data-hex=00`},
		{`PUBLISH topic-alias=1 topic-alias=1`, `PUBLISH topic-alias=1 topic-alias=1`},
		{"SUBSCRIBE filter=a qos=1 packet-id=1 no-local=1 filter=b retain-handling=3", "SUBSCRIBE packet-id=1 filter=a qos=1 no-local=1 filter=b retain-handling=3"},
		{"UNSUBSCRIBE filter=b packet-id=1 filter=a filter=\"\"", `UNSUBSCRIBE packet-id=1 filter=b filter=a filter=""`},
	} {
		p, err := ParseText(test.line, V5)
		if err != nil {
			if test.want != "error" {
				t.Errorf("%s: %v", test.line, err)
			}
			continue
		}
		if got := string(AppendText(nil, p, V5)); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.line, got, test.want)
		}
	}
}

func TestTextErrors(t *testing.T) {
	for _, test := range []struct {
		line string
		v    Version
		want string
	}{
		{"", V5, "the line is empty: the name of a packet is expected, one of CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH"},
		{"PUBLSH topic=a", V5, "PUBLSH: no packet has this name; did you mean PUBLISH?"},
		{"topic=a", V5, "topic=a: no packet has this name; it is one of CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH"},
		{"PUBLISH topc=a", V5, "PUBLISH: topc is not a key of this packet; did you mean topic?"},
		{"CONNECT clientid=a", V5, "CONNECT: clientid is not a key of this packet; did you mean client-id?"},
		{"UNSUBACK colour=red", V5, "UNSUBACK: colour is not a key of this packet; it is one of packet-id reason-string user-property user-property-hex"},
		{"PUBACK content-type=a", V5, "PUBACK: content-type is not a key of this packet; it is one of packet-id reason-string user-property user-property-hex"},
		{"PINGREQ packet-id=1", V5, "PINGREQ: packet-id is not a key of this packet, which has none"},
		{"PUBLISH topic=a retain", V5, "PUBLISH: retain is a key and needs a value, as in retain=1"},
		{"PUBLISH topic=a payload=two words", V5, "PUBLISH: words stands after the payload, which comes last; put quotes around a payload that holds spaces"},
		{"PUBLISH topic=a Success", V5, "PUBLISH: Success is not KEY=VALUE, and this packet has no reason code"},
		{"PUBLISH topic=a qos=4", V5, "PUBLISH qos=4: a number from 0 to 3 is expected"},
		{"PUBLISH packet-id=65536", V5, "PUBLISH packet-id=65536: a number from 0 to 65535 is expected"},
		{"PUBLISH packet-id=0x", V5, "PUBLISH packet-id=0x: a number from 0 to 65535 is expected"},
		{"PUBLISH retain=yes", V5, "PUBLISH retain=yes: 1 or 0 is expected"},
		{"PUBLISH topic=a topic=b", V5, "PUBLISH topic=b: topic was given before"},
		{"PUBLISH topic=a hex=3", V5, "PUBLISH hex=3: pairs of hexadecimal digits are expected"},
		{"PUBLISH user-property=a", V5, "PUBLISH user-property=a: name=value is expected after the key"},
		{"PUBLISH user-property-hex=a=62", V5, `PUBLISH user-property-hex="a=62": name=value is expected after the key, both as pairs of hexadecimal digits`},
		{"PUBLISH subscription-identifier=268435456", V5, "PUBLISH subscription-identifier=268435456: a number from 0 to 268435455 is expected"},
		{"PUBLISH content-type=" + strings.Repeat("x", 65536), V5, "PUBLISH content-type=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...: a property holds at most 65535 bytes, this is 65536"},
		{"PUBLISH content-type=text/plain", V311, "PUBLISH: content-type is a property, and 3.1.1 has none"},
		{"CONNECT will-content-type=a version=3", V5, "CONNECT: will-content-type is a property, and 3.1 has none"},
		{"CONNECT version=3.1.2", V5, "CONNECT version=3.1.2: a version is expected: 3 (3.1), 4 (3.1.1) or 5 (5.0)"},
		{"SUBSCRIBE qos=1 filter=a", V5, "SUBSCRIBE qos=1: an option of a subscription comes after its filter="},
		{"SUBSCRIBE filter=a qos=1 qos=1", V5, "SUBSCRIBE qos=1: qos was given before"},
		{"CONNACK NotAuthorised", V5, "CONNACK: NotAuthorised is neither KEY=VALUE nor a reason code; did you mean NotAuthorized?"},
		{"PUBREL Nope", V5, "PUBREL: Nope is neither KEY=VALUE nor a reason code; it is one of Success PacketIdentifierNotFound 0x00 to 0xFF"},
		{"CONNACK Success Banned", V5, "CONNACK: Banned is one reason too many, this packet has one"},
		{"PUBACK Success|NotAuthorized", V5, `PUBACK: "Success|NotAuthorized" is neither KEY=VALUE nor a reason code; it is one of Success NoMatchingSubscribers UnspecifiedError ImplementationSpecificError NotAuthorized TopicNameInvalid PacketIdentifierInUse QuotaExceeded PayloadFormatInvalid 0x00 to 0xFF`},
		{"PUBACK !retain", V5, "PUBACK: retain is not a key of this packet; it is one of packet-id reason-string user-property user-property-hex"},
		{"PUBACK Success|", V5, `PUBACK: "Success|": '|' cannot stand here outside double quotes`},
		{`PUBLISH topic="a`, V5, `PUBLISH: "topic=\"a": the quote is not closed, or holds an escape that does not exist`},
		{`PUBLISH topic="\q"`, V5, `PUBLISH: "topic=\"\\q\"": the quote is not closed, or holds an escape that does not exist`},
		{`PUBLISH topic="a"b`, V5, `PUBLISH: "topic=\"a\"b": 'b' cannot stand here outside double quotes`},
		{"PUBLISH topic=a;b", V5, `PUBLISH: "topic=a;b": ';' cannot stand here outside double quotes`},
		{"PUBLISH topic=it's", V5, `PUBLISH: "topic=it's": '\'' cannot stand here outside double quotes`},
		{"PUBLISH topic=a\u00a0b", V5, `PUBLISH: "topic=a\u00a0b": '\u00a0' cannot stand here outside double quotes`},
		{"PUBLISH topic=\xff", V5, `PUBLISH: "topic=\xff": byte 0xFF cannot stand here outside double quotes`},
		{"PUBLISH =a", V5, "PUBLISH: =a: a key is expected before the ="},
		{"PUBACK | CONNACK", V5, `PUBACK: "| CONNACK": '|' cannot stand here outside double quotes`},
	} {
		p, err := ParseText(test.line, test.v)
		if err == nil || err.Error() != test.want {
			t.Errorf("%.60s\n got %v, %v\nwant %s", test.line, p, err, test.want)
		}
	}
}

func TestLineMatch(t *testing.T) {
	for _, test := range []struct{ want, got, err string }{
		{"PUBLISH", "PUBLISH topic=a qos=1 packet-id=7 payload=x", ""},
		{"PUBLISH qos=0x1 hex=78", "PUBLISH topic=a qos=1 packet-id=7 payload=x", ""},
		{"PUBLISH retain=0", "PUBLISH topic=a", ""},
		{"PUBLISH retain=0", "PUBLISH topic=a retain=1", "PUBLISH retain=0 is expected, and that means no retain"},
		{`PUBLISH payload=""`, "PUBLISH topic=a hex=00", `PUBLISH payload="" is expected, and that means no payload`},
		{"PUBLISH qos=2", "PUBLISH topic=a qos=1", "PUBLISH qos=2 is expected"},
		{"PUBLISH", "PUBACK packet-id=1", "PUBLISH is expected"},
		{"PUBLISH packet-id=*", "PUBLISH topic=a qos=1 packet-id=9", ""},
		{"PUBLISH packet-id=*", "PUBLISH topic=a", "PUBLISH packet-id is expected, and it is not there"},
		{"PUBLISH payload=*", "PUBLISH topic=a hex=00", ""},
		{"PUBLISH user-property=a=1 user-property=c=3", "PUBLISH user-property=a=1 user-property=b=2 user-property=c=3", ""},
		{"PUBLISH user-property=c=3 user-property=a=1", "PUBLISH user-property=a=1 user-property=b=2 user-property=c=3", `PUBLISH user-property="a=1" is expected`},
		{"CONNACK", "CONNACK Banned", ""},
		{"CONNACK Success", "CONNACK Banned", "CONNACK Success is expected"},
		{"CONNACK Success|Banned", "CONNACK Banned", ""},
		{"CONNACK Success|Banned", "CONNACK ServerBusy", "CONNACK Success|Banned is expected"},
		{"CONNACK Success|Bannd", "CONNACK Success", "CONNACK: Bannd is neither KEY=VALUE nor a reason code; did you mean Banned?"},
		{"PUBACK Success|0x10", "PUBACK packet-id=1", ""},
		{"CONNACK !session-present Success", "CONNACK Success", ""},
		{"CONNACK !session-present", "CONNACK session-present=1", "CONNACK without session-present is expected"},
		{"PUBLISH !payload", "PUBLISH hex=00", "PUBLISH without payload is expected"},
		{"CONNACK maximum-qos=1 receive-maximum=9", "CONNACK receive-maximum=9 maximum-qos=1", ""},
		{"SUBACK 0x01 0x80", "SUBACK GrantedQoS1 UnspecifiedError packet-id=1", ""},
		{"SUBACK GrantedQoS1", "SUBACK GrantedQoS1 UnspecifiedError packet-id=1", "SUBACK GrantedQoS1 is expected"},
		{"CONNECT client-id=a", "CONNECT version=4 client-id=a will-topic=w", ""},
		{"SUBSCRIBE packet-id=1", "SUBSCRIBE packet-id=1 filter=a qos=1 filter=b", ""},
		{"SUBSCRIBE filter=a qos=1 qos=2", "SUBSCRIBE packet-id=1 filter=a", "SUBSCRIBE qos=2: qos was given before"},
		{"SUBSCRIBE filter=a filter=b qos=1", "SUBSCRIBE packet-id=1 filter=a qos=1 filter=b", "SUBSCRIBE filter=a filter=b qos=1 is expected"},
		{"UNSUBSCRIBE filter=a", "UNSUBSCRIBE packet-id=1 filter=a filter=b", "UNSUBSCRIBE filter=a is expected"},
	} {
		want, err := ParseLine(test.want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseText(test.got, V5)
		if err != nil {
			t.Fatal(err)
		}
		if err := want.Match(LineOf(got, V5), V5); fmt.Sprint(err) != fmt.Sprint(test.err) && (err != nil || test.err != "") {
			t.Errorf("%s against %s\n got %v\nwant %s", test.want, test.got, err, test.err)
		}
	}
}

// A packet made in Go may leave to Append what the text has to say.
func TestLineOfConnect(t *testing.T) {
	for _, test := range []struct {
		connect Connect
		v       Version
		want    string
	}{
		{Connect{}, V311, "CONNECT version=4"},
		{Connect{Version: V31, ClientID: "a"}, V5, "CONNECT version=3 client-id=a"},
		{Connect{Version: V5, Username: "not sent"}, V5, "CONNECT version=5"},
		{Connect{Version: 9, ProtocolName: "MQIsdp"}, V5, "CONNECT version=9 protocol-name=MQIsdp"},
	} {
		before := test.connect
		if got := LineOf(&test.connect, test.v).String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
		if !reflect.DeepEqual(test.connect, before) {
			t.Errorf("%s: LineOf has changed the packet", test.want)
		}
	}
}

// A Line outlives the packet it was made of.
func TestLineIsACopy(t *testing.T) {
	for _, golden := range goldenLines(t) {
		d := Decoder{Version: golden.version}
		p, _, err := d.Decode(golden.bytes)
		if err != nil {
			t.Fatal(err)
		}
		l := LineOf(p, golden.version)
		clear(golden.bytes)
		if got := l.String(); got != golden.text {
			t.Errorf("%s has become %q", golden.text, got)
		}
	}
}

func TestLineGet(t *testing.T) {
	l, err := ParseLine(`PUBLISH topic="a b" user-property=n=1 user-property=n=2`)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := l.Get("user-property"); got != "n=1" || !ok {
		t.Errorf("user-property is %q, %v", got, ok)
	}
	if got, ok := l.Get("qos"); got != "" || ok {
		t.Errorf("qos is %q, %v", got, ok)
	}
}

// The grammar that people read names every key, and its examples are true.
func TestGrammarComment(t *testing.T) {
	source, err := os.ReadFile("text.go")
	if err != nil {
		t.Fatal(err)
	}
	comment, _, _ := strings.Cut(string(source), "\ntype Line struct")
	words := strings.FieldsFunc(comment, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r == '-') })
	for packet := CONNECT; packet <= AUTH; packet++ {
		for _, s := range slotsOf(blankPacket(packet, V5)) {
			if s.key != "" && !slices.Contains(words, s.key) {
				t.Errorf("the grammar does not name %s of %s", s.key, packet)
			}
		}
	}
	examples := 0
	for row := range strings.Lines(comment) {
		row, ok := strings.CutPrefix(strings.TrimSpace(row), "//\t")
		if !ok || !strings.Contains(row, "=") || strings.Contains(row, "[") {
			continue
		}
		examples++
		if _, err := ParseText(row, V5); err != nil {
			t.Error(err)
		}
	}
	if examples < 6 {
		t.Errorf("%d examples", examples)
	}
}
