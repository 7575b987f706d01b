package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A fakeBroker answers each packet by its rules: the lines behind the first
// rule whose key the packet's text begins with. A line is a packet, hex=…,
// +TIME to wait, or EOF.
type fakeBroker struct {
	version mqttwire.Version
	rules   []rule
	opened  atomic.Int32 // scripts are played side by side
	serving sync.WaitGroup
}

type rule struct {
	key   string
	lines []string
}

func (b *fakeBroker) dial(context.Context) (net.Conn, error) {
	ours, theirs := transport.MemPair()
	b.opened.Add(1)
	b.serving.Go(func() { b.serve(theirs) })
	return ours, nil
}

func (b *fakeBroker) serve(conn net.Conn) {
	defer conn.Close()
	r := mqttwire.NewReader(conn)
	r.Version, r.From = b.version, mqttwire.Client
	for {
		p, err := r.ReadPacket()
		text := "BAD"
		if err == nil {
			text = mqttwire.LineOf(p, b.version).String()
		} else if bad := (*mqttwire.Error)(nil); !errors.As(err, &bad) {
			return
		}
		for _, rule := range b.rules {
			if strings.HasPrefix(text, rule.key) {
				for _, line := range rule.lines {
					if !b.say(conn, line) {
						return
					}
				}
				break
			}
		}
		if err != nil {
			return
		}
	}
}

func (b *fakeBroker) say(conn net.Conn, line string) bool {
	switch {
	case line == "EOF":
		return false
	case line[0] == '+':
		d, _ := time.ParseDuration(line[1:])
		time.Sleep(d)
		return true
	case strings.HasPrefix(line, "hex="):
		bytes, _ := parseRaw(line[4:])
		conn.Write(bytes)
		return true
	}
	p, err := mqttwire.ParseText(line, b.version)
	if err != nil {
		panic(err)
	}
	bytes, err := p.Append(nil, b.version)
	if err != nil {
		panic(err)
	}
	_, err = conn.Write(bytes)
	return err == nil
}

// accept is what a broker says to CONNECT; say comes behind it.
func accept(say ...string) rule { return rule{"CONNECT", append([]string{"CONNACK Success"}, say...)} }

// runs plays a script against a fake broker in a bubble.
func runs(t *testing.T, o Options, script string, rules ...rule) (r Result) {
	t.Helper()
	s := parsed(t, "=== test\n"+script)[0]
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{version: s.Version, rules: rules}
		r = Run(t.Context(), s, b.dial, o)
		b.serving.Wait()
	})
	return r
}

