package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// seen is a line that a recorder is told: "1.5s 2> PACKET", "0s 1< EOF", or
// bytes that are no packet as hex=.
func record(t testing.TB, r *Recorder, began time.Time, versions map[int]mqttwire.Version, seen string) (at time.Duration, raw []byte) {
	t.Helper()
	var connection int
	var arrow byte
	when, rest, _ := strings.Cut(seen, " ")
	at, err := time.ParseDuration(when)
	if err != nil {
		t.Fatal(err)
	}
	head, text, _ := strings.Cut(rest, " ")
	if _, err := fmt.Sscanf(head, "%d%c", &connection, &arrow); err != nil {
		t.Fatal(err)
	}
	from := mqttwire.Client
	if arrow == '<' {
		from = mqttwire.Server
	}
	if text == "EOF" {
		r.Closed(connection, from, began.Add(at))
		return at, nil
	}
	if digits, isRaw := strings.CutPrefix(text, "hex="); isRaw {
		raw, _ = parseRaw(digits)
		r.Packet(connection, from, began.Add(at), raw, mqttwire.Line{}, versions[connection])
		return at, raw
	}
	v := versions[connection]
	p, err := mqttwire.ParseText(text, v)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := p.(*mqttwire.Connect); ok {
		v = versionOf(c, mqttwire.V5)
		versions[connection] = v
	}
	if raw, err = p.Append(nil, v); err != nil {
		t.Fatal(err)
	}
	r.Packet(connection, from, began.Add(at), raw, mqttwire.LineOf(p, v), v)
	return at, raw
}

