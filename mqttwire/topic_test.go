package mqttwire

import (
	"bufio"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestMatchTable(t *testing.T) {
	file, err := os.Open("testdata/match.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "# ") {
			continue
		}
		rows++
		cells := strings.Split(lines.Text(), "\t")
		filter, err1 := strconv.Unquote(cells[0])
		topic, err2 := strconv.Unquote(cells[1])
		if err1 != nil || err2 != nil {
			t.Fatal(lines.Text(), err1, err2)
		}
		if refused := CheckTopicFilter(filter) != nil; refused != (cells[2] == "refuse") {
			t.Errorf("filter %q refused: %v", filter, refused)
		}
		if got := Match(filter, topic); cells[2] != "refuse" && got != (cells[2] == "yes") {
			t.Errorf("Match(%q, %q) = %v", filter, topic, got)
		}
		if cells[2] != "refuse" && CheckTopicName(topic) != nil {
			t.Errorf("topic %q: %v", topic, CheckTopicName(topic))
		}
	}
	if rows != 90 {
		t.Errorf("%d rows", rows)
	}
}

func TestCheckTopicFilter(t *testing.T) {
	long := strings.Repeat("/", maxString)
	for _, test := range []struct {
		filter string
		want   ReasonCode
	}{
		{"a", Success}, {"$share/g/a", Success}, {"$share/g//finance", Success}, {"$share/g/#", Success},
		{"$share/g/+/a", Success}, {"$share/g/$share/h/a", Success}, {"$share", Success}, {"$Share/g", Success},
		{"a/$share/g", Success}, {long, Success}, {"a\ufeff/+", Success},
		{"$share/", ProtocolError}, {"$share/g", ProtocolError}, {"$share/g/", ProtocolError}, {"$share//a", ProtocolError},
		{"$share/+/a", ProtocolError}, {"$share/g#/a", ProtocolError}, {"$share/g/a#", ProtocolError}, {"$share/#", ProtocolError},
		{"", ProtocolError}, {"#/a", ProtocolError}, {"sport+", ProtocolError}, {"a/+b", ProtocolError}, {"+#", ProtocolError},
		{"a\x00", MalformedPacket}, {"a\xff", MalformedPacket}, {long + "/", MalformedPacket},
	} {
		checkReason(t, test.filter, CheckTopicFilter(test.filter), test.want)
	}
}

func TestCheckTopicName(t *testing.T) {
	long := strings.Repeat("a", maxString)
	for _, test := range []struct {
		name string
		want ReasonCode
	}{
		{"a", Success}, {"/", Success}, {"a//b/", Success}, {"é€😀", Success}, {"$SYS/a", Success}, {long, Success},
		{"12345678é", Success}, {"\x01\x7f", Success},
		{"", ProtocolError}, {"+", MalformedPacket}, {"1234567#", MalformedPacket}, {"12345678/#", MalformedPacket}, {"é+", MalformedPacket},
		{"\x00", MalformedPacket}, {"1234567\x00", MalformedPacket}, {"é\x00", MalformedPacket}, {"\xc0\xaf", MalformedPacket},
		{long + "a", MalformedPacket},
	} {
		checkReason(t, test.name, CheckTopicName(test.name), test.want)
	}
}

func checkReason(t *testing.T, what string, err error, want ReasonCode) {
	t.Helper()
	var bad *Error
	switch {
	case err == nil && want == Success:
	case !errors.As(err, &bad):
		t.Errorf("%.40q: %v, want %v", what, err, want)
	case bad.Reason != want:
		t.Errorf("%.40q: %v, want %v", what, bad, want)
	}
}

func TestSplitShared(t *testing.T) {
	for _, test := range []struct {
		filter, share, rest string
		shared              bool
	}{
		{"a/b", "", "a/b", false},
		{"$share/g/a/b", "g", "a/b", true},
		{"$share/g//finance", "g", "/finance", true},
		{"$share/g", "g", "", true},
		{"$share", "", "$share", false},
	} {
		share, rest, shared := SplitShared(test.filter)
		if share != test.share || rest != test.rest || shared != test.shared {
			t.Errorf("%q: %q %q %v", test.filter, share, rest, shared)
		}
	}
}

// naiveMatch is the procedure of the standard word by word.
func naiveMatch(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	names, levels := strings.Split(topic, "/"), strings.Split(filter, "/")
	for i, level := range levels {
		switch {
		case level == "#":
			return true
		case i >= len(names):
			return false
		case level != "+" && level != names[i]:
			return false
		}
	}
	return len(names) == len(levels)
}

func naiveFilter(filter string) bool {
	if rest, ok := strings.CutPrefix(filter, "$share/"); ok {
		share, after, ok := strings.Cut(rest, "/")
		return ok && share != "" && !strings.ContainsAny(share, "+#") && naivePlainFilter(after)
	}
	return naivePlainFilter(filter)
}

func naivePlainFilter(filter string) bool {
	if filter == "" || !naiveText(filter) {
		return false
	}
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		if strings.Contains(level, "+") && level != "+" || strings.Contains(level, "#") && (level != "#" || i < len(levels)-1) {
			return false
		}
	}
	return true
}

// naiveText walks the runes: RuneError of one byte is a byte that is none.
func naiveText(s string) bool {
	for i, r := range s {
		if r == 0 || r == '\uFFFD' && !strings.HasPrefix(s[i:], "\uFFFD") {
			return false
		}
	}
	return len(s) <= maxString
}

func FuzzTopicFilter(f *testing.F) {
	f.Add("a/+/b", "a//b")
	f.Add("$share/g/#", "$SYS/a")
	f.Add("+/\xc0", "12345678\x00")
	f.Add("a/b/#", "a/b")
	f.Fuzz(func(t *testing.T, filter, topic string) {
		if len(filter) > 1<<17 || len(topic) > 1<<17 {
			return
		}
		valid := CheckTopicFilter(filter) == nil
		if want := naiveFilter(filter) && naiveText(filter); valid != want {
			t.Fatalf("filter %q valid: %v", filter, valid)
		}
		validName := CheckTopicName(topic) == nil
		if want := topic != "" && naiveText(topic) && !strings.ContainsAny(topic, "+#"); validName != want {
			t.Fatalf("topic %q valid: %v", topic, validName)
		}
		got := Match(filter, topic) // must not panic, whatever they are
		if _, rest, shared := SplitShared(filter); shared && valid {
			filter, got = rest, Match(rest, topic)
		}
		if valid && validName && got != naiveMatch(filter, topic) {
			t.Fatalf("Match(%q, %q) = %v", filter, topic, got)
		}
		if validName && !Match(topic, topic) {
			t.Fatalf("%q does not match itself", topic)
		}
	})
}