func TestRunPasses(t *testing.T) {
	ping := rule{"PINGREQ", []string{"PINGRESP"}}
	for _, test := range []struct {
		name, script string
		rules        []rule
	}{
		{"an exchange", "1> CONNECT\n1< CONNACK Success !session-present\n1> PINGREQ\n1< PINGRESP", []rule{accept(), ping}},
		{"bytes", "1> CONNECT\n1< hex=20 [0000 []]", []rule{accept()}},
		{"bytes that are no valid packet", "1> CONNECT\n1< hex=20020001\n1< EOF", []rule{{"CONNECT", []string{"hex=20020001", "EOF"}}}},
		{"an optional packet that comes", "1> CONNECT\n1< CONNACK\n1< ?PINGRESP\n1< EOF", []rule{accept("PINGRESP", "EOF")}},
		{"an optional packet that does not", "1> CONNECT\n1< CONNACK\n1< ?PINGRESP\n1< EOF", []rule{accept("EOF")}},
		{"the second of two", "1> CONNECT\n1< AUTH | CONNACK", []rule{accept()}},
		{"a group", "1> CONNECT\n1< CONNACK\n1<~ PUBACK packet-id=1\n1<~ PINGRESP\n1<~ PUBACK packet-id=2",
			[]rule{accept("PUBACK packet-id=2", "PUBACK packet-id=1", "PINGRESP")}},
		{"either of two clients", "1> CONNECT\n1< CONNACK\n2> CONNECT\n2< CONNACK\n1> PINGREQ\n1|2< PINGRESP", []rule{accept(), ping}},
		{"in time", "1> CONNECT\n1< CONNACK\n+2s..3s\n1< ?PINGRESP\n1< EOF", []rule{accept("+2500ms", "EOF")}},
		{"after a wait", "1> CONNECT\n1< CONNACK\n+1s\n+1s..2s\n1< EOF", []rule{accept("+2500ms", "EOF")}},
		{"anything", "1> CONNECT\n1< anything 1s\n1> PINGREQ\n1< PINGRESP", []rule{accept("PINGRESP", "+500ms", "PINGRESP"), ping}},
		{"anything and the end", "1> CONNECT\n1< anything 1s\n1< EOF", []rule{accept("EOF")}},
		{"nothing", "1> CONNECT\n1< CONNACK\n1< nothing 1s\n1< PINGRESP", []rule{accept("+2s", "PINGRESP")}},
		{"a variable", "1> CONNECT\n1< CONNACK receive-maximum=$r\n1> PUBLISH topic=a qos=1 packet-id=$r\n1< PUBACK packet-id=$r",
			[]rule{{"CONNECT", []string{"CONNACK Success receive-maximum=7"}}, {"PUBLISH topic=a qos=1 packet-id=7", []string{"PUBACK packet-id=7"}}}},
		{"binary in a variable", "1> CONNECT\n1< CONNACK authentication-data=$d\n1> PUBLISH topic=a correlation-data=$d\n1< PINGRESP",
			[]rule{{"CONNECT", []string{"CONNACK Success authentication-data-hex=00ff"}}, {"PUBLISH topic=a correlation-data-hex=00ff", []string{"PINGRESP"}}}},
		{"a range", "1> CONNECT\n1< CONNACK receive-maximum=6..8", []rule{{"CONNECT", []string{"CONNACK Success receive-maximum=7"}}}},
		{"identifiers in any order", "1> CONNECT\n1< CONNACK\n1< PUBLISH topic=a subscription-identifier=1 subscription-identifier=9",
			[]rule{accept("PUBLISH topic=a subscription-identifier=9 subscription-identifier=1")}},
		{"filled values", "1> CONNECT\n1< CONNACK\n1> PUBLISH topic=a payload=ab*3\n1< PINGRESP",
			[]rule{accept(), {"PUBLISH topic=a payload=abxxx", []string{"PINGRESP"}}}},
		{"a new connection after the end", "1> CONNECT\n1< CONNACK\n1< EOF\n1> CONNECT\n1< CONNACK", []rule{accept("EOF")}},
		{"a new connection after DISCONNECT", "1> CONNECT\n1< CONNACK\n1> DISCONNECT\n1> CONNECT\n1< CONNACK", []rule{accept()}},
		{"packets in one write", "1>+ CONNECT\n1>+ PINGREQ\n1> PINGREQ\n1< CONNACK\n1< PINGRESP\n1< PINGRESP", []rule{accept(), ping}},
		{"what must not decode", "1> CONNECT\n1< CONNACK\n1> hex=c1 00\n1< ?DISCONNECT MalformedPacket\n1< EOF", []rule{accept(), {"BAD", []string{"EOF"}}}},
		{"ids of its own", "1> CONNECT client-id=${id}\n1< CONNACK", []rule{{"CONNECT version=5 client-id=conform0000", []string{"CONNACK Success"}}}},
		{"different variables", "1> CONNECT\n1< CONNACK receive-maximum=$a topic-alias-maximum=$b\ndistinct $a $b",
			[]rule{{"CONNECT", []string{"CONNACK Success receive-maximum=7 topic-alias-maximum=8"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if r := runs(t, Options{}, test.script, test.rules...); r.Outcome != Pass {
				t.Error(r)
			}
		})
	}
}

func TestRunFails(t *testing.T) {
	ping := rule{"PINGREQ", []string{"PINGRESP"}}
	connected := "1> CONNECT\n1< CONNACK\n"
	for _, test := range []struct {
		name, script string
		rules        []rule
		line         int
		want         string
	}{
		{"another packet", "1> CONNECT\n1< PINGRESP", []rule{accept()}, 3, "CONNACK Success (PINGRESP is expected)"},
		{"another value", "1> CONNECT\n1< CONNACK session-present=1", []rule{accept()}, 3, "CONNACK session-present=1 is expected"},
		{"a refusal", "1> CONNECT\n1< CONNACK", []rule{{"CONNECT", []string{"CONNACK ImplementationSpecificError"}}}, 3, "a success is expected"},
		{"a packet before the right one", connected + "1> PINGREQ\n1< PINGRESP", []rule{accept("PUBLISH topic=a"), ping}, 5, "PUBLISH topic=a"},
		{"an end", connected + "1< PINGRESP", []rule{accept("EOF")}, 4, "EOF"},
		{"anything stops at a while", connected + "1< anything 1s\n1< EOF", []rule{accept("+2s", "PINGRESP")}, 5, "PINGRESP"},
		{"anything forgives nothing", connected + "1< anything 1s", []rule{accept("CONNACK Success")}, 4, "second CONNACK"},
		{"no end", connected + "1< EOF", []rule{accept()}, 4, "nothing until 5.000s"},
		{"silence", connected + "1< PINGRESP", []rule{accept()}, 4, "nothing until 5.000s"},
		{"silence after an optional packet", connected + "1< ?PINGRESP\n1< EOF", []rule{accept()}, 5, "nothing until 5.000s"},
		{"something instead of nothing", connected + "1< nothing 3s", []rule{accept("+2s", "PINGRESP")}, 4, "PINGRESP"},
		{"too early", connected + "+2s..3s\n1< EOF", []rule{accept("+1500ms", "EOF")}, 5, "EOF after 1.500s, not +2s..3s"},
		{"too late", connected + "+2s..3s\n1< EOF", []rule{accept("+4s", "EOF")}, 5, "nothing until 3.150s"},
		{"one of a group missing", connected + "1<~ PUBACK packet-id=1\n1<~ PINGRESP", []rule{accept("PINGRESP")}, 4, "nothing until"},
		{"a stranger in a group", connected + "1<~ PUBACK packet-id=1\n1<~ PINGRESP", []rule{accept("PUBACK packet-id=2")}, 4, "PUBACK packet-id=2"},
		{"neither client", connected + "2> CONNECT\n2< CONNACK\n1|2< PINGRESP", []rule{accept()}, 6, "nothing until"},
		{"another value of a variable", "1> CONNECT\n1< CONNACK receive-maximum=$r topic-alias-maximum=$r",
			[]rule{{"CONNECT", []string{"CONNACK Success receive-maximum=7 topic-alias-maximum=8"}}}, 3, "topic-alias-maximum=7"},
		{"equal variables", "1> CONNECT\n1< CONNACK receive-maximum=$a topic-alias-maximum=$b\ndistinct $a $b",
			[]rule{{"CONNECT", []string{"CONNACK Success receive-maximum=7 topic-alias-maximum=7"}}}, 4, "$a and $b are both 7"},
		{"out of range", "1> CONNECT\n1< CONNACK receive-maximum=6..8", []rule{{"CONNECT", []string{"CONNACK Success receive-maximum=9"}}}, 3, "receive-maximum=6..8 is expected"},
		{"a user property too many", connected + `1< PUBLISH user-property="a=b"`, []rule{accept(`PUBLISH topic=a user-property="a=b" user-property="c=d"`)}, 4, "1 user-property are expected"},
		{"other bytes", "1> CONNECT\n1< hex=20 [0100 []]", []rule{accept()}, 3, "2003000000 came"},
		{"bytes that do not decode", connected + "1< EOF", []rule{accept("hex=36 [(61) 0001 00]")}, 4, "the broker's packet is not valid"},
		{"a Remaining Length without end", connected + "1< EOF", []rule{accept("hex=30 ffffffff")}, 4, "does not end"},
		{"an end inside a packet", connected + "1< EOF", []rule{accept("hex=30 05", "EOF")}, 4, "inside a packet"},
		{"a breach after the last step", connected + "1> PINGREQ\n1< PINGRESP\n+1s", []rule{accept(), {"PINGREQ", []string{"PINGRESP", "hex=c1 00"}}}, 6, "not valid"},
		{"no variable", "1> PUBLISH topic=$x", nil, 2, "$x has no value"},
		{"no such client", "1> CONNECT\n2< PINGRESP", []rule{accept()}, 3, "client 2 has no connection"},
		{"what cannot be written", "1> CONNECT\n1> PUBLISH topic=a qos=1", []rule{accept()}, 3, "cannot be written"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := runs(t, Options{}, test.script, test.rules...)
			if r.Outcome != Fail || r.Line != test.line || !strings.Contains(r.Got, test.want) {
				t.Errorf("want line %d, %s\n%s", test.line, test.want, r)
			}
		})
	}
}

// A step that fails breaks what it was to show, or what it was not about at all.
func TestSections(t *testing.T) {
	script := `# 5.0:
1> CONNECT
1< CONNACK
# 5.0: MQTT-3.12.4-1
1> PINGREQ
1< PINGRESP
# 5.0: MQTT-3.12.4-1 MQTT-3.10.4-1
1> UNSUBSCRIBE packet-id=1 filter=a
1< UNSUBACK packet-id=1
# 5.0: MQTT-3.3.4-1
1> PUBLISH topic=a qos=1 packet-id=1
1< PUBACK packet-id=1
`
	ping, unsubscribe := rule{"PINGREQ", []string{"PINGRESP"}}, rule{"UNSUBSCRIBE", []string{"UNSUBACK Success packet-id=1"}}
	for _, test := range []struct {
		name  string
		rules []rule
		want  string
	}{
		{"all of it", []rule{accept(), ping, unsubscribe, {"PUBLISH", []string{"PUBACK packet-id=1"}}}, "pass [MQTT-3.12.4-1 MQTT-3.10.4-1 MQTT-3.3.4-1] []"},
		{"preparing", []rule{{"CONNECT", []string{"EOF"}}}, "fail [] []"},
		{"the first", []rule{accept()}, "fail [] [MQTT-3.12.4-1]"},
		{"the second", []rule{accept(), ping}, "fail [] [MQTT-3.12.4-1 MQTT-3.10.4-1]"},
		{"the last", []rule{accept(), ping, unsubscribe}, "fail [MQTT-3.12.4-1 MQTT-3.10.4-1] [MQTT-3.3.4-1]"},
		{"another rule", []rule{accept(), ping, {"UNSUBSCRIBE", []string{"PUBLISH topic=a topic-alias=1"}}}, "fail [] [MQTT-3.1.2-26]"},
		{"not valid", []rule{accept(), ping, {"UNSUBSCRIBE", []string{"hex=36 [(61) 0001 00]"}}}, "fail [] [MQTT-3.3.1-4]"},
		{"refused", []rule{accept(), ping, unsubscribe, {"PUBLISH", []string{"PUBACK NotAuthorized packet-id=1"}}}, "skip [MQTT-3.12.4-1 MQTT-3.10.4-1] []"},
	} {
		r := runs(t, Options{}, script, test.rules...)
		if got := fmt.Sprint(r.Outcome, " ", r.Shown, " ", r.Broken); got != test.want {
			t.Errorf("%s: got %s, want %s\n%s", test.name, got, test.want, r)
		}
	}
}

// The referee speaks up whatever the script is about.
func TestReferee(t *testing.T) {
	for _, test := range []struct{ name, connect, say, want string }{
		{"size", "maximum-packet-size=20", "PUBLISH topic=a payload=" + strings.Repeat("x", 30), "MQTT-3.1.2-24"},
		{"alias", "topic-alias-maximum=2", "PUBLISH topic=a topic-alias=3", "MQTT-3.1.2-26"},
		{"alias without leave", "", "PUBLISH topic=a topic-alias=1", "MQTT-3.1.2-26"},
		{"alias that was never set", "topic-alias-maximum=2", "PUBLISH topic-alias=1", "MQTT-3.3.2-7"},
		{"window", "receive-maximum=1", "PUBLISH topic=a qos=1 packet-id=1; PUBLISH topic=a qos=1 packet-id=2", "MQTT-3.3.4-9"},
		{"packet id in use", "", "PUBLISH topic=a qos=1 packet-id=1; PUBLISH topic=a qos=1 packet-id=1", "MQTT-2.2.1-4"},
		{"the same again", "", "PUBLISH topic=a qos=1 packet-id=1; PUBLISH topic=a qos=1 dup=1 packet-id=1", "MQTT-4.4.0-1"},
		{"a released id", "", "PUBREL packet-id=1; PUBLISH topic=a qos=2 packet-id=1", "MQTT-2.2.1-4"},
		{"unwanted reasons", "request-problem-information=0", "PUBACK packet-id=1 reason-string=x", "MQTT-3.1.2-29"},
		{"unwanted user property", "request-problem-information=0", `SUBACK GrantedQoS0 packet-id=1 user-property="a=b"`, "MQTT-3.1.2-29"},
		{"two CONNACKs", "", "CONNACK Success", "MQTT-3.2.0-2"},
		{"after DISCONNECT", "", "DISCONNECT ServerBusy; PINGRESP", "MQTT-3.14.4-1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			script := "1> CONNECT " + test.connect + "\n1< CONNACK Success\n1< nothing 1s"
			if strings.Contains(test.say, "; ") {
				first, _, _ := strings.Cut(test.say, "; ")
				script = "1> CONNECT " + test.connect + "\n1< CONNACK Success\n1< " + first + "\n1< nothing 1s"
			}
			r := runs(t, Options{}, script, accept(strings.Split(test.say, "; ")...))
			if r.Outcome != Fail || !strings.Contains(r.Got, test.want) {
				t.Errorf("want %s\n%s", test.want, r)
			}
		})
	}
	early := []string{"PINGRESP", "PUBLISH topic=a", "DISCONNECT ServerBusy", "PUBACK packet-id=1", "SUBACK GrantedQoS0 packet-id=1"}
	for _, say := range early {
		r := runs(t, Options{}, "1> CONNECT\n1< nothing 1s", rule{"CONNECT", []string{say}})
		if r.Outcome != Fail || !strings.Contains(r.Got, "before CONNACK") {
			t.Errorf("%s before CONNACK: %s", say, r)
		}
	}
}

