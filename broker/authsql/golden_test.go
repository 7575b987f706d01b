package authsql

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"mqtk/broker"
	"mqtk/broker/acl"
)

// aclRow is a row of mqtt_acl in its older form: id, allow, ipaddr, username,
// clientid, access, topic.
type aclRow [7]any

// golden is what some rows mean for a client. May and mayNot are lists of
// "pub TOPIC", "get TOPIC" and "sub FILTER" with a ; between them.
type golden struct {
	name    string
	rows    []aclRow
	client  acl.Client
	super   []string // users with is_superuser
	noMatch string
	may     string
	mayNot  string
}

func from(username, clientID, address string) acl.Client {
	c := acl.Client{Username: username, ClientID: clientID}
	if address != "" {
		c.Address = netip.MustParseAddr(address)
	}
	return c
}

// TestGolden: each rule of the table, on every database.
func TestGolden(t *testing.T) {
	onEach(t, func(t *testing.T, e *engine) {
		e.tables(t)
		by := map[string]*DB{}
		for _, noMatch := range []string{"", "deny", "allow"} {
			by[noMatch] = e.open(t, Options{NoMatch: noMatch})
		}
		number := 0
		for _, part := range [][]golden{rowGoldens(), addressGoldens(), nameGoldens(), topicGoldens(), subscribeGoldens(), superGoldens(), noMatchGoldens(), oddGoldens()} {
			for _, g := range part {
				number++
				t.Run(g.name, func(t *testing.T) {
					e.exec(t, "DELETE FROM mqtt_acl")
					e.exec(t, "DELETE FROM mqtt_user")
					for _, row := range g.rows {
						e.row(t, row[:]...)
					}
					for _, user := range g.super {
						e.user(t, user, "x", nil, true)
					}
					g.holds(t, by[g.noMatch])
				})
			}
		}
		t.Logf("%d cases", number)
	})
}

func (g *golden) holds(t *testing.T, d *DB) {
	t.Helper()
	forget(d)
	id := loaded(t, d, g.client)
	if !d.Authorizer().Known(id) {
		t.Error("the rights are not known")
	}
	check := func(list string, want bool) {
		for _, question := range strings.Split(list, "; ") {
			if question == "" {
				continue
			}
			verb, topic, _ := strings.Cut(question, " ")
			action, ok := map[string]broker.Action{"pub": broker.Publish, "get": broker.Receive, "sub": broker.Subscribe}[verb]
			if !ok {
				t.Fatalf("no action %q", verb)
			}
			if got := d.Authorizer().Authorize(id, action, topic); got != want {
				t.Errorf("%s %.60q: %v, want %v", verb, topic, got, want)
			}
		}
	}
	check(g.may, true)
	check(g.mayNot, false)
}

