package mqttwire

import "fmt"

// Check tells as an *Error what is wrong with properties of a packet of type t,
// or, with WillProperties, of a will, that a side sends.
func (p Properties) Check(t PacketType, from Side) error {
	if _, err := p.check(t, from); err != nil {
		return err
	}
	return nil // not err: a nil *Error in an error is not nil
}

// check holds p to the table: only what belongs into a packet of type t and
// may come from that side, once where it may not repeat, whole, and with a
// value that the standard allows. It counts the user properties.
func (p Properties) check(t PacketType, from Side) (users int, err *Error) {
	var seen uint64
	for len(p) > 0 {
		n := propertyLen(p)
		id := PropertyID(p[0])
		if n == 0 {
			return users, p.broken(t)
		}
		rule := &propertyRules[id]
		switch {
		case rule.in>>t&1 == 0:
			return users, &Error{MalformedPacket, "2.2.2.2", fmt.Sprintf("%v with the property %v, which does not belong there", t, id)}
		case seen>>id&1 != 0 && rule.repeat>>t&1 == 0:
			return users, &Error{ProtocolError, "2.2.2.2", fmt.Sprintf("%v with %v twice", t, id)}
		case from != Either && !rule.sentBy(t, from):
			return users, wrongSide(id, t, from)
		}
		seen |= 1 << id
		if id == UserProperty {
			users++
		}
		if err := rule.checkValue(id, t, p[1:n]); err != nil {
			return users, err
		}
		p = p[n:]
	}
	return users, nil
}

// broken says why the first property of p is none.
func (p Properties) broken(t PacketType) *Error {
	id := PropertyID(p[0])
	switch {
	case id == unsayable:
		return &Error{MalformedPacket, "2.2.2.2", fmt.Sprintf("%v with a property that has no encoding: too long, or of another type", t)}
	case int(id) >= len(propertyRules) || propertyRules[id].Kind == 0:
		return &Error{MalformedPacket, "2.2.2.2", fmt.Sprintf("%v with the unknown property %v", t, id)}
	case propertyRules[id].Kind == VariableByte && len(p) > 1:
		return &Error{MalformedPacket, "MQTT-1.5.5-1", fmt.Sprintf("%v with a bad variable byte integer in %v", t, id)}
	}
	return &Error{MalformedPacket, "2.2.2", fmt.Sprintf("%v with a property length that cuts %v", t, id)}
}

// wrongSide refuses a property that the other side alone may send.
func wrongSide(id PropertyID, t PacketType, from Side) *Error {
	clause := "3.14.2.2.5"
	switch id {
	case SubscriptionIdentifier:
		clause = "MQTT-3.3.4-6"
	case SessionExpiryInterval:
		clause = "MQTT-3.14.2-2"
	}
	return &Error{ProtocolError, clause, fmt.Sprintf("%v of a %v with %v", t, from, id)}
}

// checkValue holds a whole value to the rules that go beyond its type.
func (r *PropertyRule) checkValue(id PropertyID, t PacketType, value []byte) *Error {
	switch r.Kind {
	case UTF8:
		s := view(value[2:])
		if id == ResponseTopic {
			return checkResponseTopic(t, s)
		}
		if !validText(s) {
			return propertyText(id, t, s)
		}
	case StringPair:
		a, b := pair(value)
		if name := view(a); !validText(name) {
			return propertyText(id, t, name)
		}
		if s := view(b); !validText(s) {
			return propertyText(id, t, s)
		}
	case Byte:
		if value[0] > 1 {
			return &Error{ProtocolError, t.section(), fmt.Sprintf("%v with %v %d, which is neither 0 nor 1", t, id, value[0])}
		}
	default:
		if r.zero != Success && number(value, r.Kind) == 0 {
			clause := t.section()
			if id == TopicAlias {
				clause = "MQTT-3.3.2-8"
			}
			return &Error{r.zero, clause, fmt.Sprintf("%v with %v 0", t, id)}
		}
	}
	return nil
}

func propertyText(id PropertyID, t PacketType, s string) *Error {
	err := textError(id.String(), s, V5)
	err.Detail = fmt.Sprintf("%v with %s", t, err.Detail)
	return err
}

// checkResponseTopic: it is the name of a topic, so it has a character.
func checkResponseTopic(t PacketType, s string) *Error {
	if len(s) == 0 {
		return &Error{ProtocolError, "MQTT-4.7.3-1", t.String() + " with an empty response topic"}
	}
	if plainName(s) {
		return nil
	}
	if !validText(s) {
		return propertyText(ResponseTopic, t, s)
	}
	if checkName(s, V5) != nil {
		return &Error{ProtocolError, "MQTT-3.3.2-14", t.String() + " with a wildcard in the response topic"}
	}
	return nil
}
