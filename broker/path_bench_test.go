package broker_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// The stages of a message's way through the broker, each by itself as far as
// that goes, in memory: go test -run '^$' -bench Path ./broker. What ns/op tells
// is one message, or one delivery where there are receivers, and what a stage
// needs before it or after it is not in it. Sockets and system calls are
// measured in package eventloop, retained messages beside their tests, and
// whole deliveries in bench_test.go.

// burst is how many messages come with one read; a window holds them all.
const burst = 50

// A peer is a client that listens: it keeps what the broker says until it is
// asked for its answers. It counts how often it was flushed, which on a network
// is a system call each.
type peer struct {
	*socket
	heard    []byte
	answers  []byte
	decoder  mqttwire.Decoder
	messages int
	flushes  int
}

func (p *peer) Flush() {
	p.flushes++
	p.heard = p.conn.AppendOut(p.heard)
}

// peer opens a connection, of version 5.0 if fields do not say otherwise.
func (r *rig) peer(id, fields string, filters ...string) *peer {
	p := &peer{socket: &socket{rig: r, version: mqttwire.V5}}
	if strings.Contains(fields, "version=4") {
		p.version = mqttwire.V311
	}
	p.conn = r.b.Accept(p, nil, nil)
	p.say("CONNECT client-id=" + id + " " + fields)
	for _, f := range filters {
		p.say("SUBSCRIBE packet-id=1 filter=" + f)
	}
	p.decoder.Version, p.decoder.From = p.version, mqttwire.Server
	p.answer()
	return p
}

// peers open n of them.
func (r *rig) peers(n int, fields, filter string) (all []*peer) {
	for i := range n {
		all = append(all, r.peer(fmt.Sprint("r", i), fields, filter))
	}
	return all
}

// answer forms the acknowledgements of what was heard.
func (p *peer) answer() []byte {
	p.answers = p.answers[:0]
	b := p.heard
	for len(b) > 0 {
		packet, n, err := p.decoder.Decode(b)
		if n == 0 || err != nil {
			p.rig.Fatalf("the broker said %x: %v", b[:min(len(b), 64)], err)
		}
		b = b[n:]
		switch packet := packet.(type) {
		case *mqttwire.Publish:
			p.messages++
			switch packet.QoS {
			case 1:
				p.acknowledge(0x40, packet.PacketID)
			case 2:
				p.acknowledge(0x50, packet.PacketID)
			}
		case *mqttwire.Ack:
			if packet.Kind == mqttwire.PUBREL {
				p.acknowledge(0x70, packet.PacketID)
			}
		}
	}
	p.heard = p.heard[:0]
	return p.answers
}

func (p *peer) acknowledge(kind byte, id mqttwire.PacketID) {
	p.answers = append(p.answers, kind, 2, byte(id>>8), byte(id))
}

// publications is a read full of messages of 64 bytes, one to each topic in
// turn, and at QoS 2 the PUBRELs behind them.
func (s *socket) publications(qos int, topics ...string) (b []byte) {
	payload := strings.Repeat("x", 64)
	for i := range burst {
		id := 0
		if qos > 0 {
			id = i + 1
		}
		b = append(b, s.bytes(fmt.Sprintf("PUBLISH topic=%s qos=%d packet-id=%d payload=%s", topics[i%len(topics)], qos, id, payload))...)
	}
	for i := range burst {
		if qos == 2 {
			b = append(b, 0x62, 2, 0, byte(i+1))
		}
	}
	return b
}

// feed is hand for as much as a driver would hand over in several turns, flushing
// after each.
func (s *socket) feed(b []byte) {
	for len(b) > 0 {
		used := s.conn.Receive(s.rig.batch, b)
		s.rig.batch.Flush()
		if used == 0 {
			s.rig.Fatalf("%d bytes are left and the connection does not go on, paused %t", len(b), s.conn.Paused())
		}
		b = b[used:]
	}
}

// A stopwatch takes the time of a part of each round.
type stopwatch struct {
	spent time.Duration
	done  int // messages
}

func (w *stopwatch) time(messages int, f func()) {
	start := time.Now()
	f()
	w.spent += time.Since(start)
	w.done += messages
}

