// Package authsql finds users and their rights in the tables mqtt_user and
// mqtt_acl of MySQL or MariaDB, PostgreSQL, or SQLite.
//
//	CONNECT   -Users.Authenticate->   SELECT … FROM mqtt_user       may block
//	          -Rights.LoadRights-->   SELECT … FROM mqtt_acl        may block
//	                                    -acl.Compile-> grant, in the slot of the identity
//	PUBLISH, SUBSCRIBE, delivery
//	          -Rights.Authorize--->   the grant                     never waits, allocates nothing
//	every Refresh / 20
//	          -refresher---------->   the rows of a twentieth of the grants that are in use
//
// # Tables
//
// schema has what makes them in each database. The names of tables and columns
// can be others. mqtt_user has username, password and, if they are there, salt
// and is_superuser; mqtt_acl has id, allow, ipaddr, username, clientid, access and
// topic. Where it has permission and action instead of allow and access it is of
// the newer form: ipaddress, username, clientid, action, permission, topic, qos,
// retain.
//
// # Names
//
// A name counts as it is written, to the byte, whatever the database takes to be
// the same: MySQL finds ann under Ann, and both get the rows, but only one of them
// is the row's. A name that holds NUL or is no UTF-8 is nobody's, and is not asked
// for.
//
// # Whose rows
//
// The rows of a client are those that name its user, its client id or its
// address; those for $all; and those whose address is a network, or of IPv6, which
// may be written in several ways. Indexes on username, clientid and ipaddr find the
// former two kinds, at each CONNECT anew. The last may be about anybody: they are
// read once for all, again after twenty times as long as that takes. Who then is
// meant by a row, and which one decides, is acl's business. Clients about whom the
// same rows speak share what is compiled of them, unless a name is to be put in.
//
// A client without a user name is asked for by its client id and address only. A
// row without any name is about nobody; the start tells of those. An allow that
// cannot be read (another number, a NULL) counts as a deny, an access that cannot
// be read allows nothing. qos and retain of the newer form are not something that
// rights can depend on here: an allow restricted by them allows nothing, a deny
// denies all.
//
// # When the database does not answer
//
// At the start it is an error. At CONNECT the client is refused with Server
// unavailable. In the background the rights stay as they are for five refreshes,
// so that a restart of the database is not felt; then they are not known any more,
// which denies, and what is for an absent client waits. With on_error = "nomatch"
// the client is let in, and judged as if there were no row.
//
// A query has 5 s, with the wait for one of the 8 connections. The refresher asks
// for 32 clients by one query, and two such queries run at the same time, so that
// a CONNECT finds a connection free. Rights are kept weakly: when the identity of
// a client goes, so do its rows.
//
// # Passwords
//
// They are compared with what the table holds in a time that does not depend on
// how much is right, and an unknown user costs a comparison too: with the likeness
// of an account that is there, so that bcrypt has the same cost. An empty password
// column is no password at all: nobody logs in with it.
//
// # Notes
//
//   - 2026-11-21. Reading the whole table in one go each minute was rejected:
//     there are tables with rows for each device. So was one query a client: with
//     15,000 rows a CONNECT takes 0.8 to 2.4 ms of a busy machine, to refresh a
//     client in a batch of 32 0.06 to 0.4 ms. The rows of networks were first read at
//     each CONNECT: 36 to 81 ms.
//   - 2026-11-21. A file of SQLite is opened with mode=rw and PRAGMA query_only,
//     not read-only: a reader of a database in WAL mode writes its -shm file. It
//     is never made anew.
//   - 2026-11-21. MySQL's statements are prepared once and not filled in by the
//     driver, so that no character set can make a name read like SQL.
package authsql
