package acl

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// allTopics are the topics of up to n levels over a small alphabet; z is in no
// filter.
func allTopics(n int) []string {
	var all []string
	for level := []string{""}; n > 0; n-- {
		var next []string
		for _, head := range level {
			for _, name := range []string{"a", "b", "$s", "", "z"} {
				next = append(next, head+name+"/")
			}
		}
		level = next
		for _, topic := range level {
			if topic = strings.TrimSuffix(topic, "/"); topic != "" {
				all = append(all, topic)
			}
		}
	}
	return all
}

// allFilters are the filters of up to n levels over the same, without z.
func allFilters(n int) []string {
	var all []string
	for level := []string{""}; n > 0; n-- {
		var next []string
		for _, head := range level {
			for _, name := range []string{"a", "b", "$s", "", "+"} {
				next = append(next, head+name+"/")
			}
			all = append(all, head+"#")
		}
		level = next
		for _, topic := range level {
			if topic = strings.TrimSuffix(topic, "/"); topic != "" {
				all = append(all, topic)
			}
		}
	}
	return all
}

func TestCoversIsInclusion(t *testing.T) {
	topics, filters := allTopics(4), allFilters(3)
	matched := map[string][]bool{}
	for _, f := range filters {
		row := make([]bool, len(topics))
		for i, topic := range topics {
			row[i] = mqttwire.Match(f, topic)
		}
		matched[f] = row
	}
	yes := 0
	for _, a := range filters {
		for _, b := range filters {
			want := true
			for i, in := range matched[b] {
				if in && !matched[a][i] {
					want = false
					break
				}
			}
			if want {
				yes++
			}
			if got := covers(a, b); got != want {
				t.Fatalf("covers(%q, %q) = %v", a, b, got)
			}
		}
	}
	if yes < 1000 || yes > len(filters)*len(filters)/2 {
		t.Errorf("%d of %d pairs cover: the alphabet tests nothing", yes, len(filters)*len(filters))
	}
}

// mayBySearch is what the package's document says, by trying every topic.
func mayBySearch(rules []Rule, order Order, noMatch bool, filter string, topics []string) bool {
	rules = inOrder(rules, order)
	for _, r := range rules {
		topic, literal := strings.CutPrefix(r.Topic, "eq ")
		if r.Access&Read != 0 && (literal && topic == filter || !literal && coversBySearch(topic, filter, topics)) {
			return r.Allow
		}
	}
	for _, topic := range topics {
		if mqttwire.Match(filter, topic) && decideByWalk(rules, noMatch, Read, topic) {
			return true
		}
	}
	return false
}

func inOrder(rules []Rule, order Order) []Rule {
	if order == FirstMatch {
		return rules
	}
	denies := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Allow })
	allows := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return !r.Allow })
	return append(denies, allows...)
}

func coversBySearch(a, b string, topics []string) bool {
	for _, topic := range topics {
		if mqttwire.Match(b, topic) && !mqttwire.Match(a, topic) {
			return false
		}
	}
	return true
}

func decideByWalk(rules []Rule, noMatch bool, a Access, topic string) bool {
	for _, r := range rules {
		text, literal := strings.CutPrefix(r.Topic, "eq ")
		if r.Access&a != 0 && (literal && text == topic || !literal && mqttwire.Match(text, topic)) {
			return r.Allow
		}
	}
	return noMatch
}

// TestDecisionsAreThoseOfASearch holds May, for each action, against trying every
// topic of up to four levels, with few rules and with enough for the index.
func TestDecisionsAreThoseOfASearch(t *testing.T) {
	random := newRandom()
	topics, filters := allTopics(4), allFilters(3)
	asked := [2]int{}
	for round := range 1500 {
		rules := randomRules(random, filters, 1+random.IntN(2*few))
		order, noMatch := Order(round&1), round&2 == 0
		compiled := Compile(rules, Client{ClientID: "c"}, order, noMatch)
		for range 4 {
			filter := filters[random.IntN(len(filters))]
			got, want := compiled.May(broker.Subscribe, filter), mayBySearch(rules, order, noMatch, filter, topics)
			if got != want {
				t.Fatalf("subscribe %q: %v, order %d, no match %v\n%v", filter, got, order, noMatch, rules)
			}
			if v := compiled.Explain(broker.Subscribe, filter); v.Allowed != got {
				t.Fatalf("Explain says %v of subscribe %q\n%v", v, filter, rules)
			}
			if got {
				asked[1]++
			} else {
				asked[0]++
			}
		}
		for range 30 {
			topic := topics[random.IntN(len(topics))]
			for action, access := range map[broker.Action]Access{broker.Publish: Write, broker.Receive: Read} {
				got, want := compiled.May(action, topic), decideByWalk(inOrder(rules, order), noMatch, access, topic)
				if v := compiled.Explain(action, topic); got != want || v.Allowed != want {
					t.Fatalf("%v %q: %v, explained %v\n%v", action, topic, got, v, rules)
				}
			}
		}
	}
	if asked[0] < 500 || asked[1] < 500 {
		t.Errorf("refused and granted: %v", asked)
	}
}

