package authsql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"mqtk/broker"
	"mqtk/broker/acl"
)

// Rights decide by the rows of mqtt_acl: a broker.RightsLoader.
type Rights struct {
	db      *DB
	noMatch bool // what no row decides
	lenient bool // a query that fails is as if there were no row

	one, many   statement // of the rows of one client, of batchSize
	oneSuper    statement // of is_superuser
	manySuper   statement
	supers      bool // the column is there
	networks    networks
	ring        ring
	shared      sharing
	trouble     trouble
	warnedOfAll sync.Once
	warnedOfOdd sync.Once
}

// grant is what one client may do: what Rights keep in the slot of its identity.
// Nothing else keeps it for longer, so that it goes when the client goes.
type grant struct {
	by       *Rights
	client   acl.Client
	decision atomic.Pointer[decision] // nil: not known, or no longer
	failed   int                      // refreshes in a row; the refresher's alone
}

// decision never changes.
type decision struct {
	super bool // may do everything
	rules *acl.Rules
	sum   [sha256.Size]byte // of the rows that it is made of; zero where they could not be read
}

var _ broker.RightsLoader = (*Rights)(nil)

// batchSize is how many clients one query asks for.
const batchSize = 32

func newRights(ctx context.Context, d *DB) (*Rights, error) {
	r := &Rights{db: d, noMatch: d.options.NoMatch == "allow", lenient: d.options.OnError == "nomatch", supers: d.users.isSuperuser != ""}
	t := &d.users
	super := "SELECT " + d.dialect.columns([]string{t.username, t.isSuperuser}) + " FROM " + d.dialect.table(t.name) + " WHERE "
	var problems [5]error
	r.one, problems[0] = d.prepare(ctx, d.ofNames(1))
	r.many, problems[1] = d.prepare(ctx, d.ofNames(batchSize))
	r.networks.statement, problems[2] = d.prepareNetworks(ctx)
	if r.supers {
		r.oneSuper, problems[3] = d.prepare(ctx, super+d.in(t.name, t.username, 0, 1))
		r.manySuper, problems[4] = d.prepare(ctx, super+d.in(t.name, t.username, 0, batchSize))
	}
	if err := errors.Join(problems[:]...); err != nil {
		return nil, fmt.Errorf("table %s cannot be read: %w", d.acl.name, err)
	}
	return r, r.inspect(ctx)
}

// Authorize decides by what was last loaded. It never asks the database.
func (r *Rights) Authorize(id *broker.Identity, a broker.Action, topic string) bool {
	g, ok := id.Rights.Load().(*grant)
	if !ok || g.by != r {
		return false
	}
	d := g.decision.Load()
	return d != nil && (d.super || d.rules.May(a, topic))
}

// Known says whether there is a decision.
func (r *Rights) Known(id *broker.Identity) bool {
	g, ok := id.Rights.Load().(*grant)
	return ok && g.by == r && g.decision.Load() != nil
}

// LoadRights reads the rows of a client. From then on they are read again in the
// background, as long as the slot holds them.
func (r *Rights) LoadRights(ctx context.Context, id *broker.Identity) error {
	g := &grant{by: r, client: acl.ClientOf(id)}
	err := r.load(ctx, []*grant{g})
	if err != nil && ctx.Err() != nil {
		return err // nobody is waiting any more
	}
	r.trouble.note(r.db.options.Log, err)
	if err != nil && !r.lenient {
		r.keep(g, id) // who is there stays: its rows are read once that can be done
		return err
	}
	if err != nil {
		g.decision.Store(r.withoutRows(g))
	}
	if names := g.decision.Load().rules.Names(); len(names) > 0 {
		r.db.options.Log.Warn("a name of the client holds + # / or NUL, or begins a topic with $: the rows that put it into a topic match nothing",
			"client", id.ClientID, "username", id.Username, "names", names)
	}
	r.keep(g, id)
	return nil
}

// keep puts what a client may do into its slot, and into the ring.
func (r *Rights) keep(g *grant, id *broker.Identity) {
	r.ring.add(g)
	id.Rights.Store(g)
}

// withoutRows is the decision about a client of whom nothing can be read, where
// an error is to count as no match.
func (r *Rights) withoutRows(g *grant) *decision {
	return &decision{rules: acl.Compile(nil, g.client, acl.FirstMatch, r.noMatch)}
}

