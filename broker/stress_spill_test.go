package broker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A depot is a Store in memory that takes its time: what it reads and what it
// says to be durable come late, more or less, and now and then what it is given
// does.
type depot struct {
	slowest time.Duration

	mu      sync.Mutex
	r       *rand.Rand
	queues  map[uint64]map[uint64]broker.Event // incarnation -> deliveries
	ended   map[uint64]bool
	begun   map[uint64]string // incarnation -> client id
	waiting []func(error)
	closed  bool
	wake    chan struct{}
	done    chan struct{}
	late    bool // something came after Close
	fetched int
}

func newDepot(seed uint64, slowest time.Duration) *depot {
	d := &depot{slowest: slowest, r: rand.New(rand.NewPCG(seed, 77)), queues: map[uint64]map[uint64]broker.Event{},
		ended: map[uint64]bool{}, begun: map[uint64]string{}, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go d.run()
	return d
}

// dawdle takes some of the slowest time.
func (d *depot) dawdle() {
	d.mu.Lock()
	took := time.Duration(d.r.Int64N(int64(d.slowest)))
	d.mu.Unlock()
	<-time.NewTimer(took).C
}

func (d *depot) run() {
	defer close(d.done)
	for range d.wake {
		d.dawdle()
		d.mu.Lock()
		all := d.waiting
		d.waiting = nil
		d.mu.Unlock()
		for _, durable := range all {
			durable(nil)
		}
	}
}

func (d *depot) Replay(func(*broker.Event) error) error { return nil }

func (d *depot) Append(events []broker.Event, durable func(error)) error {
	if len(events) > 0 && rand.IntN(16) == 0 {
		d.dawdle() // so that others overtake it
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = d.late || d.closed
	for _, e := range events {
		switch e.Kind {
		case broker.EventSession:
			d.begun[e.Incarnation] = e.ClientID
		case broker.EventSessionEnd:
			d.ended[e.Incarnation] = true
			delete(d.queues, e.Incarnation)
		case broker.EventEnqueue:
			if !d.ended[e.Incarnation] {
				if d.queues[e.Incarnation] == nil {
					d.queues[e.Incarnation] = map[uint64]broker.Event{}
				}
				d.queues[e.Incarnation][e.Sequence] = e
			}
		}
	}
	if durable != nil && !d.closed {
		d.waiting = append(d.waiting, durable)
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

func (d *depot) Fetch(incarnation uint64, numbers []uint64) (found []broker.Event, err error) {
	d.mu.Lock()
	d.late = d.late || d.closed
	for _, number := range numbers {
		if e, ok := d.queues[incarnation][number]; ok {
			found = append(found, e)
		}
	}
	d.fetched += len(found)
	d.mu.Unlock()
	d.dawdle()
	return found, nil
}

func (d *depot) Full() bool { return false }

func (d *depot) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	close(d.wake)
	<-d.done
	return nil
}

// verify wants every session ended, and nobody to come after Close.
func (d *depot) verify(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for incarnation, id := range d.begun {
		if !d.ended[incarnation] {
			t.Errorf("session %d of %s has not ended in the store", incarnation, id)
		}
	}
	if d.late {
		t.Error("somebody came to the store after Close")
	}
	if d.fetched == 0 {
		t.Error("nothing was read back")
	}
}

// wantGoroutines wants no more of them than before.
func wantGoroutines(t *testing.T, before int) {
	t.Helper()
	if !eventually(func() bool { return runtime.NumGoroutine() <= before }) {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines were there before, %d are now:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
	}
}

// A storm over a store that is slow, while next to nothing fits into memory: all
// the same nothing is lost, nothing of QoS 2 comes twice, and all keeps its order.
func TestStressSpill(t *testing.T) {
	for _, driver := range []string{"eventloop", "memory"} {
		for queued, slowest := range map[string]time.Duration{"2": 50 * time.Microsecond, "16": 2 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s/%v", driver, slowest), func(t *testing.T) {
				before := runtime.NumGoroutine()
				seed := stressSeed(t)
				d := newDepot(seed, slowest)
				w := &storm{T: t, seed: seed, deep: true, shared: map[string]int{}, rest: make(chan struct{}), done: make(chan struct{})}
				w.broker, w.dial = serveWith(t, driver, broker.Options{Store: d, Limits: limits(t, "max_outbox_bytes", "12KiB",
					"max_queued_messages", queued, "max_inflight", "5", "session_expiry_3x", "1000s", "connect_timeout", "60s", "sys_interval", "1s")})
				w.blow(300 * time.Millisecond)
				if !t.Failed() {
					d.verify(t)
				}
				wantGoroutines(t, before)
			})
		}
	}
}

// A lodger has a session that lasts for a while, in a share, and takes what it
// takes: what it has not acknowledged goes on to others when its session ends.
type lodger struct {
	*estate
	r    *rand.Rand
	name string
}

// An estate is the share, and who publishes to it.
type estate struct {
	*testing.T
	dial   func() (net.Conn, error)
	mortal bool // the broker is killed now and then
	over   chan struct{}
	mu     sync.Mutex
	taken  map[string]bool // by a lodger that acknowledged it, or by who stays
}

func TestStressBequest(t *testing.T) {
	for _, driver := range []string{"eventloop", "memory"} {
		t.Run(driver, func(t *testing.T) {
			before := runtime.NumGoroutine()
			seed := stressSeed(t)
			d := newDepot(seed, 500*time.Microsecond)
			e := &estate{T: t, over: make(chan struct{}), taken: map[string]bool{}}
			var b *broker.Broker
			b, e.dial = serveWith(t, driver, broker.Options{Store: d, Limits: limits(t, "max_queued_messages", "2", "max_inflight", "4")})
			stays := e.visit("stays", true, 1000)
			e.subscribe(stays)
			if p, err := stays.r.ReadPacket(); err != nil || p.Type() != mqttwire.SUBACK {
				t.Fatal(p, err)
			}
			stays.nc.Close()
			var work, lodgers sync.WaitGroup
			for i := range 4 {
				l := &lodger{e, rand.New(rand.NewPCG(seed, uint64(i))), fmt.Sprint("lodger-", i)}
				lodgers.Go(l.live)
			}
			published := e.publish(1200 * time.Millisecond)
			close(e.over)
			lodgers.Wait()
			stays = e.visit("stays", false, 1000)
			work.Go(func() { e.receive(stays) })
			if !eventually(func() bool { return e.missing(published) == nil }) {
				t.Errorf("of %d messages these never came: %v", published, e.missing(published))
			}
			if !eventually(func() bool {
				tally := b.Tally()
				return tally.Queued == 0 && tally.QueuedBytes == 0 && tally.Sessions == 1
			}) {
				t.Errorf("this is left: %+v", b.Tally())
			}
			stays.nc.Write(encoded(&storm{T: t}, mqttwire.V5, &mqttwire.Disconnect{Properties: mqttwire.Properties(nil).AddNumber(mqttwire.SessionExpiryInterval, 0)}))
			work.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), ample)
			defer cancel()
			if err := b.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if !t.Failed() {
				d.verify(t)
			}
			wantGoroutines(t, before)
		})
	}
}

