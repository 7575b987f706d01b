package commands

import (
	"bytes"
	"errors"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"mqtk/bench"
	"mqtk/broker"
)

// TestGenerated compares the man pages and completions that are kept with what
// the declarations say today. To write them anew:
//
//	MQTK_UPDATE=1 go test ./commands/ -run TestGenerated
func TestGenerated(t *testing.T) {
	for folder, files := range map[string]map[string]string{
		"../man":         manPages(Tree()),
		"../completions": completionScripts(Tree()),
	} {
		for name, want := range files {
			path := filepath.Join(folder, name)
			if os.Getenv("MQTK_UPDATE") != "" {
				if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Errorf("%v; write it by MQTK_UPDATE=1 go test ./commands/ -run TestGenerated", err)
			} else if string(got) != want {
				t.Errorf("%s is stale; write it anew by MQTK_UPDATE=1 go test ./commands/ -run TestGenerated", path)
			}
		}
		kept, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range kept {
			if _, ok := files[entry.Name()]; !ok {
				t.Errorf("%s/%s belongs to no command", folder, entry.Name())
			}
		}
	}
}

// Every flag of every command is on its man page and in each completion.
func TestGeneratedIsComplete(t *testing.T) {
	pages, scripts := manPages(Tree()), completionScripts(Tree())
	for path := range everyCommand(Tree()) {
		c := path[len(path)-1]
		page, ok := pages[pageName(path)+".1"]
		if !ok {
			page = pages["mqtk.1"]
		}
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				if !strings.Contains(page, `\fB`+roffEscape(dashed(name))+`\fR`) {
					t.Errorf("%s %s is not on its man page", commandName(path), dashed(name))
				}
				if !strings.Contains(scripts["mqtk.bash"], dashed(name)) || !strings.Contains(scripts["mqtk.zsh"], dashed(name)) {
					t.Errorf("%s %s is not completed", commandName(path), dashed(name))
				}
			}
		}
	}
}

// everyCommand walks all commands but mqtk itself.
func everyCommand(root *cli.Command) iter.Seq[[]*cli.Command] {
	return func(yield func([]*cli.Command) bool) {
		var walk func(path []*cli.Command)
		walk = func(path []*cli.Command) {
			for _, c := range path[len(path)-1].Subcommands {
				next := append(slices.Clone(path), c)
				if yield(next) {
					walk(next)
				}
			}
		}
		walk([]*cli.Command{root})
	}
}

// A flag whose values are listed for completion must exist, or the list
// outlived a renaming.
func TestValueWordsBelongToFlags(t *testing.T) {
	flags := make(map[string]bool)
	for path := range everyCommand(Tree()) {
		for _, f := range path[len(path)-1].Flags {
			flags[f.Names()[0]] = true
		}
	}
	for _, name := range []string{"qos", "will-qos", "protocol-version", "retain-handling", "payload-format", "password-from",
		"log-level", "log-format", "action", "driver", "durability", "kind", "from", "host", "url", "listen", "set"} {
		if !flags[name] {
			t.Errorf("no command has a flag --%s", name)
		}
		if len(valueWords(name)) == 0 || len(valueWords(name)[0]) == 0 {
			t.Errorf("--%s has no words", name)
		}
	}
}

// The man page explains every letter of -F, and its examples can be typed.
func TestManNotes(t *testing.T) {
	page := manPages(Tree())["mqtk-sub.1"]
	for _, letter := range formatLetters {
		if !strings.Contains(page, "%"+string(letter)) {
			t.Errorf("%%%c is not explained", letter)
		}
	}
	for path := range pagePaths(Tree()) {
		for _, example := range notesOn(path).examples {
			for _, part := range strings.Split(example.term, " | ") {
				line, found := strings.CutPrefix(part, "mqtk ")
				line, _, _ = strings.Cut(line, " > ")
				if !found {
					continue
				}
				if _, _, err := parseCommandLine(Tree(), splitWords(line)); err != nil {
					t.Errorf("%s: %v", example.term, err)
				}
			}
		}
	}
}

// Each figure of a result is on the page of bench, under the name that objectives
// have for it.
func TestManFigures(t *testing.T) {
	page := manPages(Tree())["mqtk-bench.1"]
	for _, m := range bench.Metrics() {
		if !strings.Contains(page, `\fB`+roffEscape(m.Name)+`\fR`) {
			t.Errorf("%s is not on the page", m.Name)
		}
	}
}

