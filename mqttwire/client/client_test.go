package client

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

func TestPublishAtEachQoS(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, p := b.greet(b.options(), "CONNACK Success")
		wait := b.publish(c, "topic=a payload=0")
		p.expect("PUBLISH topic=a payload=0")
		if r, err := wait(); r != 0 || err != nil {
			t.Errorf("QoS 0: %v, %v", r, err)
		}
		wait = b.publish(c, "topic=a qos=1 payload=1")
		p.expect("PUBLISH topic=a qos=1 packet-id=1 payload=1")
		p.send("PUBACK NoMatchingSubscribers packet-id=1")
		if r, err := wait(); r != mqttwire.NoMatchingSubscribers || err != nil {
			t.Errorf("QoS 1: %v, %v", r, err)
		}
		wait = b.publish(c, "topic=a qos=2 payload=2")
		p.expect("PUBLISH topic=a qos=2 packet-id=2 payload=2")
		p.send("PUBREC packet-id=2")
		p.expect("PUBREL packet-id=2")
		p.send("PUBCOMP packet-id=2")
		if r, err := wait(); r != mqttwire.Success || err != nil {
			t.Errorf("QoS 2: %v, %v", r, err)
		}
		end := b.background(func() error { return c.Disconnect(b.Context(), nil) })
		p.expect("DISCONNECT NormalDisconnection")
		p.eof()
		if err := end(); err != nil {
			t.Error(err)
		}
		if !errors.Is(c.Err(), ErrClosed) {
			t.Errorf("Err: %v", c.Err())
		}
	})
}

func TestSubscribeAndReceive(t *testing.T) {
	inBubble(t, func(b *bench) {
		var got []string
		o := b.options()
		o.Hooks.OnMessage = func(m *mqttwire.Publish) error {
			got = append(got, string(mqttwire.AppendText(nil, m, mqttwire.V5)))
			return nil
		}
		c, p := b.greet(o, "CONNACK Success")
		var reasons []mqttwire.ReasonCode
		wait := b.background(func() (err error) {
			reasons, err = c.Subscribe(b.Context(), []mqttwire.Subscription{{Filter: "a/#", QoS: 2}, {Filter: "b", QoS: 1}}, nil)
			return err
		})
		p.expect("SUBSCRIBE packet-id=1 filter=a/# qos=2 filter=b qos=1")
		p.send("SUBACK GrantedQoS2 NotAuthorized packet-id=1")
		if err := wait(); err != nil || len(reasons) != 2 || reasons[1] != mqttwire.NotAuthorized {
			t.Errorf("Subscribe: %v, %v", reasons, err)
		}
		p.send("PUBLISH topic=a/0 payload=x", "PUBLISH topic=a/1 qos=1 packet-id=7 payload=y", "PUBLISH topic=a/2 qos=2 packet-id=8 payload=z")
		p.expect("PUBACK packet-id=7", "PUBREC packet-id=8")
		p.send("PUBREL packet-id=8")
		p.expect("PUBCOMP packet-id=8")
		want := []string{"PUBLISH topic=a/0 payload=x", "PUBLISH topic=a/1 qos=1 packet-id=7 payload=y", "PUBLISH topic=a/2 qos=2 packet-id=8 payload=z"}
		if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
			t.Errorf("got %q", got)
		}
		unsubscribed := b.background(func() (err error) {
			reasons, err = c.Unsubscribe(b.Context(), []string{"a/#"}, nil)
			return err
		})
		p.expect("UNSUBSCRIBE packet-id=2 filter=a/#")
		p.send("UNSUBACK Success packet-id=2")
		if err := unsubscribed(); err != nil || len(reasons) != 1 || reasons[0] != mqttwire.Success {
			t.Errorf("Unsubscribe: %v, %v", reasons, err)
		}
	})
}

func TestReconnectBacksOff(t *testing.T) {
	inBubble(t, func(b *bench) {
		var waits []time.Duration
		o := b.durable()
		o.Hooks.OnRetry = func(err error, wait time.Duration) error {
			waits = append(waits, wait)
			return nil
		}
		_, p := b.greet(o, "CONNACK Success")
		p.Close()
		for range 8 {
			p = b.accept()
			p.Close()
		}
		b.welcome("CONNACK Success session-present=1")
		synctest.Wait()
		full := []time.Duration{1, 2, 4, 8, 16, 30, 30, 30, 30}
		if len(waits) != len(full) {
			t.Fatalf("waits %v", waits)
		}
		for i, w := range waits {
			if most := full[i] * time.Second; w > most || w < most*3/4 {
				t.Errorf("wait %d is %v, want 3/4 to all of %v", i, w, most)
			}
		}
	})
}
