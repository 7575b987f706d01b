package commands

import "mqtk/bench"

// What the man pages of bench say beyond the declarations.

func benchNotes() []manSection {
	return []manSection{benchShapes(), benchTerms(), benchTruth(), benchLimit(), benchSideBySide(), benchObjectives(), benchJSON(), benchExits()}
}

func benchEndNotes() []manSection {
	return []manSection{benchTerms(), benchTruth(), benchLimit(), benchObjectives(), benchJSON(), benchExits()}
}

func benchConnNotes() []manSection {
	return []manSection{connShapes(), benchLimit(), benchObjectives(), benchJSON(), benchExits()}
}

func benchShapes() manSection {
	return manSection{heading: "SHAPES", text: "What --shape names. With -c N there are N publishers and N subscribers, unless it says otherwise; --pubs and --subs win.", rows: []manRow{
		{"pairs", "publisher i sends to subscriber i, on a topic of their own"},
		{"fan-in", "N publishers, each on its topic, to one subscriber of all"},
		{"fan-out", "one publisher to N subscribers of one topic"},
		{"shared", "N publishers to the N members of one shared subscription, of which one gets each message (MQTT 5.0)"},
		{"retained", "messages are stored as retained, each on its topic, and then brought to those who subscribe; both parts are phases with a rate of their own"},
		{"offline", "sessions subscribe and go away, messages are queued for them, they come back and drain their queues; both are phases"},
	}}
}

func connShapes() manSection {
	return manSection{heading: "SHAPES", rows: []manRow{
		{"ramp", "connections are made at --connect-rate, or as fast as they are answered, and held idle for --hold"},
		{"churn", "connections are made and ended all the time, for --duration"},
		{"storm", "connections are held for --hold, lost all at once, and all made again at once"},
	}}
}

func benchTerms() manSection {
	return manSection{
		heading: "WHAT IS MEASURED",
		text: `Nothing counts of the warm-up, which is traffic like that of the test and ends with a moment in which all that is under way arrives, nor of taking down the connections. The measured time goes from its first moment to the last delivery; messages a second are those delivered, divided by it.

With --rate the load is an open loop: message k is planned for the start plus k/RATE, whatever the broker does. What could not be sent in time, since the window was full or the network took no more, is sent as soon as that ends, and its latency counts from the planned time. A broker that stands still for 200 ms so shows in the latency of every message that was due meanwhile, as it would to users. A load generator that waits for the broker and then goes on leaves these out (coordinated omission).

Without --rate it is a closed loop: each publisher sends as fast as its bounds allow. The latency is then that of a broker under all the load it takes, is mostly the time in queues, and says little about a lower rate; the report says so.`,
		rows: []manRow{
			{"planned time", "when the schedule of --rate has a message sent"},
			{"latency", "from the planned time to the receiving; in a closed loop from the sending"},
			{"service time", "from the actual sending to the receiving"},
			{"window", "how many messages of one publisher may wait for their PUBACK or PUBCOMP: --window, and no more than the broker's Receive Maximum"},
			{"outstanding", "how many messages of one publisher may be sent and not yet received, in a closed loop: --outstanding"},
			{"settle, wait", "what the live status calls the wait for what is under way, behind the warm-up and at the end; bench sub first listens, until something comes, and then receives"},
			{"lag", "how late the generator itself was to send, with nothing else to hold it up"},
		},
	}
}

func benchTruth() manSection {
	return manSection{
		heading: "WHAT IS PROVEN",
		text: `Each payload carries the run, its publisher, a number and a time, 16 bytes, and then bytes that are compared. Whatever a receiver is due and does not get within --patience of the last delivery is lost. lost, duplicated and reordered count each case, whether the protocol allows it or not. These are failures, and end 10: a loss at QoS 1 or 2, a duplicate at QoS 0 or 2, messages out of order at any QoS, a payload that is not what was sent, and sums that do not add up: sent is acknowledged, refused and unacknowledged together, expected is delivered and lost together.

A loss at QoS 0 is allowed, and counted. A duplicate at QoS 1 is allowed, and counted. Of a shared subscription each message is due once in the group, and order holds for each member.`,
	}
}

