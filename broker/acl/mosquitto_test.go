package acl

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// rightsAsWritten has each kind of line, and what reads differently than it looks.
const rightsAsWritten = `# rules of nobody in particular are for clients without a name
topic read open/#
topic write open/+
topic deny open/secret
topic two

user jane
topic own/#
topic deny own/locked
topic read %c/%u
topic read with two  spaces
topic $sys/own
topic +/plus

user john smith
topic deny #
topic read own/a

user jane
topic write late
user admin
topic readwrite #
topic readwrite $sys/#
topic readwrite ${clientid}/x
topic readwrite $clientId

pattern readwrite by/%u/#
pattern read by/%c
pattern write pre-%c/x
pattern write %c/first
pattern deny by/%u/no
pattern read ${clientid}/x
pattern read $clientId
pattern everybody
`

func rightsTopics() []string {
	return []string{"open/a", "open/a/b", "open/secret", "open", "two", "own/a", "own", "own/locked", "own/locked/b", "%c/%u", "c/jane",
		"with two  spaces", "with two spaces", "$sys/own", "$sys/plus", "a/plus", "/plus", "late", "by/jane/a", "by/jane", "by/jane/no", "by/c/a",
		"by/john smith/a", "by/c", "by/d", "pre-c/x", "pre-d/x", "c/first", "d/first", "c/x", "${clientid}/x", "c", "$clientId",
		"by//a", "by//no", "by/+/a", "everybody", "jane/x"}
}

// TestAgainstMosquitto asks mosquitto the same: what it lets clients publish, and
// what it delivers to them.
func TestAgainstMosquitto(t *testing.T) {
	f := parse(t, rightsAsWritten)
	address := startMosquitto(t, rightsAsWritten)
	var topics []string
	for _, topic := range rightsTopics() {
		if mqttwire.CheckTopicName(topic) == nil {
			topics = append(topics, topic)
		}
	}
	admin := dialMosquitto(t, address, Client{Username: "admin", ClientID: "admin"})
	for _, c := range []Client{
		{ClientID: "c"}, {Username: "jane", ClientID: "c"}, {Username: "jane", ClientID: "d"},
		{Username: "john smith", ClientID: "c"}, {Username: "joe", ClientID: "own"}, {Username: "%c", ClientID: "c"},
	} {
		ours, theirs := f.forClient(c), dialMosquitto(t, address, c)
		for _, topic := range topics {
			want := theirs.publish(topic) == mqttwire.NotAuthorized
			if got := !ours.May(broker.Publish, topic); got != want {
				t.Errorf("%+v publish %q: refused %v, by mosquitto %v", c, topic, got, want)
			}
		}
		read := theirs.delivered(admin, topics)
		for _, topic := range topics {
			if got := ours.May(broker.Receive, topic); got != read[topic] {
				t.Errorf("%+v read %q: %v, of mosquitto %v", c, topic, got, read[topic])
			}
		}
	}
}

// TestWhereMosquittoDiffers holds what doc.go says of it: there a topic line of the
// user wins over a pattern that denies, and a client id can begin with the $ of a
// topic.
func TestWhereMosquittoDiffers(t *testing.T) {
	const text = "user jane\ntopic own/#\npattern deny own/%c\npattern %c/first\n"
	address := startMosquitto(t, text)
	for _, test := range []struct{ id, topic string }{{"c", "own/c"}, {"$c", "$c/first"}} {
		c := Client{Username: "jane", ClientID: test.id}
		if reason := dialMosquitto(t, address, c).publish(test.topic); reason == mqttwire.NotAuthorized {
			t.Errorf("mosquitto denies %s: %v", test.topic, reason)
		}
		if parse(t, text).forClient(c).May(broker.Publish, test.topic) {
			t.Errorf("%s is allowed", test.topic)
		}
	}
}

// startMosquitto starts the real one with a file of rules.
func startMosquitto(t *testing.T, rules string) (address string) {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/mosquitto"); err != nil {
			t.Skip("no mosquitto here")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	dir := t.TempDir()
	config := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nuser root\nlog_dest stderr\nacl_file %s/acl\n", l.Addr().(*net.TCPAddr).Port, dir)
	for name, text := range map[string]string{"acl": rules, "conf": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "-c", filepath.Join(dir, "conf"))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.HasSuffix(lines.Text(), " running") {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return address
		}
		fmt.Fprintln(&said, lines.Text())
	}
	t.Fatalf("mosquitto does not start:\n%s", said.String())
	return ""
}

// peer is a client of mosquitto.
type peer struct {
	t    *testing.T
	conn *client.Conn
	id   mqttwire.PacketID
	got  map[string]bool
}

func dialMosquitto(t *testing.T, address string, c Client) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
	conn := client.NewConn(nc, client.ConnOptions{})
	connack, err := conn.Handshake(t.Context(), &mqttwire.Connect{Version: mqttwire.V5, CleanStart: true, ClientID: c.ClientID, HasUsername: c.Username != "", Username: c.Username})
	if err != nil || connack.Reason != mqttwire.Success {
		t.Fatal(connack, err)
	}
	return &peer{t: t, conn: conn, got: map[string]bool{}}
}

// send writes a packet and reads until the one that answers it.
func (p *peer) send(packet mqttwire.Packet, answer mqttwire.PacketType) mqttwire.Packet {
	p.t.Helper()
	if err := p.conn.WritePacket(packet); err != nil {
		p.t.Fatal(err)
	}
	if err := p.conn.Flush(); err != nil {
		p.t.Fatal(err)
	}
	for {
		read, err := p.conn.ReadPacket()
		if err != nil {
			p.t.Fatal(err)
		}
		if m, ok := read.(*mqttwire.Publish); ok {
			p.got[strings.Clone(m.Topic)] = true
		}
		if read.Type() == answer {
			return read
		}
	}
}

func (p *peer) publish(topic string) mqttwire.ReasonCode {
	p.t.Helper()
	p.id++
	return p.send(&mqttwire.Publish{Topic: topic, QoS: 1, PacketID: p.id}, mqttwire.PUBACK).(*mqttwire.Ack).Reason
}

// delivered subscribes to all topics and says which of them come when another
// client publishes to them.
func (p *peer) delivered(admin *peer, topics []string) map[string]bool {
	p.t.Helper()
	p.id++
	p.send(&mqttwire.Subscribe{PacketID: p.id, Subscriptions: []mqttwire.Subscription{
		{Filter: "#"}, {Filter: "$sys/#"}, {Filter: "$clientId/#"}, {Filter: "${clientid}/#"}}}, mqttwire.SUBACK)
	clear(p.got)
	for _, topic := range topics {
		admin.publish(topic)
	}
	p.send(&mqttwire.Pingreq{}, mqttwire.PINGRESP) // behind all that was delivered
	return p.got
}
