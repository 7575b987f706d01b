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
func (s *service) driver() (broker.Driver, error) {
	o := s.serveOptions
	if o.Driver == "goroutine" {
		s.log.Debug("connections are driven by goroutines")
		return nil, nil
	}
	d, err := eventloop.New(cores())
	switch {
	case err == nil:
		s.log.Debug("connections are driven by event loops")
		return d, nil
	case o.Driver == "auto" && errors.Is(err, errors.ErrUnsupported):
		s.log.Debug("connections are driven by goroutines: there is no event loop on this system")
		return nil, nil
	case errors.Is(err, errors.ErrUnsupported):
		return nil, usagef("there is no event loop on this system: leave --driver out, or take --driver goroutine")
	}
	return nil, fmt.Errorf("cannot start the event loop: %w", err)
}

// cores is how many event loops there are to be. It gives the runtime a processor
// more than that, as package eventloop wishes, unless GOMAXPROCS says how many.
func cores() int {
	if os.Getenv("GOMAXPROCS") != "" {
		return runtime.GOMAXPROCS(0)
	}
	runtime.SetDefaultGOMAXPROCS() // what an earlier serve of this process has set is not to count
	n := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(n + 1)
	return n
}
