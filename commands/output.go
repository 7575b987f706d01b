package commands

import (
	"bufio"
	"time"
	"unicode"
	"unicode/utf8"

	"mqtk/commands/condition"
	"mqtk/mqttwire"
)

// A printer prints messages. Terminal rules are those of terminal.go: in a
// pipe or a file the bytes are those that came.
type printer struct {
	w        *bufio.Writer
	eol      bool
	verbose  bool
	terminal bool
	ink      ink
	format   []formatPart
	complain func(format string, a ...any)

	// render appends what a message looks like, without its line end; false
	// leaves the message out.
	render func(dst []byte, m *mqttwire.Publish, now time.Time) ([]byte, bool)
	line   []byte            // reused
	seen   condition.Message // what the fields of a format look at
	live   *live             // not nil: it prints

	laidOut bool // JSON stands on several lines
}

// take puts one message into the buffer.
func (o *printer) take(m *mqttwire.Publish, at time.Time) error {
	if o.live != nil {
		return o.live.show(m, at)
	}
	line, ok := o.render(o.line[:0], m, at)
	if !ok {
		return nil
	}
	if o.eol {
		line = append(line, '\n')
	}
	o.line = line
	if cap(o.line) > 1<<20 {
		o.line = nil // one large message is no reason to keep so much
	}
	_, err := o.w.Write(line)
	return err
}

func (o *printer) flush() error {
	if o.live != nil {
		return o.live.drawSoon(time.Now())
	}
	if o.w.Buffered() == 0 {
		return nil
	}
	return o.w.Flush()
}

func (o *printer) close() error {
	if o.live != nil {
		return o.live.draw(time.Now())
	}
	return nil
}

// plain is the payload, after the topic where -v asks for it. As mosquitto_sub
// does, an empty payload prints nothing, or (null) after the topic if that has a
// line.
func (o *printer) plain(dst []byte, m *mqttwire.Publish, _ time.Time) ([]byte, bool) {
	if o.verbose {
		dst = o.appendTopic(dst, m.Topic)
		if len(m.Payload) == 0 {
			return append(dst, " (null)"...), o.eol
		}
		dst = append(dst, ' ')
	}
	if len(m.Payload) == 0 {
		return dst, false
	}
	if !o.terminal {
		return append(dst, m.Payload...), true
	}
	if !isText(m.Payload) {
		if o.verbose {
			dst = append(dst, '\n')
		}
		return appendHexdump(dst, m.Payload), true
	}
	return appendReadable(dst, m.Payload), true
}

func (o *printer) appendTopic(dst []byte, topic string) []byte {
	if !o.terminal {
		return append(dst, topic...)
	}
	return append(dst, o.ink.topic(visible(topic))...)
}

// isText tells whether a payload can be shown as text.
func isText(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, c := range b {
		if c == 0 {
			return false
		}
	}
	return true
}

// appendReadable makes control characters visible, but for those that lay text
// out.
func appendReadable(dst, text []byte) []byte {
	start := 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r != '\n' && r != '\t' && isHidden(r) {
			dst = append(dst, text[start:i]...)
			dst = appendVisible(dst, string(text[i:i+n]))
			start = i + n
		}
		i += n
	}
	return append(dst, text[start:]...)
}

// appendHexdump shows bytes sixteen to a line: offset, hexadecimal, characters.
func appendHexdump(dst, b []byte) []byte {
	const hex = "0123456789abcdef"
	for at := 0; at < len(b); at += 16 {
		if at > 0 {
			dst = append(dst, '\n')
		}
		for shift := 28; shift >= 0; shift -= 4 {
			dst = append(dst, hex[at>>shift&15])
		}
		row := b[at:min(at+16, len(b))]
		for i := range 16 {
			if i%8 == 0 {
				dst = append(dst, ' ')
			}
			if i < len(row) {
				dst = append(dst, ' ', hex[row[i]>>4], hex[row[i]&15])
			} else {
				dst = append(dst, "   "...)
			}
		}
		dst = append(dst, "  |"...)
		for _, c := range row {
			if c >= utf8.RuneSelf || !unicode.IsPrint(rune(c)) {
				c = '.'
			}
			dst = append(dst, c)
		}
		dst = append(dst, '|')
	}
	return dst
}
