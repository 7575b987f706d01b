package commands

// aclNotes say how rules decide.
func aclNotes() []manSection {
	return []manSection{{
		heading: "RULES",
		text: `A file has the format of mosquitto's acl_file: a deny that matches wins, wherever it stands, then an allow. Lines before the first user line are about clients without a user name, those behind it about that user, and patterns about everybody.

Of a table the first row that matches decides, in the order of their ids.

%c and %u stand for the client id and the user name, in a table also ${clientid}, $clientId and ${username}. A name with + # / or NUL in it matches no pattern. In a table, eq before a topic makes it literal: it is that filter, or that topic, and neither wildcards nor placeholders count.

SUBSCRIBE is decided by the first rule that covers the whole filter. Where none does, it is granted if at least one topic that the filter matches may be read. Each message is asked about again before it is delivered, so that a filter never brings more than what may be read.

Where no rule matches, no_match decides, which denies unless it is set to allow.`,
		rows: []manRow{
			{"user NAME", "topic lines below are about this user"},
			{"topic [read|write|readwrite|deny] TOPIC", "a filter as it stands; readwrite where nothing else is said"},
			{"pattern [read|write|readwrite|deny] TOPIC", "a filter in which %c and %u are filled in, for everybody"},
			{"# TEXT", "a comment"},
		},
	}}
}

func aclExplainExamples() []manRow {
	return []manRow{
		{"mqtk serve acl explain --acl acl --user jane --client door --action publish doors/1", "May jane publish there, and which line says so?"},
		{"mqtk serve acl explain --acl acl --action subscribe 'sensors/#'", "What does a client without a name get of a filter?"},
	}
}

func aclLintExamples() []manRow {
	return []manRow{
		{"mqtk serve acl lint --acl acl", "Look for dangerous rules in a file"},
		{"mqtk serve acl lint --config /etc/mqtk.toml", "Look for dangerous rules in what the configuration names; the exit code is 10 if there are any"},
	}
}
