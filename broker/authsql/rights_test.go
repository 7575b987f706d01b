package authsql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/broker/acl"
)

// refreshAll reads everybody's rows again, as the ring does in its time.
func refreshAll(d *DB) {
	forget(d)
	for part := range ringSize {
		d.may.refresh(context.Background(), d.may.ring.live(part))
	}
}

// forget lets the rows of networks be read again at once.
func forget(d *DB) {
	d.may.networks.Lock()
	defer d.may.networks.Unlock()
	d.may.networks.until = time.Time{}
}

func may(d *DB, id *broker.Identity, topic string) bool {
	return d.Authorizer().Authorize(id, broker.Publish, topic)
}

// TestRefresh: rows that come, change and go are felt by clients that are there,
// many of them by one query, and each by its own.
func TestRefresh(t *testing.T) {
	onEach(t, func(t *testing.T, e *engine) {
		e.tables(t)
		d := e.open(t, Options{})
		var ids []*broker.Identity
		for i := range 3*batchSize + 1 {
			ids = append(ids, loaded(t, d, from(fmt.Sprint("u", i), fmt.Sprint("c", i), fmt.Sprintf("10.0.%d.1", i))))
		}
		for i := range ids {
			e.row(t, 10*i+1, 1, nil, fmt.Sprint("u", i), nil, 3, fmt.Sprint("user/", i))
			e.row(t, 10*i+2, 1, nil, nil, fmt.Sprint("c", i), 3, fmt.Sprint("client/", i))
			e.row(t, 10*i+3, 1, fmt.Sprintf("10.0.%d.1", i), nil, nil, 3, fmt.Sprint("address/", i))
		}
		e.row(t, 5, 1, nil, "$all", nil, 3, "all/%c")
		e.row(t, 6, 1, "10.0.7.0/24", nil, nil, 3, "seven")
		e.user(t, "u8", "x", nil, true)
		for i, id := range ids {
			if may(d, id, "all/"+id.ClientID) {
				t.Fatalf("client %d knows rows that were not read", i)
			}
		}
		refreshAll(d)
		for i, id := range ids {
			for _, topic := range []string{fmt.Sprint("user/", i), fmt.Sprint("client/", i), fmt.Sprint("address/", i), "all/" + id.ClientID} {
				if !may(d, id, topic) {
					t.Errorf("client %d may not %s", i, topic)
				}
			}
			for _, topic := range []string{fmt.Sprint("user/", i+1), "all/x", "other"} {
				if i != 8 && may(d, id, topic) {
					t.Errorf("client %d may %s", i, topic)
				}
			}
			if got := may(d, id, "seven"); got != (i == 7 || i == 8) {
				t.Errorf("client %d: the network %v", i, got)
			}
		}
		e.exec(t, "DELETE FROM mqtt_acl WHERE id <> 11")
		e.exec(t, "DELETE FROM mqtt_user")
		refreshAll(d)
		for i, id := range ids {
			if may(d, id, fmt.Sprint("client/", i)) || may(d, id, "other") || may(d, id, fmt.Sprint("user/", i)) != (i == 1) {
				t.Errorf("client %d after the rows went", i)
			}
		}
		for _, super := range []bool{true, false} {
			e.exec(t, "DELETE FROM mqtt_user")
			e.user(t, "u2", "x", nil, super)
			refreshAll(d)
			if may(d, ids[2], "other") != super || may(d, ids[3], "other") {
				t.Errorf("is_superuser %v alone changes: %v", super, may(d, ids[2], "other"))
			}
		}
	})
}

