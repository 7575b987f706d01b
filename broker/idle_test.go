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
	connBudget = 240 // measured 240, a size class; the next is 256
	idleBudget = 680 // of heap, measured 651 with a session, a subscription and names of 15 bytes
	pageBudget = 800 // of spans in use, measured 735 to 760: garbage beside what stays keeps them from being given back
)

// idleLink is as large as the event loop's part.
type idleLink struct {
	conn *Conn
	_    [40]byte
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
	heap := func() (live, spans uint64) {
		runtime.GC()
		runtime.GC() // the pools are empty after the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, m.HeapInuse
	}
	before, spansBefore := heap()
	for i := range links {
		l := &idleLink{}
		b.streams.Add(1)
		l.conn = b.Accept(l, b.gate, nil)
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
	live, spans := heap()
	each, pages := int(live-before)/n, int(spans-spansBefore)/n
	t.Logf("%d bytes each, on pages of %d", each, pages)
	if each > idleBudget {
		t.Errorf("an idle connection takes %d bytes of heap, budget %d", each, idleBudget)
	}
	if pages > pageBudget {
		t.Errorf("the heap keeps pages of %d bytes for an idle connection, budget %d", pages, pageBudget)
	}
	for _, l := range links {
		l.conn.Closed(nil)
		l.conn.Release()
	}
	if err := b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