func TestRefereeLetsGo(t *testing.T) {
	script := `1> CONNECT receive-maximum=1
1< CONNACK Success
1< PUBLISH qos=1 packet-id=1
1> PUBACK packet-id=1
1< PUBLISH qos=2 packet-id=1
1> PUBREC packet-id=1
1< PUBREL packet-id=1
1> PUBCOMP packet-id=1
1< PUBLISH qos=2 packet-id=1
1> PUBREC Banned packet-id=1
1< PUBLISH qos=1 packet-id=1`
	r := runs(t, Options{}, strings.Replace(script, "Banned", "NotAuthorized", 1), accept("PUBLISH topic=a qos=1 packet-id=1"),
		rule{"PUBACK", []string{"PUBLISH topic=a qos=2 packet-id=1"}}, rule{"PUBREC NotAuthorized", []string{"PUBLISH topic=a qos=1 packet-id=1"}},
		rule{"PUBREC", []string{"PUBREL packet-id=1"}}, rule{"PUBCOMP", []string{"PUBLISH topic=a qos=2 packet-id=1"}})
	if r.Outcome != Pass {
		t.Error(r)
	}
}

func TestStrict(t *testing.T) {
	connected := "1> CONNECT\n1< CONNACK Success\n"
	for _, test := range []struct {
		name, script string
		say          []string
		strict       Outcome
	}{
		{"closed without a word", connected + "1< ?DISCONNECT ProtocolError\n1< EOF", []string{"EOF"}, Fail},
		{"closed with the second choice", connected + "1< ?DISCONNECT ProtocolError|MalformedPacket\n1< EOF", []string{"DISCONNECT MalformedPacket", "EOF"}, Fail},
		{"closed with the first choice", connected + "1< ?DISCONNECT ProtocolError|MalformedPacket\n1< EOF", []string{"DISCONNECT ProtocolError", "EOF"}, Pass},
		{"the second alternative", connected + "1< PINGRESP | PUBACK packet-id=1", []string{"PUBACK packet-id=1"}, Fail},
		{"the first alternative", connected + "1< PINGRESP | PUBACK packet-id=1", []string{"PINGRESP"}, Pass},
		{"the second alternative in a group", connected + "1<~ PINGRESP | PUBACK packet-id=1", []string{"PUBACK packet-id=1"}, Fail},
		{"an optional packet that is no farewell", connected + "1< ?PUBLISH topic=a\n1< PINGRESP", []string{"PINGRESP"}, Pass},
	} {
		t.Run(test.name, func(t *testing.T) {
			if r := runs(t, Options{}, test.script, accept(test.say...)); r.Outcome != Pass {
				t.Errorf("lenient: %s", r)
			}
			if r := runs(t, Options{Strict: true}, test.script, accept(test.say...)); r.Outcome != test.strict {
				t.Errorf("strict, want %s: %s", test.strict, r)
			}
		})
	}
}

