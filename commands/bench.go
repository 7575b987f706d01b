package commands

import (
	"cmp"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/bench"
	"mqtk/mqttwire"
)

// benchOptions is what the flags of bench, and of bench pub, sub and conn, fill.
type benchOptions struct {
	connectOptions
	load    bench.Plan    // as far as flags say
	asked   bench.Plan    // with the defaults, as far as it was made
	none    *bench.Result // of a run that did not take place, where something is known
	Clients *int
	Shape   string
	QoS     []string
	Sources string // addresses of this side
	Prefix  string // of client ids
	Judge   benchJudge
	Out     benchOutput
	Brokers []string // commands
	Rows    string
	kind    benchKind
}

// A benchKind is one of the commands that put load on a broker, as the letter by
// which flags name those that they belong to.
type benchKind byte

const (
	benchBoth benchKind = 'b' // mqtk bench
	benchPub  benchKind = 'p'
	benchSub  benchKind = 's'
	benchConn benchKind = 'c'
)

// benchCommand is mqtk bench, which is a command and a family of commands.
func (p *program) benchCommand() *cli.Command {
	c := p.loadCommand(benchBoth)
	c.Subcommands = []*cli.Command{p.loadCommand(benchPub), p.loadCommand(benchSub), p.loadCommand(benchConn), p.benchCompareCommand(), p.benchCrashCommand()}
	return c
}

// loadCommand is mqtk bench, or mqtk bench pub, sub or conn.
func (p *program) loadCommand(kind benchKind) *cli.Command {
	o := &benchOptions{kind: kind}
	c := kind.describe()
	c.Flags = o.flags()
	c.Action = func(c *cli.Context) error { return o.run(c.Context, p) }
	return c
}

func (k benchKind) describe() *cli.Command {
	switch k {
	case benchPub:
		return &cli.Command{
			Name: "pub", Usage: "measure how fast a broker takes messages", UsageText: "mqtk bench pub [FLAGS]",
			Description: `Publishes, and leaves the receiving to others: to mqtk bench sub on another machine, or to
nobody. What it counts are acknowledgements. With --rate, and bench sub on the same machine, bench sub
tells the latency from the planned time.`,
		}
	case benchSub:
		return &cli.Command{
			Name: "sub", Usage: "receive what bench pub sends, and count and time it", UsageText: "mqtk bench sub [FLAGS]",
			Description: `Subscribes to the topics of mqtk bench pub, with the same --topic, --topics and --qos, and counts
and times what comes. Start it first. Latency is told where both run on one machine, for it is one clock
there.`,
		}
	case benchConn:
		return &cli.Command{
			Name: "conn", Usage: "measure connections: made at a rate and held, made and ended, made anew all at once", UsageText: "mqtk bench conn [--shape ramp|churn|storm] [FLAGS]",
			Description: `Makes connections and publishes nothing. ramp makes --clients of them, at --connect-rate, and holds
them idle for --hold; churn makes and ends connections for --duration; storm holds them, loses them all at
once and makes them anew.`,
		}
	}
	return &cli.Command{
		Name: "bench", Usage: "put a broker to the test: throughput, latency, loss, connections, crashes",
		UsageText: "mqtk bench [--shape SHAPE] [FLAGS]\nmqtk bench --broker 'COMMAND {port}' --broker 'COMMAND {port}' [FLAGS]\nmqtk bench pub|sub|conn|compare|crash [FLAGS]",
		Description: `Publishes and receives, and tells how many messages came, how fast, how late, and whether one was
lost, came twice or out of order. Without a broker's address it measures mqtk's own broker, which it
starts in this process on a free port of the loopback interface, and says so; --broker starts another.

With --rate it is an open loop: each message has a planned time, whatever the broker does, and latency
counts from that. Without, it is a closed loop at full speed, which --window and --outstanding bound, and
latency counts from the sending.

It ends 10 if a promise of the protocol was broken, or an objective of --expect was not met.`,
	}
}

// shape is what the command does when none is named.
func (o *benchOptions) shape() bench.Shape {
	switch o.kind {
	case benchPub:
		return bench.PubOnly
	case benchSub:
		return bench.SubOnly
	case benchConn:
		return cmp.Or(bench.Shape(o.Shape), bench.Ramp)
	}
	return cmp.Or(bench.Shape(o.Shape), bench.Pairs)
}

// benchPlan is what the flags come to, without the target.
func (o *benchOptions) benchPlan() (bench.Plan, error) {
	b := o.load
	b.Shape = o.shape()
	if o.Clients != nil {
		if b.Clients = *o.Clients; o.kind == benchBoth && b.Publishers > 0 && b.Subscribers > 0 {
			return b, usagef("-c/--clients, --pubs and --subs are all given: what is --clients to say?")
		}
	}
	if len(o.QoS) > 1 {
		return b, usagef("%d times --qos: a run has one", len(o.QoS))
	}
	if len(o.QoS) == 1 {
		b.QoS = mqttwire.QoS(o.QoS[0][0] - '0')
	}
	b.PublishProperties = o.Properties.of(mqttwire.PUBLISH)
	return b, nil
}

// benchPackets are those whose properties -D may set.
func (k benchKind) packets() []mqttwire.PacketType {
	all := []mqttwire.PacketType{mqttwire.CONNECT}
	if k == benchBoth || k == benchPub {
		all = append(all, mqttwire.PUBLISH)
	}
	return append(all, mqttwire.WillProperties)
}

// ownBrokerReady is how long a broker of --broker has until it accepts.
const ownBrokerReady = 30 * time.Second
