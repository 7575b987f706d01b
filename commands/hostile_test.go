package commands

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"strings"
	"testing"

	"mqtk/mqttwire"
)

// An answer is what a cut server sends when a packet of a type has come.
type answer struct {
	to    mqttwire.PacketType
	bytes string // in hexadecimal
}

// cutServer answers one connection, in order, with the first n bytes of all
// answers together, then closes.
func cutServer(t *testing.T, answers []answer, n int) (url string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := listener.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		r := mqttwire.NewReader(nc)
		r.From = mqttwire.Client
		for len(answers) > 0 && n > 0 {
			packet, err := r.ReadPacket()
			if err != nil {
				return
			}
			if packet.Type() != answers[0].to {
				continue
			}
			b, err := hex.DecodeString(strings.ReplaceAll(answers[0].bytes, " ", ""))
			if err != nil {
				t.Error(err)
			}
			_, _ = nc.Write(b[:min(n, len(b))])
			n -= len(b)
			answers = answers[1:]
		}
		if n >= 0 {
			_, _ = r.ReadPacket() // the DISCONNECT, if all went well
		}
	}()
	return "mqtt://" + listener.Addr().String(), func() {
		listener.Close()
		<-done
	}
}

// TestEveryCut: whatever a server says is cut short at every byte. It never
// counts as success, it is always said, and nothing half gets out.
func TestEveryCut(t *testing.T) {
	const connack = "20 03 00 00 00"
	for _, test := range []struct {
		name    string
		words   string
		answers []answer
		stdout  string
	}{
		{"sub", "sub a -C 1", []answer{
			{mqttwire.CONNECT, connack},
			{mqttwire.SUBSCRIBE, "90 04 00 01 00 00" + "30 09 00 01 61 00 68 65 6c 6c 6f"},
		}, "hello\n"},
		{"pub", "pub a x -q 1", []answer{{mqttwire.CONNECT, connack}, {mqttwire.PUBLISH, "40 02 00 01"}}, ""},
		{"pub 2", "pub a x -q 2", []answer{
			{mqttwire.CONNECT, connack},
			{mqttwire.PUBLISH, "50 02 00 01"},
			{mqttwire.PUBREL, "70 02 00 01"},
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			total := 0
			for _, a := range test.answers {
				total += len(strings.ReplaceAll(a.bytes, " ", "")) / 2
			}
			for n := range total + 1 {
				url, stop := cutServer(t, test.answers, n)
				var out, problems bytes.Buffer
				words := append(strings.Fields(test.words), "--retry", "0", "-L", url)
				code := Run(context.Background(), words, Stdio{In: strings.NewReader(""), Out: &out, Err: &problems}, nil)
				stop()
				if n == total {
					if code != exitDone || out.String() != test.stdout {
						t.Errorf("uncut: code %d, stdout %q, stderr %s", code, out.String(), problems.String())
					}
					continue
				}
				if code == exitDone || code == exitFailed || problems.Len() == 0 || out.Len() > 0 {
					t.Errorf("cut at %d: code %d, stdout %q, stderr %s", n, code, out.String(), problems.String())
				}
			}
		})
	}
}

// TestFlood: a server that never stops sending does not keep sub from ending.
func TestFlood(t *testing.T) {
	f := startFake(t, "< CONNECT\n> CONNACK Success\n< SUBSCRIBE\n> SUBACK packet-id=$id GrantedQoS0\n> hex "+
		strings.Repeat("30 04 00 01 61 00", 20_000))
	defer f.stop()
	var out, problems bytes.Buffer
	code := Run(context.Background(), []string{"sub", "a", "-C", "3", "-F", "%l", "-L", f.url()},
		Stdio{In: strings.NewReader(""), Out: &out, Err: &problems}, nil)
	if code != exitDone || out.String() != "0\n0\n0\n" {
		t.Errorf("code %d, stdout %.40q, stderr %s", code, out.String(), problems.String())
	}
}
