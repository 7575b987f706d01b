package commands

import (
	"encoding/hex"
	"runtime"
	"strings"
	"sync"
	"testing"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// An answer is what a cut server sends when a packet of a type has come.
type answer struct {
	to    mqttwire.PacketType
	bytes string // in hexadecimal
}

// cutServer answers one connection, in order, with the first n bytes of all
// answers together, then closes.
func cutServer(t *testing.T, w way, answers []answer, n int) (url string, stop func()) {
	t.Helper()
	listener := w.open(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := listener.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		if shake(nc) != nil {
			return
		}
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
	return transport.URL(listener), func() {
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
			sideBySide(everyWay(t), func(w way) { everyCut(t, w, test.words, test.answers, test.stdout) })
		})
	}
}

// sideBySide runs f for all at once: they wait more than they work.
func sideBySide[T any](all []T, f func(one T)) {
	var wait sync.WaitGroup
	for _, one := range all {
		wait.Go(func() { f(one) })
	}
	wait.Wait()
}

func everyCut(t *testing.T, w way, words string, answers []answer, stdout string) {
	total := 0
	for _, a := range answers {
		total += len(strings.ReplaceAll(a.bytes, " ", "")) / 2
	}
	for n := range total + 1 {
		url, stop := cutServer(t, w, answers, n)
		got := runWords(t, "", append(append(strings.Fields(words), "--retry", "0", "-L", url), w.flags...)...)
		stop()
		if n == total {
			if got.code != exitDone || got.out != stdout {
				t.Errorf("%s, uncut: code %d, stdout %q, stderr %s", w.name, got.code, got.out, got.err)
			}
			continue
		}
		if got.code == exitDone || got.code == exitFailed || got.err == "" || got.out != "" {
			t.Errorf("%s, cut at %d: code %d, stdout %q, stderr %s", w.name, n, got.code, got.out, got.err)
		}
	}
}

// granted is what a broker says to sub until messages may come.
const granted = "< CONNECT\n> CONNACK Success\n< SUBSCRIBE\n> SUBACK packet-id=$id GrantedQoS0\n"