func newRandom() *rand.Rand { return rand.New(rand.NewPCG(6, 2026)) }

func randomAccess(random *rand.Rand) string {
	return []string{"read ", "write ", "readwrite ", "deny "}[random.IntN(4)]
}

func randomRules(random *rand.Rand, filters []string, n int) []Rule {
	rules := make([]Rule, n)
	for i := range rules {
		topic := filters[random.IntN(len(filters))]
		if random.IntN(3) == 0 { // short ones meet each other more often
			topic = filters[random.IntN(30)]
		}
		if random.IntN(8) == 0 {
			topic = "eq " + topic
		}
		rules[i] = Rule{All: true, Allow: random.IntN(2) == 0, Access: Access(1 + random.IntN(3)), Topic: topic}
	}
	return rules
}

func TestWhoARuleIsAbout(t *testing.T) {
	client := Client{Username: "u", ClientID: "c", Address: netip.MustParseAddr("10.1.2.3")}
	for _, test := range []struct {
		name   string
		rule   Rule
		client Client
		want   bool
	}{
		{"nobody", Rule{}, client, false},
		{"nobody, anonymous", Rule{}, Client{ClientID: "c"}, false},
		{"user", Rule{Username: "u"}, client, true},
		{"other user", Rule{Username: "v"}, client, false},
		{"client", Rule{ClientID: "c"}, client, true},
		{"user and client", Rule{Username: "u", ClientID: "c"}, client, true},
		{"user and other client", Rule{Username: "u", ClientID: "d"}, client, false},
		{"address", Rule{Address: "10.1.2.3"}, client, true},
		{"address of IPv4 in IPv6", Rule{Address: "::ffff:10.1.2.3"}, client, true},
		{"other address", Rule{Address: "10.1.2.4"}, client, false},
		{"network", Rule{Address: "10.1.0.0/16"}, client, true},
		{"network by one of its hosts", Rule{Address: "10.1.9.9/16"}, client, true},
		{"network of IPv4 in IPv6", Rule{Address: "::ffff:10.1.0.0/112"}, client, true},
		{"other network", Rule{Address: "10.2.0.0/16"}, client, false},
		{"client of IPv4 in IPv6", Rule{Address: "10.1.0.0/16"}, Client{Address: netip.MustParseAddr("::ffff:10.1.2.3")}, true},
		{"client with a zone", Rule{Address: "fe80::/10"}, Client{Address: netip.MustParseAddr("fe80::1%eth0")}, true},
		{"client without an address", Rule{Address: "0.0.0.0/0"}, Client{ClientID: "c"}, false},
		{"no address", Rule{Address: "localhost"}, client, false},
		{"no network", Rule{Address: "10.0.0.0/99"}, client, false},
		{"user and network", Rule{Username: "u", Address: "10.0.0.0/8"}, client, true},
		{"user and other network", Rule{Username: "u", Address: "11.0.0.0/8"}, client, false},
		{"everybody", Rule{All: true, ClientID: "d", Address: "11.0.0.0/8"}, client, true},
		{"everybody, anonymous", Rule{All: true, Username: "$all"}, Client{ClientID: "c"}, true},
		{"anonymous", Rule{Anonymous: true}, Client{ClientID: "c"}, true},
		{"anonymous, with a name", Rule{Anonymous: true}, client, false},
		{"a user called $all", Rule{Username: "u"}, Client{Username: "$all"}, false},
	} {
		rule := test.rule
		rule.Topic, rule.Access, rule.Allow = "t", Read|Write, true
		if got := Compile([]Rule{rule}, test.client, FirstMatch, false).May(broker.Publish, "t"); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	for _, test := range []struct {
		topic    string
		form     Form
		user, id string
		allowed  string // a topic, "" for none
		names    string // those told
	}{
		{"%c/%u", Extended, "u", "c", "c/u", ""},
		{"a/${clientid}/${username}", Extended, "u", "c", "a/c/u", ""},
		{"a/$clientId", Extended, "u", "c", "a/c", ""},
		{"dev-%c-%c", Extended, "u", "c", "dev-c-c", ""},
		{"%c", Extended, "u", "%u", "%u", ""},
		{"a/%c", Pattern, "u", "c", "a/c", ""},
		{"a/${clientid}", Pattern, "u", "c", "a/${clientid}", ""},
		{"a/%c", Filter, "u", "c", "a/%c", ""},
		{"eq a/%c", Extended, "u", "c", "a/%c", ""},
		{"eq a", Filter, "u", "c", "eq a", ""},
		{"%u", Extended, "", "c", "", ""},
		{"%c", Extended, "u", "", "", ""},
		{"a/%c", Extended, "u", "+", "", "+"},
		{"a/%c", Extended, "u", "#", "", "#"},
		{"a/%c", Extended, "u", "b/c", "", "b/c"},
		{"a/%u", Extended, "b\x00", "c", "", "b\x00"},
		{"a/%u", Pattern, "b#", "c", "", "b#"},
		{"%c/%u", Extended, "a+", "a+", "", "a+"},
		{"%c/x", Extended, "u", "$SYS", "", "$SYS"},
		{"${clientid}/x", Extended, "u", "$SYS", "", "$SYS"},
		{"a/%c", Extended, "u", "$SYS", "a/$SYS", ""},
		{"$SYS/%c", Extended, "u", "$x", "$SYS/$x", ""},
	} {
		r := Compile([]Rule{{All: true, Allow: true, Access: Write, Topic: test.topic, Form: test.form}},
			Client{Username: test.user, ClientID: test.id}, FirstMatch, false)
		if got := len(r.entries); got > 1 || (got == 1) != (test.allowed != "") {
			t.Errorf("%q for %q, %q: %d rules", test.topic, test.user, test.id, got)
		}
		if test.allowed != "" && !r.May(broker.Publish, test.allowed) {
			t.Errorf("%q for %q, %q does not allow %q", test.topic, test.user, test.id, test.allowed)
		}
		if got := strings.Join(r.Names(), " "); got != test.names {
			t.Errorf("%q for %q, %q: names %q", test.topic, test.user, test.id, got)
		}
	}
}

// TestHostileNameDoesNotDeny: the rule is not there for that client, whichever it is.
func TestHostileNameDoesNotDeny(t *testing.T) {
	rules := []Rule{
		{All: true, Access: Read, Topic: "a/%c/#"},
		{All: true, Allow: true, Access: Read, Topic: "a/#"},
	}
	if r := Compile(rules, Client{ClientID: "b"}, FirstMatch, false); r.May(broker.Receive, "a/b") || !r.May(broker.Receive, "a/c") {
		t.Error("the deny does not hold for a harmless name")
	}
	if r := Compile(rules, Client{ClientID: "+"}, FirstMatch, false); !r.May(broker.Receive, "a/b") {
		t.Error("the deny holds for all")
	}
}

func TestRulesThatMatchNothing(t *testing.T) {
	for _, topic := range []string{"", "a#", "#/a", "a/+b", "$share/g/a", "$share", "a\x00", "eq "} {
		r := Compile([]Rule{{All: true, Allow: true, Access: Read | Write, Topic: topic}}, Client{ClientID: "c"}, FirstMatch, false)
		for _, asked := range []string{"a", "", "b", "#"} {
			if r.May(broker.Publish, asked) || r.May(broker.Subscribe, asked+"x") {
				t.Errorf("%q allows %q", topic, asked)
			}
		}
	}
	if r := Compile([]Rule{{All: true, Allow: true, Topic: "#"}}, Client{ClientID: "c"}, FirstMatch, false); r.May(broker.Publish, "a") || r.May(broker.Receive, "a") {
		t.Error("a rule without access allows")
	}
	var nobody *Rules
	if nobody.May(broker.Publish, "a") || nobody.Explain(broker.Publish, "a").Allowed {
		t.Error("no rules allow")
	}
}

func TestExplain(t *testing.T) {
	rules := []Rule{
		{All: true, Access: Read, Topic: "a/secret", Origin: "1"},
		{All: true, Allow: true, Access: Read, Topic: "a/#", Origin: "2"},
		{All: true, Access: Read, Topic: "eq #", Origin: "3"},
		{All: true, Allow: true, Access: Read | Write, Topic: "b/+", Origin: "4"},
		{All: true, Allow: true, Access: Read, Topic: "eq c/+", Origin: "5"},
	}
	r := Compile(rules, Client{ClientID: "c"}, FirstMatch, false)
	for _, test := range []struct {
		action  broker.Action
		topic   string
		allowed bool
		origin  string
		why     string
		deliver string
	}{
		{broker.Publish, "a/b", false, "", "no rule matches the topic, and no_match denies then", ""},
		{broker.Publish, "b/x", true, "4", "matches the topic", ""},
		{broker.Receive, "a/secret", false, "1", "matches the topic", ""},
		{broker.Subscribe, "a/#", true, "2", "is about this very filter", "a is delivered, a/secret is not"},
		{broker.Subscribe, "a/+", true, "2", "covers the whole filter", "a/… is delivered, a/secret is not"},
		{broker.Subscribe, "a/b/#", true, "2", "covers the whole filter", "every topic that it matches"},
		{broker.Subscribe, "#", false, "3", "is about this very filter", ""},
		{broker.Subscribe, "+/x", true, "2", "no rule covers the whole filter, but a/x may be read", "a/x is delivered, …/x is not"},
		{broker.Subscribe, "d/#", false, "", "no topic that it matches may be read", ""},
		{broker.Subscribe, "c/+", true, "5", "is about this very filter", "nothing: no topic that it matches may be read"},
		{broker.Subscribe, "$SYS/#", false, "", "no topic that it matches may be read", ""},
	} {
		v := r.Explain(test.action, test.topic)
		origin := ""
		if v.Rule != nil {
			origin = v.Rule.Origin
		}
		if v.Allowed != test.allowed || origin != test.origin || !strings.Contains(v.Why, test.why) ||
			!strings.Contains(v.Delivery, test.deliver) || (v.Delivery == "") != (test.deliver == "") {
			t.Errorf("%v %s: %v, rule %q, %s; delivery: %s", test.action, test.topic, v.Allowed, origin, v.Why, v.Delivery)
		}
	}
}

func TestRuleAsWords(t *testing.T) {
	for want, r := range map[string]Rule{
		"allow read a/#, for everybody":                                 {All: true, Username: "$all", Allow: true, Access: Read, Topic: "a/#"},
		"deny readwrite eq #, for user u, client c, address 10.0.0.0/8": {Username: "u", ClientID: "c", Address: "10.0.0.0/8", Access: Read | Write, Topic: "eq #"},
		"allow write with space, for clients without a user name":       {Anonymous: true, Allow: true, Access: Write, Topic: "with space"},
		"deny a, for nobody":                                            {Topic: "a"},
	} {
		if got := r.String(); got != want {
			t.Errorf("%s", got)
		}
	}
}

func TestMayAllocatesNothing(t *testing.T) {
	for _, n := range []int{1, few, 100} {
		r := manyRules(n)
		for _, action := range []broker.Action{broker.Publish, broker.Receive, broker.Subscribe} {
			if got := testing.AllocsPerRun(100, func() { r.May(action, "dev/0/up") }); got != 0 {
				t.Errorf("%d rules, action %v: %v allocations", n, action, got)
			}
		}
	}
}

// manyRules are rules for one device each, as a table of devices has them.
func manyRules(n int) *Rules {
	rules := make([]Rule, n)
	for i := range rules {
		name := "dev/" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26%300)
		rules[i] = Rule{All: true, Allow: true, Access: Read | Write, Topic: name + "/+"}
	}
	rules[n-1].Topic = "dev/0/#"
	return Compile(rules, Client{ClientID: "c"}, FirstMatch, false)
}

func BenchmarkMay(b *testing.B) {
	for _, n := range []int{1, 8, 100, 10_000} {
		r := manyRules(n)
		b.Run("rules="+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.May(broker.Receive, "dev/0/up")
			}
		})
		b.Run("none/rules="+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.May(broker.Receive, "other/0/up")
			}
		})
	}
}
