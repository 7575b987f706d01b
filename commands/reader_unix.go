//go:build unix

package commands

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// readerLeft is what poll says of a pipe or socket that nobody reads any more.
const readerLeft = unix.POLLERR | unix.POLLHUP | unix.POLLNVAL

// watchReader calls gone when the reader of a pipe or socket has closed it,
// which a writer would else find out with its next message. The returned
// function ends the watch.
func watchReader(w io.Writer, gone func()) (stop func()) {
	file, ok := w.(*os.File)
	if !ok {
		return func() {}
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return func() {}
	}
	wakeRead, wakeWrite, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fds := []unix.PollFd{{Fd: int32(file.Fd())}, {Fd: int32(wakeRead.Fd()), Events: unix.POLLIN}}
		for {
			_, err := unix.Poll(fds, -1)
			if err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
			if err == nil && fds[1].Revents != 0 {
				return
			}
			if err == nil && fds[0].Revents&readerLeft != 0 {
				gone()
				return
			}
		}
	}()
	return func() {
		wakeWrite.Close()
		<-ended
		wakeRead.Close()
	}
}

// readerGone tells at once whether the reader of a pipe or socket has closed it.
func readerGone(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(file.Fd())}}
	_, err := unix.Poll(fds, 0)
	return err == nil && fds[0].Revents&readerLeft != 0
}

// onResize calls changed when the terminal has got another size.
func onResize(changed func()) (stop func()) { return onSignal(syscall.SIGWINCH, changed) }

// onResume calls resumed when the process goes on, after a stop as with Ctrl-Z.
func onResume(resumed func()) (stop func()) { return onSignal(syscall.SIGCONT, resumed) }

// onSignal calls heard when a signal comes. The returned function ends that.
func onSignal(which os.Signal, heard func()) (stop func()) {
	signals, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, which)
	go func() {
		defer close(ended)
		for range signals {
			heard()
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-ended
	}
}

// ignoreBrokenPipe makes a write to a closed stdout an error, where else it
// would kill the process. A command that is started meanwhile is not affected,
// as it would be by SIG_IGN.
func ignoreBrokenPipe() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGPIPE)
	return func() { signal.Stop(signals) }
}

// isReaderGone tells whether a write failed since nobody reads any more.
func isReaderGone(err error) bool { return errors.Is(err, syscall.EPIPE) }