// rowGoldens: rules 1 to 3, whose rows and in which order.
func rowGoldens() []golden {
	bob := from("bob", "c1", "10.0.0.1")
	return []golden{
		{name: "no rows", client: bob, mayNot: "pub a; get a; sub a; sub #"},
		{name: "by user", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 3, "a"}}, may: "pub a; get a; sub a; sub #", mayNot: "pub b; get a/b; sub b; sub a/+"},
		{name: "by client id", client: bob, rows: []aclRow{{1, 1, nil, nil, "c1", 3, "a"}}, may: "pub a; get a; sub a"},
		{name: "by address", client: bob, rows: []aclRow{{1, 1, "10.0.0.1", nil, nil, 3, "a"}}, may: "pub a; get a; sub a"},
		{name: "by $all", client: bob, rows: []aclRow{{1, 1, nil, "$all", nil, 3, "a"}}, may: "pub a; get a; sub a"},
		{name: "of another user", client: bob, rows: []aclRow{{1, 1, nil, "ann", nil, 3, "a"}}, mayNot: "pub a; get a; sub a"},
		{name: "of another client id", client: bob, rows: []aclRow{{1, 1, nil, nil, "c2", 3, "a"}}, mayNot: "pub a; get a; sub a"},
		{name: "of another address", client: bob, rows: []aclRow{{1, 1, "10.0.0.2", nil, nil, 3, "a"}}, mayNot: "pub a; get a; sub a"},
		{name: "user as client id", client: bob, rows: []aclRow{{1, 1, nil, "c1", nil, 3, "a"}, {2, 1, nil, nil, "bob", 3, "a"}}, mayNot: "pub a; get a; sub a"},
		{name: "all columns match", client: bob, rows: []aclRow{{1, 1, "10.0.0.1", "bob", "c1", 3, "a"}}, may: "pub a"},
		{name: "the user matches, the client id does not", client: bob, rows: []aclRow{{1, 1, nil, "bob", "c2", 3, "a"}}, mayNot: "pub a"},
		{name: "the user matches, the address does not", client: bob, rows: []aclRow{{1, 1, "10.0.0.2", "bob", nil, 3, "a"}}, mayNot: "pub a"},
		{name: "the address matches, the user does not", client: bob, rows: []aclRow{{1, 1, "10.0.0.1", "ann", "c1", 3, "a"}}, mayNot: "pub a"},
		{name: "'' is NULL", client: bob, rows: []aclRow{{1, 1, "", "bob", "", 3, "a"}, {2, 1, "", "", "c1", 3, "b"}, {3, 1, "10.0.0.1", "", "", 3, "c"}}, may: "pub a; pub b; pub c"},

		{name: "the first match wins", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 3, "a"}, {2, 1, nil, "bob", nil, 3, "a"}}, mayNot: "pub a; get a; sub a"},
		{name: "the first match wins, the other way", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 3, "a"}, {2, 0, nil, "bob", nil, 3, "a"}}, may: "pub a; get a; sub a"},
		{name: "by id, not as inserted", client: bob, rows: []aclRow{{7, 0, nil, "bob", nil, 3, "a"}, {3, 1, nil, "bob", nil, 3, "a"}}, may: "pub a"},
		{name: "by id as a number", client: bob, rows: []aclRow{{10, 0, nil, "bob", nil, 3, "a"}, {9, 1, nil, "bob", nil, 3, "a"}}, may: "pub a"},
		{name: "order across kinds: user before $all", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 3, "a"}, {2, 1, nil, "$all", nil, 3, "a"}}, mayNot: "pub a"},
		{name: "order across kinds: $all before user", client: bob, rows: []aclRow{{1, 0, nil, "$all", nil, 3, "a"}, {2, 1, nil, "bob", nil, 3, "a"}}, mayNot: "pub a"},
		{name: "order across kinds: network, client id, $all", client: bob,
			rows:   []aclRow{{4, 1, nil, "$all", nil, 3, "#"}, {2, 0, "10.0.0.0/8", nil, nil, 2, "x/#"}, {3, 0, nil, nil, "c1", 1, "y"}, {1, 1, nil, "bob", nil, 2, "x/1"}},
			may:    "pub x/1; get x/2; pub y; get z",
			mayNot: "pub x; pub x/2; get y"},
		{name: "deny before allow", client: bob, rows: []aclRow{{1, 0, nil, "$all", nil, 3, "secret/#"}, {2, 1, nil, "$all", nil, 3, "#"}}, may: "pub a; get a; sub a; sub #", mayNot: "pub secret; get secret/x; sub secret/#; sub secret/x"},
		{name: "allow before deny", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 3, "secret/mine"}, {2, 0, nil, "$all", nil, 3, "secret/#"}}, may: "pub secret/mine", mayNot: "pub secret/other; sub secret/other"},

		{name: "access 1", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 1, "a"}}, may: "get a; sub a", mayNot: "pub a"},
		{name: "access 2", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 2, "a"}}, may: "pub a", mayNot: "get a; sub a"},
		{name: "deny 1 passes publish by", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 1, "a"}, {2, 1, nil, "bob", nil, 3, "a"}}, may: "pub a", mayNot: "get a; sub a"},
		{name: "deny 2 passes subscribe by", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 2, "a"}, {2, 1, nil, "bob", nil, 3, "a"}}, may: "get a; sub a", mayNot: "pub a"},

		{name: "$all ignores its address and client id", client: bob, rows: []aclRow{{1, 1, "192.0.2.1", "$all", "c9", 3, "a"}, {2, 0, "192.0.2.0/24", "$all", "", 3, "b"}, {3, 1, nil, "bob", nil, 3, "b"}}, may: "pub a; get a", mayNot: "pub b"},
		{name: "$all as a client id is a client id", client: bob, rows: []aclRow{{1, 1, nil, nil, "$all", 3, "a"}}, mayNot: "pub a"},
		{name: "a client of that id", client: from("", "$all", ""), rows: []aclRow{{1, 1, nil, nil, "$all", 3, "a"}}, may: "pub a"},
		{name: "a user of that name", client: from("$all", "c1", ""), rows: []aclRow{{1, 1, nil, "$all", nil, 3, "a"}, {2, 1, nil, "bob", nil, 3, "b"}}, may: "pub a", mayNot: "pub b"},

		{name: "all three NULL", client: bob, rows: []aclRow{{1, 1, nil, nil, nil, 3, "#"}}, mayNot: "pub a; get a; sub a"},
		{name: "all three empty", client: bob, rows: []aclRow{{1, 1, "", "", "", 3, "#"}, {2, 1, nil, "", nil, 3, "#"}}, mayNot: "pub a; get a; sub a"},
		{name: "all three empty, a client without names", client: from("", "", ""), rows: []aclRow{{1, 1, "", "", "", 3, "#"}, {2, 1, nil, nil, nil, 3, "#"}}, mayNot: "pub a; get a; sub a"},
		{name: "all three empty deny nothing", client: bob, rows: []aclRow{{1, 0, nil, nil, nil, 3, "#"}, {2, 1, nil, "bob", nil, 3, "a"}}, may: "pub a"},

		{name: "the rows that other brokers begin with", client: bob,
			rows: []aclRow{{1, 1, nil, "$all", nil, 2, "#"}, {2, 0, nil, "$all", nil, 1, "$SYS/#"}, {3, 0, nil, "$all", nil, 1, "eq #"},
				{4, 1, "127.0.0.1", nil, nil, 2, "$SYS/#"}, {5, 1, "127.0.0.1", nil, nil, 2, "#"}, {6, 1, nil, "dashboard", nil, 1, "$SYS/#"}},
			noMatch: "allow", may: "pub a; get a; sub a/#; sub +", mayNot: "get $SYS/broker/uptime; sub $SYS/#; sub #"},
		{name: "a hundred rows", client: bob, rows: hundred(), may: "pub t/99; pub t/0", mayNot: "pub t/100; get t/50"},
	}
}

