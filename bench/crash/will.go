package crash

import (
	"context"
	"time"

	"mqtk/mqttwire"
)

// A testator has a will for each of its connections, and no session. That it
// is due is known when the connection broke: the broker took it with the
// CONNACK, and never heard a DISCONNECT.
type testator struct {
	*session
	line *line
}

func (r *run) testator(index int) *testator {
	s := r.session("w", index)
	return &testator{s, r.ledger.line(s.clientID, r.topic("will/w"+decimal(index)), 2, r.o.Size, true)}
}

func (t *testator) live(ctx context.Context) {
	for ctx.Err() == nil {
		if !t.stay(ctx) {
			pause(ctx, t.some(20*time.Millisecond))
		}
	}
}

// stay is one connection with one will.
func (t *testator) stay(ctx context.Context) (stayed bool) {
	if t.run.gate.enter(ctx) != nil {
		return false
	}
	defer t.run.gate.leave()
	number, payload := t.run.ledger.sent(t.line)
	connect := &mqttwire.Connect{
		Version: t.version, ClientID: t.clientID, CleanStart: true, KeepAlive: keepAlive,
		Will: &mqttwire.Will{Topic: t.line.topic, QoS: 2, Payload: payload},
	}
	conn, _, err := t.run.connect(ctx, connect)
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Disconnect(nil) })()
	for err == nil {
		_, err = conn.ReadPacket()
	}
	if ctx.Err() == nil {
		t.run.violated(t.clientID, err)
		t.run.ledger.acknowledged(t.line, number)
	}
	return true
}
