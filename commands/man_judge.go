package commands

// What the man page of sub says about conditions and expectations.

func conditionNotes() manSection {
	return manSection{
		heading: "CONDITIONS",
		text: `An EXPR of --where is a question about a message. A field stands on the left, a value on the right: payload.temp>30, topic~^a/, user.room=kitchen. Questions joined by && (or the word and) must all hold, of those joined by || (or) one is enough, ! (not) turns a question round, and parentheses group. An EXPR belongs in single quotes: < > & | and ( mean something to a shell.

Compared is as numbers where the right side is one, and as text otherwise: payload.n=30 holds of 30, of 30.0 and of the text "30"; in quotes, as in payload.version="1.10", a number is a text. What is not there is equal to nothing, less than nothing and matches nothing; a!=b holds exactly where a=b does not. A regular expression matches anywhere unless ^ and $ bind it; (?i) before it ignores case. A value with blanks, && or || in it needs quotes.

Of retained messages only those that were stored before the subscription have retain, unless --retain-as-published (or --json) asks the broker to leave the mark on live ones.`,
		rows: []manRow{
			{"payload", "the payload as text or number; alone: it is not empty"},
			{`payload.a.b, payload.list[0], payload["odd name"]`, "a part of a payload that is JSON, [-1] being the last element; alone: it is there, and neither false nor null"},
			{"topic, topic[0]", "the topic, or one of its levels, [-1] being the last"},
			{"qos, size", "a number; size is the length of the payload in bytes"},
			{"retain, dup", "alone, or compared with 1, 0, true or false"},
			{`user.NAME, user["odd name"]`, "a user property; of several that are named alike one is enough"},
			{"content-type, response-topic, correlation-data, message-expiry-interval, payload-format-indicator, subscription-identifier", "a property of the message"},
			{"= != < <= > >=", "equal (== is the same), not equal, less, ..."},
			{"~ !~", "matches the regular expression (=~ is the same), does not"},
		},
	}
}

func expectNotes() manSection {
	return manSection{
		heading: "EXPECTATIONS",
		text: `With --expect sub judges what comes, says so on stderr and in the files of --report, and ends with 0 if all is as expected and with 10 if not. An EXPR is one of those below; each may have within TIME behind it (5s, 250ms, or seconds), which counts from the moment that the broker has granted the subscription. Judged are the messages that are printed: what -T, -R, --grep or --where leaves out is not there.

sub ends with the first expectation that fails; or as soon as every message that is waited for has come and every within is over; or with -C, -W or --idle, whose end is the end of what is judged and, with --expect and --seq, no failure. Only a -C that is not reached when the time of -W runs out still ends with 27. never, every and count<N hold up to an end: there must be one, or something beside them that is waited for. With within they hold up to that time, and fail where -C or --idle ends the run before it. A signal leaves undecided what is not known yet, and ends with 130 or 143; so does a connection that is lost when time should judge, with 8.`,
		rows: []manRow{
			{"CONDITION, any CONDITION", "some message is like this: see CONDITIONS; any alone is any message at all"},
			{"every CONDITION", "all are, and there is one at least"},
			{"never CONDITION, never", "none is; no message comes at all"},
			{"count>=3, count>3", "so many messages: known as soon as they are here"},
			{"count=3, count<3, count<=3, count!=3", "so many and no more: known at the end. count=3 is over with the third message where no within, -W, -C or --idle gives time for a fourth"},
			{"count(CONDITION)>=3", "so many that are like this"},
			{"order", "the conditions of the others, without every, never and count, are met in the order in which they are given, by a message each; one that is like a later condition before its turn fails it"},
		},
	}
}

func sequenceNotes() manSection {
	return manSection{
		heading: "NUMBERED STREAMS",
		text:    `With --seq each message has a number, one more than the one before on the same topic: at the start of the payload, as seq 1 1000 | mqtk pub -l makes them, or in the FIELD given, as in --seq payload.n or --seq user.n. What is missing, comes twice, late, or without a number is said on stderr when it is noticed (20 times at most, then it is counted) and makes sub end with 10. A publisher that begins anew with 0 or 1 is said to do so. A message that the broker marks as sent again (DUP at QoS 1) may come twice. Stored messages that come with the subscription are no part of a stream; with --json, which cannot tell them apart, -R leaves them out.`,
	}
}

func judgeExamples() []manRow {
	return []manRow{
		{"mqtk sub 'sensors/#' -v --where 'payload.temp>30'", "Show those whose JSON payload says more than 30"},
		{"mqtk sub '#' -v --grep '(?i)error'", "Show those that speak of errors"},
		{"mqtk sub door --expect 'payload=open within 5s'", "Fail with 10 unless the door says open within five seconds"},
		{"mqtk sub 'jobs/#' -W 60 --expect 'count>=3' --expect 'never payload.error' --report junit=jobs.xml", "Test a system in CI: three messages within a minute, no error among them, and a report"},
		{"mqtk sub -c -i ci -q 1 door -W 5 --expect payload=open", "Test without a race: where the same command with -E instead of --expect ran before, its session is there before the message, which waits in it"},
		{"mqtk sub door --expect payload=open --expect payload=shut --expect 'order within 10s'", "Expect one after the other"},
		{"mqtk sub numbers -q 1 --seq -C 1000", "Check that none of a thousand numbered messages is missing, comes twice or late"},
	}
}
