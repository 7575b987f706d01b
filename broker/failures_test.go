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
	victim := suspect{address: netip.MustParseAddr("192.0.2.1"), username: "victim"}
	for range 5 {
		f.note(victim, 5, now)
	}
	flood := netip.MustParseAddr("198.51.100.1")
	for i := range 3 * mostSuspects {
		f.note(suspect{address: flood, username: fmt.Sprint("u", i)}, 5, now)
	}
	if len(f.known) > mostSuspects+1 {
		t.Errorf("%d suspects are held", len(f.known))
	}
	if !f.over(victim, 5, now) {
		t.Error("who failed before is forgotten")
	}
	if !f.over(suspect{address: flood, username: "somebody new"}, 5, now) {
		t.Error("the address that floods is asked about one more name")
	}
	if f.over(suspect{address: netip.MustParseAddr("198.51.100.2"), username: "u"}, 5, now) {
		t.Error("an address that has done nothing is held to have failed")
	}
	for i := range 3 * mostSuspects {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		f.note(suspect{address: a, username: "u"}, 5, now)
	}
	if len(f.known) > 2*mostSuspects {
		t.Errorf("%d suspects are held", len(f.known))
	}
	later := now.Add(failuresCounted + 2*time.Second)
	f.note(suspect{address: flood, username: "later"}, 5, later)
	if len(f.known) > 1 {
		t.Errorf("%d suspects are held whose failures count no more", len(f.known))
	}
}

// Who gives no name, and fails, is not held against those who do; nor does one who
// succeeds without a name let others guess on.
func TestFailuresWithoutName(t *testing.T) {
	var f failures
	now, address := time.Now(), netip.MustParseAddr("192.0.2.1")
	nobody := suspect{address: address}
	for range 5 {
		f.note(nobody, 5, now)
	}
	f.forgive(nobody)
	if !f.over(nobody, 5, now) {
		t.Error("who gives no name may go on")
	}
	if f.over(suspect{address: address, username: "u"}, 5, now) {
		t.Error("who gives a name is held to have failed")
	}
}
