package broker_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
)

// A diary is what the clients of a broker were told, and so what must be true
// after a crash, whenever that comes.
type diary struct {
	l    *lineage
	rand *rand.Rand

	pub, sub             *client
	pubKept, subKept     bool // CONNACK came
	subscribed           map[string]bool
	packetID             int
	open                 map[int]*note // the publisher's exchanges that are not over
	notes                []*note
	received             map[string]int  // payload -> times, a QoS 2 repetition known by its id left out
	ids                  map[string]bool // QoS 2 ids that the subscriber holds
	retained             map[string]string
	unsure               map[string]string // written, and not acknowledged
	stuck                bool              // an answer did not come: the broker has crashed
	acknowledged, events int
}

// note is one message of the publisher.
type note struct {
	topic, payload string
	qos            int
	wanted         bool // the subscription was acknowledged before it was sent
	taken          bool // PUBACK or PUBREC came
}

func newDiary(l *lineage, seed uint64) *diary {
	return &diary{l: l, rand: rand.New(rand.NewPCG(seed, 0)), subscribed: map[string]bool{}, open: map[int]*note{},
		received: map[string]int{}, ids: map[string]bool{}, retained: map[string]string{}, unsure: map[string]string{}}
}

// answer waits for a packet; without it the broker counts as crashed.
func (d *diary) answer(c *client, want string) bool {
	if d.stuck {
		return false
	}
	for {
		r, ok := c.next(patience)
		if !ok || r.err != nil {
			d.stuck = true
			return false
		}
		if text := r.line.String(); strings.HasPrefix(text, want) {
			return true
		} else if c == d.sub {
			d.take(text, field(r.line, "packet-id"), field(r.line, "qos"), field(r.line, "payload"))
		} else {
			d.l.t.Fatalf("%s gets %s and not %s", c.name, text, want)
		}
	}
}

func (d *diary) step() {
	d.events++
	switch n := d.rand.IntN(20); {
	case d.pub == nil:
		d.pub = d.connect("pub", &d.pubKept)
		d.resume()
	case n < 3 && d.sub == nil:
		d.sub = d.connect("sub", &d.subKept)
	case n < 2 && d.sub != nil:
		d.read()
		d.sub.conn.Close()
		d.sub = nil
		synctest.Wait()
	case n < 4 && d.sub != nil:
		filter := fmt.Sprintf("t/%d", d.rand.IntN(3))
		d.sub.send("SUBSCRIBE packet-id=1000 filter=" + filter + " qos=2 retain-handling=2")
		if d.answer(d.sub, "SUBACK") {
			d.subscribed[filter] = true
		}
	case n < 12:
		d.publish(fmt.Sprintf("t/%d", d.rand.IntN(3)), 1+d.rand.IntN(2))
	case n < 15:
		d.retain()
	case d.sub != nil:
		d.read()
	}
}

// connect takes a session up; it must be there if that was ever acknowledged.
func (d *diary) connect(id string, kept *bool) *client {
	c := d.l.dial(id, 5)
	c.send("CONNECT session-expiry-interval=3600 client-id=" + id)
	r, ok := c.next(patience)
	if !ok || r.err != nil {
		d.stuck = true
		return nil
	}
	if present := field(r.line, "session-present") == "1"; *kept && !present {
		d.l.t.Fatalf("the session of %s is lost", id)
	}
	*kept = true
	return c
}

func (d *diary) publish(topic string, qos int) {
	d.packetID++
	n := &note{topic: topic, payload: fmt.Sprint(len(d.notes)), qos: qos, wanted: d.subscribed[topic]}
	d.notes = append(d.notes, n)
	d.open[d.packetID] = n
	d.finish(d.packetID, "")
}

// finish sends what an exchange of the publisher still wants.
func (d *diary) finish(id int, dup string) {
	n := d.open[id]
	if !n.taken {
		d.pub.send(fmt.Sprintf("PUBLISH %s topic=%s qos=%d packet-id=%d payload=%s", dup, n.topic, n.qos, id, n.payload))
		if !d.answer(d.pub, []string{"PUBACK", "PUBREC"}[n.qos-1]) {
			return
		}
		n.taken = true
		d.acknowledged++
	}
	if n.qos == 2 {
		d.pub.send(fmt.Sprintf("PUBREL packet-id=%d", id))
		if !d.answer(d.pub, "PUBCOMP") {
			return
		}
	}
	delete(d.open, id)
}

