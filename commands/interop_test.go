package commands

import (
	"cmp"
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// These tests talk to what others wrote: mosquitto (broker and clients),
// Python's Paho, MQTT.js. Each skips where its peer is not installed.

// A peer is a client program that can subscribe and publish. Its subscriber
// prints a line with ready once it is subscribed, then
// MSG TOPIC QOS RETAIN PAYLOAD; its publisher publishes "hello QOS" to
// TOPIC/QOS at each QoS, in one process or three.
type peer struct {
	name, ready string
	sub         func(t *testing.T, b testBroker, version, filter string) *exec.Cmd
	pub         func(t *testing.T, b testBroker, version, topic string) []*exec.Cmd
}

func mqtkPeer() peer {
	return peer{
		name: "mqtk", ready: "SUBACK",
		sub: func(t *testing.T, b testBroker, version, filter string) *exec.Cmd {
			return mqtkCommand(t, append([]string{"sub", "-L", b.url(), "-V", version, "-q", "2", "-d", "-F", "MSG %t %q %r %p", filter}, b.files()...)...)
		},
		pub: func(t *testing.T, b testBroker, version, topic string) (all []*exec.Cmd) {
			for _, qos := range []string{"0", "1", "2"} {
				all = append(all, mqtkCommand(t, append([]string{"pub", "-L", b.url(), "-V", version, "-q", qos, topic + "/" + qos, "hello " + qos}, b.files()...)...))
			}
			return all
		},
	}
}

func mosquittoPeer(t *testing.T) peer {
	sub, pub := needProgram(t, "mosquitto_sub"), needProgram(t, "mosquitto_pub")
	versions := map[string]string{"3.1": "mqttv31", "3.1.1": "mqttv311", "5.0": "mqttv5"}
	return peer{
		name: "mosquitto", ready: "Subscribed",
		sub: func(t *testing.T, b testBroker, version, filter string) *exec.Cmd {
			return promptly(t, exec.Command(sub, append(b.files(), "-h", b.host, "-p", b.port, "-V", versions[version], "-i", "msub"+version,
				"-q", "2", "-d", "-F", "MSG %t %q %r %p", "-t", filter)...))
		},
		pub: func(t *testing.T, b testBroker, version, topic string) (all []*exec.Cmd) {
			for _, qos := range []string{"0", "1", "2"} {
				all = append(all, exec.Command(pub, append(b.files(), "-h", b.host, "-p", b.port, "-V", versions[version], "-i", "mpub"+qos,
					"-q", qos, "-t", topic+"/"+qos, "-m", "hello "+qos)...))
			}
			return all
		},
	}
}

// promptly has a C program write its lines into a pipe when it prints them:
// mosquitto_sub -d keeps them until it prints a message.
func promptly(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	return exec.Command(needProgram(t, "stdbuf"), append([]string{"-oL", cmd.Path}, cmd.Args[1:]...)...)
}

func pahoPeer(t *testing.T) peer {
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import paho.mqtt").Run() == nil {
			return scriptPeer("paho", python, "testdata/interop/peer.py")
		}
	}
	t.Skip("Paho for Python (python3-paho-mqtt) is not installed")
	return peer{}
}

func mqttjsPeer(t *testing.T) peer {
	node := needProgram(t, "node")
	if os.Getenv("MQTK_TEST_MQTTJS") == "" {
		t.Skip("MQTT.js is not there: npm install mqtt, and set MQTK_TEST_MQTTJS to its folder in node_modules")
	}
	return scriptPeer("mqttjs", node, "testdata/interop/peer.js")
}

func scriptPeer(name, interpreter, script string) peer {
	command := func(b testBroker, mode, version, topic string) *exec.Cmd {
		cmd := exec.Command(interpreter, script, mode, b.host, b.port, version, topic)
		cmd.Env = append(os.Environ(), "MQTK_TEST_SCHEME="+cmp.Or(b.scheme, "mqtt"), "MQTK_TEST_CA="+b.cafile, "MQTK_TEST_CERT="+b.cert, "MQTK_TEST_KEY="+b.key)
		return cmd
	}
	return peer{
		name: name, ready: "READY",
		sub: func(t *testing.T, b testBroker, version, filter string) *exec.Cmd {
			return command(b, "sub", version, filter)
		},
		pub: func(t *testing.T, b testBroker, version, topic string) []*exec.Cmd {
			return []*exec.Cmd{command(b, "pub", version, topic)}
		},
	}
}

func versions() []string { return []string{"3.1", "3.1.1", "5.0"} }

