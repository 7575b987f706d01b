package client

import (
	"context"
	"io"
	"testing"

	"mqtk/mqttwire"
)

// Whatever a server sends, a client with everything under way ends, and has
// delivered nothing above QoS 2 or without a topic.
func FuzzServer(f *testing.F) {
	for _, lines := range [][]string{
		{"CONNACK Success", "SUBACK GrantedQoS0 packet-id=1", "PUBACK packet-id=2", "PUBREC packet-id=3", "PUBCOMP packet-id=3"},
		{"CONNACK Success receive-maximum=1 maximum-qos=1", "PUBLISH topic=a qos=2 packet-id=1 topic-alias=1 payload=x", "PUBREL packet-id=1", "PINGRESP"},
		{"CONNACK ServerBusy"}, {"CONNACK Success", "DISCONNECT ServerMoved server-reference=x"}, {"AUTH ContinueAuthentication authentication-method=x"},
	} {
		var whole []byte
		for _, line := range lines {
			p, err := mqttwire.ParseText(line, mqttwire.V5)
			if err != nil {
				f.Fatal(err)
			}
			whole, _ = p.Append(whole, mqttwire.V5)
		}
		f.Add(byte(5), whole)
	}
	f.Add(byte(4), []byte{0x20, 2, 0, 0, 0x32, 5, 0, 1, 'a', 0, 1, 0x40, 2, 0, 2})
	f.Fuzz(func(t *testing.T, version byte, server []byte) {
		inBubble(t, func(b *bench) {
			if b.version = mqttwire.V5; version != 5 {
				b.version = mqttwire.V311
			}
			o := b.options()
			o.Connect.KeepAlive = 60
			if b.version == mqttwire.V5 {
				o.Connect.Properties = o.Connect.Properties.AddNumber(mqttwire.TopicAliasMaximum, 4)
			}
			o.Hooks.OnMessage = func(p *mqttwire.Publish) error {
				if p.Topic == "" || p.QoS > 2 || (p.QoS == 0) != (p.PacketID == 0) {
					t.Errorf("delivered %s", mqttwire.AppendText(nil, p, b.version))
				}
				return nil
			}
			k := b.connect(o)
			p := b.accept()
			go io.Copy(io.Discard, p)
			p.Write(server[:min(len(server), 5)])
			if p.Write(server[min(len(server), 5):]); len(server)%2 == 0 {
				p.CloseWrite()
			}
			if <-k.done; k.err != nil {
				return
			}
			go k.c.Subscribe(context.Background(), []mqttwire.Subscription{{Filter: "a"}}, nil)
			go k.c.Publish(context.Background(), &mqttwire.Publish{Topic: "a", QoS: 1}, nil)
			go k.c.Publish(context.Background(), &mqttwire.Publish{Topic: "a", QoS: 2}, nil)
			if k.c.Grants().KeepAlive == 0 { // a server may wish so, and then be silent for ever
				k.c.Close()
			}
			<-k.c.Done() // by what came, or for want of a PINGRESP
			if k.c.Err() == nil {
				t.Error("ended without an error")
			}
		})
	})
}
