package commands

import (
	"encoding/hex"
	"fmt"
	"time"
	"unicode/utf8"

	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
	"mqtk/mqttwire/referee"
)

// A sendPrinter prints what a script does while it does it.
type sendPrinter struct {
	p   *program
	ink ink
	end func(error) // nobody reads the output any more

	sessions      *referee.Sessions
	conversations map[int]*referee.Conversation // by connection of the script
	broken        []referee.Finding             // of the script
}

// A seenObject is a packet of inspect send --json.
type seenObject struct {
	Time       float64 `json:"since_start"`
	Connection int     `json:"connection"`
	From       string  `json:"from"`
	Type       string  `json:"type,omitempty"`
	Text       string  `json:"text,omitempty"`
	Hex        string  `json:"hex,omitempty"`
	End        string  `json:"end,omitempty"`
	Error      string  `json:"error,omitempty"`

	Findings []statementObject `json:"findings,omitempty"`
}

// A statementObject is a finding about what the broker sent.
type statementObject struct {
	Statement string `json:"statement"`
	Text      string `json:"detail"`
}

// seenText is how much of a packet is printed for people.
const seenText = 400

// begin is called before each script.
func (s *sendPrinter) begin() {
	s.sessions, s.conversations, s.broken = referee.NewSessions(), map[int]*referee.Conversation{}, nil
}

// judge gives what the broker does wrong with this. What the script does wrong
// is what it is for.
func (s *sendPrinter) judge(e *conformance.Seen) (broken []referee.Finding) {
	c := s.conversations[e.Connection]
	if c == nil {
		c = referee.New(referee.Options{Sessions: s.sessions, Skew: -1}) // what is sent is seen before it is
		s.conversations[e.Connection] = c
	}
	from := mqttwire.Server
	if e.Sent {
		from = mqttwire.Client
	}
	var findings []referee.Finding
	if e.End != "" {
		findings = c.End(from, time.Now(), false)
	} else {
		for _, p := range c.Feed(from, time.Now(), e.Raw) {
			findings = append(findings, p.Findings...)
		}
	}
	return s.ofBroker(findings)
}

// ofBroker are the violations of the broker, of which it keeps a list.
func (s *sendPrinter) ofBroker(findings []referee.Finding) (broken []referee.Finding) {
	for _, f := range findings {
		if f.Kind == referee.Violation && f.Side == mqttwire.Server {
			broken = append(broken, f)
		}
	}
	s.broken = append(s.broken, broken...)
	return broken
}

// finish tells what shows only when all is over.
func (s *sendPrinter) finish() {
	for _, c := range s.conversations {
		for _, f := range s.ofBroker(c.Finish(time.Now())) {
			if s.p.json {
				s.object(statementObject{f.Clause, f.Text})
			} else {
				s.write([]byte(s.ink.bad("<-- "+visible(findingText(f))) + "\n"))
			}
		}
	}
}

// seen prints one packet, or an end.
func (s *sendPrinter) seen(e conformance.Seen) {
	broken := s.judge(&e)
	if e.Line.Type == mqttwire.CONNECT || e.Line.Type == mqttwire.AUTH {
		e.Line = unsecret(e.Line)
	}
	if s.p.json {
		o := newSeenObject(&e)
		for _, f := range broken {
			o.Findings = append(o.Findings, statementObject{f.Clause, f.Text})
		}
		s.object(o)
		return
	}
	arrow := "<"
	if e.Sent {
		arrow = ">"
	}
	text := e.Text()
	if len(text) > seenText {
		n := seenText
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = fmt.Sprintf("%s... # %d bytes", text[:n], len(e.Raw))
	}
	for _, f := range broken {
		text += "  " + s.ink.bad("<-- "+visible(findingText(f)))
	}
	if e.Err != nil && len(broken) == 0 {
		text += "  " + s.ink.bad("<-- "+visible(e.Err.Error()))
	}
	s.write(fmt.Appendf(nil, "%s %s %s\n", s.ink.faint(fmt.Sprintf("%10.6fs", e.At.Seconds())), s.ink.head(fmt.Sprintf("%d%s", e.Client, arrow)), text))
}

func findingText(f referee.Finding) string {
	if f.Clause == "" {
		return f.Text
	}
	return f.Text + " (" + f.Clause + ")"
}

func newSeenObject(e *conformance.Seen) seenObject {
	o := seenObject{Time: e.At.Seconds(), Connection: e.Client, From: mqttwire.Server.String(), End: e.End}
	if e.Sent {
		o.From = mqttwire.Client.String()
	}
	switch {
	case e.End != "":
	case e.Line.Type == 0:
		o.Hex = hex.EncodeToString(e.Raw)
	default:
		o.Type, o.Text = e.Line.Type.String(), e.Line.String()
	}
	if e.Err != nil {
		o.Error = e.Err.Error()
	}
	return o
}

// title stands above one of several scripts.
func (s *sendPrinter) title(script *conformance.Script) {
	if !s.p.json {
		s.write([]byte(s.ink.head(visible("=== "+script.Name())) + "\n"))
	}
}

// outcome tells how a script ended: of one alone only what is not told anyway.
func (s *sendPrinter) outcome(r *conformance.Result, f *failure, several bool) {
	switch {
	case s.p.json:
		s.object(struct {
			Outcome  string  `json:"outcome"`
			Title    string  `json:"title"`
			Version  string  `json:"version"`
			Steps    int     `json:"steps"`
			Elapsed  float64 `json:"duration"`
			Step     int     `json:"step,omitempty"`
			Line     int     `json:"line,omitempty"`
			Expected string  `json:"expected,omitempty"`
			Got      string  `json:"got,omitempty"`
		}{r.Outcome.String(), r.Script.Title, r.Script.Version.String(), r.Script.Steps(), r.Elapsed.Seconds(), r.Step, r.Line, r.Expected, r.Got})
	case f != nil && several:
		line := s.ink.bad("fail") + ": " + visible(f.Error()) + "\n"
		for _, hint := range f.Hints {
			line += "  " + visible(hint) + "\n"
		}
		s.write([]byte(line))
	case r.Outcome == conformance.Skip:
		s.write(fmt.Appendf(nil, "skipped at %s: %s\n", visible(r.Expected), visible(r.Got)))
	}
}

func (s *sendPrinter) object(v any) {
	if line, err := jsonLine(v); err == nil {
		s.write(line)
	}
}

func (s *sendPrinter) write(line []byte) {
	if _, err := s.p.Out.Write(line); err != nil {
		s.end(errReaderGone)
	}
}
