package authsql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mqtk/broker/acl"
)

// everybody is the user name of a row that is about all clients.
const everybody = "$all"

// maxRows is how many rows one query may bring: those of a client, those of
// everybody, or all. More are an error, since the first that matches decides, and
// the end of the list may not be left out.
const maxRows = 100_000

var errTooMany = errors.New("there are more rows than can be read at once")

// row is a row of the table of rights as a rule.
type row struct {
	id   int64
	rule acl.Rule
	sum  [sha256.Size]byte // of all that is in it
	odd  string            // what is wrong with it
}

// scanRow reads the columns of aclTable.selected.
func (t *aclTable) scanRow(r *sql.Rows) (row, error) {
	var id, verdict, access, qos, retain any
	var ipaddr, username, clientid, topic sql.NullString
	if err := r.Scan(&id, &verdict, &ipaddr, &username, &clientid, &access, &topic, &qos, &retain); err != nil {
		return row{}, err
	}
	number, ok := numberOf(id)
	if !ok {
		return row{}, fmt.Errorf("column %s of table %s must be a whole number, since the rows are asked in its order; there is %q", t.id, t.name, textOf(id))
	}
	result := row{id: number, rule: acl.Rule{
		Topic: topic.String, Username: username.String, ClientID: clientid.String, Address: ipaddr.String,
		All: username.String == everybody, Origin: "row " + strconv.FormatInt(number, 10),
	}}
	result.odd = t.decide(&result.rule, verdict, access)
	if result.odd == "" && (some(qos, "0,1,2") || some(retain, "all")) {
		result.odd = narrow(&result.rule)
	}
	result.sum = result.digest()
	return result, nil
}

// digest is of all that is in a row, which no other row has.
func (r *row) digest() [sha256.Size]byte {
	b := make([]byte, 0, 256)
	b = binary.AppendVarint(b, r.id)
	b = append(b, byte(r.rule.Access))
	b = strconv.AppendBool(b, r.rule.Allow)
	for _, text := range []string{r.rule.Topic, r.rule.Username, r.rule.ClientID, r.rule.Address} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return sha256.Sum256(b)
}

// decide reads what is allowed or denied. Where that cannot be read the row
// denies what it can: neither an unreadable row nor one left out may open
// anything.
func (t *aclTable) decide(r *acl.Rule, verdict, access any) (odd string) {
	var readable bool
	if t.newer {
		word := strings.ToLower(textOf(verdict))
		r.Allow, readable = word == "allow", word == "allow" || word == "deny"
		r.Access = map[string]acl.Access{"subscribe": acl.Read, "publish": acl.Write, "all": acl.Read | acl.Write}[strings.ToLower(textOf(access))]
	} else {
		n, _ := numberOf(verdict)
		r.Allow, readable = n == 1, verdict != nil && (n == 1 || isZero(verdict))
		if n, ok := numberOf(access); ok && n >= 1 && n <= 3 {
			r.Access = acl.Access(n)
		}
	}
	if !readable {
		odd = fmt.Sprintf("%s is %s: it counts as a deny", t.verdict, shown(verdict))
	}
	if r.Access == 0 {
		odd = fmt.Sprintf("%s is %s: it allows nothing, and denies both", t.access, shown(access))
		if !r.Allow {
			r.Access = acl.Read | acl.Write
		}
	}
	return odd
}

// narrow is what becomes of a row that is about some QoS, or about retained
// messages only: an allow would be wider than meant, and so allows nothing; a
// deny denies all.
func narrow(r *acl.Rule) (odd string) {
	if r.Allow {
		r.Access = 0
		return "it allows some qos or retain only, which cannot be told apart here: it allows nothing"
	}
	return "it denies some qos or retain only, which cannot be told apart here: it denies all"
}

// some says whether a column of the newer form restricts its row. all is how the
// absence of a restriction may be written, beside NULL and the empty text.
func some(v any, all string) bool {
	text := strings.ToLower(strings.ReplaceAll(textOf(v), " ", ""))
	return text != "" && text != all && text != "all"
}

func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}

func shown(v any) string {
	if v == nil {
		return "NULL"
	}
	return strconv.Quote(textOf(v))
}

// numberOf reads a whole number in any of the ways the drivers have for it.
func numberOf(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case []byte:
		if len(v) == 1 && v[0] < 2 { // BIT(1)
			return int64(v[0]), true
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(textOf(v)), 10, 64)
	return n, err == nil
}

func isZero(v any) bool {
	n, ok := numberOf(v)
	return ok && n == 0
}

// isTrue reads a flag: 1, or a word for it.
func isTrue(v any) bool {
	if n, ok := numberOf(v); ok {
		return n == 1
	}
	switch strings.ToLower(strings.TrimSpace(textOf(v))) {
	case "true", "t", "yes", "y":
		return true
	}
	return false
}

// rows runs a statement that selects aclTable.selected.
func (d *DB) rows(ctx context.Context, s statement, args []any) ([]row, error) {
	var rows []row
	err := d.query(ctx, s, args, func(r *sql.Rows) error {
		if len(rows) == d.most {
			return fmt.Errorf("%w: %d", errTooMany, d.most)
		}
		row, err := d.acl.scanRow(r)
		rows = append(rows, row)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: table %s cannot be read: %w", d.place, d.acl.name, err)
	}
	return rows, nil
}

// selectRows is a statement for rows, in their order.
func (d *DB) selectRows(where string) string {
	t := &d.acl
	return "SELECT " + d.dialect.columns(t.selected()) + " FROM " + d.dialect.table(t.name) + where +
		" ORDER BY " + d.dialect.name(t.id) + " LIMIT " + strconv.Itoa(d.most+1)
}

// prepareNetworks is for the rows of networks. That the address is more than
// nothing lets an index leave out all rows without one.
func (d *DB) prepareNetworks(ctx context.Context) (statement, error) {
	if d.acl.ipaddr == "" {
		return statement{}, nil
	}
	address := d.dialect.name(d.acl.ipaddr)
	return d.prepare(ctx, d.selectRows(" WHERE "+address+" > '' AND ("+address+" LIKE '%/%' OR "+address+" LIKE '%:%')"))
}

// ofNames selects the rows for $all and those of n clients, by parameters in the
// order of aclTable.whose: n user names, n client ids, n addresses.
func (d *DB) ofNames(n int) string {
	where := []string{d.dialect.name(d.acl.username) + " = '" + everybody + "'"}
	for i, column := range d.acl.whose() {
		where = append(where, d.in(d.acl.name, column, i*n, n))
	}
	return d.selectRows(" WHERE " + strings.Join(where, " OR "))
}

// anyRow selects one row, whichever.
func (d *DB) anyRow() string {
	return "SELECT " + d.dialect.name(d.acl.id) + " FROM " + d.dialect.table(d.acl.name) + " LIMIT 1"
}

// ofNobody selects the rows that match nothing since they name nobody.
func (d *DB) ofNobody() string {
	var where []string
	for _, column := range d.acl.whose() {
		where = append(where, "COALESCE("+d.dialect.name(column)+", '') = ''")
	}
	return d.selectRows(" WHERE " + strings.Join(where, " AND "))
}
