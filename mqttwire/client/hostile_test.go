package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// took runs f and wants it to end within the time.
func (b *bench) took(what string, atMost time.Duration, f func()) {
	b.Helper()
	start := time.Now()
	f()
	if d := time.Since(start); d > atMost {
		b.Errorf("%s took %v, more than %v", what, d, atMost)
	}
}

func TestNoConnack(t *testing.T) {
	for name, server := range map[string]func(p *peer){
		"silent":    func(p *peer) {},
		"dripping":  func(p *peer) { go p.drip([]byte{0x20, 0x80, 0x80, 0x01}, 6*time.Second) },
		"closing":   func(p *peer) { p.Close() },
		"flooding":  func(p *peer) { go p.flood() },
		"declaring": func(p *peer) { p.bytes([]byte{0x20, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0}) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.took("Connect", 31*time.Second, func() {
					k := b.connect(b.options())
					p := b.accept()
					p.read()
					server(p)
					k.fails()
				})
			})
		})
	}
	t.Run("refusing to read", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			o := b.options()
			o.Connect.Properties = o.Connect.Properties.AddUser("a", string(bytes.Repeat([]byte("x"), 60000))).AddUser("b", string(bytes.Repeat([]byte("x"), 60000)))
			b.took("Connect", 31*time.Second, func() {
				k := b.connect(o)
				b.accept()
				wantError[*TimeoutError](b, k.fails())
			})
		})
	})
	t.Run("nobody there", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			b.took("Connect", 31*time.Second, func() {
				wantError[*DialError](b, b.connect(b.options()).fails(), "connect to")
			})
		})
	})
}

// drip sends a byte at a time, for ever the last one.
func (p *peer) drip(out []byte, every time.Duration) {
	for i := 0; ; i++ {
		if _, err := p.Write(out[min(i, len(out)-1):][:1]); err != nil {
			return
		}
		time.Sleep(every)
	}
}

// flood sends messages until the client is gone; the little pause lets fake
// time pass.
func (p *peer) flood() {
	one, _ := (&mqttwire.Publish{Topic: "flood", Payload: make([]byte, 1000)}).Append(nil, p.b.version)
	batch := bytes.Repeat(one, 64)
	for {
		if _, err := p.Write(batch); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestNoAnswer(t *testing.T) {
	for name, server := range map[string]func(p *peer){
		"silent":   func(p *peer) {},
		"flooding": func(p *peer) { go p.flood() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				c, p := b.greet(b.options(), ok)
				server(p)
				b.took("Subscribe", 31*time.Second, func() {
					_, err := c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: "a"}}, nil)
					wantError[*TimeoutError](b, err, "no SUBACK within 30s")
				})
				b.took("Unsubscribe", 31*time.Second, func() {
					_, err := c.Unsubscribe(b.Context(), []string{"a"}, nil)
					wantError[*TimeoutError](b, err, "no UNSUBACK within 30s")
				})
				b.took("Ping", 31*time.Second, func() {
					wantError[*TimeoutError](b, c.Ping(b.Context()), "no PINGRESP within 30s")
				})
				short, cancel := context.WithTimeout(b.Context(), time.Second)
				defer cancel()
				b.took("PublishWait", 2*time.Second, func() {
					if _, err := c.PublishWait(short, &mqttwire.Publish{Topic: "a", QoS: 1}); !errors.Is(err, context.DeadlineExceeded) {
						b.Errorf("PublishWait: %v", err)
					}
				})
				b.took("Disconnect", 2*time.Second, func() { c.Disconnect(b.Context(), nil) })
			})
		})
	}
}

// An answer that comes after the caller has gone is taken without a word.
func TestLateAnswer(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.options(), ok)
		_, err := c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: "a"}}, nil)
		wantError[*TimeoutError](b, err)
		p.expect("SUBSCRIBE packet-id=1 filter=a")
		p.send("SUBACK GrantedQoS0 packet-id=1")
		b.publish(c, "topic=a")
		p.expect("PUBLISH topic=a")
	})
}

func TestPingrespIsDue(t *testing.T) {
	for name, server := range map[string]func(p *peer){
		"silent":   func(p *peer) {},
		"dripping": func(p *peer) { go p.drip([]byte{0x30, 0x80, 0x80, 0x01, 0}, time.Second) },
		"trickling": func(p *peer) {
			go func() {
				for {
					if _, err := p.Write([]byte{0x30, 4, 0, 1, 'a', 0}); err != nil {
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}()
		},
		"flooding": func(p *peer) { go p.flood() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				o := b.options()
				o.Connect.KeepAlive = 10
				c, p := b.greet(o, ok)
				server(p)
				start := time.Now()
				<-c.Done()
				wantError[*TimeoutError](b, c.Err())
				if d := time.Since(start); d < 10*time.Second || d > 46*time.Second {
					b.Errorf("ended after %v", d)
				}
			})
		})
	}
}

