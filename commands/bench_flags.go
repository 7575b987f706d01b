package commands

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/bench"
	"mqtk/mqttwire"
)

// A benchFlag is a flag and the commands that have it.
type benchFlag struct {
	of   string // letters: see benchKind
	flag cli.Flag
}

// pick keeps the flags of a command, under one heading.
func (k benchKind) pick(category string, flags ...benchFlag) []cli.Flag {
	var picked []cli.Flag
	for _, f := range flags {
		if strings.IndexByte(f.of, byte(k)) >= 0 {
			picked = append(picked, f.flag)
		}
	}
	return inCategory(category, picked...)
}

func (o *benchOptions) flags() []cli.Flag {
	flags := append(o.loadFlags(), o.judgeFlags()...)
	flags = append(flags, o.brokerFlags()...)
	flags = append(flags, o.manyClients(o.connectOptions.flags(o.kind.packets()...))...)
	return append(flags, o.outputFlags()...)
}

func (o *benchOptions) loadFlags() []cli.Flag {
	b := &o.load
	shapes, clients := "have clients do what `SHAPE` says: "+strings.Join(shapesOf(benchBoth), ", ")+" (default pairs); SHAPES in the man page tells of each", "have `N` publishers and N subscribers; of fan-in one subscriber, of fan-out one publisher (default 10)"
	topics, called := "mqtk/%r/%i", "call the topics by `TEMPLATE`"
	if o.kind != benchBoth {
		topics = "mqtk/bench/%i" // which the other one knows
	}
	switch o.kind {
	case benchPub:
		clients = "have `N` publishers (default 10)"
	case benchSub:
		clients, called = "have `N` subscribers (default 10)", "subscribe to `TEMPLATE`, a topic or a filter with + and #"
	case benchConn:
		shapes, clients = "do with connections what `SHAPE` says: "+strings.Join(shapesOf(benchConn), ", ")+" (default ramp); SHAPES in the man page tells of each", "have `N` connections (default 10)"
	}
	flags := o.kind.pick("Load",
		benchFlag{"bc", valued("shape", shapes, o.toShape)},
		benchFlag{"bpsc", valued("clients c", clients, toCountGiven(&o.Clients))},
		benchFlag{"bp", valued("pubs", "have `N` publishers", toCount(&b.Publishers))},
		benchFlag{"bs", valued("subs", "have `N` subscribers", toCount(&b.Subscribers))},
		benchFlag{"bps", valued("topics", "use `N` topics; publisher i feeds topic i modulo N (default one for each pair or publisher, with fan-out one)", toCount(&b.Topics))},
		benchFlag{"bps", valued("topic t", called+", in which %i becomes the number of the topic and %r a word of this run (default "+topics+")", o.toTemplate)},
		benchFlag{"bps", valued("qos q", "publish and subscribe at `QOS` 0, 1 or 2 (default 0)", toQoS(&o.QoS))},
		benchFlag{"bp", valued("size s", "publish payloads of `BYTES`, or of all sizes of a range as 16-1024 (k and M are 1024 and 1024 times that); 16 at least, for that is what the proof of delivery takes (default 64)", toSizes(&b.SizeMin, &b.SizeMax))},
		benchFlag{"bps", valued("messages n", "end after `N` messages in all; with --duration, whatever ends first (retained and offline: default 10000)", toBigCount(&b.Messages))},
		benchFlag{"bpsc", valued("duration z", "measure for `TIME`, without the warm-up (default 10, unless --messages says how long)", toPositiveDuration(&b.Duration))},
		benchFlag{"bp", valued("rate", "publish at `RATE` messages a second in all, each at its planned time (2000, 2000/s, 2k; default: a closed loop at full speed)", toRate(&b.Rate))},
		benchFlag{"bp", valued("ramp", "let the rate grow from nothing to that of --rate within `TIME`", toPositiveDuration(&b.Ramp))},
		benchFlag{"bpsc", valued("connect-rate R", "make `RATE` connections a second (default: as fast as they are answered)", toRate(&b.ConnectRate))},
		benchFlag{"bps", valued("warmup", "run for `TIME` before anything is counted (default 1)", o.toWarmup)},
		benchFlag{"bp", valued("window M max-inflight", "have at most `N` messages of a publisher unacknowledged at QoS 1 and 2 (default 100)", toNumber(&b.Window, 1, 65535))},
		benchFlag{"b", valued("outstanding", "in a closed loop, have at most `N` messages of a publisher sent and not received (default 1000; 0: no bound)", o.toOutstanding)},
		benchFlag{"bp", onOff("retain r", "let the broker retain the messages", &b.Retain)},
		benchFlag{"c", valued("hold", "hold the connections for `TIME` (default that of --duration; storm 1, and again after each loss)", toPositiveDuration(&b.Hold))},
		benchFlag{"bpsc", valued("patience", "wait `TIME` after the last delivery for what is missing (default 5)", toPositiveDuration(&b.Patience))},
		benchFlag{"bpsc", valued("workers", "put the load on with `N` threads (default half as many as there are processors)", toNumber(&b.Workers, 1, 1024))})
	return flags
}

