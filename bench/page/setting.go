package page

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"mqtk/bench"
)

// runs shows how far the runs that were merged lie from each other.
func (v *view) runs(p *pen) {
	if len(v.Runs) < 2 {
		return
	}
	defer p.section("runs", "Repeated runs", "The same test, "+count(len(v.Runs), "time")+". What differs between them is noise: a difference to another broker that is not larger means nothing.")()
	names := []string{"delivered_per_second", "p50", "p99", "max", "lost"}
	switch {
	case v.connects():
		names = []string{"connections_per_second", "connect_p50", "connect_p99", "connect_max", "connections_lost"}
	case !v.known("delivered"):
		names = []string{"sent_per_second", "acknowledge_p50", "acknowledge_p99", "acknowledge_max", "unacknowledged"}
	}
	p.put("<div class=\"pair\">\n")
	v.runBars(p, "runs-rate", names[0])
	v.runBars(p, "runs-p99", names[2])
	p.put("</div>\n")
	p.table(v.runTable(names))
}

// perRun is a metric in each run, and the numbers of the runs that know it.
func (v *view) perRun(name string) (values []float64, numbers []int) {
	for i, r := range v.Runs {
		if value, known := v.metrics[name].Of(r); known {
			values, numbers = append(values, value), append(numbers, i+1)
		}
	}
	return values, numbers
}

func (v *view) runBars(p *pen, id markup, name string) {
	m := v.metrics[name]
	values, numbers := v.perRun(name)
	if len(values) == 0 {
		return
	}
	median := bench.Median(values)
	c := &chart{id: id, title: strings.ReplaceAll(name, "_", " "), height: 160}
	c.desc = "Each run's figure. The median is " + m.Format(median) + ", the least " + m.Format(slices.Min(values)) + ", the greatest " + m.Format(slices.Max(values)) + "."
	label := shortCount
	if m.Unit == bench.UnitMicroseconds {
		label = shortTime
	}
	c.y = fromZero(strings.ReplaceAll(name, "_", " "), slices.Max(values), 3, label)
	c.x = axis{scale: scale{0.5, float64(len(v.Runs)) + 0.5, false}, title: "run"}
	every := max((len(v.Runs)+9)/10, 1)
	for i := range v.Runs {
		if i%every == 0 {
			c.x.ticks = append(c.x.ticks, tick{float64(i + 1), strconv.Itoa(i + 1), i/every%2 == 1})
		}
	}
	for i, value := range values {
		n := float64(numbers[i])
		c.bars = append(c.bars, bar{n - 0.4, n + 0.4, value, "run " + strconv.Itoa(numbers[i]) + ": " + m.Format(value)})
	}
	c.marks = []mark{{x: none, y: median, class: "plan"}}
	c.draw(p)
}

func (v *view) runTable(names []string) table {
	t := table{caption: "Each run", columns: []string{"run"}}
	medians, spreads := []string{"median"}, []string{"spread"}
	for _, name := range names {
		m := v.metrics[name]
		t.columns = append(t.columns, strings.ReplaceAll(name, "_", " "))
		values, _ := v.perRun(name)
		if len(values) == 0 {
			medians, spreads = append(medians, "–"), append(spreads, "–")
			continue
		}
		median, spread := bench.Median(values), "–"
		if median > 0 {
			spread = "±" + bench.FormatPercent(roundTo(bench.Spread(values)/median, 1e-3))
		}
		medians, spreads = append(medians, m.Format(median)), append(spreads, spread)
	}
	for i, r := range v.Runs {
		row := []string{strconv.Itoa(i + 1)}
		for _, name := range names {
			text := "–"
			if value, known := v.metrics[name].Of(r); known {
				text = v.metrics[name].Format(value)
			}
			row = append(row, text)
		}
		t.rows = append(t.rows, row)
	}
	t.rows, t.bottom = append(t.rows, medians, spreads), 2
	return t
}

func roundTo(v, unit float64) float64 { return float64(int(v/unit+0.5)) * unit }

func (v *view) phases(p *pen) {
	if len(v.Phases) == 0 {
		return
	}
	defer p.section("phases", "Phases", "Parts of the test that are measured by themselves.")()
	t := table{caption: "Phases", columns: []string{"phase", "how many", "time", "a second"}}
	for _, ph := range v.Phases {
		t.rows = append(t.rows, []string{ph.Name, bench.FormatCount(float64(ph.Count)), bench.FormatTime(time.Duration(ph.Seconds * 1e9)), bench.FormatCount(ph.PerSecond())})
	}
	p.table(t)
}

