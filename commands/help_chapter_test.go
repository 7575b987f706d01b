package commands

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// Each chapter of a page is there under its whole name and under the word that
// the help names, as text that a terminal has room for.
func TestHelpChapters(t *testing.T) {
	chapters := 0
	for path := range pagePaths(Tree()) {
		for _, s := range chaptersOf(path) {
			chapters++
			whole, short := partOf(t, path, strings.Fields(s.heading)...), partOf(t, path, partName(s.heading))
			if !strings.Contains("\n"+whole, "\n"+s.heading+"\n") || !strings.Contains("\n"+short, "\n"+s.heading+"\n") {
				t.Errorf("%s, %s:\n%s\n%s:\n%s", commandName(path), s.heading, whole, partName(s.heading), short)
			}
			for line := range strings.Lines(whole) {
				isTerm := strings.HasPrefix(line, "  ") && line[2] != ' '
				if n := utf8.RuneCountInString(line); n > helpWidth+1 && !isTerm {
					t.Errorf("%s of %s: %d columns: %s", s.heading, commandName(path), n-1, line)
				}
			}
		}
	}
	if chapters < 100 {
		t.Errorf("only %d chapters", chapters)
	}
}

func partOf(t *testing.T, path []*cli.Command, words ...string) string {
	t.Helper()
	var out bytes.Buffer
	p := &program{Stdio: Stdio{Out: &out}, getenv: func(string) string { return "" }}
	if err := p.writePart(path, words, nil); err != nil {
		t.Fatalf("%s, %q: %v", commandName(path), words, err)
	}
	return out.String()
}
