package commands

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A room is a row of the table of who may import whom. It speaks of direct
// imports outside tests. Paths are without the module's name; a path that ends
// in /* is any child that has no row of its own.
type room struct {
	path    string
	house   []string // packages of the house
	modules []string // modules of others
	never   []string // packages of the standard library
	alone   bool     // reaches no module of others by any way
}

// importTable is the plan of the house, as data.
func importTable() []room {
	clock := []string{"net", "net/http", "time", "os", "sync"}
	return []room{
		{path: "", house: []string{"commands"}},
		{path: "mqttwire", never: clock, alone: true},
		{path: "mqttwire/transport", house: []string{"mqttwire/transport/keyfile"}, modules: []string{"golang.org/x/net"}},
		{path: "mqttwire/transport/keyfile", alone: true},
		{path: "mqttwire/sasl", modules: []string{"golang.org/x/text"}},
		{path: "mqttwire/client", house: []string{"mqttwire", "mqttwire/transport", "mqttwire/sasl"}},
		{path: "mqttwire/conformance", house: []string{"mqttwire"}},
		{path: "mqttwire/anatomy", house: []string{"mqttwire"}, never: clock, alone: true},
		{path: "mqttwire/referee", house: []string{"mqttwire"}, never: []string{"net", "os"}, alone: true},
		{path: "mqttwire/capture", modules: []string{"golang.org/x/sys", "golang.org/x/crypto"}},
		{path: "mqttwire/proxy", house: []string{"mqttwire", "mqttwire/referee", "mqttwire/conformance"}},
		{path: "mqttwire/probe", house: []string{"mqttwire", "mqttwire/client"}},
		{path: "mqttwire/fuzz", house: []string{"mqttwire", "mqttwire/referee", "mqttwire/conformance"}},
		{path: "broker/topictree", alone: true},
		{path: "broker/limits", alone: true},
		{path: "broker", house: []string{"mqttwire", "broker/topictree", "broker/limits"}, alone: true},
		{path: "broker/eventloop", house: brokerChild(), modules: []string{"golang.org/x/sys"}},
		{path: "broker/authfile", house: brokerChild()},
		{path: "broker/authsql", house: brokerChild("broker/acl"), modules: []string{"github.com/go-sql-driver/mysql", "github.com/jackc/pgx", "golang.org/x/crypto", "modernc.org/sqlite"}},
		{path: "broker/authtoken", house: brokerChild("mqttwire/transport/keyfile"), modules: []string{"github.com/go-jose/go-jose/v4"}},
		{path: "broker/bridge", house: brokerChild("mqttwire/client", "mqttwire/transport")},
		{path: "broker/cluster", house: brokerChild("mqttwire/client", "mqttwire/transport"), modules: []string{"github.com/nats-io/nats.go"}},
		{path: "broker/*", house: brokerChild()},
		{path: "commands/contexts", modules: []string{"github.com/pelletier/go-toml/v2"}},
		{path: "commands/config", house: []string{"broker", "mqttwire/transport"}, modules: []string{"github.com/pelletier/go-toml/v2"}},
		{path: "commands/condition", house: []string{"mqttwire"}, never: []string{"net", "os", "time"}, alone: true},
		{path: "commands/expect", house: []string{"commands/condition"}, never: []string{"net", "os", "sync"}, alone: true},
		{path: "bench", house: []string{"mqttwire", "mqttwire/client", "bench/loop"}, modules: []string{"github.com/HdrHistogram/hdrhistogram-go"}},
		{path: "bench/loop", modules: []string{"golang.org/x/sys"}},
		{path: "bench/crash", house: []string{"mqttwire", "mqttwire/client"}},
		{path: "bench/page", house: []string{"bench"}},
		{path: "commands", house: []string{"*"}, modules: []string{"*"}},
	}
}

// brokerChild is what every child of broker may import, and more.
func brokerChild(more ...string) []string {
	return append([]string{"broker", "mqttwire", "mqttwire/sasl", "broker/topictree"}, more...)
}

// listedPackage is what go list tells of a package.
type listedPackage struct {
	Dir, ImportPath string
	Imports, Deps   []string
	GoFiles         []string
	IgnoredGoFiles  []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=Dir,ImportPath,Imports,Deps,GoFiles,IgnoredGoFiles", "./...")
	cmd.Dir = ".."
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, problems.Bytes())
	}
	var packages []listedPackage
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p listedPackage
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 5 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	return packages
}

func TestWhoImportsWhom(t *testing.T) {
	table := importTable()
	for _, p := range listPackages(t) {
		path := housePath(p.ImportPath)
		r, ok := roomOf(table, path)
		if !ok {
			t.Errorf("%s has no row in the table of who may import whom", p.ImportPath)
			continue
		}
		for _, problem := range r.judge(p) {
			t.Errorf("%s %s", p.ImportPath, problem)
		}
	}
}

