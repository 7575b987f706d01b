package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// watched plays a script and gives what was seen of it, a line each.
func watched(t *testing.T, o Options, script string, rules ...rule) (lines []string, r Result) {
	t.Helper()
	scripts, err := ParseIn("", script, 0)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{version: scripts[0].Version, rules: rules}
		o.Literal = true
		o.Watch = func(s Seen) {
			arrow := "<"
			if s.Sent {
				arrow = ">"
			}
			line := fmt.Sprintf("%v %d%s %s", s.At, s.Client, arrow, s.Text())
			if s.Err != nil {
				line += " # " + s.Err.Error()
			}
			lines = append(lines, line)
		}
		r = Run(t.Context(), scripts[0], b.dial, o)
		b.serving.Wait()
	})
	return lines, r
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWatch(t *testing.T) {
	lines, r := watched(t, Options{Linger: 2 * time.Second}, "# 3.1.1:\n1> CONNECT client-id=a; 1< CONNACK\n+1s\n1>+ PINGREQ; 1> hex=c000\n1< PINGRESP",
		accept("+3s", "hex=32020000"))
	wantLines(t, lines, "0s 1> CONNECT version=4 client-id=a", "0s 1< CONNACK Success", "1s 1> PINGREQ", "1s 1> hex=c000",
		"3s 1< hex=32020000 # the broker's packet is not valid: PUBLISH ends early: malformed packet (0x81, 3.3)")
	if r.Outcome != Fail || r.Step != 6 || r.Expected != "1< PINGRESP" || r.Err != nil {
		t.Errorf("%v, step %d, %v", r, r.Step, r.Err)
	}
}

// TestLinger: what comes behind the last step is seen, up to a time or the end.
func TestLinger(t *testing.T) {
	script := "1> CONNECT client-id=a\n1< CONNACK"
	lines, r := watched(t, Options{Linger: 2 * time.Second}, script, accept("+1s", "PUBLISH topic=a", "+2s", "PUBLISH topic=b"))
	wantLines(t, lines, "0s 1> CONNECT version=5 client-id=a", "0s 1< CONNACK Success", "1s 1< PUBLISH topic=a")
	if r.Outcome != Pass || r.Elapsed != 2*time.Second {
		t.Errorf("%v after %v", r, r.Elapsed)
	}
	lines, r = watched(t, Options{Linger: time.Minute}, script, accept("+1s", "EOF"))
	wantLines(t, lines, "0s 1> CONNECT version=5 client-id=a", "0s 1< CONNACK Success", "1s 1< EOF")
	if r.Outcome != Pass || r.Elapsed != time.Second {
		t.Errorf("%v after %v", r, r.Elapsed)
	}
	_, r = watched(t, Options{Linger: time.Minute}, script, accept("+1s", "CONNACK Success", "EOF"))
	if r.Outcome != Fail || r.Err == nil || !strings.Contains(r.Got, "a second CONNACK") {
		t.Errorf("%v, %v", r, r.Err)
	}
}

// TestLiteral: what a script needs is left to whoever plays it, and a refusal is
// no reason to skip.
func TestLiteral(t *testing.T) {
	_, r := watched(t, Options{}, "=== x\n# needs: acl\n# set: max_qos=0\n1> CONNECT client-id=a\n1< CONNACK", rule{"CONNECT", []string{"CONNACK NotAuthorized"}})
	if r.Outcome != Fail || r.Step != 2 || r.Got != "CONNACK NotAuthorized (a success is expected)" {
		t.Errorf("%v", r)
	}
}

func TestUnreachable(t *testing.T) {
	refused := errors.New("refused")
	scripts, err := Parse("", "1> CONNECT\n")
	if err != nil {
		t.Fatal(err)
	}
	r := Run(t.Context(), scripts[0], func(context.Context) (net.Conn, error) { return nil, refused }, Options{})
	if r.Outcome != Fail || !errors.As(r.Err, new(*UnreachableError)) || !errors.Is(r.Err, refused) {
		t.Errorf("%v, %v", r, r.Err)
	}
	if scripts, err = Parse("", "1> PUBLISH topic=+\n"); err != nil {
		t.Fatal(err)
	}
	r = Run(t.Context(), scripts[0], nil, Options{})
	if r.Outcome != Fail || !errors.As(r.Err, new(*UnsayableError)) || !errors.As(r.Err, new(*mqttwire.Error)) {
		t.Errorf("%v, %v", r, r.Err)
	}
}

