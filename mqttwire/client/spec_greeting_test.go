package client

import (
	"bytes"
	"errors"
	"io"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

func greetings5() statements {
	return statements{
		"MQTT-3.1.0-1":  firstIsConnect,
		"MQTT-3.1.2-1":  firstIsConnect,
		"MQTT-3.1.2-9":  connectFields,
		"MQTT-3.1.2-11": connectFields,
		"MQTT-3.1.2-12": willQoS3,
		"MQTT-3.1.2-13": connectFields,
		"MQTT-3.1.2-16": connectFields,
		"MQTT-3.1.2-17": connectFields,
		"MQTT-3.1.2-18": connectFields,
		"MQTT-3.1.2-19": passwordAlone,
		"MQTT-3.1.3-1":  connectFields,
		"MQTT-3.1.3-3":  connectFields,
		"MQTT-3.1.3-4":  badConnectStrings,
		"MQTT-3.1.3-11": badConnectStrings,
		"MQTT-3.1.3-12": badConnectStrings,
		"MQTT-3.1.2-20": keepsAlive,
		"MQTT-3.1.2-21": serverKeepAlive,
		"MQTT-3.2.2-21": serverKeepAlive,
		"MQTT-3.2.2-4":  presentAfterCleanStart,
		"MQTT-3.2.2-6":  presentWithRefusal,
		"MQTT-3.2.2-16": needsAssignedID,
		"MQTT-4.13.2-1": refused,
		"MQTT-3.14.4-1": nothingAfterDisconnect,
		"MQTT-3.14.4-2": nothingAfterDisconnect,
		"MQTT-3.14.2-3": disconnectFits,
		"MQTT-3.14.2-4": disconnectFits,
		"MQTT-4.2-1":    firstIsConnect,
		"MQTT-4.2.0-1":  firstIsConnect,
	}
}

func greetings311() statements {
	return statements{
		"MQTT-3.1.0-1":  firstIsConnect,
		"MQTT-3.1.2-9":  connectFields,
		"MQTT-3.1.2-11": connectFields,
		"MQTT-3.1.2-13": connectFields,
		"MQTT-3.1.2-14": willQoS3,
		"MQTT-3.1.2-15": connectFields,
		"MQTT-3.1.2-18": connectFields,
		"MQTT-3.1.2-19": connectFields,
		"MQTT-3.1.2-20": connectFields,
		"MQTT-3.1.2-21": connectFields,
		"MQTT-3.1.2-22": passwordAlone,
		"MQTT-3.1.2-23": keepsAlive,
		"MQTT-3.1.3-1":  connectFields,
		"MQTT-3.1.3-3":  connectFields,
		"MQTT-3.1.3-4":  badConnectStrings,
		"MQTT-3.1.3-7":  emptyIDNeedsCleanSession,
		"MQTT-3.1.3-10": badConnectStrings,
		"MQTT-3.1.3-11": badConnectStrings,
		"MQTT-3.2.2-4":  presentWithRefusal,
		"MQTT-3.14.4-1": nothingAfterDisconnect,
		"MQTT-3.14.4-2": nothingAfterDisconnect,
		"MQTT-7.1.2-1":  firstIsConnect,
	}
}

// connectText is how the text of a CONNECT of client a begins.
func (b *bench) connectText() string {
	if b.version == mqttwire.V5 {
		return "CONNECT version=5 clean-start=1"
	}
	return "CONNECT version=4 clean-start=1"
}

// raw reads n bytes of what the client sends first.
func (p *peer) raw(n int) []byte {
	p.b.Helper()
	got := make([]byte, n)
	p.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(p.Conn, got); err != nil {
		p.b.Fatal(err)
	}
	return got
}

func firstIsConnect(b *bench) {
	b.connect(b.options())
	p := b.accept()
	if got := p.raw(9); got[0] != 0x10 || !bytes.Equal(got[2:8], []byte("\x00\x04MQTT")) || got[8] != byte(b.version) {
		b.Errorf("the first bytes are % x", got)
	}
	p.Close()
}

func connectFields(b *bench) {
	// The fields behind the variable header, in their order, and the flags that
	// announce them.
	for flags, change := range map[byte]func(c *mqttwire.Connect){
		0x02: func(c *mqttwire.Connect) {},
		0x00: func(c *mqttwire.Connect) { c.CleanStart = false },
		0x82: func(c *mqttwire.Connect) { c.HasUsername, c.Username = true, "u" },
		0xC2: func(c *mqttwire.Connect) {
			c.HasUsername, c.Username, c.HasPassword, c.Password = true, "u", true, []byte("p")
		},
		0x06: func(c *mqttwire.Connect) { c.Will = &mqttwire.Will{Topic: "w", Payload: []byte("m")} },
		0xF6: func(c *mqttwire.Connect) {
			c.Will = &mqttwire.Will{Topic: "w", Payload: []byte("m"), QoS: 2, Retain: true}
			c.HasUsername, c.Username, c.HasPassword, c.Password = true, "u", true, []byte("p")
		},
	} {
		o := b.options()
		change(&o.Connect)
		want := "\x00\x01a"
		v5 := b.version == mqttwire.V5
		if flags&0x04 != 0 {
			if v5 {
				want += "\x00"
			}
			want += "\x00\x01w\x00\x01m"
		}
		if flags&0x80 != 0 {
			want += "\x00\x01u"
		}
		if flags&0x40 != 0 {
			want += "\x00\x01p"
		}
		if v5 {
			want = "\x00" + want // no properties
		}
		b.connect(o)
		p := b.accept()
		got := p.raw(12 + len(want))
		if got[9] != flags || string(got[12:]) != want || int(got[1]) != len(got)-2 {
			b.Errorf("flags %02x: % x", flags, got)
		}
		p.Close()
	}
}

func willQoS3(b *bench) {
	b.refusesToConnect(mqttwire.MalformedPacket, func(c *mqttwire.Connect) { c.Will = &mqttwire.Will{Topic: "w", QoS: 3} })
}

// refusesToConnect wants Connect to fail before anything is sent.
func (b *bench) refusesToConnect(reason mqttwire.ReasonCode, change func(c *mqttwire.Connect)) {
	b.Helper()
	o := b.options()
	change(&o.Connect)
	k := b.connect(o)
	if b.version == mqttwire.V5 || o.Connect.ClientID != "" {
		p := b.accept()
		p.eof()
	}
	if e := wantError[*mqttwire.Error](b, k.fails()); e.Reason != reason {
		b.Errorf("refused as %v, not %v", e.Reason, reason)
	}
}

func badConnectStrings(b *bench) {
	for _, change := range []func(c *mqttwire.Connect){
		func(c *mqttwire.Connect) { c.ClientID = "\xff" },
		func(c *mqttwire.Connect) { c.Will = &mqttwire.Will{Topic: "\xff"} },
		func(c *mqttwire.Connect) { c.HasUsername, c.Username = true, "\xff" },
	} {
		b.refusesToConnect(mqttwire.MalformedPacket, change)
	}
}

func passwordAlone(b *bench) {
	only := func(c *mqttwire.Connect) { c.HasPassword, c.Password = true, []byte("p") }
	if b.version != mqttwire.V5 {
		b.refusesToConnect(mqttwire.MalformedPacket, only)
		return
	}
	o := b.options()
	only(&o.Connect)
	b.connect(o)
	p := b.accept()
	p.expect(b.connectText() + " client-id=a password=p")
	p.Close()
}

func emptyIDNeedsCleanSession(b *bench) {
	b.refusesToConnect(mqttwire.ClientIdentifierNotValid, func(c *mqttwire.Connect) { c.ClientID, c.CleanStart = "", false })
	o := b.options()
	o.Connect.ClientID = ""
	b.greet(o, ok)
}

func keepsAlive(b *bench) {
	o := b.options()
	o.Connect.KeepAlive = 2
	c, p := b.greet(o, ok)
	last := time.Now()
	for i := range 5 {
		p.expect("PINGREQ")
		if quiet := time.Since(last); quiet > 2*time.Second || quiet < time.Second {
			b.Errorf("PINGREQ %d comes after %v", i, quiet)
		}
		last = time.Now()
		p.send("PINGRESP")
	}
	// Any packet will do instead.
	for range 8 {
		time.Sleep(time.Second)
		b.publish(c, "topic=a")
		p.expect("PUBLISH topic=a")
	}
	p.expect("PINGREQ")
}

func serverKeepAlive(b *bench) {
	o := b.options()
	o.Connect.KeepAlive = 60
	c, p := b.greet(o, "CONNACK Success server-keep-alive=2")
	start := time.Now()
	p.expect("PINGREQ")
	if quiet := time.Since(start); quiet > 2*time.Second {
		b.Errorf("PINGREQ comes after %v", quiet)
	}
	if g := c.Grants(); g.KeepAlive != 2*time.Second {
		b.Errorf("the keep alive in force is %v", g.KeepAlive)
	}
	// And 0 turns it off.
	_, p = b.greet(o, "CONNACK Success server-keep-alive=0")
	p.quiet(time.Hour)
}

func presentAfterCleanStart(b *bench) {
	k := b.connect(b.options())
	p := b.welcome("CONNACK Success session-present=1")
	if b.version == mqttwire.V5 {
		p.expect("DISCONNECT ProtocolError")
	}
	p.eof()
	wantError[*ViolationError](b, k.fails(), "session present", "MQTT-3.2.2-")
}

func presentWithRefusal(b *bench) {
	raw, told := []byte{0x20, 2, 1, 5}, ""
	if b.version == mqttwire.V5 {
		raw, told = []byte{0x20, 3, 1, 0x87, 0}, "DISCONNECT ProtocolError"
	}
	k := b.connect(b.durable())
	p := b.accept()
	p.read()
	p.bytes(raw)
	if told != "" {
		p.expect(told)
	}
	p.eof()
	wantError[*ViolationError](b, k.fails(), "session present")
}

func needsAssignedID(b *bench) {
	o := b.durable()
	o.Connect.ClientID = ""
	k := b.connect(o)
	p := b.welcome(ok)
	p.expect("DISCONNECT ProtocolError")
	p.eof()
	wantError[*ViolationError](b, k.fails(), "MQTT-3.2.2-16")

	c, p := b.greet(o, ok+" assigned-client-identifier=given")
	if id := c.Grants().ClientID; id != "given" {
		b.Errorf("the client id is %q", id)
	}
	p.Close()
	p = b.accept()
	if id := p.read().(*mqttwire.Connect).ClientID; id != "given" {
		b.Errorf("the client comes back as %q", id)
	}
	p.Close()
}

func refused(b *bench) {
	k := b.connect(b.options())
	p := b.welcome("CONNACK NotAuthorized reason-string=\"not you\"")
	p.eof()
	e := wantError[*RefusedError](b, k.fails(), "not authorized (0x87)", "not you")
	if e.Reason != mqttwire.NotAuthorized {
		b.Errorf("the reason is %v", e.Reason)
	}
	// And a DISCONNECT ends the connection, sent or received.
	c, p := b.greet(b.options(), ok)
	p.send("DISCONNECT QuotaExceeded server-reference=other")
	p.eof()
	<-c.Done()
	d := wantError[*DisconnectedError](b, c.Err(), "quota exceeded (0x97)", "other")
	if d.Reason != mqttwire.QuotaExceeded || d.ServerReference != "other" {
		b.Errorf("got %+v", d)
	}
}

func nothingAfterDisconnect(b *bench) {
	o := b.options()
	o.Connect.KeepAlive = 1
	var c *Client
	c, p := b.greet(o, ok)
	for range 3 {
		b.publish(c, "topic=a qos=1")
		p.read()
	}
	end := b.background(func() error { return c.Disconnect(b.Context(), nil) })
	p.read() // DISCONNECT
	// What comes now is no reason to answer.
	p.send("PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=a qos=2 packet-id=2", "PUBREL packet-id=3", "PUBACK packet-id=1")
	if err := c.Publish(b.Context(), &mqttwire.Publish{Topic: "a"}, nil); !errors.Is(err, ErrClosed) {
		b.Errorf("Publish after Disconnect: %v", err)
	}
	p.eof()
	if err := end(); err != nil {
		b.Error(err)
	}
	// A server that does not close is not waited for.
	c, p = b.greet(o, ok)
	start := time.Now()
	if err := c.Disconnect(b.Context(), nil); err != nil {
		b.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		b.Errorf("Disconnect took %v", took)
	}
	p.read()
	p.eof()
}

func disconnectFits(b *bench) {
	c, p := b.greet(b.options(), ok+" maximum-packet-size=20")
	properties := mqttwire.Properties(nil).AddText(mqttwire.ReasonString, "far too long for it").AddUser("a", "b")
	end := b.background(func() error {
		return c.Disconnect(b.Context(), &mqttwire.Disconnect{Reason: mqttwire.DisconnectWithWill, Properties: properties})
	})
	p.expect("DISCONNECT DisconnectWithWill")
	p.eof()
	if err := end(); err != nil {
		b.Error(err)
	}
	synctest.Wait()
}
