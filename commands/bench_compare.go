package commands

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/bench"
)

// benchCompareOptions is what the flags of bench compare fill.
type benchCompareOptions struct {
	bench.Comparing
	JSON  bool
	Quiet bool
}

// benchCompareCommand is mqtk bench compare.
func (p *program) benchCompareCommand() *cli.Command {
	o := &benchCompareOptions{}
	flags := inCategory("Judgement",
		valued("threshold", "take `PERCENT` for the least difference that matters (default 5%)", toPercent(&o.Threshold)),
		valued("figures", "judge the figures `NAMES`, with commas between (default: those that say most)", o.toFigures),
		onOff("closed-latency", "judge the latency of closed loops, too, which is as long as their windows make it", &o.ClosedLatency),
		onOff("anyway", "compare runs of different tests, too", &o.Anyway))
	flags = append(flags, inCategory("Reporting",
		onOff("json", "print the verdict as a JSON object", &o.JSON),
		onOff("quiet", "print no error but what leaves no report", &o.Quiet))...)
	return &cli.Command{
		Name:      "compare",
		Usage:     "tell whether one saved run is better or worse than another",
		UsageText: "mqtk bench compare [FLAGS] BEFORE.json AFTER.json",
		ArgsUsage: "FILE FILE",
		Description: `Compares what mqtk bench --json has written before a change and after it, figure by figure: same,
better, worse, or unclear where the runs scatter too much to tell. It takes runs with --repeat 5 or so:
with fewer than three on a side the verdict is that it cannot tell. It ends 10 if a figure is worse, with 95 % confidence, by more than the threshold, or
if something was lost, came twice or out of order that was not before.`,
		Flags: flags,
		Action: func(*cli.Context) error {
			p.quiet, p.json = o.Quiet, o.JSON
			err := o.run(p)
			if f := classify(err); err != nil && f.Code != exitUnexpected {
				return aloud(f)
			}
			return err
		},
	}
}

func (o *benchCompareOptions) toFigures(s string) error {
	for name := range strings.SplitSeq(s, ",") {
		if _, known := bench.MetricNamed(name); !known {
			return fmt.Errorf("there is no figure %q: mqtk help bench json lists them", name)
		}
		o.Metrics = append(o.Metrics, name)
	}
	return nil
}

// toPercent takes 5% or 5.
func toPercent(into *float64) func(string) error {
	return func(s string) error {
		n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
		if err != nil || !(n > 0 && n < 100) {
			return errors.New("must be a percentage above 0 and below 100, such as 5%")
		}
		*into = n / 100
		return nil
	}
}

func (o *benchCompareOptions) run(p *program) error {
	words := p.line.words()
	if len(words) != 2 {
		return usageIn(p.path, "needs two files that mqtk bench --json has written: before and after")
	}
	var records [2]*bench.Record
	for i, name := range words {
		text, err := os.ReadFile(name)
		if err != nil {
			return usageIn(p.path, "%v", err)
		}
		if records[i], err = bench.ReadRecord(text); err != nil {
			return usageIn(p.path, "%s: %v", name, err)
		}
	}
	c, err := o.Compare(records[0], records[1])
	if err != nil {
		f := usageIn(p.path, "%s and %s: %v", words[0], words[1], err)
		if errors.As(err, new(*bench.DifferentError)) {
			f.Hints = []string{"--anyway compares them all the same"}
		}
		return f
	}
	if err := o.print(p, c); err != nil {
		return err
	}
	if c.Regressed() {
		return fail(exitUnexpected, fmt.Errorf("%s is worse than %s", words[1], words[0]))
	}
	return nil
}

func (o *benchCompareOptions) print(p *program, c *bench.Comparison) error {
	defer ignoreBrokenPipe()()
	var err error
	if o.JSON {
		err = writeJSON(p.Out, c)
	} else {
		err = p.writeReport(c)
	}
	if err != nil && !isReaderGone(err) {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}
