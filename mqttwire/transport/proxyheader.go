package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// The PROXY protocol, versions 1 and 2 (www.haproxy.org/download/3.0/doc/proxy-protocol.txt):
//
//	PROXY TCP4 192.0.2.1 198.51.100.1 56324 1883\r\n
//
//	0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A
//	version 2 in the upper half of a byte, command in the lower: 0 LOCAL, 1 PROXY
//	family in the upper half of a byte, transport in the lower
//	length of what follows, two bytes
//	addresses and ports, type-length-values
//
// The header is read to its last byte and no further, so that what follows is the
// socket's own to read.
const (
	maxProxyV1   = 107
	maxProxyV2   = 16 + 4<<10
	proxyV2Magic = "\r\n\r\n\x00\r\nQUIT\n"
)

// readProxyHeader learns of the client that a trusted proxy speaks for.
func (c *Conn) readProxyHeader() error {
	if !isTrusted(c.remote, c.entrance.proxy.Trusted) {
		return fmt.Errorf("%s may not connect here: it is no trusted proxy", c.remote)
	}
	header, err := c.proxyHeader()
	if err != nil {
		return err
	}
	if header.client.IsValid() {
		c.remote = peer(header.client)
	}
	return nil
}

// proxyHeader takes a header off the socket. What was peeked at and belongs to a
// header that has not ended is taken at once, the rest when its end is seen.
func (c *Conn) proxyHeader() (h proxyHeader, err error) {
	b := make([]byte, 0, 256)
	for {
		want := h.next(len(b))
		if cap(b) < len(b)+want {
			b = append(make([]byte, 0, len(b)+want), b...)
		}
		n, err := c.look(b[len(b) : len(b)+want])
		if err != nil {
			c.heard = len(b) > 0
			return h, fmt.Errorf("before the end of the PROXY header: %w", err)
		}
		before := len(b)
		if h, err = parseProxyHeader(b[:before+n], c.entrance.proxy.Mode); err != nil {
			return h, err
		}
		if h.size > 0 {
			n = h.size - before
		}
		if n > 0 && c.peeks() {
			if _, err := io.ReadFull(c.Conn, b[before:before+n]); err != nil {
				return h, err
			}
		}
		if h.size > 0 {
			return h, nil
		}
		b = b[:before+n]
	}
}

func (c *Conn) peeks() bool { return c.raw.ok() && canPeek(c.Conn) }

// look peeks at what has arrived, or reads a byte where that cannot be done.
func (c *Conn) look(p []byte) (n int, err error) {
	if c.peeks() {
		n, err = c.raw.peek(p)
	} else {
		n, err = c.Conn.Read(p[:1])
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// proxyHeader is what a header says.
type proxyHeader struct {
	size   int            // of the whole header; 0: it has not ended
	least  int            // that it will be at least, as far as is known
	client netip.AddrPort // not valid: the peer speaks for itself, or for nobody known
}

// next is how much to look at behind what there is.
func (h *proxyHeader) next(have int) int { return max(h.least, maxProxyV1) - min(have, maxProxyV1-1) }

// parseProxyHeader reads the header that b begins with.
func parseProxyHeader(b []byte, mode string) (h proxyHeader, err error) {
	switch {
	case mode != "v1" && bytes.HasPrefix([]byte(proxyV2Magic), b[:min(len(b), len(proxyV2Magic))]):
		return parseProxyV2(b)
	case mode != "v2" && strings.HasPrefix("PROXY ", string(b[:min(len(b), 6)])):
		return parseProxyV1(b)
	}
	return h, errors.New("the connection does not begin with a PROXY header of the version that is wanted")
}

func parseProxyV1(b []byte) (h proxyHeader, err error) {
	end := bytes.IndexByte(b[:min(len(b), maxProxyV1)], '\n')
	if end < 0 {
		if len(b) >= maxProxyV1 {
			err = errors.New("a PROXY header over 107 bytes")
		}
		return h, err
	}
	line, whole := strings.CutSuffix(string(b[:end]), "\r")
	if !whole {
		return h, errors.New("a PROXY header that does not end with CR LF")
	}
	h.size = end + 1
	words := strings.Split(line, " ")
	if words[1] == "UNKNOWN" {
		return h, nil
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return h, fmt.Errorf("PROXY header %q: it has PROXY, TCP4 or TCP6, two addresses and two ports", line)
	}
	for i := range 2 {
		a, err := netip.ParseAddr(words[2+i])
		if err != nil || a.Zone() != "" || a.Is4() != (words[1] == "TCP4") {
			return h, fmt.Errorf("PROXY header %q: %q is no %s address", line, words[2+i], words[1])
		}
		port, err := strconv.ParseUint(words[4+i], 10, 16)
		if err != nil || words[4+i][0] == '0' && len(words[4+i]) > 1 {
			return h, fmt.Errorf("PROXY header %q: %q is no port", line, words[4+i])
		}
		if i == 0 {
			h.client = netip.AddrPortFrom(a.Unmap(), uint16(port))
		}
	}
	return h, nil
}

func parseProxyV2(b []byte) (h proxyHeader, err error) {
	h.least = 16
	if len(b) < 16 {
		return h, nil
	}
	if b[12]>>4 != 2 || b[12]&0xF > 1 {
		return h, fmt.Errorf("a PROXY header of version %d with command %d", b[12]>>4, b[12]&0xF)
	}
	length := int(binary.BigEndian.Uint16(b[14:]))
	h.least = 16 + length
	if h.least > maxProxyV2 {
		return h, fmt.Errorf("a PROXY header of %d bytes: 4 KiB is enough", length)
	}
	if len(b) < h.least {
		return h, nil
	}
	h.size = h.least
	if b[12]&0xF == 0 {
		return h, nil // LOCAL
	}
	family, body := b[13]>>4, b[16:h.size]
	size := map[byte]int{1: 4, 2: 16}[family]
	if size == 0 {
		return h, nil // neither IPv4 nor IPv6
	}
	if len(body) < 2*size+4 {
		return h, errors.New("a PROXY header that is too short for its addresses")
	}
	a, _ := netip.AddrFromSlice(body[:size])
	h.client = netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(body[2*size:]))
	return h, nil
}
