package eventloop

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"mqtk/broker"
)

// A detachable listener lets go of its descriptor, of which the driver has made
// one of its own, and tells when it is closed. Those of package transport are, and
// have set what connections inherit.
type detachable interface {
	net.Listener
	syscall.Conn
	Detach() (closed <-chan struct{}, err error)
}

// door is a listening socket that all loops wait for: the system wakes one of
// those that wait, and it accepts for the loop with the fewest connections.
type door struct {
	driver *Driver
	broker *broker.Broker
	gate   *broker.Gate
	fd     int
	closed <-chan struct{}
	unix   net.Addr // of every peer, where there is one address for all

	failed   chan error // of accept4, by a loop that has left the door
	watchers sync.WaitGroup
	came     atomic.Bool
}

// Listen has the loops accept from a plain TCP or Unix socket of package
// transport.
func (d *Driver) Listen(b *broker.Broker, g *broker.Gate, l net.Listener) (serve func() (came bool, err error)) {
	s, ok := l.(detachable)
	if !ok {
		return nil
	}
	fd, err := duplicate(s)
	if err != nil {
		return nil
	}
	door := &door{driver: d, broker: b, gate: g, fd: fd, failed: make(chan error, len(d.loops))}
	if _, ok := l.Addr().(*net.UnixAddr); ok {
		door.unix = &net.UnixAddr{Name: "@", Net: "unix"} // as package net calls peers without a name
	}
	if door.closed, err = s.Detach(); err != nil {
		unix.Close(fd)
		return nil
	}
	return door.serve
}

// serve has the loops watch the door until one of them could not accept, or the
// listener is closed.
func (d *door) serve() (came bool, err error) {
	d.came.Store(false)
	for _, l := range d.driver.loops {
		d.watchers.Add(1)
		if !l.post(request{door: d, want: wantDoor}) {
			d.watchers.Done()
		}
	}
	select {
	case <-d.closed:
		err = net.ErrClosed
	case err = <-d.failed:
	}
	for _, l := range d.driver.loops {
		l.post(request{door: d, want: wantNoDoor})
	}
	d.watchers.Wait()
	for len(d.failed) > 0 {
		<-d.failed
	}
	if err == net.ErrClosed {
		unix.Close(d.fd)
	}
	return d.came.Load(), err
}

// watchDoor waits for connections. Several loops may.
func (l *loop) watchDoor(d *door) {
	l.doors[int32(d.fd)] = d
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLEXCLUSIVE, Fd: int32(d.fd)}
	err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, d.fd, &event)
	if err == unix.EINVAL { // Linux before 4.5 wakes all loops
		event.Events = unix.EPOLLIN
		err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, d.fd, &event)
	}
	if err != nil {
		l.failDoor(d, err)
	}
}

// failDoor leaves a door that lets nobody in. The error comes first: serve takes
// what there is once all have left.
func (l *loop) failDoor(d *door, err error) {
	d.failed <- err
	l.leaveDoor(d)
}

// leaveDoor waits for connections no more.
func (l *loop) leaveDoor(d *door) {
	if l.doors[int32(d.fd)] != d {
		return
	}
	delete(l.doors, int32(d.fd))
	unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, d.fd, nil)
	d.watchers.Done()
}

// acceptsAtOnce is how many connections a loop takes in before it looks after
// the others again.
const acceptsAtOnce = 16

// accept takes in who waits at a door.
func (l *loop) accept(d *door) {
	for range acceptsAtOnce {
		// That of x/sys would ask the system for each socket's protocol, too.
		fd, peer, err := syscall.Accept4(d.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			if !d.came.Load() {
				d.came.Store(true)
			}
			if d.broker.Admit() {
				d.driver.take(d.broker, d.gate, l.leastLoaded(), fd, d.addr(peer))
			} else {
				unix.Close(fd)
			}
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED: // gone before it was its turn
		default:
			l.failDoor(d, err)
			return
		}
	}
}

// leastLoaded is the loop with the fewest connections, this one where others
// have no fewer.
func (l *loop) leastLoaded() *loop {
	best := l
	for _, o := range l.driver.loops {
		if o.load.Load() < best.load.Load() {
			best = o
		}
	}
	return best
}

// take drives an admitted connection by a loop, which others than its own thread
// may do: the loop gets to know of it by its first event.
func (d *Driver) take(b *broker.Broker, g *broker.Gate, l *loop, fd int, remote net.Addr) {
	c := &conn{loop: l, fd: int32(fd), watched: unix.EPOLLIN}
	// Before the core knows of it, for nobody can close the descriptor yet. What
	// epoll reports of one that is not in the table it reports again.
	failed := c.control(unix.EPOLL_CTL_ADD)
	l.load.Add(1)
	c.core = b.Accept(c, g, remote)
	c.parted = c.core.Closing() // refused at the door: there is no last word to linger for
	d.conns.set(c.fd, c)        // before it has begun, for what has begun may be closed, and then its descriptor is another's
	c.marks.Or(begun)
	c.Flush()                              // what its loop had to answer by then, a refusal too
	if failed != nil || c.core.Closing() { // refused at the door, or ended before begun was set
		c.Close()
	}
}

// addr is the address of a peer, in as few bytes as it needs: every connection
// and every session keeps one.
func (d *door) addr(peer syscall.Sockaddr) net.Addr {
	switch a := peer.(type) {
	case *syscall.SockaddrInet4:
		return peer4{a.Addr, uint16(a.Port)}
	case *syscall.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr)
		if ip.Is4In6() {
			return peer4{ip.As4(), uint16(a.Port)}
		}
		if a.ZoneId != 0 {
			ip = ip.WithZone(zone(a.ZoneId))
		}
		return peer6(netip.AddrPortFrom(ip, uint16(a.Port)))
	case *syscall.SockaddrUnix:
		if a.Name != d.unix.String() {
			return &net.UnixAddr{Name: a.Name, Net: "unix"}
		}
	}
	return d.unix
}

func zone(id uint32) string {
	if i, err := net.InterfaceByIndex(int(id)); err == nil {
		return i.Name
	}
	return strconv.Itoa(int(id))
}

// peer4 and peer6 are the addresses of TCP peers; AddrPort says as much to those
// who know *net.TCPAddr.
type (
	peer4 struct {
		ip   [4]byte
		port uint16
	}
	peer6 netip.AddrPort
)

func (peer4) Network() string            { return "tcp" }
func (p peer4) String() string           { return p.AddrPort().String() }
func (p peer4) AddrPort() netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4(p.ip), p.port) }
func (peer6) Network() string            { return "tcp" }
func (p peer6) String() string           { return p.AddrPort().String() }
func (p peer6) AddrPort() netip.AddrPort { return netip.AddrPort(p) }
