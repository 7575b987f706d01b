package commands

// What the man pages of pub and sub say about requests and replies.

func requestNotes() manSection {
	return manSection{
		heading: "REQUEST AND REPLY",
		text: `mqtk pub --request does what mosquitto_rr does: it subscribes where replies come, publishes the request with the response topic and correlation data, and prints what comes back. Without --response-topic it asks for replies at a topic of its own, which nobody else knows: below the Response Information of the broker, where that has one, else mqtk/reply/ and 12 random characters. A message with other correlation data, or a retained one, is no reply. With -l each line is a request, its replies come before the next one is sent, and a topic of our own gets a level more for each: a late reply to one is not taken for that to another. At a stated --response-topic a reply without correlation data counts for a single request, as with mosquitto_rr, and of -l for the first alone.

MQTT 3.1.1 cannot carry any of this: there --response-topic says where replies come, the responder must know it as well, and the first message there is the reply. It may be one to somebody else who asks with the same response topic, or a late one to the line before: give each requester a topic of its own.

Without -W and --gather the wait for a reply has no end. --replies says how many to wait for, --gather for how long to take what comes; too few of them end 27. Where the broker says that nobody has subscribed to the topic (at QoS 1 and 2, on MQTT 5.0), that is told at once; --require-subscriber ends 9 then.

mqtk sub --reply answers: to the response topic of each message, with its correlation data, at its QoS. It prints the requests as it does all messages. A command of exec: is run by the shell as it stands, eight at a time at most; what a message says is in its environment alone, never in its words: in the variables that --exec has, too (see COMMANDS). One that fails sends no answer; sub ends 9 if there was such a one, after a signal, too. What a command has printed when it ends is the answer, whatever it leaves running. Answers of its own are never answered: they name no response topic, and are not delivered to itself (No Local).`,
	}
}

func pubRequestExamples() []manRow {
	return []manRow{
		{"mqtk pub --request lights/7 status -W 5", "Ask, and print the reply that comes within five seconds"},
		{"mqtk pub --request discover hello --gather 2 -v", "Print all replies of two seconds, with their topics"},
		{"mqtk pub -V 311 --request lights/7 status -e lights/7/reply", "Ask as on MQTT 3.1.1, where both sides know the topic of replies"},
	}
}

func subReplyExamples() []manRow {
	return []manRow{
		{"mqtk sub 'lights/+' --reply text:off -v", "Answer each request the same"},
		{`mqtk sub 'math/#' -q 1 --reply 'exec:bc -l'`, "Answer with what a command makes of the payload"},
	}
}
