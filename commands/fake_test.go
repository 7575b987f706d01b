package commands

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A fakeServer plays a part in a transcript: what a broker may do to a client,
// and what no broker should. Each connection takes the next part of the
// script, and the last part again when there are no more. A part is lines:
//
//	< PUBLISH topic=a      wait for a packet like this
//	> PUBACK packet-id=$id send one; $id is that of the packet before
//	> hex 15 03 01         send bytes
//	> text HTTP/1.1 200 OK send a line
//	read                   wait for bytes, whatever they are
//	pause 50ms             send nothing for a time
//	close                  close the connection at once
//
// and waits for the client to close at its end. Parts stand apart by a line ---.
type fakeServer struct {
	t        testing.TB
	listener net.Listener
	parts    [][]string
	wait     sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool // nil: closed
}

func startFake(t testing.TB, script string) *fakeServer {
	return startFakeBy(t, way{listen: "mqtt://127.0.0.1:0"}, script)
}

// startFakeBy starts one that clients reach by w.
func startFakeBy(t testing.TB, w way, script string) *fakeServer {
	listener := w.open(t)
	f := &fakeServer{t: t, listener: listener, parts: [][]string{nil}, open: map[net.Conn]bool{}}
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case line == "---":
			f.parts = append(f.parts, nil)
		default:
			last := len(f.parts) - 1
			f.parts[last] = append(f.parts[last], line)
		}
	}
	f.wait.Go(f.serve)
	return f
}

func (f *fakeServer) url() string { return transport.URL(f.listener) }

// stop ends all connections and waits.
func (f *fakeServer) stop() {
	f.listener.Close()
	f.mu.Lock()
	for nc := range f.open {
		nc.Close()
	}
	f.open = nil
	f.mu.Unlock()
	f.wait.Wait()
}

func (f *fakeServer) serve() {
	for n := 0; ; n++ {
		nc, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		if f.open == nil {
			nc.Close()
		} else {
			f.open[nc] = true
		}
		f.mu.Unlock()
		part := f.parts[min(n, len(f.parts)-1)]
		f.wait.Go(func() {
			defer nc.Close()
			if shake(nc) != nil {
				return // the client's to explain
			}
			if err := play(nc, part); err != nil && !f.stopped() {
				f.t.Errorf("fake server, connection %d: %v", n+1, err)
			}
		})
	}
}

func (f *fakeServer) stopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open == nil
}

// play plays one part on one connection.
func play(nc net.Conn, part []string) error {
	r := mqttwire.NewReader(nc)
	r.From = mqttwire.Client
	id := ""
	for _, line := range part {
		what, rest, _ := strings.Cut(line, " ")
		switch what {
		case "close":
			return nil
		case "read":
			if _, err := nc.Read(make([]byte, 4096)); err != nil {
				return nil // the client's to explain
			}
		case "pause":
			if err := pause(nc, rest); err != nil {
				return nil
			}
		case "<":
			got, err := expectPacket(r, rest)
			if err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
			id, _ = got.Get("packet-id")
		case ">":
			b, err := bytesOfLine(strings.ReplaceAll(rest, "$id", id), r.Version)
			if err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
			if _, err := nc.Write(b); err != nil && strings.HasPrefix(rest, "hex") || err != nil && strings.HasPrefix(rest, "text") {
				return nil // it has had enough
			} else if err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
		default:
			return fmt.Errorf("no such line: %s", line)
		}
	}
	_, _ = io.Copy(io.Discard, nc) // until the client is through with us
	return nil
}

// expectPacket waits for a packet like the line. EOF is the end of the stream.
func expectPacket(r *mqttwire.Reader, line string) (got mqttwire.Line, err error) {
	packet, err := r.ReadPacket()
	if line == "EOF" && errors.Is(err, io.EOF) {
		return got, nil
	}
	if err != nil {
		return got, err
	}
	got = mqttwire.LineOf(packet, r.Version)
	if line == "EOF" {
		return got, fmt.Errorf("got %s", got)
	}
	want, err := mqttwire.ParseLine(line)
	if err != nil {
		return got, err
	}
	return got, want.Match(got, r.Version)
}

// pause waits for a time, or for the end of the connection.
func pause(nc net.Conn, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	_ = nc.SetReadDeadline(time.Now().Add(d))
	_, err = nc.Read(make([]byte, 1))
	_ = nc.SetReadDeadline(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

func bytesOfLine(line string, v mqttwire.Version) ([]byte, error) {
	if text, ok := strings.CutPrefix(line, "text"); ok {
		return []byte(strings.TrimPrefix(text, " ") + "\r\n"), nil
	}
	if digits, ok := strings.CutPrefix(line, "hex "); ok {
		return hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	}
	packet, err := mqttwire.ParseText(line, v)
	if err != nil {
		return nil, err
	}
	return packet.Append(nil, v)
}
