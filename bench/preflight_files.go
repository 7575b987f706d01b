//go:build linux || darwin

package bench

import "syscall"

// fileLimits are those of this process's open files; 0: not known.
func fileLimits() (soft, hard uint64) {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 0, 0
	}
	return r.Cur, r.Max
}

// raiseFiles raises the soft limit of open files to the hard one, or to the
// ceiling that the system has beside it.
func raiseFiles(ceiling uint64) error {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return err
	}
	r.Cur = min(r.Max, ceiling)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r)
}
