package broker_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
	"mqtk/mqttwire/transport"
)

// What clients see of the broker is the same behind each door: all scripts are
// played over TLS, and over WebSocket with frames of one byte and more.
func TestScriptsThroughDoors(t *testing.T) {
	if testing.Short() {
		t.Skip("all scripts, three times more")
	}
	scripts, err := conformance.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	certificate := selfSigned(t)
	for _, scheme := range []string{"mqtts", "ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			for _, s := range scripts {
				if s.Frames != "" && scheme == "mqtts" {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					l, dial := openDoor(t, scheme, certificate)
					if r := playThrough(t, s, optionsFor(t, s, broker.Options{}), l, dial); r.Outcome != conformance.Pass {
						t.Error(r)
					}
				})
			}
		})
	}
}

// selfSigned writes a certificate for nobody, good since ever.
func selfSigned(t *testing.T) transport.KeyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pair := transport.KeyPair{Cert: filepath.Join(t.TempDir(), "cert.pem"), Key: filepath.Join(t.TempDir(), "key.pem")}
	for path, block := range map[string]*pem.Block{pair.Cert: {Type: "CERTIFICATE", Bytes: der}, pair.Key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pair
}

// openDoor listens in memory for a scheme, and tells how to get in.
func openDoor(t *testing.T, scheme string, certificate transport.KeyPair) (net.Listener, conformance.Dialer) {
	t.Helper()
	_, l, dial := openMemoryDoor(t, scheme, certificate)
	return l, dial
}

func openMemoryDoor(t *testing.T, scheme string, certificate transport.KeyPair) (*transport.MemListener, net.Listener, conformance.Dialer) {
	t.Helper()
	memory := transport.NewMemListener()
	o := transport.ListenOptions{}
	secure := scheme == "mqtts" || scheme == "wss"
	if secure {
		o.TLS = &transport.ServerTLS{Certificates: []transport.KeyPair{certificate}}
	}
	l, err := transport.Wrap(memory, scheme+"://door", o)
	if err != nil {
		t.Fatal(err)
	}
	return memory, l, func(ctx context.Context) (nc net.Conn, err error) {
		if nc, err = memory.Dial(ctx); err != nil {
			return nil, err
		}
		if secure {
			nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
		}
		if scheme == "ws" || scheme == "wss" {
			return upgrade(nc, "")
		}
		return nc, nil
	}
}

// A webConn is a client's end of a WebSocket, which masks by zeros.
type webConn struct {
	net.Conn
	r      *bufio.Reader
	answer *http.Response
	left   uint64 // of the frame that is being read
	turn   int
}

// upgrade asks for a WebSocket.
func upgrade(nc net.Conn, lines string) (*webConn, error) {
	request := "GET /mqtt HTTP/1.1\r\nHost: door\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n" + lines + "\r\n"
	w := &webConn{Conn: nc, r: bufio.NewReader(nc)}
	_, err := io.WriteString(nc, request)
	if err == nil {
		w.answer, err = http.ReadResponse(w.r, nil)
	}
	if err == nil && w.answer.StatusCode != http.StatusSwitchingProtocols {
		err = errors.New(w.answer.Status)
	}
	return w, err
}

// WriteFrame and Subprotocol are for scripts that are about frames.
func (w *webConn) WriteFrame(first byte, p []byte) error {
	_, err := w.Conn.Write(frame(first, p))
	return err
}

func (w *webConn) Subprotocol() string { return w.answer.Header.Get("Sec-Websocket-Protocol") }

