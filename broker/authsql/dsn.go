package authsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// A source is a database that nobody has connected to yet: nothing of it is
// printed but place. What the drivers say of a DSN that they cannot read may
// quote the password, so those words are never passed on unless the part with
// the password has been read.
type source struct {
	db      *sql.DB
	place   string   // for people: what it is and where
	file    string   // that must be there; empty: there is none
	secrets []string // never to be seen in a message
	dialect dialect
	own     int // connections at most
}

// open reads the DSN. It connects to nothing.
func (o *Options) open() (source, error) {
	dsn, err := o.dsn()
	if err != nil {
		return source{}, err
	}
	switch o.Driver {
	case "mysql", "mariadb":
		return openMySQL(dsn, o.Log)
	case "postgres", "postgresql":
		return openPostgres(dsn)
	case "sqlite", "sqlite3":
		return openSQLite(dsn, o.Dir)
	case "":
		return source{}, errors.New("driver is missing: use one of mysql, postgres, sqlite")
	}
	return source{}, fmt.Errorf("driver = %q is not known: use one of mysql, postgres, sqlite", o.Driver)
}

func (o *Options) dsn() (string, error) {
	dsn := o.DSN
	if name, ok := strings.CutPrefix(dsn, "env:"); ok {
		if dsn = os.Getenv(name); dsn == "" {
			return "", fmt.Errorf("dsn = %q: the environment variable %s is not set", o.DSN, name)
		}
	}
	if dsn == "" {
		return "", errors.New("dsn is missing: it says where the database is")
	}
	return dsn, nil
}

var errMySQLDSN = errors.New("the dsn cannot be read: write mysql://USER:PASSWORD@HOST:PORT/DATABASE (with %-escapes in the password) " +
	"or USER:PASSWORD@tcp(HOST:PORT)/DATABASE or USER:PASSWORD@unix(/PATH)/DATABASE")

func openMySQL(dsn string, log *slog.Logger) (source, error) {
	config, err := mysqlConfig(dsn)
	if err != nil {
		return source{}, err
	}
	if config.DBName == "" {
		return source{}, errors.New("the dsn names no database: its end is /DATABASE")
	}
	// A query has a time limit of its own; these end what hangs below it.
	config.Timeout = orElse(config.Timeout, queryTime)
	config.ReadTimeout = orElse(config.ReadTimeout, 2*queryTime)
	config.WriteTimeout = orElse(config.WriteTimeout, 2*queryTime)
	config.AllowAllFiles, config.MultiStatements, config.InterpolateParams = false, false, false
	config.Logger = mysqlLog{log}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return source{}, scrubbed(fmt.Errorf("the dsn cannot be used: %w", err), config.Passwd)
	}
	return source{
		db:    sql.OpenDB(connector),
		place: fmt.Sprintf("database %s of MySQL at %s", config.DBName, config.Addr), secrets: []string{config.Passwd, url.QueryEscape(config.Passwd)},
		dialect: dialect{quote: '`', charsets: true}, own: serverConnections,
	}, nil
}

func mysqlConfig(dsn string) (*mysql.Config, error) {
	scheme, _, isURL := strings.Cut(dsn, "://")
	if !isURL || strings.ContainsAny(scheme, ":@/(") {
		return parseMySQL(dsn)
	}
	u, err := url.Parse(dsn)
	if err != nil || (u.Scheme != "mysql" && u.Scheme != "mariadb") {
		return nil, errMySQLDSN
	}
	address := "tcp(" + net.JoinHostPort(orElse(u.Hostname(), "127.0.0.1"), orElse(u.Port(), "3306")) + ")"
	query := u.Query()
	if path := query.Get("socket"); path != "" {
		address = "unix(" + path + ")"
		query.Del("socket")
	}
	config, err := parseMySQL(address + "/" + url.PathEscape(strings.TrimPrefix(u.Path, "/")) + "?" + query.Encode())
	if err != nil {
		return nil, err
	}
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	return config, nil
}

// parseMySQL reads the Go driver's form. Only when all but the parameters can
// be read is the driver's word about them passed on.
func parseMySQL(dsn string) (*mysql.Config, error) {
	config, err := mysql.ParseDSN(dsn)
	if err == nil {
		return config, nil
	}
	slash := strings.LastIndexByte(dsn, '/')
	front, parameters, ok := strings.Cut(dsn[slash+1:], "?")
	if slash >= 0 && ok && parameters != "" {
		if config, bare := mysql.ParseDSN(dsn[:slash+1] + front); bare == nil {
			return nil, scrubbed(fmt.Errorf("the parameters of the dsn cannot be read: %w", err), config.Passwd)
		}
	}
	return nil, errMySQLDSN
}

