//go:build !linux

package eventloop

import (
	"errors"
	"net"

	"mqtk/broker"
)

// Driver drives nothing here: epoll is Linux's.
type Driver struct{}

// New says that there is no event loop on this system.
func New(int) (*Driver, error) { return nil, errors.ErrUnsupported }

// Drive leaves every connection to the goroutine driver.
func (*Driver) Drive(*broker.Broker, *broker.Gate, net.Conn) bool { return false }

// Close does nothing.
func (*Driver) Close() error { return nil }
