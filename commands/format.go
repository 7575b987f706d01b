package commands

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mqtk/commands/condition"
	"mqtk/mqttwire"
)

// A formatPart is a piece of the FORMAT of sub -F: literal text, a %
// parameter of the message, or an @ piece of the time. The language is that of
// mosquitto_sub, so that formats can move between the two, and beyond it there
// are the fields of conditions, as %{payload.temp}.
type formatPart struct {
	kind      byte // '%', '@', or 0 for text
	letter    byte // after % or @; { of a field
	field     *condition.Field
	text      string
	left      bool // - : fill on the right
	zero      bool // 0 : fill with zeros
	width     int
	precision int // -1: none
}

// formatLetters are the letters after %.
const formatLetters = "%ACDEFIjJlmPpqRrStUxX"

// toFormat checks a format and keeps its text.
func toFormat(into **string) func(string) error {
	return func(s string) error {
		parts, err := parseFormat(s, formatMarks)
		if err != nil {
			return err
		}
		if len(parts) == 1 && parts[0].kind == 0 && isWord(s) {
			return fmt.Errorf("would print this word for each message: %%p is the payload; for JSON there are --json and --pretty")
		}
		*into = &s
		return nil
	}
}

// isWord tells a text of letters and digits alone.
func isWord(s string) bool {
	return len(s) > 1 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// formatMarks are the characters that are more than text in a format.
const formatMarks = `%@\`

// parseFormat takes a format apart. What is wrong is told by a *condition.Error.
func parseFormat(s, marks string) ([]formatPart, error) {
	var parts []formatPart
	text := func(t string) {
		if n := len(parts); n > 0 && parts[n-1].kind == 0 {
			parts[n-1].text += t
			return
		}
		parts = append(parts, formatPart{text: t})
	}
	for at := 0; at < len(s); {
		i := strings.IndexAny(s[at:], marks)
		if i < 0 {
			text(s[at:])
			break
		}
		if i > 0 {
			text(s[at : at+i])
		}
		at += i + 1
		if at == len(s) {
			return nil, condition.Complain(s, at-1, "ends in the middle of %q", s[at-1])
		}
		switch s[at-1] {
		case '%':
			part, end, err := parseFormatParameter(s, at)
			if err != nil {
				return nil, err
			}
			if part.letter == '%' {
				text("%")
			} else {
				parts = append(parts, part)
			}
			at = end
		case '@':
			if !strings.Contains(timeLetters, s[at:at+1]) {
				return nil, condition.Complain(s, at, "unknown @%c", characterAt(s, at))
			}
			parts = append(parts, formatPart{kind: '@', letter: s[at]})
			at++
		case '\\':
			t, ok := formatEscape(s[at])
			if !ok {
				return nil, condition.Complain(s, at, `unknown \%c`, characterAt(s, at))
			}
			text(t)
			at++
		}
	}
	return parts, nil
}

func characterAt(s string, at int) rune {
	r, _ := utf8.DecodeRuneInString(s[at:])
	return r
}

// parseFormatParameter reads flags, width, precision and letter, or {FIELD},
// behind a %.
func parseFormatParameter(s string, at int) (part formatPart, end int, err error) {
	part = formatPart{kind: '%', precision: -1}
	n := at
	for n < len(s) && (s[n] == '-' || s[n] == '0') {
		part.left = part.left || s[n] == '-'
		part.zero = part.zero || s[n] == '0'
		n++
	}
	number := func() (value int) {
		for n < len(s) && s[n] >= '0' && s[n] <= '9' && value < 10000 {
			value = value*10 + int(s[n]-'0')
			n++
		}
		return value
	}
	part.width = number()
	if n < len(s) && s[n] == '.' {
		n++
		part.precision = number()
	}
	switch {
	case n == len(s):
		return part, n, condition.Complain(s, at-1, "ends in the middle of %s", s[at-1:])
	case part.width > 10000 || part.precision > 10000:
		return part, n, condition.Complain(s, at, "a width of more than 10000")
	case s[n] == '{':
		part.letter = '{'
		part.field, n, err = condition.ParseFieldAt(s, n+1)
		if err == nil && !strings.HasPrefix(s[n:], "}") {
			err = condition.Complain(s, n, "} is expected behind %s", part.field)
		}
		return part, n + 1, err
	case !strings.Contains(formatLetters, s[n:n+1]):
		return part, n, condition.Complain(s, n, "unknown %%%c: there are %s and {FIELD}", characterAt(s, n), formatLetters)
	}
	part.letter = s[n]
	return part, n + 1, nil
}

func formatEscape(c byte) (string, bool) {
	escapes := map[byte]string{'\\': "\\", '0': "\x00", 'a': "\a", 'e': "\x1b", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v"}
	s, ok := escapes[c]
	return s, ok
}

// formatted renders a message by the format.
func (o *printer) formatted(dst []byte, m *mqttwire.Publish, now time.Time) ([]byte, bool) {
	o.seen.Set(m)
	for i := range o.format {
		part := &o.format[i]
		switch part.kind {
		case '%':
			var ok bool
			if dst, ok = o.appendParameter(dst, part, m, now); !ok {
				o.complain("message on %s: the payload is no JSON", m.Topic)
				return dst, false
			}
		case '@':
			dst = appendTime(dst, part.letter, now)
		default:
			dst = append(dst, part.text...)
		}
	}
	return dst, true
}

// appendParameter appends one % parameter of the message that o.seen stands for;
// false: %J, and the payload is no JSON.
func (o *printer) appendParameter(dst []byte, f *formatPart, m *mqttwire.Publish, now time.Time) ([]byte, bool) {
	switch f.letter {
	case 'A':
		return f.property(dst, m, mqttwire.TopicAlias), true
	case 'E':
		return f.property(dst, m, mqttwire.MessageExpiryInterval), true
	case 'F':
		return f.property(dst, m, mqttwire.PayloadFormatIndicator), true
	case 'S':
		return f.property(dst, m, mqttwire.SubscriptionIdentifier), true
	case 'C':
		text, _ := m.Properties.Text(mqttwire.ContentType)
		return f.string(dst, o.shown(text)), true
	case 'R':
		text, _ := m.Properties.Text(mqttwire.ResponseTopic)
		return f.string(dst, o.shown(text)), true
	case 'D':
		data, _ := m.Properties.Binary(mqttwire.CorrelationData)
		return append(dst, o.shown(string(data))...), true
	case 'P':
		return o.appendUserProperties(dst, m), true
	case 't':
		return f.string(dst, o.shown(m.Topic)), true
	case 'p':
		return f.bytes(dst, o.shown(string(f.cut(m.Payload, 1)))), true
	case 'x', 'X':
		return f.hex(dst, m.Payload), true
	case 'I':
		return f.string(dst, now.Format("2006-01-02T15:04:05-0700")), true
	case 'U':
		return fmt.Appendf(dst, "%d.%09d", now.Unix(), now.Nanosecond()), true
	case '{':
		return o.appendField(dst, f), true
	case 'j', 'J':
		return o.appendObject(dst, m, now, f.letter == 'J')
	}
	return f.integer(dst, m), true
}

// appendField appends a field as text.
func (o *printer) appendField(dst []byte, f *formatPart) []byte {
	start := len(dst)
	dst = f.field.Append(dst, &o.seen)
	if !o.terminal && f.width == 0 && f.precision < 0 {
		return dst
	}
	return f.pad(dst[:start], f.cutText(o.shown(string(dst[start:]))), f.zeroPad())
}

// appendObject appends a message as JSON; false: raw, and the payload is none.
func (o *printer) appendObject(dst []byte, m *mqttwire.Publish, now time.Time, raw bool) ([]byte, bool) {
	if !o.laidOut && !o.terminal {
		return appendMessageJSON(dst, m, now, raw)
	}
	object, ok := appendMessageJSON(nil, m, now, raw)
	switch {
	case !ok:
		return dst, false
	case o.laidOut && depthOf(object) <= prettyDepth:
		return o.appendPretty(dst, object), true
	}
	return appendReadable(dst, object), true
}

func (f *formatPart) integer(dst []byte, m *mqttwire.Publish) []byte {
	switch f.letter {
	case 'l':
		return f.number(dst, uint64(len(m.Payload)))
	case 'm':
		return f.number(dst, uint64(m.PacketID))
	case 'q':
		return append(dst, '0'+byte(m.QoS))
	case 'r':
		if m.Retain {
			return append(dst, '1')
		}
		return append(dst, '0')
	}
	return dst
}

// shown is a text that came from the other side, as this output may show it.
func (o *printer) shown(s string) string {
	if o.terminal {
		return visible(s)
	}
	return s
}

func (o *printer) appendUserProperties(dst []byte, m *mqttwire.Publish) []byte {
	first := true
	for name, value := range m.Properties.User() {
		if !first {
			dst = append(dst, ' ')
		}
		first = false
		dst = append(append(append(dst, o.shown(name)...), ':'), o.shown(value)...)
	}
	return dst
}

// property appends a number, or, as mosquitto_sub, what would stand before one
// where the message has none.
func (f *formatPart) property(dst []byte, m *mqttwire.Publish, id mqttwire.PropertyID) []byte {
	if n, ok := m.Properties.Number(id); ok {
		return f.number(dst, uint64(n))
	}
	return f.pad(dst, "", f.zeroPad())
}

func (f *formatPart) number(dst []byte, n uint64) []byte {
	return f.pad(dst, strconv.FormatUint(n, 10), f.zeroPad())
}

// string appends a text, cut to the precision.
func (f *formatPart) string(dst []byte, s string) []byte { return f.pad(dst, f.cutText(s), 0) }

// cutText cuts a text to the precision in characters.
func (f *formatPart) cutText(s string) string {
	if f.precision < 0 {
		return s
	}
	return clipped(s, f.precision)
}

// cut limits a payload to the field: as in mosquitto_sub its width is a limit
// too, for payloads alone. Each byte takes size columns.
func (f *formatPart) cut(payload []byte, size int) []byte {
	if f.width > 0 {
		payload = payload[:min(len(payload), f.width/size)]
	}
	if f.precision >= 0 {
		payload = payload[:min(len(payload), f.precision/size)]
	}
	return payload
}

func (f *formatPart) bytes(dst []byte, s string) []byte { return f.pad(dst, s, f.zeroPad()) }

func (f *formatPart) hex(dst, payload []byte) []byte {
	digits := "0123456789abcdef"
	if f.letter == 'X' {
		digits = "0123456789ABCDEF"
	}
	payload = f.cut(payload, 2)
	text := make([]byte, 0, 2*len(payload))
	for _, b := range payload {
		text = append(text, digits[b>>4], digits[b&15])
	}
	return f.pad(dst, string(text), f.zeroPad())
}

// zeroPad is the byte to fill with on the left where 0 applies.
func (f *formatPart) zeroPad() byte {
	if f.zero && !f.left {
		return '0'
	}
	return ' '
}

// pad fills s up to the width, with blanks unless fill is another byte.
func (f *formatPart) pad(dst []byte, s string, fill byte) []byte {
	if fill == 0 {
		fill = ' '
	}
	n := f.width - utf8.RuneCountInString(s)
	if f.left {
		dst = append(dst, s...)
		fill = ' '
	}
	for range max(n, 0) {
		dst = append(dst, fill)
	}
	if f.left {
		return dst
	}
	return append(dst, s...)
}
