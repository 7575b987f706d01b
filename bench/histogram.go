package bench

import (
	"iter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Histogram counts durations, to three digits, from a nanosecond to an hour:
// what is longer counts as an hour. It is not safe for concurrent use. The zero
// value is empty and ready.
type Histogram struct {
	h *hdrhistogram.Histogram // nil: empty
}

const longest = int64(time.Hour)

// Record counts n durations of ns nanoseconds; below zero is zero.
func (h *Histogram) Record(ns, n int64) {
	if h.h == nil {
		h.h = hdrhistogram.New(1, longest, 3)
	}
	_ = h.h.RecordValues(min(max(ns, 0), longest), n) // it is within bounds
}

// Add counts all that other has counted.
func (h *Histogram) Add(other *Histogram) {
	if other == nil || other.h == nil {
		return
	}
	if h.h == nil {
		h.h = hdrhistogram.New(1, longest, 3)
	}
	h.h.Merge(other.h)
}

// Reset forgets everything.
func (h *Histogram) Reset() {
	if h.h != nil {
		h.h.Reset()
	}
}

// Count is how many durations were counted.
func (h *Histogram) Count() int64 {
	if h == nil || h.h == nil {
		return 0
	}
	return h.h.TotalCount()
}

// Quantile is the duration that the share q of all do not pass, 0 <= q <= 1; that
// of nothing is 0.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Count() == 0 {
		return 0
	}
	if q >= 1 {
		return h.Max()
	}
	return time.Duration(h.h.ValueAtQuantile(100 * q))
}

// Max is the longest.
func (h *Histogram) Max() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.h.Max())
}

// Mean is their mean.
func (h *Histogram) Mean() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.h.Mean())
}

// All yields the durations that were counted, as exactly as they are kept, from
// the shortest on, and how often each one was.
func (h *Histogram) All() iter.Seq2[time.Duration, int64] {
	return func(yield func(time.Duration, int64) bool) {
		if h.Count() == 0 {
			return
		}
		for _, bar := range h.h.Distribution() {
			if bar.Count > 0 && !yield(time.Duration(bar.To), bar.Count) {
				return
			}
		}
	}
}
