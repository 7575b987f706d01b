package transport

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxUpgrade is how long an upgrade request may be.
const maxUpgrade = 8 << 10

// upgrade reads the HTTP request that begins a WebSocket and answers it.
func (c *Conn) upgrade() error {
	head, rest, err := readUpgrade(c.top)
	if wrong := (*notHTTPError)(nil); errors.As(err, &wrong) { // it can tell its user that HTTP is spoken here
		_ = c.refuse(&refusal{badRequest, "This is MQTT over WebSocket: connect by ws:// or wss://."})
	}
	if err != nil {
		return err
	}
	request, err := parseRequest(head)
	if err != nil {
		return c.refuse(&refusal{badRequest, "the request is not HTTP's: " + err.Error()})
	}
	answer, deflate, refused := c.entrance.webSocket.judge(request)
	if refused != nil {
		return c.refuse(refused)
	}
	if _, err := io.WriteString(c.top, answer); err != nil {
		return err
	}
	if client, ok := forwardedFor(request.header, c.remote, c.entrance.webSocket.ForwardedFor); ok {
		c.remote = client
	}
	source := io.Reader(c.top)
	if len(rest) > 0 {
		source = io.MultiReader(bytes.NewReader(rest), c.top)
	}
	c.ws = newWebSocket(c.top, source, webSocketSide{deflate: deflate})
	c.top, c.upper = c.ws, readerFunc(c.ws.next)
	return nil
}

// A webRequest is what counts of an HTTP request. Package net/http would read it
// as well; but to have that in the program makes each start of it a fifth of a
// millisecond longer, that of a pub too.
type webRequest struct {
	method, path string
	modern       bool // HTTP/1.1
	header       textproto.MIMEHeader
}

func parseRequest(head []byte) (*webRequest, error) {
	reader := textproto.NewReader(bufio.NewReader(bytes.NewReader(head)))
	line, err := reader.ReadLine()
	if err != nil {
		return nil, err
	}
	words := strings.Split(line, " ")
	if len(words) != 3 || words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0" {
		return nil, fmt.Errorf("it begins with %.100q", line)
	}
	target, err := url.ParseRequestURI(words[1])
	if err != nil {
		return nil, fmt.Errorf("%.100q is no path", words[1])
	}
	r := &webRequest{method: words[0], path: target.Path, modern: words[2] == "HTTP/1.1"}
	r.header, err = reader.ReadMIMEHeader()
	return r, err
}

// hasBody says whether more than a header was announced.
func (r *webRequest) hasBody() bool {
	length := r.header.Get("Content-Length")
	return length != "" && length != "0" || r.header.Get("Transfer-Encoding") != ""
}

// The statuses of HTTP that are used here.
const (
	badRequest      = 400
	forbidden       = 403
	notFound        = 404
	upgradeRequired = 426
)

func statusText(status int) string {
	switch status {
	case forbidden:
		return "Forbidden"
	case notFound:
		return "Not Found"
	case upgradeRequired:
		return "Upgrade Required"
	}
	return "Bad Request"
}

// A readerFunc is an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// readUpgrade reads a request's header, and what has come with it.
func readUpgrade(r io.Reader) (head, rest []byte, err error) {
	b := make([]byte, 0, 1<<10)
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, len(b))
		}
		n, err := r.Read(b[len(b):min(cap(b), maxUpgrade)])
		b = b[:len(b)+n]
		if len(b) > 0 && (b[0] < 'A' || b[0] > 'Z') {
			return nil, nil, &notHTTPError{b[0]}
		}
		// What was searched before need not be again, but for its last three bytes.
		from := max(len(b)-n-3, 0)
		if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
			end := from + i + 4
			return b[:end], b[end:], nil
		}
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("before the end of the WebSocket upgrade request: %w", err)
		case len(b) == maxUpgrade:
			return nil, nil, fmt.Errorf("the WebSocket upgrade request is over %d bytes", maxUpgrade)
		}
	}
}

// A notHTTPError is about a client that begins with something else than HTTP.
type notHTTPError struct{ first byte }

func (e *notHTTPError) Error() string {
	switch e.first {
	case 0x10:
		return "the client speaks MQTT without WebSocket"
	case 0x16:
		return "the client speaks TLS, which this WebSocket listener does not: it has ws:// for wss://"
	}
	return "the client does not begin with a WebSocket upgrade request"
}

// A refusal is the answer to a request that is no upgrade.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("WebSocket upgrade refused with %d: %s", r.status, r.text)
}

// refuse answers, and reads on for a moment, lest a reset eat the answer.
func (c *Conn) refuse(r *refusal) error {
	more := ""
	if r.status == upgradeRequired {
		more = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	}
	body := r.text + "\n"
	_, err := fmt.Fprintf(c.top, "HTTP/1.1 %d %s\r\nConnection: close, Upgrade\r\n%sContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
		r.status, statusText(r.status), more, len(body), body)
	if half, ok := c.top.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		c.discard()
	} else if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		c.discard()
	}
	return r
}

