package transport

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// webSocketPair is a client and a server that have agreed on compression or not.
func webSocketPair(deflate bool) (client, server *webSocket) {
	a, b := MemPair()
	return newWebSocket(a, a, webSocketSide{client: true, deflate: deflate}),
		newWebSocket(b, b, webSocketSide{deflate: deflate})
}

func TestWebSocketCarriesBytes(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		for _, size := range []int{1, 125, 126, 127, 1 << 10, 16<<10 - 4, 65535, 65536, 1 << 20} {
			synctest.Test(t, func(t *testing.T) {
				client, server := webSocketPair(deflate)
				data := make([]byte, size)
				for i := range data {
					data[i] = byte(i>>8) ^ byte(rand.IntN(4))
				}
				send := func(from, to *webSocket) {
					go func() {
						if n, err := from.Write(data); n != size || err != nil {
							t.Errorf("Write returned %d, %v", n, err)
						}
						from.CloseWrite()
						if got, err := io.ReadAll(from); len(got) > 0 || err != nil {
							t.Errorf("after Close there came %q, %v", got, err)
						}
						from.Close()
					}()
					got, err := io.ReadAll(to)
					if err != nil || !bytes.Equal(got, data) {
						t.Errorf("%d bytes came as %d, %v", size, len(got), err)
					}
					synctest.Wait()
				}
				send(client, server)
				client, server = webSocketPair(deflate)
				send(server, client)
			})
		}
	}
}

// clientFrame is a frame as a client sends it, with its mask.
func clientFrame(first byte, payload string) []byte {
	mask := [4]byte{0xA1, 0x02, 0x73, 0x5C}
	b := append(appendHeader(nil, first, len(payload), true), mask[:]...)
	b = append(b, payload...)
	xor(b[len(b)-len(payload):], mask, 0)
	return b
}

// TestUnframer reads what a client sent, as a whole and byte by byte.
func TestUnframer(t *testing.T) {
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	end := clientFrame(finBit|opClose, "\x03\xE8bye")
	for _, test := range []struct {
		name, want, controls, fails string
		in                          []byte
	}{
		{name: "one frame", in: join(clientFrame(finBit|opBinary, "abc"), end), want: "abc"},
		{name: "two messages", in: join(clientFrame(finBit|opBinary, "abc"), clientFrame(finBit|opBinary, "de"), end), want: "abcde"},
		{name: "fragments, one empty, with a ping between", want: "abcdefg", controls: "9:hi", in: join(clientFrame(opBinary, "abc"),
			clientFrame(opContinuation, ""), clientFrame(finBit|opPing, "hi"), clientFrame(opContinuation, "de"), clientFrame(finBit|opContinuation, "fg"), end)},
		{name: "empty message", in: join(clientFrame(finBit|opBinary, ""), end)},
		{name: "long", in: join(clientFrame(finBit|opBinary, strings.Repeat("x", 70000)), end), want: strings.Repeat("x", 70000)},
		{name: "close without words", in: clientFrame(finBit|opClose, "")},
		{name: "pong", in: join(clientFrame(finBit|opPong, "x"), end), controls: "A:x"},
		{name: "text", in: clientFrame(finBit|opText, "abc"), fails: "1003"},
		{name: "text after binary", in: join(clientFrame(finBit|opBinary, "abc"), clientFrame(opText, "abc")), want: "abc", fails: "1003"},
		{name: "unmasked", in: []byte{finBit | opBinary, 1, 'a'}, fails: "1002"},
		{name: "ping of 126 bytes", in: clientFrame(finBit|opPing, strings.Repeat("x", 126)), fails: "1002"},
		{name: "fragmented ping", in: clientFrame(opPing, "x"), fails: "1002"},
		{name: "continuation of nothing", in: clientFrame(opContinuation, "x"), fails: "1002"},
		{name: "message inside a message", in: join(clientFrame(opBinary, "x"), clientFrame(finBit|opBinary, "x")), want: "x", fails: "1002"},
		{name: "compressed without agreement", in: clientFrame(finBit|rsv1Bit|opBinary, "x"), fails: "1002"},
		{name: "RSV2", in: clientFrame(finBit|0x20|opBinary, "x"), fails: "1002"},
		{name: "opcode 3", in: clientFrame(finBit|3, "x"), fails: "1002"},
		{name: "opcode 11", in: clientFrame(finBit|11, "x"), fails: "1002"},
		{name: "length over 2^63", in: []byte{finBit | opBinary, maskBit | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, fails: "1002"},
		{name: "close with half a code", in: clientFrame(finBit|opClose, "x"), fails: "1002"},
		{name: "close with code 1005", in: clientFrame(finBit|opClose, "\x03\xED"), fails: "1002"},
		{name: "close with a bad reason", in: clientFrame(finBit|opClose, "\x03\xE8\xFF"), fails: "1007"},
		{name: "cut in the header", in: clientFrame(finBit|opBinary, "abc")[:1], fails: "unexpected EOF"},
		{name: "cut in the payload", in: clientFrame(finBit|opBinary, "abc")[:8], want: "ab", fails: "unexpected EOF"},
		{name: "cut between fragments", in: clientFrame(opBinary, "abc"), want: "abc", fails: "unexpected EOF"},
		{name: "ended without close", in: clientFrame(finBit|opBinary, "abc"), want: "abc", fails: "EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, source := range []io.Reader{bytes.NewReader(test.in), iotest.OneByteReader(bytes.NewReader(test.in)), &halting{in: test.in}} {
				got, controls, err := unframe(source, false)
				if got != test.want || controls != test.controls {
					t.Errorf("%T: %q with %s", source, got, controls)
				}
				if test.fails == "" && err != errCloseFrame || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
					t.Errorf("%T: ended by %v", source, err)
				}
			}
		})
	}
}