// TestBackground: it happens by itself, within the time that the options say, and
// ends with the DB.
func TestBackground(t *testing.T) {
	e := onSQLite(t).tables(t)
	synctest.Test(t, func(t *testing.T) {
		d, err := Open(t.Context(), e.options())
		if err != nil {
			t.Fatal(err)
		}
		var ids []*broker.Identity
		for i := range 2 * ringSize {
			ids = append(ids, loaded(t, d, from("bob", fmt.Sprint("c", i), "")))
		}
		e.row(t, 1, 1, nil, "bob", nil, 3, "a")
		time.Sleep(DefaultRefresh / 2)
		synctest.Wait()
		some := 0
		for _, id := range ids {
			if may(d, id, "a") {
				some++
			}
		}
		if some == 0 || some == len(ids) {
			t.Errorf("after half of the time %d of %d have read again: they are not spread", some, len(ids))
		}
		time.Sleep(DefaultRefresh/2 + time.Millisecond)
		synctest.Wait()
		for i, id := range ids {
			if !may(d, id, "a") {
				t.Errorf("client %d has not read again", i)
			}
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if !may(d, ids[0], "a") {
			t.Error("a check needs the database")
		}
	})
}

// TestQueryErrors: at CONNECT an error is one; in the background what was known
// holds for a while; both end when the database is back.
func TestQueryErrors(t *testing.T) {
	onEach(t, func(t *testing.T, e *engine) {
		for _, lenient := range []bool{false, true} {
			t.Run(fmt.Sprint("nomatch ", lenient), func(t *testing.T) {
				e.exec(t, "DROP TABLE IF EXISTS mqtt_acl")
				e.exec(t, "DROP TABLE IF EXISTS mqtt_user")
				e.tables(t)
				e.row(t, 1, 1, nil, "bob", nil, 3, "a")
				o := Options{NoMatch: "allow"}
				if lenient {
					o.OnError = "nomatch"
				}
				d := e.open(t, o)
				old := loaded(t, d, from("bob", "c1", ""))
				e.exec(t, "ALTER TABLE mqtt_acl RENAME TO elsewhere")

				id := identityOf(from("ann", "c2", ""))
				err := d.Authorizer().LoadRights(t.Context(), id)
				if (err == nil) != lenient || may(d, id, "a") != lenient || d.Authorizer().Known(id) != lenient {
					t.Errorf("CONNECT: %v, may %v, known %v", err, may(d, id, "a"), d.Authorizer().Known(id))
				}
				if err != nil && (!strings.Contains(err.Error(), "table mqtt_acl cannot be read") || errors.Is(err, broker.ErrBadCredentials)) {
					t.Errorf("CONNECT: %v", err)
				}
				for range tolerated {
					refreshAll(d)
				}
				if !may(d, old, "a") || !d.Authorizer().Known(old) {
					t.Error("what was known does not hold for a while")
				}
				refreshAll(d)
				if may(d, old, "a") != lenient || d.Authorizer().Known(old) != lenient {
					t.Errorf("after %d failures: may %v, known %v", tolerated+1, may(d, old, "a"), d.Authorizer().Known(old))
				}
				e.exec(t, "ALTER TABLE elsewhere RENAME TO mqtt_acl")
				e.row(t, 2, 0, nil, "bob", nil, 3, "b")
				refreshAll(d)
				if !may(d, old, "a") || may(d, old, "b") || !d.Authorizer().Known(old) {
					t.Error("the database is back, and is not asked")
				}
				if !may(d, id, "a") || !d.Authorizer().Known(id) {
					t.Error("whose rows could not be read at first stays without rights")
				}
				e.exec(t, "ALTER TABLE mqtt_acl RENAME TO elsewhere")
				refreshAll(d)
				if !may(d, old, "a") || may(d, old, "b") || !d.Authorizer().Known(old) {
					t.Error("the next failure counts on from the last ones")
				}
				e.exec(t, "ALTER TABLE elsewhere RENAME TO mqtt_acl")
			})
		}
	})
}

// TestAbandoned: who has gone while its rows were read is no trouble of the
// database, and gets no rights by on_error.
func TestAbandoned(t *testing.T) {
	e := onSQLite(t).tables(t)
	var log journal
	d := e.open(t, Options{NoMatch: "allow", OnError: "nomatch", Log: log.logger()})
	log.Reset()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	id := identityOf(from("bob", "c1", ""))
	if err := d.Authorizer().LoadRights(ctx, id); err == nil || may(d, id, "a") {
		t.Errorf("%v, may %v", err, may(d, id, "a"))
	}
	if log.Len() > 0 {
		t.Errorf("the log says %s", log.String())
	}
}

// TestReconnect: connections that the server has closed are not felt.
func TestReconnect(t *testing.T) {
	for _, there := range []func(testing.TB) *engine{onMySQL, onPostgres} {
		t.Run("", func(t *testing.T) {
			e := there(t).tables(t)
			e.user(t, "bob", "secret", nil, false)
			d := e.open(t, Options{Hash: "plain"})
			for range 3 {
				loaded(t, d, from("bob", "c1", ""))
				e.killOthers(t)
				id := loaded(t, d, from("bob", "c1", ""))
				e.killOthers(t)
				if _, err := d.Users().Authenticate(t.Context(), credentials("bob", "secret")); err != nil {
					t.Error(err)
				}
				if !d.Authorizer().Known(id) {
					t.Error("not known")
				}
			}
		})
	}
}

// killOthers ends all connections to the test's database but those of the test.
func (e *engine) killOthers(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	own, err := e.db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	list := "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
	if e.numbered {
		list = "SELECT pid FROM pg_stat_activity WHERE application_name = 'mqtk'"
	}
	rows, err := own.QueryContext(ctx, list)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		t.Fatal("there is no connection to end")
	}
	for _, id := range ids {
		end := fmt.Sprintf("KILL %d", id)
		if e.numbered {
			end = fmt.Sprintf("SELECT pg_terminate_backend(%d, 5000)", id)
		}
		own.ExecContext(ctx, end) // it may have ended
	}
}

