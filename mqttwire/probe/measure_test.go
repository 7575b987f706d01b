package probe_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/probe"
	"mqtk/mqttwire/transport"
)

func everything(topics ...string) probe.Wanted {
	return probe.Wanted{Receive: true, QoS2: true, Certificate: true, Retained: topics}
}

func TestMeasure(t *testing.T) {
	against(t, nil, func(t *testing.T, _ *broker.Broker, o probe.Options) {
		retained(t, o, "state", "now")
		defer retained(t, o, "state", "")
		m, err := probe.Measure(t.Context(), o, everything("state", "nothing"))
		if err != nil {
			t.Fatal(err)
		}
		if m.Receive.Err != nil || m.QoS2.Err != nil || m.Certificate.Err == nil {
			t.Errorf("got %+v", m)
		}
		if k := m.Retained[0]; !k.Found || string(k.Payload) != "now" || k.Err != nil {
			t.Errorf("got %+v", k)
		}
		if k := m.Retained[1]; k.Found || k.Err != nil {
			t.Errorf("got %+v", k)
		}
	})
}

func retained(t *testing.T, o probe.Options, topic, payload string) {
	t.Helper()
	nc, err := o.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewConn(nc, client.ConnOptions{AutoFlush: true})
	if _, err := c.Handshake(context.Background(), &mqttwire.Connect{CleanStart: true}); err != nil {
		t.Fatal(err)
	}
	_ = c.WritePacket(&mqttwire.Publish{Topic: topic, Retain: true, Payload: []byte(payload)})
	_ = c.Disconnect(nil)
}

// TestMeasureTimes: what takes a certain time is measured to take it.
func TestMeasureTimes(t *testing.T) {
	against(t, nil, func(t *testing.T, _ *broker.Broker, o probe.Options) {
		o.Dial = slowDial(o.Dial, 70*time.Millisecond, 10*time.Millisecond)
		m, err := probe.Measure(t.Context(), o, everything())
		if err != nil {
			t.Fatal(err)
		}
		if m.Connect != 80*time.Millisecond || m.Receive.Took != 10*time.Millisecond || m.QoS2.Took != 20*time.Millisecond {
			t.Errorf("got %v, %v, %v", m.Connect, m.Receive.Took, m.QoS2.Took)
		}
	})
}

// TestMeasureSilence: a broker that falls silent is told of within the time.
func TestMeasureSilence(t *testing.T) {
	against(t, []string{"max_qos=1"}, func(t *testing.T, _ *broker.Broker, o probe.Options) {
		m, err := probe.Measure(t.Context(), o, everything())
		if err != nil {
			t.Fatal(err)
		}
		if m.Receive.Err != nil || m.QoS2.Err == nil {
			t.Errorf("got %+v", m)
		}
		o.Dial = func(context.Context) (net.Conn, error) {
			near, _ := transport.MemPair()
			return near, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		var timeout *client.TimeoutError
		if _, err := probe.Measure(ctx, o, everything()); !errors.As(err, &timeout) || time.Since(start) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}
