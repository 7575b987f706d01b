// Package md2man takes the place of github.com/cpuguy83/go-md2man/v2/md2man in
// the build (go.mod says so), for the sake of the start of a one-shot command.
//
// Package urfave/cli imports it to write man pages from its own declarations.
// Ours are written by package commands, so nobody calls that; but the Markdown
// reader that it brings along builds its tables whenever the program starts:
// 0.35 ms of the 4 ms that a pub takes, and 75 of its 550 page faults. The build
// tag of urfave/cli that leaves it out would have to be given to each go build
// and go run.
package md2man

// Render returns the Markdown as it is.
func Render(doc []byte) []byte { return doc }
