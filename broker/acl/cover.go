package acl

import "strings"

// unnamed is a level that no rule and no client can name: U+0000 is in no topic.
const unnamed = "\x00"

// wild says whether a topic has a wildcard.
func wild(topic string) bool { return strings.ContainsAny(topic, "+#") }

// system says whether the first level of a filter is a name that begins with $,
// for which no wildcard stands [MQTT-4.7.2-1].
func system(filter string) bool { return strings.HasPrefix(filter, "$") }

// covers says whether filter a matches every topic that b matches.
func covers(a, b string) bool {
	if system(b) && (a[0] == '+' || a[0] == '#') {
		return false
	}
	switch b { // no topic has no level, nor is one empty: neither # nor /# has its parent to match
	case "#":
		b = "+/#"
	case "/#":
		b = "/+/#"
	}
	for {
		levelA, restA, moreA := strings.Cut(a, "/")
		if levelA == "#" {
			return true
		}
		levelB, restB, moreB := strings.Cut(b, "/")
		if levelB == "#" || levelA != "+" && levelA != levelB {
			return false
		}
		switch {
		case !moreA:
			return !moreB
		case !moreB:
			return restA == "#" // a/# matches a
		}
		a, b = restA, restB
	}
}

// depth counts the levels of a filter without #. endless: it has one.
func depth(filter string) (n int, endless bool) {
	n = strings.Count(filter, "/") + 1
	if filter == "#" || strings.HasSuffix(filter, "/#") {
		return n - 1, true
	}
	return n, false
}

// lengths says how many levels the topics have that two filters may have in
// common: as many as shortest, or, endless, more as well.
func lengths(a, b string) (shortest int, endless, ok bool) {
	depthA, endlessA := depth(a)
	depthB, endlessB := depth(b)
	shortest = max(depthA, depthB, 1)
	return shortest, endlessA && endlessB,
		(endlessA || depthA == shortest) && (endlessB || depthB == shortest)
}

// sample is a topic of n levels that both filters match, with what no rule names
// in place of their wildcards. Not ok: there is none. lengths allows n.
func sample(a, b string, n int) (topic string, ok bool) {
	if system(a) != system(b) {
		return "", false
	}
	var out strings.Builder
	for i := range n {
		levelA := nextLevel(&a)
		levelB := nextLevel(&b)
		level := levelA
		switch {
		case levelA == "+" && levelB == "+":
			level = unnamed
		case levelA == "+":
			level = levelB
		case levelB != "+" && levelA != levelB:
			return "", false
		}
		if i > 0 {
			out.WriteByte('/')
		}
		out.WriteString(level)
	}
	return out.String(), true
}

// nextLevel takes the first level off a filter; # stands for as many + as one
// likes.
func nextLevel(filter *string) string {
	if *filter == "#" {
		return "+"
	}
	level, rest, _ := strings.Cut(*filter, "/")
	*filter = rest
	return level
}
