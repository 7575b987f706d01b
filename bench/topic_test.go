package bench

import (
	"errors"
	"strings"
	"testing"

	"mqtk/mqttwire"
)

func TestTopicName(t *testing.T) {
	for _, test := range []struct{ template, want string }{
		{"a/%i", "a/7"}, {"%r/%i/%i", "w/7/7"}, {"100%%/%i", "100%/7"}, {"plain", "plain"}, {"%%i", "%i"},
	} {
		if got, err := topicName(test.template, 7, "w"); err != nil || got != test.want {
			t.Errorf("%s: %s, %v", test.template, got, err)
		}
	}
	for _, bad := range []string{"a/%", "a/%d", "%"} {
		var known *PlanError
		if _, err := topicName(bad, 7, "w"); !errors.As(err, &known) || known.Field != "Topic" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestTopicFilter(t *testing.T) {
	for _, test := range []struct{ template, want string }{
		{"a/%i", "a/+"}, {"%r/%i/x", "w/+/x"}, {"%i", "+"}, {"%i/%i", "+/+"},
		{"a/n%i", ""}, {"a/%i/n%i", ""}, {"a/b", ""}, {"a/%%i", ""},
	} {
		got, ok := topicFilter(test.template, "w")
		if got != test.want || ok != (test.want != "") {
			t.Errorf("%s: %q, %t", test.template, got, ok)
		}
	}
}

// FuzzTopicTemplate: what a template makes is a topic or refused, and its filter,
// if it has one, matches all of its topics.
func FuzzTopicTemplate(f *testing.F) {
	for _, s := range []string{"a/%i", "%r/%i/x", "100%%", "%i%i", "a/+/%i", "%", "", "/%i/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, template string) {
		p := Plan{Shape: FanIn, Publishers: 3, Topics: 3, Topic: template}
		if err := p.checkTopic(); err != nil {
			if known := (*PlanError)(nil); !errors.As(err, &known) {
				t.Fatalf("%q: %v", template, err)
			}
			return
		}
		filter, ok := topicFilter(p.Topic, "abcdef")
		names := map[string]bool{}
		for i := range p.Topics {
			name, err := topicName(p.Topic, i, "abcdef")
			if err != nil || mqttwire.CheckTopicName(name) != nil && len(name) < 60_000 {
				t.Fatalf("%q: topic %q: %v", template, name, err)
			}
			if ok && !mqttwire.Match(filter, name) && !strings.HasPrefix(name, "$") {
				t.Fatalf("%q: filter %q does not match %q", template, filter, name)
			}
			names[name] = true
		}
		if len(names) != p.Topics {
			t.Fatalf("%q: %d topics of %d", template, len(names), p.Topics)
		}
	})
}
