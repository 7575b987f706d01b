package authsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"mqtk/broker"
	"mqtk/mqttwire/sasl"
)

// Users are the rows of mqtt_user: a broker.Authenticator and sasl.Users.
type Users struct {
	db        *DB
	statement statement
	model     atomic.Pointer[account] // who was last found: see hasher.likeness
}

// account is one row.
type account struct{ password, salt string }

var _ sasl.Users = (*Users)(nil)

// newUsers looks at one account, for its likeness, and to see that the passwords
// are hashed as the options say.
func newUsers(ctx context.Context, d *DB) (*Users, error) {
	t := &d.users
	selected := "SELECT " + d.dialect.columns([]string{t.username, t.password, t.salt}) + " FROM " + d.dialect.table(t.name) + " WHERE "
	u := &Users{db: d}
	u.model.Store(&account{})
	var err error
	if u.statement, err = d.prepare(ctx, selected+d.in(t.name, t.username, 0, 1)); err != nil {
		return nil, fmt.Errorf("table %s cannot be read: %w", t.name, err)
	}
	sample := statement{text: selected + d.dialect.name(t.password) + " <> '' LIMIT 1"}
	err = d.query(ctx, sample, nil, func(r *sql.Rows) error {
		name, a, err := scanAccount(r)
		if err == nil && !d.hasher.readable(a.password) {
			d.options.Log.Warn("a password in the table of users is not of the hash that is configured: set auth.sql.hash",
				"table", t.name, "user", name, "hash", d.hasher.kind)
		}
		u.model.Store(&a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("table %s cannot be read: %w", t.name, err)
	}
	return u, nil
}

func scanAccount(r *sql.Rows) (name string, a account, err error) {
	var texts [3]sql.NullString
	err = r.Scan(&texts[0], &texts[1], &texts[2])
	return texts[0].String, account{texts[1].String, texts[2].String}, err
}

// Authenticate compares the password. A client without a user name is unknown
// here, and so asks nothing of the database.
func (u *Users) Authenticate(ctx context.Context, c *broker.Credentials) (broker.Identity, error) {
	if !c.HasUsername || c.Username == "" {
		return broker.Identity{}, broker.ErrUnknownUser
	}
	switch err := u.Check(ctx, c.Username, c.Password); {
	case errors.Is(err, sasl.ErrUnknownUser):
		return broker.Identity{}, broker.ErrUnknownUser
	case errors.Is(err, sasl.ErrBadCredentials):
		return broker.Identity{}, broker.ErrBadCredentials
	case err != nil:
		return broker.Identity{}, err
	}
	return broker.Identity{Username: c.Username}, nil
}

// Check compares a password. It takes as long for a user who is not there.
func (u *Users) Check(ctx context.Context, user string, password []byte) error {
	a, err := u.find(ctx, user)
	if errors.Is(err, sasl.ErrUnknownUser) {
		u.db.hasher.matches(password, u.db.hasher.likeness(*u.model.Load()))
	}
	if err != nil {
		return err
	}
	if !u.db.hasher.matches(password, a) {
		return sasl.ErrBadCredentials
	}
	return nil
}

// Verifier gives SCRAM and its like the password where it is plain, and the
// values of SCRAM where the hash is the PBKDF2 that SCRAM uses.
func (u *Users) Verifier(ctx context.Context, user, method string) (sasl.Verifier, error) {
	a, err := u.find(ctx, user)
	if err != nil && !errors.Is(err, sasl.ErrUnknownUser) {
		return sasl.Verifier{}, err
	}
	known := err
	if known != nil {
		a = u.db.hasher.likeness(*u.model.Load())
	}
	v, ok := u.db.hasher.verifier(a, method)
	switch {
	case known != nil:
		return v, known
	case !ok:
		return v, sasl.ErrNoVerifier
	}
	return v, nil
}

// find reads the row of a user. The database may take other names for the same
// (MySQL does so with Ann and ann): what counts is the name as it is written.
func (u *Users) find(ctx context.Context, user string) (account, error) {
	if !askable(user) {
		return account{}, sasl.ErrUnknownUser
	}
	var rows []account
	err := u.db.query(ctx, u.statement, []any{user}, func(r *sql.Rows) error {
		name, a, err := scanAccount(r)
		if name == user && len(rows) < 2 {
			rows = append(rows, a)
		}
		return err
	})
	switch {
	case err != nil:
		return account{}, fmt.Errorf("%s: table %s: the row of user %q cannot be read: %w", u.db.place, u.db.users.name, user, err)
	case len(rows) == 0:
		return account{}, sasl.ErrUnknownUser
	case len(rows) > 1:
		return account{}, fmt.Errorf("%s: table %s has more than one row for user %q: delete all but one, and make the column unique", u.db.place, u.db.users.name, user)
	}
	if rows[0] != *u.model.Load() {
		u.model.Store(&rows[0])
	}
	return rows[0], nil
}

// askable says whether a name can stand in a database at all. Those that cannot
// are nobody's, and asking for them is an error in some.
func askable(name string) bool {
	return name != "" && utf8.ValidString(name) && strings.IndexByte(name, 0) < 0
}
