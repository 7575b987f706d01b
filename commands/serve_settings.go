package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"

	"mqtk/broker/acl"
	"mqtk/broker/authfile"
	"mqtk/broker/authtoken"
	"mqtk/commands/config"
)

// configure puts together what the file, MQTK_SET and the flags say, the weaker
// first, looks for all that is wrong with it, and settles what nobody chose. The
// start and each reload go this way.
func (o *serveOptions) configure(getenv func(string) string) (*config.Config, []config.Problem) {
	c, problems := o.gather(getenv)
	problems = append(problems, o.listeners(c)...)
	problems = append(problems, c.Check(o.probes(getenv))...)
	c.Limits.DenyAction = c.ACL.DenyAction
	settle(c)
	return c, config.InOrder(problems)
}

// gather is configure without the listeners of flags, and without looking at the
// whole.
func (o *serveOptions) gather(getenv func(string) string) (*config.Config, []config.Problem) {
	c, problems := o.readConfig()
	set := func(s setting) {
		if err := c.Set(s.source, s.key, s.value); err != nil {
			problems = append(problems, s.problem(err))
		}
	}
	for _, word := range strings.Fields(getenv("MQTK_SET")) {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			problems = append(problems, config.Problem{File: "MQTK_SET", Text: fmt.Sprintf("%q must be KEY=VALUE", word)})
			continue
		}
		set(setting{"MQTK_SET", key, value})
	}
	for _, s := range o.Settings {
		set(s)
	}
	if o.AllowAnonymous {
		set(setting{"--allow-anonymous", "allow_anonymous", "true"})
	}
	if o.Verbose {
		set(setting{"--verbose", "log_level", "debug"})
	}
	return c, problems
}

func (o *serveOptions) readConfig() (*config.Config, []config.Problem) {
	if o.Config == "" {
		return config.New(), nil
	}
	text, err := config.ReadFile(o.Config)
	if err != nil {
		return config.New(), []config.Problem{{File: "--config " + o.Config, Text: reasonOf(err)}}
	}
	return config.Read(o.Config, text)
}

// problem names the key where the flag does not.
func (s setting) problem(err error) config.Problem {
	p := config.Problem{File: s.source, Text: strings.TrimPrefix(err.Error(), s.key+": ")}
	if s.source == "--set" || s.source == "MQTK_SET" {
		p.Key = s.key
	}
	return p
}

// listeners puts those of the flags in the place of those of the file; where
// nobody names any, there is that of the loopback interface. A command after --
// wants a broker of its own, so it gets a free port rather than the well-known one.
func (o *serveOptions) listeners(c *config.Config) []config.Problem {
	loopback := func(port int) string { return fmt.Sprintf("mqtt://localhost:%d", port) }
	var problems []config.Problem
	switch {
	case len(o.Listen) > 0 && o.Port != nil:
		problems = c.SetListeners("--listen", append(o.Listen[:len(o.Listen):len(o.Listen)], loopback(int(*o.Port))))
	case len(o.Listen) > 0:
		problems = c.SetListeners("--listen", o.Listen)
	case o.Port != nil:
		problems = c.SetListeners("--port", []string{loopback(int(*o.Port))})
	case len(c.Listeners) > 0:
	case len(o.sockets.urls()) > 0:
		problems = c.SetListeners("LISTEN_FDS", o.sockets.urls())
	case len(o.Command) > 0:
		problems = c.SetListeners(config.Default, []string{loopback(0)})
	default:
		problems = c.SetListeners(config.Default, []string{loopback(1883)})
	}
	return problems
}

// probes are how the configuration is held against the world around it.
func (o *serveOptions) probes(getenv func(string) string) config.Probes {
	silent := slog.New(slog.DiscardHandler)
	return config.Probes{
		Getenv: getenv, Lookup: lookUpHost, Data: checkPlace, Files: true,
		Passwords: func(path string) error {
			_, err := authfile.Read(path)
			return err
		},
		ACL: func(path string) error {
			_, err := acl.ReadFile(path)
			return err
		},
		JWT: func(jwt config.AuthJWT) error {
			_, err := authtoken.Open(tokenOptions(jwt, silent))
			return err
		},
		SQL: func(sql config.AuthSQL) error {
			o := databaseOptions(sql, config.ACL{}, silent)
			return o.Check()
		},
	}
}

// lookUpHost knows localhost for what it means, whatever a resolver says.
func lookUpHost(host string) ([]string, error) {
	if strings.EqualFold(host, "localhost") {
		return []string{"127.0.0.1", "::1"}, nil
	}
	return net.LookupHost(host)
}

// refuse says all that is wrong, a problem a paragraph, and what to do.
func (p *program) refuse(problems []config.Problem) error {
	name, ink := commandName(p.path), p.inkFor(p.Err)
	var open, unknown bool
	for _, problem := range problems {
		for i, line := range strings.Split(plainly(problem), "\n") {
			if i == 0 {
				line = ink.bad(name+":") + " " + visible(line)
			}
			fmt.Fprintln(p.Err, line)
		}
		open = open || strings.Contains(problem.Text, "nobody would be asked")
		unknown = unknown || strings.Contains(problem.Text, "no such key")
	}
	if open {
		fmt.Fprintln(p.Err, "  --passwords FILE asks for user names and passwords, --allow-anonymous lets everybody in; mqtt://localhost:1883 stays on this machine")
	}
	if unknown {
		fmt.Fprintln(p.Err, "  mqtk help --man serve | man -l - lists the keys")
	}
	fmt.Fprintf(p.Err, "  see %s --help\n", name)
	return fail(exitUsage, nil)
}

// plainly names a key that a flag of its own has set by the flag alone.
func plainly(p config.Problem) string {
	if strings.HasPrefix(p.File, "--") && p.File != "--set" && (p.Key == "url" || !strings.HasPrefix(p.File, "--listen")) {
		p.Key = ""
	}
	return p.String()
}

// reasonOf is an error about a file without the file's name.
func reasonOf(err error) string {
	if bad := new(fs.PathError); errors.As(err, &bad) {
		err = bad.Err
	}
	return err.Error()
}

// told is a key with its value as whoever set it wrote it: --data DIR, or
// mqtk.toml:3: data DIR.
func told(c *config.Config, key, value string) string {
	switch source := c.Source(key); {
	case source == "--set" || source == "MQTK_SET":
		return source + " " + key + "=" + value
	case strings.HasPrefix(source, "--"):
		return source + " " + value
	default:
		return source + ": " + key + " " + value
	}
}
