package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/bench"
)

// benchJudge is what is asked of the figures.
type benchJudge struct {
	Expect  []bench.Objective
	SLO     []bench.Objective
	FindMax bool
	Repeat  int
}

// standardSLO is what --find-max searches for where nobody says.
const standardSLO = "p99<10ms,lost=0"

func (o *benchOptions) judgeFlags() []cli.Flag {
	j := &o.Judge
	return o.kind.pick("Judgement",
		benchFlag{"bpsc", valued("expect", "end with 10 if the run misses the `OBJECTIVES`, such as 'p99<10ms,lost=0' (repeatable)", toObjectives(&j.Expect))},
		benchFlag{"b", onOff("find-max", "search for the highest rate that keeps the objectives of --slo, and show the curve", &j.FindMax)},
		benchFlag{"b", valued("slo", "the `OBJECTIVES` of --find-max (default "+standardSLO+")", toObjectives(&j.SLO))},
		benchFlag{"bpsc", valued("repeat", "run `N` times and report medians, with each run (with several --broker default 5)", toNumber(&j.Repeat, 1, 1000))})
}

func toObjectives(into *[]bench.Objective) func(string) error {
	return func(s string) error {
		all, err := bench.ParseObjectives(s)
		*into = append(*into, all...)
		return err
	}
}

// check refuses what cannot be asked together.
func (o *benchOptions) check(warn func(format string, a ...any)) error {
	j := &o.Judge
	switch {
	case strings.Contains(o.ID+o.IDPrefix, "%"):
		return usagef("%q: no %% stands for anything in client ids here: each has the prefix and a number of its own as it is", o.ID+o.IDPrefix)
	case len(j.SLO) > 0 && !j.FindMax:
		return usagef("--slo is what --find-max searches for; --expect judges one run")
	case j.FindMax && len(j.Expect) > 0:
		return usagef("--expect judges one run; for --find-max it is --slo")
	case (j.FindMax || len(o.Brokers) > 1) && o.Out.Series != "":
		return usagef("--series is about one run: it goes neither with --find-max nor with several --broker")
	case j.FindMax && o.load.Messages > 0:
		return usagef("--messages bounds one run; with --find-max each lasts for --duration")
	case j.FindMax && o.load.Ramp > 0:
		return usagef("--ramp and --find-max both change the rate: give one")
	case j.FindMax && j.Repeat > 1:
		return usagef("--repeat and --find-max both run again and again: give one")
	case len(o.Brokers) > 0 && o.load.PID > 0:
		return usagef("--pid: the broker that --broker starts is watched as it is")
	case len(o.Brokers) > 0 && (o.Host != "" || o.Port != nil || o.URL != "" || o.Unix != "" || o.SRV):
		return usagef("--broker starts a broker of its own: leave --host, --port, --url, --unix and --srv out")
	case o.Rows != "" && len(o.Brokers) < 2:
		return usagef("--rows are those of the table of two or more --broker")
	case len(o.Brokers) > 1 && (j.FindMax || len(j.Expect) > 0):
		return usagef("several --broker are put side by side: --find-max and --expect are for one")
	case len(o.Brokers) > 1 && (o.Shape != "" || len(o.QoS) > 0):
		return usagef("with several --broker it is --rows that says shapes and QoS")
	}
	for _, of := range slices.Concat(j.Expect, j.SLO) {
		if of.Share && of.Metric.Whole == "rate" && o.load.Rate == 0 && !j.FindMax {
			return usagef("%s is a share of --rate, which is not given", of.Text)
		}
	}
	if err := o.checkMeaning(warn); err != nil {
		return err
	}
	if j.FindMax && len(j.SLO) == 0 {
		j.SLO, _ = bench.ParseObjectives(standardSLO)
	}
	return nil
}

// doubt says what a time without a unit is taken for.
func (o *benchOptions) doubt(p *program) {
	for _, of := range slices.Concat(o.Judge.Expect, o.Judge.SLO) {
		if of.Bare {
			p.warn("%s means %s µs: give a unit", of.Text, strconv.FormatFloat(of.Value, 'f', -1, 64))
		}
	}
}

// verdict is what a run that took place ends with. Everything was printed before.
func (o *benchOptions) verdict(t *benchTarget, r *bench.Result) error {
	if err := interrupted(t.ctx); err != nil {
		return err
	}
	return verdictOn(r.Failures, r.Judged, r.Counts.Acknowledged == 0 && r.Counts.Delivered == 0)
}

// verdictOn finds the exit code. nothing tells that nothing was allowed at all.
func verdictOn(failures []bench.Failure, judged []bench.Judgement, nothing bool) error {
	var broken, denied, lost, unmade, missed []string
	for _, f := range failures {
		switch f.Kind {
		case bench.NotAllowed:
			denied = append(denied, f.Text)
		case bench.LostConnection:
			lost = append(lost, f.Text)
		case bench.NotConnected:
			unmade = append(unmade, f.Text)
		default:
			broken = append(broken, f.Text)
		}
	}
	for _, j := range judged {
		if !j.Kept {
			missed = append(missed, j.Text)
		}
	}
	switch {
	case len(broken) > 0:
		return fail(exitUnexpected, errors.New(broken[0]), broken[1:]...)
	case len(missed) > 0:
		return fail(exitUnexpected, fmt.Errorf("not as expected: %s", missed[0]), missed[1:]...)
	case len(denied) > 0 && nothing:
		return fail(exitDenied, errors.New(denied[0]), denied[1:]...)
	case len(denied) > 0:
		return fail(exitPartly, errors.New(denied[0]), denied[1:]...)
	case len(lost) > 0:
		return fail(exitLost, errors.New(lost[0]), append(lost[1:], unmade...)...)
	case len(unmade) > 0: // some; where none was made, the run did not take place
		return fail(exitPartly, errors.New(unmade[0]), unmade[1:]...)
	}
	return nil
}

// interrupted is what ended a run before its end: a signal, or -W.
func interrupted(ctx context.Context) error {
	var s signalled
	cause := context.Cause(ctx)
	switch {
	case errors.As(cause, &s):
		return signalOutcome(s, true)
	case errors.Is(cause, errTimeUp):
		return fail(exitTimeout, errors.New("the time of -W/--timeout ran out"))
	}
	return nil
}

// interrupter names it in the report; empty: nothing ended the run.
func interrupter(ctx context.Context) string {
	f := interrupted(ctx)
	switch {
	case f == nil:
		return ""
	case classify(f).Code == exitTimeout:
		return "-W/--timeout"
	}
	return "a signal"
}
