package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
)

// A webSocket is a connection that begins with HTTP and goes on, if both sides
// want to, with the frames of RFC 6455.
type webSocket struct {
	told     *Connection
	heads    [2][]byte // of HTTP, as far as they are here
	switched bool
	sides    [2]frames
	lost     [2]bool // where the next frame begins
	dead     [2]bool
}

// maxHead is how long a request or an answer may be.
const maxHead = 16 << 10

func (w *webSocket) feed(fromServer bool, b []byte) ([]piece, error) {
	i := speaker(fromServer)
	if w.dead[i] {
		return nil, nil
	}
	if w.switched && len(w.heads[i]) > 0 {
		b, w.heads[i] = append(w.heads[i], b...), nil
	}
	if w.switched {
		return w.frames(i, b)
	}
	w.heads[i] = append(w.heads[i], b...)
	if !fromServer {
		if len(w.heads[client]) > 4*maxHead {
			return nil, w.end(errors.New("HTTP with a request that has no end"))
		}
		return nil, nil
	}
	head, rest, whole := bytes.Cut(w.heads[server], []byte("\r\n\r\n"))
	if !whole && len(head) > maxHead {
		return nil, w.end(errors.New("HTTP with an answer that has no end"))
	}
	if !whole {
		return nil, nil
	}
	request, said, whole := bytes.Cut(w.heads[client], []byte("\r\n\r\n"))
	if !whole {
		return nil, w.end(errors.New("HTTP that was answered before it was asked"))
	}
	if err := w.upgrade(request, head); err != nil {
		return nil, w.end(err)
	}
	w.switched, w.heads = true, [2][]byte{said, nil} // said too early: it is read with what comes next
	return w.frames(server, rest)
}

// size is how many bytes are kept.
func (w *webSocket) size() int {
	n := len(w.heads[client]) + len(w.heads[server])
	for i := range w.sides {
		n += w.sides[i].size()
	}
	return n
}

// end gives up both sides.
func (w *webSocket) end(err error) error {
	w.dead, w.heads = [2]bool{true, true}, [2][]byte{}
	return err
}

// A head is how a request or an answer of HTTP begins. Package net/http would
// read it, too, at the price of two megabytes in the program.
type head struct {
	words  []string // of the first line: three, the last with blanks
	fields textproto.MIMEHeader
}

func parseHead(b []byte) (head, error) {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(bytes.Clone(b), "\r\n\r\n"...))))
	first, err := r.ReadLine()
	if err != nil {
		return head{}, err
	}
	h := head{words: strings.SplitN(first, " ", 3)}
	if len(h.words) < 2 {
		return head{}, fmt.Errorf("malformed first line %.100q", first)
	}
	h.fields, err = r.ReadMIMEHeader()
	return h, err
}

// upgrade reads the hand-shake.
func (w *webSocket) upgrade(asked, answered []byte) error {
	request, err := parseHead(asked)
	if err == nil && (len(request.words) < 3 || !strings.HasPrefix(request.words[2], "HTTP/")) {
		err = errors.New("its first line is none of HTTP")
	}
	if err != nil {
		return fmt.Errorf("HTTP with a request that cannot be read: %w", err)
	}
	answer, err := parseHead(answered)
	if err == nil && !strings.HasPrefix(answer.words[0], "HTTP/") {
		err = errors.New("its first line is none of HTTP")
	}
	if err != nil {
		return fmt.Errorf("HTTP with an answer that cannot be read: %w", err)
	}
	path, _, _ := strings.Cut(request.words[1], "?")
	if !strings.EqualFold(request.fields.Get("Upgrade"), "websocket") {
		return fmt.Errorf("HTTP without WebSocket: %s %.100q", request.words[0], path)
	}
	if answer.words[1] != "101" {
		return fmt.Errorf("WebSocket was refused: %.100q", strings.Join(answer.words[1:], " "))
	}
	w.told.Inside = strings.TrimSpace(w.told.Inside + " ws")
	w.told.Offered = strings.Join(request.fields.Values("Sec-Websocket-Protocol"), ", ")
	w.told.Chosen = answer.fields.Get("Sec-Websocket-Protocol")
	if packed := strings.Join(answer.fields.Values("Sec-Websocket-Extensions"), ", "); strings.Contains(packed, "permessage-deflate") {
		w.sides[client].inflate = &inflater{forgets: strings.Contains(packed, "client_no_context_takeover")}
		w.sides[server].inflate = &inflater{forgets: strings.Contains(packed, "server_no_context_takeover")}
	}
	return nil
}

func (w *webSocket) frames(i int, b []byte) ([]piece, error) {
	if w.lost[i] {
		if !areFrames(b, i == client) {
			return nil, nil
		}
		w.lost[i], w.sides[i] = false, frames{}
	}
	pieces, err := w.sides[i].feed(b)
	w.dead[i] = w.dead[i] || err != nil
	return pieces, err
}

// skip goes on after bytes that were not seen: in the same frame, if they are
// of its payload, or else where a frame seems to begin.
func (w *webSocket) skip(fromServer bool, n int) (missing int, err error) {
	i := speaker(fromServer)
	switch {
	case w.dead[i]:
		return n, nil
	case !w.switched:
		return n, w.end(errors.New("HTTP of which bytes are missing"))
	case w.sides[i].inflate != nil:
		w.dead[i] = true
		return 0, errors.New("bytes of WebSocket with permessage-deflate are missing: what follows them cannot be unpacked")
	case n > 0 && !w.lost[i] && w.sides[i].skip(n):
		return n, nil
	}
	w.lost[i] = true
	return 0, nil
}
