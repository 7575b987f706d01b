//go:build !unix

package transport

import (
	"errors"
	"net"
)

func inherit(int, string) (net.Listener, error) {
	return nil, errors.New("sockets cannot be passed on to a program on this system")
}
