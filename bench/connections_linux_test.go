package bench

import (
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A doorman lets everybody in, and does nothing more. It keeps no more of a
// connection than its descriptor, and who came from where.
type doorman struct {
	listener int
	target   Target
	done     sync.WaitGroup

	// the goroutine's, until done
	guests []int
	from   map[netip.Addr]int
	err    error
}

func newDoorman(t *testing.T) *doorman {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := &doorman{listener: fd, from: map[netip.Addr]int{}}
	t.Cleanup(d.leave)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 1024); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
	d.target = Target{Name: "tcp://" + address, Network: "tcp", Address: address}
	return d
}

// expect lets so many in.
func (d *doorman) expect(n int) {
	d.guests = make([]int, 0, n)
	d.done.Go(func() {
		buf := make([]byte, 256)
		for range n {
			fd, from, err := syscall.Accept4(d.listener, syscall.SOCK_CLOEXEC)
			if err == nil {
				d.guests = append(d.guests, fd)
				d.from[netip.AddrFrom4(from.(*syscall.SockaddrInet4).Addr)]++
				_, err = syscall.Read(fd, buf)
			}
			if err == nil {
				_, err = syscall.Write(fd, []byte{0x20, 3, 0, 0, 0})
			}
			if err != nil {
				d.err = err
				return
			}
		}
	})
}

func (d *doorman) leave() {
	_ = syscall.Shutdown(d.listener, syscall.SHUT_RDWR) // Accept returns
	d.done.Wait()
	for _, fd := range append(d.guests, d.listener) {
		_ = syscall.Close(fd)
	}
	d.guests, d.listener = nil, -1
}

// TestSources: 2,000 connections come from four addresses, by turns.
func TestSources(t *testing.T) {
	d := newDoorman(t)
	sources, err := ParseSources("127.0.0.1-127.0.0.4")
	if err != nil {
		t.Fatal(err)
	}
	plan := linkPlan(Ramp, d.target, 2000)
	plan.Target.Sources, plan.Target.InProcess, plan.Hold = sources, true, time.Millisecond
	d.expect(2000)
	r, err := Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	d.done.Wait()
	if d.err != nil || r.Connections.Opened != 2000 || len(r.Failures) > 0 || len(d.from) != 4 {
		t.Errorf("%v, %+v, %v; from %v", d.err, r.Connections, r.Failures, d.from)
	}
	for _, source := range sources {
		if d.from[source] != 500 {
			t.Errorf("%d of 2000 connections came from %v", d.from[source], source)
		}
	}
}

// idleBudget is bytes of heap and stacks for each idle connection of the generator: 50,000
// are to fit on a small machine, beside all else. Measured: 186 with the loop's
// part. When it trips, look at what link, agenda and the loop keep of one.
const idleBudget = 300

func TestIdleBudget(t *testing.T) {
	n := 5000
	if _, hard := fileLimits(); hard < 11_000 {
		n = int(hard)/2 - 300
	}
	d := newDoorman(t)
	plan := linkPlan(Ramp, d.target, n)
	plan.Hold, plan.Workers = time.Second, 1
	d.expect(n)
	r, err := Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	each := r.Generator.PerConnection
	t.Logf("%d bytes for each of %d connections", each, n)
	if r.Connections.Opened != n || each < 100 || each > idleBudget {
		t.Errorf("each of %d idle connections takes %d bytes, the budget is %d: %+v", n, each, idleBudget, r.Connections)
	}
}
