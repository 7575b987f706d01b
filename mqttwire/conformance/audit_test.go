package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// audits plays scripts of 5.0 against a fake broker in a bubble. dial may
// replace how the broker is reached.
func audits(t *testing.T, text string, wrap func(dial Dialer) Dialer, rules ...rule) (p *Played) {
	t.Helper()
	scripts := parsed(t, text)
	for i, s := range scripts {
		s.Number = i
	}
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{version: mqttwire.V5, rules: rules}
		dial := Dialer(b.dial)
		if wrap != nil {
			dial = wrap(dial)
		}
		p = Audit{Dial: dial, Limit: 45 * time.Second, Options: Options{Sweep: true}}.Run(t.Context(), scripts)
		b.serving.Wait()
	})
	return p
}

const pings = `=== answers
# 5.0: MQTT-3.12.4-1
1> CONNECT client-id=${id}
1< CONNACK Success
1> PINGREQ
1< PINGRESP
`

func outcomes(p *Played) string {
	var all []string
	for _, r := range p.Results {
		all = append(all, r.Outcome.String()+": "+r.Got)
	}
	return strings.Join(all, "; ")
}

func TestAuditCountsWhatFailsTwice(t *testing.T) {
	var asked atomic.Int32
	p := audits(t, pings, func(dial Dialer) Dialer {
		return func(ctx context.Context) (net.Conn, error) {
			conn, err := dial(ctx)
			return &deafConn{Conn: conn, pings: &asked}, err
		}
	}, accept(), rule{"PINGREQ", []string{"PINGRESP"}})
	if outcomes(p) != "pass: " || len(p.Unstable) != 1 || p.Unstable[0].Expected != "1< PINGRESP" {
		t.Errorf("%s; %d unstable", outcomes(p), len(p.Unstable))
	}
	p = audits(t, pings, nil, accept())
	if p.Results[0].Outcome != Fail || len(p.Unstable) != 0 || !slices.Equal(p.Results[0].Broken, []string{"MQTT-3.12.4-1"}) {
		t.Errorf("%s %v", outcomes(p), p.Results[0].Broken)
	}
}

// What must not come counts at once where there is one connection; where there
// are several, a broker may be in two minds.
func TestAuditCountsWhatIsEvident(t *testing.T) {
	const script = "=== test\n# 5.0: MQTT-3.12.4-1\n%s1> CONNECT client-id=${id}\n1< CONNACK\n1> PINGREQ\n1< PINGRESP\n1> DISCONNECT\n1< EOF\n"
	for before, want := range map[string]int{"": 0, "2> CONNECT client-id=${id}w\n2< CONNACK\n": 1} {
		var asked atomic.Int32
		p := audits(t, fmt.Sprintf(script, before), func(dial Dialer) Dialer {
			return func(ctx context.Context) (net.Conn, error) {
				conn, err := dial(ctx)
				return &doublingConn{Conn: conn, pings: &asked}, err
			}
		}, accept(), rule{"PINGREQ", []string{"PINGRESP"}}, rule{"DISCONNECT", []string{"EOF"}})
		if len(p.Unstable) != want || (p.Results[0].Outcome == Fail) != (want == 0) {
			t.Errorf("%q: %s; %d unstable", before, outcomes(p), len(p.Unstable))
		}
	}
}

// A doublingConn writes the first PINGREQ twice.
type doublingConn struct {
	net.Conn
	pings *atomic.Int32
}

func (c *doublingConn) Write(b []byte) (int, error) {
	if len(b) == 2 && b[0] == 0xC0 && c.pings.Add(1) == 1 {
		_, _ = c.Conn.Write(b)
	}
	return c.Conn.Write(b)
}

// A deafConn loses the first PINGREQ that anybody writes.
type deafConn struct {
	net.Conn
	pings *atomic.Int32
}

