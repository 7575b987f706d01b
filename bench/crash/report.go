package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Acknowledged counts what the broker said yes to.
type Acknowledged struct {
	QoS1            int `json:"acknowledged_qos1"`
	QoS2            int `json:"acknowledged_qos2"`
	Retained        int `json:"acknowledged_retained"`
	Sessions        int `json:"acknowledged_sessions"`
	Ends            int `json:"acknowledged_ends"`
	Subscriptions   int `json:"acknowledged_subscriptions"`
	Unsubscriptions int `json:"acknowledged_unsubscriptions"`
	Wills           int `json:"acknowledged_wills"`
}

// A Report is the outcome of a Test.
type Report struct {
	Seed         uint64
	Versions     []string
	Kills        int
	KillsAtStart int // of these, before the broker let anybody in
	Took         time.Duration
	Acknowledged Acknowledged
	Delivered    int // messages, to all receivers
	Repeated     int // of these, QoS 1 messages that came before
	Refused      int // publishes, by a reason code
	Restarts     []time.Duration
	Notes        []string
	Incomplete   bool // the broker did not live to be looked at in the end
	Findings     Findings
}

// OK tells that the broker kept its promise.
func (r *Report) OK() bool { return r.Findings.Total() == 0 }

func (r *run) report() *Report {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	rep := &Report{
		Seed: r.o.Seed, Kills: r.kills, KillsAtStart: r.killsAtStart, Took: time.Since(r.begun),
		Acknowledged: r.ledger.counts, Delivered: r.ledger.arrived, Repeated: r.ledger.repeated, Refused: r.ledger.refused,
		Notes: r.notes, Incomplete: r.incomplete, Findings: r.ledger.findings,
	}
	for _, v := range r.versions {
		rep.Versions = append(rep.Versions, v.String())
	}
	if len(r.starts) > 1 {
		rep.Restarts = r.starts[1:]
	}
	return rep
}

// RestartTime is from the start of the process to the first CONNACK after a
// kill: the median and the longest.
func (r *Report) RestartTime() (median, longest time.Duration) {
	if len(r.Restarts) == 0 {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(r.Restarts))
	return sorted[len(sorted)/2], sorted[len(sorted)-1]
}

// MarshalJSON makes one flat object, so that every figure has one name.
func (r *Report) MarshalJSON() ([]byte, error) {
	median, longest := r.RestartTime()
	head := struct {
		OK           bool     `json:"ok"`
		Seed         uint64   `json:"seed"`
		Versions     []string `json:"versions"`
		Seconds      float64  `json:"seconds"`
		Kills        int      `json:"kills"`
		KillsAtStart int      `json:"kills_at_start"`
		Acknowledged
		Delivered int     `json:"delivered"`
		Repeated  int     `json:"repeated_qos1"`
		Refused   int     `json:"refused"`
		Median    float64 `json:"restart_median_ms"`
		Longest   float64 `json:"restart_max_ms"`
		Complete  bool    `json:"complete"`
	}{
		r.OK(), r.Seed, r.Versions, seconds(r.Took), r.Kills, r.KillsAtStart, r.Acknowledged, r.Delivered, r.Repeated, r.Refused,
		1000 * seconds(median), 1000 * seconds(longest), !r.Incomplete,
	}
	var b bytes.Buffer
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	b.Write(text[:len(text)-1])
	for k := range kinds {
		fmt.Fprintf(&b, ",%q:%d", k.Key(), r.Findings.Of(k))
	}
	examples, err := json.Marshal(append([]Example{}, r.Findings.Examples()...))
	if err != nil {
		return nil, err
	}
	notes, err := json.Marshal(append([]string{}, r.Notes...))
	fmt.Fprintf(&b, `,"examples":%s,"notes":%s}`, examples, notes)
	return b.Bytes(), err
}

// seconds are those of d, to the tenth of a millisecond.
func seconds(d time.Duration) float64 { return d.Round(100 * time.Microsecond).Seconds() }

// WriteTo writes the report for people.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	row := func(label, format string, a ...any) { fmt.Fprintf(&b, "%-13s %s\n", label, fmt.Sprintf(format, a...)) }
	row("kills", "%d, %d of them during a start; seed %d, MQTT %s, %.1f s", r.Kills, r.KillsAtStart, r.Seed, strings.Join(r.Versions, " and "), r.Took.Seconds())
	a := r.Acknowledged
	row("acknowledged", "%d messages (%d QoS 1, %d QoS 2), %d retained writes, %d wills", a.QoS1+a.QoS2, a.QoS1, a.QoS2, a.Retained, a.Wills)
	row("", "%d sessions and %d ends of sessions, %d subscriptions and %d ends", a.Sessions, a.Ends, a.Subscriptions, a.Unsubscriptions)
	row("delivered", "%d messages; %d of QoS 1 more than once, as they may", r.Delivered, r.Repeated)
	if r.Refused > 0 {
		row("refused", "%d messages", r.Refused)
	}
	if median, longest := r.RestartTime(); longest > 0 {
		row("restart", "%.1f ms in the median, %.1f ms at most", 1000*seconds(median), 1000*seconds(longest))
	}
	for _, note := range r.Notes {
		row("note", "%s", note)
	}
	for k := range kinds {
		if n := r.Findings.Of(k); n > 0 {
			row("FOUND", "%d %s", n, k)
		}
	}
	for _, e := range r.Findings.Examples() {
		row("for example", "%s", e)
	}
	row("verdict", "%s", r.verdict())
	return b.WriteTo(w)
}

func (r *Report) verdict() string {
	switch {
	case r.Incomplete:
		return "the broker did not live to the end of the test"
	case !r.OK():
		return "the broker did not keep what it had acknowledged"
	}
	return "everything that was acknowledged is there"
}
