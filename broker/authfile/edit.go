package authfile

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"mqtk/mqttwire/sasl"
)

// saltLength is mosquitto's: it takes no other.
const saltLength = 12

// Iterations are what SetPassword takes where it is given none.
const Iterations = sasl.Iterations

// Line is the line for a user: by PBKDF2, with a verifier for SCRAM-SHA-256 where
// the password can be had by SCRAM. iterations 0 means Iterations.
func Line(user string, password []byte, iterations int) (string, error) {
	if err := CheckUser(user); err != nil {
		return "", err
	}
	if err := checkPassword(password); err != nil {
		return "", err
	}
	if iterations == 0 {
		iterations = Iterations
	}
	if iterations < 1 || iterations > maxIterations {
		return "", fmt.Errorf("%d iterations: there must be 1 to %d", iterations, maxIterations)
	}
	salt := newSalt()
	hash, err := pbkdf2.Key(sha512.New, string(password), salt, iterations, sha512.Size)
	if err != nil {
		return "", err
	}
	b := base64.StdEncoding.EncodeToString
	line := fmt.Sprintf("%s:$7$%d$%s$%s", user, iterations, b(salt), b(hash))
	if verifiers := verifiersFor(password, iterations); len(verifiers) > 0 {
		line += ":" + strings.Join(verifiers, ",")
	}
	return line, nil
}

// verifiersFor makes the third field. A client prepares the password by SASLprep;
// where that alters it, the hash of $7$ does not serve SCRAM-SHA-512, and where it
// refuses it, there is no SCRAM for that password at all.
func verifiersFor(password []byte, iterations int) (verifiers []string) {
	methods := []string{sasl.SCRAMSHA256}
	if prepared, err := sasl.Prepare(string(password)); err != nil {
		return nil
	} else if prepared != string(password) {
		methods = append(methods, sasl.SCRAMSHA512)
	}
	for _, method := range methods {
		if v, err := sasl.NewVerifier(method, password, newSalt(), iterations); err == nil {
			verifiers = append(verifiers, v.String())
		}
	}
	return verifiers
}

// ServesSCRAM tells whether a user with that password can log in by SCRAM.
func ServesSCRAM(password []byte) bool {
	_, err := sasl.Prepare(string(password))
	return err == nil
}

func newSalt() []byte {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // it never fails
	return salt
}

// CheckUser tells what keeps a name from being given a password.
func CheckUser(user string) error {
	switch {
	case strings.ContainsAny(user, ":\n\r"):
		return fmt.Errorf("the user name %q holds a colon or a line end, which part the file", user)
	case strings.HasPrefix(user, "#"):
		return fmt.Errorf("the user name %q begins with #, as comments do", user)
	case trim(user) != user:
		return fmt.Errorf("the user name %q begins or ends with a space, which is not kept", user)
	}
	return checkName(user)
}

func checkPassword(password []byte) error {
	switch {
	case len(password) == 0:
		return errors.New("the password is empty")
	case len(password) > maxName:
		return fmt.Errorf("the password is longer than %d bytes", maxName)
	case bytes.HasSuffix(password, []byte{0}):
		return errors.New("the password ends with a NUL")
	}
	return nil
}

// SetPassword gives a user a password, new or another one. A file that is not
// there is made, with mode 0600.
func SetPassword(path, user string, password []byte, iterations int) (added bool, err error) {
	line, err := Line(user, password, iterations)
	if err != nil {
		return false, err
	}
	err = change(path, true, func(e *editor) error {
		added = e.set(user, line)
		return nil
	})
	return added, err
}

// Delete takes a user out of a file.
func Delete(path, user string) error {
	return change(path, false, func(e *editor) error {
		if !e.delete(user) {
			return fmt.Errorf("%s: there is no user %q in it", path, user)
		}
		return nil
	})
}

// HashPlain hashes the passwords of a file whose lines are USER:PASSWORD. Lines
// whose passwords are hashed already stay as they are. A line that makes no sense
// leaves the whole file as it is.
func HashPlain(path string, iterations int) (hashed int, err error) {
	err = change(path, false, func(e *editor) (err error) {
		hashed, err = e.hashPlain(path, iterations)
		return err
	})
	return hashed, err
}

// editor changes lines and leaves the others alone, to the byte.
type editor struct{ lines [][]byte }

func newEditor(text []byte) *editor {
	if len(text) == 0 {
		return &editor{}
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return &editor{lines: lines}
}

func (e *editor) bytes() []byte { return bytes.Join(e.lines, nil) }

// find is the place of a user's line, -1 where there is none.
func (e *editor) find(user string) int {
	for i, line := range e.lines {
		if name, _, ok := strings.Cut(string(line), ":"); ok && !skipped(string(line)) && trim(name) == user {
			return i
		}
	}
	return -1
}

// set replaces the line of a user, or adds one at the end.
func (e *editor) set(user, line string) (added bool) {
	if i := e.find(user); i >= 0 {
		e.lines[i] = []byte(line + "\n")
		return false
	}
	if n := len(e.lines); n > 0 && !bytes.HasSuffix(e.lines[n-1], []byte("\n")) {
		e.lines[n-1] = append(bytes.Clone(e.lines[n-1]), '\n')
	}
	e.lines = append(e.lines, []byte(line+"\n"))
	return true
}

func (e *editor) delete(user string) (there bool) {
	for i := e.find(user); i >= 0; i = e.find(user) { // should it stand there twice
		e.lines, there = append(e.lines[:i:i], e.lines[i+1:]...), true
	}
	return there
}

func (e *editor) hashPlain(path string, iterations int) (hashed int, err error) {
	var problems []error
	for i, line := range e.lines {
		text := strings.TrimRight(string(line), "\r\n")
		if _, _, err := parseLine(text); err == nil {
			continue
		}
		user, password, ok := strings.Cut(text, ":")
		made, err := Line(trim(user), []byte(password), iterations)
		switch {
		case !ok:
			err = errors.New("a line is USER:PASSWORD, and there is no colon")
		case strings.HasPrefix(password, "$6$") || strings.HasPrefix(password, "$7$"):
			err = errors.New("a hash that is damaged: remove the line, and set the password anew")
		}
		if err != nil {
			problems = append(problems, Problem{File: path, Line: i + 1, Text: err.Error()})
			continue
		}
		e.lines[i] = []byte(made + "\n")
		hashed++
	}
	return hashed, errors.Join(problems...)
}
