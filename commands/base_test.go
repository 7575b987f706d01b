package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"mqtk/commands/contexts"
	"mqtk/mqttwire"
)

const contextsForTests = `
[node]
host = "node"
port = 8884
username = "ada"
password = "node's"

[tls]
url = "mqtts://u:p@tls:8885/some/topic"
cafile = "ca.pem"
cert = "~/c.pem"
insecure = true
servername = "inner"
alpn = ["a", "b"]
keep-alive = 9
id = "me"
protocol-version = 311
no-clean = true
ws-header = ["A:1", "B:2"]

[who]
username = "ada"
password-from = "env:SECRET"
id-prefix = "pre-"

[will]
host = "x"
will-topic = "w"
will-payload = "bye"
property = [["connect", "user-property", "k", "v v"], ["will", "content-type", "t"]]
session-expiry = "1h"
bind = "127.0.0.1"
retry = 3
proxy = ""

[socket]
unix = "run/s"
`

// baseRig lets a verb of the connection flags read what the test gives it.
type baseRig struct {
	options connectOptions
	p       *program
}

func layBases(t *testing.T, words []string, environment map[string]string) (baseRig, error) {
	t.Helper()
	rig := baseRig{p: &program{getenv: func(name string) string { return environment[name] }, Stdio: Stdio{Err: t.Output()}}}
	c := &cli.Command{Name: "sub", ArgsUsage: "X", Flags: rig.options.flags(mqttwire.CONNECT, mqttwire.WillProperties)}
	root := &cli.Command{Name: "mqtk", Subcommands: []*cli.Command{c}}
	path, line, err := parseCommandLine(root, append([]string{"sub"}, words...))
	if err != nil {
		return rig, err
	}
	if rig.p.line, err = rig.p.withBases(path, line); err != nil {
		return rig, err
	}
	return rig, rig.p.line.fill(path)
}

// homeOf gives a test a home of its own, with a contexts file in it.
func homeOf(t *testing.T, text string) (home, dir string) {
	t.Helper()
	home = t.TempDir()
	for _, name := range []string{"HOME", "USERPROFILE", "XDG_CONFIG_HOME", "AppData"} {
		t.Setenv(name, home)
	}
	path, err := contexts.Path()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return home, dir
}

