package commands

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// A hand does at one broker what the stories below need, with one family of
// clients. Each story is told with ours and with mosquitto's, at our broker,
// and with ours at a mosquitto broker.
type hand struct {
	sub, pub func(t *testing.T, b testBroker, args ...string) *exec.Cmd
	ready    string
}

func mqtkHand(*testing.T) hand {
	with := func(verb string) func(*testing.T, testBroker, ...string) *exec.Cmd {
		return func(t *testing.T, b testBroker, args ...string) *exec.Cmd {
			return mqtkCommand(t, append([]string{verb, "-h", b.host, "-p", b.port}, args...)...)
		}
	}
	return hand{with("sub"), with("pub"), "SUBACK"}
}

func mosquittoHand(t *testing.T) hand {
	with := func(program string) func(*testing.T, testBroker, ...string) *exec.Cmd {
		path := needProgram(t, program)
		return func(t *testing.T, b testBroker, args ...string) *exec.Cmd {
			return promptly(t, exec.Command(path, append([]string{"-h", b.host, "-p", b.port}, args...)...))
		}
	}
	return hand{with("mosquitto_sub"), with("mosquitto_pub"), "Subscribed"}
}

// TestInteropStories runs what any broker and client must be able to tell.
// The flags are those that mosquitto's clients and ours have in common.
func TestInteropStories(t *testing.T) {
	t.Parallel()
	stories := map[string]func(t *testing.T, b testBroker, h hand, version string){
		"retained": storyRetained,
		"will":     storyWill,
		"queue":    storyQueue,
		"shared":   storyShared,
		"sys":      storySys,
	}
	settings := []struct {
		name   string
		broker func(*testing.T) testBroker
		hand   func(*testing.T) hand
	}{
		{"our broker, our clients", func(t *testing.T) testBroker { return startMqtk(t) }, mqtkHand},
		{"our broker, mosquitto's clients", func(t *testing.T) testBroker { return startMqtk(t) }, mosquittoHand},
		{"mosquitto's broker, our clients", func(t *testing.T) testBroker { return startMosquitto(t) }, mqtkHand},
	}
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h, b := s.hand(t), s.broker(t)
			for _, name := range slices.Sorted(maps.Keys(stories)) {
				for _, version := range []string{"mqttv31", "mqttv311", "mqttv5"} {
					t.Run(name+"/"+version, func(t *testing.T) { stories[name](t, b, h, version) })
				}
			}
		})
	}
}

// A retained message is there for who comes later, until it is cleared.
func storyRetained(t *testing.T, b testBroker, h hand, version string) {
	topic := "retained/" + version
	launch(t, h.pub(t, b, "-V", version, "-t", topic, "-m", "kept", "-q", "1", "-r")).succeeds()
	sub := launch(t, h.sub(t, b, "-V", version, "-t", topic, "-C", "1", "-W", "20", "-F", "MSG %r %p"))
	sub.next("MSG 1 kept")
	sub.succeeds()
	launch(t, h.pub(t, b, "-V", version, "-t", topic, "-n", "-q", "1", "-r")).succeeds()
	// The marker comes after whatever is retained, so it is what comes first.
	launch(t, h.pub(t, b, "-V", version, "-t", topic+"/marker", "-m", "marker", "-q", "1", "-r")).succeeds()
	sub = launch(t, h.sub(t, b, "-V", version, "-t", topic, "-t", topic+"/marker", "-C", "1", "-W", "20"))
	sub.succeeds()
	if got := sub.output(); got != "marker" {
		t.Errorf("after clearing: %q", got)
	}
}

// A client that is killed leaves a will; one that says goodbye does not.
func storyWill(t *testing.T, b testBroker, h hand, version string) {
	topic := "will/" + version
	watch := launch(t, h.sub(t, b, "-V", version, "-t", topic, "-q", "1", "-d", "-F", "MSG %p"))
	watch.next(h.ready)
	client := func(payload string, more ...string) *spawned {
		return launch(t, h.sub(t, b, append(more, "-V", version, "-i", "dying", "-t", "nothing", "-d",
			"--will-topic", topic, "--will-payload", payload, "--will-qos", "1")...))
	}
	client("polite", "-E").succeeds()
	killed := client("killed")
	killed.next(h.ready)
	killed.kill()
	if got := watch.next("MSG "); got != "MSG killed" {
		t.Errorf("the first will is %q", got)
	}
}

