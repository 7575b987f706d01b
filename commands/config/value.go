package config

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A value passes between three forms: the texts of its items, one for what is
// no list; the field of the Config; and what stands in a file.

const (
	longestText = 4096 // bytes
	mostWrong   = 10   // items of one list that are told
)

// isList says whether the value may have any number of items.
func (k Kind) isList() bool {
	return k == Files || k == List || k == Prefixes || k == Choices
}

// store checks the items and puts them into the field. A path is taken as
// relative to dir. An empty text is a value that is not set.
func (k Key) store(field any, items []string, dir string) error {
	if k.Kind.isList() {
		return k.storeList(field, items, dir)
	}
	if len(items) != 1 {
		return fmt.Errorf("a list does not fit; %s", k.Range())
	}
	text := items[0]
	switch p := field.(type) {
	case *string:
		if problem := k.badText(text); problem != "" {
			return k.errorf("%s", problem)
		}
		*p = k.path(text, dir)
	case *bool:
		v, err := parseSwitch(text)
		if err != nil {
			return k.errorf("%q is no switch", text)
		}
		*p = v
	case *int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return k.errorf("%q is no number", text)
		}
		if n < k.Min || n > k.Max {
			return k.errorf("%d is out of range", n)
		}
		*p = int(n)
	case *time.Duration:
		d, err := parseDuration(text)
		if err != nil {
			return k.errorf("%q is %v", text, err)
		}
		if d < time.Duration(k.Min)*time.Millisecond || d > time.Duration(k.Max)*time.Millisecond {
			return k.errorf("%s is out of range", durationText(d))
		}
		*p = d
	case *fs.FileMode:
		return k.storeMode(p, text)
	}
	return nil
}

func (k Key) storeList(field any, items []string, dir string) error {
	if len(items) == 1 && items[0] == "" {
		items = nil
	}
	texts, prefixes := make([]string, 0, len(items)), make([]netip.Prefix, 0, len(items))
	var wrong []string
	for _, item := range items {
		problem := ""
		switch {
		case item == "":
			problem = "an item of the list is empty"
		case k.Kind == Prefixes:
			p, err := parsePrefix(item)
			if err != nil {
				problem = err.Error()
			}
			prefixes = append(prefixes, p)
		case k.Kind == Choices && slices.Contains(texts, item):
			problem = fmt.Sprintf("%q is named twice", item)
		default:
			problem = k.badText(item)
			texts = append(texts, k.path(item, dir))
		}
		if problem != "" && len(wrong) < mostWrong {
			wrong = append(wrong, problem)
		}
	}
	if len(wrong) > 0 {
		return k.errorf("%s", strings.Join(wrong, "; "))
	}
	switch p := field.(type) {
	case *[]string:
		*p = texts
	case *[]netip.Prefix:
		*p = prefixes
	}
	return nil
}

// load is the items of the field, for whoever prints them.
func (k Key) load(field any) []string {
	switch p := field.(type) {
	case *string:
		return []string{*p}
	case *bool:
		return []string{strconv.FormatBool(*p)}
	case *int:
		return []string{strconv.Itoa(*p)}
	case *time.Duration:
		return []string{durationText(*p)}
	case *fs.FileMode:
		if *p == 0 {
			return []string{""}
		}
		return []string{fmt.Sprintf("%04o", *p)}
	case *[]string:
		return *p
	case *[]netip.Prefix:
		var texts []string
		for _, prefix := range *p {
			texts = append(texts, prefixText(prefix))
		}
		return texts
	}
	return nil
}

// badText says what is wrong with a text, or "".
func (k Key) badText(s string) string {
	switch {
	case k.Choices != nil && s != "" && !slices.Contains(k.Choices, s):
		return fmt.Sprintf("%q is no choice%s", s, orMeant(nearest(s, k.Choices)))
	case len(s) > longestText:
		return fmt.Sprintf("%d bytes are too long", len(s))
	case k.Secret && (!utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)):
		return "it holds what is not text"
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Sprintf("%q holds what is not text", s)
	}
	return ""
}

// path is a path as seen from the working directory.
func (k Key) path(s, dir string) string {
	if (k.Kind != File && k.Kind != Files) || s == "" || dir == "" || filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(dir, s)
}

func (k Key) storeMode(p *fs.FileMode, text string) error {
	if text == "" {
		*p = 0
		return nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || n == 0 || n > 0o777 {
		return k.errorf("%q is no mode", text)
	}
	*p = fs.FileMode(n)
	return nil
}

func (k Key) errorf(format string, a ...any) error {
	return fmt.Errorf("%s; %s", fmt.Sprintf(format, a...), k.Range())
}

// Range says in words what the value may be.
func (k Key) Range() string {
	if k.limit != nil {
		return k.limit.Range()
	}
	switch k.Kind {
	case File:
		return "a path is allowed"
	case Files:
		return "a path or a list of paths is allowed"
	case List:
		return "a text or a list of texts is allowed"
	case Prefixes:
		return `addresses and networks such as "192.0.2.7" and "10.0.0.0/8" are allowed`
	case Switch:
		return "true or false is allowed"
	case Choice:
		return orList(k.Choices) + " is allowed"
	case Choices:
		return "a list of " + orList(k.Choices) + " is allowed"
	case Count:
		return fmt.Sprintf("%d to %d is allowed", k.Min, k.Max)
	case Duration:
		least, most := time.Duration(k.Min)*time.Millisecond, time.Duration(k.Max)*time.Millisecond
		return fmt.Sprintf("%s to %s is allowed", durationText(least), durationText(most))
	case Mode:
		return `permissions such as "0660" are allowed`
	}
	return fmt.Sprintf("up to %d bytes of text are allowed", longestText)
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func parseSwitch(s string) (bool, error) {
	switch s {
	case "true", "on", "yes", "1":
		return true, nil
	case "false", "off", "no", "0":
		return false, nil
	}
	return false, errors.New("no switch")
}

// parseDuration reads a duration as package time writes it, a number of days
// (14d), or a bare number of seconds.
func parseDuration(s string) (time.Duration, error) {
	unit := time.Second
	digits, days := strings.CutSuffix(s, "d")
	if days {
		unit = 24 * time.Hour
	}
	if n, err := strconv.ParseFloat(digits, 64); err == nil && strings.Trim(digits, "0123456789.") == "" {
		if n > float64(math.MaxInt64/unit) {
			return 0, errors.New("too long")
		}
		return time.Duration(n * float64(unit)).Round(time.Millisecond), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("no duration")
	}
	if d%time.Millisecond != 0 {
		return 0, errors.New("finer than a millisecond")
	}
	return d, nil
}

// durationText is the duration in the largest unit that divides it.
func durationText(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

// parsePrefix reads a network, or an address as a network of one.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is no address and no network", s)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%q has more bits than its network; did you mean %q?", s, p.Masked())
	}
	return p, nil
}

func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
