package commands

import (
	"encoding/base64"
	"os"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A messageEnviron makes the environment of commands that are run for messages:
// the keys of --json, and the properties by their names. As there, what is no
// UTF-8 is in base64, and says so. Nothing of a message is put into the text of
// a command, where a shell would take it for its own.
//
// Systems bound what a command may be given, and whoever publishes must not
// decide whether it runs: what is too much is left out and counted.
type messageEnviron struct{ base []string }

const (
	variableLimit = 120 << 10 // of one variable; Linux has 128 KiB
	environLimit  = 512 << 10 // of all that one message says
	variableCost  = 16        // of each, beside its text
)

// newMessageEnviron starts from our own environment, without what the message
// says that this process was started for.
func newMessageEnviron() messageEnviron {
	var e messageEnviron
	for _, v := range os.Environ() {
		if !hasAnyPrefix(v, "MQTK_PROPERTY_", "MQTK_USER_PROPERTY_", "MQTK_MID=", "MQTK_LEFT_OUT=") {
			e.base = append(e.base, v)
		}
	}
	return e
}

// of is the environment for a message that came at a time.
func (e messageEnviron) of(m *mqttwire.Publish, at time.Time) []string {
	v := variables{known: map[string]int{}, room: environLimit}
	v.add("MQTK_TOPIC", m.Topic)
	v.add("MQTK_QOS", strconv.Itoa(int(m.QoS)))
	v.add("MQTK_RETAIN", string(appendJSONFlag(nil, m.Retain)))
	v.add("MQTK_DUP", string(appendJSONFlag(nil, m.Dup)))
	v.add("MQTK_PAYLOADLEN", strconv.Itoa(len(m.Payload)))
	v.add("MQTK_TS", at.Format("2006-01-02T15:04:05.000000000Z07:00"))
	if m.QoS > 0 {
		v.add("MQTK_MID", strconv.Itoa(int(m.PacketID)))
	}
	for p := range m.Properties.All() {
		rule, _ := p.ID.Rule()
		name := "MQTK_PROPERTY_" + variableName(rule.Name)
		switch {
		case p.ID == mqttwire.UserProperty:
			v.add("MQTK_USER_PROPERTY_"+variableName(string(p.Name)), string(p.Value))
		case rule.Kind == mqttwire.Binary && !isText(p.Value):
			v.add(name+"_B64", base64.StdEncoding.EncodeToString(p.Value))
		case rule.Kind == mqttwire.Binary, rule.Kind == mqttwire.UTF8:
			v.add(name, string(p.Value))
		default:
			v.add(name, strconv.FormatUint(uint64(p.Number), 10))
		}
	}
	environ := e.base[:len(e.base):len(e.base)]
	for _, text := range v.texts {
		environ = append(environ, string(text))
	}
	if v.left > 0 {
		environ = append(environ, "MQTK_LEFT_OUT="+strconv.Itoa(v.left))
	}
	return environ
}

// variables are NAME=value, as far as there is room.
type variables struct {
	texts [][]byte
	known map[string]int // where in texts
	room  int
	left  int // values for which there was none
}

// add adds a value, on a line of its own where the variable has one.
func (v *variables) add(name, value string) {
	at, known := v.known[name]
	size, cost := len(name)+1+len(value), len(name)+1+len(value)+variableCost
	if known {
		size, cost = len(v.texts[at])+1+len(value), 1+len(value)
	}
	switch {
	case size > variableLimit || cost > v.room:
		v.left++
		return
	case known:
		v.texts[at] = append(append(v.texts[at], '\n'), value...)
	default:
		v.known[name] = len(v.texts)
		v.texts = append(v.texts, []byte(name+"="+value))
	}
	v.room -= cost
}

// variableName is a name as one of a variable: capitals, digits and _.
func variableName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}
