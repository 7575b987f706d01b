package commands

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// TestInteropPcap has tshark judge what inspect pcap sees, packet by packet, in
// captures of real sessions, as they were and in other segments of TCP.
func TestInteropPcap(t *testing.T) {
	t.Parallel()
	needProgram(t, "tshark")
	withPeers(t, func(t *testing.T, other peer) {
		agree(t, recordSegments(t, startMqtk(t), func(b testBroker) {
			for _, version := range versions() {
				if other.name != "mqttjs" || version != "3.1" {
					exchange(t, b, other, other, version)
				}
			}
		}))
	})
	t.Run("wills and properties", func(t *testing.T) {
		t.Parallel()
		agree(t, recordSegments(t, startMqtk(t), func(b testBroker) {
			for _, version := range versions() {
				tappedTraffic(t, b, version)
			}
			mosquittoTraffic(t, b)
		}))
	})
	t.Run("broker of mosquitto", func(t *testing.T) {
		t.Parallel()
		agree(t, recordSegments(t, startMosquitto(t), func(b testBroker) {
			for _, version := range versions() {
				exchange(t, b, mqtkPeer(), mosquittoPeer(t), version)
			}
			mosquittoTraffic(t, b)
		}))
	})
}

// TestInteropPcapDoors is the same for MQTT inside of TLS. Inside of WebSocket
// not every tshark finds MQTT, so there all segments must show the same.
func TestInteropPcapDoors(t *testing.T) {
	t.Parallel()
	needProgram(t, "tshark")
	a := testAuthority(t)
	for _, b := range startDoors(t, a, "mqtts://127.0.0.1:0?TLS", "ws://127.0.0.1:0", "wss://127.0.0.1:0?TLS") {
		t.Run(b.scheme, func(t *testing.T) {
			t.Parallel()
			keys := filepath.Join(t.TempDir(), "keys")
			segments := recordSegments(t, b, func(b testBroker) { doorTraffic(t, b, keys) })
			if b.scheme == "mqtts" {
				agree(t, segments, onlooker{fmt.Sprintf("tls.port==%s,mqtt", b.port), keys})
				return
			}
			alike(t, segments, onlooker{keys: keys})
		})
	}
}

