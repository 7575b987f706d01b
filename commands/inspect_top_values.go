package commands

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// SysValues are what a broker has told of itself. It tells them in rounds: what
// comes together is of one moment, and two rounds make a rate.
type sysValues struct {
	url   string
	there chan struct{} // closed with the first value

	mu     sync.Mutex
	values map[string]string // by topic, without $SYS/
	before map[string]string // as they were when the round before was complete
	rounds [2]time.Time      // when the one before and the last one began
	last   time.Time         // when something came
}

const (
	sysTopics    = 10_000 // that are remembered: a broker with more of them tells about each client
	sysRoundGap  = 500 * time.Millisecond
	sysPrefix    = "$SYS/"
	brokerPrefix = "broker/"
)

func newSysValues(url string) *sysValues {
	return &sysValues{url: url, there: make(chan struct{}), values: make(map[string]string)}
}

// message takes one value, on the reading goroutine.
func (v *sysValues) message(m *mqttwire.Publish) error {
	topic, ok := strings.CutPrefix(m.Topic, sysPrefix)
	if !ok {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if len(v.values) == 0 {
		close(v.there)
	}
	if now.Sub(v.last) > sysRoundGap {
		if !m.Retain { // retained values are of an unknown moment
			v.rounds[0], v.rounds[1] = v.rounds[1], now
		}
		v.before = maps.Clone(v.values)
	}
	v.last = now
	payload, _ := cutPayload(m.Payload)
	if _, known := v.values[topic]; known || len(v.values) < sysTopics {
		v.values[strings.Clone(topic)] = string(payload)
	}
	return nil
}

// rate is what a counter has gained in each second between the last two rounds;
// v.mu is held. A broker tells what has changed alone: what was not told stands
// still.
func (v *sysValues) rate(topic string) (perSecond float64, ok bool) {
	between := v.rounds[1].Sub(v.rounds[0]).Seconds()
	if v.rounds[0].IsZero() || between <= 0 {
		return 0, false
	}
	now, err1 := strconv.ParseFloat(v.values[topic], 64)
	before, err2 := strconv.ParseFloat(v.before[topic], 64)
	if err1 != nil || err2 != nil || now < before {
		return 0, false
	}
	return (now - before) / between, true
}

// A sysRow is a line of the table.
type sysRow struct {
	name    string
	topics  []string // below $SYS/broker/; the first that is there counts
	load    string   // the topic of its averages, below load/, which are of a minute
	counter bool     // it only grows, until a restart
}

// sysRows are the values that are shown by their meaning.
func sysRows() []sysRow {
	return []sysRow{
		{name: "clients connected", topics: []string{"clients/connected", "clients/active"}},
		{name: "clients away", topics: []string{"clients/disconnected", "clients/inactive"}},
		{name: "clients at most", topics: []string{"clients/maximum"}},
		{name: "sessions expired", topics: []string{"clients/expired"}, counter: true},
		{name: "connections made", load: "connections"},
		{name: "packets received", topics: []string{"messages/received"}, load: "messages/received", counter: true},
		{name: "packets sent", topics: []string{"messages/sent"}, load: "messages/sent", counter: true},
		{name: "messages received", topics: []string{"publish/messages/received"}, load: "publish/received", counter: true},
		{name: "messages sent", topics: []string{"publish/messages/sent"}, load: "publish/sent", counter: true},
		{name: "messages dropped", topics: []string{"publish/messages/dropped"}, load: "publish/dropped", counter: true},
		{name: "bytes received", topics: []string{"bytes/received"}, load: "bytes/received", counter: true},
		{name: "bytes sent", topics: []string{"bytes/sent"}, load: "bytes/sent", counter: true},
		{name: "subscriptions", topics: []string{"subscriptions/count"}},
		{name: "shared subscriptions", topics: []string{"shared_subscriptions/count"}},
		{name: "messages retained", topics: []string{"retained messages/count", "messages/retained/count"}},
		{name: "messages stored", topics: []string{"store/messages/count", "messages/stored"}},
		{name: "bytes stored", topics: []string{"store/messages/bytes"}},
		{name: "bytes of memory", topics: []string{"heap/current"}},
	}
}

// alsoShown are topics that say what a row says already.
func alsoShown() []string {
	return []string{"version", "uptime", "timestamp", "clients/total", "clients/active", "clients/inactive",
		"messages/stored", "messages/retained/count", "heap/maximum", "load/sockets", "load/connections",
		"publish/bytes/received", "publish/bytes/sent", "messages/publish/received", "messages/publish/sent",
		"messages/publish/dropped", "load/bytes/received", "load/bytes/sent"}
}

// lines are the table, the head first and topics without a row of their own last.
func (v *sysValues) lines(ink ink) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	lines := []string{ink.head(visible(v.headline())), "", ink.head(fmt.Sprintf("%-21s%16s%11s%10s%10s%10s", "", "now", "a second", "1 min", "5 min", "15 min"))}
	shown := make(map[string]bool)
	for _, topic := range alsoShown() {
		shown[brokerPrefix+topic] = true
	}
	for _, row := range sysRows() {
		line, there := v.row(row, shown)
		if there {
			lines = append(lines, line)
		}
	}
	if others := v.others(shown); len(others) > 0 {
		lines = append(append(lines, ""), others...)
	}
	return lines
}

