package condition

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// sample is a message in which most fields are there.
func sample() *Message {
	properties := mqttwire.Properties(nil).
		AddText(mqttwire.ContentType, "application/json").
		AddBinary(mqttwire.CorrelationData, []byte("c\x00d")).
		AddNumber(mqttwire.MessageExpiryInterval, 60).
		AddNumber(mqttwire.SubscriptionIdentifier, 7).
		AddNumber(mqttwire.SubscriptionIdentifier, 9).
		AddUser("room", "kitchen").AddUser("tag", "a").AddUser("tag", "b").AddUser("trace.id", "42").AddUser("odd name", "x")
	return &Message{Publish: &mqttwire.Publish{
		Topic: "a/b/c", QoS: 1, Retain: true, Properties: properties,
		Payload: []byte(` {"temp": 31.5, "text":"on \"x\"", "n":12345678901234567, "a":[{"b":"x"}, 2, [3]], "t":true, "f":false, "z":null,` +
			` "s":"30", "o":{"k":{"deep":1}}, "":"nameless", "esc\u0041":1, "dup":1, "dup":2, "big":18446744073709551615, "max":9223372036854775807, "low":-9223372036854775809, "huge":1e400, "odd name":"y", "e":[]} `),
	}}
}

func TestHolds(t *testing.T) {
	for text, want := range map[string]bool{
		"payload.temp>30":                     true,
		"payload.temp > 31.5":                 false,
		"payload.temp>=31.5":                  true,
		"payload.temp<=31.50":                 true,
		"payload.temp=31.5":                   true,
		`payload.temp="31.5"`:                 true,
		`payload.temp="31.50"`:                false, // text in quotes
		"payload.temp!=31.5":                  false,
		"payload.n=12345678901234567":         true,
		"payload.n=12345678901234568":         false, // a float could not tell
		"payload.n>12345678901234566":         true,
		"payload.n>1e10":                      true,
		"payload.s>29":                        true, // a text that is a number
		"payload.s=30.0":                      true,
		"payload.text>1":                      false,
		`payload.text="on \"x\""`:             true,
		`payload.text='on "x"'`:               true,
		`payload.text~^on`:                    true,
		`payload.text!~^on`:                   false,
		`payload.a[0].b="x"`:                  true,
		"payload.a[0].b=x":                    true,
		"payload.a[ 1 ]=2":                    true,
		"payload.a[-1][0]=3":                  true,
		"payload.a[-4]":                       false,
		"payload.a[3]":                        false,
		"payload.a.b":                         false,
		"payload.o[0]":                        false,
		"payload.o.k.deep=1":                  true,
		"payload.o":                           true,
		"payload.e":                           true,
		"payload.e[-1]":                       false,
		`payload[""]=nameless`:                true,
		"payload.escA=1":                      true,
		"payload.dup=2":                       true,
		`payload["odd name"]=y`:               true,
		"payload.t":                           true,
		"payload.t=true":                      true,
		"payload.t=1":                         true,
		"payload.f":                           false,
		"payload.f=false":                     true,
		"payload.f!=true":                     true,
		"payload.z":                           false,
		"payload.z=null":                      true,
		"payload.none":                        false,
		"payload.none=1":                      false,
		"payload.none!=1":                     true, // exactly where = is not
		"payload.none<1":                      false,
		"payload.none!~x":                     true,
		"payload":                             true,
		"payload~temp":                        true,
		"payload.temp~^31":                    true,
		"topic=a/b/c":                         true,
		"topic==a/b/c":                        true,
		"topic~^a/":                           true,
		"topic=~^a/":                          true,
		"topic~^b/":                           false,
		"topic[0]=a && topic[2]=c":            true,
		"topic[-1]=c":                         true,
		"topic[3]":                            false,
		"topic[-4]":                           false,
		"qos=1":                               true,
		"qos>1":                               false,
		"qos~1":                               true,
		"retain":                              true,
		"!retain":                             false,
		"not retain":                          false,
		"retain=1":                            true,
		"retain=false":                        false,
		"dup":                                 false,
		"dup=0":                               true,
		"size>10":                             true,
		"size<10":                             false,
		"user.room=kitchen":                   true,
		"user.room":                           true,
		"user.cellar":                         false,
		"user.tag=a and user.tag=b":           true, // one of them is enough
		"user.tag!=b":                         false,
		"user.trace.id>41":                    true,
		`user["odd name"]=x`:                  true,
		"content-type=application/json":       true,
		"content-type~json$":                  true,
		"response-topic":                      false,
		"message-expiry-interval<=60":         true,
		"subscription-identifier=9":           true,
		"subscription-identifier=8":           false,
		"correlation-data~^c":                 true,
		"payload-format-indicator":            false,
		"qos=0 || retain":                     true,
		"qos=0 or dup":                        false,
		"qos=0 && retain || topic~c$":         true,
		"qos=0 && (retain || topic~c$)":       false,
		"(topic~(a|b)/b/)":                    true,
		"(topic~[)]|c)":                       true,
		`(topic~\)|c)`:                        true,
		"topic~^a/&&qos=1":                    true,
		"!(qos=0) && !!retain":                true,
		`topic~"^a/b /|^a"`:                   true,
		`payload~"temp\": \d+"`:               true,
		" retain ":                            true,
		"payload.temp!=0x1F":                  true,
		"payload.temp<inf":                    true, // a text: "31.5" < "inf"
		"payload.temp=+31.5":                  true,
		"user.room>=kitchen":                  true,
		"user.room<kitchen":                   false,
		"payload.text~x and (not dup)":        true,
		"payload.big=18446744073709551615":    true,
		"payload.big=18446744073709551614":    false,
		"payload.big>18446744073709551614":    true,
		"payload.big<18446744073709551616":    true,
		"payload.big>9223372036854775807":     true,
		"payload.big>-9223372036854775809":    true,
		"payload.big<1e30":                    true,
		"payload.max=9223372036854775808":     false, // one less
		"payload.max<9223372036854775808":     true,
		"payload.max=+0009223372036854775807": true,
		"payload.low=-9223372036854775809":    true,
		"payload.low<-9223372036854775808":    true,
		"payload.low>-9223372036854775810":    true,
		"payload.huge>5":                      true,
		"payload.huge>184467440737095516150":  true,
		`size>"10"`:                           true, // always a number
		"retain=true":                         true,
		"retain!=false":                       true,
		"dup=false":                           true,
		"payload.temp>30 within":              false, // see TestParseAt
		"payload.temp>30 and dup or size":     false,
	} {
		c, err := Parse(text)
		if err != nil {
			if strings.HasSuffix(text, "within") || strings.HasSuffix(text, "size") {
				continue
			}
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c.Holds(sample()); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
		if c.String() != strings.TrimSpace(text) {
			t.Errorf("%q is told as %q", text, c)
		}
	}
}

// TestPlainPayload: what is no JSON, or holds nothing.
func TestPlainPayload(t *testing.T) {
	for _, test := range []struct {
		payload, condition string
		want               bool
	}{
		{"31.5\n", "payload>30", true},
		{"31.5 C", "payload>30", false},
		{"-1e3", "payload<-999", true},
		{"NaN", "payload>0", false},
		{"0x10", "payload=16", false},
		{"1_0", "payload=10", false},
		{"", "payload", false},
		{"", "!payload", true},
		{"", `payload=""`, true},
		{"", "size=0", true},
		{"", "payload=0", false},
		{"on", "payload=on", true},
		{"on", "payload.on", false},
		{`"on"`, "payload.on", false},
		{`{"a":1`, "payload.a", false},
		{`{"a":1}x`, "payload.a", false},
		{"\xef\xbb\xbf{}", "payload.a", false},
		{"[1,2]", "payload[1]=2", true},
		{" \r\n[ [ ] , { } ]", "payload[1]", true},
		{"\xff\xfe", `payload~"\xff"`, false}, // bytes that are no UTF-8 match as U+FFFD
		{strings.Repeat("[", 20_000), "payload[0]", false},
	} {
		c, err := Parse(test.condition)
		if err != nil {
			t.Fatal(err)
		}
		m := Message{}
		m.Set(&mqttwire.Publish{Topic: "t", Payload: []byte(test.payload)})
		if got := c.Holds(&m); got != test.want {
			t.Errorf("%.20q: %s: %t", test.payload, test.condition, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "column 1: a field is expected, not the end",
		"temp>30":                                "column 1: there is no field temp: payload.temp is that of a JSON payload",
		"30<payload.temp":                        "column 1: there is no field 30",
		"payload.temp>":                          "column 14: a value is expected behind >, not the end",
		"payload.temp>>30":                       "column 14: >>30 is no operator and no value",
		"payload.temp > && a":                    "column 16: a value is expected behind >, not &&",
		"payload.temp 30":                        "column 14: &&, || or the end is expected, not 30",
		"payload.":                               "column 9: a name is expected after the dot",
		"payload.a[x]":                           "column 11: a number or a name in quotes is expected",
		"payload.a[1":                            "column 11: a number or a name in quotes is expected",
		`payload["a"`:                            "column 12: ] is expected, not the end",
		`payload.a="x`:                           "column 11: the text that begins here has no end",
		"topic":                                  "column 1: topic needs a comparison, such as topic~^a/",
		"qos":                                    "column 1: qos needs a comparison",
		"retain && size":                         "column 11: size needs a comparison",
		"topic~a(":                               "column 7: no regular expression: missing closing )",
		"topic~a)":                               "column 8: &&, || or the end is expected, not )",
		"(retain":                                "column 8: ) is expected, not the end",
		"retain & dup":                           "column 8: & is no operator",
		"retain.x":                               "column 7: nothing is inside retain",
		"content-type[0]=1":                      "column 13: nothing is inside content-type",
		`topic["a"]=1`:                           "column 7: the number of a level",
		"user=1":                                 "column 5: the name of a user property is expected",
		"user.=1":                                "column 6: the name of a user property is expected",
		"user[0]=1":                              "column 6: the name of a user property is expected, in quotes",
		"topic=ä && öl":                          "column 12: there is no field öl",
		"retain ||":                              "column 10: a field is expected, not the end",
		"size>1k":                                "column 6: size is a number, and 1k is none",
		`qos<"one"`:                              "column 5: qos is a number, and one is none",
		"qos=1 && retain=yes":                    "column 17: retain is true or false, and never yes",
		"message-expiry-interval>soon":           "column 25: message-expiry-interval is a number, and soon is none",
		"payload.n>1e400":                        "column 11: 1e400 is more than a number can be",
		"payload.n>-" + strings.Repeat("9", 400): "column 11: -9999999999999999999… is more than a number can be",
		"reason-string=x":                        "column 1: there is no field reason-string",
		"user-property=x":                        "column 1: there is no field user-property",
	} {
		_, err := Parse(text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	var where *Error
	if _, err := Parse(strings.Repeat("(", 1000)); !errors.As(err, &where) || where.Column != depthLimit+1 {
		t.Errorf("a thousand parentheses: %v", err)
	}
	if _, err := Parse("payload=" + strings.Repeat("x", textLimit)); err == nil {
		t.Error("a condition without a limit")
	}
}

func TestParseAt(t *testing.T) {
	const text = "never  payload.error  within 5s"
	c, end, err := ParseAt(text, len("never"))
	if err != nil || c.String() != "payload.error" || text[end:] != "within 5s" {
		t.Errorf("%v, %q, %v", c, text[end:], err)
	}
}

func TestCount(t *testing.T) {
	for _, test := range []struct {
		field, payload string
		want           uint64
		ok             bool
	}{
		{"payload", "17 of 20", 17, true},
		{"payload", " 17", 17, true},
		{"payload", "x17", 0, false},
		{"payload", "", 0, false},
		{"payload", "999999999999999999", 999999999999999999, true},
		{"payload", "1732270000000000001", 1732270000000000001, true},
		{"payload", "18446744073709551614", math.MaxUint64 - 1, true},
		{"payload", "18446744073709551615", 0, false}, // nothing comes after it
		{"payload", "18446744073709551616", 0, false},
		{"payload", "99999999999999999999999", 0, false},
		{"payload", "0000000000000000000000007 of 9", 7, true},
		{"payload", "1.5", 0, false},
		{"payload", "1. of 3", 1, true},
		{"payload.n", `{"n":1732270000000000001}`, 1732270000000000001, true},
		{"payload.n", `{"n":1.5}`, 0, false},
		{"payload.n", `{"n":1e3}`, 1000, true},
		{"payload.n", `{"n":2.0}`, 2, true},
		{"payload.n", `{"n":1e400}`, 0, false},
		{"payload.n", `{"n":1e-400}`, 0, true},
		{"payload.n", `{"n":-1.0}`, 0, false},
		{"payload.n", `{"n":3}`, 3, true},
		{"payload.n", `{"n":"4th"}`, 4, true},
		{"payload.n", `{"n":-4}`, 0, false},
		{"payload.n", `{"n":[5]}`, 0, false},
		{"payload.n", `5`, 0, false},
		{"topic[1]", "", 12, true},
		{"user.seq", "", 8, true},
		{"size", "abc", 3, true},
	} {
		f, err := ParseField(test.field)
		if err != nil {
			t.Fatal(err)
		}
		m := &Message{Publish: &mqttwire.Publish{Topic: "a/12", Payload: []byte(test.payload), Properties: mqttwire.Properties(nil).AddUser("seq", "8")}}
		if n, ok := f.Count(m); n != test.want || ok != test.ok {
			t.Errorf("%s of %q: %d, %t", test.field, test.payload, n, ok)
		}
	}
	for _, text := range []string{"payload.n>3", "payload.n x", "n", ""} {
		if _, err := ParseField(text); err == nil {
			t.Errorf("%q is a field", text)
		}
	}
}

// TestNoAllocation: a condition is asked of each message of a flood.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations are not counted with the race detector")
	}
	c, err := Parse(`payload.temp>30 && payload.a[0].b="x" && user.room=kitchen && topic~^a/ && qos=1 && payload~temp && retain && size>10`)
	if err != nil {
		t.Fatal(err)
	}
	m := sample()
	p := m.Publish
	if n := testing.AllocsPerRun(100, func() {
		m.Set(p)
		if !c.Holds(m) {
			t.Fatal("does not hold")
		}
	}); n > 0 {
		t.Errorf("%g allocations", n)
	}
}

// FuzzParse: no text and no message is too odd, and what a condition says of
// itself reads back as the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"payload.a[0].b=\"x\" && !(topic~^a/ or user.k!=v)", "size>10 and dup", "topic[-1]='x'", "payload[\"a\"]", "!!!(", "a\\"} {
		f.Add(text, `{"a":[{"b":"x"}]}`)
	}
	f.Fuzz(func(t *testing.T, text, payload string) {
		c, err := Parse(text)
		if err != nil {
			var where *Error
			if !errors.As(err, &where) || where.Column < 1 || where.Column > len([]rune(text))+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		m := sample()
		m.Payload = []byte(payload)
		holds := c.Holds(m)
		again, err := Parse(c.String())
		if err != nil || again.Holds(m) != holds {
			t.Fatalf("%q: %v, %t before", c, err, holds)
		}
	})
}

// A name that is no UTF-8 is found by its bytes.
func TestFindBytes(t *testing.T) {
	if got := string(find([]byte("{\"\xe1\":1,\"\ufffd\":2}"), []step{{key: "\xe1"}})); got != "1" {
		t.Errorf("found %q", got)
	}
}

// FuzzFind holds the walk over JSON against encoding/json.
func FuzzFind(f *testing.F) {
	f.Add(`{"a":[{"b":"x\u0041"}, -2, null]}`, "a", 0, "b")
	f.Add(` [ [ ] , {"":1} , "]" ] `, "", 1, "")
	f.Add(`{"a" : {"a":{} , "a" : [ 1,2 ]}}`, "a", -1, "a")
	f.Fuzz(func(t *testing.T, payload, first string, index int, last string) {
		m := &Message{Publish: &mqttwire.Publish{Payload: []byte(payload)}}
		if !m.isJSON() || !utf8.ValidString(payload) { // encoding/json puts U+FFFD for bytes that a path can name
			return
		}
		whole := decoded(t, m.Payload)
		for _, path := range [][]step{
			{{key: first}}, {{index: index, array: true}}, {{key: first}, {index: index, array: true}, {key: last}},
			{{key: first}, {key: last}}, {{index: index, array: true}, {key: last}},
		} {
			want, there := follow(whole, path)
			raw := find(m.Payload, path)
			if (raw != nil) != there {
				t.Fatalf("%q %v: found %q, there %t", payload, path, raw, there)
			}
			if !there {
				continue
			}
			if got := decoded(t, raw); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q %v: %q, want %v", payload, path, raw, want)
			}
			_ = fromJSON(raw).string()
		}
	})
}

// decoded leaves numbers as they are written: some are too large for a float.
func decoded(t *testing.T, b []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q is taken for JSON: %v", b, err)
	}
	return v
}

func follow(v any, path []step) (any, bool) {
	for _, s := range path {
		switch at := v.(type) {
		case map[string]any:
			found, ok := at[s.key]
			if s.array || !ok {
				return nil, false
			}
			v = found
		case []any:
			i := s.index
			if i < 0 {
				i += len(at)
			}
			if !s.array || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func BenchmarkHolds(b *testing.B) {
	c, _ := Parse("payload.temp>30 && payload.a[0].b=x")
	m := sample()
	p := m.Publish
	b.SetBytes(int64(len(p.Payload)))
	for b.Loop() {
		m.Set(p)
		c.Holds(m)
	}
}
