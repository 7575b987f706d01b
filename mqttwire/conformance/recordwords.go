package conformance

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"mqtk/mqttwire"
)

// words makes the line of a script of the line of a packet; false: a script has
// no words for it, only bytes.
func (r *Recorder) words(c *recordedConnection, from mqttwire.Side, l mqttwire.Line) (mqttwire.Line, bool) {
	r.follow(c, from, l)
	said := mqttwire.Line{Type: l.Type, Reasons: l.Reasons}
	if from == mqttwire.Server {
		said.Reasons = expectedReasons(l)
	}
	for _, f := range l.Fields {
		f, ok := literal(f, from)
		if from == mqttwire.Server {
			f, ok = expected(l.Type, f, ok)
		} else if !ok {
			return said, false
		}
		if ok {
			said.Fields = append(said.Fields, f)
		}
	}
	r.variables(c, from, &said)
	return said, true
}

// follow notes who speaks, and with which session.
func (r *Recorder) follow(c *recordedConnection, from mqttwire.Side, l mqttwire.Line) {
	switch {
	case l.Type == mqttwire.CONNECT && from == mqttwire.Client:
		c.clientID, _ = l.Get("client-id")
	case l.Type == mqttwire.CONNACK && from == mqttwire.Server:
		if assigned, ok := l.Get("assigned-client-identifier"); ok {
			c.clientID = assigned
		}
		if c.clientID == "" {
			return
		}
		if _, present := l.Get("session-present"); present && r.sessions[c.clientID] != nil {
			c.session = r.sessions[c.clientID]
			return
		}
		if len(r.sessions) >= maxSessions {
			clear(r.sessions)
		}
		r.sessions[c.clientID] = c.session
	}
}

// variables puts $names in place of packet ids that the server has chosen. A
// name is for one use of an id; sent again it is the same.
func (r *Recorder) variables(c *recordedConnection, from mqttwire.Side, l *mqttwire.Line) {
	i := slices.IndexFunc(l.Fields, func(f mqttwire.Field) bool { return f.Key == "packet-id" })
	if i < 0 {
		return
	}
	id := l.Fields[i].Value
	names := c.session.names
	opens := from == mqttwire.Server && l.Type == mqttwire.PUBLISH
	if opens && names[id] == "" {
		r.named++
		names[id] = "$p" + strconv.Itoa(r.named)
	}
	answers := from == mqttwire.Client && (l.Type == mqttwire.PUBACK || l.Type == mqttwire.PUBREC || l.Type == mqttwire.PUBCOMP)
	releases := from == mqttwire.Server && l.Type == mqttwire.PUBREL
	name := names[id]
	if name == "" || !opens && !answers && !releases {
		return
	}
	l.Fields[i].Value = name
	if answers && (l.Type != mqttwire.PUBREC || refuses(l)) {
		delete(names, id)
	}
}

// refuses tells whether an acknowledgement is one of failure.
func refuses(l *mqttwire.Line) bool {
	for _, reason := range l.Reasons {
		if code, ok := mqttwire.ParseReasonCode(reason, l.Type); ok && code >= 0x80 {
			return true
		}
	}
	return false
}

// expectedReasons leaves out a success that another broker may tell another way.
func expectedReasons(l mqttwire.Line) []string {
	switch l.Type {
	case mqttwire.PUBACK, mqttwire.PUBREC:
		if !refuses(&l) {
			return nil
		}
	}
	return l.Reasons
}

// expected is what a script expects of a field that the server sent; false:
// nothing.
func expected(t mqttwire.PacketType, f mqttwire.Field, literal bool) (mqttwire.Field, bool) {
	switch f.Key {
	case "assigned-client-identifier", "message-expiry-interval", "authentication-data":
		return mqttwire.Field{Key: f.Key, Value: "*"}, true
	case "authentication-data-hex":
		return f, false
	case "session-present", "packet-id", "authentication-method":
		return f, literal
	case "topic-alias":
		return f, false
	}
	return f, literal && t == mqttwire.PUBLISH
}

// literal is a field whose value the runner takes as it stands; false: it would
// read something into it.
func literal(f mqttwire.Field, from mqttwire.Side) (mqttwire.Field, bool) {
	if !meansMore(f.Value, from) {
		return f, true
	}
	switch f.Key {
	case "payload", "will-payload", "password", "correlation-data", "authentication-data":
		return mqttwire.Field{Key: hexKey(f.Key), Value: hex.EncodeToString([]byte(f.Value))}, true
	case "user-property", "will-user-property":
		name, value, _ := strings.Cut(f.Value, "=")
		return mqttwire.Field{Key: f.Key + "-hex", Value: hex.EncodeToString([]byte(name)) + "=" + hex.EncodeToString([]byte(value))}, true
	}
	return f, false
}

// meansMore tells whether the runner would replace, lengthen or compare a value.
func meansMore(value string, from mqttwire.Side) bool {
	_, variable := variableName(value)
	_, _, span := rangeOf(value)
	return variable || strings.Contains(value, "${") || filled(value) != value ||
		from == mqttwire.Server && (span || value == "*")
}
