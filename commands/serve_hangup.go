package commands

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// hangUps are the HUP signals: each asks to read the configuration anew, or tells
// that the terminal is gone.
type hangUps struct {
	came      chan os.Signal
	terminals []any // the streams that were terminals at the start
}

// catchHangUps takes HUP from now on. Whoever had it ignored (nohup) wants us to
// outlive the terminal.
func catchHangUps(streams ...any) *hangUps {
	h := &hangUps{came: make(chan os.Signal, 1)}
	for _, stream := range streams {
		if isTerminal(stream) && !signal.Ignored(syscall.SIGHUP) {
			h.terminals = append(h.terminals, stream)
		}
	}
	notifyReload(h.came)
	return h
}

// orphaned tells whether a terminal that was there at the start is no more: it does
// not answer as one since it was hung up.
func (h *hangUps) orphaned() bool {
	return slices.ContainsFunc(h.terminals, func(stream any) bool { return !isTerminal(stream) })
}

func (h *hangUps) stop() { signal.Stop(h.came) }
