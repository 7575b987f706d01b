package mqttwire

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"
)

// Whatever comes, and whoever sends it: no panic, nothing read behind the
// packet, and what decodes can be said again and means the same.
func FuzzDecode(f *testing.F) {
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(data, &file); err != nil {
		f.Fatal(err)
	}
	for _, v := range file.Packets {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			f.Fatal(err)
		}
		d := v.decoder()
		f.Add(b, byte(d.Version), byte(d.From))
	}
	m := maker{rand.New(rand.NewPCG(8, 9)), V5}
	for range 50 {
		if b, err := m.packet().Append(nil, V5); err == nil && len(b) < 500 {
			f.Add(b, byte(V5), byte(Either))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, version, from byte) {
		version, from = version%6, from%3
		d := &Decoder{Version: Version(version), From: Side(from), Limits: Limits{MaxUserProperties: 100, MaxFilters: 100}}
		p, n, err := d.Decode(fenced(b))
		if err != nil || n == 0 {
			if n != 0 || err == nil && p != nil {
				t.Fatalf("%v, %d, %v", p, n, err)
			}
			checkUnread(t, p, err)
			return
		}
		if n > len(b) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
		again, err := p.Append(nil, d.Version)
		if err != nil {
			t.Fatalf("%s cannot be said again: %v", dump(p), err)
		}
		q, m, err := (&Decoder{Version: d.Version, From: d.From}).Decode(fenced(again))
		if err != nil || m != len(again) || dump(q) != dump(p) {
			t.Fatalf("%v, %d of %d\n got %s\nwant %s", err, m, len(again), dump(q), dump(p))
		}
		if publish, ok := p.(*Publish); ok {
			checkForward(t, publish, d.Version)
		}
	})
}

// checkUnread: besides an error only a CONNECT is ever given, for its version.
func checkUnread(t *testing.T, p Packet, err error) {
	if p == nil {
		return
	}
	bad, ok := err.(*Error)
	if p.Type() != CONNECT || !ok || bad.Reason != UnsupportedProtocolVersion {
		t.Fatalf("%s with %v", dump(p), err)
	}
}

// checkForward: a forwarded message differs in what Forward says alone.
func checkForward(t *testing.T, p *Publish, v Version) {
	if v != V5 {
		return
	}
	want := *p
	want.Properties = p.Properties.AppendWithout(nil, TopicAlias, SubscriptionIdentifier).AddNumber(TopicAlias, 9).AddNumber(SubscriptionIdentifier, 200)
	b, at, err := p.AppendForward(nil, v, Forward{TopicAlias: 9, SubscriptionIdentifiers: []uint32{200}})
	if err != nil || at >= 0 != (p.QoS > 0) {
		t.Fatalf("%s: %d, %v", dump(p), at, err)
	}
	q, _, err := (&Decoder{Version: v}).Decode(b)
	if err != nil || dump(q) != dump(&want) {
		t.Fatalf("%v\n got %s\nwant %s", err, dump(q), dump(&want))
	}
}
