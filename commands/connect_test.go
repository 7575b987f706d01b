package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// parseOptions lets the flags of a verb fill options, without running it.
func parseOptions(t *testing.T, flags []cli.Flag, words ...string) (commandLine, error) {
	t.Helper()
	c := &cli.Command{Name: "verb", ArgsUsage: "X", Flags: flags, Action: func(*cli.Context) error { return nil }}
	root := &cli.Command{Name: "mqtk", Subcommands: []*cli.Command{c}}
	path, line, err := parseCommandLine(root, append([]string{"verb"}, words...))
	if err != nil {
		return line, err
	}
	return line, line.fill(path)
}

// TestPrecedence: flag, URL, environment, default; and whoever names a broker
// drops what weaker sources say, above all their passwords.
func TestPrecedence(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ flags, environment, want string }{
		{"", "", "mqtt://localhost:1883"},
		{"-h x", "", "mqtt://x:1883"},
		{"-p 99", "", "mqtt://localhost:99"},
		{"-h ::1", "", "mqtt://[::1]:1883"},
		{"-L mqtt://u:p%40@x:99/a/b", "", "mqtt://x:99 u p@ topic=a/b"},
		{"-L mqtt://x", "", "mqtt://x:1883"},
		{"-L mqtt://x//a", "", "mqtt://x:1883 topic=/a"},
		{"-L mqtt://:99", "", "mqtt://localhost:99"},
		{"-L unix:///tmp/s", "", "unix:///tmp/s"},
		{"--unix /tmp/s", "", "unix:///tmp/s"},
		{"--unix run/s", "", "unix://" + here + "/run/s"},
		{"-L mqtt://u:p@x -u v", "", "mqtt://x:1883 v p"},
		{"-L mqtt://u:p@x -u v -P w", "", "mqtt://x:1883 v w"},
		{"-L mqtt://u:p@x:99/t -h y", "", "mqtt://y:1883 topic=t"},
		{"-L mqtt://u:p@x:99/t -p 7", "", "mqtt://localhost:7 topic=t"},
		{"", "MQTK_URL=mqtt://u:p@x:99/t", "mqtt://x:99 u p topic=t"},
		{"-h y", "MQTK_URL=mqtt://u:p@x:99/t", "mqtt://y:1883"},
		{"-p 7", "MQTK_HOST=x MQTK_USERNAME=u MQTK_PASSWORD=p", "mqtt://localhost:7"},
		{"-L mqtt://y", "MQTK_HOST=x MQTK_USERNAME=u MQTK_PASSWORD=p", "mqtt://y:1883"},
		{"-L mqtt://y/t", "MQTK_URL=mqtt://x/other", "mqtt://y:1883 topic=t"},
		{"", "MQTK_HOST=x MQTK_PORT=99 MQTK_USERNAME=u MQTK_PASSWORD=p", "mqtt://x:99 u p"},
		{"-u v", "MQTK_HOST=x MQTK_USERNAME=u MQTK_PASSWORD=p", "mqtt://x:1883 v p"},
		{"", "MQTK_PORT=tcp://10.0.0.1:1883", "mqtt://localhost:1883"},
		{"", "MQTK_URL=mqtt://x MQTK_USERNAME=u MQTK_PASSWORD=p", "mqtt://x:1883 u p"},
		{"", "MQTK_URL=mqtt://x MQTK_HOST=y MQTK_USERNAME=u MQTK_PASSWORD=p", "mqtt://x:1883"},
		{"", "MQTK_URL=mqtt://v:w@x MQTK_USERNAME=u MQTK_PASSWORD=p", "mqtt://x:1883 v w"},
		{"-h x", "MQTK_PORT=nonsense", "mqtt://x:1883"},
		{"", "MQTK_PORT=nonsense", "MQTK_PORT=nonsense: must be a number from 1 to 65535"},
		{"", "MQTK_URL=nonsense", "MQTK_URL: nonsense: not a URL: it needs a scheme, as in mqtt://localhost:1883"},
		{"-L mqtt://x?color=red", "", `--url: unknown key "color" in the query: there are version, clientid, keepalive and alpn`},
		{"-L mqtt://x?keepalive=no", "", "--url: keepalive in the query must be a number from 0 to 65535"},
		{"-L mqtt://x?alpn=mqtt", "", "--url: alpn in the query is for TLS, which mqtt is not"},
		{"--cafile f", "", "mqtts://localhost:8883"},
		{"--capath d -h x", "", "mqtts://x:8883"},
		{"--tls-use-os-certs -p 99", "", "mqtts://localhost:99"},
		{"-p 8883", "", "mqtts://localhost:8883"},
		{"-h x", "MQTK_PORT=8883", "mqtt://x:1883"},
		{"", "MQTK_HOST=x MQTK_PORT=8883", "mqtts://x:8883"},
		{"-L mqtt://x:8883", "", "mqtt://x:8883"},
		{"-L mqtts://x/t --cafile f", "", "mqtts://x:8883 topic=t"},
		{"-L mqtts://x/t -h y", "", "mqtt://y:1883 topic=t"},
		{"-L mqtts://x/t -h y --cafile f", "", "mqtts://y:8883 topic=t"},
		{"-L wss://u:p@x/a/b", "", "wss://x:443/a/b u p"},
		{"-L ws://x", "", "ws://x:80"},
		{"", "MQTK_CAFILE=f", "mqtts://localhost:8883"},
		{"", "MQTK_CAFILE=f MQTK_HOST=x", "mqtts://x:8883"},
		{"-h y", "MQTK_CAFILE=f MQTK_HOST=x", "mqtt://y:1883"},
		{"", "MQTK_CAFILE=f MQTK_URL=mqtt://x", "mqtt://x:1883"},
		{"-L mqtts://x?alpn=a,b", "", "mqtts://x:8883 alpn=a,b"},
		{"--unix /tmp/s -h x", "", "--unix and --host or --port name two brokers: give one"},
	} {
		t.Run(test.flags+" "+test.environment, func(t *testing.T) {
			var o connectOptions
			if _, err := parseOptions(t, o.flags(), strings.Fields(test.flags)...); err != nil {
				t.Fatal(err)
			}
			environment := map[string]string{}
			for _, word := range strings.Fields(test.environment) {
				name, value, _ := strings.Cut(word, "=")
				environment[name] = value
			}
			where, topic, err := o.resolve(&program{getenv: func(name string) string { return environment[name] }})
			got := fmt.Sprint(err)
			if err == nil {
				got = where.target.String()
				for _, s := range []*string{where.username, where.password} {
					if s != nil {
						got += " " + *s
					}
				}
				if len(where.secure.ALPN) > 0 {
					got += " alpn=" + strings.Join(where.secure.ALPN, ",")
				}
				if topic != "" {
					got += " topic=" + topic
				}
			}
			if got != test.want {
				t.Errorf("\ngot  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestConnectPacket shows the CONNECT that flags come to, in the text form.
func TestConnectPacket(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ flags, want string }{
		{"-i a", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a"},
		{"-i a -V 311 -k 5", "CONNECT version=4 clean-start=1 keep-alive=5 client-id=a"},
		{"-i a -V mqttv31 -c", "CONNECT version=3 keep-alive=60 client-id=a"},
		{"-i a -c", "CONNECT version=5 keep-alive=60 client-id=a session-expiry-interval=4294967295"},
		{"-i a -c -x 60", "CONNECT version=5 keep-alive=60 client-id=a session-expiry-interval=60"},
		{"-i a -x 1.5h", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a session-expiry-interval=5400"},
		{"-i a -x inf", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a session-expiry-interval=4294967295"},
		{"-i a -x -1", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a session-expiry-interval=4294967295"},
		{"-i a -u me -P secret", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a username=me password=secret"},
		{"-i a -u me --password-from env:SECRET", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a username=me password=from-env"},
		{"-i a --pw x --password-from env:SECRET", "--password and --password-from are both given: one is enough"},
		{"-i a --password-from env:NOTHING", "--password-from env:NOTHING: the variable is not set, or not exported"},
		{"-i a --password-from cmd:echo${IFS}hi", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a password=hi"},
		{"-i a --password-from cmd:false", "--password-from cmd:false: the command that prints the password failed: exit status 1"},
		{"-i a --password-from file:/nowhere/at/all", "--password-from file:/nowhere/at/all: open /nowhere/at/all: no such file or directory"},
		{"-i a --password-from nonsense", "--password-from nonsense: must be env:NAME, file:PATH, fd:N, cmd:COMMAND or prompt"},
		{"-i a --password-from file:" + file, `CONNECT version=5 clean-start=1 keep-alive=60 client-id=a password="from file"`},
		{"-i a -D connect receive-maximum 7 -D CONNECT user-property k v", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a receive-maximum=7 user-property=\"k=v\""},
		{"-L mqtt://x?version=311&clientid=b&keepalive=9", "CONNECT version=4 clean-start=1 keep-alive=9 client-id=b"},
		{"-L mqtt://x?version=311&clientid=b&keepalive=9 -V 31 -i c -k 8", "CONNECT version=3 clean-start=1 keep-alive=8 client-id=c"},
		{"-i a --will-topic w --will-payload bye --will-qos 1 --will-retain --will-delay 2m --will-user-property a=b=c", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a will-topic=w will-qos=1 will-retain=1 will-delay-interval=120 will-user-property=\"a=b=c\" will-payload=bye"},
		{"-i a --will-topic w -D will content-type x", "CONNECT version=5 clean-start=1 keep-alive=60 client-id=a will-topic=w will-content-type=x"},
		{"-i a --will-payload bye", "a will needs --will-topic"},
		{"-i a --will-topic w/#", `--will-topic: topic name with a wildcard`},
		{"-c", "-c/--no-clean needs a client id to find the session by: give -i/--id"},
		{"-i a -I b", "-i/--id and -I/--id-prefix are both given: one is enough"},
		{"-i a -V 311 -x 5", "--session-expiry needs MQTT 5.0, and the version asked for is 3.1.1"},
		{"-i a -V 31 --will-topic w --will-delay 5", "--will-delay needs MQTT 5.0, and the version asked for is 3.1"},
		{"-i a -V 311 -D connect receive-maximum 7", "--property needs MQTT 5.0, and the version asked for is 3.1.1"},
		{"-i a -V 311 -P x", "a password without a user name needs MQTT 5.0: give --username"},
		{"-i a -x 5 -D connect session-expiry-interval 6", "--session-expiry and --property connect session-expiry-interval are both given"},
	} {
		t.Run(test.flags, func(t *testing.T) {
			var o connectOptions
			words := strings.Fields(test.flags)
			if _, err := parseOptions(t, o.flags(mqttwire.CONNECT, mqttwire.WillProperties), words...); err != nil {
				t.Fatal(err)
			}
			p := &program{getenv: func(name string) string { return map[string]string{"SECRET": "from-env"}[name] }}
			pl, err := o.plan(p)
			got := fmt.Sprint(err)
			if err == nil {
				connect := pl.options.Connect
				if connect.Version == 0 {
					connect.Version = mqttwire.V5
				}
				got = string(mqttwire.AppendText(nil, &connect, connect.Version))
			}
			if got != test.want {
				t.Errorf("\ngot  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestRandomIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		id := randomID()
		if len(id) != 12 || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyz") != "" || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

func TestFlagValuesRefused(t *testing.T) {
	for flags, want := range map[string]string{
		"-p 0":                                  "-p 0: must be a number from 1 to 65535",
		"-p 70000":                              "-p 70000: must be a number from 1 to 65535",
		"-k 65536":                              "-k 65536: must be a number from 0 to 65535",
		"-W 0":                                  "-W 0: must be more than 0",
		"-W soon":                               "-W soon: must be seconds or a duration such as 5, 0.5 or 250ms",
		"-V 4":                                  "-V 4: must be 5, 311, 31 or auto",
		"-x 4294967296":                         "-x 4294967296: must be seconds (0 to 4294967295) or a duration such as 90m",
		"--retry many":                          "--retry many: must be a number of attempts",
		"-D publish topic-alias 0":              "-D publish topic-alias 0: topic-alias must be a number from 1 to 65535",
		"-D publish topic-alias-maximum 1":      "-D publish topic-alias-maximum 1: topic-alias-maximum is no property of PUBLISH from a client",
		"-D publish content-tpye x":             `-D publish content-tpye x: "content-tpye" is no property: did you mean content-type?`,
		"-D puback reason-string x":             `-D puback reason-string x: "puback" is no packet here: there are publish`,
		"-D publish response-topic a/#":         "-D publish response-topic a/#: response-topic must be a topic name without wildcards",
		"-D publish subscription-identifier 1":  "-D publish subscription-identifier 1: subscription-identifier is no property of PUBLISH from a client",
		"-D publish payload-format-indicator 2": "-D publish payload-format-indicator 2: payload-format-indicator must be a number from 0 to 1",
		"--host=":                               `--host "": may not be empty`,
		"-h localhost:1883":                     `-h localhost:1883: holds a port: give that with --port`,
		"-h mqtt://localhost":                   `-h mqtt://localhost: is a URL: give it with --url`,
	} {
		var o connectOptions
		_, err := parseOptions(t, o.flags(mqttwire.PUBLISH), strings.Fields(flags)...)
		f := classify(err)
		if f.Error() != want || f.Code != exitUsage {
			t.Errorf("%s:\ngot  %v (%d)\nwant %s", flags, f, f.Code, want)
		}
	}
}

func TestMessageProperties(t *testing.T) {
	o := &pubOptions{}
	flags := o.Properties.messageFlags("", mqttwire.PUBLISH)
	_, err := parseOptions(t, flags, "--user-property", "a=b", "--user-property", "a=b=c", "--content-type", "x", "--response-topic", "r",
		"--correlation-data", "d", "--message-expiry", "90s", "--payload-format", "utf8")
	if err != nil {
		t.Fatal(err)
	}
	p := &mqttwire.Publish{Topic: "t", Properties: o.Properties.of(mqttwire.PUBLISH)}
	got := string(mqttwire.AppendText(nil, p, mqttwire.V5))
	want := `PUBLISH topic=t user-property="a=b" user-property="a=b=c" content-type=x response-topic=r correlation-data=d message-expiry-interval=90 payload-format-indicator=1`
	if got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
	for _, words := range [][]string{
		{"--user-property", "novalue"}, {"--payload-format", "x"}, {"--message-expiry", "soon"}, {"--content-type", "\xff"},
		{"--content-type", "a", "--content-type", "b"}, {"--response-topic", ""},
	} {
		again := &pubOptions{}
		if _, err := parseOptions(t, again.Properties.messageFlags("", mqttwire.PUBLISH), words...); classify(err).Code != exitUsage {
			t.Errorf("%q: got %v", words, err)
		}
	}
}

// TestWay shows how the broker is reached, and what is refused rather than
// passed over.
func TestWay(t *testing.T) {
	for _, test := range []struct{ flags, environment, want string }{
		{"-L mqtts://x", "", "system"},
		{"-L mqtts://x", "MQTK_CAFILE=f MQTK_CERT=c MQTK_KEY=k", "system"},
		{"", "MQTK_URL=mqtts://x MQTK_CAFILE=f MQTK_CERT=c MQTK_KEY=k", "ca=f cert=c key=k"},
		{"--cafile g", "MQTK_HOST=x MQTK_CAFILE=f MQTK_CERT=c MQTK_KEY=k", "ca=g cert=c key=k"},
		{"--cert d", "MQTK_HOST=x MQTK_CAFILE=f MQTK_CERT=c MQTK_KEY=k", "ca=f cert=d"},
		{"-L mqtts://x --tls-version tlsv1.3 --ciphers A:B,C --alpn m,n --servername s --insecure", "SSLKEYLOGFILE=l", "system 304-304 A,B,C alpn=m,n name=s insecure log=l"},
		{"-L mqtts://x?alpn=q --tls-version 1.2", "", "system 303-303 alpn=q"},
		{"-L mqtts://x?alpn=q --tls-alpn r --key-password-from env:SECRET", "SECRET=s", "system alpn=r password=s"},
		{"-L mqtts://x", "ALL_PROXY=socks5://p:1", "system proxy=socks5://p:1"},
		{"-L mqtts://x", "all_proxy=socks5://p:1 no_proxy=x", "system"},
		{"-L mqtts://x --proxy http://q", "ALL_PROXY=socks5://p:1 NO_PROXY=*", "system proxy=http://q"},
		{"-L mqtts://x --proxy=", "ALL_PROXY=socks5://p:1", "system"},
		{"-h localhost", "ALL_PROXY=nonsense", "plain"},
		{"-h x", "ALL_PROXY=nonsense", "ALL_PROXY: nonsense: no URL of a proxy that is spoken to here: they begin with socks5://, socks5h:// or http://"},
		{"-h localhost --proxy http://q", "", "plain proxy=http://q"},
		{"-h x --srv", "", "plain srv"},
		{"-L ws://x -V 31 --ws-header Origin:https://y --ws-header X-A:b", "", "plain mqttv3.1 Origin=https://y X-A=b"},
		{"-h x --ws-header a:b", "", "--ws-header is for WebSocket, which mqtt:// is not"},
		{"-h x --srv -p 5", "", "--srv finds the port as well: leave --port out"},
		{"-L ws://x -S", "", "--srv: there are no SRV records for ws://"},
		{"--unix /s --proxy http://q", "", "--proxy: no proxy leads to a Unix socket"},
		{"-L mqtt://x --cafile f", "", "--cafile needs TLS, which mqtt:// is not"},
		{"--unix /s --cafile f", "", "--cafile needs TLS, which unix:// is not"},
		{"-h x --insecure", "", "--insecure needs TLS: --cafile or --tls-use-os-certs turn it on, or a URL such as mqtts://x"},
		{"--cert c --key k", "", "--cert needs TLS: --cafile or --tls-use-os-certs turn it on, or a URL such as mqtts://localhost"},
		{"-L mqtts://x --key-password-from env:NOTHING", "", "--key-password-from env:NOTHING: the variable is not set, or not exported"},
		{"-h x -u me -P secret --auth-method scram-sha-256", "", "plain SCRAM-SHA-256"},
		{"-h x -u me -P secret --auth-method PLAIN", "", "--auth-method PLAIN shows the password to the network without TLS: take mqtts:// or SCRAM-SHA-256, or add --plain-without-tls"},
		{"-h x -u me -P secret --auth-method PLAIN --plain-without-tls", "", "plain PLAIN"},
		{"-h ::1 -u me -P secret --auth-method PLAIN", "", "plain PLAIN"},
		{"-L mqtts://x -u me -P secret --auth-method PLAIN", "", "system PLAIN"},
		{"-h x --auth-method SCRAM-SHA-256", "", "--auth-method: SCRAM-SHA-256 needs a user name"},
		{"-h x --plain-without-tls", "", "--plain-without-tls is for --auth-method PLAIN"},
		{"-h x -V 311 -u me -P x --auth-method SCRAM-SHA-1", "", "--auth-method needs MQTT 5.0, and the version asked for is 3.1.1"},
		{"-h x -u me -P x --auth-method EXTERNAL -D connect authentication-method y", "", "--auth-method and --property connect authentication-... are both given"},
	} {
		t.Run(test.flags+" "+test.environment, func(t *testing.T) {
			var o connectOptions
			if _, err := parseOptions(t, o.flags(mqttwire.CONNECT), strings.Fields(test.flags)...); err != nil {
				t.Fatal(err)
			}
			environment := map[string]string{}
			for _, word := range strings.Fields(test.environment) {
				name, value, _ := strings.Cut(word, "=")
				environment[name] = value
			}
			p := &program{getenv: func(name string) string { return environment[name] }}
			pl, err := o.plan(p)
			got := fmt.Sprint(err)
			if err == nil {
				got = wayOf(pl)
			}
			if got != test.want {
				t.Errorf("\ngot  %s\nwant %s", got, test.want)
			}
			if c := pl.options.Connect; pl.options.Authenticator != nil && (c.HasUsername || c.HasPassword) {
				t.Error("the password is in the CONNECT, too")
			}
		})
	}
}

// wayOf shows the DialOptions and the Authenticator of a plan in one line.
func wayOf(pl plan) string {
	d := pl.options.DialOptions
	words := []string{"plain"}
	add := func(given bool, format string, a ...any) {
		if given {
			words = append(words, fmt.Sprintf(format, a...))
		}
	}
	if scheme, _, _ := strings.Cut(pl.options.URL, "://"); isTLS(scheme) {
		words = nil
		add(d.TLS.CAFile == "", "system")
	}
	add(d.TLS.CAFile != "", "ca=%s", d.TLS.CAFile)
	add(d.TLS.CertFile != "", "cert=%s", d.TLS.CertFile)
	add(d.TLS.KeyFile != "", "key=%s", d.TLS.KeyFile)
	add(d.TLS.MaxVersion != 0, "%x-%x", d.TLS.MinVersion, d.TLS.MaxVersion)
	add(len(d.TLS.Ciphers) > 0, "%s", strings.Join(d.TLS.Ciphers, ","))
	add(len(d.TLS.ALPN) > 0, "alpn=%s", strings.Join(d.TLS.ALPN, ","))
	add(d.TLS.ServerName != "", "name=%s", d.TLS.ServerName)
	add(d.TLS.Insecure, "insecure")
	add(d.TLS.KeyLog != "", "log=%s", d.TLS.KeyLog)
	add(d.TLS.KeyPassword != nil, "password=%s", d.TLS.KeyPassword)
	add(d.Proxy != "", "proxy=%s", d.Proxy)
	add(d.SRV, "srv")
	add(d.WebSocket.Subprotocol != "", "%s", d.WebSocket.Subprotocol)
	for _, f := range d.WebSocket.Header {
		add(true, "%s=%s", f.Name, f.Value)
	}
	if a := pl.options.Authenticator; a != nil {
		add(true, "%s", a.Method())
	}
	return strings.Join(words, " ")
}

// TestWaitBrokerTriesEachSecond: who waits for a broker wants to know soon that
// it is there, unless --retry-wait asks for patience.
func TestWaitBrokerTriesEachSecond(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ wait, retryWait, most time.Duration }{
		{time.Minute, 0, time.Second},
		{time.Minute, 10 * time.Millisecond, time.Second},
		{time.Minute, 5 * time.Second, 5 * time.Second},
		{0, 5 * time.Second, 0},
	} {
		o := connectOptions{WaitBroker: c.wait, RetryWait: c.retryWait}
		if got := o.retry().MaxFirstWait; got != c.most {
			t.Errorf("--wait-broker %v --retry-wait %v: at most %v between attempts, not %v", c.wait, c.retryWait, got, c.most)
		}
	}
}