// TestEveryConversationEnds: whatever a server does or leaves undone, each verb
// ends by itself, within its time, with a code that is not 0 and a sentence.
func TestEveryConversationEnds(t *testing.T) {
	ways := everyWay(t)
	drip := strings.Repeat("> hex 00\npause 50ms\n", 400)
	for _, test := range []struct {
		name, words, script string
		code                int
		says                string
	}{
		{"no CONNACK", "pub a x -W 0.4", "< CONNECT", exitUnreachable, "no CONNACK before the time of -W/--timeout ran out"},
		{"no CONNACK to sub", "sub a -W 0.4", "< CONNECT", exitUnreachable, "no CONNACK before the time of -W/--timeout ran out"},
		{"dripped CONNACK", "pub a x -W 0.4", "< CONNECT\n> hex 20 80 80 01\n" + drip, exitUnreachable, "no CONNACK before the time of -W/--timeout ran out"},
		{"256 MiB for CONNACK", "pub a x -W 0.4", "< CONNECT\n> hex 20 FF FF FF 7F 00 00", exitUnreachable, "no CONNACK before"},
		{"no SUBACK", "sub a -W 2", "< CONNECT\n> CONNACK Success\n< SUBSCRIBE", exitTimeout, "the broker has not answered SUBSCRIBE"},
		{"no PUBACK", "pub a x -q 1 -W 2", "< CONNECT\n> CONNACK Success\n< PUBLISH", exitTimeout, "the time of -W/--timeout ran out"},
		{"no PINGRESP", "sub a -k 1 --retry 0", granted, exitLost, "no PINGRESP within 500ms"},
		{"dripped packet", "sub a -W 2", granted + "> hex 30 80 80 01 00 01\n" + drip, exitTimeout, "the time of -W/--timeout ran out"},
		{"256 MiB declared", "sub a -W 2", granted + "> hex 30 FF FF FF 7F 00 01 61", exitTimeout, "the time of -W/--timeout ran out"},
		{"a violation", "sub a", granted + "> hex 36 04 00 01 61 00\n< DISCONNECT MalformedPacket\n< EOF", exitProtocol, "the server broke the protocol"},
		{"a violation on 3.1.1", "sub a -V 311", granted + "> hex 36 04 00 01 61 00\n< EOF", exitProtocol, "the server broke the protocol"},
		{"an acknowledgement of the wrong kind", "pub a x -q 1", "< CONNECT\n> CONNACK Success\n< PUBLISH\n> PUBREC packet-id=$id\n< DISCONNECT ProtocolError\n< EOF", exitProtocol, "the server broke the protocol"},
		{"a packet of clients", "sub a", granted + "> hex C0 00\n< DISCONNECT ProtocolError\n< EOF", exitProtocol, "the server broke the protocol"},
		{"AUTH that nobody asked for", "pub a x", "< CONNECT\n> AUTH ContinueAuthentication authentication-method=X\n< DISCONNECT ProtocolError\n< EOF", exitProtocol, "AUTH that nobody asked for"},
		{"session present after a clean start", "pub a x", "< CONNECT\n> CONNACK Success session-present=1\n< DISCONNECT ProtocolError\n< EOF", exitProtocol, "a session present after a clean start"},
		{"taken over", "sub a", granted + "> DISCONNECT SessionTakenOver", exitProtocol, "another client has connected with the client id"},
		{"refused rights", "sub a", "< CONNECT\n> CONNACK Success\n< SUBSCRIBE\n> SUBACK packet-id=$id NotAuthorized", exitDenied, "not authorized"},
		{"rights of nobody", "sub a", "< CONNECT\n> CONNACK Success\n< SUBSCRIBE\n> SUBACK packet-id=$id NotAuthorized", exitDenied, "no user name was sent: --username"},
		{"rights of somebody", "sub a -u ann", "< CONNECT\n> CONNACK Success\n< SUBSCRIBE\n> SUBACK packet-id=$id NotAuthorized", exitDenied, `user name "ann" was sent`},
		{"rights on 3.1.1", "sub a -V 311", "< CONNECT\n> CONNACK Success\n< SUBSCRIBE\n> hex 90 03 00 01 80", exitDenied, "MQTT 3.1.1 knows no reasons; rights are the likely one: no user name"},
		{"rights to publish", "pub a x -q 1", "< CONNECT\n> CONNACK Success\n< PUBLISH\n> PUBACK packet-id=$id NotAuthorized", exitDenied, "no user name was sent"},
		{"thrown out for rights", "sub a", granted + "> DISCONNECT NotAuthorized", exitDenied, "no user name was sent"},
		{"a payload that is not as said", "pub a x -q 1", "< CONNECT\n> CONNACK Success\n< PUBLISH\n> PUBACK packet-id=$id PayloadFormatInvalid", exitPartly, "--payload-format"},
		{"a packet that the broker does not take", "sub a", granted + "> DISCONNECT MalformedPacket", exitProtocol, "-d/--debug prints what was sent"},
		{"a will that is refused", "pub a x", "< CONNECT\n> CONNACK QoSNotSupported", exitRefused, "--will-qos"},
		{"a method that is missing", "pub a x", "< CONNECT\n> CONNACK BadAuthenticationMethod", exitDenied, "--auth-method names one"},
		{"refused message at QoS 2", "pub a x -q 2", "< CONNECT\n> CONNACK Success\n< PUBLISH\n> PUBREC packet-id=$id QuotaExceeded", exitPartly, "1 message refused of 1"},
		{"beyond the grants", "pub a x -q 1", "< CONNECT\n> CONNACK Success maximum-qos=0", exitPartly, "more than the server's Maximum QoS 0"},
		{"a reason that drives the terminal", "pub a x", `< CONNECT
			> CONNACK Banned reason-string="\x1b[2Jgone"`, exitDenied, `\x1b[2Jgone`},
		{"refused message", "pub a x -q 1", "< CONNECT\n> CONNACK Success\n< PUBLISH\n> PUBACK packet-id=$id QuotaExceeded", exitPartly, "1 message refused of 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sideBySide(ways, func(w way) {
				f := startFakeBy(t, w, test.script)
				defer f.stop()
				got := runWords(t, "", append(append(strings.Fields(test.words), "-L", f.url()), w.flags...)...)
				if got.code != test.code || !strings.Contains(got.err, test.says) || got.out != "" {
					t.Errorf("%s: code %d, stdout %q, stderr %s", w.name, got.code, got.out, got.err)
				}
			})
		})
	}
}

