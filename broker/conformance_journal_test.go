package broker_test

import (
	"testing"
	"testing/synctest"

	"mqtk/broker"
	"mqtk/broker/journal"
	"mqtk/mqttwire/conformance"
)

// TestSpecOnDisk plays all scripts again, against brokers that keep their state
// in a journal: what waits for the disk waits in the right place.
func TestSpecOnDisk(t *testing.T) {
	scripts, err := conformance.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range scripts {
		if testing.Short() && i%10 > 0 || countsQueued(s) {
			continue
		}
		t.Run(s.Version.String()+"/"+s.Title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, err := journal.Open(journal.Options{Dir: t.TempDir(), Durability: journal.OS, SegmentSize: 64 << 10})
				if err != nil {
					t.Fatal(err)
				}
				o := optionsFor(t, s, broker.Options{Store: store})
				if r := playWith(t, s, o); r.Outcome != conformance.Pass {
					t.Error(r)
				}
			})
		})
	}
}

// countsQueued says whether a script is about a queue that is full by its count,
// which binds in memory alone.
func countsQueued(s *conformance.Script) bool {
	for _, setting := range s.Settings {
		if setting.Key == "max_queued_messages" {
			return true
		}
	}
	return false
}
