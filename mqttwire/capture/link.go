package capture

import (
	"encoding/binary"
	"fmt"
)

// The link types that are read. (LINKTYPE_RAW is 101; 12 and 14 are what some
// systems write in its place.)
const (
	linkNull     LinkType = 0
	linkEthernet LinkType = 1
	linkPPP      LinkType = 9
	linkDLTRaw   LinkType = 12
	linkBSDRaw   LinkType = 14
	linkRaw      LinkType = 101
	linkLoop     LinkType = 108
	linkSLL      LinkType = 113
	linkIPv4     LinkType = 228
	linkIPv6     LinkType = 229
	linkSLL2     LinkType = 276
)

// The types of what is inside of Ethernet.
const (
	etherIPv4   = 0x0800
	etherVLAN   = 0x8100
	etherQinQ   = 0x88a8
	etherQinQ2  = 0x9100
	etherIPv6   = 0x86dd
	etherMPLS   = 0x8847
	etherPPPoE  = 0x8864
	pppIPv4     = 0x0021
	pppIPv6     = 0x0057
	maxLinkTags = 8
)

// String is the name of a link type.
func (l LinkType) String() string {
	switch l {
	case linkNull:
		return "BSD loopback"
	case linkLoop:
		return "OpenBSD loopback"
	case linkEthernet:
		return "Ethernet"
	case linkPPP:
		return "PPP"
	case linkDLTRaw, linkBSDRaw, linkRaw:
		return "raw IP"
	case linkIPv4:
		return "raw IPv4"
	case linkIPv6:
		return "raw IPv6"
	case linkSLL:
		return "Linux cooked"
	case linkSLL2:
		return "Linux cooked v2"
	}
	return fmt.Sprintf("link type %d", uint16(l))
}

// Known says whether frames of this type are read.
func (l LinkType) Known() bool {
	switch l {
	case linkNull, linkEthernet, linkPPP, linkDLTRaw, linkBSDRaw, linkRaw, linkLoop, linkSLL, linkIPv4, linkIPv6, linkSLL2:
		return true
	}
	return false
}

// internet returns the internet packet of a frame, nil if there is none.
func (l LinkType) internet(b []byte) []byte {
	switch l {
	case linkDLTRaw, linkBSDRaw, linkRaw, linkIPv4, linkIPv6:
		return b
	case linkNull, linkLoop:
		return beyond(b, 4) // the number of the address family differs by system; the packet says what it is
	case linkPPP:
		if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
			b = b[2:]
		}
		return pointToPoint(b)
	case linkEthernet:
		return tagged(b, 12)
	case linkSLL:
		return tagged(b, 14)
	case linkSLL2:
		if len(b) < 20 {
			return nil
		}
		return ether(int(binary.BigEndian.Uint16(b)), b[20:])
	}
	return nil
}

// tagged reads on where the type of the content stands at i.
func tagged(b []byte, i int) []byte {
	if len(b) < i+2 {
		return nil
	}
	return ether(int(binary.BigEndian.Uint16(b[i:])), b[i+2:])
}

// ether goes through tags down to the internet packet.
func ether(kind int, b []byte) []byte {
	for range maxLinkTags {
		switch kind {
		case etherIPv4, etherIPv6:
			return b
		case etherVLAN, etherQinQ, etherQinQ2:
			if len(b) < 4 {
				return nil
			}
			kind, b = int(binary.BigEndian.Uint16(b[2:])), b[4:]
		case etherMPLS:
			for len(b) >= 4 && b[2]&1 == 0 { // not yet the bottom of the stack
				b = b[4:]
			}
			return beyond(b, 4)
		case etherPPPoE:
			return pointToPoint(beyond(b, 6))
		default:
			return nil
		}
	}
	return nil
}

func pointToPoint(b []byte) []byte {
	if len(b) < 2 {
		return nil
	}
	if kind := binary.BigEndian.Uint16(b); kind == pppIPv4 || kind == pppIPv6 {
		return b[2:]
	}
	return nil
}

func beyond(b []byte, n int) []byte {
	if len(b) < n {
		return nil
	}
	return b[n:]
}
