package commands

import (
	"os/exec"
	"syscall"
)

// dieWithUs has the kernel kill the command should we be killed ourselves. It
// counts from the end of the thread that started it.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL }
