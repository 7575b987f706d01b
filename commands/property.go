package commands

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// A propertySet collects the properties that -D and the readable flags give,
// packet by packet.
type propertySet struct {
	packets [mqttwire.AUTH + 1]mqttwire.Properties
	source  string // the first flag that gave one
}

func (s *propertySet) of(t mqttwire.PacketType) mqttwire.Properties { return s.packets[t] }

func (s *propertySet) has(t mqttwire.PacketType, id mqttwire.PropertyID) bool {
	for p := range s.packets[t].All() {
		if p.ID == id {
			return true
		}
	}
	return false
}

// add puts one property, given as text, into packets of type t. source is the
// flag that gave it, empty where nobody asked for it.
func (s *propertySet) add(source string, t mqttwire.PacketType, id mqttwire.PropertyID, words ...string) error {
	rule, _ := id.Rule()
	if !rule.AllowedIn(t, mqttwire.Client) {
		return fmt.Errorf("%s is no property of %s from a client", rule.Name, t)
	}
	if s.has(t, id) && !rule.Repeats(t) {
		return fmt.Errorf("%s of %s is given twice", rule.Name, t)
	}
	properties, err := appendProperty(s.packets[t], rule, words)
	if err != nil {
		return fmt.Errorf("%s %w", rule.Name, err)
	}
	s.packets[t] = properties
	if s.source == "" {
		s.source = source
	}
	return nil
}

// appendProperty encodes a property from its words, of which a user property
// has two.
func appendProperty(to mqttwire.Properties, rule mqttwire.PropertyRule, words []string) (mqttwire.Properties, error) {
	for _, word := range words {
		if len(word) > 65535 {
			return nil, fmt.Errorf("is longer than 65535 bytes")
		}
		if rule.Kind != mqttwire.Binary && (!utf8.ValidString(word) || strings.ContainsRune(word, 0)) {
			return nil, fmt.Errorf("must be UTF-8 text")
		}
	}
	switch rule.Kind {
	case mqttwire.StringPair:
		return to.AddUser(words[0], words[1]), nil
	case mqttwire.Binary:
		return to.AddBinary(rule.ID, []byte(words[0])), nil
	case mqttwire.UTF8:
		if rule.ID == mqttwire.ResponseTopic {
			if err := mqttwire.CheckTopicName(words[0]); err != nil {
				return nil, fmt.Errorf("must be a topic name without wildcards")
			}
		}
		return to.AddText(rule.ID, words[0]), nil
	}
	low, high := propertyRange(rule)
	n, err := strconv.ParseUint(words[0], 10, 64)
	if err != nil || n < low || n > high {
		return nil, fmt.Errorf("must be a number from %d to %d", low, high)
	}
	return to.AddNumber(rule.ID, uint32(n)), nil
}

// propertyRange is the range of a number, by its type and the standard's ban
// of zero.
func propertyRange(rule mqttwire.PropertyRule) (low, high uint64) {
	switch rule.ID {
	case mqttwire.SubscriptionIdentifier, mqttwire.ReceiveMaximum, mqttwire.MaximumPacketSize, mqttwire.TopicAlias:
		low = 1
	}
	switch rule.Kind {
	case mqttwire.Byte:
		return low, 1
	case mqttwire.TwoByte:
		return low, 0xFFFF
	case mqttwire.VariableByte:
		return low, 268435455
	}
	return low, 0xFFFFFFFF
}

// flag declares -D PACKET NAME VALUE [VALUE] for the given packets.
func (s *propertySet) flag(packets []mqttwire.PacketType) cli.Flag {
	names := make([]string, len(packets))
	for i, t := range packets {
		names[i] = strings.ToLower(t.String())
	}
	list := strings.Join(names, ", ")
	f := valued("property D", "set a property: `PACKET NAME VALUE`, with two values for user-property; PACKET is one of "+list, func(text string) error {
		words := strings.Split(text, wordSeparator)
		i := slices.Index(names, strings.ToLower(words[0]))
		if near := nearest(words[0], names); i < 0 && near != "" {
			return fmt.Errorf("%q is no packet here: did you mean %s?", words[0], near)
		} else if i < 0 {
			return fmt.Errorf("%q is no packet here: there are %s", words[0], list)
		}
		id, ok := mqttwire.ParsePropertyID(strings.ToLower(words[1]))
		if !ok {
			return unknownProperty(words[1], packets[i])
		}
		return s.add("--property", packets[i], id, words[2:]...)
	})
	f.Value.(*setter).arity = propertyArity
	return f
}

