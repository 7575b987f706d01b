package authsql

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDSN: what is understood, and that it is said in words without the password.
func TestDSN(t *testing.T) {
	t.Setenv("MQTK_TEST_DSN", "mysql://mqtt:s3cret@db.example/mqtt")
	for _, test := range []struct{ driver, dsn, place string }{
		{"mysql", "mqtt:s3cret@tcp(db.example:3307)/mqtt", "database mqtt of MySQL at db.example:3307"},
		{"mysql", "mqtt:s3cret@tcp(db.example)/mqtt?tls=skip-verify", "database mqtt of MySQL at db.example:3306"},
		{"mysql", "mqtt:s3cret@unix(/run/mysqld/mysqld.sock)/mqtt", "database mqtt of MySQL at /run/mysqld/mysqld.sock"},
		{"mysql", "mqtt:s3cret@/mqtt", "database mqtt of MySQL at 127.0.0.1:3306"},
		{"mysql", "mysql://mqtt:s3cret@db.example/mqtt", "database mqtt of MySQL at db.example:3306"},
		{"mysql", "mariadb://mqtt:s3cret@[::1]:3307/mqtt?tls=preferred", "database mqtt of MySQL at [::1]:3307"},
		{"mysql", "mysql://mqtt:s3cret@localhost/mqtt?socket=/run/mysqld/mysqld.sock", "database mqtt of MySQL at /run/mysqld/mysqld.sock"},
		{"mysql", "mysql://mqtt:s%2F%40%3Acret@db.example/mqtt", "database mqtt of MySQL at db.example:3306"},
		{"mysql", "env:MQTK_TEST_DSN", "database mqtt of MySQL at db.example:3306"},
		{"postgres", "postgres://mqtt:s3cret@db.example/mqtt", "database mqtt of PostgreSQL at db.example:5432"},
		{"postgres", "postgresql://mqtt:s3cret@db.example:5433/mqtt?sslmode=disable", "database mqtt of PostgreSQL at db.example:5433"},
		{"postgres", "host=/run/postgresql user=mqtt password=s3cret dbname=mqtt", "database mqtt of PostgreSQL at /run/postgresql"},
		{"sqlite", "mqtt.db", "SQLite file /etc/mqtk/mqtt.db"},
		{"sqlite", "/var/lib/a%20b?c#d.db", "SQLite file /var/lib/a%20b?c#d.db"},
		{"sqlite", "file:/var/lib/a%20b.db?mode=ro", "SQLite file /var/lib/a b.db"},
		{"sqlite", "file:///var/lib/mqtt.db", "SQLite file /var/lib/mqtt.db"},
		{"sqlite", "sqlite:///var/lib/mqtt.db", "SQLite file /var/lib/mqtt.db"},
	} {
		o := Options{Driver: test.driver, DSN: test.dsn, Dir: "/etc/mqtk"}
		s, err := o.withDefaults().open()
		if err != nil {
			t.Errorf("%s: %v", test.dsn, err)
			continue
		}
		s.db.Close()
		if s.place != test.place {
			t.Errorf("%s: %s, want %s", test.dsn, s.place, test.place)
		}
	}
}

// TestBadDSN: nothing of the password is told, however the DSN is broken.
func TestBadDSN(t *testing.T) {
	for _, test := range []struct{ driver, dsn, want string }{
		{"", "x", "driver is missing"},
		{"oracle", "x", "use one of mysql, postgres, sqlite"},
		{"mysql", "", "dsn is missing"},
		{"mysql", "env:MQTK_TEST_NOWHERE", "environment variable MQTK_TEST_NOWHERE is not set"},
		{"mysql", "mqtt:s3cret@db.example/mqtt", "write mysql://"},
		{"mysql", "mqtt:s3cret@tcp(db.example:3306", "write mysql://"},
		{"mysql", "mqtt:s3cret@tcp(db.example:3306)/", "names no database"},
		{"mysql", "mqtt:s3cret@tcp(db.example)/mqtt?tls=s3cret", "parameters"},
		{"mysql", "mqtt:s3cret@tcp(db.example)/mqtt?timeout=soon", "soon"},
		{"mysql", "mysql://mqtt:s3cret/@db.example/mqtt", "write mysql://"},
		{"mysql", "mysql://mqtt:%s3cret@db.example/mqtt", "write mysql://"},
		{"mysql", "mysql://mqtt:s3cret@db.example:s3cret/mqtt", "write mysql://"},
		{"mysql", "postgres://mqtt:s3cret@db.example/mqtt", "write mysql://"},
		{"postgres", "postgres://mqtt:s3cret/@db.example/mqtt", "write postgres://"},
		{"postgres", "postgres://mqtt:%s3cret@db.example/mqtt", "write postgres://"},
		{"postgres", "postgres://mqtt:s3cret@db.example:s3cret/mqtt", "write postgres://"},
		{"postgres", "postgres://mqtt:s3cret@db.example/mqtt?sslmode=s3cret", "sslmode"},
		{"postgres", "postgres://mqtt:s3cret@db.example/mqtt?sslrootcert=/nowhere", "/nowhere"},
		{"postgres", "mysql://mqtt:s3cret@db.example/mqtt", "write postgres://"},
		{"postgres", "mqtt:s3cret", "write postgres://"},
		{"postgres", "password='s3cret", "write postgres://"},
		{"sqlite", "file:%s3cret", "path in the dsn"},
		{"sqlite", "gone.db", "SQLite file gone.db cannot be reached: no such file"},
		{"sqlite", "sqlite://gone.db", "SQLite file gone.db cannot be reached: no such file"},
		{"sqlite", "schema", "schema is a directory"},
		{"sqlite", "file:a.db?a=%s3cret", "parameters of the dsn"},
	} {
		o := Options{Driver: test.driver, DSN: test.dsn}
		err := o.Check()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.dsn, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the password is told: %v", test.dsn, err)
		}
	}
}

