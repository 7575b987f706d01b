package config

import (
	"strings"
	"testing"
	"time"
)

const whole = `# a broker with everything
data = "lib"
durability = "os"
commit_delay = "20ms"
driver = "goroutine"
log_level = 'warn'
drain = 2.5
allow_anonymous = true

[[listener]]
url = "mqtts://:8883"
cert = ["a.pem", "b.pem"]
key = [
	"a.key", # of a.pem
	"b.key",
]
client_ca = "/etc/ca.pem"
user_from_cert = "cn"
trusted = "10.0.0.0/8"
versions = [3.1, "3.1.1", 5.0]
auth = ["cert", "file"]
max_connections = 1_000

[[listener]]
url = "unix:///run/mqtk.sock"
mode = "0660"

[auth.file]
passwords = "passwd"

[auth.sql]
driver = "mysql"
dsn = "env:MQTK_DSN"
columns.username = "name"

[auth]
jwt = { jwks = "keys.json", algorithms = ["RS256"] }

[acl]
file = "acl"
no_match = "allow"

[bans]
addresses = ["192.0.2.7", "2001:db8::/32"]

[limits]
max_packet_size = "64KiB"
max_queued_bytes = 4096
max_connections = "500"
connect_timeout = 1.5
max_session_expiry = inf
retain_available = false
queue_full = "refuse"
`

func TestRead(t *testing.T) {
	c, problems := Read("conf/mqtk.toml", []byte(whole))
	for _, p := range problems {
		t.Error(p)
	}
	if c.Data != "conf/lib" || c.Durability != "os" || c.CommitDelay != 20*time.Millisecond || c.Drain != 2500*time.Millisecond || !c.AllowAnonymous {
		t.Errorf("top: %+v", c)
	}
	if len(c.Listeners) != 2 {
		t.Fatalf("%d listeners", len(c.Listeners))
	}
	l := c.Listeners[0]
	if strings.Join(l.Cert, " ") != "conf/a.pem conf/b.pem" || strings.Join(l.Key, " ") != "conf/a.key conf/b.key" || l.ClientCA != "/etc/ca.pem" ||
		l.Trusted[0].String() != "10.0.0.0/8" || strings.Join(l.Versions, " ") != "3.1 3.1.1 5.0" || l.MaxConnections != 1000 {
		t.Errorf("listener: %+v", l)
	}
	if c.Listeners[1].Mode != 0o660 || c.Listeners[1].Auth != nil {
		t.Errorf("socket: %+v", c.Listeners[1])
	}
	if c.Auth.SQL.Columns.Username != "name" || c.Auth.SQL.Columns.Topic != "topic" || c.Auth.JWT.JWKS != "conf/keys.json" || len(c.Auth.JWT.Algorithms) != 1 {
		t.Errorf("auth: %+v", c.Auth)
	}
	if c.ACL.File != "conf/acl" || c.ACL.NoMatch != "allow" || len(c.Bans.Addresses) != 2 {
		t.Errorf("acl, bans: %+v %+v", c.ACL, c.Bans)
	}
	if c.Limits.MaxPacketSize != 64<<10 || c.Limits.MaxQueuedBytes != 4096 || c.Limits.MaxConnections != 500 || c.Limits.ConnectTimeout != 1500*time.Millisecond || c.Limits.RetainAvailable {
		t.Errorf("limits: %+v", c.Limits)
	}
	if got := c.Source("limits.queue_full"); got != "conf/mqtk.toml:53" {
		t.Errorf("source %s", got)
	}
	if got := c.Listeners[0].Source("key"); got != "conf/mqtk.toml:13" {
		t.Errorf("source %s", got)
	}
	for _, p := range c.Check(Probes{}) {
		t.Error(p)
	}
}

