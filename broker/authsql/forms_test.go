package authsql

import (
	"fmt"
	"strings"
	"testing"

	"mqtk/broker"
	"mqtk/broker/acl"
)

// TestNewerForm: the columns with words instead of numbers are recognised.
func TestNewerForm(t *testing.T) {
	ddl := map[string]string{
		"mysql": "CREATE TABLE `mqtt_acl` (`id` int(11) unsigned NOT NULL AUTO_INCREMENT, `ipaddress` VARCHAR(60) NOT NULL DEFAULT '', " +
			"`username` VARCHAR(255) NOT NULL DEFAULT '', `clientid` VARCHAR(255) NOT NULL DEFAULT '', `action` ENUM('publish', 'subscribe', 'all') NOT NULL, " +
			"`permission` ENUM('allow', 'deny') NOT NULL, `topic` VARCHAR(255) NOT NULL DEFAULT '', `qos` varchar(20), `retain` varchar(20), PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
		"postgres": "CREATE TABLE mqtt_acl (id serial PRIMARY KEY, ipaddress text NOT NULL DEFAULT '', username text NOT NULL DEFAULT '', clientid text NOT NULL DEFAULT '', " +
			"action text, permission text, topic text NOT NULL, qos text, retain text)",
		"sqlite": "CREATE TABLE mqtt_acl (id integer PRIMARY KEY, ipaddress text, username text, clientid text, action text, permission text, topic text, qos text, retain text)",
	}
	type newer struct {
		ipaddress, username, clientid, action, permission, topic string
		qos, retain                                              any
	}
	onEach(t, func(t *testing.T, e *engine) {
		e.exec(t, ddl[e.driver])
		for i, r := range []newer{
			{"", "bob", "", "publish", "allow", "p", nil, nil},
			{"", "bob", "", "subscribe", "allow", "s", nil, nil},
			{"", "", "c1", "all", "allow", "both", nil, nil},
			{"10.0.0.0/8", "", "", "all", "allow", "net", "", ""},
			{"10.0.0.1", "", "", "all", "allow", "addr", "0,1,2", "all"},
			{"", "$all", "c9", "all", "deny", "x/#", nil, nil},
			{"", "bob", "", "all", "allow", "x/y", nil, nil},
			{"", "", "", "all", "allow", "#", nil, nil},
			{"", "bob", "", "publish", "allow", "q1", "1", nil},
			{"", "bob", "", "publish", "allow", "q12", "1,2", nil},
			{"", "bob", "", "publish", "allow", "r0", nil, "0"},
			{"", "bob", "", "publish", "deny", "q/#", "2", nil},
			{"", "bob", "", "publish", "deny", "r/#", nil, "1"},
			{"", "bob", "", "publish", "allow", "q/#", nil, nil},
			{"", "bob", "", "publish", "allow", "r/#", nil, nil},
			{"", "bob", "", "publish", "allow", "u/%u/${clientid}", nil, nil},
		} {
			e.exec(t, "INSERT INTO mqtt_acl (id, ipaddress, username, clientid, action, permission, topic, qos, "+e.name("retain")+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
				i+1, r.ipaddress, r.username, r.clientid, r.action, r.permission, r.topic, r.qos, r.retain)
		}
		d := e.open(t, Options{NoUsers: true})
		g := golden{client: from("bob", "c1", "10.0.0.1"),
			may:    "pub p; get s; sub s; pub both; get both; pub net; get net; pub addr; get addr; pub u/bob/c1",
			mayNot: "get p; pub s; pub x/y; get x; pub other; pub q1; pub q12; pub r0; pub q/1; pub r/1"}
		g.holds(t, d)
		findings, err := d.Findings(t.Context())
		if err != nil || len(findings) != 5 {
			t.Errorf("%d findings about qos and retain: %v, %v", len(findings), findings, err)
		}
	})
}

// TestNewerOdd: words that are none of those there are.
func TestNewerOdd(t *testing.T) {
	e := onSQLite(t)
	e.exec(t, "CREATE TABLE mqtt_acl (id integer PRIMARY KEY, username text, action text, permission text, topic text)")
	e.exec(t, "INSERT INTO mqtt_acl VALUES (1, 'bob', 'ALL', 'Allow', 'a'), (2, 'bob', 'all', 'yes', 'b'), (3, 'bob', 'write', 'allow', 'c'), "+
		"(4, 'bob', 'write', 'deny', 'd'), (5, 'bob', NULL, NULL, 'e'), (6, 'bob', 'all', NULL, 'f'), (9, 'bob', 'all', 'allow', '+')")
	g := golden{client: from("bob", "c1", ""), may: "pub a; get a; pub z; pub c", mayNot: "pub b; pub d; pub e; pub f"}
	g.holds(t, e.open(t, Options{NoUsers: true}))
}

