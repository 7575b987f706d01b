package fuzz

import (
	"strings"
	"testing"

	"mqtk/mqttwire"
)

// TestTrail: what may stay is known from the bytes, also of packets that are
// broken or sent in pieces.
func TestTrail(t *testing.T) {
	for _, test := range []struct {
		steps            []Step
		version          mqttwire.Version
		sessions, topics string
	}{
		{[]Step{{Client: 1, Text: "CONNECT version=5 client-id=a session-expiry-interval=9 will-topic=w will-retain=1 will-payload=x"}}, mqttwire.V5, "a", "w"},
		{[]Step{{Client: 1, Text: "CONNECT version=5 client-id=a"}}, mqttwire.V5, "", ""},
		{[]Step{{Client: 1, Text: "CONNECT version=3.1.1 client-id=a clean-start=0"}}, mqttwire.V311, "a", ""},
		{[]Step{{Client: 1, Raw: []byte{0x31, 6, 0, 2, 'b'}}, {Client: 2, Raw: []byte{0x30, 3, 0, 1, 'n'}}, {Client: 1, Raw: []byte("/\x00p")}}, mqttwire.V311, "", "b/"},
		{[]Step{{Client: 1, Raw: []byte{0x30, 7, 0, 1, 'n', 3, 0x23, 0, 1}}, {Client: 1, Raw: []byte{0x31, 6, 0, 0, 3, 0x23, 0, 1}}}, mqttwire.V5, "", "n"},
		{[]Step{{Client: 1, Raw: []byte{0x31, 200}}, {Client: 2, Raw: []byte{0x31, 9, 0, 90}}}, mqttwire.V5, "", ""},
	} {
		trail := newTrail()
		trail.add(test.steps, test.version)
		if s, n := strings.Join(sorted(trail.sessions), " "), strings.Join(sorted(trail.topics), " "); s != test.sessions || n != test.topics {
			t.Errorf("%v: sessions %q, topics %q, want %q and %q", test.steps, s, n, test.sessions, test.topics)
		}
	}
}

// TestContained: a retained message whose topic was hit by chance is not
// retained, and one that stays below the prefix is left as it is.
func TestContained(t *testing.T) {
	if got := contained([]byte{0x31, 4, 0, 1, 'n', 'p'}, mqttwire.V311, "fz"); got[0] != 0x30 {
		t.Errorf("% x", got)
	}
	if got := contained([]byte("\x31\x06\x00\x04fz/a"), mqttwire.V311, "fz"); got[0] != 0x31 {
		t.Errorf("% x", got)
	}
	will := []byte("\x10\x10\x00\x04MQTT\x04\x26\x00\x00\x00\x01a\x00\x01w\x00\x01x")
	if got := contained(will, mqttwire.V311, "fz"); got[9] != 0x06 {
		t.Errorf("% x", got)
	}
}

func FuzzLoose(f *testing.F) {
	f.Add([]byte("\x10\x10\x00\x04MQTT\x05\x26\x00\x00\x02\x11\x00\x00\x01a\x00\x01w\x00\x01x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for v := mqttwire.V31; v <= mqttwire.V5; v++ {
			newTrail().follow(b, v)
			contained(append([]byte(nil), b...), v, "fz")
		}
	})
}
