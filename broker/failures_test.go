package broker

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// However many names a guesser makes up, the table stays within its bounds, and
// who is in it is not forgotten for their sake.
func TestFailuresAreBounded(t *testing.T) {
	var f failures
	now := time.Now()
	victim := suspect{netip.MustParseAddr("192.0.2.1"), "victim"}
	for range 5 {
		f.note(victim, 5, now)
	}
	flood := netip.MustParseAddr("198.51.100.1")
	for i := range 3 * mostSuspects {
		f.note(suspect{flood, fmt.Sprint("u", i)}, 5, now)
	}
	if len(f.known) > mostSuspects {
		t.Errorf("%d suspects are held", len(f.known))
	}
	if !f.over(victim, 5, now) {
		t.Error("who failed before is forgotten")
	}
	if f.over(suspect{flood, "somebody new"}, 5, now) {
		t.Error("a name is held to have failed for the address that it shares")
	}
	for range 6 {
		f.note(suspect{flood, ""}, 5, now)
	}
	if f.over(suspect{flood, ""}, 5, now) {
		t.Error("who gives no name is held to have guessed")
	}
	if f.over(suspect{netip.MustParseAddr("198.51.100.2"), "u"}, 5, now) {
		t.Error("an address that has done nothing is held to have failed")
	}
	for i := range 3 * mostSuspects {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		f.note(suspect{a, "u"}, 5, now)
	}
	if len(f.known) > mostSuspects {
		t.Errorf("%d suspects are held", len(f.known))
	}
	later := now.Add(failuresCounted + 2*time.Second)
	f.note(suspect{flood, "later"}, 5, later)
	if len(f.known) > 1 {
		t.Errorf("%d suspects are held whose failures count no more", len(f.known))
	}
}
