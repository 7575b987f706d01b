package broker_test

import (
	"bytes"
	"compress/flate"
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
	"mqtk/mqttwire/transport"
)

// TestScriptsThroughSockets plays the scripts that need no settings over real TLS and
// WebSocket, whose connections are written without waiting where there are system
// calls for that. Their times are real, and a busy machine may be late: what fails is
// played again alone, some times, and must pass once.
func TestScriptsThroughSockets(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	all, err := conformance.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	var scripts []*conformance.Script
	for _, s := range all {
		if len(s.Settings) == 0 {
			scripts = append(scripts, s)
		}
	}
	certificate := selfSigned(t)
	for _, scheme := range []string{"mqtts", "ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			var o transport.ListenOptions
			if scheme != "ws" {
				o.TLS = &transport.ServerTLS{Certificates: []transport.KeyPair{certificate}}
			}
			l, err := transport.Listen(scheme+"://127.0.0.1:0", o)
			if err != nil {
				t.Fatal(err)
			}
			b, err := broker.New(broker.Options{Limits: limitsWith(t)})
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- b.Serve(l) }()
			playAll(t, scripts, func(ctx context.Context) (net.Conn, error) {
				return transport.Dial(ctx, transport.URL(l), transport.DialOptions{TLS: transport.ClientTLS{Insecure: true}})
			})
			ctx, cancel := context.WithTimeout(context.Background(), ample)
			defer cancel()
			if err := b.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			<-served
		})
	}
}

func playAll(t *testing.T, scripts []*conformance.Script, dial conformance.Dialer) {
	o := conformance.Options{Prefix: conformance.NewPrefix(), Strict: true, Have: []string{"anonymous"}, Parallel: 32, Patience: 15 * time.Second}
	passed := 0
	for i, r := range conformance.RunAll(t.Context(), scripts, dial, o, nil) {
		for tries := 5; r.Outcome == conformance.Fail && tries > 0; tries-- {
			t.Logf("once more: %v", r)
			o.Prefix = conformance.NewPrefix()
			r = conformance.Run(t.Context(), scripts[i], dial, o)
		}
		switch r.Outcome {
		case conformance.Fail:
			t.Error(r)
		case conformance.Pass:
			passed++
		}
	}
	if passed < len(scripts)/2 {
		t.Errorf("%d of %d scripts passed", passed, len(scripts))
	}
}

// TestCompressionBomb: a message of a few kB that becomes 20 MB is handed on as it
// comes out, and nobody waits for its end.
func TestCompressionBomb(t *testing.T) {
	packet := append([]byte{0x30, 0x84, 0x08, 0, 1, 'a'}, make([]byte, 1025)...) // PUBLISH topic=a
	var packed bytes.Buffer
	out, _ := flate.NewWriter(&packed, flate.BestCompression)
	out.Write([]byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01b"))
	for range 20_000 {
		out.Write(packet)
	}
	out.Write([]byte{0xC0, 0})
	out.Flush()
	l, err := transport.Listen("ws://127.0.0.1:0", transport.ListenOptions{WebSocket: transport.WebSocketOptions{Compression: true}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(broker.Options{Limits: limitsWith(t)})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), ample)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-served
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	w, err := upgrade(nc, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
	if err != nil || w.answer.Header.Get("Sec-Websocket-Extensions") == "" {
		t.Fatalf("no compression: %v, %v", w.answer, err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := nc.Write(frame(0xC2, packed.Bytes()[:packed.Len()-4])); err != nil {
		t.Fatal(err)
	}
	w.wants(t, mqttwire.V311, "CONNACK Success", "PINGRESP")
	runtime.ReadMemStats(&after)
	if grown := int64(after.Sys) - int64(before.Sys); grown > 16<<20 {
		t.Errorf("%d bytes that became 20 MB took %d MB of memory", packed.Len(), grown>>20)
	}
}
