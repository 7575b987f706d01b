package client

import (
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// pair is a Conn and the server's end of it.
func (b *bench) pair(o ConnOptions) (*Conn, *peer) {
	near, far := transport.MemPair()
	p := &peer{b: b, Conn: far, r: mqttwire.NewReader(far)}
	p.r.From, p.r.Version = mqttwire.Client, mqttwire.V5
	b.peers = append(b.peers, p)
	c := NewConn(near, o)
	b.Cleanup(func() { c.Close() })
	return c, p
}

func TestConnBuffersUntilFlush(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.pair(ConnOptions{})
		if err := c.WritePacket(&mqttwire.Publish{Topic: "a"}); err != nil {
			b.Fatal(err)
		}
		p.quiet(time.Minute)
		c.WritePacket(&mqttwire.Pingreq{})
		if err := c.Flush(); err != nil {
			b.Fatal(err)
		}
		p.expect("PUBLISH topic=a", "PINGREQ")
		// A full buffer goes unasked.
		go c.WritePacket(&mqttwire.Publish{Topic: "b", Payload: make([]byte, flushAt)})
		p.read()

		c, p = b.pair(ConnOptions{AutoFlush: true})
		c.WritePacket(&mqttwire.Pingreq{})
		p.expect("PINGREQ")
		if err := c.WritePacket(&mqttwire.Publish{}); err == nil {
			b.Error("a PUBLISH without a topic is written")
		}
		if n, err := c.Write([]byte{0xC0, 0}); n != 2 || err != nil {
			b.Errorf("Write: %d, %v", n, err)
		}
		p.quiet(time.Minute)
		c.Flush()
		p.expect("PINGREQ")
	})
}

func TestConnWritersShareIt(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.pair(ConnOptions{})
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for range 500 {
					c.WritePacket(&mqttwire.Publish{Topic: "a", Payload: make([]byte, 100*i)})
				}
				c.Flush()
			})
		}
		for range 4 * 500 {
			if _, ok := p.read().(*mqttwire.Publish); !ok {
				b.Fatal("the packets are mixed")
			}
		}
		group.Wait()
	})
}

func TestConnReads(t *testing.T) {
	inBubble(t, func(b *bench) {
		var traced []string
		c, p := b.pair(ConnOptions{Trace: func(sent bool, p mqttwire.Packet) {
			traced = append(traced, map[bool]string{true: "> ", false: "< "}[sent]+string(mqttwire.AppendText(nil, p, mqttwire.V5)))
		}})
		p.send("PINGRESP", "PUBLISH topic=a payload=x")
		if packet, err := c.ReadPacket(); err != nil || packet.Type() != mqttwire.PINGRESP {
			b.Errorf("got %v, %v", packet, err)
		}
		if c.Buffered() == 0 {
			b.Error("the second packet is not buffered")
		}
		if packet, err := c.ReadPacket(); err != nil || packet.Type() != mqttwire.PUBLISH || c.Buffered() != 0 {
			b.Errorf("got %v, %v, %d more bytes", packet, err, c.Buffered())
		}
		c.WritePacket(&mqttwire.Pingreq{})
		if want := []string{"< PINGRESP", "< PUBLISH topic=a payload=x", "> PINGREQ"}; !slices.Equal(traced, want) {
			b.Errorf("traced %q", traced)
		}
		p.bytes([]byte{0x30, 10})
		p.CloseWrite()
		if _, err := c.ReadPacket(); err != io.ErrUnexpectedEOF {
			b.Errorf("a packet cut short: %v", err)
		}
		c, p = b.pair(ConnOptions{})
		p.CloseWrite()
		if _, err := c.ReadPacket(); err != io.EOF {
			b.Errorf("the end: %v", err)
		}
		c, p = b.pair(ConnOptions{Limits: mqttwire.Limits{MaxPacketSize: 10}})
		p.bytes([]byte{0x30, 10})
		_, err := c.ReadPacket()
		wantError[*ViolationError](b, err, "too large")
		// The caller's deadline is left alone.
		c, _ = b.pair(ConnOptions{})
		c.NetConn().SetReadDeadline(time.Now().Add(time.Minute))
		if _, err = c.ReadPacket(); !isTimeout(err) {
			b.Errorf("past the deadline: %v", err)
		}
	})
}

