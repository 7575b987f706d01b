package broker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// throughGate serves one more listener, by a gate, for as long as f takes.
func (w *world) throughGate(g *broker.Gate, f func()) {
	w.t.Helper()
	was, l := w.listener, transport.NewMemListener()
	served := make(chan error, 1)
	go func() { served <- w.b.ServeGate(g, l) }()
	w.listener = l
	f()
	w.listener = was
	l.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) && !errors.Is(err, broker.ErrClosed) {
		w.t.Errorf("ServeGate: %v", err)
	}
}

// from opens a connection as if from an address.
func (w *world) from(address, name string, v mqttwire.Version) *client {
	w.t.Helper()
	near, far := transport.MemPair()
	w.knock(&caller{Conn: far, from: netip.MustParseAddrPort(address)})
	c := &client{w: w, name: name, version: v, conn: near, lines: make(chan received, 4096)}
	w.clients = append(w.clients, c)
	go c.read()
	return c
}

// knock gives a connection of the test's own making to a listener of its own.
func (w *world) knock(nc net.Conn) {
	l := &hatch{come: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.come <- nc
	go w.b.ServeGate(w.gate, l)
	synctest.Wait()
	l.Close()
}

// A hatch is a listener through which a test hands connections.
type hatch struct {
	come   chan net.Conn
	closed chan struct{}
}

func (h *hatch) Accept() (net.Conn, error) {
	select {
	case nc := <-h.come:
		return nc, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}
func (h *hatch) Addr() net.Addr { return &net.UnixAddr{Name: "hatch"} }
func (h *hatch) Close() error {
	select {
	case <-h.closed:
	default:
		close(h.closed)
	}
	return nil
}

// A caller is a connection from an address.
type caller struct {
	net.Conn
	from netip.AddrPort
}

func (g *caller) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(g.from) }

// A shy caller has a handshake.
type shy struct {
	caller
	shake func(ctx context.Context) error
}

func (s *shy) Handshake(ctx context.Context) error { return s.shake(ctx) }

func TestGateTakesSomeVersions(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		w.throughGate(broker.NewGate(broker.GateRules{Versions: []mqttwire.Version{mqttwire.V5}}), func() {
			w.connect5("five", "clean-start=1").leave()
			c := w.dial("four", mqttwire.V311)
			c.send("CONNECT client-id=four clean-start=1")
			c.expect("CONNACK UnsupportedProtocolVersion")
			c.eof()
		})
		w.throughGate(broker.NewGate(broker.GateRules{Versions: []mqttwire.Version{mqttwire.V311, mqttwire.V31}}), func() {
			w.connect4("four", "clean-start=1").leave()
			c := w.dial("five", mqttwire.V5)
			c.send("CONNECT client-id=five clean-start=1")
			c.expect("CONNACK UnsupportedProtocolVersion")
			c.eof()
		})
	})
}

// The rules of one gate are nothing to those who come by another, and what is
// asked of who comes may change.
func TestGatesAskTheirOwn(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		gate := broker.NewGate(broker.GateRules{Authenticator: bouncer{}})
		w.throughGate(gate, func() {
			c := w.dial("a", mqttwire.V5)
			c.send("CONNECT client-id=a clean-start=1")
			c.expect("CONNACK BadUserNameOrPassword")
			c.eof()
			gate.SetRules(broker.GateRules{})
			w.connect5("a", "clean-start=1").leave()
		})
		w.connect5("a", "clean-start=1").leave()
	})
}

// bouncer lets nobody in.
type bouncer struct{}

func (bouncer) Authenticate(context.Context, *broker.Credentials) (broker.Identity, error) {
	return broker.Identity{}, broker.ErrUnknownUser
}

