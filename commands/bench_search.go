package commands

import (
	"errors"
	"fmt"

	"mqtk/bench"
)

// findMax searches for the highest rate that keeps the objectives, and prints the
// curve, as far as it came.
func (o *benchOptions) findMax(p *program, t *benchTarget, plan bench.Plan, status *benchStatus) error {
	search := bench.Search{Plan: plan, Objectives: o.Judge.SLO}
	status.line("%s", search.Announce())
	curve, err := search.Run(t.ctx, o.runner(p), func(trial bench.Trial) {
		verdict := "kept"
		if !trial.Kept {
			verdict = "missed: " + trial.Why
		}
		status.line("%s/s: %s", bench.FormatCount(trial.Rate), verdict)
	})
	status.clear()
	if curve != nil {
		if printed := o.Out.print(p, curve, drawCurve(curve)); printed != nil {
			return errors.Join(err, printed)
		}
	}
	if stopped := interrupted(t.ctx); stopped != nil {
		return stopped
	}
	if err != nil {
		return o.explain(t, err)
	}
	if curve.Max == nil && curve.LimitedByGenerator {
		return fail(exitUnexpected, fmt.Errorf("this machine is too busy or too small to measure a rate: the generator was the limit at %s/s already", bench.FormatCount(curve.Next)))
	}
	if curve.Max == nil {
		return fail(exitUnexpected, fmt.Errorf("no rate kept %s", objectivesText(o.Judge.SLO)))
	}
	return nil
}

func objectivesText(all []bench.Objective) string {
	text := ""
	for i, o := range all {
		if i > 0 {
			text += ","
		}
		text += o.Text
	}
	return text
}
