package client

import (
	"bufio"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"mqtk/mqttwire"
)

// statements are tests of what a numbered statement of a standard asks of a
// client, by its number.
type statements map[string]func(b *bench)

func TestSpec5(t *testing.T) {
	for _, s := range []statements{refusals5(), greetings5(), sending5(), receiving5(), sessions5(), auths5()} {
		s.run(t, mqttwire.V5)
	}
	t.Run("MQTT-6.0.0-3", func(t *testing.T) { offersSubprotocol(t, mqttwire.V5) })
}

func TestSpec311(t *testing.T) {
	for _, s := range []statements{refusals311(), greetings311(), exchanges311()} {
		s.run(t, mqttwire.V311)
	}
	t.Run("MQTT-6.0.0-3", func(t *testing.T) { offersSubprotocol(t, mqttwire.V311) })
}

// offersSubprotocol looks at the request by which the client asks for WebSocket.
func offersSubprotocol(t *testing.T, v mqttwire.Version) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	offered := make(chan []string, 1)
	go func() {
		defer close(offered)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		if r, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
			offered <- r.Header.Values("Sec-Websocket-Protocol")
			io.WriteString(nc, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		}
	}()
	c, err := Connect(t.Context(), Options{URL: "ws://" + l.Addr().String(), Connect: mqttwire.Connect{Version: v, ClientID: "a", CleanStart: true}})
	if err == nil {
		c.Close()
		t.Error("connected by an upgrade that was refused")
	}
	if got := <-offered; !slices.Equal(got, []string{"mqtt"}) {
		t.Errorf("the client offers %q", got)
	}
}

func (s statements) run(t *testing.T, v mqttwire.Version) {
	for id, f := range s {
		t.Run(id, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.version = v
				f(b)
			})
		})
	}
}

// ok is the CONNACK that grants everything.
const ok = "CONNACK Success"

// tryTo wants a client that was sent these bytes to end with a violation of
// the given reason, told to the server on 5.0, without delivering anything.
func refuses(reason mqttwire.ReasonCode, packets ...string) func(*bench) {
	return func(b *bench) {
		for _, packet := range packets {
			raw, err := hex.DecodeString(strings.ReplaceAll(packet, " ", ""))
			if err != nil {
				b.Fatal(err)
			}
			o := b.options()
			o.Hooks.OnMessage = func(p *mqttwire.Publish) error {
				b.Errorf("delivered %s", mqttwire.AppendText(nil, p, b.version))
				return nil
			}
			c, p := b.greet(o, ok)
			p.bytes(raw)
			if b.version == mqttwire.V5 {
				p.expect("DISCONNECT " + reason.String())
			}
			p.eof()
			<-c.Done()
			if v := wantError[*ViolationError](b, c.Err(), "the server broke the protocol"); v.Err.Reason != reason {
				b.Errorf("%s: the reason is %v, not %v: %v", packet, v.Err.Reason, reason, v)
			}
		}
	}
}

