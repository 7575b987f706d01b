package broker_test

import (
	"net/netip"
	"strings"
	"testing"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A gauze is a connection as of TLS: it says when there is something to read, and
// takes only so much at once.
type gauze struct {
	caller
	t      *testing.T
	found  []byte // by WaitReadable
	writes int
}

func (g *gauze) WaitReadable() error {
	var one [1]byte
	n, err := g.Conn.Read(one[:])
	g.found = append(g.found, one[:n]...)
	return err
}

func (g *gauze) Read(p []byte) (int, error) {
	if len(g.found) == 0 {
		g.t.Error("Read waits, with a buffer in its hands")
	}
	n := copy(p, g.found)
	g.found = g.found[n:]
	return n, nil
}

func (g *gauze) WriteNow(p []byte) (int, error) {
	if g.writes++; g.writes%3 == 0 {
		return 0, nil
	}
	return g.Conn.Write(p[:min(len(p), 700)])
}

// Such a connection is read without a buffer of its own, and written at once as far
// as it goes.
func TestPollableConnection(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		w.gate = broker.NewGate(broker.GateRules{})
		near, far := transport.MemPair()
		g := &gauze{caller: caller{Conn: far, from: netip.MustParseAddrPort("192.0.2.1:1")}, t: w.t}
		w.knock(g)
		c := &client{w: w, name: "c", version: mqttwire.V5, conn: near, lines: make(chan received, 64)}
		w.clients = append(w.clients, c)
		go c.read()
		c.send("CONNECT client-id=c clean-start=1")
		c.expect("CONNACK Success")
		c.subscribe("t", 0, "")
		p := w.connect5("p", "clean-start=1")
		payloads := []string{"short", strings.Repeat("x", 5000), "again", strings.Repeat("y", 20000)}
		for _, payload := range payloads {
			p.send("PUBLISH topic=t payload=" + payload)
		}
		for _, payload := range payloads {
			c.expect("PUBLISH topic=t payload=" + payload)
		}
		c.alive()
		if g.writes < 3 {
			t.Errorf("%d writes at once", g.writes)
		}
		c.leave()
	})
}