func TestGateBindsClientIDs(t *testing.T) {
	for _, c := range []struct{ bind, user, id, want string }{
		{"", "bob", "x", "Success"},
		{"equal", "bob", "bob", "Success"},
		{"equal", "bob", "bob-1", "NotAuthorized"},
		{"equal", "bob", "x", "NotAuthorized"},
		{"prefix", "bob", "bob", "Success"},
		{"prefix", "bob", "bob-1", "Success"},
		{"prefix", "bob", "bobby", "NotAuthorized"},
		{"prefix", "bob", "x", "NotAuthorized"},
	} {
		bubble(t, broker.Options{}, nil, func(w *world) {
			w.throughGate(broker.NewGate(broker.GateRules{Authenticator: allcomers{}, BindClientID: c.bind}), func() {
				k := w.dial(c.id, mqttwire.V5)
				k.send("CONNECT clean-start=1 client-id=" + c.id + " username=" + c.user)
				k.expect("CONNACK " + c.want)
			})
		})
	}
}

// allcomers lets everybody in under the name that it says.
type allcomers struct{}

func (allcomers) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	return broker.Identity{Username: c.Username}, nil
}

// Who closes a gate ends those who came by it, and nobody else.
func TestCloseGate(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		other := w.connect5("other", "clean-start=1")
		gate := broker.NewGate(broker.GateRules{})
		w.throughGate(gate, func() {
			five, four := w.connect5("five", "clean-start=1"), w.connect4("four", "clean-start=1")
			w.b.CloseGate(gate)
			five.expect("DISCONNECT AdministrativeAction")
			five.eof()
			four.eof()
			if nc, err := w.listener.Dial(w.t.Context()); err == nil {
				nc.Close()
				t.Error("the listener is open")
			}
		})
		other.alive()
	})
}

func TestAddressesOfAGate(t *testing.T) {
	rules := broker.GateRules{
		Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
		Deny:  []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")},
	}
	bubble(t, broker.Options{}, nil, func(w *world) {
		w.gate = broker.NewGate(rules)
		for address, comes := range map[string]bool{
			"10.1.2.3:1": true, "[fd00::1]:1": true, "[::ffff:10.1.2.3]:1": true,
			"10.9.1.1:1": false, "[::ffff:10.9.1.1]:1": false, "192.0.2.1:1": false, "[2001:db8::1]:1": false,
		} {
			c := w.from(address, address, mqttwire.V5)
			if !comes {
				c.eof()
				continue
			}
			c.send("CONNECT client-id=a clean-start=1")
			c.expect("CONNACK Success")
			c.leave()
		}
		w.throughGate(w.gate, func() { w.connect5("no-address", "clean-start=1").leave() })
	})
}

func TestConnectionsOfAGate(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		w.throughGate(broker.NewGate(broker.GateRules{MaxConnections: 2}), func() {
			a, _ := w.connect5("a", "clean-start=1"), w.connect5("b", "clean-start=1")
			c := w.dial("c", mqttwire.V5)
			c.send("CONNECT client-id=c clean-start=1")
			c.expect("CONNACK QuotaExceeded")
			c.eof()
			d := w.dial("d", mqttwire.V311)
			d.send("CONNECT client-id=d clean-start=1")
			d.expect("CONNACK ServerUnavailable")
			d.eof()
			a.leave()
			pass(2 * time.Second)
			w.connect5("c", "clean-start=1")
		})
		w.connect5("elsewhere", "clean-start=1").leave()
	})
}

func TestConnectionsOfAnAddress(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_connections_per_address=2"}, func(w *world) {
		come := func(address, id, want string) *client {
			c := w.from(address, id, mqttwire.V5)
			c.send("CONNECT clean-start=1 client-id=" + id)
			c.expect("CONNACK " + want)
			return c
		}
		a := come("192.0.2.1:1", "a", "Success")
		come("192.0.2.1:2", "b", "Success")
		come("192.0.2.1:3", "c", "QuotaExceeded").eof()
		come("192.0.2.2:1", "c", "Success")
		a.leave()
		pass(2 * time.Second)
		come("192.0.2.1:4", "a", "Success")
		come("[2001:db8::1]:1", "d", "Success")
		come("[2001:db8::2]:1", "e", "Success")
		come("[2001:db8::3]:1", "f", "QuotaExceeded").eof()
		come("[2001:db8:0:1::3]:1", "f", "Success")
	})
}

