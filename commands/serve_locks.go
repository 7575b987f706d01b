package commands

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"mqtk/broker"
	"mqtk/broker/access"
	"mqtk/broker/acl"
	"mqtk/broker/authfile"
	"mqtk/broker/authsql"
	"mqtk/broker/authtoken"
	"mqtk/commands/config"
	"mqtk/mqttwire/sasl"
)

// everybody is who may come in by a door that has no lock.
const everybody = "everybody, without a name"

// locks are who says who somebody is, and what they may do.
type locks struct {
	config    *config.Config
	log       *slog.Logger
	passwords *authfile.Authenticator // nil: none
	tokens    *authtoken.Authenticator
	database  *authsql.DB
	secret    []byte            // of SASL; it outlives a reload, so that unknown users keep their salts
	rules     broker.Authorizer // nil: whoever is in may do everything

	users, ruleCount int // in the files
	exposed          bool
}

// openLocks reads and opens what the configuration names.
func openLocks(ctx context.Context, c *config.Config, before *house, log *slog.Logger) (*locks, error) {
	k := &locks{config: c, log: log, secret: []byte(rand.Text())}
	old := before.lock()
	if old != nil {
		k.secret = old.secret
	}
	for _, open := range []func() error{k.openPasswords, k.openTokens, func() error { return k.openDatabase(ctx, old) }, k.openRules} {
		if err := open(); err != nil {
			k.close(old)
			return nil, err
		}
	}
	return k, nil
}

func (k *locks) openPasswords() error {
	path := k.config.Auth.File.Passwords
	if path == "" {
		return nil
	}
	file, err := authfile.Read(path)
	if err != nil {
		return err
	}
	k.passwords, k.users, k.exposed = authfile.New(file), file.Len(), file.Exposed
	return nil
}

func (k *locks) openTokens() (err error) {
	if jwt := k.config.Auth.JWT; jwt.Key != "" || jwt.JWKS != "" {
		k.tokens, err = authtoken.Open(tokenOptions(jwt, k.log))
	}
	return err
}

func tokenOptions(jwt config.AuthJWT, log *slog.Logger) authtoken.Options {
	return authtoken.Options{Key: jwt.Key, JWKS: jwt.JWKS, Algorithms: jwt.Algorithms, Issuer: jwt.Issuer, Audience: jwt.Audience,
		UsernameClaim: jwt.UsernameClaim, Log: log}
}

// openDatabase connects where somebody asks the database, unless the locks before
// have it open in the same way.
func (k *locks) openDatabase(ctx context.Context, old *locks) (err error) {
	o := k.tables()
	if o.NoUsers && o.NoRights {
		return nil
	}
	if old != nil && old.database != nil && reflect.DeepEqual(o, old.tables()) {
		k.database = old.database
		return nil
	}
	k.database, err = authsql.Open(ctx, o)
	return err
}

// tables are the options of the database, with what of it is asked at all.
func (k *locks) tables() authsql.Options {
	o := databaseOptions(k.config.Auth.SQL, k.config.ACL, k.log)
	o.NoRights = !k.config.ACL.SQL
	o.NoUsers = !slices.ContainsFunc(k.config.Listeners, func(l config.Listener) bool { return slices.Contains(k.config.Authenticators(&l), "sql") })
	return o
}

func databaseOptions(sql config.AuthSQL, acl config.ACL, log *slog.Logger) authsql.Options {
	return authsql.Options{Driver: sql.Driver, DSN: sql.DSN, Dir: sql.Dir, UserTable: sql.UserTable, ACLTable: sql.ACLTable,
		Columns: authsql.Columns(sql.Columns), Hash: sql.Hash, Salt: sql.Salt, Digest: sql.Digest, Iterations: sql.Iterations,
		NoMatch: acl.NoMatch, OnError: acl.OnError, Refresh: acl.Refresh, Log: log}
}

func (k *locks) openRules() error {
	switch rules := k.config.ACL; {
	case rules.SQL:
		k.rules = k.database.Authorizer()
	case rules.File != "":
		file, err := acl.ReadFile(rules.File)
		if err != nil {
			return err
		}
		k.rules, k.ruleCount = acl.NewAuthorizer(file, rules.NoMatch == "allow", k.log), len(file.Rules())
	}
	return nil
}

