package broker

import (
	"errors"
	"fmt"
	"runtime/debug"

	"mqtk/mqttwire"
)

// The last net. What a client's bytes set off may not end the process: a panic
// is counted, logged with its stack, and ends the connection it came from. It
// is no way to handle errors: tests hold the counter at 0. Code that may call
// into others, or that is long, unlocks by defer, so that a panic leaves no
// mutex behind.

// catch is deferred around what a connection does with a batch. What the batch
// has for others is still good; events that were not appended are not.
func (c *Conn) catch(batch *Batch) {
	if v := recover(); v != nil {
		c.b.caught(v, "client", c.clientID(), "remote", remoteOf(c))
		batch.abandon()
		c.end(mqttwire.ImplementationSpecificError, "an error inside the server")
	}
}

// catchAside is deferred around what other goroutines than the driver's do for
// a connection, and around its flushing, which may go on to feed it.
func (c *Conn) catchAside() {
	if v := recover(); v != nil {
		c.b.caught(v, "remote", remoteOf(c))
		c.kick(mqttwire.ImplementationSpecificError, "an error inside the server")
	}
}

// catchReading is deferred around the reading of a connection that has layers of its
// own, like TLS and WebSocket: they are fed what a peer sends, too.
func (c *Conn) catchReading(err *error) {
	if v := recover(); v != nil {
		c.b.caught(v, "client", c.clientID(), "remote", remoteOf(c))
		c.end(mqttwire.ImplementationSpecificError, "an error inside the server")
		*err = errPanic
	}
}

var errPanic = errors.New("an error inside the server")

// catchBackground is deferred around work that belongs to no connection: wills,
// expiries.
func (b *Broker) catchBackground(batch *Batch) {
	if v := recover(); v != nil {
		b.caught(v)
		batch.abandon()
		batch.Flush()
	}
}

func (b *Broker) caught(v any, who ...any) {
	b.metrics.panics.Add(1)
	b.log.Error("panic", append(who, "error", fmt.Sprint(v), "stack", string(debug.Stack()))...)
}