func hundred() (rows []aclRow) {
	for i := range 100 {
		rows = append(rows, aclRow{200 - i, 1, nil, []any{"bob", "$all"}[i%2], nil, 2, fmt.Sprintf("t/%d", i)})
	}
	return append(rows, aclRow{1, 0, nil, "bob", nil, 1, "t/#"})
}

// addressGoldens: addresses and networks.
func addressGoldens() []golden {
	in := func(name, ipaddr, client string, may bool) golden {
		g := golden{name: name, client: from("bob", "c1", client), rows: []aclRow{{1, 1, ipaddr, nil, nil, 3, "a"}}}
		if may {
			g.may = "pub a; get a; sub a"
		} else {
			g.mayNot = "pub a; get a; sub a"
		}
		return g
	}
	return []golden{
		in("v4", "10.0.0.1", "10.0.0.1", true),
		in("v4 of another", "10.0.0.1", "10.0.0.10", false),
		in("v4 in the dress of v6", "10.0.0.1", "::ffff:10.0.0.1", true),
		in("v4 written in the dress of v6", "::ffff:10.0.0.1", "10.0.0.1", true),
		in("v6", "2001:db8::1", "2001:db8::1", true),
		in("v6 written long", "2001:0DB8:0:0:0:0:0:1", "2001:db8::1", true),
		in("v6 of another", "2001:db8::1", "2001:db8::2", false),
		in("network v4", "10.1.0.0/16", "10.1.255.255", true),
		in("network v4 and who is beyond", "10.1.0.0/16", "10.2.0.0", false),
		in("network v4 from its middle", "10.1.2.3/16", "10.1.9.9", true),
		in("network /32", "10.1.2.3/32", "10.1.2.3", true),
		in("network /32 of another", "10.1.2.3/32", "10.1.2.4", false),
		in("network /0", "0.0.0.0/0", "203.0.113.9", true),
		in("network /0 is of one family", "0.0.0.0/0", "2001:db8::1", false),
		in("network v6", "2001:db8::/32", "2001:db8:ffff::1", true),
		in("network v6 and who is beyond", "2001:db8::/32", "2001:db9::1", false),
		in("network v6 /128", "2001:db8::1/128", "2001:db8::1", true),
		in("network v6 for v4", "::/0", "10.0.0.1", false),
		in("a client without an address", "0.0.0.0/0", "", false),
		in("no network: too many bits", "10.0.0.0/33", "10.0.0.1", false),
		in("no network: no number", "10.0.0.0/", "10.0.0.0", false),
		in("no network: a slash", "/", "10.0.0.1", false),
		in("no network: a mask", "10.0.0.0/255.0.0.0", "10.0.0.1", false),
		in("a name", "localhost", "127.0.0.1", false),
		in("a wildcard of SQL", "%", "127.0.0.1", false),
		{name: "a network denies some, the next allows all", client: from("", "c1", "10.9.9.9"),
			rows: []aclRow{{1, 0, "10.0.0.0/8", nil, nil, 2, "#"}, {2, 1, "0.0.0.0/0", nil, nil, 3, "#"}}, may: "get a", mayNot: "pub a"},
		{name: "who is outside of the network", client: from("", "c1", "192.0.2.1"),
			rows: []aclRow{{1, 0, "10.0.0.0/8", nil, nil, 2, "#"}, {2, 1, "0.0.0.0/0", nil, nil, 3, "#"}}, may: "get a; pub a"},
		{name: "network and user", client: from("bob", "c1", "10.0.0.1"),
			rows: []aclRow{{1, 1, "10.0.0.0/8", "bob", nil, 3, "a"}, {2, 1, "192.0.2.0/24", "bob", nil, 3, "b"}, {3, 1, "10.0.0.0/8", "ann", nil, 3, "c"}}, may: "pub a", mayNot: "pub b; pub c"},
	}
}

