package acl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// maxFile is the size in bytes of the largest file of rules.
const maxFile = 64 << 20

// maxProblems is how many problems of one file are told.
const maxProblems = 100

// A File holds the rules of a file in the format of mosquitto's acl_file. It
// never changes.
type File struct {
	rules     []Rule
	users     map[string][]int32 // the places of their rules; "": of clients without a name
	everybody []int32            // of patterns without a placeholder
	named     []int32            // of patterns with one
}

// A LineError is what is wrong with one line.
type LineError struct {
	Path string
	Line int
	Text string
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Text) }

// ReadFile reads a file of rules. Its error tells all that is wrong with it, a
// *LineError a line. A file without any rule is an error too: nobody could do
// anything, which is more often a file that was not written to the end.
func ReadFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the rules: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the rules: %w", err)
	case len(text) > maxFile:
		return nil, fmt.Errorf("%s has more than %d MiB: it is no file of rules", path, maxFile>>20)
	}
	return ParseFile(path, text)
}

// ParseFile reads the text of a file of rules; path is what it is called in
// errors and in Origin.
func ParseFile(path string, text []byte) (*File, error) {
	p := parser{path: path, file: &File{users: map[string][]int32{}}}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	for line := range bytes.Lines(text) {
		p.line++
		p.read(string(bytes.TrimSpace(line)))
		if len(p.problems) == maxProblems {
			p.wrong("and perhaps more: this is the 100th problem, and no further line was read")
			break
		}
	}
	switch {
	case len(p.problems) > 0:
		return nil, errors.Join(p.problems...)
	case len(p.file.rules) == 0:
		return nil, fmt.Errorf("%s has no rule, so that nobody could do anything: write one, such as: pattern readwrite users/%%u/#", path)
	}
	return p.file, nil
}

// Rules are the rules of the file, in their order.
func (f *File) Rules() []Rule { return f.rules }

// parser reads line by line.
type parser struct {
	path     string
	line     int
	file     *File
	user     string // whom topic lines are about, if named
	named    bool
	problems []error
}

func (p *parser) wrong(format string, args ...any) {
	p.problems = append(p.problems, &LineError{p.path, p.line, fmt.Sprintf(format, args...)})
}

// read takes a line without the space around it.
func (p *parser) read(line string) {
	if line == "" || line[0] == '#' {
		return
	}
	word, rest := firstWord(line)
	switch word {
	case "user":
		switch {
		case rest == "":
			p.wrong("user needs the name of a user behind it")
		case !utf8.ValidString(rest) || strings.Contains(rest, "\x00"):
			p.wrong("no client can have the user name %q", rest)
		default:
			p.user, p.named = rest, true
		}
	case "topic":
		p.rule(word, Rule{Form: Filter, Username: p.user, Anonymous: !p.named}, rest)
	case "pattern":
		p.rule(word, Rule{Form: Pattern, All: true}, rest)
	default:
		p.wrong("a line begins with user, topic, pattern or #, not with %q", word)
	}
}

// rule reads what stands behind topic or pattern: an access, which may be left
// out where the topic has no space in it, and the topic.
func (p *parser) rule(word string, r Rule, rest string) {
	access, topic := firstWord(rest)
	if rest == "" {
		p.wrong("%s needs a topic behind it, as in: %s read a/#", word, word)
		return
	}
	r.Allow, r.Access = true, Read|Write
	switch {
	case topic == "":
		topic = access
	case access == "read":
		r.Access = Read
	case access == "write":
		r.Access = Write
	case access == "deny":
		r.Allow = false
	case access != "readwrite":
		p.wrong("%q is not read, write, readwrite or deny", access)
		return
	}
	if why := mqttwire.CheckTopicFilter(strings.TrimPrefix(topic, "$share/")); why != nil {
		p.wrong("%q is no topic filter: + must be a whole level, # the whole last one", topic)
		return
	}
	r.Topic, r.Origin = topic, p.path+":"+strconv.Itoa(p.line)
	p.file.keep(r)
}

// firstWord splits a line after its first word.
func firstWord(line string) (word, rest string) {
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimLeft(line[i:], " \t")
}

// keep adds a rule.
func (f *File) keep(r Rule) {
	at := int32(len(f.rules))
	f.rules = append(f.rules, r)
	named, _ := r.Form.next(r.Topic)
	switch {
	case !r.All:
		f.users[r.Username] = append(f.users[r.Username], at)
	case named >= 0:
		f.named = append(f.named, at)
	default:
		f.everybody = append(f.everybody, at)
	}
}

// base are the rules of a user that do not depend on anything else of the client.
func (f *File) base(user string, noMatch bool) *Rules {
	r := &Rules{noMatch: noMatch}
	c := Client{Username: user}
	f.add(r, f.users[user], &c)
	f.add(r, f.everybody, &c)
	return r.arranged()
}

// over are the rules of a client: the base of its user, and the patterns with
// its names.
func (f *File) over(base *Rules, c Client) *Rules {
	r := &Rules{noMatch: base.noMatch, base: base}
	f.add(r, f.named, &c)
	if len(r.entries)+len(r.names) == 0 {
		return base
	}
	return r.arranged()
}

func (f *File) add(r *Rules, places []int32, c *Client) {
	for _, at := range places {
		r.add(&f.rules[at], rank(f.rules, int(at), DenyWins), c)
	}
}
