//go:build !unix

package commands

import (
	"errors"
	"io"
	"syscall"
)

// watchReader watches nothing here: a closed output is noticed with the next
// message.
func watchReader(io.Writer, func()) (stop func()) { return func() {} }

func readerGone(io.Writer) bool { return false }

// onResize hears of nothing here: the next message finds the new size.
func onResize(func()) (stop func()) { return func() {} }

// onResume: nothing stops a process here.
func onResume(func()) (stop func()) { return func() {} }

func ignoreBrokenPipe() (stop func()) { return func() {} }

// isReaderGone tells whether a write failed since nobody reads any more: the
// two codes are those of a broken pipe and of a pipe being closed.
func isReaderGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.Errno(109)) || errors.Is(err, syscall.Errno(232))
}
