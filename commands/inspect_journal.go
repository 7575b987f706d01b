package commands

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/broker"
	"mqtk/broker/journal"
	"mqtk/mqttwire"
)

// journalOptions is what the flags of inspect journal fill.
type journalOptions struct {
	Dir      string
	Segments bool
	Stats    bool
	Verify   bool
	Salvage  string

	Client string
	Topic  string
	Kinds  []string
	Live   bool
}

// inspectJournalCommand is mqtk inspect journal.
func (p *program) inspectJournalCommand() *cli.Command {
	var o journalOptions
	return &cli.Command{
		Name:      "journal",
		Usage:     "show, check and repair what serve --data keeps",
		UsageText: "mqtk inspect journal [FLAGS] DIR",
		ArgsUsage: "DIR",
		Description: `Reads the directory that serve --data writes, changes nothing in it, and may do so while a broker
uses it: it then sees what was there when it began. It prints every record on a line of its own, oldest
first: the file and the offset of its frame, the number of the frame, what kind of record it is, and what
it says. A message comes last, as the PUBLISH that it is, in the text form that pub -d and sub -d print.
A record whose line has a - before its kind is history: a later one has made it void.

--verify ends with 10 and names file and offset where the directory is not what was written. The torn end
that a crash leaves, or a broker that is writing just now, is told and is no finding: no sync has completed it, so that
--durability fsync has acknowledged nothing in it, and the next start cuts it off. That the newest segments were deleted, or
all, it cannot know: without them the log looks like one that ended earlier.`,
		Flags: o.flags(p),
		Action: func(c *cli.Context) error {
			if len(p.line.words()) != 1 {
				return usageIn(p.path, "needs one directory: that of serve --data")
			}
			o.Dir = p.line.words()[0]
			return o.run(p)
		},
	}
}

func (o *journalOptions) flags(p *program) []cli.Flag {
	flags := inCategory("What to do, in place of listing records",
		onOff("segments", "list the files", &o.Segments),
		onOff("stats", "count what there is", &o.Stats),
		onOff("verify", "check every frame; ends with 10 where there is damage", &o.Verify),
		valued("salvage", "write to `OUT` a directory of all that can be read, and say what was lost; ends with 9 if something was", toString(&o.Salvage)))
	flags = append(flags, inCategory("Which records",
		valued("client", "those of the session of client `ID`, and messages that it published", toString(&o.Client)),
		valued("topic", "those with a message that matches the topic filter `FILTER`", o.setTopic),
		valued("kind", "those of `KIND`: "+strings.Join(shownEvents(), ", ")+" (repeatable)", o.addKind),
		onOff("live", "those that say what is true now", &o.Live))...)
	return append(flags, inCategory("Output", onOff("json", "print a JSON object for each line", &p.json))...)
}

// shownEvents are the kinds that stand in a journal.
func shownEvents() []string {
	return slices.DeleteFunc(eventNames(), func(name string) bool { return name == eventName(broker.EventQueued) })
}

func (o *journalOptions) addKind(s string) error {
	var kind string
	if err := toOneOf(&kind, shownEvents()...)(s); err != nil {
		return err
	}
	o.Kinds = append(o.Kinds, kind)
	return nil
}

func (o *journalOptions) setTopic(s string) error {
	if err := mqttwire.CheckTopicFilter(s); err != nil {
		return fmt.Errorf("%s", detailOf(err))
	}
	o.Topic = s
	return nil
}

// run does the one thing that was asked for.
func (o *journalOptions) run(p *program) error {
	if err := o.check(p); err != nil {
		return err
	}
	defer ignoreBrokenPipe()()
	if o.Salvage != "" {
		return o.salvage(p)
	}
	v, err := journal.View(o.Dir)
	if err != nil {
		return o.unreadable(err)
	}
	out := journalPrinter{Writer: bufio.NewWriterSize(p.Out, 64<<10), json: p.json, ink: p.inkFor(p.Out)}
	switch {
	case o.Segments:
		out.segments(v.Segments())
	case o.Stats:
		out.statistics(v.Statistics())
	case o.Verify:
		err = out.verdict(o.Dir, v)
	default:
		err = o.list(&out, v)
	}
	return out.finish(err)
}

// unreadable is a directory in which nothing can be looked at.
func (o *journalOptions) unreadable(err error) error {
	f := fail(exitFailed, err)
	if _, missing := os.Stat(filepath.Join(o.Dir, "lock")); missing != nil {
		f.Hints = []string{"give the directory that serve --data has; in it are files like 0000000001.young"}
	}
	return f
}

