// Package contexts reads the user's file of brokers: one table for each, whose
// keys are the long names of connection flags.
//
//	[prod]
//	url = "mqtts://broker.example"
//	username = "ada"
//	password-from = "cmd:pass show mqtt/prod"
//
// The package knows the form of the file and who may read it; what the keys
// mean is for the flags to say. A value keeps its words and its line, so that a
// value which a flag refuses can be found:
//
//	keep-alive = 30                    30
//	insecure = true                    true
//	ws-header = ["A:1", "B:2"]         two values of a flag that repeats
//	property = [["connect", "user-property", "k", "v"]]
//	                                   one value of a flag that takes words
//
// The file may hold passwords. One that others may read or write is not read
// at all, as ssh does with keys: a warning would scroll by.
package contexts

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// A File is a file that was read.
type File struct {
	Path     string
	Contexts []Context // in their order
}

// A Context is one table.
type Context struct {
	Name     string
	Line     int
	Settings []Setting
}

// A Setting is one key with its values, each of one or more words.
type Setting struct {
	Key    string
	Values [][]string
	Line   int
}

// An Error says what is wrong with a file, and in which line; 0: the whole.
type Error struct {
	Path string
	Line int
	Text string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Text)
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Text)
}

// Path is where the user's file is, whether there is one or not.
func Path() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "mqtk", "contexts.toml"), nil
}

// longest is far beyond what anybody writes.
const longest = 256 << 10

// Read reads a file.
func Read(path string) (*File, error) {
	info, err := os.Stat(path) // before opening: a pipe would wait for a writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Path: path, Text: "is no file"}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, &Error{Path: path, Text: fmt.Sprintf("its mode is %04o, and it may hold passwords, so others must have no rights on it: chmod 600 %s", mode, path)}
	}
	text, err := io.ReadAll(io.LimitReader(file, longest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > longest {
		return nil, &Error{Path: path, Text: fmt.Sprintf("is longer than %d bytes", longest)}
	}
	return Parse(path, text)
}

// Names lists the contexts.
func (f *File) Names() []string {
	names := make([]string, len(f.Contexts))
	for i, c := range f.Contexts {
		names[i] = c.Name
	}
	return names
}

// Find is the context of that name; nil: there is none.
func (f *File) Find(name string) *Context {
	for i := range f.Contexts {
		if f.Contexts[i].Name == name {
			return &f.Contexts[i]
		}
	}
	return nil
}
