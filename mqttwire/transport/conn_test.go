package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pairOf is a client by Dial and the Conn that has been accepted of it.
func pairOf(t *testing.T, scheme string, o ListenOptions) (client net.Conn, server *Conn) {
	t.Helper()
	a := newAuthority(t, "authority")
	if scheme == "mqtts" || scheme == "wss" {
		o.TLS = &ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}}
	}
	l, err := Listen(scheme+"://127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	shaken := make(chan error, 1)
	go func() {
		nc, err := l.Accept()
		if err == nil {
			server = nc.(*Conn)
			err = server.Handshake(context.Background())
		}
		shaken <- err
	}()
	if client, err = Dial(t.Context(), URL(l), DialOptions{TLS: ClientTLS{CAFile: a.file()}}); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	deadline := time.Now().Add(time.Minute)
	client.SetDeadline(deadline)
	server.SetDeadline(deadline)
	return client, server
}

// TestWriteNow writes more than the network takes at once, as drivers do: what is
// not taken is written again, waiting. The peer gets each byte once.
func TestWriteNow(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no raw calls here")
	}
	all := make([]byte, 64<<20)
	for i := 0; i < len(all); i += 4 {
		binary.BigEndian.PutUint32(all[i:], uint32(i))
	}
	for _, scheme := range []string{"mqtts", "ws", "wss"} {
		client, server := pairOf(t, scheme, ListenOptions{})
		data, full := all, 0
		written := 0
		for ; full < 3; full++ {
			for { // until there is no room, while nobody reads
				n, err := server.WriteNow(data[written:min(len(data), written+100_000)])
				if err != nil {
					t.Fatal(err)
				}
				written += n
				if n < 100_000 {
					break
				}
			}
			n, err := server.WriteNow(data[written : written+1]) // 0, unless the system has made room
			if err != nil {
				t.Errorf("%s: %v, from a full socket", scheme, err)
			}
			written += n
			if full == 0 {
				continue
			}
			rest := data[written : written+1000]
			read := make(chan error, 1)
			go func() {
				got := make([]byte, written+1000)
				_, err := io.ReadFull(client, got)
				if err == nil && !bytes.Equal(got, data[:len(got)]) {
					t.Errorf("%s: the bytes that came are others", scheme)
				}
				read <- err
			}()
			if n, err := server.Write(rest); n != len(rest) || err != nil {
				t.Errorf("%s: Write returned %d, %v", scheme, n, err)
			}
			if err := <-read; err != nil {
				t.Fatalf("%s: %v", scheme, err)
			}
			data, written = data[written+1000:], 0
		}
	}
}

// TestWaitReadable: after it Read does not wait, and in the middle of a frame or of
// a record there is nothing to read.
func TestWaitReadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := MemPair()
		l := NewMemListener()
		wrapped, err := Wrap(l, "ws://x", ListenOptions{WebSocket: WebSocketOptions{Compression: true}})
		if err != nil {
			t.Fatal(err)
		}
		c := newConn(far, wrapped.(*porch).entrance.Load())
		io.WriteString(near, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
		near.Write(clientFrame(finBit|opBinary, "at once")) // in one segment with the request
		if err := c.Handshake(t.Context()); err != nil {
			t.Fatal(err)
		}
		ready := make(chan error)
		wait := func() {
			go func() { ready <- c.WaitReadable() }()
			synctest.Wait()
		}
		reads := func(want string) {
			t.Helper()
			if err := <-ready; err != nil {
				t.Fatal(err)
			}
			p := make([]byte, 100_000)
			if n, err := c.Read(p); string(p[:n]) != want || err != nil {
				t.Errorf("read %q, %v, want %q", p[:n], err, want)
			}
		}
		wait()
		reads("at once")
		for _, payload := range []string{"a frame", strings.Repeat("compressed ", 100)} {
			frame := clientFrame(finBit|opBinary, payload)
			if len(payload) > 100 {
				frame = clientFrame(finBit|rsv1Bit|opBinary, string(deflate(nil, []byte(payload))))
			}
			wait()
			half := len(frame) - 1
			if len(payload) < 100 {
				half = 6 // its header
			}
			for _, b := range frame[:half] {
				near.Write([]byte{b})
			}
			near.Write(nil)
			synctest.Wait()
			select {
			case err := <-ready:
				t.Fatalf("readable in the middle of a frame: %v", err)
			default:
			}
			near.Write(frame[half:])
			reads(payload)
		}
		wait()
		c.SetReadDeadline(time.Now())
		if err := <-ready; !passing(err) {
			t.Errorf("at the deadline: %v", err)
		}
		c.SetReadDeadline(time.Time{})
		wait()
		near.Write(clientFrame(finBit|opBinary, "on"))
		reads("on")
		wait()
		near.Close()
		if err := <-ready; err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	})
}

