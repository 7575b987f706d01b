//go:build !race

package commands

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// needFiles skips the test where a process may not open so many files.
func needFiles(t *testing.T, files uint64) {
	t.Helper()
	if limit, ok := fileLimit(); ok && limit < files {
		t.Skipf("needs %d open files, %d are allowed", files, limit)
	}
}

// A crowd is many clients of one broker that each subscribe to one topic.
type crowd struct {
	t     *testing.T
	conns []net.Conn
}

// crowd connects that many, side by side.
func (b testBroker) crowd(t *testing.T, clients int, filter string) crowd {
	t.Helper()
	c := crowd{t, make([]net.Conn, clients)}
	c.each(func(i int, _ net.Conn) error {
		nc, err := net.Dial("tcp", net.JoinHostPort(b.host, b.port))
		if err != nil {
			return err
		}
		c.conns[i] = nc
		hello, err := (&mqttwire.Connect{ClientID: fmt.Sprint("one of many ", i), CleanStart: true}).Append(nil, mqttwire.V311)
		if err != nil {
			return err
		}
		hello, err = (&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: filter}}}).Append(hello, mqttwire.V311)
		if err != nil {
			return err
		}
		return trade(nc, string(hello), "\x20\x02\x00\x00"+"\x90\x03\x00\x01\x00")
	})
	t.Cleanup(func() {
		for _, nc := range c.conns {
			nc.Close()
		}
	})
	return c
}

// each does something with every connection, 50 at a time.
func (c crowd) each(do func(int, net.Conn) error) {
	c.t.Helper()
	var next atomic.Int64
	var work sync.WaitGroup
	var failed sync.Once
	for range 50 {
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(c.conns); i = int(next.Add(1)) - 1 {
				if err := do(i, c.conns[i]); err != nil {
					failed.Do(func() { c.t.Errorf("client %d of %d: %v", i, len(c.conns), err) })
					return
				}
			}
		})
	}
	work.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// hears expects the same bytes at each of them.
func (c crowd) hears(bytes string) {
	c.t.Helper()
	c.each(func(_ int, nc net.Conn) error { return trade(nc, "", bytes) })
}

// A limit of 64 MiB holds for 5,000 connections while a subscriber that may hold
// far more than that reads nothing, and twenty publishers send to it. What is given
// up, is given up in order; the 5,000 and a healthy pair notice nothing.
func TestServeStaysWithinMemoryOfMany(t *testing.T) {
	const limit, clients, publishers = 64 << 20, 5000, 20
	needFiles(t, clients+200)
	b := startMqtk(t, "--memory-limit", "64MiB", "--set", "max_queued_messages=1000000", "--set", "max_queued_bytes=1GiB", "--set", "sys_interval=1s")
	pid := b.process.cmd.Process.Pid
	many := b.crowd(t, clients, "all")
	idle := residentOwn(t, pid)
	stuck := b.floodClient(t, "stuck")
	stuck.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	stuck.subscribe("flood", 1)
	healthy := b.healthyPair(t)
	var sent atomic.Int64
	var work sync.WaitGroup
	var conns [publishers]*floodClient
	for i := range conns { // all of them before memory is short
		conns[i] = b.floodClient(t, fmt.Sprint("flood", i))
	}
	for _, c := range conns {
		work.Go(func() { c.publish("flood", 1, 16<<10, -1, &sent) })
	}
	peak := 0
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	until := func(done func() bool) {
		for end := time.Now().Add(lineDeadline); !done() && time.Now().Before(end); <-tick.C {
			healthy.publish(t)
			peak = max(peak, residentOwn(t, pid))
		}
	}
	until(func() bool { return strings.Contains(b.process.output(), "new clients are refused") })
	until(func() bool { return b.refuses(t) })
	until(func() bool { return strings.Contains(b.process.output(), "no message waits for who is away") })
	for _, c := range conns {
		c.Close()
	}
	work.Wait()
	until(func() bool { return !b.refuses(t) })
	t.Logf("%d KiB resident with %d idle clients, at most %d with the flood of %d messages", idle>>10, clients, peak>>10, sent.Load())
	if peak > limit { // 53 to 57 MiB were measured
		t.Errorf("resident: %d KiB, the limit is %d", peak>>10, limit>>10)
	}
	healthy.receive(t)
	if !healthy.publisher.put(&mqttwire.Publish{Topic: "all", Payload: []byte("!")}) {
		t.Fatal("the healthy publisher is gone")
	}
	many.hears("\x30\x06\x00\x03all!")
	b.gaveUpInOrder(t)
}

// refuses says whether a new client hears that the server is unavailable.
func (b testBroker) refuses(t *testing.T) bool {
	t.Helper()
	nc, err := net.Dial("tcp", net.JoinHostPort(b.host, b.port))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	return trade(nc, "\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01c", "\x20\x02\x00\x03") == nil
}

// gaveUpInOrder looks for the order of sacrifice in the log and below $SYS.
func (b testBroker) gaveUpInOrder(t *testing.T) {
	t.Helper()
	rest := b.process.output()
	for _, line := range []string{"memory is short held", "fast publishers are slowed down", "new clients are refused", "the slowest consumers are closed", `disconnected client=stuck`} {
		_, after, found := strings.Cut(rest, line)
		if !found {
			t.Errorf("the log has no %q behind what is before it", line)
			return
		}
		rest = after
	}
	watch := b.floodClient(t, "watch")
	watch.subscribe("$SYS/broker/memory/#", 0)
	topics := map[string]string{}
	for end := time.Now().Add(lineDeadline); len(topics) < 6 && time.Now().Before(end); {
		p, err := watch.ReadPacket()
		m, ok := p.(*mqttwire.Publish)
		if err != nil || !ok {
			t.Fatalf("%v %v", p, err)
		}
		topics[strings.Clone(m.Topic)] = string(m.Payload)
	}
	for topic, count := range topics {
		if count == "0" {
			t.Errorf("%s is 0", topic)
		}
	}
}

// Ten reloads, good and broken ones, which add and remove listeners, rules, limits
// and bans, drop none of 1,000 clients, and the pair beside them loses nothing.
func TestServeReloadDropsNobody(t *testing.T) {
	const clients = 1000
	needFiles(t, 2*clients)
	folder := t.TempDir()
	path, rules := filepath.Join(folder, "mqtk.toml"), filepath.Join(folder, "rules")
	if err := os.WriteFile(rules, []byte("topic readwrite #\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := startMqtk(t, "-c", path, "--log-level", "info")
	many := b.crowd(t, clients, "all")
	healthy := b.healthyPair(t)
	for round := range 10 {
		text, line := fmt.Sprintf("[limits]\nmax_qos = %d\nmax_inflight = %d\n[acl]\nfile = %q\n[bans]\nusers = [\"eve%d\"]\n", round%3, round+1, rules, round), fmt.Sprint("times=", round/2+1)
		if round%2 == 1 {
			text, line = "[limits]\nmax_qos = 9\n", "the one before holds"
		}
		healthy.publish(t)
		b.reload(t, path, text, line)
		healthy.publish(t)
	}
	healthy.receive(t)
	many.each(func(_ int, nc net.Conn) error { return trade(nc, "\xc0\x00", "\xd0\x00") })
	if said := b.process.output(); strings.Contains(said, "disconnected") {
		t.Errorf("somebody was disconnected:\n%s", said)
	}
}
