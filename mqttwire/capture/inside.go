package capture

import (
	"bytes"
	"errors"
)

// A stack is what the bytes of a connection are taken out of: TLS or not, and
// in it WebSocket or not. Which it is the first bytes of the client tell.
type stack struct {
	keys         *KeyLog
	outer, inner gate // what TCP carries, what TLS carries
	tls          decrypter
	ws           *webSocket
	trouble      string // that was told
	size         int    // of what is kept, as it was counted
}

// A gate waits for the first bytes.
type gate struct {
	kind  contents
	first []byte // of the client, as long as they do not tell
}

// contents is what bytes are by the look of the first ones.
type contents byte

const (
	unsure contents = iota
	plain
	isTLS
	isHTTP
	unreadable
)

// A piece is what comes out at the top of the stack.
type piece struct {
	data []byte
	text bool // of a text frame of WebSocket
}

// look says what it is that begins with these bytes.
func look(first []byte) contents {
	get := []byte("GET ")
	switch {
	case len(first) == 0 || first[0] == 0x16 && len(first) == 1:
		return unsure
	case first[0] == 0x16 && first[1] == 3:
		return isTLS
	case bytes.HasPrefix(first, get):
		return isHTTP
	case bytes.HasPrefix(get, first):
		return unsure
	}
	return plain
}

// pass returns what is known to be of the kind that the gate has found.
func (g *gate) pass(fromServer bool, b []byte) []byte {
	if g.kind != unsure || len(b) == 0 {
		return b
	}
	if fromServer {
		g.kind = plain // the server speaks first: this is neither TLS nor HTTP
		return b
	}
	g.first = append(g.first, b...)
	if g.kind = look(g.first); g.kind == unsure {
		return nil
	}
	b, g.first = g.first, nil
	return b
}

// enter is the gate of what TCP carries. A load balancer may have put a PROXY
// header before it; and what was seen from midway on tells what it is, if at
// all, in other ways.
func (s *stack) enter(told *Connection, fromServer bool, b []byte) ([]byte, error) {
	g := &s.outer
	if g.kind != unsure {
		return b, nil
	}
	if told.Midway && isRecord(b) {
		g.kind = unreadable
		return nil, errMidway
	}
	if told.Midway && areFrames(b, !fromServer) {
		g.kind, told.Inside = isHTTP, "ws"
		s.ws = &webSocket{told: told, switched: true}
		return b, nil
	}
	if !fromServer && !told.Origin.IsValid() {
		g.first = append(g.first, b...)
		n, origin := proxyHeader(g.first)
		if n < 0 {
			return nil, nil
		}
		b, g.first, told.Origin = g.first[n:], nil, origin
	}
	return g.pass(fromServer, b), nil
}

var errMidway = errors.New("this is TLS whose hand-shake was not seen: it cannot be decrypted")

// isRecord says whether bytes begin as a record of TLS does.
func isRecord(b []byte) bool {
	return len(b) >= 3 && b[0] >= 20 && b[0] <= 23 && b[1] == 3 && b[2] <= 4
}

// feed takes bytes of TCP and returns what is in them.
func (s *stack) feed(told *Connection, fromServer bool, b []byte) (pieces []piece, err error) {
	b, err = s.enter(told, fromServer, b)
	level := s.outer.kind
	if level == unreadable || len(b) == 0 {
		return nil, err
	}
	if level == isTLS {
		if s.tls == nil {
			s.tls, told.Inside = newDecrypter(s.keys), "tls"
		}
		b, err = s.tls.feed(fromServer, b)
		b = s.inner.pass(fromServer, b)
		level = s.inner.kind
	}
	switch {
	case len(b) == 0:
		return nil, err
	case level != isHTTP:
		return []piece{{data: b}}, err
	case s.ws == nil:
		s.ws = &webSocket{told: told}
	}
	pieces, problem := s.ws.feed(fromServer, b)
	return pieces, errors.Join(err, problem)
}

// skip tells that n bytes were not seen, 0 if nobody knows how many, and says
// how many bytes at the top of the stack that are: 0 again if nobody knows.
func (s *stack) skip(fromServer bool, n int) (missing int, err error) {
	if s.tls != nil {
		s.tls.skip(fromServer, n)
		n = 0
	}
	if s.outer.kind == unsure {
		s.outer.kind = plain
	}
	if s.ws != nil {
		return s.ws.skip(fromServer, n)
	}
	return n, nil
}

// kept is how many bytes are waiting in the stack.
func (s *stack) kept() int {
	n := len(s.outer.first) + len(s.inner.first)
	if t, ok := s.tls.(*tlsConnection); ok {
		n += len(t.client.tail) + len(t.server.tail) + len(t.client.messages.buffer) + len(t.server.messages.buffer)
	}
	if s.ws != nil {
		n += s.ws.size()
	}
	return n
}

// through takes bytes of TCP through the stack.
func (a *Assembler) through(c *conversation, e Event, b []byte) {
	pieces, err := c.inside.feed(c.told, e.FromServer, b)
	for _, p := range pieces {
		e.Kind, e.Data, e.Text = Data, p.data, ""
		if p.text {
			e.Text = "text"
		}
		a.emit(c, e)
	}
	e.Data, e.Text = nil, ""
	a.complain(c, e, err)
	kept := c.inside.kept()
	a.held += kept - c.inside.size
	c.inside.size = kept
	if kept > 0 && a.held > a.options.Memory {
		a.leave(c)
		a.complain(c, e, errors.New("too much waits in memory for what would complete it: this connection is not followed further"))
	}
}

// leave stops to look into a connection.
func (a *Assembler) leave(c *conversation) {
	a.held -= c.inside.size
	c.inside = stack{outer: gate{kind: unreadable}, trouble: c.inside.trouble}
}

// miss tells of bytes of TCP that were not seen.
func (a *Assembler) miss(c *conversation, e Event, n int) {
	missing, err := c.inside.skip(e.FromServer, n)
	e.Kind, e.Missing = Missed, missing
	a.emit(c, e)
	e.Missing = 0
	a.complain(c, e, err)
}

// complain tells of trouble, of the same once.
func (a *Assembler) complain(c *conversation, e Event, err error) {
	if err == nil || err.Error() == c.inside.trouble {
		return
	}
	c.inside.trouble = err.Error()
	e.Kind, e.Text = Trouble, err.Error()
	a.emit(c, e)
}
