package conformance

import (
	"fmt"
	"net"
	"slices"
)

// A framed connection is one by WebSocket, on which a script may say which
// frames its packets go in.
type framed interface {
	net.Conn
	WriteFrame(first byte, p []byte) error // first: FIN and the opcode
	Subprotocol() string                   // that the server has chosen
}

// framings are the ways of # frames.
func framings() []string { return []string{"whole", "bytes", "parts", "text", "named"} }

// The first bytes of frames.
const (
	frameBinary    = 0x82
	frameText      = 0x81
	framePing      = 0x89
	framePart      = 0x02 // the first of several that make a message
	frameMore      = 0x00
	frameLastOfAll = 0x80
)

// A reframer writes to a WebSocket in the frames of a script.
type reframer struct {
	framed
	how   string
	begun bool
}

// reframe makes a connection one of the script's frames.
func (s *Script) reframe(conn net.Conn) (net.Conn, error) {
	if s.Frames == "" {
		return conn, nil
	}
	f, ok := conn.(framed)
	switch {
	case !ok:
		return nil, &UnreachableError{fmt.Errorf("the script is about frames, which %s", noFrames)}
	case s.Frames == "named" && f.Subprotocol() != "mqtt":
		return nil, &breach{"MQTT-6.0.0-4", "the answer to the upgrade does not name the subprotocol mqtt"}
	}
	return &reframer{framed: f, how: s.Frames}, nil
}

const noFrames = "only WebSocket has, ws:// or wss://"

func (r *reframer) Write(p []byte) (int, error) {
	first := !r.begun
	r.begun = true
	switch {
	case r.how == "bytes":
		for i := range p {
			if err := r.WriteFrame(frameBinary, p[i:i+1]); err != nil {
				return i, err
			}
		}
	case r.how == "parts":
		half := len(p) / 2
		for _, part := range []struct {
			first byte
			p     []byte
		}{{framePart, p[:half]}, {framePing, []byte("part")}, {frameMore, nil}, {frameLastOfAll, p[half:]}} {
			if err := r.WriteFrame(part.first, part.p); err != nil {
				return 0, err
			}
		}
	case r.how == "text" && !first:
		return len(p), r.WriteFrame(frameText, p)
	default:
		return r.framed.Write(p)
	}
	return len(p), nil
}

// framing reads # frames.
func (s *source) framing(how string) (string, error) {
	if how != "" && !slices.Contains(framings(), how) {
		return "", s.errorf(s.line, "# frames: %s is none of %q", how, framings())
	}
	return how, nil
}
