package commands

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A status is how a check came out; the numbers are those of Nagios.
type status int

const (
	statusOK status = iota
	statusWarning
	statusCritical
	statusUnknown
)

func (s status) String() string {
	return [...]string{"ok", "warning", "critical", "unknown"}[s]
}

// worse orders them: what is critical is so whatever else could not be told.
func (s status) worse(than status) bool {
	order := [...]int{statusOK: 0, statusWarning: 1, statusUnknown: 2, statusCritical: 3}
	return order[s] > order[than]
}

// A finding is one thing that was measured, and how it was judged.
type finding struct {
	Name, Topic string
	Status      status
	Value       *float64 // nil: it could not be measured
	Unit        string   // s or days
	Limit       *threshold
	Detail      string
}

func (f finding) unknown(why string) finding {
	f.Status, f.Detail = statusUnknown, why
	return f
}

func (f finding) measured(value float64) finding {
	f.Value = &value
	f.Status = f.Limit.judge(value)
	return f
}

// judge is without a threshold always ok. A value that is the threshold has
// reached it.
func (t *threshold) judge(value float64) status {
	reached := func(limit float64) bool { return value >= limit }
	switch {
	case t == nil:
		return statusOK
	case t.Below:
		reached = func(limit float64) bool { return value <= limit }
	}
	switch {
	case reached(t.Critical):
		return statusCritical
	case t.HasWarning && reached(t.Warning):
		return statusWarning
	}
	return statusOK
}

func worst(all []finding) status {
	s := statusOK
	for _, f := range all {
		if f.Status.worse(s) {
			s = f.Status
		}
	}
	return s
}

// A checkPrinter tells findings in one of the formats.
type checkPrinter struct {
	*bufio.Writer
	format string
	ink    ink
}

func newCheckPrinter(p *program, format string) *checkPrinter {
	return &checkPrinter{Writer: bufio.NewWriter(p.Out), format: format, ink: p.inkFor(p.Out)}
}

// print tells the findings; its error is the exit code.
func (p *checkPrinter) print(url string, all []finding) error {
	s := worst(all)
	switch p.format {
	case formatNagios:
		p.nagios(url, all, s)
	case formatPrometheus:
		p.prometheus(url, all)
	case formatJSON:
		p.json(url, all, s)
	default:
		p.text(url, all, s)
	}
	if err := finishOutput(p.Writer, nil); err != nil {
		return err
	}
	switch {
	case p.format == formatNagios && s != statusOK:
		return fail(int(s), nil)
	case s == statusCritical || s == statusUnknown:
		return fail(exitUnexpected, nil)
	}
	return nil
}

// failed is a check that did not come to measuring. Whoever reads stdout gets
// that there: as a plugin's line, as a zero, as an object.
func (p *checkPrinter) failed(url string, err error) error {
	switch p.format {
	case formatPrometheus:
		if url != "" {
			p.series("up", "Whether the broker let us in.", url, nil, 0)
		}
		_ = p.Flush()
		return err
	case formatNagios:
		s := failedStatus(err)
		text := err.Error()
		if f := new(failure); errors.As(err, &f) && len(f.Hints) > 0 {
			text += " (" + strings.Join(f.Hints, "; ") + ")"
		}
		fmt.Fprintf(p, "MQTT %s - %s\n", strings.ToUpper(s.String()), piped(text))
		_ = p.Flush()
		return fail(int(s), nil)
	case formatJSON:
		p.object(struct {
			URL    string   `json:"url,omitempty"`
			Status string   `json:"status"`
			Error  string   `json:"error"`
			Checks []string `json:"checks"`
		}{url, failedStatus(err).String(), err.Error(), []string{}})
		_ = p.Flush()
	}
	return err
}