// CloseWrite ends the peer's sending.
func (p *peer) CloseWrite() { p.Conn.(*transport.MemConn).CloseWrite() }

func TestConnHandshake(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.pair(ConnOptions{})
		wait := b.background(func() error {
			connack, err := c.Handshake(b.Context(), &mqttwire.Connect{ClientID: "a", Version: mqttwire.V311, CleanStart: true})
			if err == nil && connack.Reason != mqttwire.Success {
				err = errors.New("no success")
			}
			return err
		})
		p.expect("CONNECT version=4 clean-start=1 client-id=a")
		p.send("CONNACK Success", "PUBLISH topic=early")
		if err := wait(); err != nil {
			b.Error(err)
		}
		if c.Version() != mqttwire.V311 {
			b.Errorf("version %v", c.Version())
		}
		if packet, err := c.ReadPacket(); err != nil || packet.Type() != mqttwire.PUBLISH {
			b.Errorf("what came with the CONNACK: %v, %v", packet, err)
		}
		end := b.background(func() error { return c.Disconnect(nil) })
		p.expect("DISCONNECT")
		p.eof()
		if err := end(); err != nil {
			b.Error(err)
		}
		if err := c.WritePacket(&mqttwire.Pingreq{}); err == nil {
			b.Error("something follows the DISCONNECT")
		}
	})
}

// At full speed a message costs no allocation, neither sent nor received.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	message := &mqttwire.Publish{Topic: "some/topic", Payload: make([]byte, 64)}
	for q := range mqttwire.QoS(3) {
		r := newRig(t, q)
		message.QoS = q
		got := testing.AllocsPerRun(20, func() { r.burst(t, message, 1000) })
		if got > 50 { // goroutines that park and timers, not messages
			t.Errorf("publishing 1000 messages at QoS %d takes %.0f allocations", q, got)
		}
		r.close()
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, q := range []mqttwire.QoS{0, 1, 2} {
		b.Run([]string{"QoS 0", "QoS 1", "QoS 2"}[q], func(b *testing.B) {
			r := newRig(b, q)
			defer r.close()
			b.ReportAllocs()
			b.ResetTimer()
			r.burst(b, &mqttwire.Publish{Topic: "some/topic", QoS: q, Payload: make([]byte, 64)}, b.N)
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	for _, q := range []mqttwire.QoS{0, 1} {
		b.Run([]string{"QoS 0", "QoS 1"}[q], func(b *testing.B) {
			r := newRig(b, q)
			defer r.close()
			one, _ := (&mqttwire.Publish{Topic: "some/topic", QoS: q, PacketID: mqttwire.PacketID(q), Payload: make([]byte, 64)}).Append(nil, mqttwire.V5)
			batch := slices.Repeat(one, 500)
			b.ReportAllocs()
			b.ResetTimer()
			for sent := 0; sent < b.N; sent += 500 {
				r.far.Write(batch)
			}
			for r.received.Load() < int64(b.N) {
				<-r.more
			}
		})
	}
}

func TestTraceOfWhatIsResent(t *testing.T) {
	inBubble(t, func(b *bench) {
		var sent []string
		o := b.durable()
		o.Hooks.Trace = func(out bool, p mqttwire.Packet) {
			if out && p.Type() == mqttwire.PUBLISH {
				sent = append(sent, string(mqttwire.AppendText(nil, p, mqttwire.V5)))
			}
		}
		c, p := b.greet(o, ok)
		b.publish(c, "topic=a qos=1")
		p.read()
		p.Close()
		b.welcome(b.present()).read()
		synctest.Wait()
		if want := []string{"PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=a qos=1 dup=1 packet-id=1"}; !slices.Equal(sent, want) {
			b.Errorf("traced %q", sent)
		}
	})
}
