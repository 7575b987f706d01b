package authsql

import (
	"fmt"
	"strings"
)

// dialect is what the databases spell differently. Every name is quoted, for
// allow, access and password are words of SQL to one or another of them.
type dialect struct {
	quote    byte // around the name of a table or column
	numbered bool // $1 $2 instead of ? ?
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
func (d dialect) in(column string, before, n int) string {
	places := make([]string, n)
	for i := range places {
		places[i] = "?"
		if d.numbered {
			places[i] = fmt.Sprintf("$%d", before+i+1)
		}
	}
	return d.name(column) + " IN (" + strings.Join(places, ", ") + ")"
}
