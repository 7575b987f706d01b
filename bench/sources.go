package bench

import (
	"fmt"
	"net/netip"
	"strings"
)

// mostSources bounds what one may write in a few characters.
const mostSources = 1 << 16

// ParseSources reads addresses to connect from: "127.0.0.1-127.0.0.4,::1" or
// "10.0.0.0/24", of which the addresses of the network itself and of broadcast
// are left out. What is named twice counts once.
func ParseSources(list string) ([]netip.Addr, error) {
	var (
		sources []netip.Addr
		named   int
		known   = make(map[netip.Addr]bool)
	)
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		first, last, err := parseSpan(item)
		if err != nil {
			return nil, err
		}
		for a := first; ; a = a.Next() {
			if a.IsUnspecified() || a.IsMulticast() {
				return nil, fmt.Errorf("%s: nothing can connect from %s", item, a)
			}
			if named++; named > mostSources {
				return nil, fmt.Errorf("%s: these are more than %d addresses", item, mostSources)
			}
			if !known[a] {
				known[a] = true
				sources = append(sources, a)
			}
			if a == last {
				break
			}
		}
	}
	return sources, nil
}

// parseSpan reads ADDRESS, ADDRESS-ADDRESS or ADDRESS/BITS.
func parseSpan(item string) (first, last netip.Addr, err error) {
	from, to, ranged := strings.Cut(item, "-")
	a, errA := netip.ParseAddr(from)
	b, errB := netip.ParseAddr(to)
	if !ranged || errA != nil || errB != nil {
		return parseOne(item, ranged)
	}
	switch a, b = a.Unmap(), b.Unmap(); {
	case a.Is4() != b.Is4() || a.Zone() != b.Zone():
		return first, last, fmt.Errorf("%s: the ends of a range must be of one kind", item)
	case b.Less(a):
		return first, last, fmt.Errorf("%s: a range begins with its lower end: %s-%s", item, b, a)
	}
	return a, b, nil
}

// parseOne reads what is no range, though it may look like one: a zone has
// dashes, too.
func parseOne(item string, dashed bool) (first, last netip.Addr, err error) {
	a, err := netip.ParseAddr(item)
	switch {
	case err == nil:
		return a.Unmap(), a.Unmap(), nil
	case strings.Contains(item, "/"):
		return parseNetwork(item)
	case dashed:
		return first, last, fmt.Errorf("%s: a range is written like 127.0.0.1-127.0.0.4, with two whole addresses", item)
	}
	return first, last, fmt.Errorf("%q is no address like 127.0.0.1, no range like 127.0.0.1-127.0.0.4, and no network like 10.0.0.0/24", item)
}

// parseNetwork is the addresses of a network that hosts may have.
func parseNetwork(item string) (first, last netip.Addr, err error) {
	p, err := netip.ParsePrefix(item)
	if err != nil || p.Addr().Is4In6() {
		return first, last, fmt.Errorf("%s: a network is written like 10.0.0.0/24", item)
	}
	hosts := p.Addr().BitLen() - p.Bits()
	if hosts > 16 {
		return first, last, fmt.Errorf("%s: these are more than %d addresses", item, mostSources)
	}
	first = p.Masked().Addr()
	last = first
	for range 1<<hosts - 1 {
		last = last.Next()
	}
	if hosts >= 2 { // RFC 3021, RFC 6164: networks of two have no address of the network
		first = first.Next()
		if last.Is4() {
			last = last.Prev()
		}
	}
	return first, last, nil
}
