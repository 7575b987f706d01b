package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"mqtk/bench"
)

// run measures what the flags ask for, and prints what came of it. Why there is no
// report is said with --quiet, too.
func (o *benchOptions) run(ctx context.Context, p *program) error {
	p.quiet, p.json = o.Quiet, o.Out.JSON
	err := o.carryOut(ctx, p)
	if err == nil || o.Out.printed {
		return err
	}
	f := classify(err)
	if o.Out.JSON && f.Code != exitUsage {
		none := cmp.Or(o.none, &bench.Result{Plan: o.asked, Generator: bench.Generator{Waiting: -1}})
		if f.Code == exitTimeout || f.Code == exitInterrupted || f.Code == exitTerminated {
			none.Interrupted = true
		}
		none.Failures = append(none.Failures, bench.Failure{Kind: bench.NotRun, Text: f.Error()})
		o.sign(p, none)
		o.printNone(p, none, f)
	}
	return aloud(f)
}

// printNone prints what is known of a test that did not take place, with the error;
// that nobody reads it is no failure of its own.
func (o *benchOptions) printNone(p *program, none *bench.Result, f *failure) {
	known, err := none.MarshalJSON()
	why, err2 := json.Marshal(struct {
		Error string `json:"error"`
		Exit  int    `json:"exit"`
	}{f.Error(), f.Code})
	if err == nil && err2 == nil {
		_, _ = p.Out.Write(append(append(known[:len(known)-1], ','), append(why[1:], '\n')...))
	}
}

func (o *benchOptions) carryOut(ctx context.Context, p *program) error {
	load, err := o.prepare(p)
	if err != nil {
		return err
	}
	defer o.Out.close()
	o.hintInterval(p)
	o.doubt(p)
	whole, cancel := p.newLink(ctx, &o.connectOptions, plan{}) // signals and -W, from the first to the last
	defer cancel()
	<-whole.armed
	if len(o.Brokers) > 1 {
		return o.sideBySide(whole.ctx, p, load)
	}
	var command []string
	if len(o.Brokers) == 1 {
		command = splitWords(o.Brokers[0])
	}
	t, err := o.reach(whole.ctx, p, command)
	if err != nil {
		return err
	}
	err = o.measure(p, t, load)
	return errors.Join(err, t.stop())
}

// prepare is the plan without its target, looked over before anything is started.
func (o *benchOptions) prepare(p *program) (bench.Plan, error) {
	if err := cmp.Or(o.Out.check(), o.check(p.warn)); err != nil {
		return bench.Plan{}, err
	}
	if o.Sources != "" {
		sources, err := bench.ParseSources(o.Sources)
		if err != nil {
			return bench.Plan{}, usagef("--bind: %w", err)
		}
		if err := bench.CheckSources(sources); err != nil {
			return bench.Plan{}, o.explain(nil, err)
		}
		o.load.Target.Sources = sources
	}
	plan, err := o.benchPlan()
	if err != nil {
		return plan, err
	}
	trial := plan
	trial.Target.Network, trial.Target.Address = "tcp", "127.0.0.1:1883"
	if err := trial.Check(); err != nil {
		return plan, o.explain(nil, err)
	}
	o.asked = trial
	o.asked.Target = bench.Target{}
	return plan, nil
}

// hintInterval doubts a client id that is a number: with other load generators -i or
// -I is a time between connections or messages.
func (o *benchOptions) hintInterval(p *program) {
	id := cmp.Or(o.ID, o.IDPrefix)
	if id != "" && strings.Trim(id, "0123456789") == "" {
		p.warn("client ids begin with %s; for an interval between connections give -R/--connect-rate, between messages --rate", id)
	}
}

// measure runs the plan, once or several times, against a target that answers.
func (o *benchOptions) measure(p *program, t *benchTarget, plan bench.Plan) error {
	o.aim(&plan, t)
	status := p.newBenchStatus(o.Out.JSON)
	plan.Progress = status.show
	asked := plan
	if err := plan.Check(); err != nil {
		return o.explain(t, err)
	}
	o.asked = plan
	spareProcessors(plan.Workers, t.own)
	if o.Judge.FindMax {
		return o.findMax(p, t, asked, status)
	}
	result, err := o.repeat(p, t, plan, status)
	status.clear()
	if result == nil || err != nil && result.Seconds == 0 {
		o.none = result
		return o.explain(t, err)
	}
	if result.Program == "" {
		o.sign(p, result)
	}
	result.EndedBy = interrupter(t.ctx)
	result.Judge(o.Judge.Expect)
	if printed := o.Out.print(p, result, drawResult(result)); printed != nil {
		return printed
	}
	if err != nil && interrupted(t.ctx) == nil {
		return o.explain(t, err) // of one run of several
	}
	return o.verdict(t, result)
}

// repeat runs the plan as often as is asked for.
func (o *benchOptions) repeat(p *program, t *benchTarget, plan bench.Plan, status *benchStatus) (*bench.Result, error) {
	if o.Judge.Repeat <= 1 {
		return o.runner(p)(t.ctx, plan)
	}
	return bench.Repeat(t.ctx, plan, o.Judge.Repeat, o.runner(p), func(i int, r *bench.Result) {
		status.line("run %d of %d: %s", i+1, o.Judge.Repeat, inBrief(r))
	})
}

// runner runs plans, and says on each result what made it.
func (o *benchOptions) runner(p *program) bench.Runner {
	return func(ctx context.Context, plan bench.Plan) (*bench.Result, error) {
		r, err := bench.Run(ctx, plan)
		if r != nil {
			o.sign(p, r)
		}
		return r, err
	}
}
