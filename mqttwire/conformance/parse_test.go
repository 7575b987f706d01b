package conformance

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mqtk/mqttwire"
)

// parsed are the scripts of a text that must parse.
func parsed(t *testing.T, text string) []*Script {
	t.Helper()
	scripts, err := Parse("test.mqtt", text)
	if err != nil {
		t.Fatal(err)
	}
	return scripts
}

func texts(s *Script) (all []string) {
	for _, st := range s.steps {
		all = append(all, st.text)
	}
	return all
}

func TestScriptsParse(t *testing.T) {
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]bool)
	for i, s := range scripts {
		files[s.File] = true
		if s.Number != i || len(s.steps) == 0 || s.Line == 0 {
			t.Errorf("%s: number %d, %d steps, line %d", s.Name(), s.Number, len(s.steps), s.Line)
		}
		if len(s.Shows) == 0 && s.House == "" && s.Version != mqttwire.V31 {
			t.Errorf("%s:%d %s shows nothing, and is not marked as ours", s.File, s.Line, s.Name())
		}
		for _, need := range s.Needs {
			if !slices.Contains([]string{"users", "acl", "challenge", "anonymous", "quiet"}, need) {
				t.Errorf("%s needs %s, which nobody knows", s.Name(), need)
			}
		}
		for _, use := range s.Uses {
			if use != "alias" && denials(use) == nil {
				t.Errorf("%s uses %s, which nobody knows", s.Name(), use)
			}
		}
	}
	if len(files) < 15 || len(scripts) < 1000 {
		t.Errorf("%d files, %d scripts", len(files), len(scripts))
	}
}

func TestParseHeader(t *testing.T) {
	scripts := parsed(t, `# the file
=== first
# 5.0: MQTT-1-1 s2-x
# 3.1.1: MQTT-1-2
# set: max_qos=1 receive_maximum=3
# needs: users
# uses: retain shared
# a comment: that is none of these
> PINGREQ

=== second
# mqtk: our choice
1> PINGREQ # a comment
`)
	if len(scripts) != 3 {
		t.Fatalf("%d scripts", len(scripts))
	}
	a, b, c := scripts[0], scripts[1], scripts[2]
	if a.Name() != "5.0 first" || b.Name() != "3.1.1 first" || c.Name() != "5.0 second" || a.Line != 2 {
		t.Errorf("%s, %s, %s, line %d", a.Name(), b.Name(), c.Name(), a.Line)
	}
	if !slices.Equal(a.Shows, []string{"MQTT-1-1", "s2-x"}) || !slices.Equal(b.Shows, []string{"MQTT-1-2"}) {
		t.Errorf("shows %v, %v", a.Shows, b.Shows)
	}
	if SettingsKey(a.Settings) != "max_qos=1 receive_maximum=3" || a.House != "" || c.House != "our choice" {
		t.Errorf("settings %v, house %q, %q", a.Settings, a.House, c.House)
	}
	if !slices.Equal(a.Needs, []string{"users"}) || !slices.Equal(a.Uses, []string{"retain", "shared"}) {
		t.Errorf("needs %v, uses %v", a.Needs, a.Uses)
	}
	if c.steps[0].clients[0] != 1 || c.steps[0].text != "1> PINGREQ" {
		t.Errorf("steps %v", texts(c))
	}
}

func TestParseEach(t *testing.T) {
	scripts := parsed(t, `=== ${a} becomes ${b}
# 5.0: MQTT-0-0
# each shows a b:
#   MQTT-1-1 "x y" "in quotes"
#   MQTT-1-2,MQTT-1-3 z the rest | of it
# each c: 1 | 2
1> PUBLISH topic="${a}" packet-id=${c} payload="${b}"
`)
	var names []string
	for _, s := range scripts {
		names = append(names, s.Title+": "+strings.Join(s.Shows, " ")+": "+s.steps[0].text)
	}
	want := []string{
		`x y becomes in quotes [1]: MQTT-0-0 MQTT-1-1: 1> PUBLISH topic="x y" packet-id=1 payload="in quotes"`,
		`x y becomes in quotes [2]: MQTT-0-0 MQTT-1-1: 1> PUBLISH topic="x y" packet-id=2 payload="in quotes"`,
		`z becomes the rest | of it [1]: MQTT-0-0 MQTT-1-2 MQTT-1-3: 1> PUBLISH topic="z" packet-id=1 payload="the rest | of it"`,
		`z becomes the rest | of it [2]: MQTT-0-0 MQTT-1-2 MQTT-1-3: 1> PUBLISH topic="z" packet-id=2 payload="the rest | of it"`,
	}
	if !slices.Equal(names, want) {
		t.Errorf("got\n%s", strings.Join(names, "\n"))
	}
}

func TestParseSections(t *testing.T) {
	scripts := parsed(t, `=== x
# 5.0:
# 3.1.1: MQTT-0-0
# each shows a: MQTT-3-1,MQTT-3-2 y
1> PUBLISH topic=${a}
# 5.0: MQTT-1-1 MQTT-1-2
1> PINGREQ; 1< PINGRESP
# 3.1.1: ${shows}
# 5.0: ${shows}
1< EOF
`)
	for i, want := range []string{"[] [MQTT-1-1 MQTT-1-2] [MQTT-1-1 MQTT-1-2] [MQTT-3-1 MQTT-3-2] of [MQTT-1-1 MQTT-1-2 MQTT-3-1 MQTT-3-2]",
		"[MQTT-0-0] [MQTT-0-0] [MQTT-0-0] [MQTT-3-1 MQTT-3-2] of [MQTT-0-0 MQTT-3-1 MQTT-3-2]"} {
		got := ""
		for _, st := range scripts[i].steps {
			got += fmt.Sprint(st.shows, " ")
		}
		if got += fmt.Sprint("of ", scripts[i].Shows); got != want {
			t.Errorf("%s: got %s, want %s", scripts[i].Name(), got, want)
		}
	}
}

