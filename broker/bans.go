package broker

import (
	"net/netip"

	"mqtk/mqttwire"
)

// Bans are who is not let in, whatever it knows.
type Bans struct {
	Users, ClientIDs []string
	Addresses        []netip.Prefix
}

// bans are Bans as they are asked. They are never changed, but replaced.
type bans struct {
	users, clientIDs map[string]struct{}
	addresses        []netip.Prefix
}

// SetBans puts bans in the place of those before, and ends the connections of who
// is banned.
func (b *Broker) SetBans(all Bans) {
	k := &bans{users: make(map[string]struct{}), clientIDs: make(map[string]struct{}), addresses: append([]netip.Prefix(nil), all.Addresses...)}
	for _, u := range all.Users {
		k.users[u] = struct{}{}
	}
	for _, id := range all.ClientIDs {
		k.clientIDs[id] = struct{}{}
	}
	b.bans.Store(k)
	var banned []*Conn
	b.registry.Lock() // whoever is attached later looks at the bans under it
	for _, c := range b.registry.conns {
		if k.bar(addressOf(c.identity.Remote)) || c.attached && k.bans(c.identity) {
			banned = append(banned, c)
		}
	}
	b.registry.Unlock()
	for _, c := range banned {
		c.kick(mqttwire.AdministrativeAction, "banned")
	}
}

// bar says whether an address is banned.
func (k *bans) bar(a netip.Addr) bool { return k != nil && a.IsValid() && within(a, k.addresses) }

// bans says whether somebody is banned by name.
func (k *bans) bans(id *Identity) bool {
	if k == nil {
		return false
	}
	_, user := k.users[id.Username]
	_, client := k.clientIDs[id.ClientID]
	return user && id.Username != "" || client
}
