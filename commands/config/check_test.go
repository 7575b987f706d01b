package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each case is a text and what is wrong with the whole.
func TestCheck(t *testing.T) {
	const openGuests = "3:1 listener.auth: nobody would be asked for credentials who brings none, and other machines could connect here: leave out anonymous, or set allow_anonymous = true if that is what you want"
	const listener = "[[listener]]\nurl = 'mqtt://127.0.0.1'\n"
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"[[listener]]\nurl = 'mqtt://:1883'", "2:1 listener.url: other machines could connect here, and nobody would be asked for credentials; configure [auth], or set allow_anonymous = true if that is what you want"},
		{"[[listener]]\nurl = 'mqtt://broker.example'", "2:1 listener.url: other machines could connect here, and nobody would be asked for credentials; configure [auth], or set allow_anonymous = true if that is what you want"},
		{"[[listener]]\nurl = 'mqtt://near.example'", ""},
		{"[[listener]]\nurl = 'mqtt://gone.example'", ""},
		{"allow_anonymous = true\n[[listener]]\nurl = 'mqtt://:1883'", ""},
		{"[[listener]]\nurl = 'mqtt://:1883'\nauth = ['anonymous']", openGuests},
		{"[[listener]]\nurl = 'mqtt://:1883'\nauth = ['file', 'anonymous']\n[auth.file]\npasswords = 'good'", openGuests},
		{"allow_anonymous = true\n[[listener]]\nurl = 'mqtt://:1883'\nauth = ['file', 'anonymous']\n[auth.file]\npasswords = 'good'", ""},
		{listener + "auth = ['anonymous']", ""},
		{listener + "auth = ['anonymous']\nbind_client_id = 'equal'", "4:1 listener.bind_client_id: has no effect where nobody is asked who they are"},
		{"[[listener]]\nurl = 'mqtts://:8883'\ncert = 'a'\nkey = 'b'\nclient_ca = 'c'\nauth = ['anonymous']", ""},
		{"[[listener]]\nurl = 'mqtt://geheim@127.0.0.1'", "2:1 listener.url: a listener has no user: leave out what stands before the @"},
		{"[[listener]]\nurl = 'mqtt://:1883'\n[auth.file]\npasswords = 'good'", ""},
		{"[[listener]]\nurl = 'mqtt://:1883'\nauth = []\n[auth.file]\npasswords = 'good'", "2:1 listener.url: other machines could connect here, and nobody would be asked for credentials; configure [auth], or set allow_anonymous = true if that is what you want"},
		{"[[listener]]\nurl = 'mqtts://:8883'\ncert = 'a'\nkey = 'b'\nclient_ca = 'c'", ""},
		{"[[listener]]\nurl = 'mqtts://:8883'\ncert = 'a'\nkey = 'b'\nclient_ca = 'c'\nclient_cert = 'optional'", "2:1 listener.url: other machines could connect here, and nobody would be asked for credentials; configure [auth], or set allow_anonymous = true if that is what you want"},
		{"[[listener]]\nurl = 'unix:///run/x'", ""},
		{"[[listener]]\nurl = 'mqtts://localhost'", `2:1 listener.cert: an encrypted listener needs a certificate and its key: cert = "FILE" and key = "FILE"`},
		{"[[listener]]\nurl = 'wss://localhost'\ncert = 'a'", `3:1 listener.cert: a certificate needs its private key: key = "FILE"`},
		{"[[listener]]\nurl = 'wss://localhost'\nkey = 'a'", `3:1 listener.key: a private key needs its certificate: cert = "FILE"`},
		{"[[listener]]\nurl = 'wss://localhost'\ncert = ['a', 'b']\nkey = 'a'", `4:1 listener.key: 2 of cert and 1 of key: each certificate needs its own key, in the same order`},
		{"[[listener]]\nurl = 'mqtts://localhost'\ncert = 'a'\nkey = 'b'\nuser_from_cert = 'cn'\nciphers = 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA255'", `5:1 listener.user_from_cert: needs client_ca: no client is asked for a certificate without
6:1 listener.ciphers: there is no cipher suite "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA255"; did you mean TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256?`},
		{listener + "cert = 'a'\norigins = 'x'\nmode = '0600'", `3:1 listener.cert: has no effect on mqtt://127.0.0.1:1883; it belongs to mqtts and wss
4:1 listener.origins: has no effect on mqtt://127.0.0.1:1883; it belongs to ws and wss
5:1 listener.mode: has no effect on mqtt://127.0.0.1:1883; it belongs to unix`},
		{"[[listener]]\nurl = 'unix:///x'\nallow = '::1'", "3:1 listener.allow: has no effect on unix:///x; it belongs to mqtt, mqtts, ws and wss"},
		{listener + "auth = ['file', 'sql', 'jwt', 'cert']", `3:1 listener.auth: file is not configured: [auth.file] needs passwords
3:1 listener.auth: sql is not configured: [auth.sql] needs driver and dsn
3:1 listener.auth: jwt is not configured: [auth.jwt] needs key or jwks
3:1 listener.auth: cert needs user_from_cert, which says what of a certificate is the user name`},
		{"[bans]\naddresses = ['x', '10.0.0.1', '10.0.0.1/8']", `2:1 bans.addresses: "x" is no address and no network; "10.0.0.1/8" has more bits than its network; did you mean "10.0.0.0/8"?; addresses and networks such as "192.0.2.7" and "10.0.0.0/8" are allowed`},
		{"auth.sasl.mechanisms = ['PLAINN', 'PLAIN', 'PLAIN', 'x']", `1:1 auth.sasl.mechanisms: "PLAINN" is no choice; did you mean PLAIN?; "PLAIN" is named twice; "x" is no choice; a list of SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, PLAIN, EXTERNAL, CRAM-MD5 or DIGEST-MD5 is allowed`},
		{"[auth.sql]\ndriver = 'sqlite3'\ndsn = 'x'", `2:1 auth.sql.driver: "sqlite3" is no choice; did you mean sqlite?; mysql, postgres or sqlite is allowed`},
		{"[auth.sql]\ndriver = ''\ndsn = 'x'", `2:1 auth.sql.driver: [auth.sql] needs driver, which is mysql, postgres or sqlite`},
		{listener + "auth = ['anonymous', 'file']\n[auth.file]\npasswords = 'good'", "3:1 listener.auth: anonymous lets in who has no credentials: it stands last"},
		{listener + "bind_client_id = 'equal'", "3:1 listener.bind_client_id: has no effect where nobody is asked who they are"},
		{listener + "proxy_protocol = 'v2'\nmount_point = 'a/#'", `3:1 listener.proxy_protocol: needs trusted, the addresses of the proxies, such as trusted = ["10.0.0.0/8"]
4:1 listener.mount_point: "a/#" holds + or #, which no topic may`},
		{"[[listener]]\nurl = 'ws://localhost/a'\npath = '/b'", `3:1 listener.path: the URL names another path, /a: one of them is enough`},
		{"[[listener]]\nurl = 'ws://localhost'\npath = 'mqtt'", `3:1 listener.path: "mqtt" begins with no slash`},
		{listener + listener + "[[listener]]\nurl='mqtt://127.0.0.1:0'\n[[listener]]\nurl='ws://127.0.0.1:1883'", `4:1 listener.url: another listener has this address already: mqtt://127.0.0.1 (f:2)
8:1 listener.url: another listener has this address already: mqtt://127.0.0.1 (f:2)`},
		{listener + "[[listener]]\nurl='mqtt://localhost'", `4:1 listener.url: another listener has this address already: mqtt://127.0.0.1 (f:2)`},
		{"allow_anonymous = true\n" + listener + "[[listener]]\nurl='mqtt://'\n[[listener]]\nurl='mqtt://[::]:1884'\n[[listener]]\nurl='mqtt://0.0.0.0:1884'\n[[listener]]\nurl='mqtt://[::1]:1884'\n[[listener]]\nurl='mqtt://localhost:1885'", `5:1 listener.url: another listener has this address already: mqtt://127.0.0.1 (f:3)
11:1 listener.url: another listener has this address already: mqtt://[::]:1884 (f:7)`},
		{"[[listener]]\nurl='unix:///a'\n[[listener]]\nurl='unix:///a'", `4:1 listener.url: another listener has this address already: unix:///a (f:2)`},
		{"durability = 'os'\ncommit_delay = 1", `1:1 durability: says how data is kept, and there is no data = "DIRECTORY"
2:1 commit_delay: says how data is kept, and there is no data = "DIRECTORY"`},
		{"data = 'bad'", "1:1 data: bad"},
		{"auth.file.passwords = 'bad'\nacl.file = 'bad'\nauth.jwt.key = 'bad'", "1:1 auth.file.passwords: bad\n2:1 acl.file: bad\n3:1 auth.jwt.key: bad"},
		{"auth.jwt.issuer = 'x'", "1:1 auth.jwt.issuer: [auth.jwt] needs key or jwks, which say how tokens are signed"},
		{"auth.sql.user_table = 'x'", "1:1 auth.sql.user_table: [auth.sql] needs driver, which is mysql, postgres or sqlite"},
		{"auth.sql.driver = 'mysql'", `1:1 auth.sql.driver: [auth.sql] needs dsn, which says where the database is; "env:NAME" takes it from the environment`},
		{"[auth.sql]\ndriver = 'mysql'\ndsn = 'env:NONE'", "3:1 auth.sql.dsn: the environment has no NONE, which env:NONE asks for"},
		{"[auth.sql]\ndriver = 'mysql'\ndsn = 'env:SOME'", ""},
		{"acl.file = 'good'\nacl.sql = true", "2:1 acl.sql: file and sql cannot both say who may do what: leave one of them"},
		{"[acl]\nno_match = 'deny'", "2:1 acl.no_match: there are no rules that could match, so everything is allowed: [acl] needs file, or sql = true with [auth.sql]"},
		{"[acl]\nfile = 'good'\nno_match = 'deny'", ""},
		{"[acl]\nfile = 'good'\non_error = 'deny'\nrefresh = 5", `3:1 acl.on_error: belongs to rules from a database, and there is no sql = true in [acl]
4:1 acl.refresh: belongs to rules from a database, and there is no sql = true in [acl]`},
		{"acl.deny_action = 'disconnect'", ""}, // publishing below $SYS is denied without rules, too
		{"acl.sql = true", "1:1 acl.sql: needs [auth.sql], which says where the table is"},
	} {
		c, problems := Read("f", []byte(test.text))
		problems = append(problems, c.Check(testProbes())...)
		if got := brief(problems); got != test.want {
			t.Errorf("%q:\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

// A password in the URL of a listener is told nobody.
func TestListenerHasNoUser(t *testing.T) {
	c := New()
	problems := c.SetListeners("--listen", []string{"mqtt://me:geheim@127.0.0.1", "mqtt://geheim@127.0.0.1?auth=file"})
	if len(problems) != 2 {
		t.Error(problems)
	}
	fromFile, more := Read("f", []byte("[[listener]]\nurl = 'mqtt://me:geheim@127.0.0.1'\nauth = 'file'"))
	problems = append(problems, append(more, fromFile.Check(Probes{})...)...)
	var out strings.Builder
	c.Print(&out)
	for _, p := range append(problems, c.Check(Probes{})...) {
		out.WriteString(p.String() + "\n")
	}
	if strings.Contains(out.String(), "geheim") || strings.Count(out.String(), "a listener has no user") != 3 {
		t.Error(out.String())
	}
}

// testProbes find a file bad whose name is bad.
func testProbes() Probes {
	judge := func(path string) error {
		if path == "bad" {
			return &fs.PathError{Op: "open", Path: path, Err: errors.New("no such file")}
		}
		return nil
	}
	bad := func(path string) error {
		if judge(path) != nil {
			return errors.New("bad")
		}
		return nil
	}
	return Probes{
		Getenv: func(name string) string { return map[string]string{"SOME": "x"}[name] },
		Lookup: func(host string) ([]string, error) {
			switch host {
			case "near.example":
				return []string{"127.0.0.1", "::1"}, nil
			case "gone.example":
				return nil, errors.New("no such host")
			}
			return []string{"127.0.0.1", "192.0.2.7"}, nil
		},
		Data: bad, Passwords: bad, ACL: bad,
		JWT: func(j AuthJWT) error { return bad(j.Key) },
	}
}

// What comes from flags is named by the flag.
func TestCheckOfFlags(t *testing.T) {
	c := New()
	problems := c.SetListeners("--listen", []string{"mqtts://:8883?cert=a.pem&tls_min=1.1&foo=x", "mqtt://127.0.0.1?auth=file,anonymous", "x"})
	if err := c.Set("--set", "acl.sql", "true"); err != nil {
		t.Fatal(err)
	}
	problems = append(problems, c.Check(Probes{})...)
	want := `--listen mqtts://:8883: tls_min: "1.1" is no choice; did you mean 1.2?; 1.2 or 1.3 is allowed
--listen mqtts://:8883: foo: no such key
--listen: x: not a URL: it needs a scheme, as in mqtt://localhost:1883
--listen mqtts://:8883: cert: a certificate needs its private key: key = "FILE"
--listen mqtts://:8883: url: other machines could connect here, and nobody would be asked for credentials; configure [auth], or set allow_anonymous = true if that is what you want
--listen mqtt://127.0.0.1: auth: file is not configured: [auth.file] needs passwords
--set: acl.sql: needs [auth.sql], which says where the table is`
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if l := c.Listeners[1]; l.URL != "mqtt://127.0.0.1" || len(l.Auth) != 2 || l.Source("auth") != "--listen" {
		t.Errorf("%+v", l)
	}
}

// A problem shows its line, with the key underlined.
func TestProblemShowsItsLine(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"\n  drian = 5 # x", "f:2:3: drian: no such key; did you mean drain?\n    2 |   drian = 5 # x\n      |   ^~~~~"},
		{"\tdrian = 5", "f:1:2: drian: no such key; did you mean drain?\n    1 | \tdrian = 5\n      | \t^~~~~"},
		{"auth.sql.driver = 'oracle'", "f:1:1: auth.sql.driver: \"oracle\" is no choice; mysql, postgres or sqlite is allowed\n    1 | auth.sql.driver = 'oracle'\n      | ^~~~~~~~~~~~~~~"},
		{"auth.sql.dsn = 'secret'\nauth.sql.dsn = 'word'", "f:2:1: auth.sql.dsn: this key is set already, in line 1; leave one of them\n    2 | auth.sql.dsn = ...\n      | ^~~~~~~~~~~~"},
		{"data = '\x1b[2J\n", "f:1:9: literal strings cannot have control characters\n    1 | data = '?[2J\n      |         ^"},
		{"'é' = 1", "f:1:1: é: no such key; the man page of mqtk serve lists all\n    1 | 'é' = 1\n      | ^~~"},
	} {
		_, problems := Read("f", []byte(test.text))
		if len(problems) != 1 || problems[0].String() != test.want {
			t.Errorf("%q:\n%v\nwant %s", test.text, problems, test.want)
		}
	}
}

// Long lines are cut, and the mark stays below the key.
func TestProblemInALongLine(t *testing.T) {
	text := "bans = {" + strings.Repeat("users = [], ", 50) + " }"
	_, problems := Read("f", []byte(text))
	lines := strings.Split(problems[len(problems)-1].String(), "\n")
	mark := strings.Index(lines[2], "^")
	if len(lines[1]) > 200 || !strings.HasPrefix(lines[1][mark:], "users") {
		t.Errorf("%s", strings.Join(lines, "\n"))
	}
}

func TestCheckOpensFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "junk.pem"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `[[listener]]
url = "mqtts://localhost"
cert = ["junk.pem", "gone.pem"]
key = ["junk.pem", "junk.pem"]
client_ca = "junk.pem"
tls_keylog = "gone/keys"
[[listener]]
url = "unix://` + dir + `/gone/socket"
owner = "nobody-of-this-name"
group = "1234"
[[listener]]
url = "wss://localhost"
cert = "junk.pem"
key = "gone.key"
client_ca = "gone.pem"
`
	c, problems := Read(filepath.Join(dir, "f"), []byte(text))
	problems = append(problems, c.Check(Probes{Files: true})...)
	var got []string
	for _, p := range problems {
		first, _, _ := strings.Cut(p.String(), "\n")
		got = append(got, strings.ReplaceAll(first, dir+"/", ""))
	}
	want := `f:3:1: listener.cert: junk.pem and junk.pem are no certificate and key that belong together: tls: failed to find any PEM data in certificate input
f:3:1: listener.cert: gone.pem: no such file or directory
f:5:1: listener.client_ca: junk.pem holds no certificate as PEM
f:6:1: listener.tls_keylog: gone: no such file or directory
f:8:1: listener.url: gone: no such file or directory
f:9:1: listener.owner: there is no user nobody-of-this-name
f:14:1: listener.key: gone.key: no such file or directory
f:15:1: listener.client_ca: gone.pem: no such file or directory`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestSecret(t *testing.T) {
	env := func(name string) string { return map[string]string{"DSN": "word"}[name] }
	if s, err := Secret("env:DSN", env); s != "word" || err != nil {
		t.Error(s, err)
	}
	if s, err := Secret("plain", env); s != "plain" || err != nil {
		t.Error(s, err)
	}
	if _, err := Secret("env:GONE", env); err == nil {
		t.Error("GONE is there")
	}
}

// Of a file with many errors each is told, and the key that names it once.
func TestCheckTellsAllOfAnotherFile(t *testing.T) {
	c, _ := Read("f", []byte("log_level = 'warn'\nacl.file = 'a'\n[auth.sql]\ndriver = 'mysql'"))
	problems := c.Check(Probes{ACL: func(string) error { return errors.Join(errors.New("a:1: this"), errors.New("a:2: that")) }})
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	want := `f:2:1: acl.file: a:1: this
    2 | acl.file = 'a'
      | ^~~~~~~~
a:2: that
f:4:1: auth.sql.driver: [auth.sql] needs dsn, which says where the database is; "env:NAME" takes it from the environment
    4 | driver = 'mysql'
      | ^~~~~~`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
