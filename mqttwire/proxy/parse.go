package proxy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// ParseRules reads rules, with ; or a line's end between them:
//
//	ACTION [CONDITION=VALUE ...]
//
//	drop                  the packet is not forwarded
//	delay T | T..T        it is forwarded so much later, with what is behind it
//	duplicate [N]         it is forwarded once more, or N times
//	truncate N            of it the first N bytes are forwarded
//	reorder [T]           it is forwarded behind the next one that the rule is
//	                      about, or after T (1s) alone; without type= it is about
//	                      acknowledgements
//	reason NAME           it is forwarded with this reason code, by name or 0xNN
//	half-open             from it on nothing passes, and neither side is told
//	close, reset          instead of it the connection ends, for both sides
//
//	type=PUBACK|PUBREC    packets of these types
//	topic=FILTER          PUBLISH to a topic, SUBSCRIBE and UNSUBSCRIBE to a
//	                      filter, and their acknowledgements
//	client=PATTERN        of clients by their id, * is any text and ? a character
//	from=client|server    from this side
//	qos=1|2               PUBLISH of these
//	connection=N|N..M     on these connections, as they are counted
//	nth=N                 the N-th that the conditions above hold for, counted
//	                      for each connection and direction
//	every=N               each N-th of them
//	after=N               those behind the N-th
//	p=0.1|10%             with this probability
//	times=N               until the rule has acted N times on a connection and direction
//	after-bytes=N         half-open, close and reset alone: when N bytes have
//	                      passed in a direction, wherever in a packet that is
//
// A value with blanks or ; stands in double quotes.
func ParseRules(text string) ([]Rule, error) {
	var rules []Rule
	for _, line := range splitRules(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		r, err := parseRule(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// splitRules splits at ; and line ends that are not in quotes.
func splitRules(text string) (lines []string) {
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			if quoted, err := strconv.QuotedPrefix(text[i:]); err == nil {
				i += len(quoted) - 1
			}
		case ';', '\n', '\r':
			lines = append(lines, text[start:i])
			start = i + 1
		}
	}
	return append(lines, text[start:])
}

// A ruleWord is WORD or KEY=VALUE.
type ruleWord struct {
	key, value string
	hasValue   bool
}

func ruleWords(line string) (words []ruleWord, err error) {
	for rest := strings.TrimLeft(line, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		end := strings.IndexAny(rest, " \t\"")
		if end < 0 {
			end = len(rest)
		}
		w := ruleWord{}
		w.key, w.value, w.hasValue = strings.Cut(rest[:end], "=")
		if end < len(rest) && rest[end] == '"' {
			quoted, err := strconv.QuotedPrefix(rest[end:])
			if err != nil || !w.hasValue || w.value != "" {
				return nil, fmt.Errorf("a quote stands behind = and is closed, as in topic=\"a b\"")
			}
			w.value, _ = strconv.Unquote(quoted)
			end += len(quoted)
		}
		if rest = rest[end:]; rest != "" && rest[0] != ' ' && rest[0] != '\t' {
			return nil, fmt.Errorf("a blank is expected behind %s", w.key)
		}
		words = append(words, w)
	}
	return words, nil
}

func parseRule(line string) (Rule, error) {
	r := Rule{Text: line, Probability: 1}
	words, err := ruleWords(line)
	if err != nil {
		return r, err
	}
	first := words[0]
	at := slices.Index(actionNames[:], first.key)
	if at < 0 {
		return r, fmt.Errorf("%q is no action; %s", first.key, near(first.key, actionNames[:]))
	}
	r.Action = Action(at)
	words = words[1:]
	argument, given := first.value, first.hasValue
	if !given && len(words) > 0 && !words[0].hasValue {
		argument, given, words = words[0].key, true, words[1:]
	}
	if err := r.setArgument(argument, given); err != nil {
		return r, err
	}
	seen := make(map[string]bool)
	for _, w := range words {
		if !w.hasValue {
			return r, fmt.Errorf("%q is no condition: those are KEY=VALUE, as in type=PUBLISH", w.key)
		}
		if seen[w.key] {
			return r, fmt.Errorf("%s= stands twice; give it once, with | between values where it takes several", w.key)
		}
		seen[w.key] = true
		if err := r.setCondition(w.key, w.value); err != nil {
			return r, err
		}
	}
	return r, r.check()
}

// setArgument takes what stands behind the action.
func (r *Rule) setArgument(value string, given bool) (err error) {
	switch r.Action {
	case Delay:
		if r.Wait, err = parseSpan(value); err != nil || !given {
			return fmt.Errorf("delay needs a time, as in delay 200ms, or delay 50ms..2s for one by chance")
		}
	case Reorder:
		r.Wait = span{time.Second, time.Second}
		if given {
			if r.Wait, err = parseSpan(value); err != nil {
				return fmt.Errorf("reorder takes the time to wait for another packet at most, as in reorder 500ms, not %q", value)
			}
		}
	case Duplicate:
		r.Count = 1
		if given {
			if r.Count, err = parseCount(value, 100); err != nil {
				return fmt.Errorf("duplicate takes how often the packet is sent again, 1 to 100, not %q", value)
			}
		}
	case Truncate:
		if r.Count, err = parseCount(value, maxPacket); err != nil {
			return fmt.Errorf("truncate needs how many bytes of the packet are left, as in truncate 5")
		}
	case Reason:
		if !given {
			return fmt.Errorf("reason needs the code to put in, as in reason NotAuthorized or reason 0x87")
		}
		return r.setReason(value)
	default:
		if given {
			return fmt.Errorf("%s takes no value of its own, and %q stands behind it; a condition is KEY=VALUE, as in type=PUBLISH", r.Action, value)
		}
	}
	return nil
}

// withReason are the packets that have a reason code.
func withReason() []mqttwire.PacketType {
	return []mqttwire.PacketType{mqttwire.CONNACK, mqttwire.PUBACK, mqttwire.PUBREC, mqttwire.PUBREL, mqttwire.PUBCOMP,
		mqttwire.SUBACK, mqttwire.UNSUBACK, mqttwire.DISCONNECT, mqttwire.AUTH}
}

func (r *Rule) setReason(name string) error {
	var names []string
	for _, t := range withReason() {
		for code := 0; code < 256; code++ {
			reason := mqttwire.ReasonCode(code)
			if !reason.AllowedIn(t, mqttwire.Either) {
				continue
			}
			if strings.EqualFold(reason.Name(t), name) || strings.EqualFold(fmt.Sprintf("0x%02x", code), name) {
				r.Reason = reason
				return nil
			}
			names = append(names, reason.Name(t))
		}
	}
	return fmt.Errorf("%q is no reason code; %s", name, near(name, names))
}

func conditionNames() []string {
	return []string{"type", "topic", "client", "from", "qos", "connection", "nth", "every", "after", "p", "times", "after-bytes"}
}

func (r *Rule) setCondition(key, value string) (err error) {
	switch key {
	case "type":
		r.Types, err = parseTypes(value)
	case "topic":
		if r.Topic = value; mqttwire.CheckTopicFilter(value) != nil {
			err = fmt.Errorf("topic=%s is no topic filter: + stands for a whole level, # for the last", value)
		}
	case "client":
		if r.Client = value; value == "" {
			err = fmt.Errorf("client= needs a client id, or a pattern such as sensor-*")
		}
	case "from":
		switch value {
		case "client":
			r.From = mqttwire.Client
		case "server", "broker":
			r.From = mqttwire.Server
		default:
			err = fmt.Errorf("from=%s: it is client or server", value)
		}
	case "qos":
		for word := range strings.SplitSeq(value, "|") {
			n, bad := strconv.ParseUint(word, 10, 2)
			if bad != nil || n > 2 {
				return fmt.Errorf("qos=%s: it is 0, 1, 2 or several with | between them", value)
			}
			r.QoS = append(r.QoS, mqttwire.QoS(n))
		}
	case "connection":
		r.Connections, err = parseConnections(value)
	case "nth":
		r.Nth, err = countOf(key, value)
	case "every":
		r.Every, err = countOf(key, value)
	case "after":
		r.After, err = countOf(key, value)
	case "times":
		r.Times, err = countOf(key, value)
	case "after-bytes":
		var n int
		n, err = countOf(key, value)
		r.AfterBytes = int64(n)
	case "p":
		r.Probability, err = parseProbability(value)
	default:
		err = fmt.Errorf("%s= is no condition; %s", key, near(key, conditionNames()))
	}
	return err
}

// check refuses what contradicts itself.
func (r *Rule) check() error {
	if r.Action == Reorder && r.Types == nil {
		r.Types = []mqttwire.PacketType{mqttwire.PUBACK, mqttwire.PUBREC, mqttwire.PUBCOMP, mqttwire.SUBACK, mqttwire.UNSUBACK}
	}
	ends := r.Action == HalfOpen || r.Action == Close || r.Action == Reset
	counted := r.Nth != 0 || r.Every != 0 || r.After != 0 || r.Times != 0
	switch {
	case r.AfterBytes > 0 && !ends:
		return fmt.Errorf("after-bytes= is for half-open, close and reset; %s acts on packets, give after=N", r.Action)
	case r.AfterBytes > 0 && (r.Types != nil || r.Topic != "" || r.QoS != nil || counted):
		return fmt.Errorf("after-bytes= counts bytes, not packets: beside it stand from=, client=, connection= and p= alone")
	case r.Nth > 0 && (r.Every > 0 || r.After > 0 || r.Times > 0):
		return fmt.Errorf("nth= names one packet, and every=, after= or times= several; give one or the other")
	case r.QoS != nil && r.Types != nil && !contains(r.Types, mqttwire.PUBLISH):
		return fmt.Errorf("qos= is for PUBLISH, and type= names no PUBLISH")
	case r.Topic != "" && r.Types != nil && !slices.ContainsFunc(r.Types, hasTopic):
		return fmt.Errorf("topic= is for PUBLISH, SUBSCRIBE, UNSUBSCRIBE and their acknowledgements, and type= names none of them")
	}
	return r.checkReason()
}

// checkReason leaves the packets that can have the reason code.
func (r *Rule) checkReason() error {
	if r.Action != Reason {
		return nil
	}
	var can []string
	var types []mqttwire.PacketType
	for _, t := range withReason() {
		if !r.Reason.AllowedIn(t, mqttwire.Either) {
			continue
		}
		can = append(can, t.String())
		if r.Types == nil || contains(r.Types, t) {
			types = append(types, t)
		}
	}
	if r.Types = types; types == nil {
		return fmt.Errorf("none of these packets can have the reason; type=%s can", strings.Join(can, "|"))
	}
	return nil
}

// hasTopic tells which packets are about topics.
func hasTopic(t mqttwire.PacketType) bool {
	switch t {
	case mqttwire.CONNECT, mqttwire.CONNACK, mqttwire.PINGREQ, mqttwire.PINGRESP, mqttwire.DISCONNECT, mqttwire.AUTH:
		return false
	}
	return true
}
