package fuzz

import (
	"bytes"
	"math/rand/v2"
	"strings"

	"mqtk/mqttwire"
)

// mutated changes one or two things in a valid packet of version v. What stays
// on a broker keeps a topic below the prefix, unless just its text was changed.
func mutated(r *rand.Rand, raw []byte, v mqttwire.Version, prefix string) []byte {
	m := &mutation{Rand: r, root: dissect(bytes.Clone(raw), v)}
	for range 1 + r.IntN(4)/3 {
		m.change()
	}
	out := m.root.append(nil)
	if m.noise || bytes.Equal(out, raw) {
		out = m.scratch(out)
	}
	if m.cut > 0 && len(out) > 2 {
		out = out[:2+m.IntN(len(out)-2)]
	}
	if m.extra {
		out = append(out, m.garbage(1+m.IntN(8))...)
	}
	if m.worded && !m.noise {
		return out
	}
	return contained(out, v, prefix)
}

// A mutation is the change of one packet.
type mutation struct {
	*rand.Rand
	root  *node
	noise bool // change bytes wherever they are
	extra bool // more bytes behind the packet
	cut   int  // fewer bytes than announced

	worded bool // a text was changed
}

// piece picks a node of one of the shapes, and its parent.
func (m *mutation) piece(shapes ...shape) (n, parent *node) {
	seen := 0
	m.root.walk(func(at, above *node) {
		for _, s := range shapes {
			if at.shape == s && above != nil {
				if seen++; m.IntN(seen) == 0 {
					n, parent = at, above
				}
			}
		}
	}, nil)
	return n, parent
}

func (m *mutation) change() {
	switch k := m.IntN(100); {
	case k < 6:
		m.header(0x0f)
	case k < 9:
		m.header(0xf0)
	case k < 17:
		m.length()
	case k < 38:
		m.text()
	case k < 58:
		m.number()
	case k < 74:
		m.family()
	case k < 86:
		m.properties()
	case k < 90:
		m.tail()
	case k < 92:
		m.extra = true
	case k < 94:
		m.cut = 1
	default:
		m.noise = true
	}
}

// header changes the type or the flags of the packet.
func (m *mutation) header(mask byte) {
	h := m.root.kids[0]
	h.bytes = []byte{h.bytes[0]&^mask | byte(m.IntN(256))&mask}
}

// length lets a length lie, or be written longer than needed.
func (m *mutation) length() {
	n, _ := m.piece(section, counted)
	if n == nil {
		return
	}
	switch m.IntN(6) {
	case 0:
		n.wide = 1 + m.IntN(4)
	case 1:
		n.lie = 1 << m.IntN(28)
	case 2:
		n.lie = -1 << 30
	case 3:
		n.lie = 1 + m.IntN(4)
	default:
		n.lie = -1 - m.IntN(4)
	}
}

// text changes a string or binary value.
func (m *mutation) text() {
	n, _ := m.piece(counted)
	if n == nil {
		return
	}
	m.worded = m.worded || n.name == "topic" || n.name == "will topic"
	switch k := m.IntN(10); {
	case k < 4:
		at := 0
		if len(n.bytes) > 0 {
			at = m.IntN(len(n.bytes) + 1)
		}
		n.bytes = append(append(bytes.Clone(n.bytes[:at]), m.nasty()...), n.bytes[at:]...)
	case k < 6:
		n.bytes = []byte(m.nasty())
	case k < 7:
		n.bytes = nil
	case k < 8:
		n.bytes = append(bytes.Clone(n.bytes), bytes.Repeat([]byte("x"), max(0, 65535-len(n.bytes)))...)
	case k < 9:
		n.bytes = append(bytes.Clone(n.bytes), bytes.Repeat([]byte("/"), 1+m.IntN(300))...)
	default:
		n.lie = m.IntN(7) - 3
	}
}

// nasty is text that is none, or that means something.
func (m *mutation) nasty() string {
	texts := []string{"\x00", "\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xef\xbf\xbe", "\xef\xbb\xbf", "\x01", "\x7f", "\u0085",
		"#", "+", "/", "//", "#/a", "a+", "$SYS", "$SYS/broker", "$share", "$share/", "$share//a", "$share/g/", "$share/g/#", "$share/+/a", "$queue/a", "%s", "..", " ", "\t"}
	return texts[m.IntN(len(texts))]
}

// number changes plain bytes: ids, flags, options, reasons, values.
func (m *mutation) number() {
	n, _ := m.piece(plain)
	if n == nil || len(n.bytes) == 0 {
		return
	}
	b := bytes.Clone(n.bytes)
	if len(b) > 4 {
		b[m.IntN(len(b))] = byte(m.IntN(256))
		n.bytes = b
		return
	}
	switch m.IntN(7) {
	case 0:
		clear(b)
	case 1:
		b = bytes.Repeat([]byte{0xff}, len(b))
	case 2:
		b[len(b)-1]++
	case 3:
		b[len(b)-1]--
	case 4:
		b[m.IntN(len(b))] ^= 1 << m.IntN(8)
	case 5:
		b[0] = 0x80
	default:
		b[m.IntN(len(b))] = byte(m.IntN(256))
	}
	n.bytes = b
}

