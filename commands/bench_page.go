package commands

import (
	"io"

	"mqtk/bench"
	"mqtk/bench/page"
)

// What --html writes.

func drawResult(r *bench.Result) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := page.Document{Result: r}.WriteTo(w)
		return err
	}
}

func drawTable(t *bench.Table) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := page.Sheet{Table: t}.WriteTo(w)
		return err
	}
}

func drawCurve(c *bench.Curve) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := page.Document{Curve: c}.WriteTo(w)
		return err
	}
}
