package commands

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mqtk/commands/condition"
	"mqtk/mqttwire"
)

// namedFiles append what is printed of a message to a file, whose name has
// parts of the message and of the time. Some of them are kept open.
type namedFiles struct {
	skipper
	printer *printer
	name    []formatPart
	root    *os.Root
	files   []*namedFile // the last used ones, the latest behind
}

type namedFile struct {
	name string
	file *os.File
	b    []byte // not written yet
}

const openFiles = 64 // that are kept open

// parseNamePattern reads a name as -F reads a format, but for \, which
// separates folders on some systems.
func parseNamePattern(name string) ([]formatPart, error) {
	return parseFormat(name, "%@")
}

// plainName is what a name without parts of a message, or of the time, stands
// for; false: it has some, or is wrong.
func plainName(name string) (string, bool) {
	parts, err := parseNamePattern(name)
	if err != nil || len(parts) != 1 || parts[0].kind != 0 {
		return "", false
	}
	return parts[0].text, true
}

// thereAlready is the part of a name that is a folder: what is there is taken as
// it stands, % and @ and all.
func thereAlready(name string) (folder, rest string) {
	end := 0
	for i := range len(name) {
		if os.IsPathSeparator(name[i]) {
			if info, err := os.Stat(name[:i+1]); err != nil || !info.IsDir() {
				break
			}
			end = i + 1
		}
	}
	return name[:end], name[end:]
}

func (s *subscriber) newNamedFiles(folder, name string) (*namedFiles, error) {
	parts, err := parseNamePattern(name)
	if err != nil {
		if at := (*condition.Error)(nil); errors.As(err, &at) {
			at.Column += utf8.RuneCountInString(folder)
		}
		return nil, fmt.Errorf("%w; %%%% and @@ are the characters themselves", err)
	}
	folder = cmp.Or(folder, ".") // what comes before the first part that a message chooses
	if parts[0].kind == 0 {
		at := strings.LastIndexFunc(parts[0].text, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(byte(r)) })
		if at >= 0 {
			folder, parts[0].text = filepath.Join(folder, parts[0].text[:at]), parts[0].text[at+1:]
		}
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	return &namedFiles{skipper: skipper{say: s.say}, printer: s.o.printerTo(s.p, io.Discard), name: parts, root: root}, nil
}

func (f *namedFiles) take(m *mqttwire.Publish, at time.Time) error {
	name := f.nameFor(m, at)
	file, err := f.find(name)
	if err != nil {
		return f.judge(m.Topic, err)
	}
	line, ok := f.printer.render(file.b, m, at)
	if !ok {
		return nil
	}
	if file.b = line; f.printer.eol {
		file.b = append(file.b, '\n')
	}
	if len(file.b) > 64<<10 {
		return file.write()
	}
	return nil
}

// nameFor is the name that a message chooses. What comes from it names files
// and, for the levels of a topic, folders below ours, and nothing else.
func (f *namedFiles) nameFor(m *mqttwire.Publish, at time.Time) string {
	var name []byte
	f.printer.seen.Set(m)
	for i := range f.name {
		part := &f.name[i]
		switch part.kind {
		case '%':
			value, _ := f.printer.appendParameter(nil, part, m, at)
			if part.letter == 't' {
				name = append(name, filepath.ToSlash(topicPath(string(value)))...)
			} else {
				name = appendFileName(name, string(value))
			}
		case '@':
			name = appendFileName(name, string(appendTime(nil, part.letter, at)))
		default:
			name = append(name, part.text...)
		}
	}
	return filepath.FromSlash(string(name))
}

// find opens a file, unless it is.
func (f *namedFiles) find(name string) (*namedFile, error) {
	for i := len(f.files) - 1; i >= 0; i-- {
		if file := f.files[i]; file.name == name {
			f.files = append(slices.Delete(f.files, i, i+1), file)
			return file, nil
		}
	}
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if errors.Is(err, os.ErrNotExist) {
		if err = f.root.MkdirAll(filepath.Dir(name), 0o777); err == nil {
			file, err = f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(f.files) == openFiles {
		if err := f.files[0].end(); err != nil {
			return nil, err
		}
		f.files = slices.Delete(f.files, 0, 1)
	}
	f.files = append(f.files, &namedFile{name: name, file: file})
	return f.files[len(f.files)-1], nil
}

func (f *namedFile) write() error {
	if len(f.b) == 0 {
		return nil
	}
	_, err := f.file.Write(f.b)
	if f.b = f.b[:0]; cap(f.b) > 1<<20 {
		f.b = nil
	}
	return err
}

func (f *namedFile) end() error { return errors.Join(f.write(), f.file.Close()) }

func (f *namedFiles) flush() error {
	for _, file := range f.files {
		if err := file.write(); err != nil {
			return err
		}
	}
	return nil
}

func (f *namedFiles) close() (err error) {
	for _, file := range f.files {
		err = errors.Join(err, file.end())
	}
	return errors.Join(err, f.root.Close())
}