// report replaces the time of whole rounds by that of the stage.
func (w *stopwatch) report(b *testing.B, each string) {
	b.Helper()
	if w.done == 0 {
		b.Fatal("nothing was done")
	}
	b.ReportMetric(float64(w.spent.Nanoseconds())/float64(w.done), "ns/"+each)
	b.ReportMetric(0, "ns/op")
}

func BenchmarkPath(b *testing.B) {
	b.Run("decode", benchmarkDecode)
	for _, m := range matchStages() {
		b.Run("match/"+m.name, m.run)
	}
	for _, receivers := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("put/qos=0/receivers=%d", receivers), func(b *testing.B) { benchmarkPut(b, receivers) })
	}
	for qos := 1; qos <= 2; qos++ {
		for _, receivers := range []int{1, 10, 100} {
			b.Run(fmt.Sprintf("window/qos=%d/receivers=%d", qos, receivers), func(b *testing.B) { benchmarkWindow(b, qos, receivers) })
		}
	}
	for qos := 1; qos <= 2; qos++ {
		b.Run(fmt.Sprintf("queue/qos=%d", qos), func(b *testing.B) { benchmarkQueue(b, qos) })
	}
	for _, e := range encodeStages() {
		b.Run("encode/"+e.name, e.run)
	}
}

// Decoding alone, a read full of packets.
func benchmarkDecode(b *testing.B) {
	in := newRig(b).open(mqttwire.V5, "pub", "").publications(0, "a/b/c")
	d := mqttwire.Decoder{Version: mqttwire.V5, From: mqttwire.Client}
	var w stopwatch
	b.ReportAllocs()
	for b.Loop() {
		w.time(burst, func() {
			for rest := in; len(rest) > 0; {
				_, n, err := d.Decode(rest)
				if n == 0 || err != nil {
					b.Fatal(err)
				}
				rest = rest[n:]
			}
		})
	}
	w.report(b, "message")
}

type pathStage struct {
	name string
	run  func(*testing.B)
}

// Who receives a topic, where nobody does: decoding, the rules of PUBLISH and the
// look into a cache are in it. Ten thousand filters of others are in the tree.
func matchStages() []pathStage {
	match := func(topics int, changing bool) func(*testing.B) {
		return func(b *testing.B) {
			r := newRig(b)
			for i := range 10 {
				other := r.open(mqttwire.V5, fmt.Sprint("o", i), "")
				for j := range 1000 {
					other.say(fmt.Sprintf("SUBSCRIBE packet-id=1 filter=%d/+/%d", i, j))
				}
			}
			pub := r.open(mqttwire.V5, "pub", "")
			var reads [][]byte
			for i := 0; i < topics; i += burst {
				var names []string
				for j := range min(topics, burst) {
					names = append(names, fmt.Sprintf("%d/kitchen/temperature%d", i%10, i+j))
				}
				reads = append(reads, pub.publications(0, names...))
			}
			change := pub.bytes("SUBSCRIBE packet-id=1 filter=elsewhere", "UNSUBSCRIBE packet-id=2 filter=elsewhere")
			var w stopwatch
			next := 0
			runtime.GC() // of all that was built up, not while the clock runs
			b.ReportAllocs()
			for b.Loop() {
				if changing {
					pub.hand(change)
				}
				w.time(burst, func() { pub.feed(reads[next]) })
				next = (next + 1) % len(reads)
			}
			w.report(b, "message")
		}
	}
	return []pathStage{
		{"same-topic", match(1, false)},
		{"own-cache", match(100, false)},
		{"broker-cache", match(2000, false)},
		{"compiled", match(100, true)},
	}
}

// QoS 0: from the read to the outboxes and out of them.
func benchmarkPut(b *testing.B, receivers int) {
	r := newRig(b)
	all := r.peers(receivers, "", "t")
	pub := r.open(mqttwire.V5, "pub", "")
	in := pub.publications(0, "t")
	var w stopwatch
	b.ReportAllocs()
	for b.Loop() {
		w.time(burst*receivers, func() { pub.feed(in) })
		for _, p := range all {
			p.answer()
		}
	}
	w.report(b, "delivery")
	reportFlushes(b, all)
}