// What 3.x cannot say is not waited for, and must not come.
// A broker should close upon DISCONNECT, and the client must: what a script
// awaits behind it comes either way.
func TestHangsUp(t *testing.T) {
	for _, test := range []struct {
		name, script string
		options      Options
		want         Outcome
	}{
		{"a packet", "1> CONNECT\n1< CONNACK\n1> DISCONNECT\n1< EOF", Options{}, Pass},
		{"bytes", "1> CONNECT\n1< CONNACK\n1> hex=e00104\n1< EOF", Options{}, Pass},
		{"held", "1> CONNECT\n1< CONNACK\n1>+ DISCONNECT\n1> PUBLISH topic=a\n1< EOF", Options{}, Pass},
		{"not well-formed", "1> CONNECT\n1< CONNACK\n1> hex=e10104\n1< EOF", Options{}, Fail},
		{"not yet sent", "1> CONNECT\n1< CONNACK\n1>+ DISCONNECT\n1< EOF", Options{}, Fail},
		{"strict", "1> CONNECT\n1< CONNACK\n1> DISCONNECT\n1< EOF", Options{Strict: true}, Fail},
		{"literal", "1> CONNECT\n1< CONNACK\n1> DISCONNECT\n1< EOF", Options{Literal: true}, Fail},
	} {
		deaf := func(conn net.Conn) { // it lets everybody in, and hears no more
			buffer := make([]byte, 100)
			if n, _ := conn.Read(buffer); n > 0 {
				conn.Write([]byte{0x20, 3, 0, 0, 0})
			}
			for {
				if _, err := conn.Read(buffer); err != nil {
					conn.Close()
					return
				}
			}
		}
		synctest.Test(t, func(t *testing.T) {
			r := Run(t.Context(), parsed(t, "=== test\n"+test.script)[0], func(context.Context) (net.Conn, error) {
				ours, theirs := transport.MemPair()
				go deaf(theirs)
				return ours, nil
			}, test.options)
			if r.Outcome != test.want || r.Outcome == Pass && r.Elapsed != grace {
				t.Errorf("%s: %s after %v", test.name, r, r.Elapsed)
			}
		})
	}
}

