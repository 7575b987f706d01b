package authsql

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"mqtk/broker"
	"mqtk/broker/acl"
)

// engine is an empty database of one kind, for one test.
type engine struct {
	driver, dsn string
	db          *sql.DB // to fill it
	numbered    bool
}

// onEach runs a test on SQLite, and on the servers that there are.
func onEach(t *testing.T, test func(t *testing.T, e *engine)) {
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
	t.Run("mysql", func(t *testing.T) { test(t, onMySQL(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, onPostgres(t)) })
}

func onSQLite(t testing.TB) *engine {
	path := filepath.Join(t.TempDir(), "mqtk test.db")
	return &engine{driver: "sqlite", dsn: path, db: openRaw(t, "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(5000)")}
}

func onMySQL(t testing.TB) *engine {
	dsn := os.Getenv("MQTK_TEST_MYSQL_DSN")
	if dsn == "" {
		t.Skip("MQTK_TEST_MYSQL_DSN names no MySQL or MariaDB")
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.DBName = makeRoom(t, openRaw(t, "mysql", dsn), "DATABASE")
	own := config.FormatDSN()
	config.MultiStatements = true
	return &engine{driver: "mysql", dsn: own, db: openRaw(t, "mysql", config.FormatDSN())}
}

func onPostgres(t testing.TB) *engine {
	dsn := os.Getenv("MQTK_TEST_POSTGRES_DSN")
	if dsn == "" {
		t.Skip("MQTK_TEST_POSTGRES_DSN names no PostgreSQL")
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", makeRoom(t, openRaw(t, "pgx", dsn), "SCHEMA"))
	u.RawQuery = query.Encode()
	return &engine{driver: "postgres", dsn: u.String(), db: openRaw(t, "pgx", u.String()), numbered: true}
}

func openRaw(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Ping(); err != nil {
		t.Fatalf("%s: %v", driver, err)
	}
	return db
}

// makeRoom makes a database or schema that goes with the test.
func makeRoom(t testing.TB, admin *sql.DB, kind string) string {
	t.Helper()
	name := fmt.Sprintf("mqtk_%d_%x", os.Getpid(), rand.Uint32())
	if _, err := admin.Exec("CREATE " + kind + " " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		drop := "DROP " + kind + " " + name
		if kind == "SCHEMA" {
			drop += " CASCADE"
		}
		if _, err := admin.Exec(drop); err != nil {
			t.Error(err)
		}
	})
	return name
}

// exec runs a statement whose parameters are written ? for all databases.
func (e *engine) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	for i := 1; e.numbered && strings.Contains(statement, "?"); i++ {
		statement = strings.Replace(statement, "?", fmt.Sprintf("$%d", i), 1)
	}
	if _, err := e.db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// tables makes the tables as the documentation has them.
func (e *engine) tables(t testing.TB) *engine {
	t.Helper()
	e.exec(t, Schema(e.driver))
	return e
}

// name quotes a column for the statements of a test.
func (e *engine) name(column string) string {
	if e.driver == "mysql" {
		return "`" + column + "`"
	}
	return `"` + column + `"`
}

// user adds a row to mqtt_user.
func (e *engine) user(t testing.TB, username, password, salt any, superuser bool) {
	t.Helper()
	e.exec(t, "INSERT INTO mqtt_user (username, "+e.name("password")+", salt, is_superuser) VALUES (?, ?, ?, ?)", username, password, salt, superuser)
}

// row adds a row to mqtt_acl.
func (e *engine) row(t testing.TB, values ...any) {
	t.Helper()
	e.exec(t, "INSERT INTO mqtt_acl (id, "+e.name("allow")+", ipaddr, username, clientid, "+e.name("access")+", topic) VALUES (?, ?, ?, ?, ?, ?, ?)", values...)
}

func (e *engine) options() Options { return Options{Driver: e.driver, DSN: e.dsn} }

// open opens the database, and closes it with the test.
func (e *engine) open(t testing.TB, o Options) *DB {
	t.Helper()
	o.Driver, o.DSN = e.driver, e.dsn
	d, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// journal is a log that a test reads.
type journal struct{ bytes.Buffer }

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// identityOf is a client with a slot for its rights.
func identityOf(c acl.Client) *broker.Identity {
	id := &broker.Identity{Username: c.Username, ClientID: c.ClientID, Rights: &broker.Rights{}}
	if c.Address.IsValid() {
		id.Remote = net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.Address, 40000))
	}
	return id
}

// loaded is identityOf with its rights.
func loaded(t testing.TB, d *DB, c acl.Client) *broker.Identity {
	t.Helper()
	id := identityOf(c)
	if err := d.Authorizer().LoadRights(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	return id
}
