package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
)

func parseTypes(value string) (types []mqttwire.PacketType, err error) {
	for word := range strings.SplitSeq(value, "|") {
		var names []string
		found := mqttwire.PacketType(0)
		for t := mqttwire.CONNECT; t <= mqttwire.AUTH; t++ {
			names = append(names, t.String())
			if strings.EqualFold(word, t.String()) {
				found = t
			}
		}
		if found == 0 {
			return nil, fmt.Errorf("type=%s: no packet is called %q; %s", value, word, near(strings.ToUpper(word), names))
		}
		types = append(types, found)
	}
	return types, nil
}

// parseSpan reads a time, or two with .. between them.
func parseSpan(value string) (s span, err error) {
	a, b, two := strings.Cut(value, "..")
	if s.from, err = parseTime(a); err != nil {
		return s, err
	}
	if s.to = s.from; two {
		s.to, err = parseTime(b)
	}
	if err == nil && s.to < s.from {
		err = fmt.Errorf("the first time is the longer one")
	}
	return s, err
}

// parseTime reads a duration, or a number of seconds.
func parseTime(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		d, err = time.ParseDuration(value + "s")
	}
	if err == nil && (d <= 0 || d > 24*time.Hour) {
		err = fmt.Errorf("a time of more than 0 and at most 24h is expected")
	}
	return d, err
}

func parseCount(value string, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err == nil && (n < 1 || n > most) {
		err = fmt.Errorf("a number from 1 to %d is expected", most)
	}
	return n, err
}

func countOf(key, value string) (int, error) {
	n, err := parseCount(value, 1<<30)
	if err != nil {
		return 0, fmt.Errorf("%s=%s: a number from 1 on is expected", key, value)
	}
	return n, nil
}

func parseConnections(value string) (c [2]int, err error) {
	a, b, two := strings.Cut(value, "..")
	if c[0], err = parseCount(a, 1<<30); err == nil {
		if c[1] = c[0]; two {
			c[1], err = parseCount(b, 1<<30)
		}
	}
	if err != nil || c[1] < c[0] {
		return c, fmt.Errorf("connection=%s: a number from 1 on is expected, or two as in 2..5", value)
	}
	return c, nil
}

func parseProbability(value string) (float64, error) {
	number, percent := strings.CutSuffix(value, "%")
	p, err := strconv.ParseFloat(number, 64)
	if percent {
		p /= 100
	}
	if err != nil || !(p > 0 && p <= 1) {
		return 0, fmt.Errorf("p=%s: a probability is more than 0 and at most 1, as in p=0.1 or p=10%%", value)
	}
	return p, nil
}

// near proposes the name that was meant, or lists them all.
func near(got string, names []string) string {
	if best := mqttwire.Nearest(got, names); best != "" {
		return "did you mean " + best + "?"
	}
	if len(names) > 20 {
		return "names are those of the standard, as NotAuthorized, and 0x87 will do"
	}
	return "it is one of " + strings.Join(names, " ")
}
