package commands

import (
	"slices"
	"strings"
)

// What the man pages of inspect's commands say beyond their declarations.

// clientNotes are of those that connect to a broker as pub and sub do.
func clientNotes() []manSection { return []manSection{precedenceNotes(), wayNotes(), authNotes()} }

func inspectExamples() []manRow {
	return []manRow{
		{"mqtk inspect decode --bytes 30 08 00 03 61 2f 62 00 68 69", "Say of each byte of a packet what it is"},
		{"mqtk inspect pcap trace.pcapng", "Find out what went wrong in a capture"},
		{"mqtk inspect proxy --to mqtt://broker", "Watch clients that connect to port 1884 here"},
		{"mqtk inspect probe mqtt://broker", "Ask a broker what it can do and allows"},
		{"mqtk inspect audit mqtt://localhost", "Hold a broker to the standard"},
		{"mqtk inspect send mqtt://broker '> CONNECT; < CONNACK'", "Say to a broker what you like"},
		{"mqtk inspect check mqtt://broker --receive 50ms,1s", "Check a broker from a cron job"},
		{"mqtk inspect retained tree mqtt://broker", "See what a broker retains"},
		{"mqtk inspect top mqtt://broker", "Watch what a broker tells of itself"},
		{"mqtk inspect fuzz --broker 'mosquitto -p {port}'", "Try to break a broker"},
		{"mqtk inspect journal /var/lib/mqtk --verify", "Check what serve --data keeps"},
	}
}

func inspectJournalExamples() []manRow {
	return []manRow{
		{"mqtk inspect journal /var/lib/mqtk --stats", "Count sessions, queued and retained messages, and bytes"},
		{"mqtk inspect journal /var/lib/mqtk --live --topic 'sensors/#'", "Show the messages below sensors/ that are kept"},
		{"mqtk inspect journal /var/lib/mqtk --verify", "Check every frame; the exit code is 10 where there is damage"},
		{"mqtk inspect journal /var/lib/mqtk --live --client worker --json", "Show all that is kept for one client, as JSON"},
		{"mqtk inspect journal /var/lib/mqtk --salvage /var/lib/mqtk-repaired", "Write a copy of all that can be read, for serve --data, or as a backup"},
	}
}

// inspectRetainedExamples are those of one command, or of all.
func inspectRetainedExamples(command string) []manRow {
	all := []manRow{
		{"mqtk inspect retained ls mqtt://broker 'plant/#'", "List what is retained below plant/"},
		{"mqtk inspect retained ls -h broker --json | jq .topic", "Print the topics alone"},
		{"mqtk inspect retained tree --depth 2 mqtt://broker", "Count the messages below the first two levels"},
		{"mqtk inspect retained export mqtt://old --out kept.jsonl", "Write all of it to a file"},
		{"mqtk inspect retained import mqtt://new kept.jsonl --dry-run", "See what an import would publish"},
		{"mqtk inspect retained import mqtt://new kept.jsonl", "Bring it to another broker"},
		{"mqtk inspect retained clear mqtt://broker 'test/#' --dry-run", "See what would be removed"},
		{"mqtk inspect retained diff mqtt://old mqtt://new 'plant/#'", "Compare two brokers; the exit code is 10 where they differ"},
		{"mqtk inspect retained diff kept.jsonl mqtt://broker", "See what has changed since an export"},
	}
	if command == "retained" {
		return all
	}
	return slices.DeleteFunc(all, func(r manRow) bool { return !strings.HasPrefix(r.term, "mqtk inspect retained "+command) })
}

func inspectProxyExamples() []manRow {
	return []manRow{
		{"mqtk inspect proxy mqtt://broker.local", "Watch clients that connect to port 1884 of this machine"},
		{"mqtk inspect proxy -h broker --fault 'drop type=PUBACK p=10%' --seed 7", "Lose a tenth of the PUBACKs, the same ones each time"},
		{"mqtk inspect proxy mqtt://broker.local --record today.mqtt --findings", "Keep all, and print only what is wrong"},
		{"mqtk inspect send mqtt://localhost -f today.mqtt", "Play what was recorded against another broker"},
		{"mqtk inspect proxy --listen ws://127.0.0.1:9001/mqtt --to mqtts://broker.local --cafile ca.pem", "Watch a WebSocket client of a broker that speaks TLS"},
		{"mqtk inspect proxy mqtt://localhost --fault 'delay 50ms..2s topic=plant/#; reset after-bytes=1000 client=sensor-* connection=1..3'", "Make one part slow, and reset some connections early"},
	}
}

func inspectAuditExamples() []manRow {
	return []manRow{
		{"mqtk inspect audit mqtt://localhost", "See which statements of the standard a broker breaks"},
		{"mqtk inspect audit mqtt://localhost --only 'MQTT-3.1.2-*' --only 4.7 --all", "Look at one part of the standard, at what is kept, too"},
		{"mqtk inspect audit mqtt://localhost --skip 3.1.1 --junit audit.xml", "Leave MQTT 3.1.1 out, and tell a build server"},
		{"mqtk inspect audit mqtts://broker.example.com -u me --password-from prompt --json", "Audit a broker that wants to know who asks, for a script"},
	}
}

func inspectTopExamples() []manRow {
	return []manRow{
		{"mqtk inspect top mqtt://broker", "Watch a broker until Ctrl-C"},
		{"mqtk inspect top -h broker | less", "Print the table once"},
		{"mqtk inspect top -h broker --json | jq '.values[\"clients/connected\"]'", "Pick a value for a script"},
	}
}
