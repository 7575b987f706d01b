package mqttwire

import "strings"

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
		return false
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
