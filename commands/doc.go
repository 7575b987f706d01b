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
//	args -> argv (words in any order, bundles, operands) -> setters of urfave/cli's
//	declarations -> options -> action -> run -> error -> exit code and report
//
// argv.go exists because urfave/cli v2 stops at the first operand and knows no
// bundles with attached values. The commands, their flags and their actions are
// declared as urfave/cli has it; its App is not run, since that drags in
// text/template, for which the linker keeps every exported method there is.
//
// The commands of inspect are the hands of rooms below mqttwire, which open
// nothing themselves; here are their flags, what they are handed, and what they
// print:
//
//	decode         anatomy        what each byte of a packet is
//	pcap           capture        a capture -> what two programs said to each other
//	pcap, proxy    referee        what was said -> what breaks the standard
//	proxy          proxy          a man in the middle, with faults
//	probe, check   probe          what a broker can do, how fast
//	audit, send    conformance    the standard as scripts, and their runner
//	fuzz           fuzz           packets that are almost valid
//
// Their JSON has one vocabulary: ts is a time (RFC 3339), since_start, after and
// duration are seconds, url is a broker, client_id, connection or session and
// packet say where something was seen, from is who sent it, and a finding has
// finding, side, statement and detail.
package commands
