//go:build !unix

package commands

import (
	"errors"
	"os"
	"os/exec"
	"time"
)

// What Windows has no counterpart for: signals for the summary and for a reload, a limit on
// open files, inherited descriptors by number, process groups to kill.

func notifySummary(chan<- os.Signal) {}
func notifyReload(chan<- os.Signal)  {}

func fileLimit() (uint64, bool) { return 0, false }

func openReadyFD(int) (*os.File, error) {
	return nil, errors.New("this system hands no descriptors by number to a program; --ready-file does the same")
}

func ownGroup(*exec.Cmd)        {}
func reclaimTerminal(*exec.Cmd) {}

func terminateGroup(cmd *exec.Cmd) { killGroup(cmd) }
func killGroup(cmd *exec.Cmd)      { _ = cmd.Process.Kill() }

func awaitGroup(*exec.Cmd, time.Duration) {}

func statusOf(state *os.ProcessState) int { return state.ExitCode() }
