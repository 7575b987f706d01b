package client

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

func receiving5() statements {
	return statements{
		"MQTT-2.2.1-5":  answersByQoS,
		"MQTT-3.3.2-10": resolvesAliases,
		"MQTT-3.3.2-7":  aliasesEnd,
		"MQTT-3.3.4-1":  answersByQoS,
		"MQTT-4.3.2-4":  answersByQoS,
		"MQTT-4.3.2-5":  qos1IsNewAfterPuback,
		"MQTT-4.3.3-8":  answersByQoS,
		"MQTT-4.3.3-10": qos2Once,
		"MQTT-4.3.3-11": answersByQoS,
		"MQTT-4.3.3-12": qos2Once,
		"MQTT-4.3.3-13": expiredQoS2,
		"MQTT-4.5.0-2":  answersUnwanted,
		"MQTT-4.6.0-2":  answersInOrder,
		"MQTT-4.6.0-3":  answersInOrder,
		"MQTT-3.8.4-6":  subackCount,
	}
}

func answersByQoS(b *bench) {
	got := b.collect(func(o Options) { _, b.p = b.greet(o, ok) })
	p := b.p
	p.send("PUBLISH topic=a payload=0", "PUBLISH topic=a qos=1 packet-id=65535 payload=1", "PUBLISH topic=a qos=2 packet-id=300 payload=2")
	p.expect("PUBACK packet-id=65535", "PUBREC packet-id=300")
	p.send("PUBREL packet-id=300")
	p.expect("PUBCOMP packet-id=300")
	p.send("PUBREL packet-id=300")
	if b.version == mqttwire.V5 {
		p.expect("PUBCOMP PacketIdentifierNotFound packet-id=300")
	} else {
		p.expect("PUBCOMP packet-id=300")
	}
	if !slices.Equal(*got, []string{"a 0", "a 1", "a 2"}) {
		b.Errorf("got %q", *got)
	}
}

func resolvesAliases(b *bench) {
	o := b.options()
	o.Connect.Properties = o.Connect.Properties.AddNumber(mqttwire.TopicAliasMaximum, 3)
	var got []string
	o.Hooks.OnMessage = noteIn(&got)
	_, p := b.greet(o, ok)
	p.send("PUBLISH topic=a topic-alias=1 payload=1", "PUBLISH topic=b topic-alias=3 payload=2",
		`PUBLISH topic="" topic-alias=1 payload=3`, `PUBLISH topic="" topic-alias=3 payload=4`,
		"PUBLISH topic=c topic-alias=1 payload=5", `PUBLISH topic="" topic-alias=1 qos=1 packet-id=1 payload=6`)
	p.expect("PUBACK packet-id=1")
	if !slices.Equal(got, []string{"a 1", "b 2", "a 3", "b 4", "c 5", "c 6"}) {
		b.Errorf("got %q", got)
	}
}

func aliasesEnd(b *bench) {
	o := b.durable()
	o.TopicAliases = 5
	o.Connect.Properties = o.Connect.Properties.AddNumber(mqttwire.TopicAliasMaximum, 3)
	c, p := b.greet(o, ok+" topic-alias-maximum=5")
	b.publish(c, "topic=a qos=1")
	b.publish(c, "topic=a qos=1")
	p.expect("PUBLISH topic=a qos=1 packet-id=1 topic-alias=1", "PUBLISH qos=1 packet-id=2 topic-alias=1")
	p.send("PUBLISH topic=x topic-alias=1")
	synctest.Wait()
	p.Close()
	p = b.welcome(b.present() + " topic-alias-maximum=5")
	p.expect("PUBLISH topic=a qos=1 dup=1 packet-id=1", "PUBLISH topic=a qos=1 dup=1 packet-id=2")
	b.publish(c, "topic=a qos=1")
	p.expect("PUBLISH topic=a qos=1 packet-id=3 topic-alias=1")
	p.bytes([]byte{0x30, 6, 0, 0, 3, 0x23, 0, 1}) // the server's own has ended too
	p.expect("DISCONNECT ProtocolError")
	p.eof()
}

func qos1IsNewAfterPuback(b *bench) {
	got := b.collect(func(o Options) { _, b.p = b.greet(o, ok) })
	b.p.send("PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=a qos=1 dup=1 packet-id=1")
	b.p.expect("PUBACK packet-id=1", "PUBACK packet-id=1")
	if len(*got) != 2 {
		b.Errorf("got %q", *got)
	}
}

