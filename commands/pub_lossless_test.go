package commands

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// TestLossless: mqtk sub -t '#' --json | mqtk pub --jsonl moves every message
// from one broker to another, be it ours or mosquitto, as it was: what is
// retained, and what comes later.
func TestLossless(t *testing.T) {
	t.Parallel()
	brokers := map[string]func(testing.TB) testBroker{
		"mqtk":      func(t testing.TB) testBroker { return startMqtk(t) },
		"mosquitto": func(t testing.TB) testBroker { return startMosquitto(t) },
	}
	for from, startFrom := range brokers {
		for to, startTo := range brokers {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				movesAll(t, startFrom(t), startTo(t), from == "mqtk" && to == "mqtk")
			})
		}
	}
}

func movesAll(t *testing.T, from, to testBroker, ours bool) {
	corpus := losslessCorpus(ours)
	source, sink := witness(t, from), witness(t, to)
	kept := retainedOf(corpus)
	for _, m := range kept {
		source.publish(m)
	}
	seen := source.take(len(kept))

	p := startPipe(t, from, to, len(kept)+len(corpus))
	p.subscribed()
	comparePublishes(t, "retained", sorted(seen), sorted(sink.take(len(kept))), true)
	// One after the other: brokers keep an order among messages of the same QoS.
	for i, m := range corpus {
		source.publish(m)
		comparePublishes(t, fmt.Sprint("live ", i), source.take(1), sink.take(1), false)
	}
	p.ends()

	// What the brokers retain is the same, too: asked anew.
	comparePublishes(t, "left", sorted(witness(t, from).take(len(kept))), sorted(witness(t, to).take(len(kept))), false)
}

// retainedOf is what a broker retains of a corpus.
func retainedOf(corpus []mqttwire.Publish) (kept []mqttwire.Publish) {
	last := map[string]mqttwire.Publish{}
	for _, m := range corpus {
		if m.Retain {
			last[m.Topic] = m
		}
	}
	for _, m := range last {
		if len(m.Payload) > 0 {
			kept = append(kept, m)
		}
	}
	return kept
}

