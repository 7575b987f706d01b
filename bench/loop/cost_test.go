package loop

import (
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
)

// A rally is a handler that sends what it receives, and counts. Nothing of it
// allocates.
type rally struct {
	Conn
	count  int
	marks  [2]int // counts at which to look
	mem    [2]runtime.MemStats
	queue  bool
	serve  []byte
	closed chan struct{}
}

func (r *rally) Opened() { r.Send(r.serve) }
func (r *rally) Room()   {}

func (r *rally) Received(in []byte) int {
	if len(in) < len(r.serve) {
		return 0
	}
	r.count++
	for i, mark := range r.marks {
		if r.count == mark {
			runtime.ReadMemStats(&r.mem[i])
			if i == 1 {
				r.Close()
				return len(in)
			}
		}
	}
	if r.queue {
		r.Queue(in)
	} else {
		r.Send(in)
	}
	return len(in)
}

func (r *rally) Closed(error) { close(r.closed) }

// Neither driver allocates for a message.
func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, queue := range []bool{false, true} {
		inWorlds(t, func(t *testing.T, p *place) {
			if p.bubble {
				t.Skip("fake time allocates")
			}
			l := p.loop(bounce, func(o *Options) {
				o.Wake = func(now int64) int64 { return now + 100_000 }
			})
			r := &rally{marks: [2]int{500, 5500}, queue: queue, serve: []byte("sixteen bytes ..."), closed: make(chan struct{})}
			on(l, func() { r.Conn = l.Connect(r, netip.Addr{}, 0) })
			<-r.closed
			if n := r.mem[1].Mallocs - r.mem[0].Mallocs; n > 50 {
				t.Errorf("5,000 messages allocated %d times", n)
			}
		})
	}
}

// bounce is echo without a buffer of io.Copy's making.
func bounce(nc net.Conn) {
	b := make([]byte, 64<<10)
	for {
		n, err := nc.Read(b)
		if err != nil {
			return
		}
		if _, err := nc.Write(b[:n]); err != nil {
			return
		}
	}
}

// What a message costs there and back, beside a goroutine that writes and reads
// itself. The server is the same for all.
func BenchmarkEcho(b *testing.B) {
	b.Run("goroutine that blocks", func(b *testing.B) {
		nc := dialEcho(b, nil)
		in := make([]byte, 64)
		for b.Loop() {
			if _, err := nc.Write(in); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(nc, in); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, w := range worlds() {
		if !strings.HasSuffix(w.name, "TCP") {
			continue
		}
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			r := &rally{marks: [2]int{1, 1 + b.N}, queue: true, serve: make([]byte, 64), closed: make(chan struct{})}
			dialEcho(b, func(o Options) {
				l := w.run(b, o)
				on(l, func() { r.Conn = l.Connect(r, netip.Addr{}, 0) })
				<-r.closed
			})
		})
	}
}

// dialEcho connects to an echo server, or has loop do it.
func dialEcho(b *testing.B, loop func(o Options)) net.Conn {
	b.Helper()
	listener, o := listenTCP(b)
	b.Cleanup(func() { listener.Close() })
	serveAll(b, listener, bounce)
	if loop != nil {
		loop(o)
		return nil
	}
	nc, err := net.Dial(o.Network, o.Address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { nc.Close() })
	return nc
}

// Many connections that have much to say: the throughput of one loop.
func BenchmarkMany(b *testing.B) {
	const conns = 50
	for _, w := range worlds() {
		if !strings.HasSuffix(w.name, "TCP") {
			continue
		}
		b.Run(w.name, func(b *testing.B) {
			var all []*rally
			dialEcho(b, func(o Options) {
				l := w.run(b, o)
				on(l, func() {
					for range conns {
						r := &rally{marks: [2]int{1, 1 + b.N/conns}, queue: true, serve: make([]byte, 1024), closed: make(chan struct{})}
						r.Conn = l.Connect(r, netip.Addr{}, 0)
						all = append(all, r)
					}
				})
				for _, r := range all {
					<-r.closed
				}
				on(l, func() {
					if u := l.Usage(); u.CPU > 0 {
						b.ReportMetric(float64(u.CPU)/float64(b.N), "cpu-ns/op")
					}
				})
			})
		})
	}
}
