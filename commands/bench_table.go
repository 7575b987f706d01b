package commands

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"mqtk/bench"
	"mqtk/mqttwire"
)

const (
	tableRepeat   = 5               // runs of each broker in each row
	tableDuration = 3 * time.Second // of each
)

// sideBySide measures the brokers of several --broker by turns, row by row, and
// prints the table, whatever came of it.
func (o *benchOptions) sideBySide(ctx context.Context, p *program, plan bench.Plan) error {
	rows, err := parseRows(cmp.Or(o.Rows, defaultRows))
	if err != nil {
		return usagef("--rows: %w", err)
	}
	if plan.Duration == 0 && plan.Messages == 0 {
		plan.Duration = tableDuration
	}
	t := &bench.Table{Program: buildVersion().Version, Command: p.typed(), Started: time.Now(), Environment: bench.CurrentEnvironment(), Brokers: o.Brokers}
	status := p.newBenchStatus(o.Out.JSON)
	for i, row := range rows {
		plan := plan
		plan.Shape, plan.QoS = row.shape, row.qos
		if row.size > 0 {
			plan.SizeMin, plan.SizeMax = row.size, row.size
		}
		if err = o.tableRow(ctx, p, t, plan, status); err != nil {
			break
		}
		status.line("row %d of %d is measured", i+1, len(rows))
	}
	status.clear()
	if len(t.Rows) > 0 {
		if printed := o.Out.print(p, t, drawTable(t)); printed != nil {
			return errors.Join(err, printed)
		}
	}
	if stopped := interrupted(ctx); stopped != nil {
		return stopped
	}
	if err != nil {
		return err
	}
	return verdictOn(t.Failures(), nil, false)
}

// tableRow measures one row: each broker is started anew, and each run of one is
// followed by one of another.
func (o *benchOptions) tableRow(ctx context.Context, p *program, t *bench.Table, plan bench.Plan, status *benchStatus) (err error) {
	var targets []*benchTarget
	defer func() {
		for _, target := range targets {
			err = errors.Join(err, target.stop())
		}
	}()
	t.Version = mqttwire.V5
	for _, command := range o.Brokers {
		target, err := o.reach(ctx, p, splitWords(command))
		if err != nil {
			return err
		}
		targets = append(targets, target)
		t.Version = min(t.Version, target.spoken())
	}
	plans := make([]bench.Plan, len(targets))
	for i, target := range targets {
		plans[i] = plan
		o.aim(&plans[i], target)
		plans[i].Version, plans[i].Connect.Version = t.Version, t.Version
		plans[i].Progress = status.show
		if err := plans[i].Check(); err != nil {
			return o.explain(targets[i], err)
		}
	}
	spareProcessors(plans[0].Workers, nil)
	row := bench.NewTableRow(&plans[0], len(targets))
	defer func() {
		if !slices.ContainsFunc(row.Runs, func(runs []*bench.Result) bool { return len(runs) == 0 }) {
			t.Rows = append(t.Rows, row)
		}
	}()
	return o.turns(p, &row, targets, plans, status)
}

// turns fills a row: every other round goes the other way round.
func (o *benchOptions) turns(p *program, row *bench.TableRow, targets []*benchTarget, plans []bench.Plan, status *benchStatus) error {
	rounds := cmp.Or(o.Judge.Repeat, tableRepeat)
	for round := range rounds {
		for k := range targets {
			i := k
			if round%2 == 1 {
				i = len(targets) - 1 - k
			}
			status.about = row.Name + " " + bench.BrokerLetter(i)
			result, err := o.runner(p)(targets[i].ctx, plans[i])
			if targets[i].ctx.Err() != nil {
				return context.Cause(targets[i].ctx) // half a run is none
			}
			if err != nil {
				return o.explain(targets[i], err)
			}
			row.Runs[i] = append(row.Runs[i], result)
			status.line("%s %s, run %d of %d: %s", row.Name, bench.BrokerLetter(i), round+1, rounds, inBrief(result))
		}
	}
	return nil
}
