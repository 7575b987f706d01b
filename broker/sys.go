package broker

import (
	"iter"
	"math"
	goruntime "runtime/metrics"
	"strconv"
	"time"
)

// sysState is everything that the $SYS topics tell, at one moment. The broker
// fills in the fields with a capital; sysMeter.measure does the rest.
type sysState struct {
	Version             string
	Uptime              time.Duration
	Connections         int // network connections open now
	Clients             int // connected now
	MaxClients          int // connected at once since the start
	OfflineSessions     int // kept for clients that are away
	Subscriptions       int // shared ones among them
	SharedSubscriptions int
	Retained            int
	RetainedBytes       int64          // payloads
	Inflight            int            // messages sent at QoS 1 and 2 whose exchange is not over
	PacketsOut          int            // packets in outboxes
	Store               *StoreMeasures // nil: the store tells nothing

	memory            *memory // nil: there is no limit
	memoryLimit       int64
	now               time.Time
	counts            counts
	loads             loads
	heap, heapMaximum uint64
}

// sysMeter keeps what has to be remembered from one round to the next. One
// goroutine uses it.
type sysMeter struct {
	at          time.Time // of the last round
	last        counts
	loads       loads
	heapMaximum uint64
}

// loads are the averages that are published, all per minute.
type loads struct {
	connections, sockets                         loadAverage
	messagesReceived, messagesSent               loadAverage // packets of all types
	publishReceived, publishSent, publishDropped loadAverage
	bytesReceived, bytesSent                     loadAverage
}

// loadAverage is a rate per minute over about 1, 5 and 15 minutes: what is
// older counts for less, by 1/e for each 1, 5 or 15 minutes.
type loadAverage [3]float64

func (l *loadAverage) add(events int64, elapsed time.Duration) {
	rate := float64(events) / elapsed.Minutes()
	for i, window := range [...]float64{1, 5, 15} {
		l[i] = rate + (l[i]-rate)*math.Exp(-elapsed.Minutes()/window)
	}
}

// newSysMeter starts the averages at zero.
func newSysMeter(now time.Time) *sysMeter { return &sysMeter{at: now} }

// measure carries the averages on to now and completes s.
func (t *sysMeter) measure(s *sysState, c counts, now time.Time) {
	if elapsed := now.Sub(t.at); elapsed > 0 {
		l, last := &t.loads, &t.last
		l.connections.add(c.connects-last.connects, elapsed)
		l.sockets.add(c.sockets-last.sockets, elapsed)
		l.messagesReceived.add(c.packetsReceived-last.packetsReceived, elapsed)
		l.messagesSent.add(c.packetsSent-last.packetsSent, elapsed)
		l.publishReceived.add(sumQoS(c.publishReceived)-sumQoS(last.publishReceived), elapsed)
		l.publishSent.add(sumQoS(c.publishSent)-sumQoS(last.publishSent), elapsed)
		l.publishDropped.add(c.droppedByLimits()-last.droppedByLimits(), elapsed)
		l.bytesReceived.add(c.bytesReceived-last.bytesReceived, elapsed)
		l.bytesSent.add(c.bytesSent-last.bytesSent, elapsed)
		t.at, t.last = now, c
	}
	s.now, s.counts, s.loads = now, c, t.loads
	s.heap = heapBytes()
	t.heapMaximum = max(t.heapMaximum, s.heap)
	s.heapMaximum = t.heapMaximum
}

func sumQoS(byQoS [3]int64) int64 { return byQoS[0] + byQoS[1] + byQoS[2] }

// heapBytes is the memory of live objects and of dead ones not yet swept.
func heapBytes() uint64 {
	sample := []goruntime.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	goruntime.Read(sample)
	if sample[0].Value.Kind() != goruntime.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// nextSysRound is the next full interval by the wall clock after now.
func nextSysRound(now time.Time, interval time.Duration) time.Time {
	return now.Add(interval - now.Sub(now.Truncate(interval)))
}

// sysTopics lists every $SYS topic with its value: the names that monitoring
// of mosquitto expects, and those that the community wrote down.
func sysTopics(s *sysState) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, list := range [...]func(*sysState) []sysTopic{sysTotals, sysLoads, sysCommunity, sysRefusals, sysStore, sysMemory} {
			for _, t := range list(s) {
				if !yield("$SYS/broker/"+t.name, t.text()) {
					return
				}
			}
		}
	}
}

// sysTopic is a name below $SYS/broker/ and its value: an int, int64, uint64,
// float64 or string.
type sysTopic struct {
	name  string
	value any
}