// TestImportTableFails shows that the table can say no.
func TestImportTableFails(t *testing.T) {
	for _, test := range []struct {
		path, imports string
		deps          []string
		want          string
	}{
		{path: "mqttwire", imports: "net", want: "imports net"},
		{path: "mqttwire", imports: "mqtk/broker", want: "imports mqtk/broker"},
		{path: "broker", imports: "mqtk/mqttwire/client", want: "imports mqtk/mqttwire/client"},
		{path: "broker", imports: "mqtk/broker/journal", want: "imports mqtk/broker/journal"},
		{path: "broker/journal", imports: "mqtk/broker/authfile", want: "imports mqtk/broker/authfile"},
		{path: "broker/journal", imports: "mqtk/commands", want: "imports mqtk/commands"},
		{path: "mqttwire/client", imports: "example.com/x", want: "imports example.com/x"},
		{path: "broker", imports: "fmt", deps: []string{"golang.org/x/sys/unix"}, want: "reaches golang.org/x/sys/unix"},
		{path: "broker/journal", imports: "mqtk/broker"},
		{path: "mqttwire/transport", imports: "golang.org/x/net/proxy"},
	} {
		r, ok := roomOf(importTable(), test.path)
		if !ok {
			t.Fatalf("no room %s", test.path)
		}
		got := strings.Join(r.judge(listedPackage{ImportPath: "mqtk/" + test.path, Imports: []string{test.imports}, Deps: test.deps}), "; ")
		if got != test.want {
			t.Errorf("%s with %s: got %q, want %q", test.path, test.imports, got, test.want)
		}
	}
}

func (r room) judge(p listedPackage) []string {
	var problems []string
	for _, path := range p.Imports {
		if !r.mayImport(path) {
			problems = append(problems, "imports "+path)
		}
	}
	for _, path := range p.Deps {
		if r.alone && isOthers(path) {
			problems = append(problems, "reaches "+path)
		}
	}
	return problems
}

func (r room) mayImport(path string) bool {
	switch {
	case isHouse(path):
		return slices.Contains(r.house, "*") || slices.Contains(r.house, housePath(path))
	case isOthers(path):
		return slices.ContainsFunc(r.modules, func(m string) bool {
			return m == "*" || path == m || strings.HasPrefix(path, m+"/")
		})
	}
	return !slices.Contains(r.never, path)
}

func roomOf(table []room, path string) (room, bool) {
	for _, r := range table {
		parent, children := strings.CutSuffix(r.path, "/*")
		if r.path == path || (children && strings.HasPrefix(path, parent+"/")) {
			return r, true
		}
	}
	return room{}, false
}

func isHouse(path string) bool { return path == "mqtk" || strings.HasPrefix(path, "mqtk/") }

// isOthers tells a module of others by the dot in its host name. What the
// standard library carries along under vendor/ is its own.
func isOthers(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !isHouse(path) && strings.Contains(first, ".")
}

func housePath(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, "mqtk"), "/")
}

// TestNothingSlowAtStart: packages whose tables are built at every start, a
// one-shot pub's among them, and which nobody here needs.
func TestNothingSlowAtStart(t *testing.T) {
	slow := map[string]string{
		"github.com/russross/blackfriday/v2": "0.35 ms; go.mod lets commands/md2man stand in for what imports it",
		"github.com/xdg-go/stringprep":       "0.5 ms; package sasl has the tables that it needs as constants",
	}
	for _, p := range listPackages(t) {
		if p.ImportPath != "mqtk" {
			continue
		}
		if !slices.Contains(p.Deps, "github.com/urfave/cli/v2") {
			t.Error("the list of what mqtk reaches is not complete")
		}
		for _, path := range p.Deps {
			if why, ok := slow[path]; ok {
				t.Errorf("mqtk reaches %s: %s", path, why)
			}
		}
	}
}

// TestCodecStartsNothing: the wire codec and the tree have no goroutine.
func TestCodecStartsNothing(t *testing.T) {
	for _, dir := range []string{"../mqttwire", "../broker/topictree"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if g, ok := n.(*ast.GoStmt); ok {
					t.Errorf("%s starts a goroutine", set.Position(g.Pos()))
				}
				return true
			})
		}
	}
}

// The fences. A noun that outgrows them earns a package, if it can be
// explained without the others and is used more than once or drags in a
// dependency.
const (
	fileFence   = 500    // lines of a file, tests aside
	brokerFence = 12_000 // lines of package broker, tests aside
)

func TestFences(t *testing.T) {
	for _, p := range listPackages(t) {
		total := 0
		for _, name := range append(p.GoFiles, p.IgnoredGoFiles...) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			n := bytes.Count(text, []byte("\n"))
			total += n
			if n > fileFence {
				t.Errorf("%s/%s has %d lines, the fence is at %d", p.ImportPath, name, n, fileFence)
			}
		}
		if p.ImportPath == "mqtk/broker" && total > brokerFence {
			t.Errorf("%s has %d lines, the fence is at %d", p.ImportPath, total, brokerFence)
		}
	}
}
