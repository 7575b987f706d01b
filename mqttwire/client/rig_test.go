package client

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A rig is a client on a server that acknowledges everything, in real time.
type rig struct {
	c        *Client
	near     *transport.MemConn
	far      *transport.MemConn
	received atomic.Int64
	more     chan struct{}
}

func newRig(t testing.TB, q mqttwire.QoS) *rig {
	r := &rig{more: make(chan struct{}, 1)}
	r.near, r.far = transport.MemPair()
	go r.serve()
	var err error
	r.c, err = Connect(context.Background(), Options{
		Dial:    func(context.Context) (net.Conn, error) { return r.near, nil },
		Connect: mqttwire.Connect{Version: mqttwire.V5, ClientID: "a", CleanStart: true},
		Hooks: Hooks{
			OnMessage: func(*mqttwire.Publish) error { r.received.Add(1); return nil },
			OnDrained: func() error {
				select {
				case r.more <- struct{}{}:
				default:
				}
				return nil
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) close() {
	r.c.Close()
	r.far.Close()
}

// serve answers in batches, as a broker does.
func (r *rig) serve() {
	decoder := mqttwire.Decoder{From: mqttwire.Client}
	buffer, out := make([]byte, 64<<10), make([]byte, 0, 64<<10)
	var ack mqttwire.Ack
	for held := 0; ; {
		n, err := r.far.Read(buffer[held:])
		if err != nil {
			return
		}
		held += n
		used := 0
		for {
			p, n, err := decoder.Decode(buffer[used:held])
			if err != nil {
				panic(err)
			}
			if n == 0 {
				break
			}
			used += n
			switch p := p.(type) {
			case *mqttwire.Connect:
				out, _ = (&mqttwire.Connack{}).Append(out, mqttwire.V5)
			case *mqttwire.Publish:
				if ack = (mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID}); p.QoS == 2 {
					ack.Kind = mqttwire.PUBREC
				}
				if p.QoS > 0 {
					out, _ = ack.Append(out, mqttwire.V5)
				}
			case *mqttwire.Ack:
				if ack = (mqttwire.Ack{Kind: mqttwire.PUBCOMP, PacketID: p.PacketID}); p.Kind == mqttwire.PUBREL {
					out, _ = ack.Append(out, mqttwire.V5)
				}
			}
		}
		held = copy(buffer, buffer[used:held])
		if len(out) > 0 {
			r.far.Write(out)
			out = out[:0]
		}
	}
}

// burst publishes n messages and waits for them.
func (r *rig) burst(t testing.TB, m *mqttwire.Publish, n int) {
	for range n {
		if err := r.c.Publish(context.Background(), m, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.c.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
}