// losslessCorpus has what a message may hold. Mosquitto takes no control
// characters in text, and no characters that are none.
func losslessCorpus(ours bool) (corpus []mqttwire.Publish) {
	topics := []string{
		"plain", "with blank", "/", "//", "/leading", "trailing/", "a//b", `quo"te`, `back\slash`, "ünï/çødé", "日本語", "🚲/🌧",
		"{\"json\":1}", "%p", "a/$b", "-x", "'", "null", "a=b", "\u2028line", "\uFFFDreplaced", "e\u0301", strings.Repeat("long/", 100),
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	large := make([]byte, 100_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range large {
		large[i] = byte(r.Uint32())
	}
	payloads := [][]byte{
		[]byte("text"), nil, []byte("null"), []byte(`"quoted"`), []byte(`{"a": [1, 2.50]}`), []byte("two\nlines\r\n"), {0}, all, large,
		[]byte("caf\u00e9 \u2028\uFFFD\U0010FFFF"), {0xED, 0xA0, 0x80}, {0xFF, 0xFE}, []byte("\\u0000 \x7f\x1b[31m"), []byte(" blank "), []byte("AP+A"),
		bytes.Repeat([]byte("x"), 300_000),
	}
	properties := []mqttwire.Properties{
		nil,
		mqttwire.Properties(nil).AddNumber(mqttwire.PayloadFormatIndicator, 0),
		mqttwire.Properties(nil).AddNumber(mqttwire.MessageExpiryInterval, 4000).AddText(mqttwire.ContentType, `text/plain; x="ü"`),
		mqttwire.Properties(nil).AddText(mqttwire.ResponseTopic, "replies/7 of ü").AddBinary(mqttwire.CorrelationData, all),
		mqttwire.Properties(nil).AddBinary(mqttwire.CorrelationData, []byte("text")).AddUser("b", "1").AddUser("a", "2").AddUser("b", "3").AddUser("", "").AddUser("b", "1"),
		mqttwire.Properties(nil).AddUser("same", "1").AddUser("same", "2").AddUser("quo\"te", "back\\slash\u2028").AddUser("payload_b64", "x").AddText(mqttwire.ContentType, ""),
		mqttwire.Properties(nil).AddNumber(mqttwire.PayloadFormatIndicator, 1).AddNumber(mqttwire.MessageExpiryInterval, 0xFFFFFFFF).AddBinary(mqttwire.CorrelationData, nil),
	}
	if ours {
		topics = append(topics, "control\x01\x1f\x7f\u0085", "none\uFFFE\U0001FFFF")
		properties = append(properties, mqttwire.Properties(nil).AddUser("\x01", "\t\n\x7f").AddText(mqttwire.ContentType, "\uFFFF"))
	}
	// Every value of each list stands beside others in the course of it.
	for i := range 4 * len(topics) * 3 {
		corpus = append(corpus, mqttwire.Publish{
			Topic: topics[i%len(topics)], QoS: mqttwire.QoS(i % 3), Retain: i/3%2 == 0,
			Payload: payloads[(i+i/len(payloads))%len(payloads)], Properties: properties[(i+i/len(properties))%len(properties)],
		})
		if m := &corpus[i]; len(m.Payload) > 50_000 && i > 2*len(topics) {
			m.Payload = m.Payload[:100]
		}
		if m := &corpus[i]; bytes.Contains(m.Payload, []byte{0xFF}) || bytes.Contains(m.Payload, []byte{0xED}) {
			m.Properties = m.Properties.AppendWithout(nil, mqttwire.PayloadFormatIndicator) // it would be a lie
		}
	}
	return corpus
}

// A witness is a client that sees all that a broker has, at QoS 2.
type witnessed struct {
	t    *testing.T
	c    *client.Client
	mu   sync.Mutex
	got  []mqttwire.Publish
	more chan struct{}
}

func witness(t *testing.T, b testBroker) *witnessed {
	t.Helper()
	w := &witnessed{t: t, more: make(chan struct{}, 1)}
	c, err := client.Connect(t.Context(), client.Options{
		URL:     b.url(),
		Connect: mqttwire.Connect{Version: mqttwire.V5, CleanStart: true, ClientID: fmt.Sprint("witness", rand.Uint64())},
		Hooks:   client.Hooks{OnMessage: w.message},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.c = c
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = c.Disconnect(ctx, &mqttwire.Disconnect{})
	})
	reasons, err := c.Subscribe(t.Context(), []mqttwire.Subscription{{Filter: "#", QoS: 2, RetainAsPublished: true}}, nil)
	if err != nil || reasons[0] != 2 {
		t.Fatal(reasons, err)
	}
	return w
}

func (w *witnessed) message(m *mqttwire.Publish) error {
	w.mu.Lock()
	w.got = append(w.got, *keptMessage(m))
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
	return nil
}

// take waits for so many messages, and takes them.
func (w *witnessed) take(n int) []mqttwire.Publish {
	w.t.Helper()
	deadline := time.After(lineDeadline)
	for {
		w.mu.Lock()
		if len(w.got) >= n {
			got := w.got[:n:n]
			w.got = w.got[n:]
			w.mu.Unlock()
			return got
		}
		have := len(w.got)
		w.mu.Unlock()
		select {
		case <-w.more:
		case <-deadline:
			w.t.Fatalf("%d messages came, not %d", have, n)
		}
	}
}

func (w *witnessed) publish(m mqttwire.Publish) {
	w.t.Helper()
	if reason, err := w.c.PublishWait(w.t.Context(), &m); err != nil || reason >= mqttwire.UnspecifiedError {
		w.t.Fatalf("publish %q: %v %v", m.Topic, reason, err)
	}
}

// A movingPipe is mqtk sub -t '#' --json | mqtk pub --jsonl.
type movingPipe struct {
	t   *testing.T
	log *bufio.Scanner // what sub says
	end chan error
}

func startPipe(t *testing.T, from, to testBroker, count int) *movingPipe {
	t.Helper()
	sub := mqtkCommand(t, "sub", "-L", from.url(), "-t", "#", "--json", "-C", fmt.Sprint(count), "-d")
	pub := mqtkCommand(t, "pub", "-L", to.url(), "--jsonl")
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := sub.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	sub.Stdout, pub.Stdin, pub.Stderr = in, out, &said
	p := &movingPipe{t: t, log: bufio.NewScanner(problems), end: make(chan error, 1)}
	p.log.Buffer(nil, 1<<21)
	for _, cmd := range []interface{ Start() error }{sub, pub} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	in.Close()
	out.Close()
	t.Cleanup(func() { _ = sub.Process.Kill(); _ = pub.Process.Kill() })
	go func() {
		err := pub.Wait()
		if err != nil || said.Len() > 0 {
			err = fmt.Errorf("pub: %v: %s", err, said.Bytes())
		}
		p.end <- err
	}()
	return p
}

// subscribed waits for the SUBACK, and reads on.
func (p *movingPipe) subscribed() {
	p.t.Helper()
	for p.log.Scan() {
		if strings.HasPrefix(p.log.Text(), "< SUBACK") {
			go func() {
				for p.log.Scan() {
				}
			}()
			return
		}
	}
	p.t.Fatal("sub did not subscribe")
}

func (p *movingPipe) ends() {
	p.t.Helper()
	select {
	case err := <-p.end:
		if err != nil {
			p.t.Error(err)
		}
	case <-time.After(lineDeadline):
		p.t.Error("pub does not end")
	}
}

func sorted(messages []mqttwire.Publish) []mqttwire.Publish {
	messages = slices.Clone(messages)
	slices.SortStableFunc(messages, func(a, b mqttwire.Publish) int { return cmp.Compare(a.Topic, b.Topic) })
	return messages
}

// comparePublishes compares all of each message; the mark of a retained one may
// differ where one side saw it live.
func comparePublishes(t *testing.T, which string, before, after []mqttwire.Publish, live bool) {
	t.Helper()
	for i := range before {
		a, b := before[i], after[i]
		if live {
			a.Retain, b.Retain = true, true
		}
		x, expiresBefore := shownWhole(&a)
		y, expiresAfter := shownWhole(&b)
		if x != y {
			t.Errorf("%s, %d: was\n%s, and is\n%s", which, i, x, y)
		}
		if aged := int64(expiresBefore) - int64(expiresAfter); aged < -1 || aged > 60 { // both are rounded
			t.Errorf("%s, %d: %q expired in %d s, and now in %d", which, i, a.Topic, expiresBefore, expiresAfter)
		}
	}
}

// shownWhole is all of a message but its packet id and what is left of its
// expiry, which is told apart.
func shownWhole(m *mqttwire.Publish) (text string, expires uint32) {
	var b strings.Builder
	fmt.Fprintf(&b, "%q qos=%d retain=%t payload=%d:%.200q", m.Topic, m.QoS, m.Retain, len(m.Payload), m.Payload)
	if len(m.Payload) > 200 {
		fmt.Fprintf(&b, "…%x", crc32.ChecksumIEEE(m.Payload))
	}
	var properties []string
	for p := range m.Properties.All() {
		switch rule, _ := p.ID.Rule(); p.ID {
		case mqttwire.MessageExpiryInterval:
			expires = p.Number
			properties = append(properties, "expires")
		case mqttwire.UserProperty:
		default:
			properties = append(properties, fmt.Sprintf("%s=%d%q", rule.Name, p.Number, p.Value))
		}
	}
	slices.Sort(properties)
	for name, value := range m.Properties.User() {
		properties = append(properties, fmt.Sprintf("%q=%q", name, value))
	}
	return b.String() + " " + strings.Join(properties, " "), expires
}
