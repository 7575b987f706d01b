package probe_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/probe"
	"mqtk/mqttwire/transport"
)

// against runs f in a bubble of fake time, with options for a broker that has
// these settings ("key=value").
func against(t *testing.T, settings []string, f func(t *testing.T, b *broker.Broker, o probe.Options)) {
	t.Helper()
	againstRights(t, nil, settings, f)
}

// againstRights does so with a broker that does not let everybody do everything.
func againstRights(t *testing.T, rights broker.Authorizer, settings []string, f func(t *testing.T, b *broker.Broker, o probe.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		limits := broker.DefaultLimits()
		for _, s := range settings {
			key, value, _ := strings.Cut(s, "=")
			if err := limits.Set(key, value); err != nil {
				t.Fatal(err)
			}
		}
		b, l := served(t, broker.Options{Limits: limits, Authorizer: rights, Version: "mqtk version test"})
		f(t, b, probe.Options{Dial: l.Dial, Topic: "mqtk-probe/x", IDPrefix: "mqtkprobe", MaxPacket: 64 << 10, Rounds: 3, AuthMethods: []string{"SCRAM-SHA-256"}})
		synctest.Wait()
		if left := leftIn(t, b, l.Dial); left != "" {
			t.Errorf("the broker keeps: %s", left)
		}
	})
}

// served starts a broker in memory, until the end of the test.
func served(t *testing.T, o broker.Options) (*broker.Broker, *transport.MemListener) {
	t.Helper()
	b, err := broker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l := transport.NewMemListener()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Serve(l)
	}()
	t.Cleanup(func() {
		if err := b.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return b, l
}

// leftIn is what a broker keeps of clients that have gone: sessions, by its own
// account, and retained messages, by looking ($SYS has some, too).
func leftIn(t *testing.T, b *broker.Broker, dial func(context.Context) (net.Conn, error)) string {
	for line := range strings.Lines(b.Summary()) {
		if strings.HasPrefix(line, "clients") && !strings.Contains(line, " 0 sessions offline") {
			return strings.TrimSpace(line)
		}
	}
	nc, err := dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewConn(nc, client.ConnOptions{AutoFlush: true})
	defer c.Close()
	if _, err := c.Handshake(context.Background(), &mqttwire.Connect{CleanStart: true, ClientID: "look"}); err != nil {
		t.Fatal(err)
	}
	_ = c.WritePacket(&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: "#"}}})
	_ = c.WritePacket(&mqttwire.Pingreq{})
	for {
		switch p, err := c.ReadPacket(); p := p.(type) {
		case *mqttwire.Publish:
			return "retained " + p.Topic
		case *mqttwire.Pingresp, *mqttwire.Disconnect: // the latter where there are no wildcards
			return ""
		default:
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// slowly delays what the broker says on a connection.
type slowly struct {
	net.Conn
	by time.Duration
}

func (c slowly) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	time.Sleep(c.by)
	return n, err
}

// slowDial takes a while to connect, and more for each read.
func slowDial(dial func(context.Context) (net.Conn, error), connect, read time.Duration) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		time.Sleep(connect)
		nc, err := dial(ctx)
		return slowly{nc, read}, err
	}
}
