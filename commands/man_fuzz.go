package commands

// What the man page of inspect fuzz says beyond the declarations.

func inspectFuzzNotes() []manSection {
	return []manSection{
		{
			heading: "FINDINGS",
			text:    `What the clients of a case do wrong is their business: the broker may refuse it, close the connection, or let it pass where the standard leaves it the choice. These are findings:`,
			rows: []manRow{
				{"crash", "the process of --broker has ended; or all connections are lost and no new one can be made"},
				{"hang", "the healthy pair, or a new client, waits for an answer longer than --patience"},
				{"rule-break", "the broker sent what a statement of the standard forbids, left PINGREQ of a client that did nothing wrong without an answer, or kept a connection open where a statement about just that packet says that it closes"},
				{"disturbance", "the healthy pair lost its connection or a message, or got one twice, changed, in another order, or of others; or a client that did nothing wrong is sent away"},
			},
		},
		{
			heading: "WHAT IS LEFT",
			text: `A finding is played again, against a broker that was started anew, and clients, steps, fields and bytes are left out as long as the same comes of it. What is left is a script in the language of mqtk inspect send, with the healthy pair in it where it matters; at the end it is played as inspect send does, and its header says whether it alone shows the finding. What does not come again alone is tried together with the cases before it. A rule-break or a hang that does not come again is told, and is no finding: it may be the pace of the machine, or what an earlier case left behind.

A seed and a version stand for the same cases as long as mqtk is the same. A finding that differs from another in nothing but values is counted with it. On a broker that was not started here, retained messages below fzSEED/ and sessions of client ids that begin with fzSEED are removed at the end.

With --json the report is one object: seed, versions, cases, steps, duration (seconds), stopped (why the run could not go on), doubtful (what did not come again), and findings with finding (one of the above), statement, detail, case, version, seen, steps_before, steps, reproduced, script_shows, cases_before, file and last_words.`,
		},
	}
}

func inspectFuzzExamples() []manRow {
	return []manRow{
		{"mqtk inspect fuzz --broker 'mosquitto -p {port}'", "Start a broker, and see for a minute whether it breaks"},
		{"mqtk inspect fuzz --time 1h --seed 7 --json mqtt://localhost:1884", "For an hour, against a broker that is there, for a script"},
		{"mqtk inspect fuzz --broker 'mosquitto -p {port}' --seed 7 --case 1234 -V 5", "Play one case of a seed again"},
		{"mqtk inspect send mqtt://localhost:1884 @mqtk-fuzz-7-1234.mqtt", "Play what was found"},
	}
}