// nameGoldens: rules 4 and 5, placeholders and hostile names.
func nameGoldens() []golden {
	mine := []aclRow{{1, 1, nil, "$all", nil, 3, "u/%u/#"}, {2, 1, nil, "$all", nil, 3, "c/%c/#"}}
	own := func(name, username, clientID, may, mayNot string) golden {
		return golden{name: name, rows: mine, client: from(username, clientID, ""), may: may, mayNot: mayNot}
	}
	all := "pub u/x/1; get u/x/1; sub u/x/#; pub c/y/1; get c/y/1; sub c/y/#; sub #; sub u/#; sub c/#; sub u/+/#"
	return []golden{
		own("%u and %c", "x", "y", "pub u/x/1; get u/x; sub u/x/#; pub c/y/1; sub c/y/+", "pub u/y/1; get c/x/1; pub u/%u/1; sub u/z/#; pub u/xx/1"),
		own("user +", "+", "c1", "pub c/c1/1", "pub u/x/1; get u/x/1; sub u/x/#; sub u/+/#; sub u/#; pub u/+/1"),
		own("user #", "#", "c1", "pub c/c1/1", "pub u/x/1; get u/x; sub u/#; get u; pub u/#/1"),
		own("user /", "a/b", "c1", "pub c/c1/1", "pub u/a/b/1; get u/a/b; sub u/a/b/#; pub u/a/1"),
		own("user x/#", "x/#", "c1", "pub c/c1/1; sub #", "pub u/x/1; get u/x/1; sub u/x/#; sub u/#; sub u/+/#; pub u/x/#/1"),
		own("client id +", "bob", "+", "pub u/bob/1", "pub c/x/1; get c/x/1; sub c/x/#; sub c/+/#; pub c/+/1"),
		own("client id #", "bob", "#", "", "pub c/x/1; get c/x/1; sub c/#"),
		own("client id with a slash", "bob", "x/y", "", "pub c/x/y/1; get c/x/y; sub c/x/#"),
		own("both hostile", "+", "#", "", all),
		own("NUL", "x\x00", "y\x00", "", all),
		own("%u in the name of a client", "x", "%u", "pub c/%u/1; pub u/x/1", "pub c/x/1"),
		own("%c in the name of a user", "%c", "y", "pub u/%c/1", "pub u/y/1"),
		own("no user name", "", "y", "pub c/y/1", "pub u//1; get u/; sub u//#; pub u/1; get u"),
		own("unicode", "Öse", "日本", "pub u/Öse/1; sub c/日本/#", "pub u/öse/1; pub u/Ose/1; get c/日/1"),
		own("beyond the basic plane", "😀", "𝛑", "pub u/😀/1; get c/𝛑/1", "pub u/?/1; get c/�/1"),
		own("quotes of SQL", "' OR '1'='1", `"; DROP TABLE mqtt_acl; --`, "pub u/' OR '1'='1/1", "pub u/x/1; pub c/y/1"),
		own("a backslash and a quote", `\' OR 1=1 -- `, `\`, `pub u/\' OR 1=1 -- /1; pub c/\/1`, "pub u/x/1"),
		own("wildcards of SQL", "%", "_", "pub u/%/1; pub c/_/1", "pub u/x/1; pub c/y/1"),
		own("a long name", strings.Repeat("n", 65000), strings.Repeat("é", 30000), "pub u/"+strings.Repeat("n", 65000)+"/1", "pub u/x/1; sub u/x/#; pub c/y/1; sub u/"+strings.Repeat("n", 64999)+"/#"),

		{name: "aliases", client: from("x", "y", ""), rows: []aclRow{{1, 1, nil, "$all", nil, 3, "1/${username}"}, {2, 1, nil, "$all", nil, 3, "2/${clientid}"}, {3, 1, nil, "$all", nil, 3, "3/$clientId"}},
			may: "pub 1/x; pub 2/y; pub 3/y", mayNot: "pub 1/${username}; pub 2/x; pub 3/$clientId"},
		{name: "inside of a level, and twice", client: from("x", "y", ""), rows: []aclRow{{1, 1, nil, "$all", nil, 3, "a-%u-%c/b/%u"}}, may: "pub a-x-y/b/x", mayNot: "pub a-x-y/b/y; pub a--/b/"},
		{name: "inside of a level, hostile", client: from("+", "y", ""), rows: []aclRow{{1, 1, nil, "$all", nil, 3, "a/%u"}, {2, 1, nil, "$all", nil, 3, "b/x%u"}}, mayNot: "pub a/x; sub a/+; pub b/x; pub b/x+"},
		{name: "a hostile name denies nothing either", client: from("+", "y", ""), rows: []aclRow{{1, 0, nil, "$all", nil, 3, "a/%u"}, {2, 1, nil, "$all", nil, 3, "#"}}, may: "pub a/x"},
		{name: "a name that begins with $", client: from("$SYS", "y", ""), rows: []aclRow{{1, 1, nil, "$all", nil, 3, "%u/#"}}, mayNot: "get $SYS/broker/uptime; sub $SYS/#"},
		{name: "a hostile user has rows of its own", client: from("+", "y", ""), rows: []aclRow{{1, 1, nil, "+", nil, 3, "a"}, {2, 1, nil, "bob", nil, 3, "b"}}, may: "pub a", mayNot: "pub b"},

		{name: "as it is written: user", client: from("ANN", "c1", ""), rows: []aclRow{{1, 1, nil, "ann", nil, 3, "a"}}, mayNot: "pub a"},
		{name: "as it is written: client id", client: from("", "É", ""), rows: []aclRow{{1, 1, nil, nil, "é", 3, "a"}, {2, 1, nil, nil, "E", 3, "a"}}, mayNot: "pub a"},
		{name: "as it is written: a space", client: from("ann ", "c1 ", ""), rows: []aclRow{{1, 1, nil, "ann", nil, 3, "a"}, {2, 1, nil, nil, "c1", 3, "a"}}, mayNot: "pub a"},
		{name: "as it is written: $ALL", client: from("ann", "c1", ""), rows: []aclRow{{1, 1, nil, "$ALL", nil, 3, "a"}}, mayNot: "pub a"},

		{name: "no user name matches no user", client: from("", "c1", ""), rows: []aclRow{{1, 1, nil, "bob", nil, 3, "a"}, {2, 1, nil, "", nil, 3, "b"}, {3, 1, nil, "", "c2", 3, "c"}}, mayNot: "pub a; pub b; pub c"},
		{name: "no user name is not skipped", client: from("", "c1", ""), rows: []aclRow{{1, 0, nil, "$all", nil, 3, "a"}, {2, 1, nil, nil, "c1", 3, "#"}}, may: "pub b", mayNot: "pub a"},
		{name: "names that other brokers let pass", client: from("undefined", "c1", ""), rows: []aclRow{{1, 1, nil, "bob", nil, 3, "a"}}, mayNot: "pub a; get a; sub a"},
		{name: "null is a name", client: from("NULL", "null", ""), rows: []aclRow{{1, 1, nil, nil, "c1", 3, "a"}, {2, 1, nil, "x", nil, 3, "a"}}, mayNot: "pub a; get a; sub a"},
	}
}

// topicGoldens: rule 4, wildcards and eq.
func topicGoldens() []golden {
	bob := from("bob", "c1", "")
	one := func(name, topic, may, mayNot string) golden {
		return golden{name: name, client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 3, topic}}, may: may, mayNot: mayNot}
	}
	long := strings.Repeat("l", 65533)
	return []golden{
		one("+", "a/+/c", "pub a/b/c; get a//c; sub a/+/c; sub a/x/c", "pub a/b/b/c; pub a/c; sub a/b/c/d"),
		one("#", "a/#", "pub a; pub a/b; pub a/b/c; sub a/#; sub a; sub a/+/c", "pub ab; get b/a"),
		one("# and $SYS", "#", "pub a; sub #; sub +/+", "get $SYS/broker/uptime; get $x; sub $SYS/#"),
		one("+ and $SYS", "+/broker", "get a/broker", "get $SYS/broker"),
		one("$SYS by name", "$SYS/#", "get $SYS/broker/uptime; sub $SYS/#; sub $SYS/+/uptime", "get a; sub a/#; sub +/a"),
		one("empty levels", "a//b", "pub a//b", "pub a/b; pub a///b"),
		one("a slash at the beginning", "/a", "pub /a", "pub a"),
		one("ill-formed: a#", "a#", "", "pub a#; pub a; sub a#"),
		one("ill-formed: a/#/b", "a/#/b", "", "pub a/b; pub a/x/b; get a/#/b"),
		one("ill-formed: a+", "a+/b", "", "pub a+/b; pub ax/b"),
		one("no topic", "", "", "pub a; get a; sub a; sub #"),
		one("eq alone", "eq ", "", "pub a; get a; sub a; sub #"),
		one("eq", "eq a/b", "pub a/b; sub a/b; sub a/+", "pub eq a/b; pub a/c; sub a/c; sub +/c"),
		one("eq #", "eq #", "sub #", "pub a; get a; pub a/b; sub a; sub +; sub a/#"),
		one("eq with a wildcard", "eq a/+", "sub a/+", "get a/b; sub a/b; pub a/b; sub a/#"),
		one("eq fills nothing in", "eq c/%c", "pub c/%c", "pub c/c1"),
		one("eq in capitals is a topic", "EQ a", "pub EQ a", "pub a"),
		one("eq without its space is a topic", "eqa", "pub eqa", "pub a"),
		one("unicode", "ä/日本/+", "pub ä/日本/x; sub ä/日本/+", "pub a/日本/x; pub Ä/日本/x"),
		one("capitals", "Home/Light", "pub Home/Light", "pub home/light"),
		one("spaces", "a b/ c", "pub a b/ c", "pub ab/c; pub a b/c"),
		one("a long topic", "a/#", "pub a/"+long+"; get a/"+strings.Repeat("/", 65000), "pub b/"+long+"; get b"+strings.Repeat("/", 65000)),
		one("as long as the column is wide", strings.Repeat("x", 98)+"/+", "pub "+strings.Repeat("x", 98)+"/y", "pub "+strings.Repeat("x", 99)+"/y"),
		{name: "eq denies what it says alone", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 1, "eq #"}, {2, 1, nil, "bob", nil, 3, "#"}}, may: "sub a; sub +/#; get a", mayNot: "sub #"},
		{name: "one topic out of a tree", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 2, "a/b"}, {2, 1, nil, "bob", nil, 2, "a/#"}}, may: "pub a; pub a/c; pub a/b/c", mayNot: "pub a/b"},
	}
}

