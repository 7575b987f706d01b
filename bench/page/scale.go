package page

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// A scale carries values to places from 0 to 1.
type scale struct {
	low, high float64
	log       bool
}

// at is where v is; what is out of bounds is at the edge.
func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(max(v, s.low))
	}
	if high <= low || math.IsNaN(v) {
		return 0
	}
	return min(max((v-low)/(high-low), 0), 1)
}

// A tick is a place of an axis, with its name, if it has one. A minor one has it
// only where there is room.
type tick struct {
	value float64
	label string
	minor bool
}

// An axis is a scale with its ticks and a title that says the unit.
type axis struct {
	scale
	title string
	ticks []tick
}

// fromZero is an axis from 0 to some round number at or above high, with up to n
// steps.
func fromZero(title string, high float64, n int, label func(float64) string) axis {
	if !(high > 0) || math.IsInf(high, 0) {
		high = 1
	}
	step := roundStep(high / float64(n))
	a := axis{title: title}
	for i := 0; ; i++ {
		v := float64(i) * step
		a.ticks = append(a.ticks, tick{value: v, label: label(v), minor: i%2 == 1})
		if v >= high*(1-1e-9) {
			a.scale = scale{0, v, false}
			return a
		}
	}
}

// roundStep is the 1, 2 or 5 of a power of ten at or above v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// decades is a logarithmic axis that has low and high in it, both above 0.
func decades(title string, low, high float64, label func(float64) string) axis {
	low, high = max(low, 1e-12), max(high, low, 1e-12)
	var values []float64
	for e := math.Floor(math.Log10(low) + 1e-9); ; e++ {
		for _, m := range []float64{1, 2, 5} {
			values = append(values, m*math.Pow(10, e))
		}
		if math.Pow(10, e+1) >= high*(1-1e-9) {
			values = append(values, math.Pow(10, e+1))
			break
		}
	}
	for len(values) > 2 && values[1] <= low*(1+1e-9) {
		values = values[1:]
	}
	for len(values) > 2 && values[len(values)-2] >= high*(1-1e-9) {
		values = values[:len(values)-1]
	}
	a := axis{scale: scale{values[0], values[len(values)-1], true}, title: title}
	for _, v := range values {
		t := tick{value: v, label: label(v)}
		if !isPower(v) {
			t.minor = true
			if a.high/a.low > 2001 {
				t.label = ""
			}
		}
		a.ticks = append(a.ticks, t)
	}
	return a
}

func isPower(v float64) bool {
	l := math.Log10(v)
	return math.Abs(l-math.Round(l)) < 1e-6
}

// seconds is an axis of time from 0 to high.
func seconds(high float64) axis {
	step := 1.0
	for _, step = range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400} {
		if high/step <= 8 {
			break
		}
	}
	for high/step > 8 {
		step *= 2
	}
	a := axis{scale: scale{0, max(high, 1e-9), false}, title: "seconds of the measured time"}
	format := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	if step >= 60 {
		a.title = "measured time, hours:minutes"
		format = func(v float64) string {
			minutes := int(v) / 60
			return strconv.Itoa(minutes/60) + ":" + strconv.Itoa(minutes%60/10) + strconv.Itoa(minutes%10)
		}
	}
	for i := 0; float64(i)*step <= high*(1+1e-9); i++ {
		v := math.Round(float64(i)*step*10) / 10
		a.ticks = append(a.ticks, tick{value: v, label: format(v), minor: i%2 == 1})
	}
	return a
}

// A magnitude is a name for so much of a unit.
type magnitude struct {
	size float64
	name string
}

// short is v in the greatest of the magnitudes that it reaches, or in the last.
func short(v float64, magnitudes ...magnitude) string {
	if v == 0 {
		return "0"
	}
	m := magnitudes[len(magnitudes)-1]
	for _, larger := range slices.Backward(magnitudes) {
		if v >= larger.size*(1-1e-9) {
			m = larger
		}
	}
	return strconv.FormatFloat(v/m.size, 'g', 4, 64) + m.name
}

// Labels of ticks: 250k; 2 ms, of µs; 5 MB.
func shortCount(v float64) string {
	return short(v, magnitude{1e9, "G"}, magnitude{1e6, "M"}, magnitude{1e3, "k"}, magnitude{1, ""})
}

func shortTime(us float64) string {
	return short(us, magnitude{1e6, " s"}, magnitude{1e3, " ms"}, magnitude{1, " µs"}, magnitude{1e-3, " ns"})
}

func shortBytes(v float64) string {
	return short(v, magnitude{1e9, " GB"}, magnitude{1e6, " MB"}, magnitude{1e3, " kB"}, magnitude{1, " B"})
}

func microseconds(d time.Duration) float64 { return float64(d) / 1e3 }

// times is an axis for times in µs: from zero, or of decades where the highest
// is far from the lowest, which is above 0.
func times(title string, low, high float64) axis {
	if low > 0 && high/low > 25 {
		return decades(title, low, high, shortTime)
	}
	return fromZero(title, high, 5, shortTime)
}
