package capture

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Types of hand-shake messages that keys depend on.
const (
	messageClientHello    = 1
	messageServerHello    = 2
	messageNewTicket      = 4
	messageEndOfEarlyData = 5
	messageFinished       = 20
	messageKeyUpdate      = 24
)

const (
	versionTLS10 = 0x0301
	versionTLS11 = 0x0302
	versionTLS12 = 0x0303
	versionTLS13 = 0x0304
)

// Numbers of extensions.
const (
	extensionServerName        = 0
	extensionEncryptThenMAC    = 22
	extensionTicket            = 35
	extensionEarlyData         = 42
	extensionSupportedVersions = 43
)

// maxHello is how long a hello may be; others only need to be counted.
const maxHello = 64 << 10

// tlsMessages cuts the hand-shake messages out of their records. Only hellos
// and tickets are kept together, of the others their type is enough.
type tlsMessages struct {
	buffer []byte
	skip   int // bytes that are left of a message of no interest
}

func (m *tlsMessages) feed(b []byte, do func(kind byte, message []byte) error) error {
	for {
		n := min(m.skip, len(b))
		m.skip, b = m.skip-n, b[n:]
		m.buffer, b = append(m.buffer, b...), nil
		if m.skip > 0 || len(m.buffer) < 4 {
			return nil
		}
		kind, length := m.buffer[0], 4+int(m.buffer[1])<<16+int(binary.BigEndian.Uint16(m.buffer[2:]))
		kept := kind == messageClientHello || kind == messageServerHello || kind == messageNewTicket
		if kept && length > maxHello {
			return fmt.Errorf("a TLS hello of %d bytes is longer than any", length)
		}
		if kept && len(m.buffer) < length {
			return nil
		}
		whole := min(length, len(m.buffer))
		b, m.skip = append(b, m.buffer[whole:]...), length-whole
		message := m.buffer[4:whole]
		m.buffer = nil
		if err := do(kind, message); err != nil {
			return err
		}
	}
}

// message does what a hand-shake message of a side means for its keys.
func (t *tlsConnection) message(s *tlsSide, kind byte, message []byte) error {
	switch {
	case kind == messageClientHello && !s.fromServer:
		return t.clientHello(message)
	case kind == messageServerHello && s.fromServer:
		return t.serverHello(message)
	case kind == messageNewTicket && s.phase == phaseClear:
		c := helloReader{rest: message}
		c.take(4) // how long it lasts
		t.session.given = c.take(c.number(2))
	case kind == messageEndOfEarlyData && s.phase == phaseEarly:
		s.phase, s.opener = phaseHandshake, nil
	case kind == messageFinished && s.phase == phaseHandshake:
		s.phase, s.opener = phaseApplication, nil
	case kind == messageKeyUpdate && s.phase == phaseApplication:
		return t.updateKeys(s)
	}
	return nil
}

func (t *tlsConnection) clientHello(b []byte) error {
	c := helloReader{rest: b}
	c.take(2)
	random := c.take(32)
	session := tlsSession{id: c.take(c.number(1))}
	suites := helloReader{rest: c.take(c.number(2))}
	c.take(c.number(1)) // compression methods
	if c.short || len(suites.rest)%2 != 0 {
		return errors.New("the client's TLS hello ends early")
	}
	t.hello, t.random, t.suite, t.version = true, [32]byte(random), tlsSuite{}, 0
	t.serverName, t.offered, t.early = "", nil, false
	for len(suites.rest) > 0 {
		t.offered = append(t.offered, uint16(suites.number(2)))
	}
	c.extensions(func(kind int, e helloReader) {
		switch kind {
		case extensionTicket:
			session.used = e.rest
		case extensionEarlyData:
			t.early = true
		case extensionServerName:
			e.take(3) // length of the list, type of the name
			if name := e.take(e.number(2)); !e.short {
				t.serverName = string(name)
			}
		}
	})
	t.session = session.clone()
	return nil
}

