package transport

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// proxyV2 makes a header of version 2.
func proxyV2(command, family byte, body string) string {
	length := binary.BigEndian.AppendUint16(nil, uint16(len(body)))
	return proxyV2Magic + string([]byte{0x20 | command, family}) + string(length) + body
}

const (
	body4 = "\xC0\x00\x02\x01\xC6\x33\x64\x01\xDC\x04\x07\x5B" // 192.0.2.1:56324 to 198.51.100.1:1883
	body6 = "\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\xDC\x04\x07\x5B"
)

// proxyHeaders are headers, what they say of the client, and which modes take them.
var proxyHeaders = []struct{ name, header, mode, want string }{
	{"v1", "PROXY TCP4 192.0.2.1 198.51.100.1 56324 1883\r\n", "v1", "192.0.2.1:56324"},
	{"v1 shortest", "PROXY TCP6 :: :: 1 1\r\n", "v1", "[::]:1"},
	{"v1 IPv6", "PROXY TCP6 2001:db8::7 2001:db8::8 56324 1883\r\n", "v1", "[2001:db8::7]:56324"},
	{"v1 IPv4 in IPv6", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 56324 1883\r\n", "v1", "192.0.2.1:56324"},
	{"v1 unknown", "PROXY UNKNOWN\r\n", "v1", "peer"},
	{"v1 unknown, with more", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "v1", "peer"},
	{"v1 longest", "PROXY UNKNOWN " + strings.Repeat("x", 91) + "\r\n", "v1", "peer"},
	{"v1 too long", "PROXY UNKNOWN " + strings.Repeat("x", 92) + "\r\n", "v1", "over 107 bytes"},
	{"v1 without CR", "PROXY UNKNOWN\n", "v1", "CR LF"},
	{"v1 of another family", "PROXY TCP4 ::1 ::1 1 1\r\n", "v1", "no TCP4 address"},
	{"v1 with a name", "PROXY TCP4 localhost 198.51.100.1 1 1\r\n", "v1", "no TCP4 address"},
	{"v1 with a zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 1\r\n", "v1", "no TCP6 address"},
	{"v1 with a large port", "PROXY TCP4 192.0.2.1 198.51.100.1 65536 1883\r\n", "v1", "no port"},
	{"v1 with a zero", "PROXY TCP4 192.0.2.1 198.51.100.1 01 1883\r\n", "v1", "no port"},
	{"v1 with too little", "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n", "v1", "two addresses"},
	{"v1 with two spaces", "PROXY TCP4  192.0.2.1 198.51.100.1 56324 1883\r\n", "v1", "two addresses"},
	{"v1 of UDP", "PROXY UDP4 192.0.2.1 198.51.100.1 56324 1883\r\n", "v1", "TCP4 or TCP6"},
	{"v1 with nothing", "PROXY \r\n", "v1", "TCP4 or TCP6"},
	{"v2", proxyV2(1, 0x11, body4), "v2", "192.0.2.1:56324"},
	{"v2 IPv6", proxyV2(1, 0x21, body6), "v2", "[2001:db8::7]:56324"},
	{"v2 with values", proxyV2(1, 0x11, body4+"\x04\x00\x03abc"), "v2", "192.0.2.1:56324"},
	{"v2 with many values", proxyV2(1, 0x11, body4+strings.Repeat("x", 4000)), "v2", "192.0.2.1:56324"},
	{"v2 local", proxyV2(0, 0, ""), "v2", "peer"},
	{"v2 local, with addresses", proxyV2(0, 0x11, body4), "v2", "peer"},
	{"v2 unspecified", proxyV2(1, 0, "abc"), "v2", "peer"},
	{"v2 unix", proxyV2(1, 0x31, strings.Repeat("x", 216)), "v2", "peer"},
	{"v2 too short", proxyV2(1, 0x21, body4), "v2", "too short"},
	{"v2 too long", proxyV2(1, 0x11, strings.Repeat("x", 5000)), "v2", "4 KiB"},
	{"v3", proxyV2Magic + "\x31\x11\x00\x0c" + body4, "v2", "version 3"},
	{"v2 with another command", proxyV2(2, 0x11, body4), "v2", "command 2"},
	{"none", "\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00", "any", "does not begin with a PROXY header"},
	{"TLS", "\x16\x03\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "any", "does not begin with a PROXY header"},
}

func TestParseProxyHeader(t *testing.T) {
	for _, test := range proxyHeaders {
		for _, mode := range []string{"v1", "v2", "any"} {
			want := test.want
			if mode != "any" && test.mode != mode {
				want = "does not begin with a PROXY header"
			}
			for cut := range len(test.header) {
				if h, err := parseProxyHeader([]byte(test.header[:cut]), mode); h.size > 0 {
					t.Errorf("%s, mode %s: complete after %d bytes", test.name, mode, cut)
				} else if err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%s, mode %s, %d bytes: %v", test.name, mode, cut, err)
				}
			}
			h, err := parseProxyHeader([]byte(test.header+"\x10"), mode)
			switch {
			case err != nil && !strings.Contains(err.Error(), want), err == nil && h.size != len(test.header):
				t.Errorf("%s, mode %s: size %d, %v", test.name, mode, h.size, err)
			case err == nil && h.client.IsValid() && h.client.String() != want, err == nil && !h.client.IsValid() && want != "peer":
				t.Errorf("%s, mode %s: client %s, want %s", test.name, mode, h.client, want)
			}
		}
	}
}

func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// TestProxyHeader sends headers to a socket that is then MQTT's alone, and over
// memory, which cannot be peeked at, whole and byte by byte.
func TestProxyHeader(t *testing.T) {
	d := openDoor(t, "mqtt://127.0.0.1:0", ListenOptions{Proxy: ProxyOptions{Mode: "any", Trusted: loopback()}})
	for _, test := range proxyHeaders {
		for _, dripping := range []bool{false, true} {
			c, err := net.Dial("tcp", d.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			send := test.header + "hello"
			for dripping && len(send) > 1 {
				c.Write([]byte(send[:1]))
				send = send[1:]
			}
			io.WriteString(c, send)
			if c.(*net.TCPConn).CloseWrite(); strings.Contains(test.want, " ") {
				d.failure(t, test.want)
				c.Close()
				continue
			}
			want := strings.Replace(test.want, "peer", c.LocalAddr().String(), 1)
			if got, err := io.ReadAll(c); string(got) != "hello" {
				t.Errorf("%s: back came %q, %v", test.name, got, err)
			}
			if server := <-d.conns; server.RemoteAddr().String() != want {
				t.Errorf("%s: the client is %s, want %s", test.name, server.RemoteAddr(), want)
			} else if _, err := server.(syscall.Conn).SyscallConn(); err != nil {
				t.Errorf("%s: the socket is nobody's: %v", test.name, err)
			}
			c.Close()
		}
	}
}

func TestProxyHeaderOverMemory(t *testing.T) {
	for _, test := range proxyHeaders {
		near, far := MemPair()
		c := newConn(far, &entrance{proxy: ProxyOptions{Mode: "any"}})
		c.remote = &net.UnixAddr{Net: "unix"}
		near.Write([]byte(test.header + "hello"))
		near.CloseWrite()
		err := c.Handshake(context.Background())
		if err != nil != strings.Contains(test.want, " ") {
			t.Errorf("%s: %v", test.name, err)
		}
		if got, _ := io.ReadAll(c); err == nil && string(got) != "hello" {
			t.Errorf("%s: behind it came %q", test.name, got)
		}
	}
}

func TestProxyHeaderBeforeTLSAndWebSocket(t *testing.T) {
	a := newAuthority(t, "authority")
	proxy := ProxyOptions{Mode: "any", Trusted: loopback()}
	for scheme, o := range map[string]ListenOptions{
		"mqtt": {Proxy: proxy}, "ws": {Proxy: proxy},
		"mqtts": {Proxy: proxy, TLS: &ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}}},
		"wss":   {Proxy: proxy, TLS: &ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}}},
	} {
		d := openDoor(t, scheme+"://127.0.0.1:0", o)
		port := serveConns(t, func(nc net.Conn) { // a proxy
			c, err := net.Dial("tcp", d.Addr().String())
			if err != nil {
				return
			}
			defer c.Close()
			io.WriteString(c, proxyV2(1, 0x11, body4))
			go func() { io.Copy(c, nc); c.(*net.TCPConn).CloseWrite() }()
			io.Copy(nc, c)
		})
		if err := echo(t, scheme+"://127.0.0.1:"+port, DialOptions{TLS: ClientTLS{CAFile: a.file()}}); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		if got := (<-d.conns).RemoteAddr().String(); got != "192.0.2.1:56324" {
			t.Errorf("%s: the client is %s", scheme, got)
		}
	}
}

