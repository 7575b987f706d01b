package commands

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// A theirFlag is a flag of mosquitto's clients: how it is typed, and what it is
// here, a flag of ours or words of the sentence that refuses it.
type theirFlag struct {
	typed   string // with its values
	is      string // the long name here
	refused string
}

// theirFlags are all of mosquitto_pub, mosquitto_sub and mosquitto_rr, of 2.0
// and 2.1: those that they share, and then each one's own.
func theirFlags() (shared []theirFlag, own map[string][]theirFlag) {
	shared = []theirFlag{
		{typed: "-A 127.0.0.1", is: "bind"},
		{typed: "-c", is: "no-clean"},
		{typed: "--disable-clean-session", is: "no-clean"},
		{typed: "-d", is: "debug"},
		{typed: "--debug", is: "debug"},
		{typed: "-D connect receive-maximum 5", is: "property"},
		{typed: "--property connect user-property a b", is: "property"},
		{typed: "--help"},
		{typed: "-h broker", is: "host"},
		{typed: "--host broker", is: "host"},
		{typed: "-i me", is: "id"},
		{typed: "--id me", is: "id"},
		{typed: "-I me-", is: "id-prefix"},
		{typed: "--id-prefix me-", is: "id-prefix"},
		{typed: "-k 5", is: "keep-alive"},
		{typed: "--keepalive 65535", is: "keep-alive"},
		{typed: "-L mqtt://u:p@h:1884/topic", is: "url"},
		{typed: "--url mqtts://h/topic", is: "url"},
		{typed: "--nodelay", is: "nodelay"},
		{typed: "-o file", is: "options-file"},
		{typed: "-p 1884", is: "port"},
		{typed: "--port 1884", is: "port"},
		{typed: "-P secret", is: "password"},
		{typed: "--pw secret", is: "password"},
		{typed: "--proxy socks5h://u:p@h:1080", is: "proxy"},
		{typed: "-q 2", is: "qos"},
		{typed: "--qos 1", is: "qos"},
		{typed: "--quiet", is: "quiet"},
		{typed: "-S", is: "srv"},
		{typed: "-t a/b", is: "topic"},
		{typed: "--topic a/b", is: "topic"},
		{typed: "-u me", is: "username"},
		{typed: "--username me", is: "username"},
		{typed: "--unix /tmp/mosquitto.sock", is: "unix"},
		{typed: "-V mqttv311", is: "protocol-version"},
		{typed: "-V mqttv31", is: "protocol-version"},
		{typed: "--protocol-version mqttv5", is: "protocol-version"},
		{typed: "--version", refused: "mqtk version"},
		{typed: "-x 60", is: "session-expiry"},
		{typed: "-x -1", is: "session-expiry"},
		{typed: "-x ∞", is: "session-expiry"},
		{typed: "-x 4294967295", is: "session-expiry"},
		{typed: "--will-topic w", is: "will-topic"},
		{typed: "--will-payload x", is: "will-payload"},
		{typed: "--will-qos 1", is: "will-qos"},
		{typed: "--will-retain", is: "will-retain"},
		{typed: "--cafile f", is: "cafile"},
		{typed: "--capath d", is: "capath"},
		{typed: "--cert f", is: "cert"},
		{typed: "--key f", is: "key"},
		{typed: "--insecure", is: "insecure"},
		{typed: "--ciphers TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", is: "ciphers"},
		{typed: "--tls-alpn mqtt", is: "alpn"},
		{typed: "--tls-keylog f", is: "tls-keylog"},
		{typed: "--tls-use-os-certs", is: "tls-use-os-certs"},
		{typed: "--tls-version tlsv1.2", is: "tls-version"},
		{typed: "--tls-version tlsv1.3", is: "tls-version"},
		{typed: "--tls-version tlsv1.1", refused: "1.2 or 1.3"},
		{typed: "--keyform engine", refused: "see --key"},
		{typed: "--tls-engine pkcs11", refused: "see --key"},
		{typed: "--tls-engine-kpass-sha1 00", refused: "see --key"},
		{typed: "--psk 00", refused: "--cert"},
		{typed: "--psk-identity me", refused: "--cert"},
		{typed: "--no-tls", refused: "-L mqtt://HOST:PORT"},
		{typed: "--ws", refused: "ws://"},
		{typed: "--quic", refused: "no QUIC"},
	}
	reading := []theirFlag{
		{typed: "-F %t", is: "format"},
		{typed: "-N", is: "no-newline"},
		{typed: "-R", is: "no-retained"},
		{typed: "-v", is: "verbose"},
		{typed: "--verbose", is: "verbose"},
		{typed: "-W 5", is: "timeout"},
		{typed: "--pretty", is: "pretty"},
	}
	writing := []theirFlag{
		{typed: "-f file", is: "file"},
		{typed: "--file file", is: "file"},
		{typed: "-m text", is: "message"},
		{typed: "--message text", is: "message"},
		{typed: "-M 20", is: "max-inflight"},
		{typed: "-n", is: "null-message"},
		{typed: "--null-message", is: "null-message"},
		{typed: "-s", is: "stdin-file"},
		{typed: "--stdin-file", is: "stdin-file"},
	}
	own = map[string][]theirFlag{
		"mosquitto_pub": append([]theirFlag{
			{typed: "-l", is: "stdin-line"},
			{typed: "--stdin-line", is: "stdin-line"},
			{typed: "-r", is: "retain"},
			{typed: "--retain", is: "retain"},
			{typed: "--repeat 3", is: "repeat"},
			{typed: "--repeat-delay 0", is: "repeat-delay"},
			{typed: "--repeat-delay 0.5", is: "repeat-delay"},
		}, writing...),
		"mosquitto_sub": append([]theirFlag{
			{typed: "-C 1", is: "count"},
			{typed: "-E", is: "exit-after-subscribe"},
			{typed: "-M 20", refused: "-D connect receive-maximum"},
			{typed: "--message-rate", refused: "mqtk inspect top"},
			{typed: "--random-filter 0.1", is: "random-filter"},
			{typed: "--random-filter 100.0", is: "random-filter"},
			{typed: "--remove-retained", is: "remove-retained"},
			{typed: "--retain-as-published", is: "retain-as-published"},
			{typed: "--retain-handling always", is: "retain-handling"},
			{typed: "--retain-handling new", is: "retain-handling"},
			{typed: "--retain-handling never", is: "retain-handling"},
			{typed: "--retained-only", is: "retained-only"},
			{typed: "-T a/#", is: "filter-out"},
			{typed: "--filter-out a/#", is: "filter-out"},
			{typed: "-U a/#", is: "unsubscribe"},
			{typed: "--unsubscribe a/#", is: "unsubscribe"},
			{typed: "-w", is: "watch"},
			{typed: "--watch", is: "watch"},
		}, reading...),
		"mosquitto_rr": slices.Concat([]theirFlag{
			{typed: "-e reply/here", is: "response-topic"},
			{typed: "--retain-as-published", refused: "for sub"},
		}, reading, writing),
	}
	return shared, own
}

