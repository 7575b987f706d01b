package commands

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

func TestPlainOutput(t *testing.T) {
	binary := []byte("\x00\x01ABCDEFGHIJKLMNOPQ\xff")
	for _, test := range []struct {
		name    string
		printer printer
		payload string
		want    string
	}{
		{"payload", printer{eol: true}, "hello", "hello\n"},
		{"no line end", printer{}, "hello", "hello"},
		{"empty", printer{eol: true}, "", ""},
		{"verbose", printer{eol: true, verbose: true}, "hello", "a/\x1b hello\n"},
		{"verbose, empty", printer{eol: true, verbose: true}, "", "a/\x1b (null)\n"},
		{"verbose, empty, without line ends", printer{verbose: true}, "", ""},
		{"pipe, binary", printer{eol: true}, string(binary), string(binary) + "\n"},
		{"terminal, text", printer{eol: true, terminal: true}, "a\tb\nü\x1b[2J\u202e\r", "a\tb\nü\\x1b[2J\\u202e\\r\n"},
		{"terminal, binary", printer{eol: true, terminal: true, verbose: true}, string(binary), "a/\\x1b \n" +
			"00000000  00 01 41 42 43 44 45 46  47 48 49 4a 4b 4c 4d 4e  |..ABCDEFGHIJKLMN|\n" +
			"00000010  4f 50 51 ff                                       |OPQ.|\n"},
		{"terminal, no UTF-8", printer{eol: true, terminal: true}, "\xff", "00000000  ff" + strings.Repeat(" ", 48) + "|.|\n"},
	} {
		var out bytes.Buffer
		o := test.printer
		o.w, o.render = bufio.NewWriter(&out), o.plain
		if err := o.take(&mqttwire.Publish{Topic: "a/\x1b", Payload: []byte(test.payload)}, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := o.flush(); err != nil {
			t.Fatal(err)
		}
		if out.String() != test.want {
			t.Errorf("%s:\ngot  %q\nwant %q", test.name, out.String(), test.want)
		}
	}
}

func TestJSONOutput(t *testing.T) {
	binary := sample()
	binary.Payload = []byte("\xff\x00")
	binary.Dup = true
	binary.Properties = mqttwire.Properties(nil).
		AddBinary(mqttwire.CorrelationData, []byte{0xfe}).
		AddNumber(mqttwire.SubscriptionIdentifier, 7).AddNumber(mqttwire.SubscriptionIdentifier, 8)
	for _, test := range []struct {
		name    string
		message *mqttwire.Publish
		want    string
	}{
		{"all", sample(), `{"tst":"2026-11-21T13:40:07.012345+0100","ts":"2026-11-21T13:40:07.012345678+01:00","topic":"a/b","qos":1,"retain":1,"dup":0,"payloadlen":5,"mid":12,` +
			`"properties":{"content-type":"text/plain","response-topic":"re/ply","correlation-data":"abc","message-expiry-interval":90,"payload-format-indicator":1,"subscription-identifier":7,"user-properties":{"k":["v","w"]}},"payload":"hello"}`},
		{"bytes", binary, `{"tst":"2026-11-21T13:40:07.012345+0100","ts":"2026-11-21T13:40:07.012345678+01:00","topic":"a/b","qos":1,"retain":1,"dup":1,"payloadlen":2,"mid":12,` +
			`"properties":{"correlation-data_b64":"/g==","subscription-identifier":[7,8]},"payload_b64":"/wA="}`},
		{"least", &mqttwire.Publish{Topic: "\"\\\n\x1b"}, `{"tst":"2026-11-21T13:40:07.012345+0100","ts":"2026-11-21T13:40:07.012345678+01:00","topic":"\"\\\n\u001b","qos":0,"retain":0,"dup":0,"payloadlen":0,"payload":""}`},
	} {
		got, ok := appendMessageJSON(nil, test.message, sampleTime(), false)
		if string(got) != test.want || !ok {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
		if !json.Valid(got) {
			t.Errorf("%s is no JSON: %s", test.name, got)
		}
	}
}

func TestRawJSON(t *testing.T) {
	m := &mqttwire.Publish{Topic: "t", Payload: []byte("{\"a\" :\n 1}")}
	got, ok := appendMessageJSON(nil, m, sampleTime(), true)
	if want := `"payload":{"a":1}}`; !ok || !strings.HasSuffix(string(got), want) {
		t.Errorf("got %s, want it to end with %s", got, want)
	}
	m.Payload = []byte("{")
	if _, ok := appendMessageJSON(nil, m, sampleTime(), true); ok {
		t.Error("a payload that is no JSON went through %J")
	}
}

func TestJSONTextRoundTrip(t *testing.T) {
	var every strings.Builder
	for r := rune(0); r < 0x300; r++ {
		every.WriteRune(r)
	}
	every.WriteString("\u2028\u2029😀")
	line := appendJSONText(nil, every.String())
	var back string
	if err := json.Unmarshal(line, &back); err != nil || back != every.String() {
		t.Errorf("%v: got %q", err, back)
	}
	if bytes.ContainsAny(line, "\n\r\x1b") {
		t.Errorf("control characters in %q", line)
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain ü 😀":          "plain ü 😀",
		"\x1b]0;x\a":         `\x1b]0;x\x07`,
		"a\nb\rc\td":         `a\nb\rc\td`,
		"\u009b31m":          `\u009b31m`,
		"\xff\xfe":           `\xff\xfe`,
		"\u202eevil\u2066":   `\u202eevil\u2066`,
		"\x7f":               `\x7f`,
		"good \xf0\x28 good": `good \xf0( good`,
	} {
		if got := visible(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
