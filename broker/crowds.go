package broker

import (
	"net/netip"

	"mqtk/mqttwire"
)

// neighbourhood is what one who holds an address can hold at will: of IPv6 its /64.
func neighbourhood(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	p, _ := a.Prefix(64)
	return p.Addr()
}

// crowds count connections by what they have in common, as far as there is a
// limit of them. The registry's mutex guards them.
type crowds struct {
	users     map[string]int
	addresses map[netip.Addr]int
}

// count adds n to the entry of a key, where entries are kept at all.
func count[K comparable](in map[K]int, key K, n int) {
	if in == nil {
		return
	}
	if in[key] += n; in[key] <= 0 {
		delete(in, key)
	}
}

// recount begins to count what now has a limit. The registry is locked.
func (b *Broker) recount(l *Limits) {
	r := &b.registry
	was := r.crowds
	r.crowds = crowds{}
	if l.MaxConnectionsPerUser > 0 {
		r.crowds.users = was.users
		if was.users == nil {
			r.crowds.users = make(map[string]int)
			for _, c := range r.conns {
				if c.attached {
					r.crowds.enter(c, 1)
				}
			}
		}
	}
	if l.MaxConnectionsPerAddress > 0 {
		r.crowds.addresses = was.addresses
		if was.addresses == nil {
			r.crowds.addresses = make(map[netip.Addr]int)
			for _, c := range r.conns {
				r.crowds.come(addressOf(c.identity.Remote), 1)
			}
			for g := range r.greeted {
				r.crowds.come(g.address, 1)
			}
		}
	}
}

// enter counts a connection as its user's; anonymous ones are nobody's.
func (k *crowds) enter(c *Conn, n int) {
	if c.identity.Username != "" {
		count(k.users, c.identity.Username, n)
	}
}

// come counts a connection as its address's.
func (k *crowds) come(a netip.Addr, n int) {
	if a.IsValid() {
		count(k.addresses, neighbourhood(a), n)
	}
}

// at is how many connections an address has.
func (k *crowds) at(a netip.Addr) int { return k.addresses[neighbourhood(a)] }

// surplus is how many connections beyond max_connections may stay until they
// were told, in CONNACK, that there are too many; more are closed at once. It
// is half of the file handles that the default of max_connections leaves.
const surplus = 32

// enter takes a connection into the count, or says why it is not even heard.
func (b *Broker) enter(c *Conn) refusal {
	b.stir()
	r, address := &b.registry, addressOf(c.identity.Remote)
	r.Lock()
	defer r.Unlock()
	why := b.turnsBack(c.terms.gate, address)
	c.seat = int32(len(r.conns))
	r.conns = append(r.conns, c)
	c.terms.gate.conns++
	r.crowds.come(address, 1)
	c.identity.Rights = b.slot()
	if c.terms.gate.closed {
		why = refusal{refusedDraining, mqttwire.ServerShuttingDown, "the listener was closed"}
	}
	return why
}

// crowd says which limit of connections is passed by the one that asks, if any is.
func (b *Broker) crowd(c *Conn) refusal {
	r, l, address := &b.registry, b.limits(), addressOf(c.identity.Remote)
	r.Lock()
	defer r.Unlock()
	switch {
	case beyond(len(r.conns)+len(r.greeted), l.MaxConnections, 0):
		return refusal{refusedConnections, b.elsewhere(mqttwire.ServerBusy), "too many connections"}
	case beyond(c.terms.gate.conns, c.terms.gate.Rules().MaxConnections, 0):
		return refusal{refusedListener, b.elsewhere(mqttwire.QuotaExceeded), "too many connections by this listener"}
	case address.IsValid() && beyond(r.crowds.at(address), l.MaxConnectionsPerAddress, 0):
		return refusal{refusedPerAddress, mqttwire.QuotaExceeded, "too many connections from this address"}
	}
	return refusal{}
}

// unseat takes it out. The registry is locked.
func (b *Broker) unseat(c *Conn) {
	c.terms.gate.conns--
	b.registry.crowds.come(addressOf(c.identity.Remote), -1)
	b.detach(c)
	conns := b.registry.conns
	last := len(conns) - 1
	conns[c.seat] = conns[last]
	conns[c.seat].seat = c.seat
	conns[last] = nil
	if conns = conns[:last]; last > 1000 && last*4 < cap(conns) {
		conns = append(make([]*Conn, 0, 2*last), conns...)
	}
	b.registry.conns = conns
}

// turnsBack says why one more connection is closed without a word: its address
// is not admitted, or there are so many that even telling it is too much. The
// registry is locked.
func (b *Broker) turnsBack(g *Gate, a netip.Addr) refusal {
	r, l := &b.registry, b.limits()
	switch rules := g.Rules(); {
	case !rules.admits(a):
		return refusal{refusedAddress, mqttwire.NotAuthorized, "the address is not admitted"}
	case beyond(len(r.conns)+len(r.greeted)+1, l.MaxConnections, surplus):
		return refusal{refusedConnections, mqttwire.ServerBusy, "too many connections"}
	case beyond(g.conns+1, rules.MaxConnections, surplus):
		return refusal{refusedListener, mqttwire.ServerBusy, "too many connections by this listener"}
	case a.IsValid() && beyond(r.crowds.at(a)+1, l.MaxConnectionsPerAddress, surplus):
		return refusal{refusedPerAddress, mqttwire.ServerBusy, "too many connections from this address"}
	}
	return refusal{}
}

// beyond says whether there are more than a limit, where there is one, and some.
func beyond(n, limit, more int) bool { return limit > 0 && n > limit+more }

// overUsers says whether a user has as many connections as it may; one that is
// taken over is none. The registry is locked.
func (b *Broker) overUsers(c *Conn, old *Session) bool {
	n := b.registry.crowds.users[c.identity.Username]
	if old != nil && old.owner.Load() != nil {
		n--
	}
	return beyond(n+1, b.limits().MaxConnectionsPerUser, 0) && c.identity.Username != ""
}

// detach counts a connection no more as its user's. The registry is locked.
func (b *Broker) detach(c *Conn) {
	if c != nil && c.attached {
		c.attached = false
		b.registry.crowds.enter(c, -1)
	}
}
