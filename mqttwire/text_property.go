package mqttwire

import (
	"fmt"
	"strings"
)

// A propertySlot stands for all the properties of a packet, or of a will.
// Their keys are the names of the property table.
type propertySlot struct {
	list *Properties
	in   PacketType // the packet, or WillProperties
}

func propertiesOf(list *Properties, in PacketType) slot {
	return slot{at: propertySlot{list, in}}
}

func (s propertySlot) key(id PropertyID) string {
	if name := id.String(); s.in != WillProperties || strings.HasPrefix(name, "will-") {
		return name
	}
	return "will-" + id.String()
}

func (s propertySlot) keys() (keys []string) {
	for rule := range PropertyTable() {
		if !rule.AllowedIn(s.in, Either) {
			continue
		}
		key := s.key(rule.ID)
		keys = append(keys, key)
		if rule.Kind == Binary || rule.Kind == StringPair {
			keys = append(keys, hexKey(key))
		}
	}
	return keys
}

// field writes a property.
func (s propertySlot) field(p Property) Field {
	key := s.key(p.ID)
	switch rule, _ := p.ID.Rule(); rule.Kind {
	case UTF8:
		return Field{key, string(p.Value)}
	case Binary:
		return binaryField(key, p.Value)
	case StringPair:
		return pairField(key, string(p.Name), string(p.Value))
	}
	return Field{key, fmt.Sprint(p.Number)}
}

// add appends the property that f is; known tells whether it is one.
func (s propertySlot) add(f Field) (known bool, err error) {
	for rule := range PropertyTable() {
		key := s.key(rule.ID)
		inHex := f.Key == hexKey(key) && (rule.Kind == Binary || rule.Kind == StringPair)
		if rule.AllowedIn(s.in, Either) && (f.Key == key || inHex) {
			return true, s.addValue(rule, f, inHex)
		}
	}
	return false, nil
}

func (s propertySlot) addValue(rule PropertyRule, f Field, inHex bool) (err error) {
	switch rule.Kind {
	case UTF8:
		if err = fits(f.Value); err == nil {
			*s.list = s.list.AddText(rule.ID, f.Value)
		}
	case Binary:
		value := []byte(f.Value)
		if inHex {
			value, err = unhex(f.Value)
		}
		if err == nil {
			err = fits(string(value))
		}
		if err == nil {
			*s.list = s.list.AddBinary(rule.ID, value)
		}
	case StringPair:
		name, value, err := splitPair(f.Value, inHex)
		if err == nil {
			err = fits(name, value)
		}
		if err != nil {
			return err
		}
		*s.list = s.list.AddUser(name, value)
	default:
		n, err := propertyNumber(f.Value, rule.Kind)
		if err != nil {
			return err
		}
		*s.list = s.list.AddNumber(rule.ID, n)
	}
	return err
}

func propertyNumber(s string, kind PropertyKind) (uint32, error) {
	switch kind {
	case Byte:
		if yes, err := yesNo(s); err == nil && yes {
			return 1, nil
		} else if err == nil {
			return 0, nil
		}
		return parseNumber(s, 0xFF)
	case TwoByte:
		return parseNumber(s, 0xFFFF)
	case VariableByte:
		return parseNumber(s, maxVariableByte)
	}
	return parseNumber(s, 0xFFFFFFFF)
}

// fits refuses what has no encoding; Properties could only mark it.
func fits(values ...string) error {
	for _, s := range values {
		if len(s) > maxString {
			return fmt.Errorf("a property holds at most %d bytes, this is %d", maxString, len(s))
		}
	}
	return nil
}
