package commands

import (
	"os"
	"os/signal"
	"testing"
	"testing/synctest"
	"time"
)

// TestBriefSignals: a brief conversation catches signals once it lasts, others and
// those that are watched do so at once; and none that is over.
func TestBriefSignals(t *testing.T) {
	outside := make(chan os.Signal, 1) // what the runtime starts for it is of no bubble
	signal.Notify(outside, os.Interrupt)
	signal.Stop(outside)
	for name, test := range map[string]struct{ brief, debug, early bool }{
		"brief": {brief: true}, "traced": {brief: true, debug: true, early: true}, "long": {early: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := func() (armed func() bool, end func()) {
					l, cancel := new(program).newLink(t.Context(), &connectOptions{Debug: test.debug}, plan{brief: test.brief})
					return func() bool {
						synctest.Wait()
						select {
						case <-l.armed:
							return true
						default:
							return false
						}
					}, cancel
				}
				armed, end := begin()
				time.Sleep(briefly - time.Nanosecond)
				if got := armed(); got != test.early {
					t.Errorf("early: signals are caught: %t", got)
				}
				time.Sleep(time.Nanosecond)
				if !armed() {
					t.Error("late: signals are not caught")
				}
				end()
				armed, end = begin()
				end()
				time.Sleep(time.Second)
				if armed() && !test.early {
					t.Error("over: signals are caught")
				}
			})
		})
	}
}