// TestParseIn: a version asked for chooses, and is that of scripts without one.
func TestParseIn(t *testing.T) {
	for _, test := range []struct {
		text string
		only mqttwire.Version
		want string
	}{
		{"1> CONNECT", 0, "[5.0 ]"},
		{"1> CONNECT", mqttwire.V31, "[3.1 ]"},
		{"# what it is\n# 3.1.1:\n\n1> CONNECT", 0, "[3.1.1 ]"},
		{"# for readers\n=== a\n# 5.0:\n# 3.1.1:\n1> CONNECT\n=== b\n1> CONNECT", mqttwire.V311, "[3.1.1 a 3.1.1 b]"},
		{"# 3.1.1:\n1> CONNECT", mqttwire.V5, "[]"},
	} {
		scripts, err := ParseIn("", test.text, test.only)
		var names []string
		for _, s := range scripts {
			names = append(names, s.Name())
		}
		if got := fmt.Sprint(names); err != nil || got != test.want {
			t.Errorf("%q in %v: %s, %v", test.text, test.only, got, err)
		}
	}
	_, err := Parse("f", "\nPINGREQ")
	if err == nil || err.Error() != "f:2: PINGREQ: an arrow says who sends it: 1> for client 1, 1< for what it receives" {
		t.Errorf("%v", err)
	}
}

// TestFlood: what no step looks at is not kept behind the last one, and not
// read for ever before it.
func TestFlood(t *testing.T) {
	message := "PUBLISH topic=a payload=" + strings.Repeat("x", 1<<20)
	say := []string{"CONNACK Success"}
	for range 80 {
		say = append(say, message)
	}
	count := 0
	o := Options{Literal: true, Linger: time.Second, Watch: func(s Seen) { count++ }}
	r := runs(t, o, "1> CONNECT\n1< CONNACK", rule{"CONNECT", say})
	if r.Outcome != Pass || count != 82 {
		t.Errorf("%d seen, %v", count, r)
	}
	count = 0
	r = runs(t, o, "1> CONNECT\n1< CONNACK\n+1s\n1< skip EOF\n1< PINGRESP", rule{"CONNECT", say})
	if count < 65 || count > 68 {
		t.Errorf("%d seen, %v", count, r)
	}
}

// TestCheckExpectations: a typo in what is expected is told before anything is
// sent, and nothing that a script of ours expects is one.
func TestCheckExpectations(t *testing.T) {
	for script, want := range map[string]string{
		"1> CONNECT\n1< CONNACK Succes":                                 "Succes",
		"1> CONNECT\n1< CONNACK Success|Bann session-present=0":         "Bann",
		"1> CONNECT\n1< CONNACK\n1<~ SUBACK Granted packet-id=1":        "Granted",
		"1> CONNECT version=4\n1< CONNACK Succes":                       "Succes",
		"1> CONNECT\n1< PINGRESP Success":                               "no reason code",
		"1> CONNECT\n1< CONNACK receive-maximum=many":                   "many",
		"1> CONNECT\n1< ?AUTH Contnue\n1< CONNACK":                      "Contnue",
		"1> CONNECT\n1< CONNACK Success | DISCONNECT ServerBusi":        "ServerBusi",
		"1> CONNECT\n1< CONNACK * !session-present":                     "",
		"1> CONNECT\n1< CONNACK receive-maximum=1..9":                   "",
		"1> CONNECT\n1< PUBLISH topic=${topic} packet-id=$p qos=1":      "",
		"1> CONNECT\n1< CONNACK 0x87 assigned-client-identifier=*":      "",
		"1> CONNECT\n1< PUBLISH topic=t response-topic=* payload=a*300": "",
	} {
		got := ""
		if r := parsed(t, "=== x\n"+script)[0].Check(); r != nil {
			got = r.Got
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		if r := s.Check(); r != nil && errors.As(r.Err, new(*UnmeetableError)) {
			t.Errorf("%s: %s: %s", s.Name(), r.Expected, r.Got)
		}
	}
}

// TestRepeatOnOneLine: what stands between repeat and end may stand beside them.
func TestRepeatOnOneLine(t *testing.T) {
	s := parsed(t, "1> CONNECT; repeat n=1..3; 1> PUBLISH topic=t/${n} payload=\"; end\"; end; 1> DISCONNECT")[0]
	if s.Steps() != 5 || s.steps[3].text != "1> PUBLISH topic=t/3 payload=\"; end\"" {
		t.Errorf("%d steps:\n%s", s.Steps(), s.Text())
	}
	if _, err := Parse("x", "1> CONNECT; repeat n=1..3; 1> PINGREQ"); err == nil {
		t.Error("a repeat without end is taken")
	}
}
