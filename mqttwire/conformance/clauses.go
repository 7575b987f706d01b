package conformance

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed clauses.tsv
var clausesTSV string

// A Clause is a statement of a standard, or a rule of it that has no number.
type Clause struct {
	Version string   // 5.0, 3.1.1, 3.1
	ID      string   // MQTT-3.1.2-22; s3.8.2.1.2-identifier-zero for a rule without a number
	Section string   // 3.1.2.10
	Side    string   // who is bound: client, server, both
	Title   string   // in our own words
	Shown   []string // "connect.mqtt", "mqttwire/client TestSpec5/MQTT-3.1.2-20", or "not testable: why"
}

// Numbered tells whether the standard numbers the clause.
func (c *Clause) Numbered() bool { return strings.HasPrefix(c.ID, "MQTT-") }

// NotTestable is the reason why nothing shows the clause, or "".
func (c *Clause) NotTestable() string {
	for _, shown := range c.Shown {
		if reason, ok := strings.CutPrefix(shown, "not testable: "); ok {
			return reason
		}
	}
	return ""
}

// Clauses are all of clauses.tsv, in its order.
func Clauses() ([]Clause, error) { return parseClauses(clausesTSV) }

func parseClauses(text string) ([]Clause, error) {
	var all []Clause
	number := 0
	for line := range strings.Lines(text) {
		if number++; number == 1 {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 6 {
			return nil, fmt.Errorf("clauses.tsv:%d: %d columns, 6 are expected", number, len(f))
		}
		c := Clause{Version: f[0], ID: f[1], Section: f[2], Side: f[3], Title: f[4]}
		if f[5] != "" {
			c.Shown = strings.Split(f[5], "; ")
		}
		all = append(all, c)
	}
	return all, nil
}

// Coverage counts the clauses of one version.
type Coverage struct {
	Version     string
	Numbered    bool // the numbered statements, or the rules without a number
	Shown       int
	NotTestable int
	Total       int
	Missing     []string // ids of those that are neither
}

func (c Coverage) String() string {
	kind := "rules without a number"
	if c.Numbered {
		kind = "numbered statements"
	}
	return fmt.Sprintf("MQTT %s %s: %d shown, %d not testable, %d missing, %d in all",
		c.Version, kind, c.Shown, c.NotTestable, len(c.Missing), c.Total)
}

// Coverages are the counts for each version, numbered statements first.
func Coverages() ([]Coverage, error) {
	clauses, err := Clauses()
	if err != nil {
		return nil, err
	}
	all := []Coverage{{Version: "5.0", Numbered: true}, {Version: "3.1.1", Numbered: true}, {Version: "5.0"}, {Version: "3.1.1"}, {Version: "3.1"}}
	for _, clause := range clauses {
		for i := range all {
			if all[i].Version == clause.Version && all[i].Numbered == clause.Numbered() {
				all[i].add(&clause)
			}
		}
	}
	return all, nil
}

func (c *Coverage) add(clause *Clause) {
	c.Total++
	switch {
	case clause.NotTestable() != "":
		c.NotTestable++
	case len(clause.Shown) > 0:
		c.Shown++
	default:
		c.Missing = append(c.Missing, clause.ID)
	}
}