// TestCheck: all that is wrong, at once.
func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Driver: "sqlite", DSN: "x", UserTable: "a..b", Hash: "rot13", Salt: "pepper", Digest: "md5",
		Iterations: maxIterations + 1, NoMatch: "maybe", OnError: "panic", Refresh: MinRefresh - 1}
	err := o.Check()
	for _, want := range []string{"user_table", "hash", "salt", "digest", "iterations", "no_match", "on_error", "refresh"} {
		if err == nil || !strings.Contains(err.Error(), want+" ") {
			t.Errorf("nothing about %s: %v", want, err)
		}
	}
	for _, o := range []Options{
		{Refresh: MinRefresh, Iterations: 1}, {Refresh: MaxRefresh, Iterations: maxIterations}, {UserTable: "a.b"}, {ACLTable: "weird `name\""},
	} {
		o.Driver, o.DSN = "sqlite", file
		if err := o.Check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if err := (&Options{Driver: "sqlite", DSN: "file:gone?mode=memory"}).Check(); err != nil {
		t.Errorf("in memory: %v", err)
	}
	for _, o := range []Options{{Refresh: MaxRefresh + 1}, {Iterations: -1}} {
		o.Driver, o.DSN = "sqlite", file
		if err := o.Check(); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// TestStart: what is wrong with the database is an error at the start, which
// says what to do.
func TestStart(t *testing.T) {
	for _, test := range []struct {
		name, ddl string
		o         Options
		want      []string
	}{
		{"no table", "SELECT 1", Options{}, []string{"table mqtt_user cannot be read"}},
		{"no table of rights", "CREATE TABLE mqtt_user (username text, password text)", Options{}, []string{"table mqtt_acl cannot be read"}},
		{"no column", "CREATE TABLE mqtt_user (username varchar(9), pass varchar(9))", Options{NoRights: true},
			[]string{"table mqtt_user has no column password", "it has username, pass"}},
		{"a column that was named", "CREATE TABLE mqtt_user (username varchar(9), password varchar(9))", Options{NoRights: true, Columns: Columns{Salt: "pepper"}},
			[]string{"has no column pepper"}},
		{"neither form of rights", "CREATE TABLE mqtt_acl (id integer, username varchar(9), topic varchar(9))", Options{NoUsers: true},
			[]string{"has no column", "allow, access, ipaddr, clientid"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, e *engine) {
				e.exec(t, test.ddl)
				test.o.Driver, test.o.DSN = e.driver, e.dsn
				d, err := Open(t.Context(), test.o)
				if err == nil {
					d.Close()
					t.Fatal("it opens")
				}
				for _, want := range test.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%v\nsays nothing of %q", err, want)
					}
				}
			})
		})
	}
}

// TestUnreachable: nobody listens there, and the file is not there. It is not
// made either.
func TestUnreachable(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere.db")
	for _, o := range []Options{
		{Driver: "mysql", DSN: "mysql://mqtt:s3cret@127.0.0.1:1/mqtt"},
		{Driver: "postgres", DSN: "postgres://mqtt:s3cret@127.0.0.1:1/mqtt?sslmode=disable"},
		{Driver: "sqlite", DSN: nowhere},
	} {
		d, err := Open(t.Context(), o)
		if err == nil {
			d.Close()
			t.Fatalf("%s opens", o.DSN)
		}
		if !strings.Contains(err.Error(), "cannot be reached") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", o.Driver, err)
		}
	}
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("the file was made")
	}
}

// TestReadOnly: nothing can be written through a DB, and a file that may only be
// read will do.
func TestReadOnly(t *testing.T) {
	e := onSQLite(t).tables(t)
	e.user(t, "ann", "secret", nil, false)
	e.db.Close()
	if err := os.Chmod(e.dsn, 0o400); err != nil {
		t.Fatal(err)
	}
	d := e.open(t, Options{Hash: "plain"})
	if _, err := d.Users().Authenticate(t.Context(), credentials("ann", "secret")); err != nil {
		t.Error(err)
	}
	if _, err := d.db.Exec("DELETE FROM mqtt_user"); err == nil {
		t.Error("a row was deleted")
	}
}
