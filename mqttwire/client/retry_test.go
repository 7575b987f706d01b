package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

func TestFirstAttemptIsTheLast(t *testing.T) {
	inBubble(t, func(b *bench) {
		o := b.durable()
		k := b.connect(o)
		b.accept().Close()
		e := wantError[*LostError](b, k.fails(), "before CONNACK")
		if !e.Handshake {
			b.Error("the handshake was not over")
		}
	})
}

// TestNoRetryAfterEnough: who has seen enough gets no other connection.
func TestNoRetryAfterEnough(t *testing.T) {
	inBubble(t, func(b *bench) {
		enough, dials := errors.New("enough"), 0
		o := b.durable()
		dial := o.Dial
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			dials++
			return dial(ctx)
		}
		o.Retry.First, o.Retry.Again = 2, 2
		o.Hooks.OnRetry = func(error, time.Duration) error { return enough }
		c, p := b.greet(o, "CONNACK Success")
		p.Close()
		<-c.Done()
		if !errors.Is(c.Err(), enough) || dials != 1 {
			b.Errorf("%d connections, then: %v", dials, c.Err())
		}
		k := b.connect(o)
		b.accept().Close()
		if err := k.fails(); !errors.Is(err, enough) || dials != 2 {
			b.Errorf("%d connections, then: %v", dials, err)
		}
	})
}

func TestFirstAttemptsAreBounded(t *testing.T) {
	inBubble(t, func(b *bench) {
		tries := 0
		var last time.Time
		o := b.options()
		o.Dial = func(context.Context) (net.Conn, error) {
			tries, last = tries+1, time.Now()
			return nil, errors.New("no route")
		}
		o.Retry.First = 3
		e := wantError[*GaveUpError](b, b.connect(o).fails(), "gave up after 4 attempts", "no route")
		if e.Attempts != 4 || tries != 4 {
			b.Errorf("%d attempts, told %d", tries, e.Attempts)
		}
		tries = 0
		o.Retry = Retry{First: Unlimited, FirstFor: 20 * time.Second}
		end := time.Now().Add(20 * time.Second)
		b.took("trying for 20 s", 20*time.Second, func() { wantError[*GaveUpError](b, b.connect(o).fails()) })
		if tries < 4 || tries > 6 {
			b.Errorf("%d attempts in 20 s", tries)
		}
		if !last.Equal(end) {
			b.Errorf("the last attempt was %v before the end", end.Sub(last))
		}
		tries = 0
		o.Retry.MaxFirstWait = time.Second
		b.took("trying each second for 20 s", 20*time.Second, func() { wantError[*GaveUpError](b, b.connect(o).fails()) })
		if tries < 20 || tries > 28 {
			b.Errorf("%d attempts in 20 s, a second and at times less between them", tries)
		}
		o.Retry.MaxFirstWait = 0
		// What is wrong may be on this side: trying again cannot help.
		o.Dial, o.URL = nil, "wss://u:secret@h"
		o.DialOptions.TLS.CAFile = "/no/such/file"
		e2 := wantError[*transport.Error](b, b.connect(o).fails(), "CA file: open /no/such/file")
		if e2.Kind != transport.Usage {
			b.Errorf("kind %v", e2.Kind)
		}
		for _, lasting := range []error{
			&transport.Error{Kind: transport.TLS, Err: &transport.TLSError{Alert: "bad certificate"}},
			&transport.Error{Kind: transport.Proxy, Err: &transport.ProxyError{Denied: true, Err: errors.New("no")}},
		} {
			tries = 0
			o.Dial = func(context.Context) (net.Conn, error) { tries++; return nil, lasting }
			if b.connect(o).fails(); tries != 1 {
				b.Errorf("%v: %d attempts", lasting, tries)
			}
		}
	})
}

func TestRefusalsAreFinalOrNot(t *testing.T) {
	for _, reason := range []mqttwire.ReasonCode{mqttwire.BadUserNameOrPassword, mqttwire.NotAuthorized, mqttwire.Banned,
		mqttwire.UnsupportedProtocolVersion, mqttwire.ClientIdentifierNotValid, mqttwire.BadAuthenticationMethod} {
		inBubble(t, func(b *bench) {
			o := b.options()
			o.Retry.First = Unlimited
			k := b.connect(o)
			b.welcome("CONNACK " + reason.String())
			if e := wantError[*RefusedError](b, k.fails()); e.Reason != reason || e.Retryable() {
				b.Errorf("%v: %+v", reason, e)
			}
		})
	}
	for _, reason := range []mqttwire.ReasonCode{mqttwire.ServerBusy, mqttwire.ServerUnavailable, mqttwire.ConnectionRateExceeded} {
		inBubble(t, func(b *bench) {
			o := b.options()
			o.Retry.First = Unlimited
			k := b.connect(o)
			b.welcome("CONNACK " + reason.String())
			b.welcome(ok)
			k.client()
		})
	}
	// The same after a connection was lost.
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		p.Close()
		b.welcome("CONNACK ServerBusy")
		b.welcome("CONNACK NotAuthorized")
		<-c.Done()
		wantError[*RefusedError](b, c.Err(), "not authorized")
	})
}

