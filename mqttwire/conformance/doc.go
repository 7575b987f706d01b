// Package conformance is the standard as data: which statement of MQTT 5.0 and
// 3.1.1 is shown by what (clauses.tsv), and the scripts that show those of the
// server (scripts/*.mqtt), with the runner that plays them against any broker:
// in memory inside a testing/synctest bubble, or over the network.
//
// # The language
//
// A script is a conversation of arrows and time:
//
//	=== silent for one and a half times the keep alive: closed
//	# 5.0: MQTT-3.1.2-22
//	# 3.1.1: MQTT-3.1.2-24
//	1> CONNECT clean-start=1 client-id=${id} keep-alive=2
//	1< CONNACK Success
//	+2.9s
//	1> PINGREQ
//	1< PINGRESP
//	+3s..4.1s
//	1< ?DISCONNECT KeepAliveTimeout
//	1< EOF
//
// A file holds many scripts, each with its title and header. One step stands
// on a line, or several with ; between them. A # at the start of a line or
// after a space begins a comment.
//
// # The header
//
// These comments follow the title.
//
//	# 5.0: MQTT-3.1.2-22 s2.2.1-id-zero   run it in 5.0; the statements it shows
//	# 3.1.1:                              run it in 3.1.1 too, where it shows none
//	# mqtk: why                           it shows a choice of ours beyond the standard
//	# set: max_qos=1 receive_maximum=3    the settings that the broker must run with
//	# needs: users                        what the broker must have besides
//	# uses: retain shared                 without these, as CONNACK says, it is skipped
//	# frames: bytes                       it is about frames of WebSocket, see below
//	# each in out: 0 a | 1 b              a script for each row, ${in} and ${out} in place
//
// An id like s3.8.2.1.2-identifier-zero names a rule that has no number by its
// section. A script without a version runs in 5.0.
//
// A broker has "users" when it lets in alice with the password wonder and bob
// with build, and nobody else; "acl" when nobody may publish or subscribe to
// what is below secret/; "challenge" when it knows the authentication method
// TOY of auth.mqtt; "anonymous" when any name and password will do; "quiet"
// when nobody else uses it. It can be used without: qos1 qos2 retain wildcard
// shared identifiers alias.
//
// With # frames the packets go in WebSocket frames: bytes, each of their bytes
// in one of its own; parts, each write in a message of three frames with a ping
// between; text, what follows the first write in text frames; whole, each write
// in one; named, the same, and the server must have chosen the subprotocol mqtt.
// Without WebSocket the script is skipped.
//
// The last variable of # each takes the rest of the row, the others a word or
// a text in quotes. Rows stand behind the colon with | between, or below it,
// each on a comment line that is indented by three spaces. A variable shows is
// a list of statements with commas, added to those of the header. With two
// # each there is a script for each pair of rows.
//
// Between the steps, a line like "# 5.0: MQTT-3.1.2-8" says what the steps
// behind it show, up to the next such line of that version; "# 5.0:" alone, or
// as the header, is before steps that only prepare. A step that fails breaks
// what it was to show and nothing else, so what a broker may fail for other
// reasons stands in a section of its own. And ~ before an id says that the
// statement binds who sends: a broker that refuses what breaks it shows it, but
// one that takes it breaks others. A variable shows that is used in such
// a line is added there, and not to the header.
//
// # The steps
//
// A packet is written in the text form of mqttwire.Line.
//
//	1> PACKET          client 1 sends it; 1 may be left out
//	1>+ PACKET         the same, but kept back and sent in one write with the next
//	1> EOF             client 1 closes its connection
//	1< PACKET          client 1 receives it, and nothing before it
//	1< A | B           either of them
//	1< ?PACKET         it may come, or not
//	1< skip PACKET     if it comes, the broker cannot do what the script is about
//	1<~ PACKET         one of a group: the <~ lines that follow each other come in any order
//	1|2< PACKET        it comes to one of these clients, and is the next there
//	1< EOF             the broker closes the connection
//	1< nothing 300ms   nothing comes for so long
//	1< anything 300ms  whatever comes, until nothing does for so long, or the end
//	+2.9s              wait
//	+3s..4.1s          what is received next comes so long after the step before
//	distinct $a $b     these variables differ
//	repeat n=1..9      the lines down to "end", with ${n}
//
// A client's connection is opened when it first sends, and opened anew when it
// sends after an end that was sent or received, or CONNECT after DISCONNECT. A
// CONNECT is of the script's version unless it says otherwise. The runner sends
// what the script says and nothing of its own: no acknowledgement, no PINGREQ.
// Behind DISCONNECT it closes the connection, as a client must, where the
// broker does not within 300 ms; unless Options.Strict or Literal.
//
// What is received must have all that its line says, by the rules of
// mqttwire.Line.Match: KEY=* is any value, !KEY no value, A|B either reason.
// Furthermore KEY=6..8 is a range; user-property and subscription-identifier
// are all there are; without a reason, that of an acknowledgement or CONNACK
// is below 0x80, and * as reason is any. KEY=$name takes the value, or compares
// it when the variable has one; KEY=$name in a sent packet gives it. A value
// that ends in *300 goes on with 300 letters x.
//
// hex=… instead of a packet is bytes: pairs of digits and texts in quotes,
// "x"*300 is repeated, (…) has its length in two bytes before it and […] as a
// variable byte integer. So a SUBSCRIBE that asks for QoS 3 is
//
//	1> hex=82 [0001 [] ("a/b") 03]
//
// Received bytes are compared as a whole packet. Texts may hold ${id} and
// ${topic}, which keep scripts apart on one broker, ${none} (an empty property
// section, or nothing on 3.x), ${kept} and ${kept2} (a session that outlives
// its connection, by a while or by 2 s), ${resumed} (Session Present 1, where
// CONNACK has it) and ${name} of the variables.
//
// # What is always watched
//
// Whatever comes is decoded strictly, and a referee (referee.go) holds the
// broker to what the client said: Maximum Packet Size, Topic Alias Maximum,
// Receive Maximum, Request Problem Information, packet ids in use, nothing
// after DISCONNECT. A breach fails the script, whatever its lines say.
//
// # Strict and lenient
//
// The standard often lets a broker close without a word, or choose its words.
// So the scripts say what is best and what will do: `?DISCONNECT A|B` and then
// EOF. Options.Strict takes the best alone: the optional DISCONNECT or CONNACK
// must come, with the first of its reasons, and of alternatives the first. Our
// own broker is held to that; others are not.
package conformance
