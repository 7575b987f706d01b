package transport

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// WebSocketError is the cause in an Error where the server answered an upgrade
// to WebSocket with something else.
type WebSocketError struct {
	Path, Subprotocol string // that were asked for
	Status            int    // 0: the answer is none of HTTP
	Line              string // the first one of the answer
	Detail            string // what is wrong with a 101, or that there was no answer
}

func (e *WebSocketError) Error() string {
	if e.Detail != "" {
		return "WebSocket upgrade: " + e.Detail
	}
	return fmt.Sprintf("WebSocket upgrade of %s: the server answers %q", e.Path, e.Line)
}

// busy tells the refusals of the moment among those that blame the client:
// Request Timeout, Too Early and Too Many Requests.
func (e *WebSocketError) busy() bool {
	return e.Status == 408 || e.Status == 425 || e.Status == 429
}

func dialWebSocket(ctx context.Context, t Target, o DialOptions) (net.Conn, error) {
	c, err := dialTCP(ctx, t, o)
	if err != nil {
		return nil, err
	}
	return upgrade(ctx, c, t, o.WebSocket)
}

// dialSecureWebSocket offers no ALPN of its own: a server that knows MQTT's name
// would expect MQTT without WebSocket behind it.
func dialSecureWebSocket(ctx context.Context, t Target, o DialOptions) (net.Conn, error) {
	c, err := dialSecure(ctx, t, o, nil)
	if err != nil {
		return nil, err
	}
	return upgrade(ctx, c, t, o.WebSocket)
}

// upgrade asks for WebSocket over c, which it closes if it does not get it.
func upgrade(ctx context.Context, c net.Conn, t Target, o ClientWebSocket) (net.Conn, error) {
	if o.Subprotocol == "" {
		o.Subprotocol = "mqtt"
	}
	request, key, err := upgradeRequest(t, o)
	if err != nil {
		c.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	chosen, rest, err := askUpgrade(c, request, key, t, o)
	if !stop() || ctx.Err() != nil {
		err = fmt.Errorf("no answer to the WebSocket upgrade: %w", context.Cause(ctx))
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	source := bufio.NewReaderSize(behind(c, rest), readAtOnce) // a frame's header and a small payload by one read
	return &dialledWebSocket{newWebSocket(c, source, webSocketSide{client: true}), t.String(), chosen}, nil
}

// readAtOnce is what is read at once of a server's small frames; longer ones go
// straight to their reader.
const readAtOnce = 4 << 10

// upgradeRequest is the HTTP request, and the key in it.
func upgradeRequest(t Target, o ClientWebSocket) (request []byte, key string, err error) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	key = base64.StdEncoding.EncodeToString(nonce[:])
	host := t.Address()
	if sch, _ := lookup(t.Scheme); sch.port == t.Port {
		host = strings.TrimSuffix(host, ":"+strconv.Itoa(t.Port))
	}
	fields := []HeaderField{
		{"Host", host}, {"Upgrade", "websocket"}, {"Connection", "Upgrade"},
		{"Sec-WebSocket-Key", key}, {"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Protocol", o.Subprotocol},
	}
	for _, f := range o.Header {
		if err := CheckHeader(f); err != nil {
			return nil, "", err
		}
		if strings.EqualFold(f.Name, "Host") {
			fields[0].Value = f.Value
			continue
		}
		fields = append(fields, f)
	}
	request = append(request, "GET "+t.webPath()+" HTTP/1.1\r\n"...)
	for _, f := range fields {
		request = append(request, f.Name+": "+f.Value+"\r\n"...)
	}
	return append(request, "\r\n"...), key, nil
}

// webPath is what the upgrade asks for: the URL's path, or that which most
// servers have for MQTT.
func (t Target) webPath() string {
	if t.Path == "" {
		return "/mqtt"
	}
	return (&url.URL{Path: t.Path}).EscapedPath()
}

// CheckHeader refuses a field that no upgrade can carry.
func CheckHeader(f HeaderField) error {
	bad := func(why string) error {
		return &Error{Kind: Usage, Subject: "header " + strconv.Quote(f.Name), Detail: why}
	}
	const token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	if f.Name == "" || strings.Trim(f.Name, token) != "" {
		return bad("not the name of a header field")
	}
	if strings.ContainsFunc(f.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }) {
		return bad("its value holds control characters")
	}
	switch name := strings.ToLower(f.Name); {
	case name == "upgrade", name == "connection", name == "content-length", name == "transfer-encoding",
		strings.HasPrefix(name, "sec-websocket-"):
		return bad("that is for the upgrade itself to say")
	}
	return nil
}

