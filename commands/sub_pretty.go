package commands

import (
	"bytes"
	"encoding/json"
	"time"

	"mqtk/mqttwire"
)

// prettyDepth is how deep JSON may be to be laid out: each level is an indent
// on each line, which adds up to a square.
const prettyDepth = 100

// prettyJSON renders the object of --json on several lines.
func (o *printer) prettyJSON(dst []byte, m *mqttwire.Publish, now time.Time) ([]byte, bool) {
	line, _ := appendMessageJSON(nil, m, now, false)
	return o.appendPretty(dst, line), true
}

// pretty is plain, but for payloads that are JSON objects and arrays: they are
// laid out on several lines, which begin below the topic.
func (o *printer) pretty(dst []byte, m *mqttwire.Publish, now time.Time) ([]byte, bool) {
	if !isLayable(m.Payload) {
		return o.plain(dst, m, now)
	}
	if o.verbose {
		dst = append(o.appendTopic(dst, m.Topic), '\n')
	}
	return o.appendPretty(dst, m.Payload), true
}

// isLayable tells whether a payload is an object or array that can be laid out.
func isLayable(payload []byte) bool {
	text := bytes.TrimLeft(payload, " \t\r\n")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[') && depthOf(text) <= prettyDepth && json.Valid(text)
}

// depthOf is how deep the brackets of JSON are.
func depthOf(text []byte) (most int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}

// appendPretty lays JSON out; on a terminal control characters are made
// visible, and keys are coloured.
func (o *printer) appendPretty(dst, text []byte) []byte {
	var laid bytes.Buffer
	_ = json.Indent(&laid, bytes.TrimSpace(text), "", "  ") // it is valid
	readable := laid.Bytes()
	if o.terminal {
		readable = appendReadable(nil, readable)
	}
	if !o.ink.on {
		return append(dst, readable...)
	}
	return o.appendKeysPainted(dst, readable)
}

// appendKeysPainted paints what stands in quotes before a colon.
func (o *printer) appendKeysPainted(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		if text[i] != '"' {
			dst = append(dst, text[i])
			i++
			continue
		}
		end := i + 1
		for end < len(text) && text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(text))
		if word := string(text[i:end]); end < len(text) && text[end] == ':' {
			dst = append(dst, o.ink.topic(word)...)
		} else {
			dst = append(dst, word...)
		}
		i = end
	}
	return dst
}
