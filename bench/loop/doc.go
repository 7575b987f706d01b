// Package loop carries the bytes of many clients on few threads. It knows nothing
// of MQTT: handlers are given what has come, and say how much of it they used up.
//
//	               ┌─────────── one Loop: one thing at a time ───────────┐
//	socket ──read──▶ Received ─▶ Send, Queue ──write──▶ socket
//	timer  ────────▶ Wake ─────▶ Send, Queue, Connect   │  what it does not take
//	others ──Do────▶ f                                  └▶ is kept: Full … Room
//
// There are two drivers. Epoll carries plain TCP and Unix sockets on Linux, on one
// thread. Goroutines carry every other net.Conn, and everything on other systems,
// and in fake time: they wait in no way that testing/synctest does not know.
//
// # Who owns what
//
// A connection belongs to one loop for life, and so do its handler and all that
// the handler touches: no lock is needed. From elsewhere only Do and Wake may be
// called. Handlers may do as they like with any connection of their loop: end it,
// begin others, send. Closed, the one answer to Close and Abort, comes before these
// return; every other end is told from the loop itself, never from within Send,
// Queue or Connect.
//
// What Received is given lies in a buffer of all connections, which the next read
// overwrites. What is not used up is kept by the connection. Bytes that are sent
// may be used again at once.
//
// # Epoll
//
// Edge-triggered, and registered once for all. A read that does not fill the buffer
// has emptied the socket; one connection is read four times, 256 KiB, before others
// have their turn. Everything that a connection has only while it does something is
// its burden, borrowed from the loop; an idle one is 48 bytes and a place of 8 in a
// list. Since a place is an index that epoll gives back, the loops of a process need
// no common table of descriptors, and a stale event finds nobody.
//
// Queue gathers until the batch of events is through, Send does not wait. When Wake
// is due, it is called between two events, and what it queued leaves at once: with
// 256 connections that all have much to say, time comes after one of them.
//
// Time is a timerfd, armed absolutely, and only when the next time is not the one
// that it is armed for or will ring before. The time-out of epoll_wait has
// milliseconds, that of epoll_pwait2 the timer slack of 50 µs, which a timerfd has
// not. What the system takes to wake a thread, 30 to 40 µs in a virtual machine of
// two cores, would be in every latency that counts from the planned time; so the
// loop rises so much before, as it learns from its own lateness, and looks for
// events without sleeping until the time has come. At 1,000/s Wake is late by 1 to
// 3 µs in place of 37 to 42, for no more CPU: it mostly comes just in time. Where
// wakes are dense that is bounded by an eighth of the time between them.
//
// Wakes are 20 µs apart at least: due messages that are closer leave together, up
// to that much late. To sleep and wake takes 9 to 20 µs of CPU, more than all else
// about a message; without that floor 100,000/s would be nothing but waking.
//
// The thread is locked, so that its CPU time and its waiting for a processor can be
// read. Every 4 ms the loop passes through the scheduler, as package
// broker/eventloop does and says why; there are to be more processors (GOMAXPROCS)
// than loops, by one. At 1,000 wakes/s this was 38 µs of CPU each for the whole
// process, and 63 without (medians of four runs, 2026-11-22). A thread that is not
// locked would pass through more cheaply, 32 µs; what it took nobody could tell.
//
// Close writes what is kept, ends the sending, and reads for up to a second what
// the peer still has to say: close(2) with unread input is a reset, which can take
// the last packets away from the peer. Abort is that reset, wanted, and leaves no
// port in TIME_WAIT.
//
// # Goroutines
//
// A goroutine reads each connection, and another writes while there is something to
// write. Who calls a handler holds the turn, a mutex, and nobody waits for a peer
// with it. What a socket would take at once a net.Conn does not tell: Full means
// that 64 KiB wait. An idle connection took 6.5 kB with TCP, most of it the stack.
//
// # Measured
//
// On two cores that had other work, 2026-11-22, side by side in turns:
//
//   - lateness of Wake, median: at 100/s 4 µs, of a thread that does nothing but
//     wait for a timerfd 52 to 77; at 1,000/s 1 to 3 and 28 to 46; at 10,000/s 11 to
//     15 and 18 to 37; at 100,000/s 25 and 11 to 30, for 3.4 µs of CPU each in place
//     of 8 (BenchmarkWakeLag).
//   - 64 bytes there and back: 20 µs by epoll, 23 by goroutines, 15 in a goroutine
//     that writes and reads itself, 17 and more in a thread that blocks
//     (BenchmarkEcho, BenchmarkEchoBlocking).
//   - of the CPU time of a loop that is busy, 91% were read, write and epoll_wait
//     themselves (BenchmarkMany).
//   - no allocation for a message (TestNoAllocations), 56 bytes of an idle
//     connection (TestBytesOfAConnection).
package loop