// askUpgrade sends the request and judges the answer: the subprotocol that the
// server has chosen, and what came behind.
func askUpgrade(c net.Conn, request []byte, key string, t Target, o ClientWebSocket) (chosen string, rest []byte, err error) {
	if _, err := c.Write(request); err != nil {
		if e := new(Error); !isReset(err) || errors.As(err, &e) {
			return "", nil, err
		} // it may have said why it does not read
	}
	head, rest, err := readHead(c)
	e := &WebSocketError{Path: t.webPath(), Subprotocol: o.Subprotocol}
	if ended := errors.Is(err, io.EOF) || err != nil && isReset(err); ended && len(head) == 0 {
		e.Detail = "the server ended the connection without an answer"
		return "", nil, e
	} else if err != nil && !ended {
		return "", nil, err
	}
	if e.Line, e.Status = statusLine(head); e.Status != 101 {
		return "", nil, e
	}
	if chosen, e.Detail = judgeUpgrade(head, key, o.Subprotocol); e.Detail != "" {
		return "", nil, e
	}
	return chosen, rest, nil
}

// judgeUpgrade gives the subprotocol in the header of a 101, and what is wrong
// with it; RFC 6455, 4.1. A server that does not choose one is let pass, as that
// text does.
func judgeUpgrade(head []byte, key, subprotocol string) (chosen, wrong string) {
	got := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(head)))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok {
			name = strings.ToLower(name)
			got[name] = strings.TrimPrefix(got[name]+","+strings.TrimSpace(value), ",")
		}
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	chosen = got["sec-websocket-protocol"]
	switch {
	case !strings.EqualFold(got["upgrade"], "websocket") || !hasToken(got["connection"], "upgrade"):
		return chosen, "the server changes to something else than WebSocket"
	case got["sec-websocket-accept"] != base64.StdEncoding.EncodeToString(sum[:]):
		return chosen, "the answer is not to our request: its Sec-WebSocket-Accept is wrong"
	case got["sec-websocket-extensions"] != "":
		return chosen, "the server uses extensions that were not offered"
	case chosen != "" && chosen != subprotocol:
		return chosen, fmt.Sprintf("the server chose the subprotocol %q, and %s was offered", chosen, subprotocol)
	}
	return chosen, ""
}

func hasToken(list, token string) bool {
	for _, word := range strings.Split(list, ",") {
		if strings.EqualFold(strings.TrimSpace(word), token) {
			return true
		}
	}
	return false
}

// A dialledWebSocket is the client's end.
type dialledWebSocket struct {
	*webSocket
	subject     string
	subprotocol string
}

// Subprotocol is what the server has chosen, "" if it has chosen none.
func (w *dialledWebSocket) Subprotocol() string { return w.subprotocol }

// WriteFrame sends a frame that begins with the byte first, FIN and opcode, for
// those who want to see how a server takes it.
func (w *dialledWebSocket) WriteFrame(first byte, p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.writeMasked(new(frameBuffer), first, p)
	return err
}

// Read tells a server that breaks the rules of frames from a connection that ended.
func (w *dialledWebSocket) Read(b []byte) (int, error) {
	n, err := w.webSocket.Read(b)
	if wrong := (*frameError)(nil); err != nil && errors.As(err, &wrong) {
		err = &Error{Kind: Violation, Subject: w.subject, Err: wrong}
	}
	return n, err
}

// NetConn is the connection below.
func (w *dialledWebSocket) NetConn() net.Conn { return w.Conn }

// Close says goodbye, for at most a second to a server that does not read.
func (w *dialledWebSocket) Close() error {
	_ = w.Conn.SetWriteDeadline(time.Now().Add(time.Second))
	return w.webSocket.Close()
}

// CloseWrite says that nothing more will come.
func (w *dialledWebSocket) CloseWrite() error {
	_ = w.Conn.SetWriteDeadline(time.Now().Add(time.Second))
	return w.webSocket.CloseWrite()
}
