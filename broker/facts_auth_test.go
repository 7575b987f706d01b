package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// doorman lets clients in by user name. Who is called slow waits for the gate.
type doorman struct {
	gate   chan struct{}
	errors map[string]error
	mu     sync.Mutex
	asked  int
	ended  int // questions whose context ended before the gate opened
	deaf   bool
	begins map[string]error
}

func (d *doorman) Authenticate(ctx context.Context, c *broker.Credentials) (broker.Identity, error) {
	d.mu.Lock()
	d.asked++
	d.mu.Unlock()
	if c.Username == "slow" {
		if err := d.wait(ctx); err != nil {
			return broker.Identity{}, err
		}
	}
	return broker.Identity{Username: c.Username}, d.errors[c.Username]
}

func (d *doorman) wait(ctx context.Context) error {
	if d.deaf {
		<-d.gate
		return nil
	}
	select {
	case <-d.gate:
		return nil
	case <-ctx.Done():
		d.mu.Lock()
		d.ended++
		d.mu.Unlock()
		return ctx.Err()
	}
}

// challenger is a doorman with a method: it asks for the square of the user's
// name, so to speak.
type challenger struct{ doorman }

func (d *challenger) Begin(method string, c *broker.Credentials) (broker.Challenge, error) {
	if method != "TOY" {
		return nil, broker.ErrUnknownMethod
	}
	if err := d.begins[c.ClientID]; err != nil {
		return nil, err
	}
	return &duel{d: d, user: c.Username}, nil
}

type duel struct {
	d     *challenger
	user  string
	asked bool
}

func (y *duel) Next(ctx context.Context, data []byte) ([]byte, bool, broker.Identity, error) {
	if !y.asked {
		y.asked = true
		return append([]byte("question:"), data...), false, broker.Identity{}, nil
	}
	switch {
	case bytes.Equal(data, []byte("slow")):
		if err := y.d.wait(ctx); err != nil {
			return nil, false, broker.Identity{}, err
		}
	case bytes.Equal(data, []byte("else")):
		return nil, true, broker.Identity{Username: "somebody else"}, nil
	case !bytes.Equal(data, []byte("answer")):
		return nil, false, broker.Identity{}, broker.ErrBadCredentials
	}
	return []byte("welcome"), true, broker.Identity{Username: y.user}, nil
}

func TestAuthenticatorErrors(t *testing.T) {
	d := &doorman{errors: map[string]error{
		"bad":    broker.ErrBadCredentials,
		"not":    broker.ErrNotAuthorized,
		"banned": broker.ErrBanned,
		"broken": errors.New("dial tcp 10.0.0.3:3306: connection refused"),
		"late":   fmt.Errorf("waiting for 10.0.0.3: %w", context.DeadlineExceeded),
		"two":    fmt.Errorf("%w: the certificate of 10.0.0.3 holds 2 cn", broker.ErrBadCredentials),
	}}
	for _, c := range []struct{ user, reason, log string }{
		{"bad", "BadUserNameOrPassword", ""},
		{"not", "NotAuthorized", ""},
		{"banned", "Banned", ""},
		{"broken", "ServerUnavailable", "ERROR"},
		{"late", "ServerUnavailable", "WARN"},
		{"two", "BadUserNameOrPassword", "INFO"},
	} {
		t.Run(c.user, func(t *testing.T) {
			var log strings.Builder
			o := broker.Options{Authenticator: d, Log: slog.New(slog.NewTextHandler(&log, nil))}
			bubble(t, o, nil, func(w *world) {
				for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311, mqttwire.V31} {
					a := w.dial("a", v)
					a.send("CONNECT client-id=a clean-start=1 username="+c.user, "PINGREQ")
					reason := c.reason
					if v != mqttwire.V5 && reason == "Banned" {
						reason = "NotAuthorized" // the same code there
					}
					got := a.expect("CONNACK " + reason + " !session-present")
					if reason := field(got, "reason-string"); strings.Contains(reason, "10.0.0.3") {
						w.t.Errorf("the client is told %q", reason)
					}
					a.eof()
				}
			})
			line := ""
			for l := range strings.Lines(log.String()) {
				if strings.Contains(l, "error=") {
					line = l
				}
			}
			if says := strings.Contains(line, "level="+c.log) && strings.Contains(line, "10.0.0.3"); says != (c.log != "") {
				t.Errorf("the log says %q", line)
			}
		})
	}
}

