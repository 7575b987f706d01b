package contexts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// shown is a file in a few words.
func shown(f *File) string {
	var b strings.Builder
	for _, c := range f.Contexts {
		fmt.Fprintf(&b, "%d[%s]", c.Line, c.Name)
		for _, s := range c.Settings {
			fmt.Fprintf(&b, " %d %s=%q", s.Line, s.Key, s.Values)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":            "",
		"# nothing\n": "",
		"\xEF\xBB\xBF# from Windows\r\n[a]\r\nhost = \"x\"\r\n":                                              "2[a] 3 host=[[\"x\"]]\n",
		"[prod]\nurl = 'mqtts://x'\nkeep-alive = 1_0 # ten\ninsecure = true\ntimeout = 0.5\n\n[ \"a.b\" ]\n": "1[prod] 2 url=[[\"mqtts://x\"]] 3 keep-alive=[[\"10\"]] 4 insecure=[[\"true\"]] 5 timeout=[[\"0.5\"]]\n7[a.b]\n",
		"[a]\nws-header = [\n 'A:1', # one\n 'B:2',\n]\nproperty = [['connect','x','1'],['will','y','2']]":   "1[a] 2 ws-header=[[\"A:1\"] [\"B:2\"]] 6 property=[[\"connect\" \"x\" \"1\"] [\"will\" \"y\" \"2\"]]\n",

		"host = 'x'":                     "F:1: host: a key belongs to a context, whose name stands above it, as in [prod]",
		"[[a]]":                          "F:1: a context is written [a], with one bracket",
		"\n[a.b]":                        `F:2: [a.b]: a context holds no tables; a name with a dot in it is written ["a.b"]`,
		"['']":                           "F:1: a context has a name",
		"[a]\n[b]\n[a]":                  "F:3: the context a is there already, in line 1",
		"[a]\nhost='x'\n[b]\nhost='y'":   "1[a] 2 host=[[\"x\"]]\n3[b] 4 host=[[\"y\"]]\n",
		"[a]\nhost='x'\n\nhost='y'":      "F:4: host is set already, in line 2",
		"[a]\nwill.topic='x'":            "F:2: will.topic: a context holds no tables",
		"[a]\nwill={topic='x'}":          "F:2: will: a table does not fit",
		"[a]\nx=[[['y']]]":               "F:2: x: a list within the list of a list does not fit",
		"[a]\nx=2020-01-01":              "F:2: x: 2020-01-01 is a date or a time: put it in quotes",
		"[a]\nport=99999999999999999999": "F:2: port: 99999999999999999999 is too large a number",
	} {
		f, err := Parse("F", []byte(text))
		got := fmt.Sprint(err)
		if err == nil {
			got = shown(f)
		}
		if got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
	for _, text := range []string{"[a\nhost='x'", "[a]\nhost\n", "[a]\nhost = x\n", "[a]\nhost = 'x\n"} {
		var e *Error
		if _, err := Parse("F", []byte(text)); !errors.As(err, &e) || e.Line == 0 || e.Text == "" {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// TestRead: only what nobody else can read is read.
func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "contexts.toml")
	if _, err := Read(path); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(path, []byte("[a]\nhost='x'\n[b]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if names := f.Names(); len(names) != 2 || f.Find("b").Line != 3 || f.Find("c") != nil {
		t.Errorf("got %v", names)
	}
	if runtime.GOOS != "windows" {
		for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o644} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
				t.Errorf("%04o: got %v", mode, err)
			}
		}
		if err := os.Chmod(path, 0o400); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err != nil {
			t.Error(err)
		}
		_ = os.Chmod(path, 0o600)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("#\n", longest)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v", err)
	}
	if _, err := Read(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "is no file") {
		t.Errorf("got %v", err)
	}
}

// FuzzParse: whatever the file holds, there is an answer, and what it was read
// as has lines that are in it.
func FuzzParse(f *testing.F) {
	f.Add([]byte("[prod]\nurl = 'mqtts://x'\nws-header = ['A:1', 'B:2']\nproperty = [['a','b']] # c\n[\"x.y\"]\nport=1"))
	f.Add([]byte("[a]\nx = [[1,2],[[3]]]\n"))
	f.Add([]byte("a.b = 1\n[[c]]\n"))
	f.Add([]byte("[a]\nx = \"\"\"\nmany\nlines\"\"\"\ny = inf"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("F", text)
		lines := strings.Count(string(text), "\n") + 1
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line > lines {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, c := range file.Contexts {
			if c.Name == "" || c.Line < 1 || c.Line > lines || file.Find(c.Name) == nil {
				t.Errorf("%q: %+v", text, c)
			}
			for _, s := range c.Settings {
				if s.Line <= c.Line-1 || s.Line > lines || s.Values == nil {
					t.Errorf("%q: %+v", text, s)
				}
			}
		}
	})
}