// asPlugin makes of a usage error what a plugin says, where the words are those
// of one: Nagios takes 2 for critical, and looks at stdout alone.
func (p *program) asPlugin(args []string, err error) error {
	var f *failure
	if len(args) < 2 || args[0] != "inspect" || args[1] != "check" || !wantsNagios(args[2:]) ||
		!errors.As(err, &f) || f.Code != exitUsage || f.Err == nil {
		return err
	}
	return newCheckPrinter(p, formatNagios).failed("", err)
}

// wantsNagios reads words that may be none that can be read.
func wantsNagios(words []string) bool {
	for i, word := range words {
		if i > 0 && word == formatNagios && (words[i-1] == "-F" || words[i-1] == "--format") ||
			word == "--format="+formatNagios || word == "-F"+formatNagios {
			return true
		}
	}
	return false
}

// failedStatus is what is critical of a broker, and unknown where it was not
// asked.
func failedStatus(err error) status {
	if f := new(failure); errors.As(err, &f) && (f.Code == exitUsage || f.Code == exitFailed) {
		return statusUnknown
	}
	return statusCritical
}

func (p *checkPrinter) text(url string, all []finding, s status) {
	fmt.Fprintf(p, "%s: %s\n", visible(url), p.colour(s))
	width := 0
	for _, f := range all {
		width = max(width, utf8.RuneCountInString(visible(f.title()))+2)
	}
	for _, f := range all {
		value := "-"
		if f.Value != nil {
			value = f.valueText()
		}
		remarks := f.limitText()
		if f.Detail != "" {
			remarks = strings.TrimPrefix(remarks+"; "+visible(f.Detail), "; ")
		}
		line := "  " + padded(visible(f.title()), width) + padded(f.Status.String(), 10) + padded(value, 12) + p.ink.faint(remarks)
		fmt.Fprintln(p, strings.TrimRight(line, " "))
	}
}

func (p *checkPrinter) colour(s status) string {
	if s == statusOK {
		return s.String()
	}
	return p.ink.bad(s.String())
}

// title names a finding for people.
func (f finding) title() string {
	if f.Topic != "" {
		return f.Name + " " + f.Topic
	}
	return f.Name
}

func (f finding) valueText() string {
	return unitText(*f.Value, f.Unit)
}

func unitText(v float64, unit string) string {
	switch {
	case unit == "days":
		return fmt.Sprintf("%.0f days", v)
	case v < 1:
		return fmt.Sprintf("%.3g ms", v*1e3)
	case v < 1000:
		return fmt.Sprintf("%.3g s", v)
	}
	return time.Duration(v * float64(time.Second)).Round(time.Second).String()
}

// limitText is "warning from 100 ms, critical from 500 ms".
func (f finding) limitText() string {
	if f.Limit == nil {
		return ""
	}
	from := "from"
	if f.Limit.Below {
		from = "at"
	}
	text := "critical " + from + " " + unitText(f.Limit.Critical, f.Unit)
	if f.Limit.HasWarning {
		text = "warning " + from + " " + unitText(f.Limit.Warning, f.Unit) + ", " + text
	}
	return text
}

// nagios is one line: what is not ok, or all there is, and the figures behind a
// bar.
func (p *checkPrinter) nagios(url string, all []finding, s status) {
	var said, figures []string
	for _, f := range all {
		if f.Status == statusOK && s != statusOK {
			figures = append(figures, f.perfdata()...)
			continue
		}
		text := f.title()
		if f.Value != nil {
			text += " " + f.valueText()
		}
		if f.Detail != "" {
			text += " (" + f.Detail + ")"
		}
		said = append(said, text)
		figures = append(figures, f.perfdata()...)
	}
	fmt.Fprintf(p, "MQTT %s - %s: %s", strings.ToUpper(s.String()), url, piped(strings.Join(said, ", ")))
	if len(figures) > 0 {
		fmt.Fprintf(p, " | %s", strings.Join(figures, " "))
	}
	fmt.Fprintln(p)
}

