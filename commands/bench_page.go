package commands

import (
	"io"

	"mqtk/bench"
)

// What --html writes.

func drawResult(*bench.Result) func(io.Writer) error { return nil }
func drawCurve(*bench.Curve) func(io.Writer) error   { return nil }
func drawTable(*bench.Table) func(io.Writer) error   { return nil }
