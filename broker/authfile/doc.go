// Package authfile is the password file of mosquitto: read for the broker, and
// written for `mqtk serve passwd`.
//
//	# a comment; empty lines count for nothing
//	alice:$6$SALT$HASH                    SHA-512 of password and salt
//	bob:$7$ITERATIONS$SALT$HASH           PBKDF2 with HMAC-SHA-512
//	carol:$7$…$…$…:SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY
//
// all in base64. The third field is ours: verifiers, separated by commas, in the
// form in which PostgreSQL keeps them. mosquitto reads over it, and
// mosquitto_passwd keeps it for the users it does not change and drops it, as is
// right, for the one it gives another password. With it a user may log in by
// SCRAM-SHA-256. SCRAM-SHA-512 needs no such field: the hash of $7$ is its
// SaltedPassword (but for the few passwords that SASLprep alters, for which a
// second verifier is written).
//
// mosquitto_passwd itself takes a comment for damage and may write the file anew
// without what stood in it; mosquitto, and we, read comments.
//
// What is checked. A password costs its hash each time, also for a name that
// nobody has: then that of a user of the file is computed, chosen by the name.
// Not more hashes are computed at once than there are processors less one, so
// that who tries passwords by the thousand does not take the time of those who
// are in.
package authfile