func (c *deafConn) Write(b []byte) (int, error) {
	if len(b) == 2 && b[0] == 0xC0 && c.pings.Add(1) == 1 {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

const hostile = `=== kills
# 5.0: MQTT-4.13.1-1
1> CONNECT client-id=${id}
1< CONNACK Success
1> hex=f7
1< EOF

=== comes later
# 5.0: MQTT-3.12.4-1
1> hex=10 [("MQTT") 05 02 0000 [] ("a")]
1< CONNACK Success
1> PINGREQ
1< PINGRESP
`

// mortal is a broker that dies of a packet, and may come back after a second.
func mortal(back bool) func(dial Dialer) Dialer {
	var died atomic.Pointer[time.Time]
	return func(dial Dialer) Dialer {
		return func(ctx context.Context) (net.Conn, error) {
			if at := died.Load(); at != nil && (!back || time.Since(*at) < time.Second) {
				return nil, errors.New("connection refused")
			}
			conn, err := dial(ctx)
			return &mortalConn{conn, func() { now := time.Now(); died.Store(&now) }}, err
		}
	}
}

type mortalConn struct {
	net.Conn
	die func()
}

func (c *mortalConn) Write(b []byte) (int, error) {
	if b[0] == 0xF7 {
		c.die()
		c.Conn.Close()
	}
	return c.Conn.Write(b)
}

func TestAuditTellsOfTheEndOfABroker(t *testing.T) {
	ping := rule{"PINGREQ", []string{"PINGRESP"}}
	p := audits(t, pings+hostile, mortal(false), accept(), ping)
	if got, want := outcomes(p), "pass: ; pass: ; skip: the broker went away"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(p.Losses) != 1 || p.Losses[0].Back || len(p.Losses[0].Suspects) == 0 || p.Losses[0].Suspects[0].Title != "kills" {
		t.Errorf("losses %+v", p.Losses)
	}
	p = audits(t, pings+hostile, mortal(true), accept(), ping)
	if got, want := outcomes(p), "pass: ; pass: ; pass: "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(p.Losses) != 1 || !p.Losses[0].Back {
		t.Errorf("losses %+v", p.Losses)
	}
}

// A broker that says nothing takes no longer than one that does.
func TestAuditEndsInTime(t *testing.T) {
	begun, ended := time.Time{}, time.Time{}
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{version: mqttwire.V5, rules: []rule{accept()}}
		var text string
		for i := range 100 {
			text += fmt.Sprintf("=== %d\n# 5.0: MQTT-1-%d\n1> CONNECT\n1< CONNACK Success\n1> PINGREQ\n1< PINGRESP\n", i, i)
		}
		begun = time.Now()
		p := Audit{Dial: b.dial, Limit: 45 * time.Second, Options: Options{Parallel: 2}}.Run(t.Context(), parsed(t, text))
		ended = time.Now()
		for _, r := range p.Results {
			if r.Outcome != Skip || !strings.Contains(r.Got, "time ran out") {
				t.Errorf("%s: %s", r.Script.Title, r)
			}
		}
		b.serving.Wait()
	})
	if took := ended.Sub(begun); took > 45*time.Second {
		t.Errorf("took %s", took)
	}
}

// A failure that there is no time to see again is none, nor breaks it a
// statement.
func TestAuditDropsWhatItCannotSeeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{version: mqttwire.V5, rules: []rule{accept()}}
		p := Audit{Dial: b.dial, Limit: sweepTime + 8*time.Second}.Run(t.Context(), parsed(t, pings))
		if !strings.HasPrefix(outcomes(p), "skip: time ran out, to play it again: it failed once at 1< PINGRESP") {
			t.Error(outcomes(p))
		}
		clause := Clause{Version: "5.0", ID: "MQTT-3.12.4-1", Side: "server"}
		if j := p.Judge([]Clause{clause})[0]; j.Verdict != NotTestable {
			t.Errorf("%s", j.Verdict)
		}
		b.serving.Wait()
	})
}

func TestAuditAsks(t *testing.T) {
	p := audits(t, strings.Replace(pings, "# 5.0", "# needs: anonymous\n# 5.0", 1), nil, accept(), rule{"PINGREQ", []string{"PINGRESP"}})
	if outcomes(p) != "pass: " || !slices.Contains(p.Have, "anonymous") {
		t.Errorf("%s, has %v", outcomes(p), p.Have)
	}
	p = audits(t, pings, nil, rule{"CONNECT", []string{"CONNACK UnsupportedProtocolVersion", "EOF"}})
	if !strings.HasPrefix(outcomes(p), "skip: the broker does not speak MQTT 5.0: CONNACK UnsupportedProtocolVersion") {
		t.Error(outcomes(p))
	}
}

