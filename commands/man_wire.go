package commands

// What the man pages say on commands that look at packets.

func inspectDecodeNotes() []manSection {
	return []manSection{
		{
			heading: "BYTES",
			text: `With --bytes a line is OFFSET BYTES NAME VALUE, eight bytes at most; what stands further to the right is a part of what is above it. The bits of a byte stand below it, as 1, 0 and dots for those of others. An arrow, <--, stands where the bytes are wrong, and says why. Names are those of the text form where it has one.

With --json a packet is an object: offset, size, version, type, text, reasons, fields (key, value), hex, missing; of one that is wrong, error with offset, name, statement, reason, reason_code and detail; with --bytes, bytes: a list of offset, size, name, value, bits (mask, name, value) and parts, which is such a list again.`,
		},
		textFormNotes(),
	}
}

// textFormNotes tell how a packet is put into words.
func textFormNotes() manSection {
	return manSection{
		heading: "TEXT FORM",
		text: `A packet in words is NAME [REASON ...] [KEY=VALUE ...]:

  CONNECT version=5 clean-start=1 keep-alive=60 client-id=sensor-7
  SUBSCRIBE packet-id=1 filter=rooms/+ qos=2 filter=doors/# no-local=1
  SUBACK GrantedQoS2 NotAuthorized packet-id=1
  PUBLISH topic=rooms/2 qos=1 packet-id=9 payload="21.5 °C"

Keys are the fields and properties of the standard, in small letters with hyphens; what is zero or absent is not written. qos, no-local, retain-as-published and retain-handling belong to the filter before them; the payload comes last. Reasons are names or numbers (0x87). A text that is empty or holds a blank, a quote, =, ; or | stands in double quotes, with escapes as in Go, or in backquotes, without. hex=00ff is a payload in hexadecimal digits, and -hex after a key is that for other bytes. A user property is user-property="name=value". # begins a comment.`,
	}
}

func inspectDecodeExamples() []manRow {
	return []manRow{
		{"mqtk inspect decode 30 08 00 03 61 2f 62 00 68 69", "Print the packet that these bytes are"},
		{"mqtk inspect decode --bytes packets.bin", "Say of each byte of a file what it is"},
		{"mqtk inspect decode -V 311 --from client - <dump.txt", "Hold a dump to what a client may send in MQTT 3.1.1"},
		{"mqtk inspect decode --encode 'PUBLISH topic=a/b qos=1 packet-id=7 payload=hi'", "Print the bytes of a packet"},
		{"mqtk inspect decode --encode --raw packets.txt | nc localhost 1883", "Send packets that are written in words"},
	}
}

// scriptNotes tell the language of scripts.
func scriptNotes() manSection {
	return manSection{
		heading: "SCRIPTS",
		text: `A step stands on a line, or several with ; between them. 1 is the number of a client and may be left out. A # at the start of a line or behind a blank begins a comment. A client's connection is opened when it first sends, and opened anew when it sends after an end, or CONNECT after DISCONNECT.

What is received must have all that its line says; more will do. KEY=* is any value, !KEY no value, KEY=6..8 a range, A|B either reason; user properties and subscription identifiers are all there are. Without a reason a CONNACK or an acknowledgement is a success, and * as reason is any. KEY=$NAME takes the value, or compares it where the variable has one; in a packet that is sent it gives it. A value that ends in *300 goes on with 300 letters x.

A file may hold several scripts, each below a line === TITLE. Below that, or at the beginning of a file without titles, # 5.0: and # 3.1.1: say in which versions it is played, in each of them where there are several.`,
		rows: []manRow{
			{"1> PACKET", "client 1 sends it"},
			{"1>+ PACKET", "the same, but in one write with the next"},
			{"1> EOF", "client 1 closes its connection"},
			{"1< PACKET", "client 1 receives it, and nothing before it"},
			{"1< A | B", "either of them"},
			{"1< ?PACKET", "it may come, or not; behind it stands what must come"},
			{"1<~ PACKET", "one of a group: the <~ lines that follow each other come in any order"},
			{"1|2< PACKET", "it comes to one of these clients, and is the next there"},
			{"1< EOF", "the broker closes the connection"},
			{"1< nothing 300ms", "nothing comes for so long"},
			{"1< anything 300ms", "whatever comes, until nothing does for so long"},
			{"+2.9s", "a wait"},
			{"+3s..4.1s", "what is received next comes so long behind the step before"},
			{"distinct $a $b", "these variables differ"},
			{"repeat n=1..9", "the lines down to a line end, with $" + "{n} in them"},
			{"hex=82 [0001 [] (\"a/b\") 03]", "bytes in place of a packet: pairs of digits and texts in quotes, \"x\"*300 repeats, (...) has its length in two bytes before it and [...] as a variable byte integer"},
		},
	}
}

func inspectSendExamples() []manRow {
	return []manRow{
		{"mqtk inspect send mqtt://host '> CONNECT; < CONNACK; > PINGREQ'", "See what a broker says"},
		{"mqtk inspect send -h host @session.mqtt --wait 10", "Play a file, and see for ten seconds what still comes"},
		{"mqtk inspect send -h host '1> CONNECT client-id=a keep-alive=1; 1< CONNACK; +1.4s..2.6s; 1< ?DISCONNECT; 1< EOF'", "Hold a broker to the keep alive"},
		{"mqtk inspect send -V 311 -h host '1> hex=10 [(\"MQTT\") 04 03 000A (\"a\")]; 1< EOF'", "Send a CONNECT with a reserved flag"},
		{"mqtk inspect send mqtts://host --cafile ca.pem -u me --password-from prompt @session.mqtt", "Play it over TLS, with a password"},
		{"mqtk inspect send mqtt://localhost -f record.mqtt --json", "Play what inspect proxy has recorded, as JSON"},
	}
}
