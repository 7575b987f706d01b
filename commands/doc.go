// Package commands is the command line of mqtk: what a user types, what comes
// back on stdout and stderr, and the code a process ends with.
//
// Every verb is one declaration (a *cli.Command with its flags), one plain
// options struct that the flags fill, and one method run that returns an error
// which is already a sentence. The declarations are the only place where a
// flag is described: --help, the man pages and the shell completions are
// rendered from Tree.
//
// The way of a command line:
//
//	args -> argv (words in any order, bundles, operands) -> urfave/cli (names to
//	setters, dispatch) -> options -> run -> error -> exit code and report
//
// argv.go exists because urfave/cli v2 stops at the first operand and knows no
// bundles with attached values. It hands over nothing but --name=value words
// and keeps operands to itself, so no operand is ever taken for a subcommand.
package commands
