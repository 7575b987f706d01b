package mqttwire

import (
	"fmt"
	"slices"
	"strings"
)

// A Line is a packet in the text form, taken apart: one grammar for traces,
// test scripts, golden files and packets typed by hand.
//
//	NAME [REASON ...] [KEY=VALUE ...]
//
//	CONNECT version=5 clean-start=1 keep-alive=60 client-id=sensor-7
//	CONNACK NotAuthorized reason-string="ask the operator"
//	PUBLISH topic=rooms/2 qos=1 packet-id=9 content-type=text/plain payload="21.5 °C"
//	SUBSCRIBE packet-id=1 filter=rooms/+ qos=2 filter=doors/# no-local=1
//	SUBACK GrantedQoS2 NotAuthorized packet-id=1
//
// NAME is the packet's name: CONNECT, PUBLISH, PINGREQ and so on.
//
// REASON is a reason code, by name (NotAuthorized) or by number (0x87).
// SUBACK and UNSUBACK have one for each filter, in order. CONNACK,
// DISCONNECT, AUTH, PUBACK, PUBREC, PUBREL and PUBCOMP have at most one, and
// none means 0x00. The return codes of 3.1 and 3.1.1 go by the names of 5.0.
//
// KEY is a field of the packet or one of its properties, named as in the
// standard, in small letters with hyphens. What is zero, empty or absent is
// not written. The fields are:
//
//	CONNECT                  version protocol-name clean-start keep-alive client-id
//	                         will-topic will-qos will-retain will-payload
//	                         username password
//	CONNACK                  session-present
//	PUBLISH                  topic qos retain dup packet-id payload
//	PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK
//	                         packet-id
//	SUBSCRIBE                packet-id, and for each subscription: filter qos
//	                         no-local retain-as-published retain-handling
//	UNSUBSCRIBE              packet-id, and filter for each filter
//
// A property of the will has will- before its name (will-content-type), but
// will-delay-interval keeps the name it has.
//
// Words may stand in any order, with two exceptions: qos, no-local,
// retain-as-published and retain-handling belong to the filter before them,
// and the payload comes last. A filter or a property may be repeated, a field
// may not.
//
// VALUE is a number (decimal, or hexadecimal after 0x), 1 or 0 for yes or no
// (true and false will do), 3, 4 or 5 for a version (3.1, 3.1.1 and 5.0 will
// do), or text. Text is put in double quotes when it is empty or holds a
// space, a quote, =, ;, | or anything not printable, which is then escaped as
// in Go: \" \\ \n \t \x1b \u202e. Between backquotes nothing is escaped:
//
//	PUBLISH topic=lamp payload=`{"on": true}`
//
// A binary value (payload, will-payload, password, correlation-data,
// authentication-data) is text when it reads as text, and hexadecimal digits
// otherwise: hex=00ff for payload, will-hex= for will-payload, and -hex after
// the key for the others, as in correlation-data-hex=00ff.
//
// A user property is user-property="name=value"; the name ends at the first
// =. A name that holds a = itself is written in hexadecimal, as is its value:
// user-property-hex="613d62=63" has the name a=b and the value c.
//
// A word that begins with # begins a comment, which ends the line.
type Line struct {
	Type    PacketType
	Reasons []string
	Fields  []Field
}

// A Field is one KEY=VALUE of a Line, the value without its quotes.
type Field struct{ Key, Value string }

// ParseLine takes a line of text apart. It knows names and keys, but leaves
// reasons and values as they were written; Packet and Match look at those.
func ParseLine(s string) (Line, error) {
	s = strings.TrimRight(s, "\r\n")
	w, rest, err := cutWord(strings.TrimLeft(s, " \t"))
	if err != nil {
		return Line{}, err
	}
	t, err := packetTypeNamed(w)
	if err != nil {
		return Line{}, err
	}
	l := Line{Type: t}
	for {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" || rest[0] == '#' {
			return l, nil
		}
		if w, rest, err = cutWord(rest); err == nil {
			err = l.add(w)
		}
		if err != nil {
			return Line{}, fmt.Errorf("%s: %w", t, err)
		}
	}
}

// add appends a word to the line, if it may stand there.
func (l *Line) add(w word) error {
	if n := len(l.Fields); n > 0 && isPayload(l.Fields[n-1].Key) {
		return fmt.Errorf("%s stands after the payload, which comes last; put quotes around a payload that holds spaces", clip(w.raw))
	}
	keys := keysOf(l.Type)
	if w.isField {
		l.Fields = append(l.Fields, Field{w.key, w.value})
		return checkKey(w.key, l.Type, keys)
	}
	if key, not := strings.CutPrefix(w.key, "!"); not { // for Match
		l.Reasons = append(l.Reasons, w.key)
		return checkKey(key, l.Type, keys)
	}
	if slices.Contains(keys, w.key) {
		return fmt.Errorf("%s is a key and needs a value, as in %[1]s=1", w.key)
	}
	l.Reasons = append(l.Reasons, w.key)
	return nil
}

// String writes the line as text.
func (l Line) String() string { return string(l.append(nil)) }

func (l Line) append(dst []byte) []byte {
	dst = append(dst, l.Type.String()...)
	for _, r := range l.Reasons {
		dst = append(append(dst, ' '), r...)
	}
	for _, f := range l.Fields {
		dst = f.append(append(dst, ' '))
	}
	return dst
}

// Get returns the value of the first field with the given key.
func (l Line) Get(key string) (value string, ok bool) {
	for _, f := range l.Fields {
		if f.Key == key {
			return f.Value, true
		}
	}
	return "", false
}

// AppendText appends the text form of p, a packet of version v, to dst: one
// line without its end, free of control characters. It hides nothing, not
// even a password; a trace that should leaves that field out of LineOf.
func AppendText(dst []byte, p Packet, v Version) []byte {
	return LineOf(p, v).append(dst)
}

// ParseText reads the text form of a packet. It judges words, not packets:
// a wildcard in a topic or a QoS of 3 parses, and is up to Append.
func ParseText(s string, v Version) (Packet, error) {
	l, err := ParseLine(s)
	if err != nil {
		return nil, err
	}
	return l.Packet(v)
}

func packetTypeNamed(w word) (PacketType, error) {
	names := make([]string, 0, 15)
	for t := CONNECT; t <= AUTH; t++ {
		if !w.isField && strings.EqualFold(t.String(), w.key) {
			return t, nil
		}
		names = append(names, t.String())
	}
	if w.raw == "" || w.raw[0] == '#' {
		return 0, fmt.Errorf("the line is empty: the name of a packet is expected, one of %s", strings.Join(names, " "))
	}
	return 0, fmt.Errorf("%s: no packet has this name; %s", clip(w.raw), hint(strings.ToUpper(w.key), names))
}

func checkKey(key string, t PacketType, keys []string) error {
	switch {
	case slices.Contains(keys, key):
		return nil
	case len(keys) == 0:
		return fmt.Errorf("%s is not a key of this packet, which has none", clip(key))
	}
	return fmt.Errorf("%s is not a key of this packet; %s", clip(key), hint(key, keys))
}