// A server that sends more than a slow program can take, and no PINGRESP, is
// found by what it sent: the reader never waits for it.
func TestFloodInsteadOfPingresp(t *testing.T) {
	inBubble(t, func(b *bench) {
		o := b.options()
		o.Connect.KeepAlive = 10
		o.Hooks.OnMessage = func(*mqttwire.Publish) error { time.Sleep(time.Millisecond); return nil }
		c, p := b.greet(o, ok)
		go p.flood()
		b.took("ending", 2*time.Minute, func() { <-c.Done() })
		wantError[*TimeoutError](b, c.Err(), "PINGRESP")
	})
}

// Without a keep alive a half packet has its own limit, and a long one that
// makes progress has time.
func TestHalfPacket(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.options(), ok)
		go p.drip([]byte{0x30, 0x80, 0x80, 0x01, 0}, time.Second)
		b.took("ending", 32*time.Second, func() { <-c.Done() })
		wantError[*TimeoutError](b, c.Err(), "end of a packet")
	})
	inBubble(t, func(b *bench) {
		o := b.options()
		o.Connect.KeepAlive = 10
		size := 0
		o.Hooks.OnMessage = func(p *mqttwire.Publish) error { size = len(p.Payload); return nil }
		c, p := b.greet(o, ok)
		whole, _ := (&mqttwire.Publish{Topic: "a", Payload: make([]byte, 1<<20)}).Append(nil, b.version)
		for rest := whole; len(rest) > 0; rest = rest[min(8<<10, len(rest)):] {
			if _, err := p.Write(rest[:min(8<<10, len(rest))]); err != nil {
				b.Fatalf("with %d bytes to go: %v, %v", len(rest), err, c.Err())
			}
			time.Sleep(time.Second)
		}
		p.expect("PINGREQ")
		p.send("PINGRESP")
		synctest.Wait()
		if size != 1<<20 || c.Err() != nil {
			b.Errorf("a message over a slow line: %d bytes, %v", size, c.Err())
		}
	})
}

// A program that takes its time is not silence of the server.
func TestSlowProgramKeepsItsConnection(t *testing.T) {
	inBubble(t, func(b *bench) {
		o := b.options()
		o.Connect.KeepAlive = 10
		o.Hooks.OnMessage = func(p *mqttwire.Publish) error { time.Sleep(time.Minute); return nil }
		c, p := b.greet(o, ok)
		p.send("PUBLISH topic=a", "PUBLISH topic=a", "PUBLISH topic=a qos=1 packet-id=1")
		p.expect("PINGREQ")
		p.send("PINGRESP")
		p.expect("PUBACK packet-id=1")
		time.Sleep(time.Second)
		if c.Err() != nil {
			b.Errorf("ended: %v", c.Err())
		}
	})
}

func TestNothingReservedForWhatIsDeclared(t *testing.T) {
	inBubble(t, func(b *bench) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 16 {
			_, p := b.greet(b.options(), ok)
			p.bytes([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, 'a'})
		}
		synctest.Wait()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
			b.Errorf("16 declarations of 256 MiB take %d bytes", grown)
		}
	})
}

func TestManyUserProperties(t *testing.T) {
	inBubble(t, func(b *bench) {
		var count int
		o := b.options()
		o.Hooks.OnMessage = func(p *mqttwire.Publish) error {
			for range p.Properties.User() {
				count++
			}
			return nil
		}
		_, p := b.greet(o, ok)
		m := &mqttwire.Publish{Topic: "a"}
		for range 300_000 {
			m.Properties = m.Properties.AddUser("n", "v")
		}
		whole, err := m.Append(nil, b.version)
		if err != nil {
			b.Fatal(err)
		}
		p.bytes(whole)
		p.send("PUBLISH topic=a qos=1 packet-id=1")
		p.expect("PUBACK packet-id=1")
		if count != 300_000 {
			b.Errorf("%d user properties", count)
		}
	})
}

// A server that makes us answer and reads nothing is left.
func TestServerThatReadsNothing(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.options(), ok)
		go func() {
			one, _ := (&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: 1}).Append(nil, b.version)
			batch := bytes.Repeat(one, 1000)
			for {
				if _, err := p.Write(batch); err != nil {
					return
				}
			}
		}()
		b.took("ending", 40*time.Second, func() { <-c.Done() })
		wantError[*TimeoutError](b, c.Err(), "reading by the server")
	})
	inBubble(t, func(b *bench) {
		c, _ := b.greet(b.options(), ok)
		b.took("publishing", 40*time.Second, func() {
			for {
				err := c.Publish(b.Context(), &mqttwire.Publish{Topic: "a", Payload: make([]byte, 10000)}, nil)
				if err != nil {
					wantError[*TimeoutError](b, err, "reading by the server")
					break
				}
			}
		})
	})
}

