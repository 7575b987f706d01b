package client

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

func sessions5() statements {
	return statements{
		"MQTT-3.1.2-4":  cleanStartDiscards,
		"MQTT-3.1.2-23": sessionLivesOn,
		"MQTT-3.1.3-2":  sessionLivesOn,
		"MQTT-3.2.2-5":  sessionLost,
		"MQTT-3.3.1-1":  resends,
		"MQTT-4.1.0-1":  keptWhileConnected,
		"MQTT-4.3.2-3":  resends,
		"MQTT-4.3.3-3":  resends,
		"MQTT-4.3.3-5":  resends,
		"MQTT-4.3.3-6":  resends,
		"MQTT-4.3.3-7":  resendsExpired,
		"MQTT-4.4.0-1":  resends,
		"MQTT-4.6.0-1":  resendOrder,
	}
}

func exchanges311() statements {
	return statements{
		"MQTT-2.3.1-2": freshIDs,
		"MQTT-2.3.1-3": resends,
		"MQTT-2.3.1-5": plainQoS0,
		"MQTT-2.3.1-6": answersByQoS,
		"MQTT-3.1.2-4": sessionLivesOn,
		"MQTT-3.1.2-6": cleanStartDiscards,
		"MQTT-3.1.3-2": sessionLivesOn,
		"MQTT-3.3.1-1": resends,
		"MQTT-3.3.4-1": answersByQoS,
		"MQTT-3.8.3-1": badFilters,
		"MQTT-3.8.3-3": noFilters,
		"MQTT-3.8.4-5": subackCount,

		"MQTT-3.10.3-1": badFilters,
		"MQTT-3.10.3-2": noFilters,
		"MQTT-4.1.0-1":  keptWhileConnected,
		"MQTT-4.1.0-2":  keptWhileConnected,
		"MQTT-4.3.1-1":  plainQoS0,
		"MQTT-4.3.2-1":  firstSending311,
		"MQTT-4.3.2-2":  qos1IsNewAfterPuback,
		"MQTT-4.3.3-1":  firstSending311,
		"MQTT-4.3.3-2":  qos2Once,
		"MQTT-4.4.0-1":  resends,
		"MQTT-4.5.0-2":  answersUnwanted,
		"MQTT-4.6.0-1":  resendOrder,
		"MQTT-4.6.0-2":  answersInOrder,
		"MQTT-4.6.0-3":  answersInOrder,
		"MQTT-4.6.0-4":  releaseOrder,
		"MQTT-4.7.1-2":  badFilters,
		"MQTT-4.7.1-3":  badFilters,
		"MQTT-4.7.3-3":  longNames,
	}
}

func firstSending311(b *bench) {
	firstSending(b)
	resends(b)
}

// resends shows each step of an exchange at which the connection may break.
func resends(b *bench) {
	c, p := b.greet(b.durable(), ok)
	one := b.publish(c, "topic=a qos=1 payload=1")
	two := b.publish(c, "topic=a qos=2 payload=2")
	p.expect("PUBLISH topic=a qos=1 packet-id=1 payload=1", "PUBLISH topic=a qos=2 packet-id=2 payload=2")
	p.quiet(24 * time.Hour) // at no other time
	p.Close()
	for range 2 {
		p = b.welcome(b.present())
		p.expect("PUBLISH topic=a qos=1 dup=1 packet-id=1 payload=1", "PUBLISH topic=a qos=2 dup=1 packet-id=2 payload=2")
		p.quiet(24 * time.Hour)
		p.Close()
	}
	p = b.welcome(b.present())
	p.expect("PUBLISH topic=a qos=1 dup=1 packet-id=1 payload=1", "PUBLISH topic=a qos=2 dup=1 packet-id=2 payload=2")
	p.send("PUBACK packet-id=1", "PUBREC packet-id=2")
	p.expect("PUBREL packet-id=2")
	p.Close()
	for range 2 {
		p = b.welcome(b.present())
		p.expect("PUBREL packet-id=2") // never the PUBLISH again
		p.quiet(24 * time.Hour)
		p.Close()
	}
	p = b.welcome(b.present())
	p.expect("PUBREL packet-id=2")
	p.send("PUBCOMP packet-id=2")
	for i, wait := range []func() (mqttwire.ReasonCode, error){one, two} {
		if r, err := wait(); r != mqttwire.Success || err != nil {
			b.Errorf("message %d: %v, %v", i+1, r, err)
		}
	}
	p.Close()
	b.welcome(b.present()).quiet(time.Minute)
}