func refusals5() statements {
	const (
		malformed = mqttwire.MalformedPacket
		protocol  = mqttwire.ProtocolError
	)
	return statements{
		"MQTT-1.5.4-1":  refuses(malformed, "30 05 0002 C080 00", "30 06 0003 EDA080 00", "30 04 0001 FF 00"),
		"MQTT-1.5.4-2":  refuses(malformed, "30 06 0003 610062 00"),
		"MQTT-1.5.5-1":  refuses(malformed, "30 8400 0001 61 00", "30 06 0001 61 8000 78"),
		"MQTT-1.5.7-1":  refuses(malformed, "30 0A 0001 61 06 26 0001 FF 0000", "30 0A 0001 61 06 26 0000 0001 00"),
		"MQTT-2.1.3-1":  refuses(malformed, "D1 00", "41 02 0001", "91 04 0001 00 00"),
		"MQTT-3.3.1-2":  refuses(malformed, "38 04 0001 61 00"),
		"MQTT-3.3.1-4":  refuses(malformed, "36 06 0001 61 0001 00"),
		"MQTT-3.3.2-1":  refuses(malformed, "30 05 0002 C328 00"),
		"MQTT-3.3.2-2":  refuses(malformed, "30 06 0003 612F2B 00", "30 06 0003 612F23 00"),
		"MQTT-4.7.0-1":  refuses(malformed, "30 04 0001 2B 00", "30 04 0001 23 00"),
		"MQTT-4.7.3-1":  refuses(protocol, "30 03 0000 00"),
		"MQTT-4.7.3-2":  refuses(malformed, "30 04 0001 00 00"),
		"MQTT-3.3.2-13": refuses(malformed, "30 08 0001 61 04 08 0001 FF"),
		"MQTT-3.3.2-14": refuses(protocol, "30 08 0001 61 04 08 0001 23"),
		"MQTT-3.3.2-19": refuses(malformed, "30 08 0001 61 04 03 0001 FF"),
		"MQTT-3.4.2-1":  refuses(protocol, "40 03 0001 01"),
		"MQTT-3.5.2-1":  refuses(protocol, "50 03 0001 01"),
		"MQTT-3.6.1-1":  refuses(malformed, "60 02 0001", "63 02 0001"),
		"MQTT-3.6.2-1":  refuses(protocol, "62 03 0001 80"),
		"MQTT-3.7.2-1":  refuses(protocol, "70 03 0001 80"),
		"MQTT-3.8.1-1":  refuses(malformed, "80 07 0001 00 0001 61 00"),
		"MQTT-3.10.1-1": refuses(malformed, "A0 06 0001 00 0001 61"),
		"MQTT-3.14.1-1": refuses(malformed, "E1 00"),
		"MQTT-3.14.2-1": refuses(protocol, "E0 01 04", "E0 01 01"),
		"MQTT-3.15.1-1": refuses(malformed, "F1 09 18 07 15 0004 53434152"),
		"MQTT-3.15.2-1": refuses(protocol, "F0 09 19 07 15 0004 53434152", "F0 09 01 07 15 0004 53434152"),
		// An alias of 0, and one where none is allowed.
		"MQTT-3.3.2-8":  refuses(mqttwire.TopicAliasInvalid, "30 07 0001 61 03 23 0000"),
		"MQTT-3.1.2-27": refuses(mqttwire.TopicAliasInvalid, "30 07 0001 61 03 23 0001"),
		"MQTT-3.3.4-9":  exceedsReceiveMaximum,
		"MQTT-3.1.2-26": exceedsAliasMaximum,
		"MQTT-3.1.2-24": exceedsPacketSize,
		"MQTT-1.5.4-3":  keepsFEFF,
	}
}

func refusals311() statements {
	const (
		malformed = mqttwire.MalformedPacket
		protocol  = mqttwire.ProtocolError
	)
	return statements{
		"MQTT-1.5.3-1":  refuses(malformed, "30 04 0002 C080", "30 05 0003 EDA080", "30 03 0001 FF"),
		"MQTT-1.5.3-2":  refuses(malformed, "30 05 0003 610062"),
		"MQTT-1.5.3-3":  keepsFEFF,
		"MQTT-2.2.2-1":  refuses(malformed, "D1 00"),
		"MQTT-2.2.2-2":  refuses(malformed, "42 02 0001", "91 03 0001 00", "B1 02 0001"),
		"MQTT-2.3.1-1":  refuses(protocol, "32 05 0001 61 0000", "34 05 0001 61 0000"),
		"MQTT-3.3.1-2":  refuses(malformed, "38 03 0001 61"),
		"MQTT-3.3.1-4":  refuses(malformed, "36 05 0001 61 0001"),
		"MQTT-3.3.2-1":  refuses(malformed, "30 04 0002 C328"),
		"MQTT-3.3.2-2":  refuses(malformed, "30 05 0003 612F2B"),
		"MQTT-3.6.1-1":  refuses(malformed, "60 02 0001"),
		"MQTT-3.8.1-1":  refuses(malformed, "80 06 0001 0001 61 00"),
		"MQTT-3.10.1-1": refuses(malformed, "A0 05 0001 0001 61"),
		"MQTT-4.7.1-1":  refuses(malformed, "30 03 0001 2B", "30 03 0001 23"),
		"MQTT-4.7.3-1":  refuses(protocol, "30 02 0000"),
		"MQTT-4.7.3-2":  refuses(malformed, "30 03 0001 00"),
		// Packets that only clients send, a second CONNACK, bytes behind a packet's
		// fields, an AUTH, which is reserved, and a DISCONNECT.
		"MQTT-4.8.0-1": func(b *bench) {
			refuses(protocol, "82 06 0001 0001 61 00", "A2 05 0001 0001 61", "C0 00", "E0 00", "20 02 00 00")(b)
			refuses(malformed, "40 03 0001 00", "F0 00", "00 00", "40 01 00")(b)
		},
	}
}

