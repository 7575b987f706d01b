package client

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"mqtk/mqttwire"
)

// writesCounted is a plain socket whose Write is the writer's alone.
type writesCounted struct {
	*net.TCPConn
	writes atomic.Int64
}

func (c *writesCounted) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.TCPConn.Write(b)
}

// What a corked client accepts is sent by who waits for it, in one piece, and the
// writer has nothing to do.
func TestCorkedSends(t *testing.T) {
	l := listenEagerly(t)
	got := make(chan []byte, 1)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		hello := make([]byte, 2+10+1+2+1) // an empty Properties and a client id of one byte
		_, _ = io.ReadFull(nc, hello)
		_, _ = nc.Write([]byte{0x20, 3, 0, 0, 0})
		rest, _ := io.ReadAll(nc)
		got <- rest
	}()
	var nc *writesCounted
	c, err := Connect(t.Context(), Options{
		Dial: func(context.Context) (net.Conn, error) {
			plain, err := net.Dial("tcp", l.Addr().String())
			if err == nil {
				nc = &writesCounted{TCPConn: plain.(*net.TCPConn)}
			}
			return nc, err
		},
		Connect: mqttwire.Connect{Version: mqttwire.V5, ClientID: "a", CleanStart: true},
		Corked:  true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := c.Publish(t.Context(), &mqttwire.Publish{Topic: "a"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.mu.Lock()
	corked := len(c.link.wake) == 0 && !c.link.busy
	c.mu.Unlock()
	if err := c.Wait(t.Context()); err != nil || !corked {
		t.Errorf("Wait: %v; the writer was left alone: %t", err, corked)
	}
	if n := nc.writes.Load(); n != 1 {
		t.Errorf("%d writes beside that of CONNECT", n-1)
	}
	if err := c.Disconnect(t.Context(), nil); err != nil {
		t.Error(err)
	}
	want := append(bytes.Repeat([]byte{0x30, 4, 0, 1, 'a', 0}, 3), 0xE0, 0)
	if b := <-got; !bytes.Equal(b, want) {
		t.Errorf("got % X, want % X", b, want)
	}
}

// More than the window and the output hold goes out all the same.
func TestCorkedMuch(t *testing.T) {
	for q := range mqttwire.QoS(3) {
		r := newRig(t, q)
		r.c.mu.Lock()
		r.c.o.Corked = true
		r.c.mu.Unlock()
		r.burst(t, &mqttwire.Publish{Topic: "a", QoS: q, Payload: make([]byte, 4<<10)}, 1000)
		if q > 0 {
			if _, err := r.c.PublishWait(t.Context(), &mqttwire.Publish{Topic: "a", QoS: q}); err != nil {
				t.Error(err)
			}
		}
		r.close()
	}
}
