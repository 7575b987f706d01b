package conformance

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// A looseFramed is a WebSocket of a server that takes data of any frame.
type looseFramed struct {
	net.Conn
	chosen string
	frames *[]string
}

func (l looseFramed) Subprotocol() string { return l.chosen }

func (l looseFramed) Write(p []byte) (int, error) { return len(p), l.WriteFrame(frameBinary, p) }

func (l looseFramed) WriteFrame(first byte, p []byte) error {
	*l.frames = append(*l.frames, fmt.Sprintf("%02x %x", first, p))
	if first == framePing {
		return nil
	}
	_, err := l.Conn.Write(p)
	return err
}

// TestFrames: in which frames a script's packets go.
func TestFrames(t *testing.T) {
	const connect, ping = "100d00044d51545404000000000161", "c000"
	for _, test := range []struct{ how, chosen, want, got string }{
		{"whole", "", "82 " + connect + ", 82 " + ping, ""},
		{"bytes", "", "82 10, 82 0d, 82 00, 82 04, 82 4d, 82 51, 82 54, 82 54, 82 04, 82 00, 82 00, 82 00, 82 00, 82 01, 82 61, 82 c0, 82 00", ""},
		{"parts", "", "02 100d00044d5154, 89 70617274, 00 , 80 5404000000000161, 02 c0, 89 70617274, 00 , 80 00", ""},
		{"text", "", "82 " + connect + ", 81 " + ping, ""},
		{"named", "mqtt", "82 " + connect + ", 82 " + ping, ""},
		{"named", "", "", "the answer to the upgrade does not name the subprotocol mqtt [MQTT-6.0.0-4]"},
	} {
		var frames []string
		s := parsed(t, "=== test\n# 3.1.1: MQTT-6.0.0-1\n# frames: "+test.how+"\n1> CONNECT client-id=a\n1< CONNACK\n1> PINGREQ\n1< PINGRESP")[0]
		var r Result
		synctest.Test(t, func(t *testing.T) {
			b := &fakeBroker{version: s.Version, rules: []rule{accept(), {"PINGREQ", []string{"PINGRESP"}}}}
			r = Run(t.Context(), s, func(ctx context.Context) (net.Conn, error) {
				conn, err := b.dial(ctx)
				return looseFramed{conn, test.chosen, &frames}, err
			}, Options{Frames: true})
			b.serving.Wait()
		})
		if got := strings.Join(frames, ", "); got != test.want || r.Got != test.got {
			t.Errorf("%s: sent %s, want %s; %s", test.how, got, test.want, r)
		}
		if broken := test.got != ""; broken != slices.Contains(r.Broken, "MQTT-6.0.0-4") || broken == (r.Outcome == Pass) {
			t.Errorf("%s: %v breaks %v", test.how, r, r.Broken)
		}
	}
}

// TestFramesFindBrokers: a broker that takes text frames is found, and without
// WebSocket the scripts are skipped.
func TestFramesFindBrokers(t *testing.T) {
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Outcome{}
	for _, s := range scripts {
		if s.Frames == "" {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			b := &fakeBroker{version: s.Version, rules: []rule{accept(), {"PINGREQ", []string{"PINGRESP"}}}}
			r := Run(t.Context(), s, func(ctx context.Context) (net.Conn, error) {
				conn, err := b.dial(ctx)
				return looseFramed{conn, "", new([]string)}, err
			}, Options{Frames: true})
			b.serving.Wait()
			found[s.Name()] = r.Outcome
			if r := Run(t.Context(), s, b.dial, Options{}); r.Outcome != Skip || r.Got != "it is about frames, which only WebSocket has, ws:// or wss://" {
				t.Errorf("without WebSocket: %s", r)
			}
			if r := Run(t.Context(), s, b.dial, Options{Literal: true}); r.Outcome != Fail || !strings.Contains(r.Got, "which only WebSocket has") {
				t.Errorf("played all the same: %s", r)
			}
			b.serving.Wait()
		})
	}
	for name, want := range map[string]Outcome{
		"5.0 a packet in a text frame closes the connection":   Fail,
		"3.1.1 the subprotocol that is chosen is mqtt":         Fail,
		"3.1.1 several packets are found in one frame":         Pass,
		"3.1.1 a packet in a text frame closes the connection": Fail,
	} {
		if got, ok := found[name]; !ok || got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestFramesOfNoKind(t *testing.T) {
	if _, err := Parse("x.mqtt", "=== a\n# frames: square\n1> PINGREQ"); err == nil || !strings.Contains(err.Error(), `x.mqtt:1: # frames: square is none of ["whole"`) {
		t.Error(err)
	}
}
