package acl

import (
	"fmt"
	"strings"
	"testing"

	"mqtk/broker"
)

// lintText is what Lint says, a line each; ! marks what is dangerous.
func lintText(rules []Rule, order Order) string {
	var b strings.Builder
	for _, f := range Lint(rules, order) {
		mark := ""
		if f.Dangerous {
			mark = "!"
		}
		fmt.Fprintf(&b, "%s%s %s\n", mark, f.Origin, f.Text)
	}
	return b.String()
}

func TestLintOfTable(t *testing.T) {
	for _, test := range []struct {
		name  string
		rules []Rule
		want  string // beginnings of lines
	}{
		{"clean", []Rule{{Username: "u", Allow: true, Access: Read, Topic: "a/%c/#"}, {All: true, Access: Read, Topic: "eq #"}}, ""},
		{"nobody", []Rule{{Allow: true, Access: Read, Topic: "a"}}, "1 names no user"},
		{"nobody denied", []Rule{{Access: Read, Topic: "a"}}, "!1 names no user"},
		{"access", []Rule{{Username: "u", Access: 0, Topic: "a"}}, "!1 has an access"},
		{"no topic", []Rule{{Username: "u", Allow: true, Access: Read}}, "1 has no topic"},
		{"share", []Rule{{Username: "u", Access: Read, Topic: "$share/g/a"}}, "!1 begins with $share"},
		{"ill-formed", []Rule{{Username: "u", Allow: true, Access: Read, Topic: "a#"}}, "1 has a topic that is no filter"},
		{"ill-formed deny", []Rule{{Username: "u", Access: Read, Topic: "a/#/b"}}, "!1 has a topic that is no filter"},
		{"hostile user", []Rule{{Username: "a/b", Access: Read, Topic: "x/%u"}}, "!1 can never put the name into %u"},
		{"hostile client", []Rule{{ClientID: "a+", Allow: true, Access: Read, Topic: "x/$clientId"}}, "1 can never put the name into $clientId"},
		{"address", []Rule{{Address: "localhost", Allow: true, Access: Read, Topic: "x"}}, `1 has "localhost" for an address`},
		{"everybody", []Rule{{All: true, ClientID: "c", Allow: true, Access: Read, Topic: "x"}}, "!1 is about everybody"},
		{"literal placeholder", []Rule{{All: true, Access: Read, Topic: "eq x/%c"}}, "!1 is literal"},
		{"literal wildcard", []Rule{{All: true, Allow: true, Access: Read, Topic: "eq x/#"}}, "1 allows to subscribe"},
		{"part of a level", []Rule{{All: true, Allow: true, Access: Read, Topic: "x-%c/y"}}, "1 has a placeholder that is not a whole level"},
		{"two in a level", []Rule{{All: true, Allow: true, Access: Read, Topic: "%u%c"}}, "1 has a placeholder that is not a whole level"},
		{"all open", []Rule{{All: true, Allow: true, Access: Read | Write, Topic: "#"}}, "!1 lets everybody read\n!1 lets everybody publish"},
		{"all open otherwise", []Rule{{All: true, Allow: true, Access: Write, Topic: "+/#"}}, "!1 lets everybody publish"},
		{"open for one", []Rule{{Username: "u", Allow: true, Access: Read | Write, Topic: "#"}}, ""},
		{"system", []Rule{{Username: "u", Allow: true, Access: Write, Topic: "$SYS/#"}}, "!1 allows to publish to $SYS"},
		{"system read", []Rule{{Username: "u", Allow: true, Access: Read, Topic: "$SYS/#"}}, ""},
		{"shadowed allow", []Rule{{All: true, Access: Read, Topic: "a/#"}, {Username: "u", Allow: true, Access: Read, Topic: "a/b"}},
			"2 never allows anything: 1 denies it"},
		{"unreachable deny", []Rule{{All: true, Allow: true, Access: Read | Write, Topic: "a/#"}, {Username: "u", Access: Read, Topic: "a/b"}},
			"!2 never denies anything: 1 allows it before"},
		{"redundant", []Rule{{Address: "10.0.0.0/8", Access: Read, Topic: "a/%c"}, {Address: "10.1.0.0/16", Access: Read, Topic: "a/${clientid}"}},
			"2 does nothing: 1 says the same"},
		{"wildcard and placeholder", []Rule{{Username: "u", Access: Read, Topic: "+/x"}, {Username: "u", Access: Read, Topic: "%c/x"}},
			"2 does nothing: 1 says the same"},
		{"literal covered", []Rule{{All: true, Access: Read, Topic: "#"}, {All: true, Access: Read, Topic: "eq a/+"}}, "2 does nothing"},
		{"literal covers", []Rule{{All: true, Access: Read, Topic: "eq a"}, {All: true, Access: Read, Topic: "a"}}, "2 does nothing"},
		{"literal does not cover", []Rule{{All: true, Access: Read, Topic: "eq a/+"}, {All: true, Access: Read, Topic: "a/+"}}, ""},
		{"other access", []Rule{{All: true, Access: Read, Topic: "a/#"}, {All: true, Allow: true, Access: Read | Write, Topic: "a/b"}}, ""},
		{"other people", []Rule{{Username: "u", Access: Read, Topic: "a/#"}, {All: true, Allow: true, Access: Read, Topic: "a/b"}}, ""},
		{"other network", []Rule{{Address: "10.1.0.0/16", Access: Read, Topic: "a"}, {Address: "10.0.0.0/8", Allow: true, Access: Read, Topic: "a"}}, ""},
		{"later and wider", []Rule{{All: true, Access: Read, Topic: "a/b"}, {All: true, Allow: true, Access: Read, Topic: "a/#"}}, ""},
		{"shadowed by what counts for nothing", []Rule{{Access: Read, Topic: "#", All: true, Username: "$all"}, {All: true, Allow: true, Access: Read, Topic: "$SYS/x"}}, ""},
	} {
		for i := range test.rules {
			test.rules[i].Origin = fmt.Sprint(i + 1)
		}
		got := strings.Split(strings.TrimSuffix(lintText(test.rules, FirstMatch), "\n"), "\n")
		want := strings.Split(test.want, "\n")
		same := len(got) == len(want) && (got[0] == "") == (want[0] == "")
		for i := 0; same && i < len(got); i++ {
			same = strings.HasPrefix(got[i], want[i])
		}
		if !same {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

func TestLintOfFile(t *testing.T) {
	f := parse(t, `topic read a/#
topic readwrite #
topic read
topic %c/x
user u
topic read own/%u
topic own/#
topic deny own/secret
topic read own/secret
topic deny own/+
pattern read ${clientid}/x
pattern %u/#
pattern write $SYS/%c
`)
	want := `acl:1 does nothing: acl:2 says the same, of no less
!acl:2 lets clients without a user name read every topic
!acl:2 lets clients without a user name publish to every topic
!acl:3 is about the topic called "read": perhaps its topic is missing
acl:3 does nothing: acl:2 says the same, of no less
acl:4 has %c in a topic line, where it is not filled in: write pattern in place of topic
acl:4 does nothing: acl:2 says the same, of no less
acl:6 has %u in a topic line, where it is not filled in: write pattern in place of topic
acl:6 never allows anything: acl:10 denies it
acl:8 does nothing: acl:10 says the same, of no less
acl:9 never allows anything: acl:8 denies it
acl:11 has ${clientid}, which a file does not fill in: write %c or %u
!acl:13 allows to publish to $SYS, which is the broker's own: it refuses that whatever the rules say
`
	if got := lintText(f.Rules(), DenyWins); got != want {
		t.Errorf("%s", got)
	}
}

// TestShadowedRulesDoNothing takes out each rule of which Lint says that it does
// nothing or never decides, and looks for a decision that has changed.
func TestShadowedRulesDoNothing(t *testing.T) {
	filters, topics := allFilters(3), allTopics(3)
	random := newRandom()
	shadowed := 0
	for round := range 600 {
		order := Order(round & 1)
		rules := randomRules(random, filters, 2+random.IntN(8))
		for i := range rules {
			rules[i].Origin = fmt.Sprint(i)
			if random.IntN(2) == 0 {
				rules[i].All, rules[i].Username = false, "u"
			}
		}
		whole := Compile(rules, Client{Username: "u"}, order, false)
		for _, f := range Lint(rules, order) {
			if !strings.Contains(f.Text, "does nothing") && !strings.Contains(f.Text, "never") {
				continue
			}
			shadowed++
			var rest []Rule
			for _, r := range rules {
				if r.Origin != f.Origin {
					rest = append(rest, r)
				}
			}
			without := Compile(rest, Client{Username: "u"}, order, false)
			for range 200 {
				topic, filter := topics[random.IntN(len(topics))], filters[random.IntN(len(filters))]
				for action, asked := range map[broker.Action]string{broker.Publish: topic, broker.Receive: topic, broker.Subscribe: filter} {
					if whole.May(action, asked) != without.May(action, asked) {
						t.Fatalf("%v %q is decided by rule %s, of which Lint says: %s\n%v", action, asked, f.Origin, f.Text, rules)
					}
				}
			}
		}
	}
	if shadowed < 200 {
		t.Errorf("only %d rules were shadowed", shadowed)
	}
}