// subscribeGoldens: the paragraph about SUBSCRIBE.
func subscribeGoldens() []golden {
	bob := from("bob", "c1", "")
	return []golden{
		{name: "covered by an allow", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 1, "a/#"}}, may: "sub a/#; sub a/+; sub a/b/#; sub a", mayNot: "sub b/#"},
		{name: "covered by a deny", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 1, "a/#"}, {2, 1, nil, "bob", nil, 1, "#"}}, may: "sub b/#; sub #; get b", mayNot: "sub a/#; sub a/b; sub a/+/c; get a/b"},
		{name: "wider than an allow, every delivery is checked", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 1, "a/b"}}, may: "sub #; sub +/b; sub a/+; get a/b", mayNot: "get a/c; get b; sub b/+; sub +"},
		{name: "wider, and nothing may be read", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 2, "a/b"}}, mayNot: "sub #; sub a/+; sub a/b"},
		{name: "an allow behind a deny of all of it", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 1, "a/+"}, {2, 1, nil, "bob", nil, 1, "a/b"}}, mayNot: "sub a/b; sub a/+; sub a/#; sub #; get a/b"},
		{name: "a deny that does not cover it all", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 1, "a/b"}, {2, 1, nil, "bob", nil, 1, "a/+"}}, may: "sub a/+; sub #; get a/c", mayNot: "sub a/b; get a/b"},
		{name: "no match allows, a deny inside", client: bob, noMatch: "allow", rows: []aclRow{{1, 0, nil, "bob", nil, 1, "a/#"}}, may: "sub #; sub b; get b", mayNot: "sub a; sub a/#; sub a/+; get a"},
		{name: "no match allows, all denied", client: bob, noMatch: "allow", rows: []aclRow{{1, 0, nil, "bob", nil, 1, "#"}}, mayNot: "sub #; sub a; sub +/b; get a"},
		{name: "a row that begins with $share matches nothing", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 1, "$share/g/a"}}, mayNot: "sub a; get a"},
		{name: "a client of no level", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 1, "+"}}, may: "sub +; sub a; sub #", mayNot: "sub +/+; sub a/#/; get a/b"},
	}
}

