package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each case is a mosquitto.conf, lines that must stand in what is written, and
// what is lost.
func TestImport(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, text, want, lost string }{
		{"nothing", "", "[[listener]]\nurl = \"mqtt://localhost:1883\" # the default of mosquitto\nauth = [] # the default of mosquitto\n", ""},
		{"local only with passwords", "password_file /p\nallow_anonymous false", "url = \"mqtt://localhost:1883\" # the default of mosquitto\nauth = [\"file\"] # m.conf:1\n\n[auth.file]\npasswords = \"/p\" # m.conf:1\n", ""},
		{"open to all", "listener 1883\nallow_anonymous true\n", "allow_anonymous = true # m.conf:2\n\n[[listener]]\nurl = \"mqtt://:1883\" # m.conf:1\nauth = [] # m.conf:2\n", ""},
		{"nobody may connect", "listener 1883\n", "# Not taken over: it lets nobody in, without a password_file and without allow_anonymous.\n#[[listener]]\n#url = \"mqtt://:1883\" # m.conf:1\n#auth = [] # m.conf:1\n\n# None could be taken over; this one lets nobody in.\n[[listener]]\n",
			"1:1 listener: lets nobody in, without a password_file and without allow_anonymous, so it is a comment"},
		{"guests and users", "listener 1883 192.0.2.7\npassword_file /p\nallow_anonymous true\nacl_file /a\n", "url = \"mqtt://192.0.2.7:1883\" # m.conf:1\nauth = [\"file\", \"anonymous\"] # m.conf:2\n\n[auth.file]\npasswords = \"/p\" # m.conf:2\n\n[acl]\nfile = \"/a\" # m.conf:4\n\n[limits]\ncheck_retain_source = true # the default of mosquitto\n", ""},
		{"the old spelling of a listener", "port 1884\nbind_address ::1\nmaximum_qos 1\nallow_anonymous true", "url = \"mqtt://[::1]:1884\" # m.conf:2\nauth = []", ""},
		{"a socket", "listener 0 /run/m q\nallow_anonymous true", "url = \"unix:///run/m q\"", ""},
		{"a folder for a socket", "listener 0 /\nallow_anonymous true", "# Not taken over: its address is unknown.\n#[[listener]]\n#url = \"unix:///\" # m.conf:1",
			"1:1 listener: names no address to listen at: unix:///: a unix URL needs a path: unix:///path/to/socket"},
		{"a name before an address", "bind_address a@b\nallow_anonymous true", "# Not taken over: its address is unknown.\n#[[listener]]\n",
			"1:1 bind_address: names no address to listen at: a listener has no user: leave out what stands before the @"},
		{"limits", "persistence true\npersistence_location /var/lib/mosquitto/\nmax_inflight_messages 0\nmax_queued_messages 0\nmessage_size_limit 1000\nmax_keepalive 120\npersistent_client_expiration 2w\nqueue_qos0_messages true\nsys_interval 30\nmemory_limit 67108864\nlog_type warning\nlog_type error\nset_tcp_nodelay true\nretain_available false\nupgrade_outgoing_qos true",
			`data = "/var/lib/mosquitto/mqtk" # m.conf:1
max_inflight = 65535 # m.conf:3
max_queued_messages = 100000000 # m.conf:4
max_packet_size = 2024 # m.conf:5, with 1024 bytes for topic and properties
max_keep_alive = 120 # m.conf:6
max_session_expiry = "14d" # m.conf:7
session_expiry_3x = "14d" # m.conf:7
queue_qos0 = true # m.conf:8
sys_interval = "30s" # m.conf:9
memory_limit = "64MiB" # m.conf:10
log_level = "warn" # m.conf:11
retain_available = false # m.conf:14
upgrade_outgoing_qos = true # m.conf:15`, ""},
		{"certificates", "listener 8883\ncertfile /c\nkeyfile /k\ncafile /a\nrequire_certificate true\nuse_identity_as_username true\ntls_version tlsv1.3\nciphers ECDHE-RSA-AES128-GCM-SHA256:FOO\nmount_point site/\nmax_connections 100\n",
			`[[listener]]
url = "mqtts://:8883" # m.conf:1
auth = ["cert"] # m.conf:1
max_connections = 100 # m.conf:10
mount_point = "site/" # m.conf:9
cert = "/c" # m.conf:2
key = "/k" # m.conf:3
client_ca = "/a" # m.conf:4
user_from_cert = "cn" # m.conf:6
tls_min = "1.3" # m.conf:7
ciphers = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] # m.conf:8
`, "8:1 ciphers: there is no cipher suite FOO here"},
		{"websockets", "listener 9001\nprotocol websockets\nsocket_domain ipv4\nallow_anonymous true\nhttp_dir /srv\nlistener 9002\nprotocol websockets\ncertfile /c\nkeyfile /k",
			"url = \"ws://0.0.0.0:9001\" # m.conf:1\nauth = [] # m.conf:4\n\n[[listener]]\nurl = \"wss://:9002\" # m.conf:6", "5:1 http_dir: has no equivalent: no files are served here"},
		{"what kept clients out", "allow_anonymous true\nlistener 1\npsk_hint x\nlistener 2\nbind_interface eth0\nlistener 3\ncertfile /c\nkeyfile /k\ncafile /a\nrequire_certificate true\ncrlfile /r\nlistener 4\ncertfile /c",
			"# Not taken over: it asks for pre-shared keys.\n#[[listener]]\n#url = \"mqtt://:1\" # m.conf:2",
			"3:1 psk_hint: there are no pre-shared keys here: give clients certificates or passwords\n5:1 bind_interface: has no equivalent: name an address of the interface in the url of the listener, which is a comment until then\n11:1 crlfile: has no equivalent: revoked certificates would be accepted, so the listener is a comment\n13:1 certfile: certfile and keyfile belong together"},
		{"settings of each listener", "per_listener_settings true\nlistener 1\npassword_file /p\nacl_file /a\nlistener 2\npassword_file /q\nlistener 3\nallow_anonymous true",
			"# Not taken over: it has another password_file.\n#[[listener]]\n#url = \"mqtt://:2\" # m.conf:5",
			"5:1 listener: had no acl_file; here the rules hold for all listeners\n6:1 password_file: is one for all listeners here, and line 3 names another\n7:1 listener: had no acl_file; here the rules hold for all listeners"},
		{"no equivalent", "allow_anonymous true\npid_file /run/m.pid\nuser mosquitto\nlog_dest file /var/log/m\nlog_dest stderr\nclientid_prefixes x\nauth_plugin /x.so\nauth_opt_host h\nsys_interval 0\nlog_type subscribe\nmax_inflite_messages 5\nqueue_qos0_messages maybe\nmax_packet_size 20",
			"url = \"mqtt://localhost:1883\"",
			`2:1 pid_file: has no equivalent: no such file is written; a service manager knows the process
3:1 user: has no equivalent: the user is not changed; start mqtk serve as that user
4:1 log_dest: the log goes to stderr; whoever starts mqtk serve sends it elsewhere
6:1 clientid_prefixes: has no equivalent, so the listeners are comments: bind_client_id of a listener binds client ids to user names
7:1 auth_plugin: there are no plugins here; [auth.sql] reads users and rules from a database, [auth.jwt] checks tokens
8:1 auth_opt_host: is an option of a plugin, and there are no plugins here
9:1 sys_interval: $SYS cannot be turned off; deny it by an acl_file, or set sys_interval to a day
10:1 log_type: there is no such kind in the log here; log_level says from which level on is logged
11:1 max_inflite_messages: is no option of mosquitto; did you mean max_inflight_messages?
12:1 queue_qos0_messages: "maybe" is neither true nor false
13:1 max_packet_size: cannot be limits.max_packet_size here: 20 is out of range; 64 to 268435460 is allowed`},
		{"bridges", "connection up\naddress example.org\n  topic # both\nremote_password x\nlistener 1883\nallow_anonymous true", "url = \"mqtt://:1883\" # m.conf:5",
			"1:1 connection: there are no bridges here: another program must connect the brokers\n2:1 address: belongs to the bridge up, and there are no bridges here\n3:3 topic: belongs to the bridge up, and there are no bridges here\n4:1 remote_password: belongs to the bridge up, and there are no bridges here"},
		{"no match", "mqtt.acl_nomatch = deny\nmqtt.acl_deny_action = disconnect\nacl_file /a", "[acl]\nfile = \"/a\" # m.conf:3\nno_match = \"deny\" # m.conf:1\ndeny_action = \"disconnect\" # m.conf:2\n", ""},
		{"no match alone", "acl_nomatch = allow", "url = \"mqtt://localhost:1883\" # the default of mosquitto\n", ""},
		{"denied everything", "listener 1883\nallow_anonymous true\nmqtt.acl_nomatch = deny", "# Not taken over: whoever is let in might do everything, for no rules are known.\n#[[listener]]\n#url = \"mqtt://:1883\" # m.conf:1\n",
			"3:1 mqtt.acl_nomatch: denies everything, for no line names rules: give them in [acl]; until then the listeners are comments"},
		{"a database", "listener 1883\nauth.mysql.server = 127.0.0.1:3307\nauth.mysql.username = me\nauth.mysql.password = p/w\nauth.mysql.database = mqtt\nauth.mysql.auth_query.password_hash = salt,sha512\nauth.mysql.auth_query = select password from users where username = '%u' limit 1\nauth.mysql.acl_query = select allow, ipaddr, username, clientid, access, topic from mqtt_acl where ipaddr = '%a' or username = '%u' or username = '$all' or clientid = '%c'\nauth.mysql.pool = 8\nauth.mysql.ssl = on\nmqtt.acl_nomatch = allow\nnode.name = x",
			`auth = ["sql"] # m.conf:1

[auth.sql]
driver = "mysql" # m.conf:2
dsn = "mysql://me:p%2Fw@127.0.0.1:3307/mqtt" # m.conf:2
user_table = "users" # m.conf:7
acl_table = "mqtt_acl" # m.conf:8
hash = "sha512" # m.conf:6
salt = "prefix" # m.conf:6

[acl]
sql = true # m.conf:2
no_match = "allow" # m.conf:11
`, "10:1 auth.mysql.ssl: has no equivalent; options of the driver stand in dsn\n12:1 node.name: has no equivalent"},
		{"other listeners", "listener.tcp.external = 0.0.0.0:1883\nlistener.tcp.external.max_connections = 1000\nlistener.tcp.external.backlog = 9\nlistener.ssl.external = 8883\nlistener.ssl.external.keyfile = /k\nlistener.ssl.external.certfile = /c\nlistener.ssl.external.cacertfile = /a\nlistener.ssl.external.verify = verify_peer\nlistener.ssl.external.fail_if_no_peer_cert = true\nlistener.ssl.external.peer_cert_as_username = cn\nlistener.ws.external = 8083\nallow_anonymous = true\nlistener.tcp.internal.max_connections = 5",
			"allow_anonymous = true # m.conf:12\n\n[[listener]]\nurl = \"mqtt://0.0.0.0:1883\" # m.conf:1\nauth = [] # m.conf:12\nmax_connections = 1000 # m.conf:2\n\n[[listener]]\nurl = \"mqtts://:8883\" # m.conf:4\nauth = [\"cert\"] # m.conf:4\ncert = \"/c\" # m.conf:6\nkey = \"/k\" # m.conf:5\nclient_ca = \"/a\" # m.conf:7\nuser_from_cert = \"cn\" # m.conf:10\n\n[[listener]]\nurl = \"ws://:8083\" # m.conf:11\n",
			"3:1 listener.tcp.external.backlog: has no equivalent\n13:1 listener.tcp.internal.max_connections: belongs to a listener that no line opens"},
		{"a plugin beside passwords", "plugin /x.so\npassword_file /p\nallow_anonymous true\nlistener 1883\nlistener 1884", "# Not taken over: a plugin decided who may connect to it.\n#[[listener]]\n#url = \"mqtt://:1884\"", "1:1 plugin: there are no plugins here; [auth.sql] reads users and rules from a database, [auth.jwt] checks tokens"},
		{"a plugin of one listener", "per_listener_settings true\nlistener 1883\nplugin /x.so\nallow_anonymous true\nlistener 1884\nallow_anonymous true", "\n\n[[listener]]\nurl = \"mqtt://:1884\"", "3:1 plugin: there are no plugins here; [auth.sql] reads users and rules from a database, [auth.jwt] checks tokens"},
		{"a plugin of all listeners", "per_listener_settings true\nglobal_plugin /x.so\nlistener 1883\nallow_anonymous true", "# Not taken over: a plugin decided who may connect to it.\n#[[listener]]\n", "2:1 global_plugin: there are no plugins here; [auth.sql] reads users and rules from a database, [auth.jwt] checks tokens"},
		{"two limits of size", "allow_anonymous true\nmessage_size_limit 100\nmax_packet_size 5000", "max_packet_size = 5000 # m.conf:3\n", "2:1 message_size_limit: is one limit with max_packet_size here, which is set by m.conf:3"},
		{"the same limit twice", "allow_anonymous true\nmax_packet_size 5000\nmessage_size_limit 5000", "max_packet_size = 5000 # m.conf:2\n", ""},
		{"no limit of size", "allow_anonymous true\nmessage_size_limit many", "", `2:1 message_size_limit: "many" is no number`},
		{"no switch", "allow_anonymous maybe\nper_listener_settings on\nlistener 1883\npassword_file\nlistener 8883\ncertfile /c\nkeyfile /k\nrequire_certificate of course", "# Not taken over: require_certificate is neither true nor false.\n",
			`1:1 allow_anonymous: "maybe" is neither true nor false
2:1 per_listener_settings: "on" is neither true nor false
3:1 listener: lets nobody in, without a password_file and without allow_anonymous, so it is a comment
4:1 password_file: names no file
5:1 listener: lets nobody in, without a password_file and without allow_anonymous, so it is a comment
8:1 require_certificate: "of course" is neither true nor false`},
		{"no files", "allow_anonymous true\nlistener 8883\ncertfile\nkeyfile /k\nlistener 8884\ncertfile /c\nkeyfile", "", "3:1 certfile: names no file\n7:1 keyfile: names no file"},
		{"a plugin decides", "listener 1883\nplugin /x.so\nplugin_opt_config_file /x", "# Not taken over: a plugin decided who may connect to it.\n#[[listener]]\n", "2:1 plugin: there are no plugins here; [auth.sql] reads users and rules from a database, [auth.jwt] checks tokens\n3:1 plugin_opt_config_file: is an option of a plugin, and there are no plugins here"},
		{"certificates, less usual", "allow_anonymous true\nlistener 1\ncertfile /c\nkeyfile /k\nuse_username_as_clientid true\nrequire_certificate true\ncapath /d\nlistener 2\ncertfile /c\nkeyfile /k\ncafile /a\nrequire_certificate true\nuse_subject_as_username true\ntls_version tlsv1.1\nciphers_tls1.3 X\nlistener 3\ncertfile /c\nkeyfile /k\ntls_keyform engine\ntls_engine x\nlistener 4\nprotocol mqttsn",
			"\nuser_from_cert = \"subject\" # m.conf:13\n", "5:1 use_username_as_clientid: has no equivalent where nobody is asked who they are: the listener is a comment\n7:1 capath: a directory of certificates is not read: put them into one file, which client_ca names\n14:1 tls_version: 1.2 is the oldest version of TLS here\n15:1 ciphers_tls1.3: has no equivalent: the cipher suites of TLS 1.3 are not for choosing\n19:1 tls_keyform: there are no engines here: the key is a file\n20:1 tls_engine: there are no engines here: the key is a file\n22:1 protocol: the protocol \"mqttsn\" is not spoken here"},
		{"limits of one listener", "allow_anonymous true\nlistener 1\nmax_qos 1\nmax_topic_alias 5\nlistener 2\nmax_topic_alias 5", "[limits]\ntopic_alias_in = 5 # m.conf:4\n", "3:1 max_qos: is one for all listeners here: limits.max_qos, which is not set"},
		{"log", "log_type none\nlog_timestamp false\nlog_timestamp_format %Y\nconnection_messages false\npersistence 1\npersistence_file x\npersistent_client_expiration 5", "data = \"{dir}/mqtk\" # m.conf:5\nlog_level", `1:1 log_type: there is no such kind in the log here; log_level says from which level on is logged
2:1 log_timestamp: cannot be turned off
3:1 log_timestamp_format: has no equivalent: log_format is text or json, with the time by RFC 3339
4:1 connection_messages: cannot be turned off
6:1 persistence_file: what is kept is not one file; the directory is data, and what mosquitto has kept is not read
7:1 persistent_client_expiration: "5" is no number of h, d, w, m or y`},
		{"one address", "allow_anonymous true\nlistener 1883\nlistener 1883 127.0.0.1", "# Not taken over: another listener has its address.\n#[[listener]]\n#url = \"mqtt://127.0.0.1:1883\" # m.conf:3\n", "3:1 listener: another listener has this address already"},
		{"two databases", "auth.mysql.server = a\nauth.mysql.database = m\nauth.mysql.password_hash = crypt7\nauth.pgsql.server = b\nauth.mysql.super_query = select 1\nacl_file /a\nlistener 1883", "driver = \"mysql\" # m.conf:1\ndsn = \"mysql://a:3306/m\" # m.conf:1\n", `1:1 auth.mysql.server: the rules come from acl_file, so those of the database are not asked
3:1 auth.mysql.password_hash: cannot be auth.sql.hash here: "crypt7" is no choice; did you mean bcrypt?; plain, md5, sha, sha256, sha512, bcrypt or pbkdf2 is allowed
4:1 auth.pgsql.server: is a second database, and one is asked here
5:1 auth.mysql.super_query: a query is not for setting; user_table, acl_table and [auth.sql.columns] say where users and rules are`},
		{"Postgres", "auth.pgsql.server = db\nauth.pgsql.database = m\nauth.pgsql.password_hash = pbkdf2,sha256,4096,32", "dsn = \"postgres://db:5432/m\" # m.conf:1\nhash = \"pbkdf2\" # m.conf:3\nsalt = \"prefix\" # m.conf:3\ndigest = \"sha256\" # m.conf:3\niterations = 4096 # m.conf:3\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, lost := Import("m.conf", []byte(test.text))
			test.want = strings.ReplaceAll(test.want, "{dir}", dir)
			for _, line := range strings.SplitAfter(test.want, "\n") {
				if !strings.Contains(string(out), line) {
					t.Errorf("no line %s in\n%s", line, out)
				}
			}
			if test.name != "limits" && !strings.Contains(string(out), test.want) {
				t.Errorf("not in this order:\n%s", out)
			}
			if got := brief(lost); got != test.lost {
				t.Errorf("lost:\n%s\nwant\n%s", got, test.lost)
			}
			checkImported(t, out)
		})
	}
}

