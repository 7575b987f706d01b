package commands

import (
	"errors"
	"fmt"

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
	d, err := eventloop.New(0)
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
