// Package eventloop drives the connections of a broker with epoll: one loop per
// core, one read buffer per loop, and nothing for an idle connection but its
// state. It takes plain TCP and Unix sockets on Linux; every other connection
// stays with the broker's goroutine driver.
//
// # Who owns what
//
// A connection belongs to one loop for life. The loop alone reads it, calls
// Receive and Closed, changes what epoll watches, and closes the descriptor.
// Any thread may write to it, as the outbox's writing flag allows: whoever ends
// a batch flushes the receivers that it made dirty with one non-blocking write
// each, so a message changes no thread. What the socket does not take is left
// to the loop, which waits for room.
//
// All loops wait for a listening socket of package transport; the one that the
// system wakes accepts, for whichever loop has the fewest connections. That one
// needs no waking: the connection is put into its epoll set, and it learns of it
// from the first event, by the table that all loops share. The descriptor that
// package net made is closed before, or the runtime's poller would wake a thread
// for each connection, too (a seventh of what connecting costs). Connections from
// other listeners come by Drive.
//
// Other threads reach a loop through its inbox: a list under a mutex, and an
// eventfd that wakes it where it sleeps. Where a receiver is slower than its
// publishers, pausing and resuming them costs no epoll_ctl: one that is resumed is
// read without epoll as long as there is much (listen), and room is watched for
// until the outbox is empty (goOn).
//
// # Why it is the default where it works
//
// Measured beside the goroutine driver on two cores (2026-11-21): an idle
// connection needs no stack, which was more than half of its memory; and a
// message at low rates arrives sooner, since the runtime's own poller wakes its
// monitor thread for each event that ends an idle moment, and the loop does not
// (see yield).
//
// The runtime should have one processor (GOMAXPROCS) more than there are loops.
// While none is idle, its monitor looks each 20 µs for one whose goroutine is in a
// system call and takes it away, so that loops that wait lose theirs for nothing and
// have to find one before they handle what came. With one to spare it lets them be
// for 10 ms and sleeps as long. On two cores, beside a processor for each: 45 µs of
// CPU instead of 64 for each connection, .16 instead of .18 for a message in pairs
// at QoS 0, .60 instead of .68 at QoS 1, .29 instead of .40 one to ten; from
// publisher to subscriber at 1,000 messages/s 48 µs instead of 56. With two to spare
// half of that was lost again.
package eventloop