// TestGone: the rows of a client go with its identity.
func TestGone(t *testing.T) {
	e := onSQLite(t).tables(t)
	e.row(t, 1, 1, nil, "$all", nil, 3, "a")
	d := e.open(t, Options{})
	stays := loaded(t, d, from("ann", "c0", ""))
	func() {
		for i := range 100 {
			loaded(t, d, from("bob", fmt.Sprint("c", i), ""))
		}
	}()
	count := func() (n int) {
		for part := range ringSize {
			n += len(d.may.ring.live(part))
		}
		return n
	}
	for tries := 0; count() != 1; tries++ {
		if tries == 20 {
			t.Fatalf("%d clients are kept, 1 is there", count())
		}
		runtime.GC()
	}
	if !may(d, stays, "a") {
		t.Error("who stays has lost its rows")
	}
	runtime.KeepAlive(stays)
}

// TestShared: the same rows without a name in them are compiled once, others for
// each client.
func TestShared(t *testing.T) {
	e := onSQLite(t).tables(t)
	e.row(t, 1, 1, nil, "$all", nil, 3, "a")
	d := e.open(t, Options{})
	rules := func(id *broker.Identity) *acl.Rules { return id.Rights.Load().(*grant).decision.Load().rules }
	ann, bob := loaded(t, d, from("ann", "c1", "")), loaded(t, d, from("bob", "c2", ""))
	if rules(ann) != rules(bob) {
		t.Error("the same rows are compiled twice")
	}
	before := rules(ann)
	refreshAll(d)
	if rules(ann) != before {
		t.Error("rows that have not changed are compiled again")
	}
	e.row(t, 2, 1, nil, "$all", nil, 3, "b/%c")
	refreshAll(d)
	if rules(ann) == rules(bob) || rules(ann) == before {
		t.Error("rows with a name in them are shared")
	}
	if !may(d, ann, "b/c1") || may(d, ann, "b/c2") || !may(d, bob, "b/c2") {
		t.Error("the names are mixed up")
	}
}

// TestSlots: rights in another's slot, or in none, are no rights.
func TestSlots(t *testing.T) {
	e := onSQLite(t).tables(t)
	e.row(t, 1, 1, nil, "$all", nil, 3, "a")
	d, other := e.open(t, Options{}), e.open(t, Options{})
	id := loaded(t, d, from("bob", "c1", ""))
	if may(other, id, "a") || other.Authorizer().Known(id) {
		t.Error("the slot of another DB is believed")
	}
	none := &broker.Identity{Username: "bob", ClientID: "c1"}
	if may(d, none, "a") || d.Authorizer().Known(none) {
		t.Error("an identity without a slot has rights")
	}
	empty := identityOf(from("bob", "c1", ""))
	if may(d, empty, "a") || d.Authorizer().Known(empty) {
		t.Error("an empty slot has rights")
	}
	if err := d.Authorizer().LoadRights(t.Context(), none); err != nil {
		t.Error(err)
	}
}

