package authsql

import (
	"database/sql/driver"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// FuzzDSN: whatever is written, it is read or refused.
func FuzzDSN(f *testing.F) {
	for _, dsn := range []string{
		"mqtt:s3cret@tcp(db.example:3307)/mqtt?tls=skip-verify", "mysql://mqtt:s%2F3cret@[::1]:3307/mqtt?socket=/run/s", "mariadb://h",
		"postgres://mqtt:s3cret@db.example/mqtt?sslmode=disable", "host=/run/postgresql user=mqtt password='s3 cret' dbname=mqtt",
		"file:/var/lib/a%20b.db?mode=ro", "sqlite:///x", "a?b#c", ":memory:", "://", "@/", "=",
	} {
		f.Add(dsn)
	}
	f.Fuzz(func(t *testing.T, dsn string) {
		for _, driver := range []string{"mysql", "postgres", "sqlite"} {
			o := Options{Driver: driver, DSN: dsn}
			s, err := o.withDefaults().open()
			if err == nil {
				s.db.Close()
			} else if err.Error() == "" {
				t.Errorf("%s: an error without words", driver)
			}
		}
	})
}

// FuzzStored: a hash of any form matches the password that it is of, or none.
func FuzzStored(f *testing.F) {
	f.Add("password", "stored", "salt")
	f.Add("", "", "")
	f.Add("x", "$2a$04$"+"......................"+"...............................", "")
	f.Add("x", "00000000000000000000000000000000", "salt")
	f.Fuzz(func(t *testing.T, password, stored, salt string) {
		for _, kind := range hashNames() {
			if cost, err := bcrypt.Cost([]byte(strings.TrimSpace(stored))); kind == "bcrypt" && err == nil && cost > 5 {
				continue // takes its time, as it should
			}
			h := newHasher((&Options{Hash: kind, Iterations: 2}).withDefaults())
			a := account{stored, salt}
			if h.matches([]byte(password), a) && stored == "" {
				t.Errorf("%s: an empty password column lets somebody in", kind)
			}
			if kind == "plain" && h.matches([]byte(password), a) != (password == stored && stored != "") {
				t.Errorf("plain: %q is %q", password, stored)
			}
			h.readable(stored)
			h.likeness(a)
			h.verifier(a, "SCRAM-SHA-256")
		}
	})
}

// FuzzColumns: any value in a column is read as something, and nothing unclear
// allows.
func FuzzColumns(f *testing.F) {
	f.Add("1", "3", int64(1), true)
	f.Add("allow", "ALL", int64(-1), false)
	f.Fuzz(func(t *testing.T, verdict, access string, number int64, newer bool) {
		for _, v := range []driver.Value{verdict, []byte(verdict), number, nil, newer, float64(number)} {
			table := aclTable{newer: newer}
			row := row{}
			odd := table.decide(&row.rule, v, access)
			if odd != "" && row.rule.Allow && row.rule.Access != 0 {
				t.Errorf("%v, %q: %s, and it allows", v, access, odd)
			}
			isTrue(v)
			some(v, "0,1,2")
		}
	})
}
