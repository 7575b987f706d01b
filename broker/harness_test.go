package broker_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A world is one broker in a bubble of fake time, and the clients of a test.
type world struct {
	t        *testing.T
	b        *broker.Broker
	listener *transport.MemListener
	gate     *broker.Gate // for knock
	clients  []*client
}

// bubble runs f against a broker with these options and limits ("key=value"),
// and holds the broker to ending every goroutine.
func bubble(t *testing.T, o broker.Options, settings []string, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Limits = limitsWith(t, settings...)
		b, err := broker.New(o)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, b: b, listener: transport.NewMemListener(), gate: broker.NewGate(broker.GateRules{})}
		served := make(chan error, 1)
		go func(l net.Listener) { served <- b.Serve(l) }(w.listener)
		defer func() {
			for _, c := range w.clients {
				c.conn.Close()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := b.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if err := <-served; !errors.Is(err, broker.ErrClosed) {
				t.Errorf("Serve: %v", err)
			}
		}()
		f(w)
	})
}

func limitsWith(t *testing.T, settings ...string) broker.Limits {
	t.Helper()
	l := broker.DefaultLimits()
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		if err := l.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// A client speaks packets in their text form and does nothing of its own.
type client struct {
	w       *world
	name    string
	version mqttwire.Version
	conn    net.Conn
	lines   chan received
}

type received struct {
	line mqttwire.Line
	err  error
}

// patience is how long expect waits for a packet, in fake time.
const patience = 3 * time.Second

// dial opens a connection and sends nothing.
func (w *world) dial(name string, v mqttwire.Version) *client {
	w.t.Helper()
	conn, err := w.listener.Dial(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	c := &client{w: w, name: name, version: v, conn: conn, lines: make(chan received, 4096)}
	w.clients = append(w.clients, c)
	go c.read()
	return c
}

// read takes packets in as they come; it ends with the connection.
func (c *client) read() {
	r := mqttwire.NewReader(c.conn)
	r.Version, r.From = c.version, mqttwire.Server
	for {
		p, err := r.ReadPacket()
		if err != nil {
			c.lines <- received{err: err}
			close(c.lines)
			return
		}
		c.lines <- received{line: mqttwire.LineOf(p, c.version)}
	}
}

// connect5 and connect4 open a connection of that level, send CONNECT with the
// fields given, and want it accepted.
func (w *world) connect5(id, fields string) *client { return w.connect(mqttwire.V5, id, fields) }
func (w *world) connect4(id, fields string) *client { return w.connect(mqttwire.V311, id, fields) }

func (w *world) connect(v mqttwire.Version, id, fields string) *client {
	w.t.Helper()
	c := w.dial(id, v)
	c.send("CONNECT client-id=" + id + " " + fields)
	c.expect("CONNACK Success")
	return c
}

func (c *client) bytes(line string) []byte {
	c.w.t.Helper()
	p, err := mqttwire.ParseText(line, c.version)
	if err != nil {
		c.w.t.Fatalf("%s: %v", line, err)
	}
	b, err := p.Append(nil, c.version)
	if err != nil {
		c.w.t.Fatalf("%s: %v", line, err)
	}
	return b
}

// send writes packets, all in one segment.
func (c *client) send(lines ...string) {
	c.w.t.Helper()
	var all []byte
	for _, line := range lines {
		all = append(all, c.bytes(line)...)
	}
	c.write(all)
}

// sendHex writes bytes as they are.
func (c *client) sendHex(digits string) {
	c.w.t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		c.w.t.Fatal(err)
	}
	c.write(b)
}

func (c *client) write(b []byte) {
	c.w.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.w.t.Fatalf("%s writes: %v", c.name, err)
	}
}

// next returns what comes next.
func (c *client) next(wait time.Duration) (received, bool) {
	synctest.Wait() // so that what has come is seen, even with no time to wait
	var over <-chan time.Time
	if len(c.lines) == 0 {
		over = time.After(wait)
	}
	select {
	case r, ok := <-c.lines:
		if !ok {
			r.err = io.EOF
		}
		return r, true
	case <-over:
		return received{}, false
	}
}

// expect wants these packets, one after the other and nothing between them. It
// returns the last of them.
func (c *client) expect(lines ...string) (last mqttwire.Line) {
	c.w.t.Helper()
	for _, text := range lines {
		r, ok := c.next(patience)
		switch {
		case !ok:
			c.w.t.Fatalf("%s waits for %s: nothing comes", c.name, text)
		case r.err != nil:
			c.w.t.Fatalf("%s waits for %s: %v", c.name, text, r.err)
		}
		want, err := mqttwire.ParseLine(text)
		if err != nil {
			c.w.t.Fatal(err)
		}
		if err := want.Match(r.line, c.version); err != nil {
			c.w.t.Fatalf("%s waits for %s\n%s gets %s: %v", c.name, text, c.name, r.line, err)
		}
		last = r.line
	}
	return last
}

// field returns a field of a line, empty without it.
func field(l mqttwire.Line, key string) string {
	for _, f := range l.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// eof wants the connection to end, with nothing more before.
func (c *client) eof() {
	c.w.t.Helper()
	r, ok := c.next(patience)
	switch {
	case !ok:
		c.w.t.Fatalf("%s waits for the end of the connection", c.name)
	case r.err == nil:
		c.w.t.Fatalf("%s waits for the end of the connection\n%s gets %s", c.name, c.name, r.line)
	case r.err != io.EOF:
		c.w.t.Fatalf("%s waits for the end of the connection: %v", c.name, r.err)
	}
	c.conn.Close()
}

// quiet wants nothing to come for a while.
func (c *client) quiet(d time.Duration) {
	c.w.t.Helper()
	if r, ok := c.next(d); ok {
		c.w.t.Fatalf("%s wants nothing, and gets %s %v", c.name, r.line, r.err)
	}
}

// alive wants the connection to answer PINGREQ, and nothing before that.
func (c *client) alive() {
	c.w.t.Helper()
	c.send("PINGREQ")
	c.expect("PINGRESP")
}

// drop ends the connection without a DISCONNECT, and lets the broker notice.
func (c *client) drop() {
	c.conn.Close()
	synctest.Wait()
}

// leave says DISCONNECT and closes.
func (c *client) leave() {
	c.w.t.Helper()
	c.send("DISCONNECT")
	c.drop()
}

// subscribe wants the filter granted at that QoS.
func (c *client) subscribe(filter string, qos int, options string) {
	c.w.t.Helper()
	c.send(fmt.Sprintf("SUBSCRIBE packet-id=999 filter=%s qos=%d %s", filter, qos, options))
	c.expect(fmt.Sprintf("SUBACK GrantedQoS%d packet-id=999", qos))
}

// publish sends at QoS 1 and wants it taken.
func (c *client) publish(topic, payload, more string) {
	c.w.t.Helper()
	c.send(fmt.Sprintf("PUBLISH topic=%s qos=1 packet-id=998 %s payload=%s", topic, more, payload))
	c.expect("PUBACK Success|NoMatchingSubscribers packet-id=998")
}

// pass lets fake time go by.
func pass(d time.Duration) {
	nap(d)
	synctest.Wait()
}

// nap is pass for any goroutine of a bubble: it waits for nobody else. Nothing
// calls it outside of one.
func nap(d time.Duration) { time.Sleep(d) }