// others are the values without a row, but those that are nothing.
func (v *sysValues) others(shown map[string]bool) (lines []string) {
	zeros := 0
	for _, topic := range slices.Sorted(maps.Keys(v.values)) {
		switch value := v.values[topic]; {
		case shown[topic] || strings.HasPrefix(topic, brokerPrefix+"load/"):
		case value == "0":
			zeros++
		default:
			lines = append(lines, visible(fmt.Sprintf("%-46s %s", sysPrefix+topic, value)))
		}
	}
	if zeros > 0 {
		lines = append(lines, plural(zeros, "more is 0", "more are 0"))
	}
	return lines
}

func (v *sysValues) headline() string {
	words := []string{v.url}
	for _, topic := range []string{"version", "uptime"} {
		value := v.values[brokerPrefix+topic]
		if seconds, err := strconv.ParseUint(strings.TrimSuffix(value, " seconds"), 10, 32); err == nil && topic == "uptime" {
			value = "up " + (time.Duration(seconds) * time.Second).String()
		}
		if value != "" {
			words = append(words, value)
		}
	}
	return strings.Join(words, "   ")
}

// row writes one row, if the broker tells it, and notes its topics as shown.
func (v *sysValues) row(row sysRow, shown map[string]bool) (line string, there bool) {
	now, rate := "", ""
	for _, topic := range row.topics {
		value, ok := v.values[brokerPrefix+topic]
		if !ok {
			continue
		}
		shown[brokerPrefix+topic] = true
		if now == "" {
			now = grouped(value)
			if perSecond, ok := v.rate(brokerPrefix + topic); ok && row.counter {
				rate = shortNumber(perSecond)
			}
		}
	}
	averages := [3]string{}
	for i, window := range []string{"1min", "5min", "15min"} {
		if n, err := strconv.ParseFloat(v.values[brokerPrefix+"load/"+row.load+"/"+window], 64); err == nil && row.load != "" {
			averages[i] = shortNumber(n / 60)
			there = true
		}
	}
	line = fmt.Sprintf("%-21s%16s%11s%10s%10s%10s", row.name, now, rate, averages[0], averages[1], averages[2])
	return strings.TrimRight(line, " "), there || now != ""
}

// shortNumber is a rate with as many digits as it deserves.
func shortNumber(n float64) string {
	if n >= 100 {
		return grouped(strconv.FormatFloat(n, 'f', 0, 64))
	}
	return strconv.FormatFloat(n, 'f', 2, 64)
}

// grouped puts commas between thousands; what is no whole number stays.
func grouped(digits string) string {
	if _, err := strconv.ParseUint(digits, 10, 64); err != nil {
		return visible(digits)
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// fitting is the table for a terminal of so many lines.
func (v *sysValues) fitting(lines int, ink ink) []string {
	all := v.lines(ink)
	if len(all) <= lines {
		return all
	}
	lines = max(lines, 2)
	return append(all[:lines-1:lines-1], fmt.Sprintf("… %d more lines", len(all)-lines+1))
}

func (v *sysValues) writeTable(w io.Writer, ink ink) error {
	_, err := io.WriteString(w, strings.Join(v.lines(ink), "\n")+"\n\n")
	return err
}

// writeJSON prints values and rates: those below $SYS/broker by what follows,
// all others by their whole topic.
func (v *sysValues) writeJSON(w io.Writer) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	object := struct {
		URL    string             `json:"url"`
		TS     string             `json:"ts"`
		Values map[string]any     `json:"values"`
		Rates  map[string]float64 `json:"per_second"`
	}{v.url, time.Now().Format(time.RFC3339Nano), make(map[string]any), make(map[string]float64)}
	counters := make(map[string]bool)
	for _, row := range sysRows() {
		for _, topic := range row.topics {
			counters[brokerPrefix+topic] = row.counter
		}
	}
	for topic, value := range v.values {
		name, ok := strings.CutPrefix(topic, brokerPrefix)
		if !ok {
			name = sysPrefix + topic
		}
		object.Values[name] = value
		if n := json.Number(value); isNumber(value) {
			object.Values[name] = n
		}
		if perSecond, ok := v.rate(topic); ok && counters[topic] {
			object.Rates[name] = perSecond
		}
	}
	return writeJSON(w, object)
}

// isNumber tells what JSON takes as a number.
func isNumber(s string) bool {
	var n json.Number
	return json.Unmarshal([]byte(s), &n) == nil && s != "" && s[0] != '"'
}