// TestBasePrecedence: flag, URL, environment, context, default; and what is
// asked for by name is not dropped.
func TestBasePrecedence(t *testing.T) {
	home, dir := homeOf(t, contextsForTests)
	options := filepath.Join(home, "options")
	if err := os.WriteFile(options, []byte("# a comment\n-h file\n--pw s e\n-u me\n\n--cafile f\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"url": "-L mqtts://ou:opw@prod/topic\n", "user": "-u me\n-P s\n"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := strings.NewReplacer("FILE", options, "URL", filepath.Join(home, "url"), "USER", filepath.Join(home, "user"))
	for _, test := range []struct{ flags, environment, want string }{
		{"--context node", "", "mqtt://node:8884 ada node's"},
		{"", "MQTK_CONTEXT=node", "mqtt://node:8884 ada node's"},
		{"--context tls", "MQTK_CONTEXT=node", "mqtts://tls:8885 u p alpn=a,b ca=DIR/ca.pem cert=HOME/c.pem insecure name=inner topic=some/topic"},
		{"--context who", "", "mqtt://localhost:1883 ada from=env:SECRET"},
		{"--context socket", "", "unix://DIR/run/s"},

		// A flag or a URL drops what MQTK_CONTEXT says, and so does the environment.
		{"-h y", "MQTK_CONTEXT=node", "mqtt://y:1883"},
		{"-p 7", "MQTK_CONTEXT=node", "mqtt://localhost:7"},
		{"-L mqtt://y", "MQTK_CONTEXT=node", "mqtt://y:1883"},
		{"--unix /s", "MQTK_CONTEXT=node", "unix:///s"},
		{"", "MQTK_CONTEXT=node MQTK_HOST=y", "mqtt://y:1883"},
		{"", "MQTK_CONTEXT=node MQTK_URL=mqtt://y", "mqtt://y:1883"},
		{"", "MQTK_CONTEXT=tls MQTK_URL=mqtt://y", "mqtt://y:1883"},
		{"", "MQTK_CONTEXT=nonsense MQTK_URL=mqtt://y", "mqtt://y:1883"},
		{"", "MQTK_CONTEXT=node MQTK_PORT=tcp://y:1", "mqtt://node:8884 ada node's"},
		{"-u v", "MQTK_CONTEXT=node", "mqtt://node:8884 v node's"},
		{"-P w", "MQTK_CONTEXT=node", "mqtt://node:8884 ada w"},
		{"", "MQTK_CONTEXT=node MQTK_USERNAME=eve MQTK_PASSWORD=e", "mqtt://node:8884 eve e"},
		{"", "MQTK_CONTEXT=tls MQTK_CAFILE=e", "mqtts://tls:8885 u p alpn=a,b ca=e cert=HOME/c.pem insecure name=inner topic=some/topic"},

		// What --context names is kept, and the environment, whose secrets are
		// for another broker, dropped.
		{"--context node", "MQTK_HOST=y MQTK_USERNAME=eve MQTK_PASSWORD=e", "mqtt://node:8884 ada node's"},
		{"--context node", "MQTK_URL=mqtt://eve:e@y", "mqtt://node:8884 ada node's"},
		{"--context who", "MQTK_HOST=y MQTK_USERNAME=eve MQTK_PASSWORD=e", "mqtt://y:1883 ada from=env:SECRET"},
		{"--context node -h y", "", "mqtt://y:8884 ada node's"},
		{"--context node -p 7", "", "mqtt://node:7 ada node's"},
		{"--context tls -h y", "", "mqtts://y:8885 u p alpn=a,b ca=DIR/ca.pem cert=HOME/c.pem insecure name=inner topic=some/topic"},
		{"--context tls -h ::1 -p 7", "", "mqtts://[::1]:7 u p alpn=a,b ca=DIR/ca.pem cert=HOME/c.pem insecure name=inner topic=some/topic"},
		{"--context node -L mqtt://v:w@y/t", "", "mqtt://y:1883 v w topic=t"},
		{"--context node -L mqtt://y", "", "mqtt://y:1883 ada node's"},
		{"--context socket -h y", "", "mqtt://y:1883"},
		{"--context who -P w", "", "mqtt://localhost:1883 ada w"},
		{"--context tls --insecure=false --servername=s --capath=d --cert k", "", "mqtts://tls:8885 u p alpn=a,b topic=some/topic"},
		{"--context tls --alpn c", "", "mqtts://tls:8885 u p ca=DIR/ca.pem cert=HOME/c.pem insecure name=inner topic=some/topic"},

		// An options file is below what is typed, and above all else. What it says
		// of its broker goes to no other.
		{"-o FILE", "MQTK_URL=mqtt://eve:e@y", "mqtts://file:8883 me s e ca=f"},
		{"-o FILE -h y -P w", "", "mqtt://y:1883 w"},
		{"-o FILE -p 7", "", "mqtt://localhost:7"},
		{"-o FILE -L mqtt://y", "", "mqtt://y:1883"},
		{"-o FILE --unix /s", "", "unix:///s"},
		{"-o FILE -u v", "", "mqtts://file:8883 v s e ca=f"},
		{"-o URL -L mqtt://y/t", "", "mqtt://y:1883 topic=t"},
		{"-o USER -h y", "", "mqtt://y:1883 me s"},
		{"-o FILE", "MQTK_CONTEXT=node", "mqtts://file:8883 me s e ca=f"},
		{"-o FILE --context node", "", "mqtts://file:8884 me s e ca=f"},
	} {
		t.Run(test.flags+" "+test.environment, func(t *testing.T) {
			rig, err := layBases(t, strings.Fields(files.Replace(test.flags)), environmentOf(test.environment))
			if err != nil {
				t.Fatal(err)
			}
			where, topic, err := rig.options.resolve(rig.p)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.NewReplacer("DIR", dir, "HOME", home).Replace(test.want)
			if got := placeInWords(where, topic); got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

func environmentOf(text string) map[string]string {
	environment := map[string]string{"SECRET": "from-env"}
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		environment[name] = value
	}
	return environment
}

func placeInWords(where place, topic string) string {
	words := []string{where.target.String()}
	add := func(label, value string) {
		if value != "" {
			words = append(words, label+value)
		}
	}
	for _, s := range []*string{where.username, where.password} {
		if s != nil {
			add("", *s)
		}
	}
	add("from=", where.passwordFrom.from)
	add("alpn=", strings.Join(where.secure.ALPN, ","))
	add("ca=", where.secure.CAFile)
	add("cert=", where.secure.CertFile)
	if where.secure.Insecure {
		add("", "insecure")
	}
	add("name=", where.secure.ServerName)
	add("topic=", topic)
	return strings.Join(words, " ")
}

// TestBaseConnect: what a context says of the CONNECT, and what a flag takes
// the place of.
func TestBaseConnect(t *testing.T) {
	homeOf(t, contextsForTests)
	for _, test := range []struct{ flags, want string }{
		{"--context tls --insecure=false --cert=", "--cert \"\": may not be empty"},
		{"--context who", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=pre-* username=ada password=from-env"},
		{"--context who -i me", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=me username=ada password=from-env"},
		{"--context who -I x-", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=x-* username=ada password=from-env"},
		{"--context will -i me", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=me user-property=\"k=v v\" session-expiry-interval=3600 will-topic=w will-content-type=t will-payload=bye"},
		{"--context will -i me --will-payload x -x 5", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=me user-property=\"k=v v\" session-expiry-interval=5 will-topic=w will-content-type=t will-payload=x"},
		{"--context will -i me --will-topic mine", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=me user-property=\"k=v v\" session-expiry-interval=3600 will-topic=mine will-content-type=t"},
		{"--context will -i me -D connect receive-maximum 5", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=me receive-maximum=5 session-expiry-interval=3600 will-topic=w will-payload=bye"},
	} {
		t.Run(test.flags, func(t *testing.T) {
			rig, err := layBases(t, strings.Fields(test.flags), environmentOf(""))
			var pl plan
			if err == nil {
				pl, err = rig.options.plan(rig.p)
			}
			got := fmt.Sprint(err)
			if err == nil {
				c := pl.options.Connect
				c.Version = mqttwire.V5
				got = string(mqttwire.AppendText(nil, &c, c.Version))
				if strings.Contains(test.want, "-*") {
					id := strings.Index(got, "client-id=") + len("client-id=")
					end := id + strings.IndexByte(got[id:], ' ')
					got = got[:end-12] + "*" + got[end:]
				}
			}
			if got != test.want {
				t.Errorf("\ngot  %s\nwant %s", got, test.want)
			}
		})
	}
	rig, err := layBases(t, []string{"--context", "tls"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	where, _, err := rig.options.resolve(rig.p)
	if err != nil || *where.keepAlive != 9 || *where.clientID != "me" || where.version != mqttwire.V311 || !rig.options.NoClean || len(rig.options.Header) != 2 {
		t.Errorf("got %+v, %v, %v", where, rig.options, err)
	}
}

// TestBaseRefused: what is wrong in a file is said with file and line.
func TestBaseRefused(t *testing.T) {
	for context, want := range map[string]string{
		"hots = 'x'":             "4: hots: there is no such key; keys are the long names of connection flags|did you mean host?",
		"h = 'x'":                "4: h: there is no such key; keys are the long names of connection flags",
		"context = 'x'":          "4: context: there is no such key; keys are the long names of connection flags",
		"options-file = 'x'":     "4: options-file: there is no such key; keys are the long names of connection flags",
		"topic = 'x'":            "4: topic: there is no such key; keys are the long names of connection flags",
		"port = 'x'":             "4: port x: must be a number from 1 to 65535",
		"host = ['a', 'b']":      "4: host: takes one value",
		"host = []":              "4: host: takes one value",
		"host = [['a']]":         "", // as good as any
		"host = [['a', 'b']]":    "4: host: a list within a list does not fit",
		"insecure = 1":           "4: insecure: must be true or false",
		"property = ['connect']": "4: property: must be a list of lists, as in property = [[\"connect\", \"user-property\", \"NAME\", \"VALUE\"]]",
		"property = [['publish', 'content-type', 'x']]": "4: property publish content-type x: \"publish\" is no packet here: there are connect, will",
		"url = 'nonsense'":                        "4: url: nonsense: not a URL: it needs a scheme, as in mqtt://localhost:1883",
		"host = 'x'\nunix = 'y'":                  "5: unix: unix, beside host or port, names a second broker",
		"password = 'x'\npassword-from = 'cmd:y'": "5: password-from: the password is there already",
		"pw = 'x'":      "",
		"keepalive = 5": "",
		"password-from = 'env:NOTHING'\nusername = 'u'":      "4: password-from env:NOTHING: the variable is not set, or not exported",
		"password-from = 'nonsense'":                         "4: password-from nonsense: must be env:NAME, file:PATH, fd:N, cmd:COMMAND or prompt",
		"password-from = 'cmd:false'\nhost = 'x'\nretry = 1": "4: password-from cmd:false: the command that prints the password failed: exit status 1",
	} {
		_, dir := homeOf(t, "# contexts\n\n[a]\n"+context+"\n")
		rig, err := layBases(t, []string{"--context", "a"}, environmentOf(""))
		if err == nil {
			_, err = rig.options.plan(rig.p)
		}
		got := ""
		if err != nil {
			f := classify(err)
			got = strings.Join(append([]string{f.Error()}, f.Hints...), "|")
			got = strings.TrimPrefix(got, filepath.Join(dir, "contexts.toml")+":")
			if f.Code != exitUsage {
				t.Errorf("%s: ends %d", context, f.Code)
			}
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", context, got, want)
		}
	}
}

// TestOptionsFileLines shows what lines of an options file come to.
func TestOptionsFileLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "o")
	for text, want := range map[string]string{
		"-m hello":                       "--message=hello",
		"-m hello  world ":               "--message=hello  world ",
		"  -m -q":                        "--message=-q",
		"--message -- x":                 "--message=-- x",
		"--message=x y":                  `F:1: --message=x takes no value, and a line holds one flag`,
		"-rq 1\r\n#-n\n\n-t a/b":         "--retain=true --qos=1 --topic=a/b",
		"-q1":                            "--qos=1",
		"-r\n":                           "--retain=true",
		"-r yes":                         "F:1: -r takes no value, and a line holds one flag",
		"\n-m":                           "F:2: -m needs a value",
		"-D publish user-property a b c": "--property=publish|user-property|a|b c",
		"-D publish content-type":        "F:1: -D needs PACKET NAME VALUE",
		"hello":                          `F:1: "hello" is no flag: a line is a flag and its value`,
		"-":                              `F:1: "-" is no flag: a line is a flag and its value`,
		"--":                             `F:1: "--" is no flag: a line is a flag and its value`,
		"--topc a":                       "F:1: unknown flag --topc",
		"--psk 00":                       "F:1: --psk: this build has no TLS with keys shared beforehand (PSK); a client proves who it is with --cert, or a password",
		"-o x":                           "F:1: -o: a file names no other",
		"--help":                         "F:1: --help belongs on the command line",
		"-h host":                        "",
		"-h ho:st":                       "F:1: -h ho:st: holds a port: give that with --port",
		"-h x\n--unix y":                 "F:2: --unix: unix, beside host or port, names a second broker",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := &program{getenv: func(string) string { return "" }}
		path, line, err := parseCommandLine(p.root("pub"), []string{"pub", "-o", file})
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.optionsFile(path, line, file)
		got := strings.ReplaceAll(fmt.Sprint(err), file, "F")
		if err == nil {
			got = strings.ReplaceAll(strings.Join(b.line.Flags, " "), wordSeparator, "|")
			if slices.Contains(b.line.Flags, "") {
				t.Error("an empty word")
			}
		}
		if got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

// FuzzOptionsFile: whatever the file holds, there is an answer.
func FuzzOptionsFile(f *testing.F) {
	f.Add("-h host\n# comment\n--property publish user-property a b\n-rq 1\r\n")
	f.Add("-D\n--\n-\n--=x\n-\xff\n")
	f.Add("--will-topic w\n-x inf\n--help\n-o y\n-h a:b")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "o")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := &program{getenv: func(string) string { return "" }}
		path, line, err := parseCommandLine(p.root("sub"), []string{"sub", "-o", file})
		if err != nil {
			t.Fatal(err)
		}
		if line, err = p.withBases(path, line); err == nil {
			err = line.fill(path)
		}
		if err != nil && classify(err).Code != exitUsage {
			t.Errorf("%q: %v", text, err)
		}
	})
}