// stressSeed is fresh unless STRESS_SEED says it.
func stressSeed(t *testing.T) uint64 {
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("STRESS_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("STRESS_SEED=%d", seed)
	return seed
}

func (e *estate) missing(published int) (numbers []int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range published {
		if !e.taken[fmt.Sprint(i)] {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

func (e *estate) take(payload []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taken[string(payload)] = true
}

// A visitor is a connection that was accepted.
type visitor struct {
	nc net.Conn
	r  *mqttwire.Reader
}

func (v *visitor) write(e *estate, p mqttwire.Packet) {
	v.nc.Write(encoded(&storm{T: e.T}, mqttwire.V5, p))
}

// visit connects; nil where that fails.
func (e *estate) visit(id string, cleanStart bool, expiry uint32) *visitor {
	nc, err := e.dial()
	if err != nil {
		return e.severed(id, err)
	}
	nc.SetDeadline(time.Now().Add(ample))
	v := &visitor{nc, mqttwire.NewReader(nc)}
	v.r.Version, v.r.From = mqttwire.V5, mqttwire.Server
	p := &mqttwire.Connect{Version: mqttwire.V5, ClientID: id, CleanStart: cleanStart}
	p.Properties = p.Properties.AddNumber(mqttwire.SessionExpiryInterval, expiry)
	v.write(e, p)
	if _, err := v.r.ReadPacket(); err != nil {
		nc.Close()
		return e.severed(id, err)
	}
	return v
}

// severed reports a connection that the broker may end only with itself.
func (e *estate) severed(id string, err error) *visitor {
	if !e.mortal {
		e.Errorf("%s: %v", id, err)
	}
	<-time.NewTimer(5 * time.Millisecond).C
	return nil
}

func (e *estate) subscribe(v *visitor) {
	v.write(e, &mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: "$share/g/t", QoS: 1}}})
}

// receive takes and acknowledges everything until the connection ends.
func (e *estate) receive(v *visitor) {
	defer v.nc.Close()
	for {
		p, err := v.r.ReadPacket()
		if err != nil {
			return
		}
		if p, ok := p.(*mqttwire.Publish); ok {
			e.take(p.Payload)
			v.write(e, &mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID})
		}
	}
}

