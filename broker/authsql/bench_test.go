package authsql

import (
	"fmt"
	"runtime"
	"testing"

	"mqtk/broker"
)

// benchTables fills the tables for 5,000 users with three rows each, twenty rows
// for everybody and a hundred networks.
func benchTables(b *testing.B, e *engine) {
	e.tables(b)
	tx, err := e.db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	insert := "INSERT INTO mqtt_acl (ipaddr, username, clientid, access, topic) VALUES "
	for i := range 5000 {
		for _, row := range []string{"(NULL, 'u%d', NULL, 3, 'u/%[1]d/#')", "(NULL, NULL, 'c%d', 2, 'c/%[1]d')", "('10.0.%d.1', 'u%[1]d', NULL, 1, 'x/#')"} {
			if _, err := tx.Exec(insert + fmt.Sprintf(row, i)); err != nil {
				b.Fatal(err)
			}
		}
	}
	for i := range 20 {
		if _, err := tx.Exec(insert + fmt.Sprintf("(NULL, '$all', NULL, 3, 'all/%d/%%c')", i)); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 100 {
		if _, err := tx.Exec(insert + fmt.Sprintf("('10.%d.0.0/16', NULL, NULL, 1, 'net/%[1]d')", i)); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

func benchEach(b *testing.B, bench func(b *testing.B, d *DB)) {
	for _, there := range []struct {
		name string
		make func(testing.TB) *engine
	}{{"sqlite", onSQLite}, {"mysql", onMySQL}, {"postgres", onPostgres}} {
		b.Run(there.name, func(b *testing.B) {
			e := there.make(b)
			benchTables(b, e)
			bench(b, e.open(b, Options{}))
		})
	}
}

// BenchmarkConnect is what a CONNECT waits for: the rows of everybody, those of
// the client, is_superuser, and the compilation.
func BenchmarkConnect(b *testing.B) {
	benchEach(b, func(b *testing.B, d *DB) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			n := i % 5000
			loaded(b, d, from(fmt.Sprint("u", n), fmt.Sprint("c", n), fmt.Sprintf("10.0.%d.1", n%256)))
		}
	})
}

// BenchmarkRefresh is what it costs, for each client, to read the rows of 1,000
// clients again, of which nothing has changed.
func BenchmarkRefresh(b *testing.B) {
	benchEach(b, func(b *testing.B, d *DB) {
		var ids []*broker.Identity
		for i := range 1000 {
			ids = append(ids, loaded(b, d, from(fmt.Sprint("u", i), fmt.Sprint("c", i), "10.0.0.1")))
		}
		b.ReportAllocs()
		for b.Loop() {
			refreshAll(d)
		}
		runtime.KeepAlive(ids)
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(ids)), "µs/client")
	})
}

// BenchmarkCheck is the hot path.
func BenchmarkCheck(b *testing.B) {
	e := onSQLite(b)
	benchTables(b, e)
	d := e.open(b, Options{})
	id := loaded(b, d, from("u7", "c7", "10.0.7.1"))
	b.ReportAllocs()
	for b.Loop() {
		if !d.may.Authorize(id, broker.Publish, "u/7/temperature") {
			b.Fatal("denied")
		}
	}
}
