package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
)

const (
	proxyText   = "PROXY "
	proxyBinary = "\r\n\r\n\x00\r\nQUIT\n"
	maxProxy    = 107 // of the text form
)

// proxyHeader reads the PROXY header that a load balancer may put before the
// first bytes of a client: how long it is, 0 if there is none, below 0 if more
// bytes are needed to tell, and whom it says the client to be.
func proxyHeader(b []byte) (n int, origin netip.AddrPort) {
	switch {
	case startsAs(b, proxyText):
		end := bytes.Index(b, []byte("\r\n"))
		if end < 0 && len(b) < maxProxy {
			return -1, origin
		}
		if end < 0 {
			return 0, origin
		}
		if fields := strings.Fields(string(b[:end])); len(fields) == 6 {
			origin, _ = netip.ParseAddrPort("[" + fields[2] + "]:" + fields[4])
			if ip, err := netip.ParseAddr(fields[2]); err == nil && ip.Is4() {
				origin, _ = netip.ParseAddrPort(fields[2] + ":" + fields[4])
			}
		}
		return end + 2, origin
	case startsAs(b, proxyBinary):
		if len(b) < 16 {
			return -1, origin
		}
		n = 16 + int(binary.BigEndian.Uint16(b[14:]))
		if len(b) < n {
			return -1, origin
		}
		return n, proxyOrigin(b[13], b[16:n])
	}
	return 0, origin
}

// startsAs says whether b is the beginning of text, or begins with it.
func startsAs(b []byte, text string) bool {
	return len(b) > 0 && string(b[:min(len(b), len(text))]) == text[:min(len(b), len(text))]
}

// proxyOrigin reads the source of the binary form.
func proxyOrigin(family byte, b []byte) (origin netip.AddrPort) {
	switch {
	case family>>4 == 1 && len(b) >= 12:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[8:]))
	case family>>4 == 2 && len(b) >= 36:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)), binary.BigEndian.Uint16(b[32:]))
	}
	return origin
}
