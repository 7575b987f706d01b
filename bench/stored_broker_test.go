package bench

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// TestStoredAgainstBroker carries the shapes out against the house's own broker, and
// against mosquitto where it is installed.
func TestStoredAgainstBroker(t *testing.T) {
	targets := map[string]Target{"mqtk": ownBroker(t)}
	if path, err := exec.LookPath("mosquitto"); err == nil {
		targets["mosquitto"] = mosquitto(t, path)
	}
	for name, target := range targets {
		for _, shape := range []Shape{Retain, Offline} {
			for _, v := range []mqttwire.Version{mqttwire.V311, mqttwire.V5} {
				for q := range mqttwire.QoS(3) {
					if name == "mosquitto" && q == 2 && v == mqttwire.V311 {
						continue // its release 2.0.11 stops in the middle, for other clients as well
					}
					p := Plan{Shape: shape, Publishers: 2, Subscribers: 2, Version: v, QoS: q, Messages: 900, Workers: 2, Target: target}
					r, err := Run(t.Context(), p)
					if err != nil {
						t.Fatalf("%s, %s in %v at QoS %d: %v", name, shape, v, q, err)
					}
					c := r.Counts
					if c.Sent != 900 || c.Delivered != c.Expected || c.Expected < 900 || len(r.Failures) > 0 {
						t.Errorf("%s, %s in %v at QoS %d: %+v, %v", name, shape, v, q, c, r.Failures)
					}
				}
			}
		}
		if n := leftRetained(t, target); n > 0 {
			t.Errorf("%s: %d retained messages are left", name, n)
		}
	}
}

func ownBroker(t *testing.T) Target {
	b, err := broker.New(broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := transport.NewMemListener()
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		if err := b.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-served
	})
	return Target{Name: "mem://", Dial: func(ctx context.Context, _ netip.Addr) (net.Conn, error) { return l.Dial(ctx) }}
}

func mosquitto(t *testing.T, path string) Target {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr)
	l.Close()
	cmd := exec.Command(path, "-p", strconv.Itoa(address.Port))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 500 {
		if c, err := net.Dial("tcp", address.String()); err == nil {
			c.Close()
			return Target{Name: "tcp://" + address.String(), Network: "tcp", Address: address.String()}
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("mosquitto does not listen")
	return Target{}
}

// leftRetained counts the retained messages of runs that a broker has.
func leftRetained(t *testing.T, target Target) (n int) {
	c := testClient(t, target, mqttwire.Connect{ClientID: "left", CleanStart: true}, func(*mqttwire.Publish) { n++ })
	if _, err := c.Subscribe(t.Context(), []mqttwire.Subscription{{Filter: "mqtk/#"}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	return n
}
