package anatomy

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// most is how many spans are made: each takes a hundred bytes and may stand
// for one. What is beyond is read and not told.
const most = 20_000

// A walker reads down a packet and notes what it sees.
type walker struct {
	b         []byte // of the packet, what is there
	at        int
	end       int // of the part that is being read
	missing   int
	packet    mqttwire.PacketType
	version   mqttwire.Version
	from      mqttwire.Side
	spans     []Span
	count     int
	lost      bool // what follows cannot be told apart
	wrong     int  // where the first thing wrong is; -1: nothing is
	wrongName string
}

// fail notes where something is wrong, unless something was before.
func (w *walker) fail(at int, name string) {
	if w.wrong < 0 {
		w.wrong, w.wrongName = at, name
	}
}

func (w *walker) add(s Span) {
	if w.count < most {
		w.count++
		w.spans = append(w.spans, s)
	}
}

// group makes one span of all that read reads; its value is what read returns.
func (w *walker) group(name string, read func() string) {
	outer, from, room := w.spans, w.at, w.count < most
	w.spans = nil
	value := read()
	parts := w.parts(from)
	w.spans = outer
	if room && w.at > from {
		w.spans = append(w.spans, Span{From: from, To: w.at, Name: name, Value: value, Parts: parts})
	}
}

// parts are the spans since from, and one for those that are too many.
func (w *walker) parts(from int) []Span {
	if n := len(w.spans); n > 0 {
		from = w.spans[n-1].To
	}
	if from < w.at {
		return append(w.spans, Span{From: from, To: w.at, Name: "more"})
	}
	return w.spans
}

// take reads n bytes of the span that is to be called name.
func (w *walker) take(name string, n int) ([]byte, bool) {
	if w.lost {
		return nil, false
	}
	if have := w.end - w.at; have < n {
		w.fail(w.at, name)
		w.lose(name, fmt.Sprintf("cut short: %d of %d bytes", have, n))
		return nil, false
	}
	b := w.b[w.at : w.at+n]
	w.at += n
	return b, true
}

// lose makes one span of all that is left: it cannot be told apart.
func (w *walker) lose(name, value string) {
	if w.at < w.end {
		w.add(Span{From: w.at, To: w.end, Name: name, Value: value})
		w.at = w.end
	}
	w.lost = true
}

// span notes the n bytes that were read last.
func (w *walker) span(n int, name, value string, bits ...Bits) {
	if n > 0 {
		w.add(Span{From: w.at - n, To: w.at, Name: name, Value: value, Bits: bits})
	}
}

func (w *walker) more() bool { return !w.lost && w.at < w.end }

func (w *walker) uint16(name string) (n uint16, ok bool) {
	b, ok := w.take(name, 2)
	if ok {
		n = binary.BigEndian.Uint16(b)
		w.span(2, name, strconv.Itoa(int(n)))
	}
	return n, ok
}

// binary reads a length and as many bytes, as two spans.
func (w *walker) binary(name string, show func([]byte) string) (b []byte, ok bool) {
	length, ok := w.take(name, 2)
	if ok {
		n := int(binary.BigEndian.Uint16(length))
		w.span(2, "length", strconv.Itoa(n))
		if b, ok = w.take(name, n); ok {
			w.span(n, name, show(b))
		}
	}
	return b, ok
}

// field is binary as one span with a name.
func (w *walker) field(name string, show func([]byte) string) (b []byte, ok bool) {
	if w.lost {
		return nil, false
	}
	w.group(name, func() string {
		if b, ok = w.binary(name, show); ok {
			return show(b)
		}
		return ""
	})
	return b, ok
}

// text reads a string and judges it: judge may be nil.
func (w *walker) text(name string, judge func(string) bool) string {
	from := w.at
	b, ok := w.field(name, showText)
	if s := string(b); ok && (!isText(s) || judge != nil && !judge(s)) {
		w.fail(from, name)
	}
	return string(b)
}

// variableByte reads a Variable Byte Integer of 5.0.
func (w *walker) variableByte(name string) (n int, ok bool) {
	if w.lost {
		return 0, false
	}
	n, size := variableByte(w.b[w.at:w.end])
	switch {
	case size == 0:
		w.fail(w.at, name)
		w.lose(name, "cut short")
		return 0, false
	case size < 0:
		w.fail(w.at, name)
		w.lose(name, "longer than 4 bytes")
		return 0, false
	}
	w.at += size
	if size > 1 && w.b[w.at-1] == 0 {
		w.fail(w.at-size, name)
	}
	w.span(size, name, strconv.Itoa(n))
	return n, true
}

// variableByte gives value and size; 0: b ends before it does, -1: it is none.
func variableByte(b []byte) (n, size int) {
	for i := range 4 {
		if i == len(b) {
			return 0, 0
		}
		n |= int(b[i]&0x7F) << (7 * i)
		if b[i] < 0x80 {
			return n, i + 1
		}
	}
	return 0, -1
}

func isText(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return false
		}
	}
	return utf8.ValidString(s)
}