func TestRefusalOn3xToTheByte(t *testing.T) {
	d := &doorman{errors: map[string]error{"bad": broker.ErrBadCredentials, "banned": broker.ErrBanned}}
	bubble(t, broker.Options{Authenticator: d}, nil, func(w *world) {
		for user, code := range map[string]byte{"bad": 4, "banned": 5} {
			conn, err := w.listener.Dial(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			c := &client{w: w, version: mqttwire.V311, conn: conn}
			c.send("CONNECT client-id=a clean-start=1 username=" + user)
			b := make([]byte, 16)
			n, _ := conn.Read(b)
			if !bytes.Equal(b[:n], []byte{0x20, 2, 0, code}) {
				w.t.Errorf("%s: % x", user, b[:n])
			}
			conn.Close()
		}
	})
}

// While an authenticator thinks, its connection is not read and all others go
// on; what the client sent meanwhile is handled afterwards, in order.
func TestBlockingAuthenticator(t *testing.T) {
	d := &doorman{}
	bubble(t, broker.Options{Authenticator: d}, nil, func(w *world) {
		d.gate = make(chan struct{})
		slow := w.dial("slow", mqttwire.V5)
		slow.send("CONNECT client-id=slow clean-start=1 username=slow",
			"SUBSCRIBE packet-id=1 filter=a", "PUBLISH topic=b payload=early")
		other := w.connect5("other", "clean-start=1 username=x")
		other.subscribe("b", 0, "")
		other.publish("a", "unseen", "")
		other.alive()
		slow.quiet(time.Second)
		close(d.gate)
		slow.expect("CONNACK Success", "SUBACK GrantedQoS0 packet-id=1")
		other.expect("PUBLISH topic=b payload=early")
		other.publish("a", "seen", "")
		slow.expect("PUBLISH topic=a payload=seen")
	})
}

func TestClientGoneBeforeTheAuthenticatorAnswers(t *testing.T) {
	d := &doorman{}
	bubble(t, broker.Options{Authenticator: d}, nil, func(w *world) {
		d.gate = make(chan struct{})
		watch := w.connect5("watch", "clean-start=1 username=x")
		watch.subscribe("will", 0, "")
		slow := w.dial("slow", mqttwire.V5)
		slow.send("CONNECT client-id=slow username=slow session-expiry-interval=60 will-topic=will will-payload=w")
		synctest.Wait()
		slow.drop()
		pass(10 * time.Second)
		if d.ended != 1 {
			w.t.Errorf("%d questions were told that their client is gone or their time is over", d.ended)
		}
		watch.quiet(time.Second) // it was never accepted
		close(d.gate)
		again := w.dial("slow", mqttwire.V5)
		again.send("CONNECT client-id=slow username=slow")
		again.expect("CONNACK Success !session-present")
	})
}

// The time for CONNECT and the time for the authenticator are two.
func TestConnectTimeoutOfAuthenticators(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		d := &doorman{deaf: deaf}
		bubble(t, broker.Options{Authenticator: d}, []string{"connect_timeout=2s"}, func(w *world) {
			d.gate = make(chan struct{})
			for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311} {
				c := w.dial("slow", v)
				pass(1500 * time.Millisecond)
				began := time.Now()
				c.send("CONNECT client-id=slow clean-start=1 username=slow")
				if !deaf {
					c.expect("CONNACK ServerUnavailable")
				}
				r, ok := c.next(10 * time.Second)
				if !ok || r.err == nil {
					w.t.Fatalf("deaf %v: the connection stays: %v", deaf, r)
				}
				if took := time.Since(began); took < 2*time.Second || took > 3500*time.Millisecond {
					w.t.Errorf("deaf %v: closed after %v", deaf, took)
				}
			}
			close(d.gate)
		})
	}
}

