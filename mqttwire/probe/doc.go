// Package probe finds out what a broker can do and allows, by asking it.
//
// What a CONNACK announces is only half of an answer: a limit that is announced
// may not hold, and most of what matters is not announced at all. So each fact
// is shown by doing what it is about, and stands beside what was announced:
//
//	Run ── hello ──▶ the highest version, the CONNACK that the others start from
//	    ── times ──▶ round trips, while nothing else is going on
//	    ── questions, a few at a time ──▶ say(key, Fact)
//	    ── sweep ──▶ retained messages and sessions that are left, whatever happened
//
// A question has connections, client ids and topics of its own, so that what
// ends one connection (many a limit shows by that) hurts no other question.
// What a question did not find out is unknown, with the reason: a silence that
// proves nothing is never taken for a no.
//
// # What is asked of the broker
//
// A few dozen connections, at most eight at once, the largest packet of one
// MiB, messages below one topic of its own. Numbers are searched for upwards, so
// that a broker meets the smallest value first that it cannot bear. Names that
// are tried stay below the lengths that servers have been known to fall over:
// the levels of a topic at 1024, a client id at 4096.
//
// # Negative answers
//
// That something does not arrive is told from a slow broker by asking for more
// behind it: a PINGREQ, and then as long as a few round trips take. A refusal for
// lack of rights leaves a question unknown: it is about the prober.
//
// Rejected: to believe what CONNACK announces; and a search that halves from
// above, which begins with what a broker may not survive.
package probe