func qos2Once(b *bench) {
	o := b.durable()
	var got []string
	o.Hooks.OnMessage = noteIn(&got)
	_, p := b.greet(o, ok)
	p.send("PUBLISH topic=a qos=2 packet-id=1 payload=1", "PUBLISH topic=a qos=2 dup=1 packet-id=1 payload=1", "PUBLISH topic=a qos=2 packet-id=1 payload=1")
	p.expect("PUBREC packet-id=1", "PUBREC packet-id=1", "PUBREC packet-id=1")
	// Over a reconnect as well.
	p.Close()
	p = b.welcome(b.present())
	p.send("PUBLISH topic=a qos=2 dup=1 packet-id=1 payload=1")
	p.expect("PUBREC packet-id=1")
	p.Close()
	p = b.welcome(b.present())
	p.send("PUBREL packet-id=1")
	p.expect("PUBCOMP packet-id=1")
	if !slices.Equal(got, []string{"a 1"}) {
		b.Errorf("got %q", got)
	}
	// Then the id is a new message, whatever DUP says.
	p.send("PUBLISH topic=a qos=2 dup=1 packet-id=1 payload=2")
	p.expect("PUBREC packet-id=1")
	if !slices.Equal(got, []string{"a 1", "a 2"}) {
		b.Errorf("got %q", got)
	}
	// And when the session is lost so are its ids.
	p.Close()
	p = b.welcome(ok)
	p.send("PUBLISH topic=a qos=2 packet-id=1 payload=3")
	p.expect("PUBREC packet-id=1")
	if !slices.Equal(got, []string{"a 1", "a 2", "a 3"}) {
		b.Errorf("got %q", got)
	}
}

func expiredQoS2(b *bench) {
	got := b.collect(func(o Options) { _, b.p = b.greet(o, ok) })
	b.p.send("PUBLISH topic=a qos=2 packet-id=1 message-expiry-interval=1")
	b.p.expect("PUBREC packet-id=1")
	time.Sleep(time.Minute)
	b.p.send("PUBREL packet-id=1")
	b.p.expect("PUBCOMP packet-id=1")
	if len(*got) != 1 {
		b.Errorf("got %q", *got)
	}
}

func answersUnwanted(b *bench) {
	// Nobody subscribed, and nobody listens.
	_, p := b.greet(b.options(), ok)
	p.send("PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=b qos=2 packet-id=1")
	p.expect("PUBACK packet-id=1", "PUBREC packet-id=1")
	p.send("PUBREL packet-id=1")
	p.expect("PUBCOMP packet-id=1")
}

func answersInOrder(b *bench) {
	_, p := b.greet(b.options(), ok)
	var send, want []string
	for _, id := range []string{"9", "3", "7", "1", "5", "2"} {
		send = append(send, "PUBLISH topic=a qos=1 packet-id="+id, "PUBLISH topic=a qos=2 packet-id=1"+id)
		want = append(want, "PUBACK packet-id="+id, "PUBREC packet-id=1"+id)
	}
	p.send(send...)
	p.expect(want...)
}

func subackCount(b *bench) {
	two := []mqttwire.Subscription{{Filter: "a"}, {Filter: "b"}}
	for _, answer := range []string{"SUBACK GrantedQoS0 packet-id=1", "SUBACK GrantedQoS0 GrantedQoS0 GrantedQoS0 packet-id=1",
		"SUBACK GrantedQoS0 GrantedQoS0 packet-id=2", "UNSUBACK Success Success packet-id=1", "PUBACK packet-id=1"} {
		c, p := b.greet(b.options(), ok)
		wait := b.background(func() error { _, err := c.Subscribe(b.Context(), two, nil); return err })
		p.read()
		p.send(answer)
		if b.version == mqttwire.V5 {
			p.expect("DISCONNECT ProtocolError")
		}
		p.eof()
		wantError[*ViolationError](b, wait())
	}
}

// What OnMessage returns decides on the acknowledgement.
func TestOnMessageDecides(t *testing.T) { inBubble(t, stops) }

