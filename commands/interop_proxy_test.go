package commands

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
)

// startProxy puts inspect proxy before a broker.
func startProxy(t testing.TB, b testBroker, listen string, flags ...string) testBroker {
	t.Helper()
	args := append([]string{"inspect", "proxy", "--listen", listen, "--to", b.url()}, b.files()...)
	p := launch(t, mqtkCommand(t, append(args, flags...)...))
	url, _, _ := strings.Cut(strings.TrimPrefix(p.next(" leads to "), "mqtk: "), " ")
	scheme, rest, _ := strings.Cut(url, "://")
	host, port, _ := strings.Cut(strings.TrimSuffix(rest, "/mqtt"), ":")
	return testBroker{name: b.name + " behind inspect proxy", scheme: scheme, host: host, port: port, process: p}
}

// streams are what each connection of a tap said, to the broker and from it.
func (p *tap) streams() (all [][2][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.segments {
		for len(all) <= s.connection {
			all = append(all, [2][]byte{})
		}
		side := 1
		if s.toBroker {
			side = 0
		}
		all[s.connection][side] = append(all[s.connection][side], s.data...)
	}
	return all
}

// TestInteropProxyChangesNothing: what clients of others and mosquitto say to
// each other is the same on both sides of inspect proxy, to the byte, breaks no
// statement, and is what the record holds.
func TestInteropProxyChangesNothing(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(*testing.T) peer{"mqttjs": mqttjsPeer, "paho": pahoPeer, "mosquitto": mosquittoPeer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, mosquitto := build(t), startMosquitto(t)
			behind := newTap(t, mosquitto)
			record := filepath.Join(t.TempDir(), "record")
			proxy := startProxy(t, behind.broker(mosquitto), "mqtt://127.0.0.1:0", "--record", record)
			before := newTap(t, proxy)
			for _, version := range versions() {
				exchange(t, before.broker(proxy), client, client, version)
			}
			large := bytes.Repeat([]byte("large "), 50_000)
			sub := launch(t, client.sub(t, before.broker(proxy), "5.0", "large"))
			sub.next(client.ready)
			launch(t, mqtkCommand(t, "pub", "-L", before.broker(proxy).url(), "-q", "2", "large", string(large[:100_000]))).succeeds()
			sub.next("MSG large")
			bothSaw(t, before, behind, func(said [2][]byte) bool { return unanswered(said) == 0 })
			sub.terminate()
			sub.ends()
			bothSaw(t, before, behind, func(said [2][]byte) bool {
				return !bytes.Contains(said[1], large[:1000]) || lastType(said[0]) == mqttwire.DISCONNECT
			})
			before.listener.Close()
			proxy.process.terminate()
			if code := proxy.process.ends(); code != 0 {
				t.Errorf("the proxy ended with %d:\n%s", code, proxy.process.output())
			}
			if out := proxy.process.output(); strings.Contains(out, "! violation") || strings.Contains(out, "unseen") {
				t.Errorf("the proxy says:\n%s", out)
			}
			before.close()
			behind.close()
			here, there := before.streams(), behind.streams()
			if len(here) != len(there) || len(here) < 7 {
				t.Fatalf("%d connections before the proxy, %d behind it", len(here), len(there))
			}
			for i := range here {
				for side := range here[i] {
					if said, came := here[i][side], there[i][side]; !bytes.Equal(said, came) {
						t.Errorf("connection %d: %d bytes before the proxy, other %d behind it", i, len(said), len(came))
					}
				}
			}
			compareRecord(t, record, there)
		})
	}
}

// bothSaw waits until two taps have seen the same, and all connections are so.
func bothSaw(t *testing.T, before, behind *tap, so func(said [2][]byte) bool) {
	t.Helper()
	timer := time.NewTimer(lineDeadline)
	defer timer.Stop()
	for {
		here, there := before.streams(), behind.streams()
		if slices.EqualFunc(here, there, func(a, b [2][]byte) bool { return bytes.Equal(a[0], b[0]) && bytes.Equal(a[1], b[1]) && so(a) }) {
			return
		}
		select {
		case <-before.moved:
		case <-behind.moved:
		case <-timer.C:
			t.Fatalf("what is said on %d connections before the proxy and %d behind it does not become the same, or an answer is missing", len(here), len(there))
		}
	}
}

// packetHeads are the first bytes of the packets of a stream.
func packetHeads(stream []byte) (heads []byte) {
	for len(stream) > 1 {
		length, size := binary.Uvarint(stream[1:])
		if size <= 0 {
			break
		}
		heads = append(heads, stream[0])
		stream = stream[min(len(stream), 1+size+int(length)):]
	}
	return heads
}

// unanswered is how many messages of QoS 1 and 2 a client has yet to
// acknowledge.
func unanswered(said [2][]byte) (n int) {
	for _, head := range packetHeads(said[1]) {
		if mqttwire.PacketType(head>>4) == mqttwire.PUBLISH && head&6 != 0 {
			n++
		}
	}
	for _, head := range packetHeads(said[0]) {
		if kind := mqttwire.PacketType(head >> 4); kind == mqttwire.PUBACK || kind == mqttwire.PUBCOMP {
			n--
		}
	}
	return n
}

// lastType is the type of the last packet of a stream.
func lastType(stream []byte) mqttwire.PacketType {
	heads := packetHeads(stream)
	if len(heads) == 0 {
		return 0
	}
	return mqttwire.PacketType(heads[len(heads)-1] >> 4)
}

