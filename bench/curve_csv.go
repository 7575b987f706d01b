package bench

import (
	"encoding/csv"
	"io"
)

// WriteSummaryCSV writes a row for each trial, by rate: whether it kept the
// objectives, and what Result.WriteSummaryCSV has of it.
func (c *Curve) WriteSummaryCSV(w io.Writer) error {
	rows := csv.NewWriter(w)
	for i, t := range c.Trials {
		header, row := t.Result.summary()
		if i == 0 {
			_ = rows.Write(append([]string{"kept", "why"}, header...)) // Error tells
		}
		_ = rows.Write(append([]string{cell(t.Kept), t.Why}, row...))
	}
	rows.Flush()
	return rows.Error()
}
