package broker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
)

// Rights are what an Authorizer keeps of one client, so that it finds it without
// looking. A nil slot keeps nothing.
type Rights struct{ kept atomic.Pointer[any] }

// Load is what was stored last, nil for nothing.
func (r *Rights) Load() any {
	if r == nil {
		return nil
	}
	if v := r.kept.Load(); v != nil {
		return *v
	}
	return nil
}

// Store keeps v in place of what was there.
func (r *Rights) Store(v any) {
	if r != nil {
		r.kept.Store(&v)
	}
}

// Replace keeps v in place of old, unless something else is kept by now: what an
// Authorizer whose time is over found out is not to stand over its successor's.
func (r *Rights) Replace(old, v any) {
	if r == nil {
		return
	}
	kept := r.kept.Load()
	if kept == nil && old == nil || kept != nil && *kept == old {
		r.kept.CompareAndSwap(kept, &v)
	}
}

// A RightsLoader is an Authorizer that must get something before it can answer.
type RightsLoader interface {
	Authorizer
	// LoadRights gets what Authorize needs of a client, and may block. It is called
	// on a goroutine of its own before CONNACK, where an error refuses the client
	// with Server unavailable; after SetAuthorizer for everybody there is; and
	// before the will of a client that is away goes out.
	LoadRights(ctx context.Context, id *Identity) error
	// Known says whether a false of Authorize is a decision, and not ignorance.
	// What is for an absent client whose rights are not known waits in its queue:
	// delivery asks again.
	Known(id *Identity) bool
}

// authority is the Authorizer in force. A nil one allows everything.
type authority struct {
	Authorizer
	loader RightsLoader // the same, nil if it is none
	before *authority   // while it takes over: is asked about whom this one does not know yet
	begins bool         // it takes over
}

func newAuthority(a Authorizer) *authority {
	if a == nil {
		return nil
	}
	loader, _ := a.(RightsLoader)
	return &authority{Authorizer: a, loader: loader}
}

// allows asks the Authorizer.
func (a *authority) allows(id *Identity, action Action, topic string) bool {
	if a == nil || a.Authorize(id, action, topic) {
		return true
	}
	return a.begins && a.loader != nil && !a.loader.Known(id) && a.before.allows(id, action, topic)
}

// knows says whether a false of allows is a decision.
func (a *authority) knows(id *Identity) bool {
	return a == nil || a.loader == nil || a.loader.Known(id) || a.begins && a.before.knows(id)
}

// authorized asks the Authorizer, if there is one.
func (b *Broker) authorized(id *Identity, a Action, topic string) bool {
	return b.authority.Load().allows(id, a, topic)
}

// SetAuthorizer puts an Authorizer in the place of the one before, which decides
// until the new one has loaded the rights of everybody there is. nil: everything
// is allowed. An error is ctx's, and all is as it was.
func (b *Broker) SetAuthorizer(ctx context.Context, a Authorizer) error {
	b.succession.Lock()
	defer b.succession.Unlock()
	next := newAuthority(a)
	if next == nil {
		b.authority.Store(nil)
		return nil
	}
	loaded := make(map[*Identity]*Rights) // until it is in force
	next.before, next.begins = b.authority.Load(), true
	b.loadAll(ctx, next.loader, b.identities(loaded, nil), loaded)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// Who came meanwhile; from here on there is no way back.
	b.loadAll(context.WithoutCancel(ctx), next.loader, b.identities(loaded, next), loaded)
	for id, with := range loaded {
		if with != nil {
			id.Rights.Store(with.Load())
		}
	}
	b.authority.Store(newAuthority(a))
	return nil
}

// known has the rights of a client that is away loaded, and returns its identity
// with them. Without them, nothing is allowed.
func (b *Broker) known(loader RightsLoader, id *Identity) *Identity {
	if id.Rights == nil { // that of a message from the Store
		with := *id
		with.Rights = &Rights{}
		id = &with
	}
	ctx, cancel := context.WithTimeout(b.context, b.limits().ConnectTimeout)
	defer cancel()
	if err := loader.LoadRights(ctx, id); err != nil {
		b.log.Warn("the rights of a client are not known", "client", id.ClientID, "error", err)
	}
	return id
}

// slot is one for rights, nil where there is no Authorizer.
func (b *Broker) slot() *Rights {
	if b.registry.rights {
		return &Rights{}
	}
	return nil
}

// loadersAtOnce is how many clients' rights are loaded side by side: a database
// that answers in a millisecond takes 6 s for 100,000 clients then.
const loadersAtOnce = 16

// loadAll has the rights of many loaded. nil: they stay as they are, and so do those
// of the rest once ctx is over.
func (b *Broker) loadAll(ctx context.Context, loader RightsLoader, all []*Identity, into map[*Identity]*Rights) {
	slots := make([]*Rights, len(all))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(loadersAtOnce, len(all)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(all) && ctx.Err() == nil; i = next.Add(1) - 1 {
				slots[i] = b.load(ctx, loader, all[i])
			}
		})
	}
	workers.Wait()
	for i, id := range all {
		into[id] = slots[i]
	}
}

// load has a client's rights loaded into a slot of their own. nil: that failed, and
// the loader, which was in force before, knows the client from then.
func (b *Broker) load(ctx context.Context, loader RightsLoader, id *Identity) *Rights {
	r := &Rights{}
	if loader == nil {
		return r
	}
	if err := loader.LoadRights(ctx, &Identity{Username: id.Username, ClientID: id.ClientID, Remote: id.Remote, Rights: r}); err != nil {
		if loader.Known(id) {
			return nil
		}
		b.log.Warn("the rights of a client are not known", "client", id.ClientID, "error", err)
	}
	return r
}

// identities are those of all connections and sessions but for some, to which
// they are added, each with a slot for its rights. Once they are found, next is in
// force: whoever comes later asks it.
func (b *Broker) identities(but map[*Identity]*Rights, next *authority) (all []*Identity) {
	b.registry.Lock()
	defer b.registry.Unlock()
	b.registry.rights = true
	add := func(id *Identity) {
		if id.Rights == nil {
			id.Rights = &Rights{} // nobody looks at it yet
		}
		if _, has := but[id]; !has {
			but[id] = nil // a connection and its session have the same one
			all = append(all, id)
		}
	}
	for _, c := range b.registry.conns {
		if c.attached {
			add(c.identity)
		} else if c.identity.Rights == nil {
			c.identity.Rights = &Rights{}
		}
	}
	for s := range b.registry.sessions.All() {
		add(s.identity.Load())
	}
	if next != nil {
		b.authority.Store(next)
	}
	return all
}

// complain says in the log that a client was refused something, once a minute for
// each connection: denied counts what went without a line since.
func (c *Conn) complain(now time.Time, action, topic string, reason mqttwire.ReasonCode) {
	k := c.publishing().needRare()
	k.denied++
	if now.Sub(k.complained) < time.Minute {
		return
	}
	who := []any{"client", c.clientID()}
	if c.identity.Username != "" {
		who = append(who, "user", c.identity.Username)
	}
	c.b.log.Info(action+" refused", append(who, "topic", topic, "reason", reason.String(), "denied", k.denied)...)
	k.complained, k.denied = now, 0
}
