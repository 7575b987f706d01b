package acl

import "strings"

// placeholder is how the name of a client is written in a topic.
type placeholder struct {
	text     string
	username bool // else the client id
	file     bool // mosquitto knows it as well
}

func placeholders() [5]placeholder {
	return [...]placeholder{
		{text: "%c", file: true},
		{text: "%u", username: true, file: true},
		{text: "${clientid}"},
		{text: "${username}", username: true},
		{text: "$clientId"},
	}
}

// next finds the first placeholder of a topic in the rule's form. at is -1 where
// there is none.
func (f Form) next(topic string) (at int, p placeholder) {
	at = -1
	if f == Filter || !strings.ContainsAny(topic, "%$") {
		return at, p
	}
	for _, candidate := range placeholders() {
		if f == Pattern && !candidate.file {
			continue
		}
		if i := strings.Index(topic, candidate.text); i >= 0 && (at < 0 || i < at) {
			at, p = i, candidate
		}
	}
	return at, p
}

// hostile says whether a name could widen a pattern, or stand for more than one
// level.
func hostile(name string) bool { return strings.ContainsAny(name, "+#/\x00") }

// filled is the rule's topic with the client's names in it. It is not ok where a
// name cannot be put in; which is that name then, unless it is empty.
func (r *Rule) filled(c *Client) (topic string, ok bool, which string) {
	at, p := r.Form.next(r.Topic)
	if at < 0 {
		return r.Topic, true, ""
	}
	var b strings.Builder
	rest := r.Topic
	for ; at >= 0; at, p = r.Form.next(rest) {
		name := c.ClientID
		if p.username {
			name = c.Username
		}
		switch {
		case name == "":
			return "", false, ""
		case hostile(name), name[0] == '$' && b.Len()+at == 0:
			return "", false, name
		}
		b.WriteString(rest[:at])
		b.WriteString(name) // never looked at again: it may read like a placeholder
		rest = rest[at+len(p.text):]
	}
	b.WriteString(rest)
	return b.String(), true, ""
}
