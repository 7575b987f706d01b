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
func (o *serveOptions) driver() (broker.Driver, error) {
	if o.Driver == "goroutine" {
		return nil, nil
	}
	d, err := eventloop.New(0)
	switch {
	case err == nil:
		return d, nil
	case o.Driver == "auto" && errors.Is(err, errors.ErrUnsupported):
		return nil, nil
	case errors.Is(err, errors.ErrUnsupported):
		return nil, usagef("there is no event loop on this system: leave --driver out, or take --driver goroutine")
	}
	return nil, fmt.Errorf("cannot start the event loop: %w", err)
}
