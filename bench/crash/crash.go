package crash

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// Test is a test of a broker by kill -9. Numbers of clients and rates of zero
// leave that part of the load out.
type Test struct {
	Broker Broker
	// Dial connects to the broker.
	Dial func(ctx context.Context) (net.Conn, error)
	// Versions are spoken by turns. One that the broker refuses at the first
	// start is left out, if another remains.
	Versions []mqttwire.Version
	Username *string
	Password []byte
	// Prefix begins every client id.
	Prefix string

	Kills int
	// LoadTime is the time from a restart to the next kill, on average.
	LoadTime time.Duration
	// Patience is how long the broker may take for what it owes: to accept a
	// connection, to answer. At the end, deliveries may stop for a quarter of it
	// before what is missing is taken for lost.
	Patience time.Duration

	Publishers  int
	Subscribers int // every other one is away at times
	Share       int // members of a shared subscription, which needs 5.0
	Keys        int // retained topics
	Wills       int // clients with a will
	Rate        int // publishes a second, of all publishers
	Sessions    int // new sessions a second
	Window      int // messages of one client that are under way
	Size        int // of a payload, in bytes

	Seed uint64
	// Cleanup ends the sessions and clears the retained topics at the end, for a
	// broker whose data stay. Of a test that is broken off they stay, too.
	Cleanup bool
	// Progress, if not nil, is told of each kill.
	Progress func(kills int)
}

// Defaults is a load that tests the promise and not the machine.
func Defaults() Test {
	return Test{
		Versions: []mqttwire.Version{mqttwire.V5, mqttwire.V311}, Kills: 10, LoadTime: time.Second, Patience: 10 * time.Second,
		Publishers: 4, Subscribers: 4, Share: 2, Keys: 200, Wills: 2, Rate: 500, Sessions: 10, Window: 20, Size: 64,
	}
}

// A Broker is the process under test. Its methods are called by one goroutine.
type Broker interface {
	// Start starts it on the data that it has.
	Start() error
	// Kill ends it as SIGKILL does, and returns when it is gone; it does nothing
	// to one that has ended.
	Kill() error
	// Ended is closed when what Start started has ended, by whomever.
	Ended() <-chan struct{}
}

// StartError: the broker did not come up at all.
type StartError struct {
	After time.Duration
	Err   error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("the broker accepted no client in %s: %v", e.After.Round(time.Millisecond), e.Err)
}

func (e *StartError) Unwrap() error { return e.Err }

// Run tests the broker. The error is about the test, which did not take place
// then: *StartError, *OtherError, a refusal, the end of ctx. What the broker did
// is in the Report.
func (c Test) Run(ctx context.Context) (*Report, error) {
	r := newRun(c)
	defer c.Broker.Kill() // again, where that failed: its error was told
	if err := r.firstStart(ctx); err != nil {
		return nil, err
	}
	clients, dismiss := context.WithCancel(ctx)
	defer func() {
		dismiss()
		r.clients.Wait()
	}()
	r.employ(clients)
	r.gate.open()
	if err := r.settled(ctx, clients); err != nil {
		return nil, err
	}
	err := r.rounds(ctx)
	if err == nil {
		err = r.drain(ctx)
	}
	dismiss()
	r.clients.Wait()
	if err == nil {
		err = r.look(ctx)
	}
	if err = r.excuse(ctx, err); err != nil {
		return nil, err
	}
	return r.report(), nil
}

// firstStart starts the broker where nothing else is, and sees which versions it
// speaks.
func (r *run) firstStart(ctx context.Context) error {
	if err := r.vacant(ctx); err != nil {
		return err
	}
	err := r.start(ctx, r.versions[0])
	switch {
	case len(r.versions) < 2:
	case refusesVersion(err):
		r.leaveOut(0)
		r.starts = append(r.starts, 0) // how long it took is not known
		err = r.ready(ctx, r.versions[0])
	case err == nil:
		if err = r.ready(ctx, r.versions[1]); refusesVersion(err) {
			r.leaveOut(1)
			err = nil
		}
	}
	return err
}

func (r *run) leaveOut(i int) {
	r.notes = append(r.notes, fmt.Sprintf("the broker refuses MQTT %s, which is left out", r.versions[i]))
	r.versions = append(r.versions[:i:i], r.versions[i+1:]...)
}

func refusesVersion(err error) bool {
	var refused *client.RefusedError
	return errors.As(err, &refused) && refused.Reason == mqttwire.UnsupportedProtocolVersion
}

// start starts the broker and waits until a CONNECT succeeds.
func (r *run) start(ctx context.Context, v mqttwire.Version) error {
	begun := time.Now()
	if err := r.o.Broker.Start(); err != nil {
		return err
	}
	err := r.ready(ctx, v)
	if err == nil {
		r.starts = append(r.starts, time.Since(begun))
	}
	return err
}

