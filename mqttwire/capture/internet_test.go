package capture

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	addr4a, addr4b = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	addr6a, addr6b = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
)

func ipv6(next byte, data []byte) []byte {
	b := []byte{0x60, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	b = append(b, next, 64)
	b = append(b, addr6a.AsSlice()...)
	b = append(b, addr6b.AsSlice()...)
	return append(b, data...)
}

func seg(text string) []byte {
	return tcpBytes(50000, 1883, segment{seq: 100, flags: flagACK, data: []byte(text)})
}

// TestLinkTypes wraps the same packet in all that frames can be.
func TestLinkTypes(t *testing.T) {
	packet := string(ipv4(addr4a, addr4b, protocolTCP, seg("hello")))
	packet6 := string(ipv6(protocolTCP, seg("hello")))
	macs := "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"
	for _, test := range []struct {
		name string
		link LinkType
		data string
		from string
	}{
		{"raw", 101, packet, "10.0.0.1"},
		{"raw, another number", 12, packet6, "2001:db8::1"},
		{"raw, of BSD", 14, packet, "10.0.0.1"},
		{"IPv4", 228, packet, "10.0.0.1"},
		{"IPv6", 229, packet6, "2001:db8::1"},
		{"null", 0, "\x02\x00\x00\x00" + packet, "10.0.0.1"},
		{"null, IPv6 of a Mac", 0, "\x1e\x00\x00\x00" + packet6, "2001:db8::1"},
		{"loop", 108, "\x00\x00\x00\x02" + packet, "10.0.0.1"},
		{"PPP", 9, "\xff\x03\x00\x21" + packet, "10.0.0.1"},
		{"PPP, short", 9, "\x00\x57" + packet6, "2001:db8::1"},
		{"Ethernet", 1, macs + "\x08\x00" + packet + "\x00\x00padding", "10.0.0.1"},
		{"Ethernet, IPv6", 1, macs + "\x86\xdd" + packet6 + "\x00\x00padding", "2001:db8::1"},
		{"VLAN", 1, macs + "\x81\x00\x00\x05\x08\x00" + packet, "10.0.0.1"},
		{"VLAN in VLAN", 1, macs + "\x88\xa8\x00\x05\x81\x00\x00\x07\x08\x00" + packet, "10.0.0.1"},
		{"MPLS", 1, macs + "\x88\x47\x00\x01\x00\x40\x00\x02\x01\x40" + packet, "10.0.0.1"},
		{"PPPoE", 1, macs + "\x88\x64\x11\x00\x00\x01\x00\x40\x00\x21" + packet, "10.0.0.1"},
		{"SLL", 113, "\x00\x00\x00\x01\x00\x06abcdefgh\x08\x00" + packet, "10.0.0.1"},
		{"SLL, VLAN", 113, "\x00\x00\x00\x01\x00\x06abcdefgh\x81\x00\x00\x05\x08\x00" + packet, "10.0.0.1"},
		{"SLL2", 276, "\x86\xdd\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06abcdefgh" + packet6, "2001:db8::1"},
		{"IPv4 in IPv4", 101, string(ipv4(addr4b, addr4a, protocolIPv4, []byte(packet))), "10.0.0.1"},
		{"IPv6 in IPv4", 101, string(ipv4(addr4b, addr4a, protocolIPv6, []byte(packet6))), "2001:db8::1"},
		{"GRE", 101, string(ipv4(addr4b, addr4a, protocolGRE, []byte("\x00\x00\x08\x00"+packet))), "10.0.0.1"},
		{"GRE with all fields", 101, string(ipv4(addr4b, addr4a, protocolGRE, []byte("\xb0\x00\x86\xddchckkey seq "+packet6))), "2001:db8::1"},
		{"VXLAN", 101, string(ipv6(protocolUDP, []byte("\x10\x00\x12\xb5\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x05\x00"+macs+"\x08\x00"+packet))), "10.0.0.1"},
		{"options of IPv4", 101, "\x46" + packet[1:3] + "\x31" + packet[4:20] + "\x01\x01\x01\x00" + packet[20:], "10.0.0.1"},
		{"no total length", 101, packet[:2] + "\x00\x00" + packet[4:], "10.0.0.1"},
		{"extension headers", 101, string(ipv6(0, []byte("\x3c\x00\x01\x04\x00\x00\x00\x00"+"\x2b\x01\x01\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+
			"\x33\x00\x00\x00\x00\x00\x00\x00"+"\x2c\x00\x00\x00\x00\x00\x00\x00"+"\x06\x00\x00\x00\x00\x00\x00\x00"+string(seg("hello"))))), "2001:db8::1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !test.link.Known() || strings.HasPrefix(test.link.String(), "link type") {
				t.Errorf("%v is not known", test.link)
			}
			n := len(test.data)
			whole := one(Frame{Link: test.link, Data: []byte(test.data), Length: n})
			if want := test.from + " hello 5"; whole != want {
				t.Errorf("got %q, want %q", whole, want)
			}
			for cut := range n { // no panic, and nothing that was not there
				got := one(Frame{Link: test.link, Data: []byte(test.data)[:cut], Length: n})
				if got != "" && !strings.HasPrefix(whole, strings.TrimSuffix(got, " 5")) {
					t.Errorf("cut at %d: %q", cut, got)
				}
			}
		})
	}
	for _, data := range []string{macs + "\x08\x06" + packet, "", "\x00", macs + strings.Repeat("\x81\x00\x00\x01", 20) + "\x08\x00" + packet} {
		if got := one(Frame{Link: 1, Data: []byte(data), Length: len(data)}); got != "" {
			t.Errorf("%.40q: %q", data, got)
		}
	}
	if l := LinkType(105); l.Known() || l.String() != "link type 105" || one(Frame{Link: l, Data: []byte(packet), Length: len(packet)}) != "" {
		t.Errorf("802.11 is %v", l)
	}
}