func reportFlushes(b *testing.B, all []*peer) {
	b.Helper()
	flushes, messages := 0, 0
	for _, p := range all {
		if p.messages < b.N*burst {
			b.Fatalf("%d messages came to a receiver, not %d", p.messages, b.N*burst)
		}
		flushes, messages = flushes+p.flushes, messages+p.messages
	}
	b.ReportMetric(float64(flushes)/float64(messages), "flushes/delivery")
}

// QoS 1 and 2: put is the way in, where the message is kept and takes its place
// in each window; ack is the way of all that the receivers then answer.
func benchmarkWindow(b *testing.B, qos, receivers int) {
	r := newRig(b)
	all := r.peers(receivers, "", fmt.Sprintf("t qos=%d", qos))
	pub := r.open(mqttwire.V5, "pub", "")
	in := pub.publications(qos, "t")
	var put, ack stopwatch
	b.ReportAllocs()
	for b.Loop() {
		put.time(burst*receivers, func() { pub.feed(in) })
		for _, p := range all {
			p.settle(&ack)
		}
	}
	b.ReportMetric(float64(ack.spent.Nanoseconds())/float64(ack.done), "ns/ack")
	put.report(b, "put")
	reportFlushes(b, all)
}

// settle answers until there is nothing left to answer. What is counted are the
// messages.
func (p *peer) settle(w *stopwatch) {
	before := p.messages
	for {
		answers := p.answer()
		w.done += p.messages - before
		before = p.messages
		if len(answers) == 0 {
			return
		}
		w.time(0, func() { p.feed(answers) })
	}
}

// A session that is away: in fills its queue, out is its way from there through
// the window, once the client is back.
func benchmarkQueue(b *testing.B, qos int) {
	r := newRig(b)
	const fields = "session-expiry-interval=1000"
	filter := fmt.Sprintf("t qos=%d", qos)
	r.peer("away", "clean-start=1 "+fields, filter).conn.Closed(nil)
	pub := r.open(mqttwire.V5, "pub", "")
	in := pub.publications(qos, "t")
	var put, out stopwatch
	b.ReportAllocs()
	for b.Loop() {
		for range 10 {
			put.time(burst, func() { pub.feed(in) })
		}
		back := &peer{socket: &socket{rig: r, version: mqttwire.V5}}
		back.decoder.Version, back.decoder.From = mqttwire.V5, mqttwire.Server
		back.conn = r.b.Accept(back, nil, nil)
		out.time(0, func() { back.say("CONNECT client-id=away " + fields) })
		back.settle(&out)
		if back.messages != 10*burst {
			b.Fatalf("%d messages came back, not %d", back.messages, 10*burst)
		}
		back.conn.Closed(nil)
	}
	b.ReportMetric(float64(out.spent.Nanoseconds())/float64(out.done), "ns/out")
	put.report(b, "in")
}

// Twelve receivers at QoS 0: of one shape, which is encoded once, of four, and
// with topic aliases, where each has an encoding of its own.
func encodeStages() []pathStage {
	encode := func(fields, filters []string) func(*testing.B) {
		return func(b *testing.B) {
			r := newRig(b)
			var all []*peer
			for i := range 12 {
				all = append(all, r.peer(fmt.Sprint("r", i), fields[i%len(fields)], filters[i/len(fields)%len(filters)]))
			}
			pub := r.open(mqttwire.V5, "pub", "")
			in := pub.bytes(slices.Repeat([]string{"PUBLISH retain=1 topic=t content-type=text/plain user-property=a=b payload=" + strings.Repeat("x", 64)}, burst)...)
			var w stopwatch
			b.ReportAllocs()
			for b.Loop() {
				w.time(burst*len(all), func() { pub.feed(in) })
				for _, p := range all {
					p.answer()
				}
			}
			w.report(b, "delivery")
			reportFlushes(b, all)
		}
	}
	plain, published := "t", "t retain-as-published=1"
	return []pathStage{
		{"shapes=1", encode([]string{"clean-start=1"}, []string{plain})},
		{"shapes=4", encode([]string{"clean-start=1", "version=4 clean-start=1"}, []string{plain, published})},
		{"aliases", encode([]string{"topic-alias-maximum=10"}, []string{plain})},
	}
}