// machinery is what the generator and the broker took.
func (v *view) machinery(p *pen) {
	verdict := "The generator was not the limit."
	switch {
	case v.OnlyLate():
		verdict = "The latencies hold the generator's own lateness."
	case v.Generator.Limited:
		verdict = "The generator was the limit, and not the broker."
	}
	defer p.section("machinery", "Generator and broker", verdict)()
	p.put("<div class=\"pair\">\n<div><h3>Generator</h3>\n")
	p.list(v.pairs([][2]string{
		{"generator_cpu_us_per_message", "CPU time a message"}, {"generator_cpu_us_per_connection", "CPU time a connection"},
		{"generator_busy", "busiest thread at work"}, {"generator_waiting", "waited for a CPU"},
		{"generator_lag_us", "late by its own fault, p99"}, {"generator_rss_bytes", "memory"}, {"bytes_per_connection", "memory a connection"},
	}, [2]string{"threads", strconv.Itoa(max(v.Plan.Workers, v.Generator.Workers))}))
	p.put("</div>\n<div><h3>Broker</h3>\n")
	if b := v.Broker; b != nil {
		p.list(v.pairs([][2]string{
			{"broker_cpu_us_per_message", "CPU time a message"}, {"broker_cpu_us_per_connection", "CPU time a connection"}, {"broker_cpus", "CPUs busy"},
			{"broker_rss_bytes", "memory at the end"}, {"broker_rss_peak_bytes", "most memory"}, {"broker_bytes_per_connection", "memory a connection"},
		}, [2]string{"threads", strconv.Itoa(b.Threads)}))
	} else {
		p.put("<p>Its CPU and memory were not watched: --pid does that, on Linux.</p>\n")
	}
	p.put("</div>\n</div>\n")
	v.refusals(p)
}

// pairs are the metrics that are known, each with its name, and one more.
func (v *view) pairs(names [][2]string, more ...[2]string) (pairs [][2]string) {
	for _, n := range names {
		if _, text, known := v.figure(n[0]); known {
			pairs = append(pairs, [2]string{n[1], text})
		}
	}
	return append(pairs, more...)
}

// refusals are the reasons why connections were not made.
func (v *view) refusals(p *pen) {
	var pairs [][2]string
	for _, counts := range []map[string]int{v.Connections.Refused, v.Connections.Failed} {
		for _, why := range slices.Sorted(maps.Keys(counts)) {
			pairs = append(pairs, [2]string{bench.FormatCount(float64(counts[why])), why})
		}
	}
	if len(pairs) > 0 {
		p.put("<h3>Connections that were not made</h3>\n")
		p.list(pairs)
	}
}

func (v *view) notes(p *pen) {
	if len(v.Notes) == 0 {
		return
	}
	defer p.section("notes", "Notes", "")()
	p.bullets(v.Notes)
}

func (p *pen) bullets(texts []string) {
	if len(texts) == 0 {
		return
	}
	p.put("<ul class=\"notes\">\n")
	for _, text := range texts {
		p.put("<li>%s</li>\n", text)
	}
	p.put("</ul>\n")
}

// setting is what would be needed to do it again.
func (v *view) setting(p *pen) {
	defer p.section("setting", "How it was measured", "")()
	p.command(v.Command)
	p.put("<div class=\"pair\">\n<div><h3>Plan</h3>\n")
	p.list(v.plan())
	p.put("</div>\n<div><h3>Environment</h3>\n")
	p.list(environment(v.Program, &v.Environment))
	p.put("</div>\n</div>\n")
}

// command shows a command line.
func (p *pen) command(words []string) {
	if len(words) == 0 {
		return
	}
	p.put("<pre><code>")
	for i, word := range words {
		if i > 0 {
			p.put(" ")
		}
		p.put("<span>%s</span>", quote(word)) // a line breaks between words
	}
	p.put("</code></pre>\n")
}

