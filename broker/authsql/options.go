package authsql

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Options say where the tables are and how to read them. Only Driver and DSN
// have no default.
type Options struct {
	Driver string // "mysql" (MariaDB too), "postgres" or "sqlite"
	DSN    string // as doc.go says; "env:NAME" takes it from the environment
	Dir    string // what the relative path of an SQLite file is relative to

	NoUsers  bool // the table of users answers for nobody: it need not exist
	NoRights bool // the table of rights is not asked: it need not exist

	UserTable string // mqtt_user; may be "schema.table"
	ACLTable  string // mqtt_acl
	Columns   Columns

	Hash       string // plain, md5, sha, sha256 (default), sha512, bcrypt, pbkdf2
	Salt       string // where the salt is put: "prefix" (default), "suffix", or "none"
	Digest     string // of pbkdf2: sha, sha256 (default) or sha512
	Iterations int    // of pbkdf2: 1000

	NoMatch string        // what no row decides: "deny" (default) or "allow"
	OnError string        // a query that fails: "deny" (default) or "nomatch"
	Refresh time.Duration // how often the rows of everybody are read again: 1 min

	Log *slog.Logger // nil: silent
}

// The bounds of what can be set.
const (
	DefaultRefresh = time.Minute
	MinRefresh     = time.Second
	MaxRefresh     = time.Hour

	DefaultIterations = 1000
	maxIterations     = 10_000_000
	minKeyLength      = 8
	maxKeyLength      = 64
)

// Columns are the names of the columns where they are not those of doc.go.
type Columns struct {
	Username, Password, Salt, IsSuperuser               string // of the users
	Allow, IPAddr, ACLUsername, ClientID, Access, Topic string // of the rules
	ID                                                  string // the rules are asked in its order
}

func (c Columns) withDefaults() Columns {
	return Columns{
		Username: orElse(c.Username, "username"), Password: orElse(c.Password, "password"),
		Salt: orElse(c.Salt, "salt"), IsSuperuser: orElse(c.IsSuperuser, "is_superuser"),
		Allow: orElse(c.Allow, "allow"), IPAddr: orElse(c.IPAddr, "ipaddr"), ACLUsername: orElse(c.ACLUsername, "username"),
		ClientID: orElse(c.ClientID, "clientid"), Access: orElse(c.Access, "access"), Topic: orElse(c.Topic, "topic"),
		ID: orElse(c.ID, "id"),
	}
}

// Check finds everything wrong with the options that can be found without the
// database.
func (o *Options) Check() error {
	filled := o.withDefaults()
	problems := []error{
		oneOf("hash", filled.Hash, hashNames()),
		oneOf("salt", filled.Salt, []string{"none", "prefix", "suffix"}),
		oneOf("digest", filled.Digest, []string{"sha", "sha1", "sha256", "sha512"}),
		oneOf("no_match", filled.NoMatch, []string{"deny", "allow"}),
		oneOf("on_error", filled.OnError, []string{"deny", "nomatch"}),
		within("iterations", filled.Iterations, 1, maxIterations),
		tableName("user_table", filled.UserTable),
		tableName("acl_table", filled.ACLTable),
	}
	if filled.Refresh < MinRefresh || filled.Refresh > MaxRefresh {
		problems = append(problems, fmt.Errorf("refresh %v is out of range: from %v to %v", o.Refresh, MinRefresh, MaxRefresh))
	}
	if source, err := filled.open(); err != nil {
		problems = append(problems, err)
	} else {
		source.db.Close()
		problems = append(problems, source.look())
	}
	return errors.Join(problems...)
}

func (o *Options) withDefaults() *Options {
	filled := *o
	filled.UserTable = orElse(o.UserTable, "mqtt_user")
	filled.ACLTable = orElse(o.ACLTable, "mqtt_acl")
	filled.Columns = o.Columns.withDefaults()
	filled.Hash = orElse(o.Hash, "sha256")
	filled.Salt = orElse(o.Salt, "prefix")
	filled.Digest = orElse(o.Digest, "sha256")
	filled.Iterations = orElse(o.Iterations, DefaultIterations)
	filled.NoMatch = orElse(o.NoMatch, "deny")
	filled.OnError = orElse(o.OnError, "deny")
	filled.Refresh = orElse(o.Refresh, DefaultRefresh)
	filled.Log = orElse(o.Log, slog.New(slog.DiscardHandler))
	return &filled
}

func oneOf(key, value string, known []string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("%s = %q is not known: use one of %s", key, value, strings.Join(known, ", "))
}

func within(key string, value, low, high int) error {
	if value >= low && value <= high {
		return nil
	}
	return fmt.Errorf("%s %d is out of range: from %d to %d", key, value, low, high)
}

func tableName(key, name string) error {
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || strings.ContainsRune(part, 0) {
			return fmt.Errorf("%s = %q is not the name of a table: write table or schema.table", key, name)
		}
	}
	return nil
}
