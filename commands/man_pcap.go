package commands

func inspectPcapNotes() []manSection {
	return []manSection{
		{
			heading: "FINDINGS",
			text:    `A finding is about a side and, where there is one, about a packet, by its number in the connection; the frame is its number in the capture, as Wireshark counts, and so is the number of a session (tcp.stream). What the standard leaves open is a note, at most.`,
			rows: []manRow{
				{"violation", "a statement of the standard was broken; it is named by its number, or by its section if it has none"},
				{"unanswered", "an answer that must come has not come before the connection or the capture ended"},
				{"retransmission", "a packet was sent again, as the standard allows"},
				{"silence", "a keep-alive was missed"},
				{"gap", "bytes that the capture lacks: what depends on them is not judged"},
				{"note", "worth knowing, and nobody's fault"},
			},
		},
		{
			heading: "WHAT A CAPTURE CANNOT SHOW",
			text: `What a session carries from one connection to the next is followed for all connections to one address, so the capture should hold all connections of these clients; where it does not, --apart judges each connection by itself. Times are those at which packets passed the place where the capture was made: at the broker, the hand-shakes of a client show the network as well, those of the broker do not.

TLS is decrypted with the secrets that one side has written, for TLS 1.0 to 1.3: mqtk writes them with --tls-keylog FILE, Node.js with --tls-keylog=FILE, mqtk, Python, curl and browsers to the file that SSLKEYLOGFILE names. Without them, or where the beginning of a connection is missing, it is said which connection could not be followed. Secrets that a pcapng file carries itself are used.

A connection is taken for MQTT when it begins with a CONNECT, or has the port 1883 or 8883 or one that --port names, or is a WebSocket for MQTT. One that began before the capture is followed from the first whole packet on.`,
		},
		{
			heading: "JSON",
			text: `A line of --json has a kind: packet (with --packets), finding, session, connection (one that could not be followed), and at the end summary. Times (ts, began) are RFC 3339 in UTC, durations (since_start, after, duration, p50, p99, max) seconds.

packet: session, packet, frame, ts, since_start, from, client_id, version, type, text, reasons, fields (key, value), size, answers (the packet that it answers), after. finding: finding (one of the above), session, client_id, packet, frame, ts, since_start, side, statement, detail. session: client_id, client, server, inside, version, midway, began, duration, ending, packets_from_client, packets_from_server, tcp_retransmissions_of_client, tcp_retransmissions_of_server, findings (a count for each kind). summary: sessions, packets_from_clients, packets_from_servers, tcp_retransmissions, duration, findings, connections, not_followed, handshakes (count, p50, p99, max for each kind).`,
		},
		textFormNotes(),
	}
}

func inspectPcapExamples() []manRow {
	return []manRow{
		{"mqtk inspect pcap night.pcapng", "Report on the MQTT sessions of a capture"},
		{"mqtk inspect pcap --packets --client boiler night.pcapng", "List what one client and the broker said to each other"},
		{"mqtk inspect pcap --findings --json night.pcapng | jq 'select(.statement)'", "Take the statements that were broken out of it"},
		{"sudo mqtk inspect pcap -i any --packets", "Watch MQTT on all interfaces of this machine"},
		{"ssh gateway tcpdump -i eth0 -U -w - port 1883 | mqtk inspect pcap --packets -", "Watch it on another one"},
		{"mqtk inspect pcap --tls-keylog keys tls.pcap", "Look into TLS with what a client has written by --tls-keylog keys"},
	}
}

func pcapEnvironment() []manRow {
	return append([]manRow{{"SSLKEYLOGFILE", "as for --tls-keylog, if there is such a file"}}, colourEnvironment()...)
}
