package commands

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// password gives the password to log in with, nil for none.
func (o *connectOptions) password(p *program, where place) ([]byte, error) {
	switch {
	case o.PasswordFrom != "" && o.Password != nil:
		return nil, usagef("--password and --password-from are both given: one is enough")
	case o.PasswordFrom != "":
		return p.secretFrom(flagSecret("--password-from", o.PasswordFrom))
	case where.passwordFrom.from != "":
		return p.secretFrom(where.passwordFrom)
	case where.password == nil:
		return nil, nil
	}
	if o.Password != nil && isTerminal(p.Err) {
		p.warn("-P shows the password to everyone who can list processes; --password-from prompt does not")
	}
	return []byte(*where.password), nil
}

// A secretSource is where a password comes from, as for --password-from, and
// what says so.
type secretSource struct{ by, from string }

func flagSecret(flag, from string) secretSource { return secretSource{flag + " " + from, from} }

// secretFrom reads a password from its source.
func (p *program) secretFrom(s secretSource) ([]byte, error) {
	password, err := p.passwordFrom(s.from)
	if f, ok := err.(*failure); ok {
		return nil, f
	}
	if err != nil {
		return nil, usagef("%s: %w", s.by, err)
	}
	return password, nil
}

// passwordFrom reads a password from a source KIND:WHERE.
func (p *program) passwordFrom(source string) ([]byte, error) {
	kind, where, _ := strings.Cut(source, ":")
	if where == "" && kind != "prompt" {
		kind = ""
	}
	switch kind {
	case "env":
		password := p.getenv(where)
		if password == "" {
			return nil, fmt.Errorf("the variable is not set, or not exported")
		}
		return []byte(password), nil
	case "file":
		return passwordOfFile(where)
	case "fd":
		return passwordOfDescriptor(where)
	case "cmd":
		return p.passwordOfCommand(where)
	case "prompt":
		return p.askPassword()
	}
	return nil, fmt.Errorf("must be env:NAME, file:PATH, fd:N, cmd:COMMAND or prompt")
}

func passwordOfFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readPassword(file)
}

func passwordOfDescriptor(number string) ([]byte, error) {
	fd, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%q is no file descriptor", number)
	}
	file := os.NewFile(uintptr(fd), "fd:"+number)
	if file == nil {
		return nil, fmt.Errorf("no such file descriptor")
	}
	defer file.Close()
	return readPassword(file)
}

const longestPassword = 65535 // is what a CONNECT can hold

func longPassword() error { return fmt.Errorf("longer than %d bytes", longestPassword) }

// readPassword reads all and takes off one line end.
func readPassword(r io.Reader) ([]byte, error) {
	password, err := io.ReadAll(io.LimitReader(r, longestPassword+2))
	password = bytes.TrimSuffix(bytes.TrimSuffix(password, []byte("\n")), []byte("\r"))
	switch {
	case err != nil:
		return nil, err
	case len(password) == 0:
		return nil, fmt.Errorf("there is no password in it")
	case len(password) > longestPassword:
		return nil, longPassword()
	}
	return password, nil
}

// passwordOfCommand runs a command. It may ask on the terminal; any other stdin
// is that of the verb, whose messages it is not to read.
func (p *program) passwordOfCommand(command string) ([]byte, error) {
	shell, flag := shellAndFlag()
	cmd := exec.Command(shell, flag, command)
	if cmd.Stderr = p.Err; isTerminal(os.Stdin) {
		cmd.Stdin = os.Stdin
	}
	out := &boundedOutput{room: longestPassword + len("\r\n")}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil && out.room >= 0 {
		return nil, fmt.Errorf("the command that prints the password failed: %w", err)
	}
	if out.room < 0 {
		return nil, longPassword()
	}
	return readPassword(bytes.NewReader(out.text))
}

// askPassword asks on the terminal, whatever stdin and stdout are.
func (p *program) askPassword() ([]byte, error) { return p.askUnseen("Password: ") }

func (p *program) askUnseen(prompt string) ([]byte, error) {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		terminal = os.Stdin
		if !isTerminal(terminal) {
			return nil, fmt.Errorf("there is no terminal to ask on")
		}
	}
	fmt.Fprint(p.Err, prompt)
	defer fmt.Fprintln(p.Err)
	return readUnseen(terminal)
}

// readUnseen reads a line that the terminal does not show. A signal gives the
// terminal its old state back before it ends us; the read itself knows no end
// but the line's, and is left to the end of the process then.
func readUnseen(terminal *os.File) ([]byte, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	type line struct {
		text []byte
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		typed <- line{text, err}
	}()
	select {
	case l := <-typed:
		return l.text, l.err
	case s := <-signals:
		_ = term.Restore(fd, before)
		return nil, signalOutcome(signalled{s}, true)
	}
}
