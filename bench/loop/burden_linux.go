package loop

// A burden is what a connection has that is not idle: it is connecting, or a packet
// has come in part, or something is to be written, or it is about to end.
type burden struct {
	in    []byte // left over
	out   []byte // is to be written
	sent  int    // bytes of out that are written
	err   error  // that is to be the end
	limit int64  // when connecting is to be given up

	// of the queue of those with a time limit
	at     int64
	before *socket
	after  *socket
}

// pending is what is to be written.
func (b *burden) pending() []byte { return b.out[b.sent:] }

// put adds to what is to be written.
func (b *burden) put(p []byte) {
	if b.sent > 0 && len(b.out)+len(p) > cap(b.out) {
		b.out = b.out[:copy(b.out, b.out[b.sent:])]
		b.sent = 0
	}
	b.out = append(b.out, p...)
}

// A depot has burdens and buffers that nobody has. What is more than it keeps is
// left to the collector.
type depot struct {
	burdens []*burden
	buffers [][]byte
}

func (d *depot) burden() *burden {
	n := len(d.burdens)
	if n == 0 {
		return new(burden)
	}
	b := d.burdens[n-1]
	d.burdens = d.burdens[:n-1]
	return b
}

func (d *depot) buffer() []byte {
	n := len(d.buffers)
	if n == 0 {
		return make([]byte, 0, leastBuffer)
	}
	b := d.buffers[n-1]
	d.buffers = d.buffers[:n-1]
	return b
}

// back takes a burden, and what is left in it.
func (d *depot) back(b *burden) {
	d.take(b.in)
	d.take(b.out)
	*b = burden{}
	if len(d.burdens) < maxBuffers {
		d.burdens = append(d.burdens, b)
	}
}

// take takes a buffer, if it is worth keeping.
func (d *depot) take(b []byte) {
	if cap(b) >= leastBuffer && cap(b) <= mostBuffer && len(d.buffers) < maxBuffers {
		d.buffers = append(d.buffers, b[:0])
	}
}

// A queue has the connections with a time limit, by their times.
type queue struct{ first, last *socket }

// next is when the first is due.
func (q *queue) next() int64 {
	if q.first == nil {
		return never
	}
	return q.first.burden.at
}

// add puts c where it belongs, which mostly is the end.
func (q *queue) add(c *socket, at int64) {
	b := c.burden
	b.at = at
	b.before = q.last
	for b.before != nil && b.before.burden.at > at {
		b.before = b.before.burden.before
	}
	if b.before == nil {
		b.after, q.first = q.first, c
	} else {
		b.after, b.before.burden.after = b.before.burden.after, c
	}
	if b.after == nil {
		q.last = c
	} else {
		b.after.burden.before = c
	}
}

// remove takes c out, if it is in.
func (q *queue) remove(c *socket) {
	b := c.burden
	if b == nil || b.at == 0 {
		return
	}
	if b.before == nil {
		q.first = b.after
	} else {
		b.before.burden.after = b.after
	}
	if b.after == nil {
		q.last = b.before
	} else {
		b.after.burden.before = b.before
	}
	b.at, b.before, b.after = 0, nil, nil
}