// resume goes on with everything that was open, as a client must.
func (d *diary) resume() {
	for _, id := range slices.Sorted(maps.Keys(d.open)) {
		if !d.stuck {
			d.finish(id, "dup=1")
		}
	}
}

func (d *diary) retain() {
	topic, payload := fmt.Sprintf("r/%d", d.rand.IntN(4)), ""
	if d.rand.IntN(3) > 0 {
		payload = fmt.Sprint("v", d.events)
	}
	d.unsure[topic] = payload
	d.pub.send(fmt.Sprintf("PUBLISH topic=%s retain=1 qos=1 packet-id=2000 payload=%q", topic, payload))
	if d.answer(d.pub, "PUBACK") {
		d.retained[topic] = payload
		delete(d.unsure, topic)
	}
}

// read lets the subscriber take what is there and answer it.
func (d *diary) read() {
	for {
		r, ok := d.sub.next(0)
		if !ok || r.err != nil {
			return
		}
		d.take(r.line.String(), field(r.line, "packet-id"), field(r.line, "qos"), field(r.line, "payload"))
	}
}

func (d *diary) take(text, id, qos, payload string) {
	switch {
	case strings.HasPrefix(text, "PUBLISH") && qos == "2":
		if !d.ids[id] {
			d.received[payload]++
			d.ids[id] = true
		}
		d.sub.send("PUBREC packet-id=" + id)
	case strings.HasPrefix(text, "PUBLISH"):
		d.received[payload]++
		d.sub.send("PUBACK packet-id=" + id)
	case strings.HasPrefix(text, "PUBREL"):
		delete(d.ids, id)
		d.sub.send("PUBCOMP packet-id=" + id)
	}
	synctest.Wait()
}

// verify holds the broker that came after the crash to all that was said.
func (d *diary) verify() {
	d.stuck = false
	d.pub, d.sub = d.connect("pub", &d.pubKept), d.connect("sub", &d.subKept)
	d.resume()
	pass(time.Second)
	for range 1000 {
		if len(d.sub.lines) == 0 {
			break
		}
		d.read()
		pass(10 * time.Millisecond)
	}
	for _, n := range d.notes {
		times := d.received[n.payload]
		if n.wanted && n.taken && times == 0 {
			d.l.t.Errorf("%s at QoS %d was acknowledged and is lost", n.payload, n.qos)
		}
		if n.qos == 2 && times > 1 {
			d.l.t.Errorf("%s came %d times at QoS 2", n.payload, times)
		}
	}
	d.verifyRetained()
}

func (d *diary) verifyRetained() {
	c := d.l.connect5("retained", "clean-start=1")
	c.subscribe("r/#", 0, "")
	found := map[string]string{}
	for {
		r, ok := c.next(time.Second)
		if !ok {
			break
		}
		found[field(r.line, "topic")] = field(r.line, "payload")
	}
	for i := range 4 {
		topic := fmt.Sprintf("r/%d", i)
		unsure, maybe := d.unsure[topic]
		if got := found[topic]; got != d.retained[topic] && !(maybe && got == unsure) {
			d.l.t.Errorf("%s holds %q, while %q was acknowledged (and %q, %v, was not)", topic, got, d.retained[topic], unsure, maybe)
		}
	}
	c.leave()
}

// The same story is told as often as it has frames, and each time the broker
// crashes after one frame more.
func TestACrashAfterEveryFrame(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			for most, over := 1, false; !over && !t.Failed(); most++ {
				lineageOf(t, []string{"max_queued_messages=3", "max_inflight=2"}, func(l *lineage) {
					over = l.tell(seed, most)
				})
				if t.Failed() {
					t.Logf("seed %d, crash after frame %d", seed, most)
				}
			}
		})
	}
}

// tell runs the story of a seed until a crash after a number of frames, and
// verifies what is left. True: it was over before.
func (l *lineage) tell(seed uint64, most int) bool {
	l.k.mu.Lock()
	l.k.most = most
	l.k.mu.Unlock()
	d := newDiary(l, seed)
	for range 70 {
		if d.step(); d.stuck {
			break
		}
	}
	if !d.stuck && d.acknowledged < 15 {
		l.t.Fatalf("only %d messages were acknowledged", d.acknowledged)
	}
	if d.sub != nil {
		d.read() // what has left before the crash
	}
	l.k.mu.Lock()
	frames := slices.Clone(l.k.frames[:min(most, len(l.k.frames))])
	l.k.mu.Unlock()
	l.crashAt(frames, time.Second)
	d.verify()
	return !d.stuck && len(frames) < most
}

var _ broker.Store = (*keeper)(nil)
