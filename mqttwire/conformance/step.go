package conformance

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
)

type operation byte

const (
	opSend     operation = iota
	opHold               // send with the next
	opClose              // end the connection
	opExpect             // one of items
	opMaybe              // one of items, or not
	opSkip               // if one of items comes, the script is skipped
	opGroup              // one of a group
	opNothing            // for a while
	opAnything           // until nothing comes for a while
	opWait               // a while
	opWindow             // for what comes next
	opDistinct           // variables
)

// A step is one line of a script.
type step struct {
	line    int
	text    string
	op      operation
	clients []int
	items   []item
	from    time.Duration // of a window; a while
	to      time.Duration
	names   []string
	shows   []string // statements that it helps to show
	binds   []string // those of them that a broker breaks where the step fails
}

// An item is a packet, bytes, or the end.
type item struct {
	text  string
	eof   bool
	isRaw bool
	raw   string
	line  mqttwire.Line
}

type stepParser struct {
	arrow  *regexp.Regexp // clients, direction, mark, what is said
	source *source
	steps  []step
}

func newStepParser(s *source) stepParser {
	return stepParser{source: s, arrow: regexp.MustCompile(`^(\d*(?:\|\d+)*)([<>])([+~]?) ?(.*)$`)}
}

func (p *stepParser) parse(line numbered) error {
	st := step{line: line.line, text: line.text}
	var err error
	if m := p.arrow.FindStringSubmatch(line.text); m != nil {
		if st.clients, err = parseClients(m[1]); err == nil {
			if m[2] == ">" {
				err = st.parseSend(m[3], m[4])
			} else {
				err = st.parseReceive(m[3], m[4])
			}
		}
	} else if rest, ok := strings.CutPrefix(line.text, "+"); ok {
		err = st.parseTime(rest)
	} else if rest, ok := strings.CutPrefix(line.text, "distinct "); ok {
		st.op = opDistinct
		for word := range strings.FieldsSeq(rest) {
			name, ok := variableName(word)
			if !ok {
				return fmt.Errorf("distinct %s: $name is expected", word)
			}
			st.names = append(st.names, name)
		}
	} else {
		err = fmt.Errorf("%s: this is no step", line.text)
		if _, bad := mqttwire.ParseLine(line.text); bad == nil {
			err = fmt.Errorf("%s: an arrow says who sends it: 1> for client 1, 1< for what it receives", line.text)
		}
	}
	p.steps = append(p.steps, st)
	return err
}

func parseClients(s string) ([]int, error) {
	if s == "" {
		return []int{1}, nil
	}
	var clients []int
	for word := range strings.SplitSeq(s, "|") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("%s: the number of a client is expected", s)
		}
		clients = append(clients, n)
	}
	return clients, nil
}

func (st *step) parseSend(mark, rest string) error {
	if len(st.clients) != 1 || mark == "~" {
		return fmt.Errorf("%s: one client sends", st.text)
	}
	st.op = opSend
	if mark == "+" {
		st.op = opHold
	}
	it, err := parseItem(rest)
	if err != nil {
		return err
	}
	if it.eof {
		st.op = opClose
	}
	st.items = []item{it}
	return nil
}

func (st *step) parseReceive(mark, rest string) (err error) {
	st.op = opExpect
	if mark == "~" {
		st.op = opGroup
	}
	if mark == "+" || len(st.clients) > 1 && mark != "" {
		return fmt.Errorf("%s: this arrow does not exist", st.text)
	}
	if while, ok := strings.CutPrefix(rest, "nothing "); ok {
		st.op = opNothing
		st.from, err = time.ParseDuration(while)
		return err
	}
	if while, ok := strings.CutPrefix(rest, "anything "); ok {
		st.op = opAnything
		st.from, err = time.ParseDuration(while)
		return err
	}
	optional, after := opMaybe, strings.TrimPrefix(rest, "?")
	if after == rest {
		optional, after = opSkip, strings.TrimPrefix(rest, "skip ")
	}
	if after != rest {
		if st.op != opExpect || len(st.clients) > 1 {
			return fmt.Errorf("%s: ? and skip stand alone", st.text)
		}
		rest, st.op = after, optional
	}
	for _, text := range splitOutside(rest, " | ") {
		it, err := parseItem(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		st.items = append(st.items, it)
	}
	return nil
}

func parseItem(s string) (it item, err error) {
	it.text = s
	switch {
	case s == "EOF":
		it.eof = true
	case strings.HasPrefix(s, "hex="):
		it.isRaw, it.raw = true, s[len("hex="):]
		_, err = parseRaw(it.raw)
	default:
		it.line, err = mqttwire.ParseLine(s)
	}
	return it, err
}

func (st *step) parseTime(s string) (err error) {
	st.op = opWait
	a, b, isWindow := strings.Cut(s, "..")
	if st.from, err = time.ParseDuration(a); err != nil || !isWindow {
		return err
	}
	st.op = opWindow
	st.to, err = time.ParseDuration(b)
	return err
}

// check refuses what could not be played: an optional packet with nothing
// behind it that ends the waiting, a window before no reception.
func (p *stepParser) check() error {
	if len(p.steps) == 0 {
		return fmt.Errorf("%s has no steps", p.source.title)
	}
	for i, st := range p.steps {
		switch st.op {
		case opMaybe, opSkip:
			if i+1 == len(p.steps) || !p.steps[i+1].endsWaiting(st.clients[0]) {
				return fmt.Errorf("line %d: after %s the same client receives something that must come", st.line, st.text)
			}
		case opWindow:
			if i+1 == len(p.steps) || !p.steps[i+1].receives() {
				return fmt.Errorf("line %d: after %s something is received", st.line, st.text)
			}
		}
	}
	return nil
}

func (st *step) receives() bool {
	return st.op == opExpect || st.op == opMaybe || st.op == opSkip || st.op == opGroup
}

func (st *step) endsWaiting(client int) bool {
	return st.receives() && len(st.clients) == 1 && st.clients[0] == client
}

// variableName is the name in a value that is $name and nothing else.
func variableName(value string) (string, bool) {
	name, ok := strings.CutPrefix(value, "$")
	if !ok || name == "" || name[0] < 'a' || name[0] > 'z' {
		return "", false
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return "", false
		}
	}
	return name, true
}
