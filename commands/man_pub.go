package commands

func pubNotes() []manSection {
	return []manSection{
		{heading: "MESSAGES AS LINES", text: `With --jsonl each line of stdin is a message as sub --json writes it, or mosquitto_sub -F %j: topic, payload (text, or JSON as it stands) or payload_b64, qos, retain and properties. What else stands in a line tells how the message came, and is passed over (but a line of mosquitto_sub whose payload is shorter than its payloadlen, cut at a NUL, is refused), as are topic aliases and subscription identifiers, which belong to one connection. So

  mqtk sub -L mqtt://one '#' --json | mqtk pub -L mqtt://two --jsonl

copies what is published on one broker, and what it retains, to another: payloads of any bytes, QoS, retain, all properties, user properties in their order, and what is left of the expiry. An empty retained message, which clears what is retained, is copied likewise: where retained messages are moved (sub --remove-retained), stop what copies live messages from there, or give its sub --where 'size>0'; else it clears them on the other broker, too. Flags stand in the place of what the lines say: -t sends all to one topic (or several), -q and -r set QoS and retain (--retain=false clears it), and the flags for properties replace those of the same name; user properties are added.

A line that is no message ends pub, which says its number and how many were published before it: exit status 9, or 1 where there were none. Nothing behind it is sent. With --skip-bad such lines are left out: the first ten are told, all are counted, and the exit status is the same at the end. That holds for --key-delim, --decode, --template and --replay, too.`},
		{heading: "PROGRESS", text: `On a terminal, where more than one message is published and nobody types them, a line on stderr tells after a second how many the broker has taken, how many in a second (of the last five), how many it has not acknowledged, and how many there are or how much of a file is read (one of 4 MiB or more) where that is known. It is gone at the end. There is none in a pipe or a file, with --quiet or --debug, with NO_COLOR, or where TERM is dumb.`},
		{heading: "REWRITING TOPICS", text: `--rewrite FILTER=TOPIC gives messages whose topic matches the filter another one. What the wildcards + and # of the filter stood for goes where those of TOPIC stand, in their order: with 'site/+/#=+/raw/#', site/7/a/b becomes 7/raw/a/b. '#=copy/#' puts everything under copy. Where there are several, the first that matches counts; other topics stay as they are, and a rule that matched none is told on stderr at the end. The filter ends at the first =.`},
		{heading: "RECORDINGS", text: `--replay publishes the messages of a file that sub --record or sub --json has written, with the time between them that was between them then, by ts or, in lines of mosquitto_sub, tst. The times are planned from the first message on: what is late catches up. --speed 10 takes a tenth of the time, --speed max none. --from and --to choose a part, by times or by offsets from the first message of the recording. Where they leave no message of a recording, pub says so and ends 1. A line at whose end a crash has torn the file is left out, and said.`},
		{heading: "WHAT THE BROKER GRANTS", text: `On MQTT 5.0 the broker says while connecting what it takes. A message beyond that is not sent, told as refused, and ends pub 9 (the others are sent): a QoS above its Maximum QoS, --retain where it retains nothing, a packet above its Maximum Packet Size, a --topic-alias above its Topic Alias Maximum. QoS and properties of --jsonl and --replay are those of another broker, so they give way: the QoS is lowered to what there is, and on 3.x the properties are left out, which is said once.`},
		{heading: "TEMPLATES", text: `In the text of --template what stands between {{ and }} is worked out for each message: a name, a function with its arguments, and functions behind a bar, which take the value before it as their last argument. Arguments are names, numbers, texts in double quotes, and more of the same in parentheses. With -l and the other flags that publish parts of stdin, .line is the part; with -m, -f and -s it is the message; without any of them there is none, and asking for it is refused. {{.n}} in a numbered stream is what sub --seq looks for.`,
			rows: []manRow{
				{".n", "number of the message, from 1"},
				{".line", "the text that the source gives"},
				{".now", "the time in RFC 3339"},
				{".unix, .ms, .ns", "the time in seconds, milli- and nanoseconds since 1970"},
				{`time "FORMAT"`, "the time, with the letters of strftime(3)"},
				{`env "NAME"`, "a variable of the environment; without it nothing is published"},
				{"json VALUE", "a text in quotes, as JSON has it"},
				{`field N "," TEXT`, "the n-th part of a text, from 1"},
				{`printf "FORMAT" VALUE...`, "values as %d, %05d, %.2f, %s, %x and so on print them"},
				{"add, sub, mul, mod A B", "arithmetic; a text that is a number counts as one"},
				{"random LOW HIGH", "a whole number between the two or one of them; any number where one has a point"},
				{`choose "A" "B"...`, "one of them"},
				{"uuid", "a random UUID"},
			}},
	}
}

func pubExamples() []manRow {
	return []manRow{
		{"mqtk pub sensors/door open -q 1 -r", "Publish at QoS 1, retained"},
		{"mqtk pub sensors/door -n -r", "Clear a retained message"},
		{"seq 9 | mqtk pub numbers -l -q 2", "Publish each line, exactly once"},
		{"mqtk pub -h broker.example -u ada --password-from env:SECRET -f photo.jpg camera/1", "Publish a file, with a password that ps does not show"},
		{"mqtk pub -L mqtts://broker.example sensors/door open --cert me.pem --key me.key", "Publish over TLS, with a certificate of our own"},
		{"mqtk pub orders '{\"id\":7}' --response-topic replies --correlation-data 7 --content-type application/json", "Publish a request with its MQTT 5.0 properties"},
		{"mqtk pub heartbeat --template '{\"n\":{{.n}},\"t\":{{.unix}}}' --repeat inf --rate 1", "Publish a message each second, numbered, until Ctrl-C"},
		{"printf 'a/temp 21.5\\na/door open\\n' | mqtk pub --key-delim ' '", "Take the topic of each line from its front"},
		{"mqtk sub -h one '#' --json | mqtk pub -h two --jsonl --rewrite '#=one/#'", "Copy from one broker to another, under a topic of its own"},
		{"mqtk pub --replay monday.jsonl --speed 10 --from 2026-11-23T08:00:00Z", "Publish a recording again, ten times as fast"},
		{"mqtk pub alarm fire --require-subscriber", "Fail where nobody listens"},
	}
}
