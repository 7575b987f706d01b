//go:build !race

package commands

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// A floodClient speaks 3.1.1 with serve and does nothing of its own.
type floodClient struct {
	t *testing.T
	net.Conn
	*mqttwire.Reader
}

func (b testBroker) floodClient(t *testing.T, id string) *floodClient {
	t.Helper()
	nc, err := net.Dial("tcp", net.JoinHostPort(b.host, b.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	c := &floodClient{t, nc, mqttwire.NewReader(nc)}
	c.Version, c.From = mqttwire.V311, mqttwire.Server
	c.put(&mqttwire.Connect{ClientID: id, CleanStart: true})
	if p, err := c.ReadPacket(); err != nil || p.(*mqttwire.Connack).Reason != mqttwire.Success {
		t.Fatalf("%s: %v %v", id, p, err)
	}
	return c
}

// put writes a packet. False: the connection has ended.
func (c *floodClient) put(p mqttwire.Packet) bool {
	b, err := p.Append(nil, mqttwire.V311)
	if err == nil {
		_, err = c.Write(b)
	}
	return err == nil
}

func (c *floodClient) subscribe(filter string, qos mqttwire.QoS) {
	c.t.Helper()
	c.put(&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: filter, QoS: qos}}})
	if _, err := c.ReadPacket(); err != nil {
		c.t.Fatal(err)
	}
}

// publish floods a topic until the connection or the test ends.
func (c *floodClient) publish(topic string, qos mqttwire.QoS, size int, sent *atomic.Int64) {
	go func() { // what is acknowledged, nobody looks at
		for {
			if _, err := c.ReadPacket(); err != nil {
				return
			}
		}
	}()
	payload := make([]byte, size)
	for id := mqttwire.PacketID(1); ; id = id%60000 + 1 {
		p := &mqttwire.Publish{Topic: topic, QoS: qos, Payload: payload}
		if qos > 0 {
			p.PacketID = id
		}
		if !c.put(p) {
			return
		}
		sent.Add(1)
	}
}

// serve stays within its memory limit while hundreds of receivers have stopped
// reading what twenty publishers flood them with, more than it allows.
// Two clients beside them lose nothing.
func TestServeStaysWithinMemory(t *testing.T) {
	const limit, lasts = 48 << 20, 2 * time.Second
	for _, flood := range []struct {
		name      string
		qos       mqttwire.QoS
		size      int
		receivers int
		each      int // receivers of a topic
		topic     func(i int) string
	}{
		{"QoS 0 to all", 0, 16 << 10, 300, 300, func(int) string { return "flood" }},
		{"QoS 1 to some each", 1, 16 << 10, 100, 5, func(i int) string { return fmt.Sprint("flood/", i%20) }},
	} {
		t.Run(flood.name, func(t *testing.T) {
			b := startMqtk(t, "--memory-limit", "48MiB")
			pid := b.process.cmd.Process.Pid
			for i := range flood.receivers {
				c := b.floodClient(t, fmt.Sprint("stopped", i))
				c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				c.subscribe(flood.topic(i), flood.qos)
			}
			receiver, publisher := b.floodClient(t, "receiver"), b.floodClient(t, "publisher")
			receiver.subscribe("well", 1)
			var sent atomic.Int64
			var publishers sync.WaitGroup
			var conns [20]*floodClient
			for i := range conns { // all of them before memory is short
				conns[i] = b.floodClient(t, fmt.Sprint("flood", i))
			}
			for i, c := range conns {
				publishers.Go(func() { c.publish(flood.topic(i), flood.qos, flood.size, &sent) })
			}
			peak, messages := 0, uint64(0)
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for end := time.Now().Add(lasts); time.Now().Before(end) || messages == 0; <-tick.C {
				i := messages
				messages++
				publisher.put(&mqttwire.Publish{Topic: "well", QoS: 1, PacketID: mqttwire.PacketID(i + 1), Payload: binary.BigEndian.AppendUint64(nil, i)})
				if p, err := publisher.ReadPacket(); err != nil || p.Type() != mqttwire.PUBACK {
					t.Fatalf("message %d: %v %v", i, p, err)
				}
				peak = max(peak, residentOwn(t, pid))
			}
			for i := range messages {
				p, err := receiver.ReadPacket()
				m, ok := p.(*mqttwire.Publish)
				if err != nil || !ok || binary.BigEndian.Uint64(m.Payload) != i {
					t.Fatalf("message %d: %v %v", i, p, err)
				}
				receiver.put(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: m.PacketID})
			}
			for _, c := range conns {
				c.Close()
			}
			publishers.Wait()
			t.Logf("%d messages flooded, %d beside them, %d KiB resident at most", sent.Load(), messages, peak>>10)
			if sent.Load()*int64(flood.size)*int64(flood.each) < 3*limit/2 {
				t.Errorf("only %d messages were sent: that is no flood", sent.Load())
			}
			if peak > limit+limit/16 { // 33 to 47 MiB were measured; on a loaded machine the collector is late
				t.Errorf("resident: %d KiB, the limit is %d", peak>>10, limit>>10)
			}
		})
	}
}

// residentOwn is what is resident of a process and in no file but the program's
// own memory, with 9 MiB for the program: a test binary is larger than mqtk.
func residentOwn(t *testing.T, pid int) int {
	t.Helper()
	return residentBytes(t, pid, "RssAnon") + residentBytes(t, pid, "RssShmem") + 9<<20
}
