package client

import (
	"strings"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

func sending5() statements {
	return statements{
		"MQTT-2.2.1-2":  plainQoS0,
		"MQTT-2.2.1-3":  freshIDs,
		"MQTT-2.2.2-1":  plainQoS0,
		"MQTT-3.2.2-11": maximumQoS,
		"MQTT-3.2.2-14": retainAvailable,
		"MQTT-3.2.2-15": maximumPacketSize,
		"MQTT-3.2.2-17": aliasesWithinMaximum,
		"MQTT-3.2.2-18": noAliases,
		"MQTT-3.3.2-9":  aliasesWithinMaximum,
		"MQTT-3.3.4-6":  noIdentifier,
		"MQTT-3.3.4-7":  window,
		"MQTT-3.3.4-8":  quotaHoldsNothingElse,
		"MQTT-3.8.3-1":  badFilters,
		"MQTT-3.8.3-2":  noFilters,
		"MQTT-3.8.3-4":  noLocalShared,
		"MQTT-3.10.3-1": badFilters,
		"MQTT-3.10.3-2": noFilters,
		"MQTT-4.3.1-1":  plainQoS0,
		"MQTT-4.3.2-1":  freshIDs,
		"MQTT-4.3.2-2":  firstSending,
		"MQTT-4.3.3-1":  freshIDs,
		"MQTT-4.3.3-2":  firstSending,
		"MQTT-4.3.3-4":  releases,
		"MQTT-4.4.0-2":  refusalIsAnAnswer,
		"MQTT-4.6.0-4":  releaseOrder,
		"MQTT-4.7.1-1":  badFilters,
		"MQTT-4.7.1-2":  badFilters,
		"MQTT-4.7.3-3":  longNames,
		"MQTT-4.8.2-1":  badFilters,
		"MQTT-4.8.2-2":  badFilters,
		"MQTT-4.9.0-1":  window,
		"MQTT-4.9.0-2":  window,
		"MQTT-4.9.0-3":  quotaHoldsNothingElse,
	}
}

func plainQoS0(b *bench) {
	b.connect(b.options())
	p := b.accept()
	want := "\x30\x04\x00\x01am"
	if b.version == mqttwire.V5 {
		p.raw(16)
		want = "\x30\x05\x00\x01a\x00m" // a Property Length even without properties
	} else {
		p.raw(15)
	}
	p.r.Version = b.version
	p.send(ok)
	synctest.Wait()
	b.publish(b.clients[0], "topic=a payload=m")
	if got := p.raw(len(want)); string(got) != want {
		b.Errorf("a message of QoS 0 is % x", got)
	}
}

func freshIDs(b *bench) {
	o := b.options()
	o.MaxInflight = 256
	c, p := b.greet(o, ok)
	open := make(map[mqttwire.PacketID]bool)
	take := func(id mqttwire.PacketID) {
		b.Helper()
		if id == 0 || open[id] {
			b.Fatalf("packet id %d is 0 or in use", id)
		}
		open[id] = true
	}
	for range 50 {
		b.publish(c, "topic=a qos=1")
		take(p.read().(*mqttwire.Publish).PacketID)
		b.publish(c, "topic=a qos=2")
		take(p.read().(*mqttwire.Publish).PacketID)
		go c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: "a"}}, nil)
		take(p.read().(*mqttwire.Subscribe).PacketID)
		go c.Unsubscribe(b.Context(), []string{"a"}, nil)
		take(p.read().(*mqttwire.Unsubscribe).PacketID)
	}
	// All the way round: ids in use are passed over.
	p.send("PUBACK packet-id=1")
	delete(open, 1)
	for range 70000 {
		if err := c.Publish(b.Context(), &mqttwire.Publish{Topic: "a", QoS: 1}, nil); err != nil {
			b.Fatal(err)
		}
		id := p.read().(*mqttwire.Publish).PacketID
		take(id)
		delete(open, id)
		answer, _ := (&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: id}).Append(nil, b.version)
		p.bytes(answer)
	}
}