// halting has nothing for the moment before each byte.
type halting struct {
	in   []byte
	halt bool
}

type haltError struct{ error }

func (haltError) Timeout() bool   { return true }
func (haltError) Temporary() bool { return true }

func (h *halting) Read(p []byte) (int, error) {
	if h.halt = !h.halt; h.halt {
		return 0, haltError{errors.New("nothing for the moment")}
	}
	if len(h.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:1], h.in)
	h.in = h.in[n:]
	return n, nil
}

// unframe reads to the end, and tells what control frames but Close there were.
func unframe(source io.Reader, deflate bool) (got, controls string, err error) {
	u := unframer{fromClient: true, deflate: deflate, control: func(op byte, p []byte) error {
		if op != opClose {
			controls += strings.ToUpper(hex.EncodeToString([]byte{op}))[1:] + ":" + string(p)
		}
		return nil
	}}
	defer u.stopInflating()
	var all []byte
	for p := make([]byte, 1000); ; {
		n, err := u.read(source, p)
		all = append(all, p[:n]...)
		if err != nil && !passing(err) {
			return string(all), controls, err
		}
	}
}

func TestPingIsAnsweredWhileAWriteWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := MemPair()
		server := newWebSocket(near, near, webSocketSide{})
		written := make(chan error, 1)
		go func() {
			_, err := server.Write(make([]byte, 3*memBuffer))
			written <- err
		}()
		synctest.Wait()
		far.Write(clientFrame(finBit|opPing, "old"))
		far.Write(clientFrame(finBit|opPing, "new"))
		far.Write(clientFrame(finBit|opBinary, "on"))
		p := make([]byte, 10)
		if n, err := server.Read(p); string(p[:n]) != "on" || err != nil {
			t.Fatalf("behind the pings came %q, %v", p[:n], err)
		}
		if _, err := io.ReadFull(far, make([]byte, 10+3*memBuffer)); err != nil {
			t.Fatal(err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		far.SetReadDeadline(time.Now().Add(time.Second))
		if got, _ := io.ReadAll(far); string(got) != "\x8A\x03new" {
			t.Fatalf("behind the frame came %q", got)
		}
	})
}

func TestCompressedMessages(t *testing.T) {
	pack := func(s string) string { return string(deflate(nil, []byte(s))) }
	bomb := pack(strings.Repeat("\x00", 16<<20))
	long := strings.Repeat("mqtt", 5000)
	half := pack(long)
	for _, test := range []struct {
		name, fails string
		in          []byte
		size        int
	}{
		{name: "one frame", in: clientFrame(finBit|rsv1Bit|opBinary, pack(long)), size: len(long)},
		{name: "fragments", in: append(clientFrame(rsv1Bit|opBinary, half[:9]), clientFrame(finBit|opContinuation, half[9:])...), size: len(long)},
		{name: "not compressed", in: clientFrame(finBit|opBinary, long), size: len(long)},
		{name: "empty", in: clientFrame(finBit|rsv1Bit|opBinary, "\x00")},
		{name: "RFC 7692, 7.2.3.1", in: clientFrame(finBit|rsv1Bit|opBinary, "\xf2\x48\xcd\xc9\xc9\x07\x00"), size: 5},
		{name: "RFC 7692, 7.2.3.4", in: clientFrame(finBit|rsv1Bit|opBinary, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), size: 5},
		{name: "bomb", in: clientFrame(finBit|rsv1Bit|opBinary, bomb), size: 16 << 20},
		{name: "no deflate", in: clientFrame(finBit|rsv1Bit|opBinary, "\xff\xff\xff"), fails: "1007"},
		{name: "more behind the last block", in: clientFrame(finBit|rsv1Bit|opBinary, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00abcd"), fails: "1007", size: 5},
		{name: "too long", in: clientFrame(finBit|rsv1Bit|opBinary, strings.Repeat("x", maxPacked+1)), fails: "1009"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := append(test.in, clientFrame(finBit|opClose, "")...)
			got, _, err := unframe(bytes.NewReader(in), true)
			if len(got) != test.size {
				t.Errorf("%d bytes came", len(got))
			}
			if test.fails == "" && err != errCloseFrame || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
				t.Errorf("ended by %v", err)
			}
		})
	}
}

func TestDeclaredLengthsReserveNothing(t *testing.T) {
	for _, first := range []byte{finBit | opBinary, finBit | rsv1Bit | opBinary} {
		in := []byte{first, maskBit | 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4, 'x'}
		u, source, p := unframer{fromClient: true, deflate: true}, bytes.NewReader(in), make([]byte, 10)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = u.read(source, p)
		runtime.ReadMemStats(&after)
		if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 4000 {
			t.Errorf("a frame that declares 2^63 bytes reserved %d", bytes)
		}
	}
}

func FuzzUnframer(f *testing.F) {
	f.Add(clientFrame(finBit|opBinary, "abc"), true)
	f.Add(clientFrame(finBit|rsv1Bit|opBinary, string(deflate(nil, []byte("abcabc")))), true)
	f.Add(append(clientFrame(opBinary, "abc"), clientFrame(finBit|opPing, "x")...), false)
	f.Fuzz(func(t *testing.T, in []byte, compressed bool) {
		whole, controls, err := unframe(io.LimitReader(bytes.NewReader(in), 1<<16), compressed)
		bit, controls2, err2 := unframe(&halting{in: in[:min(len(in), 1<<16)]}, compressed)
		if whole != bit || controls != controls2 || err.Error() != err2.Error() {
			t.Errorf("whole: %q %s %v; byte by byte: %q %s %v", whole, controls, err, bit, controls2, err2)
		}
	})
}
