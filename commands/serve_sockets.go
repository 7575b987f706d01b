package commands

import (
	"fmt"
	"net"
	"strings"

	"mqtk/mqttwire/transport"
)

// sockets are those that a service manager has opened for us, each for the listener
// of its address. A nil one has none.
type sockets struct {
	passed []passedSocket
}

type passedSocket struct {
	net.Listener        // nil: a door has it
	name, url    string // url by FileDescriptorName, where that is a scheme
}

// inheritSockets takes over what the environment says was passed on.
func inheritSockets(getenv func(string) string) (*sockets, error) {
	listeners, names, err := transport.Inherited(getenv)
	if err != nil {
		return nil, fmt.Errorf("sockets of the service manager: %w", err)
	}
	s := &sockets{}
	for i, l := range listeners {
		s.passed = append(s.passed, passedSocket{l, names[i], urlOfSocket(l.Addr(), names[i])})
	}
	return s, nil
}

// urlOfSocket is what a socket is a listener for, where nothing else says so.
func urlOfSocket(a net.Addr, name string) string {
	if a.Network() == "unix" {
		return "unix://" + a.String()
	}
	if target, err := transport.ParseURL(name + "://" + a.String()); err == nil {
		return target.String()
	}
	return "mqtt://" + a.String()
}

// urls are the listeners that the sockets alone make.
func (s *sockets) urls() []string {
	if s == nil {
		return nil
	}
	var urls []string
	for _, p := range s.passed {
		urls = append(urls, p.url)
	}
	return urls
}

// claim gives the socket of an address away, once; nil: there is none.
func (s *sockets) claim(address string) net.Listener {
	if s == nil {
		return nil
	}
	target, err := transport.ParseURL(address)
	if err != nil {
		return nil
	}
	for i := range s.passed {
		if p := &s.passed[i]; p.Listener != nil && sameAddress(p.Addr(), target) {
			l := p.Listener
			p.Listener = nil
			return l
		}
	}
	return nil
}

// sameAddress says whether a socket is where a URL would be opened.
func sameAddress(a net.Addr, target transport.Target) bool {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return target.Scheme == "unix" && target.Path == a.String()
	}
	if target.Scheme == "unix" || tcp.Port != target.Port {
		return false
	}
	if target.Host == "" {
		return tcp.IP.IsUnspecified()
	}
	ip := net.ParseIP(target.Host)
	return ip != nil && ip.Equal(tcp.IP)
}

// unclaimed is an error about the sockets that no listener has taken: whoever
// connects there would wait for ever.
func (s *sockets) unclaimed() error {
	if s == nil {
		return nil
	}
	var left []string
	for _, p := range s.passed {
		if p.Listener != nil {
			left = append(left, fmt.Sprintf("%s (%s)", p.Addr(), p.name))
		}
	}
	if left == nil {
		return nil
	}
	return fail(exitUsage, fmt.Errorf("the service manager has passed a socket that no listener is for: %s", strings.Join(left, ", ")),
		"ListenStream= of the socket unit and the url of a listener must say the same address",
		"without any listener in flags and file, the sockets that are passed are the listeners")
}

func (s *sockets) close() {
	if s == nil {
		return
	}
	for _, p := range s.passed {
		if p.Listener != nil {
			p.Listener.Close()
		}
	}
}