// Each $SYS topic of a store is on the page of serve, once.
func TestManStoreTopics(t *testing.T) {
	page, topics := manPages(Tree())["mqtk-serve.1"], broker.StoreTopics()
	for _, topic := range topics {
		if n := strings.Count(page, `\fB`+topic.Name+"\\fR\n"+roffEscape(topic.Doc)+"\n"); n != 1 || topic.Doc == "" {
			t.Errorf("%s is explained %d times", topic.Name, n)
		}
	}
	if len(topics) < 11 {
		t.Errorf("only %d topics", len(topics))
	}
}

func TestManPagesAreCleanRoff(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	for name, page := range manPages(Tree()) {
		cmd := exec.Command(groff, "-man", "-ww", "-Tutf8", "-z")
		cmd.Stdin = strings.NewReader(page)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// Each shell reads its script without complaint; bash and fish also complete.
func TestCompletions(t *testing.T) {
	t.Run("bash", func(t *testing.T) {
		t.Parallel()
		complete := func(t *testing.T, words ...string) []string {
			script := `source ../completions/mqtk.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mqtk; printf '%s\n' "${COMPREPLY[@]}"`
			return shellOutput(t, "bash", append([]string{"-c", script, "bash"}, words...)...)
		}
		testCompletion(t, complete)
		t.Run("equals sign", func(t *testing.T) {
			if got := complete(t, "mqtk", "sub", "--qos", "=", ""); !slices.Equal(got, []string{"0", "1", "2"}) {
				t.Errorf("--qos= completes to %q", got)
			}
		})
	})
	t.Run("fish", func(t *testing.T) {
		t.Parallel()
		testCompletion(t, func(t *testing.T, words ...string) []string {
			script := "source ../completions/mqtk.fish; complete -C \"$argv\""
			var found []string
			for _, line := range shellOutput(t, "fish", append([]string{"--no-config", "-c", script}, words...)...) {
				word, _, _ := strings.Cut(line, "\t")
				found = append(found, word)
			}
			return found
		})
	})
	t.Run("zsh", func(t *testing.T) {
		t.Parallel()
		shellOutput(t, "zsh", "-n", "../completions/mqtk.zsh")
		folder := t.TempDir()
		testCompletion(t, func(t *testing.T, words ...string) []string {
			return shellOutput(t, "zsh", "-f", "testdata/shells/complete.zsh", "../completions/mqtk.zsh", folder, strings.Join(words, " "))
		})
	})
}

func testCompletion(t *testing.T, complete func(t *testing.T, words ...string) []string) {
	places := t.TempDir() + "/"
	err := errors.Join(os.Mkdir(places+"folder", 0o700), os.WriteFile(places+"file", nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ words, want []string }{
		{[]string{"mqtk", "su"}, []string{"sub"}},
		{[]string{"mqtk", "sub", "--protocol-v"}, []string{"--protocol-version"}},
		{[]string{"mqtk", "sub", "-q", ""}, []string{"0", "1", "2"}},
		{[]string{"mqtk", "sub", "-V", "mqttv31"}, []string{"mqttv31", "mqttv311"}},
		{[]string{"mqtk", "serve", "--log-level", "d"}, []string{"debug"}},
		{[]string{"mqtk", "help", "--man", "serve", "acl", ""}, []string{"explain", "lint"}},
		{[]string{"mqtk", "help", "pub", "se"}, []string{"session"}},
		{[]string{"mqtk", "help", "bench", "con"}, []string{"conn", "connection", "contexts"}},
		{[]string{"mqtk", "help", "sub", "exp"}, []string{"expectations"}},
		{[]string{"mqtk", "sub", "--context", ""}, []string{"lab", "prod"}},
		{[]string{"mqtk", "pub", "--context", "l"}, []string{"lab"}},
		{[]string{"mqtk", "sub", "-F", "%l"}, []string{"%l"}},
		{[]string{"mqtk", "pub", "--payload-format", ""}, []string{"bytes", "utf8"}},
		{[]string{"mqtk", "pub", "--content-type", "application/j"}, []string{"application/json"}},
		{[]string{"mqtk", "pub", "--cafile", places}, []string{places + "file", places + "folder"}},
		{[]string{"mqtk", "pub", "--capath", places}, []string{places + "folder"}},
		{[]string{"mqtk", "sub", "-D", "subscribe", "sub"}, []string{"subscription-identifier"}},
		{[]string{"mqtk", "inspect", "check", "--format", ""}, []string{"json", "nagios", "prometheus", "text"}},
		{[]string{"mqtk", "serve", "acl", "explain", "--action", ""}, []string{"publish", "subscribe"}},
		{[]string{"mqtk", "serve", "acl", "explain", "--l"}, nil},
		{[]string{"mqtk", "serve", "passwd", "--l"}, nil},
		{[]string{"mqtk", "serve", "--durability", "f"}, []string{"fsync"}},
		{[]string{"mqtk", "inspect", "j"}, []string{"journal"}},
		{[]string{"mqtk", "inspect", "journal", "--ve"}, []string{"--verify"}},
		{[]string{"mqtk", "inspect", "journal", "--kind", "h"}, []string{"held"}},
		{[]string{"mqtk", "pub", "-D", "publ"}, []string{"publish"}},
		{[]string{"mqtk", "pub", "-D", "publish", "content"}, []string{"content-type"}},
		{[]string{"mqtk", "completion", "z"}, []string{"zsh"}},
		{[]string{"mqtk", "help", "insp"}, []string{"inspect"}},
		{[]string{"mqtk", "help", "inspect", ""}, []string{"audit", "check", "decode", "fuzz", "journal", "pcap", "probe", "proxy", "retained", "send", "top"}},
		{[]string{"mqtk", "inspect", "decode", "--from", ""}, []string{"client", "server"}},
		{[]string{"mqtk", "help", "--man", "bench", "cr"}, []string{"crash"}},
		{[]string{"mqtk", "bench", "--shape", "fan"}, []string{"fan-in", "fan-out"}},
		{[]string{"mqtk", "bench", "conn", "--shape", ""}, []string{"churn", "ramp", "storm"}},
		{[]string{"mqtk", "bench", "compare", places}, []string{places + "file", places + "folder"}},
		{[]string{"mqtk", "bench", "pub", "--html", places}, []string{places + "file", places + "folder"}},
		{[]string{"mqtk", "serve", "--data", places}, []string{places + "folder"}},
		{[]string{"mqtk", "inspect", "journal", places}, []string{places + "folder"}},
		{[]string{"mqtk", "inspect", "journal", "--salvage", places}, []string{places + "folder"}},
		{[]string{"mqtk", "serve", "--ready-file", places}, []string{places + "file", places + "folder"}},
	} {
		t.Run(strings.Join(test.words[1:], " "), func(t *testing.T) {
			got := complete(t, test.words...)
			slices.Sort(got)
			for i := range got {
				got[i] = strings.TrimSuffix(got[i], "/") // fish shows what a directory is
				if len(test.want) > 0 && strings.HasPrefix(test.want[0], places) && !strings.HasPrefix(got[i], places) {
					got[i] = places + got[i] // zsh shows what it adds
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("completes to %q, want %q", got, test.want)
			}
		})
	}
}

func shellOutput(t *testing.T, shell string, args ...string) []string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skipf("%s is not installed", shell)
	}
	cmd := exec.Command(shell, args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	cmd.Env = append(mqtkCommand(t).Env, shellHome(t)...)
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%s: %v\n%s", shell, err, &complaints)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// shellHome is where a shell finds mqtk and the contexts of its user.
func shellHome(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	config := filepath.Join(home, "mqtk")
	self, err := os.Executable()
	err = errors.Join(err, os.MkdirAll(config, 0o700), os.MkdirAll(filepath.Join(home, "bin"), 0o700))
	err = errors.Join(err, os.Symlink(self, filepath.Join(home, "bin", "mqtk")),
		os.WriteFile(filepath.Join(config, "contexts.toml"), []byte("[prod]\nhost = 'a'\n[lab]\nhost = 'b'\n['odd $(name)']\nhost = 'c'\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "PATH=" + filepath.Join(home, "bin") + ":" + os.Getenv("PATH")}
}

// The kept files are what the commands print.
func TestPrintsKeptFiles(t *testing.T) {
	for _, test := range []struct{ args, file string }{
		{"help --man", "man/mqtk.1"},
		{"help --man serve", "man/mqtk-serve.1"},
		{"help --man sub", "man/mqtk-sub.1"},
		{"completion bash", "completions/mqtk.bash"},
		{"completion zsh", "completions/mqtk.zsh"},
		{"completion fish", "completions/mqtk.fish"},
	} {
		var out, complaints bytes.Buffer
		code := Run(t.Context(), strings.Fields(test.args), Stdio{In: strings.NewReader(""), Out: &out, Err: &complaints})
		want, err := os.ReadFile("../" + test.file)
		if err != nil || code != 0 || out.String() != string(want) {
			t.Errorf("mqtk %s: exit %d, %d bytes, %s", test.args, code, out.Len(), &complaints)
		}
	}
}
