package bench

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// TestSeries: the seconds are those of the measured time, and all that was
// counted is in them.
func TestSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{})
		defer b.close()
		r, err := Run(t.Context(), Plan{Shape: Pairs, Publishers: 2, Subscribers: 2, Rate: 100, Duration: 2500 * time.Millisecond, Target: b.target()})
		if err != nil {
			t.Fatal(err)
		}
		var sent, delivered int64
		for i, p := range r.Series {
			sent, delivered = sent+p.Sent, delivered+p.Delivered
			if i < 2 && (math.Abs(p.At-float64(i+1)) > 0.3 || math.Abs(p.Seconds-1) > 0.3) {
				t.Errorf("point %d: %+v", i, p)
			}
		}
		if len(r.Series) != 3 || sent != 250 || sent != r.Counts.Sent || delivered != r.Counts.Delivered {
			t.Errorf("%d points, %d sent, %d delivered of %+v", len(r.Series), sent, delivered, r.Counts)
		}
	})
}
