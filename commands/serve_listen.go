package commands

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"mqtk/mqttwire/transport"
)

// A listenPlan is one address to listen on. The second loopback address is
// optional: not every machine speaks IPv6.
type listenPlan struct {
	url      string
	optional bool
}

// plans lists what the flags ask for. A command after -- wants a broker of its
// own, so it gets a free port rather than the well-known one.
func (o *serveOptions) plans() []listenPlan {
	var plans []listenPlan
	for _, u := range o.Listen {
		plans = append(plans, bothLoopbacks(u)...)
	}
	switch {
	case o.Port != nil:
		return append(plans, loopbackPlans(int(*o.Port))...)
	case len(plans) > 0:
		return plans
	case len(o.Command) > 0:
		return loopbackPlans(0)
	}
	return loopbackPlans(1883)
}

// loopbackPlans is both loopback addresses; port 0 would be two different
// ports, so there it is one.
func loopbackPlans(port int) []listenPlan {
	plans := []listenPlan{{url: fmt.Sprintf("mqtt://127.0.0.1:%d", port)}}
	if port != 0 {
		plans = append(plans, listenPlan{url: fmt.Sprintf("mqtt://[::1]:%d", port), optional: true})
	}
	return plans
}

// bothLoopbacks takes localhost for what it means, both loopback addresses where
// there are both: a resolver gives one of them to whoever listens, and perhaps the
// other to whoever connects.
func bothLoopbacks(address string) []listenPlan {
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Hostname(), "localhost") || u.Port() == "0" {
		return []listenPlan{{url: address}}
	}
	at := func(host string) string {
		there := *u
		there.Host = host
		if u.Port() != "" {
			there.Host += ":" + u.Port()
		}
		return there.String()
	}
	return []listenPlan{{url: at("127.0.0.1")}, {url: at("[::1]"), optional: true}}
}

// listen opens all listeners, or none.
func (o *serveOptions) listen() (listeners []net.Listener, err error) {
	plans := o.plans()
	for _, plan := range plans {
		if why := absentScheme(plan.url); why != "" {
			return nil, usagef("--listen %s: %s", plan.url, why)
		}
	}
	if !o.AllowAnonymous {
		for _, plan := range plans {
			if err := checkLocal(plan.url); err != nil {
				return nil, err
			}
		}
	}
	defer func() {
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
		}
	}()
	for _, plan := range plans {
		l, err := transport.Listen(plan.url, transport.ListenOptions{})
		switch {
		case err == nil:
			listeners = append(listeners, l)
		case !plan.optional || !noSuchAddress(err):
			return listeners, listenFailure(err)
		}
		if err == nil && !o.AllowAnonymous && !isLocal(l.Addr()) {
			return listeners, tooOpen(plan.url) // the name has changed its mind since checkLocal
		}
	}
	return listeners, nil
}

// checkLocal refuses, before anything is opened, an address that other
// machines could reach: nobody would be asked for credentials there.
func checkLocal(address string) error {
	target, err := transport.ParseURL(address)
	if err != nil {
		return listenFailure(err)
	}
	if target.Scheme == "unix" {
		return nil
	}
	if target.Host == "" {
		return tooOpen(address)
	}
	hosts := []string{target.Host}
	if net.ParseIP(target.Host) == nil {
		if hosts, err = net.LookupHost(target.Host); err != nil {
			return fail(exitFailed, fmt.Errorf("cannot listen on %s: %w", address, err))
		}
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return tooOpen(address)
		}
	}
	return nil
}

func isLocal(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

func tooOpen(address string) error {
	port := 1883
	if target, err := transport.ParseURL(address); err == nil {
		port = target.Port
	}
	return fail(exitUsage,
		fmt.Errorf("--listen %s: other machines could connect there, and nobody would be asked for credentials", address),
		"if that is what you want, add --allow-anonymous",
		fmt.Sprintf("to stay on this machine, listen on mqtt://127.0.0.1:%d", port))
}

func noSuchAddress(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// listenFailure names the likely cause, and what to do.
func listenFailure(err error) error {
	f := fail(exitFailed, err)
	var t *transport.Error
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.Hints = []string{
			"most likely another broker runs there (mosquitto starts with the system on many)",
			"stop it, or take another port: mqtk serve -p 1884, or -p 0 for any free one",
		}
	case errors.Is(err, os.ErrPermission):
		f.Hints = []string{"ports below 1024 belong to root; a socket needs a folder that you may write to"}
	case noSuchAddress(err):
		f.Hints = []string{"this machine has no such address"}
	case errors.As(err, &t) && t.Kind != transport.Unreachable:
		f.Code = exitUsage
	}
	return f
}

// clientURL is the address for a client on this machine: the first TCP
// listener, and loopback where it listens on all interfaces.
func clientURL(urls []string) string {
	best := urls[0]
	for _, u := range urls {
		if !strings.HasPrefix(u, "unix:") {
			best = u
			break
		}
	}
	u, err := url.Parse(best)
	if err != nil {
		return best
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case ip == nil || !ip.IsUnspecified():
		return best
	case ip.To4() != nil:
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	default:
		u.Host = net.JoinHostPort("::1", u.Port())
	}
	return u.String()
}
