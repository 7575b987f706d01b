package anatomy

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"mqtk/mqttwire"
)

// offsets are where the properties of a packet begin; of one that repeats, the
// last.
type offsets map[mqttwire.PropertyID]int

// properties reads a Property Length and as many bytes of properties.
func (w *walker) properties(name string, in mqttwire.PacketType) offsets {
	seen := offsets{}
	if w.lost {
		return seen
	}
	w.group(name, func() string {
		from, outer := w.at, w.end
		n, ok := w.variableByte("property-length")
		if !ok {
			return ""
		}
		tooLong := n > w.end-w.at
		if tooLong {
			w.fail(from, "property-length")
		} else {
			w.end = w.at + n
		}
		for w.more() {
			w.property(in, seen)
		}
		w.end, w.lost = outer, tooLong // what cannot be told apart ends with the properties
		return ""
	})
	return seen
}

func (w *walker) property(in mqttwire.PacketType, seen offsets) {
	from := w.at
	id := mqttwire.PropertyID(w.b[from])
	rule, known := id.Rule()
	if !known {
		w.fail(from, "identifier")
		w.lose("identifier", fmt.Sprintf("unknown property %v, and all behind it", id))
		return
	}
	name := rule.Name
	w.group(name, func() string {
		w.at++
		w.span(1, "identifier", fmt.Sprintf("0x%02X", byte(id)))
		return w.value(rule)
	})
	if w.lost {
		return
	}
	_, again := seen[id]
	switch {
	case !rule.AllowedIn(in, mqttwire.Either), again && !rule.Repeats(in),
		mqttwire.Properties(w.b[from:w.at]).Check(in, w.from) != nil:
		w.fail(from, name)
	}
	seen[id] = from
}

// value reads what a property holds and gives it in words.
func (w *walker) value(rule mqttwire.PropertyRule) string {
	switch rule.Kind {
	case mqttwire.Byte:
		return w.number(1)
	case mqttwire.TwoByte:
		return w.number(2)
	case mqttwire.FourByte:
		return w.number(4)
	case mqttwire.VariableByte:
		at := w.at
		n, ok := w.variableByte("value")
		if !ok || w.wrong == at {
			return ""
		}
		return strconv.Itoa(n)
	case mqttwire.StringPair:
		name, _ := w.binary("name", showText)
		value, ok := w.binary("value", showText)
		if !ok {
			return ""
		}
		return showText(append(append(append([]byte(nil), name...), '='), value...))
	}
	show := showText
	if rule.Kind == mqttwire.Binary {
		show = showBinary
	}
	b, ok := w.binary("value", show)
	if !ok {
		return ""
	}
	return show(b)
}

func (w *walker) number(size int) string {
	b, ok := w.take("value", size)
	if !ok {
		return ""
	}
	var wide [4]byte
	copy(wide[4-size:], b)
	text := strconv.FormatUint(uint64(binary.BigEndian.Uint32(wide[:])), 10)
	w.span(size, "value", text)
	return text
}
