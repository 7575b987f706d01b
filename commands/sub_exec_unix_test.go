//go:build unix

package commands

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mqtk/mqttwire"
)

// TestExecDiesOfTheClosedOutput: where the command finds out that nobody reads
// the output, before the watch does, the run ends as if that had: without a word
// and without a failure.
func TestExecDiesOfTheClosedOutput(t *testing.T) {
	for what, closed := range map[string]func(*testing.T) *os.File{"pipe": deafPipe, "socket": deafSocket} {
		for _, jobs := range []int{1, 2} {
			var said bytes.Buffer
			l := &link{p: &program{Stdio: Stdio{Err: &said}}}
			l.ctx, l.stop = context.WithCancelCause(t.Context())
			r := newRunner(l, "kill -PIPE $$", jobs, closed(t), func() error { return nil })
			_ = r.take(&mqttwire.Publish{Topic: "a", Payload: []byte("x")}, time.Now())
			_ = r.close()
			if cause := context.Cause(l.ctx); !errors.Is(cause, errReaderGone) {
				t.Errorf("a %s, %d at a time: the cause of the end is %v", what, jobs, cause)
			}
			if err := r.verdict(); err != nil || said.Len() > 0 {
				t.Errorf("a %s, %d at a time: %v, and it is said: %s", what, jobs, err, &said)
			}
		}
	}
}

// TestExecDiesByItself: with a reader, a command that dies of SIGPIPE has failed.
func TestExecDiesByItself(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	var said bytes.Buffer
	l := &link{p: &program{Stdio: Stdio{Err: &said}}}
	l.ctx, l.stop = context.WithCancelCause(t.Context())
	r := newRunner(l, "kill -PIPE $$", 1, write, func() error { return nil })
	if err := r.take(&mqttwire.Publish{Topic: "a"}, time.Now()); err != nil || l.ctx.Err() != nil {
		t.Errorf("the run has ended: %v, %v", err, l.ctx.Err())
	}
	if r.verdict() == nil || said.String() != "mqtk: --exec for a: signal: broken pipe\n" {
		t.Errorf("%v, and it is said: %s", r.verdict(), &said)
	}
}

func deafPipe(t *testing.T) *os.File {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	t.Cleanup(func() { write.Close() })
	return write
}

func deafSocket(t *testing.T) *os.File {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(ends[0])
	file := os.NewFile(uintptr(ends[1]), "socket")
	t.Cleanup(func() { file.Close() })
	return file
}
