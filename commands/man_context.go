package commands

import (
	"slices"

	"github.com/urfave/cli/v2"
)

// What the man pages say about contexts and options files.

// notesOn is what the page of a command says beyond its declaration. Contexts
// stand behind the order of the sources, wherever that is told.
func notesOn(path []*cli.Command) manNotes {
	notes := ownNotes(path)
	precedence := precedenceNotes().heading
	if i := slices.IndexFunc(notes.sections, func(s manSection) bool { return s.heading == precedence }); i >= 0 {
		notes.sections = slices.Insert(notes.sections, i+1, contextNotes())
	}
	switch commandName(path) {
	case "mqtk pub":
		notes.sections, notes.examples = append([]manSection{requestNotes()}, notes.sections...), append(notes.examples, pubRequestExamples()...)
	case "mqtk sub":
		notes.sections, notes.examples = append([]manSection{requestNotes()}, notes.sections...), append(notes.examples, subReplyExamples()...)
	}
	return notes
}

func contextNotes() manSection {
	return manSection{
		heading: "CONTEXTS",
		text: `A context is a table of the file mqtk/contexts.toml in the user's configuration folder: $XDG_CONFIG_HOME, or ~/.config; on macOS ~/Library/Application Support, on Windows %AppData%. Its keys are the long names of the flags about connection, TLS, identity, session and will; a list stands for a flag that may be repeated. pub, sub, bench and inspect take it up by --context NAME, or by MQTK_CONTEXT in the environment. The names of files are relative to the folder of contexts.toml, and ~/ is the home. Nobody but its owner may have rights on the file (mode 0600), for it may hold passwords; better, it names a command that prints them. A key that does not exist is an error when its context is used, and none before.

A flag takes the place of one key: mqtk sub --context prod -h node7 asks another host, with port, TLS and user of the context; that its password goes there, too, is said on stderr. With --context, what the environment says of another broker is left aside; MQTK_CONTEXT, on the other hand, stands behind everything else, and is left aside where a flag, a URL or another variable names a broker.

An options file (-o) is what mosquitto's clients have in ~/.config/mosquitto_pub and mosquitto_sub, and is read only where it is named: one flag a line, and all that follows the first blank is its value; lines that begin with # are comments. It may hold any flag. What is typed takes the place of the same flag in the file; -t, -T and -U of sub, and -D, add to those of the file. Where file and command line both name a broker, all that the file says of broker, TLS, credentials and client id is left aside, and that is said: its password is for the other one. A file that names none may hold the credentials for the broker of -h.`,
		rows: []manRow{
			{"[prod]", "the name of the context"},
			{`url = "mqtts://broker.example"`, "or host and port"},
			{`username = "ada"`, ""},
			{`password-from = "cmd:pass show mqtt/prod"`, "a command that prints the password, and reads from nothing but a terminal; or env:, file:, prompt"},
			{`cafile = "prod-ca.pem"`, "beside contexts.toml"},
			{`id-prefix = "ada-"`, ""},
			{`keep-alive = 30`, "numbers need no quotes"},
			{`property = [["connect", "user-property", "team", "b"]]`, "a list of lists: each is what follows one -D"},
		},
	}
}