// With a short keep alive it is left earlier, unless it reads slowly.
func TestServerThatStopsReading(t *testing.T) {
	big := &mqttwire.Publish{Topic: "a", Payload: make([]byte, 1<<20)}
	inBubble(t, func(b *bench) {
		c, _ := b.greet(b.options(), ok+" server-keep-alive=5")
		if err := c.Publish(b.Context(), big, nil); err != nil {
			b.Fatal(err)
		}
		b.took("giving up", 7*time.Second, func() { <-c.Done() })
		e := wantError[*TimeoutError](b, c.Err(), "reading by the server of what was sent within 5s")
		if e.Waiting != WaitingForReader {
			b.Errorf("it waited for %s", e.Waiting)
		}
	})
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.options(), ok+" server-keep-alive=5")
		if err := c.Publish(b.Context(), big, nil); err != nil {
			b.Fatal(err)
		}
		for range 10 {
			time.Sleep(4 * time.Second)
			if _, err := io.ReadFull(p.Conn, make([]byte, 48<<10)); err != nil {
				b.Fatalf("one that reads 12 KiB a second is left: %v", err)
			}
		}
	})
}

// What was sent at QoS 0 is known to have arrived where a PINGRESP came behind.
func TestUnconfirmed(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		for i := range 5 {
			if i == 3 {
				ping := b.background(func() error { return c.Ping(b.Context()) })
				p.expect("PINGREQ")
				p.send("PINGRESP")
				if err := ping(); err != nil {
					b.Fatal(err)
				}
			}
			if err := c.Publish(b.Context(), &mqttwire.Publish{Topic: "a"}, nil); err != nil {
				b.Fatal(err)
			}
			p.read()
		}
		if n := c.Unconfirmed(); n != 0 {
			b.Errorf("%d, and the connection stands", n)
		}
		p.Close()
		b.welcome(b.present())
		if n := c.Unconfirmed(); n != 2 {
			b.Errorf("%d of 5 unconfirmed, 3 of which were", n)
		}
	})
}

// Every answer of a server, cut short at every byte, ends the client with an
// error that says so, and with nothing delivered that was not whole.
func TestCutShort(t *testing.T) {
	conversation := []string{ok + " maximum-qos=1", "SUBACK GrantedQoS1 packet-id=1", "PUBLISH topic=a qos=1 packet-id=9 payload=whole", "PUBACK packet-id=2", "PINGRESP"}
	var whole []byte
	for _, line := range conversation {
		packet, err := mqttwire.ParseText(line, mqttwire.V5)
		if err != nil {
			t.Fatal(err)
		}
		whole, _ = packet.Append(whole, mqttwire.V5)
	}
	for cut := range len(whole) {
		inBubble(t, func(b *bench) {
			o := b.options()
			o.Hooks.OnMessage = func(p *mqttwire.Publish) error {
				if string(p.Payload) != "whole" {
					b.Errorf("delivered %q", p.Payload)
				}
				return nil
			}
			k := b.connect(o)
			p := b.accept()
			go io.Copy(io.Discard, p)
			p.bytes(whole[:cut])
			if <-k.done; k.err == nil {
				_, err := k.c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: "a", QoS: 1}}, nil)
				if err == nil {
					_, err = k.c.PublishWait(withTimeout(b), &mqttwire.Publish{Topic: "a", QoS: 1})
				}
				if err == nil {
					err = k.c.Ping(b.Context())
				}
				if k.err = err; err == nil {
					b.Errorf("cut at byte %d of %d: everything was fine", cut, len(whole))
				}
			}
			p.Close()
		})
	}
}

func withTimeout(b *bench) context.Context {
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	b.Cleanup(cancel)
	return ctx
}

// Packets that only clients send, and others that have no place here.
func TestWrongPackets(t *testing.T) {
	for _, raw := range [][]byte{
		{0x10, 0x0D, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 0, 0, 0, 0},
		{0x82, 7, 0, 1, 0, 0, 1, 'a', 0},
		{0xA2, 6, 0, 1, 0, 0, 1, 'a'},
		{0xC0, 0},
		{0x20, 3, 0, 0, 0},
		{0x40, 2, 0, 7},
		{0x50, 2, 0, 7},
		{0x70, 2, 0, 7},
		{0x90, 4, 0, 7, 0, 0},
		{0xB0, 4, 0, 7, 0, 0},
	} {
		inBubble(t, func(b *bench) {
			c, p := b.greet(b.options(), ok)
			p.bytes(raw)
			p.expect("DISCONNECT ProtocolError")
			p.eof()
			<-c.Done()
			wantError[*ViolationError](b, c.Err())
		})
	}
}

