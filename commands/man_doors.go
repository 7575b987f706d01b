package commands

import (
	"strings"

	"mqtk/commands/config"
)

// What the man page of serve says about who comes in, what they may do there, and
// how that changes while the broker runs.

func doorNotes() []manSection {
	return []manSection{authenticationNotes(), accessNotes(), tlsNotes(), reloadNotes(), systemdNotes()}
}

func authenticationNotes() manSection {
	return manSection{
		heading: "AUTHENTICATION",
		text: `A listener asks all that the configuration has about who comes in, in this order: the certificate, where user_from_cert says what of it is the user name; the password file; the tables; tokens. Its key auth names others, or another order. The first that knows the user decides; who is known to none is refused like one with a wrong password. Without any of them everybody comes in, without a name, and then the listener must be one of this machine, unless allow_anonymous is set. What is read at the start and at a reload must be there and sound, or there is no start and no reload.

An unknown user and a wrong password are answered alike, with 0x86 (on 3.x 4), after the same time; who gives neither user name nor password gets 0x87 (5). A database that does not answer gets everybody 0x88 (3) whom those before it do not know: what it would have said is not left to those behind.

With MQTT 5.0 a client may use enhanced authentication: SCRAM-SHA-256, SCRAM-SHA-512 and SCRAM-SHA-1, which send no password, PLAIN over TLS and Unix sockets alone, EXTERNAL for the name in a certificate. auth.sasl.mechanisms names others; CRAM-MD5 and DIGEST-MD5 need passwords in the clear, and nobody should need them. SCRAM proves the broker to the client as well, and costs it next to nothing. SCRAM-SHA-256 needs the third field that mqtk serve passwd writes, SCRAM-SHA-512 a password in the form $7$, SCRAM-SHA-1 a table with passwords in the clear or in PBKDF2 with SHA-1. Who authenticates again (AUTH 0x19) and fails, or is somebody else by then, is disconnected with 0x87. The log tells who failed, and why.`,
		rows: []manRow{
			{"file", "--passwords or auth.file.passwords: a file in the format of mosquitto_passwd ($6$ and $7$). mqtk serve passwd writes it, with a third field from which SCRAM-SHA-256 works as well. Each login costs a hash, and there are never more of them at once than processors less one"},
			{"sql", "[auth.sql]: the table mqtt_user of MySQL or MariaDB, PostgreSQL or SQLite, with a hash for each user. A database that does not answer refuses who comes, with server unavailable"},
			{"jwt", "[auth.jwt]: a token as the password, signed with a key of a file or of a JSON Web Key Set. It must have an end (exp) and a user name (sub, or username_claim), which must be CONNECT's where that has one; clocks may differ by 30 seconds. Key and method must fit, so that a public key never serves as a secret. The connection ends when the token does, with 0xA0. A password that is no token is left to the next. A file of keys that changes is read again"},
			{"cert", "user_from_cert: one field of the certificate that the client has shown. What CONNECT says of a user name is not looked at then. A certificate that holds the field twice, or not at all, is refused"},
			{"anonymous", "who gives neither user name nor password. As the last of auth, or with allow_anonymous, which must be set where other machines can connect"},
			{"[bans]", "users, client ids and addresses that are refused, whatever they know, and disconnected at the reload that bans them"},
			{"max_auth_failures", "so many failures a minute, of an address and user name together, are answered; then nobody is asked any more"},
		},
	}
}

func accessNotes() manSection {
	return manSection{
		heading: "ACCESS",
		text: `Without rules, whoever is let in may do everything, but for writing below $SYS. With --acl, acl.file or acl.sql, they may do what a rule allows, and acl.no_match says what holds where there is none: deny, unless it is allow. A message is asked about when it is published and again each time it is about to be delivered: live, retained, queued or shared. So a right that is taken away ends delivery at once, on subscriptions that are there, too. The right of a will is looked at in CONNECT and when it goes out.

A subscription is granted where the first rule that covers the whole filter allows it, or where it covers something that may be read; what of it is delivered, is decided message by message. A name with +, # or / in it never makes a pattern wider.

mqtk serve acl explain says of any client what it may do, and which line or row says so. mqtk serve acl lint finds rules that are dangerous, or that do nothing.`,
		rows: []manRow{
			{"files", "are in the format of mosquitto's acl_file: user, topic and pattern lines, read, write, readwrite and deny, %c and %u. A deny that matches wins wherever it stands"},
			{"tables", "are asked in the order of id, and the first row that matches decides: mqtt_acl, with allow, ipaddr, username, clientid, access and topic. They are read at CONNECT and again each acl.refresh, so that no message waits for a database"},
		},
	}
}

