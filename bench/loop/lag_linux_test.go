package loop

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// How late Wake is called, and what that costs, beside a thread that does nothing
// but wait for a timerfd.
func BenchmarkWakeLag(b *testing.B) {
	for _, rate := range []int64{100, 1000, 10_000, 40_000, 100_000} {
		b.Run(fmt.Sprintf("system/rate=%d", rate), func(b *testing.B) { systemLag(b, 1e9/rate) })
		b.Run(fmt.Sprintf("loop/rate=%d", rate), func(b *testing.B) { loopLag(b, 1e9/rate) })
	}
}

// loopLag has due things at a fixed distance, and sees to all that are due.
func loopLag(b *testing.B, distance int64) {
	var late []int64
	var cpu int64
	done := make(chan struct{})
	_, o := listenTCP(b)
	b.ResetTimer()
	var l *Loop
	start := int64(0)
	set := make(chan struct{})
	o.Wake = func(now int64) int64 {
		if start == 0 {
			<-set
			start = now + 1e6
			return start
		}
		for due := start + int64(len(late))*distance; due <= now; due += distance {
			if late = append(late, now-due); len(late) == b.N {
				cpu = l.Usage().CPU
				close(done)
			}
		}
		if len(late) >= b.N {
			return never
		}
		return start + int64(len(late))*distance
	}
	l = polledWorlds()[0].run(b, o)
	close(set)
	<-done
	report(b, late, cpu)
}

func systemLag(b *testing.B, distance int64) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, 0)
		if err != nil {
			b.Error(err)
			return
		}
		defer unix.Close(fd)
		var late []int64
		before := clock(unix.CLOCK_THREAD_CPUTIME_ID)
		start := clock(unix.CLOCK_MONOTONIC) + 1e6
		for len(late) < b.N {
			due := start + int64(len(late))*distance
			_ = unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &unix.ItimerSpec{Value: unix.NsecToTimespec(due)}, nil)
			var ticks [8]byte
			if _, err := unix.Read(fd, ticks[:]); err != nil {
				b.Error(err)
				return
			}
			for now := clock(unix.CLOCK_MONOTONIC); due <= now && len(late) < b.N; due += distance {
				late = append(late, now-due)
			}
		}
		report(b, late, clock(unix.CLOCK_THREAD_CPUTIME_ID)-before)
	}()
	<-done
}

func report(b *testing.B, late []int64, cpu int64) {
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/2])/1e3, "p50-µs")
	b.ReportMetric(float64(late[len(late)*99/100])/1e3, "p99-µs")
	b.ReportMetric(float64(late[len(late)-1])/1e3, "max-µs")
	b.ReportMetric(float64(cpu)/float64(len(late)), "cpu-ns/op")
}

// What a message costs there and back on a thread that blocks in read: no loop can
// do with less.
func BenchmarkEchoBlocking(b *testing.B) {
	listener, _ := listenTCP(b)
	b.Cleanup(func() { listener.Close() })
	serveAll(b, listener, bounce)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fd)
	port := listener.Addr().(*net.TCPAddr).Port
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}); err != nil {
		b.Fatal(err)
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	message := make([]byte, 64)
	for b.Loop() {
		if _, err := unix.Write(fd, message); err != nil {
			b.Fatal(err)
		}
		if n, err := unix.Read(fd, message); n != len(message) || err != nil {
			b.Fatal(n, err)
		}
	}
}
