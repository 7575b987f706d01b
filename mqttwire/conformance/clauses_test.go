package conformance

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write into clauses.tsv which scripts and tests show what")

// testFunctions are where tests named after statements live, by directory.
var testFunctions = map[string]string{"mqttwire/client": "../client", "broker": "../../broker"}

// Every statement is shown or has a reason why not, and what clauses.tsv says
// of scripts and tests is so.
func TestClausesAreComplete(t *testing.T) {
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	clauses, err := Clauses()
	if err != nil {
		t.Fatal(err)
	}
	shown := shownByScripts(scripts)
	for _, test := range goTests(t) {
		shown[test.clause] = append(shown[test.clause], test.name)
	}
	if *update {
		writeClauses(t, clauses, shown, scripts)
		return
	}
	known := make(map[string]bool)
	for _, c := range clauses {
		key := c.Version + " " + c.ID
		if known[key] {
			t.Errorf("%s stands twice in clauses.tsv", key)
		}
		known[key] = true
		if c.Title == "" || c.Section == "" || !slices.Contains([]string{"client", "server", "both"}, c.Side) {
			t.Errorf("%s has no title, no section or no side", key)
		}
		if problem := problemOf(&c, shown[key]); problem != "" {
			t.Errorf("%s %s (%s): %s; go test -run Clauses -update writes clauses.tsv", key, c.Title, c.Side, problem)
		}
	}
	for key := range shownByScripts(scripts) {
		if !known[key] {
			t.Errorf("%s is not in clauses.tsv, and shown by %v", key, shown[key])
		}
	}
}

// problemOf compares what clauses.tsv says of a clause with what there is.
func problemOf(c *Clause, shown []string) string {
	if reason := c.NotTestable(); reason != "" {
		if len(shown) > 0 {
			return fmt.Sprintf("it is said to be not testable, and is shown by %v", shown)
		}
		return ""
	}
	for _, s := range c.Shown {
		if !slices.Contains(shown, s) {
			return s + " does not show it"
		}
	}
	switch {
	case len(c.Shown) == 0:
		return "neither a script, nor a test, nor a reason why not"
	case c.Side == "client" && !slices.ContainsFunc(c.Shown, isGoTest):
		return "it binds the client, and no test of the client shows it"
	}
	for _, s := range shown {
		if strings.HasSuffix(s, ".mqtt") && !slices.Contains(c.Shown, s) {
			return s + " shows it too"
		}
	}
	return ""
}

// The numbers are those of the standards.
func TestClausesAreAll(t *testing.T) {
	coverages, err := Coverages()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{252, 141} {
		if got := coverages[i]; got.Total != want {
			t.Errorf("%s: want %d", got, want)
		}
	}
	for _, c := range coverages {
		t.Log(c)
		if c.Shown+c.NotTestable+len(c.Missing) != c.Total || c.Total == 0 {
			t.Errorf("%s: the sum is wrong", c)
		}
	}
}

func TestParseClausesRefuses(t *testing.T) {
	if _, err := parseClauses("version\n5.0\tMQTT-1\n"); err == nil || !strings.Contains(err.Error(), "clauses.tsv:2") {
		t.Errorf("got %v", err)
	}
}

func isGoTest(shown string) bool { return strings.Contains(shown, " Test") }

// shownByScripts maps "5.0 MQTT-…" to the files of the scripts that show it.
func shownByScripts(scripts []*Script) map[string][]string {
	shown := make(map[string][]string)
	for _, s := range scripts {
		for _, id := range s.Shows {
			key := s.Version.String() + " " + id
			if !slices.Contains(shown[key], s.File) {
				shown[key] = append(shown[key], s.File)
			}
		}
	}
	return shown
}

type goTest struct{ clause, name string }

var statement = regexp.MustCompile(`^(MQTT-[0-9.]+-[0-9]+|s[0-9A].*)$`)

// goTests finds sub-tests named after statements in the sources of this
// repository: string literals of TestSpec5, TestSpec311 and TestSpec31, and of
// the declarations of the same package that those name.
func goTests(t *testing.T) (tests []goTest) {
	t.Helper()
	versions := map[string]string{"TestSpec5": "5.0", "TestSpec311": "3.1.1", "TestSpec31": "3.1"}
	for _, room := range []string{"broker", "mqttwire/client"} {
		declarations := declared(t, testFunctions[room])
		for _, function := range []string{"TestSpec5", "TestSpec311", "TestSpec31"} {
			node := declarations[function]
			if node == nil {
				continue
			}
			for _, id := range literals(node, declarations, map[string]bool{function: true}) {
				tests = append(tests, goTest{versions[function] + " " + id, fmt.Sprintf("%s %s/%s", room, function, id)})
			}
		}
	}
	return tests
}

// declared parses the tests in a directory.
func declared(t *testing.T, dir string) map[string]ast.Node {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]ast.Node)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					all[d.Name.Name] = d
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok {
						for _, name := range v.Names {
							all[name.Name] = v
						}
					}
				}
			}
		}
	}
	return all
}

func literals(node ast.Node, declarations map[string]ast.Node, seen map[string]bool) (ids []string) {
	add := func(id string) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && statement.MatchString(text) {
				add(text)
			}
		case *ast.Ident:
			if d := declarations[n.Name]; d != nil && !seen[n.Name] && !strings.HasPrefix(n.Name, "TestSpec") {
				seen[n.Name] = true
				for _, id := range literals(d, declarations, seen) {
					add(id)
				}
			}
		}
		return true
	})
	return ids
}

// writeClauses fills in what shows each clause, and adds the rules without a
// number that scripts show.
func writeClauses(t *testing.T, clauses []Clause, shown map[string][]string, scripts []*Script) {
	t.Helper()
	known := make(map[string]bool)
	titles := make(map[string]string)
	var numbered, rules []Clause
	for _, c := range clauses {
		if c.Numbered() {
			numbered = append(numbered, c)
		}
		known[c.Version+" "+c.ID] = c.Numbered()
		titles[c.Version+" "+c.ID] = c.Title
	}
	for _, s := range scripts {
		for _, id := range s.Shows {
			key := s.Version.String() + " " + id
			if !known[key] && strings.HasPrefix(id, "s") {
				known[key] = true
				section, _, _ := strings.Cut(id[1:], "-")
				rules = append(rules, Clause{Version: s.Version.String(), ID: id, Section: section, Side: "server", Title: cmp.Or(titles[key], s.Title)})
			}
		}
	}
	slices.SortStableFunc(rules, func(a, b Clause) int {
		if order := strings.Compare(b.Version, a.Version); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	out := "version\tid\tsection\tside\ttitle\tshown\n"
	for _, c := range append(numbered, rules...) {
		if c.NotTestable() == "" {
			c.Shown = shown[c.Version+" "+c.ID]
		}
		out += strings.Join([]string{c.Version, c.ID, c.Section, c.Side, c.Title, strings.Join(c.Shown, "; ")}, "\t") + "\n"
	}
	if err := os.WriteFile("clauses.tsv", []byte(out), 0o666); err != nil {
		t.Fatal(err)
	}
}
