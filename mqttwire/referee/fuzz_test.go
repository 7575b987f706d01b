package referee

import (
	"testing"
	"time"

	"mqtk/mqttwire"
)

// FuzzFeed feeds any bytes to both sides, cut anywhere, with gaps and ends: a
// conversation never panics, and keeps what came within its bounds.
func FuzzFeed(f *testing.F) {
	connect, _ := (&mqttwire.Connect{Version: mqttwire.V5, ClientID: "a"}).Append(nil, mqttwire.V5)
	connack, _ := (&mqttwire.Connack{}).Append(nil, mqttwire.V5)
	publish, _ := (&mqttwire.Publish{Topic: "a", QoS: 2, PacketID: 1}).Append(nil, mqttwire.V5)
	var script []byte
	say := func(what byte, b []byte) { script = append(append(script, what, byte(len(b))), b...) }
	say(0, connect)
	say(1, connack)
	say(0, publish)
	say(2, nil)
	say(1, publish)
	f.Add(script, false)
	f.Add(script, true)
	f.Fuzz(func(t *testing.T, script []byte, midway bool) {
		sessions := NewSessions()
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 2 { // the second connection finds the session of the first
			c := New(Options{Sessions: sessions, Midway: midway, MaxPacket: 64})
			play(c, script, &at)
			for i := range c.halves {
				if n := len(c.halves[i].tail); n > 64+2*256 {
					t.Fatalf("%d bytes are kept", n)
				}
			}
			c.Finish(at)
		}
	})
}

func play(c *Conversation, script []byte, at *time.Time) {
	for len(script) >= 2 {
		what, n := script[0], min(int(script[1]), len(script)-2)
		side := mqttwire.Client + mqttwire.Side(what&1)
		*at = at.Add(time.Duration(what>>3) * time.Millisecond)
		switch what >> 1 & 3 {
		case 0, 1:
			c.Feed(side, *at, script[2:2+n])
		case 2:
			c.Skip(side, *at, n)
		case 3:
			c.End(side, *at, n > 100)
		}
		script = script[2+n:]
	}
}
