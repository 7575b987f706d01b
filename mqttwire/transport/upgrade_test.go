package transport

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// request sends a WebSocket upgrade by hand; lines replace or add to its header.
func request(t *testing.T, d *echoDoor, first string, lines ...string) (net.Conn, *http.Response, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	header := http.Header{"Host": {"x"}, "Upgrade": {"websocket"}, "Connection": {"keep-alive, Upgrade"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Protocol": {"mqtt"}}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		if header[name] = []string{value}; value == "" {
			delete(header, name)
		}
	}
	var text bytes.Buffer
	header.Write(&text)
	if _, err := io.WriteString(c, first+"\r\n"+text.String()+"\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, answer, r
}

func TestUpgrade(t *testing.T) {
	d := openDoor(t, "ws://127.0.0.1:0", ListenOptions{})
	strict := openDoor(t, "ws://127.0.0.1:0", ListenOptions{WebSocket: WebSocketOptions{
		Path: "/mqtt", Origins: []string{"https://good.example"}, Compression: true, NoSubprotocol: true}})
	byURL := openDoor(t, "ws://127.0.0.1:0/mqtt", ListenOptions{})
	const get = "GET /mqtt HTTP/1.1"
	const offer = "Sec-Websocket-Extensions: permessage-deflate"
	for _, test := range []struct {
		door  *echoDoor
		first string
		lines []string
		want  string // status, subprotocol, extensions
	}{
		{d, get, nil, "101 mqtt"},
		{d, "GET / HTTP/1.1", []string{"Sec-Websocket-Protocol: foo, mqttv3.1, mqtt"}, "101 mqtt"},
		{d, get, []string{"Sec-Websocket-Protocol: mqttv3.1"}, "101 mqttv3.1"},
		{d, get, []string{"Sec-Websocket-Protocol: mqttv3.1,x"}, "101 mqttv3.1"},
		{d, get, []string{"Upgrade: WebSocket", "Connection: upgrade"}, "101 mqtt"},
		{d, get, []string{"Origin: https://evil.example"}, "101 mqtt"},
		{d, get, []string{offer}, "101 mqtt"},
		{d, get, []string{"Sec-Websocket-Protocol: "}, "400"},
		{d, get, []string{"Sec-Websocket-Protocol: MQTT"}, "400"},
		{d, get, []string{"Sec-Websocket-Protocol: chat"}, "400"},
		{d, get, []string{"Upgrade: "}, "426"},
		{d, get, []string{"Connection: close"}, "426"},
		{d, get, []string{"Sec-Websocket-Version: 8"}, "426"},
		{d, get, []string{"Sec-Websocket-Key: c2hvcnQ="}, "400"},
		{d, get, []string{"Sec-Websocket-Key: "}, "400"},
		{d, "POST /mqtt HTTP/1.1", nil, "400"},
		{d, "GET /mqtt HTTP/1.0", nil, "400"},
		{d, "GET /mqtt", nil, "400"},
		{d, get, []string{"Content-Length: 5"}, "400"},
		{byURL, get, nil, "101 mqtt"},
		{byURL, "GET / HTTP/1.1", nil, "404"},
		{strict, get, []string{"Origin: https://good.example"}, "101 mqtt"},
		{strict, get, nil, "101 mqtt"},
		{strict, "GET /mqtt?a=b HTTP/1.1", nil, "101 mqtt"},
		{strict, get, []string{"Origin: https://evil.example"}, "403"},
		{strict, get, []string{"Origin: https://good.example.evil"}, "403"},
		{strict, get, []string{"Origin: null"}, "403"},
		{strict, "GET / HTTP/1.1", nil, "404"},
		{strict, get, []string{"Sec-Websocket-Protocol: "}, "101"},
		{strict, get, []string{"Sec-Websocket-Protocol: chat"}, "400"},
		{strict, get, []string{offer}, "101 mqtt deflate"},
		{strict, get, []string{offer + "; client_max_window_bits; server_no_context_takeover"}, "101 mqtt deflate"},
		{strict, get, []string{offer + "; server_max_window_bits=10"}, "101 mqtt"},
		{strict, get, []string{offer + "; server_max_window_bits=10, permessage-deflate"}, "101 mqtt deflate"},
		{strict, get, []string{offer + "; client_max_window_bits=7"}, "101 mqtt"},
		{strict, get, []string{offer + "; server_no_context_takeover; server_no_context_takeover"}, "101 mqtt"},
		{strict, get, []string{"Sec-Websocket-Extensions: x-webkit-deflate-frame"}, "101 mqtt"},
	} {
		c, answer, r := request(t, test.door, test.first, test.lines...)
		got := fmt.Sprint(answer.StatusCode)
		for _, name := range []string{"Sec-Websocket-Protocol", "Sec-Websocket-Extensions"} {
			if value := answer.Header.Get(name); value != "" {
				got += " " + strings.TrimPrefix(strings.Split(value, ";")[0], "permessage-")
			}
		}
		if got != test.want {
			t.Errorf("%s %q: %s, want %s", test.first, test.lines, got, test.want)
		}
		if answer.StatusCode == 101 {
			if answer.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Errorf("Sec-WebSocket-Accept is %q", answer.Header.Get("Sec-Websocket-Accept"))
			}
			c.Write(clientFrame(finBit|opBinary, "abc"))
			if back, err := r.Peek(5); string(back) != "\x82\x03abc" {
				t.Errorf("%s %q: back came %q, %v", test.first, test.lines, back, err)
			}
			continue
		}
		if text, err := io.ReadAll(answer.Body); err != nil || len(text) < 20 {
			t.Errorf("%s %q: the answer says %q, %v", test.first, test.lines, text, err)
		}
		c.Close()
		test.door.failure(t, "refused with "+got)
	}
}

