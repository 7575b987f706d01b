package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What stands before the first listener opens one of its own, or does not, as
// mosquitto 2.0.11 has it.
func TestImportDefaultListener(t *testing.T) {
	const deaf, all, own = "", "mqtt://:1883", "mqtt://127.0.0.1:1884"
	for _, test := range []struct{ option, first string }{
		{"max_connections -1", deaf},
		{"max_connections -5", deaf},
		{"max_connections 5\nmax_connections -1", deaf},
		{"max_connections 0", all},
		{"max_connections 5", all},
		{"protocol mqtt", deaf},
		{"protocol websockets", "ws://:1883"},
		{"require_certificate false", deaf},
		{"use_username_as_clientid false", deaf},
		{"use_username_as_clientid true\npassword_file /p", all},
		{"use_identity_as_username false", deaf},
		{"use_identity_as_username true", all},
		{"use_subject_as_username true", all},
		{"max_qos 2", deaf},
		{"max_qos 1", all},
		{"maximum_qos 2", deaf},
		{"max_qos 1\nmaximum_qos 2", deaf},
		{"max_topic_alias 10", deaf},
		{"max_topic_alias 5", deaf},
		{"tls_version tlsv1.2", deaf},
		{"tls_keyform pem", deaf},
		{"http_dir /srv", deaf},
		{"mount_point x/", deaf},
		{"ciphers ECDHE-RSA-AES128-GCM-SHA256", all},
		{"cafile /a", all},
		{"socket_domain ipv4", "mqtt://0.0.0.0:1883"},
		{"bind_address 127.0.0.1", "mqtt://127.0.0.1:1883"},
		{"port 1885", "mqtt://:1885"},
		{"port 0", deaf},
		{"password_file /p", deaf},
		{"allow_zero_length_clientid false", deaf},
		{"per_listener_settings true\nallow_zero_length_clientid true", deaf},
		{"per_listener_settings true\nallow_zero_length_clientid false", all},
		{"per_listener_settings true\npassword_file /p", all},
		{"per_listener_settings true\nacl_file /a", deaf},
	} {
		text := "allow_anonymous true\n" + test.option + "\nlistener 1884 127.0.0.1\nallow_anonymous true\n"
		out, _ := Import("m.conf", []byte(text))
		var got []string
		for _, l := range checkImported(t, out).Listeners {
			got = append(got, l.URL)
		}
		want := own
		if test.first != "" {
			want = test.first + " " + own
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", test.option, strings.Join(got, " "), want)
		}
	}
}

// Alone, what opens none leaves mosquitto on the loopback interface.
func TestImportStaysLocal(t *testing.T) {
	for _, option := range []string{"max_connections -1", "tls_version tlsv1.2", "max_topic_alias 5", "require_certificate false"} {
		out, lost := Import("m.conf", []byte(option))
		if c := checkImported(t, out); len(c.Listeners) != 1 || c.Listeners[0].URL != "mqtt://localhost:1883" || c.AllowAnonymous || len(lost) > 0 {
			t.Errorf("%s: %v\n%s", option, lost, out)
		}
	}
}