// close closes what the others do not use, too.
func (k *locks) close(others *locks) {
	if k.database == nil || others != nil && others.database == k.database {
		return
	}
	if err := k.database.Close(); err != nil {
		k.log.Warn("the database was not closed well", "error", err)
	}
}

// authenticator is who is asked at a door, and in words who may come in by it.
func (k *locks) authenticator(l *config.Listener) (broker.Authenticator, string, error) {
	names := k.config.Authenticators(l)
	if len(names) == 0 {
		if l.ClientCA != "" && l.ClientCert == "require" {
			return nil, "whoever has a certificate of " + l.ClientCA + ", without a name", nil
		}
		return nil, everybody, nil
	}
	var links []access.Link
	var guests []string
	var sources []sasl.Users
	for _, name := range names {
		link, source, words := k.link(name, l)
		links, guests = append(links, link), append(guests, words)
		if source != nil {
			sources = append(sources, source)
		}
	}
	challenges, err := k.challenges(l, sources)
	if challenges != nil {
		links = append(links, *challenges)
	}
	words := strings.Join(guests, "; ")
	if l.ClientCA != "" && l.ClientCert == "require" && !slices.Equal(names, []string{"cert"}) {
		words = "with a certificate of " + l.ClientCA + " alone: " + words
	}
	return access.Chain(links...), words, err
}

// link is one that is asked, the same as a source of users for SASL, and in words
// whom it lets in.
func (k *locks) link(name string, l *config.Listener) (link access.Link, source sasl.Users, guests string) {
	link.Name = name
	auth := k.config.Auth
	switch name {
	case "cert":
		link.Authenticator = access.Certificate{Field: l.UserFromCert}
		guests = fmt.Sprintf("whoever has a certificate of %s, by its %s", l.ClientCA, l.UserFromCert)
	case "file":
		link.Authenticator, source = k.passwords, k.passwords
		guests = fmt.Sprintf("the users of %s (%d)", auth.File.Passwords, k.users)
	case "sql":
		link.Authenticator, source = k.database.Users(), k.database.Users()
		guests = fmt.Sprintf("the users of the table %s (%s)", auth.SQL.UserTable, auth.SQL.Driver)
	case "jwt":
		link.Authenticator = k.tokens
		guests = "whoever has a token that is signed with a key of " + cmp.Or(auth.JWT.Key, auth.JWT.JWKS)
	default:
		link.Authenticator = access.Anonymous{}
		guests = "who gives no credentials, without a name"
	}
	return link, source, guests
}

// challenges is the link for enhanced authentication, where there is anybody to
// speak it with.
func (k *locks) challenges(l *config.Listener, sources []sasl.Users) (*access.Link, error) {
	if len(sources) == 0 && l.UserFromCert == "" {
		return nil, nil
	}
	o := access.SASLOptions{Methods: k.config.Auth.SASL.Mechanisms, PlainWithoutTLS: k.config.Auth.SASL.PlainWithoutTLS,
		CertificateField: l.UserFromCert, Secret: k.secret, Log: k.log}
	if len(sources) > 0 {
		o.Users = access.Users(sources...)
	}
	s, err := access.NewSASL(o)
	if err != nil {
		return nil, err
	}
	return &access.Link{Name: "sasl", Authenticator: s}, nil
}

// authorizer is who decides what somebody may do; nil: they may do everything.
func (k *locks) authorizer() broker.Authorizer { return k.rules }

// greet says what clients may do.
func (k *locks) greet() {
	if k.exposed {
		k.log.Warn("others than its owner may read the password file: chmod 600 mends that", "file", k.config.Auth.File.Passwords)
	}
	switch rules := k.config.ACL; {
	case rules.SQL:
		k.log.Info("access rules say what clients may do", "table", k.config.Auth.SQL.ACLTable, "no_match", rules.NoMatch)
	case rules.File != "":
		k.log.Info("access rules say what clients may do", "file", rules.File, "rules", k.ruleCount, "no_match", rules.NoMatch)
	default:
		k.log.Info("there are no access rules: " + k.rights())
	}
}

// rights are in words what clients may do.
func (k *locks) rights() string {
	switch rules := k.config.ACL; {
	case rules.SQL:
		return "what the table " + k.config.Auth.SQL.ACLTable + " allows, no_match " + rules.NoMatch
	case rules.File != "":
		return fmt.Sprintf("what the %d rules of %s allow, no_match %s", k.ruleCount, rules.File, rules.NoMatch)
	}
	return "whoever is let in may do everything"
}
