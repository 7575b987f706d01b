package bench

import (
	"math"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// A mirror is a loop.Conn that keeps what was sent last.
type mirror struct{ last []byte }

func (m *mirror) Send(b []byte)  { m.last = append(m.last[:0], b...) }
func (m *mirror) Queue(b []byte) { m.last = append(m.last[:0], b...) }
func (m *mirror) Full() bool     { return false }
func (m *mirror) Close()         {}
func (m *mirror) Abort()         {}

// still is a run of one publisher and one subscriber that are ready, whose loop
// stands still.
func still(t testing.TB, p Plan) (r *run, pub *publisher, sub *subscriber) {
	t.Helper()
	p.Target, p.Workers, p.Publishers, p.Subscribers = somewhere, 1, 1, 1
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	r = newRun(p)
	w, err := newWorker(r, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.workers = []*worker{w}
	if err := r.cast(); err != nil {
		t.Fatal(err)
	}
	pub, sub = r.publishers[0], w.subscribers[0]
	pub.c.conn, sub.c.conn, sub.granted = &mirror{}, &mirror{}, p.QoS
	g := readGrants(&mqttwire.Connack{}, 0)
	if _, err := pub.connected(pub.c, &g); err != nil {
		t.Fatal(err)
	}
	pub.c.stage, sub.c.stage = ready, ready
	f := r.newPhase(phaseMeasure, time.Hour, 0)
	w.prepare(f)
	f.start.Store(r.clock.now())
	f.until = math.MaxInt64
	w.turn.on = true
	return r, pub, sub
}

// turnAround has a batch sent, received and acknowledged, as often as QoS wants.
func turnAround(t testing.TB, pub *publisher, sub *subscriber) {
	out, back := pub.c.conn.(*mirror), sub.c.conn.(*mirror)
	w := pub.w
	f := w.phase
	k := pub.mayPublish(f)
	pub.publish(f, k, w.run.clock.now())
	hand := func(to interface {
		take(*link, []byte) (int, error)
	}, c *link, b []byte) {
		if n, err := to.take(c, b); err != nil || n != len(b) {
			t.Fatalf("%d bytes of %d are used up, %v", n, len(b), err)
		}
	}
	pub.due = pub.sent // no more for now
	back.last = back.last[:0]
	hand(sub, sub.c, out.last)
	for range w.run.plan.QoS { // what the subscriber answers a broker has for the publisher, too
		hand(pub, pub.c, back.last)
		if w.run.plan.QoS == 2 && len(out.last) == int(4*k) {
			hand(sub, sub.c, out.last)
		}
	}
	pub.due = never
}

func TestMessagesDoNotAllocate(t *testing.T) {
	for q := range mqttwire.QoS(3) {
		for _, p := range []Plan{{QoS: q}, {QoS: q, SizeMax: 200}, {QoS: q, Version: mqttwire.V311}} {
			r, pub, sub := still(t, p)
			for range 3 {
				turnAround(t, pub, sub)
			}
			if n := testing.AllocsPerRun(100, func() { turnAround(t, pub, sub) }); n != 0 {
				t.Errorf("QoS %d, up to %d bytes, %v: %v allocations for %d messages", q, r.plan.SizeMax, r.plan.Version, n, pub.batch)
			}
			c := pub.w.tally.Counts
			if c.Sent == 0 || c.Delivered != c.Sent || c.Acknowledged != c.Sent || c.Duplicated+c.Corrupted+c.Foreign+c.WrongQoS != 0 {
				t.Errorf("QoS %d: %+v", q, c)
			}
		}
	}
}

// BenchmarkMessage is what a message costs without the system: sent, received
// and acknowledged.
func BenchmarkMessage(b *testing.B) {
	for q := range mqttwire.QoS(3) {
		for _, size := range []int{64, 1024} {
			b.Run(string(rune('0'+q)), func(b *testing.B) {
				_, pub, sub := still(b, Plan{QoS: q, SizeMin: size, SizeMax: size})
				for n := 0; b.Loop(); n++ {
					turnAround(b, pub, sub)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(pub.sent), "ns/message")
			})
		}
	}
}