func resendsExpired(b *bench) {
	c, p := b.greet(b.durable(), ok)
	b.publish(c, "topic=a qos=2 message-expiry-interval=1")
	p.expect("PUBLISH topic=a qos=2 packet-id=1 message-expiry-interval=1")
	time.Sleep(time.Minute)
	p.Close()
	b.welcome(b.present()).expect("PUBLISH topic=a qos=2 dup=1 packet-id=1 message-expiry-interval=1")
}

func resendOrder(b *bench) {
	c, p := b.greet(b.durable(), ok)
	for _, line := range []string{"qos=2 payload=1", "qos=1 payload=2", "qos=2 payload=3", "qos=1 payload=4", "qos=2 payload=5"} {
		b.publish(c, "topic=a "+line)
		p.read()
	}
	p.send("PUBACK packet-id=2", "PUBREC packet-id=3")
	p.expect("PUBREL packet-id=3")
	p.Close()
	again := []string{"PUBLISH topic=a qos=2 dup=1 packet-id=1 payload=1", "PUBLISH topic=a qos=1 dup=1 packet-id=4 payload=4",
		"PUBLISH topic=a qos=2 dup=1 packet-id=5 payload=5"}
	p = b.welcome(b.present())
	p.expect(again...)
	p.expect("PUBREL packet-id=3")
	p.Close()
	if b.version != mqttwire.V5 {
		return
	}
	// A smaller quota keeps the order, and new messages wait behind.
	p = b.welcome(b.present() + " receive-maximum=1")
	b.publish(c, "topic=a qos=1 payload=6")
	b.publish(c, "topic=a payload=7")
	p.expect(again[0])
	p.quiet(time.Minute)
	p.send("PUBREC packet-id=1")
	p.expect("PUBREL packet-id=1")
	p.quiet(time.Minute)
	p.send("PUBCOMP packet-id=1")
	p.expect(again[1])
	p.send("PUBACK packet-id=4")
	p.expect(again[2])
	p.send("PUBREC NotAuthorized packet-id=5")
	p.expect("PUBREL packet-id=3")
	p.read()
	p.read()
	p.send("PUBCOMP packet-id=3") // sent before this connection: it must not lift the quota
	b.publish(c, "topic=a qos=1 payload=8")
	p.quiet(time.Minute)
}

func sessionLost(b *bench) {
	o := b.durable()
	var lost []SessionLost
	o.Hooks.OnSessionLost = func(l SessionLost) { lost = append(lost, l) }
	c, p := b.greet(o, ok)
	b.subscribe(c, p, "SUBSCRIBE packet-id=1 filter=s qos=1")
	one := b.publish(c, "topic=a qos=1 payload=1")
	two := b.publish(c, "topic=a qos=2 payload=2")
	three := b.publish(c, "topic=a qos=2 payload=3")
	for range 3 {
		p.read()
	}
	p.send("PUBREC packet-id=4")
	p.expect("PUBREL packet-id=4")
	p.Close()
	p = b.welcome(ok)
	// No id and no PUBREL of old: subscriptions and messages are new ones.
	p.expect("SUBSCRIBE packet-id=7 filter=s qos=1", "PUBLISH topic=a qos=1 packet-id=5 payload=1", "PUBLISH topic=a qos=2 packet-id=6 payload=2")
	p.send("SUBACK GrantedQoS1 packet-id=7", "PUBACK packet-id=5", "PUBREC packet-id=6")
	p.expect("PUBREL packet-id=6")
	p.send("PUBCOMP packet-id=6")
	for i, wait := range []func() (mqttwire.ReasonCode, error){one, two, three} {
		if r, err := wait(); r != mqttwire.Success || err != nil {
			b.Errorf("message %d: %v, %v", i+1, r, err)
		}
	}
	synctest.Wait()
	if want := (SessionLost{Republished: 2, QoS2: 1, InDoubt: 1, Subscriptions: 1}); len(lost) != 1 || lost[0] != want {
		b.Errorf("OnSessionLost: %+v, not %+v", lost, want)
	}
}

// subscribe subscribes to what the line says, which the client is to send.
func (b *bench) subscribe(c *Client, p *peer, line string) {
	b.Helper()
	packet, err := mqttwire.ParseText(line, b.version)
	if err != nil {
		b.Fatal(err)
	}
	s := packet.(*mqttwire.Subscribe)
	wait := b.background(func() error {
		_, err := c.Subscribe(b.Context(), s.Subscriptions, s.Properties)
		return err
	})
	p.expect(line)
	answer := &mqttwire.Suback{PacketID: s.PacketID}
	for _, one := range s.Subscriptions {
		answer.Reasons = append(answer.Reasons, mqttwire.ReasonCode(one.QoS))
	}
	p.send(p.text(answer))
	if err := wait(); err != nil {
		b.Fatal(err)
	}
}

