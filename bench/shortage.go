package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// failureName is what kept a connection from being made, or ended it, in few
// words: many failures with one cause are to count as one thing.
func failureName(err error) string {
	var (
		number   syscall.Errno
		timeout  *client.TimeoutError
		refused  *client.RefusedError
		goodbye  *client.DisconnectedError
		dial     *client.DialError
		lost     *client.LostError
		timedOut interface{ Timeout() bool }
	)
	switch {
	case err == nil:
		return "for no reason"
	case errors.As(err, &refused):
		return refused.Reason.Name(mqttwire.CONNACK)
	case errors.As(err, &goodbye):
		return goodbye.Reason.Name(mqttwire.DISCONNECT)
	case errors.As(err, &timeout):
		return "no " + timeout.Waiting + " in time"
	case errors.As(err, &number) && number == syscall.ETIMEDOUT, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, io.EOF), errors.Is(err, errClosedByServer):
		return errClosedByServer.Error()
	case errors.As(err, &timedOut) && timedOut.Timeout():
		return "timed out"
	case errors.As(err, &dial):
		return dial.Err.Error()
	case errors.As(err, &lost):
		return lost.Err.Error()
	}
	return err.Error()
}

// isShortage tells that this machine grants no more.
func isShortage(err error) bool {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return false
	}
	switch number {
	case syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.ENOBUFS, syscall.ENOMEM:
		return true
	}
	return false
}

// shortage is what a failure says of this machine, if it is to blame and not the
// broker: it granted no more than so many connections; nil: it is not.
func shortage(err error, p *Plan, connections int) *PreflightError {
	if !isShortage(err) {
		return nil
	}
	var number syscall.Errno
	errors.As(err, &number)
	s, n := readSystem(), needs(p, connections)
	switch number {
	case syscall.EMFILE:
		return n.moreFiles(&s, max(s.filesHard+1000, n.files(&s)), fmt.Sprintf("this process has all the open files that it may have, which are %d", s.filesSoft))
	case syscall.ENFILE:
		return &PreflightError{Text: fmt.Sprintf("the system has all the open files that it may have, which are %d", s.filesAll), Command: n.raiseAll(2 * s.filesAll)}
	case syscall.ENOBUFS, syscall.ENOMEM:
		return &PreflightError{Text: "the system has no memory left for connections: take fewer"}
	}
	return n.portsUsedUp(&s)
}
