package crash

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A registrar makes sessions and subscriptions while the broker is killed, and
// ends some of them again. Each step is tried once: what a kill interrupts
// stays as it is, and is not asked for.
type registrar struct {
	*session
	rate float64 // sessions a second
}

// A registration is a session that a registrar made, or tried to. It subscribes to two
// topics and may unsubscribe from the second.
type registration struct {
	clientID string
	version  mqttwire.Version
	kept     string
	dropped  string

	made         bool // CONNACK
	subscribed   bool // SUBACK
	unsubscribes bool // was tried
	unsubscribed bool // UNSUBACK
	ends         bool // was tried
	ended        bool // CONNACK of a clean start
}

// A register holds all registrations. Each is its registrar's until all of
// those have ended, then its examiner's.
type register struct {
	mu  sync.Mutex
	all []*registration
}

func (g *register) add(n *registration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all = append(g.all, n)
}

func (g *registrar) live(ctx context.Context) {
	for count := 0; ctx.Err() == nil && !closed(g.run.silence); count++ {
		id := fmt.Sprintf("%s-%d", g.clientID, count)
		topic := g.run.topic("register/" + id)
		n := &registration{clientID: id, version: g.run.version(count), kept: topic + "/kept", dropped: topic + "/dropped"}
		if g.run.gate.enter(ctx) == nil {
			g.serve(ctx, n)
			g.run.gate.leave()
		}
		pause(ctx, g.some(time.Duration(float64(time.Second)/g.rate)))
	}
}

// serve walks a registration as far as the broker lives.
func (g *registrar) serve(ctx context.Context, n *registration) {
	g.run.register.add(n)
	conn, _, err := g.run.connect(ctx, n.connect())
	if err != nil {
		return
	}
	n.made = true
	g.run.ledger.count(func(a *Acknowledged) { a.Sessions++ })
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if !g.subscribe(conn, n) {
		conn.Close()
		return
	}
	if g.random.IntN(2) == 0 {
		_ = conn.Disconnect(nil)
	}
	conn.Close()
	if g.random.IntN(4) == 0 {
		g.end(ctx, n)
	}
}

func (n *registration) connect() *mqttwire.Connect {
	return (&session{clientID: n.clientID, version: n.version}).connect()
}

func (g *registrar) subscribe(conn *client.Conn, n *registration) bool {
	question := &mqttwire.Subscribe{PacketID: subscribeID, Subscriptions: []mqttwire.Subscription{{Filter: n.kept, QoS: 1}, {Filter: n.dropped, QoS: 1}}}
	p, err := g.run.ask(conn, question, mqttwire.SUBACK)
	if err != nil || slices.Max(p.(*mqttwire.Suback).Reasons) >= mqttwire.UnspecifiedError {
		return false
	}
	n.subscribed = true
	g.run.ledger.count(func(a *Acknowledged) { a.Subscriptions += 2 })
	if g.random.IntN(2) == 0 {
		return true
	}
	n.unsubscribes = true
	if _, err := g.run.ask(conn, &mqttwire.Unsubscribe{PacketID: subscribeID, Filters: []string{n.dropped}}, mqttwire.UNSUBACK); err != nil {
		return false
	}
	n.unsubscribed = true
	g.run.ledger.count(func(a *Acknowledged) { a.Unsubscriptions++ })
	return true
}

// end ends the session by a clean start without expiry.
func (g *registrar) end(ctx context.Context, n *registration) {
	n.ends = true
	if n.ended = g.run.endSession(ctx, n.clientID, n.version) == nil; n.ended {
		g.run.ledger.count(func(a *Acknowledged) { a.Ends++ })
	}
}

func (r *run) endSession(ctx context.Context, clientID string, v mqttwire.Version) error {
	conn, _, err := r.connect(ctx, &mqttwire.Connect{Version: v, ClientID: clientID, CleanStart: true, KeepAlive: keepAlive})
	if err != nil {
		return err
	}
	_ = conn.Disconnect(nil)
	return nil
}

// examiners is how many registrations are looked at side by side.
const examiners = 8

// examine asks the broker for everything that was registered.
func (r *run) examine(ctx context.Context) error {
	if err := r.sendProbes(ctx); err != nil {
		return err
	}
	var workers sync.WaitGroup
	work := make(chan *registration)
	for range examiners {
		workers.Go(func() {
			for n := range work {
				r.examineOne(ctx, n)
			}
		})
	}
	for _, n := range r.register.all {
		if n.made && (!n.ends || n.ended) {
			work <- n
		}
	}
	close(work)
	workers.Wait()
	return ctx.Err()
}

// sendProbes publishes to every topic that somebody is or was subscribed to,
// first to the ended subscription and then to the one that must be there.
func (r *run) sendProbes(ctx context.Context) error {
	var topics []string
	for _, n := range r.register.all {
		if n.subscribed && !n.ends {
			topics = append(topics, n.dropped, n.kept)
		}
	}
	return r.tell(ctx, topics, mqttwire.Publish{Payload: []byte("probe")})
}

// tell publishes m to all topics at QoS 1 and waits for the PUBACKs.
func (r *run) tell(ctx context.Context, topics []string, m mqttwire.Publish) error {
	conn, _, err := r.connect(ctx, &mqttwire.Connect{Version: r.version(0), ClientID: r.prefix + "teller", CleanStart: true, KeepAlive: keepAlive})
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for some := range slices.Chunk(topics, toldAtOnce) {
		if err := r.tellSome(conn, some, m); err != nil {
			return err
		}
	}
	return conn.Disconnect(nil)
}

const toldAtOnce = 10 // brokers take as many, whatever their Receive Maximum

func (r *run) tellSome(conn *client.Conn, topics []string, m mqttwire.Publish) error {
	for i, topic := range topics {
		m.Topic, m.QoS, m.PacketID = topic, 1, mqttwire.PacketID(i+1)
		if err := conn.WritePacket(&m); err != nil {
			return err
		}
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	for range topics {
		if _, err := r.await(conn, mqttwire.PUBACK); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) examineOne(ctx context.Context, n *registration) {
	conn, connack, err := r.connect(ctx, n.connect())
	if err != nil {
		r.ledger.find(Unanswered, Example{Client: n.clientID, Detail: err.Error()})
		return
	}
	defer conn.Close()
	switch {
	case n.ended && connack.SessionPresent:
		r.ledger.find(ReturnedSession, Example{Client: n.clientID})
	case !n.ended && !connack.SessionPresent:
		r.ledger.find(LostSession, Example{Client: n.clientID})
	case !n.ended && n.subscribed:
		r.examineSubscriptions(conn, n)
	}
}

func (r *run) examineSubscriptions(conn *client.Conn, n *registration) {
	arrived := make(map[string]bool)
	take := func(p *mqttwire.Publish) { arrived[clone(p.Topic)] = true }
	enough := func() bool { return arrived[n.kept] && (arrived[n.dropped] || n.unsubscribes) }
	if err := r.gather(conn, 300*time.Millisecond, take, enough); err != nil {
		r.ledger.find(Unanswered, Example{Client: n.clientID, Detail: err.Error()})
		return
	}
	if !arrived[n.kept] {
		r.ledger.find(LostSubscription, Example{Client: n.clientID, Topic: n.kept})
	}
	if !arrived[n.dropped] && !n.unsubscribes {
		r.ledger.find(LostSubscription, Example{Client: n.clientID, Topic: n.dropped})
	}
	if arrived[n.dropped] && n.unsubscribed {
		r.ledger.find(ReturnedSubscription, Example{Client: n.clientID, Topic: n.dropped})
	}
}
