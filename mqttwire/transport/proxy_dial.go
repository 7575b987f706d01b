package transport

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// ProxyError is the cause in an Error of Kind Proxy: the proxy was not reached,
// or does not want to, or cannot, reach the server.
type ProxyError struct {
	Proxy  string // its URL without user name and password
	Denied bool   // it wants credentials, or others
	Err    error
}

func (e *ProxyError) Error() string { return fmt.Sprintf("proxy %s: %v", e.Proxy, e.Err) }
func (e *ProxyError) Unwrap() error { return e.Err }

// proxySchemes and their default ports.
func proxyPort(scheme string) int {
	switch scheme {
	case "socks5", "socks5h":
		return 1080
	case "http":
		return 80
	}
	return 0
}

// parseProxy takes the URL of a proxy apart.
func parseProxy(url string) (Target, error) {
	name, rest, found := strings.Cut(url, "://")
	t := Target{Scheme: strings.ToLower(name)}
	port := proxyPort(t.Scheme)
	if !found || port == 0 {
		return t, usage(url, "no URL of a proxy that is spoken to here: they begin with socks5://, socks5h:// or http://")
	}
	authority, _, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		if err := t.parseUser(authority[:i]); err != nil {
			return t, usage(url, err.Error())
		}
		authority = authority[i+1:]
	}
	if err := t.parseHost(authority, port); err != nil {
		return t, usage(url, err.Error())
	}
	if t.Host == "" {
		return t, usage(url, "the URL of a proxy needs a host")
	}
	return t, nil
}

// CheckProxy tells whether url can be that of a proxy.
func CheckProxy(url string) error {
	_, err := parseProxy(url)
	return err
}