func TestExchange(t *testing.T) {
	d := &challenger{}
	bubble(t, broker.Options{Authenticator: d}, nil, func(w *world) {
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a clean-start=1 username=u authentication-method=TOY authentication-data=first")
		a.expect("AUTH ContinueAuthentication authentication-method=TOY authentication-data=question:first")
		a.send("AUTH ContinueAuthentication authentication-method=TOY authentication-data=answer")
		a.expect("CONNACK Success authentication-method=TOY authentication-data=welcome")
		a.alive()

		for name, c := range map[string]struct{ connect, reason string }{
			"unknown method": {"authentication-method=OTHER", "BadAuthenticationMethod"},
			"empty method":   {`authentication-method=""`, "BadAuthenticationMethod"},
		} {
			b := w.dial(name, mqttwire.V5)
			b.send("CONNECT client-id=b clean-start=1 username=u "+c.connect, "PINGREQ")
			b.expect("CONNACK " + c.reason)
			b.eof()
		}
		b := w.dial("data without a method", mqttwire.V5)
		b.sendHex("10 13 0004 4d515454 05 02 0000 05 16 0002 6869 0001 62")
		b.expect("CONNACK ProtocolError")
		b.eof()
	})
}

func TestMethodWithoutAnyone(t *testing.T) {
	for name, a := range map[string]broker.Authenticator{"nobody": nil, "a doorman": &doorman{}} {
		bubble(t, broker.Options{Authenticator: a}, nil, func(w *world) {
			c := w.dial(name, mqttwire.V5)
			c.send("CONNECT client-id=c clean-start=1 authentication-method=TOY")
			c.expect("CONNACK BadAuthenticationMethod")
			c.eof()
		})
	}
}

func TestExchangeFails(t *testing.T) {
	for name, c := range map[string]struct{ auth, answer string }{
		"wrong answer":   {"AUTH ContinueAuthentication authentication-method=TOY authentication-data=no", "CONNACK BadUserNameOrPassword"},
		"another method": {"AUTH ContinueAuthentication authentication-method=OTHER authentication-data=answer", "CONNACK BadAuthenticationMethod"},
		"wrong code":     {"AUTH ReAuthenticate authentication-method=TOY authentication-data=answer", "CONNACK ProtocolError"},
		"other packet":   {"PINGREQ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broker.Options{Authenticator: &challenger{}}, nil, func(w *world) {
				watch := w.connect5("watch", "clean-start=1")
				watch.subscribe("will", 0, "")
				a := w.dial("a", mqttwire.V5)
				a.send("CONNECT client-id=a authentication-method=TOY session-expiry-interval=9 will-topic=will will-payload=w")
				a.expect("AUTH ContinueAuthentication")
				a.send(c.auth)
				if c.answer != "" {
					a.expect(c.answer)
				} else if r, _ := a.next(time.Second); r.err == nil && r.line.Type != mqttwire.CONNACK {
					w.t.Errorf("gets %s", r.line)
				}
				pass(20 * time.Second)
				watch.quiet(time.Second)
			})
		})
	}
}

// A client that is silent in the middle of an exchange does not stay.
func TestSilenceDuringExchange(t *testing.T) {
	bubble(t, broker.Options{Authenticator: &challenger{}}, []string{"connect_timeout=2s"}, func(w *world) {
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a clean-start=1 authentication-method=TOY")
		a.expect("AUTH ContinueAuthentication")
		pass(4 * time.Second)
		if r, ok := a.next(0); !ok || r.err == nil {
			w.t.Errorf("the connection stays: %v", r)
		}
	})
}

func reauthenticating(t *testing.T, f func(w *world, a *client, d *challenger)) {
	d := &challenger{doorman{begins: map[string]error{}}}
	bubble(t, broker.Options{Authenticator: d}, nil, func(w *world) {
		d.gate = make(chan struct{})
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a clean-start=1 username=u authentication-method=TOY")
		a.expect("AUTH ContinueAuthentication")
		a.send("AUTH ContinueAuthentication authentication-method=TOY authentication-data=answer")
		a.expect("CONNACK Success")
		f(w, a, d)
	})
}

