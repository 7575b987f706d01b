package authsql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// dialect is what the databases spell differently. Every name is quoted, for
// allow, access and password are words of SQL to one or another of them.
type dialect struct {
	quote    byte // around the name of a table or column
	numbered bool // $1 $2 instead of ? ?
	charsets bool // each column has its own
}

// name quotes the name of a column, or of a table with its schema.
func (d dialect) name(name string) string {
	q := string(d.quote)
	return q + strings.ReplaceAll(name, q, q+q) + q
}

func (d dialect) table(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = d.name(part)
	}
	return strings.Join(parts, ".")
}

// columns is a list of them for SELECT.
func (d dialect) columns(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = "NULL" // not in this table
		if name != "" {
			quoted[i] = d.name(name)
		}
	}
	return strings.Join(quoted, ", ")
}

// in is "column IN (…)" with n parameters, of which before come earlier in the
// statement.
func (d *DB) in(table, column string, before, n int) string {
	places := make([]string, n)
	for i := range places {
		places[i] = "?"
		if d.dialect.numbered {
			places[i] = fmt.Sprintf("$%d", before+i+1)
		}
		if charset := d.charsets[table+"."+column]; charset != "" {
			places[i] = "CONVERT(" + places[i] + " USING " + charset + ")"
		}
	}
	return d.dialect.name(column) + " IN (" + strings.Join(places, ", ") + ")"
}

// findCharsets asks MySQL for the character sets of columns. There, to compare a
// column with a name that cannot be said in its character set is an error. So
// names are converted to it; what comes of that is never found, or not by that
// name.
func (d *DB) findCharsets(ctx context.Context, table string, columns []string) error {
	if !d.dialect.charsets || len(columns) == 0 {
		return nil
	}
	asked := make([]string, len(columns))
	for i, column := range columns {
		asked[i] = "CHARSET(MAX(" + d.dialect.name(column) + "))"
	}
	s := statement{text: "SELECT " + strings.Join(asked, ", ") + " FROM " + d.dialect.table(table) + " WHERE 1 = 0"}
	err := d.query(ctx, s, nil, func(r *sql.Rows) error {
		found, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range found {
			into[i] = &found[i]
		}
		err := r.Scan(into...)
		for i, charset := range found {
			if charset.String != "" && charset.String != "binary" {
				d.charsets[table+"."+columns[i]] = charset.String
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("table %s cannot be read: %w", table, err)
	}
	return nil
}