// mysqlLog passes on what the driver would write to stderr.
type mysqlLog struct{ log *slog.Logger }

func (l mysqlLog) Print(v ...any) {
	l.log.Debug("the MySQL driver says: " + strings.TrimSpace(fmt.Sprint(v...)))
}

func openPostgres(dsn string) (source, error) {
	unreadable := errors.New("the dsn cannot be read: write postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full (with %-escapes in the password)")
	u, err := url.Parse(dsn)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		if !strings.Contains(dsn, "=") || strings.Contains(dsn, "://") {
			return source{}, unreadable
		}
		u = nil // the "key=value key=value" form
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		if u == nil {
			return source{}, unreadable
		}
		password, _ := u.User.Password()
		return source{}, scrubbed(fmt.Errorf("the dsn cannot be used: %w", orSelf(errors.Unwrap(err), err)), password, dsn)
	}
	config.ConnectTimeout = orElse(config.ConnectTimeout, queryTime)
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "mqtk"
	}
	place := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	if strings.HasPrefix(config.Host, "/") {
		place = config.Host
	}
	return source{
		db:    stdlib.OpenDB(*config),
		place: fmt.Sprintf("database %s of PostgreSQL at %s", config.Database, place), secrets: []string{config.Password},
		dialect: dialect{quote: '"', numbered: true}, own: serverConnections,
	}, nil
}

// openSQLite opens the file for reading alone, and never makes one: a wrong
// path is to be an error, not an empty database. It is not opened read-only,
// since the readers of a database in WAL mode write its -shm file.
func openSQLite(dsn, dir string) (source, error) {
	path, query := dsn, url.Values{}
	if rest, ok := strings.CutPrefix(dsn, "file:"); ok {
		before, parameters, _ := strings.Cut(rest, "?")
		var err error
		if query, err = url.ParseQuery(parameters); err != nil {
			return source{}, errors.New("the parameters of the dsn cannot be read: write file:PATH?KEY=VALUE&KEY=VALUE")
		}
		if path, err = url.PathUnescape(before); err != nil {
			return source{}, errors.New("the path in the dsn cannot be read: after file: it has %-escapes; or write the path alone")
		}
		if strings.HasPrefix(path, "///") {
			path = path[2:]
		}
	} else if rest, ok := strings.CutPrefix(dsn, "sqlite://"); ok {
		path = rest
	}
	if dir != "" && !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if query.Get("mode") == "" {
		query.Set("mode", "rw")
	}
	query.Add("_pragma", "busy_timeout(2000)")
	query.Add("_pragma", "query_only(1)")
	escaped := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	db, err := sql.Open("sqlite", "file:"+escaped+"?"+query.Encode())
	if err != nil {
		return source{}, fmt.Errorf("the dsn cannot be used: %w", err)
	}
	file := path
	if mode := query.Get("mode"); mode == "memory" || mode == "rwc" {
		file = ""
	}
	return source{db: db, place: "SQLite file " + path, file: file, dialect: dialect{quote: '"'}, own: fileConnections}, nil
}

// look looks for the file, where the database is one.
func (s *source) look() error {
	if s.file == "" {
		return nil
	}
	info, err := os.Stat(s.file)
	if bad := new(fs.PathError); errors.As(err, &bad) {
		err = bad.Err
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s cannot be reached: %w", s.place, err)
	case info.IsDir():
		return fmt.Errorf("%s is a directory: dsn names the file of the database", s.file)
	}
	return nil
}

// scrubbed is an error without the secrets in its words.
func scrubbed(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// explain says what is the matter with the database in words of our own where
// the driver's would not help.
func (s *source) explain(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", queryTime)
	case errors.Is(err, sql.ErrConnDone):
		return errors.New("it was closed")
	}
	return scrubbed(err, s.secrets...)
}

// orElse is value, or another if that is the zero value.
func orElse[T comparable](value, other T) T {
	var zero T
	if value == zero {
		return other
	}
	return value
}

func orSelf(err, self error) error {
	if err == nil {
		return self
	}
	return err
}
