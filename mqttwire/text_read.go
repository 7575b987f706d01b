package mqttwire

import (
	"fmt"
	"strings"
)

// Packet makes the packet that the line describes. The version of a CONNECT
// is v unless the line has one. Like ParseText it does not ask whether the
// standard allows the packet.
func (l Line) Packet(v Version) (Packet, error) {
	p := blankPacket(l.Type, v)
	if p == nil {
		return nil, fmt.Errorf("%s has no text form", l.Type)
	}
	if err := setReasons(p, l.Reasons); err != nil {
		return nil, fmt.Errorf("%s: %w", l.Type, err)
	}
	f := filler{packet: l.Type, slots: slotsOf(p)}
	for _, field := range l.Fields {
		if err := f.fill(field); err != nil {
			return nil, fmt.Errorf("%s %s: %w", l.Type, Field{clip(field.Key), shorten(field.Value)}, err)
		}
	}
	if c, ok := p.(*Connect); ok {
		v = f.finish(c)
	}
	if err := f.refuseProperties(v); err != nil {
		return nil, fmt.Errorf("%s: %w", l.Type, err)
	}
	return p, nil
}

// A filler puts fields into the slots of a packet.
type filler struct {
	packet PacketType
	slots  []slot
	option []slot // of the filter given last
	will   bool   // a key of the will was given
}

func (f *filler) fill(field Field) error {
	f.will = f.will || strings.HasPrefix(field.Key, "will-")
	for i := range f.slots {
		s := &f.slots[i]
		switch at := s.at.(type) {
		case propertySlot:
			if known, err := at.add(field); known {
				return err
			}
		case *[]Subscription:
			if known, err := f.subscription(at, field); known {
				return err
			}
		case *[]string:
			if field.Key == s.key {
				*at = append(*at, field.Value)
				return nil
			}
		default:
			if s.takes(field.Key) {
				return s.set(field)
			}
		}
	}
	return checkKey(field.Key, f.packet, keysOf(f.packet))
}

// subscription takes a filter, or an option of the filter before it.
func (f *filler) subscription(list *[]Subscription, field Field) (known bool, err error) {
	if field.Key == "filter" {
		*list = append(*list, Subscription{Filter: field.Value})
		f.option = subscriptionSlots(&(*list)[len(*list)-1])
		return true, nil
	}
	options := f.option
	if options == nil {
		options = subscriptionSlots(new(Subscription))
	}
	for i := range options {
		if options[i].takes(field.Key) {
			if f.option == nil {
				return true, fmt.Errorf("an option of a subscription comes after its filter=")
			}
			return true, options[i].set(field)
		}
	}
	return false, nil
}

// finish settles what only the whole line of a CONNECT tells.
func (f *filler) finish(c *Connect) Version {
	if !f.will {
		c.Will = nil
	}
	if c.ProtocolName == "" {
		c.ProtocolName = protocolNameOf(c.Version)
	}
	return c.Version
}

// refuseProperties speaks up where Append would drop them without a word.
func (f *filler) refuseProperties(v Version) error {
	if v != V31 && v != V311 {
		return nil
	}
	for _, s := range f.slots {
		if at, ok := s.at.(propertySlot); ok {
			for p := range at.list.All() {
				return fmt.Errorf("%s is a property, and %s has none", at.key(p.ID), v)
			}
		}
	}
	return nil
}

func setReasons(p Packet, words []string) error {
	one, many := reasonsOf(p)
	for i, word := range words {
		if one == nil && many == nil {
			return fmt.Errorf("%s is not KEY=VALUE, and this packet has no reason code", clip(word))
		}
		reason, err := reasonNamed(word, p.Type())
		if err != nil {
			return err
		}
		if one == nil {
			*many = append(*many, reason)
			continue
		}
		if *one = reason; i > 0 {
			return fmt.Errorf("%s is one reason too many, this packet has one", clip(word))
		}
	}
	return nil
}

// reasonNamed finds a reason by number or by name, in any case. A name that
// packets of type t do not use will do: scripts send wrong packets too.
func reasonNamed(word string, t PacketType) (ReasonCode, error) {
	if n, err := parseNumber(word, 0xFF); err == nil && len(word) > 2 && strings.EqualFold(word[:2], "0x") {
		return ReasonCode(n), nil
	}
	var names []string
	for i := range reasonRules {
		r := ReasonCode(i)
		if !r.known() {
			continue
		}
		for _, in := range []PacketType{t, CONNACK, SUBACK, DISCONNECT} {
			if strings.EqualFold(r.Name(in), word) {
				return r, nil
			}
		}
		if r.AllowedIn(t, Either) {
			names = append(names, r.Name(t))
		}
	}
	return 0, fmt.Errorf("%s is neither KEY=VALUE nor a reason code; %s", clip(word), hint(word, append(names, "0x00 to 0xFF")))
}

// reasonWords names the reasons of p: all of a list, and of a single one what
// its packet does not say by being there.
func reasonWords(p Packet, v Version) (words []string) {
	one, many := reasonsOf(p)
	if many != nil {
		for _, r := range *many {
			words = append(words, r.Name(p.Type()))
		}
		return words
	}
	if one == nil {
		return nil
	}
	if *one == Success {
		_, ack := p.(*Ack)
		if _, disconnect := p.(*Disconnect); ack || disconnect && v != V5 {
			return nil
		}
	}
	return []string{one.Name(p.Type())}
}
