package config

import (
	"fmt"
	"net/netip"
	"strings"

	"mqtk/mqttwire/transport"
)

// places are what listeners have taken: an address with its port, at any address
// of a family, at all of them.
type places map[string]*Listener

// claim takes the place of a listener, or returns who has it. One of all addresses
// takes those of every other at its port, as Linux has it.
func (p places) claim(l *Listener) (other *Listener) {
	target, err := transport.ParseURL(l.URL)
	if err != nil || target.Scheme != "unix" && target.Port == 0 {
		return nil
	}
	free, takes := placesOf(target)
	for _, place := range free {
		if other, ok := p[place]; ok {
			return other
		}
	}
	for _, place := range takes {
		if p[place] == nil {
			p[place] = l
		}
	}
	return nil
}

// twice looks for listeners at one address.
func (k *checker) twice() {
	taken := places{}
	for i := range k.c.Listeners {
		l := &k.c.Listeners[i]
		if other := taken.claim(l); other != nil {
			k.about(l, "url", "another listener has this address already: %s (%s)", other.URL, other.Source("url"))
		}
	}
}

// placesOf are what must be free, and what is taken then.
func placesOf(t transport.Target) (free, takes []string) {
	if t.Scheme == "unix" {
		return []string{t.Path}, []string{t.Path}
	}
	for _, host := range hostsOf(strings.ToLower(t.Host)) {
		family := "ip4"
		a, err := netip.ParseAddr(host)
		if err == nil && a.Is6() {
			family = "ip6"
		}
		address, anyOf, allOf := fmt.Sprintf("%s %d", host, t.Port), fmt.Sprintf("any %s %d", family, t.Port), fmt.Sprintf("all %s %d", family, t.Port)
		if err == nil && a.IsUnspecified() {
			free, takes = append(free, anyOf), append(takes, anyOf, allOf)
			continue
		}
		free, takes = append(free, address, allOf), append(takes, address, anyOf)
	}
	return free, takes
}

// hostsOf are the addresses of what is not one.
func hostsOf(host string) []string {
	switch host {
	case "":
		return []string{"0.0.0.0", "::"}
	case "localhost":
		return []string{"127.0.0.1", "::1"}
	}
	return []string{host}
}
