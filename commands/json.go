package commands

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// writeJSON writes a value on a line of its own, in one write.
func writeJSON(w io.Writer, v any) error {
	line, err := jsonLine(v)
	if err == nil {
		_, err = w.Write(line)
	}
	return err
}

// jsonLine is a value as one line. < and > stay what they are: texts are full
// of arrows.
func jsonLine(v any) ([]byte, error) {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return line.Bytes(), err
}

// json renders a message as sub --json does.
func (o *printer) json(dst []byte, m *mqttwire.Publish, now time.Time) ([]byte, bool) {
	if !o.terminal {
		return appendMessageJSON(dst, m, now, false)
	}
	line, _ := appendMessageJSON(nil, m, now, false)
	return appendReadable(dst, line), true
}

// appendMessageJSON appends a message as one object, with mosquitto's keys and
// our dup, ts and payload_b64, which stands for payload where the bytes are no
// UTF-8. raw puts the payload in as the JSON that it is; false: it is none.
func appendMessageJSON(dst []byte, m *mqttwire.Publish, now time.Time, raw bool) ([]byte, bool) {
	dst = append(dst, `{"tst":"`...)
	dst = now.AppendFormat(dst, "2006-01-02T15:04:05.000000-0700")
	dst = append(dst, `","ts":"`...)
	dst = now.AppendFormat(dst, "2006-01-02T15:04:05.000000000Z07:00")
	dst = append(dst, `","topic":`...)
	dst = appendJSONText(dst, m.Topic)
	dst = append(dst, `,"qos":`...)
	dst = strconv.AppendUint(dst, uint64(m.QoS), 10)
	dst = appendJSONFlag(append(dst, `,"retain":`...), m.Retain)
	dst = appendJSONFlag(append(dst, `,"dup":`...), m.Dup)
	dst = append(dst, `,"payloadlen":`...)
	dst = strconv.AppendInt(dst, int64(len(m.Payload)), 10)
	if m.QoS > 0 {
		dst = append(dst, `,"mid":`...)
		dst = strconv.AppendUint(dst, uint64(m.PacketID), 10)
	}
	if len(m.Properties) > 0 {
		dst = appendPropertiesJSON(append(dst, `,"properties":`...), m.Properties)
	}
	switch {
	case raw && !json.Valid(m.Payload):
		return dst, false
	case raw:
		var compact bytes.Buffer // a payload of several lines would break the line
		_ = json.Compact(&compact, m.Payload)
		dst = append(append(dst, `,"payload":`...), compact.Bytes()...)
	default:
		dst = appendJSONBytes(append(dst, ',', '"'), "payload", m.Payload)
	}
	return append(dst, '}'), true
}

func appendJSONFlag(dst []byte, on bool) []byte {
	if on {
		return append(dst, '1')
	}
	return append(dst, '0')
}

// appendJSONBytes appends NAME":value, or NAME_b64":value for what is no UTF-8.
func appendJSONBytes(dst []byte, name string, b []byte) []byte {
	dst = append(dst, name...)
	if utf8.Valid(b) {
		return appendJSONText(append(dst, '"', ':'), string(b))
	}
	dst = append(dst, `_b64":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, b), '"')
}

// appendPropertiesJSON appends the properties as an object. A name with
// several values (subscription identifiers, user properties) has an array.
func appendPropertiesJSON(dst []byte, properties mqttwire.Properties) []byte {
	dst = append(dst, '{')
	comma := false
	key := func() {
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = append(dst, '"')
	}
	identifiers, users := false, false
	for p := range properties.All() {
		rule, _ := p.ID.Rule()
		switch {
		case p.ID == mqttwire.UserProperty && !users:
			users = true
			key()
			dst = appendUsersJSON(append(dst, `user-properties":`...), properties)
			if mixedUsers(properties) {
				key()
				dst = appendUserList(append(dst, `user-property-list":`...), properties)
			}
		case p.ID == mqttwire.UserProperty:
		case p.ID == mqttwire.SubscriptionIdentifier && !identifiers:
			identifiers = true
			key()
			dst = appendIdentifiersJSON(append(dst, `subscription-identifier":`...), properties)
		case p.ID == mqttwire.SubscriptionIdentifier:
		case rule.Kind == mqttwire.UTF8 || rule.Kind == mqttwire.Binary:
			key()
			dst = appendJSONBytes(dst, rule.Name, p.Value)
		default:
			key()
			dst = append(append(dst, rule.Name...), '"', ':')
			dst = strconv.AppendUint(dst, uint64(p.Number), 10)
		}
	}
	return append(dst, '}')
}

func appendIdentifiersJSON(dst []byte, properties mqttwire.Properties) []byte {
	start, n := len(dst), 0
	dst = append(dst, '[')
	for p := range properties.All() {
		if p.ID == mqttwire.SubscriptionIdentifier {
			if n++; n > 1 {
				dst = append(dst, ',')
			}
			dst = strconv.AppendUint(dst, uint64(p.Number), 10)
		}
	}
	if n == 1 {
		return append(dst[:start], dst[start+1:]...)
	}
	return append(dst, ']')
}

// appendUsersJSON keeps the order of the names' first appearance.
func appendUsersJSON(dst []byte, properties mqttwire.Properties) []byte {
	var names []string
	values := map[string][]string{}
	for name, value := range properties.User() {
		if values[name] == nil {
			names = append(names, name)
		}
		values[name] = append(values[name], value)
	}
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendJSONText(dst, name), ':')
		if len(values[name]) == 1 {
			dst = appendJSONText(dst, values[name][0])
			continue
		}
		for j, value := range values[name] {
			dst = appendJSONText(append(dst, "[,"[min(j, 1)]), value)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// mixedUsers tells whether another name stands between two of one name: their
// order, which the standard keeps, is then not that of the object.
func mixedUsers(properties mqttwire.Properties) bool {
	seen, last := map[string]bool{}, ""
	for name := range properties.User() {
		if seen[name] && name != last {
			return true
		}
		seen[name], last = true, name
	}
	return false
}

// appendUserList appends [["name","value"],…], in their order.
func appendUserList(dst []byte, properties mqttwire.Properties) []byte {
	separator := byte('[')
	for name, value := range properties.User() {
		dst = appendJSONText(append(dst, separator, '['), name)
		dst = append(appendJSONText(append(dst, ','), value), ']')
		separator = ','
	}
	return append(dst, ']')
}

// appendJSONText appends a string as JSON, on one line whatever it holds.
func appendJSONText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7F {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}
