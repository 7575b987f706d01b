package loop

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// A target is where a loop connects.
type target struct {
	network string
	address net.Addr
	remote  unix.Sockaddr
	family  int
}

func newTarget(network, address string) (t target, err error) {
	t.network = network
	switch network {
	case "unix":
		t.family, t.remote = unix.AF_UNIX, &unix.SockaddrUnix{Name: address}
		t.address = &net.UnixAddr{Name: address, Net: network}
		return t, nil
	case "tcp", "tcp4", "tcp6":
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return t, fmt.Errorf("loop: %q is not ADDRESS:PORT with a numeric address", address)
		}
		t.address = net.TCPAddrFromAddrPort(to)
		t.family, t.remote, err = socketAddress(to)
		return t, err
	}
	return t, fmt.Errorf("loop: network %q is neither tcp nor unix", network)
}

// socketAddress is an address as the system takes it.
func socketAddress(a netip.AddrPort) (family int, s unix.Sockaddr, err error) {
	to := a.Addr().Unmap()
	if to.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Addr: to.As4(), Port: int(a.Port())}, nil
	}
	v6 := &unix.SockaddrInet6{Addr: to.As16(), Port: int(a.Port())}
	if zone := to.Zone(); zone != "" {
		i, err := net.InterfaceByName(zone)
		if err != nil {
			return 0, nil, fmt.Errorf("loop: address %v: %w", to, err)
		}
		v6.ZoneId = uint32(i.Index)
	}
	return unix.AF_INET6, v6, nil
}

// socket makes a socket that is ready to be connected.
func (t *target) socket(local netip.Addr) (fd int, err error) {
	fd, err = unix.Socket(t.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if t.family == unix.AF_UNIX {
		return fd, nil
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if local.IsValid() {
		if err := t.bind(fd, local); err != nil {
			unix.Close(fd)
			return -1, err
		}
	}
	return fd, nil
}

// bind gives the socket its own address. The port is chosen when it connects: then
// it has to differ only from those of connections to the same target.
func (t *target) bind(fd int, local netip.Addr) error {
	family, own, err := socketAddress(netip.AddrPortFrom(local, 0))
	if err != nil {
		return err
	}
	if family != t.family {
		return fmt.Errorf("address %v cannot connect to %v: one is IPv4, the other IPv6", local, t.address)
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	return os.NewSyscallError("bind", unix.Bind(fd, own))
}

// failed says of what is to do with the target that it failed, as package net does.
func (t *target) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: t.network, Addr: t.address, Err: err}
}
