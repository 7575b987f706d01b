package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mqtk/mqttwire"
)

// matchAny compares an event with items: "" if one of them fits, which then
// gives the variables their values; otherwise why the first does not.
func (r *runner) matchAny(items []item, e *event, v mqttwire.Version) string {
	first := ""
	for _, it := range items {
		why := r.match(it, e, v)
		if why == "" {
			return ""
		}
		if first == "" {
			first = why
		}
	}
	return first
}

func (r *runner) match(it item, e *event, v mqttwire.Version) string {
	switch {
	case it.eof:
		if e.end == "" {
			return "EOF is expected"
		}
		return ""
	case e.end != "":
		return it.text + " is expected"
	case it.isRaw:
		want, err := parseRaw(r.text(it.raw))
		if err != nil {
			return err.Error()
		}
		if !bytes.Equal(want, e.raw) {
			return fmt.Sprintf("hex=%x is expected, hex=%x came", want, e.raw)
		}
		return ""
	case e.err != nil:
		return e.err.Error()
	}
	return r.matchLine(it.line, e, v)
}

// matchLine says what a line of a script says beyond mqttwire.Line.Match, and
// leaves the rest to that.
func (r *runner) matchLine(want mqttwire.Line, e *event, v mqttwire.Version) string {
	if want.Type != e.line.Type {
		return want.Type.String() + " is expected"
	}
	plain := mqttwire.Line{Type: want.Type}
	anyReason := false
	said := 0
	for _, reason := range want.Reasons {
		if anyReason = anyReason || reason == "*"; reason != "*" {
			plain.Reasons = append(plain.Reasons, reason)
		}
		if reason[0] != '!' {
			said++
		}
	}
	if said == 0 && !anyReason && e.code >= 0x80 {
		return "a success is expected"
	}
	taken := make(map[string]variable)
	for _, f := range want.Fields {
		field, why := r.matchField(f, e.line, taken)
		if why != "" {
			return why
		}
		if field.Key != "" {
			plain.Fields = append(plain.Fields, field)
		}
	}
	got := e.line
	if why := matchCounts(&plain, &got); why != "" {
		return why
	}
	if err := plain.Match(got, v); err != nil {
		return err.Error()
	}
	for name, value := range taken {
		r.variables[name] = value
	}
	return ""
}

// matchField deals with a variable or a range itself; the field it returns is
// left to Line.Match.
func (r *runner) matchField(f mqttwire.Field, got mqttwire.Line, taken map[string]variable) (mqttwire.Field, string) {
	if name, ok := variableName(f.Value); ok {
		value, known := r.variables[name]
		if !known {
			value, known = taken[name]
		}
		if !known {
			if value, known = valueOf(got, f.Key); !known {
				return f, f.String() + " is expected, and it is not there"
			}
			taken[name] = value
			return mqttwire.Field{}, ""
		}
		f.Value = value.text
		if value.hex {
			f.Key = hexKey(f.Key)
		}
		return f, ""
	}
	if low, high, ok := rangeOf(f.Value); ok {
		text, _ := got.Get(f.Key)
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n < low || n > high {
			return f, f.String() + " is expected"
		}
		return mqttwire.Field{}, ""
	}
	f.Value = filled(r.text(f.Value))
	return f, ""
}

// matchCounts holds a line that names user properties or subscription
// identifiers to all of them, and compares identifiers without their order.
func matchCounts(want, got *mqttwire.Line) string {
	for _, key := range []string{"user-property", "subscription-identifier"} {
		w, g := count(want, key), count(got, key)
		if w == 0 {
			continue
		}
		if w != g {
			return fmt.Sprintf("%d %s are expected", w, key)
		}
	}
	want.Fields, got.Fields = sortedIdentifiers(want.Fields), sortedIdentifiers(got.Fields)
	return ""
}

func count(l *mqttwire.Line, key string) (n int) {
	for _, f := range l.Fields {
		if f.Key == key || f.Key == key+"-hex" {
			n++
		}
	}
	return n
}

func sortedIdentifiers(fields []mqttwire.Field) []mqttwire.Field {
	var values []string
	for _, f := range fields {
		if f.Key == "subscription-identifier" {
			values = append(values, f.Value)
		}
	}
	if len(values) < 2 {
		return fields
	}
	slices.Sort(values)
	sorted := slices.Clone(fields)
	for i := range sorted {
		if sorted[i].Key == "subscription-identifier" {
			sorted[i].Value, values = values[0], values[1:]
		}
	}
	return sorted
}

func valueOf(l mqttwire.Line, key string) (variable, bool) {
	if text, ok := l.Get(key); ok {
		return variable{text: text}, true
	}
	text, ok := l.Get(hexKey(key))
	return variable{text: text, hex: true}, ok
}

// hexKey is the key of the same value in hexadecimal.
func hexKey(key string) string {
	if before, ok := strings.CutSuffix(key, "payload"); ok {
		return before + "hex"
	}
	return key + "-hex"
}

func rangeOf(value string) (low, high uint64, ok bool) {
	a, b, ok := strings.Cut(value, "..")
	if !ok {
		return 0, 0, false
	}
	low, err1 := strconv.ParseUint(a, 10, 32)
	high, err2 := strconv.ParseUint(b, 10, 32)
	return low, high, err1 == nil && err2 == nil
}

// filled lengthens a value that ends in *N by N letters x.
func filled(value string) string {
	before, digits, ok := cutLast(value, "*")
	if !ok || digits == "" {
		return value
	}
	n, err := strconv.ParseUint(digits, 10, 20)
	if err != nil {
		return value
	}
	return before + strings.Repeat("x", int(n))
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