// superGoldens: rule 5, is_superuser.
func superGoldens() []golden {
	deny := []aclRow{{1, 0, nil, "$all", nil, 3, "#"}, {2, 1, nil, nil, "c1", 2, "b"}}
	everything := "pub a; get a; sub #; get $SYS/broker/uptime; sub $SYS/#"
	return []golden{
		{name: "a superuser", client: from("root", "c1", ""), rows: deny, super: []string{"root"}, may: everything},
		{name: "a superuser without rows", client: from("root", "c1", ""), super: []string{"root"}, may: everything},
		{name: "another user", client: from("bob", "c1", ""), rows: deny, super: []string{"root"}, mayNot: everything},
		{name: "a superuser as it is written", client: from("ROOT", "c1", ""), rows: deny, super: []string{"root"}, mayNot: everything},
		{name: "the client id of a superuser's name", client: from("", "root", ""), rows: deny, super: []string{"root"}, mayNot: everything},
		{name: "no user name, and a superuser without one", client: from("", "c1", ""), rows: deny, super: []string{""}, mayNot: everything},
		{name: "$all as a superuser is nobody else", client: from("bob", "c1", ""), rows: deny, super: []string{"$all"}, mayNot: everything},
	}
}

// noMatchGoldens: rule 6, what no row decides.
func noMatchGoldens() []golden {
	bob := from("bob", "c1", "")
	rows := []aclRow{{1, 1, nil, "bob", nil, 3, "a"}, {2, 0, nil, "bob", nil, 3, "b"}}
	return []golden{
		{name: "no_match is deny by default", client: bob, rows: rows, may: "pub a; get a; sub a", mayNot: "pub c; get c; sub c"},
		{name: "no_match = deny", client: bob, noMatch: "deny", rows: rows, may: "pub a; get a; sub a", mayNot: "pub c; get c; sub c"},
		{name: "no_match = allow", client: bob, noMatch: "allow", rows: rows, may: "pub a; get a; sub a; pub c; get c; sub c; sub #", mayNot: "pub b; get b; sub b"},
		{name: "no_match = allow for who has no row", client: from("ann", "c2", ""), noMatch: "allow", rows: rows, may: "pub b; get c"},
		{name: "no_match = allow without any row", client: bob, noMatch: "allow", may: "pub b; get c; sub #"},
	}
}

