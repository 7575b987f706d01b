// Mqtk is an MQTT broker and its tools: serve, pub and sub on one wire codec.
// Package commands tells the rest.
package main

import (
	"context"
	"embed"
	"os"

	"mqtk/commands"
)

// It stands here because embedding cannot climb out of a folder.
//
//go:embed man completions
var files embed.FS

func main() {
	stdio := commands.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	os.Exit(commands.Run(context.Background(), os.Args[1:], stdio, files))
}
