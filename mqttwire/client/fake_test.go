package client

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A bench is a test in fake time with an in-memory network on which the test
// plays the server.
type bench struct {
	*testing.T
	l        *transport.MemListener
	version  mqttwire.Version
	clients  []*Client
	attempts []*connecting
	peers    []*peer
	p        *peer
}

// inBubble runs f in a synctest bubble; when f is done every client is closed,
// and a goroutine that is left then fails the test.
func inBubble(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, l: transport.NewMemListener(), version: mqttwire.V5}
		defer b.close()
		f(b)
	})
}

func (b *bench) close() {
	b.l.Close()
	for _, p := range b.peers {
		p.Close()
	}
	for _, k := range b.attempts {
		k.cancel()
		<-k.done
	}
	for _, c := range b.clients {
		c.Close()
	}
	time.Sleep(10 * time.Second) // for servers that sleep between two writes
}

// options connect to the bench as client a.
func (b *bench) options() Options {
	return Options{
		Dial:    b.l.Dial,
		Connect: mqttwire.Connect{Version: b.version, ClientID: "a", CleanStart: true},
	}
}

// durable are options with a session that lives on, and reconnects.
func (b *bench) durable() Options {
	o := b.options()
	o.Connect.CleanStart = false
	if b.version == mqttwire.V5 {
		o.Connect.Properties = o.Connect.Properties.AddNumber(mqttwire.SessionExpiryInterval, 3600)
	}
	o.Retry.Again = Unlimited
	return o
}

// connecting is a Connect under way.
type connecting struct {
	cancel context.CancelFunc
	b      *bench
	done   chan struct{}
	c      *Client
	err    error
}

func (b *bench) connect(o Options) *connecting {
	ctx, cancel := context.WithCancel(b.Context())
	k := &connecting{b: b, done: make(chan struct{}), cancel: cancel}
	b.attempts = append(b.attempts, k)
	go func() {
		defer close(k.done)
		k.c, k.err = Connect(ctx, o)
		if k.c != nil {
			b.clients = append(b.clients, k.c)
		}
	}()
	return k
}

func (k *connecting) client() *Client {
	k.b.Helper()
	if <-k.done; k.err != nil {
		k.b.Fatalf("Connect: %v", k.err)
	}
	return k.c
}

func (k *connecting) fails() error {
	k.b.Helper()
	if <-k.done; k.err == nil {
		k.b.Fatal("Connect did not fail")
	}
	return k.err
}

// A peer is the server's end of one connection.
type peer struct {
	b *bench
	net.Conn
	r *mqttwire.Reader
}

func (b *bench) accept() *peer {
	b.Helper()
	nc, err := b.l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	p := &peer{b: b, Conn: nc, r: mqttwire.NewReader(nc)}
	p.r.From = mqttwire.Client
	b.peers = append(b.peers, p)
	return p
}

// greet connects o, answers with connack, and gives both ends.
func (b *bench) greet(o Options, connack string) (*Client, *peer) {
	b.Helper()
	k := b.connect(o)
	p := b.welcome(connack)
	return k.client(), p
}

// welcome takes the next connection.
func (b *bench) welcome(connack string) *peer {
	b.Helper()
	p := b.accept()
	if _, ok := p.read().(*mqttwire.Connect); !ok {
		b.Fatal("the first packet is no CONNECT")
	}
	p.send(connack)
	return p
}

const patience = time.Hour

func (p *peer) read() mqttwire.Packet {
	p.b.Helper()
	p.SetReadDeadline(time.Now().Add(patience))
	packet, err := p.r.ReadPacket()
	if err != nil {
		p.b.Fatalf("the client sent no packet: %v", err)
	}
	return packet
}

func (p *peer) text(packet mqttwire.Packet) string {
	return string(mqttwire.AppendText(nil, packet, p.r.Version))
}

// expect reads packets and compares their text.
func (p *peer) expect(lines ...string) {
	p.b.Helper()
	for _, want := range lines {
		if got := p.text(p.read()); got != want {
			p.b.Fatalf("the client sent\n\t%s\nnot\n\t%s", got, want)
		}
	}
}

// send sends packets in one write.
func (p *peer) send(lines ...string) {
	p.b.Helper()
	var out []byte
	for _, line := range lines {
		packet, err := mqttwire.ParseText(line, p.r.Version)
		if err == nil {
			out, err = packet.Append(out, p.r.Version)
		}
		if err != nil {
			p.b.Fatalf("%s: %v", line, err)
		}
	}
	p.bytes(out)
}

func (p *peer) bytes(out []byte) {
	p.b.Helper()
	if _, err := p.Write(out); err != nil {
		p.b.Fatalf("the client takes nothing: %v", err)
	}
}

// quiet wants nothing to arrive for so long.
func (p *peer) quiet(d time.Duration) {
	p.b.Helper()
	p.SetReadDeadline(time.Now().Add(d))
	packet, err := p.r.ReadPacket()
	switch {
	case err == nil:
		p.b.Fatalf("the client sent %s", p.text(packet))
	case !isTimeout(err):
		p.b.Fatalf("the connection ended: %v", err)
	}
	again := mqttwire.NewReader(p.Conn) // the time-out sticks to the old one
	again.Version, again.From = p.r.Version, mqttwire.Client
	p.r = again
}

// eof wants the connection to end without another packet.
func (p *peer) eof() {
	p.b.Helper()
	p.SetReadDeadline(time.Now().Add(patience))
	if packet, err := p.r.ReadPacket(); err == nil {
		p.b.Fatalf("the client sent %s", p.text(packet))
	} else if !errors.Is(err, io.EOF) {
		p.b.Fatalf("the connection did not end: %v", err)
	}
	p.Close()
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// background runs f and gives a function that waits for its error.
func (b *bench) background(f func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return func() error { return <-done }
}

// publish publishes in the background.
func (b *bench) publish(c *Client, line string) (wait func() (mqttwire.ReasonCode, error)) {
	b.Helper()
	m := b.message(line)
	type answer struct {
		r   mqttwire.ReasonCode
		err error
	}
	done := make(chan answer, 1)
	go func() {
		r, err := c.PublishWait(context.Background(), m)
		done <- answer{r, err}
	}()
	synctest.Wait()
	return func() (mqttwire.ReasonCode, error) {
		a := <-done
		return a.r, a.err
	}
}

// message parses a PUBLISH without its packet id.
func (b *bench) message(line string) *mqttwire.Publish {
	b.Helper()
	l, err := mqttwire.ParseLine("PUBLISH " + line)
	if err != nil {
		b.Fatal(err)
	}
	p, err := l.Packet(mqttwire.V5)
	if err != nil {
		b.Fatalf("%s: %v", line, err)
	}
	return p.(*mqttwire.Publish)
}

// wantError checks the type of err and words of its text.
func wantError[E error](b *bench, err error, words ...string) E {
	b.Helper()
	var e E
	if !errors.As(err, &e) {
		b.Fatalf("the error is %T %q, not %T", err, err, e)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			b.Errorf("the error %q does not say %q", err, w)
		}
	}
	return e
}
