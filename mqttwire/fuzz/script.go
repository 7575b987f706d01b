package fuzz

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"mqtk/mqttwire/conformance"
)

// write writes the script of a finding and plays it, as inspect send would, to
// see whether it alone shows the trouble.
func (h *hunt) write(ctx context.Context, f *Finding) {
	f.Script = f.script()
	if !f.Again || h.fresh(ctx) != nil {
		return
	}
	scripts, err := conformance.Parse("finding", f.Script)
	if err != nil || len(scripts) != 1 {
		return
	}
	o := conformance.Options{Patience: h.Patience}
	if h.Username != nil {
		o.Username, o.Password = *h.Username, string(h.Password)
	}
	h.tell("playing the script of case " + strconv.Itoa(f.Case.Number))
	h.leaves(f.Case.Steps, f.Case.Version)
	result := conformance.Run(ctx, scripts[0], h.Dial, o)
	f.Shows = result.Outcome == conformance.Fail
	f.Script = f.script()
}

// script is the finding in the language of package conformance.
func (f *Finding) script() string {
	var out strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&out, format+"\n", a...) }
	line("=== fuzz %d/%d, %s", f.Case.Seed, f.Case.Number, f.Verdict)
	line("# %s", oneLine(f.Text))
	if f.Clause != "" {
		line("# Statement of %s: %s", f.Case.Version, f.Clause)
	}
	line("# Found by: mqtk inspect fuzz --seed %d --case %d -V %s", f.Case.Seed, f.Case.Number, strings.TrimSuffix(strings.ReplaceAll(f.Case.Version.String(), ".", ""), "0"))
	switch {
	case !f.Again:
		line("# It came once, and not again when the case was played again: what is here is all of the case.")
	case f.Shows:
		line("# Run it with: mqtk inspect send URL @FILE   which ends 10 as long as the trouble is there.")
	default:
		line("# Run it with: mqtk inspect send URL @FILE   This alone was not seen to fail: the case beside a healthy pair was.")
	}
	for _, words := range f.LastWords {
		line("# | %s", oneLine(words))
	}
	line("# %s:", f.Case.Version)
	f.body(line)
	return out.String()
}

func oneLine(s string) string {
	s = strconv.Quote(s)
	return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`)
}

// body writes the steps, with what they are about before and after them.
func (f *Finding) body(line func(string, ...any)) {
	most := 0
	for _, s := range f.Case.Steps {
		most = max(most, s.Client)
	}
	h := healthy{qos: f.qos, name: fmt.Sprintf("fz%s/healthy", strconv.FormatUint(f.Case.Seed, 36)), line: line, to: most + 1, from: most + 2, third: most + 3}
	watched := f.Verdict != RuleBreak
	if watched {
		h.connect()
	}
	for i := range f.Case.Steps {
		s := f.Case.Steps[i]
		if s.Op == Hold && f.Case.isLast(i) {
			s.Op = Send // as the player does with what is held at the end
		}
		line("%s", s.String())
		if s.Op == Send && s.answer() != 0 && i+1 < len(f.Case.Steps) {
			line("%d< anything 100ms", s.Client)
		}
		if f.Verdict == Disturbance {
			h.nudge()
		}
	}
	switch {
	case watched:
		h.check()
	case f.mark == "open":
		line("%d< anything 300ms", f.Client)
		line("%d< EOF", f.Client)
	case f.Clause == "MQTT-3.12.4-1":
		line("%d< anything 300ms", f.Client)
		line("%d> PINGREQ", f.Client)
		line("%d< PINGRESP", f.Client)
	default:
		for n := range most {
			line("%d< anything 300ms", n+1)
		}
	}
}

// healthy writes the part of the pair.
type healthy struct {
	name            string
	line            func(string, ...any)
	to, from, third int
	sent            int
	qos             int
}

func (h *healthy) connect() {
	h.line("%d> CONNECT clean-start=1 client-id=%s", h.to, clientID(h.name, "r"))
	h.line("%d< CONNACK Success", h.to)
	h.line("%d> SUBSCRIBE packet-id=1 filter=%s/0 qos=0 filter=%s/1 qos=%d", h.to, h.name, h.name, h.qos)
	h.line("%d< SUBACK packet-id=1", h.to)
	h.line("%d> CONNECT clean-start=1 client-id=%s", h.from, clientID(h.name, "s"))
	h.line("%d< CONNACK Success", h.from)
}

func (h *healthy) nudge() {
	h.sent++
	h.line("%d> PUBLISH topic=%s/0 payload=%d", h.from, h.name, h.sent)
}

// check lets the broker come to all that was sent, also to its own end, before
// it looks whether all is well.
func (h *healthy) check() {
	h.line("+300ms")
	h.nudge()
	for n := range h.sent {
		h.line("%d< PUBLISH topic=%s/0 payload=%d", h.to, h.name, n+1)
	}
	h.last()
	h.line("%d> CONNECT clean-start=1 client-id=%s", h.third, clientID(h.name, "n"))
	h.line("%d< CONNACK Success", h.third)
}

// last publishes with the QoS that the broker granted.
func (h *healthy) last() {
	if h.qos == 0 {
		h.line("%d> PUBLISH topic=%s/1 payload=last", h.from, h.name)
		h.line("%d< PUBLISH topic=%s/1 payload=last", h.to, h.name)
		return
	}
	h.line("%d> PUBLISH topic=%s/1 qos=1 packet-id=1 payload=last", h.from, h.name)
	h.line("%d< PUBACK packet-id=1", h.from)
	h.line("%d< PUBLISH topic=%s/1 qos=1 packet-id=$last payload=last", h.to, h.name)
	h.line("%d> PUBACK packet-id=$last", h.to)
}