// family drops a piece, doubles it, or swaps it with its neighbour.
func (m *mutation) family() {
	n, parent := m.piece(plain, counted, section, group)
	if n == nil || n == m.root.kids[1] || n == m.root.kids[0] {
		return
	}
	at := 0
	for i, kid := range parent.kids {
		if kid == n {
			at = i
		}
	}
	kids := append([]*node(nil), parent.kids...)
	switch k := m.IntN(3); {
	case k == 0:
		parent.kids = append(kids[:at], kids[at+1:]...)
	case k == 1:
		parent.kids = append(append(append([]*node(nil), kids[:at+1]...), n), kids[at+1:]...)
	case at > 0:
		kids[at], kids[at-1] = kids[at-1], kids[at]
		parent.kids = kids
	}
}

// properties puts one into a section that should not be there, or not like
// this. On 3.x a section of properties comes where there is none.
func (m *mutation) properties() {
	var sections []*node
	m.root.walk(func(n, _ *node) {
		if n.name == "properties" {
			sections = append(sections, n)
		}
	}, nil)
	if len(sections) == 0 {
		body := m.root.kids[1]
		body.kids = append(body.kids, &node{shape: section, name: "properties"})
		sections = append(sections, body.kids[len(body.kids)-1])
	}
	s := sections[m.IntN(len(sections))]
	switch m.IntN(8) {
	case 0:
		s.kids = append(s.kids, &node{name: "unknown", bytes: m.garbage(1 + m.IntN(5))})
	case 1:
		s.kids = nil
	case 2:
		if len(s.kids) > 0 {
			p := s.kids[m.IntN(len(s.kids))]
			for range 1 + m.IntN(2)*m.IntN(100) {
				s.kids = append(s.kids, p)
			}
		}
	default:
		s.kids = append(s.kids, anyProperty(m.Rand, func(mqttwire.PropertyRule) bool { return true }))
	}
}

// tail cuts the end of the packet, with a length that says so, or adds to it.
func (m *mutation) tail() {
	body := m.root.kids[1]
	if len(body.kids) == 0 || m.IntN(2) == 0 {
		body.kids = append(body.kids, &node{name: "more", bytes: m.garbage(1 + m.IntN(8))})
		return
	}
	inner := (&node{shape: group, kids: body.kids}).append(nil)
	body.kids = []*node{{name: "cut", bytes: inner[:m.IntN(len(inner)+1)]}}
}

// scratch changes a few bytes wherever they are.
func (m *mutation) scratch(b []byte) []byte {
	for range 1 + m.IntN(3) {
		at := m.IntN(len(b))
		switch m.IntN(4) {
		case 0:
			b[at] = byte(m.IntN(256))
		case 1:
			b = append(b[:at:at], b[at+1:]...)
			if len(b) == 0 {
				b = []byte{byte(m.IntN(256))}
			}
		case 2:
			b = append(append(b[:at:at], byte(m.IntN(256))), b[at:]...)
		default:
			b[at] ^= 1 << m.IntN(8)
		}
	}
	return b
}

func (m *mutation) garbage(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.IntN(256))
	}
	return b
}

// anyProperty makes a property that the rule lets through, with a value of
// its kind that is small, large or in between.
func anyProperty(r *rand.Rand, fits func(mqttwire.PropertyRule) bool) *node {
	var rules []mqttwire.PropertyRule
	for rule := range mqttwire.PropertyTable() {
		if fits(rule) {
			rules = append(rules, rule)
		}
	}
	rule := rules[r.IntN(len(rules))]
	p := &node{shape: group, name: "property", kids: []*node{{name: "property id", bytes: []byte{byte(rule.ID)}}}}
	number := []uint32{0, 1, 2, 10, 100, 255, 65535, 1 << 20, 1<<32 - 1}[r.IntN(9)]
	switch rule.Kind {
	case mqttwire.Byte:
		p.add(&node{name: "value", bytes: []byte{byte(number & 1)}})
	case mqttwire.TwoByte:
		p.add(&node{name: "value", bytes: []byte{byte(number >> 8), byte(number)}})
	case mqttwire.FourByte:
		p.add(&node{name: "value", bytes: []byte{byte(number >> 24), byte(number >> 16), byte(number >> 8), byte(number)}})
	case mqttwire.VariableByte:
		p.add(&node{name: "value", bytes: appendVarint(nil, max(1, number&(1<<28-1)), 0)})
	case mqttwire.StringPair:
		p.add(&node{shape: counted, name: "name", bytes: []byte("n")}, &node{shape: counted, name: "value", bytes: []byte("v")})
	default:
		text := []string{"", "a", "text/plain", "a/b", strings.Repeat("x", 200)}[r.IntN(5)]
		p.add(&node{shape: counted, name: "value", bytes: []byte(text)})
	}
	return p
}

func (n *node) add(kids ...*node) { n.kids = append(n.kids, kids...) }
