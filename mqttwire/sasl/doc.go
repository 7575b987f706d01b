// Package sasl is both halves of the SASL mechanisms that MQTT 5 carries in its
// enhanced authentication: CONNECT's and AUTH's Authentication Data there,
// CONNACK's and AUTH's back.
//
//	method          RFC            client speaks first   server needs              last word of the server
//	SCRAM-SHA-256   7677           yes                   salt, keys                proves that it knows the user
//	SCRAM-SHA-512   5802           yes                   salt, keys                the same
//	SCRAM-SHA-1     5802           yes                   salt, keys                the same
//	PLAIN           4616           yes                   a way to check            none
//	EXTERNAL        4422, A        yes                   a name from elsewhere     none
//	CRAM-MD5        2195           no                    the password itself       none
//	DIGEST-MD5      2831           no                    the password itself       proves that it knows the user
//
// The last two are historic: they want passwords in the clear on the server, and
// MD5. They are here for clients that speak nothing else.
//
// On the wire a mechanism in which the client speaks first sends its first
// message in CONNECT; one in which the server does sends CONNECT without data.
// Whatever the server has to say with the success goes into CONNACK, at a
// re-authentication into the AUTH Success. A client that sends no data although
// it is to speak first gets an empty challenge, as RFC 4422 section 3 has it.
//
// What an attacker may learn from a Server is whether user name and password fit
// together. A name that nobody has is led through the same messages, with a salt
// that stays the same for the name (an HMAC of it under ServerOptions.Secret) and
// with costs like those of a real user; the end is the same ErrBadCredentials. What
// a hostile server may do to a Client is bounded too: too few iterations, which
// would give it the password for a guess, and too many, which would cost us hours,
// end the exchange, as does a server that cannot prove itself.
//
// Channel binding (the -PLUS names) is not spoken: a client says "n,,".
//
// SCRAM and SASLprep are written here rather than taken from xdg-go/scram, which
// serves as a test's oracle: it builds 2,000 entries of tables at every start of a
// program, a fifth of what a one-shot pub takes, and bounds nothing from above.
package sasl