func benchLimit() manSection {
	return manSection{
		heading: "WHEN THE GENERATOR IS THE LIMIT",
		text: `The generator watches its own threads: how busy they are, how long they wait for a processor, and how late they send what nothing else holds up. Where it was the limit, and not the broker, the report says so, and why: the broker can do more than the figures tell. Where it was late, but has sent at the rate of --rate all the same, the rate is not limited, and the report says by how much the latencies hold its own lateness; limited_by_generator is true then, too. More --workers, another machine, or a broker on another machine help. A broker in this process, or on this machine, shares the processors with it.

Before it starts it looks whether the system has room for as many connections: open files, ports for each address of this side, memory. Where it has not, it says the command that makes room, and ends 1. One address of this side has room for some 28,000 connections to one address and port; --bind takes more of them, and the whole of 127.0.0.0/8 is there on Linux.`,
	}
}

func benchSideBySide() manSection {
	return manSection{
		heading: "SIDE BY SIDE",
		text: `With two or more --broker, each row of --rows is measured by turns: all brokers of it are started, each run of one is followed by one of another, every other round goes the other way round, and then they are stopped (TERM, and KILL after 5 seconds). All speak the newest MQTT that each of them speaks. A run takes 3 seconds unless --duration says otherwise. The table tells the medians, how many times faster than each other broker the first is, and how many times less CPU time it takes for a message, with the interval that holds the true factor in 95 of 100 such comparisons; a factor below 1 is the other way round. In JSON, ratio is the figure of the first divided by that of the other.

The CPU time for a message is the figure to trust on a machine that does other things as well. A rate is that of the broker only where the generator was not the limit, which the table marks.`,
	}
}

func benchObjectives() manSection {
	return manSection{
		heading: "OBJECTIVES",
		text:    `NAME OP VALUE, with commas between: p99<10ms,lost=0. NAME is one of the figures under JSON, OP one of < <= > >= = and !=. VALUE is a number with its unit: us, ms or s for a time (without one it is µs), k or M, or none, for counts and rates, kB, MB or GB for bytes; with % it is a share, as in lost<0.1% (of expected) or delivered_per_second>=99% (of --rate).`,
	}
}

func benchJSON() manSection {
	s := manSection{
		heading: "JSON",
		text:    `With --json the report is one object on one line, at the end, on stdout; warnings and errors are objects on stderr, and how the run stands is told on a terminal alone. What is not known is null, never a 0: what nobody here receives, say, or the broker's CPU time without --pid. Figures of a histogram stand in its object, as latency_us.p99; objectives call those of the latency p50, p99, p99_9 and so on, the others acknowledge_p99, service_p99, connect_p99. Besides the figures there are what was asked for (shape, qos, publishers, rate ...), phases, series (a point for each second), failures, objectives, notes, interrupted (a signal or -W ended the run), ok (it came to its end, no promise was broken and every objective kept), environment, and runs with --repeat. Of a run that did not take place no figure is known, and the failure not_run says why. The figures:`,
	}
	for _, m := range bench.Metrics() {
		text := m.Text
		if m.Unit != bench.UnitCount && m.Unit != bench.UnitTruth {
			text += " (" + m.Unit + ")"
		}
		s.rows = append(s.rows, manRow{m.Name, text})
	}
	return s
}

func benchExits() manSection {
	return manSection{heading: "HOW IT ENDS", text: "All output is printed before.", rows: []manRow{
		{"0", "the run took place, and no promise was broken"},
		{"3, 4, 5, 6", "the broker was not reached, or did not let us in"},
		{"6, 9", "what was published or subscribed to was refused: all of it, some of it"},
		{"8", "connections ended that should have lasted, and nothing else is wrong"},
		{"10", "a promise was broken, an objective of --expect missed, that of --slo never met; of bench compare, a figure is worse"},
		{"27", "the time of --timeout ran out; what was measured until then is printed"},
		{"130, 143", "SIGINT or SIGTERM ended the run; what was measured until then is printed. A second one ends at once"},
	}}
}