// A user's connections are counted from CONNACK on, one that takes over a session
// not twice, and again from nothing when there is a limit where there was none.
func TestConnectionsOfAUser(t *testing.T) {
	bubble(t, broker.Options{Authenticator: allcomers{}}, nil, func(w *world) {
		come := func(user, id, want string) *client {
			c := w.dial(id, mqttwire.V5)
			c.send("CONNECT clean-start=1 client-id=" + id + " " + user)
			c.expect("CONNACK " + want)
			return c
		}
		come("username=u", "a", "Success")
		if err := w.b.SetLimits(limitsWith(t, "max_connections_per_user=2")); err != nil {
			t.Fatal(err)
		}
		b := come("username=u", "b", "Success")
		come("username=u", "c", "QuotaExceeded").eof()
		come("username=v", "c", "Success")
		for range 3 {
			next := come("username=u", "b", "Success")
			b.expect("DISCONNECT SessionTakenOver")
			b = next
		}
		b.leave()
		pass(2 * time.Second)
		come("username=u", "d", "Success")
		come("username=u", "e", "QuotaExceeded").eof()
		for _, id := range []string{"x", "y", "z"} {
			come("", id, "Success")
		}
		if err := w.b.SetLimits(limitsWith(t)); err != nil {
			t.Fatal(err)
		}
		come("username=u", "e", "Success")
	})
}