func stops(b *bench) {
	broken := errors.New("the pipe is closed")
	var got []string
	var answer error
	o := b.options()
	o.Hooks.OnMessage = func(p *mqttwire.Publish) error {
		got = append(got, string(p.Payload))
		return answer
	}
	answer = ErrStop
	c, p := b.greet(o, ok)
	p.send("PUBLISH topic=a qos=1 packet-id=1 payload=1", "PUBLISH topic=a qos=1 packet-id=2 payload=2", "PUBLISH topic=a qos=2 packet-id=3 payload=3", "PUBLISH topic=a payload=4")
	p.expect("PUBACK packet-id=1")
	p.quiet(time.Minute)
	go c.Disconnect(b.Context(), nil)
	p.expect("DISCONNECT NormalDisconnection")
	p.eof()
	if !slices.Equal(got, []string{"1"}) {
		b.Errorf("got %q", got)
	}
	answer = ErrLeave
	c, p = b.greet(o, ok)
	p.send("PUBLISH topic=a qos=1 packet-id=1 payload=5", "PUBLISH topic=a qos=2 packet-id=2 payload=6")
	p.quiet(time.Minute)
	go c.Disconnect(b.Context(), nil)
	p.expect("DISCONNECT NormalDisconnection")
	p.eof()
	if !slices.Equal(got, []string{"1", "5"}) {
		b.Errorf("got %q", got)
	}
	answer = broken
	c, p = b.greet(o, ok)
	p.send("PUBLISH topic=a qos=1 packet-id=1 payload=5")
	p.expect("DISCONNECT NormalDisconnection")
	p.eof()
	<-c.Done()
	if !errors.Is(c.Err(), broken) {
		b.Errorf("Err: %v", c.Err())
	}
}

// No acknowledgement may leave before OnDrained has seen off what OnMessage took:
// a process that is killed would have lost it.
func TestAcknowledgementsFollowOnDrained(t *testing.T) {
	inBubble(t, func(b *bench) {
		var taken, drained atomic.Int32
		o := b.options()
		o.Hooks.OnMessage = func(*mqttwire.Publish) error {
			taken.Add(1)
			time.Sleep(3 * ackWithin / 2) // as behind a slow reader
			return nil
		}
		o.Hooks.OnDrained = func() error {
			drained.Store(taken.Load())
			return nil
		}
		c, p := b.greet(o, ok)
		p.send("PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=a qos=2 packet-id=2", "PUBLISH topic=a qos=1 packet-id=3")
		for i, ack := range []string{"PUBACK packet-id=1", "PUBREC packet-id=2", "PUBACK packet-id=3"} {
			p.expect(ack)
			if n := int(drained.Load()); n <= i {
				t.Errorf("%s came with %d messages seen off", ack, n)
			}
		}
		end := b.background(func() error { return c.Disconnect(b.Context(), nil) })
		p.expect("DISCONNECT NormalDisconnection")
		p.eof()
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// A message that could not be taken is the only one that stays with the server.
func TestMessagesBeforeAnError(t *testing.T) {
	inBubble(t, func(b *bench) {
		broken := errors.New("no more")
		o := b.options()
		o.Hooks.OnMessage = func(p *mqttwire.Publish) error {
			if p.PacketID == 3 {
				return broken
			}
			return nil
		}
		c, p := b.greet(o, ok)
		p.send("PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=a qos=2 packet-id=2", "PUBLISH topic=a qos=1 packet-id=3")
		p.expect("PUBACK packet-id=1", "PUBREC packet-id=2", "DISCONNECT NormalDisconnection")
		p.eof()
		<-c.Done()
		if !errors.Is(c.Err(), broken) {
			t.Errorf("Err: %v", c.Err())
		}
	})
}

// What could not be seen off is not acknowledged.
func TestOnDrainedFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		broken := errors.New("the disk is full")
		o := b.options()
		o.Hooks.OnMessage = func(*mqttwire.Publish) error { return nil }
		o.Hooks.OnDrained = func() error { return broken }
		c, p := b.greet(o, ok)
		p.send("PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=a qos=2 packet-id=2")
		p.expect("DISCONNECT NormalDisconnection")
		p.eof()
		<-c.Done()
		if !errors.Is(c.Err(), broken) {
			t.Errorf("Err: %v", c.Err())
		}
	})
}