// ready knocks until the broker lets us in.
func (r *run) ready(ctx context.Context, v mqttwire.Version) error {
	begun := time.Now()
	for {
		connect := &mqttwire.Connect{Version: v, ClientID: r.prefix + "probe", CleanStart: true, KeepAlive: keepAlive}
		conn, connack, err := r.connectWithin(ctx, min(r.o.Patience, 2*time.Second), connect)
		if err == nil {
			heeded := r.heed(connack)
			_ = conn.WritePacket(new(mqttwire.Disconnect))
			_ = conn.Flush()
			_ = conn.Close()
			if closed(r.o.Broker.Ended()) {
				return r.whyEnded(ctx, time.Since(begun))
			}
			return heeded
		}
		var refused *client.RefusedError
		switch after := time.Since(begun); {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &refused) && !refused.Retryable():
			return err
		case closed(r.o.Broker.Ended()):
			return r.whyEnded(ctx, after)
		case after >= r.o.Patience:
			return &StartError{after, err}
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// heed leaves out what the broker says it does not have.
func (r *run) heed(connack *mqttwire.Connack) error {
	if n, ok := connack.Properties.Number(mqttwire.RetainAvailable); ok && n == 0 && r.o.Keys > 0 {
		r.o.Keys = 0
		r.notes = append(r.notes, "the broker retains nothing, which is left out")
	}
	if n, ok := connack.Properties.Number(mqttwire.SharedSubscriptionAvailable); ok && n == 0 && r.o.Share > 0 {
		r.o.Share = 0
		r.notes = append(r.notes, "the broker has no shared subscriptions, which are left out")
	}
	if n, ok := connack.Properties.Number(mqttwire.MaximumQoS); ok && n < 2 {
		return fmt.Errorf("the broker grants QoS %d at most, and the test needs 2", n)
	}
	return nil
}

// rounds are load, kill and restart, again and again.
func (r *run) rounds(ctx context.Context) error {
	for r.kills < r.o.Kills {
		r.load(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if closed(r.o.Broker.Ended()) {
			r.ledger.find(Died, Example{Detail: fmt.Sprintf("after %d kills", r.kills)})
			if r.ledger.found(Died) > deathsBorne {
				return errDies
			}
		} else {
			r.noteKill()
		}
		if err := r.restart(ctx); err != nil {
			return err
		}
	}
	return nil
}

// deathsBorne is how often the broker may end by itself.
const deathsBorne = 10

var errDies = errors.New("the broker ends by itself again and again")

func (r *run) noteKill() {
	r.kills++
	if r.o.Progress != nil {
		r.o.Progress(r.kills)
	}
}

// load lets the clients work until the moment to kill has come.
func (r *run) load(ctx context.Context) {
	if r.random.IntN(8) == 0 {
		r.wait(ctx, r.upTo(100*time.Millisecond)) // while everybody resumes
		return
	}
	r.wait(ctx, r.o.LoadTime/2+r.upTo(r.o.LoadTime))
	if r.random.IntN(2) == 0 {
		r.burstSoon(ctx)
		r.wait(ctx, r.upTo(3*time.Millisecond))
	}
}

// wait waits, or ends with ctx or the broker.
func (r *run) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-r.o.Broker.Ended():
	}
}

func (r *run) upTo(d time.Duration) time.Duration {
	return time.Duration(r.random.Int64N(int64(d) + 1))
}

// burstSoon waits for the next burst of a publisher.
func (r *run) burstSoon(ctx context.Context) {
	select { // an old one
	case <-r.bursts:
	default:
	}
	timer := time.NewTimer(5 * beat)
	defer timer.Stop()
	select {
	case <-r.bursts:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// restart kills the broker, some more times while it starts, and lets the
// clients in again once it is up and its retained messages were seen.
func (r *run) restart(ctx context.Context) error {
	r.gate.shut()
	if err := r.kill(ctx); err != nil {
		return err
	}
	r.gate.quiet(time.Second) // what came before the kill is in the ledger
	for r.kills < r.o.Kills && r.random.IntN(5) == 0 {
		if err := r.o.Broker.Start(); err != nil {
			return err
		}
		r.wait(ctx, r.upTo(max(20*time.Millisecond, r.starts[0]*3/2)))
		if err := r.kill(ctx); err != nil {
			return err
		}
		r.killsAtStart++
		r.noteKill()
	}
	if err := r.start(ctx, r.version(r.kills)); err != nil {
		return err
	}
	if err := r.checkRetained(ctx, false); err != nil {
		return err
	}
	r.gate.open()
	return nil
}

// excuse sorts what ended a test that had begun: what the broker did wrong is a
// finding and no error, unless it was not the broker.
func (r *run) excuse(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	var other *OtherError
	if errors.As(err, &other) {
		return err
	}
	if !errors.Is(err, errDies) {
		r.ledger.find(NotBack, Example{Detail: fmt.Sprintf("after kill %d: %v", r.kills, err)})
	}
	r.incomplete = true
	return nil
}