func (o *benchOptions) brokerFlags() []cli.Flag {
	return o.kind.pick("Broker",
		benchFlag{"bpc", valued("broker", "start the broker that `COMMAND` runs, without a shell, measure it, and stop it; in it {port} becomes a free port and {data} a new directory; more than one (repeatable) are measured by turns and put side by side in a table", o.toBroker)},
		benchFlag{"b", valued("rows", "with several --broker, measure the `ROWS` SHAPE/QOS[/BYTES], with blanks between (default "+defaultRows+")", o.toRows)},
		benchFlag{"bpsc", valued("pid", "watch CPU time and memory of the process `PID`, which is the broker (Linux)", toNumber(&o.load.PID, 1, math.MaxInt32))})
}

// manyClients makes of the connection flags of one client those of many.
func (o *benchOptions) manyClients(flags []cli.Flag) []cli.Flag {
	change := func(name string, to *cli.GenericFlag) {
		i := slices.IndexFunc(flags, func(f cli.Flag) bool { return flagNames(f)[0] == name })
		to.Category = flags[i].(*cli.GenericFlag).Category
		flags[i] = to
	}
	change("bind", valued("bind A", "connect from the local `ADDRESSES`, by turns: one, several with commas, ranges as 127.0.0.2-127.0.0.9, networks as 10.0.0.0/24; each has room for some 28,000 connections", toString(&o.Sources)))
	change("host", valued("host h", "connect to `HOST` (default: without --port, too, mqtk's own broker, in this process; else localhost)", toHost(&o.Host)))
	change("url", valued("url L", "connect to `URL`: mqtt://[USER[:PASSWORD]@]HOST[:PORT], mqtts:// with TLS, ws:// and wss:// with the WebSocket path behind the port (default /mqtt), or unix:///PATH", toString(&o.URL)))
	change("retry", valued("retry", "try the first connection again at most `N` times (default: never)", toRetry(&o.Retry)))
	change("id", valued("id i", "begin all client ids with `PREFIX` (default mqtk-)", toString(&o.ID)))
	change("id-prefix", valued("id-prefix I", "the same as --id `PREFIX`", toString(&o.IDPrefix)))
	change("timeout", valued("timeout W", "end after `TIME`, whatever the run is at, with what was measured so far and code 27", toPositiveDuration(&o.Timeout)))
	flags = slices.DeleteFunc(flags, func(f cli.Flag) bool {
		name := flagNames(f)[0]
		return name == "debug" || name == "nodelay" || name == "quiet"
	})
	for _, f := range flags {
		if b, ok := f.(*cli.BoolFlag); ok && b.Name == "no-clean" {
			b.Aliases = slices.DeleteFunc(b.Aliases, func(s string) bool { return s == "c" })
			b.Usage = "connect without Clean Start, so that sessions of the same ids are taken up"
		}
	}
	return flags
}

// shapesOf are the shapes that --shape takes.
func shapesOf(k benchKind) []string {
	shapes := []bench.Shape{bench.Pairs, bench.FanIn, bench.FanOut, bench.Shared, bench.Retain, bench.Offline}
	if k == benchConn {
		shapes = []bench.Shape{bench.Ramp, bench.Churn, bench.Storm}
	}
	words := make([]string, len(shapes))
	for i, s := range shapes {
		words[i] = string(s)
	}
	return words
}

