package limits

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A limit's value passes between three forms: its text, its Go value (string,
// bool, or int64 in the unit of Min and Max), and the field of Limits.

// set parses, checks and stores.
func (t Limit) set(l *Limits, text string) error {
	v, err := t.parse(text)
	if err != nil {
		return t.errorf("%q is %v", text, err)
	}
	if err := t.check(v); err != nil {
		return err
	}
	t.store(l, v)
	return nil
}

// Value is the text of the limit as it stands in l, in the form that Set takes.
func (t Limit) Value(l *Limits) string {
	switch v := t.load(l).(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return t.text(v)
	case string:
		return v
	}
	return ""
}

func (t Limit) parse(text string) (any, error) {
	switch t.Kind {
	case Size:
		return parseSize(text)
	case Seconds:
		ms, err := parseMilliseconds(text)
		if ms%unitSecond != 0 {
			return nil, errors.New("no whole number of seconds")
		}
		return ms / unitSecond, err
	case Duration:
		return parseMilliseconds(text)
	case Switch:
		switch text {
		case "true", "on", "yes", "1":
			return true, nil
		case "false", "off", "no", "0":
			return false, nil
		}
		return nil, errors.New("no switch")
	case Choice, Text:
		return text, nil
	}
	return parseCount(text)
}

// check holds a value to the table.
func (t Limit) check(v any) error {
	switch v := v.(type) {
	case int64:
		if (v < t.Min || v > t.Max) && !(v == 0 && t.zero()) {
			return t.errorf("%s is out of range", t.text(v))
		}
	case string:
		switch {
		case t.Kind == Choice && !slices.Contains(t.Choices, v):
			return t.errorf("%q is no choice", v)
		case t.Kind == Text && int64(len(v)) > t.Max:
			return t.errorf("%d bytes are too long", len(v))
		case !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl):
			return t.errorf("%q holds what is not text", v)
		case t.Key == "auto_id_prefix" && strings.ContainsAny(v, "+#/"):
			return t.errorf("%q holds one of + # /, which mean something in topics", v)
		}
	}
	return nil
}

func (t Limit) load(l *Limits) any {
	switch p := t.field(l).(type) {
	case *int:
		return int64(*p)
	case *int64:
		return *p
	case *time.Duration:
		return int64(*p / time.Millisecond)
	case *bool:
		return *p
	case *string:
		return *p
	}
	return nil
}

func (t Limit) store(l *Limits, v any) {
	switch p := t.field(l).(type) {
	case *int:
		*p = int(v.(int64))
	case *int64:
		*p = v.(int64)
	case *time.Duration:
		*p = time.Duration(v.(int64)) * time.Millisecond
	case *bool:
		*p = v.(bool)
	case *string:
		*p = v.(string)
	}
}

// text writes a number in the largest unit that divides it.
func (t Limit) text(n int64) string {
	type unit struct {
		name string
		size int64
	}
	var units []unit
	switch t.Kind {
	case Size:
		units = []unit{{"GiB", unitGiB}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
	case Duration:
		if n == unitForever {
			return "inf"
		}
		units = []unit{{"d", 24 * unitHour}, {"h", unitHour}, {"m", 60 * unitSecond}, {"s", unitSecond}, {"ms", 1}}
	}
	for _, u := range units {
		if n != 0 && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

var errNumber = errors.New("no number")

func parseCount(s string) (int64, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, errNumber
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errors.New("too large a number")
	}
	return n, nil
}

var errSize = errors.New("no size such as 4096, 64k, 1MiB or 2G")

// parseSize reads 4096, 64k, 64KiB or 64 KB: units are powers of 1024, in any case.
func parseSize(s string) (int64, error) {
	digits := strings.TrimRightFunc(s, unicode.IsLetter)
	unit := strings.ToLower(s[len(digits):])
	n, err := parseCount(strings.TrimRight(digits, " "))
	if err != nil {
		return 0, errSize
	}
	shift := 0
	switch unit {
	case "", "b":
	case "k", "kb", "kib":
		shift = 10
	case "m", "mb", "mib":
		shift = 20
	case "g", "gb", "gib":
		shift = 30
	default:
		return 0, errSize
	}
	if n > math.MaxInt64>>shift {
		return 0, errors.New("too large a number")
	}
	return n << shift, nil
}

// parseMilliseconds reads a duration as package time writes it, a number of
// days (14d), a bare number of seconds, or inf.
func parseMilliseconds(s string) (int64, error) {
	if s == "inf" {
		return unitForever, nil
	}
	unit := int64(unitSecond)
	digits, days := strings.CutSuffix(s, "d")
	if days {
		unit = 24 * unitHour
	}
	if n, err := parseCount(digits); err == nil {
		if n > math.MaxInt64/unit {
			return 0, errors.New("too large a number")
		}
		return n * unit, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("no duration")
	}
	if d%time.Millisecond != 0 {
		return 0, errors.New("finer than a millisecond")
	}
	return int64(d / time.Millisecond), nil
}
