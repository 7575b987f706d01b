package commands

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// longestOptionsFile is far beyond what anybody writes.
const longestOptionsFile = 1 << 20

// optionsFile reads a file in the manner of mosquitto's clients: a flag to a
// line, and all that follows its first blank is the value. Lines that begin
// with # are comments.
func (p *program) optionsFile(path []*cli.Command, typed commandLine, name string) (*base, error) {
	text, err := readOptionsFile(name)
	if err != nil {
		return nil, usageIn(path, "%s %s: %v", typed.asTyped("options-file", name), name, err)
	}
	b := newBase(path, typed, true)
	for n, line := range bytes.Split(text, []byte("\n")) {
		words := strings.TrimLeft(strings.TrimSuffix(string(line), "\r"), " \t")
		if words == "" || line[0] == '#' {
			continue
		}
		if err := b.takeLine(words, name+":"+strconv.Itoa(n+1)); err != nil {
			return nil, err
		}
	}
	return b, b.settle()
}

func readOptionsFile(name string) ([]byte, error) {
	if name == "" {
		return nil, errors.New("may not be empty")
	}
	file, err := os.Open(name)
	if bad := new(fs.PathError); errors.As(err, &bad) {
		return nil, bad.Err
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, longestOptionsFile+1))
	if err == nil && len(text) > longestOptionsFile {
		err = errors.New("is longer than " + strconv.Itoa(longestOptionsFile) + " bytes")
	}
	return bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")), err
}

// takeLine takes one flag.
func (b *base) takeLine(line, where string) error {
	s := argvScan{path: b.path}
	word, rest, more := strings.Cut(line, " ")
	if word[0] != '-' || strings.Trim(word, "-") == "" {
		return usageIn(b.path, "%s: %q is no flag: a line is a flag and its value", where, word)
	}
	s.words = []string{word}
	if more {
		s.words = append(s.words, rest)
	}
	if err := s.line1(word, rest, more); err != nil {
		f := classify(err)
		f.Err = usagef("%s: %w", where, f.Err)
		return f
	}
	for i, f := range s.line.given {
		_, value, _ := strings.Cut(s.line.Flags[i], "=")
		if err := b.takeFlag(f, value, where+": "+s.line.typed[i]); err != nil {
			return err
		}
	}
	return nil
}

// line1 takes the one flag of a line, or the bundle. All behind the blank is
// its value, whatever it looks like; of several words the last one has the rest.
func (s *argvScan) line1(word, rest string, more bool) error {
	f := findFlag(s.command(), strings.TrimLeft(word, "-"))
	switch {
	case word == "--help":
		return s.usagef("--help belongs on the command line")
	case f == nil || !more || !takesValue(f):
		if err := s.next(); err != nil {
			return err
		}
		if len(s.words) > 0 {
			return s.usagef("%s takes no value, and a line holds one flag", word)
		}
		return nil
	}
	words := strings.Fields(rest)
	if n := arity(f, words); n > 1 {
		if len(words) < n {
			return s.usagef("%s needs %s", word, placeholder(f))
		}
		rest = strings.Join(strings.SplitN(rest, " ", n), wordSeparator)
	}
	s.add(f, rest, word)
	return nil
}

// takeFlag gives a flag of the file its place. Flags that may repeat add to
// those that are typed, but for the topic of pub, of which mosquitto_pub has one.
func (b *base) takeFlag(f cli.Flag, value, by string) error {
	name := flagNames(f)[0]
	if name == "options-file" {
		return usageIn(b.path, "%s: a file names no other", by)
	}
	if shared := findIn(b.flags, name); shared != nil && aboutPlace(shared) && categoryOf(shared) == categoryOf(f) {
		if b.overruled(name) {
			return nil
		}
		return b.takePlace(name, value, by)
	}
	adds := []string{"filter-out", "unsubscribe", "property", "user-property", "ws-header"}
	if b.path[1].Name == "sub" {
		adds = append(adds, "topic")
	}
	if b.typed.has(name) && !slices.Contains(adds, name) && !isSource(name) {
		return nil
	}
	b.add(f, value, by)
	return nil
}

// isSource tells the flags that say what pub publishes: two of them are a
// mistake, wherever they stand.
func isSource(name string) bool {
	switch name {
	case "message", "file", "null-message", "stdin-file", "stdin-line":
		return true
	}
	return false
}