// TestEveryDoorEnds is about what comes before MQTT: handshakes that nobody
// answers, or not to the end, or by too much.
func TestEveryDoorEnds(t *testing.T) {
	for _, test := range []struct {
		name, words, script string
		code                int
		says                string
	}{
		{"TLS, silent", "-L mqtts://HOST", "", exitUnreachable, "no CONNACK before the time of -W"},
		{"TLS, dripping", "-L mqtts://HOST", "> hex 16 03 03 40 00 02\n" + strings.Repeat("pause 50ms\n> hex 00\n", 100), exitUnreachable, "no CONNACK before the time of -W"},
		{"TLS, another language", "-L mqtts://HOST", "> hex 20 02 00 00 00", exitTLS, "the port speaks MQTT without TLS: mqtt:// in place of mqtts://"},
		{"TLS, HTTP", "-L mqtts://HOST", "> text HTTP/1.1 400 Bad Request", exitTLS, "the port speaks HTTP without TLS"},
		{"TLS, gone", "-L mqtts://HOST", "close", exitTLS, "the port speaks no TLS"},
		{"WebSocket, silent", "-L ws://HOST", "", exitUnreachable, "no CONNACK before the time of -W"},
		{"WebSocket, dripping", "-L ws://HOST", "> text HTTP/1.1 101 Switching\n" + strings.Repeat("pause 50ms\n> text X: y\n", 100), exitUnreachable, "no CONNACK before the time of -W"},
		{"WebSocket, a long header", "-L ws://HOST", "> text HTTP/1.1 101 Switching\n" + strings.Repeat("> text X: "+strings.Repeat("y", 1000)+"\n", 20), exitUnreachable, "the header of its answer is longer than 16384 bytes"},
		{"WebSocket, refused", "-L ws://HOST/p", "> text HTTP/1.1 404 Not Found\n> text", exitUnreachable, `the server answers "HTTP/1.1 404 Not Found"`},
		{"WebSocket, forbidden", "-L ws://HOST", "> text HTTP/1.1 403 Forbidden\n> text", exitDenied, "--ws-header"},
		{"WebSocket, TLS", "-L ws://HOST", "> hex 15 03 01 00 02 02 46\nclose", exitUnreachable, "the port speaks TLS: wss:// in place of ws://"},
		{"WebSocket, gone", "-L ws://HOST", "close", exitUnreachable, "the port speaks MQTT without WebSocket"},
		{"proxy, silent", "-L mqtt://broker.example --proxy http://HOST", "", exitUnreachable, "no CONNACK before the time of -W"},
		{"SOCKS, silent", "-L mqtt://broker.example --proxy socks5h://HOST", "", exitUnreachable, "no CONNACK before the time of -W"},
		{"proxy, a long header", "-L mqtts://broker.example --proxy http://HOST", "> text HTTP/1.1 200 OK\n" + strings.Repeat("> text X: "+strings.Repeat("y", 1000)+"\n", 20), exitUnreachable, "longer than 16384 bytes"},
		{"proxy, denied", "-L mqtts://broker.example --proxy http://HOST", "> text HTTP/1.1 407 Who are you\n> text", exitUnreachable, "http://USER:PASSWORD@"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sideBySide([]string{"pub a x", "sub a"}, func(verb string) {
				f := startFake(t, "read\n"+test.script)
				defer f.stop()
				address := strings.TrimPrefix(f.url(), "mqtt://")
				limit := " -W 10 "
				if strings.Contains(test.says, "-W") {
					limit = " -W 0.6 "
				}
				words := strings.Fields(verb + limit + strings.ReplaceAll(test.words, "HOST", address))
				got := runWords(t, "", words...)
				if got.code != test.code || !strings.Contains(got.err, test.says) || got.out != "" {
					t.Errorf("%s: code %d, stdout %q, stderr %s", verb, got.code, got.out, got.err)
				}
			})
		})
	}
}

// TestDeclaredIsNotReserved: what a server declares costs nothing before it comes.
func TestDeclaredIsNotReserved(t *testing.T) {
	for _, w := range everyWay(t) {
		t.Run(w.name, func(t *testing.T) {
			f := startFakeBy(t, w, granted+"> hex 30 FF FF FF 7F 00 01 61")
			defer f.stop()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			runWords(t, "", append([]string{"sub", "a", "-W", "0.3", "-L", f.url()}, w.flags...)...)
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
				t.Errorf("%d bytes", grown)
			}
		})
	}
}

// TestFlood: a server that never stops sending does not keep sub from ending,
// nor do 300,000 user properties.
func TestFlood(t *testing.T) {
	m := &mqttwire.Publish{Topic: "a", Payload: []byte("x")}
	for range 300_000 {
		m.Properties = m.Properties.AddUser("n", "v")
	}
	many, err := m.Append(nil, mqttwire.V5)
	if err != nil {
		t.Fatal(err)
	}
	for name, sent := range map[string]string{
		"messages":   strings.Repeat("300400016100", 20_000),
		"properties": strings.Repeat(hex.EncodeToString(many), 3),
	} {
		t.Run(name, func(t *testing.T) {
			sideBySide(everyWay(t), func(w way) {
				f := startFakeBy(t, w, granted+"> hex "+sent)
				defer f.stop()
				got := runWords(t, "", append([]string{"sub", "a", "-C", "3", "-F", "%t", "-L", f.url()}, w.flags...)...)
				if got.code != exitDone || got.out != "a\na\na\n" {
					t.Errorf("%s: code %d, stdout %.40q, stderr %s", w.name, got.code, got.out, got.err)
				}
			})
		})
	}
}
