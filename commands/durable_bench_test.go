package commands

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// BenchmarkAbsentSubscriber has n publishers of QoS 1 messages of 256 bytes to a
// session that is away; each waits for its PUBACK before the next message. serve
// --data does it in turn with --durability none and with mosquitto, which has
// persistence on and syncs nothing.
func BenchmarkAbsentSubscriber(b *testing.B) {
	limit := "max_queued_disk_bytes=100G"
	brokers := []testBroker{
		startMqtk(b, "--set", limit, "--data", b.TempDir()),
		startMqtk(b, "--set", limit, "--data", b.TempDir(), "--durability", "none"),
		startMosquitto(b, "persistence true", "persistence_location "+b.TempDir()+"/", "autosave_interval 1", "max_queued_messages 0"),
	}
	names := []string{"fsync/s", "none/s", "mosquitto/s"}
	for _, broker := range brokers {
		c := dialRaw(b, broker, "away", false)
		c.send(&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: "bench/#", QoS: 1}}})
		c.receive()
		c.send(&mqttwire.Disconnect{})
	}
	for _, n := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint("publishers=", n), func(b *testing.B) {
			crowds := make([][]*rawClient, len(brokers))
			for i, broker := range brokers {
				for j := range n {
					crowds[i] = append(crowds[i], dialRaw(b, broker, fmt.Sprint("p", j), true))
				}
			}
			took := make([]time.Duration, len(brokers))
			each := b.N/n + 1
			b.ResetTimer()
			for done := 0; done < each; done += 64 {
				for i, crowd := range crowds {
					took[i] += publishAll(crowd, min(64, each-done))
				}
			}
			for i, d := range took {
				b.ReportMetric(float64(each*n)/d.Seconds(), names[i])
			}
			b.ReportMetric(took[2].Seconds()/took[0].Seconds(), "fsync:mosquitto")
		})
	}
}

// publishAll has every client publish so many messages, one after the other.
func publishAll(crowd []*rawClient, messages int) time.Duration {
	begun := time.Now()
	var all sync.WaitGroup
	for _, c := range crowd {
		all.Go(func() {
			p := &mqttwire.Publish{Topic: "bench/t", QoS: 1, Payload: make([]byte, 256)}
			for i := range messages {
				p.PacketID = mqttwire.PacketID(i + 1)
				c.send(p)
				c.receive()
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

// A rawClient is a connection without a life of its own.
type rawClient struct {
	b      *testing.B
	conn   net.Conn
	reader *mqttwire.Reader
	out    []byte
}

func dialRaw(b *testing.B, broker testBroker, id string, clean bool) *rawClient {
	b.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(broker.host, broker.port))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	c := &rawClient{b: b, conn: conn, reader: mqttwire.NewReader(conn)}
	c.reader.Version, c.reader.From = mqttwire.V311, mqttwire.Server
	c.send(&mqttwire.Connect{Version: mqttwire.V311, ClientID: id, CleanStart: clean})
	c.receive()
	return c
}

func (c *rawClient) send(p mqttwire.Packet) {
	out, err := p.Append(c.out[:0], mqttwire.V311)
	if err == nil {
		_, err = c.conn.Write(out)
	}
	if c.out = out; err != nil {
		c.b.Error(err)
	}
}

func (c *rawClient) receive() {
	if _, err := c.reader.ReadPacket(); err != nil {
		c.b.Error(err)
	}
}