// doorTraffic is a bit of everything by a door of TLS or WebSocket.
func doorTraffic(t *testing.T, b testBroker, keys string) {
	t.Helper()
	for _, version := range versions() {
		flags := append([]string{"-L", b.url(), "-V", version, "--tls-keylog", keys}, b.files()...)
		if b.scheme == "ws" {
			flags = flags[:4]
			if err := os.WriteFile(keys, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := launch(t, mqtkCommand(t, append([]string{"sub", "-q", "2", "-d", "-F", "MSG %t", "door/#"}, flags...)...))
		s.next("SUBACK")
		for _, qos := range []string{"0", "1", "2"} {
			for _, payload := range []string{"short", strings.Repeat("long ", 3_000)} {
				launch(t, mqtkCommand(t, append([]string{"pub", "-q", qos, "-t", "door/" + qos, "-m", payload}, flags...)...)).succeeds()
				s.next("MSG")
			}
		}
		s.terminate()
		s.ends()
	}
}

// An onlooker says how to look into connections.
type onlooker struct{ decodeAs, keys string }

// plainOnlooker looks at MQTT over TCP.
func plainOnlooker(segments []tcpSegment) onlooker {
	return onlooker{decodeAs: fmt.Sprintf("tcp.port==%d,mqtt", segments[0].to.Port())}
}

// mosquittoTraffic has wills and properties, and a subscription refused.
func mosquittoTraffic(t *testing.T, b testBroker) {
	t.Helper()
	pub, sub := needProgram(t, "mosquitto_pub"), needProgram(t, "mosquitto_sub")
	to := []string{"-h", b.host, "-p", b.port}
	for _, words := range [][]string{
		{pub, "-V", "mqttv311", "-q", "2", "-t", "m/1", "-m", "x", "-r", "--will-topic", "w", "--will-payload", "gone", "--will-qos", "2", "--will-retain", "-u", "me", "-P", "p w"},
		{pub, "-V", "mqttv5", "-q", "1", "-t", "m/2", "-m", "x", "-D", "publish", "user-property", "a", "b", "-D", "publish", "message-expiry-interval", "9",
			"-D", "publish", "correlation-data", "cd", "-D", "publish", "response-topic", "r", "-D", "publish", "content-type", "c", "-D", "publish", "topic-alias", "3",
			"-D", "connect", "session-expiry-interval", "5", "-i", "m2", "--will-topic", "w", "-D", "will", "will-delay-interval", "1", "-D", "will", "user-property", "c", "d"},
		{sub, "-V", "mqttv5", "-q", "1", "-t", "m/#", "-t", "$share/g/n", "-C", "1", "-D", "subscribe", "user-property", "e", "f", "-D", "disconnect", "user-property", "g", "h"},
		{pub, "-V", "mqttv5", "-t", "m/1", "-n", "-r"},
	} {
		launch(t, exec.Command(words[0], append(to, words[1:]...)...)).succeeds()
	}
}

// agree compares what both see, in the capture as it is and in others of the
// same connections.
func agree(t *testing.T, segments []tcpSegment, by ...onlooker) {
	t.Helper()
	if len(segments) < 20 {
		t.Fatalf("only %d segments were captured", len(segments))
	}
	by = append(by, plainOnlooker(segments))
	for name, variant := range variantsOf(segments) {
		path := writeSegments(t, variant)
		want, got := tsharkSees(t, path, by[0]), pcapSees(t, path, by[0])
		if len(want) < 20 {
			t.Fatalf("%s: tshark sees %d packets", name, len(want))
		}
		compareSeen(t, name, got, want)
	}
}

// variantsOf are the same connections in other segments.
func variantsOf(segments []tcpSegment) map[string][]tcpSegment {
	return map[string][]tcpSegment{
		"as it was":     segments,
		"split":         splitSegments(segments, 3),
		"in bytes":      splitSegments(segments, 1),
		"merged":        mergeSegments(segments),
		"retransmitted": repeatSegments(splitSegments(segments, 7)),
		"reordered":     swapSegments(splitSegments(segments, 5)),
	}
}

func writeSegments(t *testing.T, segments []tcpSegment) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "mqtt.pcap")
	if err := os.WriteFile(path, pcapOf(segments), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// alike wants the same packets in all variants.
func alike(t *testing.T, segments []tcpSegment, by onlooker) {
	t.Helper()
	said := func(variant []tcpSegment) (all []string) {
		seen := pcapSees(t, writeSegments(t, variant), by)
		slices.SortStableFunc(seen, func(a, b seenPacket) int { return a.stream - b.stream })
		for _, p := range seen {
			all = append(all, fmt.Sprint(p.stream, p.fields))
		}
		return all
	}
	want := said(segments)
	if len(want) < 150 {
		t.Fatalf("only %d packets were seen", len(want))
	}
	variants := variantsOf(segments)
	variants["greeted again"] = greetAgain(segments)
	for name, variant := range variants {
		if got := said(variant); !slices.Equal(got, want) {
			t.Errorf("%s: %d packets, not the same as the %d of the capture as it was", name, len(got), len(want))
		}
	}
}

// A seenPacket is a packet as both see it.
type seenPacket struct {
	stream, frame int
	at            time.Time
	fields        []string
}

func compareSeen(t *testing.T, name string, got, want []seenPacket) {
	t.Helper()
	byStream := func(a, b seenPacket) int { return a.stream - b.stream }
	slices.SortStableFunc(got, byStream)
	slices.SortStableFunc(want, byStream)
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		if g.stream != w.stream || g.frame != w.frame || !g.at.Equal(w.at) || !slices.Equal(g.fields, w.fields) {
			t.Fatalf("%s: packet %d of all:\nmqtk   stream %d frame %d %s %q\ntshark stream %d frame %d %s %q",
				name, i, g.stream, g.frame, g.at.Format(time.RFC3339Nano), g.fields, w.stream, w.frame, w.at.Format(time.RFC3339Nano), w.fields)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: mqtk sees %d packets, tshark %d", name, len(got), len(want))
	}
}

// pcapSees is what inspect pcap says.
func pcapSees(t *testing.T, path string, by onlooker) (seen []seenPacket) {
	t.Helper()
	cmd := mqtkCommand(t, "inspect", "pcap", "--json", "--packets", "--secrets", path)
	if by.keys != "" {
		cmd.Args = append(cmd.Args, "--tls-keylog", by.keys)
	}
	out, err := cmd.Output()
	var ended *exec.ExitError
	if err != nil && (!errors.As(err, &ended) || ended.ExitCode() != exitUnexpected) {
		t.Fatal(err)
	}
	for line := range bytes.Lines(out) {
		var p pcapPacket
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		if p.Kind == "finding" && bytes.Contains(line, []byte(`"violation"`)) {
			t.Errorf("a violation where there is none: %s", line)
		}
		if p.Kind != "packet" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, p.At)
		if err != nil {
			t.Fatal(err)
		}
		v := map[string]mqttwire.Version{"3.1": mqttwire.V31, "3.1.1": mqttwire.V311, "5.0": mqttwire.V5}[p.Version]
		packet, err := mqttwire.ParseText(p.Text, v)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		seen = append(seen, seenPacket{p.Session, p.Frame, at, dissected(packet, v, p.Size)})
	}
	return seen
}

// A dissectedNode is an element of what tshark -T pdml prints.
type dissectedNode struct {
	Name  string          `xml:"name,attr"`
	Show  string          `xml:"show,attr"`
	Value string          `xml:"value,attr"`
	Parts []dissectedNode `xml:",any"`
}

// tsharkSees is what tshark says.
func tsharkSees(t *testing.T, path string, by onlooker) (seen []seenPacket) {
	t.Helper()
	cmd := exec.Command(needProgram(t, "tshark"), "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE",
		"-o", "tls.keylog_file:"+by.keys, "-d", by.decodeAs, "-Y", "mqtt", "-T", "pdml", "-J", "frame tcp mqtt")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Packets []dissectedNode `xml:"packet"`
	}
	if err := xml.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	for _, packet := range all.Packets {
		var p seenPacket
		for _, layer := range packet.Parts {
			layer.walk(func(n *dissectedNode) {
				switch n.Name {
				case "frame.number":
					p.frame, err = strconv.Atoi(n.Show)
				case "frame.time_epoch":
					seconds, fraction, _ := strings.Cut(n.Show, ".")
					s, _ := strconv.ParseInt(seconds, 10, 64)
					ns, _ := strconv.ParseInt(fraction, 10, 64)
					p.at = time.Unix(s, ns)
				case "tcp.stream":
					p.stream, err = strconv.Atoi(n.Show)
				}
			})
			if layer.Name == "mqtt" {
				p.fields = layer.said()
				seen = append(seen, p)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return seen
}

func (n *dissectedNode) walk(do func(*dissectedNode)) {
	do(n)
	for i := range n.Parts {
		n.Parts[i].walk(do)
	}
}

// said are the fields of a packet in order: numbers as decimals, all else in
// hexadecimal digits.
func (n *dissectedNode) said() (fields []string) {
	n.walk(func(n *dissectedNode) {
		name, ok := strings.CutPrefix(n.Name, "mqtt.")
		switch name { // some properties have names of their own, from some version of tshark on
		case "property.content_type":
			fields = append(fields, fmt.Sprintf("prop_string=%x", n.Show))
		case "property.max_qos", "property.topic_alias":
			name = "prop_number"
		}
		switch {
		case !ok || !slices.Contains(saidFields(), name):
		case n.Value == "" && n.Show == "":
			fields = append(fields, name+"=")
		case isBytesField(name):
			fields = append(fields, name+"="+n.Value)
		default:
			number, err := strconv.ParseInt(strings.NewReplacer("True", "1", "False", "0").Replace(n.Show), 0, 64)
			if err != nil {
				number = -1
			}
			fields = append(fields, fmt.Sprintf("%s=%d", name, number))
		}
	})
	return fields
}

func saidFields() []string {
	return append(bytesFields(), "msgtype", "dupflag", "qos", "retain", "conack.flags.sp", "conack.val", "msgid", "sub.qos", "suback.qos", "ver",
		"conflag.uname", "conflag.passwd", "conflag.retain", "conflag.qos", "conflag.willflag", "conflag.cleansess", "kalive",
		"subscription_options_qos", "subscription_options_nl", "subscription_options_rap", "subscription_options_retain",
		"connack.reason_code", "puback.reason_code", "pubrec.reason_code", "pubrel.reason_code", "pubcomp.reason_code",
		"suback.reason_code", "unsuback.reason_code", "disconnect.reason_code", "auth.reason_code", "property_id", "prop_number",
		"unknown_version")
}

func bytesFields() []string {
	return []string{"topic", "willtopic", "willmsg", "username", "passwd", "msg", "protoname", "clientid",
		"prop_string", "prop_key", "prop_value", "prop_unknown"}
}

func isBytesField(name string) bool { return slices.Contains(bytesFields(), name) }