func TestFarewellIn3x(t *testing.T) {
	for _, test := range []struct {
		expected, say string
		want          Outcome
	}{
		{"?DISCONNECT ProtocolError", "EOF", Pass},
		{"?CONNACK MalformedPacket", "EOF", Pass},
		{"?CONNACK MalformedPacket", "CONNACK NotAuthorized", Fail},
		{"?CONNACK NotAuthorized", "CONNACK NotAuthorized", Pass},
		{"?CONNACK NotAuthorized", "EOF", Fail},
	} {
		r := runs(t, Options{Strict: true}, "# 3.1.1:\n1> CONNECT clean-start=1\n1< "+test.expected+"\n1< EOF", rule{"CONNECT", []string{test.say, "EOF"}})
		if r.Outcome != test.want {
			t.Errorf("%s against %s, want %s: %s", test.expected, test.say, test.want, r)
		}
	}
}

func TestSkips(t *testing.T) {
	for _, test := range []struct {
		name    string
		options Options
		header  string
		connack string
		want    string
	}{
		{"needs", Options{}, "# needs: users", "CONNACK Success", "needs users"},
		{"settings", Options{}, "# set: max_qos=1", "CONNACK Success", "needs max_qos=1"},
		{"default settings", Options{Settings: []Setting{{"max_qos", "1"}}}, "", "CONNACK Success", "needs the default settings"},
		{"retain", Options{}, "# uses: retain", "CONNACK Success retain-available=0", "no retain"},
		{"qos2", Options{}, "# uses: qos2", "CONNACK Success maximum-qos=1", "no qos2"},
		{"alias", Options{}, "# uses: alias", "CONNACK Success", "no alias"},
		{"a step", Options{}, "1> CONNECT\n1< skip CONNACK Success receive-maximum=*\n1< EOF", "CONNACK Success receive-maximum=5", "the broker does otherwise, as it may: CONNACK Success receive-maximum=5"},
	} {
		r := runs(t, test.options, test.header+"\n1> CONNECT\n1< CONNACK\n", rule{"CONNECT", []string{test.connack}})
		if r.Outcome != Skip || !strings.Contains(r.Got, test.want) {
			t.Errorf("%s, want %s: %s", test.name, test.want, r)
		}
	}
	same := Options{Settings: []Setting{{"b", "2"}, {"a", "1"}}, Have: []string{"users"}}
	if r := runs(t, same, "# set: a=1 b=2\n# needs: users\n# uses: shared\n1> CONNECT\n1< CONNACK", accept()); r.Outcome != Pass {
		t.Error(r)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := parsed(t, "=== x\n1> CONNECT\n1< CONNACK\n+1h\n1> PINGREQ")[0]
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b := &fakeBroker{version: mqttwire.V5, rules: []rule{accept()}}
		defer b.serving.Wait()
		r := Run(ctx, s, b.dial, Options{})
		if r.Outcome != Fail || r.Elapsed != time.Second || !strings.Contains(r.Got, "deadline") {
			t.Error(r)
		}
	})
}