// recorded is the record of some lines, which must read back as it was seen.
func recorded(t testing.TB, lines ...string) string {
	t.Helper()
	var out bytes.Buffer
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := NewRecorder(&out, began)
	versions := make(map[int]mqttwire.Version)
	type seen struct {
		at  time.Duration
		raw []byte
	}
	var want []seen
	for _, line := range lines {
		at, raw := record(t, r, began, versions, line)
		want = append(want, seen{at, raw})
	}
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRecord(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if len(got) != len(want) {
		t.Fatalf("%d read, %d recorded:\n%s", len(got), len(want), out.String())
	}
	for i, w := range want {
		g := got[i]
		if g.At != w.at || !g.Time.Equal(began.Add(w.at)) || !bytes.Equal(g.Raw, w.raw) || g.Closed != (w.raw == nil) {
			t.Errorf("%s: read back as %+v", lines[i], g)
		}
	}
	return out.String()
}

// steps are the lines of a record without the header and what is for ReadRecord.
func steps(record string) (all []string) {
	for line := range strings.SplitSeq(strings.TrimSpace(record), "\n") {
		line, _, _ = cutLast(line, " # ")
		all = append(all, line)
	}
	return all[2:]
}

func TestRecord(t *testing.T) {
	for _, test := range []struct {
		name       string
		seen, want []string
	}{
		{"waits", []string{
			"1ms 1> CONNECT version=5", "3ms 1< CONNACK Success", "9ms 1> PINGREQ", "10ms 1< PINGRESP",
			"510.4ms 1> PINGREQ", "700ms 1< PINGRESP", "30s 1< PUBLISH topic=a", "90.123s 1> EOF",
		}, []string{
			"1> CONNECT version=5", "1< CONNACK Success", "1> PINGREQ", "1< PINGRESP",
			"+500ms", "1> PINGREQ", "1< PINGRESP", "+29.3s", "1< PUBLISH topic=a", "+1m0.1s", "1> EOF",
		}},
		{"a connection on which nothing is said", []string{
			"0s 1< EOF", "0s 1> EOF", "0s 2> CONNECT version=5", "0s 2> EOF",
		}, []string{"#| 1< EOF", "#| 1> EOF", "2> CONNECT version=5", "2> EOF"}},
		{"what the server chooses", []string{
			"0s 1> CONNECT version=5 clean-start=1 authentication-method=m",
			"0s 1< AUTH ContinueAuthentication authentication-method=m authentication-data=x",
			"0s 1< CONNACK Success assigned-client-identifier=i-7 receive-maximum=9 reason-string=hi user-property=a=b",
			"0s 1> PUBLISH topic=a qos=1 packet-id=3 user-property=a=b",
			"0s 1< PUBACK NoMatchingSubscribers packet-id=3",
			"0s 1< PUBLISH topic=a topic-alias=4 message-expiry-interval=9 user-property=a=b",
			"0s 1< DISCONNECT ServerBusy server-reference=x",
		}, []string{
			"1> CONNECT version=5 clean-start=1 authentication-method=m",
			"1< AUTH ContinueAuthentication authentication-method=m authentication-data=*",
			"1< CONNACK Success assigned-client-identifier=*",
			`1> PUBLISH topic=a qos=1 packet-id=3 user-property="a=b"`,
			"1<~ PUBACK packet-id=3",
			`1<~ PUBLISH topic=a message-expiry-interval=* user-property="a=b"`,
			"1< DISCONNECT ServerBusy",
		}},
		{"packet ids of both sides", []string{
			"0s 1> CONNECT version=4 client-id=c", "0s 1< CONNACK Success",
			"0s 1> PUBLISH topic=a qos=2 packet-id=1", "0s 1< PUBREC packet-id=1", "0s 1> PUBREL packet-id=1", "0s 1< PUBCOMP packet-id=1",
			"0s 1< PUBLISH topic=b qos=2 packet-id=1", "0s 1> PUBREC packet-id=1", "0s 1< PUBREL packet-id=1", "0s 1> PUBCOMP packet-id=1",
			"0s 1< PUBLISH topic=b qos=1 packet-id=1", "0s 1> EOF",
			"0s 2> CONNECT version=4 client-id=c", "0s 2< CONNACK Success session-present=1",
			"0s 2< PUBLISH topic=b qos=1 dup=1 packet-id=1", "0s 2> PUBACK packet-id=1", "0s 2< PUBLISH topic=b qos=1 packet-id=1",
		}, []string{
			"1> CONNECT version=4 client-id=c", "1< CONNACK Success",
			"1> PUBLISH topic=a qos=2 packet-id=1", "1< PUBREC packet-id=1", "1> PUBREL packet-id=1", "1<~ PUBCOMP packet-id=1",
			"1<~ PUBLISH topic=b qos=2 packet-id=$p1", "1> PUBREC packet-id=$p1", "1< PUBREL packet-id=$p1", "1> PUBCOMP packet-id=$p1",
			"1< PUBLISH topic=b qos=1 packet-id=$p2", "1> EOF",
			"2> CONNECT version=4 client-id=c", "2< CONNACK Success session-present=1",
			"2< PUBLISH topic=b qos=1 dup=1 packet-id=$p2", "2> PUBACK packet-id=$p2", "2< PUBLISH topic=b qos=1 packet-id=$p3",
		}},
		{"values that a script reads something into", []string{
			"0s 1> CONNECT version=5 clean-start=1 client-id=a", "0s 1< CONNACK Success",
			"0s 1> PUBLISH topic=a payload=$price", "0s 1> PUBLISH topic=a*9", "0s 1> PUBLISH topic=a user-property=`k=${id}`",
			"0s 1< PUBLISH topic=$price payload=1..2", "0s 1< PUBLISH topic=b payload=`a # b; 1> c | d`",
		}, []string{
			"1> CONNECT version=5 clean-start=1 client-id=a", "1< CONNACK Success",
			"1> PUBLISH topic=a hex=247072696365", "1> hex=30060003612a3900", "1> PUBLISH topic=a user-property-hex=\"6b=247b69647d\"",
			"1< PUBLISH hex=312e2e32", `1< PUBLISH topic=b payload="a # b; 1> c | d"`,
		}},
		{"the ends", []string{
			"0s 1> CONNECT version=5", "0s 1> hex=ff00ff", "0s 1< EOF", "0s 1> PINGREQ", "0s 1> EOF", "0s 2> CONNECT version=5",
		}, []string{"1> CONNECT version=5", "1> hex=ff00ff", "1< EOF", "#| 1> PINGREQ", "#| 1> EOF", "2> CONNECT version=5"}},
		{"order of what comes", []string{
			"0s 1> CONNECT version=5", "0s 1< CONNACK Success", "0s 1> SUBSCRIBE packet-id=1 filter=a",
			"0s 1< PUBLISH topic=a payload=1", "0s 1< SUBACK GrantedQoS0 packet-id=1", "0s 1< PUBLISH topic=a payload=2", "0s 1< PUBLISH topic=a payload=3",
		}, []string{
			"1> CONNECT version=5", "1< CONNACK Success", "1> SUBSCRIBE packet-id=1 filter=a",
			"1<~ PUBLISH topic=a payload=1", "1<~ SUBACK GrantedQoS0 packet-id=1", "1<~ PUBLISH topic=a payload=2", "1< PUBLISH topic=a payload=3",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := recorded(t, test.seen...)
			if got := steps(text); !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			if _, err := Parse("record", text); err != nil {
				t.Error(err)
			}
		})
	}
}

// A record is played against the server that it was made of, in its version.
func TestRecordPlays(t *testing.T) {
	text := recorded(t,
		"0s 1> CONNECT version=4 client-id=c", "1ms 1< CONNACK Success",
		"2ms 1> SUBSCRIBE packet-id=7 filter=$SYS/#", "3ms 1< PUBLISH topic=$SYS/x qos=1 packet-id=5 payload=1", "4ms 1< SUBACK GrantedQoS0 packet-id=7",
		"5ms 1> PUBACK packet-id=5", "3s 1> PINGREQ", "3.001s 1< PINGRESP", "3.1s 1> EOF")
	s := parsed(t, text)[0]
	if s.Version != mqttwire.V311 {
		t.Errorf("the script is of %s", s.Version)
	}
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{version: mqttwire.V311, rules: []rule{
			{"CONNECT", []string{"CONNACK Success"}},
			{"SUBSCRIBE", []string{"SUBACK GrantedQoS0 packet-id=7", "PUBLISH topic=$SYS/x qos=1 packet-id=9 payload=1"}},
			{"PUBACK packet-id=9", nil},
			{"PUBACK", []string{"EOF"}},
			{"PINGREQ", []string{"PINGRESP"}},
		}}
		began := time.Now()
		r := Run(t.Context(), s, b.dial, Options{})
		if r.Outcome != Pass {
			t.Errorf("line %d, %s: got %s", r.Line, r.Expected, r.Got)
		}
		if took := time.Since(began); took < 2900*time.Millisecond || took > 3200*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		b.serving.Wait()
	})
}

func TestReadRecordRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "begins with",
		"1> PINGREQ":             "begins with",
		"=== recorded yesterday": "yesterday",
		"=== recorded 2026-01-02T03:04:05Z\n1> PINGREQ":                         "line 2: ",
		"=== recorded 2026-01-02T03:04:05Z\n1> PINGREQ # now":                   "with its time at the end",
		"=== recorded 2026-01-02T03:04:05Z\n1> NOTHING # 0.000000s":             "NOTHING",
		"=== recorded 2026-01-02T03:04:05Z\n1> PUBACK packet-id=$a # 0.000000s": "packet-id",
		"=== recorded 2026-01-02T03:04:05Z\n1> hex=0 # 0.000000s":               "odd length",
	} {
		if _, err := ReadRecord(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want one about %s", text, err, want)
		}
	}
	if !IsRecord([]byte("=== recorded 2026")) || IsRecord([]byte("=== silent")) {
		t.Error("a record is not told from a script")
	}
}

// What the record says of any packets reads back to the byte, and is a script.
func FuzzRecord(f *testing.F) {
	for _, text := range []string{"CONNECT version=5 client-id=${id}", "PUBLISH topic=a payload=`x # 1`", "SUBSCRIBE packet-id=1 filter=$a", "PUBLISH topic=q qos=1 packet-id=1 payload=`;`"} {
		p, err := mqttwire.ParseText(text, mqttwire.V5)
		if err != nil {
			f.Fatal(err)
		}
		raw, err := p.Append(nil, mqttwire.V5)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, true)
		f.Add(raw, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, fromServer bool) {
		b = b[:min(len(b), 4096)]
		var out bytes.Buffer
		began := time.Unix(0, 0)
		r := NewRecorder(&out, began)
		from := mqttwire.Client
		if fromServer {
			from = mqttwire.Server
		}
		var want [][]byte
		d := mqttwire.Decoder{Version: mqttwire.V5, From: from}
		for len(b) > 0 {
			p, n, err := d.Decode(b)
			if err != nil || n == 0 {
				r.Packet(1, from, began, b, mqttwire.Line{}, d.Version)
				want = append(want, b)
				break
			}
			r.Packet(1, from, began, b[:n], mqttwire.LineOf(p, d.Version), d.Version)
			want = append(want, b[:n])
			b = b[n:]
		}
		if r.Flush() != nil || len(want) == 0 {
			return
		}
		got, err := ReadRecord(bytes.NewReader(out.Bytes()))
		if err != nil || len(got) != len(want) {
			t.Fatalf("%v: %d of %d\n%s", err, len(got), len(want), out.String())
		}
		for i := range want {
			if !bytes.Equal(got[i].Raw, want[i]) {
				t.Errorf("%x is read back as %x\n%s", want[i], got[i].Raw, out.String())
			}
		}
		scripts, err := Parse("record", out.String())
		if err != nil || len(scripts) != 1 || len(scripts[0].steps) != len(want) {
			t.Errorf("%v\n%s", err, out.String())
		}
	})
}

func FuzzReadRecord(f *testing.F) {
	f.Add("=== recorded 2026-01-02T03:04:05Z\n# 5.0:\n1> CONNECT version=5 # 0.000000s\n#| 1< hex=20 # 0.000001s 20\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ReadRecord(strings.NewReader(text))
		if err != nil && all != nil {
			t.Error("something was read of what cannot be read")
		}
	})
}
