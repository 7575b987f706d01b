package crash

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A run is one Test taking place.
type run struct {
	o        Test
	id       string // of this run, in topics and client ids
	prefix   string // of client ids
	versions []mqttwire.Version
	random   *rand.Rand // of Run's own goroutine
	begun    time.Time

	gate     *gate
	ledger   *ledger
	shelf    *shelf
	keys     []*key
	register register
	silence  chan struct{} // closed when nothing new is to be published
	bursts   chan struct{} // holds one when a publisher has just sent some

	clients     sync.WaitGroup
	publishers  []*publisher
	subscribers []*subscriber
	testators   []*testator

	kills, killsAtStart int
	starts              []time.Duration // of each start that was let succeed
	notes               []string
	incomplete          bool // nobody looked at the end
}

func newRun(o Test) *run {
	var random [3]byte
	_, _ = crand.Read(random[:]) // never fails
	id := hex.EncodeToString(random[:])
	r := &run{
		o: o, id: id, prefix: o.Prefix + id + "-", versions: o.Versions, begun: time.Now(),
		gate: newGate(), ledger: newLedger(), shelf: newShelf(o.Size),
		silence: make(chan struct{}), bursts: make(chan struct{}, 1),
	}
	r.random = r.rand("run", 0)
	return r
}

// rand is a stream of random numbers for one client.
func (r *run) rand(role string, index int) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, role, index)
	return rand.New(rand.NewPCG(r.o.Seed, h.Sum64()))
}

func (r *run) version(index int) mqttwire.Version { return r.versions[index%len(r.versions)] }

func (r *run) topic(rest string) string { return "mqtk-crash/" + r.id + "/" + rest }

func (r *run) noteBurst() {
	select {
	case r.bursts <- struct{}{}:
	default:
	}
}

// retainWriters is how many clients write retained messages, and a fifth of the
// rate is theirs.
const retainWriters = 2

// employ makes the clients and sends the subscribers to work.
func (r *run) employ(ctx context.Context) {
	rate := float64(r.o.Rate)
	if r.o.Keys >= retainWriters {
		r.employWriters(rate / 5)
		rate -= rate / 5
	}
	for i := range r.o.Publishers {
		r.publishers = append(r.publishers, r.loadPublisher(i, rate/float64(r.o.Publishers)))
	}
	for i := range r.o.Subscribers {
		r.subscribers = append(r.subscribers, r.subscriber(i))
	}
	if r.speaks5() && r.o.Share > 0 {
		share := r.ledger.receiver("$share/"+r.id, true)
		for i := range r.o.Share {
			r.subscribers = append(r.subscribers, r.member(i, share))
		}
	}
	for i := range r.o.Wills {
		r.testators = append(r.testators, r.testator(i))
	}
	for _, s := range r.subscribers {
		r.clients.Go(func() { s.live(ctx) })
	}
}

func (r *run) employWriters(rate float64) {
	keys := make([][]*key, retainWriters)
	for i := range r.o.Keys {
		writer, qos := i%retainWriters, byte(1+i/retainWriters%2)
		k := r.shelf.add(r.topic("retained/k"+decimal(i)), qosOf(qos))
		r.keys = append(r.keys, k)
		keys[writer] = append(keys[writer], k)
	}
	for i := range keys {
		r.publishers = append(r.publishers, r.retainPublisher(i, rate/retainWriters, keys[i]))
	}
}

func (r *run) speaks5() bool {
	for _, v := range r.versions {
		if v == mqttwire.V5 {
			return true
		}
	}
	return false
}

// settled waits until everybody has subscribed, and only then has the others
// begin.
func (r *run) settled(ctx, clients context.Context) error {
	late := time.NewTimer(r.o.Patience)
	defer late.Stop()
	for _, s := range r.subscribers {
		select {
		case <-s.subscribed():
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return fmt.Errorf("client %s has not subscribed within %s", s.clientID, r.o.Patience)
		}
		if reason := s.refused(); reason != 0 {
			return fmt.Errorf("the broker refuses the subscription to %s: %s", s.filters[0].Filter, reason.Text(mqttwire.SUBACK))
		}
	}
	for _, t := range r.testators {
		r.clients.Go(func() { t.live(clients) })
	}
	for _, p := range r.publishers {
		r.clients.Go(func() { p.live(clients, p.work) })
	}
	if r.o.Sessions > 0 {
		for i := range registrars {
			g := &registrar{r.session("n", i), float64(r.o.Sessions) / registrars}
			r.clients.Go(func() { g.live(clients) })
		}
	}
	return nil
}

const registrars = 2

func decimal(n int) string { return strconv.Itoa(n) }

func qosOf(b byte) mqttwire.QoS { return mqttwire.QoS(b) }
