package broker

import (
	"math"
	"time"

	"mqtk/mqttwire"
)

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

// until is how long it takes until there are n tokens.
func (r *rate) until(n float64, perSecond int) time.Duration {
	return time.Duration((r.spent + n - float64(perSecond)) / float64(perSecond) * float64(time.Second))
}

// spend spends n tokens, though they may not be there, and says how long it takes
// until what was missing is made up for.
func (r *rate) spend(n, perSecond int, now time.Time) time.Duration {
	r.spent = max(r.spent-now.Sub(r.at).Seconds()*float64(perSecond), 0) + float64(n)
	r.at = now
	return r.until(0, perSecond)
}

// connectsTooFast says whether more clients connect than max_connection_rate allows.
func (b *Broker) connectsTooFast(now time.Time) bool {
	most := b.limits().MaxConnectionRate
	if most == 0 {
		return false
	}
	b.registry.Lock()
	defer b.registry.Unlock()
	return !b.registry.rate.take(most, now)
}

// A client whose packets or bytes are limited and who is faster is read more slowly:
// nothing is lost, and nobody else waits.

// longestBrake is the longest pause for being fast. What is left then is waited for
// in another.
const longestBrake = time.Second

// tooFast is what follows from a PUBLISH above max_message_rate. False: it is left
// unread until there are tokens again, for some packets at once.
func (c *Conn) tooFast(batch *Batch, l *Limits) bool {
	if l.RateExceeded == "disconnect" {
		c.fail(batch, mqttwire.MessageRateTooHigh, "")
		return true
	}
	some := max(float64(l.MaxMessageRate)/20, 1)
	c.brake(c.cache.messages.until(some, l.MaxMessageRate), batch.now)
	return false
}

// spend takes the bytes of a read from those that max_byte_rate allows, and pauses
// the reading once they are used up.
func (c *Conn) spend(batch *Batch, n int) {
	l := c.b.limits()
	if l.MaxByteRate == 0 || c.phase != connected || c.closing.Load() {
		return
	}
	over := c.publishing().needRare().bytes.spend(n, l.MaxByteRate, batch.now)
	switch {
	case over <= 0:
	case l.RateExceeded == "disconnect":
		c.fail(batch, mqttwire.MessageRateTooHigh, "")
	case !c.paused.Load() && !c.asks():
		c.brake(over, batch.now)
	}
}

// allowance is how many bytes may be read now. Where there are none, the reading
// pauses until there are.
func (c *Conn) allowance(now time.Time) int {
	if c.cache == nil || c.cache.rare == nil {
		return math.MaxInt
	}
	l := c.b.limits()
	if l.MaxByteRate == 0 || l.RateExceeded == "disconnect" {
		return math.MaxInt
	}
	bytes := &c.cache.bytes
	wait := bytes.spend(0, l.MaxByteRate, now)
	if wait >= 0 {
		c.brake(wait, now)
	}
	return int(math.Ceil(float64(l.MaxByteRate) - bytes.spent))
}

// brake pauses the reading for a while.
func (c *Conn) brake(wait time.Duration, now time.Time) {
	c.pause()
	c.b.deadlines.arm(&brake{c: c}, now.Add(min(max(wait, time.Millisecond), longestBrake)))
}

// brake ends the pause of a publisher that was fast.
type brake struct {
	c   *Conn
	due deadline
}

func (k *brake) deadline() *deadline { return &k.due }
func (k *brake) fire(time.Time)      { k.c.released() }