func TestParseVersionVariables(t *testing.T) {
	scripts := parsed(t, `=== x
# 5.0:
# 3.1.1:
# 3.1:
1> CONNECT client-id=a ${kept}
1< CONNACK Success ${resumed}
1> hex=30 [(61) ${none}]
`)
	want := [][]string{
		{"1> CONNECT client-id=a session-expiry-interval=120", "1< CONNACK Success session-present=1", "1> hex=30 [(61) 00]"},
		{"1> CONNECT client-id=a", "1< CONNACK Success session-present=1", "1> hex=30 [(61) ]"},
		{"1> CONNECT client-id=a", "1< CONNACK Success", "1> hex=30 [(61) ]"},
	}
	for i, s := range scripts {
		if !slices.Equal(texts(s), want[i]) {
			t.Errorf("%s: got %q", s.Name(), texts(s))
		}
	}
}

func TestParseSteps(t *testing.T) {
	s := parsed(t, `=== steps
> PINGREQ; < PINGRESP ; +1s # a comment; 1> PINGREQ
12> PUBLISH topic="a;b" payload="x # y"
12>+ PINGREQ
12> EOF
1< ?DISCONNECT ProtocolError|Banned | PINGRESP
1< skip PUBLISH payload="a | b"
1< EOF
1<~ PINGRESP
1|2|3< PINGRESP
1< nothing 300ms
+1s..1500ms
1< PINGRESP
distinct $a $b
repeat n=2..3
${n}> PINGREQ
end
`)[0]
	want := []struct {
		op      operation
		clients []int
		items   int
	}{
		{opSend, []int{1}, 1}, {opExpect, []int{1}, 1}, {opWait, nil, 0},
		{opSend, []int{12}, 1}, {opHold, []int{12}, 1}, {opClose, []int{12}, 1},
		{opMaybe, []int{1}, 2}, {opSkip, []int{1}, 1}, {opExpect, []int{1}, 1}, {opGroup, []int{1}, 1},
		{opExpect, []int{1, 2, 3}, 1}, {opNothing, []int{1}, 0}, {opWindow, nil, 0}, {opExpect, []int{1}, 1},
		{opDistinct, nil, 0}, {opSend, []int{2}, 1}, {opSend, []int{3}, 1},
	}
	if len(s.steps) != len(want) {
		t.Fatalf("steps %q", texts(s))
	}
	for i, w := range want {
		st := s.steps[i]
		if st.op != w.op || !slices.Equal(st.clients, w.clients) || len(st.items) != w.items {
			t.Errorf("%s: operation %d, clients %v, %d items", st.text, st.op, st.clients, len(st.items))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"1> NOSUCH", "test.mqtt:2: NOSUCH"},
		{"1> PUBLISH nokey=1", "nokey"},
		{"1< PUBLISH !nokey", "nokey"},
		{"1> hex=3", "pairs of digits"},
		{"1> hex=[00", "is missing"},
		{"1> hex=00)", "is not open"},
		{`1> hex="a`, "the quote is not closed"},
		{`1> hex="a"*`, "a number is expected"},
		{"nonsense", "this is no step"},
		{"1|2> PINGREQ", "one client sends"},
		{"1>~ PINGREQ", "one client sends"},
		{"1<+ PINGRESP", "this arrow does not exist"},
		{"1|2<~ PINGRESP", "this arrow does not exist"},
		{"1|2< ?PINGRESP\n1< EOF", "stand alone"},
		{"+soon", "invalid duration"},
		{"1< nothing soon", "invalid duration"},
		{"distinct a", "$name is expected"},
		{"1< ?PINGRESP", "something that must come"},
		{"1< ?PINGRESP\n2< EOF", "something that must come"},
		{"1< skip PINGRESP\n1> PINGREQ", "something that must come"},
		{"+1s..2s\n1> PINGREQ", "something is received"},
		{"repeat n=1..2\n1> PINGREQ", "repeat without end"},
		{"repeat n\n1> PINGREQ\nend", "NAME=FROM..TO"},
		{"# set: key\n1> PINGREQ", "not KEY=VALUE"},
		{"# each a b: 1\n1> PINGREQ", "a value for b is expected"},
		{"1> PINGREQ\n# set: a=b", "after the first step"},
		{"", "has no steps"},
	} {
		_, err := Parse("test.mqtt", "=== title\n"+test.text+"\n")
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "test.mqtt:") {
			t.Errorf("%q\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestParseRaw(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"c0 00", "c000"},
		{`82 [0001 [] ("a/b") 03]`, "820900010000" + "03612f6203"},
		{`"a\u00e9"`, "61c3a9"},
		{`"xy"*3 00`, "78797879787900"},
		{`(("a"))`, "0003000161"},
		{`[[]]`, "0100"},
	} {
		got, err := parseRaw(test.text)
		if err != nil || hex.EncodeToString(got) != test.want {
			t.Errorf("%s: got %x, %v", test.text, got, err)
		}
	}
	long, err := parseRaw(`["x"*200]`)
	if err != nil || !bytes.HasPrefix(long, []byte{0xC8, 0x01, 'x'}) || len(long) != 202 {
		t.Errorf("got %x, %v", long, err)
	}
}
