package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A Live captures TCP on an interface of this machine, by a packet socket.
// Frames have the header of Linux cooked captures, whatever the interface is.
type Live struct {
	file    *os.File
	buffer  []byte
	control []byte
	number  int
	closed  atomic.Bool
}

const (
	// maxLive is what is kept of a packet. Offloading joins packets to more than
	// an interface could send at once.
	maxLive = 256 << 10
	// liveWait is how long Next waits.
	liveWait = 100 * time.Millisecond
	// liveQueue is what the kernel may hold while nobody reads.
	liveQueue = 32 << 20

	cookedHeader = 16
)

// OpenLive begins to capture on an interface, or on AllInterfaces.
func OpenLive(name string) (*Live, error) {
	index := 0
	if name != AllInterfaces {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return nil, noInterface(name)
		}
		index = i.Index
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil, fmt.Errorf("capture on %s: this needs the right to do so: run it with sudo, or once `sudo setcap cap_net_raw+ep %s`", name, thisProgram())
	}
	if err != nil {
		return nil, fmt.Errorf("capture on %s: %w", name, err)
	}
	if err := prepareLive(fd, index); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("capture on %s: %w", name, err)
	}
	return &Live{
		file:    os.NewFile(uintptr(fd), name),
		buffer:  make([]byte, cookedHeader+maxLive),
		control: make([]byte, 128),
	}, nil
}

func thisProgram() string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return os.Args[0]
}

// prepareLive has the socket filtered before it is bound: from then on packets
// arrive.
func prepareLive(fd, index int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, liveQueue) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, liveQueue) // as much as it may be
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return err
	}
	filter := mayBeTCP()
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return err
	}
	everything := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: index})
}

// mayBeTCP is a filter that spares us most of what cannot be TCP. Headers of
// IPv6 may have others behind them, so there it knows only what is none.
func mayBeTCP() []unix.SockFilter {
	const etherType = 0xfffff000 // SKF_AD_OFF + SKF_AD_PROTOCOL
	load := func(size uint16, at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | size | unix.BPF_ABS, K: at}
	}
	equal := func(k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: yes, Jf: no, K: k}
	}
	give := func(n uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: n} }
	return []unix.SockFilter{
		load(unix.BPF_H, etherType),
		equal(etherIPv4, 4, 0),
		equal(etherIPv6, 5, 0),
		equal(etherVLAN, 7, 0),
		equal(etherQinQ, 6, 0),
		give(0),
		load(unix.BPF_B, 9), // protocol of IPv4
		equal(unix.IPPROTO_TCP, 3, 4),
		load(unix.BPF_B, 6), // next header of IPv6
		equal(unix.IPPROTO_UDP, 2, 0),
		equal(unix.IPPROTO_ICMPV6, 1, 0),
		give(maxLive),
		give(0),
	}
}

// Next returns the next frame, whose Data is good until the one after it.
// os.ErrDeadlineExceeded: none came for a moment. os.ErrClosed: Close was
// called.
func (l *Live) Next() (Frame, error) {
	f, err := l.next()
	if err != nil && l.closed.Load() {
		err = os.ErrClosed
	}
	return f, err
}

func (l *Live) next() (Frame, error) {
	conn, err := l.file.SyscallConn()
	if err != nil {
		return Frame{}, err
	}
	if err := l.file.SetReadDeadline(time.Now().Add(liveWait)); err != nil {
		return Frame{}, err
	}
	for {
		var n, controls int
		var from unix.Sockaddr
		var problem error
		err := conn.Read(func(fd uintptr) bool {
			n, controls, _, from, problem = unix.Recvmsg(int(fd), l.buffer[cookedHeader:], l.control, unix.MSG_TRUNC)
			return problem != unix.EAGAIN
		})
		if err == nil {
			err = problem
		}
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return Frame{}, err
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if ok && link.Hatype == unix.ARPHRD_LOOPBACK && link.Pkttype == unix.PACKET_OUTGOING {
			continue // it comes back
		}
		return l.frame(n, link, l.control[:controls]), nil
	}
}

// frame gives a packet the header that says what the kernel knows of it.
func (l *Live) frame(n int, link *unix.SockaddrLinklayer, controls []byte) Frame {
	header := l.buffer[:0]
	if link != nil {
		header = binary.BigEndian.AppendUint16(header, uint16(link.Pkttype))
		header = binary.BigEndian.AppendUint16(header, link.Hatype)
		header = binary.BigEndian.AppendUint16(header, uint16(link.Halen))
		header = append(header, link.Addr[:]...)
		binary.NativeEndian.AppendUint16(header, link.Protocol)
	}
	l.number++
	kept := min(n, maxLive)
	return Frame{
		Number: l.number, At: stampOf(controls), Link: linkSLL,
		Data: l.buffer[:cookedHeader+kept], Length: cookedHeader + n,
	}
}

// stampOf is when the kernel had the packet.
func stampOf(controls []byte) time.Time {
	messages, _ := unix.ParseSocketControlMessage(controls)
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SCM_TIMESTAMPNS {
			continue
		}
		switch native := binary.NativeEndian; len(m.Data) {
		case 16:
			return time.Unix(int64(native.Uint64(m.Data)), int64(native.Uint64(m.Data[8:])))
		case 8:
			return time.Unix(int64(native.Uint32(m.Data)), int64(native.Uint32(m.Data[4:])))
		}
	}
	return time.Now()
}

// Dropped is how many packets the kernel had no room for since it was last
// asked.
func (l *Live) Dropped() (n int) {
	conn, err := l.file.SyscallConn()
	if err != nil {
		return 0
	}
	_ = conn.Control(func(fd uintptr) {
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			n = int(s.Drops)
		}
	})
	return n
}

// Close ends the capture, and a Next that waits.
func (l *Live) Close() error {
	l.closed.Store(true)
	return l.file.Close()
}