// perfdata is 'label'=value[unit];warn;crit. The unit of a number of days is none.
func (f finding) perfdata() []string {
	if f.Value == nil {
		return nil
	}
	unit, warning, critical := f.Unit, "", ""
	if unit == "days" {
		unit = ""
	}
	if f.Limit != nil {
		upTo := ""
		if f.Limit.Below {
			upTo = "@~:" // a range in which the limit is bad, too; 7: is only what is less
		}
		critical = upTo + figure(f.Limit.Critical)
		if f.Limit.HasWarning {
			warning = upTo + figure(f.Limit.Warning)
		}
	}
	label := strings.NewReplacer("'", "_", "=", "_", "|", "_").Replace(visible(f.title()))
	return []string{fmt.Sprintf("'%s'=%s%s;%s;%s", label, figure(*f.Value), unit, warning, critical)}
}

func figure(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// piped has no bar, behind which Nagios expects figures, and no second line.
func piped(s string) string { return strings.ReplaceAll(visible(s), "|", "/") }

// prometheus is its text format, for a collector of files.
func (p *checkPrinter) prometheus(url string, all []finding) {
	p.series("up", "Whether the broker let us in.", url, nil, 1)
	described := map[string]bool{}
	for _, f := range all {
		if f.Value != nil {
			p.named(described, promName(f), promHelp(f.Name), url, f, *f.Value)
		}
	}
	for _, f := range all {
		p.named(described, "status", "0 ok, 1 warning, 2 critical, 3 unknown.", url, f, float64(f.Status))
	}
}

func promName(f finding) string {
	if f.Unit == "s" {
		return f.Name + "_seconds"
	}
	return f.Name
}

func promHelp(name string) string {
	return map[string]string{
		"connect":      "From dialling to the CONNACK.",
		"receive":      "From publishing a message to receiving it.",
		"qos2":         "The handshake of a message at QoS 2.",
		"tls_days":     "Days for which the certificates are valid.",
		"retained_age": "Age of a retained message by the time in it.",
	}[name]
}

func (p *checkPrinter) named(described map[string]bool, name, help, url string, f finding, value float64) {
	labels := [][2]string{{"check", f.Name}}
	if name != "status" {
		labels = nil
	}
	if f.Topic != "" {
		labels = append(labels, [2]string{"topic", f.Topic})
	}
	if described[name] {
		help = ""
	}
	described[name] = true
	p.series(name, help, url, labels, value)
}

// series is a line, with a description before the first one of a name.
func (p *checkPrinter) series(name, help, url string, labels [][2]string, value float64) {
	name = "mqtk_check_" + name
	if help != "" {
		fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	}
	text := ""
	for _, l := range append([][2]string{{"broker", url}}, labels...) {
		text += "," + l[0] + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(l[1]) + `"`
	}
	fmt.Fprintf(p, "%s{%s} %s\n", name, text[1:], figure(value))
}

func (p *checkPrinter) json(url string, all []finding, s status) {
	type check struct {
		Name     string   `json:"name"`
		Topic    string   `json:"topic,omitempty"`
		Status   string   `json:"status"`
		Value    *float64 `json:"value"`
		Unit     string   `json:"unit"`
		Warning  *float64 `json:"warning,omitempty"`
		Critical *float64 `json:"critical,omitempty"`
		Detail   string   `json:"detail,omitempty"`
	}
	list := []check{}
	for _, f := range all {
		c := check{Name: f.Name, Topic: f.Topic, Status: f.Status.String(), Value: f.Value, Unit: f.Unit, Detail: f.Detail}
		if f.Limit != nil {
			c.Critical = &f.Limit.Critical
			if f.Limit.HasWarning {
				c.Warning = &f.Limit.Warning
			}
		}
		list = append(list, c)
	}
	p.object(struct {
		URL    string  `json:"url"`
		Status string  `json:"status"`
		Checks []check `json:"checks"`
	}{url, s.String(), list})
}

func (p *checkPrinter) object(v any) {
	_ = writeJSON(p, v) // Flush tells
}
