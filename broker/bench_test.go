package broker_test

import (
	"fmt"
	"strings"
	"testing"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A rig drives connections of a broker without a network: what a client says is
// handed to Receive, and what the broker says is counted and thrown away.
type rig struct {
	testing.TB
	b     *broker.Broker
	batch *broker.Batch
}

func newRig(t testing.TB) *rig { return newRigOf(t, broker.Options{}) }

func newRigOf(t testing.TB, o broker.Options) *rig {
	b, err := broker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Shutdown(t.Context()) })
	return &rig{t, b, b.NewBatch()}
}

// A socket is a Link that takes everything at once, unless it is stuck.
type socket struct {
	rig     *rig
	conn    *broker.Conn
	version mqttwire.Version
	stuck   bool
	sent    int
	last    []byte // the first bytes of what was written last
	ack     []byte
}

func (s *socket) Flush() {
	if s.stuck {
		return
	}
	var room [1][]byte
	for pieces := s.conn.Take(room[:0]); len(pieces) > 0; {
		n := len(pieces[0])
		s.sent += n
		s.last = append(s.last[:0], pieces[0][:min(n, 64)]...)
		pieces = s.conn.Next(n, room[:0])
	}
}

func (s *socket) Resume() {}
func (s *socket) Close()  {}

func (r *rig) open(v mqttwire.Version, id, fields string) *socket {
	s := &socket{rig: r, version: v}
	s.conn = r.b.Accept(s, nil, nil)
	s.say("CONNECT client-id=" + id + " clean-start=1 " + fields)
	if s.sent == 0 || s.last[0] != 0x20 || s.last[3] != 0 {
		r.Fatalf("%s is not let in: %x", id, s.last)
	}
	return s
}

func (s *socket) bytes(lines ...string) (b []byte) {
	for _, line := range lines {
		p, err := mqttwire.ParseText(line, s.version)
		if err == nil {
			b, err = p.Append(b, s.version)
		}
		if err != nil {
			s.rig.Fatal(err)
		}
	}
	return b
}

func (s *socket) say(lines ...string) { s.hand(s.bytes(lines...)) }

// hand is one read of a driver.
func (s *socket) hand(b []byte) {
	if used := s.conn.Receive(s.rig.batch, b); used != len(b) {
		s.rig.Fatalf("%d bytes of %d were taken", used, len(b))
	}
	s.rig.batch.Flush()
}

// acknowledge answers the PUBLISH with the next packet id, by these types of
// packets.
func (s *socket) acknowledge(id int, kinds ...byte) {
	s.ack = s.ack[:0]
	for _, kind := range kinds {
		s.ack = append(s.ack, kind, 2, byte(id>>8), byte(id))
	}
	s.hand(s.ack)
}

// receivers open n subscribers to the topic t.
func (r *rig) receivers(n, qos int, fields, options string) (all []*socket) {
	for i := range n {
		s := r.open(mqttwire.V5, fmt.Sprint("r", i), fields)
		s.say(fmt.Sprintf("SUBSCRIBE packet-id=1 filter=t qos=%d %s", qos, options))
		all = append(all, s)
	}
	return all
}

// deliveries returns a function that publishes once and has everybody
// acknowledge.
func (r *rig) deliveries(receivers, qos, payload int, fields string) (once func(), all []*socket) {
	all = r.receivers(receivers, qos, fields, "")
	pub := r.open(mqttwire.V5, "pub", "")
	publish := pub.bytes(fmt.Sprintf("PUBLISH topic=t qos=%d packet-id=%d payload=%s", qos, min(qos, 1), strings.Repeat("x", payload)))
	if qos == 2 {
		publish = append(publish, 0x62, 2, 0, 1) // PUBREL
	}
	id := 0
	return func() {
		pub.hand(publish)
		if id++; id > 65535 {
			id = 1
		}
		for _, s := range all {
			switch qos {
			case 1:
				s.acknowledge(id, 0x40)
			case 2:
				s.acknowledge(id, 0x50)
				s.acknowledge(id, 0x70)
			}
		}
	}, all
}

func BenchmarkDelivery(b *testing.B) {
	for qos := range 3 {
		for _, receivers := range []int{1, 10, 1000} {
			b.Run(fmt.Sprintf("qos=%d/receivers=%d", qos, receivers), func(b *testing.B) {
				once, all := newRig(b).deliveries(receivers, qos, 64, "")
				b.ReportAllocs()
				before := all[0].sent
				for b.Loop() {
					once()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*receivers), "ns/delivery")
				if all[0].sent == before {
					b.Fatal("nothing was delivered")
				}
			})
		}
	}
}

// Many small publications in one read.
func BenchmarkPipelined(b *testing.B) {
	r := newRig(b)
	all := r.receivers(1, 0, "", "")
	pub := r.open(mqttwire.V5, "pub", "")
	burst := []byte(strings.Repeat(string(pub.bytes("PUBLISH topic=t payload="+strings.Repeat("x", 64))), 100))
	b.ReportAllocs()
	for b.Loop() {
		pub.hand(burst)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100), "ns/delivery")
	if all[0].sent < 100*64 {
		b.Fatal("nothing was delivered")
	}
}

func BenchmarkConnect(b *testing.B) {
	for _, v := range []mqttwire.Version{mqttwire.V311, mqttwire.V5} {
		b.Run(v.String(), func(b *testing.B) {
			r := newRig(b)
			connect := r.open(v, "first", "").bytes("CONNECT client-id=a clean-start=1 keep-alive=60")
			b.ReportAllocs()
			for b.Loop() {
				s := &socket{rig: r, version: v}
				s.conn = r.b.Accept(s, nil, nil)
				s.hand(connect)
				s.conn.Closed(nil)
			}
		})
	}
}

func BenchmarkSubscribe(b *testing.B) {
	for _, others := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			r := newRig(b)
			s := r.open(mqttwire.V5, "s", "")
			for i := range others / 10_000 {
				o := r.open(mqttwire.V5, fmt.Sprint("o", i), "")
				for j := range 10_000 {
					o.say(fmt.Sprintf("SUBSCRIBE packet-id=1 filter=o/%d/%d", i, j))
				}
			}
			both := s.bytes("SUBSCRIBE packet-id=1 filter=a/+/c qos=1", "UNSUBSCRIBE packet-id=2 filter=a/+/c")
			b.ReportAllocs()
			for b.Loop() {
				s.hand(both)
			}
		})
	}
}