// environment is what is known of where it was measured.
func environment(program string, e *bench.Environment) (pairs [][2]string) {
	for _, pair := range [][2]string{
		{"mqtk", program}, {"Go", e.Go}, {"system", strings.TrimSpace(e.OS + " " + e.Kernel)}, {"architecture", e.Arch}, {"CPU", e.CPUModel},
	} {
		if pair[1] != "" {
			pairs = append(pairs, pair)
		}
	}
	if e.CPUs > 0 {
		pairs = append(pairs, [2]string{"CPUs", strconv.Itoa(e.CPUs)})
	}
	if e.MemoryBytes > 0 {
		pairs = append(pairs, [2]string{"memory", bench.FormatBytes(float64(e.MemoryBytes))})
	}
	return pairs
}

func (v *view) plan() (pairs [][2]string) {
	pl := &v.Plan
	add := func(wanted bool, name, text string) {
		if wanted {
			pairs = append(pairs, [2]string{name, text})
		}
	}
	whole := func(n int) string { return bench.FormatCount(float64(n)) }
	messages := !v.connects()
	add(true, "shape", string(pl.Shape))
	add(v.known("sent"), "publishers", whole(pl.Publishers))
	add(v.known("delivered"), "subscribers", whole(pl.Subscribers))
	add(messages, "topics", whole(pl.Topics))
	add(messages && pl.Topic != "", "topic", pl.Topic)
	size := whole(pl.SizeMin) + " bytes"
	if pl.SizeMax > pl.SizeMin {
		size = whole(pl.SizeMin) + " to " + whole(pl.SizeMax) + " bytes"
	}
	add(messages, "payload", size)
	add(messages && pl.Rate > 0, "rate", bench.FormatCount(pl.Rate)+"/s, whatever the broker does (open loop)")
	add(pl.Rate > 0 && pl.Ramp > 0, "ramp", "the rate grows for "+bench.FormatTime(pl.Ramp))
	add(messages && pl.Rate == 0, "rate", "as fast as possible (closed loop)")
	add(messages && pl.QoS > 0, "window", whole(pl.Window)+" unacknowledged a publisher")
	add(messages && pl.Rate == 0 && pl.Outstanding > 0, "outstanding", whole(pl.Outstanding)+" not yet received a publisher")
	add(pl.Messages > 0, "messages", bench.FormatCount(float64(pl.Messages)))
	add(pl.Messages == 0 && pl.Duration > 0, "duration", bench.FormatTime(pl.Duration))
	add(messages, "warm-up", bench.FormatTime(pl.Warmup)+", not counted")
	add(pl.ConnectRate > 0, "connect rate", bench.FormatCount(pl.ConnectRate)+"/s")
	add(pl.Hold > 0, "held for", bench.FormatTime(pl.Hold))
	add(len(pl.Target.Sources) > 1, "source addresses", whole(len(pl.Target.Sources)))
	return pairs
}

// quote is a word of a command line as a shell takes it.
func quote(word string) string {
	strange := func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("_-+=:,./@%", r)
	}
	if word == "" || strings.ContainsFunc(word, strange) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// terms says in a few words what the words mean.
func (v *view) terms(p *pen) {
	defer p.section("terms", "What the words mean", "")()
	terms := [][2]string{
		{"measured time", "from the start of the test proper, after the warm-up, to the last delivery. Only what happens in it is counted."},
		{"p99", "the time that 99 of 100 were not slower than. p50 is the median."},
		{"latency", "from the moment a message was due by the plan to its arrival. In a closed loop there is no such moment: it is the service time."},
		{"service time", "from the moment a message was really sent to its arrival."},
		{"open loop", "messages are sent by the clock, whether the broker keeps up or not, as clients in the world do."},
		{"closed loop", "the next message is sent when one before has arrived."},
		{"lost", "due to a receiver, and not there when nothing had come for five seconds."},
		{"duplicated", "received again by a receiver that had it, allowed or not."},
		{"reordered", "received after a later message of the same publisher, allowed or not."},
		{"the generator", "the program that made the load. Where it was the limit, the figures are its own and not the broker's."},
	}
	if v.connects() {
		terms = [][2]string{
			{"connecting", "from the moment a connection was due by the plan to CONNACK."},
			{"p99", "the time that 99 of 100 were not slower than. p50 is the median."},
			{"lost", "ended by the broker or the network before its time."},
			terms[len(terms)-1],
		}
	}
	p.list(terms)
}