// one is the segment of one frame, in words.
func one(f Frame) string {
	var n internet
	b := f.Link.internet(f.Data)
	d, ok := n.datagram(b, len(b)+f.Length-len(f.Data), f.At)
	if !ok {
		return ""
	}
	g, from, _, ok := d.segment()
	if !ok {
		return ""
	}
	return fmt.Sprintf("%v %s %d", from.Addr(), g.data, g.length)
}

// pieces4 cuts a datagram into fragments of some multiples of eight.
func pieces4(id uint16, data []byte, size int) (packets [][]byte) {
	for at := 0; at < len(data); at += size {
		end := min(at+size, len(data))
		b := ipv4(addr4a, addr4b, protocolTCP, data[at:end])
		binary.BigEndian.PutUint16(b[4:], id)
		flags := uint16(at / 8)
		if end < len(data) {
			flags |= 0x2000
		}
		binary.BigEndian.PutUint16(b[6:], flags)
		packets = append(packets, b)
	}
	return packets
}

func pieces6(id uint16, data []byte, size int) (packets [][]byte) {
	for at := 0; at < len(data); at += size {
		end := min(at+size, len(data))
		h := []byte{protocolTCP, 0, byte(at >> 8), byte(at), 0, 0, byte(id >> 8), byte(id)}
		if end < len(data) {
			h[3] |= 1
		}
		packets = append(packets, ipv6(protocolFragment, append(h, data[at:end]...)))
	}
	return packets
}

// TestFragments puts datagrams together from pieces in any order, some twice,
// those of several datagrams mixed.
func TestFragments(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		cut := pieces4
		if round%2 == 1 {
			cut = pieces6
		}
		var packets [][]byte
		var want []string
		for id := range uint16(3) {
			text := strings.Repeat(fmt.Sprint(id), 1+random.IntN(3000))
			want = append(want, text)
			parts := cut(id, seg(text), 8*(1+random.IntN(40)))
			packets = append(packets, parts...)
			packets = append(packets, parts[random.IntN(len(parts))])
		}
		random.Shuffle(len(packets), func(i, j int) { packets[i], packets[j] = packets[j], packets[i] })
		var n internet
		found := make(map[string]int)
		for _, p := range packets {
			if d, ok := n.datagram(p, len(p), time.Unix(int64(round), 0)); ok {
				g, _, _, _ := d.segment()
				found[string(g.data)]++
			}
		}
		for _, text := range want {
			if found[text] == 0 {
				t.Fatalf("round %d: a datagram of %d bytes is lost", round, len(text))
			}
			delete(found, text)
		}
		if len(found) > 0 {
			t.Fatalf("round %d: %d datagrams that were not sent", round, len(found))
		}
	}
}

// TestFragmentsForgotten: the pieces of one datagram come in time or not at all,
// and there are not too many that wait.
func TestFragmentsForgotten(t *testing.T) {
	parts := pieces4(1, seg(strings.Repeat("x", 100)), 64)
	for _, test := range []struct {
		after time.Duration
		more  int
		want  bool
	}{{0, 0, true}, {fragmentsWait, 0, true}, {fragmentsWait + 1, 0, false}, {0, maxDatagrams - 1, true}, {0, maxDatagrams, false}} {
		var n internet
		at := time.Unix(0, 0)
		n.datagram(parts[0], len(parts[0]), at)
		for i := range test.more {
			other := pieces4(uint16(1000+i), seg(strings.Repeat("x", 100)), 64)
			n.datagram(other[0], len(other[0]), at)
		}
		_, ok := n.datagram(parts[1], len(parts[1]), at.Add(test.after))
		if ok != test.want {
			t.Errorf("after %v and %d others: %v", test.after, test.more, ok)
		}
		if len(n.fragments.waiting) > maxDatagrams || len(n.fragments.oldest) > maxDatagrams {
			t.Errorf("%d datagrams wait", len(n.fragments.waiting))
		}
	}
}