// frame makes a frame of a client, with a mask that changes nothing.
func frame(first byte, payload []byte) []byte {
	b := []byte{first, 0x80}
	switch n := len(payload); {
	case n < 126:
		b[1] |= byte(n)
	case n < 1<<16:
		b[1] |= 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] |= 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

const (
	binaryFrame = 0x82
	textFrame   = 0x81
	pingFrame   = 0x89
)

// Write sends p in frames of one byte, of three, and in one with fragments and
// empty frames, in turn.
func (w *webConn) Write(p []byte) (int, error) {
	var b []byte
	w.turn++
	switch rest := p; w.turn % 4 {
	case 0:
		for ; len(rest) > 0 && len(b) < 1<<16; rest = rest[1:] {
			b = append(b, frame(binaryFrame, rest[:1])...)
		}
		b = append(b, frame(binaryFrame, rest)...)
	case 1:
		for ; len(rest) > 3 && len(b) < 1<<16; rest = rest[3:] {
			b = append(b, frame(binaryFrame, rest[:3])...)
		}
		b = append(b, frame(binaryFrame, rest)...)
	case 2:
		b = append(b, frame(0x02, p[:len(p)/2])...)
		b = append(b, frame(pingFrame, []byte("between"))...)
		b = append(b, frame(0x00, nil)...)
		b = append(b, frame(0x80, p[len(p)/2:])...)
	default:
		b = frame(binaryFrame, p)
	}
	if _, err := w.Conn.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Read takes binary frames apart, forgets Pong, and ends by Close.
func (w *webConn) Read(p []byte) (int, error) {
	for w.left == 0 {
		op, payload, err := w.next()
		switch {
		case err != nil:
			return 0, err
		case op == 0x88 && string(payload) != "\x03\xE8":
			return 0, fmt.Errorf("closed with %q", payload)
		case op == 0x88:
			return 0, io.EOF
		}
	}
	n, err := w.r.Read(p[:min(uint64(len(p)), w.left)])
	w.left -= uint64(n)
	return n, err
}

// next reads a frame, of a binary one only its header.
func (w *webConn) next() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		return 0, nil, err
	}
	length := uint64(head[1])
	more := map[byte]int{126: 2, 127: 8}[head[1]]
	if more > 0 {
		var long [8]byte
		if _, err := io.ReadFull(w.r, long[8-more:]); err != nil {
			return 0, nil, err
		}
		length = binary.BigEndian.Uint64(long[:])
	}
	if head[0] == binaryFrame {
		w.left = length
		return head[0], nil, nil
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(w.r, payload)
	return head[0], payload, err
}

func (w *webConn) CloseWrite() error {
	_, err := w.Conn.Write(frame(0x88, []byte("\x03\xE8")))
	return err
}

// testWebSocket shows the statements of section 6 against the listener.
func testWebSocket(t *testing.T, v mqttwire.Version) {
	packet := func(text string) []byte {
		p, err := mqttwire.ParseText(text, v)
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	connect, ping := packet("CONNECT client-id=web"), packet("PINGREQ")
	for id, f := range map[string]func(t *testing.T, w *webConn){
		"MQTT-6.0.0-1": func(t *testing.T, w *webConn) {
			w.Conn.Write(frame(binaryFrame, connect))
			w.wants(t, v, "CONNACK Success")
			w.Conn.Write(append(frame(textFrame, ping), frame(binaryFrame, ping)...))
			if op, payload, err := w.next(); op != 0x88 || string(payload) != "\x03\xEB" || err != nil {
				t.Errorf("a text frame is answered by %x %q, %v, not by Close 1003", op, payload, err)
			}
			if _, _, err := w.next(); err != io.EOF {
				t.Errorf("after Close there comes %v", err)
			}
		},
		"MQTT-6.0.0-2": func(t *testing.T, w *webConn) {
			for _, b := range connect {
				w.Conn.Write(frame(binaryFrame, []byte{b}))
			}
			w.wants(t, v, "CONNACK Success")
			w.Conn.Write(frame(binaryFrame, bytes.Repeat(ping, 3)))
			w.wants(t, v, "PINGRESP", "PINGRESP", "PINGRESP")
			w.Conn.Write(bytes.Join([][]byte{frame(0x02, append(ping, ping[0])), frame(pingFrame, nil), frame(0x80, ping[1:])}, nil))
			w.wants(t, v, "PINGRESP", "PINGRESP")
			publish := packet("PUBLISH topic=a qos=1 packet-id=1 payload=" + strings.Repeat("x", 70000))
			w.Conn.Write(bytes.Join([][]byte{frame(binaryFrame, publish[:1]), frame(binaryFrame, publish[1:40000]), frame(binaryFrame, publish[40000:])}, nil))
			if v == mqttwire.V5 {
				w.wants(t, v, "PUBACK NoMatchingSubscribers packet-id=1")
			} else {
				w.wants(t, v, "PUBACK packet-id=1")
			}
		},
		"MQTT-6.0.0-4": func(t *testing.T, w *webConn) {
			if got := w.answer.Header.Values("Sec-Websocket-Protocol"); len(got) != 1 || got[0] != "mqtt" {
				t.Errorf("the server chose the subprotocol %q", got)
			}
		},
	} {
		t.Run(id, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { throughWebSocket(t, f) })
		})
	}
}

// throughWebSocket runs f with a client of a broker.
func throughWebSocket(t *testing.T, f func(t *testing.T, w *webConn)) {
	b, err := broker.New(broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, dial := openDoor(t, "ws", transport.KeyPair{})
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()
	defer func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-served
	}()
	nc, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	f(t, nc.(*webConn))
}

// wants reads packets.
func (w *webConn) wants(t *testing.T, v mqttwire.Version, lines ...string) {
	t.Helper()
	r := mqttwire.NewReader(w)
	r.Version, r.From = v, mqttwire.Server
	for _, want := range lines {
		p, err := r.ReadPacket()
		if err != nil {
			t.Fatalf("waiting for %s: %v", want, err)
		}
		if got := string(mqttwire.AppendText(nil, p, v)); !strings.HasPrefix(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if w.left > 0 {
		t.Fatalf("%d bytes more than wanted", w.left)
	}
}

// TestHalfHandshakes: who stops in the middle of a handshake is gone after the time
// that it has, and others come in meanwhile.
func TestHalfHandshakes(t *testing.T) {
	certificate := selfSigned(t)
	for scheme, says := range map[string]string{
		"mqtts": "\x16\x03\x01\x40\x00half a hello",
		"ws":    "GET /mqtt HTTP/1.1\r\nHost: door\r\n",
		"wss":   "\x16",
	} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, err := broker.New(broker.Options{})
				if err != nil {
					t.Fatal(err)
				}
				memory, l, dial := openMemoryDoor(t, scheme, certificate)
				served := make(chan error, 1)
				go func() { served <- b.Serve(l) }()
				var halves []net.Conn
				for range 100 {
					nc, err := memory.Dial(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					io.WriteString(nc, says)
					halves = append(halves, nc)
				}
				nc, err := dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				w := &client{w: &world{t: t}, name: "healthy", version: mqttwire.V5, conn: nc, lines: make(chan received, 10)}
				go w.read()
				w.send("CONNECT client-id=healthy keep-alive=0")
				w.expect("CONNACK Success")
				start := time.Now()
				for _, half := range halves {
					if _, err := io.Copy(io.Discard, half); err != nil {
						t.Errorf("a half handshake ends by %v", err)
					}
				}
				if took := time.Since(start); took > 11*time.Second {
					t.Errorf("half handshakes lasted %v", took)
				}
				w.send("PINGREQ")
				w.expect("PINGRESP")
				nc.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := b.Shutdown(ctx); err != nil {
					t.Error(err)
				}
				<-served
			})
		})
	}
}