// checkImported holds what was written to what --check finds, files aside.
func checkImported(t *testing.T, out []byte) *Config {
	t.Helper()
	c, problems := Read("f", out)
	for _, p := range append(problems, c.Check(Probes{})...) {
		t.Errorf("%s", p)
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
	if len(c.Listeners) == 0 {
		t.Errorf("no listener, so that of the default would be open:\n%s", out)
	}
	return c
}

// The files of a directory come in mosquitto's order.
func TestImportIncludes(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b.conf": "max_qos 1\nfoo x", "A.conf": "listener 1883 127.0.0.1\nallow_anonymous true\nbar y\n", "B.txt": "baz z", "c.conf": "include_dir /",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, lost := Import("m.conf", []byte("quux 1\ninclude_dir "+dir+"\ninclude_dir "+dir+"/gone\n"))
	var got []string
	for _, p := range lost {
		got = append(got, filepath.Base(p.File)+" "+p.Key)
	}
	if want := "m.conf quux m.conf include_dir A.conf bar b.conf foo c.conf include_dir"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", strings.Join(got, " "), want)
	}
	if c := checkImported(t, out); c.Limits.MaxQoS != 1 || c.Listeners[0].URL != "mqtt://127.0.0.1:1883" {
		t.Errorf("%s", out)
	}
}

