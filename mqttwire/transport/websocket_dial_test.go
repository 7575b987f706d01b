package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answerUpgrade reads a request and answers it; change may spoil the answer.
func answerUpgrade(nc net.Conn, change func(h http.Header)) (*http.Request, *bufio.Reader, error) {
	r := bufio.NewReader(nc)
	q, err := http.ReadRequest(r)
	if err != nil {
		return nil, nil, err
	}
	sum := sha1.Sum([]byte(q.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	h := http.Header{
		"Upgrade": {"websocket"}, "Connection": {"keep-alive, Upgrade"},
		"Sec-Websocket-Accept":   {base64.StdEncoding.EncodeToString(sum[:])},
		"Sec-Websocket-Protocol": {q.Header.Get("Sec-WebSocket-Protocol")},
	}
	if change != nil {
		change(h)
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(&b)
	b.WriteString("\r\n")
	_, err = nc.Write(b.Bytes())
	return q, r, err
}

// webEcho answers upgrades and sends back what comes; asked has the requests.
func webEcho(t *testing.T, wrap func(net.Conn) net.Conn) (port string, asked chan *http.Request) {
	asked = make(chan *http.Request, 16)
	return serveConns(t, func(nc net.Conn) {
		if wrap != nil {
			nc = wrap(nc)
		}
		q, r, err := answerUpgrade(nc, nil)
		if err != nil {
			return
		}
		asked <- q
		w := newWebSocket(nc, r, webSocketSide{})
		_, _ = io.Copy(w, w)
		_ = w.CloseWrite()
		_, _ = io.Copy(io.Discard, nc)
	}), asked
}

func TestDialWebSocket(t *testing.T) {
	a := newAuthority(t, "a")
	certFile, keyFile := a.issue(forHosts("127.0.0.1"))
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"mqtt"}}
	plain, asked := webEcho(t, nil)
	secure, askedSecure := webEcho(t, func(nc net.Conn) net.Conn { return tls.Server(nc, config) })
	proxy := startProxy(t)
	for _, test := range []struct {
		url, want string
		o         DialOptions
		asked     chan *http.Request
	}{
		{"ws://127.0.0.1:" + plain, "/mqtt 127.0.0.1:" + plain + " mqtt []", DialOptions{}, asked},
		{"ws://u:secret@127.0.0.1:" + plain + "/a%20b/c?x=y", "/a%20b/c 127.0.0.1:" + plain + " mqttv3.1 [t=1 t=2]",
			DialOptions{WebSocket: ClientWebSocket{Subprotocol: "mqttv3.1", Header: []HeaderField{{"X-Test", "t=1"}, {"X-Test", "t=2"}}}}, asked},
		{"ws://127.0.0.1:" + plain + "/", "/ elsewhere mqtt []", DialOptions{WebSocket: ClientWebSocket{Header: []HeaderField{{"host", "elsewhere"}}}}, asked},
		{"ws://127.0.0.1:" + plain, "/mqtt 127.0.0.1:" + plain + " mqtt []", DialOptions{Proxy: "http://user:p%40ss@127.0.0.1:" + proxy.port}, asked},
		{"wss://127.0.0.1:" + secure, "/mqtt 127.0.0.1:" + secure + " mqtt []", DialOptions{TLS: ClientTLS{CAFile: a.file()}}, askedSecure},
	} {
		if err := echo(t, test.url, test.o); err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		q := <-test.asked
		got := fmt.Sprint(q.RequestURI, " ", q.Host, " ", q.Header.Get("Sec-WebSocket-Protocol"), " ", q.Header["X-Test"])
		if got != test.want || q.Header.Get("Authorization") != "" {
			t.Errorf("%s asks for %s, want %s", test.url, got, test.want)
		}
	}
}

// into is a connection of which the writes go elsewhere.
type into struct {
	net.Conn
	w io.Writer
}

func (i into) Write(b []byte) (int, error) { return i.w.Write(b) }

// Frames that came together with the answer are not lost.
func TestDialWebSocketBehindTheAnswer(t *testing.T) {
	port := serveConns(t, func(nc net.Conn) {
		var b bytes.Buffer
		if _, _, err := answerUpgrade(into{nc, &b}, nil); err != nil {
			return
		}
		b.Write([]byte{0x82, 2, 'h', 'i', 0x88, 0})
		_, _ = nc.Write(b.Bytes())
		_, _ = io.Copy(io.Discard, nc)
	})
	c, err := Dial(t.Context(), "ws://127.0.0.1:"+port, DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); string(got) != "hi" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// Who wants to see how a server takes frames sends them one by one.
func TestWriteFrame(t *testing.T) {
	for _, chosen := range []string{"mqtt", ""} {
		port := serveConns(t, func(nc net.Conn) {
			_, r, err := answerUpgrade(nc, func(h http.Header) { h["Sec-Websocket-Protocol"] = []string{chosen} })
			if err != nil {
				return
			}
			w := newWebSocket(nc, r, webSocketSide{})
			_, _ = io.Copy(w, w)
			_ = w.CloseWrite()
			_, _ = io.Copy(io.Discard, nc)
		})
		c, err := Dial(t.Context(), "ws://127.0.0.1:"+port, DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w := c.(*dialledWebSocket)
		if got := w.Subprotocol(); got != chosen {
			t.Errorf("%q was chosen, not %q", got, chosen)
		}
		long := strings.Repeat("x", 40000)
		for _, f := range []struct {
			first byte
			p     string
		}{{opBinary, "a"}, {finBit | opPing, "p"}, {0, ""}, {finBit, "b"}, {finBit | opBinary, long}, {finBit | opText, "t"}} {
			if err := w.WriteFrame(f.first, []byte(f.p)); err != nil {
				t.Error(err)
			}
		}
		if got, err := io.ReadAll(c); string(got) != "ab"+long || err != nil {
			t.Errorf("%d bytes come back: %.10q, %v", len(got), got, err)
		}
		c.Close()
	}
}

// A server that breaks the rules of frames is told from one that has gone.
func TestDialWebSocketViolation(t *testing.T) {
	for name, test := range map[string]struct {
		frame string
		want  string
	}{
		"text":     {"\x81\x02hi", "a text frame"},
		"masked":   {"\x82\x82\x00\x00\x00\x00hi", "a masked frame"},
		"reserved": {"\xC2\x02hi", "a reserved bit"},
		"long":     {"\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "a length over 2^63"},
		"cut":      {"\x82\x05hi", ""},
	} {
		t.Run(name, func(t *testing.T) {
			port := serveConns(t, func(nc net.Conn) {
				if _, _, err := answerUpgrade(nc, nil); err != nil {
					return
				}
				_, _ = nc.Write([]byte("\x82\x02ok\x89\x01x" + test.frame)) // a good frame and a Ping before it
				_ = nc.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, nc)
			})
			c, err := Dial(t.Context(), "ws://127.0.0.1:"+port, DialOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			got, err := io.ReadAll(c)
			if !strings.HasPrefix(string(got), "ok") {
				t.Errorf("got %q", got)
			}
			if e := new(Error); test.want == "" && !errors.Is(err, io.ErrUnexpectedEOF) || test.want != "" &&
				(!errors.As(err, &e) || e.Kind != Violation || !e.Lasting() || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestDialWebSocketFails(t *testing.T) {
	status := func(line string) func(net.Conn) {
		return func(nc net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(nc))
			_, _ = nc.Write([]byte(line + "\r\nContent-Length: 0\r\n\r\n"))
			_, _ = io.Copy(io.Discard, nc)
		}
	}
	spoilt := func(name string, values ...string) func(net.Conn) {
		return func(nc net.Conn) {
			_, _, _ = answerUpgrade(nc, func(h http.Header) { h[name] = values })
			_, _ = io.Copy(io.Discard, nc)
		}
	}
	for _, test := range []struct {
		server  func(net.Conn)
		want    string
		lasting bool
	}{
		{status("HTTP/1.1 404 Not Found"), `WebSocket upgrade of /mqtt: the server answers "HTTP/1.1 404 Not Found"`, true},
		{status("HTTP/1.1 503 Busy"), "503 Busy", false},
		{status("HTTP/1.1 429 Too Many Requests"), "429 Too Many Requests", false},
		{status("\x20\x02\x00\x01"), "the server answers", false},
		{status(strings.Repeat("x", 20_000)), "longer than 16384 bytes", false},
		{func(nc net.Conn) { _, _ = nc.Read(make([]byte, 4096)) }, "ended the connection without an answer", false},
		{spoilt("Upgrade", "h2c"), "something else than WebSocket", true},
		{spoilt("Connection", "close"), "something else than WebSocket", true},
		{spoilt("Sec-Websocket-Accept", "AAAA"), "Sec-WebSocket-Accept is wrong", true},
		{spoilt("Sec-Websocket-Accept"), "Sec-WebSocket-Accept is wrong", true},
		{spoilt("Sec-Websocket-Extensions", "permessage-deflate"), "extensions that were not offered", true},
		{spoilt("Sec-Websocket-Protocol", "amqp"), `the server chose the subprotocol "amqp", and mqtt was offered`, true},
	} {
		port := serveConns(t, test.server)
		_, err := Dial(t.Context(), "ws://u:secret@127.0.0.1:"+port, DialOptions{})
		e := new(Error)
		if !errors.As(err, &e) || e.Kind != Unreachable || e.Lasting() != test.lasting || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}

// An answer that drips or never comes ends with the context.
func TestDialWebSocketNeverAnswered(t *testing.T) {
	for name, line := range map[string]string{"silent": "", "dripping": "HTTP/1.1 101 Switching Protocols\r\nX: " + strings.Repeat("x", 9999)} {
		t.Run(name, func(t *testing.T) {
			port := serveConns(t, func(nc net.Conn) {
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for _, b := range []byte(line) {
					if _, err := nc.Write([]byte{b}); err != nil {
						return
					}
					<-tick.C
				}
				_, _ = io.Copy(io.Discard, nc)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := Dial(ctx, "ws://127.0.0.1:"+port, DialOptions{})
			if e := new(Error); !errors.As(err, &e) || e.Kind != Unreachable || !errors.Is(err, context.DeadlineExceeded) || e.Lasting() {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestCheckHeader(t *testing.T) {
	for _, f := range []HeaderField{{"", "x"}, {"a b", "x"}, {"a:", "x"}, {"X", "a\r\nY: b"}, {"upgrade", "x"}, {"Sec-WebSocket-Key", "x"}, {"Content-Length", "1"}} {
		if CheckHeader(f) == nil {
			t.Errorf("%q passes", f)
		}
	}
	if err := CheckHeader(HeaderField{"Authorization", "Bearer x"}); err != nil {
		t.Error(err)
	}
}

func FuzzUpgradeAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		_, _ = statusLine(head)
		if _, wrong := judgeUpgrade(head, "key", "mqtt"); wrong == "" {
			t.Error("passes without our key")
		}
	})
}
