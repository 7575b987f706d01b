package commands

import (
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/proxy"
	"mqtk/mqttwire/referee"
)

const violation = referee.Violation

func findingsOf(e *proxy.Event) []referee.Finding {
	if e.Packet != nil {
		return append(e.Packet.Findings[:len(e.Packet.Findings):len(e.Packet.Findings)], e.Findings...)
	}
	return e.Findings
}

// print prints an event for people, and below it what the referee says.
func (out *proxyOutput) print(e *proxy.Event) {
	findings := findingsOf(e)
	if text := out.text(e); text != "" && (!out.options.Findings || out.matters(e, findings)) {
		if !e.AsSent() {
			text += " # as it was passed on"
		}
		arrow := " "
		switch e.From {
		case mqttwire.Client:
			arrow = ">"
		case mqttwire.Server:
			arrow = "<"
		}
		fmt.Fprintf(out.out, "%s %d%s %s\n", out.ink.faint(e.At.Format("15:04:05.000000")), e.Connection, arrow, text)
	}
	for _, f := range findings {
		out.finding(e, &f)
	}
}

// matters tells whether --findings shows an event.
func (out *proxyOutput) matters(e *proxy.Event, findings []referee.Finding) bool {
	return len(findings) > 0 || e.Faults != nil || e.Kind == proxy.Missed || e.Kind == proxy.Refused
}

// text is an event in words; empty: the others tell it.
func (out *proxyOutput) text(e *proxy.Event) string {
	text := ""
	switch e.Kind {
	case proxy.Opened:
		text = "from " + address(e.Client)
	case proxy.Refused:
		text = fmt.Sprintf("from %s, and closed: %v", address(e.Client), e.Err)
	case proxy.Packet:
		text = refereed(e.Packet, out.options.Verbose)
	case proxy.Bytes:
		text = hexOf(e.Raw, out.options.Verbose) + " # no packet"
	case proxy.Missed:
		text = fmt.Sprintf("%d bytes passed unseen: this output is slower than what passes", e.Missed)
	case proxy.Closed:
		if text = "EOF"; e.Err != nil {
			text += " # reset: " + e.Err.Error()
		}
	}
	if text = visible(text); e.Faults != nil {
		text += " " + out.ink.bad("# fault: "+strings.Join(e.Faults, "; "))
	}
	return text
}

func address(a net.Addr) string {
	if a == nil || a.String() == "" || a.String() == "@" {
		return "a Unix socket"
	}
	return a.String()
}

// refereed is one in words, with what is known about it as a comment; whole:
// however long it is.
func refereed(p *referee.Packet, whole bool) string {
	if p.Packet == nil && p.Line.Type == 0 {
		return hexOf(p.Raw, whole)
	}
	text, comment := shown(p.Line, whole)
	if p.Cut > 0 {
		comment += fmt.Sprintf(" # and %d bytes more", p.Cut)
	}
	if p.Answers > 0 {
		comment += " # after " + p.After.Round(time.Microsecond).String()
	}
	return text + comment
}

const shownBytes = 64

func hexOf(b []byte, whole bool) string {
	if len(b) <= shownBytes || whole {
		return fmt.Sprintf("hex=%x", b)
	}
	return fmt.Sprintf("hex=%x # %d bytes", b[:shownBytes], len(b))
}

// shown is a line without secrets, a long payload cut unless it is wanted whole.
func shown(line mqttwire.Line, whole bool) (text, comment string) {
	line = unsecret(line)
	for i := range line.Fields {
		switch f := &line.Fields[i]; {
		case f.Key == "version":
			if n, err := strconv.ParseUint(f.Value, 10, 8); err == nil {
				f.Value = mqttwire.Version(n).String()
			}
		case whole:
		case f.Key == "payload", f.Key == "will-payload":
			var short []byte
			short, comment = cutPayload([]byte(f.Value))
			f.Value = string(short)
		case (f.Key == "hex" || f.Key == "will-hex") && len(f.Value) > 2*tracedBytes:
			comment = fmt.Sprintf(" # %d bytes", len(f.Value)/2)
			f.Value = f.Value[:2*tracedBytes]
		}
	}
	return line.String(), comment
}

// finding prints what the referee says of an event.
func (out *proxyOutput) finding(e *proxy.Event, f *referee.Finding) {
	who := ""
	if f.Side != mqttwire.Either {
		who = " by the " + f.Side.String()
	}
	if f.Clause != "" {
		who += " (" + f.Statement() + ")"
	}
	line := fmt.Sprintf("! %s%s: %s", f.Kind, who, visible(f.Text))
	if f.Kind == violation {
		line = out.ink.bad(line)
	}
	fmt.Fprintf(out.out, "%15s %d  %s\n", "", e.Connection, line)
}

// A proxyObject is an event as --json prints it.
type proxyObject struct {
	Event      string          `json:"kind"`
	Time       string          `json:"ts"`
	Connection int             `json:"connection"`
	From       string          `json:"from,omitempty"`
	Client     string          `json:"client,omitempty"`
	Number     int             `json:"packet,omitempty"`
	Version    string          `json:"version,omitempty"`
	Type       string          `json:"type,omitempty"`
	Text       string          `json:"text,omitempty"`
	Size       int             `json:"size,omitempty"`
	Hex        string          `json:"hex,omitempty"`
	Answers    int             `json:"answers,omitempty"`
	After      float64         `json:"after,omitempty"`
	Missed     int             `json:"missed,omitempty"`
	Faults     []string        `json:"faults,omitempty"`
	PassedOn   bool            `json:"passed_on,omitempty"`
	Error      string          `json:"error,omitempty"`
	Findings   []findingObject `json:"findings,omitempty"`
}

type findingObject struct {
	Kind      string `json:"finding"`
	Side      string `json:"side,omitempty"`
	Statement string `json:"statement,omitempty"`
	Text      string `json:"detail"`
	Number    int    `json:"packet,omitempty"`
}

func (out *proxyOutput) printJSON(e *proxy.Event) {
	findings := findingsOf(e)
	if out.options.Findings && !out.matters(e, findings) {
		return
	}
	names := [...]string{"opened", "refused", "packet", "bytes", "data", "missed", "closed", "over"}
	o := proxyObject{Event: names[e.Kind], Time: jsonTime(e.At), Connection: e.Connection, Missed: e.Missed, Faults: e.Faults, PassedOn: !e.AsSent()}
	if e.From != mqttwire.Either {
		o.From = e.From.String()
	}
	if e.Client != nil {
		o.Client = address(e.Client)
	}
	if e.Err != nil {
		o.Error = e.Err.Error()
	}
	raw := e.Raw
	if p := e.Packet; p != nil {
		o.Number, o.Answers, o.After, raw = p.Number, p.Answers, micros(p.After), p.Raw
		if p.Version != 0 {
			o.Version = p.Version.String()
		}
		if o.Size = len(p.Raw) + p.Cut; p.Line.Type != 0 {
			o.Type = p.Line.Type.String()
			o.Text, _ = shown(p.Line, out.options.Verbose)
			raw = nil // the text says it, without secrets
		}
	}
	if len(raw) > 0 {
		o.Size, o.Hex = len(raw), hex.EncodeToString(raw)
	}
	for _, f := range findings {
		object := findingObject{Kind: f.Kind.String(), Statement: f.Clause, Text: f.Text, Number: f.Packet}
		if f.Side != mqttwire.Either {
			object.Side = f.Side.String()
		}
		o.Findings = append(o.Findings, object)
	}
	_ = writeJSON(out.out, o)
}