// exchange has one peer publish at each QoS and the other receive it.
func exchange(t *testing.T, b testBroker, from, to peer, version string) {
	t.Helper()
	topic := "exchange/" + from.name + "/" + to.name
	sub := launch(t, to.sub(t, b, version, topic+"/#"))
	sub.next(to.ready)
	for _, cmd := range from.pub(t, b, version, topic) {
		launch(t, cmd).succeeds()
	}
	var got []string
	for range 3 {
		got = append(got, sub.next("MSG "))
	}
	slices.Sort(got) // messages of several publishers have no order
	want := []string{
		"MSG " + topic + "/0 0 0 hello 0",
		"MSG " + topic + "/1 1 0 hello 1",
		"MSG " + topic + "/2 2 0 hello 2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s to %s over %s, MQTT %s: got\n%s", from.name, to.name, b.name, version, strings.Join(got, "\n"))
	}
}

// TestInteropServe: our broker between its own clients and those of others.
func TestInteropServe(t *testing.T) {
	t.Parallel()
	withPeers(t, func(t *testing.T, other peer) {
		b := startMqtk(t)
		for _, version := range versions() {
			t.Run(version, func(t *testing.T) {
				exchange(t, b, other, mqtkPeer(), version)
				exchange(t, b, mqtkPeer(), other, version)
			})
		}
		t.Run("mixed versions", func(t *testing.T) {
			sub := launch(t, other.sub(t, b, "3.1", "mixed/#"))
			sub.next(other.ready)
			for _, version := range versions() {
				for _, cmd := range mqtkPeer().pub(t, b, version, "mixed/"+version) {
					launch(t, cmd).succeeds()
					sub.next("MSG mixed/" + version)
				}
			}
		})
	})
}

// withPeers runs a test with each client, ours and those of others, by its name
// and beside each other.
func withPeers(t *testing.T, f func(t *testing.T, other peer)) {
	for name, build := range map[string]func(*testing.T) peer{
		"mqtk":      func(*testing.T) peer { return mqtkPeer() },
		"mosquitto": mosquittoPeer,
		"paho":      pahoPeer,
		"mqttjs":    mqttjsPeer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, build(t))
		})
	}
}

// TestInteropClients: our clients at a broker of others.
func TestInteropClients(t *testing.T) {
	t.Parallel()
	other, b := mosquittoPeer(t), startMosquitto(t)
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			exchange(t, b, mqtkPeer(), mqtkPeer(), version)
			exchange(t, b, other, mqtkPeer(), version)
			exchange(t, b, mqtkPeer(), other, version)
		})
	}
}

// TestMosquittoByEveryWay: mosquitto's listeners for TLS, for clients with
// certificates, and for WebSocket.
func TestMosquittoByEveryWay(t *testing.T) {
	t.Parallel()
	n := newNotary(t, "our authority")
	n.sign("server", hosts("localhost", "127.0.0.1"))
	n.sign("client", &x509.Certificate{Subject: pkix.Name{CommonName: "client 7"}})
	secure := []string{"cafile " + n.file("ca.pem"), "certfile " + n.file("server.pem"), "keyfile " + n.file("server.key")}
	ca := "--cafile " + n.file("ca.pem")
	for _, test := range []struct {
		name, scheme, flags string
		settings            []string
	}{
		{"TLS", "mqtts", ca, secure},
		{"TLS 1.2", "mqtts", ca + " --tls-version 1.2", secure},
		{"client's certificate", "mqtts", ca + " --cert " + n.file("client.pem") + " --key " + n.file("client.key"), append(secure[:3:3], "require_certificate true")},
		{"WebSocket", "ws", "", []string{"protocol websockets"}},
		{"WebSocket over TLS", "wss", ca, append(secure[:3:3], "protocol websockets")},
	} {
		t.Run(test.name, func(t *testing.T) {
			// mosquitto 2.0.11 does not start with listeners for WebSocket alone.
			port := unusedPort(t)
			startMosquitto(t, append([]string{"listener " + port + " 127.0.0.1"}, test.settings...)...)
			words := func(line string) []string {
				return strings.Fields(line + " " + test.flags + " -L " + test.scheme + "://127.0.0.1:" + port)
			}
			for _, version := range []string{"5", "311", "31"} {
				for _, line := range []string{"pub -r -q 1 kept " + version, "pub -q 2 other x"} {
					if got := runWords(t, "", words(line+" -V "+version)...); got.code != exitDone || got.err != "" {
						t.Errorf("%s on %s: %d, %s", line, version, got.code, got.err)
					}
				}
				if got := runWords(t, "", words("sub kept -q 1 -C 1 -W 10 -V "+version)...); got.code != exitDone || got.out != version+"\n" {
					t.Errorf("sub on %s: %d, %q, %s", version, got.code, got.out, got.err)
				}
			}
		})
	}
}
