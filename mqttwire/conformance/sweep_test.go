package conformance

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// A tap keeps what is written to each connection.
type tap struct {
	mutex sync.Mutex
	sent  []*bytes.Buffer
}

type tappedConn struct {
	net.Conn
	tap  *tap
	sent *bytes.Buffer
}

func (c *tappedConn) Write(b []byte) (int, error) {
	c.tap.mutex.Lock()
	c.sent.Write(b)
	c.tap.mutex.Unlock()
	return c.Conn.Write(b)
}

func (t *tap) dial(dial Dialer) Dialer {
	return func(ctx context.Context) (net.Conn, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		conn, err := dial(ctx)
		sent := new(bytes.Buffer)
		t.mutex.Lock()
		t.sent = append(t.sent, sent)
		t.mutex.Unlock()
		return &tappedConn{conn, t, sent}, err
	}
}

// TestAuditSweepsWhenItIsEnded: the session and the retained message of what was
// under way go away, too.
func TestAuditSweepsWhenItIsEnded(t *testing.T) {
	scripts := parsed(t, `=== keeps
# 5.0: MQTT-3.12.4-1
1> CONNECT client-id=${id} session-expiry-interval=100
1< CONNACK Success
1> PUBLISH topic=${topic} retain=1 payload=kept
+60s
`)
	const echo = "topic=mqtk/abc/0000 payload=echo"
	var seen tap
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{version: mqttwire.V5, rules: []rule{accept(), {"DISCONNECT", []string{"EOF"}},
			{"SUBSCRIBE", []string{"SUBACK GrantedQoS0 packet-id=1"}}, {"PUBLISH " + echo, []string{"PUBLISH " + echo}}}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		Audit{Dial: seen.dial(b.dial), Limit: 45 * time.Second, Options: Options{Sweep: true, Prefix: "abc"}}.Run(ctx, scripts)
		b.serving.Wait()
	})
	var again, cleared bool
	for _, sent := range seen.sent[5:] { // four ask, one plays
		text := sent.String()
		again = again || strings.HasPrefix(text, "\x10") && strings.HasSuffix(text, "0000\xe0\x00")
		cleared = cleared || strings.Contains(text, "/0000\xe0\x00") && strings.Contains(text, "\x31")
	}
	if len(seen.sent) != 7 || !again || !cleared {
		t.Errorf("session ended: %v, message cleared: %v; sent %q", again, cleared, seen.sent)
	}
}

// TestAuditBlamesNoRights: where no message comes through, what needs one is not
// testable, and the rest is.
func TestAuditBlamesNoRights(t *testing.T) {
	text := pings + `
=== passes on
# 5.0: MQTT-3.3.4-1
1> CONNECT client-id=${id}
1< CONNACK Success
1> SUBSCRIBE packet-id=1 filter=${topic}
1< SUBACK GrantedQoS0 packet-id=1
`
	p := audits(t, text, nil, accept(), rule{"PINGREQ", []string{"PINGRESP"}}, rule{"SUBSCRIBE", []string{"SUBACK NotAuthorized packet-id=1"}})
	if p.Results[0].Outcome != Pass || p.Results[1].Outcome != Skip || !strings.Contains(p.Results[1].Got, "no message comes through below mqtk/") {
		t.Error(outcomes(p))
	}
}

// TestAuditWaitsForTheSlow: what takes four seconds for all it says takes them,
// and nothing else.
func TestAuditWaitsForTheSlow(t *testing.T) {
	p := audits(t, pings, nil, rule{"CONNECT", []string{"+4s", "CONNACK Success"}}, rule{"PINGREQ", []string{"+4s", "PINGRESP"}})
	if outcomes(p) != "pass: " || len(p.Unstable) != 0 {
		t.Errorf("%s; %d unstable", outcomes(p), len(p.Unstable))
	}
}