func TestOnlyTrustedProxies(t *testing.T) {
	d := openDoor(t, "mqtt://127.0.0.1:0", ListenOptions{Proxy: ProxyOptions{Mode: "any", Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}})
	c, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 1883\r\n")
	d.failure(t, "no trusted proxy")

	path := filepath.Join(t.TempDir(), "s")
	u := openDoor(t, "unix://"+path, ListenOptions{Proxy: ProxyOptions{Mode: "any"}})
	if c, err = net.Dial("unix", path); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 1883\r\n")
	if got := (<-u.conns).RemoteAddr().String(); got != "192.0.2.1:56324" {
		t.Errorf("by a Unix socket the client is %s", got)
	}
}

// TestHandshakesEnd is about peers that say nothing, or stop in the middle.
func TestHandshakesEnd(t *testing.T) {
	a := newAuthority(t, "authority")
	secure := &ServerTLS{Certificates: []KeyPair{a.server("x")}}
	proxy := ProxyOptions{Mode: "any", Trusted: loopback()}
	for _, test := range []struct {
		url  string
		o    ListenOptions
		says []string
	}{
		{"mqtts://127.0.0.1:0", ListenOptions{TLS: secure}, []string{"", "\x16\x03\x01\x40\x00"}},
		{"ws://127.0.0.1:0", ListenOptions{}, []string{"", "GET / HTTP/1.1\r\nHost: x\r\n"}},
		{"mqtt://127.0.0.1:0", ListenOptions{Proxy: proxy}, []string{"", "PROXY ", proxyV2Magic}},
	} {
		l, err := Listen(test.url, test.o)
		if err != nil {
			t.Fatal(err)
		}
		for _, says := range test.says {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, says)
			nc, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			if err := nc.(*Conn).Handshake(ctx); err == nil || !strings.Contains(err.Error(), "deadline") {
				t.Errorf("%s, %q: %v", test.url, says, err)
			}
			cancel()
			if _, err := nc.Write([]byte("x")); err == nil {
				t.Errorf("%s, %q: written after a failed handshake", test.url, says)
			}
			nc.Close()
			c.Close()
		}
		l.Close()
	}
}

func FuzzProxyHeader(f *testing.F) {
	for _, test := range proxyHeaders {
		f.Add([]byte(test.header))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := parseProxyHeader(b, "any")
		if err == nil && whole.size > len(b) {
			t.Fatalf("a header of %d bytes in %d", whole.size, len(b))
		}
		for cut := range min(len(b), 200) { // what is judged early is judged the same
			h, early := parseProxyHeader(b[:cut], "any")
			if early != nil && err == nil || early == nil && h.size > 0 && h != whole {
				t.Fatalf("%d of %d bytes: %v, %v; then %v, %v", cut, len(b), h, early, whole, err)
			}
		}
		near, far := MemPair()
		near.Write(b[:min(len(b), 8<<10)])
		near.Close()
		c := newConn(far, &entrance{proxy: ProxyOptions{Mode: "any"}})
		c.remote = &net.UnixAddr{Net: "unix"}
		if h, again := c.proxyHeader(); err == nil && whole.size > 0 && (again != nil || h != whole) {
			t.Fatalf("%v, %v; from a connection %v, %v", whole, err, h, again)
		}
	})
}
