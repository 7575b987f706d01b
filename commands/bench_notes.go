package commands

import "mqtk/bench/crash"

// What the man page of bench crash says beyond the declarations.

func crashNotes() []manSection {
	return []manSection{crashStory(), crashJSON()}
}

func crashStory() manSection {
	return manSection{
		heading: "WHAT IS TESTED",
		text: `The clients are correct ones that live on while the broker is killed: they resume their sessions, resend what has no answer, and hold the packet identifiers of QoS 2. A message counts as acknowledged with PUBACK at QoS 1 and with PUBREC at QoS 2, a session and a will with CONNACK, subscriptions with SUBACK and UNSUBACK, a retained write with PUBACK or PUBCOMP. What has no acknowledgement may be there after a kill or not.

A kill comes at any moment of the load, half of them right after a burst of messages; some come while the broker starts, some while all clients resume. Before the broker was ready once, nothing is killed. The retained messages are read after each restart and at the end, sessions and subscriptions are looked for at the end. SIGKILL leaves the page cache alone, so that this is no test of what a power failure does.

Subscribers that are away come back before 400 messages wait for them, for brokers drop messages from some limit on. A broker in a container is killed only if the command after -- ends with it. What it keeps in a directory of its own, without {data}, is not put back: the test loads it and kills it in the middle of its work, and takes away at its end the sessions, and the retained messages under mqtk-crash/, that it made. A test that is broken off leaves them there.`,
		rows: []manRow{
			{"exit 3", "the broker did not come up in the first place, and what it printed last is shown; or something else than the command answers at its address: before the start, when nothing is loaded, or still after SIGKILL"},
			{"exit 10", "something is lost, twice, or wrong; or the broker did not come back after a kill"},
		},
	}
}

func crashJSON() manSection {
	s := manSection{
		heading: "JSON",
		text:    `With --json the report is one object on stdout; warnings and errors are objects on stderr. These keys count findings; all of them are 0 when ok is true:`,
	}
	for _, k := range crash.Kinds() {
		s.rows = append(s.rows, manRow{k.Key(), k.String()})
	}
	return manSection{s.heading, s.text, append(s.rows,
		manRow{"ok, complete", "nothing was found; the broker lived to be looked at in the end"},
		manRow{"seed, versions, seconds, kills, kills_at_start", "what the test was"},
		manRow{"acknowledged_qos1, _qos2, _retained, _sessions, _ends, _subscriptions, _unsubscriptions, _wills", "acknowledgements that were held against the broker"},
		manRow{"delivered, repeated_qos1, refused", "messages over all receivers; QoS 1 messages among them that had come before; publishes that were refused with a reason code"},
		manRow{"restart_median_ms, restart_max_ms", "from the start of the process to the first CONNACK, after a kill"},
		manRow{"examples", "at most five of each kind: objects with kind, client, topic, number, detail"},
		manRow{"notes", "what was left out, as text"})}
}

func crashExamples() []manRow {
	return []manRow{
		{"mqtk bench crash -- mqtk serve -p {port} --data {data}", "Hold mqtk to its promise"},
		{"mqtk bench crash --kills 200 --json -- mqtk serve -p {port} --data {data}", "Do so for some minutes, for a script"},
		{"mqtk bench crash -p 1883 -- mosquitto -c mosquitto.conf", "Test a broker whose configuration names the port and the data"},
		{"mqtk bench crash -- sh -c 'printf \"listener {port}\\npersistence true\\npersistence_location {data}/\\nallow_anonymous true\\n\" >{data}/conf; exec mosquitto -c {data}/conf'", "Let a shell write the configuration first"},
	}
}
