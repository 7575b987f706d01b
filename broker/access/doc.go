// Package access puts together who lets clients in at a door of the broker.
//
// A Chain is a row of links, each with a name from the configuration: "cert",
// "file", "sql", "jwt", "anonymous", and SASL for enhanced authentication. A link
// answers in one of three ways.
//
//	an Identity                 the client is in
//	broker.ErrUnknownUser       not mine: the next link is asked
//	any other error             the client is refused; also where a link cannot
//	                            tell, for a table that is out of reach must not
//	                            hand its users to the links behind it
//
// After a wrong password the links behind are asked as well, and what they say is
// thrown away: else the time of the answer would tell which link knows the name.
// At the end of the row stands broker.ErrBadCredentials, or for a client that gave
// no credentials at all broker.ErrNotAuthorized.
//
// Certificate takes the name from one field of the client's verified certificate.
// The user name in CONNECT is not looked at then, as mosquitto does with
// use_identity_as_username: devices send what they like there, and nobody becomes
// somebody by it.
//
// SASL hangs the servers of package sasl into the broker. PLAIN is refused where
// the connection does not hide the password; EXTERNAL takes the identity from the
// certificate. Who the mechanism proves is who the client is: CONNECT's user name
// and password are not looked at then.
package access