// ProxyFor chooses the proxy to reach t by, where the environment names one:
// all is ALL_PROXY, none is NO_PROXY, a list of hosts, domains with all below
// them, addresses, networks and *, each but the last with a port where wanted.
// What is on this machine is never reached by a proxy.
func ProxyFor(t Target, all, none string) string {
	if sch, _ := lookup(t.Scheme); all == "" || sch.port == 0 || t.Host == "" {
		return ""
	}
	host := strings.ToLower(strings.TrimSuffix(t.Host, "."))
	address, err := netip.ParseAddr(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && address.IsLoopback() {
		return ""
	}
	for _, entry := range strings.Split(none, ",") {
		if exempts(strings.ToLower(strings.TrimSpace(entry)), host, address, t.Port) {
			return ""
		}
	}
	return all
}

// exempts tells whether an entry of NO_PROXY speaks of the host.
func exempts(entry, host string, address netip.Addr, port int) bool {
	if entry == "" || entry == "*" {
		return entry == "*"
	}
	if h, p, err := net.SplitHostPort(entry); err == nil {
		if p != strconv.Itoa(port) {
			return false
		}
		entry = h
	}
	entry = strings.Trim(entry, "[]")
	if network, err := netip.ParsePrefix(entry); err == nil {
		return network.Contains(address.Unmap())
	}
	if a, err := netip.ParseAddr(entry); err == nil {
		return a == address
	}
	entry = strings.TrimPrefix(strings.TrimPrefix(entry, "*"), ".")
	return host == entry || strings.HasSuffix(host, "."+entry)
}

// dialProxy reaches t through o.Proxy.
func dialProxy(ctx context.Context, t Target, o DialOptions) (net.Conn, error) {
	p, err := parseProxy(o.Proxy)
	if err != nil {
		return nil, err
	}
	problem := func(denied bool, err error) error {
		switch {
		case ctx.Err() != nil:
			err = fmt.Errorf("no answer: %w", ctx.Err())
		case isTimeout(err):
			err = fmt.Errorf("no answer: %w", context.DeadlineExceeded)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isReset(err):
			err = errors.New("it ended the connection without an answer")
		}
		for op := new(net.OpError); errors.As(err, &op); {
			err = op.Err
		}
		shown := p.Scheme + "://" + p.Address()
		return &Error{Kind: Proxy, Subject: t.String(), Err: &ProxyError{Proxy: shown, Denied: denied, Err: err}}
	}
	if p.Scheme == "socks5" {
		if t.Host, err = resolve(ctx, t.Host, o.Resolver); err != nil {
			return nil, err
		}
	}
	c, err := dialStraight(ctx, p, o)
	if err != nil {
		if e := new(Error); errors.As(err, &e) {
			return nil, err
		}
		return nil, problem(false, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	denied := false
	if p.Scheme == "http" {
		c, denied, err = connectThrough(c, p, t.Address())
	} else {
		denied, err = socksThrough(ctx, c, p, t.Address())
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.Close()
		return nil, problem(denied, err)
	}
	return c, nil
}

// resolve looks a host up here: that is what tells socks5 from socks5h.
func resolve(ctx context.Context, host string, r *net.Resolver) (string, error) {
	if host == "localhost" {
		return "127.0.0.1", nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host, nil
	}
	addresses, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	return addresses[0].Unmap().String(), nil
}

// socksThrough asks a SOCKS5 proxy (RFC 1928) for a connection to address.
func socksThrough(ctx context.Context, c net.Conn, p Target, address string) (denied bool, err error) {
	var auth *proxy.Auth
	if p.HasUsername {
		auth = &proxy.Auth{User: p.Username, Password: p.Password}
	}
	dialer, err := proxy.SOCKS5("tcp", p.Address(), auth, nil)
	if err != nil {
		return false, err
	}
	socks := dialer.(interface {
		DialWithConn(ctx context.Context, c net.Conn, network, address string) (net.Addr, error)
	})
	if _, err = socks.DialWithConn(ctx, c, "tcp", address); err != nil {
		text := strings.TrimPrefix(err.Error(), "socks ")
		return strings.Contains(text, "authentication") || strings.Contains(text, "username"), err
	}
	return false, nil
}

// answerLimit is how long the header of an HTTP answer may be.
const answerLimit = 16 << 10

// connectThrough asks an HTTP proxy for a connection to address (RFC 9110,
// 9.3.6).
func connectThrough(c net.Conn, p Target, address string) (through net.Conn, denied bool, err error) {
	request := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if p.HasUsername || p.HasPassword {
		credentials := base64.StdEncoding.EncodeToString([]byte(p.Username + ":" + p.Password))
		request += "Proxy-Authorization: Basic " + credentials + "\r\n"
	}
	if _, err := c.Write([]byte(request + "\r\n")); err != nil {
		return c, false, err
	}
	head, rest, err := readHead(c)
	if err != nil {
		return c, false, err
	}
	line, status := statusLine(head)
	if status < 200 || status > 299 {
		return c, status == 407, fmt.Errorf("it answers %q", line)
	}
	return behind(c, rest), false, nil
}

// readHead reads the header of an HTTP answer, and what came behind it. With an
// error head is what came of it.
func readHead(c net.Conn) (head, rest []byte, err error) {
	buffer := make([]byte, 0, 1024)
	for len(buffer) < answerLimit {
		if len(buffer) == cap(buffer) {
			buffer = append(make([]byte, 0, 2*cap(buffer)), buffer...)
		}
		n, err := c.Read(buffer[len(buffer):cap(buffer)])
		from := max(0, len(buffer)-3)
		buffer = buffer[:len(buffer)+n]
		if end := bytes.Index(buffer[from:], []byte("\r\n\r\n")); end >= 0 {
			end += from + 4
			return buffer[:end], buffer[end:], nil
		}
		if err != nil {
			return buffer, nil, err
		}
	}
	return buffer, nil, fmt.Errorf("the header of its answer is longer than %d bytes", answerLimit)
}

// statusLine is the first line of an HTTP answer and the status in it; 0: it
// is none of HTTP.
func statusLine(head []byte) (line string, status int) {
	first, _, _ := bytes.Cut(head, []byte("\r\n"))
	line = string(first[:min(len(first), 200)])
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	if status, err := strconv.Atoi(code); err == nil && len(code) == 3 && strings.HasPrefix(version, "HTTP/1.") {
		return line, status
	}
	return line, 0
}

// behind gives back what was read too far.
func behind(c net.Conn, rest []byte) net.Conn {
	if len(rest) == 0 {
		return c
	}
	return &prefixed{Conn: c, rest: rest}
}

type prefixed struct {
	net.Conn
	rest []byte
}

// Read gives what was read before, and then what comes.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// CloseWrite ends the sending side.
func (p *prefixed) CloseWrite() error {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
