package fuzz

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
)

// FuzzDissect: what is taken apart and put together again is what it was, if
// it is a packet; and whatever it is, its text form and what is a little less
// than it can be written.
func FuzzDissect(f *testing.F) {
	for n := range 40 {
		for _, s := range Generate(1, n, mqttwire.V5).Steps {
			if b, err := s.bytes(mqttwire.V5); err == nil && len(b) > 0 && len(b) < 500 {
				f.Add(b, byte(mqttwire.V5), uint64(n))
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, version byte, seed uint64) {
		v := mqttwire.V31 + mqttwire.Version(version%3)
		s := stepOf(1, Send, raw, v)
		if len(raw) > 0 {
			if _, err := conformance.Parse("step", "=== step\n# "+v.String()+":\n"+s.String()); err != nil {
				t.Fatalf("%s: %v", s.String(), err)
			}
		}
		simplerBytes(raw)
		d := mqttwire.Decoder{Version: v}
		if _, n, err := d.Decode(raw); err != nil || n != len(raw) || n == 0 {
			return
		}
		if got := dissect(raw, v).append(nil); !bytes.Equal(got, raw) {
			minimal, _ := s.bytes(v) // a length may have been longer than needed
			if !bytes.Equal(got, minimal) && s.Text != "" {
				t.Fatalf("%x became %x", raw, got)
			}
		}
		mutated(rand.New(rand.NewPCG(seed, 0)), raw, v, "fz")
	})
}
