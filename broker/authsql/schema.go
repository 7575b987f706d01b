package authsql

import _ "embed" // the statements

//go:embed schema/mysql.sql
var schemaMySQL string

//go:embed schema/postgres.sql
var schemaPostgres string

//go:embed schema/sqlite.sql
var schemaSQLite string

// Schema are the statements that make both tables in a kind of database: as good
// as any for who has none yet.
func Schema(driver string) string {
	switch driver {
	case "mysql":
		return schemaMySQL
	case "postgres":
		return schemaPostgres
	}
	return schemaSQLite
}
