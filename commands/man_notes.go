package commands

// What a man page says beyond the declarations: the environment and examples.

// A manRow is a term and its explanation; in examples a command line and what
// it does.
type manRow struct{ term, text string }

type manNotes struct{ environment, examples []manRow }

func notesOn(command string) manNotes {
	switch command {
	case "serve":
		return manNotes{serveEnvironment(), serveExamples()}
	case "pub":
		return manNotes{clientEnvironment(), pubExamples()}
	case "sub":
		return manNotes{clientEnvironment(), subExamples()}
	}
	return manNotes{append(clientEnvironment(), serveEnvironment()[:1]...), rootExamples()}
}

func clientEnvironment() []manRow {
	return []manRow{
		{"MQTK_URL", "the broker, as for --url; a host, port or URL given by flags drops it with its user and password"},
		{"MQTK_HOST, MQTK_PORT", "the broker in two parts; a port that holds :// is ignored, for container platforms set such"},
		{"MQTK_USERNAME, MQTK_PASSWORD", "credentials"},
		{"MQTK_PASSWORD_FILE", "a file with the password"},
		{"NO_COLOR, CLICOLOR_FORCE", "no colour at all, or colour even where there is no terminal"},
	}
}

func serveEnvironment() []manRow {
	return []manRow{
		{"MQTK_SET", `limits for serve, as in MQTK_SET="max_connections=500 max_queued_messages=100"; --set wins`},
		{"MQTT_URL, MQTK_URL", "set for the command after --: where the broker listens"},
		{"NO_COLOR, CLICOLOR_FORCE", "no colour in the log, or colour even where there is no terminal"},
	}
}

func rootExamples() []manRow {
	return []manRow{
		{"mqtk serve", "Run a broker for this machine"},
		{"mqtk sub -v 'sensors/#'", "Show all that is published under sensors/, with topics"},
		{"mqtk pub sensors/door open", "Publish a message"},
	}
}

func serveExamples() []manRow {
	return []manRow{
		{"mqtk serve", "Listen on port 1883 for this machine alone"},
		{"mqtk serve --listen mqtt://:1883 --allow-anonymous", "Let everybody who can reach this machine in"},
		{"mqtk serve -p 1884 --set max_queued_messages=10000 --set max_packet_size=64KiB", "Choose a port and some limits"},
		{"mqtk serve -- sh -c 'mqtk pub -r state up && mqtk sub -C 1 state'", "Give a command a broker of its own, on a free port, for as long as it runs"},
		{"mqtk serve -p 0 --ready-file ready.json --for 1h", "Start from a script: the file appears when clients may connect, and says where"},
	}
}

func pubExamples() []manRow {
	return []manRow{
		{"mqtk pub sensors/door open -q 1 -r", "Publish with QoS 1, retained"},
		{"mqtk pub sensors/door -n -r", "Clear a retained message"},
		{"seq 1 1000 | mqtk pub -t numbers -l -q 2", "Publish each line of a pipe, exactly once"},
		{"mqtk pub -h broker.example -u ada --password-from env:SECRET -f photo.jpg camera/1", "Publish a file, with a password that does not show up in ps"},
		{"mqtk pub orders '{\"id\":7}' --response-topic replies --correlation-data 7 --content-type application/json", "Publish a request with its MQTT 5.0 properties"},
	}
}

func subExamples() []manRow {
	return []manRow{
		{"mqtk sub 'sensors/#' -v", "Show topics and payloads"},
		{"mqtk sub sensors/door -C 1 -W 5", "Wait at most five seconds for one message"},
		{"mqtk sub '#' --json", "Print each message with all its properties as a line of JSON"},
		{"mqtk sub -c -i archive -q 1 'sensors/#'", "Keep a session, so that nothing is lost while this command does not run"},
		{"mqtk sub '$share/workers/jobs' -q 1", "Take a share of the messages, among all who do so"},
		{"mqtk sub '$SYS/broker/#' -v", "Watch the broker"},
	}
}
