package commands

import (
	"context"
	"os/exec"
	"runtime"
	"time"
)

// A shellCommand is a command that the user has typed, for the shell. Nothing
// that came from elsewhere may be put into it. When its context ends, it and
// all that it has started are asked to end, and killed after a while.
type shellCommand struct {
	*exec.Cmd
	asked time.Time // to end
}

func newShellCommand(ctx context.Context, command string, grace time.Duration) *shellCommand {
	shell, flag := shellAndFlag()
	c := &shellCommand{Cmd: exec.CommandContext(ctx, shell, flag, command)}
	c.WaitDelay = grace
	c.Cancel = func() error {
		c.asked = time.Now()
		terminateGroup(c.Cmd)
		return nil
	}
	ownGroup(c.Cmd)
	return c
}

// shellAndFlag is the shell, and its flag for a command.
func shellAndFlag() (shell, flag string) {
	if runtime.GOOS == "windows" {
		return "cmd", "/C"
	}
	return "/bin/sh", "-c"
}

// run runs it. The shell may end before what it has started does.
func (c *shellCommand) run() error {
	err := c.Run()
	if !c.asked.IsZero() {
		awaitGroup(c.Cmd, time.Until(c.asked.Add(c.WaitDelay)))
		killGroup(c.Cmd)
	}
	return err
}
