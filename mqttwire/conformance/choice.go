package conformance

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// A Choice is what of the standard is looked at. Its words are ids of
// statements, in which * and ? stand for others; sections, with those below
// them; versions; and titles of scripts, or parts of them.
type Choice struct{ Only, Skip []string }

// Of returns the chosen clauses of 5.0 and 3.1.1 and the scripts that show
// them. What is a choice of our own is never among them.
func (c Choice) Of(clauses []Clause, scripts []*Script) ([]Clause, []*Script, error) {
	clauses = slices.DeleteFunc(slices.Clone(clauses), func(c Clause) bool { return c.Version == "3.1" })
	scripts = slices.DeleteFunc(slices.Clone(scripts), func(s *Script) bool { return s.House != "" || s.Version.String() == "3.1" })
	for _, word := range slices.Concat(c.Only, c.Skip) {
		if !slices.ContainsFunc(clauses, func(clause Clause) bool { return clause.isNamed(word) }) &&
			!slices.ContainsFunc(scripts, func(s *Script) bool { return s.isNamed(word) }) {
			return nil, nil, fmt.Errorf("%s: is no statement, section, version or script", word)
		}
	}
	chosen := make(map[string]bool)
	for _, clause := range clauses {
		if (len(c.Only) == 0 || slices.ContainsFunc(c.Only, clause.isNamed)) && !slices.ContainsFunc(c.Skip, clause.isNamed) {
			chosen[clause.Version+" "+clause.ID] = true
		}
	}
	shown := maps.Clone(chosen)
	scripts = slices.DeleteFunc(scripts, func(s *Script) bool {
		byTitle := slices.ContainsFunc(c.Only, s.isNamed)
		if slices.ContainsFunc(c.Skip, s.isNamed) || !byTitle && !slices.ContainsFunc(s.Shows, func(id string) bool { return chosen[s.Version.String()+" "+id] }) {
			return true
		}
		for _, id := range s.Shows {
			shown[s.Version.String()+" "+id] = shown[s.Version.String()+" "+id] || byTitle
		}
		return false
	})
	clauses = slices.DeleteFunc(clauses, func(clause Clause) bool {
		return !shown[clause.Version+" "+clause.ID] || slices.ContainsFunc(c.Skip, clause.isNamed)
	})
	scripts = slices.DeleteFunc(scripts, func(s *Script) bool {
		return !slices.ContainsFunc(clauses, func(clause Clause) bool {
			return clause.Version == s.Version.String() && slices.Contains(s.Shows, clause.ID)
		})
	})
	return clauses, scripts, nil
}

// isNamed tells whether a word of a choice means the clause.
func (c *Clause) isNamed(word string) bool {
	if version, ok := versionWord(word); ok {
		return c.Version == version
	}
	if version, rest, ok := strings.Cut(word, "/"); ok {
		if named, ok := versionWord(version); ok && named == c.Version {
			return c.isNamed(rest)
		}
		return false
	}
	if c.Section == word || strings.HasPrefix(c.Section, word+".") {
		return true
	}
	matches, err := path.Match(strings.ToLower(word), strings.ToLower(c.ID))
	return matches && err == nil
}

// isNamed tells whether a word of a choice is the title of the script, or at
// least three letters of it.
func (s *Script) isNamed(word string) bool {
	if strings.ContainsAny(word, "*?[") {
		matches, err := path.Match(word, s.Title)
		return matches && err == nil
	}
	letters := strings.Trim(word, "0123456789.-")
	return len(letters) > 2 && !strings.HasPrefix(word, "MQTT-") && strings.Contains(s.Title, word)
}

// versionWord is the version that a word names, in the ways in which -V does.
func versionWord(word string) (string, bool) {
	switch word {
	case "5", "5.0", "v5", "mqttv5":
		return "5.0", true
	case "3.1.1", "311", "v311", "mqttv311":
		return "3.1.1", true
	}
	return "", false
}
