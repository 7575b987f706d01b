package broker

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"mqtk/mqttwire"
)

// GateRules are what one or several listeners ask of who comes to them. They are
// never changed, but replaced as a whole.
type GateRules struct {
	Name           string             // of the listener, for the log
	Authenticator  Authenticator      // nil: everybody is let in, without a name
	Versions       []mqttwire.Version // that may be spoken; empty: all
	MaxConnections int                // 0: no limit of its own
	Allow, Deny    []netip.Prefix     // addresses of peers; Deny wins; empty Allow: everybody. Unix sockets pass
	SlowReceiver   string             // in place of the limit of that name; empty: the limit holds
	MountPoint     string             // is put before every topic of the gate's clients
	BindClientID   string             // equal, prefix: how client ids must be to the name of the user; empty: as they like
}

// A Gate is what connections of some listeners have in common.
type Gate struct {
	rules   atomic.Pointer[GateRules]
	terms   atomic.Pointer[terms] // those of the last that came
	serving sync.WaitGroup        // calls of ServeGate
	conns   int                   // guarded by the registry's mutex, like closed
	closed  bool
}

// NewGate makes a gate for one broker.
func NewGate(r GateRules) *Gate {
	g := &Gate{}
	g.SetRules(r)
	return g
}

// SetRules replaces the rules. Whoever is in stays, and keeps its mount point.
func (g *Gate) SetRules(r GateRules) { g.rules.Store(&r) }

// Rules are those in force; they are not to be changed.
func (g *Gate) Rules() *GateRules { return g.rules.Load() }

// terms are what holds for a connection from its CONNECT on, and is the same for
// most of them.
type terms struct {
	gate   *Gate
	rules  *GateRules // as they were
	limits *Limits    // what CONNACK has promised
}

// termsOf are the terms of who comes now.
func (b *Broker) termsOf(g *Gate) *terms {
	t, rules, limits := g.terms.Load(), g.Rules(), b.limits()
	if t == nil || t.rules != rules || t.limits != limits {
		t = &terms{g, rules, limits}
		g.terms.Store(t)
	}
	return t
}

// agree sets the terms, which are as they are then.
func (c *Conn) agree() {
	if t := c.b.termsOf(c.terms.gate); t != c.terms {
		c.b.registry.Lock() // others look for the gate's connections
		c.terms = t
		c.b.registry.Unlock()
	}
	c.settle()
}

// admits says whether a peer of that address may come; the zero address may.
func (r *GateRules) admits(a netip.Addr) bool {
	return !a.IsValid() || !within(a, r.Deny) && (len(r.Allow) == 0 || within(a, r.Allow))
}

func within(a netip.Addr, all []netip.Prefix) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
}

// binds says whether a client id is one that the user may have. Behind the prefix
// must come what is neither letter nor digit: bob is not to be bobby.
func (r *GateRules) binds(clientID, username string) bool {
	if r.BindClientID == "" {
		return true
	}
	rest, begins := strings.CutPrefix(clientID, username)
	switch {
	case username == "" || !begins:
		return false
	case rest == "":
		return true
	}
	return r.BindClientID == "prefix" && !alphanumeric(rest[0])
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// speaks says whether a version may be spoken.
func (r *GateRules) speaks(v mqttwire.Version) bool {
	return len(r.Versions) == 0 || slices.Contains(r.Versions, v)
}

// slowReceiver is the gate's rule, or the limit.
func (c *Conn) slowReceiver() string {
	if own := c.terms.gate.Rules().SlowReceiver; own != "" {
		return own
	}
	return c.b.limits().SlowReceiver
}

// unserve is the end of ServeGate.
func (b *Broker) unserve(g *Gate, l net.Listener) {
	b.registry.Lock()
	delete(b.registry.listeners, l)
	b.registry.Unlock()
	g.serving.Done()
}

// shut says whether CloseGate was called.
func (b *Broker) shut(g *Gate) bool {
	b.registry.Lock()
	defer b.registry.Unlock()
	return g.closed
}

// CloseGate closes the listeners of a gate, which then may be opened anew, and
// ends the gate's connections with Administrative action. The gate is of no use
// any more.
func (b *Broker) CloseGate(g *Gate) {
	b.registry.Lock()
	g.closed = true
	for l, of := range b.registry.listeners {
		if of == g {
			l.Close()
		}
	}
	for greeting := range b.registry.greeted {
		if greeting.gate == g {
			greeting.conn.Close()
		}
	}
	var conns []*Conn
	for _, c := range b.registry.conns {
		if c.terms.gate == g {
			conns = append(conns, c)
		}
	}
	b.registry.Unlock()
	for _, c := range conns {
		c.kick(mqttwire.AdministrativeAction, "the listener was closed")
	}
	g.serving.Wait()
}

// addressOf is the address of a peer, without its port; not valid for one that
// has none, like that of a Unix socket.
func addressOf(remote net.Addr) netip.Addr {
	switch a := remote.(type) {
	case nil:
		return netip.Addr{}
	case interface{ AddrPort() netip.AddrPort }:
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	if !strings.HasPrefix(remote.Network(), "tcp") {
		return netip.Addr{}
	}
	a, _ := netip.ParseAddrPort(remote.String())
	return a.Addr().Unmap().WithZone("")
}

// tlsOf is the state of TLS on a connection, nil for none.
func tlsOf(x any) *tls.ConnectionState {
	if t, ok := x.(interface{ TLS() *tls.ConnectionState }); ok {
		return t.TLS()
	}
	return nil
}

// A shaker is a connection that has a handshake before MQTT begins: TLS, a
// WebSocket's, a PROXY header. Its RemoteAddr is final after that. An error of
// Handshake is io.EOF where the peer left without a word.
type shaker interface {
	net.Conn
	Handshake(ctx context.Context) error
}
