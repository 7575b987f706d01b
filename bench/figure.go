package bench

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Format is v as a person reads it, with its unit.
func (m Metric) Format(v float64) string {
	switch m.Unit {
	case UnitMicroseconds:
		return FormatTime(time.Duration(v * 1e3))
	case UnitSeconds:
		return FormatTime(time.Duration(v * 1e9))
	case UnitPerSecond:
		return FormatCount(v) + "/s"
	case UnitBytes:
		return FormatBytes(v)
	case UnitBytesRate:
		return FormatBytes(v) + "/s"
	case UnitShare:
		return FormatPercent(v)
	case UnitPerMessage, UnitPerConnection:
		return digits(v) + " µs"
	case UnitCores:
		return digits(v)
	case UnitTruth:
		if v != 0 {
			return "yes"
		}
		return "no"
	}
	return FormatCount(v)
}

// FormatCount is a whole number with commas at the thousands; below 10 and not whole it
// keeps two digits behind the point.
func FormatCount(v float64) string {
	if math.Abs(v) < 10 && v != math.Trunc(v) {
		return digits(v)
	}
	s := strconv.FormatFloat(math.Abs(math.Round(v)), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v <= -0.5 {
		s = "-" + s
	}
	return s
}

// digits is v with three digits; below 0.1 with two.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a < 0.0995:
		two, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 1, 64), 64)
		return strconv.FormatFloat(two, 'f', -1, 64)
	case a < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return FormatCount(v)
}

// FormatTime is a duration with three digits and the unit that suits it.
func FormatTime(d time.Duration) string {
	switch v := d.Abs().Seconds(); {
	case d == 0:
		return "0"
	case v < 0.9995e-6:
		return strconv.FormatInt(int64(d), 10) + " ns"
	case v < 0.9995e-3:
		return digits(d.Seconds()*1e6) + " µs"
	case v < 0.9995:
		return digits(d.Seconds()*1e3) + " ms"
	}
	return digits(d.Seconds()) + " s"
}

// FormatBytes is a number of bytes, by thousands.
func FormatBytes(v float64) string {
	units := []string{" B", " kB", " MB", " GB", " TB"}
	i := 0
	for ; math.Abs(v) >= 999.5 && i < len(units)-1; i++ {
		v /= 1000
	}
	if i == 0 {
		return strconv.FormatFloat(v, 'f', 0, 64) + units[0]
	}
	return digits(v) + units[i]
}

// FormatPercent is a share in %, 0.12 being 12%. What is more than nothing does
// not look like nothing, nor what is less than all like all.
func FormatPercent(share float64) string {
	p := math.Abs(100 * share)
	rest := min(p, math.Abs(100-p))
	if rest < 1e-9 || p > 100 {
		return FormatCount(100*share) + "%"
	}
	precision := min(max(1-int(math.Floor(math.Log10(rest))), 0), 9)
	s := strconv.FormatFloat(100*share, 'f', precision, 64)
	if precision > 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s + "%"
}