// Acknowledgements of the wrong kind, or too early.
func TestWrongAcknowledgements(t *testing.T) {
	for _, answer := range []string{"PUBREC packet-id=1", "PUBCOMP packet-id=1", "PUBACK packet-id=2", "PUBCOMP packet-id=2",
		"PUBREC packet-id=3", "SUBACK GrantedQoS0 packet-id=1", "UNSUBACK Success packet-id=2", "PUBACK packet-id=4"} {
		inBubble(t, func(b *bench) {
			c, p := b.greet(b.options(), ok)
			wait := b.publish(c, "topic=a qos=1")
			b.publish(c, "topic=a qos=2")
			p.read()
			p.read()
			p.send(answer)
			p.expect("DISCONNECT ProtocolError")
			p.eof()
			_, err := wait()
			wantError[*ViolationError](b, err, "packet id")
		})
	}
	// What was sent on another connection is not answered before it is sent on
	// this one.
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		b.publish(c, "topic=a qos=1")
		b.publish(c, "topic=a qos=1")
		p.read()
		p.read()
		p.Close()
		p = b.welcome(b.present() + " receive-maximum=1")
		p.expect("PUBLISH topic=a qos=1 dup=1 packet-id=1")
		p.send("PUBACK packet-id=2")
		p.expect("DISCONNECT ProtocolError")
		p.eof()
	})
}

func TestServerDisconnects(t *testing.T) {
	for _, reason := range []mqttwire.ReasonCode{mqttwire.SessionTakenOver, mqttwire.NotAuthorized, mqttwire.AdministrativeAction,
		mqttwire.ServerMoved, mqttwire.MalformedPacket, mqttwire.PacketTooLarge} {
		inBubble(t, func(b *bench) {
			c, p := b.greet(b.durable(), ok) // which would reconnect without end
			wait := b.publish(c, "topic=a qos=1")
			p.read()
			p.send("DISCONNECT " + reason.String())
			<-c.Done()
			if e := wantError[*DisconnectedError](b, c.Err()); e.Reason != reason {
				b.Errorf("the reason is %v", e.Reason)
			}
			if _, err := wait(); err == nil {
				b.Errorf("%v: the message counts as sent", reason)
			}
			if c.Unsent() != 1 {
				b.Errorf("unsent: %d", c.Unsent())
			}
		})
	}
	for _, reason := range []mqttwire.ReasonCode{mqttwire.ServerShuttingDown, mqttwire.ServerBusy, mqttwire.KeepAliveTimeout} {
		inBubble(t, func(b *bench) {
			_, p := b.greet(b.durable(), ok)
			p.send("DISCONNECT " + reason.String())
			p.eof()
			b.welcome(b.present()).quiet(time.Minute)
		})
	}
	// One that comes while we leave is not success.
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.options(), ok)
		wait := b.background(func() error { return c.Disconnect(b.Context(), nil) })
		p.expect("DISCONNECT NormalDisconnection")
		p.send("DISCONNECT NotAuthorized")
		p.Close()
		wantError[*DisconnectedError](b, wait(), "not authorized")
	})
}

// TestOwnClosingIsNoCause: a server that closes while a long message is being
// written makes the reader close, and the writer fails on that.
func TestOwnClosingIsNoCause(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.options(), "CONNACK Success")
		wait := b.background(func() error {
			_, err := c.PublishWait(b.Context(), &mqttwire.Publish{Topic: "a", Payload: make([]byte, 4<<20)})
			return err
		})
		synctest.Wait()
		p.Conn.(*transport.MemConn).CloseWrite()
		err := wait()
		wantError[*LostError](b, err, "the server closed it")
		if errors.Is(err, net.ErrClosed) {
			t.Errorf("%v is what we did ourselves", err)
		}
	})
}

// resetting is a connection that a server closes with bytes unread.
type resetting struct{ *transport.MemConn }

func (r resetting) Read(b []byte) (int, error) {
	n, err := r.MemConn.Read(b)
	if err == io.EOF {
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return n, err
}

// TestResetAfterDisconnect: an orderly end is an end of the stream.
func TestResetAfterDisconnect(t *testing.T) {
	inBubble(t, func(b *bench) {
		o := b.options()
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			nc, err := b.l.Dial(ctx)
			if err != nil {
				return nil, err
			}
			return resetting{nc.(*transport.MemConn)}, nil
		}
		c, p := b.greet(o, "CONNACK Success")
		end := b.background(func() error { return c.Disconnect(b.Context(), nil) })
		p.expect("DISCONNECT NormalDisconnection")
		p.Close()
		wantError[*LostError](b, end(), "did not read all that was sent")
	})
}
