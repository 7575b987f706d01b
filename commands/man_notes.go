package commands

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// What a man page says beyond the declarations: the story, the environment and
// examples.

// A manRow is a term and its explanation; in examples a command line and what
// it does.
type manRow struct{ term, text string }

// A manSection is a heading with paragraphs and then rows.
type manSection struct {
	heading, text string
	rows          []manRow
}

type manNotes struct {
	sections              []manSection
	environment, examples []manRow
	own                   bool // not those of mqtk itself
}

func ownNotes(path []*cli.Command) manNotes {
	switch strings.TrimPrefix(commandName(path), "mqtk ") {
	case "serve":
		return manNotes{serveNotes(), serveEnvironment(), serveExamples(), true}
	case "serve import":
		return manNotes{nil, colourEnvironment(), importExamples(), true}
	case "serve passwd":
		return manNotes{nil, colourEnvironment(), passwdExamples(), true}
	case "serve acl":
		return manNotes{aclNotes(), colourEnvironment(), append(aclExplainExamples(), aclLintExamples()...), true}
	case "serve acl explain":
		return manNotes{aclNotes(), colourEnvironment(), aclExplainExamples(), true}
	case "serve acl lint":
		return manNotes{aclNotes(), colourEnvironment(), aclLintExamples(), true}
	case "inspect":
		return manNotes{nil, clientEnvironment(), inspectExamples(), true}
	case "inspect decode":
		return manNotes{inspectDecodeNotes(), colourEnvironment(), inspectDecodeExamples(), true}
	case "inspect send":
		return manNotes{[]manSection{scriptNotes(), inspectSendJSON(), textFormNotes()}, clientEnvironment(), inspectSendExamples(), true}
	case "inspect fuzz":
		return manNotes{inspectFuzzNotes(), colourEnvironment(), inspectFuzzExamples(), true}
	case "inspect pcap":
		return manNotes{inspectPcapNotes(), pcapEnvironment(), inspectPcapExamples(), true}
	case "inspect retained", "inspect retained ls", "inspect retained tree", "inspect retained export",
		"inspect retained import", "inspect retained clear", "inspect retained diff":
		return manNotes{clientNotes(), clientEnvironment(), inspectRetainedExamples(path[len(path)-1].Name), true}
	case "inspect top":
		return manNotes{clientNotes(), clientEnvironment(), inspectTopExamples(), true}
	case "inspect proxy":
		return manNotes{append([]manSection{inspectProxyJSON(), textFormNotes()}, clientNotes()[:2]...), clientEnvironment(), inspectProxyExamples(), true}
	case "inspect audit":
		return manNotes{clientNotes()[:2], clientEnvironment(), inspectAuditExamples(), true}
	case "inspect probe":
		return manNotes{[]manSection{inspectProbeJSON(), precedenceNotes(), wayNotes()}, clientEnvironment(), inspectProbeExamples(), true}
	case "inspect check":
		return manNotes{[]manSection{precedenceNotes(), wayNotes()}, clientEnvironment(), inspectCheckExamples(), true}
	case "inspect journal":
		return manNotes{inspectJournalNotes(), colourEnvironment(), inspectJournalExamples(), true}
	case "pub":
		return manNotes{append(pubNotes(), retryNotes(), precedenceNotes(), wayNotes(), authNotes()), clientEnvironment(), pubExamples(), true}
	case "sub":
		return manNotes{append(subNotes(), conditionNotes(), expectNotes(), sequenceNotes(), formatNotes(), jsonNotes(), retryNotes(), precedenceNotes(), wayNotes(), authNotes()), clientEnvironment(), append(subExamples(), judgeExamples()...), true}
	case "bench":
		return manNotes{append(benchNotes(), precedenceNotes(), wayNotes(), authNotes()), clientEnvironment(), benchExamples(), true}
	case "bench pub":
		return manNotes{append(benchEndNotes(), precedenceNotes(), wayNotes(), authNotes()), clientEnvironment(), benchPubExamples(), true}
	case "bench sub":
		return manNotes{append(benchEndNotes(), precedenceNotes(), wayNotes(), authNotes()), clientEnvironment(), benchSubExamples(), true}
	case "bench conn":
		return manNotes{append(benchConnNotes(), precedenceNotes(), wayNotes(), authNotes()), clientEnvironment(), benchConnExamples(), true}
	case "bench compare":
		return manNotes{benchCompareNotes(), colourEnvironment(), benchCompareExamples(), true}
	case "bench crash":
		return manNotes{crashNotes(), clientEnvironment(), crashExamples(), true}
	}
	return manNotes{nil, append(clientEnvironment(), serveEnvironment()[0]), rootExamples(), false}
}

