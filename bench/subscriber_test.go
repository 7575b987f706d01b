package bench

import (
	"bytes"
	"testing"

	"mqtk/mqttwire"
)

// FuzzLikeness: what is taken for another packet like the last one is what the
// decoder takes it for.
func FuzzLikeness(f *testing.F) {
	for _, v := range []mqttwire.Version{mqttwire.V311, mqttwire.V5} {
		for q := range mqttwire.QoS(3) {
			m := mqttwire.Publish{Topic: "a/b", QoS: q, Payload: []byte("payload"), PacketID: mqttwire.PacketID(min(q, 1) * 7)}
			if v == mqttwire.V5 {
				m.Properties = m.Properties.AddText(mqttwire.ContentType, "text")
			}
			b, err := m.Append(nil, v)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b, b, byte(v))
			f.Add(b, append(bytes.Clone(b[:len(b)-1]), 'x', 0, 1), byte(v))
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte, version byte) {
		d := mqttwire.Decoder{Version: mqttwire.Version(version), From: mqttwire.Server}
		p, n, err := d.Decode(first)
		m, ok := p.(*mqttwire.Publish)
		if err != nil || n == 0 || !ok {
			return
		}
		var l likeness
		l.learn(first[:n], m)
		id, payload, used := l.read(second)
		if used == 0 {
			return
		}
		p, n, err = d.Decode(second)
		m, ok = p.(*mqttwire.Publish)
		if err != nil || !ok || n != used || m.PacketID != id || !bytes.Equal(m.Payload, payload) || second[0] != l.first {
			t.Fatalf("%x after %x: taken for %d bytes, id %d, payload %q; it is %v, %d bytes, %v", second, first, used, id, payload, p, n, err)
		}
	})
}

// TestLikenessKnowsTheNext: or it would never save anything.
func TestLikenessKnowsTheNext(t *testing.T) {
	for _, v := range []mqttwire.Version{mqttwire.V31, mqttwire.V311, mqttwire.V5} {
		for q := range mqttwire.QoS(3) {
			m := mqttwire.Publish{Topic: "a/b", QoS: q, Payload: make([]byte, 300)}
			if q > 0 {
				m.PacketID = 1
			}
			one, _ := m.Append(nil, v)
			m.PacketID *= 1000
			m.Payload[299] = 'x'
			two, _ := m.Append(nil, v)
			d := mqttwire.Decoder{Version: v, From: mqttwire.Server}
			p, n, err := d.Decode(one)
			if err != nil {
				t.Fatal(err)
			}
			var l likeness
			l.learn(one[:n], p.(*mqttwire.Publish))
			for cut := range two {
				if _, _, used := l.read(two[:cut]); used != 0 {
					t.Fatalf("%v QoS %d: %d of %d bytes are taken for a whole packet", v, q, cut, len(two))
				}
			}
			id, payload, used := l.read(two)
			if used != len(two) || id != m.PacketID || !bytes.Equal(payload, m.Payload) {
				t.Errorf("%v QoS %d: %d bytes of %d, id %d", v, q, used, len(two), id)
			}
		}
	}
}

func TestIDSet(t *testing.T) {
	var s idSet
	for _, id := range []mqttwire.PacketID{1, 64, 65535, 63} {
		if !s.add(id) || s.add(id) {
			t.Errorf("%d is not there once", id)
		}
	}
	s.remove(64)
	s.remove(1000)
	if !s.add(64) || s.add(63) || s.add(65535) {
		t.Error("another one is gone")
	}
}

// TestSubscriberJudges: what is not the next message of a publisher whose topic
// it comes by is told apart.
func TestSubscriberJudges(t *testing.T) {
	r, pub, sub := still(t, Plan{})
	f := sub.w.phase
	pub.fan.sent.Store(10)
	good := header{tag: f.tag, publisher: 0, sequence: 3, sent: r.clock.now()}
	for _, test := range []struct {
		name  string
		topic string
		spoil func(h *header, payload []byte) []byte
		want  Counts
	}{
		{"good", pub.topic, func(_ *header, b []byte) []byte { return b }, Counts{Delivered: 1, BytesReceived: 64}},
		{"by another topic", "a/b", func(_ *header, b []byte) []byte { return b }, Counts{Foreign: 1}},
		{"no header", pub.topic, func(_ *header, b []byte) []byte { return b[:HeaderSize-1] }, Counts{Foreign: 1}},
		{"of another run", pub.topic, func(h *header, b []byte) []byte { h.tag += 2; return b }, Counts{Foreign: 1}},
		{"of the warm-up", pub.topic, func(h *header, b []byte) []byte { h.tag |= warmupTag; return b }, Counts{}},
		{"of nobody", pub.topic, func(h *header, b []byte) []byte { h.publisher = 1; return b }, Counts{Corrupted: 1}},
		{"not sent yet", pub.topic, func(h *header, b []byte) []byte { h.sequence = 10; return b }, Counts{Corrupted: 1}},
		{"another byte", pub.topic, func(_ *header, b []byte) []byte { b[40] ^= 1; return b }, Counts{Delivered: 1, BytesReceived: 64, Corrupted: 1}},
		{"too short", pub.topic, func(_ *header, b []byte) []byte { return b[:63] }, Counts{Delivered: 1, BytesReceived: 63, Corrupted: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			sub.w.prepare(f)
			pub.fan.sent.Store(10)
			h, payload := good, bytes.Clone(r.fill)
			payload = test.spoil(&h, payload)
			if len(payload) >= HeaderSize {
				h.put(payload)
			}
			m := mqttwire.Publish{Topic: test.topic, Payload: payload}
			b, err := m.Append(nil, mqttwire.V5)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := sub.take(sub.c, b); n != len(b) || err != nil {
				t.Errorf("%d bytes of %d, %v", n, len(b), err)
			}
			if got := sub.w.tally.Counts; got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}