// limited wants a publish to be refused here and nothing to be sent.
func limited(b *bench, connack, message string, reason mqttwire.ReasonCode, words ...string) {
	b.Helper()
	c, p := b.greet(b.options(), connack)
	_, err := b.publish(c, message)()
	if e := wantError[*LimitError](b, err, words...); e.Reason != reason {
		b.Errorf("the reason is %v, not %v", e.Reason, reason)
	}
	b.publish(c, "topic=still-here")
	p.expect("PUBLISH topic=still-here")
}

func maximumQoS(b *bench) {
	limited(b, ok+" maximum-qos=0", "topic=t qos=1", mqttwire.QoSNotSupported, "publish t", "QoS 1", "Maximum QoS 0")
	limited(b, ok+" maximum-qos=1", "topic=t qos=2", mqttwire.QoSNotSupported, "publish t", "QoS 2", "Maximum QoS 1")
}

func retainAvailable(b *bench) {
	limited(b, ok+" retain-available=0", "topic=t retain=1", mqttwire.RetainNotSupported, "publish t", "Retain Available 0")
}

func maximumPacketSize(b *bench) {
	limited(b, ok+" maximum-packet-size=64", "topic=t payload="+strings.Repeat("x", 59), mqttwire.PacketTooLarge, "publish t", "65 bytes", "Maximum Packet Size 64")
	c, p := b.greet(b.options(), ok+" maximum-packet-size=64")
	b.publish(c, "topic=t payload="+strings.Repeat("x", 58))
	p.read()
	_, err := c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: strings.Repeat("x", 64)}}, nil)
	wantError[*LimitError](b, err, "SUBSCRIBE", "Maximum Packet Size 64")
}

func aliasesWithinMaximum(b *bench) {
	o := b.options()
	o.TopicAliases = 10
	c, p := b.greet(o, ok+" topic-alias-maximum=2")
	for _, topic := range []string{"a", "b", "c", "a", "b", "c"} {
		b.publish(c, "topic="+topic)
	}
	p.expect("PUBLISH topic=a topic-alias=1", "PUBLISH topic=b topic-alias=2", "PUBLISH topic=c",
		"PUBLISH topic-alias=1", "PUBLISH topic-alias=2", "PUBLISH topic=c")
	// Those that the caller chooses.
	limited(b, ok+" topic-alias-maximum=2", "topic=t topic-alias=3", mqttwire.TopicAliasInvalid, "topic alias 3", "Maximum 2")
	c, p = b.greet(b.options(), ok+" topic-alias-maximum=2")
	b.publish(c, "topic=t topic-alias=2 user-property=a=b payload=x")
	b.publish(c, `topic="" topic-alias=2`)
	p.expect(`PUBLISH topic=t user-property="a=b" topic-alias=2 payload=x`, "PUBLISH topic-alias=2")
	_, err := b.publish(c, `topic="" topic-alias=1`)()
	wantError[*mqttwire.Error](b, err, "stands for nothing")
}

func noAliases(b *bench) {
	o := b.options()
	o.TopicAliases = 10
	c, p := b.greet(o, ok)
	for range 3 {
		b.publish(c, "topic=a")
		p.expect("PUBLISH topic=a")
	}
	limited(b, ok, "topic=t topic-alias=1", mqttwire.TopicAliasInvalid)
}

func noIdentifier(b *bench) {
	c, p := b.greet(b.options(), ok)
	m := &mqttwire.Publish{Topic: "a", Properties: mqttwire.Properties(nil).AddNumber(mqttwire.SubscriptionIdentifier, 1)}
	wantError[*mqttwire.Error](b, c.Publish(b.Context(), m, nil), "MQTT-3.3.4-6")
	p.quiet(time.Minute)
}

