package broker

import (
	"testing"

	"mqtk/mqttwire"
)

// A deadline that fires late finds a session that was taken up since, and left
// again: to stay, and with a will that waits for its end.
func TestDeadlineOfAFormerAbsence(t *testing.T) {
	b, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Shutdown(t.Context())
	s := b.newSession(&Identity{ClientID: "a"}, 1)
	b.registry.sessions.Put(s)
	s.expiry.Store(noExpiry)
	s.endsNow()
	if b.findSession("a") != s {
		t.Error("a session that never ends has ended")
	}
	s.expiry.Store(60)
	s.will = newWill(&mqttwire.Will{Topic: "t"}, "t", "a")
	s.will.delay = 100
	s.willIsDue()
	if s.will == nil {
		t.Error("the will went before its session's end")
	}
	s.will.delay = 30
	s.willIsDue()
	if s.will != nil {
		t.Error("the will did not go when it was due")
	}
	s.endsNow()
	if b.findSession("a") != nil {
		t.Error("the session has not ended")
	}
}
