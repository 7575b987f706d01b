package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mqtk/mqttwire"
)

// Text is the script in its language, for itself: without other versions and
// the rows of its tables. Parse reads the same script in it.
func (s *Script) Text() string {
	var b strings.Builder
	before := s.steps[0].statements()
	fmt.Fprintf(&b, "=== %s\n%s", s.Title, s.shown(before))
	for _, h := range [][2]string{{"mqtk", s.House}, {"set", settingsText(s.Settings)},
		{"needs", strings.Join(s.Needs, " ")}, {"uses", strings.Join(s.Uses, " ")}, {"frames", s.Frames}} {
		if h[1] != "" {
			fmt.Fprintf(&b, "# %s: %s\n", h[0], h[1])
		}
	}
	for i := range s.steps {
		st := &s.steps[i]
		if ids := st.statements(); !slices.Equal(ids, before) {
			b.WriteString(s.shown(ids))
			before = ids
		}
		b.WriteString(st.text + "\n")
	}
	return b.String()
}

// shown is the line that says what the steps behind it show.
func (s *Script) shown(ids []string) string {
	return strings.TrimRight(fmt.Sprintf("# %v: %s", s.Version, strings.Join(ids, " ")), " ") + "\n"
}

// Lines are the steps of the script.
func (s *Script) Lines() []string {
	lines := make([]string, len(s.steps))
	for i := range s.steps {
		lines[i] = s.steps[i].text
	}
	return lines
}

// statements are those that the step shows, with ~ before mild ones.
func (st *step) statements() []string {
	ids := slices.Clone(st.shows)
	for i, id := range ids {
		if !slices.Contains(st.binds, id) {
			ids[i] = "~" + id
		}
	}
	return ids
}

// settingsText is the settings in their order.
func settingsText(settings []Setting) string {
	words := make([]string, len(settings))
	for i, s := range settings {
		words[i] = s.Key + "=" + s.Value
	}
	return strings.Join(words, " ")
}

// brief is a packet for people: letters x, of which scripts send many, as they
// stand in scripts, and not more than most bytes.
func brief(text string, most int) string {
	const many = 20
	for from := 0; ; {
		i := strings.Index(text[from:], strings.Repeat("x", many))
		if i < 0 {
			break
		}
		i += from
		rest := strings.TrimLeft(text[i:], "x")
		count := fmt.Sprintf("*%d", len(text)-i-len(rest))
		text, from = text[:i]+count+rest, i+len(count)
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + fmt.Sprintf("... (%d characters)", len(text))
	}
	return text
}

// Check finds what is wrong with the script before it is played: packets that
// cannot be written, and expectations that no packet meets, as far as that
// depends on no variable. nil: nothing.
func (s *Script) Check() *Result {
	spoken := s.Version // 0 once a CONNECT has named another
	for i := range s.steps {
		st := &s.steps[i]
		var err error
		switch {
		case st.op == opSend || st.op == opHold:
			if _, named := st.items[0].line.Get("version"); named && st.items[0].line.Type == mqttwire.CONNECT {
				spoken = 0
			}
			if bad := s.unsayable(&st.items[0]); bad != nil && spoken != 0 {
				err = &UnsayableError{bad}
			}
		case st.receives():
			if bad := s.unmeetable(st.items, spoken); bad != nil {
				err = &UnmeetableError{bad}
			}
		}
		if err != nil {
			return &Result{Script: s, Outcome: Fail, Step: i + 1, Line: st.line, Expected: st.text, Got: err.Error(), Err: err}
		}
	}
	return nil
}

// unmeetable tells why no packet can be what a step expects.
func (s *Script) unmeetable(items []item, v mqttwire.Version) error {
	r := &runner{variables: s.ownVariables()}
	for _, it := range items {
		if it.isRaw || it.eof {
			continue
		}
		want := mqttwire.Line{Type: it.line.Type}
		for _, reason := range it.line.Reasons {
			if reason != "*" {
				want.Reasons = append(want.Reasons, reason)
			}
		}
		for _, f := range it.line.Fields {
			_, variable := variableName(f.Value)
			if _, _, spread := rangeOf(f.Value); variable || spread || v == 0 {
				want.Fields = nil // what is left may be no packet
				break
			}
			f.Value = filled(r.text(f.Value))
			want.Fields = append(want.Fields, f)
		}
		if err := want.CheckMatch(cmp.Or(v, mqttwire.V5)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Script) ownVariables() map[string]variable {
	return map[string]variable{"id": {text: "id"}, "topic": {text: "topic"}}
}

func (s *Script) unsayable(it *item) error {
	if it.isRaw {
		return nil
	}
	r := &runner{script: s, variables: s.ownVariables()}
	for _, f := range it.line.Fields {
		if _, ok := variableName(f.Value); ok {
			return nil
		}
	}
	_, _, err := r.packet(it.line, s.Version)
	return err
}
