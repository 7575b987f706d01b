package broker

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// failures remember who could not authenticate lately, so that guessing passwords
// takes its time: max_auth_failures at once, and from then on as many in a minute.
// Who succeeds is forgotten. Its zero value remembers nobody.
//
// There is room for so many. Those beyond, of whom somebody makes up user names,
// count by their addresses alone; where there is no room for these either, they
// are more than a guesser has, and are let pass.
type failures struct {
	mu    sync.Mutex
	known map[suspect]*guesses
	swept time.Time
}

// suspect is who is held to have failed: a user name from a neighbourhood, or all
// names from there. Who gives no name is one of its own.
type suspect struct {
	address  netip.Addr
	username string
	all      bool
}

// guesses are the failures that count still, and when they were counted.
type guesses struct {
	n  float64
	at time.Time
}

const (
	mostSuspects    = 16 << 10 // with user names, and as many addresses without
	longestSuspect  = 256      // bytes of a user name that are held; the rest is nothing to it
	failuresCounted = time.Minute
)

// suspect is who the client of a CONNECT says that it is.
func (c *Conn) suspect() suspect {
	name := c.connect.credentials.Username
	return suspect{address: neighbourhood(addressOf(c.identity.Remote)), username: name[:min(len(name), longestSuspect)]}
}

// over says whether somebody has failed too often to be asked again.
func (f *failures) over(s suspect, limit int, now time.Time) bool {
	if limit == 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.known[s]
	if g == nil {
		g = f.known[suspect{address: s.address, all: true}]
	}
	return g != nil && g.left(limit, now) > float64(limit-1)
}

// left is how many failures count still.
func (g *guesses) left(limit int, now time.Time) float64 {
	return max(g.n-float64(limit)*now.Sub(g.at).Minutes(), 0)
}

// note counts a failure.
func (f *failures) note(s suspect, limit int, now time.Time) {
	if limit == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = make(map[suspect]*guesses)
	}
	g := f.known[s]
	if g == nil {
		if g = f.place(s, now); g == nil {
			return
		}
	}
	g.n, g.at = min(g.left(limit, now)+1, float64(limit)), now
}

// place finds one for a suspect, or for its address.
func (f *failures) place(s suspect, now time.Time) *guesses {
	if len(f.known) >= mostSuspects && now.Sub(f.swept) > time.Second {
		f.swept = now
		for s, g := range f.known {
			if now.Sub(g.at) > failuresCounted {
				delete(f.known, s)
			}
		}
	}
	if len(f.known) >= mostSuspects {
		s.username, s.all = "", true
	}
	g := f.known[s]
	if g == nil && len(f.known) < 2*mostSuspects {
		g = &guesses{}
		s.username = strings.Clone(s.username) // of a CONNECT's it may be the beginning
		f.known[s] = g
	}
	return g
}

// forgive forgets who has succeeded. Who gave no name could be anybody: in enhanced
// authentication one who knows a password would have as many guesses at others.
func (f *failures) forgive(s suspect) {
	if s.username == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.known, s)
}
