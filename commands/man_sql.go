package commands

import (
	"strings"

	"mqtk/broker/authsql"
)

const tablesStory = `[auth.sql] says where the tables are: driver = "mysql" (MariaDB too) with dsn = "mysql://USER:PASSWORD@HOST:3306/DATABASE" or "USER:PASSWORD@unix(/run/mysqld/mysqld.sock)/DATABASE"; "postgres" with "postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full"; "sqlite" with the path of a file. In a URL what is special in a password is written with %. dsn = "env:NAME" takes it from the environment, which is the better place for a password. The account needs to read only. The database must be there when serve starts; later it may go away for a while.

The user table has username, password, and if need be salt and is_superuser: 1 is for a user whom no rule binds. A password is the hash that auth.sql.hash names, in hexadecimal or base64 (bcrypt: as it writes itself), of the salt and the password, or of the password and the salt with salt = "suffix". An empty password lets nobody in. SCRAM works where passwords are plain, or made by pbkdf2 in the full length of its digest.

The rules have id, allow (1, or 0 for deny), ipaddr, username, clientid, access (1 subscribe, 2 publish, 3 both) and topic; or, recognised by their names, ipaddress, username, clientid, action (subscribe, publish, all), permission (allow, deny) and topic, with qos and retain empty. The first in the order of id that matches decides. All of ipaddr, username and clientid that are neither NULL nor empty must be the client's; ipaddr may be a network such as 10.0.0.0/8. The user name $all stands for everybody, whatever ipaddr and clientid say. A row that names nobody matches nothing. Names are compared byte by byte, whatever the database takes to be the same. In a topic %u and %c stand for user name and client id (also ${username}, ${clientid} and $clientId); "eq " before it says that it is meant as it stands. A row that cannot be read denies, or allows nothing.

A client's rows are read when it connects, and again each acl.refresh. A database that does not answer refuses who connects with Server unavailable, or with acl.on_error = "nomatch" lets acl.no_match decide. Rights that are known hold for five refreshes more; then they are denied. A large table wants the indexes below. mqtk-serve-acl(1) explains what rows mean for a client, and finds dangerous ones.`

// A tableDriver is a kind of database that serve reads tables of.
type tableDriver struct{ driver, name string }

func tableDrivers() []tableDriver {
	return []tableDriver{{"mysql", "MySQL and MariaDB"}, {"postgres", "PostgreSQL"}, {"sqlite", "SQLite"}}
}

const tablesHeading = "TABLES OF USERS AND RULES"

// tables explain what serve reads from a database.
func (r *roff) tables() {
	r.heading(tablesHeading)
	r.paragraphs(tablesStory)
	for _, in := range tableDrivers() {
		r.macro("SS", in.name)
		r.example(authsql.Schema(in.driver))
	}
}

// tableNotes is the same for the help.
func tableNotes() manSection {
	text := tablesStory
	for _, in := range tableDrivers() {
		text += "\n\n" + in.name + ":\n"
		for line := range strings.Lines(authsql.Schema(in.driver)) {
			text += "\n  " + strings.TrimSuffix(line, "\n")
		}
	}
	return manSection{heading: tablesHeading, text: text}
}
