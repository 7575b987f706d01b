package authsql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"mqtk/broker/acl"
)

// inspect says at the start what is the matter with the rows as a whole.
func (r *Rights) inspect(ctx context.Context) error {
	d, log := r.db, r.db.options.Log
	nobody, err := d.rows(ctx, statement{text: d.ofNobody()}, nil)
	if err != nil {
		return err
	}
	if len(nobody) > 0 {
		log.Warn("rows of the table of rights match nothing, since they name no user, client id or address: "+
			"write "+everybody+" as the user name of a row that is about everybody, and delete the others",
			"table", d.acl.name, "row_ids", origins(nobody))
	}
	empty := true
	err = d.query(ctx, statement{text: d.anyRow()}, nil, func(*sql.Rows) error { empty = false; return nil })
	if err != nil {
		return fmt.Errorf("table %s cannot be read: %w", d.acl.name, err)
	}
	if empty && !r.noMatch {
		log.Warn("the table of rights is empty: nobody but a superuser may do anything", "table", d.acl.name)
	}
	return nil
}

// warn tells once of rows that do not do all that they seem to say.
func (r *Rights) warn(rows []row) {
	var ignored, odd []row
	for i := range rows {
		rule := &rows[i].rule
		if rule.All && (rule.ClientID != "" || rule.Address != "") {
			ignored = append(ignored, rows[i])
		}
		if rows[i].odd != "" {
			odd = append(odd, rows[i])
		}
	}
	d, log := r.db, r.db.options.Log
	if len(ignored) > 0 {
		r.warnedOfAll.Do(func() {
			log.Warn("rows for "+everybody+" are about everybody: their address and client id are ignored", "table", d.acl.name, "rows", origins(ignored))
		})
	}
	if len(odd) > 0 {
		r.warnedOfOdd.Do(func() {
			for _, row := range odd[:min(len(odd), told)] {
				log.Warn("a row of the table of rights is not what it seems", "table", d.acl.name, "row", row.id, "because", row.odd)
			}
		})
	}
}

// told is how many rows a message names.
const told = 10

func origins(rows []row) string {
	var names []string
	for _, row := range rows[:min(len(rows), told)] {
		names = append(names, fmt.Sprint(row.id))
	}
	if len(rows) > told {
		names = append(names, fmt.Sprintf("and %d more", len(rows)-told))
	}
	return strings.Join(names, ", ")
}

// Rows are all rows of the table of rights, in their order.
func (d *DB) Rows(ctx context.Context) ([]acl.Rule, error) {
	rows, err := d.rows(ctx, statement{text: d.selectRows("")}, nil)
	return rulesOf(rows), err
}

// Findings tell of the rows that cannot be taken as they are written, which
// acl.Lint cannot see any more.
func (d *DB) Findings(ctx context.Context) ([]acl.Finding, error) {
	rows, err := d.rows(ctx, statement{text: d.selectRows("")}, nil)
	var all []acl.Finding
	for _, row := range rows {
		if row.odd != "" {
			all = append(all, acl.Finding{Origin: row.rule.Origin, Text: row.odd, Dangerous: !row.rule.Allow})
		}
	}
	return all, err
}

// RulesOf are the rows that a client's rights are made of, those of others among
// them, and whether its user skips them all. NoMatch holds where none decides.
func (d *DB) RulesOf(ctx context.Context, c acl.Client) (rules []acl.Rule, superuser bool, err error) {
	grants := []*grant{{by: d.may, client: c}}
	networks, err := d.may.networks.get(ctx, d.may)
	if err != nil {
		return nil, false, err
	}
	own, err := d.may.ownRows(ctx, grants)
	if err != nil {
		return nil, false, err
	}
	supers, err := d.may.superusers(ctx, grants)
	return rulesOf(merged(own, networks)), supers[c.Username], err
}

// NoMatch is what holds where no row decides.
func (d *DB) NoMatch() bool { return d.may.noMatch }

func rulesOf(rows []row) []acl.Rule {
	rules := make([]acl.Rule, len(rows))
	for i := range rows {
		rules[i] = rows[i].rule
	}
	return rules
}