func clientEnvironment() []manRow {
	return []manRow{
		{"MQTK_URL", "the broker, as for --url"},
		{"MQTK_HOST, MQTK_PORT", "the broker in two parts; not looked at where MQTK_URL is set, nor is a port that holds ://, for container platforms set such"},
		{"MQTK_USERNAME, MQTK_PASSWORD", "who logs in"},
		{"MQTK_PASSWORD_FILE", "a file that holds the password"},
		{"MQTK_CONTEXT", "the context to take what nothing else says from, see CONTEXTS"},
		{"MQTK_CAFILE, MQTK_CERT, MQTK_KEY", "files as for --cafile, --cert and --key; MQTK_CAFILE turns TLS on, too, unless MQTK_URL names a scheme without it"},
		{"ALL_PROXY, NO_PROXY", "the proxy, as for --proxy, and the hosts, domains, addresses and networks to reach without it, with commas between; this machine is always reached without"},
		{"SSLKEYLOGFILE", "as for --tls-keylog"},
		{"NO_COLOR, CLICOLOR_FORCE", "no colour at all, or colour even where there is no terminal"},
	}
}

func serveEnvironment() []manRow {
	return []manRow{
		{"MQTK_SET", `keys of the configuration for serve, all that --set takes, as in MQTK_SET="max_connections=500 acl.no_match=deny"; --set wins`},
		{"MQTT_URL, MQTK_URL", "set for the command after --: where the broker listens"},
		{"NO_COLOR, CLICOLOR_FORCE", "no colour in the log, or colour even where there is no terminal"},
	}
}

func colourEnvironment() []manRow {
	return []manRow{{"NO_COLOR, CLICOLOR_FORCE", "no colour at all, or colour even where there is no terminal"}}
}

func precedenceNotes() manSection {
	return manSection{heading: "PRECEDENCE", text: `What flags say wins over a URL, a URL over the environment, that over the context of MQTK_CONTEXT, and that over the defaults. Where a stronger source names a host, a port, a socket or a URL, everything that weaker ones say about the connection is dropped: a password from MQTK_URL never goes to the host of --host. What --context asks for by name stands right behind flags and URL, and is not dropped; nor is what --options-file holds, unless it names a broker, too.`}
}

func retryNotes() manSection {
	return manSection{heading: "LOST CONNECTIONS", text: `Connecting, up to the CONNACK, may take 30 seconds. A first connection that fails is not tried again, unless --retry or --wait-broker say so; while --wait-broker waits, it is tried each second at least, or as --retry-wait says if that is longer.

After the first CONNACK, sub and pub -l make a lost connection again without limit, after 1 second, then twice as long each time, up to 30 seconds, and after 1 second again once a connection has stood for 10 or has moved messages of QoS 1 or 2; --retry 0 turns that off. Another pub makes it again for messages of QoS 1 and 2 alone, at most five times in a row; where a 3.x broker has closed the connection three times right behind the same message of 16 KiB or more, that is taken for its answer. What was not acknowledged is sent anew. A refusal that time does not heal (credentials, rights, version, a client id that another took) ends at once.`}
}

func formatNotes() manSection {
	return manSection{
		heading: "FORMAT",
		text:    `The FORMAT of -F is that of mosquitto_sub: text, in which %LETTER stands for a part of the message, @LETTER for a part of the time, as in strftime(3), and \\, \0, \a, \e, \n, \r, \t and \v for characters. Between % and the letter there may be flags (- fills on the right, 0 fills with zeros), a width, and a precision after a dot: %-20t, %05l, %.10p. In braces stands a field, as in CONDITIONS: %{payload.temp}, %-8{user.room}.`,
		rows: []manRow{
			{"%%", "a percent sign"},
			{"%A", "topic alias"},
			{"%C", "content type"},
			{"%D", "correlation data"},
			{"%E", "message expiry interval in seconds"},
			{"%F", "payload format indicator"},
			{"%I", "time of receipt in ISO 8601"},
			{"%j", "the object that --json prints"},
			{"%J", "the same with a payload that is JSON put in as it is"},
			{"%l", "length of the payload in bytes"},
			{"%m", "packet identifier, 0 at QoS 0"},
			{"%p", "payload"},
			{"%P", "user properties, as NAME:VALUE, separated by blanks"},
			{"%q", "QoS"},
			{"%r", "1 for a retained message, else 0"},
			{"%R", "response topic"},
			{"%S", "subscription identifier"},
			{"%t", "topic"},
			{"%U", "time of receipt in seconds since 1970, with nanoseconds"},
			{"%x, %X", "payload in hexadecimal, lower or upper case"},
			{"%{payload.NAME}, %{payload.list[0]}", "a part of a payload that is JSON: texts without quotes and escapes, objects and arrays as they came, and nothing where it is not there"},
			{"%{user.NAME}, %{topic[0]}, %{content-type}", "a user property (of several that are named alike all, separated by blanks), a level of the topic, or any other field of CONDITIONS"},
		},
	}
}

