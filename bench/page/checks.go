package page

import (
	"slices"

	"mqtk/bench"
)

// A check is a row of what was looked at, and how it came out.
type check struct {
	state  state
	name   string
	figure string
	text   string
}

// checks says what was counted, and what of it the protocol allows.
func (v *view) checks(p *pen) {
	rows := slices.Concat(v.objectives(), v.messages(), v.sums(), v.connected())
	lede := "Every message carries its publisher and its number, and every one is accounted for."
	if v.connects() {
		lede = ""
	}
	defer p.section("checks", "Checks", lede)()
	p.put("<table class=\"checks\"><caption class=\"unseen\">Checks</caption>\n<thead class=\"unseen\"><tr><th scope=\"col\">Check</th><th scope=\"col\">Figure</th><th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n")
	for _, c := range rows {
		word := map[state]string{good: "good", bad: "failed", caution: "note", plain: "counted"}[c.state]
		p.put("<tr class=\"%s\"><th scope=\"row\">%s<span class=\"unseen\">%s: </span>%s</th><td class=\"figure\">%s</td><td>%s</td></tr>\n",
			markup(c.state), c.state.icon(), word, c.name, c.figure, c.text)
	}
	p.put("</tbody></table>\n")
}

func (v *view) objectives() (rows []check) {
	for _, j := range v.Judged {
		c := check{good, "Objective", "kept", j.Text}
		if !j.Kept {
			c.state, c.figure = bad, "missed"
		}
		rows = append(rows, c)
	}
	return rows
}

// messages are the counts, each with what is allowed at the QoS.
func (v *view) messages() (rows []check) {
	add := func(s state, metric, name, text string) {
		if _, figure, known := v.figure(metric); known {
			rows = append(rows, check{s, name, figure, text})
		}
	}
	// judge adds a count that should be 0: more is allowed, or is not.
	judge := func(metric, name string, allowed bool, text string) {
		s := good
		if n, _, _ := v.figure(metric); n > 0 {
			s = caution
			if !allowed && len(v.Failures) > 0 {
				s = bad
			}
		}
		add(s, metric, name, text)
	}
	add(plain, "sent", "Sent", v.text("sent_per_second"))
	if v.Plan.QoS > 0 {
		s := good
		if v.Counts.Acknowledged < v.Counts.Sent {
			s = caution
		}
		add(s, "acknowledged", "Acknowledged", "refused "+v.text("refused")+", unanswered "+v.text("unacknowledged"))
	} else if v.Counts.Refused > 0 {
		add(caution, "refused", "Refused", "by a reason code")
	}
	add(plain, "expected", "Expected", "what is due to the receivers for what was sent")
	add(plain, "delivered", "Delivered", v.text("delivered_per_second")+", each counted once for each receiver")
	qos := v.Plan.QoS
	rule := [3][2]string{
		{"QoS 0 may lose messages", "QoS 0 never brings a message twice"},
		{"QoS 1 loses nothing", "QoS 1 may bring a message again"},
		{"QoS 2 loses nothing", "QoS 2 brings each message exactly once"},
	}[min(qos, 2)]
	judge("lost", "Lost", qos == 0, rule[0])
	judge("duplicated", "Duplicated", qos == 1, rule[1])
	judge("reordered", "Reordered", v.Counts.Disordered == 0, v.order())
	judge("corrupted", "Corrupted", false, "payloads that are not what was sent")
	if v.Counts.WrongQoS > 0 {
		judge("wrong_qos", "At a wrong QoS", false, "neither the published nor the granted one")
	}
	if v.Counts.Foreign > 0 {
		judge("foreign", "Foreign", true, "messages that nobody of this run has sent")
	}
	return rows
}

func (v *view) order() string {
	switch {
	case v.Counts.Reordered == 0:
		return "each publisher's messages came in the order they were sent"
	case v.Counts.Disordered == 0:
		return "all of them allowed: late copies, or members of a shared subscription"
	}
	return v.text("disordered") + " of them are forbidden: messages of a publisher come in order"
}

// sums holds the totals against each other.
func (v *view) sums() (rows []check) {
	c := &v.Counts
	add := func(metric, name string, whole, parts int64, text string) {
		if !v.known(metric) {
			return
		}
		s, figure := good, "adds up"
		if whole != parts {
			s, figure = bad, "does not add up"
		}
		rows = append(rows, check{s, name, figure, text})
	}
	add("sent", "Total sent", c.Sent, c.Acknowledged+c.Refused+c.Unacknowledged, "sent = acknowledged + refused + unanswered")
	add("expected", "Total expected", c.Expected, c.Delivered+c.Lost, "expected = delivered + lost")
	return rows
}

// connected is how the connections fared.
func (v *view) connected() []check {
	c := &v.Connections
	s := good
	if c.Opened < c.Wanted || c.Lost > 0 {
		s = caution
		if slices.ContainsFunc(v.Failures, func(f bench.Failure) bool { return f.Kind == bench.LostConnection }) {
			s = bad
		}
	}
	return []check{{s, "Connections", v.text("connections_opened"), "of " + v.text("connections_wanted") + " wanted were opened; " +
		v.text("connections_lost") + " lost, " + v.text("connections_refused") + " refused, " + v.text("connections_failed") + " not reached"}}
}