func window(b *bench) {
	c, p := b.greet(b.options(), ok+" receive-maximum=2")
	for range 5 {
		b.publish(c, "topic=a qos=1")
	}
	p.expect("PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=a qos=1 packet-id=2")
	p.quiet(time.Hour)
	p.send("PUBACK packet-id=2")
	p.expect("PUBLISH topic=a qos=1 packet-id=3")
	p.quiet(time.Hour)
	// QoS 2 gives the unit back with PUBCOMP, or with a refusal.
	p.send("PUBACK packet-id=1", "PUBACK packet-id=3")
	p.expect("PUBLISH topic=a qos=1 packet-id=4", "PUBLISH topic=a qos=1 packet-id=5")
	b.publish(c, "topic=a qos=2")
	p.send("PUBACK packet-id=4", "PUBACK packet-id=5")
	p.expect("PUBLISH topic=a qos=2 packet-id=6")
	b.publish(c, "topic=a qos=2")
	p.expect("PUBLISH topic=a qos=2 packet-id=7")
	b.publish(c, "topic=a qos=2")
	p.send("PUBREC packet-id=6")
	p.expect("PUBREL packet-id=6")
	p.quiet(time.Hour)
	p.send("PUBCOMP packet-id=6")
	p.expect("PUBLISH topic=a qos=2 packet-id=8")
	b.publish(c, "topic=a qos=2")
	p.send("PUBREC NotAuthorized packet-id=7")
	p.expect("PUBLISH topic=a qos=2 packet-id=9")
	// The client's own bound counts as well.
	o := b.options()
	o.MaxInflight = 1
	c, p = b.greet(o, ok)
	b.publish(c, "topic=a qos=1")
	b.publish(c, "topic=a qos=1")
	p.expect("PUBLISH topic=a qos=1 packet-id=1")
	p.quiet(time.Hour)
	p.send("PUBACK packet-id=1")
	p.expect("PUBLISH topic=a qos=1 packet-id=2")
}

func quotaHoldsNothingElse(b *bench) {
	o := b.options()
	o.Connect.KeepAlive = 10
	c, p := b.greet(o, ok+" receive-maximum=1")
	b.publish(c, "topic=a qos=2")
	b.publish(c, "topic=a qos=1")
	p.expect("PUBLISH topic=a qos=2 packet-id=1")
	b.publish(c, "topic=b")
	p.expect("PUBLISH topic=b")
	go c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: "a"}}, nil)
	p.expect("SUBSCRIBE packet-id=2 filter=a")
	p.send("SUBACK GrantedQoS0 packet-id=2", "PUBLISH topic=x qos=1 packet-id=1", "PUBLISH topic=x qos=2 packet-id=2", "PUBREL packet-id=2")
	p.expect("PUBACK packet-id=1", "PUBREC packet-id=2", "PUBCOMP packet-id=2", "PINGREQ")
	p.send("PINGRESP", "PUBREC packet-id=1")
	p.expect("PUBREL packet-id=1")
}

func badFilters(b *bench) {
	c, p := b.greet(b.options(), ok)
	for _, filter := range []string{"", "\xff", "a\x00b", "a#", "a/#/b", "a+", "+a/b", "$share/g", "$share/g/", "$share//a", "$share/g+/a", "$share/#/a"} {
		if b.version != mqttwire.V5 && strings.HasPrefix(filter, "$share") {
			continue
		}
		_, err := c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: filter}}, nil)
		wantError[*mqttwire.Error](b, err)
		_, err = c.Unsubscribe(b.Context(), []string{filter}, nil)
		wantError[*mqttwire.Error](b, err)
	}
	for _, topic := range []string{"", "\xff", "a\x00b", "a/+", "#"} {
		wantError[*mqttwire.Error](b, c.Publish(b.Context(), &mqttwire.Publish{Topic: topic}, nil))
	}
	p.quiet(time.Minute)
}

