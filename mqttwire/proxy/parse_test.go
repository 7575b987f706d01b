package proxy

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

func TestParseRules(t *testing.T) {
	acks := []mqttwire.PacketType{mqttwire.PUBACK, mqttwire.PUBREC, mqttwire.PUBCOMP, mqttwire.SUBACK, mqttwire.UNSUBACK}
	for text, want := range map[string]Rule{
		"drop": {},
		"delay 200ms type=PUBLISH topic=a/#": {Action: Delay, Wait: span{200 * time.Millisecond, 200 * time.Millisecond},
			Types: []mqttwire.PacketType{mqttwire.PUBLISH}, Topic: "a/#"},
		"delay=1..2.5s p=10%":                       {Action: Delay, Wait: span{time.Second, 2500 * time.Millisecond}, Probability: 0.1},
		"duplicate":                                 {Action: Duplicate, Count: 1},
		"duplicate 3 every=2 after=4 times=5":       {Action: Duplicate, Count: 3, Every: 2, After: 4, Times: 5},
		`truncate 5 topic="a b; c" nth=2 client=x*`: {Action: Truncate, Count: 5, Topic: "a b; c", Nth: 2, Client: "x*"},
		"reorder":                                  {Action: Reorder, Wait: span{time.Second, time.Second}, Types: acks},
		"reorder 20ms type=pubrec from=client":     {Action: Reorder, Wait: span{20 * time.Millisecond, 20 * time.Millisecond}, Types: acks[1:2], From: mqttwire.Client},
		"reason NotAuthorized type=SUBACK|PUBREL":  {Action: Reason, Reason: mqttwire.NotAuthorized, Types: []mqttwire.PacketType{mqttwire.SUBACK}},
		"reason 0x9B":                              {Action: Reason, Reason: 0x9b, Types: []mqttwire.PacketType{mqttwire.CONNACK, mqttwire.DISCONNECT}},
		"half-open after-bytes=10 connection=2..3": {Action: HalfOpen, AfterBytes: 10, Connections: [2]int{2, 3}},
		"close qos=1|2 from=broker connection=4":   {Action: Close, QoS: []mqttwire.QoS{1, 2}, From: mqttwire.Server, Connections: [2]int{4, 4}},
		"reset type=PUBLISH":                       {Action: Reset, Types: []mqttwire.PacketType{mqttwire.PUBLISH}},
	} {
		if want.Text = text; want.Probability == 0 {
			want.Probability = 1
		}
		got, err := ParseRules(" ;" + text + " ; \n# a comment\n")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", text, got, want)
		}
	}
	two, err := ParseRules("drop type=PUBACK; delay 1s")
	if err != nil || len(two) != 2 || two[1].Action != Delay {
		t.Errorf("two rules: %+v, %v", two, err)
	}
}

func TestParseRulesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"dorp":                             "did you mean drop?",
		"break":                            "it is one of drop delay",
		"drop 5":                           "takes no value",
		"drop PUBLISH":                     "type=PUBLISH",
		"drop type=PUBLISH PUBACK":         `"PUBACK" is no condition`,
		"drop type=PUBLISHED":              "did you mean PUBLISH?",
		"drop type=PUBACK type=PUBREC":     "stands twice",
		"drop tpye=PUBACK":                 "did you mean type?",
		"drop topic=a/#/b":                 "is no topic filter",
		"drop topic=a type=PINGREQ":        "names none of them",
		"drop client=":                     "needs a client id",
		"drop from=me":                     "client or server",
		"drop qos=3":                       "qos=3",
		"drop qos=1 type=PUBACK":           "names no PUBLISH",
		"drop nth=0":                       "from 1 on",
		"drop nth=1 times=2":               "nth= names one packet",
		"drop p=0":                         "p=0",
		"drop p=NaN":                       "p=NaN",
		"drop p=1.5":                       "p=1.5",
		"drop connection=3..2":             "connection=3..2",
		"drop after-bytes=5":               "after-bytes= is for",
		"reset after-bytes=5 type=PUBLISH": "counts bytes",
		"delay":                            "delay needs a time",
		"delay soon":                       "delay needs a time",
		"delay 2s..1s":                     "delay needs a time",
		"delay 25h":                        "delay needs a time",
		"duplicate 0":                      "1 to 100",
		"truncate":                         "truncate needs",
		"reorder x":                        "reorder takes",
		"reason":                           "reason needs",
		"reason NotAuthorised":             "did you mean NotAuthorized?",
		"reason Nonsense":                  "names are those",
		"reason ServerBusy type=PUBACK":    "type=CONNACK|DISCONNECT can",
		`drop topic="a`:                    "quote",
		`drop topic="a"b`:                  "blank",
	} {
		rules, err := ParseRules(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %+v; want an error about %q", text, err, rules, want)
		} else if !strings.HasPrefix(err.Error(), text+": ") {
			t.Errorf("%s: %v does not begin with the rule", text, err)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"a*", "ab", true}, {"*b", "ab", true}, {"*", "", true}, {"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false}, {"?", "", false}, {"a?c", "a/c", true}, {"**", "x", true}, {"", "", true}, {"*ab", "aab", true},
	} {
		if got := matchPattern(test.pattern, test.text); got != test.want {
			t.Errorf("%q on %q: %v", test.pattern, test.text, got)
		}
	}
}

// Chance is spread evenly, and does not repeat from place to place.
func TestChance(t *testing.T) {
	var tenths [10]int
	seen := make(map[float64]bool)
	for number := range 10_000 {
		x := chance{1}.at(1, mqttwire.Client, number, 0, forProbability)
		tenths[int(x*10)]++
		seen[x] = true
	}
	if slices.Max(tenths[:]) > 1150 || slices.Min(tenths[:]) < 850 || len(seen) < 9_990 {
		t.Errorf("%v, %d different", tenths, len(seen))
	}
}

func FuzzParseRules(f *testing.F) {
	for _, text := range []string{"drop type=PUBACK p=0.1; delay 200ms type=PUBLISH topic=a/#", `truncate 5 topic="a;b"`, "reason 0x87 type=SUBACK", "reset after-bytes=1000 client=x*", "delay 1..2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseRules(text)
		if err != nil {
			return
		}
		for _, r := range all {
			again, err := ParseRules(r.Text)
			if err != nil || len(again) != 1 || !reflect.DeepEqual(again[0], r) {
				t.Errorf("%q reads as %+v, and again as %+v (%v)", r.Text, r, again, err)
			}
			r.concerns(&packet{kind: mqttwire.PUBLISH, client: "x", topics: []string{"a"}})
		}
	})
}