func TestReauthentication(t *testing.T) {
	reauthenticating(t, func(w *world, a *client, d *challenger) {
		a.subscribe("t", 0, "")
		b := w.connect5("b", "clean-start=1 username=u")
		for range 2 {
			d.gate = make(chan struct{})
			a.send("AUTH ReAuthenticate authentication-method=TOY authentication-data=x")
			a.expect("AUTH ContinueAuthentication authentication-method=TOY authentication-data=question:x")
			b.publish("t", "meanwhile", "")
			a.expect("PUBLISH payload=meanwhile")
			a.alive()
			a.send("AUTH ContinueAuthentication authentication-method=TOY authentication-data=slow")
			b.publish("t", "meanwhile", "")
			a.expect("PUBLISH payload=meanwhile") // what goes out goes on
			close(d.gate)
			a.expect("AUTH Success authentication-method=TOY authentication-data=welcome")
			a.alive()
		}
	})
}

func TestReauthenticationFails(t *testing.T) {
	for name, c := range map[string]struct{ first, second, answer string }{
		"wrong answer":   {"x", "no", "NotAuthorized"},
		"somebody else":  {"x", "else", "NotAuthorized"},
		"another method": {"", "", "ProtocolError"},
		"out of turn":    {"", "", "ProtocolError"},
		"cannot begin":   {"", "", "NotAuthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			reauthenticating(t, func(w *world, a *client, d *challenger) {
				switch {
				case c.first != "":
					a.send("AUTH ReAuthenticate authentication-method=TOY authentication-data=" + c.first)
					a.expect("AUTH ContinueAuthentication")
					a.send("AUTH ContinueAuthentication authentication-method=TOY authentication-data=" + c.second)
				case name == "another method":
					a.send("AUTH ReAuthenticate authentication-method=OTHER")
				case name == "out of turn":
					a.send("AUTH ContinueAuthentication authentication-method=TOY authentication-data=answer")
				default:
					d.begins["a"] = errors.New("not today")
					a.send("AUTH ReAuthenticate authentication-method=TOY")
				}
				a.expect("DISCONNECT " + c.answer)
				a.eof()
			})
		})
	}
}

func TestAuthWithoutMethod(t *testing.T) {
	bubble(t, broker.Options{Authenticator: &challenger{}}, nil, func(w *world) {
		a := w.connect5("a", "clean-start=1 username=u")
		a.send("AUTH ReAuthenticate authentication-method=TOY")
		a.expect("DISCONNECT ProtocolError")
		a.eof()
		b := w.connect5("b", "clean-start=1 username=u")
		b.sendHex("f0 02 19 00")
		b.expect("DISCONNECT ProtocolError")
		b.eof()
	})
}

// mayfly lets everybody in, for as long as his user name says.
type mayfly struct{}

func (mayfly) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	id := broker.Identity{Username: "user"}
	switch life, err := time.ParseDuration(c.Username); {
	case err == nil:
		id.Expires = time.Now().Add(life).Unix()
	case c.Username == "ages":
		id.Expires = 1 << 60
	}
	return id, nil
}

// What a client was let in by ends, and the connection with it: not before, and
// however lively it is.
func TestIdentityExpires(t *testing.T) {
	bubble(t, broker.Options{Authenticator: mayfly{}}, nil, func(w *world) {
		for _, name := range []string{"ever", "ages"} {
			defer w.connect5(name, "clean-start=1 username="+name).alive()
		}
		watch := w.connect5("watch", "clean-start=1")
		watch.subscribe("will", 0, "")
		old := w.connect4("old", "clean-start=1 keep-alive=0 username=3s will-topic=will will-payload=over")
		a := w.connect5("a", "clean-start=1 keep-alive=0 username=10s")
		old.quiet(2900 * time.Millisecond)
		old.alive()
		old.eof()
		watch.expect("PUBLISH topic=will payload=over")
		for range 6 {
			a.quiet(time.Second)
			a.alive()
		}
		a.expect("DISCONNECT MaximumConnectTime")
		a.eof()
		gone := w.connect5("gone", "clean-start=1 username=5s")
		gone.leave()
		late := w.dial("late", mqttwire.V5) // over before it has begun
		late.send("CONNECT client-id=late clean-start=1 username=-1s")
		late.expect("CONNACK Success", "DISCONNECT MaximumConnectTime")
		late.eof()
		time.Sleep(time.Hour)
	})
}