func TestUpgradeIsBounded(t *testing.T) {
	d := openDoor(t, "ws://127.0.0.1:0", ListenOptions{})
	for _, test := range []struct{ sends, want string }{
		{"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 9000), "over 8192 bytes"},
		{"GET / HTTP/1.1\r\nX: ", "before the end of the WebSocket upgrade request"},
		{"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00", "speaks MQTT without WebSocket"},
		{"\x16\x03\x01", "speaks TLS"},
		{"\x00", "does not begin"},
	} {
		c, err := net.Dial("tcp", d.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte(test.sends))
		c.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(c)
		c.Close()
		d.failure(t, test.want)
		if told := strings.HasPrefix(string(answer), "HTTP/1.1 400 "); told != (test.sends[0] != 'G') {
			t.Errorf("%q was answered by %q", test.sends, answer)
		}
	}
}

func TestForwardedFor(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	d := openDoor(t, "ws://127.0.0.1:0", ListenOptions{WebSocket: WebSocketOptions{ForwardedFor: trusted}})
	closed := openDoor(t, "ws://127.0.0.1:0", ListenOptions{})
	for _, test := range []struct{ header, want string }{
		{"192.0.2.7", "192.0.2.7:0"},
		{"6.6.6.6, 192.0.2.7", "192.0.2.7:0"},
		{"6.6.6.6, 192.0.2.7, 10.1.1.1", "192.0.2.7:0"},
		{"192.0.2.7:4711,10.1.1.1", "192.0.2.7:4711"},
		{"2001:db8::1", "[2001:db8::1]:0"},
		{"[2001:db8::1]:80, fd00::1", "[2001:db8::1]:80"},
		{"::ffff:192.0.2.7", "192.0.2.7:0"},
		{"10.1.1.1", "10.1.1.1:0"},
		{"192.0.2.7, unknown, 10.1.1.1", "10.1.1.1:0"},
		{"rubbish", "127.0.0.1"},
		{"", "127.0.0.1"},
	} {
		request(t, d, "GET / HTTP/1.1", "X-Forwarded-For: "+test.header)
		if got := (<-d.conns).RemoteAddr().String(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%q: the client is %s, want %s", test.header, got, test.want)
		}
	}
	request(t, closed, "GET / HTTP/1.1", "X-Forwarded-For: 192.0.2.7")
	if got := (<-closed.conns).RemoteAddr().String(); !strings.HasPrefix(got, "127.0.0.1:") {
		t.Errorf("an untrusted peer claims to be %s", got)
	}
}
