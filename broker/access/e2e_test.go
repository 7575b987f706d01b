package access_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/broker/access"
	"mqtk/broker/authfile"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/sasl"
	"mqtk/mqttwire/transport"
)

// A door is a broker with one listener in memory.
type door struct {
	*testing.T
	l   *transport.MemListener
	tls *tls.ConnectionState // of connections from now on

	mu   sync.Mutex
	seen string // the user of the last SUBSCRIBE
}

// Authorize allows everything and notes who asked.
func (d *door) Authorize(id *broker.Identity, a broker.Action, _ string) bool {
	if a == broker.Subscribe {
		d.mu.Lock()
		d.seen = "user " + id.Username
		d.mu.Unlock()
	}
	return true
}

// dressed is a connection that says it is TLS.
type dressed struct {
	net.Conn
	state *tls.ConnectionState
}

func (c dressed) TLS() *tls.ConnectionState { return c.state }

type wardrobe struct {
	net.Listener
	d *door
}

func (w wardrobe) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return dressed{c, w.d.tls}, nil
}

// withDoor runs f against a broker that asks a.
func withDoor(t *testing.T, a broker.Authenticator, f func(d *door)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &door{T: t, l: transport.NewMemListener()}
		b, err := broker.New(broker.Options{Authenticator: a, Authorizer: d, Limits: broker.DefaultLimits()})
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- b.Serve(wardrobe{d.l, d}) }()
		defer func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := b.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			if err := <-served; !errors.Is(err, broker.ErrClosed) {
				t.Error(err)
			}
		}()
		f(d)
	})
}

func (d *door) connect(auth client.Authenticator, connect mqttwire.Connect) (*client.Client, error) {
	connect.CleanStart, connect.ClientID, connect.Version = true, "c", mqttwire.V5
	return client.Connect(d.Context(), client.Options{
		Dial: func(ctx context.Context) (net.Conn, error) { return d.l.Dial(ctx) }, Connect: connect, Authenticator: auth,
	})
}

