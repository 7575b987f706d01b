package mqttwire

import (
	"fmt"
	"slices"
	"strings"
)

// Match compares a line that says what is expected with got, the LineOf a
// packet of version v: nil if got has all that l names. Reasons count if l has
// any. A field must have the same value, however it is written; fields of the
// same key must come in the same order; one that l gives as 0 or empty must not
// be in got. Filters and their options must be the same altogether, if l has
// any. Three things can be said that no packet says: NotAuthorized|Banned is
// either reason, KEY=* any value, and !KEY the absence of the key.
func (l Line) Match(got Line, v Version) error {
	if l.Type != got.Type {
		return fmt.Errorf("%s is expected", l.Type)
	}
	if err := l.matchReasons(got.Reasons); err != nil {
		return err
	}
	named := Line{Type: l.Type}
	for _, f := range l.Fields {
		if f.Value != "*" {
			named.Fields = append(named.Fields, f)
		} else if !got.has(f.Key) {
			return fmt.Errorf("%s %s is expected, and it is not there", l.Type, f.Key)
		}
	}
	for _, word := range l.Reasons {
		if key, not := strings.CutPrefix(word, "!"); not && got.has(key) {
			return fmt.Errorf("%s without %s is expected", l.Type, key)
		}
	}
	p, err := named.Packet(v)
	if err != nil {
		return err
	}
	return named.matchFields(LineOf(p, v), got)
}

// CheckMatch tells of the words of l by which Match would find no packet of
// version v alike, whatever it holds: a reason of no packet, a value that no
// field has.
func (l Line) CheckMatch(v Version) error {
	one, many := reasonsOf(blankPacket(l.Type, V5))
	for _, word := range l.Reasons {
		if word[0] == '!' {
			continue
		}
		if one == nil && many == nil {
			return fmt.Errorf("%s is not KEY=VALUE, and %s has no reason code", clip(word), l.Type)
		}
		for name := range strings.SplitSeq(word, "|") {
			if _, err := reasonNamed(name, l.Type); err != nil {
				return fmt.Errorf("%s: %w", l.Type, err)
			}
		}
	}
	named := Line{Type: l.Type, Fields: slices.DeleteFunc(slices.Clone(l.Fields), func(f Field) bool { return f.Value == "*" })}
	_, err := named.Packet(v)
	return err
}

// matchReasons compares the reasons of l, and their alternatives, with those
// of a packet.
func (l Line) matchReasons(got []string) error {
	var want []string
	for _, word := range l.Reasons {
		if word[0] != '!' {
			want = append(want, word)
		}
	}
	if len(want) == 0 {
		return nil
	}
	if _, many := reasonsOf(blankPacket(l.Type, V5)); many == nil && len(got) == 0 {
		got = []string{Success.Name(l.Type)}
	}
	match := len(want) == len(got)
	for i, word := range want {
		same := false
		for name := range strings.SplitSeq(word, "|") {
			reason, err := reasonNamed(name, l.Type)
			if err != nil {
				return fmt.Errorf("%s: %w", l.Type, err)
			}
			same = same || i < len(got) && reason.Name(l.Type) == got[i]
		}
		match = match && same
	}
	if !match {
		return fmt.Errorf("%s %s is expected", l.Type, strings.Join(want, " "))
	}
	return nil
}

// matchFields looks for the fields of want that are named in got.
func (named Line) matchFields(want, got Line) error {
	wantFields, wantFilters := cutFilters(want.Fields)
	gotFields, gotFilters := cutFilters(got.Fields)
	if len(wantFilters) > 0 && !slices.Equal(wantFilters, gotFilters) {
		return fmt.Errorf("%s is expected", Line{want.Type, nil, wantFilters})
	}
	for _, f := range named.Fields {
		if !want.has(f.Key) && got.has(f.Key) {
			return fmt.Errorf("%s %s is expected, and that means no %s", want.Type, f, baseKey(f.Key))
		}
	}
	after := make(map[string]int) // where to go on looking for a key
	for _, f := range wantFields {
		if !named.has(f.Key) {
			continue
		}
		from := after[f.Key]
		i := slices.Index(gotFields[from:], f)
		if i < 0 {
			return fmt.Errorf("%s %s is expected", want.Type, f)
		}
		after[f.Key] = from + i + 1
	}
	return nil
}

// has reports whether the line has a field by this key or by the one of the
// same value in hexadecimal.
func (l Line) has(key string) bool {
	return slices.ContainsFunc(l.Fields, func(f Field) bool { return baseKey(f.Key) == baseKey(key) })
}

func cutFilters(fields []Field) (before, filters []Field) {
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Key == "filter" })
	if i < 0 {
		return fields, nil
	}
	return fields[:i], fields[i:]
}
