package commands

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// Rates are those between the last two rounds that the broker told live; what
// it did not tell again stands still.
func TestSysRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newSysValues("mqtt://here")
		tell := func(retain bool, values ...string) {
			for i := 0; i < len(values); i += 2 {
				_ = v.message(&mqttwire.Publish{Topic: "$SYS/broker/" + values[i], Payload: []byte(values[i+1]), Retain: retain})
			}
		}
		tell(true, "bytes/received", "1000", "bytes/sent", "70", "uptime", "5 seconds", "nonsense", "1\x1b[2J")
		time.Sleep(3 * time.Second)
		tell(false, "bytes/received", "4000", "uptime", "8 seconds")
		if text := strings.Join(v.lines(ink{}), "\n"); !strings.Contains(text, "bytes received                  4,000\n") {
			t.Errorf("a retained value is of an unknown time, and no rate comes of it:\n%s", text)
		}
		time.Sleep(10 * time.Second)
		tell(false, "bytes/received", "64000", "uptime", "18 seconds")
		text := strings.Join(v.lines(ink{}), "\n")
		for _, want := range []string{
			"mqtt://here   up 18s",
			"bytes received                 64,000      6,000\n",
			"bytes sent                         70       0.00\n",
			`nonsense                           1\x1b[2J`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in\n%s", want, text)
			}
		}
		time.Sleep(10 * time.Second)
		tell(false, "bytes/received", "12") // restarted
		if text := strings.Join(v.lines(ink{}), "\n"); !strings.Contains(text, "bytes received                     12\n") {
			t.Errorf("a counter that goes back has no rate:\n%s", text)
		}
		if lines := v.fitting(5, ink{}); len(lines) != 5 || !strings.HasPrefix(lines[4], "… ") {
			t.Errorf("5 lines: %q", lines)
		}
	})
}
