// Package acl decides what a client may publish and read: the rules of a file in
// mosquitto's format, or the rows of the table mqtt_acl.
//
//	[]Rule  -Compile(for one client)->  Rules  -May(action, topic)->  yes or no
//	                                           -Explain------------>  which rule says so, and why
//	[]Rule  -Lint-------------------->  what is dangerous in them, or does nothing
//
// # Who wins
//
// FirstMatch is the order of the table: the first row that matches decides.
// DenyWins is the order of the file: a deny that matches decides wherever it
// stands, then an allow. It is FirstMatch with the denies put first, and this is
// how it is done. Where no rule matches, noMatch decides.
//
// mosquitto looks at the rules of a user before the patterns, so that a topic
// line of the user wins over a pattern that denies; here the deny wins.
//
// The rules of a file that are for all clients of one user are compiled once for
// them, and a client with patterns of its own has only those over them. With 100
// rules a client's own copy, with its index, would take 10 KB.
//
// # Names
//
// %c and %u (also ${clientid}, $clientId and ${username}) stand for the names of
// the client. A name with + # / or NUL matches no pattern, nor does an empty one:
// the rule does not count for that client, be it an allow or a deny, and Names
// tells it. A name never makes a pattern reach the topics that begin with $, as
// mosquitto lets it do.
//
// # SUBSCRIBE
//
// The first rule that covers the whole filter decides. Where none does, the
// filter is granted if at least one topic that it matches may be read: whatever
// it then brings is asked about again at delivery.
//
// Whether there is such a topic is a question about infinitely many, and has a
// short answer. Take what the filter and a rule have in common, which is a filter
// again, and one number of levels; write in place of each wildcard a level that
// no rule names. A rule that matches this topic has wildcards where it has, and so
// matches all the others of that length too. So the one topic stands for all, and
// one more level than the longest rule has stands for all lengths beyond it.
package acl