func noFilters(b *bench) {
	c, p := b.greet(b.options(), ok)
	_, err := c.Subscribe(b.Context(), nil, nil)
	wantError[*mqttwire.Error](b, err)
	_, err = c.Unsubscribe(b.Context(), nil, nil)
	wantError[*mqttwire.Error](b, err)
	p.quiet(time.Minute)
}

func noLocalShared(b *bench) {
	c, p := b.greet(b.options(), ok)
	_, err := c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: "$share/g/a", NoLocal: true}}, nil)
	wantError[*mqttwire.Error](b, err)
	p.quiet(time.Minute)
}

func firstSending(b *bench) {
	c, p := b.greet(b.options(), ok)
	b.publish(c, "topic=a qos=1 retain=1 dup=1")
	b.publish(c, "topic=a qos=2 packet-id=99")
	p.expect("PUBLISH topic=a qos=1 retain=1 packet-id=1", "PUBLISH topic=a qos=2 packet-id=2")
}

func releases(b *bench) {
	c, p := b.greet(b.options(), ok)
	b.publish(c, "topic=a qos=2")
	p.expect("PUBLISH topic=a qos=2 packet-id=1")
	p.send("PUBREC NoMatchingSubscribers packet-id=1")
	p.expect("PUBREL packet-id=1")
	p.send("PUBREC packet-id=1") // again, and so is the answer
	p.expect("PUBREL packet-id=1")
	p.send("PUBCOMP packet-id=1", "PUBCOMP packet-id=1") // the second one is nobody's
	refused := b.publish(c, "topic=a qos=2")
	p.expect("PUBLISH topic=a qos=2 packet-id=2")
	p.send("PUBREC QuotaExceeded packet-id=2")
	p.quiet(time.Minute)
	if r, err := refused(); r != mqttwire.QuotaExceeded || err != nil {
		b.Errorf("a refused message: %v, %v", r, err)
	}
	p.send("PUBREC packet-id=2") // of an exchange that is over
	p.expect("PUBREL PacketIdentifierNotFound packet-id=2")
}

func refusalIsAnAnswer(b *bench) {
	c, p := b.greet(b.durable(), ok)
	one, two := b.publish(c, "topic=a qos=1"), b.publish(c, "topic=b qos=2")
	p.read()
	p.read()
	p.send("PUBACK NotAuthorized packet-id=1", "PUBREC NotAuthorized packet-id=2")
	for _, wait := range []func() (mqttwire.ReasonCode, error){one, two} {
		if r, err := wait(); r != mqttwire.NotAuthorized || err != nil {
			b.Errorf("got %v, %v", r, err)
		}
	}
	p.Close()
	p = b.welcome(ok + " session-present=1")
	p.quiet(time.Minute)
}

func releaseOrder(b *bench) {
	c, p := b.greet(b.durable(), ok)
	for range 4 {
		b.publish(c, "topic=a qos=2")
		p.read()
	}
	p.send("PUBREC packet-id=3", "PUBREC packet-id=1", "PUBREC packet-id=4", "PUBREC packet-id=2")
	want := []string{"PUBREL packet-id=3", "PUBREL packet-id=1", "PUBREL packet-id=4", "PUBREL packet-id=2"}
	p.expect(want...)
	p.Close()
	b.welcome(b.present()).expect(want...)
}

// present is the CONNACK that has the session.
func (b *bench) present() string { return ok + " session-present=1" }

func longNames(b *bench) {
	c, p := b.greet(b.options(), ok)
	long := strings.Repeat("x", 65535)
	go c.Publish(b.Context(), &mqttwire.Publish{Topic: long}, nil)
	if got := p.read().(*mqttwire.Publish).Topic; got != long {
		b.Error("the longest topic is another one")
	}
	wantError[*mqttwire.Error](b, c.Publish(b.Context(), &mqttwire.Publish{Topic: long + "x"}, nil))
	_, err := c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: long + "x"}}, nil)
	wantError[*mqttwire.Error](b, err)
}
