package broker

import (
	"sync/atomic"

	"mqtk/mqttwire"
)

// metrics are the broker's counters. Whoever sees something happen counts it,
// without a lock; whoever publishes them takes a snapshot. Its zero value is
// ready.
//
// What comes with each message is counted in the batch that handles it (tally)
// and added here at the batch's Flush: a counter that two cores share costs 7 to
// 25 ns each time, and a queued message took nine of them.
type metrics struct {
	packetsReceived      atomic.Int64
	bytesReceived        atomic.Int64
	publishIn            [3]atomic.Int64 // by QoS
	publishBytesReceived atomic.Int64    // payloads
	publishOut           [3]atomic.Int64 // by QoS
	publishBytesSent     atomic.Int64    // payloads
	outBytes             atomic.Int64    // encoded and not yet written
	outHeld              atomic.Int64    // memory that holds them
	othersSent           atomic.Int64    // packets other than PUBLISH
	bytesSent            atomic.Int64    // written
	queuedMessages       atomic.Int64
	queuedBytes          atomic.Int64
	messagesDropped      [dropReasons]atomic.Int64
	sockets              atomic.Int64 // opened since the start
	connects             atomic.Int64 // CONNECT packets
	expired              atomic.Int64 // sessions whose expiry came
	takeovers            atomic.Int64
	refused              [refusals]atomic.Int64
	panics               atomic.Int64 // connections ended by the last net
}

// dropReason says why a message did not reach one receiver.
type dropReason byte

const (
	dropSlow          dropReason = iota // QoS 0 to a receiver whose outbox is full
	dropQueueFull                       // beyond the queue of a session
	dropTooLarge                        // over the client's Maximum Packet Size
	dropQuota                           // retained, beyond the room for retained messages
	dropExpired                         // its Message Expiry Interval is over
	dropRefused                         // refused to its publisher
	dropNotAuthorized                   // the receiver may not read the topic
	dropReasons
)

// String is the reason as logs and metrics name it.
func (r dropReason) String() string {
	return [...]string{"slow", "queue-full", "too-large", "quota", "expired", "refused", "not-authorized"}[r]
}

// A tally is what a batch has counted and the metrics do not have yet.
type tally struct {
	counted                                bool
	packetsReceived, bytesReceived         int
	publishIn, publishOut                  [3]int
	publishBytesReceived, publishBytesSent int
	outBytes                               int
	queuedMessages, queuedBytes            int
	waited                                 int // bytes of messages that had to wait, each once
}

// received counts packets of any kind that a client sent, by their bytes.
func (t *tally) received(packets, bytes int) {
	t.counted = true
	t.packetsReceived += packets
	t.bytesReceived += bytes
}

// publishReceived counts a PUBLISH that a client sent; received counts it, too.
func (t *tally) publishReceived(qos mqttwire.QoS, payload int) {
	t.counted = true
	t.publishIn[qos]++
	t.publishBytesReceived += payload
}

// publishSent counts a PUBLISH put into an outbox.
func (t *tally) publishSent(qos mqttwire.QoS, payload, bytes int) {
	t.counted = true
	t.publishOut[qos]++
	t.publishBytesSent += payload
	t.outBytes += bytes
}

// queued counts messages that enter the queues of sessions, and with negative
// numbers those that leave.
func (t *tally) queued(messages, bytes int) {
	t.counted = true
	t.queuedMessages += messages
	t.queuedBytes += bytes
}

// take adds a tally, and empties it.
func (m *metrics) take(t *tally) {
	if !t.counted {
		return
	}
	add := func(counter *atomic.Int64, n int) {
		if n != 0 {
			counter.Add(int64(n))
		}
	}
	add(&m.packetsReceived, t.packetsReceived)
	add(&m.bytesReceived, t.bytesReceived)
	for qos := range t.publishIn {
		add(&m.publishIn[qos], t.publishIn[qos])
		add(&m.publishOut[qos], t.publishOut[qos])
	}
	add(&m.publishBytesReceived, t.publishBytesReceived)
	add(&m.publishBytesSent, t.publishBytesSent)
	add(&m.outBytes, t.outBytes)
	m.queued(t.queuedMessages, t.queuedBytes)
	*t = tally{}
}

// sent counts packets other than PUBLISH put into an outbox.
func (m *metrics) sent(packets, bytes int) {
	m.othersSent.Add(int64(packets))
	m.outBytes.Add(int64(bytes))
}

// wrote counts bytes that went from an outbox to the network.
func (m *metrics) wrote(bytes int) {
	m.bytesSent.Add(int64(bytes))
	m.outBytes.Add(int64(-bytes))
}

// discarded counts bytes that a connection leaves in its outbox at its end.
func (m *metrics) discarded(bytes int) { m.outBytes.Add(int64(-bytes)) }

// queued is the tally's, where there is no batch.
func (m *metrics) queued(messages, bytes int) {
	if messages != 0 || bytes != 0 {
		m.queuedMessages.Add(int64(messages))
		m.queuedBytes.Add(int64(bytes))
	}
}

func (m *metrics) dropped(r dropReason) { m.messagesDropped[r].Add(1) }

// counts are the metrics at one moment.
type counts struct {
	packetsReceived, packetsSent           int64
	bytesReceived, bytesSent               int64
	publishReceived, publishSent           [3]int64
	publishBytesReceived, publishBytesSent int64
	outBytes                               int64
	queuedMessages, queuedBytes            int64
	dropped                                [dropReasons]int64
	sockets, connects                      int64
	takeovers, expired                     int64
	refused                                [refusals]int64
}

func (m *metrics) snapshot() counts {
	c := counts{
		packetsReceived:      m.packetsReceived.Load(),
		packetsSent:          m.othersSent.Load(),
		bytesReceived:        m.bytesReceived.Load(),
		bytesSent:            m.bytesSent.Load(),
		publishBytesReceived: m.publishBytesReceived.Load(),
		publishBytesSent:     m.publishBytesSent.Load(),
		outBytes:             max(m.outBytes.Load(), 0), // bytes may be written before their batch says that it left them
		queuedMessages:       max(m.queuedMessages.Load(), 0),
		queuedBytes:          max(m.queuedBytes.Load(), 0),
		sockets:              m.sockets.Load(),
		connects:             m.connects.Load(),
		takeovers:            m.takeovers.Load(),
		expired:              m.expired.Load(),
	}
	for qos := range c.publishSent {
		c.publishReceived[qos] = m.publishIn[qos].Load()
		c.publishSent[qos] = m.publishOut[qos].Load()
		c.packetsSent += c.publishSent[qos]
	}
	for r := range c.refused {
		c.refused[r] = m.refused[r].Load()
	}
	for r := range c.dropped {
		c.dropped[r] = m.messagesDropped[r].Load()
	}
	return c
}

// droppedByLimits are the messages lost to a limit of ours or of a client's;
// those that had expired, or that somebody had no right to, are not among them.
func (c *counts) droppedByLimits() int64 {
	return c.dropped[dropSlow] + c.dropped[dropQueueFull] + c.dropped[dropTooLarge] + c.dropped[dropQuota]
}