// TestForms: tables as people have them.
func TestForms(t *testing.T) {
	everywhere := []string{"mysql", "postgres", "sqlite"}
	for _, test := range []struct {
		name    string
		engines []string
		ddl     []string
		o       Options
		g       golden
		user    string // who logs in with secret
	}{
		{name: "the short form", engines: []string{"mysql"},
			ddl: []string{"CREATE TABLE mqtt_acl (id int AUTO_INCREMENT PRIMARY KEY, allow int DEFAULT 1 /* 0 deny, 1 allow */, ipaddr varchar(60), username varchar(100),\n" +
				"  clientid varchar(100), access int NOT NULL /* 1 subscribe, 2 publish, 3 both */, topic varchar(100) NOT NULL DEFAULT '')",
				"INSERT INTO mqtt_acl (username, access, topic) VALUES ('bob', 3, 'a')"},
			o: Options{NoUsers: true}, g: golden{may: "pub a", mayNot: "pub b"}},
		{name: "names of their own", engines: everywhere,
			ddl: []string{"CREATE TABLE people (login varchar(9), pw varchar(9), pepper varchar(9), admin integer)", "INSERT INTO people VALUES ('bob', 'secret', NULL, 0), ('root', 'x', NULL, 1)",
				"CREATE TABLE rules (nr integer, ok integer, ip varchar(20), who varchar(9), device varchar(9), what integer, filter varchar(20))", "INSERT INTO rules VALUES (1, 1, NULL, 'bob', NULL, 3, 'a')"},
			o: Options{Hash: "plain", UserTable: "people", ACLTable: "rules", Columns: Columns{Username: "login", Password: "pw", Salt: "pepper", IsSuperuser: "admin",
				Allow: "ok", IPAddr: "ip", ACLUsername: "who", ClientID: "device", Access: "what", Topic: "filter", ID: "nr"}},
			g: golden{may: "pub a", mayNot: "pub b"}, user: "bob"},
		{name: "words of SQL", engines: []string{"postgres", "sqlite"},
			ddl: []string{`CREATE TABLE "select" ("user" varchar(9), "order" varchar(9))`, `INSERT INTO "select" VALUES ('bob', 'secret')`,
				`CREATE TABLE "table ""x""" (id integer, allow integer, ipaddr varchar(20), username varchar(9), clientid varchar(9), access integer, "group" varchar(20))`, `INSERT INTO "table ""x""" VALUES (1, 1, NULL, 'bob', NULL, 3, 'a')`},
			o: Options{Hash: "plain", UserTable: "select", ACLTable: `table "x"`, Columns: Columns{Username: "user", Password: "order", Topic: "group"}},
			g: golden{may: "pub a", mayNot: "pub b"}, user: "bob"},
		{name: "words of SQL", engines: []string{"mysql"},
			ddl: []string{"CREATE TABLE `select` (`user` varchar(9), `order` varchar(9))", "INSERT INTO `select` VALUES ('bob', 'secret')",
				"CREATE TABLE `table ``x``` (id integer, allow integer, ipaddr varchar(20), username varchar(9), clientid varchar(9), access integer, `group` varchar(20))", "INSERT INTO `table ``x``` VALUES (1, 1, NULL, 'bob', NULL, 3, 'a')"},
			o: Options{Hash: "plain", UserTable: "select", ACLTable: "table `x`", Columns: Columns{Username: "user", Password: "order", Topic: "group"}},
			g: golden{may: "pub a", mayNot: "pub b"}, user: "bob"},
		{name: "capital letters", engines: everywhere,
			ddl: []string{"CREATE TABLE mqtt_user (UserName varchar(9), PASSWORD varchar(9))", "INSERT INTO mqtt_user VALUES ('bob', 'secret')",
				"CREATE TABLE mqtt_acl (ID integer, ALLOW integer, IpAddr varchar(20), UserName varchar(9), ClientId varchar(9), ACCESS integer, TOPIC varchar(20))", "INSERT INTO mqtt_acl VALUES (1, 1, NULL, 'bob', NULL, 3, 'a')"},
			o: Options{Hash: "plain"}, g: golden{may: "pub a", mayNot: "pub b"}, user: "bob"},
		{name: "small and large numbers", engines: everywhere,
			ddl: []string{"CREATE TABLE mqtt_acl (id bigint, allow smallint, ipaddr varchar(20), username varchar(9), clientid varchar(9), access decimal(3), topic varchar(20))",
				"INSERT INTO mqtt_acl VALUES (9223372036854775807, 0, NULL, 'bob', NULL, 3, '#'), (-5, 1, NULL, 'bob', NULL, 3, 'a')"},
			o: Options{NoUsers: true}, g: golden{may: "pub a", mayNot: "pub b"}},
		{name: "numbers as text", engines: everywhere,
			ddl: []string{"CREATE TABLE mqtt_acl (id integer, allow varchar(5), ipaddr varchar(20), username varchar(9), clientid varchar(9), access varchar(5), topic varchar(20))",
				"INSERT INTO mqtt_acl VALUES (1, '1', NULL, 'bob', NULL, '3', 'a'), (2, '0', NULL, 'bob', NULL, '3', 'b'), (3, '1', NULL, 'bob', NULL, 'x', 'c')"},
			o: Options{NoUsers: true}, g: golden{may: "pub a", mayNot: "pub b; pub c"}},
		{name: "truth and bits", engines: []string{"postgres"},
			ddl: []string{"CREATE TABLE mqtt_acl (id integer, allow boolean, ipaddr varchar(20), username varchar(9), clientid varchar(9), access integer, topic varchar(20))",
				"INSERT INTO mqtt_acl VALUES (1, true, NULL, 'bob', NULL, 3, 'a'), (2, false, NULL, 'bob', NULL, 3, 'b'), (3, NULL, NULL, 'bob', NULL, 3, 'c')"},
			o: Options{NoUsers: true}, g: golden{may: "pub a", mayNot: "pub b; pub c"}},
		{name: "truth and bits", engines: []string{"mysql"},
			ddl: []string{"CREATE TABLE mqtt_acl (id bigint unsigned, allow bit(1), ipaddr varchar(20), username varchar(9), clientid varchar(9), access tinyint unsigned, topic varchar(20))",
				"INSERT INTO mqtt_acl VALUES (1, 1, NULL, 'bob', NULL, 3, 'a'), (2, 0, NULL, 'bob', NULL, 3, 'b'), (3, NULL, NULL, 'bob', NULL, 3, 'c')"},
			o: Options{NoUsers: true}, g: golden{may: "pub a", mayNot: "pub b; pub c"}},
		{name: "a character set that not all names are in", engines: []string{"mysql"},
			ddl: []string{"CREATE TABLE mqtt_acl (id integer, allow integer, ipaddr varchar(20) CHARSET latin1, username varchar(9) CHARSET latin1, clientid varchar(9) CHARSET ascii, access integer, topic varchar(20))",
				"INSERT INTO mqtt_acl VALUES (1, 1, NULL, NULL, '?', 3, 'a'), (2, 1, NULL, 'bob', NULL, 3, 'b')"},
			o: Options{NoUsers: true}, g: golden{client: from("日", "é", "10.0.0.1"), mayNot: "pub a; pub b"}},
		{name: "a character set that the name is in", engines: []string{"mysql"},
			ddl: []string{"CREATE TABLE mqtt_acl (id integer, allow integer, ipaddr varchar(20) CHARSET latin1, username varchar(9) CHARSET latin1, clientid varchar(9) CHARSET ascii, access integer, topic varchar(20))",
				"INSERT INTO mqtt_acl VALUES (1, 1, NULL, 'é', '', 3, 'a')"},
			o: Options{NoUsers: true}, g: golden{client: from("é", "日", "10.0.0.1"), may: "pub a"}},
		{name: "columns of fixed width", engines: []string{"mysql", "sqlite"},
			ddl: []string{"CREATE TABLE mqtt_user (username char(9), password char(20))", "INSERT INTO mqtt_user VALUES ('bob', 'secret')",
				"CREATE TABLE mqtt_acl (id integer, allow integer, ipaddr char(20), username char(9), clientid char(9), access integer, topic char(20))", "INSERT INTO mqtt_acl VALUES (1, 1, NULL, 'bob', '', 3, 'a')"},
			o: Options{Hash: "plain"}, g: golden{may: "pub a", mayNot: "pub b"}, user: "bob"},
	} {
		for _, driver := range test.engines {
			t.Run(test.name+" in "+driver, func(t *testing.T) {
				e := map[string]func(testing.TB) *engine{"mysql": onMySQL, "postgres": onPostgres, "sqlite": onSQLite}[driver](t)
				for _, statement := range test.ddl {
					e.exec(t, statement)
				}
				d := e.open(t, test.o)
				if test.g.client == (acl.Client{}) {
					test.g.client = from("bob", "c1", "10.0.0.1")
				}
				test.g.holds(t, d)
				if test.user != "" {
					if _, err := d.Users().Authenticate(t.Context(), credentials(test.user, "secret")); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// TestUserCharset: MySQL compares names of another character set than the
// column's with an error, or with a question mark.
func TestUserCharset(t *testing.T) {
	e := onMySQL(t)
	e.exec(t, "CREATE TABLE mqtt_user (username varchar(9) CHARSET latin1, password varchar(20))")
	e.exec(t, "INSERT INTO mqtt_user VALUES ('?', 'secret'), ('é', 'secret')")
	users := e.open(t, Options{NoRights: true, Hash: "plain"}).Users()
	if _, err := users.Authenticate(t.Context(), credentials("é", "secret")); err != nil {
		t.Error(err)
	}
	if id, err := users.Authenticate(t.Context(), credentials("日", "secret")); err == nil || !strings.Contains(err.Error(), "no such user") {
		t.Errorf("日 is %+v, %v", id, err)
	}
}

// TestUserCollation: to MySQL all of these are one name.
func TestUserCollation(t *testing.T) {
	e := onMySQL(t)
	e.exec(t, "CREATE TABLE mqtt_user (username varchar(9), password varchar(20), is_superuser integer) CHARSET utf8mb4 COLLATE utf8mb4_general_ci")
	e.exec(t, "INSERT INTO mqtt_user VALUES ('ROOT', 'secret', 1), ('Rööt', 'other', 0)")
	e.exec(t, "CREATE TABLE mqtt_acl (id integer, allow integer, ipaddr varchar(9), username varchar(9), clientid varchar(9), access integer, topic varchar(9))")
	d := e.open(t, Options{Hash: "plain"})
	for name, super := range map[string]bool{"ROOT": true, "root": false, "Rööt": false, "ROOT ": false} {
		if got := may(d, loaded(t, d, from(name, "c1", "")), "a"); got != super {
			t.Errorf("%q as a superuser: %v", name, got)
		}
	}
	for name, want := range map[string]string{"ROOT": "<nil>", "root": broker.ErrUnknownUser.Error(), "Rööt": broker.ErrBadCredentials.Error()} {
		if _, err := d.Users().Authenticate(t.Context(), credentials(name, "secret")); fmt.Sprint(err) != want {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}

// TestSchema: a table in another schema or database.
func TestSchema(t *testing.T) {
	for _, there := range []func(testing.TB) *engine{onMySQL, onPostgres} {
		t.Run("", func(t *testing.T) {
			here, there := there(t), there(t)
			there.tables(t)
			there.row(t, 1, 1, nil, "bob", nil, 3, "a")
			var name string
			query := "SELECT current_schema()"
			if there.driver == "mysql" {
				query = "SELECT DATABASE()"
			}
			if err := there.db.QueryRow(query).Scan(&name); err != nil {
				t.Fatal(err)
			}
			g := golden{client: from("bob", "c1", ""), may: "pub a", mayNot: "pub b"}
			g.holds(t, here.open(t, Options{NoUsers: true, ACLTable: name + ".mqtt_acl"}))
		})
	}
}

// TestIDMustBeANumber: by text the rows would have another order in each
// database.
func TestIDMustBeANumber(t *testing.T) {
	onEach(t, func(t *testing.T, e *engine) {
		e.exec(t, "CREATE TABLE mqtt_acl (id varchar(9), allow integer, ipaddr varchar(20), username varchar(9), clientid varchar(9), access integer, topic varchar(20))")
		e.exec(t, "INSERT INTO mqtt_acl VALUES ('one', 1, NULL, 'bob', NULL, 3, 'a')")
		d := e.open(t, Options{NoUsers: true})
		err := d.Authorizer().LoadRights(t.Context(), identityOf(from("bob", "c1", "")))
		if err == nil || !strings.Contains(err.Error(), "whole number") {
			t.Errorf("%v", err)
		}
	})
}