// judge says how a request is answered: by 101, or refused.
func (o *WebSocketOptions) judge(r *webRequest) (answer string, deflate bool, refused *refusal) {
	key := r.header.Get("Sec-Websocket-Key")
	raw, err := base64.StdEncoding.DecodeString(key)
	protocol := chooseProtocol(r.header)
	switch {
	case !hasWord(r.header, "Upgrade", "websocket") || !hasWord(r.header, "Connection", "upgrade"):
		return "", false, &refusal{upgradeRequired, "This is MQTT over WebSocket: connect by ws:// or wss://, with an MQTT client."}
	case o.Path != "" && r.path != o.Path:
		return "", false, &refusal{notFound, "MQTT over WebSocket is not here but at another path."}
	case r.method != "GET" || !r.modern || r.hasBody():
		return "", false, &refusal{badRequest, "A WebSocket begins by GET with HTTP/1.1, without a body."}
	case r.header.Get("Sec-Websocket-Version") != "13":
		return "", false, &refusal{upgradeRequired, "WebSocket is spoken here in version 13."}
	case err != nil || len(raw) != 16:
		return "", false, &refusal{badRequest, "Sec-WebSocket-Key is missing, or no 16 bytes in base64."}
	case !o.welcome(r.header.Values("Origin")):
		return "", false, &refusal{forbidden, "Pages of this origin may not connect here."}
	case protocol == "" && (!o.NoSubprotocol || len(r.header.Values("Sec-Websocket-Protocol")) > 0):
		return "", false, &refusal{badRequest, `The subprotocol "mqtt" is missing from Sec-WebSocket-Protocol.`}
	}
	hash := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(hash[:]) + "\r\n"
	if protocol != "" {
		answer += "Sec-WebSocket-Protocol: " + protocol + "\r\n"
	}
	if deflate = o.Compression && offersDeflate(r.header); deflate {
		answer += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	}
	return answer + "\r\n", deflate, nil
}

// chooseProtocol takes mqtt if a client offers it.
func chooseProtocol(h textproto.MIMEHeader) string {
	chosen := ""
	for name := range tokens(h, "Sec-Websocket-Protocol") {
		if name == "mqtt" || name == "mqttv3.1" && chosen == "" {
			chosen = name
		}
	}
	return chosen
}

// welcome says whether pages of an origin may connect. Programs have none.
func (o *WebSocketOptions) welcome(origins []string) bool {
	switch {
	case len(origins) == 0 || len(o.Origins) == 0:
		return true
	case len(origins) > 1:
		return false
	}
	return slices.ContainsFunc(o.Origins, func(allowed string) bool {
		return allowed == "*" || strings.EqualFold(strings.TrimSuffix(allowed, "/"), origins[0])
	})
}

// offersDeflate finds an offer of permessage-deflate that we can keep: the window
// of our side cannot be made smaller.
func offersDeflate(h textproto.MIMEHeader) bool {
	for offer := range tokens(h, "Sec-Websocket-Extensions") {
		parts := strings.Split(offer, ";")
		if strings.TrimSpace(parts[0]) != "permessage-deflate" {
			continue
		}
		seen := make(map[string]bool)
		fine := true
		for _, part := range parts[1:] {
			name, value, has := strings.Cut(strings.TrimSpace(part), "=")
			fine = fine && !seen[name] && fineParameter(name, strings.Trim(value, `"`), has)
			seen[name] = true
		}
		if fine {
			return true
		}
	}
	return false
}

func fineParameter(name, value string, has bool) bool {
	bits, err := strconv.Atoi(value)
	switch name {
	case "server_no_context_takeover", "client_no_context_takeover":
		return !has
	case "server_max_window_bits":
		return value == "15"
	case "client_max_window_bits":
		return !has || err == nil && bits >= 8 && bits <= 15
	}
	return false
}

func hasWord(h textproto.MIMEHeader, name, token string) bool {
	for t := range tokens(h, name) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// tokens goes through the values of a header, of which a line may have several.
func tokens(h textproto.MIMEHeader, name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, line := range h.Values(name) {
			for t := range strings.SplitSeq(line, ",") {
				if !yield(strings.TrimSpace(t)) {
					return
				}
			}
		}
	}
}

// forwardedFor finds the client of a connection from a trusted proxy: the last
// address of X-Forwarded-For that is no trusted proxy's. What stands before it
// anybody could have written.
func forwardedFor(h textproto.MIMEHeader, peer net.Addr, trusted []netip.Prefix) (client net.Addr, found bool) {
	if len(trusted) == 0 || !isTrusted(peer, trusted) {
		return nil, false
	}
	values := slices.Collect(tokens(h, "X-Forwarded-For"))
	for _, value := range slices.Backward(values) {
		a, ok := parseForwarded(value)
		if !ok {
			break
		}
		client, found = a, true
		if !isTrusted(a, trusted) {
			break
		}
	}
	return client, found
}

// parseForwarded reads an address with or without a port.
func parseForwarded(s string) (peer, bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return peer(netip.AddrPortFrom(a.Addr().Unmap(), a.Port())), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return peer(netip.AddrPortFrom(a.Unmap(), 0)), err == nil
}

// A peer is the address of a client behind a proxy.
type peer netip.AddrPort

func (peer) Network() string            { return "tcp" }
func (p peer) String() string           { return netip.AddrPort(p).String() }
func (p peer) AddrPort() netip.AddrPort { return netip.AddrPort(p) }

// isTrusted says whether a peer is among some networks. Who comes by a Unix socket
// is: its mode has let him.
func isTrusted(a net.Addr, trusted []netip.Prefix) bool {
	if a.Network() == "unix" {
		return true
	}
	from, ok := a.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return false
	}
	ip := from.AddrPort().Addr().Unmap().WithZone("")
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
}