func TestRunWithoutBroker(t *testing.T) {
	s := parsed(t, "=== x\n1> CONNECT\n1< CONNACK")[0]
	r := Run(t.Context(), s, func(context.Context) (net.Conn, error) { return nil, errors.New("nobody there") }, Options{})
	if r.Outcome != Fail || !strings.Contains(r.Got, "nobody there") {
		t.Error(r)
	}
	if text := r.String(); !strings.Contains(text, "expected 1> CONNECT") || !strings.Contains(text, "fail 5.0 x (test.mqtt:1)") {
		t.Errorf("report %q", text)
	}
}

func TestCredentials(t *testing.T) {
	o := Options{Username: "u", Password: "p"}
	if r := runs(t, o, "1> CONNECT\n1< CONNACK", rule{"CONNECT version=5 username=u password=p", []string{"CONNACK Success"}}); r.Outcome != Pass {
		t.Error(r)
	}
	if r := runs(t, o, "1> CONNECT username=v\n1< CONNACK", rule{"CONNECT version=5 username=v", []string{"CONNACK Success"}}); r.Outcome != Pass {
		t.Error(r)
	}
}

func TestSweep(t *testing.T) {
	s := parsed(t, `=== x
1> CONNECT client-id=a session-expiry-interval=9 will-topic=w will-retain=1 will-payload=x
1< CONNACK
1> PUBLISH topic=t retain=1 payload=x
1> PUBLISH topic=gone retain=1
2> CONNECT client-id=b
2< CONNACK`)[0]
	synctest.Test(t, func(t *testing.T) {
		var said []string
		b := &fakeBroker{version: mqttwire.V5, rules: []rule{accept()}}
		sweeping := false
		dial := func(ctx context.Context) (net.Conn, error) {
			if b.opened.Load() < 2 {
				return b.dial(ctx)
			}
			sweeping = true
			ours, theirs := transport.MemPair()
			go func() {
				defer theirs.Close()
				r := mqttwire.NewReader(theirs)
				r.From = mqttwire.Client
				for {
					p, err := r.ReadPacket()
					if err != nil {
						return
					}
					said = append(said, mqttwire.LineOf(p, r.Version).String())
					if p.Type() == mqttwire.DISCONNECT {
						return
					}
				}
			}()
			return ours, nil
		}
		if r := Run(t.Context(), s, dial, Options{Sweep: true}); r.Outcome != Pass || !sweeping {
			t.Fatal(r)
		}
		synctest.Wait()
		all := strings.Join(said, "\n")
		for _, want := range []string{"clean-start=1 client-id=a", "PUBLISH topic=t retain=1", "PUBLISH topic=w retain=1"} {
			if !strings.Contains(all, want) {
				t.Errorf("%s is missing in\n%s", want, all)
			}
		}
		if strings.Contains(all, "client-id=b") || strings.Contains(all, "gone") {
			t.Errorf("swept too much:\n%s", all)
		}
	})
}

