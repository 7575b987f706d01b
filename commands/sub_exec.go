package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A runner runs a command for each message. One at a time they run on the
// reading goroutine, so that a message is acknowledged when its command has
// ended; with more, a message that finds no room waits there.
type runner struct {
	link    *link
	command string
	out     io.Writer
	before  func() error // sees off what is printed
	environ messageEnviron
	room    chan struct{}
	running sync.WaitGroup

	mu          sync.Mutex
	ran, failed uint64
}

// execGrace is how long a command may go on when the run is over by a signal
// or by -W.
const execGrace = 5 * time.Second

func newRunner(l *link, command string, jobs int, out io.Writer, before func() error) *runner {
	r := &runner{link: l, command: command, out: out, before: before, room: make(chan struct{}, max(jobs, 1)), environ: newMessageEnviron()}
	if _, file := out.(*os.File); !file {
		r.out = &lockedWriter{w: out}
	}
	return r
}

// lockedWriter lets commands that run side by side write.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(b)
}

func (r *runner) take(m *mqttwire.Publish, at time.Time) error {
	if err := r.before(); err != nil {
		return err
	}
	if cap(r.room) == 1 {
		if err := r.run(m, at); err != nil && r.link.ctx.Err() != nil {
			return context.Cause(r.link.ctx) // not acknowledged: it comes again
		}
		return nil
	}
	select {
	case r.room <- struct{}{}:
	case <-r.link.ctx.Done():
		return context.Cause(r.link.ctx)
	}
	kept := keptMessage(m)
	r.running.Go(func() {
		_ = r.run(kept, at)
		<-r.room
	})
	return nil
}

// run runs the command once, and counts and tells a failure.
func (r *runner) run(m *mqttwire.Publish, at time.Time) error {
	cmd := newShellCommand(r.link.ctx, r.command, execGrace)
	stderr, back := r.link.p.lendTerminal()
	defer back()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(m.Payload), r.out, stderr
	cmd.Env = r.environ.of(m, at)
	err := cmd.run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // something in the background keeps its stdin open
	}
	r.count(m, err)
	return err
}

// count counts a command. One that the end of the run has ended is none where
// its message comes again.
func (r *runner) count(m *mqttwire.Publish, err error) {
	if err != nil && readerGone(r.out) {
		r.link.stop(errReaderGone) // of which the command has died before the watch woke
	}
	ended := err != nil && r.link.ctx.Err() != nil
	if ended && cap(r.room) == 1 && m.QoS > 0 && r.link.keepsSession() {
		return
	}
	if err != nil && errors.Is(context.Cause(r.link.ctx), errReaderGone) {
		err = nil // it had nobody to print to
	}
	r.mu.Lock()
	r.ran++
	if err != nil {
		r.failed++
	}
	r.mu.Unlock()
	switch {
	case err == nil:
	case ended:
		r.link.say("--exec for %s: ended with sub", m.Topic)
	default:
		r.link.say("--exec for %s: %v", m.Topic, err)
	}
}

func (r *runner) flush() error { return nil }

func (r *runner) close() error {
	r.running.Wait()
	return nil
}

func (r *runner) open() bool { return false }

func (r *runner) verdict() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == 0 {
		return nil
	}
	return fail(exitPartly, fmt.Errorf("--exec: %d of %s failed", r.failed, plural(int(r.ran), "command", "commands")))
}
