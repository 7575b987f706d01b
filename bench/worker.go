package bench

import (
	"context"
	"errors"

	"mqtk/bench/loop"
	"mqtk/mqttwire"
)

// A worker is one loop and the clients it carries. All of it belongs to the
// loop; others ask by run.each.
type worker struct {
	run     *run
	number  int
	loop    *loop.Loop
	ended   chan struct{} // the loop has
	err     error         // of the loop, once it has ended
	decoder mqttwire.Decoder
	out     []byte // for what is being encoded

	dialling dialling
	links    linkTally
	waiting  agenda    // who awaits an answer
	pings    agenda    // who may have to be heard of
	turnover *turnover // nil: connections are to last

	publishers     []*publisher
	subscribers    []*subscriber
	collectors     []*collector
	groups         []*group
	phase          *phase // that is on; nil: none
	booksClosed    bool   // what comes now is not counted
	turn           turn
	dirty          []*publisher // to pump at the end of the batch
	starved        []*publisher // that deliveries on other workers may let go on
	spare          []*publisher // memory for dirty
	tally          tally
	taken          tally  // by the coordinator
	fill           []byte // as long as the longest payload that may come
	examples       examples
	refusals       map[refusal]int64
	violated       int64 // connections ended by the broker's breaking of the protocol
	firstViolation error
	excess         int64      // PUBREL sent because of a PUBREC that no message awaited
	back           int64      // subscribers that came back to their sessions
	sessionsLost   int64      // of them, those whose session the broker did not have
	readAt         int64      // when what is being handled was read from its socket
	stirred        int64      // when something was sent, acknowledged or received last
	usage          loop.Usage // when usageAt was
	usageAt        int64      // when the phase began
}

func newWorker(r *run, number int) (*worker, error) {
	w := &worker{run: r, number: number, ended: make(chan struct{}), fill: r.fill}
	w.decoder = mqttwire.Decoder{Version: r.plan.Version, From: mqttwire.Server, Limits: mqttwire.Limits{MaxPacketSize: longestPacket(&r.plan)}}
	w.links = newLinkTally()
	l, err := loop.New(loop.Options{
		Network: r.plan.Target.Network, Address: r.plan.Target.Address, Dial: r.plan.Target.Dial,
		Clock: r.clock.now, Wake: w.wake,
	})
	w.loop = l
	return w, err
}

// longestPacket is what a broker may send in one: a message of this run, and what
// may come with it. Where others publish, they know the size.
func longestPacket(p *Plan) uint32 {
	const envelope, foreign = 1 << 20, 32 << 20
	if p.Shape == SubOnly {
		return uint32(max(p.SizeMax, foreign) + envelope)
	}
	return uint32(p.SizeMax + envelope)
}

// work is the worker's goroutine.
func (w *worker) work(ctx context.Context) {
	defer close(w.ended)
	w.err = w.loop.Run(ctx)
}

// decode reads one packet.
func (w *worker) decode(in []byte) (mqttwire.Packet, int, error) { return w.decoder.Decode(in) }

// wake does what is due, and says when the next is.
func (w *worker) wake(now int64) (next int64) {
	next = min(w.dial(now), w.overdue(now), w.keepAlive(now))
	if len(w.starved) > 0 {
		w.retry()
	}
	if w.turnover != nil {
		next = min(next, w.turnover.overdue(now))
	}
	next = min(next, w.pace(now))
	w.pump()
	return next
}

// each calls f on every loop, and waits. It is for the coordinator; false: a loop
// has ended by itself.
func (r *run) each(f func(w *worker)) bool {
	done := make(chan struct{}, len(r.workers))
	for _, w := range r.workers {
		w.loop.Do(func() {
			f(w)
			done <- struct{}{}
		})
	}
	for range r.workers {
		select {
		case <-done:
		case <-r.broken:
			return false
		}
	}
	return true
}

var errLoopEnded = errors.New("the load generator's loop has ended")

// beginUsage has what the worker takes counted from now on.
func (w *worker) beginUsage() { w.usage, w.usageAt = w.loop.Usage(), w.run.clock.now() }
