package transport

import (
	"bufio"
	"context"
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

// echoPort is a port that sends back what it gets.
func echoPort(t *testing.T) string {
	return serveConns(t, func(nc net.Conn) {
		_, _ = io.Copy(nc, nc)
		_ = nc.(*net.TCPConn).CloseWrite()
	})
}

// A testProxy speaks SOCKS5 and HTTP CONNECT, wants user and pass, and connects
// to 127.0.0.1 whatever host it is asked for. asked has the addresses.
type testProxy struct {
	port  string
	asked chan string
}

func startProxy(t *testing.T) *testProxy {
	p := &testProxy{asked: make(chan string, 16)}
	p.port = serveConns(t, func(nc net.Conn) {
		r := bufio.NewReader(nc)
		first, err := r.Peek(1)
		if err != nil {
			return
		}
		var address string
		if first[0] == 5 {
			address, err = p.socks(r, nc)
		} else {
			address, err = p.connect(r, nc)
		}
		if err != nil {
			return
		}
		p.asked <- address
		_, port, _ := net.SplitHostPort(address)
		far, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			return
		}
		defer far.Close()
		go func() {
			_, _ = io.Copy(far, r)
			_ = far.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(nc, far)
	})
	return p
}

func (p *testProxy) connect(r *bufio.Reader, w io.Writer) (string, error) {
	q, err := http.ReadRequest(r)
	if err != nil {
		return "", err
	}
	if q.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("user:p@ss")) {
		fmt.Fprint(w, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return "", errors.New("denied")
	}
	if q.Method != "CONNECT" || q.Host != q.RequestURI {
		fmt.Fprint(w, "HTTP/1.1 400 Bad Request\r\n\r\n")
		return "", errors.New("bad")
	}
	fmt.Fprint(w, "HTTP/1.0 200 Connection established\r\nVia: test\r\n\r\n")
	return q.RequestURI, nil
}

func (p *testProxy) socks(r *bufio.Reader, w io.Writer) (string, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", err
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(r, methods); err != nil {
		return "", err
	}
	if !strings.Contains(string(methods), "\x02") {
		_, _ = w.Write([]byte{5, 0xFF})
		return "", errors.New("denied")
	}
	_, _ = w.Write([]byte{5, 2})
	version, _ := r.ReadByte()
	user, _ := readShort(r)
	pass, err := readShort(r)
	if err != nil {
		return "", err
	}
	if version != 1 || user != "user" || pass != "p@ss" {
		_, _ = w.Write([]byte{1, 1})
		return "", errors.New("denied")
	}
	_, _ = w.Write([]byte{1, 0})
	request := make([]byte, 4)
	if _, err := io.ReadFull(r, request); err != nil {
		return "", err
	}
	host := ""
	if request[3] == 3 {
		host, err = readShort(r)
	} else {
		ip := make([]byte, map[byte]int{1: 4, 4: 16}[request[3]])
		_, err = io.ReadFull(r, ip)
		host = net.IP(ip).String()
	}
	port := make([]byte, 2)
	if _, err2 := io.ReadFull(r, port); err != nil || err2 != nil {
		return "", errors.Join(err, err2)
	}
	_, _ = w.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8|int(port[1]))), nil
}

