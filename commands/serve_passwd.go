package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"mqtk/broker/authfile"
)

// passwdOptions is what the flags of serve passwd fill.
type passwdOptions struct {
	Delete     bool
	Batch      bool
	Create     bool
	Update     bool
	Iterations int
}

// servePasswdCommand is mqtk serve passwd. Its short flags are mosquitto_passwd's.
func (p *program) servePasswdCommand() *cli.Command {
	var o passwdOptions
	return &cli.Command{
		Name:      "passwd",
		Usage:     "write a file of users and passwords for serve --passwords",
		UsageText: "mqtk serve passwd [FLAGS] FILE USER\nmqtk serve passwd --update FILE",
		ArgsUsage: "FILE USER",
		Description: `Gives USER a password in FILE, a new or another one. A FILE that is not there is made, with mode 0600. On
a terminal it asks twice and shows nothing; from a pipe it reads one line, and a second one must be the same. The lines of other
users and comments stay as they are, and so do the owner and, but for what it lets others do, and the group except reading, the mode;
the new file takes the place of the old one in one step.

The format is that of mosquitto, whose broker and whose mosquitto_passwd read what this writes, and the other way round. A third field,
which mosquitto passes over, lets the user log in by SCRAM-SHA-256 as well; SCRAM-SHA-512 needs no field of its own. A running serve takes
the file up at HUP.`,
		Flags: []cli.Flag{
			onOff("delete D", "take USER out of the file", &o.Delete),
			onOff("batch b", "take the password from the command line, behind USER, where everyone who can list processes sees it", &o.Batch),
			onOff("create c", "make a new file; one that is there is an error", &o.Create),
			onOff("update U", "hash the passwords of a file whose lines are USER:PASSWORD", &o.Update),
			valued("iterations I", fmt.Sprintf("hash `NUMBER` times: more makes guessing dearer for who steals the file, and each login for the broker; clients of SCRAM want 4096 or more (default %d)", authfile.Iterations),
				toNumber(&o.Iterations, 1, 10_000_000)),
		},
		Action: func(*cli.Context) error { return o.run(p, p.line.words()) },
	}
}

func (o *passwdOptions) run(p *program, words []string) error {
	want, shape := 2, "FILE and USER"
	switch {
	case o.Update && (o.Delete || o.Batch || o.Create):
		return usageIn(p.path, "--update goes with no other flag but --iterations")
	case o.Delete && (o.Batch || o.Create):
		return usageIn(p.path, "--delete goes with no other flag")
	case o.Update:
		want, shape = 1, "one FILE"
	case o.Batch:
		want, shape = 3, "FILE, USER and PASSWORD"
	}
	if len(words) != want {
		return usageIn(p.path, "needs %s", shape)
	}
	file := words[0]
	defer p.tellNarrowed(file, modeOf(file))
	switch {
	case o.Update:
		return o.update(p, file)
	case o.Delete:
		if err := authfile.Delete(file, words[1]); err != nil {
			return fail(exitFailed, err)
		}
		fmt.Fprintf(p.Err, "%s: user %s is gone\n", visible(file), visible(words[1]))
		return nil
	}
	return o.set(p, file, words[1], words[2:])
}

// set gives a user a password. Whatever can be refused is, before it asks.
func (o *passwdOptions) set(p *program, file, user string, given []string) error {
	if err := authfile.CheckUser(user); err != nil {
		return usageIn(p.path, "%w", err)
	}
	if _, err := os.Lstat(file); o.Create && err == nil {
		return fail(exitFailed, fmt.Errorf("%s is there already", visible(file)), "without --create the user is added to it")
	}
	password, err := o.password(p, given)
	if err != nil {
		return err
	}
	added, err := authfile.SetPassword(file, user, password, o.Iterations)
	if err != nil {
		return fail(exitFailed, err)
	}
	what := "user %s has another password"
	if added {
		what = "user %s is new"
	}
	fmt.Fprintf(p.Err, "%s: "+what+"\n", visible(file), visible(user))
	if !authfile.ServesSCRAM(password) {
		p.warn("SCRAM does not allow a character of this password: the user can log in by user name and password alone")
	}
	o.judge(p, file)
	return nil
}

func (o *passwdOptions) update(p *program, file string) error {
	hashed, err := authfile.HashPlain(file, o.Iterations)
	if err != nil {
		return fail(exitFailed, err, "the file stays as it was")
	}
	fmt.Fprintf(p.Err, "%s: %d passwords hashed\n", visible(file), hashed)
	o.judge(p, file)
	return nil
}

// modeOf is the mode of a file, 0 where there is none.
func modeOf(file string) fs.FileMode {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Mode().Perm()
}

// tellNarrowed says that a mode which let too many in is another now: a program that
// reads the file as somebody else cannot any more.
func (p *program) tellNarrowed(file string, before fs.FileMode) {
	if after := modeOf(file); before&^after != 0 && after != 0 {
		p.warn("%s had mode %04o, and has %04o now: others have no business with passwords", visible(file), before, after)
	}
}

// judge warns of what serve would say to the file.
func (o *passwdOptions) judge(p *program, file string) {
	switch f, err := authfile.Read(file); {
	case err != nil:
		p.warn("serve would not start with this file: %v", err)
	case f.Exposed:
		p.warn("%s can be read by others than its owner: chmod 600 %s", visible(file), visible(file))
	}
}

// password asks on a terminal, or reads what comes by a pipe.
func (o *passwdOptions) password(p *program, given []string) ([]byte, error) {
	var password []byte
	var err error
	switch {
	case o.Batch:
		if isTerminal(p.Err) {
			p.warn("--batch shows the password to everyone who can list processes")
		}
		password = []byte(given[0])
	case isTerminal(p.In):
		password, err = p.askNewPassword()
	default:
		password, err = pipedPassword(p.In)
	}
	var f *failure
	switch {
	case errors.As(err, &f): // a signal
		return nil, f
	case err != nil:
		return nil, usageIn(p.path, "%w", err)
	case len(password) == 0:
		return nil, usageIn(p.path, "the password is empty")
	}
	return password, nil
}

// askNewPassword asks twice.
func (p *program) askNewPassword() ([]byte, error) {
	password, err := p.askUnseen("Password: ")
	if err != nil || len(password) == 0 {
		return nil, err
	}
	again, err := p.askUnseen("The same again: ")
	if err == nil && !bytes.Equal(password, again) {
		err = errors.New("the two passwords differ")
	}
	return password, err
}

// pipedPassword reads one line; a second one must be the same.
func pipedPassword(r io.Reader) ([]byte, error) {
	const limit = 65535 // what a CONNECT can hold
	text, err := io.ReadAll(io.LimitReader(r, 2*(limit+2)+1))
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimSuffix(lines[i], []byte("\r"))
	}
	switch {
	case len(lines[0]) > limit:
		return nil, fmt.Errorf("the password is longer than %d bytes", limit)
	case len(lines) > 2:
		return nil, fmt.Errorf("%d lines came where one password was expected, or the same twice", len(lines))
	case len(lines) == 2 && !bytes.Equal(lines[0], lines[1]):
		return nil, errors.New("the two passwords differ")
	}
	return lines[0], nil
}