func (t sysTopic) text() string {
	switch v := t.value.(type) {
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return t.value.(string)
}

func sysTotals(s *sysState) []sysTopic {
	c := &s.counts
	stored, storedBytes := int64(s.Retained)+c.queuedMessages, s.RetainedBytes+c.queuedBytes
	return []sysTopic{
		{"version", "mqtk version " + s.Version},
		{"uptime", strconv.FormatInt(int64(s.Uptime/time.Second), 10) + " seconds"},
		{"bytes/received", c.bytesReceived},
		{"bytes/sent", c.bytesSent},
		{"clients/total", s.Clients + s.OfflineSessions},
		{"clients/maximum", s.MaxClients},
		{"clients/connected", s.Clients},
		{"clients/active", s.Clients},
		{"clients/disconnected", s.OfflineSessions},
		{"clients/inactive", s.OfflineSessions},
		{"clients/expired", c.expired},
		{"connections/socket/count", s.Connections},
		{"messages/received", c.packetsReceived},
		{"messages/sent", c.packetsSent},
		{"messages/stored", stored},
		{"messages/inflight", s.Inflight},
		{"store/messages/count", stored},
		{"store/messages/bytes", storedBytes},
		{"publish/messages/received", sumQoS(c.publishReceived)},
		{"publish/messages/sent", sumQoS(c.publishSent)},
		{"publish/messages/dropped", c.droppedByLimits()},
		{"publish/bytes/received", c.publishBytesReceived},
		{"publish/bytes/sent", c.publishBytesSent},
		{"packet/out/count", s.PacketsOut},
		{"packet/out/bytes", c.outBytes},
		{"retained messages/count", s.Retained},
		{"subscriptions/count", s.Subscriptions},
		{"shared_subscriptions/count", s.SharedSubscriptions},
		{"heap/current", s.heap},
		{"heap/maximum", s.heapMaximum},
	}
}

func sysLoads(s *sysState) []sysTopic {
	var topics []sysTopic
	l := &s.loads
	for _, load := range []struct {
		name    string
		average *loadAverage
	}{
		{"connections", &l.connections},
		{"sockets", &l.sockets},
		{"messages/received", &l.messagesReceived},
		{"messages/sent", &l.messagesSent},
		{"publish/received", &l.publishReceived},
		{"publish/sent", &l.publishSent},
		{"publish/dropped", &l.publishDropped},
		{"bytes/received", &l.bytesReceived},
		{"bytes/sent", &l.bytesSent},
	} {
		for i, window := range [...]string{"/1min", "/5min", "/15min"} {
			topics = append(topics, sysTopic{"load/" + load.name + window, load.average[i]})
		}
	}
	return topics
}

func sysCommunity(s *sysState) []sysTopic {
	c := &s.counts
	return []sysTopic{
		{"load/bytes/received", c.bytesReceived},
		{"load/bytes/sent", c.bytesSent},
		{"messages/publish/received", sumQoS(c.publishReceived)},
		{"messages/publish/sent", sumQoS(c.publishSent)},
		{"messages/publish/dropped", c.droppedByLimits()},
		{"messages/retained/count", s.Retained},
		{"time", s.now.UTC().Format(time.RFC3339)},
	}
}

// sysStore tells what a store did since it was opened, and how it stands, in the
// order of StoreTopics.
func sysStore(s *sysState) []sysTopic {
	m := s.Store
	if m == nil {
		return nil
	}
	values := [...]any{
		m.BytesWritten, m.DiskBytes, m.needed(), m.Frames, m.Commits, m.meanFrames(), milliseconds(m.meanSync()),
		milliseconds(m.LongestSync), milliseconds(m.Recovery), int(flag(m.Full)), int(flag(m.Failed)),
	}
	topics := make([]sysTopic, len(values))
	for i, t := range StoreTopics() {
		topics[i] = sysTopic{t.Name, values[i]}
	}
	return topics
}

// A SysTopic is a topic below $SYS/broker/, and what its value means.
type SysTopic struct{ Name, Doc string }

// StoreTopics lists the $SYS topics of a store that measures itself.
func StoreTopics() []SysTopic {
	return []SysTopic{
		{"store/bytes/written", "Bytes written since the start, with headers, the reserve, and what was copied on to give space back."},
		{"store/bytes/disk", "Bytes that the segments take on the disk now; the reserve is not among them."},
		{"store/bytes/live", "Bytes of them that are still needed, about. The rest is given back when there is enough of it."},
		{"store/frames/count", "Frames written since the start: all changes that came with one packet, or a few that came together, are one."},
		{"store/commits/count", "Commits since the start: writes to the disk that frames have shared."},
		{"store/commits/frames", "Frames that shared a commit, on average, with two decimals."},
		{"store/sync/mean", "Milliseconds that the sync of a commit took, on average, with two decimals."},
		{"store/sync/longest", "Milliseconds that the longest sync took, with two decimals."},
		{"store/recovery", "Milliseconds that the start took to read what was there, with two decimals."},
		{"store/full", "1 while messages are refused for want of room, else 0."},
		{"store/failed", "1 once a write or sync has failed, so that nothing is acknowledged until a restart, else 0."},
	}
}

// needed is never more than there is: what LiveBytes counts is an estimate.
func (m *StoreMeasures) needed() int64 { return min(m.LiveBytes, m.DiskBytes) }

// meanFrames is how many Appends shared a commit.
func (m *StoreMeasures) meanFrames() float64 { return float64(m.Frames) / float64(max(m.Commits, 1)) }

func (m *StoreMeasures) meanSync() time.Duration {
	return m.SyncTime / time.Duration(max(m.Commits, 1))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