func TestReconnectsAreBounded(t *testing.T) {
	inBubble(t, func(b *bench) {
		o := b.durable()
		o.Retry.Again = 0
		c, p := b.greet(o, ok)
		p.Close()
		<-c.Done()
		wantError[*LostError](b, c.Err(), "the connection was lost: the server closed it")
	})
	inBubble(t, func(b *bench) {
		o := b.durable()
		o.Retry.Again = 3
		c, p := b.greet(o, ok)
		wait := b.publish(c, "topic=a qos=1")
		p.read()
		p.Close()
		for range 2 {
			b.accept().Close()
		}
		b.welcome(b.present()).Close() // a CONNACK alone does not start the count anew
		<-c.Done()
		e := wantError[*GaveUpError](b, c.Err(), "gave up after 3 attempts")
		if e.Unsent != 1 {
			b.Errorf("unsent: %d", e.Unsent)
		}
		if _, err := wait(); err == nil {
			b.Error("the message counts as sent")
		}
	})
	inBubble(t, func(b *bench) {
		o := b.durable()
		o.Retry.Again = 1
		c, p := b.greet(o, ok)
		for range 5 { // each stands for a while
			time.Sleep(time.Minute)
			p.Close()
			p = b.welcome(b.present())
		}
		if c.Err() != nil {
			b.Errorf("ended: %v", c.Err())
		}
	})
}

// A connection that moved a message ends the row of attempts.
func TestUsefulConnections(t *testing.T) {
	inBubble(t, func(b *bench) {
		o := b.durable()
		o.Retry.Again = 1
		c, p := b.greet(o, ok)
		for range 5 {
			wait := b.publish(c, "topic=a qos=1")
			id := p.read().(*mqttwire.Publish).PacketID
			p.send(fmt.Sprintf("PUBACK packet-id=%d", id))
			wait()
			p.Close()
			b.took("the first wait", time.Second, func() { p = b.welcome(b.present()) })
		}
		for range 5 {
			p.send("PUBLISH topic=a qos=1 packet-id=1")
			p.expect("PUBACK packet-id=1")
			p.Close()
			p = b.welcome(b.present())
		}
		if c.Err() != nil {
			b.Errorf("ended: %v", c.Err())
		}
	})
}

// Before 5.0 a server cannot say how much it bears.
func TestWindowBefore5(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.version = mqttwire.V311
		c, p := b.greet(b.durable(), ok)
		for range 21 {
			b.publish(c, "topic=a qos=2")
		}
		for range 20 {
			p.read()
		}
		p.quiet(time.Minute)
		p.send("PUBREC packet-id=1")
		p.expect("PUBREL packet-id=1")
		p.send("PUBCOMP packet-id=1")
		p.expect("PUBLISH topic=a qos=2 packet-id=21")
	})
	inBubble(t, func(b *bench) {
		b.version = mqttwire.V311
		o := b.durable()
		o.MaxInflight = 30
		c, p := b.greet(o, ok)
		for range 30 {
			b.publish(c, "topic=a qos=2")
			p.read()
		}
	})
}

func TestFallback(t *testing.T) {
	for name, answer := range map[string][]byte{
		"as 5.0 says it":   {0x20, 3, 0, 0x84, 0},
		"as 3.1.1 says it": {0x20, 2, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				var told []mqttwire.Version
				o := b.durable()
				o.Connect.Version = 0
				o.Hooks.OnFallback = func(v mqttwire.Version) error { told = append(told, v); return nil }
				k := b.connect(o)
				p := b.accept()
				p.read()
				p.bytes(answer)
				p.eof()
				p = b.accept()
				p.expect("CONNECT version=4 client-id=a")
				p.send(ok)
				c := k.client()
				if c.Grants().Version != mqttwire.V311 || len(told) != 1 || told[0] != mqttwire.V311 {
					b.Errorf("version %v, told %v", c.Grants().Version, told)
				}
				p.Close()
				b.accept().expect("CONNECT version=4 client-id=a") // and stays there
			})
		})
	}
	inBubble(t, func(b *bench) {
		o := b.options()
		o.Connect.Version = 0
		refused := errors.New("a flag needs 5.0")
		o.Hooks.OnFallback = func(mqttwire.Version) error { return refused }
		k := b.connect(o)
		b.welcome("CONNACK UnsupportedProtocolVersion")
		if err := k.fails(); !errors.Is(err, refused) {
			b.Errorf("Connect: %v", err)
		}
		// Not where the version was asked for, nor on a mere close.
		k = b.connect(b.options())
		b.welcome("CONNACK UnsupportedProtocolVersion")
		wantError[*RefusedError](b, k.fails(), "unsupported protocol version")
		k = b.connect(o)
		b.accept().Close()
		wantError[*LostError](b, k.fails())
	})
}

