package authsql

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// userTable and aclTable hold the names of the columns as the database spells
// them; those that are not there are empty.
type userTable struct {
	name                                  string
	username, password, salt, isSuperuser string
}

// aclTable is in one of two forms. The older one has allow and access, which are
// numbers; the newer one permission and action, which are words, and perhaps
// qos and retain.
type aclTable struct {
	name                                  string
	newer                                 bool
	id, ipaddr, username, clientid, topic string
	verdict, access                       string // allow and access, or permission and action
	qos, retain                           string
}

// columnsOf asks the database, and so finds out whether there is such a table
// and whether it may be read.
func (d *DB) columnsOf(ctx context.Context, table string) (found, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	rows, err := d.db.QueryContext(ctx, "SELECT * FROM "+d.dialect.table(table)+" WHERE 1 = 0")
	if err != nil {
		return found{}, fmt.Errorf("table %s cannot be read: %w", table, d.explain(err))
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return found{}, fmt.Errorf("table %s cannot be read: %w", table, d.explain(err))
	}
	return found{table: table, names: names}, nil
}

// found is what columns a table has.
type found struct {
	table   string
	names   []string
	missing []string
}

// maybe returns a column as the table spells it, or "".
func (f *found) maybe(name string) string {
	for _, exact := range []bool{true, false} {
		for _, n := range f.names {
			if n == name || !exact && strings.EqualFold(n, name) {
				return n
			}
		}
	}
	return ""
}

// must is maybe, and notes what is missing.
func (f *found) must(name string) string {
	column := f.maybe(name)
	if column == "" {
		f.missing = append(f.missing, name)
	}
	return column
}

// named is must if somebody gave the column that name, else maybe.
func (f *found) named(name, standard string) string {
	if name != standard {
		return f.must(name)
	}
	return f.maybe(name)
}

func (f *found) err() error {
	if len(f.missing) == 0 {
		return nil
	}
	return fmt.Errorf("table %s has no column %s: it has %s; name the columns in [auth.sql.columns], or add them",
		f.table, strings.Join(f.missing, ", "), strings.Join(f.names, ", "))
}

func (d *DB) findUserTable(ctx context.Context) (userTable, error) {
	f, err := d.columnsOf(ctx, d.options.UserTable)
	if err != nil {
		return userTable{}, err
	}
	c := d.options.Columns
	t := userTable{name: d.options.UserTable, username: f.must(c.Username)}
	if !d.options.NoUsers {
		t.password = f.must(c.Password)
	}
	t.salt = f.named(c.Salt, "salt")
	t.isSuperuser = f.named(c.IsSuperuser, "is_superuser")
	if err := f.err(); err != nil {
		return t, err
	}
	return t, d.findCharsets(ctx, t.name, []string{t.username})
}

func (d *DB) findACLTable(ctx context.Context) (aclTable, error) {
	f, err := d.columnsOf(ctx, d.options.ACLTable)
	if err != nil {
		return aclTable{}, err
	}
	c := d.options.Columns
	t := aclTable{name: d.options.ACLTable, id: f.must(c.ID), username: f.must(c.ACLUsername), topic: f.must(c.Topic)}
	t.newer = f.maybe(c.Allow) == "" && f.maybe(c.Access) == "" && f.maybe("permission") != "" && f.maybe("action") != ""
	if t.newer {
		t.verdict, t.access = f.must("permission"), f.must("action")
		t.qos, t.retain = f.maybe("qos"), f.maybe("retain")
		t.ipaddr, t.clientid = f.maybe("ipaddress"), f.named(c.ClientID, "clientid")
		if t.ipaddr == "" {
			t.ipaddr = f.named(c.IPAddr, "ipaddr")
		}
	} else {
		t.verdict, t.access = f.must(c.Allow), f.must(c.Access)
		t.ipaddr, t.clientid = f.must(c.IPAddr), f.must(c.ClientID)
	}
	if err := f.err(); err != nil {
		return t, err
	}
	return t, d.findCharsets(ctx, t.name, t.whose())
}

// selected are the columns in the order in which a row is read.
func (t *aclTable) selected() []string {
	return []string{t.id, t.verdict, t.ipaddr, t.username, t.clientid, t.access, t.topic, t.qos, t.retain}
}

// whose are the columns that say whom a row is about, without those that are
// not there.
func (t *aclTable) whose() []string {
	return slices.DeleteFunc([]string{t.username, t.clientid, t.ipaddr}, func(name string) bool { return name == "" })
}