// ourVerb is what stands for a client of theirs.
func ourVerb(client string) []string {
	switch client {
	case "mosquitto_pub":
		return []string{"pub"}
	case "mosquitto_sub":
		return []string{"sub"}
	}
	return []string{"pub", "--request"}
}

// TestTheirFlags: each flag of mosquitto's clients is taken, and by the flag that
// does the same, or refused by a sentence that says what to do here.
func TestTheirFlags(t *testing.T) {
	shared, own := theirFlags()
	for client, flags := range own {
		for _, f := range append(slices.Clone(shared), flags...) {
			p := &program{getenv: func(string) string { return "" }}
			words := append(ourVerb(client), strings.Fields(f.typed)...)
			path, line, err := parseCommandLine(p.root(words[0]), words)
			if err == nil && !line.Help {
				err = line.fill(path)
			}
			switch {
			case f.refused != "":
				if err == nil || !strings.Contains(err.Error(), f.refused) || classify(err).Code != exitUsage {
					t.Errorf("%s %s: %v, want a refusal that says %q", client, f.typed, err, f.refused)
				}
			case err != nil:
				t.Errorf("%s %s: %v", client, f.typed, err)
			case f.is != "" && !slices.ContainsFunc(line.given, func(is cli.Flag) bool { return flagNames(is)[0] == f.is }):
				t.Errorf("%s %s is taken as %q, want --%s", client, f.typed, line.Flags, f.is)
			}
		}
	}
}

// TestTheirFlagsAreAll: what the help of the clients on this machine names is in
// the table.
func TestTheirFlagsAreAll(t *testing.T) {
	shared, own := theirFlags()
	named := regexp.MustCompile(`(?m)(?:^ |[{\[ |])(--?[A-Za-z][a-z0-9-]*)`)
	for client, flags := range own {
		program, err := exec.LookPath(client)
		if err != nil {
			t.Skipf("%s is not installed", client)
		}
		known := map[string]bool{}
		for _, f := range append(slices.Clone(shared), flags...) {
			known[strings.Fields(f.typed)[0]] = true
		}
		help, _ := exec.Command(program, "--help").Output()
		_, usage, _ := strings.Cut(string(help), "Usage:")
		found := 0
		for _, m := range named.FindAllStringSubmatch(usage, -1) {
			if found++; !known[m[1]] {
				t.Errorf("%s has %s, which the table lacks", client, m[1])
			}
		}
		if found < 40 {
			t.Errorf("the help of %s names %d flags", client, found)
		}
	}
}

// TestPortOfTLS: who means a port 8883 without TLS is told how to say so.
func TestPortOfTLS(t *testing.T) {
	for url, want := range map[string]string{
		"mqtts://h:8883":   "-L mqtt://h:8883 is without",
		"mqtts://h:18883":  "mqtt:// is usually on 1883",
		"wss://h:8883/a":   "ws:// in place of wss://",
		"mqtts://[::1]:99": "mqtt:// is usually on 1883",
	} {
		l := &link{}
		if l.plan.options.URL = url; l.plainScheme() != want {
			t.Errorf("%s: %q, want %q", url, l.plainScheme(), want)
		}
	}
}