// Filters are subscribed anew in a lost session, and a refusal is no success.
func TestResubscribe(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		b.subscribe(c, p, "SUBSCRIBE packet-id=1 filter=a qos=1 filter=b qos=2")
		b.subscribe(c, p, "SUBSCRIBE packet-id=2 subscription-identifier=7 filter=c")
		b.subscribe(c, p, "SUBSCRIBE packet-id=3 filter=a qos=2 no-local=1") // replaces the first
		go c.Unsubscribe(b.Context(), []string{"b"}, nil)
		p.expect("UNSUBSCRIBE packet-id=4 filter=b")
		p.send("UNSUBACK Success packet-id=4")
		go c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: "no"}}, nil)
		p.expect("SUBSCRIBE packet-id=5 filter=no")
		p.send("SUBACK NotAuthorized packet-id=5")
		synctest.Wait()
		p.Close()
		p = b.welcome(ok)
		p.expect("SUBSCRIBE packet-id=6 filter=a qos=2 no-local=1", "SUBSCRIBE packet-id=7 subscription-identifier=7 filter=c")
		p.send("SUBACK GrantedQoS2 packet-id=6")
		p.Close()
		// Lost between the two: with the session there, the second is asked again.
		p = b.welcome(b.present())
		p.expect("SUBSCRIBE packet-id=7 subscription-identifier=7 filter=c")
		p.Close()
		p = b.welcome(ok)
		p.expect("SUBSCRIBE packet-id=8 filter=a qos=2 no-local=1", "SUBSCRIBE packet-id=9 subscription-identifier=7 filter=c")
		p.send("SUBACK NotAuthorized packet-id=8", "SUBACK GrantedQoS0 packet-id=9")
		<-c.Done()
		wantError[*SubscribeError](b, c.Err(), "subscribe a again: not authorized (0x87)")
	})
	// A server that does not answer is left, and tried again.
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		b.subscribe(c, p, "SUBSCRIBE packet-id=1 filter=a")
		p.Close()
		p = b.welcome(ok)
		p.expect("SUBSCRIBE packet-id=2 filter=a")
		b.took("leaving", 31*time.Second, p.eof)
		b.welcome(ok).expect("SUBSCRIBE packet-id=3 filter=a")
	})
}

// A request that was under way when the connection broke is made again.
func TestRequestsSurviveReconnect(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		wait := b.background(func() error {
			_, err := c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: "a"}}, nil)
			return err
		})
		p.expect("SUBSCRIBE packet-id=1 filter=a")
		p.Close()
		p = b.welcome(b.present())
		p.expect("SUBSCRIBE packet-id=1 filter=a")
		p.send("SUBACK GrantedQoS0 packet-id=1")
		if err := wait(); err != nil {
			b.Error(err)
		}
	})
}

// What the new connection's grants forbid is not resent, and told.
func TestGrantsMayShrink(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		one, two := b.publish(c, "topic=a qos=1"), b.publish(c, "topic=a qos=2")
		p.read()
		p.read()
		p.Close()
		p = b.welcome(b.present() + " maximum-qos=1")
		p.expect("PUBLISH topic=a qos=1 dup=1 packet-id=1")
		_, err := two()
		wantError[*LimitError](b, err, "publish a:", "Maximum QoS 1")
		p.send("PUBACK packet-id=1")
		if _, err := one(); err != nil {
			b.Error(err)
		}
	})
}

// Version 3.1 does not say whether it has the session.
func TestVersion31(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.version = mqttwire.V31
		c, p := b.greet(b.durable(), ok)
		b.subscribe(c, p, "SUBSCRIBE packet-id=1 filter=a")
		b.publish(c, "topic=b qos=2")
		p.expect("PUBLISH topic=b qos=2 packet-id=2")
		p.Close()
		b.welcome(ok).expect("SUBSCRIBE packet-id=3 filter=a", "PUBLISH topic=b qos=2 dup=1 packet-id=2")
	})
}

