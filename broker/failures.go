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
// Who gives no user name guesses no password, and is not counted: behind one
// address there may be everybody. For the same reason nobody is held to have failed
// by the address alone. There is room for so many; where somebody makes up user
// names by the thousand, one that has failed little is forgotten for each new one.
type failures struct {
	mu    sync.Mutex
	known map[suspect]*guesses
	swept time.Time
}

// suspect is who is held to have failed: a user name from a neighbourhood.
type suspect struct {
	address  netip.Addr
	username string
}

// guesses are the failures that count still, and when they were counted.
type guesses struct {
	n  float64
	at time.Time
}

const (
	mostSuspects    = 16 << 10
	longestSuspect  = 256 // bytes of a user name that are held; the rest is nothing to it
	failuresCounted = time.Minute
)

// suspect is who the client says that it is: in CONNECT, or in the exchange
// behind it, which is about another name, if it likes.
func (c *Conn) suspect() suspect {
	name := c.connect.credentials.Username
	if c.auth != nil {
		name = c.auth.claimed
	}
	return c.suspectAs(name)
}

func (c *Conn) suspectAs(name string) suspect {
	return suspect{neighbourhood(addressOf(c.identity.Remote)), name[:min(len(name), longestSuspect)]}
}

// suspected says whether the client has failed too often to be let in, whatever it
// knows by now.
func (c *Conn) suspected(now time.Time) bool {
	return c.b.failures.over(c.suspect(), c.b.limits().MaxAuthFailures, now)
}

// blame counts a failure.
func (c *Conn) blame(now time.Time) {
	c.b.failures.note(c.suspect(), c.b.limits().MaxAuthFailures, now)
}

// over says whether somebody has failed too often to be asked again.
func (f *failures) over(s suspect, limit int, now time.Time) bool {
	if limit == 0 || s.username == "" {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.known[s]
	return g != nil && g.left(limit, now) > float64(limit-1)
}

// left is how many failures count still.
func (g *guesses) left(limit int, now time.Time) float64 {
	return max(g.n-float64(limit)*now.Sub(g.at).Minutes(), 0)
}

// note counts a failure.
func (f *failures) note(s suspect, limit int, now time.Time) {
	if limit == 0 || s.username == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = make(map[suspect]*guesses)
	}
	g := f.known[s]
	if g == nil {
		g = f.place(s, now)
	}
	g.n, g.at = min(g.left(limit, now)+1, float64(limit)), now
}

// place makes one for a suspect.
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
		f.forget()
	}
	g := &guesses{}
	s.username = strings.Clone(s.username) // of a CONNECT's it may be the beginning
	f.known[s] = g
	return g
}

// forget makes room for one, at the cost of who has failed least among some.
func (f *failures) forget() {
	const some = 16
	var least suspect
	seen, fewest := 0, 0.0
	for s, g := range f.known { // in no order
		if seen == 0 || g.n < fewest {
			least, fewest = s, g.n
		}
		if seen++; seen == some {
			break
		}
	}
	delete(f.known, least)
}

// forgive forgets who has succeeded.
func (f *failures) forgive(s suspect) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.known, s)
}
