package mqttwire

import (
	"strings"
	"unicode/utf8"
)

// CheckTopicName tells as an *Error what is wrong with the name of a topic to
// publish to: empty, too long, ill-formed or with a wildcard. Whether one may
// publish there is another question.
func CheckTopicName(s string) error {
	if err := topicNameError(s); err != nil {
		return err
	}
	return nil // not err: a nil *Error in an error is not nil
}

// CheckTopicFilter tells as an *Error what is wrong with a filter; those of
// shared subscriptions are checked with their share.
func CheckTopicFilter(s string) error {
	if err := checkFilter(s, V5); err != nil {
		return err
	}
	return nil
}

// SplitShared splits the filter of a shared subscription, $share/share/rest.
// It does not judge: CheckTopicFilter does.
func SplitShared(filter string) (share, rest string, shared bool) {
	after, ok := strings.CutPrefix(filter, "$share/")
	if !ok {
		return "", filter, false
	}
	share, rest, _ = strings.Cut(after, "/")
	return share, rest, true
}

// Match tells whether the valid filter, without $share, matches the valid
// topic. It takes time linear in both and allocates nothing.
func Match(filter, topic string) bool {
	if filter == "" || topic == "" {
		return false
	}
	if topic[0] == '$' && (filter[0] == '+' || filter[0] == '#') {
		return false // MQTT-4.7.2-1
	}
	for {
		level, filterRest, filterMore := strings.Cut(filter, "/")
		if level == "#" {
			return true
		}
		name, topicRest, topicMore := strings.Cut(topic, "/")
		if level != "+" && level != name {
			return false
		}
		if !filterMore {
			return !topicMore
		}
		if !topicMore {
			return filterRest == "#" // a/# matches a
		}
		filter, topic = filterRest, topicRest
	}
}

// topicNameError judges a name that must not be empty, by 5.0.
func topicNameError(s string) *Error {
	if len(s) == 0 {
		return &Error{ProtocolError, "MQTT-4.7.3-1", "a topic name is empty"}
	}
	if plainName(s) && len(s) <= maxString {
		return nil
	}
	return checkName(s, V5)
}

// checkName judges a topic name that may be empty.
func checkName(s string, v Version) *Error {
	if err := textError("topic name", s, v); err != nil {
		return err
	}
	if strings.ContainsAny(s, "+#") {
		return &Error{MalformedPacket, "MQTT-3.3.2-2", "a topic name with a wildcard"}
	}
	return nil
}

// checkFilter judges a topic filter. Ill-formed ones are a ProtocolError:
// TopicFilterInvalid is for those that are well-formed and refused.
func checkFilter(s string, v Version) *Error {
	if err := textError("topic filter", s, v); err != nil {
		return err
	}
	filter, shared := strings.CutPrefix(s, "$share/")
	if shared {
		share, rest, _ := strings.Cut(filter, "/")
		if len(share) == 0 || len(rest) == 0 {
			return &Error{ProtocolError, "MQTT-4.8.2-1", "a shared subscription without a share name or a filter"}
		}
		if strings.ContainsAny(share, "+#") {
			return &Error{ProtocolError, "MQTT-4.8.2-2", "a share name with a wildcard"}
		}
		filter = rest
	}
	if len(filter) == 0 {
		return &Error{ProtocolError, "MQTT-4.7.3-1", "a topic filter is empty"}
	}
	return checkWildcards(filter, v)
}

// checkWildcards holds + to a whole level and # to the whole last level.
func checkWildcards(filter string, v Version) *Error {
	for i := range len(filter) {
		b := filter[i]
		if b != '+' && b != '#' {
			continue
		}
		starts := i == 0 || filter[i-1] == '/'
		last := i == len(filter)-1
		switch {
		case b == '#' && !(starts && last):
			return &Error{ProtocolError, v.clause("MQTT-4.7.1-1", "MQTT-4.7.1-2"), "a topic filter with # that is not the whole last level"}
		case b == '+' && !(starts && (last || filter[i+1] == '/')):
			return &Error{ProtocolError, v.clause("MQTT-4.7.1-2", "MQTT-4.7.1-3"), "a topic filter with + that is not a whole level"}
		}
	}
	return nil
}

// textError tells what is wrong with a string, nil if nothing is.
func textError(what, s string, v Version) *Error {
	switch {
	case len(s) > maxString:
		return &Error{MalformedPacket, v.clause("1.5.4", "1.5.3"), "a " + what + " of more than 65535 bytes"}
	case validText(s):
		return nil
	case !utf8.ValidString(s):
		return &Error{MalformedPacket, v.clause("MQTT-1.5.4-1", "MQTT-1.5.3-1"), "a " + what + " that is not UTF-8"}
	}
	return &Error{MalformedPacket, v.clause("MQTT-1.5.4-2", "MQTT-1.5.3-2"), "a " + what + " with U+0000"}
}
