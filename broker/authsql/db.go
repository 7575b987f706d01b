package authsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

const (
	queryTime = 5 * time.Second  // a query may take that long, with the wait for a connection
	startTime = 10 * time.Second // Open may

	serverConnections = 8
	fileConnections   = 4
	idleTime          = 5 * time.Minute // servers and firewalls forget a connection that is idle
)

// DB is a database with users, rights or both.
type DB struct {
	source
	options *Options
	hasher  *hasher
	users   userTable
	acl     aclTable
	who     *Users
	may     *Rights

	charsets map[string]string // of MySQL's "table.column"
	most     int               // rows of rights that one query may bring

	cancel context.CancelFunc // of what runs in the background
	ran    sync.WaitGroup
}

// Open connects, and looks at the tables: what is wrong with them is an error
// now and not at the first CONNECT. A database that cannot be reached is one
// too. After that it may go away and come back.
func Open(ctx context.Context, o Options) (*DB, error) { return open(ctx, o, maxRows) }

func open(ctx context.Context, o Options, most int) (*DB, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	filled := o.withDefaults()
	source, err := filled.open()
	if err != nil {
		return nil, err
	}
	d := &DB{source: source, options: filled, hasher: newHasher(filled), charsets: map[string]string{}, most: most}
	d.db.SetMaxOpenConns(d.own)
	d.db.SetMaxIdleConns(d.own)
	d.db.SetConnMaxIdleTime(idleTime)
	if err := d.begin(ctx); err != nil {
		d.db.Close()
		return nil, fmt.Errorf("%s: %w", d.place, err)
	}
	ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if d.may != nil {
		d.ran.Go(func() { d.may.run(ctx) })
	}
	return d, nil
}

func (d *DB) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := d.ping(ctx); err != nil {
		return fmt.Errorf("it cannot be reached: %w", err)
	}
	users, err := d.findUserTable(ctx)
	if err != nil && !d.options.NoUsers {
		return err
	}
	if err == nil {
		d.users = users
	}
	if !d.options.NoUsers {
		if d.who, err = newUsers(ctx, d); err != nil {
			return err
		}
	}
	if d.options.NoRights {
		return nil
	}
	if d.acl, err = d.findACLTable(ctx); err != nil {
		return err
	}
	d.may, err = newRights(ctx, d)
	return err
}

func (d *DB) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	if err := d.db.PingContext(ctx); err != nil {
		return d.explain(err)
	}
	return nil
}

// Users are the rows of the table of users; nil with Options.NoUsers.
func (d *DB) Users() *Users { return d.who }

// Authorizer decides by the table of rights; nil with Options.NoRights.
func (d *DB) Authorizer() *Rights { return d.may }

// Close ends the refreshing and the connections. Who asks afterwards gets an
// error.
func (d *DB) Close() error {
	d.cancel()
	d.ran.Wait()
	return d.db.Close()
}

// A statement is prepared where that saves a turn with the server. PostgreSQL's
// driver remembers them by itself, or does not where its DSN says so.
type statement struct {
	text     string
	prepared *sql.Stmt
}

func (d *DB) prepare(ctx context.Context, text string) (statement, error) {
	if d.dialect.numbered {
		return statement{text: text}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	prepared, err := d.db.PrepareContext(ctx, text)
	if err != nil {
		return statement{}, d.explain(err)
	}
	return statement{text, prepared}, nil
}

// query runs a statement and hands each row to scan. A connection that broke
// while it was idle is noticed, and another one tried, once.
func (d *DB) query(ctx context.Context, s statement, args []any, scan func(*sql.Rows) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	rows, err := d.run(ctx, s, args)
	if err != nil && ctx.Err() == nil && broken(err) {
		rows, err = d.run(ctx, s, args)
	}
	if err != nil {
		return d.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return d.explain(err)
		}
	}
	if err := rows.Err(); err != nil {
		return d.explain(err)
	}
	return nil
}

func (d *DB) run(ctx context.Context, s statement, args []any) (*sql.Rows, error) {
	if s.prepared != nil {
		return s.prepared.QueryContext(ctx, args...)
	}
	return d.db.QueryContext(ctx, s.text, args...)
}

// broken says whether it was the connection that failed, and not the statement.
func broken(err error) bool {
	var (
		inMySQL    *mysql.MySQLError
		inPostgres *pgconn.PgError
		inSQLite   *sqlite.Error
	)
	switch {
	case errors.As(err, &inMySQL), errors.As(err, &inSQLite):
		return false
	case errors.As(err, &inPostgres):
		return strings.HasPrefix(inPostgres.Code, "57P") // the server is going away
	}
	return true
}