// TestCheckAllocatesNothing: nor does it wait, as the database is closed.
func TestCheckAllocatesNothing(t *testing.T) {
	e := onSQLite(t).tables(t)
	for i := range 50 {
		e.row(t, i+1, i%2, nil, []any{"bob", "$all"}[i%2], nil, 3, fmt.Sprintf("t/%d/+/#", i))
	}
	d := e.open(t, Options{})
	id := loaded(t, d, from("bob", "c1", ""))
	d.Close()
	if n := testing.AllocsPerRun(100, func() {
		if !d.may.Authorize(id, broker.Publish, "t/49/x/y") || d.may.Authorize(id, broker.Receive, "t/48/x/y") || !d.may.Known(id) {
			t.Fatal("the wrong answer")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestFresh: a row that was there before a client came counts for it, however
// many come at the same time.
func TestFresh(t *testing.T) {
	e := onSQLite(t).tables(t)
	e.exec(t, "PRAGMA journal_mode = wal")
	d := e.open(t, Options{})
	stop := make(chan struct{})
	var others sync.WaitGroup
	for i := range 8 {
		others.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := identityOf(from("bob", fmt.Sprintf("c%d-%d", i, n), ""))
				if err := d.Authorizer().LoadRights(context.Background(), id); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 50 {
		topic := fmt.Sprint("t/", i)
		e.row(t, i+1, 1, nil, "$all", nil, 3, topic)
		if !may(d, loaded(t, d, from("ann", "c", "")), topic) {
			t.Errorf("row %d was not seen", i+1)
		}
	}
	close(stop)
	others.Wait()
}

// TestNetworks: they are read once for many, and again after a while.
func TestNetworks(t *testing.T) {
	e := onSQLite(t).tables(t)
	synctest.Test(t, func(t *testing.T) {
		d, err := Open(t.Context(), e.options())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		client := from("bob", "c1", "10.0.0.1")
		loaded(t, d, client)
		e.row(t, 1, 1, "10.0.0.0/8", nil, nil, 3, "a")
		d.may.networks.until = time.Now().Add(time.Second) // as if they had taken 50 ms
		if may(d, loaded(t, d, client), "a") {
			t.Error("they were read again at once")
		}
		time.Sleep(time.Second)
		if !may(d, loaded(t, d, client), "a") {
			t.Error("they were not read again")
		}
		var clients sync.WaitGroup
		for range 50 {
			clients.Go(func() {
				if !may(d, loaded(t, d, client), "a") {
					t.Error("a client among many does not have them")
				}
			})
		}
		clients.Wait()
	})
}

// TestTooMany: a client with more rows than are read at once is refused, and the
// others in its batch are not.
func TestTooMany(t *testing.T) {
	const most = 40
	e := onSQLite(t).tables(t)
	d, err := open(t.Context(), e.options(), most)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	hog, bob := loaded(t, d, from("hog", "c1", "")), loaded(t, d, from("bob", "c2", ""))
	d.may.ring.parts[0] = append(d.may.ring.parts[0], d.may.ring.parts[1]...) // one batch
	d.may.ring.parts[1] = nil
	for i := range most + 1 {
		e.row(t, i+1, 1, nil, "hog", nil, 3, "a")
	}
	e.exec(t, "INSERT INTO mqtt_acl (username, access, topic) VALUES ('bob', 3, 'b')")
	refreshAll(d)
	if may(d, hog, "a") || !may(d, bob, "b") {
		t.Errorf("hog %v, bob %v", may(d, hog, "a"), may(d, bob, "b"))
	}
	err = d.Authorizer().LoadRights(t.Context(), identityOf(from("hog", "c1", "")))
	if !errors.Is(err, errTooMany) {
		t.Errorf("%v", err)
	}
	e.exec(t, "DELETE FROM mqtt_acl WHERE id = 1")
	loaded(t, d, from("hog", "c1", ""))
}

// TestTold: what the log says of the tables, how loud, and how often.
func TestTold(t *testing.T) {
	e := onSQLite(t).tables(t)
	var log journal
	d := e.open(t, Options{Log: log.logger(), NoUsers: true})
	if !strings.Contains(log.String(), "WARN") || !strings.Contains(log.String(), "the table of rights is empty") {
		t.Errorf("an empty table: %s", log.String())
	}
	d.Close()
	e.row(t, 1, 1, nil, nil, nil, 3, "#")
	e.row(t, 2, 1, "", "", "", 3, "#")
	e.row(t, 3, 1, "10.0.0.1", "$all", "c1", 3, "a/%u")
	e.row(t, 4, 7, nil, "bob", nil, 3, "a")
	e.row(t, 5, 1, nil, "bob", nil, 9, "a")
	e.user(t, "ann", "no hash at all", nil, false)
	log.Reset()
	d = e.open(t, Options{Log: log.logger()})
	for _, want := range []string{"match nothing", "row_ids=\"1, 2\"", "set auth.sql.hash"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the start says nothing of %q: %s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "no hash at all") {
		t.Error("the log has a password")
	}
	log.Reset()
	for range 3 {
		loaded(t, d, from("bob", "c1", ""))
		refreshAll(d)
	}
	for want, n := range map[string]int{"their address and client id are ignored": 1, "allow is \\\"7\\\": it counts as a deny": 1, "access is \\\"9\\\"": 1} {
		if got := strings.Count(log.String(), want); got != n {
			t.Errorf("%q is said %d times, not %d: %s", want, got, n, log.String())
		}
	}
	log.Reset()
	loaded(t, d, from("b+b", "c1", ""))
	if !strings.Contains(log.String(), "b+b") || !strings.Contains(log.String(), "match nothing") {
		t.Errorf("a hostile name: %s", log.String())
	}
}

// TestTrouble: an error is told at once, once a minute, and when it is over.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		var trouble trouble
		logger := slog.New(slog.NewTextHandler(&log, nil))
		trouble.note(logger, nil)
		for range 150 {
			trouble.note(logger, errors.New("gone"))
			time.Sleep(time.Second)
		}
		trouble.note(logger, nil)
		trouble.note(logger, nil)
		if n := strings.Count(log.String(), "gone"); n != 3 {
			t.Errorf("told %d times in 150 s: %s", n, log.String())
		}
		if n := strings.Count(log.String(), "can be read again"); n != 1 || !strings.Contains(log.String(), "after=2m30s") {
			t.Errorf("the end is told %d times: %s", n, log.String())
		}
	})
}

// TestRows: what explain and lint work on.
func TestRows(t *testing.T) {
	onEach(t, func(t *testing.T, e *engine) {
		e.tables(t)
		e.row(t, 7, 0, "10.0.0.0/8", nil, nil, 3, "net")
		e.row(t, 3, 1, nil, "bob", "c1", 2, "eq a/%u")
		e.row(t, 9, 1, nil, "$all", nil, 1, "#")
		e.row(t, 4, 1, nil, "ann", nil, 1, "#")
		e.row(t, 5, 1, nil, nil, nil, 1, "#")
		e.user(t, "root", "x", nil, true)
		d := e.open(t, Options{NoMatch: "allow"})
		if !d.NoMatch() {
			t.Error("no_match is lost")
		}
		rules, err := d.Rows(t.Context())
		if err != nil || len(rules) != 5 {
			t.Fatalf("%v, %v", rules, err)
		}
		want := acl.Rule{Allow: true, Access: acl.Write, Topic: "eq a/%u", Username: "bob", ClientID: "c1", Origin: "row 3"}
		if rules[0] != want {
			t.Errorf("%+v, want %+v", rules[0], want)
		}
		for i, origin := range []string{"row 3", "row 4", "row 5", "row 7", "row 9"} {
			if rules[i].Origin != origin {
				t.Errorf("rule %d is %s, want %s", i, rules[i].Origin, origin)
			}
		}
		if !rules[4].All || rules[4].Access != acl.Read {
			t.Errorf("%+v", rules[4])
		}
		rules, super, err := d.RulesOf(t.Context(), from("bob", "c2", "10.0.0.1"))
		if err != nil || super || len(rules) != 3 || rules[0].Origin != "row 3" || rules[1].Origin != "row 7" || rules[2].Origin != "row 9" {
			t.Errorf("bob: %+v, %v, %v", rules, super, err)
		}
		if _, super, err := d.RulesOf(t.Context(), from("root", "c2", "")); err != nil || !super {
			t.Errorf("root: %v, %v", super, err)
		}
	})
}