// Each case is a text and what is wrong with it, without the lines shown.
func TestReadFindsEverything(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"dta = 'x'", `1:1 dta: no such key; did you mean data?`},
		{"max_qos = 1", `1:1 max_qos: no such key here; it stands below [limits]`},
		{"[limits]\nmax_conections = 1\n  max_qos = 3", `2:1 limits.max_conections: no such key; did you mean max_connections?
3:3 limits.max_qos: 3 is out of range; 0 to 2 is allowed`},
		{"[limit]\na = 1\nb = 2\n[http]\nc = 1\n[acl]\nx = 1", `1:2 limit: no such table; did you mean limits?
4:2 http: no such table
7:1 acl.x: no such key; the man page of mqtk serve lists all`},
		{"[listener]\nurl = 'mqtt://'", `1:2 a listener is written [[listener]], for there may be more than one`},
		{"[[acl]]\nno_match = 'allow'", `1:3 acl is written [acl], for there is only one`},
		{"[data]\n", `1:2 data: is a key, not a table: write data = VALUE before the first table`},
		{"acl = 1", `1:1 acl: is a table, not a key: write [acl] and its keys below`},
		{"[[listener]]\nauth = ['file']", `1:3 listener: a listener needs a url, such as url = "mqtt://127.0.0.1:1883"`},
		{"[[listener]]\nurl = 'mqtt:/x'", `2:1 listener.url: mqtt:/x: not a URL: it needs a scheme, as in mqtt://localhost:1883`},
		{"[[listener]]\nurl = 'mqtt://:1?cert=x'", `2:1 listener.url: what stands behind the ? are keys of the listener: write each on a line of its own`},
		{"data = 'a'\ndata = 'b'\n[acl]\n[bans]\n[acl]", `2:1 data: this key is set already, in line 1; leave one of them
5:2 acl: this table is there already, in line 3; leave one of them`},
		{"[acl]\nfile = 'a'\n[[listener]]\nurl = 'unix:///a'\n[[listener]]\nurl = 'unix:///b'\nurl = 'unix:///c'", `7:1 listener.url: this key is set already, in line 6; leave one of them`},
		{"acl.deny_action = 'ignore'\n[limits]\ndeny_action = 'ignore'", "3:1 limits.deny_action: this key is set already, in line 1; leave one of them"},
		{"data = 5", `1:1 data: 5 is a number; put it in quotes; a path is allowed`},
		{"driver = true", `1:1 driver: true is a switch; auto, eventloop or goroutine is allowed`},
		{"data = ['a']", `1:1 data: a list does not fit; a path is allowed`},
		{"drain = 1979-05-27", `1:1 drain: 1979-05-27 is a date or a time; 0s to 1d is allowed`},
		{"drain = '5 s'", `1:1 drain: "5 s" is no duration; 0s to 1d is allowed`},
		{"allow_anonymous = 'maybe'", `1:1 allow_anonymous: "maybe" is no switch; true or false is allowed`},
		{"[limits]\nmax_qos = 'x'\nmax_packet_size = '1 MiX'\nqueue_qos0 = 'maybe'\nslow_receiver = 'w'\nmax_inflight = [1]\nauto_id_prefix = 5", `2:1 limits.max_qos: "x" is no number; 0 to 2 is allowed
3:1 limits.max_packet_size: "1 MiX" is no size such as 4096, 64k, 1MiB or 2G; 64 to 268435460 is allowed
4:1 limits.queue_qos0: "maybe" is no switch; true or false is allowed
5:1 limits.slow_receiver: "w" is no choice; wait or drop is allowed
6:1 limits.max_inflight: a list does not fit; 1 to 65535 is allowed
7:1 limits.auto_id_prefix: 5 is a number; put it in quotes; up to 64 bytes of text are allowed`},
		{"bans.addresses = ['10.0.0.1/8', '::1']", `1:1 bans.addresses: "10.0.0.1/8" has more bits than its network; did you mean "10.0.0.0/8"?; addresses and networks such as "192.0.2.7" and "10.0.0.0/8" are allowed`},
		{"[[listener]]\nurl='unix:///a'\nmode = 660", `3:1 listener.mode: 660 is a number; put it in quotes; permissions such as "0660" are allowed`},
		{"[[listener]]\nurl='unix:///a'\nmode = 0660", `3:8 a number has no leading zeros; put permissions in quotes`},
		{"'acl.file' = 'x'", `1:1 "acl.file": no such key; did you mean file, which stands below [acl]?`},
		{"a.b.c = 1\n[acl]\nfile.x = 1", `1:1 a.b.c: no such key; the man page of mqtk serve lists all
3:1 acl.file.x: no such key; the man page of mqtk serve lists all`},
		// Syntax: the next line is read.
		{"driver = mysql\nlog_level = infos\nlog_format 'text'\ndrain = 5x", `1:10 a value that is no number needs quotes around it
2:16 a value that is no number needs quotes around it
3:12 a key needs = and a value behind it
4:10 a value that is no number needs quotes around it`},
		{"driver =\nlog_level = 'infos'", `1:9 there is no value behind the =
2:1 log_level: "infos" is no choice; did you mean info?; debug, info, warn or error is allowed`},
		{"[[listener]]\nurl = 'unix:///a'\nauth = ['file',\n\n[limits]\nmax_qos = 9", `3:1 the list that begins here is not closed: put ] at its end, and a comma between items
6:1 limits.max_qos: 9 is out of range; 0 to 2 is allowed`},
		{"bans.users = ['a'\n'b', 'c']\ndrain = 'x'", `1:1 the list that begins here is not closed: put ] at its end, and a comma between items
3:1 drain: "x" is no duration; 0s to 1d is allowed`},
		{"data = \"a\ndrain = 'x'", `1:1 the text is not closed: put its second quote at its end
2:1 drain: "x" is no duration; 0s to 1d is allowed`},
		{"data = \"\"\"a\ndrain = 'x'", `1:1 the text that begins here is not closed by its three quotes
2:1 drain: "x" is no duration; 0s to 1d is allowed`},
		{"data = \"C:\\mqtk\"", `1:11 a \ in a text is written \\, or the text stands in single quotes`},
		{"allow_anonymous = True", `1:19 a switch is written true or false`},
		{"[acl\nfile = 5\n[limits]\nmax_qos = 5", `1:5 the name of a table stands between [ and ], that of a listener between [[ and ]]
4:1 limits.max_qos: 5 is out of range; 0 to 2 is allowed`},
		{"drain = 5 6", `1:11 there is more on the line than a value; a list stands in [ ], a comment begins with #`},
		{"# \x01\ndrain = 'x'", "1:3 control characters are not allowed in comments\n2:1 drain: \"x\" is no duration; 0s to 1d is allowed"},
		{"data = 'a\x00'", "1:10 literal strings cannot have control characters"},
		{"acl.file = 'x'\n[acl]\nno_match = 'deny'", "2:2 acl: table acl already exists as defined by a dotted key"},
		{"listener = 5", "1:1 listener: is a table, not a key: write [[listener]] and its keys below"},
		{"listener = [{url = 'mqtt://127.0.0.1'}, 5]", "1:1 listener: a listener is a table: [[listener]] and its keys below"},
		{"auth.sql.dsn = 5", "1:1 auth.sql.dsn: 5 is a number; put it in quotes; up to 4096 bytes of text are allowed"},
	} {
		_, problems := Read("f", []byte(test.text))
		if got := brief(problems); got != test.want {
			t.Errorf("%q:\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

// brief is the first lines of problems, without the name of the file.
func brief(problems []Problem) string {
	var lines []string
	for _, p := range problems {
		first, _, _ := strings.Cut(p.String(), "\n")
		_, first, _ = strings.Cut(first, ":")
		lines = append(lines, strings.Replace(first, ": ", " ", 1))
	}
	return strings.Join(lines, "\n")
}
