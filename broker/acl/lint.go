package acl

// A Finding is what Lint has to say about a rule.
type Finding struct {
	Origin    string
	Text      string
	Dangerous bool // it opens something, or lets a deny fail
}

// Lint looks for rules that are dangerous or do nothing.
func Lint(rules []Rule, order Order) []Finding {
	var all []Finding
	for i := range rules {
		if r := &rules[i]; r.nobody() {
			all = append(all, Finding{r.Origin, "names no user, client or address: it matches nobody", !r.Allow})
		}
	}
	return all
}

// nobody says whether the rule is about nobody at all.
func (r *Rule) nobody() bool {
	return !r.All && !r.Anonymous && r.Username == "" && r.ClientID == "" && r.Address == ""
}