// What kept clients out and is lost keeps the listener closed.
func TestImportOpensNothingWider(t *testing.T) {
	const tls = "listener 8883\ncertfile /c\nkeyfile /k\ncafile /a\n"
	for _, test := range []struct{ name, text, why, lost string }{
		{"names of certificates that nobody is asked for", tls + "use_identity_as_username true\npassword_file /p", "it takes user names from certificates, and asks for none",
			"5:1 use_identity_as_username: lets nobody in without require_certificate true, for no client is asked for a certificate then: the listener is a comment"},
		{"subjects of such", tls + "use_subject_as_username 1\nrequire_certificate false\nallow_anonymous true", "it takes user names from certificates, and asks for none",
			"5:1 use_subject_as_username: lets nobody in without require_certificate true, for no client is asked for a certificate then: the listener is a comment"},
		{"a switch of neither kind", tls + "require_certificate yes\nallow_anonymous true", "require_certificate is neither true nor false", `5:1 require_certificate: "yes" is neither true nor false`},
		{"user names that nobody checks", "listener 1883\nallow_anonymous true\nuse_username_as_clientid true", "it let in only who has a user name",
			"3:1 use_username_as_clientid: has no equivalent where nobody is asked who they are: the listener is a comment"},
		{"beginnings of client ids", "listener 1883\nallow_anonymous true\nclientid_prefixes dev-", "the beginning of a client id said who may connect",
			"3:1 clientid_prefixes: has no equivalent, so the listeners are comments: bind_client_id of a listener binds client ids to user names"},
		{"a plugin besides passwords", "listener 1883\npassword_file /p\nplugin /x.so", "a plugin decided who may connect to it",
			"3:1 plugin: there are no plugins here; [auth.sql] reads users and rules from a database, [auth.jwt] checks tokens"},
		{"a plugin besides guests", "plugin /x.so", "a plugin decided who may connect to it",
			"1:1 plugin: there are no plugins here; [auth.sql] reads users and rules from a database, [auth.jwt] checks tokens"},
	} {
		out, lost := Import("m.conf", []byte(test.text))
		if got := brief(lost); got != test.lost {
			t.Errorf("%s: lost\n%s", test.name, got)
		}
		c := checkImported(t, out)
		if len(c.Listeners) != 1 || len(c.Listeners[0].Deny) == 0 || c.AllowAnonymous || !strings.Contains(string(out), "# Not taken over: "+test.why+".\n") {
			t.Errorf("%s:\n%s", test.name, out)
		}
	}
	bound, lost := Import("m.conf", []byte("listener 1883\npassword_file /p\nuse_username_as_clientid true"))
	if c := checkImported(t, bound); c.Listeners[0].BindClientID != "equal" || brief(lost) != "3:1 use_username_as_clientid: the client id is not replaced here; bind_client_id = \"equal\" demands that it is the user name" {
		t.Errorf("%v\n%s", lost, bound)
	}
	// Without certificates of its own, mosquitto does not look at the switch.
	out, lost := Import("m.conf", []byte("listener 1883\npassword_file /p\nuse_identity_as_username true"))
	if c := checkImported(t, out); len(lost) > 0 || len(c.Listeners[0].Deny) > 0 || c.Listeners[0].URL != "mqtt://:1883" {
		t.Errorf("%v\n%s", lost, out)
	}
}

// Guests on a listener of all interfaces are allowed by name.
func TestImportAllowsGuests(t *testing.T) {
	out, lost := Import("m.conf", []byte("listener 1883\npassword_file /p\nallow_anonymous true"))
	if c := checkImported(t, out); !c.AllowAnonymous || strings.Join(c.Listeners[0].Auth, " ") != "file anonymous" || len(lost) > 0 {
		t.Errorf("%v\n%s", lost, out)
	}
}

// Relative paths begin in the folder of the mosquitto.conf, wherever the new
// file will be.
func TestImportResolvesPaths(t *testing.T) {
	dir := t.TempDir()
	text := "listener 8883\ncertfile c\nkeyfile sub/k\ncafile /a\nrequire_certificate true\nacl_file acl\npersistence true\npersistence_location lib/\ninclude_dir more\npassword_file passwd\n"
	if err := os.Mkdir(filepath.Join(dir, "more"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "more", "x.conf"), []byte("max_qos 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, lost := Import(filepath.Join(dir, "m.conf"), []byte(text))
	if len(lost) > 0 {
		t.Error(lost)
	}
	c, l := checkImported(t, out), Listener{}
	if len(c.Listeners) == 1 {
		l = c.Listeners[0]
	}
	got := strings.Join([]string{l.Cert[0], l.Key[0], l.ClientCA, c.ACL.File, c.Data, c.Auth.File.Passwords}, " ")
	if want := strings.ReplaceAll("DIR/c DIR/sub/k /a DIR/acl DIR/lib/mqtk DIR/passwd", "DIR", dir); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if c.Limits.MaxQoS != 1 || !strings.Contains(string(out), "\n# Paths that are relative there begin in its folder here;") {
		t.Errorf("%s", out)
	}
	if out, _ := Import("m.conf", []byte("acl_file /a")); strings.Contains(string(out), "Paths that are relative") {
		t.Errorf("%s", out)
	}
}

// A file that never ends is not read to its end.
func TestReadFileBounds(t *testing.T) {
	name := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(name, make([]byte, longestFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := ReadFile(name); err != nil || len(text) != longestFile {
		t.Error(len(text), err)
	}
	if err := os.WriteFile(name, make([]byte, longestFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(name); err == nil || !strings.HasSuffix(err.Error(), "long: is longer than 1048576 bytes, the most that is read of such a file") {
		t.Error(err)
	}
	_, lost := Import("m.conf", []byte("include_dir "+filepath.Dir(name)))
	if len(lost) != 0 {
		t.Error(lost)
	}
	if err := os.Rename(name, name+".conf"); err != nil {
		t.Fatal(err)
	}
	if _, lost := Import("m.conf", []byte("include_dir "+filepath.Dir(name))); len(lost) != 1 || !strings.Contains(lost[0].Text, "is longer than") {
		t.Error(lost)
	}
}
