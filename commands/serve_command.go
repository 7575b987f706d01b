package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// A companion is the command after --. Its end is the end of serve, and the
// end of serve is its end. A nil companion is none, and never ends.
type companion struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended; code is set then
	code int
	end  sync.Once // the terminal goes back to us once
}

// lookUpCommand finds out before anything is opened that there is no such
// command.
func lookUpCommand(words []string) error {
	if len(words) == 0 {
		return nil
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return usagef("cannot run %s: %v", words[0], errors.Unwrap(err))
	}
	return nil
}

func startCompanion(words []string, url string, stdio Stdio) (*companion, error) {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdio.In, stdio.Out, stdio.Err
	cmd.Env = append(withoutSupervision(os.Environ()), "MQTT_URL="+url, "MQTK_URL="+url)
	cmd.WaitDelay = time.Second // for a grandchild that keeps our pipes open
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot run %s: %w", words[0], err)
	}
	c := &companion{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		_ = cmd.Wait() // an ordinary bad exit is an error here; the state tells it better
		c.code = statusOf(cmd.ProcessState)
	}()
	return c, nil
}

func (c *companion) ended() <-chan struct{} {
	if c == nil {
		return nil
	}
	return c.done
}

// terminate asks the command, and what it has started, to end.
func (c *companion) terminate() {
	if c != nil {
		terminateGroup(c.cmd)
	}
}

// await waits for the end of the command.
func (c *companion) await(ctx context.Context) {
	if c == nil {
		return
	}
	select {
	case <-c.done:
	case <-ctx.Done():
	}
}

// kill ends what is left, and takes the terminal back.
func (c *companion) kill() {
	if c == nil {
		return
	}
	c.end.Do(func() {
		killGroup(c.cmd)
		<-c.done
		reclaimTerminal(c.cmd)
	})
}

// result is the exit code of the command as that of serve. It has had its
// time; one that is still there is killed.
func (c *companion) result() error {
	c.kill()
	if c.code == 0 {
		return nil
	}
	return fail(c.code, nil)
}
