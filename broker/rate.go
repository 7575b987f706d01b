package broker

import "time"

// rate is a token bucket: so many a second, and as many at once. The zero rate
// is full.
type rate struct {
	spent float64 // tokens missing
	at    time.Time
}

// take spends a token. False: there is none.
func (r *rate) take(perSecond int, now time.Time) bool {
	r.spent = max(r.spent-now.Sub(r.at).Seconds()*float64(perSecond), 0)
	r.at = now
	if r.spent+1 > float64(perSecond) {
		return false
	}
	r.spent++
	return true
}

// owe spends n tokens, though they may not be there, and says how long it takes
// until all but spare of them are made up for; a second at most.
func (r *rate) owe(n, spare, perSecond int, now time.Time) time.Duration {
	missing := max(r.spent-now.Sub(r.at).Seconds()*float64(perSecond), 0) + float64(n)
	r.spent, r.at = min(missing, float64(perSecond+spare)), now
	return time.Duration((r.spent - float64(spare)) / float64(perSecond) * float64(time.Second))
}

// tooFast says whether more clients connect than max_connection_rate allows.
func (b *Broker) tooFast(now time.Time) bool {
	most := b.limits().MaxConnectionRate
	if most == 0 {
		return false
	}
	b.registry.Lock()
	defer b.registry.Unlock()
	return !b.registry.rate.take(most, now)
}
