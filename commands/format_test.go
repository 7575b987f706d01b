package commands

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mqtk/commands/condition"
	"mqtk/mqttwire"
)

// sample is a message with everything in it.
func sample() *mqttwire.Publish {
	properties := mqttwire.Properties(nil).
		AddText(mqttwire.ContentType, "text/plain").
		AddText(mqttwire.ResponseTopic, "re/ply").
		AddBinary(mqttwire.CorrelationData, []byte("abc")).
		AddNumber(mqttwire.MessageExpiryInterval, 90).
		AddNumber(mqttwire.PayloadFormatIndicator, 1).
		AddNumber(mqttwire.SubscriptionIdentifier, 7).
		AddUser("k", "v").AddUser("k", "w")
	return &mqttwire.Publish{Topic: "a/b", QoS: 1, Retain: true, PacketID: 12, Payload: []byte("hello"), Properties: properties}
}

func sampleTime() time.Time {
	return time.Date(2026, 11, 21, 13, 40, 7, 12345678, time.FixedZone("CET", 3600))
}

func TestFormat(t *testing.T) {
	plain := &mqttwire.Publish{Topic: "t"}
	object := mqttwire.Publish{Topic: "t", Payload: []byte(`{"temp":21.50,"unit":"\u00b0C","no":true,"a}b":[1,{"x":5}],"all":{ "a": [] },"none":null}`)}
	for _, test := range []struct {
		format  string
		message *mqttwire.Publish
		want    string
	}{
		{"%t %p", sample(), "a/b hello"},
		{"%%|@@|\\\\", sample(), `%|@|\`},
		{"%q%r%l|%m", sample(), "115|12"},
		{"%C|%R|%D|%E|%F|%S|%P|%A", sample(), "text/plain|re/ply|abc|90|1|7|k:v k:w|"},
		{"%C|%R|%D|%E|%F|%S|%P|%A|%p", plain, "||||||||"},
		{"%3E|%3A|%2C|", plain, "   |   |  |"},
		{"%5t|%-5t|%05t|", sample(), "  a/b|a/b  |  a/b|"},
		{"%.2t|%5.2t|%-5.2t|", sample(), "a/|   a/|a/   |"},
		{"%5m|%-5m|%05m|%-05m|", sample(), "   12|12   |00012|12   |"},
		{"%8l|%08l|", sample(), "       5|00000005|"},
		{"%x|%X|%4x|%08x|%-12x|", sample(), "68656c6c6f|68656C6C6F|6865|68656c6c|68656c6c6f  |"},
		{"%3p|%7p|%-7p|%.2p|", sample(), "hel|  hello|hello  |he|"},
		{"%I|%U", sample(), "2026-11-21T13:40:07+0100|1795264807.012345678"},
		{`a\tb\nc\0d\e\a\r\v`, sample(), "a\tb\nc\x00d\x1b\a\r\v"},
		{"@Y-@m-@d @H:@M:@S.@N", sample(), "2026-11-21 13:40:07.012345678"},
		{"@Y%t@Z\\\\%p", sample(), `2026a/bCET\hello`},
		{"", sample(), ""},
		{"%{topic}|%{topic[1]}|%{topic[7]}|%{qos}|%{size}|%{ content-type }|%{user.k}|%{user.x}|%{retain}|", sample(), "a/b|b||1|5|text/plain|v w||true|"},
		{"%5A|%05A|%-05A|", sample(), "     |00000|     |"},
		{"%04{qos}|%-04{qos}|%3.1{topic}|", sample(), "0001|1   |  a|"},
		{"%6{topic}|%-6{topic}|%.1{topic}|%{payload}|%{payload.a}|", sample(), "   a/b|a/b   |a|hello||"},
		{`%{payload.temp}|%{payload.unit}|%{payload.no}|%{payload["a}b"][-1].x}|%{payload.all}|%{payload.none}|%8{payload.temp}|`, &object, "21.50|°C|true|5|{ \"a\": [] }|null|   21.50|"},
		{"%{payload.temp.x}|%{payload.unit[0]}|%{user.k}|%{subscription-identifier}", &object, "|||"},
	} {
		parts, err := parseFormat(test.format, formatMarks)
		if err != nil {
			t.Errorf("%s: %v", test.format, err)
			continue
		}
		o := &printer{format: parts}
		got, ok := o.formatted(nil, test.message, sampleTime())
		if string(got) != test.want || !ok {
			t.Errorf("%s:\ngot  %q\nwant %q", test.format, got, test.want)
		}
	}
}

func TestFormatRefused(t *testing.T) {
	for format, want := range map[string]string{
		"%Z":            "unknown %Z",
		"a%":            "ends in the middle",
		"@":             "ends in the middle",
		`x\`:            "ends in the middle",
		"%-":            "ends in the middle",
		"%05.3":         "ends in the middle",
		`\q`:            `unknown \q`,
		"@!":            "unknown @!",
		"%99999t":       "a width of more than 10000",
		"%.99999t":      "a width of more than 10000",
		"°%Z":           "column 3: ",
		"%{":            "column 3: a field is expected",
		"ab%5{x}":       "column 6: there is no field x: payload.x is",
		"%{topic":       "column 8: } is expected behind topic",
		"%{payload..a}": "column 11: ",
		"%{topic x}":    "column 9: } is expected",
		"%{payload[0}":  "column 11: ",
	} {
		if _, err := parseFormat(format, formatMarks); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", format, err, want)
		}
	}
}

// TestFormatOfText: precision counts characters and never cuts one in half.
func TestFormatOfText(t *testing.T) {
	parts, err := parseFormat("%4.2t|", formatMarks)
	if err != nil {
		t.Fatal(err)
	}
	o := &printer{format: parts}
	got, _ := o.formatted(nil, &mqttwire.Publish{Topic: "äöü"}, sampleTime())
	if string(got) != "  äö|" {
		t.Errorf("got %q", got)
	}
}

// TestTime compares with what strftime of the C library said for these times.
func TestTime(t *testing.T) {
	for _, test := range []struct {
		unix int64
		want string
	}{
		{1795268407, "a=Sat A=Saturday b=Nov B=November c=Sat Nov 21 13:40:07 2026 C=20 d=21 D=11/21/26 e=21 F=2026-11-21 g=26 G=2026 h=Nov H=13 I=01 j=325 k=13 l= 1 m=11 M=40 p=PM P=pm r=01:40:07 PM R=13:40 S=07 s=1795268407 T=13:40:07 u=6 U=46 V=47 w=6 W=46 x=11/21/26 X=13:40:07 y=26 Y=2026 z=+0000"},
		{1577836800, "a=Wed A=Wednesday b=Jan B=January c=Wed Jan  1 00:00:00 2020 C=20 d=01 D=01/01/20 e= 1 F=2020-01-01 g=20 G=2020 h=Jan H=00 I=12 j=001 k= 0 l=12 m=01 M=00 p=AM P=am r=12:00:00 AM R=00:00 S=00 s=1577836800 T=00:00:00 u=3 U=00 V=01 w=3 W=00 x=01/01/20 X=00:00:00 y=20 Y=2020 z=+0000"},
		{1609459199, "a=Thu A=Thursday b=Dec B=December c=Thu Dec 31 23:59:59 2020 C=20 d=31 D=12/31/20 e=31 F=2020-12-31 g=20 G=2020 h=Dec H=23 I=11 j=366 k=23 l=11 m=12 M=59 p=PM P=pm r=11:59:59 PM R=23:59 S=59 s=1609459199 T=23:59:59 u=4 U=52 V=53 w=4 W=52 x=12/31/20 X=23:59:59 y=20 Y=2020 z=+0000"},
		{1704067199, "g=23 G=2023 u=7 U=53 V=52 w=0 W=52 j=365"},
		{1706659200, "g=24 G=2024 u=3 U=04 V=05 w=3 W=05 k= 0 l=12"},
	} {
		at := time.Unix(test.unix, 0).UTC()
		for word := range strings.SplitSeq(strings.ReplaceAll(test.want, "= ", "=_"), " ") {
			letter, want, ok := strings.Cut(word, "=")
			if !ok || len(letter) != 1 {
				continue // the inner words of c and r
			}
			got := string(appendTime(nil, letter[0], at))
			got = strings.ReplaceAll(got, "= ", "=_")
			if letter == "c" || letter == "r" {
				got, _, _ = strings.Cut(got, " ")
			}
			if got != strings.ReplaceAll(want, "_", " ") {
				t.Errorf("@%s at %d: got %q, want %q", letter, test.unix, got, want)
			}
		}
	}
	for letter, want := range map[byte]string{
		'c': "Sat Nov 21 13:40:07 2026", 'r': "01:40:07 PM", 'n': "\n", 't': "\t", '@': "@", 'N': "012345678", 'Z': "CET",
	} {
		if got := string(appendTime(nil, letter, sampleTime())); got != want {
			t.Errorf("@%c: got %q, want %q", letter, got, want)
		}
	}
}

// TestEveryLetterPrints: what parses has a meaning.
func TestEveryLetterPrints(t *testing.T) {
	m := sample()
	m.Properties = m.Properties.AddNumber(mqttwire.TopicAlias, 3)
	m.Payload = []byte("1")
	o := &printer{}
	for _, c := range formatLetters {
		parts, err := parseFormat("%"+string(c), formatMarks)
		if err != nil {
			t.Fatal(err)
		}
		o.format = parts
		if got, ok := o.formatted(nil, m, sampleTime()); len(got) == 0 || !ok {
			t.Errorf("%%%c prints nothing", c)
		}
	}
	for _, c := range timeLetters {
		if got := appendTime(nil, byte(c), sampleTime()); len(got) == 0 {
			t.Errorf("@%c prints nothing", c)
		}
	}
}

// TestFormatAllocates: a format takes no memory for each message of a flood.
func TestFormatAllocates(t *testing.T) {
	m := sample()
	m.Payload = []byte(`{"temp":21.5,"at":[1,2]}`)
	for _, format := range []string{"%t %q %l", "@Y-@m-@d %t", "%{payload.temp} %{payload.at[1]} %{topic[0]} %{content-type} %{qos}"} {
		parts, err := parseFormat(format, formatMarks)
		if err != nil {
			t.Fatal(err)
		}
		o := &printer{format: parts}
		line := make([]byte, 0, 1000)
		if n := testing.AllocsPerRun(100, func() { line, _ = o.formatted(line[:0], m, time.Time{}) }); n > 0 {
			t.Errorf("%s: %g allocations", format, n)
		}
	}
}

// FuzzFormat: no format is too odd, and an error points into it.
func FuzzFormat(f *testing.F) {
	for _, format := range []string{"%t %-5.3p@Y", "%{payload.a[0]}", `%{payload["}"]}\\n`, "%0", "@", "°%°", "%{user.k"} {
		f.Add(format, `{"a":["x"],"}":"\u0041"}`)
	}
	f.Fuzz(func(t *testing.T, format, payload string) {
		parts, err := parseFormat(format, formatMarks)
		if err != nil {
			var at *condition.Error
			if !errors.As(err, &at) || at.Column < 1 || at.Column > len([]rune(format))+1 {
				t.Fatalf("%q: %v", format, err)
			}
			return
		}
		m := sample()
		m.Payload = []byte(payload)
		o := &printer{format: parts, terminal: true, complain: func(string, ...any) {}}
		line, _ := o.formatted(nil, m, sampleTime())
		for _, part := range parts {
			if part.kind == 0 && strings.ContainsFunc(part.text, isHidden) || part.kind == '@' {
				return // that is as the user wants it
			}
		}
		if strings.ContainsFunc(string(line), func(r rune) bool { return r != '\n' && r != '\t' && isHidden(r) }) {
			t.Errorf("%q of %q reaches the terminal as %q", format, payload, line)
		}
	})
}