func TestRunAll(t *testing.T) {
	var scripts []*Script
	for i := range 20 {
		settings := ""
		if i%3 == 0 {
			settings = "# set: a=1\n"
		}
		scripts = append(scripts, parsed(t, fmt.Sprintf("=== s%d\n%s1> CONNECT\n1< CONNACK\n+1s\n1> PINGREQ\n1< PINGRESP", i, settings))...)
	}
	groups := BySettings(scripts)
	if len(groups) != 2 || len(groups[0]) != 13 || len(groups[1]) != 7 || len(groups[0][0].Settings) != 0 {
		t.Fatalf("%d groups", len(groups))
	}
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{version: mqttwire.V5, rules: []rule{accept(), {"PINGREQ", []string{"PINGRESP"}}}}
		dial := func(ctx context.Context) (net.Conn, error) {
			ours, theirs := transport.MemPair()
			b.serving.Go(func() { b.serve(theirs) })
			return ours, nil
		}
		defer b.serving.Wait()
		begun, reported := time.Now(), 0
		results := RunAll(t.Context(), scripts, dial, Options{Parallel: 5}, func(Result) { reported++ })
		passed := 0
		for i, r := range results {
			if r.Script != scripts[i] {
				t.Errorf("result %d is of %s", i, r.Script.Title)
			}
			if r.Outcome == Pass {
				passed++
			}
		}
		if took := time.Since(begun); passed != 13 || reported != 20 || took < 2*time.Second || took > 4*time.Second {
			t.Errorf("%d passed, %d reported, %s", passed, reported, took)
		}
	})
}

func TestNewPrefix(t *testing.T) {
	a, b := NewPrefix(), NewPrefix()
	if len(a) != 7 || a == b || strings.ToLower(a) != a {
		t.Errorf("%s, %s", a, b)
	}
}