func readShort(r *bufio.Reader) (string, error) {
	n, err := r.ReadByte()
	if err != nil {
		return "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return string(b), err
}

func TestDialProxy(t *testing.T) {
	a := newAuthority(t, "a")
	secure, plain := a.serve(forHosts("broker.example"), nil), echoPort(t)
	p := startProxy(t)
	for _, test := range []struct{ proxy, url, asked string }{
		{"http", "mqtt://broker.example:" + plain, "broker.example:" + plain},
		{"http", "mqtt://[::1]:" + plain, "[::1]:" + plain},
		{"http", "mqtts://broker.example:" + secure.port, "broker.example:" + secure.port},
		{"socks5h", "mqtt://broker.example:" + plain, "broker.example:" + plain},
		{"SOCKS5h", "mqtts://broker.example:" + secure.port, "broker.example:" + secure.port},
		{"socks5", "mqtt://localhost:" + plain, "127.0.0.1:" + plain},
		{"socks5", "mqtt://127.0.0.2:" + plain, "127.0.0.2:" + plain},
	} {
		o := DialOptions{Proxy: test.proxy + "://user:p%40ss@127.0.0.1:" + p.port, TLS: ClientTLS{CAFile: a.file()}}
		if err := echo(t, test.url, o); err != nil {
			t.Errorf("%s by %s: %v", test.url, test.proxy, err)
			continue
		}
		if asked := <-p.asked; asked != test.asked {
			t.Errorf("%s by %s: it was asked for %s", test.url, test.proxy, asked)
		}
	}
}

func TestDialProxyFails(t *testing.T) {
	p := startProxy(t)
	closed := serveConns(t, func(nc net.Conn) { _, _ = nc.Read(make([]byte, 4)) })
	long := serveConns(t, func(nc net.Conn) {
		_, _ = nc.Write([]byte("HTTP/1.1 200 OK\r\nX: "))
		for {
			if _, err := nc.Write([]byte(strings.Repeat("x", 1000))); err != nil {
				return
			}
		}
	})
	other := serveConns(t, func(nc net.Conn) {
		_, _ = nc.Write([]byte("SSH-2.0-x\r\n\r\n"))
		_, _ = io.Copy(io.Discard, nc)
	})
	for _, test := range []struct {
		proxy, want string
		lasting     bool
	}{
		{"http://user:secret@127.0.0.1:" + p.port, `it answers "HTTP/1.1 407 Proxy Authentication Required"`, true},
		{"http://127.0.0.1:" + p.port, "407", true},
		{"socks5h://user:secret@127.0.0.1:" + p.port, "authentication failed", true},
		{"socks5h://127.0.0.1:" + p.port, "no acceptable authentication methods", true},
		{"http://127.0.0.1:" + closed, "ended the connection without an answer", false},
		{"socks5h://127.0.0.1:" + closed, "ended the connection without an answer", false},
		{"http://127.0.0.1:" + long, "longer than 16384 bytes", false},
		{"http://127.0.0.1:" + other, `it answers "SSH-2.0-x"`, false},
		{"socks5h://127.0.0.1:" + other, "unexpected protocol version", false},
		{"http://127.0.0.1:1", "connection refused", false},
	} {
		_, err := Dial(t.Context(), "mqtt://broker.example", DialOptions{Proxy: test.proxy})
		e, cause := new(Error), new(ProxyError)
		if !errors.As(err, &e) || e.Kind != Proxy || !errors.As(err, &cause) || e.Lasting() != test.lasting {
			t.Errorf("%s: %T %v", test.proxy, err, err)
			continue
		}
		if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", test.proxy, err, test.want)
		}
	}
	for _, bad := range []string{"", "socks4://h", "https://h", "http://", "http://h:x", "h:80", "http://u:%zz@h"} {
		if err := CheckProxy(bad); err == nil {
			t.Errorf("%q is a proxy", bad)
		}
	}
}

// A proxy that never answers, or never ends to answer, ends with the context.
func TestDialProxyNeverAnswers(t *testing.T) {
	port := serveConns(t, func(nc net.Conn) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for range 1000 {
			if _, err := nc.Write([]byte{5}); err != nil {
				return
			}
			<-tick.C
		}
	})
	silent := serveConns(t, func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) })
	for _, proxy := range []string{"http://127.0.0.1:" + port, "http://127.0.0.1:" + silent, "socks5h://127.0.0.1:" + silent} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := Dial(ctx, "mqtt://broker.example", DialOptions{Proxy: proxy})
		cancel()
		if e := new(Error); !errors.As(err, &e) || e.Kind != Proxy || !errors.Is(err, context.DeadlineExceeded) || e.Lasting() {
			t.Errorf("%s: %v", proxy, err)
		}
	}
}

// What came right behind the answer of the proxy is not lost.
func TestDialProxyPrefix(t *testing.T) {
	port := serveConns(t, func(nc net.Conn) {
		_, _ = nc.Write([]byte("HTTP/1.1 200 OK\r\n\r\nearly"))
		_, _ = io.Copy(nc, nc)
		_ = nc.(*net.TCPConn).CloseWrite()
	})
	c, err := Dial(t.Context(), "mqtt://broker.example", DialOptions{Proxy: "http://127.0.0.1:" + port})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.(interface{ CloseWrite() error }).CloseWrite()
	if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "early") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestProxyFor(t *testing.T) {
	for _, test := range []struct {
		url, none string
		want      bool
	}{
		{"mqtt://broker.example", "", true},
		{"unix:///run/s", "", false},
		{"mqtt://localhost", "", false},
		{"mqtt://a.localhost", "", false},
		{"mqtt://127.9.9.9", "", false},
		{"mqtt://[::1]", "", false},
		{"mqtt://:1883", "", false},
		{"mqtt://10.0.0.1", "", true},
		{"mqtt://broker.example", "*", false},
		{"mqtt://broker.example", "other, EXAMPLE", false},
		{"mqtt://Broker.Example.", ".example", false},
		{"mqtt://broker.example", "*.example", false},
		{"mqtt://notexample", "example", true},
		{"mqtt://broker.example", "broker.example:1883", false},
		{"mqtts://broker.example", "broker.example:1883", true},
		{"mqtt://10.0.0.1", "10.0.0.0/8", false},
		{"mqtt://10.0.0.1", "10.0.0.2,11.0.0.0/8", true},
		{"mqtt://[fe80::1]", "[fe80::1]:1883", false},
		{"mqtt://broker.example", "10.0.0.0/8", true},
	} {
		target, err := ParseURL(test.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := ProxyFor(target, "socks5://p", test.none); (got != "") != test.want {
			t.Errorf("%s with NO_PROXY=%s: %q", test.url, test.none, got)
		}
	}
}