func tlsNotes() manSection {
	return manSection{
		heading: "TLS",
		text: `mqtts and wss listeners need cert and key; lists of them are chosen from by the name that a client asks for, and the first is for all others. The files are looked at again when a client comes, at most once a second: a renewed certificate needs no reload, and a broken one leaves the one before in use and is logged. Clients that are connected keep theirs.

With client_ca, clients need a certificate of that authority, or may have one (client_cert = "optional").`,
	}
}

func reloadNotes() manSection {
	return manSection{
		heading: "RELOAD",
		text: `HUP reads the file of --config again, with MQTK_SET and the flags over it as at the start, and all files that it names. Everything is checked, and what is new is opened, before anything changes; where something is wrong, the log says what and where, and all stays as it was. Otherwise it is taken over as a whole. A listener on a port that another one leaves (mqtts for mqtt, all interfaces for one) takes its place; should that fail, the one before is opened again. No client is disconnected but those of listeners that are gone, and those that are banned.

Where standard input or standard error was a terminal at the start and is none any more, HUP tells that it was closed, and serve drains and ends; not so under nohup, or whatever else has HUP ignored. One that comes while serve starts is a reload when it has.`,
		rows: []manRow{
			{"at once", "access rules, for live subscriptions, too; passwords, keys and databases, for who comes then; bans; limits; log_level; listeners that are new or gone; and of those that stay, certificates, authorities, who is asked, versions, addresses and connections allowed. What a CONNACK has promised a client stays as it was for that client"},
			{"with a restart", restartKeys() + ", which are named in the log, and keep their values; and of a plain listener mode, owner, group and proxy_protocol: a reload that changes those is refused"},
		},
	}
}

// restartKeys are the keys that a reload leaves as they are.
func restartKeys() string {
	var names []string
	for _, k := range config.Schema() {
		if k.Restart {
			names = append(names, k.Name())
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

func systemdNotes() manSection {
	return manSection{
		heading: "SYSTEMD",
		text:    `serve tells systemd (Type=notify, or notify-reload) when it is ready, when it reloads and when it ends, and how it is, in the status line. Sockets that systemd has opened (ListenStream= of a socket unit) are used for the listeners with the same addresses; where neither flags nor file name a listener, they are the listeners. FileDescriptorName= then says what is spoken: mqtt, which is the default, or ws; what needs certificates needs a listener in the file. A socket that no listener is for is an error. The command after -- inherits none of this. EXAMPLES has both units, for the whole file under CONFIGURATION.`,
	}
}

func systemdExamples() []manRow {
	return []manRow{
		{`[Unit]
Description=MQTT broker
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart=/usr/local/bin/mqtk serve -c /etc/mqtk/mqtk.toml
ExecReload=/bin/kill -HUP $MAINPID
User=mqtk
StateDirectory=mqtk
RuntimeDirectory=mqtk
EnvironmentFile=-/etc/mqtk/environment
AmbientCapabilities=CAP_NET_BIND_SERVICE
LimitNOFILE=100000
Restart=on-failure
RestartPreventExitStatus=2
TimeoutStopSec=30

[Install]
WantedBy=multi-user.target`, "A unit for systemd, /etc/systemd/system/mqtk.service. RuntimeDirectory is for sockets below /run/mqtk, the capability for ports below 1024, EnvironmentFile for what env:NAME takes (MQTK_DSN=...); 2 is a configuration that will not get better by itself; TimeoutStopSec must be more than drain"},
		{`[Socket]
ListenStream=8883
FileDescriptorName=mqtt

[Install]
WantedBy=sockets.target`, "Its socket, /etc/systemd/system/mqtk.socket, which stays open while the broker restarts; in the file its listener is mqtts://:8883. Each ListenStream= needs a listener with that address there"},
	}
}
