package broker_test

import (
	"net"
	"syscall"
	"testing"

	"mqtk/broker"
)

// takesAway drives no connection: it takes them from the broker, as they come.
type takesAway chan net.Conn

func (d takesAway) Drive(b *broker.Broker, _ *broker.Gate, nc net.Conn) bool {
	d <- nc
	return true
}

func (d takesAway) Close() error { return nil }

// TestSocketsHoldLittle: what a socket takes though its peer reads nothing belongs
// to no outbox and makes a slow receiver look as if it had stopped.
func TestSocketsHoldLittle(t *testing.T) {
	door := make(takesAway, 1)
	b, err := broker.New(broker.Options{Driver: door})
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // whose sockets do not inherit it
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()
	defer func() { l.Close(); <-served }()
	first, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	(<-door).Close() // Serve is at work
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	nc := <-door
	defer nc.Close()
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if n, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, 25); err != nil || n < 1 || n > 256<<10 {
			t.Errorf("TCP_NOTSENT_LOWAT is %d, %v; want it at most the limit of an outbox", n, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
