package commands

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"mqtk/broker"
	"mqtk/broker/eventloop"
)

// driver is what moves bytes between sockets and the broker. auto takes the
// event loop where the system has one; connections that it cannot drive get a
// goroutine each in any case.
func (s *service) driver(kind string) (broker.Driver, error) {
	if kind == "goroutine" {
		s.log.Debug("connections are driven by goroutines")
		return nil, nil
	}
	n := cores()
	d, err := eventloop.New(n)
	switch {
	case err == nil:
		spareProcessor(n)
		s.log.Debug("connections are driven by event loops")
		return d, nil
	case kind == "auto" && errors.Is(err, errors.ErrUnsupported):
		s.log.Debug("connections are driven by goroutines: there is no event loop on this system")
		return nil, nil
	case errors.Is(err, errors.ErrUnsupported):
		return nil, usagef("there is no event loop on this system: leave --driver out, or take --driver goroutine")
	}
	return nil, fmt.Errorf("cannot start the event loop: %w", err)
}

// cores is how many event loops there are to be.
func cores() int {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS() // what an earlier serve of this process has set is not to count
	}
	return runtime.GOMAXPROCS(0)
}

// spareProcessor gives the runtime a processor more than there are loops, as
// package eventloop wishes, unless GOMAXPROCS says how many.
func spareProcessor(loops int) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(loops + 1)
	}
}
