//go:build unix

package commands

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"
)

// notifySummary has c told when the user asks for a state summary.
func notifySummary(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR1) }

// notifyReload has c told when the user asks to read the configuration anew.
func notifyReload(c chan<- os.Signal) { signal.Notify(c, syscall.SIGHUP) }

// fileLimit is how many files this process may have open. The Go runtime has
// already raised the soft limit to the hard one, and gives commands that we
// start the old one back, which it would not do had we raised it ourselves.
func fileLimit() (uint64, bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return uint64(limit.Cur), true // int64 on some systems
}

// openReadyFD checks that whoever started us really opened the descriptor for
// writing: the runtime's own lie in the same numbers, but are no files, pipes or
// sockets (epoll, eventfd) or open for reading alone.
func openReadyFD(fd int) (*os.File, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, fmt.Errorf("file descriptor %d is not open (%v)", fd, err)
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFIFO, unix.S_IFREG, unix.S_IFSOCK, unix.S_IFCHR:
	default:
		return nil, fmt.Errorf("file descriptor %d is not open for writing", fd)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_ACCMODE == unix.O_RDONLY {
		return nil, fmt.Errorf("file descriptor %d is not open for writing", fd)
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), fmt.Sprintf("descriptor %d", fd)), nil
}

// ownGroup makes the command the head of a process group, so that whatever it
// starts ends with it. On a terminal that group is put in front, or the command
// could not read what is typed; Ctrl-C then goes to the command, and serve ends
// after it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if stdin, ok := cmd.Stdin.(*os.File); ok && isatty.IsTerminal(stdin.Fd()) {
		cmd.SysProcAttr.Foreground = true
		cmd.SysProcAttr.Ctty = int(stdin.Fd())
	}
}

// reclaimTerminal puts our own group in front again, for the shell that waits.
func reclaimTerminal(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil || !cmd.SysProcAttr.Foreground {
		return
	}
	signal.Ignore(syscall.SIGTTOU) // what the kernel says to a background group that does this
	_ = unix.IoctlSetPointerInt(cmd.SysProcAttr.Ctty, unix.TIOCSPGRP, unix.Getpgrp())
}

// The group outlives its head while a member lives; an empty one is ESRCH,
// which is what was wanted.
func terminateGroup(cmd *exec.Cmd) { _ = unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
func killGroup(cmd *exec.Cmd)      { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }

// awaitGroup waits until no member of the group is left, or for a time.
func awaitGroup(cmd *exec.Cmd, most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end) && unix.Kill(-cmd.Process.Pid, 0) == nil; {
		time.Sleep(5 * time.Millisecond) // nothing tells of the end of grandchildren
	}
}

// statusOf is what a shell would say: 128 and the signal for a killed command.
func statusOf(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