// toShape takes a shape of this command, and says which one has another.
func (o *benchOptions) toShape(s string) error {
	err := toOneOf(&o.Shape, shapesOf(o.kind)...)(s)
	switch {
	case err == nil:
	case o.kind == benchBoth && slices.Contains(shapesOf(benchConn), s):
		return fmt.Errorf("that is mqtk bench conn --shape %s", s)
	case o.kind == benchConn && slices.Contains(shapesOf(benchBoth), s):
		return fmt.Errorf("that is mqtk bench --shape %s", s)
	}
	return err
}

// toTemplate takes topics; where nobody publishes filters, too.
func (o *benchOptions) toTemplate(s string) error {
	check := mqttwire.CheckTopicName
	if o.kind == benchSub {
		check = mqttwire.CheckTopicFilter
	}
	err := check(s)
	switch {
	case err == nil:
		o.load.Topic = s
		return nil
	case o.kind != benchSub && mqttwire.CheckTopicFilter(s) == nil:
		return fmt.Errorf("%s: %%i is what makes several of one, as in -t bench/%%i --topics N", detailOf(err))
	}
	return errors.New(detailOf(err))
}

// maxClients is more than one process can have connections.
const maxClients = 10_000_000

func toCount(into *int) func(string) error {
	return func(s string) error {
		n, err := parseCount(s)
		if err != nil || n < 1 || n > maxClients {
			return fmt.Errorf("must be a number from 1 to %d", maxClients)
		}
		*into = int(n)
		return nil
	}
}

func toCountGiven(into **int) func(string) error {
	return func(s string) error {
		n := new(int)
		*into = n
		return toCount(n)(s)
	}
}

func toBigCount(into *int64) func(string) error {
	return func(s string) error {
		n, err := parseCount(s)
		if err != nil || n < 1 || n > 1e12 {
			return errors.New("must be a number from 1 to 1000000000000, such as 5000 or 2M")
		}
		*into = int64(n)
		return nil
	}
}

// toRate takes 2000, 2000/s, 2k or 1.5M.
func toRate(into *float64) func(string) error {
	return func(s string) error {
		n, err := parseCount(strings.TrimSuffix(s, "/s"))
		if err != nil || n <= 0 || n > 1e9 {
			return errors.New("must be a number a second, such as 2000, 2000/s, 2k or 0.5")
		}
		*into = n
		return nil
	}
}

// parseCount reads a number that may end with k or M.
func parseCount(s string) (float64, error) {
	unit := 1.0
	if cut, found := strings.CutSuffix(strings.ToLower(s), "k"); found {
		s, unit = cut, 1e3
	} else if cut, found := strings.CutSuffix(strings.ToLower(s), "m"); found {
		s, unit = cut, 1e6
	}
	for _, r := range s {
		if r != '.' && (r < '0' || r > '9') {
			return 0, strconv.ErrSyntax // ParseFloat reads inf, 0x and underscores
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	return n * unit, err
}

// leastSize is what a payload needs to prove its delivery.
const leastSize = 16

// parseBytes reads 4096, 4k, 4kB or 4KiB: units of sizes are powers of 1024.
func parseBytes(s string) (uint64, error) {
	digits := strings.TrimRight(s, "kKmMiIbB")
	shift := 0
	switch strings.ToLower(s[len(digits):]) {
	case "":
	case "k", "kb", "kib":
		shift = 10
	case "m", "mb", "mib":
		shift = 20
	default:
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return n << shift, err
}

// toSizes takes 64, 4k or 16-1024.
func toSizes(low, high *int) func(string) error {
	return func(s string) error {
		first, last, isRange := strings.Cut(s, "-")
		if !isRange {
			last = first
		}
		a, err1 := parseBytes(first)
		b, err2 := parseBytes(last)
		switch {
		case err1 != nil || err2 != nil || a > b || b > mostBytes:
			return fmt.Errorf("must be bytes such as 64 or 4k, or a range such as 16-1024, up to %d", mostBytes)
		case a < leastSize:
			return fmt.Errorf("must be %d at least: each payload carries its publisher, its number and its time, which prove that it came, once and in order", leastSize)
		}
		*low, *high = int(a), int(b)
		return nil
	}
}

// mostBytes leaves room for a topic and properties in the largest packet.
const mostBytes = 268_435_455 - 1<<17
