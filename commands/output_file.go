package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// An outputFile is a file or a pipe that output is appended to.
type outputFile struct {
	*os.File
	unwatch func()
}

// openOutput opens a file for appending, a regular one in the given mode. A pipe
// is only written to: who reads it, too, never learns that nobody else does. It
// is waited for until it has a reader, as a shell does, or until the run ends;
// the run ends when the reader goes.
func (l *link) openOutput(name string, mode int) (*outputFile, error) {
	info, err := os.Stat(name)
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		if err == nil && !info.Mode().IsRegular() {
			mode = os.O_WRONLY
		}
		file, err := os.OpenFile(name, mode|os.O_CREATE|os.O_APPEND, 0o666)
		if err != nil {
			return nil, err
		}
		return l.watched(file), nil
	}
	type result struct {
		file *os.File
		err  error
	}
	opened := make(chan result, 1)
	go func() {
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		opened <- result{file, err}
	}()
	select {
	case r := <-opened:
		if r.err != nil {
			return nil, r.err
		}
		return l.watched(r.file), nil
	case <-l.ctx.Done():
		return nil, l.unread(name)
	}
}

// unread is the end of a run whose output nobody has opened.
func (l *link) unread(name string) error {
	if s := (signalled{}); errors.As(context.Cause(l.ctx), &s) {
		return signalOutcome(s, true)
	}
	return fail(exitTimeout, fmt.Errorf("nobody has opened %s for reading before the time of -W/--timeout ran out", name))
}

// notOpened is the error about a file that a flag names.
func notOpened(flag, name string, err error) error {
	if errors.As(err, new(*failure)) {
		return err
	}
	return usagef("%s %s: %w", flag, name, withoutPath(err))
}

// toFile reads the name of a file that is written to. A lone - is one for stdout
// nearly everywhere: whoever types it wants no file of this name.
func toFile(into *string, instead string) func(string) error {
	return func(s string) error {
		if s == "-" {
			return errors.New("is no file: " + instead)
		}
		return toString(into)(s)
	}
}

func (l *link) watched(file *os.File) *outputFile {
	return &outputFile{file, watchReader(file, func() { l.stop(errReaderGone) })}
}

// Close closes the file.
func (f *outputFile) Close() error {
	f.unwatch()
	return f.File.Close()
}
