package commands

import (
	"context"
	"os"

	"github.com/urfave/cli/v2"

	"mqtk/broker/acl"
	"mqtk/broker/authsql"
	"mqtk/commands/config"
)

// rulesOptions is where the rules are that a subcommand of serve acl looks at.
type rulesOptions struct {
	File   string
	Config string
}

func (o *rulesOptions) flags(p *program) []cli.Flag {
	flags := inCategory("The rules",
		valued("acl", "those of `FILE`, in the format of mosquitto's acl_file; wins over what a configuration names", toString(&o.File)),
		valued("config c", "those that the configuration `FILE` names: a file or a table, with its no_match", toString(&o.Config)))
	return append(flags, inCategory("Output", onOff("json", "print a JSON object for each line", &p.json))...)
}

// A rulebook is rules, wherever they come from.
type rulebook struct {
	order   acl.Order
	noMatch bool
	open    bool // there are none: everything is allowed
	of      func(context.Context, acl.Client) (rules []acl.Rule, superuser bool, err error)
	all     func(context.Context) ([]acl.Rule, []acl.Finding, error)
	close   func()
}

// open finds the rules. What is wrong with them is a usage error, as in serve.
func (o *rulesOptions) open(ctx context.Context, p *program) (*rulebook, error) {
	if o.File == "" && o.Config == "" {
		return nil, usageIn(p.path, "which rules? --acl FILE or --config FILE names them")
	}
	c, problems := o.configure()
	if len(problems) > 0 {
		return nil, p.refuse(problems)
	}
	switch {
	case c.ACL.File != "":
		file, err := acl.ReadFile(c.ACL.File)
		if err != nil {
			return nil, p.refuse(linesOf(err))
		}
		return fileBook(file, c.ACL.NoMatch == "allow"), nil
	case c.ACL.SQL:
		book, err := tableBook(ctx, c)
		if err != nil {
			return nil, p.refuse([]config.Problem{{File: c.Path, Text: err.Error()}})
		}
		return book, nil
	}
	return &rulebook{open: true, close: func() {}}, nil
}

// configure is what serve would be told, without a look at the rest of the world.
func (o *rulesOptions) configure() (*config.Config, []config.Problem) {
	serve := serveOptions{Config: o.Config}
	if o.File != "" {
		serve.Settings = []setting{{"--acl", "acl.file", o.File}}
	}
	c, problems := serve.gather(os.Getenv)
	if o.File != "" {
		c.ACL.SQL = false
	}
	return c, problems
}

// fileBook is the rules of a file.
func fileBook(file *acl.File, noMatch bool) *rulebook {
	return &rulebook{
		order: acl.DenyWins, noMatch: noMatch, close: func() {},
		of:  func(context.Context, acl.Client) ([]acl.Rule, bool, error) { return file.Rules(), false, nil },
		all: func(context.Context) ([]acl.Rule, []acl.Finding, error) { return file.Rules(), nil, nil },
	}
}

// linesOf are the problems of a file of rules, each with its line.
func linesOf(err error) []config.Problem {
	all, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []config.Problem{{Text: err.Error()}}
	}
	var problems []config.Problem
	for _, err := range all.Unwrap() {
		problems = append(problems, config.Problem{Text: err.Error()})
	}
	return problems
}

// tableBook is the rows of a table. Who is a superuser is asked where the
// configuration asks the database about users.
func tableBook(ctx context.Context, c *config.Config) (*rulebook, error) {
	db, err := authsql.Open(ctx, (&locks{config: c}).tables())
	if err != nil {
		return nil, err
	}
	return &rulebook{
		order: acl.FirstMatch, noMatch: db.NoMatch(), of: db.RulesOf,
		close: func() { _ = db.Close() }, // nothing was written
		all: func(ctx context.Context) ([]acl.Rule, []acl.Finding, error) {
			findings, err := db.Findings(ctx)
			if err != nil {
				return nil, nil, err
			}
			rules, err := db.Rows(ctx)
			return rules, findings, err
		},
	}, nil
}