func (t *tlsConnection) serverHello(b []byte) error {
	c := helloReader{rest: b}
	version := uint16(c.number(2))
	random := c.take(32)
	session := c.take(c.number(1))
	id, compression := uint16(c.number(2)), c.number(1)
	if c.short {
		return errors.New("the server's TLS hello ends early")
	}
	if [32]byte(random) == sha256.Sum256([]byte("HelloRetryRequest")) {
		return nil // both say hello again
	}
	t.etm = false
	c.extensions(func(kind int, e helloReader) {
		switch kind {
		case extensionEncryptThenMAC:
			t.etm = true
		case extensionSupportedVersions:
			version = uint16(e.number(2))
		}
	})
	if version < versionTLS10 || version > versionTLS13 {
		return fmt.Errorf("the server has chosen version 0x%04x of TLS, which is not known here", version)
	}
	if compression != 0 {
		return errors.New("the TLS connection is compressed, which cannot be followed")
	}
	suite, known := suiteOf(id)
	if !known {
		return fmt.Errorf("the server has chosen the cipher suite %s, which is not known here", tls.CipherSuiteName(id))
	}
	t.session.resumed = len(session) > 0 && bytes.Equal(session, t.session.id)
	t.session.id = bytes.Clone(session)
	t.serverRandom, t.suite, t.version = [32]byte(random), suite, version
	if version != versionTLS13 {
		return nil // the keys change with ChangeCipherSpec
	}
	t.server.phase, t.server.opener = phaseHandshake, nil
	if t.client.phase == phaseClear && !t.early {
		t.client.phase = phaseHandshake
	}
	return nil
}

// A tlsSession is how a connection of 1.0 to 1.2 goes on with the secret of an
// earlier one, which a client may have logged for that one alone.
type tlsSession struct {
	id      []byte // said by the client, later by the server
	used    []byte // the ticket that the client shows
	given   []byte // the ticket that the server gives
	resumed bool
}

func (s tlsSession) clone() tlsSession {
	s.id, s.used = bytes.Clone(s.id), bytes.Clone(s.used)
	return s
}

// master is the secret of a connection of 1.0 to 1.2, kept for those that
// resume its session.
func (t *tlsConnection) master() ([]byte, error) {
	secret, err := t.find(labelMaster)
	if err != nil && t.session.resumed {
		for _, name := range [][]byte{t.session.used, t.session.id} {
			if known, ok := t.keys.session(name); ok {
				secret, err = known, nil
			}
		}
	}
	if err == nil {
		t.keys.keepSession(t.session.id, secret)
		t.keys.keepSession(t.session.given, secret)
	}
	return secret, err
}

// about says what is known of the connection, to find it in a key log.
func (t *tlsConnection) about() string {
	var words []string
	if t.version != 0 {
		words = append(words, tls.VersionName(t.version))
	}
	if t.suite.id != 0 {
		words = append(words, tls.CipherSuiteName(t.suite.id))
	}
	if t.serverName != "" {
		words = append(words, fmt.Sprintf("server name %q", t.serverName))
	}
	return strings.Join(append(words, fmt.Sprintf("client random %x", t.random)), ", ")
}

// A helloReader walks a hello. After the first read past the end every read
// returns zeroes, so that whoever reads asks once.
type helloReader struct {
	rest  []byte
	short bool
}

func (c *helloReader) take(n int) []byte {
	if n > len(c.rest) {
		c.rest, c.short = nil, true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

// number reads a number of one or two bytes.
func (c *helloReader) number(size int) (n int) {
	for _, b := range c.take(size) {
		n = n<<8 | int(b)
	}
	return n
}

func (c *helloReader) extensions(do func(kind int, e helloReader)) {
	c.rest = c.take(c.number(2))
	for len(c.rest) > 0 && !c.short {
		kind := c.number(2)
		do(kind, helloReader{rest: c.take(c.number(2))})
	}
}