func (o *journalOptions) check(p *program) error {
	given := 0
	for _, on := range []bool{o.Segments, o.Stats, o.Verify, o.Salvage != ""} {
		if on {
			given++
		}
	}
	if given > 1 {
		return usageIn(p.path, "--segments, --stats, --verify and --salvage are one at a time")
	}
	if given == 1 && (o.Client != "" || o.Topic != "" || o.Kinds != nil || o.Live) {
		return usageIn(p.path, "--client, --topic, --kind and --live choose among records, which are not listed here")
	}
	info, err := os.Stat(o.Dir)
	switch {
	case os.IsNotExist(err):
		return usageIn(p.path, "%s: no such directory", o.Dir)
	case err == nil && !info.IsDir():
		return usageIn(p.path, "%s: is no directory; give the one of serve --data", o.Dir)
	}
	return err
}

// list prints the records that were chosen, and at the end what could not be
// read: whoever reads the list must not take it for all there is.
func (o *journalOptions) list(out *journalPrinter, v *journal.Viewer) error {
	err := v.Records(func(r *journal.Record) error {
		if !o.wants(r) {
			return nil
		}
		return out.record(r)
	})
	if err != nil {
		return err
	}
	if damages := hurts(v.Verify()); len(damages) > 0 {
		return fail(exitUnexpected, damageError(o.Dir, damages[0]), o.repair())
	}
	return nil
}

func (o *journalOptions) wants(r *journal.Record) bool {
	e := r.Event
	switch {
	case o.Live && !r.Live,
		o.Kinds != nil && !slices.Contains(o.Kinds, eventName(e.Kind)),
		o.Topic != "" && (eventTopic(e) == "" || !mqttwire.Match(filterOf(o.Topic), eventTopic(e))),
		o.Client != "" && e.ClientID != o.Client && (e.Message == nil || e.Message.From != o.Client):
		return false
	}
	return true
}

func filterOf(filter string) string {
	if _, rest, shared := mqttwire.SplitShared(filter); shared {
		return rest
	}
	return filter
}

// hurts leaves out the torn end that a crash leaves.
func hurts(damages []journal.Damage) []journal.Damage {
	return slices.DeleteFunc(slices.Clone(damages), func(d journal.Damage) bool { return d.Torn })
}

func damageError(dir string, d journal.Damage) error {
	return fmt.Errorf("%s: %s", damagedPlace(dir, d), d.Detail)
}

// damagedPlace is FILE:OFFSET, or FILE where all of it is missing.
func damagedPlace(dir string, d journal.Damage) string {
	if d.Missing {
		return damagedFile(dir, d)
	}
	return fmt.Sprintf("%s:%d", damagedFile(dir, d), d.Offset)
}

func damagedFile(dir string, d journal.Damage) string {
	if filepath.IsAbs(d.File) || filepath.Dir(d.File) != "." {
		return d.File
	}
	return filepath.Join(dir, d.File)
}

func (o *journalOptions) repair() string {
	return "mqtk inspect journal " + o.Dir + " --salvage OUT writes a copy of all that can be read, and says what was lost"
}

// salvage writes the repaired copy.
func (o *journalOptions) salvage(p *program) error {
	if err := o.checkSalvage(p); err != nil {
		return err
	}
	report, err := journal.Salvage(o.Dir, o.Salvage)
	if err != nil {
		return fail(exitFailed, fmt.Errorf("--salvage %s: %w", o.Salvage, err))
	}
	out := journalPrinter{Writer: bufio.NewWriter(p.Out), json: p.json, ink: p.inkFor(p.Out)}
	out.salvaged(o.Dir, report)
	if len(hurts(report.Damages)) > 0 || len(report.Lost) > 0 {
		err = fail(exitPartly, fmt.Errorf("%s holds what could be read of %s; not all could", o.Salvage, o.Dir))
	}
	return out.finish(err)
}

// checkSalvage wants a place for the copy that is free, and not in what is
// copied.
func (o *journalOptions) checkSalvage(p *program) error {
	if entries, err := os.ReadDir(o.Salvage); err == nil && len(entries) > 0 {
		return usageIn(p.path, "--salvage %s: is there already, and not empty", o.Salvage)
	} else if _, gone := os.Stat(o.Salvage); err != nil && gone == nil {
		return usageIn(p.path, "--salvage %s: is there already, and no directory", o.Salvage)
	}
	if isWithin(o.Salvage, o.Dir) {
		return usageIn(p.path, "--salvage %s: is inside of %s, in which nothing is changed", o.Salvage, o.Dir)
	}
	return nil
}

// isWithin tells whether a path, of which the end need not be there, is a
// directory or below it, links followed.
func isWithin(path, dir string) bool {
	top, err := os.Stat(dir)
	if err != nil {
		return false
	}
	if path, err = filepath.Abs(path); err != nil {
		return false
	}
	for {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		if info, err := os.Stat(path); err == nil && os.SameFile(info, top) {
			return true
		}
		above := filepath.Dir(path)
		if above == path {
			return false
		}
		path = above
	}
}
