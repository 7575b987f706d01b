package commands

// What the man pages of inspect send, proxy and probe say of --json.

func inspectSendJSON() manSection {
	return manSection{heading: "JSON", text: `A line of --json is a packet or, behind each script, its outcome. A packet has since_start (seconds), connection, from (client or server), type and text, or hex where the bytes are no packet, or end for the end of a connection; error for what is wrong with it, and findings (statement, detail) for what it breaks. An outcome has outcome (pass, fail or skip), title, version, steps, duration (seconds), and of a script that was not met step, line, expected and got.`}
}

func inspectProxyJSON() manSection {
	return manSection{heading: "JSON", text: `A line of --json has a kind, ts (RFC 3339) and connection. The kinds are opened (with the client's address), refused, packet, bytes (that are no packet), data, missed (bytes that passed unseen), closed and over. A packet has from (client or server), packet (its number), version, type, text (without secrets) or hex, size, and of an answer answers (the packet that it answers) and after (seconds). faults are those that touched it, and passed_on tells that it is what they left of it, on its way to the other side. error is why a connection ended, and findings (finding, side, statement, detail, packet) are what breaks the standard.`}
}

func inspectProbeJSON() manSection {
	return manSection{heading: "JSON", text: `With --json there is one object: url, duration (seconds) and facts, by section and key. A fact has value, which is true, false, a number, a text, a list or null where it could not be found out; at_least where no more was tried; announced, what the CONNACK says, and implied where it says so by saying nothing; and note, which is for people and may be another one each time. Times have min_ms, median_ms, max_ms and rounds. Of two brokers a and b are the URLs, and differences a list with section, key, and the facts a and b.`}
}
