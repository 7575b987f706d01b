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
		if testing.Short() && i%10 > 0 {
			continue
		}
		t.Run(s.Version.String()+"/"+s.Title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, err := journal.Open(journal.Options{Dir: t.TempDir(), Durability: journal.OS, SegmentSize: 64 << 10})
				if err != nil {
					t.Fatal(err)
				}
				o := optionsFor(t, s, broker.Options{Store: store})
				for _, setting := range s.Settings {
					if setting.Key == "max_queued_messages" {
						o.Limits.MaxQueuedDiskBytes = 1 // which would take what is over
					}
				}
				if r := playWith(t, s, o); r.Outcome != conformance.Pass {
					t.Error(r)
				}
			})
		})
	}
}