func benchExamples() []manRow {
	return []manRow{
		{"mqtk bench", "Measure mqtk's own broker, in this process, at full speed"},
		{"mqtk bench -p 1883 --rate 2000 -q 1", "See the latency of the broker on this machine at 2000 messages a second"},
		{"mqtk bench -p 1883 --rate 2k -q 1 --expect 'p99<10ms,lost=0'", "Let a pipeline fail, with code 10, if it is too slow"},
		{"mqtk bench -p 1883 --find-max --slo 'p99<10ms,lost=0' --html curve.html", "Find the highest rate that it keeps up with, and draw the curve"},
		{"mqtk bench --shape fan-out -c 1000 -q 1 -n 5000 --pid 4711", "Send 5000 messages to 1000 subscribers, and watch what the broker, process 4711, takes"},
		{"mqtk bench --broker 'mqtk serve -p {port}' --broker 'mosquitto -p {port}'", "Put two brokers side by side"},
		{"mqtk bench -p 1883 --repeat 5 --json > before.json", "Save runs, to compare others with"},
		{"mqtk bench compare before.json after.json", "Tell whether a change made it better or worse"},
		{"mqtk bench conn -c 50000 -R 2000 -A 127.0.0.2-127.0.0.5 -p 1883", "Make and hold 50000 connections from four addresses"},
	}
}

func benchPubExamples() []manRow {
	return []manRow{
		{"mqtk bench pub -h broker.example --rate 5k -q 1 -c 50", "Publish 5000 messages a second from 50 clients"},
		{"mqtk bench pub -h broker.example -n 1M -s 16-1024 -t load/%i", "Publish a million messages of all sizes, on topics load/0, load/1 ..."},
	}
}

func benchSubExamples() []manRow {
	return []manRow{
		{"mqtk bench sub -h broker.example -c 50 -q 1 -z 30", "Receive for half a minute what bench pub sends"},
		{"mqtk bench sub -h broker.example -t load/%i --topics 10 --json", "Receive from topics load/0 to load/9"},
		{"mqtk bench sub -h broker.example -c 1 -t 'load/#'", "Let one subscriber receive all of it"},
	}
}

func benchConnExamples() []manRow {
	return []manRow{
		{"mqtk bench conn -p 1883 -c 10000 -R 1000 --hold 60 --pid 4711", "See what 10000 idle connections cost the broker"},
		{"mqtk bench conn -p 1883 --shape churn -c 100 -z 30", "Connect and disconnect for half a minute"},
		{"mqtk bench conn -p 1883 --shape storm -c 5000", "Lose 5000 connections at once, and see how long they take to be back"},
	}
}

func benchCompareNotes() []manSection {
	return []manSection{{
		heading: "VERDICTS",
		text:    `Each figure of which more or less is better is compared by the runs of --repeat: the medians, how many times the first the second is, and the interval that holds the true factor in 95 of 100 such comparisons. With fewer than three runs on either side the verdict is that it cannot tell. Of figures that say the same, one is judged, since each more is a chance of a false alarm; --figures chooses others. What was run with another test (shape, rate, sizes, clients ...) is no comparison, and refused, unless --anyway is given. What was run on another machine is compared, and the difference named.`,
		rows: []manRow{
			{"same", "the whole interval lies within the threshold"},
			{"better, worse", "the whole interval lies on one side of 1, and the ratio beyond the threshold"},
			{"unclear", "the runs do not tell; more of them might"},
			{"-", "the figure is shown and decides nothing"},
		},
	}}
}

func benchCompareExamples() []manRow {
	return []manRow{
		{"mqtk bench compare before.json after.json", "Tell what has changed"},
		{"mqtk bench compare --threshold 10% main.json branch.json --json", "Let a pipeline fail where a figure is worse by more than a tenth"},
	}
}
