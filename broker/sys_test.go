package broker

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sysNames are the names to publish, all below $SYS/broker/.
const sysNames = `
bytes/received bytes/sent
clients/active clients/connected clients/disconnected clients/expired clients/inactive clients/maximum clients/total
connections/socket/count heap/current heap/maximum
load/bytes/received load/bytes/received/1min load/bytes/received/5min load/bytes/received/15min
load/bytes/sent load/bytes/sent/1min load/bytes/sent/5min load/bytes/sent/15min
load/connections/1min load/connections/5min load/connections/15min
load/messages/received/1min load/messages/received/5min load/messages/received/15min
load/messages/sent/1min load/messages/sent/5min load/messages/sent/15min
load/publish/dropped/1min load/publish/dropped/5min load/publish/dropped/15min
load/publish/received/1min load/publish/received/5min load/publish/received/15min
load/publish/sent/1min load/publish/sent/5min load/publish/sent/15min
load/sockets/1min load/sockets/5min load/sockets/15min
messages/inflight messages/publish/dropped messages/publish/received messages/publish/sent
messages/received messages/retained/count messages/sent messages/stored
packet/out/bytes packet/out/count publish/bytes/received publish/bytes/sent
publish/messages/dropped publish/messages/received publish/messages/sent
shared_subscriptions/count store/messages/bytes store/messages/count subscriptions/count time uptime version`

func TestSysNames(t *testing.T) {
	want := append(strings.Fields(sysNames), "retained messages/count")
	for _, t := range RefusalTopics() {
		want = append(want, t.Name)
	}
	var got []string
	for topic := range sysTopics(&sysState{}) {
		name, ok := strings.CutPrefix(topic, "$SYS/broker/")
		if !ok || slices.Contains(got, name) {
			t.Errorf("%s: wrong place, or twice", topic)
		}
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for range sysTopics(&sysState{}) {
		break // a reader may stop
	}
}

// A gauged store keeps nothing, and tells what it was told to.
type gaugedStore struct {
	memoryStore
	measures StoreMeasures
}

func (s *gaugedStore) Append(_ []Event, durable func(error)) error {
	if durable != nil {
		go durable(nil)
	}
	return nil
}

func (s *gaugedStore) Measure() StoreMeasures { return s.measures }

// What a store measures is told below $SYS/broker/store and in the summary; a
// store that measures nothing adds nothing.
func TestSysStore(t *testing.T) {
	store := &gaugedStore{measures: StoreMeasures{
		BytesWritten: 5000, Frames: 30, Commits: 4, SyncTime: 10 * time.Millisecond, LongestSync: 7 * time.Millisecond,
		Recovery: 1234 * time.Millisecond, DiskBytes: 3000, LiveBytes: 2000,
	}}
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Options{Store: store})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Shutdown(t.Context())
		state := b.sysState(time.Now())
		got := map[string]string{}
		for _, topic := range sysStore(&state) {
			got[topic.name] = topic.text()
		}
		want := map[string]string{
			"store/bytes/written": "5000", "store/bytes/disk": "3000", "store/bytes/live": "2000", "store/frames/count": "30",
			"store/commits/count": "4", "store/commits/frames": "7.50", "store/sync/mean": "2.50", "store/sync/longest": "7.00",
			"store/recovery": "1234.00", "store/full": "0", "store/failed": "0",
		}
		if !maps.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		const commits = "commits        4 of 7.5 frames on average, synced in 2.5ms on average, 7ms at most\n"
		if s := b.Summary(); !strings.Contains(s, "on disk        3000 bytes, of them about 2000 needed; 5000 written since the start\n") ||
			!strings.Contains(s, commits) || !strings.Contains(s, "recovery       took 1.234s\n") || strings.Contains(s, "\nstore ") {
			t.Errorf("summary:\n%s", s)
		}
		store.measures.LiveBytes = 3001
		if s := b.Summary(); !strings.Contains(s, "3000 bytes, of them about 3000 needed;") {
			t.Errorf("summary where more is needed than there is:\n%s", s)
		}
		store.measures.Full = true
		if s := b.Summary(); !strings.Contains(s, "\nstore          full: messages are refused until there is room\n") {
			t.Errorf("summary when full:\n%s", s)
		}
		store.measures = StoreMeasures{Failed: true}
		if s := b.Summary(); !strings.Contains(s, "\nstore          failed: nothing is acknowledged until a restart\n") {
			t.Errorf("summary when failed:\n%s", s)
		}
	})
}

func TestSysValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m metrics
		var batch tally
		meter := newSysMeter(time.Now())
		batch.received(5, 500)
		batch.publishReceived(0, 10)
		batch.publishReceived(2, 30)
		m.sent(4, 40)
		batch.publishSent(1, 7, 60)
		batch.publishSent(0, 8, 20)
		batch.queued(2, 250)
		m.take(&batch)
		m.take(&batch) // which is empty now
		m.wrote(90)
		m.discarded(20)
		m.queued(1, 50)
		m.queued(-1, -100)
		for r := range dropReasons {
			m.dropped(r)
		}
		m.sockets.Add(9)
		m.connects.Add(8)
		m.expired.Add(6)
		s := sysState{Version: "1.2", Uptime: 90*time.Second + 1, Connections: 4, Clients: 2, MaxClients: 3, OfflineSessions: 11, Subscriptions: 12,
			SharedSubscriptions: 2, Retained: 50, RetainedBytes: 5000, Inflight: 13, PacketsOut: 14}
		time.Sleep(time.Minute)
		meter.measure(&s, m.snapshot(), time.Now())
		got := maps.Collect(sysTopics(&s))
		for name, want := range map[string]string{
			"version": "mqtk version 1.2", "uptime": "90 seconds", "time": "2000-01-01T00:01:00Z",
			"bytes/received": "500", "bytes/sent": "90", "load/bytes/received": "500", "load/bytes/sent": "90",
			"clients/total": "13", "clients/maximum": "3", "clients/connected": "2", "clients/active": "2",
			"clients/disconnected": "11", "clients/inactive": "11", "clients/expired": "6", "connections/socket/count": "4",
			"messages/received": "5", "messages/sent": "6", "messages/stored": "52", "messages/inflight": "13",
			"store/messages/count": "52", "store/messages/bytes": "5200",
			"publish/messages/received": "2", "publish/messages/sent": "2", "publish/messages/dropped": "4",
			"messages/publish/received": "2", "messages/publish/sent": "2", "messages/publish/dropped": "4",
			"publish/bytes/received": "40", "publish/bytes/sent": "15", "packet/out/count": "14", "packet/out/bytes": "10",
			"retained messages/count": "50", "messages/retained/count": "50", "subscriptions/count": "12",
			"shared_subscriptions/count": "2",
			// after one minute of a steady rate the averages have come 1-1/e, 1-e^-1/5 and 1-e^-1/15 of the way
			"load/messages/received/1min": "3.16", "load/messages/received/5min": "0.91", "load/messages/received/15min": "0.32",
			"load/messages/sent/1min": "3.79", "load/bytes/received/1min": "316.06", "load/bytes/sent/1min": "56.89",
			"load/publish/received/1min": "1.26", "load/publish/sent/1min": "1.26", "load/publish/dropped/1min": "2.53",
			"load/connections/1min": "5.06", "load/sockets/1min": "5.69",
		} {
			if got["$SYS/broker/"+name] != want {
				t.Errorf("%s: got %q, want %q", name, got["$SYS/broker/"+name], want)
			}
		}
		if s.heap == 0 || s.heapMaximum < s.heap {
			t.Errorf("heap %d, maximum %d", s.heap, s.heapMaximum)
		}
	})
}

// TestLoadAverages lets a steady rate come and go, in rounds of uneven length.
func TestLoadAverages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m metrics
		var s sysState
		start := time.Now()
		meter := newSysMeter(start)
		round := func(d time.Duration, perMinute float64) {
			time.Sleep(d)
			m.sockets.Add(int64(math.Round(perMinute * d.Minutes())))
			meter.measure(&s, m.snapshot(), time.Now())
		}
		near := func(got loadAverage, want ...float64) {
			t.Helper()
			for i := range got {
				if math.Abs(got[i]-want[i]) > 0.5 {
					t.Errorf("after %v: %.2f, want %.2f", time.Since(start), got, want)
					return
				}
			}
		}
		for i := range 600 {
			round(time.Duration(5+i%3*5)*time.Second, 600)
		}
		near(s.loads.sockets, 600, 600*(1-math.Exp(-100.0/5)), 600*(1-math.Exp(-100.0/15)))
		meter.measure(&s, m.snapshot(), time.Now()) // no time has passed: nothing changes
		near(s.loads.sockets, 600, 600, 600*(1-math.Exp(-100.0/15)))
		round(5*time.Minute, 0)
		near(s.loads.sockets, 600*math.Exp(-5), 600*math.Exp(-1), 600*(1-math.Exp(-100.0/15))*math.Exp(-5.0/15))
	})
}

func TestNextSysRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(3*time.Second + 250*time.Millisecond)
		for range 3 {
			next := nextSysRound(time.Now(), 10*time.Second)
			wait := time.Until(next)
			if next.Second()%10 != 0 || next.Nanosecond() != 0 || wait <= 0 || wait > 10*time.Second {
				t.Errorf("%v after %v", next, time.Now())
			}
			time.Sleep(wait)
		}
	})
}

func TestDropReasonsHaveNames(t *testing.T) {
	names := map[string]bool{}
	for r := range dropReasons {
		names[r.String()] = true
	}
	if len(names) != int(dropReasons) || names[""] {
		t.Errorf("names %v", names)
	}
}