func keepsFEFF(b *bench) {
	topics := b.collect(func(o Options) { _, b.p = b.greet(o, ok) })
	b.p.send("PUBLISH topic=\"\\ufeffa\" payload=x")
	synctest.Wait()
	if len(*topics) != 1 || !strings.HasPrefix((*topics)[0], "\ufeffa") {
		b.Errorf("got %q", *topics)
	}
}

// collect gives options that note each message as "topic payload".
func (b *bench) collect(connect func(o Options)) *[]string {
	var got []string
	o := b.options()
	o.Hooks.OnMessage = noteIn(&got)
	connect(o)
	return &got
}

func noteIn(got *[]string) func(p *mqttwire.Publish) error {
	return func(p *mqttwire.Publish) error {
		*got = append(*got, p.Topic+" "+string(p.Payload))
		return nil
	}
}

func exceedsReceiveMaximum(b *bench) {
	o := b.options()
	o.Connect.Properties = o.Connect.Properties.AddNumber(mqttwire.ReceiveMaximum, 2)
	// Two may be open at a time, for as long as the server waits for the answers.
	c, p := b.greet(o, ok)
	for range 3 {
		p.send("PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=a qos=2 packet-id=2", "PUBLISH topic=a qos=2 packet-id=2 dup=1", "PUBLISH topic=a")
		p.expect("PUBACK packet-id=1", "PUBREC packet-id=2", "PUBREC packet-id=2")
		p.send("PUBREL packet-id=2")
		p.expect("PUBCOMP packet-id=2")
	}
	p.send("PUBLISH topic=a qos=2 packet-id=1", "PUBLISH topic=a qos=2 packet-id=2")
	p.expect("PUBREC packet-id=1", "PUBREC packet-id=2")
	p.send("PUBLISH topic=a qos=1 packet-id=3")
	p.expect("DISCONNECT ReceiveMaximumExceeded")
	p.eof()
	<-c.Done()
	wantError[*ViolationError](b, c.Err(), "Receive Maximum of 2")
	// Three at once are too many too, though the first would be answered.
	c, p = b.greet(o, ok)
	p.send("PUBLISH topic=a qos=1 packet-id=1", "PUBLISH topic=a qos=1 packet-id=2", "PUBLISH topic=a qos=1 packet-id=3")
	p.expect("PUBACK packet-id=1", "PUBACK packet-id=2", "DISCONNECT ReceiveMaximumExceeded")
	p.eof()
	<-c.Done()
}

func exceedsAliasMaximum(b *bench) {
	o := b.options()
	o.Connect.Properties = o.Connect.Properties.AddNumber(mqttwire.TopicAliasMaximum, 2)
	c, p := b.greet(o, ok)
	p.send("PUBLISH topic=a topic-alias=2", "PUBLISH topic=a topic-alias=3")
	p.expect("DISCONNECT TopicAliasInvalid")
	p.eof()
	<-c.Done()
	wantError[*ViolationError](b, c.Err(), "topic alias 3")
	// One that stands for nothing.
	c, p = b.greet(o, ok)
	p.bytes([]byte{0x30, 6, 0, 0, 3, 0x23, 0, 1})
	p.expect("DISCONNECT ProtocolError")
	p.eof()
	<-c.Done()
}

func exceedsPacketSize(b *bench) {
	o := b.options()
	o.Connect.Properties = o.Connect.Properties.AddNumber(mqttwire.MaximumPacketSize, 20)
	got := b.collect(func(with Options) {
		o.Hooks = with.Hooks
		_, b.p = b.greet(o, ok)
	})
	b.p.send("PUBLISH topic=a payload=fourteen-bytes") // 20 bytes in all
	synctest.Wait()
	if len(*got) != 1 {
		b.Errorf("a packet of the maximum size is not delivered: %q", *got)
	}
	b.p.bytes([]byte{0x30, 19}) // the fixed header is enough
	b.p.expect("DISCONNECT PacketTooLarge")
	b.p.eof()
	wantError[*ViolationError](b, b.last().Err(), "too large")
}

// last is the client made last, at its end.
func (b *bench) last() *Client {
	c := b.clients[len(b.clients)-1]
	<-c.Done()
	return c
}
