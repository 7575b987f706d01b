// Mqtk is an MQTT broker and its tools: serve, pub, sub, bench and inspect on
// one wire codec. Package commands tells the rest.
package main

import (
	"context"
	"os"

	"mqtk/commands"
)

func main() {
	stdio := commands.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	os.Exit(commands.Run(context.Background(), os.Args[1:], stdio))
}
