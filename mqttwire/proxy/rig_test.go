package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A rig is a proxy between a client and a broker that a test plays itself.
type rig struct {
	t       *testing.T
	l       *transport.MemListener
	brokers chan net.Conn
	stop    func() // ends the proxy, and waits

	mu   sync.Mutex
	seen []string
}

// start runs a proxy; it must be called in a bubble.
func start(t *testing.T, o Options) *rig {
	r := &rig{t: t, l: transport.NewMemListener(), brokers: make(chan net.Conn, 100)}
	o.Dial = func(context.Context) (net.Conn, error) {
		near, far := transport.MemPair()
		r.brokers <- far
		return near, nil
	}
	watch := o.Watch
	o.Watch = func(e *Event) {
		if watch != nil {
			watch(e)
		}
		r.note(e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := Serve(ctx, r.l, o); err != nil {
			t.Error(err)
		}
	})
	r.stop = func() { cancel(); serving.Wait() }
	return r
}

// note keeps an event in words: "1> PINGREQ [drop]".
func (r *rig) note(e *Event) {
	arrow := ">"
	if e.From == mqttwire.Server {
		arrow = "<"
	}
	line := fmt.Sprintf("%d%s ", e.Connection, arrow)
	switch e.Kind {
	case Packet:
		if e.Packet.Packet == nil {
			line += fmt.Sprintf("hex=%x", e.Packet.Raw)
		} else {
			line += e.Packet.Line.String()
		}
	case Bytes:
		line += fmt.Sprintf("bytes=%x", e.Raw)
	case Missed:
		line += fmt.Sprintf("missed %d", e.Missed)
	case Closed:
		line += "EOF"
	case Opened, Gone, Refused:
		line = fmt.Sprintf("%d %s", e.Connection, map[Kind]string{Opened: "opened", Gone: "gone", Refused: "refused"}[e.Kind])
	default:
		return
	}
	if e.Faults != nil {
		line += " [" + strings.Join(e.Faults, ", ") + "]"
	}
	if !e.AsSent() {
		line = "  " + line
	}
	r.mu.Lock()
	r.seen = append(r.seen, line)
	r.mu.Unlock()
}

// took gives what was seen since the last call.
func (r *rig) took() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := strings.Join(r.seen, "\n")
	r.seen = nil
	return all
}

// connect is a client's end, and the broker's.
func (r *rig) connect() (client, broker net.Conn) {
	r.t.Helper()
	client, err := r.l.Dial(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return client, <-r.brokers
}

// packets are the bytes of lines of text.
func packets(t testing.TB, v mqttwire.Version, lines ...string) (all []byte) {
	t.Helper()
	for _, line := range lines {
		p, err := mqttwire.ParseText(line, v)
		if err != nil {
			t.Fatal(err)
		}
		if all, err = p.Append(all, v); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func send(t *testing.T, nc net.Conn, b []byte) {
	t.Helper()
	if _, err := nc.Write(b); err != nil {
		t.Fatal(err)
	}
}

// arrived is what has come and waits, without its end.
func arrived(t *testing.T, nc net.Conn) []byte {
	t.Helper()
	synctest.Wait()
	var all []byte
	buffer := make([]byte, 1<<10)
	for {
		nc.SetReadDeadline(time.Now().Add(time.Nanosecond))
		n, err := nc.Read(buffer)
		all = append(all, buffer[:n]...)
		if err != nil {
			return all
		}
	}
}

// lines are the packets that have come.
func lines(t *testing.T, nc net.Conn, from mqttwire.Side) (all []string) {
	t.Helper()
	b := arrived(t, nc)
	d := mqttwire.Decoder{Version: mqttwire.V5, From: from}
	for len(b) > 0 {
		p, n, err := d.Decode(b)
		if err != nil || n == 0 {
			return append(all, fmt.Sprintf("hex=%x", b))
		}
		all = append(all, mqttwire.LineOf(p, mqttwire.V5).String())
		b = b[n:]
	}
	return all
}

func atEnd(nc net.Conn) bool {
	synctest.Wait()
	nc.SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := nc.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

func rules(t testing.TB, text string) []Rule {
	t.Helper()
	r, err := ParseRules(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes %.60x, want %d bytes %.60x", what, len(got), got, len(want), want)
	}
}
