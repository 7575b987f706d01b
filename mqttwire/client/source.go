package client

import (
	"net"
	"sync/atomic"
	"time"
)

// source is what a Conn's reader reads from. It sees the moments in which the
// reader has nothing left and goes to wait for the network: that is when a
// Client acts on what it has read, when a half-sent packet shows, and what the
// silence of a server is measured by.
type source struct {
	nc       net.Conn
	buffered func() int   // bytes of a packet that has begun
	idle     func() error // called before each wait

	patience time.Duration // for half-sent packets; 0: for ever
	began    time.Time     // when the half-sent packet was first waited for
	beganAt  uint64        // how many packets came before that one
	armed    bool          // a read deadline is set

	gather func() // lets bytes gather that come in quick succession; nil: nothing does
	row    int    // of reads, each soon after the one before

	first [4]byte // the first bytes that ever came
	seen  int

	packets atomic.Uint64 // read so far
	bytes   atomic.Int64  // read so far
	waited  atomic.Int64  // nanoseconds spent waiting for the network
	since   atomic.Int64  // Unix nanoseconds; 0: not waiting now
	within  atomic.Bool   // waiting for the rest of a packet
}

// To be woken for each of many small packets takes more time than to act on
// them. Where that is asked for, the reader looks away for a moment when they
// come in quick succession, and finds several. (Beside a mosquitto broker on
// two cores that is a fifth of the CPU time at QoS 0, a quarter at QoS 1.) It is
// short enough for a window of 20 to let 50,000 messages a second through.
const (
	quickSuccession = 400 * time.Microsecond
	rowForGathering = 16
	largeRead       = 4 << 10 // one that has found enough
)

func (s *source) Read(p []byte) (int, error) {
	if s.idle != nil {
		if err := s.idle(); err != nil {
			return 0, err
		}
	}
	if s.gather != nil && s.row >= rowForGathering {
		s.gather()
	}
	start := time.Now()
	s.within.Store(s.arm(start))
	s.since.Store(start.UnixNano())
	n, err := s.nc.Read(p)
	waited := time.Since(start)
	if s.row++; waited > quickSuccession || n >= largeRead {
		s.row = 0
	}
	s.waited.Add(int64(waited))
	s.since.Store(0)
	s.bytes.Add(int64(n))
	if s.seen < len(s.first) {
		s.seen += copy(s.first[s.seen:], p[:n])
	}
	return n, err
}

// arm sets the deadline of a half-sent packet and reports whether there is one.
func (s *source) arm(now time.Time) (within bool) {
	held := s.buffered()
	switch {
	case held == 0:
		s.began = time.Time{}
	case s.began.IsZero() || s.beganAt != s.packets.Load():
		s.began, s.beganAt = now, s.packets.Load()
	}
	if s.patience == 0 {
		return held > 0
	}
	if held > 0 {
		_ = s.nc.SetReadDeadline(s.began.Add(s.patience + time.Duration(held)*time.Second/4096))
	} else if s.armed {
		_ = s.nc.SetReadDeadline(time.Time{})
	}
	s.armed = held > 0
	return held > 0
}

// patientFor is how long in all the reader has waited for the network, the
// wait that is going on included.
func (s *source) patientFor(now time.Time) time.Duration {
	d := s.waited.Load()
	if since := s.since.Load(); since != 0 {
		d += max(0, now.UnixNano()-since)
	}
	return time.Duration(d)
}
