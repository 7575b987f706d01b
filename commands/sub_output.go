package commands

import (
	"bufio"
	"io"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// A taker is given each message that passes the sieves: it prints, records,
// runs, answers or counts. All of it happens on the reading goroutine.
type taker interface {
	// take takes a message that came at a time; it is good until take returns.
	take(m *mqttwire.Publish, at time.Time) error
	// flush sends on its way what was taken; nothing more comes at the moment.
	flush() error
	// close is the last call.
	close() error
}

// A settler is a taker that has something to do before the DISCONNECT.
type settler interface {
	settle() error
}

// A goal is a taker that a run is for.
type goal interface {
	taker
	// open tells that the goal is not reached, so that a signal leaves
	// something undone.
	open() bool
	// verdict is nil when the goal was reached. It is asked after close, by
	// the goroutine that runs sub.
	verdict() error
}

// outletOptions are what becomes of messages beside, or in place of, printing
// them.
type outletOptions struct {
	Pretty, Tree bool
	Gunzip       bool

	Record   string
	Out      string
	Exec     string
	ExecJobs int

	RemoveRetained, DryRun bool

	outIsFolder bool // found out when it is opened
}

func (o *outletOptions) flags() []cli.Flag {
	return inCategory("Output",
		onOff("tree", "show the topics as a tree, with how many messages came, and the last payloads: on a terminal updated in place, else printed at the end", &o.Tree),
		onOff("pretty", "lay JSON out on several lines: payloads that are objects or arrays, or the objects of --json", &o.Pretty),
		onOff("gunzip", "unpack payloads that are gzip and not marked so, as none can be before MQTT 5.0; marked ones are unpacked without it", &o.Gunzip),
		valued("record", "append each message to `FILE`, as a line of --json; for pub --replay", toFile(&o.Record, "--json prints the same on stdout")),
		valued("out", "write to `PATH`: in a folder each topic's last payload is a file; to any other file the output is appended, and its name may hold parts of the message (see FILES in the man page)", toFile(&o.Out, "without --out the output goes to stdout")),
		valued("exec", "run `COMMAND` for each message, with the payload on stdin and the topic in $MQTK_TOPIC (see COMMANDS in the man page)", toString(&o.Exec)),
		valued("exec-jobs", "let `N` commands run side by side (default 1: one after the other, in order)", toNumber(&o.ExecJobs, 1, 1000)),
		onOff("remove-retained", "remove the retained messages that are printed from the broker", &o.RemoveRetained),
		onOff("dry-run", "with --remove-retained, only count what would be removed", &o.DryRun))
}

func (o *outletOptions) check(all *subOptions) error {
	switch {
	case o.Exec != "" && all.Reply.how != "":
		return usagef("--exec and --reply are two ways to take a message: --reply exec:COMMAND answers with what COMMAND prints")
	case o.ExecJobs > 0 && o.Exec == "":
		return usagef("--exec-jobs needs --exec")
	case o.DryRun && !o.RemoveRetained:
		return usagef("--dry-run needs --remove-retained")
	case o.RemoveRetained && all.NoRetained:
		return usagef("--remove-retained removes what --no-retained leaves out")
	case o.RemoveRetained && all.RetainAsPublished:
		return usagef("--remove-retained would remove live messages, too, which --retain-as-published marks as retained")
	case all.Watch && o.Tree:
		return usagef("--watch and --tree are two ways to show topics: give one")
	case o.Tree && (all.JSON || all.Format != nil || all.Verbose):
		return usagef("--tree is a way to print of its own: it goes with none of -v, -F and --json")
	case o.Pretty && (all.Watch || o.Tree):
		return usagef("--pretty prints several lines, and --watch and --tree one for each topic: give one")
	case o.Out != "" && (all.Watch || o.Tree):
		return usagef("--watch and --tree are for a terminal, and --out for files: give one")
	}
	return nil
}

// exactly tells that what is printed or recorded is what came: at the QoS and with
// the retain mark of its publisher, and compressed payloads stay as they are, so that pub --jsonl and
// --replay can send the very same messages.
func (o *subOptions) exactly() bool { return o.JSON || o.Record != "" }

// keepsRetain tells that live messages show how they were published.
func (o *subOptions) keepsRetain() bool {
	return o.RetainAsPublished || o.exactly() && !o.RetainedOnly && !o.RemoveRetained
}

// prints tells that messages go to stdout: as long as nothing else becomes of
// them, or where a way to print is given.
func (o *subOptions) prints() bool {
	if o.Verbose || o.JSON || o.Format != nil || o.Watch || o.Tree || o.Pretty {
		return o.Out == "" || o.outIsFolder
	}
	return o.Out == "" && o.Record == "" && o.Exec == ""
}

// printer chooses how messages are printed on stdout.
func (o *subOptions) printer(p *program) *printer {
	out := o.printerTo(p, p.Out)
	if (o.Watch || o.Tree) && p.canRedraw(p.Out) {
		var v view = newWatch()
		if o.Tree {
			v = &topicTree{}
		}
		out.live = newLive(p.Out.(*os.File), v)
	}
	return out
}

// printerTo chooses how messages are printed.
func (o *subOptions) printerTo(p *program, w io.Writer) *printer {
	out := &printer{
		w: bufio.NewWriterSize(w, 64<<10), eol: !o.NoNewline, verbose: o.Verbose || o.Watch,
		terminal: isTerminal(w), ink: p.inkFor(w), laidOut: o.Pretty,
	}
	switch {
	case o.JSON && o.Pretty:
		out.render = out.prettyJSON
	case o.JSON:
		out.render = out.json
	case o.Format != nil:
		out.format, _ = parseFormat(*o.Format, formatMarks) // checked by its flag
		out.render = out.formatted
		out.complain = p.warn
	case o.Pretty:
		out.render = out.pretty
	default:
		out.render = out.plain
	}
	return out
}

// makeTakers makes what the flags ask for, beside the goals.
func (s *subscriber) makeTakers() error {
	if s.o.Record != "" {
		r, err := s.openRecorder()
		if err != nil {
			return err
		}
		s.exact = append(s.exact, r)
	}
	to := &s.takers
	if s.o.JSON || hasObject(s.o.Format) {
		to = &s.exact
	}
	if s.o.Out != "" {
		if err := s.openOut(to); err != nil {
			return err
		}
	}
	s.printer = s.o.printer(s.p)
	switch {
	case !s.o.prints():
	case s.o.Tree && s.printer.live == nil:
		s.takers = append(s.takers, &treePrinter{out: s.p.Out})
	default:
		*to = append(*to, s.printer)
	}
	if s.o.Exec != "" {
		out := s.p.Out
		if s.printer.live != nil {
			out = aroundScreen{out, s.printer.live}
		}
		s.addGoal(newRunner(s.link, s.o.Exec, s.o.ExecJobs, out, s.printer.flush))
	}
	if s.o.RemoveRetained {
		r := newRemover(s.link, s.o.DryRun)
		s.sieves = append(s.sieves, r.passes)
		s.addGoal(r)
	}
	if s.o.Reply.how != "" {
		s.responder = s.o.responder(s)
		s.addGoal(s.responder)
	}
	if s.trial != nil {
		s.takers, s.goals = append(s.takers, s.trial), slices.Insert(s.goals, 0, goal(s.trial)) // its verdict is the first
	}
	return nil
}

// addGoal lets a goal take messages, too.
func (s *subscriber) addGoal(g goal) {
	s.takers, s.goals = append(s.takers, g), append(s.goals, g)
}

// hasObject tells a format that shows messages as --json does.
func hasObject(format *string) bool {
	if format == nil {
		return false
	}
	parts, _ := parseFormat(*format, formatMarks)
	return slices.ContainsFunc(parts, func(p formatPart) bool { return p.kind == '%' && (p.letter == 'j' || p.letter == 'J') })
}