// A password is not shown.
func TestImportHidesSecrets(t *testing.T) {
	_, lost := Import("m.conf", []byte("connection x\nremote_password geheim\nbridge_psk geheim\nauth_opt_pass geheim"))
	if len(lost) != 4 {
		t.Error(lost)
	}
	for _, p := range lost {
		if strings.Contains(p.String(), "geheim") {
			t.Error(p)
		}
	}
}

// The man page's own options are all known.
func TestImportKnowsAllOptions(t *testing.T) {
	rows := importTable()
	for _, name := range strings.Fields(`acl_file allow_anonymous allow_duplicate_messages allow_zero_length_clientid auth_plugin
		auth_plugin_deny_special_chars auto_id_prefix autosave_interval autosave_on_changes check_retain_source clientid_prefixes
		connection_messages log_dest log_facility log_timestamp log_timestamp_format log_type max_inflight_bytes
		max_inflight_messages max_keepalive max_packet_size max_queued_bytes max_queued_messages memory_limit message_size_limit
		password_file per_listener_settings persistence persistence_file persistence_location persistent_client_expiration pid_file
		psk_file queue_qos0_messages retain_available set_tcp_nodelay sys_interval upgrade_outgoing_qos user bind_address
		bind_interface http_dir max_connections max_qos max_topic_alias mount_point port protocol socket_domain
		use_username_as_clientid websockets_log_level websockets_headers_size cafile capath certfile ciphers ciphers_tls1.3 crlfile
		dhparamfile keyfile require_certificate tls_engine tls_engine_kpass_sha1 tls_keyform tls_version use_identity_as_username
		use_subject_as_username psk_hint`) {
		if _, ok := rows[name]; !ok {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range strings.Fields(`address addresses bridge_attempt_unsubscribe bridge_bind_address bridge_max_packet_size
		bridge_outgoing_retain bridge_protocol_version cleansession local_cleansession keepalive_interval idle_timeout local_clientid
		local_password local_username notifications notifications_local_only notification_topic remote_clientid remote_password
		remote_username restart_timeout round_robin start_type threshold topic try_private bridge_alpn bridge_cafile bridge_capath
		bridge_certfile bridge_insecure bridge_keyfile bridge_require_ocsp bridge_tls_version bridge_identity bridge_psk`) {
		if !isBridgeOption(name) {
			t.Errorf("%s is not known", name)
		}
	}
}

// No text panics, and whatever is written is a good config file.
func FuzzImport(f *testing.F) {
	f.Add([]byte("listener 1883\nallow_anonymous true\nmax_qos 1\n"))
	f.Add([]byte("per_listener_settings true\nlistener 0 /x\npassword_file \x01\nmqtt.acl_nomatch = deny"))
	f.Add([]byte("auth.mysql.server = [::1]:3306\nauth.mysql.password_hash = md5,salt\npersistent_client_expiration 2m"))
	f.Add([]byte("bind_address a b\nport -1\nciphers ::\nuse_subject_as_username 1\nconnection\nlog_type all"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if strings.Contains(string(text), "include_dir") {
			t.Skip("would read what is there")
		}
		out, lost := Import("m.conf", text)
		for _, p := range lost {
			if p.Line < 1 || p.Line > strings.Count(string(text), "\n")+1 || p.String() == "" {
				t.Fatalf("%+v", p)
			}
		}
		checkImported(t, out)
	})
}