// propertyArity is how many words follow -D.
func propertyArity(next []string) int {
	if len(next) > 1 && strings.EqualFold(next[1], "user-property") {
		return 4
	}
	return 3
}

func unknownProperty(name string, t mqttwire.PacketType) error {
	known := propertyNames(t)
	if near := nearest(strings.ToLower(name), known); near != "" {
		return fmt.Errorf("%q is no property: did you mean %s?", name, near)
	}
	return fmt.Errorf("%q is no property of %s: there are %s", name, t, strings.Join(known, ", "))
}

// propertyNames lists what a client may put into packets of type t.
func propertyNames(t mqttwire.PacketType) []string {
	var names []string
	for rule := range mqttwire.PropertyTable() {
		if rule.AllowedIn(t, mqttwire.Client) {
			names = append(names, rule.Name)
		}
	}
	return names
}

// A readableProperty is a flag for one property of a message.
type readableProperty struct {
	flag  string
	id    mqttwire.PropertyID
	usage string
}

func readableProperties() []readableProperty {
	return []readableProperty{
		{"user-property", mqttwire.UserProperty, "add the user property `NAME=VALUE` (repeatable)"},
		{"content-type", mqttwire.ContentType, "say that the payload is of `TYPE`"},
		{"response-topic", mqttwire.ResponseTopic, "ask for a reply on `TOPIC`"},
		{"correlation-data", mqttwire.CorrelationData, "let a reply carry `DATA`"},
		{"message-expiry", mqttwire.MessageExpiryInterval, "let undelivered copies expire after `TIME`: seconds or a duration"},
		{"payload-format", mqttwire.PayloadFormatIndicator, "say that the payload is `FORMAT`: utf8 or bytes"},
	}
}

// messageFlags are the readable flags for the properties of t, which is
// PUBLISH or the Will; their names begin with prefix.
func (s *propertySet) messageFlags(prefix string, t mqttwire.PacketType) []cli.Flag {
	var flags []cli.Flag
	of := ""
	if prefix != "" {
		of = ", in the will"
	}
	for _, r := range readableProperties() {
		names := prefix + r.flag
		if prefix == "" && r.id == mqttwire.ResponseTopic {
			names += " e" // as in mosquitto_rr
		}
		flags = append(flags, s.readable(names, r.usage+of, t, r.id))
	}
	return flags
}

// readable declares a flag for one property of packets of type t.
func (s *propertySet) readable(names, usage string, t mqttwire.PacketType, id mqttwire.PropertyID) cli.Flag {
	flag, _, _ := strings.Cut(names, " ")
	return valued(names, usage, func(text string) error {
		words, err := readableWords(id, text)
		if err != nil {
			return err
		}
		return s.add("--"+flag, t, id, words...)
	})
}

// readableWords turns what people write into what -D takes.
func readableWords(id mqttwire.PropertyID, text string) ([]string, error) {
	switch id {
	case mqttwire.UserProperty:
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("must be NAME=VALUE")
		}
		return []string{name, value}, nil
	case mqttwire.MessageExpiryInterval, mqttwire.WillDelayInterval:
		seconds, err := parseSeconds(text)
		return []string{strconv.FormatUint(uint64(seconds), 10)}, err
	case mqttwire.PayloadFormatIndicator:
		switch text {
		case "utf8", "utf-8", "text", "1":
			return []string{"1"}, nil
		case "bytes", "binary", "0":
			return []string{"0"}, nil
		}
		return nil, fmt.Errorf("must be utf8 or bytes")
	}
	return []string{text}, nil
}