func TestJudge(t *testing.T) {
	s := parsed(t, pings)[0]
	mild := parsed(t, "=== x\n# 5.0: ~MQTT-3.3.1-2\n1> CONNECT\n1< EOF")[0]
	clause := func(id, side string, shown ...string) Clause {
		return Clause{Version: "5.0", ID: id, Side: side, Shown: shown}
	}
	ping := clause("MQTT-3.12.4-1", "server", "x.mqtt")
	for _, test := range []struct {
		name    string
		clause  Clause
		results []Result
		want    Verdict
		reason  string
	}{
		{"kept", ping, []Result{{Script: s, Outcome: Skip, Got: "no time"}, {Script: s, Shown: s.Shows}}, Kept, ""},
		{"broken once", ping, []Result{{Script: s, Outcome: Fail, Broken: s.Shows}, {Script: s, Shown: s.Shows}}, Broken, ""},
		{"skipped", ping, []Result{{Script: s, Outcome: Skip, Got: "no time"}, {Script: s, Outcome: Skip, Got: "no time"}}, NotTestable, "no time"},
		{"settings", ping, []Result{{Script: s, Outcome: Skip, Got: "needs max_qos=0"}}, NotTestable, "needs a broker that runs with max_qos=0, in the words of mqtk serve"},
		{"needs", ping, []Result{{Script: s, Outcome: Skip, Got: "needs users"}}, NotTestable, "needs users, see --have"},
		{"not prepared", ping, []Result{{Script: s, Outcome: Fail, Expected: "1< CONNACK", Got: "EOF"}}, NotTestable, "what comes before could not be done: at 1< CONNACK, EOF"},
		{"mild", clause("MQTT-3.3.1-2", "both", "x.mqtt"), []Result{{Script: mild, Outcome: Fail, Line: mild.steps[1].line}}, NotTestable, "it binds who sends, and this broker takes what breaks it"},
		{"of another rule", clause("MQTT-3.1.2-26", "server", "x.mqtt"), []Result{{Script: s, Outcome: Fail, Broken: []string{"MQTT-3.1.2-26"}}}, Broken, ""},
		{"of the client", clause("MQTT-3.1.2-20", "client", "mqttwire/client TestSpec5/MQTT-3.1.2-20"), nil, NotTestable, "it binds the client"},
		{"of nobody", clause("MQTT-7.0.0-1", "both", "not testable: a matter of review"), nil, NotTestable, "a matter of review"},
	} {
		p := Played{Results: test.results}
		j := p.Judge([]Clause{test.clause})[0]
		if j.Verdict != test.want || j.Reason != test.reason {
			t.Errorf("%s: %s, %s", test.name, j.Verdict, j.Reason)
		}
	}
}

func TestChoice(t *testing.T) {
	clauses, err := Clauses()
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		only, skip, want string
	}{
		{"MQTT-3.12.4-1", "", "5.0 MQTT-3.12.4-1, 3.1.1 MQTT-3.12.4-1"},
		{"5/mqtt-3.12.4-1", "", "5.0 MQTT-3.12.4-1"},
		{"MQTT-3.12.4-*", "311", "5.0 MQTT-3.12.4-1"},
		{"3.10.4", "5/MQTT-3.10.4-?", "3.1.1 MQTT-3.10.4-1"},
		{"PINGREQ is answered", "5.0 s2.1-valid MQTT-2.2.2-1", "3.1.1 MQTT-3.12.4-1"},
	} {
		got, played, err := Choice{Only: []string{test.only}, Skip: strings.Fields(test.skip)}.Of(clauses, scripts)
		if err != nil {
			t.Errorf("%s: %v", test.only, err)
		}
		var ids []string
		for _, c := range got {
			ids = append(ids, c.Version+" "+c.ID)
		}
		if len(ids) == 0 || !strings.HasPrefix(strings.Join(ids, ", "), test.want) || len(played) == 0 {
			t.Errorf("--only %s --skip %s: %s, %d scripts", test.only, test.skip, ids, len(played))
		}
	}
	all, played, err := Choice{}.Of(clauses, scripts)
	if err != nil || len(all) != 393+len(slices.DeleteFunc(clauses, func(c Clause) bool { return c.Numbered() || c.Version == "3.1" })) {
		t.Errorf("%d statements, %v", len(all), err)
	}
	for _, s := range played {
		if s.House != "" || s.Version == mqttwire.V31 {
			t.Errorf("%s is played", s.Name())
		}
	}
	if _, _, err := (Choice{Skip: []string{"MQTT-0.0"}}).Of(clauses, scripts); err == nil || !strings.Contains(err.Error(), "is no statement") {
		t.Errorf("got %v", err)
	}
}
