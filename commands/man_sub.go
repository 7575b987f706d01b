package commands

// What the man page of sub says beyond its flags, but for FORMAT and JSON.

func subNotes() []manSection {
	return []manSection{subEndNotes(), subLiveNotes(), subFilesNotes(), subExecNotes(), subPackedNotes()}
}

func subEndNotes() manSection {
	return manSection{
		heading: "THE END",
		text:    `Without a flag that says otherwise sub goes on until a signal, or until nobody reads its output. Several ends may be given: the first that comes is it. Messages that are left out (--filter-out, --no-retained, --random-filter and the like) count for none of them.`,
		rows: []manRow{
			{"-C N", "after N messages"},
			{"-E", "once the broker has granted the subscriptions; no message is taken, so that those of a session stay in it"},
			{"--idle TIME", "when no message has come for a time, from the subscription or the last message on; what is on its way then is waited for, and while there is no connection the time does not run. The code is 0, also where -C asked for more"},
			{"--until-retained-end", "when all retained messages have come. To know that, sub retains a message below mqtk/retained-end/, subscribes to it behind the other filters, waits for it, and removes it; where that is not possible it expires after 60 seconds, with MQTT 5.0 (on 3.1.1 it stays where sub was killed in that moment: mqtk inspect retained clear takes it away). Where the broker does not let us, one second of silence is taken for the end, and that is said on stderr. Live messages that come meanwhile are printed, unless --retained-only leaves them out. A broker may bound what waits for one subscriber at QoS 1 and 2 (which --json and --record ask for) and drop the rest without a word, as mosquitto does beyond some 1,000 messages unless its max_queued_messages says otherwise: mqtk inspect retained export asks for them in portions"},
			{"--retained-only", "with the first message that is not retained; with --until-retained-end these are left out instead"},
			{"-W TIME", "when the time is up, with code 27"},
		},
	}
}

func subLiveNotes() manSection {
	return manSection{
		heading: "LIVE VIEWS",
		text: `On a terminal -w keeps a line for each topic, and --tree one for each level of the topics: how many messages have come, how many in a second (of the last five), and the last payload. A level counts what comes below it, too. Where the terminal has too few columns, the rates are left out, then the counts. What is told on stderr stays above.

Where it has too few lines, the topics that have changed last are shown. With -w a topic keeps its row as long as it has one; a topic that has none and changes takes the row of the one that has been quiet for the longest time, of those that have had theirs for a second at least. The last line counts those that are not shown. --tree folds what it has no room for, as home/…, or has a row … for the rest of a branch; the room is spread over the branches, and those that have changed last are the first to be opened, for five seconds at least. -w remembers the last 65536 topics, --tree as many levels, the first ones; if there have been more topics, the last line says so with "at least".

In a pipe or a file, with NO_COLOR, or where TERM is dumb, nothing is written over: -w prints what -v prints, and --tree prints the tree once, at the end.

Where the messages go to a file (>, --out, --record) or to a command (--exec), a line on stderr tells after a second how many have come, how many in a second, and how many bytes, if stderr is such a terminal and nobody has asked for --quiet or --debug. It is gone at the end, and no part of what is told.`,
	}
}

func subFilesNotes() manSection {
	return manSection{
		heading: "FILES",
		text:    `With --out or --record nothing is printed on stdout, unless --record or the folder of --out stands beside a flag that says how to print (-v, -F, --json, --pretty, -w). Files are appended to, never emptied; nothing is rotated but by a time in the name.`,
		rows: []manRow{
			{"--out FILE", "what would be printed, as -v, -F, --json and -N say, is appended to the file"},
			{"--out NAME, with % or @ in it", "each message is appended to the file that it names: % and @ stand for parts of the message and of the time, as in FORMAT. log/@F.txt is a file for each day, log/%t.txt one for each topic, log/%{payload.room}.txt one for each value of a payload that is JSON; %% and @@ are the characters themselves; a file that is there, and folders that are, are taken as they stand"},
			{"--out FOLDER", "in a folder (one that is there, or a name with a / at its end) each topic is a file that holds its last payload, byte for byte, and is replaced in one step, by way of %new.PID (one that a killed process has left is taken away by the next start). Where a and a/b are both topics, the payload of a is in a/%payload"},
			{"names", "a level of a topic is a folder, and no name leads out of the folder that was given: characters that a file name cannot hold, or should not, are %XX as in a URL, a dot at the beginning or end of a level among them; an empty level is %, and of a very long one the end is a hash. A message that no file can be made for is told on stderr, and the code is 9"},
			{"--record FILE", "each message is a line of --json (see JSON), with the time of receipt in nanoseconds, for pub --replay. Lines are written whole, so that several processes may write one file. Part of a line at its end, which a crash can leave, is taken off first"},
		},
	}
}

func subExecNotes() manSection {
	return manSection{
		heading: "COMMANDS",
		text: `--exec runs its COMMAND by the shell (/bin/sh -c, on Windows cmd /C) for each message, with the payload on stdin; what it prints goes to our stdout. Topics and payloads are never put into the command: they are in variables, so quote those as "$MQTK_TOPIC".

Commands run one after the other, in the order of the messages; while one runs, nothing more is read, and at QoS 1 and 2 a message is acknowledged when its command has ended, whatever its code. So sub -c -i worker -q 1 jobs --exec ./work is a worker that loses no job: where sub ends meanwhile, the message comes again. With --exec-jobs N commands run side by side, and messages are acknowledged as they begin. A command that does not end with 0 is told on stderr and counted, and the code is then 9. With -W, or a signal, a command that runs is sent SIGTERM, and after 5 seconds SIGKILL, with all that it has started; it counts as failed, unless its message comes again.`,
		rows: []manRow{
			{"MQTK_TOPIC, MQTK_QOS, MQTK_RETAIN, MQTK_DUP", "of the PUBLISH; retain and dup are 0 or 1"},
			{"MQTK_PAYLOADLEN, MQTK_MID", "length of the payload, and packet identifier at QoS 1 and 2"},
			{"MQTK_TS", "time of receipt, in RFC 3339 with nanoseconds"},
			{"MQTK_PROPERTY_CONTENT_TYPE, …", "properties, by their names in capitals; MQTK_PROPERTY_CORRELATION_DATA_B64, in base64, where the bytes are no text"},
			{"MQTK_USER_PROPERTY_NAME", "user properties, by their names in capitals, with _ for all but letters and digits; several of one name stand on lines of their own"},
			{"MQTK_LEFT_OUT", "how many properties there was no room for: a variable holds at most 120 KiB, and all of a message 512 KiB; else not there"},
		},
	}
}

func subPackedNotes() manSection {
	return manSection{
		heading: "COMPRESSION",
		text:    `A payload that the user property content-encoding=gzip marks, as pub --gzip does, is unpacked for all that looks at it or prints it, and the mark is left out. With --json and --record, and formats with %j or %J, it stays as it came, mark and all, so that pub --jsonl and --replay send the very same message; --where, --grep and the like look at what is in it nevertheless. MQTT 3.1.1 and 3.1 have no user properties: there a payload that begins as gzip does stays as it is, which is said once, unless --gunzip unpacks it. What cannot be unpacked, or would be more than 64 MiB, stays as it is, and that is said on stderr.`,
	}
}
