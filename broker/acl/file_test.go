package acl

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mqtk/broker"
)

// forClient are the rules of a client, as an Authorizer makes them.
func (f *File) forClient(c Client) *Rules { return f.over(f.base(c.Username, false), c) }

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := ParseFile("acl", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFileReadsLines(t *testing.T) {
	f := parse(t, "\ufeff# comment\r\n\r\n  # indented\r\ntopic read a\r\n"+
		"\ttopic\twrite\tb\n\nuser Jane Doe \ntopic readwrite with two  spaces/#\ntopic c\npattern deny %c/%u\ntopic read\n"+
		"user other\npattern readwrite all/#\ntopic deny $share/g/x")
	want := []Rule{
		{Allow: true, Access: Read, Topic: "a", Form: Filter, Anonymous: true, Origin: "acl:4"},
		{Allow: true, Access: Write, Topic: "b", Form: Filter, Anonymous: true, Origin: "acl:5"},
		{Allow: true, Access: Read | Write, Topic: "with two  spaces/#", Form: Filter, Username: "Jane Doe", Origin: "acl:8"},
		{Allow: true, Access: Read | Write, Topic: "c", Form: Filter, Username: "Jane Doe", Origin: "acl:9"},
		{Access: Read | Write, Topic: "%c/%u", Form: Pattern, All: true, Origin: "acl:10"},
		{Allow: true, Access: Read | Write, Topic: "read", Form: Filter, Username: "Jane Doe", Origin: "acl:11"},
		{Allow: true, Access: Read | Write, Topic: "all/#", Form: Pattern, All: true, Origin: "acl:13"},
		{Access: Read | Write, Topic: "$share/g/x", Form: Filter, Username: "other", Origin: "acl:14"},
	}
	if len(f.Rules()) != len(want) {
		t.Fatalf("%d rules: %+v", len(f.Rules()), f.Rules())
	}
	for i, got := range f.Rules() {
		if got != want[i] {
			t.Errorf("rule %d: %+v", i, got)
		}
	}
}

func TestFileTellsAllThatIsWrong(t *testing.T) {
	_, err := ParseFile("etc/acl", []byte("topic read a\nuser\ntopics a\ntopic reed a\n\npattern\ntopic a#\nuser x\x00\ntopic read \xff\ntopic b\n"))
	want := []string{
		"etc/acl:2: user needs the name of a user behind it",
		`etc/acl:3: a line begins with user, topic, pattern or #, not with "topics"`,
		`etc/acl:4: "reed" is not read, write, readwrite or deny`,
		"etc/acl:6: pattern needs a topic behind it, as in: pattern read a/#",
		`etc/acl:7: "a#" is no topic filter: + must be a whole level, # the whole last one`,
		`etc/acl:8: no client can have the user name "x\x00"`,
		`etc/acl:9: "\xff" is no topic filter: + must be a whole level, # the whole last one`,
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("%v", err)
	}
	var line *LineError
	if !errors.As(err, &line) || line.Path != "etc/acl" || line.Line != 2 {
		t.Errorf("%+v", line)
	}
}

func TestFileThatCannotBeUsed(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "no rule"}, {"# only\n\n", "no rule"}, {"user a\n", "no rule"},
		{strings.Repeat("x\n", 5000), "acl:100: and perhaps more"},
	} {
		if _, err := ParseFile("acl", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.20q: %v", test.text, err)
		}
	}
	dir := t.TempDir()
	if _, err := ReadFile(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := ReadFile(dir); err == nil {
		t.Error("a directory was read")
	}
	path := filepath.Join(dir, "acl")
	if err := os.WriteFile(path, []byte("topic a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := ReadFile(path); err != nil || f.Rules()[0].Origin != path+":1" {
		t.Error(f, err)
	}
	if err := os.Truncate(path, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Error(err)
	}
}

func TestFileDenyWinsWhateverTheOrder(t *testing.T) {
	const text = `
topic read open/#
user jane
topic readwrite own/#
topic deny own/secret
topic read mine/%c
pattern deny own/%c/locked
pattern write %u/%c
`
	f := parse(t, text)
	for _, test := range []struct {
		user, id string
		action   broker.Action
		topic    string
		want     bool
	}{
		{"", "c", broker.Receive, "open/x", true},
		{"", "c", broker.Publish, "open/x", false},
		{"jane", "c", broker.Receive, "open/x", false},
		{"jane", "c", broker.Publish, "own/x", true},
		{"jane", "c", broker.Publish, "own/secret", false},
		{"jane", "c", broker.Subscribe, "own/#", true},
		{"jane", "c", broker.Subscribe, "own/secret", false},
		{"jane", "c", broker.Publish, "own/c/locked", false},
		{"jane", "d", broker.Publish, "own/c/locked", true},
		{"jane", "c", broker.Receive, "mine/%c", true},
		{"jane", "c", broker.Receive, "mine/c", false},
		{"jane", "c", broker.Publish, "jane/c", true},
		{"jane", "c", broker.Receive, "jane/c", false},
		{"jane", "+", broker.Publish, "jane/c", false},
		{"", "c", broker.Publish, "/c", false},
		{"joe", "c", broker.Publish, "joe/c", true},
		{"joe", "c", broker.Publish, "own/x", false},
	} {
		r := f.forClient(Client{Username: test.user, ClientID: test.id})
		if got := r.May(test.action, test.topic); got != test.want {
			t.Errorf("%s/%s, action %v, %s: %v", test.user, test.id, test.action, test.topic, got)
		}
	}
	if r := f.forClient(Client{Username: "jane", ClientID: "a/b"}); strings.Join(r.Names(), " ") != "a/b" {
		t.Errorf("names %q", r.Names())
	}
}

// TestFileLayersAreOneList holds the rules that clients of a user share, and their
// own over them, against one list of all rules.
func TestFileLayersAreOneList(t *testing.T) {
	filters, topics := allFilters(3), allTopics(3)
	random := newRandom()
	for range 400 {
		var text strings.Builder
		for range 1 + random.IntN(3*few) {
			topic := filters[random.IntN(len(filters))]
			switch random.IntN(6) {
			case 0:
				text.WriteString([]string{"user u\n", "user v\n"}[random.IntN(2)])
			case 1:
				text.WriteString("pattern " + randomAccess(random) + topic + "\n")
			case 2, 3:
				text.WriteString("pattern " + randomAccess(random) + strings.ReplaceAll(topic, "a", "%c") + "\n")
			default:
				text.WriteString("topic " + randomAccess(random) + topic + "\n")
			}
		}
		text.WriteString("topic read a")
		f := parse(t, text.String())
		for _, c := range []Client{{ClientID: "a"}, {Username: "u", ClientID: "b"}, {Username: "w", ClientID: "a"}} {
			layered, flat := f.forClient(c), Compile(f.Rules(), c, DenyWins, false)
			for range 60 {
				topic, filter := topics[random.IntN(len(topics))], filters[random.IntN(len(filters))]
				for action, asked := range map[broker.Action]string{broker.Publish: topic, broker.Receive: topic, broker.Subscribe: filter} {
					got, want := layered.Explain(action, asked), flat.Explain(action, asked)
					if got.Allowed != want.Allowed || got.Rule != want.Rule && action != broker.Subscribe || layered.May(action, asked) != got.Allowed {
						t.Fatalf("%v %q: %+v, as one list %+v\n%s", action, asked, got, want, text.String())
					}
				}
			}
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add("topic read a\nuser x\npattern deny %c/#\n", "x", "c", "a")
	f.Add("\ufefftopic\twrite  a b \r\n", "", "+", "a b")
	f.Add("user\npattern", "", "", "")
	f.Fuzz(func(t *testing.T, text, user, id, topic string) {
		file, err := ParseFile("acl", []byte(text))
		if (err == nil) != (file != nil) {
			t.Fatal(file, err)
		}
		if err != nil {
			return
		}
		for _, r := range file.Rules() {
			if r.Topic == "" || r.Access == 0 || r.Origin == "" || strings.Contains(r.Topic, "\n") {
				t.Fatalf("%+v", r)
			}
		}
		rules := file.forClient(Client{Username: user, ClientID: id})
		for _, action := range []broker.Action{broker.Publish, broker.Receive, broker.Subscribe} {
			if rules.May(action, topic) != rules.Explain(action, topic).Allowed {
				t.Fatalf("Explain differs from May: %v %q", action, topic)
			}
		}
		Lint(file.Rules(), DenyWins)
	})
}
