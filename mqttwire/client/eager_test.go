package client

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// listenEagerly opens a port whose clients write at once, where that can be done.
func listenEagerly(t *testing.T) net.Listener {
	t.Helper()
	if !canWriteAtOnce {
		t.Skip("not on this system")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// What the network takes only in part goes out whole, and in order.
func TestEagerWrites(t *testing.T) {
	l := listenEagerly(t)
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c := NewConn(nc, ConnOptions{})
	defer c.Close()
	var sent []byte
	put := func(size int) {
		b := bytes.Repeat([]byte{byte(len(sent) >> 10)}, size)
		sent = append(sent, b...)
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	put(10)
	if !c.eager() {
		t.Error("10 bytes were not taken")
	}
	for put(50_000); c.eager(); put(50_000) { // until it is full
	}
	size, _, _ := c.pending()
	if size == 0 {
		t.Fatal("nothing is left")
	}
	put(1_000)
	all := c.eager() // nothing, unless the network has made room meanwhile
	if size, _, _ := c.pending(); all != (size == 0) {
		t.Errorf("all was taken: %t, and %d bytes are left", all, size)
	}
	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush() }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(peer, got); err != nil {
		t.Fatal(err)
	}
	if err := <-flushed; err != nil || !bytes.Equal(got, sent) {
		t.Errorf("Flush: %v; the bytes are those that were written: %t", err, bytes.Equal(got, sent))
	}
	// A connection that broke is the writer's to meet.
	nc.Close()
	put(10)
	if c.eager() || c.Flush() == nil {
		t.Error("a closed connection took something")
	}
}

// A connection that is no plain socket has a writer alone.
func TestNoEagerWrites(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	c := NewConn(struct{ net.Conn }{a}, ConnOptions{})
	defer c.Close()
	if _, err := c.Write([]byte("x")); err != nil || c.eager() {
		t.Errorf("written at once (%v)", err)
	}
}