// publish publishes one message after the other and says how many were acknowledged.
func (e *estate) publish(length time.Duration) (n int) {
	for end := time.Now().Add(length); time.Now().Before(end) && !e.Failed(); {
		v := e.visit("publisher", true, 0)
		if v == nil {
			continue
		}
		for err := error(nil); err == nil && time.Now().Before(end); {
			if err = e.post(v, n); err == nil {
				n++
			} else {
				e.severed("publisher", err)
			}
		}
		v.nc.Close()
	}
	return n
}

// post publishes one message, and waits until it is acknowledged.
func (e *estate) post(v *visitor, n int) error {
	v.write(e, &mqttwire.Publish{Topic: "t", QoS: 1, PacketID: mqttwire.PacketID(n%60000 + 1), Payload: fmt.Append(nil, n)})
	p, err := v.r.ReadPacket()
	if err != nil {
		return err
	}
	ack, ok := p.(*mqttwire.Ack)
	if !ok {
		return fmt.Errorf("%v comes", p.Type())
	}
	if ack.Reason != mqttwire.Success {
		e.Errorf("message %d: %v", n, ack.Reason)
	}
	return nil
}

// live comes and goes, and ends its session in all ways.
func (l *lodger) live() {
	for {
		select {
		case <-l.over:
			if v := l.visit(l.name, true, 0); v != nil {
				v.write(l.estate, &mqttwire.Disconnect{})
				l.receive(v)
			}
			return
		default:
		}
		v := l.visit(l.name, l.r.IntN(3) == 0, pick(l.r, uint32(0), 1, 1000))
		if v == nil {
			continue
		}
		if l.r.IntN(4) > 0 {
			l.subscribe(v)
		} else {
			v.write(l.estate, &mqttwire.Unsubscribe{PacketID: 2, Filters: []string{"$share/g/t"}})
		}
		l.stay(v)
	}
}

// stay takes some of what comes, acknowledges some of that, and goes.
func (l *lodger) stay(v *visitor) {
	defer v.nc.Close()
	v.nc.SetReadDeadline(time.Now().Add(time.Duration(l.r.IntN(40)) * time.Millisecond))
	for range l.r.IntN(40) {
		p, err := v.r.ReadPacket()
		if err != nil {
			break
		}
		if p, ok := p.(*mqttwire.Publish); ok && l.r.IntN(3) > 0 {
			l.take(p.Payload)
			v.write(l.estate, &mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID})
		}
	}
	switch l.r.IntN(3) {
	case 0:
		v.write(l.estate, &mqttwire.Disconnect{})
	case 1:
		v.write(l.estate, &mqttwire.Disconnect{Properties: mqttwire.Properties(nil).AddNumber(mqttwire.SessionExpiryInterval, 0)})
	}
}
