package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
)

// Over TCP a reset is one: that of a client reaches the broker, and that of a
// rule both.
func TestResets(t *testing.T) {
	for _, test := range []struct {
		name, rule string
		do         func(client *net.TCPConn)
		client     bool // sees it
	}{
		{"of the client", "", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, false},
		{"of the client, with rules", "drop type=AUTH", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, false},
		{"of a rule", "reset type=CONNECT", func(c *net.TCPConn) { c.Write(packets(t, 5, "CONNECT version=5 clean-start=1 client-id=a")) }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			here, there := listenTCP(t), listenTCP(t)
			ctx, cancel := context.WithCancel(t.Context())
			var serving sync.WaitGroup
			serving.Go(func() {
				Serve(ctx, here, Options{Rules: rules(t, test.rule), Dial: func(context.Context) (net.Conn, error) {
					return net.Dial("tcp", there.Addr().String())
				}})
			})
			client, err := net.Dial("tcp", here.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			broker, err := there.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer broker.Close()
			test.do(client.(*net.TCPConn))
			if _, err := broker.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the broker sees %v", err)
			}
			if test.client {
				if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the client sees %v", err)
				}
			}
			cancel()
			serving.Wait()
		})
	}
}

func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
