package acl

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"mqtk/broker"
)

// An Authorizer decides by a File. It is a broker.RightsLoader that never waits:
// it compiles the rules of a client at CONNECT, and anew at the first question
// after the file was replaced.
type Authorizer struct {
	log     *slog.Logger
	current atomic.Pointer[generation]
}

// generation is one File, with what was compiled of it for several clients.
type generation struct {
	file    *File
	noMatch bool

	mu    sync.Mutex
	bases map[string]*grant // by user; those of users without lines of their own are one
}

// grant is what is kept in a client's slot.
type grant struct {
	of    *generation
	rules *Rules
}

// NewAuthorizer decides by a file; where no rule matches, noMatch does. log is
// told of names that match no pattern; nil: nobody is.
func NewAuthorizer(f *File, noMatch bool, log *slog.Logger) *Authorizer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	a := &Authorizer{log: log}
	a.Set(f, noMatch)
	return a
}

// Set puts another file in the place of the one before. Every question from then
// on is decided by it.
func (a *Authorizer) Set(f *File, noMatch bool) {
	a.current.Store(&generation{file: f, noMatch: noMatch, bases: map[string]*grant{}})
}

// Authorize is broker.Authorizer's.
func (a *Authorizer) Authorize(id *broker.Identity, action broker.Action, topic string) bool {
	return a.rules(id).May(action, topic)
}

// LoadRights is broker.RightsLoader's.
func (a *Authorizer) LoadRights(_ context.Context, id *broker.Identity) error {
	a.rules(id)
	return nil
}

// Known is broker.RightsLoader's: a file knows everybody.
func (a *Authorizer) Known(*broker.Identity) bool { return true }

// rules are those of a client by the current file, from its slot or compiled into
// it. An Identity without a slot has them compiled for each question.
func (a *Authorizer) rules(id *broker.Identity) *Rules {
	g := a.current.Load()
	before := id.Rights.Load()
	if kept, ok := before.(*grant); ok && kept.of == g {
		return kept.rules
	}
	made := g.grant(ClientOf(id))
	if id.Rights != nil {
		id.Rights.Replace(before, made)
		if names := made.rules.Names(); len(names) > 0 {
			a.log.Warn("a name that holds + # / or NUL, or begins a topic with $, matches no pattern: rules that ask for it do not count for the client",
				"client", id.ClientID, "user", id.Username, "names", names)
		}
	}
	return made.rules
}

// grant compiles the rules of a client.
func (g *generation) grant(c Client) *grant {
	base := g.base(c.Username)
	if rules := g.file.over(base.rules, c); rules != base.rules {
		return &grant{g, rules}
	}
	return base
}

func (g *generation) base(user string) *grant {
	key := user
	if _, listed := g.file.users[user]; !listed && user != "" {
		key = "\x00" // nobody's name
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	base := g.bases[key]
	if base == nil {
		base = &grant{g, g.file.base(user, g.noMatch)}
		g.bases[key] = base
	}
	return base
}

// ClientOf is what rules ask of an Identity.
func ClientOf(id *broker.Identity) Client {
	return Client{Username: id.Username, ClientID: id.ClientID, Address: addressOf(id.Remote)}
}

// addressOf is the IP address of a peer, none for a Unix socket.
func addressOf(remote net.Addr) netip.Addr {
	switch a := remote.(type) {
	case nil, *net.UnixAddr: // whose name the peer may have chosen to look like an address
		return netip.Addr{}
	case *net.TCPAddr:
		address, _ := netip.AddrFromSlice(a.IP)
		return address.Unmap()
	}
	port, _ := netip.ParseAddrPort(remote.String())
	return port.Addr().Unmap().WithZone("")
}