// load reads the rows of up to batchSize clients. An error changes none of them.
func (r *Rights) load(ctx context.Context, grants []*grant) error {
	networks, err := r.networks.get(ctx, r)
	if err != nil {
		return err
	}
	return r.loadWith(ctx, grants, networks)
}

func (r *Rights) loadWith(ctx context.Context, grants []*grant, networks []row) error {
	supers, err := r.superusers(ctx, grants)
	if err != nil {
		return err
	}
	own, err := r.ownRows(ctx, grants)
	if err != nil {
		return err
	}
	all := merged(own, networks)
	for _, g := range grants {
		r.settle(g, all, supers[g.client.Username])
	}
	return nil
}

// settle puts the rows that are about a client into force, if they are others
// than before.
func (r *Rights) settle(g *grant, rows []row, super bool) {
	var mine []*acl.Rule
	hash := sha256.New()
	for i := range rows {
		if rule := &rows[i].rule; rule.About(&g.client) {
			mine = append(mine, rule)
			hash.Write(rows[i].sum[:])
		}
	}
	next := &decision{super: super, sum: [sha256.Size]byte(hash.Sum(nil))}
	if last := g.decision.Load(); last != nil && last.super == next.super && last.sum == next.sum {
		return
	}
	compile := func() *acl.Rules {
		rules := make([]acl.Rule, len(mine)) // of all the rows, these alone are kept
		for i, rule := range mine {
			rules[i] = *rule
		}
		return acl.Compile(rules, g.client, acl.FirstMatch, r.noMatch)
	}
	if slices.ContainsFunc(mine, (*acl.Rule).Personal) {
		next.rules = compile()
	} else {
		next.rules = r.shared.get(next.sum, compile)
	}
	g.decision.Store(next)
}

// ownRows reads the rows that name one of the clients, and those for $all.
func (r *Rights) ownRows(ctx context.Context, grants []*grant) ([]row, error) {
	s, n := r.sized(r.one, r.many, grants)
	var args []any
	for _, column := range r.db.acl.whose() {
		for i := range n {
			args = append(args, parameter(grants, i, func(c *acl.Client) string {
				switch column {
				case r.db.acl.username:
					return c.Username
				case r.db.acl.clientid:
					return c.ClientID
				}
				return addressText(c.Address)
			}))
		}
	}
	rows, err := r.db.rows(ctx, s, args)
	r.warn(rows)
	return rows, err
}

// superusers reads is_superuser of the clients' users.
func (r *Rights) superusers(ctx context.Context, grants []*grant) (map[string]bool, error) {
	if !r.supers || !slices.ContainsFunc(grants, func(g *grant) bool { return askable(g.client.Username) }) {
		return nil, nil
	}
	s, n := r.sized(r.oneSuper, r.manySuper, grants)
	var args []any
	for i := range n {
		args = append(args, parameter(grants, i, func(c *acl.Client) string { return c.Username }))
	}
	supers := make(map[string]bool)
	err := r.db.query(ctx, s, args, func(rows *sql.Rows) error {
		var name sql.NullString
		var flag any
		err := rows.Scan(&name, &flag)
		if err == nil && name.String != "" && isTrue(flag) {
			supers[name.String] = true // as it is written, whatever the database takes for the same
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: table %s cannot be read: %w", r.db.place, r.db.users.name, err)
	}
	return supers, nil
}

func (r *Rights) sized(one, many statement, grants []*grant) (statement, int) {
	if len(grants) == 1 {
		return one, 1
	}
	return many, batchSize
}

// parameter is the name of the client at a place, or NULL, which equals nothing.
func parameter(grants []*grant, i int, of func(*acl.Client) string) any {
	if i >= len(grants) {
		return nil
	}
	if name := of(&grants[i].client); askable(name) {
		return name
	}
	return nil
}

// merged joins two lists in the order of their ids. A row may be in both.
func merged(a, b []row) []row {
	if len(a) == 0 {
		return b
	}
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y row) int {
		switch {
		case x.id < y.id:
			return -1
		case x.id > y.id:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(all, func(x, y row) bool { return x.id == y.id })
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
