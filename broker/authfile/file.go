package authfile

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"mqtk/mqttwire/sasl"
)

// File is a password file as it was read. It never changes.
type File struct {
	// Exposed tells that others than the owner may read the file. Windows has
	// other ways to say who may: it is false there.
	Exposed bool

	users map[string]*entry
	order []*entry
	able  map[string][]*entry // who has a verifier, by SCRAM method
}

// Len is the number of users.
func (f *File) Len() int { return len(f.order) }

// entry is a user: a line of the file.
type entry struct {
	line       int
	salt       []byte
	hash       []byte
	iterations int // of $7$; 0 is $6$
	verifiers  []sasl.Verifier
}

// Problem is something in a file that must be put right.
type Problem struct {
	File string
	Line int // 0: the file as a whole
	Text string
}

func (p Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

const (
	maxFile       = 256 << 20
	maxName       = 65535 // what a CONNECT can hold
	maxIterations = 10_000_000
)

// Read reads a password file. Its error joins all there is to put right, each a
// Problem; a file without users is one.
func Read(path string) (*File, error) {
	text, mode, err := readAll(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	f.Exposed = runtime.GOOS != "windows" && mode.Perm()&0o077 != 0
	return f, nil
}

func readAll(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, 0, Problem{File: path, Text: reason(err)}
	case info.IsDir():
		return nil, 0, Problem{File: path, Text: "is a directory, not a password file"}
	case !info.Mode().IsRegular(): // a device has no end, and a pipe may have no writer
		return nil, 0, Problem{File: path, Text: "is no file but a device or a pipe"}
	case info.Size() > maxFile:
		return nil, 0, Problem{File: path, Text: "is larger than 256 MiB"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, Problem{File: path, Text: reason(err)}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, 0, Problem{File: path, Text: reason(err)}
	case len(text) > maxFile: // it has grown
		return nil, 0, Problem{File: path, Text: "is larger than 256 MiB"}
	}
	return text, info.Mode(), nil
}

// reason is an error without the path, which stands before it already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Parse reads the text of a password file; name is for its problems.
func Parse(name string, text []byte) (*File, error) {
	f := &File{users: make(map[string]*entry), able: make(map[string][]*entry)}
	var problems []error
	for n, line := range bytes.Split(text, []byte("\n")) {
		user, e, err := parseLine(string(bytes.TrimSuffix(line, []byte("\r"))))
		if err == nil && e != nil && f.users[user] != nil {
			err = fmt.Errorf("user %q stands in line %d already: remove one of the two", user, f.users[user].line)
		}
		if err != nil {
			problems = append(problems, Problem{File: name, Line: n + 1, Text: err.Error()})
			continue
		}
		if e != nil {
			e.line = n + 1
			f.users[user] = e
			f.order = append(f.order, e)
		}
	}
	if len(problems) == 0 && len(f.order) == 0 {
		problems = append(problems, Problem{File: name, Text: "there is no user in it: nobody could log in"})
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	for _, method := range []string{sasl.SCRAMSHA256, sasl.SCRAMSHA512, sasl.SCRAMSHA1} {
		for _, e := range f.order {
			if _, err := e.verifier(method); err == nil {
				f.able[method] = append(f.able[method], e)
			}
		}
	}
	return f, nil
}

// parseLine reads a line; a nil entry is a comment.
func parseLine(line string) (user string, e *entry, err error) {
	if skipped(line) {
		return "", nil, nil
	}
	user, rest, ok := strings.Cut(line, ":")
	if !ok {
		return "", nil, errors.New("a line is USER:HASH, and there is no colon")
	}
	user = trim(user) // mosquitto does so
	if err := checkName(user); err != nil {
		return "", nil, err
	}
	hash, verifiers, more := strings.Cut(rest, ":")
	if e, err = parseHash(trim(hash)); err != nil {
		return "", nil, fmt.Errorf("user %q: %w", user, err)
	}
	if more {
		for text := range strings.SplitSeq(trim(verifiers), ",") {
			v, err := sasl.ParseVerifier(text)
			if err != nil {
				return "", nil, fmt.Errorf("user %q: the third field: %w", user, err)
			}
			e.verifiers = append(e.verifiers, v)
		}
	}
	return user, e, nil
}

func skipped(line string) bool { return strings.HasPrefix(line, "#") || trim(line) == "" }

// trim takes off what mosquitto takes off.
func trim(s string) string { return strings.Trim(s, " \t\r\n\v\f") }

// checkName tells what keeps a user name out of the file.
func checkName(user string) error {
	switch {
	case user == "":
		return errors.New("the user name is empty")
	case len(user) > maxName:
		return fmt.Errorf("the user name is longer than %d bytes", maxName)
	case !utf8.ValidString(user):
		return errors.New("the user name is no UTF-8")
	case strings.Contains(user, "\x00"):
		return errors.New("the user name holds a NUL")
	}
	return nil
}

// parseHash reads $6$SALT$HASH and $7$ITERATIONS$SALT$HASH.
func parseHash(text string) (*entry, error) {
	parts := strings.Split(text, "$")
	e := &entry{}
	switch {
	case len(parts) == 4 && parts[0] == "" && parts[1] == "6":
		parts = parts[2:]
	case len(parts) == 5 && parts[0] == "" && parts[1] == "7":
		n, err := strconv.Atoi(parts[2])
		if err != nil || n < 1 || n > maxIterations {
			return nil, fmt.Errorf("%q iterations: there must be 1 to %d", parts[2], maxIterations)
		}
		e.iterations, parts = n, parts[3:]
	default:
		return nil, errors.New("the password is neither $6$SALT$HASH nor $7$ITERATIONS$SALT$HASH: write it with mqtk serve passwd or mosquitto_passwd")
	}
	var err error
	if e.salt, err = base64.StdEncoding.DecodeString(parts[0]); err != nil || len(e.salt) == 0 {
		return nil, errors.New("the salt is no base64")
	}
	if e.hash, err = base64.StdEncoding.DecodeString(parts[1]); err != nil || len(e.hash) != sha512.Size {
		return nil, fmt.Errorf("the hash is not %d bytes in base64", sha512.Size)
	}
	return e, nil
}

// matches computes the hash of a password and compares it, in a time that the
// password's content does not change. HMAC takes a key with zeros behind it for
// the key without: such a password is nobody's.
func (e *entry) matches(password []byte) bool {
	var hash []byte
	if e.iterations == 0 {
		h := sha512.New()
		h.Write(password)
		h.Write(e.salt)
		hash = h.Sum(nil)
	} else {
		var err error
		if hash, err = pbkdf2.Key(sha512.New, string(password), e.salt, e.iterations, sha512.Size); err != nil {
			return false // FIPS 140 mode with a short salt
		}
	}
	return hmac.Equal(hash, e.hash) && !bytes.HasSuffix(password, []byte{0})
}

// verifier is what a SASL method needs to know of the user.
func (e *entry) verifier(method string) (sasl.Verifier, error) {
	for _, v := range e.verifiers {
		if v.Method == method {
			return v, nil
		}
	}
	if method == sasl.SCRAMSHA512 && e.iterations > 0 {
		return sasl.VerifierOfSalted(method, e.hash, e.salt, e.iterations)
	}
	return sasl.Verifier{}, sasl.ErrNoVerifier
}