func cleanStartDiscards(b *bench) {
	o := b.options()
	o.Retry.Again = Unlimited
	var got []string
	o.Hooks.OnMessage = noteIn(&got)
	var lost []SessionLost
	o.Hooks.OnSessionLost = func(l SessionLost) { lost = append(lost, l) }
	c, p := b.greet(o, ok)
	p.send("PUBLISH topic=a qos=2 packet-id=1 payload=1")
	p.expect("PUBREC packet-id=1")
	b.publish(c, "topic=b qos=1")
	p.expect("PUBLISH topic=b qos=1 packet-id=1")
	p.Close()
	p = b.accept()
	p.expect(b.connectText() + " client-id=a")
	p.send(ok)
	p.expect("PUBLISH topic=b qos=1 packet-id=2") // a new message: no DUP
	p.send("PUBLISH topic=a qos=2 packet-id=1 payload=2")
	p.expect("PUBREC packet-id=1")
	if !slices.Equal(got, []string{"a 1", "a 2"}) {
		b.Errorf("got %q", got)
	}
	synctest.Wait()
	if len(lost) != 1 || !lost[0].Expected {
		b.Errorf("OnSessionLost: %+v", lost)
	}
}

func sessionLivesOn(b *bench) {
	o := b.durable()
	// A clean start is for the first time: the session that it made goes on.
	if b.version == mqttwire.V5 {
		o.Connect.CleanStart = true
	}
	var again []bool
	o.Hooks.OnConnect = func(g *Grants) { again = append(again, g.SessionPresent) }
	c, p := b.greet(o, ok)
	b.subscribe(c, p, "SUBSCRIBE packet-id=1 filter=a")
	p.Close()
	p = b.accept()
	if connect := p.read().(*mqttwire.Connect); connect.CleanStart || connect.ClientID != "a" {
		b.Errorf("comes back with %s", p.text(connect))
	}
	p.send(b.present())
	p.quiet(time.Hour) // the subscription is there
	synctest.Wait()
	if !slices.Equal(again, []bool{false, true}) {
		b.Errorf("OnConnect told of sessions present: %v", again)
	}
}

func keptWhileConnected(b *bench) {
	o := b.options()
	var got []string
	o.Hooks.OnMessage = noteIn(&got)
	c, p := b.greet(o, ok)
	b.publish(c, "topic=a qos=1")
	p.read()
	p.send("PUBLISH topic=a qos=2 packet-id=1 payload=1")
	p.expect("PUBREC packet-id=1")
	time.Sleep(1000 * time.Hour)
	p.send("PUBLISH topic=a qos=2 dup=1 packet-id=1 payload=1", "PUBACK packet-id=1")
	p.expect("PUBREC packet-id=1")
	synctest.Wait()
	if len(got) != 1 || c.Unsent() != 0 {
		b.Errorf("got %q, unsent %d", got, c.Unsent())
	}
}

// In a session that another client of the name has begun the server may hold ids
// of QoS 2, and would take what is sent with them for that one's messages.
func TestIDsOfAnOlderSessionAreFreed(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.durable(), b.present())
		first := b.publish(c, "topic=a qos=2")
		p.expect("PUBREL packet-id=1", "PUBLISH topic=a qos=2 packet-id=1")
		second := b.publish(c, "topic=a qos=1")
		p.expect("PUBLISH topic=a qos=1 packet-id=2")
		p.send("PUBCOMP PacketIdentifierNotFound packet-id=1", "PUBREC packet-id=1")
		p.expect("PUBREL packet-id=1")
		p.send("PUBCOMP packet-id=1", "PUBACK packet-id=2")
		for _, answered := range []func() (mqttwire.ReasonCode, error){first, second} {
			if reason, err := answered(); reason != mqttwire.Success || err != nil {
				t.Error(reason, err)
			}
		}
		b.publish(c, "topic=a qos=2")
		p.expect("PUBREL packet-id=3", "PUBLISH topic=a qos=2 packet-id=3")
		p.Close()
		p = b.welcome(b.present())
		p.expect("PUBLISH topic=a qos=2 dup=1 packet-id=3")
		p.Close()
		p = b.welcome(ok) // a session of our own now
		p.expect("PUBLISH topic=a qos=2 packet-id=4")
		b.publish(c, "topic=b qos=2")
		p.expect("PUBLISH topic=b qos=2 packet-id=5")
	})
}
