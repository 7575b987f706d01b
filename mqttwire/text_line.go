package mqttwire

import (
	"fmt"
	"strconv"
	"strings"
)

// LineOf puts a packet of version v into the text form, word by word. The
// Line is a copy: it stays good when the packet is no more.
func LineOf(p Packet, v Version) Line {
	if c, ok := p.(*Connect); ok {
		p = plainConnect(c, v)
	}
	l := Line{Type: p.Type(), Reasons: reasonWords(p, v)}
	for _, s := range slotsOf(p) {
		l.Fields = s.appendFields(l.Fields)
	}
	return l
}

// plainConnect is c with its version said and its protocol name unsaid where
// it is the one that belongs to the version.
func plainConnect(c *Connect, v Version) *Connect {
	plain := *c
	if plain.Version == 0 {
		plain.Version = v
	}
	if plain.Version == 0 {
		plain.Version = V5
	}
	if plain.ProtocolName == protocolNameOf(plain.Version) {
		plain.ProtocolName = ""
	}
	return &plain
}

func (s *slot) appendFields(fields []Field) []Field {
	switch at := s.at.(type) {
	case propertySlot:
		for p := range at.list.All() {
			fields = append(fields, at.field(p))
		}
	case *[]Subscription:
		for i := range *at {
			fields = append(fields, Field{s.key, strings.Clone((*at)[i].Filter)})
			for _, option := range subscriptionSlots(&(*at)[i]) {
				fields = option.appendFields(fields)
			}
		}
	case *[]string:
		for _, filter := range *at {
			fields = append(fields, Field{s.key, strings.Clone(filter)})
		}
	default:
		if f, zero := s.field(); s.there != nil && *s.there || s.there == nil && !zero {
			fields = append(fields, f)
		}
	}
	return fields
}

// field writes a single value, and says whether it is the zero value.
func (s *slot) field() (f Field, zero bool) {
	var n uint64
	switch at := s.at.(type) {
	case *string:
		return Field{s.key, strings.Clone(*at)}, *at == ""
	case *[]byte:
		return binaryField(s.key, *at), len(*at) == 0
	case *bool:
		if *at {
			n = 1
		}
	case *byte:
		n = uint64(*at)
	case *QoS:
		n = uint64(*at)
	case *Version:
		n = uint64(*at)
	case *uint16:
		n = uint64(*at)
	case *PacketID:
		n = uint64(*at)
	}
	return Field{s.key, strconv.FormatUint(n, 10)}, n == 0
}

// set reads the value of a field whose key is the slot's.
func (s *slot) set(f Field) (err error) {
	if s.given {
		return fmt.Errorf("%s was given before", s.key)
	}
	s.given = true
	if s.there != nil {
		*s.there = true
	}
	var n uint32
	switch at := s.at.(type) {
	case *string:
		*at = f.Value
	case *[]byte:
		if *at = []byte(f.Value); f.Key != s.key {
			*at, err = unhex(f.Value)
		}
	case *bool:
		*at, err = yesNo(f.Value)
	case *byte:
		n, err = parseNumber(f.Value, 3) // retain-handling: two bits
		*at = byte(n)
	case *QoS:
		n, err = parseNumber(f.Value, 3)
		*at = QoS(n)
	case *Version:
		*at, err = versionNamed(f.Value)
	case *uint16:
		n, err = parseNumber(f.Value, 0xFFFF)
		*at = uint16(n)
	case *PacketID:
		n, err = parseNumber(f.Value, 0xFFFF)
		*at = PacketID(n)
	}
	return err
}

func (s *slot) takes(key string) bool {
	_, binary := s.at.(*[]byte)
	return key == s.key || binary && key == hexKey(s.key)
}

func versionNamed(s string) (Version, error) {
	for _, v := range []Version{V31, V311, V5} {
		if s == v.String() {
			return v, nil
		}
	}
	n, err := parseNumber(s, 0xFF)
	if err != nil || n == 0 { // 0 in a Connect stands for the version it is sent in
		return 0, fmt.Errorf("a version is expected: 3 (3.1), 4 (3.1.1) or 5 (5.0)")
	}
	return Version(n), nil
}

func protocolNameOf(v Version) string {
	if v.known() {
		return protocolNames[v]
	}
	return protocolNames[V5]
}
