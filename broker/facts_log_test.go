package broker_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// What a client is refused is logged on every version and QoS alike, once a minute
// for each connection.
func TestRefusalsAreLogged(t *testing.T) {
	for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311} {
		for _, action := range []string{
			"PUBLISH topic=no payload=x", "PUBLISH topic=no qos=1 packet-id=N payload=x", "PUBLISH topic=no qos=2 packet-id=N payload=x",
			"SUBSCRIBE packet-id=7 filter=no qos=0",
		} {
			var log strings.Builder
			r := &rules{}
			r.set("publish no", "subscribe no")
			o := broker.Options{Authorizer: r, Log: slog.New(slog.NewTextHandler(&log, nil))}
			bubble(t, o, nil, func(w *world) {
				a := w.connect(v, "a", "clean-start=1 username=u")
				word := strings.ToLower(strings.Fields(action)[0])
				lines := func() int { return strings.Count(log.String(), `msg="`+word+` refused" client=a topic=no`) }
				for _, n := range []string{"1", "2", "3"} {
					a.send(strings.Replace(action, "=N", "="+n, 1))
				}
				pass(time.Second)
				if lines() != 1 || !strings.Contains(log.String(), "denied=1\n") {
					t.Errorf("%s: %s: %s", v, action, &log)
				}
				pass(60 * time.Second)
				a.send(strings.Replace(action, "=N", "=4", 1))
				pass(time.Second)
				if lines() != 2 || !strings.Contains(log.String(), "denied=3\n") {
					t.Errorf("%s: %s: a minute later: %s", v, action, &log)
				}
			})
		}
	}
}

// A connection that is refused once it is known who it is was refused, too: it has
// never been connected.
func TestRefusedWillIsLogged(t *testing.T) {
	var log strings.Builder
	r := &rules{}
	r.set("publish no")
	bubble(t, broker.Options{Authorizer: r, Log: slog.New(slog.NewTextHandler(&log, nil))}, nil, func(w *world) {
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a clean-start=1 will-topic=no will-payload=x")
		a.expect("CONNACK NotAuthorized")
		a.eof()
	})
	if said := log.String(); !strings.Contains(said, `msg="connection refused" client=a topic=no `) || strings.Contains(said, "disconnected") {
		t.Error(said)
	}
}

// scrammer refuses everybody, by every method.
type scrammer struct{}

func (*scrammer) Begin(string, *broker.Credentials) (broker.Challenge, error) {
	return nil, broker.ErrUnknownMethod
}

func (*scrammer) Authenticate(context.Context, *broker.Credentials) (broker.Identity, error) {
	return broker.Identity{}, broker.ErrBadCredentials
}

// The line about a refusal names the listener, and the method where there was one.
func TestRefusalNamesTheListener(t *testing.T) {
	var log strings.Builder
	bubble(t, broker.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, nil, func(w *world) {
		w.gate = broker.NewGate(broker.GateRules{Name: "mqtt://:1883", Authenticator: &scrammer{}})
		for _, connect := range []string{"username=u password=p", "authentication-method=GS2"} {
			a := w.from("192.0.2.1:1", "a", mqttwire.V5)
			a.send("CONNECT client-id=a clean-start=1 " + connect)
			a.expect("CONNACK")
			a.eof()
		}
	})
	for _, want := range []string{"client=a user=u remote=", "client=a method=GS2 remote=", "listener=mqtt://:1883"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q: %s", want, &log)
		}
	}
}

// Bytes of another protocol are named by it.
func TestOtherProtocolsAreNamed(t *testing.T) {
	for hex, want := range map[string]string{
		"16 03 01 00 a5 01 00 00 a1 03 03": "TLS",
		"47 45 54 20 2f 20 48 54 54 50":    "HTTP",
		"50 4f 53 54 20 2f 20":             "HTTP",
		"50 52 4f 58 59 20 54 43 50":       "a PROXY header",
		"c0 00":                            "the first packet is not CONNECT",
	} {
		var log strings.Builder
		bubble(t, broker.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, nil, func(w *world) {
			a := w.dial("a", mqttwire.V5)
			a.sendHex(hex)
			a.eof()
		})
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s: no %q in %s", hex, want, &log)
		}
	}
}