// compareRecord holds a record to what a tap has seen.
func compareRecord(t *testing.T, record string, seen [][2][]byte) {
	t.Helper()
	f, err := os.Open(record)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := conformance.ReadRecord(f)
	if err != nil {
		t.Fatal(err)
	}
	said := make([][2][]byte, len(seen))
	for _, r := range all {
		side := 0
		if r.FromServer {
			side = 1
		}
		said[r.Connection-1][side] = append(said[r.Connection-1][side], r.Raw...)
	}
	for i := range seen {
		for side := range seen[i] {
			if !bytes.Equal(seen[i][side], said[i][side]) {
				t.Errorf("connection %d: %d bytes in the record, %d passed", i, len(said[i][side]), len(seen[i][side]))
			}
		}
	}
}

// TestInteropProxyByEveryWay: TLS and WebSocket on either side of the proxy.
func TestInteropProxyByEveryWay(t *testing.T) {
	t.Parallel()
	client := mqttjsPeer(t)
	n := newNotary(t, "our authority")
	n.sign("server", hosts("localhost", "127.0.0.1"))
	secure := startMosquitto(t, "cafile "+n.file("ca.pem"), "certfile "+n.file("server.pem"), "keyfile "+n.file("server.key"))
	secure.scheme, secure.cafile, secure.host = "mqtts", n.file("ca.pem"), "localhost"
	plain := startMosquitto(t)
	own := []string{"--listen-cert", n.file("server.pem"), "--listen-key", n.file("server.key")}
	for _, test := range []struct {
		listen string
		broker testBroker
		flags  []string
	}{
		{"mqtt", secure, nil},
		{"mqtts", secure, own},
		{"mqtts", plain, own},
		{"ws", plain, nil},
		{"wss", secure, own},
	} {
		t.Run(test.listen+" to "+test.broker.url(), func(t *testing.T) {
			capture := filepath.Join(t.TempDir(), "capture.pcapng")
			b := startProxy(t, test.broker, test.listen+"://127.0.0.1:0", append(test.flags, "--pcapng", capture)...)
			if isTLS(test.listen) {
				b.cafile = n.file("ca.pem")
			}
			for _, version := range versions()[1:] {
				exchange(t, b, client, client, version)
			}
			b.process.terminate()
			if code := b.process.ends(); code != 0 {
				t.Errorf("ended with %d:\n%s", code, b.process.output())
			}
			tshark := needProgram(t, "tshark")
			port := "1883"
			if test.broker.scheme == "" {
				port = test.broker.port
			}
			out, err := exec.Command(tshark, "-r", capture, "-d", "tcp.port=="+test.broker.port+",mqtt", "-d", "tcp.port=="+port+",mqtt", "-Y", "mqtt.msgtype==3", "-T", "fields", "-e", "mqtt.topic").Output()
			if err != nil || strings.Count(string(out), "exchange/") < 12 {
				t.Errorf("tshark reads %v:\n%s", err, out)
			}
		})
	}
}

// BenchmarkInspectProxy sends pings to mosquitto, straight and through the proxy
// by turns, and tells what the proxy adds to a packet: half of what it adds to a
// ping and its answer. The doc of package proxy has the figures.
func BenchmarkInspectProxy(b *testing.B) {
	direct := startMosquitto(b, "persistence false") // with a setting it does not print each packet
	for _, flags := range [][]string{nil, {"--json"}, {"--fault", "drop client=nobody"}} {
		b.Run("flags "+strings.Join(flags, " "), func(b *testing.B) {
			proxy := startProxy(b, direct, "mqtt://127.0.0.1:0", flags...)
			go func() {
				for range proxy.process.lines {
				}
			}()
			var conns [2]net.Conn
			for i, to := range []testBroker{direct, proxy} {
				conns[i] = pinger(b, to)
				defer conns[i].Close()
			}
			var took [2][]time.Duration
			answer := make([]byte, 2)
			for b.Loop() {
				for i, nc := range conns {
					began := time.Now()
					if _, err := nc.Write([]byte{0xc0, 0}); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(nc, answer); err != nil {
						b.Fatal(err)
					}
					took[i] = append(took[i], time.Since(began))
				}
			}
			for i := range took {
				slices.Sort(took[i])
			}
			at := func(i int, part float64) float64 {
				return float64(took[i][int(part*float64(len(took[i])-1))].Nanoseconds()) / 1000
			}
			b.ReportMetric(at(0, 0.5), "µs-direct")
			b.ReportMetric(at(1, 0.5), "µs-through")
			b.ReportMetric((at(1, 0.5)-at(0, 0.5))/2, "µs-added-p50")
			b.ReportMetric((at(1, 0.99)-at(0, 0.99))/2, "µs-added-p99")
		})
	}
}

// pinger is a connection that has been greeted.
func pinger(b *testing.B, to testBroker) net.Conn {
	nc, err := net.Dial("tcp", net.JoinHostPort(to.host, to.port))
	if err != nil {
		b.Fatal(err)
	}
	hello, err := (&mqttwire.Connect{Version: mqttwire.V311, CleanStart: true, ClientID: "pinger" + to.port, ProtocolName: "MQTT"}).Append(nil, mqttwire.V311)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := nc.Write(hello); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(nc, make([]byte, 4)); err != nil {
		b.Fatal(err)
	}
	return nc
}