// wantIn wants the client to be let in, and tells who it then is.
func (d *door) wantIn(auth client.Authenticator) (*client.Client, string) {
	d.Helper()
	c, err := d.connect(auth, mqttwire.Connect{})
	if err != nil {
		d.Fatalf("%s: %v", auth.Method(), err)
	}
	if _, err := c.Subscribe(d.Context(), []mqttwire.Subscription{{Filter: "a"}}, nil); err != nil {
		d.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return c, d.seen
}

func (d *door) wantOut(auth client.Authenticator, reason mqttwire.ReasonCode) string {
	d.Helper()
	c, err := d.connect(auth, mqttwire.Connect{})
	var refused *client.RefusedError
	if !errors.As(err, &refused) || refused.Reason != reason {
		d.Errorf("%s: %v", auth.Method(), err)
	}
	if c != nil {
		c.Disconnect(d.Context(), nil)
	}
	if refused == nil {
		return ""
	}
	return refused.Error()
}

func half(t testing.TB, method, user, password string) sasl.Client {
	t.Helper()
	c, err := sasl.NewClient(method, sasl.ClientOptions{Username: user, Password: []byte(password)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fileOf(t testing.TB, users ...string) *authfile.File {
	t.Helper()
	var lines []string
	for _, u := range users {
		user, password, _ := strings.Cut(u, ":")
		line, err := authfile.Line(user, []byte(password), 0)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	f, err := authfile.Parse("passwd", []byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func saslOf(t testing.TB, o access.SASLOptions) *access.SASL {
	t.Helper()
	s, err := access.NewSASL(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// clear keeps passwords in the clear, for the historic methods.
type clear map[string]string

func (p clear) Verifier(_ context.Context, user, _ string) (sasl.Verifier, error) {
	if password, ok := p[user]; ok {
		return sasl.Verifier{Password: []byte(password)}, nil
	}
	return sasl.Verifier{Password: []byte{}}, sasl.ErrUnknownUser
}

func (p clear) Check(_ context.Context, user string, password []byte) error {
	switch want, ok := p[user]; {
	case !ok:
		return sasl.ErrUnknownUser
	case want != string(password):
		return sasl.ErrBadCredentials
	}
	return nil
}

// By each method: in, and out with a wrong password or an unknown name, which
// are answered the same.
func TestMethodsAgainstBroker(t *testing.T) {
	file := authfile.New(fileOf(t, "tim:secret"))
	cert := certificate(t, "tim")
	for _, method := range sasl.Methods() {
		t.Run(method, func(t *testing.T) {
			o := access.SASLOptions{Users: file, CertificateField: "cn"}
			if sasl.Historic(method) || method == sasl.SCRAMSHA1 { // for which the file holds nothing
				o = access.SASLOptions{Users: clear{"tim": "secret"}, Methods: sasl.Methods()}
			}
			withDoor(t, access.Chain(access.Link{Name: "sasl", Authenticator: saslOf(t, o)}), func(d *door) {
				if method == sasl.Plain || method == sasl.External {
					d.tls = cert
				}
				c, user := d.wantIn(half(d, method, "tim", "secret"))
				if user != "user tim" {
					d.Errorf("is let in as %s", user)
				}
				for range 2 {
					if err := c.Reauthenticate(d.Context()); err != nil {
						d.Errorf("again: %v", err)
					}
				}
				c.Disconnect(d.Context(), nil)
				if method == sasl.External {
					return
				}
				wrong := d.wantOut(half(d, method, "tim", "Secret"), mqttwire.BadUserNameOrPassword)
				unknown := d.wantOut(half(d, method, "eve", "secret"), mqttwire.BadUserNameOrPassword)
				if wrong != unknown {
					d.Errorf("%q\n%q", wrong, unknown)
				}
			})
		})
	}
}

func TestMethodsRefused(t *testing.T) {
	users := authfile.New(fileOf(t, "tim:secret"))
	for what, test := range map[string]struct {
		o      access.SASLOptions
		method string
		reason mqttwire.ReasonCode // 0: in
	}{
		"PLAIN in the clear":              {access.SASLOptions{Users: users}, sasl.Plain, mqttwire.BadAuthenticationMethod},
		"PLAIN in the clear, by order":    {access.SASLOptions{Users: users, PlainWithoutTLS: true}, sasl.Plain, 0},
		"a historic one, not listed":      {access.SASLOptions{Users: users}, sasl.CRAMMD5, mqttwire.BadAuthenticationMethod},
		"a historic one, hashes alone":    {access.SASLOptions{Users: users, Methods: []string{sasl.CRAMMD5}}, sasl.CRAMMD5, mqttwire.BadUserNameOrPassword},
		"one that is not listed":          {access.SASLOptions{Users: users, Methods: []string{sasl.SCRAMSHA512}}, sasl.SCRAMSHA256, mqttwire.BadAuthenticationMethod},
		"without users":                   {access.SASLOptions{}, sasl.SCRAMSHA256, mqttwire.BadAuthenticationMethod},
		"EXTERNAL without a field":        {access.SASLOptions{Users: users}, sasl.External, mqttwire.BadAuthenticationMethod},
		"EXTERNAL without a certificate":  {access.SASLOptions{CertificateField: "cn"}, sasl.External, mqttwire.BadUserNameOrPassword},
		"SCRAM-SHA-1, of which is no key": {access.SASLOptions{Users: users}, sasl.SCRAMSHA1, mqttwire.BadUserNameOrPassword},
	} {
		t.Run(what, func(t *testing.T) {
			withDoor(t, access.Chain(access.Link{Authenticator: saslOf(t, test.o)}), func(d *door) {
				if test.reason != 0 {
					d.wantOut(half(d, test.method, "tim", "secret"), test.reason)
					return
				}
				c, _ := d.wantIn(half(d, test.method, "tim", "secret"))
				c.Disconnect(d.Context(), nil)
			})
		})
	}
	if _, err := access.NewSASL(access.SASLOptions{Methods: []string{"SCRAM"}}); err == nil || !strings.Contains(err.Error(), sasl.SCRAMSHA256) {
		t.Error(err)
	}
}

// What the client must not hear the log says: who it was, and why.
func TestLogTellsWhy(t *testing.T) {
	var log strings.Builder
	users := authfile.New(fileOf(t, "tim:secret"))
	s := saslOf(t, access.SASLOptions{Users: users, Log: slog.New(slog.NewTextHandler(&log, nil))})
	withDoor(t, access.Chain(access.Link{Authenticator: s}), func(d *door) {
		for _, c := range []struct{ method, user, want string }{
			{sasl.SCRAMSHA256, "eve", "user=eve remote=mem method=SCRAM-SHA-256 reason=\"unknown user\""},
			{sasl.SCRAMSHA256, "tim", "user=tim remote=mem method=SCRAM-SHA-256 reason=\"the proof of the password is wrong\""},
			{sasl.SCRAMSHA1, "tim", "not kept in a form"},
		} {
			log.Reset()
			d.wantOut(half(d, c.method, c.user, "wrong"), mqttwire.BadUserNameOrPassword)
			if !strings.Contains(log.String(), c.want) {
				d.Errorf("no %s in %s", c.want, log.String())
			}
		}
	})
}

// A chain without enhanced authentication has no method at all.
func TestUnknownMethodIsRefused(t *testing.T) {
	withDoor(t, access.Chain(access.Link{Authenticator: access.Anonymous{}}), func(d *door) {
		d.wantOut(half(d, sasl.SCRAMSHA256, "tim", "secret"), mqttwire.BadAuthenticationMethod)
	})
}

// The same door takes passwords and SCRAM; who fails is told so, 5.0 and 3.x.
func TestPasswordBesideSASL(t *testing.T) {
	users := authfile.New(fileOf(t, "tim:secret"))
	chain := access.Chain(access.Link{Name: "file", Authenticator: users}, access.Link{Name: "sasl", Authenticator: saslOf(t, access.SASLOptions{Users: users})})
	withDoor(t, chain, func(d *door) {
		given := mqttwire.Connect{HasUsername: true, Username: "tim", HasPassword: true, Password: []byte("secret")}
		c, err := d.connect(nil, given)
		if err != nil {
			d.Fatal(err)
		}
		c.Disconnect(d.Context(), nil)
		for reason, given := range map[mqttwire.ReasonCode]mqttwire.Connect{
			mqttwire.BadUserNameOrPassword: {HasUsername: true, Username: "tim", HasPassword: true, Password: []byte("x")},
			mqttwire.NotAuthorized:         {},
		} {
			var refused *client.RefusedError
			if _, err := d.connect(nil, given); !errors.As(err, &refused) || refused.Reason != reason {
				d.Errorf("%+v: %v", given, err)
			}
		}
		c, user := d.wantIn(half(d, sasl.SCRAMSHA256, "tim", "secret"))
		if user != "user tim" {
			d.Error(user)
		}
		c.Disconnect(d.Context(), nil)
	})
}

// Whoever cannot prove himself again is gone; nor may he become somebody else.
func TestReauthenticationFails(t *testing.T) {
	users := authfile.New(fileOf(t, "tim:secret", "tom:secret"))
	chain := access.Chain(access.Link{Authenticator: saslOf(t, access.SASLOptions{Users: users})})
	withDoor(t, chain, func(d *door) {
		for what, change := range map[string]func(*turncoat){
			"another password": func(*turncoat) { users.Set(fileOf(t, "tim:changed", "tom:secret")) },
			"another user":     func(c *turncoat) { c.Client = half(d, sasl.SCRAMSHA256, "tom", "secret") },
			"no user any more": func(*turncoat) { users.Set(fileOf(t, "tom:secret")) },
		} {
			users.Set(fileOf(t, "tim:secret", "tom:secret"))
			who := &turncoat{half(d, sasl.SCRAMSHA256, "tim", "secret")}
			c, _ := d.wantIn(who)
			change(who)
			var gone *client.DisconnectedError
			if err := c.Reauthenticate(d.Context()); !errors.As(err, &gone) || gone.Reason != mqttwire.NotAuthorized {
				d.Errorf("%s: %v", what, err)
			}
			<-c.Done()
		}
	})
}

// turncoat is a Client that may become another one.
type turncoat struct{ sasl.Client }

// Data without a method is no CONNECT; a method in AUTH must be that of CONNECT.
func TestDataWithoutMethod(t *testing.T) {
	users := authfile.New(fileOf(t, "tim:secret"))
	withDoor(t, access.Chain(access.Link{Authenticator: saslOf(t, access.SASLOptions{Users: users})}), func(d *door) {
		nc, err := d.l.Dial(d.Context())
		if err != nil {
			d.Fatal(err)
		}
		c := client.NewConn(nc, client.ConnOptions{AutoFlush: true})
		defer c.Close()
		if _, err := c.Write([]byte("\x10\x12\x00\x04MQTT\x05\x02\x00\x00\x04\x16\x00\x01x\x00\x01c")); err != nil {
			d.Fatal(err)
		}
		if err := c.Flush(); err != nil {
			d.Fatal(err)
		}
		p, err := c.ReadPacket()
		if connack, ok := p.(*mqttwire.Connack); err != nil || !ok || connack.Reason != mqttwire.ProtocolError {
			d.Errorf("%v, %v", p, err)
		}
	})
}

// A client that sends no data with its method is asked for it.
func TestMethodWithoutData(t *testing.T) {
	users := authfile.New(fileOf(t, "tim:secret"))
	withDoor(t, access.Chain(access.Link{Authenticator: saslOf(t, access.SASLOptions{Users: users})}), func(d *door) {
		c, user := d.wantIn(&silent{half(d, sasl.SCRAMSHA256, "tim", "secret")})
		if user != "user tim" {
			d.Error(user)
		}
		c.Disconnect(d.Context(), nil)
	})
}

// silent keeps its first message for the empty challenge.
type silent struct{ sasl.Client }

func (s *silent) Start() ([]byte, error) {
	_, err := s.Client.Start()
	return nil, err
}