func TestOfflinePublishWaits(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		p.Close()
		synctest.Wait()
		short, cancel := context.WithTimeout(b.Context(), time.Millisecond)
		defer cancel()
		if err := c.Publish(short, &mqttwire.Publish{Topic: "a"}, nil); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("Publish offline: %v", err)
		}
		b.publish(c, "topic=a")
		p = b.welcome(b.present())
		p.expect("PUBLISH topic=a")
		p.Close()
		wait := b.publish(c, "topic=b qos=1")
		b.took("closing", 0, func() { c.Close() })
		if _, err := wait(); !errors.Is(err, ErrClosed) {
			b.Errorf("Publish of a closed client: %v", err)
		}
	})
}

func TestEndSession(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		said := mqttwire.Properties(nil).AddNumber(mqttwire.SessionExpiryInterval, 9).AddText(mqttwire.ReasonString, "done")
		wait := b.background(func() error { return c.EndSession(b.Context(), said) })
		p.expect("DISCONNECT NormalDisconnection reason-string=done session-expiry-interval=0")
		p.eof()
		if err := wait(); err != nil {
			b.Error(err)
		}
		b.version = mqttwire.V311
		c, p = b.greet(b.durable(), ok)
		wait = b.background(func() error { return c.EndSession(b.Context(), said) })
		p.expect("DISCONNECT")
		p.eof()
		p = b.accept()
		p.expect("CONNECT version=4 clean-start=1 client-id=a")
		p.send(ok)
		p.expect("DISCONNECT")
		p.eof()
		if err := wait(); err != nil {
			b.Error(err)
		}
	})
}

func TestWaitWhileOffline(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), ok)
		wait := b.publish(c, "topic=a qos=1")
		p.read()
		p.send("PUBACK packet-id=1")
		wait()
		p.Close()
		synctest.Wait()
		b.took("Wait with nothing open", 0, func() {
			if err := c.Wait(b.Context()); err != nil {
				b.Error(err)
			}
		})
		p = b.welcome(b.present())
		wait = b.publish(c, "topic=a qos=1")
		p.read()
		p.Close()
		waited := b.background(func() error { return c.Wait(b.Context()) })
		p = b.welcome(b.present())
		p.read()
		p.send("PUBACK packet-id=1", "PUBACK packet-id=2")
		if err := waited(); err != nil {
			b.Error(err)
		}
		wait()
	})
	// Output that went down with its connection is not handed over.
	inBubble(t, func(b *bench) {
		o := b.durable()
		o.Retry.Again = 0
		c, p := b.greet(o, ok)
		go c.Publish(b.Context(), &mqttwire.Publish{Topic: "a", Payload: make([]byte, 200_000)}, nil)
		synctest.Wait()
		p.Close()
		if err := c.Wait(b.Context()); err == nil {
			b.Error("Wait is content with a message that nobody read")
		}
	})
}

// Over a real socket: the half-close, and the URL's user name and password.
func TestOverTCP(t *testing.T) {
	l, err := transport.Listen("mqtt://127.0.0.1:0", transport.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	said := make(chan string, 9)
	go func() {
		defer close(said)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		r := mqttwire.NewReader(nc)
		for {
			p, err := r.ReadPacket()
			if err != nil {
				said <- err.Error()
				return
			}
			said <- string(mqttwire.AppendText(nil, p, r.Version))
			if p.Type() == mqttwire.CONNECT {
				out, _ := (&mqttwire.Connack{}).Append(nil, r.Version)
				nc.Write(out)
			}
		}
	}()
	url := strings.Replace(transport.URL(l), "mqtt://", "mqtt://u%20ser:p%40ss@", 1)
	c, err := Connect(t.Context(), Options{URL: url, Connect: mqttwire.Connect{Version: mqttwire.V5, ClientID: "a", CleanStart: true}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PublishWait(t.Context(), &mqttwire.Publish{Topic: "a"}); err != nil {
		t.Error(err)
	}
	if err := c.Disconnect(t.Context(), nil); err != nil {
		t.Error(err)
	}
	var got []string
	for line := range said {
		got = append(got, line)
	}
	want := []string{`CONNECT version=5 clean-start=1 client-id=a username="u ser" password=p@ss`, "PUBLISH topic=a", "DISCONNECT NormalDisconnection", "EOF"}
	if !slices.Equal(got, want) {
		t.Errorf("the server saw %q", got)
	}
}
