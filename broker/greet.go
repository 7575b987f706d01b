package broker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
)

// A greeting is the handshake of a connection before MQTT. It has a goroutine of
// its own, which ends with it: the reader begins on a fresh one, whose stack no
// TLS handshake has deepened.
type greeting struct {
	gate    *Gate
	conn    net.Conn
	address netip.Addr // not valid while it may be that of a proxy
}

// bringIn hands an admitted connection to who drives it, after its handshake.
func (b *Broker) bringIn(g *Gate, nc net.Conn) {
	if s, ok := nc.(shaker); ok {
		b.greet(g, s)
		return
	}
	b.drive(g, nc)
}

func (b *Broker) drive(g *Gate, nc net.Conn) {
	if b.driver == nil || !b.driver.Drive(b, g, nc) {
		go b.run(g, nc)
	}
}

// greet begins the handshake of a connection. It counts as one from now on.
func (b *Broker) greet(gate *Gate, nc shaker) {
	g := &greeting{gate: gate, conn: nc, address: addressOf(nc.RemoteAddr())}
	if p, ok := nc.(interface{ Proxied() bool }); ok && p.Proxied() {
		g.address = netip.Addr{}
	}
	if b.enterGreeting(g) {
		go b.shakeHands(g, nc)
		return
	}
	nc.Close()
	b.streams.Done()
}

// shakeHands is the goroutine of a handshake.
func (b *Broker) shakeHands(g *greeting, nc shaker) {
	err := b.handshake(nc)
	b.leaveGreeting(g)
	if err == nil {
		b.drive(g.gate, nc)
		return
	}
	nc.Close()
	b.metrics.turnedAway(refusedHandshake)
	level := slog.LevelInfo
	if errors.Is(err, io.EOF) {
		level = slog.LevelDebug
	}
	b.log.Log(b.context, level, "handshake failed", "remote", addrText(nc.RemoteAddr()), "listener", g.gate.Rules().Name, "error", err)
	b.streams.Done()
}

// handshake has the connection shake hands. A panic is an error like another.
func (b *Broker) handshake(nc shaker) (err error) {
	ctx, cancel := context.WithTimeout(b.context, b.limits().HandshakeTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			b.caught(v, "remote", addrText(nc.RemoteAddr()))
			err = errPanic
		}
	}()
	return nc.Handshake(ctx)
}

// enterGreeting counts it in. False: it is not even heard.
func (b *Broker) enterGreeting(g *greeting) bool {
	b.stir()
	r := &b.registry
	r.Lock()
	defer r.Unlock()
	if b.draining.Load() || g.gate.closed {
		return false
	}
	if why := b.turnsBack(g.gate, g.address); why.kind != notRefused {
		b.metrics.turnedAway(why.kind)
		return false
	}
	r.greeted[g] = struct{}{}
	r.crowds.come(g.address, 1)
	g.gate.conns++
	return true
}

func (b *Broker) leaveGreeting(g *greeting) {
	b.stir()
	b.registry.Lock()
	defer b.registry.Unlock()
	delete(b.registry.greeted, g)
	b.registry.crowds.come(g.address, -1)
	g.gate.conns--
}

func addrText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