func TestBans(t *testing.T) {
	bubble(t, broker.Options{Authenticator: allcomers{}}, nil, func(w *world) {
		w.gate = broker.NewGate(broker.GateRules{Authenticator: allcomers{}})
		come := func(v mqttwire.Version, address, user, id, want string) *client {
			c := w.from(address, id, v)
			c.send("CONNECT clean-start=1 client-id=" + id + " username=" + user)
			c.expect("CONNACK " + want)
			return c
		}
		user := come(mqttwire.V5, "192.0.2.1:1", "bad", "a", "Success")
		id := come(mqttwire.V5, "192.0.2.1:1", "u", "evil", "Success")
		near := come(mqttwire.V311, "192.0.2.9:1", "u", "b", "Success")
		good := come(mqttwire.V5, "192.0.2.1:1", "u", "c", "Success")
		w.b.SetBans(broker.Bans{Users: []string{"bad"}, ClientIDs: []string{"evil"}, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.8/29")}})
		user.expect("DISCONNECT AdministrativeAction")
		user.eof()
		id.expect("DISCONNECT AdministrativeAction")
		id.eof()
		near.eof()
		good.alive()
		come(mqttwire.V5, "192.0.2.1:1", "bad", "a", "Banned").eof()
		come(mqttwire.V311, "192.0.2.1:1", "bad", "a", "NotAuthorized").eof()
		come(mqttwire.V5, "192.0.2.1:1", "u", "evil", "Banned").eof()
		come(mqttwire.V5, "192.0.2.9:1", "u", "b", "Banned").eof()
		w.b.SetBans(broker.Bans{})
		come(mqttwire.V5, "192.0.2.9:1", "bad", "evil", "Success")
	})
}

func TestHandshakeComesFirst(t *testing.T) {
	bubble(t, broker.Options{}, []string{"handshake_timeout=3s"}, func(w *world) {
		shaken := make(chan error)
		near, far := transport.MemPair()
		s := &shy{caller: caller{Conn: far, from: netip.MustParseAddrPort("192.0.2.1:1")}}
		s.shake = func(ctx context.Context) error {
			s.from = netip.MustParseAddrPort("198.51.100.7:9")
			select {
			case err := <-shaken:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		w.knock(s)
		c := &client{w: w, name: "a", version: mqttwire.V5, conn: near, lines: make(chan received, 8)}
		go c.read()
		c.send("CONNECT client-id=a clean-start=1")
		c.quiet(2 * time.Second)
		shaken <- nil
		c.expect("CONNACK Success")
		c.leave()

		w.knock(s) // and one that is never done
		start := time.Now()
		for w.b.Tally().Greeted > 0 {
			pass(100 * time.Millisecond)
		}
		if summary := w.b.Summary(); !strings.Contains(summary, "refused        1 handshake\n") {
			t.Errorf("the failure is not counted:\n%s", summary)
		}
		if took := time.Since(start); took < 2900*time.Millisecond || took > 3100*time.Millisecond {
			t.Errorf("the handshake was given %v", took)
		}
	})
}

// Shutdown and CloseGate do not wait for a handshake.
func TestHandshakeIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := broker.New(broker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, gate := range []*broker.Gate{broker.NewGate(broker.GateRules{}), nil} {
			l := &hatch{come: make(chan net.Conn, 1), closed: make(chan struct{})}
			_, far := transport.MemPair()
			s := &shy{caller: caller{Conn: far, from: netip.MustParseAddrPort("192.0.2.1:1")}}
			s.shake = func(context.Context) error {
				_, err := far.Read(make([]byte, 1))
				return err
			}
			l.come <- s
			if gate != nil {
				go b.ServeGate(gate, l)
				synctest.Wait()
				b.CloseGate(gate)
				synctest.Wait()
				if n := b.Tally().Greeted; n != 0 {
					t.Errorf("%d handshakes go on", n)
				}
				continue
			}
			go b.Serve(l)
			synctest.Wait()
			start := time.Now()
			if err := b.Shutdown(t.Context()); err != nil || time.Since(start) > time.Second {
				t.Errorf("Shutdown: %v, after %v", err, time.Since(start))
			}
		}
	})
}

// Load balancers that look whether a port is open fill no log.
func TestHandshakesInTheLog(t *testing.T) {
	for err, level := range map[error]string{io.EOF: "DEBUG", io.ErrUnexpectedEOF: "INFO"} {
		var log strings.Builder
		o := broker.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		bubble(t, o, nil, func(w *world) {
			_, far := transport.MemPair()
			w.knock(&shy{caller{far, netip.MustParseAddrPort("192.0.2.1:1")}, func(context.Context) error { return err }})
			synctest.Wait()
			if !strings.Contains(log.String(), "level="+level+" msg=\"handshake failed\"") {
				t.Errorf("%v: %s", err, &log)
			}
		})
	}
}

// A proxied connection is its proxy's until its handshake says whose it is.
type proxied struct{ shy }

func (*proxied) Proxied() bool { return true }

// Rules of addresses are about clients, not about the proxies that speak for them.
func TestAddressesBehindAProxy(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_connections_per_address=1"}, func(w *world) {
		w.gate = broker.NewGate(broker.GateRules{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
		come := func(address string) *client {
			near, far := transport.MemPair()
			s := &proxied{shy{caller: caller{Conn: far, from: netip.MustParseAddrPort("192.0.2.1:1")}}}
			s.shake = func(context.Context) error {
				s.from = netip.MustParseAddrPort(address)
				return nil
			}
			w.knock(s)
			c := &client{w: w, name: address, version: mqttwire.V5, conn: near, lines: make(chan received, 8)}
			w.clients = append(w.clients, c)
			go c.read()
			return c
		}
		for i, address := range []string{"10.0.0.1:1", "10.0.0.2:1", "10.0.0.1:2"} {
			c := come(address)
			c.send(fmt.Sprintf("CONNECT client-id=c%d clean-start=1", i))
			c.expect("CONNACK " + []string{"Success", "Success", "QuotaExceeded"}[i])
		}
		come("198.51.100.1:1").eof()
	})
}