func jsonNotes() manSection {
	return manSection{
		heading: "JSON",
		text:    `With --json each message is an object on a line of its own, with these keys. Warnings and errors are objects, too, on stderr.`,
		rows: []manRow{
			{"tst, ts", "time of receipt, as mosquitto_sub writes it and in RFC 3339 with nanoseconds"},
			{"topic, qos, retain, dup", "of the PUBLISH; retain and dup are 0 or 1"},
			{"payloadlen", "length of the payload in bytes"},
			{"mid", "packet identifier, at QoS 1 and 2"},
			{"properties", "an object of the properties by name, where there are any; user-properties is an object, in which a name that comes more than once has an array of values; where such names alternate, user-property-list has all of them in their order, as pairs"},
			{"payload", "the payload as text"},
			{"payload_b64", "in place of payload, base64 of bytes that are no UTF-8"},
		},
	}
}

func rootExamples() []manRow {
	return []manRow{
		{"mqtk serve", "Run a broker for this machine"},
		{"mqtk sub -v 'sensors/#'", "Show what is published under sensors/"},
		{"mqtk pub sensors/door open", "Publish a message"},
	}
}

func serveExamples() []manRow {
	return append([]manRow{
		{"mqtk serve", "Listen on port 1883 for this machine alone"},
		{"mqtk serve --listen mqtt://:1883 --passwords users --acl rules", "Let users in by their passwords, and do what rules allow"},
		{"mqtk serve --listen 'mqtts://:8883?cert=a.pem&key=a.key' --passwords users", "The same over TLS"},
		{"mqtk serve -c mqtk.toml --check", "Look for all that is wrong with a configuration"},
		{"mqtk serve --listen mqtt://:1883 --allow-anonymous", "Let everybody in who can reach this machine"},
		{"mqtk serve -p 1884 --set max_queued_messages=10000 --set max_packet_size=64KiB", "Choose a port and some limits"},
		{"mqtk serve --data /var/lib/mqtk", "Keep sessions, queued and retained messages over restarts"},
		{"mqtk serve --data /var/lib/mqtk --commit-delay 20ms", "Spare an SD card: at most 50 writes a second, for an acknowledgement that comes up to 20 ms later"},
		{"mqtk serve -- sh -c 'mqtk pub -r state up && mqtk sub -C 1 state'", "Give a command a broker of its own, on a free port, for as long as it runs"},
		{"mqtk serve -p 0 --ready-file ready.json --for 1h", "Start from a script: the file appears when clients may connect, and says where"},
	}, systemdExamples()...)
}

func importExamples() []manRow {
	return []manRow{
		{"mqtk serve import /etc/mosquitto/mosquitto.conf -o mqtk.toml", "Make a configuration, and read on stderr what is lost"},
		{"mqtk serve -c mqtk.toml --check", "Look at what was made, and whether the files that it names are there"},
	}
}

func passwdExamples() []manRow {
	return []manRow{
		{"mqtk serve passwd /etc/mqtk/passwd alice", "Add alice, or give her another password; asks for it twice"},
		{"pass show mqtt/alice | mqtk serve passwd /etc/mqtk/passwd alice", "Take the password from another program"},
		{"mqtk serve passwd -D /etc/mqtk/passwd alice", "Take alice out"},
		{"systemctl reload mqtk", "Let a serve that systemd has started take the file up; for another, kill -HUP with the process id of that serve"},
	}
}

func subExamples() []manRow {
	return []manRow{
		{"mqtk sub 'sensors/#' -v", "Show topics and payloads"},
		{"mqtk sub sensors/door -C 1 -W 5", "Wait for one message, 5 seconds at most"},
		{"mqtk sub 'sensors/#' -v --retained-only --until-retained-end", "Show what is retained, and end"},
		{"mqtk sub '#' --tree", "Watch what is published, as a tree"},
		{"mqtk sub 'cameras/#' --out pictures/", "Keep the last payload of each topic in a file"},
		{"mqtk sub -c -i worker -q 1 jobs --exec ./work", "Run a program for each message, which is acknowledged when that has ended"},
		{"mqtk sub '#' --record day.jsonl", "Record all that is published, for mqtk pub --replay"},
		{"mqtk sub 'old/#' --remove-retained --dry-run --until-retained-end -v", "See which retained messages would be removed"},
		{"mqtk sub '#' --json", "All of each message, as a line of JSON"},
		{"mqtk sub 'sensors/#' -F '@T %t %p'", "Print the time, too"},
		{"mqtk sub -c -i archive -q 1 'sensors/#'", "Keep a session, so that what comes while this command does not run waits for it"},
		{"mqtk sub '$share/workers/jobs' -q 1", "Take a share of the messages, among all who do so"},
		{"mqtk sub -L wss://broker.example/mqtt '#' -u ada --password-from prompt --auth-method SCRAM-SHA-256", "Subscribe over WebSocket and TLS, and keep the password from the broker"},
		{"mqtk sub '$SYS/broker/#' -v", "Watch the broker"},
	}
}
