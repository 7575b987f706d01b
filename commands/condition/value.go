package condition

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// A kind is what a value is.
type kind byte

const (
	isMissing kind = iota
	isNull
	isFalse
	isTrue
	isNumber
	isText
	isWhole // an object or an array
)

// A value is what a field of a message has: text as it stands there, or a
// number. bytes are a view into the message.
type value struct {
	kind   kind
	bytes  []byte // not nil: these; else text
	text   string
	number number // of isNumber without text
}

func (v value) string() string {
	switch {
	case v.bytes != nil:
		return string(v.bytes)
	case v.kind == isNumber && v.text == "":
		return strconv.FormatInt(v.number.whole, 10)
	}
	return v.text
}

func (v value) append(dst []byte) []byte {
	if v.bytes != nil {
		return append(dst, v.bytes...)
	}
	if v.kind == isNumber && v.text == "" {
		return strconv.AppendInt(dst, v.number.whole, 10)
	}
	return append(dst, v.text...)
}

// countOf is a number that the message has as such.
func countOf(n int) value { return value{kind: isNumber, number: numberOf(int64(n))} }

// flagOf is 1 or 0, and true or false.
func flagOf(on bool) value {
	if on {
		return value{kind: isTrue, text: "true"}
	}
	return value{kind: isFalse, text: "false"}
}

// fromJSON is a value as JSON says it; raw is valid.
func fromJSON(raw []byte) value {
	switch raw[0] {
	case '"':
		inside := raw[1 : len(raw)-1]
		if bytes.IndexByte(inside, '\\') < 0 {
			return value{kind: isText, bytes: inside}
		}
		var text string
		_ = json.Unmarshal(raw, &text)
		return value{kind: isText, text: text}
	case 't':
		return flagOf(true)
	case 'f':
		return flagOf(false)
	case 'n':
		return value{kind: isNull, text: "null"}
	case '{', '[':
		return value{kind: isWhole, bytes: raw}
	}
	return value{kind: isNumber, bytes: raw}
}

// asNumber reads a value as a number: one, a text that is one, or a flag.
func (v value) asNumber() (number, bool) {
	switch v.kind {
	case isTrue:
		return numberOf(1), true
	case isFalse:
		return numberOf(0), true
	case isNumber, isText:
		if v.bytes != nil {
			return parseNumber(string(bytes.TrimSpace(v.bytes)))
		}
		if v.text != "" {
			return parseNumber(strings.TrimSpace(v.text))
		}
		return v.number, v.kind == isNumber
	}
	return number{}, false
}

// A sign is an operator of comparison.
type sign byte

const (
	equal sign = iota
	less
	lessOrEqual
	more
	moreOrEqual
)

// of tells whether the sign agrees with an order of -1, 0 or 1.
func (s sign) of(order int) bool {
	switch s {
	case equal:
		return order == 0
	case less:
		return order < 0
	case lessOrEqual:
		return order <= 0
	case more:
		return order > 0
	}
	return order >= 0
}

// A literal is the right side of a comparison: a text, which without quotes may
// be meant as a number.
type literal struct {
	text     string
	number   number
	isNumber bool
}

// compare holds the value against the literal: as numbers where the literal is
// one, as text otherwise.
func (v value) compare(s sign, to *literal) bool {
	if !to.isNumber {
		if v.bytes != nil { // no copy for a comparison
			return s.of(cmp.Compare(string(v.bytes), to.text))
		}
		return s.of(cmp.Compare(v.string(), to.text))
	}
	n, ok := v.asNumber()
	if !ok {
		return false
	}
	return s.of(n.compare(to.number))
}

// A number is a float, and where it is whole, exact: identifiers of 64 bits are
// none of a float's 53.
type number struct {
	float   float64
	whole   int64
	isWhole bool
	digits  string // of one that is whole and fits no int64; without sign and leading zeros
}

func numberOf(n int64) number { return number{float: float64(n), whole: n, isWhole: true} }

// parseNumber reads a decimal number, all of the text. One beyond what a float
// holds is infinite.
func parseNumber(s string) (number, bool) {
	if s == "" || s[len(s)-1] > '9' && s[len(s)-1] != '.' { // nor Inf and NaN, which ParseFloat reads
		return number{}, false
	}
	whole := true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
		case (c == '-' || c == '+') && i == 0:
		case c == '.' || c == 'e' || c == 'E' || c == '-' || c == '+':
			whole = false
		default:
			return number{}, false // hexadecimal digits and underscores, which it reads, too
		}
	}
	if whole {
		return parseWhole(s)
	}
	f, err := strconv.ParseFloat(s, 64)
	return number{float: f}, err == nil || math.IsInf(f, 0)
}

// parseWhole reads digits behind a sign, if any.
func parseWhole(s string) (number, bool) {
	digits := strings.TrimLeft(s[strings.LastIndexAny(s, "+-")+1:], "0")
	switch most := "9223372036854775807"; {
	case digits == "":
		return numberOf(0), s[len(s)-1] == '0'
	case len(digits) < len(most) || len(digits) == len(most) && digits <= most: // an error would cost an allocation
		n, err := strconv.ParseInt(digits, 10, 64)
		if s[0] == '-' {
			n = -n
		}
		return numberOf(n), err == nil
	}
	f, _ := strconv.ParseFloat(s, 64)
	return number{float: f, digits: strings.Clone(digits)}, true
}

// compare gives the order of two numbers: exactly where both are whole.
func (n number) compare(to number) int {
	switch {
	case n.isWhole && to.isWhole:
		return cmp.Compare(n.whole, to.whole)
	case n.digits != "" && to.isWhole: // which is nearer to 0
		return cmp.Compare(n.float, 0)
	case n.isWhole && to.digits != "":
		return cmp.Compare(0, to.float)
	case n.digits == "" || to.digits == "" || n.float < 0 != (to.float < 0):
		return cmp.Compare(n.float, to.float)
	}
	order := cmp.Or(cmp.Compare(len(n.digits), len(to.digits)), cmp.Compare(n.digits, to.digits))
	if n.float < 0 {
		return -order
	}
	return order
}
