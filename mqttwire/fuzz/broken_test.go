package fuzz_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/fuzz"
	"mqtk/mqttwire/transport"
)

// A broken broker is a right one behind a wall that looks at what clients
// send: each fault is set off by some packet.
type broken struct {
	t     *testing.T
	fault fault // nil: none

	maximumQoS *mqttwire.QoS // nil: 2

	broker  *broker.Broker
	inlet   *transport.MemListener
	serving sync.WaitGroup
	mutex   sync.Mutex
	conns   map[net.Conn]bool
	gone    bool
	hangs   chan struct{} // closed: nothing moves any more
	starts  int
	judging sync.Mutex // one packet at a time meets the fault
}

// A fault looks at a packet of a client, decoded or not, and says what comes of it.
type fault func(b *broken, p mqttwire.Packet, raw []byte) effect

type effect byte

const (
	fine   effect = iota
	crash         // the process ends
	hang          // nothing moves any more
	eat           // the packet never came
	answer        // PINGRESP out of the blue, which breaks no framing but is judged: a second CONNACK
	evict         // all connections are closed, new ones are let in
)

// hunts looks for trouble with a broker that has the fault, in fake time.
func hunts(t *testing.T, f fault, o fuzz.Options) (s *fuzz.Summary) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &broken{t: t, fault: f}
		o.Dial, o.Process = b.dial, b
		var err error
		if s, err = fuzz.Run(t.Context(), o); err != nil {
			t.Error(err)
		}
		b.stop()
	})
	return s
}

// dying is the time from a packet to the end of the process that it kills.
const dying = 9 * time.Millisecond

func (b *broken) Restart(context.Context) error {
	b.stop()
	var err error
	limits := broker.DefaultLimits()
	if b.maximumQoS != nil {
		limits.MaxQoS = int(*b.maximumQoS)
	}
	if b.broker, err = broker.New(broker.Options{Limits: limits}); err != nil {
		return err
	}
	b.judging.Lock()
	b.starts++
	b.judging.Unlock()
	b.inlet, b.conns, b.gone, b.hangs = transport.NewMemListener(), make(map[net.Conn]bool), false, make(chan struct{})
	b.serving.Go(func() { _ = b.broker.Serve(b.inlet) })
	return nil
}

func (b *broken) stop() {
	if b.broker == nil {
		return
	}
	b.drop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = b.broker.Shutdown(ctx)
	b.serving.Wait()
}

func (b *broken) drop() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for c := range b.conns {
		c.Close()
	}
	clear(b.conns)
}

func (b *broken) Ended(time.Duration) (string, []string, bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return "signal: aborted", []string{"panic: index out of range [3]"}, b.gone
}

func (b *broken) dial(ctx context.Context) (net.Conn, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.gone {
		return nil, errors.New("connection refused")
	}
	if b.hangs == nil { // it is accepted, and that is all
		ours, theirs := transport.MemPair()
		b.conns[theirs] = true
		return paced{ours}, nil
	}
	up, err := b.inlet.Dial(ctx)
	if err != nil {
		return nil, err
	}
	ours, theirs := transport.MemPair()
	b.conns[up], b.conns[theirs] = true, true
	hangs := b.hangs
	b.serving.Go(func() { b.outward(theirs, up, hangs) })
	b.serving.Go(func() { b.inward(theirs, up, hangs) })
	return paced{ours}, nil
}

// A paced connection gives everybody time to deal with what was written: whether
// the broker has closed a connection before the next step is no matter of luck.
type paced struct{ net.Conn }

func (p paced) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	time.Sleep(time.Millisecond)
	return n, err
}

// outward carries what the broker says.
func (b *broken) outward(to, from net.Conn, hangs chan struct{}) {
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		select {
		case <-hangs:
			_, _ = from.Read(buffer) // until it is closed
			return
		default:
		}
		if _, bad := to.Write(buffer[:n]); err != nil || bad != nil {
			return
		}
	}
}

// inward carries what a client says, packet by packet as long as there are any.
func (b *broken) inward(from, to net.Conn, hangs chan struct{}) {
	defer to.Close()
	d := mqttwire.Decoder{From: mqttwire.Client}
	var tail []byte
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		tail = append(tail, buffer[:n]...)
		for len(tail) > 0 {
			select {
			case <-hangs:
				_, _ = from.Read(buffer)
				return
			default:
			}
			p, used, bad := d.Decode(tail)
			if used == 0 && bad == nil {
				break
			}
			if bad != nil {
				used = len(tail)
			}
			if !b.pass(p, tail[:used], from, to, hangs) {
				return
			}
			tail = tail[used:]
		}
		if err != nil {
			_, _ = to.Write(tail)
			return
		}
	}
}

// pass does with a packet what the fault says.
func (b *broken) pass(p mqttwire.Packet, raw []byte, from, to net.Conn, hangs chan struct{}) bool {
	effect := fine
	if b.fault != nil {
		b.judging.Lock()
		effect = b.fault(b, p, raw)
		b.judging.Unlock()
	}
	switch effect {
	case crash:
		time.Sleep(dying)
		b.mutex.Lock()
		b.gone = true
		b.mutex.Unlock()
		b.drop()
		return false
	case hang:
		b.mutex.Lock()
		defer b.mutex.Unlock()
		if b.hangs == hangs {
			close(b.hangs)
			b.hangs = nil
		}
		return false
	case eat:
		return true
	case answer:
		_, _ = from.Write([]byte{0x20, 3, 0, 0, 0})
	case evict:
		b.drop()
		return false
	}
	_, err := to.Write(raw)
	return err == nil
}

// leftovers counts the retained messages that a filter finds.
func (b *broken) leftovers(t *testing.T, filter string) (n int) {
	conn, err := b.inlet.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, p := range []mqttwire.Packet{
		&mqttwire.Connect{Version: mqttwire.V311, CleanStart: true, ClientID: "leftovers"},
		&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: filter}}}, &mqttwire.Pingreq{},
	} {
		raw, _ := p.Append(nil, mqttwire.V311)
		_, _ = conn.Write(raw)
	}
	r := mqttwire.NewReader(conn)
	r.Version = mqttwire.V311
	for {
		switch p, err := r.ReadPacket(); p := p.(type) {
		case *mqttwire.Publish:
			n++
		case *mqttwire.Pingresp:
			return n
		default:
			if err != nil {
				t.Fatal(err, p)
			}
		}
	}
}
