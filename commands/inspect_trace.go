package commands

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/referee"
)

// A packetTrace prints what goes over connections whose packets others make: it
// looks at the bytes. Lines begin with the number of the connection.
type packetTrace struct {
	p      *program
	mu     sync.Mutex
	opened int
}

// traceFlag is --debug of a command that makes the packets itself.
func (o *targetOptions) traceFlag() []cli.Flag {
	return inCategory("Reporting", onOff("debug d", "print each packet on stderr, behind the number of its connection", &o.Debug))
}

// tracedPacket is how much of a packet is kept until all of it is there.
const tracedPacket = 64 << 10

// watch is the connection, seen.
func (t *packetTrace) watch(nc net.Conn) net.Conn {
	if t == nil {
		return nc
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opened++
	return &tracedConn{Conn: nc, trace: t, number: t.opened, seen: referee.New(referee.Options{Skew: -1, MaxPacket: tracedPacket})}
}

// A tracedConn is a client's connection of which each packet is printed: what we
// say before it is written, so that it stands before its answer.
type tracedConn struct {
	net.Conn
	trace  *packetTrace
	number int
	seen   *referee.Conversation // guarded by trace.mu
}

func (c *tracedConn) Write(b []byte) (int, error) {
	c.see(mqttwire.Client, ">", b)
	return c.Conn.Write(b)
}

func (c *tracedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.see(mqttwire.Server, "<", b[:n])
	return n, err
}

func (c *tracedConn) see(from mqttwire.Side, arrow string, b []byte) {
	if len(b) == 0 {
		return
	}
	c.trace.mu.Lock()
	defer c.trace.mu.Unlock()
	packets := c.seen.Feed(from, time.Now(), b)
	for i := range packets {
		fmt.Fprintf(c.trace.p.Err, "%d%s %s\n", c.number, arrow, visible(refereed(&packets[i], false)))
	}
}

// CloseWrite shuts the sending side down, as the connection underneath does.
func (c *tracedConn) CloseWrite() error { return closeWrite(c.Conn) }
