package broker

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"mqtk/mqttwire"
)

// What an idle connection costs, in bytes of 64-bit systems. A budget that trips
// asks whether the new field is needed while nothing happens: what only a
// publisher, a hand-shake or a connection under pressure has goes into publishing,
// handshake or pressure, and what a batch can lend into the batch. mosquitto takes
// some 1,000 for everything.
const (
	connBudget = 256 // measured 256, a size class; the next is 288
	idleBudget = 720 // of heap, measured 667 with a session, a subscription and names of 15 bytes
)

// idleLink is as large as the event loop's part.
type idleLink struct {
	conn *Conn
	_    [56]byte
}

func (l *idleLink) Flush() {
	var room [1][]byte
	for pieces := l.conn.Take(room[:0]); len(pieces) > 0; {
		pieces = l.conn.Next(len(pieces[0]), room[:0])
	}
}
func (*idleLink) Resume() {}
func (*idleLink) Close()  {}

func TestIdleConnectionBudget(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) < 8 {
		t.Skip("the budget is for 64 bits")
	}
	if size := unsafe.Sizeof(Conn{}); size > connBudget {
		t.Errorf("a Conn takes %d bytes, budget %d", size, connBudget)
	}
	b, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000
	batch, links := b.NewBatch(), make([]*idleLink, n)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // the pools are empty after the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range links {
		l := &idleLink{}
		b.streams.Add(1)
		l.conn = b.Accept(l, nil)
		name := fmt.Sprintf("client-%08d", i)
		for _, p := range []mqttwire.Packet{
			&mqttwire.Connect{ProtocolName: "MQTT", Version: mqttwire.V311, CleanStart: true, KeepAlive: 60, ClientID: name},
			&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: name}}},
		} {
			in, err := p.Append(nil, mqttwire.V311)
			if err != nil {
				t.Fatal(err)
			}
			if l.conn.Receive(batch, in) != len(in) {
				t.Fatalf("%v is not taken", p.Type())
			}
			batch.Flush()
		}
		links[i] = l
	}
	if each := int(heap()-before) / n; each > idleBudget {
		t.Errorf("an idle connection takes %d bytes of heap, budget %d", each, idleBudget)
	} else {
		t.Logf("%d bytes each", each)
	}
	for _, l := range links {
		l.conn.Closed(nil)
		l.conn.Release()
	}
	if err := b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