// oddGoldens: what the columns should not hold.
func oddGoldens() []golden {
	bob := from("bob", "c1", "")
	rest := aclRow{9, 1, nil, "bob", nil, 3, "#"}
	return []golden{
		{name: "allow is NULL", client: bob, rows: []aclRow{{1, nil, nil, "bob", nil, 3, "a"}, rest}, may: "pub b", mayNot: "pub a; get a"},
		{name: "allow is 2", client: bob, rows: []aclRow{{1, 2, nil, "bob", nil, 3, "a"}, rest}, may: "pub b", mayNot: "pub a; get a"},
		{name: "allow is -1", client: bob, rows: []aclRow{{1, -1, nil, "bob", nil, 3, "a"}, rest}, may: "pub b", mayNot: "pub a; get a"},
		{name: "access is 0", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 0, "a"}}, mayNot: "pub a; get a; sub a"},
		{name: "access is 4", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, 4, "a"}}, mayNot: "pub a; get a; sub a"},
		{name: "access is -1", client: bob, rows: []aclRow{{1, 1, nil, "bob", nil, -1, "a"}}, mayNot: "pub a; get a; sub a"},
		{name: "access of a deny is 0", client: bob, rows: []aclRow{{1, 0, nil, "bob", nil, 0, "a"}, rest}, may: "pub b", mayNot: "pub a; get a; sub a"},
	}
}