// TestPingsOfADeafPeer: a peer that asks and reads nothing is not answered in
// memory without bound.
func TestPingsOfADeafPeer(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no raw calls here")
	}
	client, server := pairOf(t, "ws", ListenOptions{})
	raw := client.(*dialledWebSocket).Conn
	go func() {
		pings := bytes.Repeat(clientFrame(finBit|opPing, strings.Repeat("x", 125)), 1000)
		for {
			if _, err := raw.Write(pings); err != nil {
				return
			}
		}
	}()
	if err := server.WaitReadable(); err == nil || !strings.Contains(err.Error(), "reads none") {
		t.Errorf("ended by %v", err)
	}
	if n := server.unsent(); n > 2*maxUnread {
		t.Errorf("%d bytes of answers are kept", n)
	}
}

// TestTLSEndsBadly: what is no record ends the connection, with an alert.
func TestTLSEndsBadly(t *testing.T) {
	client, server := pairOf(t, "mqtts", ListenOptions{})
	raw := client.(*tlsConn).raw
	raw.Write([]byte("\x17\x03\x03\x00\x20" + strings.Repeat("x", 32)))
	if _, err := server.Read(make([]byte, 10)); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("the server read %v", err)
	}
	if _, err := client.Read(make([]byte, 10)); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("the client was told %v", err)
	}
}

// TestTLSRecordInPieces: records may come byte by byte, also between two reads of a
// driver.
func TestTLSRecordInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, "authority")
		pair := a.server("x")
		l := NewMemListener()
		wrapped, err := Wrap(l, "mqtts://x", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{pair}}})
		if err != nil {
			t.Fatal(err)
		}
		near, far := MemPair()
		drip := &dripping{Conn: near}
		client := tls.Client(drip, &tls.Config{InsecureSkipVerify: true})
		go client.Handshake()
		c := newConn(far, wrapped.(*porch).entrance.Load())
		if err := c.Handshake(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		drip.on = true
		go func() { client.Write(bytes.Repeat([]byte("x"), 20_000)); client.CloseWrite() }()
		if got, err := io.ReadAll(c); len(got) != 20_000 || err != nil {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		near.Close()
		c.Close()
	})
}

// dripping writes byte by byte.
type dripping struct {
	net.Conn
	on bool
}

func (d *dripping) Write(p []byte) (int, error) {
	if !d.on {
		return d.Conn.Write(p)
	}
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// FuzzUpgrade sends anything as a request and behind it.
func FuzzUpgrade(f *testing.F) {
	const request = "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n"
	f.Add([]byte(request + "\r\n"))
	f.Add([]byte(request + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"))
	f.Add(append([]byte(request+"Origin: null\r\n\r\n"), clientFrame(finBit|opBinary, "abc")...))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		near, far := MemPair()
		near.Write(in[:min(len(in), 16<<10)])
		near.CloseWrite()
		answer := make(chan string)
		go func() { b, _ := io.ReadAll(near); answer <- string(b) }()
		c := newConn(far, &entrance{ws: true, webSocket: WebSocketOptions{Compression: true}})
		c.remote = &net.UnixAddr{Net: "unix"}
		c.entrance.webSocket.ForwardedFor = loopback()
		err := c.Handshake(context.Background())
		if err == nil {
			io.Copy(io.Discard, onlyReader{c})
		}
		c.Close()
		far.Close()
		if got := <-answer; err == nil && !strings.HasPrefix(got, "HTTP/1.1 101 ") || err != nil && strings.HasPrefix(got, "HTTP/1.1 101 ") {
			t.Errorf("%v, and the answer is %q", err, got)
		}
	})
}

// TestHello cuts a client's first TLS record into small ones, and leaves alone what
// is none, and what comes behind it.
func TestHello(t *testing.T) {
	record := func(n int) string { return "\x16\x03\x01" + string([]byte{byte(n >> 8), byte(n)}) }
	payload := strings.Repeat("0123456789", 160)
	for _, test := range []struct{ name, in, want string }{
		{"long", record(1600) + payload + "behind", record(400) + payload[:400] + record(400) + payload[400:800] +
			record(400) + payload[800:1200] + record(400) + payload[1200:] + "behind"},
		{"short", record(100) + payload[:100] + "behind", record(100) + payload[:100] + "behind"},
		{"no handshake", "\x17\x03\x03\x06\x40" + payload, "\x17\x03\x03\x06\x40" + payload},
		{"MQTT", "\x10\x0c\x00\x04MQTT\x04\x02", "\x10\x0c\x00\x04MQTT\x04\x02"},
		{"cut", record(1600) + payload[:10], record(10) + payload[:10]},
		{"cut in the header", "\x16\x03", "\x16\x03"},
	} {
		near, far := MemPair()
		io.WriteString(near, test.in)
		near.CloseWrite()
		l := &inlet{Conn: far, hello: hello{expected: true}}
		var got []byte
		for p := make([]byte, 600); ; {
			n, err := l.Read(p)
			if got = append(got, p[:n]...); err != nil {
				break
			}
		}
		if string(got) != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}
