package client

import "syscall"

// letGather waits for 0.4 ms. It is no time.Sleep, which takes more than 1 ms and
// would starve a server's window.
func letGather() {
	pause := syscall.NsecToTimespec(int64(quickSuccession))
	_ = syscall.Nanosleep(&pause, nil)
}