// What is published while a client is away waits for it, in order. (The order
// holds within a QoS: a client hands a QoS 2 message on later in the exchange.)
func storyQueue(t *testing.T, b testBroker, h hand, version string) {
	for _, qos := range []string{"1", "2"} {
		topic := "queue/" + version + "/" + qos
		session := []string{"-V", version, "-i", "q" + qos + version, "-c", "-q", "2", "-t", topic}
		if version == "mqttv5" {
			session = append(session, "-x", "60")
		}
		launch(t, h.sub(t, b, append(session, "-E")...)).succeeds()
		var want []string
		for i := range 3 {
			text := fmt.Sprintf("message %d", i)
			launch(t, h.pub(t, b, "-V", version, "-t", topic, "-m", text, "-q", qos)).succeeds()
			want = append(want, text)
		}
		back := launch(t, h.sub(t, b, append(session, "-C", "3", "-W", "20")...))
		back.succeeds()
		if got := back.output(); got != strings.Join(want, "\n") {
			t.Errorf("at QoS %s this was waiting:\n%s", qos, got)
		}
	}
}

// Each message goes to one member of a group, and each member gets some.
func storyShared(t *testing.T, b testBroker, h hand, version string) {
	topic := "shared/" + version
	var members [2]*spawned
	for i := range members {
		members[i] = launch(t, h.sub(t, b, "-V", version, "-t", "$share/group/"+topic, "-q", "1", "-d", "-F", "MSG %p"))
		members[i].next(h.ready)
	}
	const n = 20
	for i := range n {
		launch(t, h.pub(t, b, "-V", version, "-t", topic, "-m", fmt.Sprint(i), "-q", "1")).succeeds()
	}
	type message struct {
		member int
		line   string
	}
	messages := make(chan message)
	for i, member := range members {
		go func() {
			for line := range member.lines {
				if strings.HasPrefix(line, "MSG ") {
					select {
					case messages <- message{i, line}:
					case <-t.Context().Done():
						return
					}
				}
			}
		}()
	}
	timer := time.NewTimer(lineDeadline)
	defer timer.Stop()
	count, shares := make(map[string]int), make([]int, len(members))
	for range n {
		select {
		case m := <-messages:
			count[m.line]++
			shares[m.member]++
		case <-timer.C:
			t.Fatalf("shares %v after %v, not %d messages", shares, lineDeadline, n)
		}
	}
	if len(count) != n || shares[0] == 0 || shares[1] == 0 {
		t.Errorf("shares %v, %d different messages of %d: %v", shares, len(count), n, count)
	}
}

// The broker tells about itself.
func storySys(t *testing.T, b testBroker, h hand, version string) {
	sub := launch(t, h.sub(t, b, "-V", version, "-t", "$SYS/broker/version", "-C", "1", "-W", "20"))
	sub.succeeds()
	if got := sub.output(); !strings.HasPrefix(got, b.name) {
		t.Errorf("$SYS/broker/version is %q", got)
	}
	sub = launch(t, h.sub(t, b, "-V", version, "-t", "$SYS/#", "-C", "20", "-W", "20", "-F", "MSG %t"))
	sub.succeeds()
	for line := range strings.SplitSeq(sub.output(), "\n") {
		if !strings.HasPrefix(line, "MSG $SYS/broker/") {
			t.Errorf("$SYS/# brings %q", line)
		}
	}
}

// TestInteropRequest: mosquitto_rr asks, our clients answer, over our broker.
func TestInteropRequest(t *testing.T) {
	t.Parallel()
	program, b := needProgram(t, "mosquitto_rr"), startMqtk(t)
	responder := launch(t, mqtkCommand(t, "sub", "-L", b.url(), "-d", "-C", "1", "--json", "ask"))
	responder.next("SUBACK")
	asker := launch(t, exec.Command(program, "-h", b.host, "-p", b.port, "-V", "mqttv5", "-W", "20",
		"-t", "ask", "-e", "answer/here", "-m", "question", "-D", "publish", "correlation-data", "id-7"))
	var question struct {
		Payload    string
		Properties map[string]any
	}
	line := responder.next(`"topic"`)
	if err := json.Unmarshal([]byte(line), &question); err != nil {
		t.Fatal(err)
	}
	topic, _ := question.Properties["response-topic"].(string)
	correlation, _ := question.Properties["correlation-data"].(string)
	if question.Payload != "question" || topic != "answer/here" || correlation != "id-7" {
		t.Fatalf("the request was %s", line)
	}
	launch(t, mqtkCommand(t, "pub", "-L", b.url(), "--correlation-data", correlation, topic, "42")).succeeds()
	asker.succeeds()
	if got := asker.output(); got != "42" {
		t.Errorf("mosquitto_rr got %q", got)
	}
}
