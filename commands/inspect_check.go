package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/probe"
)

// checkOptions is what the flags of inspect check fill.
type checkOptions struct {
	targetOptions
	Connect, Receive, QoS2, TLSDays *threshold
	Retained                        []retainedAge
	AgeFrom                         string
	Format                          string
	Limit                           time.Duration
	Topic, IDPrefix                 string
}

// A threshold is where a warning begins, and where it is critical.
type threshold struct {
	Warning, Critical float64
	HasWarning        bool
	Below             bool // it is little that is bad
}

// A retainedAge is a retained message that has to be young.
type retainedAge struct {
	Topic string
	Limit threshold
}

const (
	formatText       = "text"
	formatNagios     = "nagios"
	formatPrometheus = "prometheus"
	formatJSON       = "json"
)

func checkFormats() []string {
	return []string{formatText, formatNagios, formatPrometheus, formatJSON}
}

// inspectCheckCommand is mqtk inspect check.
func (p *program) inspectCheckCommand() *cli.Command {
	o := &checkOptions{Format: formatText, Limit: 10 * time.Second}
	return &cli.Command{
		Name:      "check",
		Usage:     "check a broker against thresholds, for monitoring",
		UsageText: "mqtk inspect check [FLAGS] [URL]",
		ArgsUsage: "[URL]",
		Description: `Connects to a broker and measures what it was given thresholds for; times of messages are the median
of three. A threshold is WARNING,CRITICAL, or CRITICAL alone. Without any it tells that the broker can be
reached, and how fast.

--retained-age tells a source that has gone silent, by the retained message that it left. MQTT does not say
how old such a message is: the time must be in the payload, as RFC 3339 or as a number since 1970 (seconds,
milliseconds, microseconds or nanoseconds, which its size tells). --age-from names its place in a payload of
JSON; without it the payload is the time. A topic without a retained message is critical; one without a time
in it is unknown, and so is a time of tomorrow.

It ends with 10 if anything is critical or unknown, and with the code for that if the broker is not reached. With --format nagios it ends as plugins do: 0 OK, 1 WARNING, 2 CRITICAL, where the broker is not
reached too, 3 UNKNOWN.`,
		Flags: o.flags(p),
		Action: func(c *cli.Context) error {
			return o.run(c.Context, p)
		},
	}
}

func (o *checkOptions) flags(p *program) []cli.Flag {
	flags := inCategory("What to check",
		valued("connect", "the `TIMES` from dialling to the CONNACK, as in 100ms,500ms", toTimes(&o.Connect)),
		valued("receive", "the `TIMES` from publishing a message at QoS 1 to receiving it", toTimes(&o.Receive)),
		valued("qos2", "the `TIMES` of the whole handshake of a message at QoS 2", toTimes(&o.QoS2)),
		valued("tls-days", "the `DAYS` for which the broker's certificates are valid, as in 30,7", toDays(&o.TLSDays)),
		valued("retained-age", "the age of a retained message, `TOPIC=TIMES` (repeatable)", o.addRetained),
		valued("age-from", "take its time from `PATH` in a payload of JSON, as in state.ts (default: the payload is the time)", toString(&o.AgeFrom)),
		valued("topic t", "publish below `TOPIC` (default mqtk-check/ and 12 random characters)", toTopicPrefix(&o.Topic)),
		valued("id-prefix I", "begin client ids with `PREFIX`, of 10 characters at most (default mqtkcheck)", toIDPrefix(&o.IDPrefix)),
		valued("timeout W", "let everything together take `TIME` (default 10)", toPositiveDuration(&o.Limit)))
	flags = append(flags, inCategory("Output",
		valued("format F", "print `FORMAT`: text, nagios, prometheus or json", toOneOf(&o.Format, checkFormats()...)),
		onOff("json", "the same as --format json", &p.json))...)
	return slices.Concat(flags, o.reachFlags(), o.traceFlag())
}

// toThreshold takes WARNING,CRITICAL or CRITICAL, each read by parse.
func toThreshold(into *threshold, parse func(string) (float64, error)) func(string) error {
	return func(s string) error {
		warning, critical, both := strings.Cut(s, ",")
		if !both {
			critical = warning
		}
		var err error
		if into.Critical, err = parse(critical); err != nil {
			return err
		}
		if into.HasWarning = both; !both {
			return nil
		}
		if into.Warning, err = parse(warning); err != nil {
			return err
		}
		switch {
		case into.Below && into.Warning < into.Critical:
			return fmt.Errorf("warns of less than what is critical: the first of the two has to be the larger one")
		case !into.Below && into.Warning > into.Critical:
			return fmt.Errorf("warns of more than what is critical: the first of the two has to be the smaller one")
		}
		return nil
	}
}

func inDurations(s string) (float64, error) {
	d, err := parseDuration(s)
	return d.Seconds(), err
}

func toTimes(into **threshold) func(string) error {
	return func(s string) error {
		*into = &threshold{}
		return toThreshold(*into, inDurations)(s)
	}
}

func toDays(into **threshold) func(string) error {
	return func(s string) error {
		*into = &threshold{Below: true}
		return toThreshold(*into, func(s string) (float64, error) {
			n, err := strconv.ParseUint(s, 10, 16)
			if err != nil {
				err = fmt.Errorf("must be days, as in 30,7")
			}
			return float64(n), err
		})(s)
	}
}

func (o *checkOptions) addRetained(s string) error {
	i := strings.LastIndexByte(s, '=')
	if i < 0 {
		return fmt.Errorf("must be TOPIC=TIMES, as in plant/state=2m,10m")
	}
	r := retainedAge{Topic: s[:i]}
	if err := mqttwire.CheckTopicName(r.Topic); err != nil {
		return fmt.Errorf("%s", detailOf(err))
	}
	if err := toThreshold(&r.Limit, inDurations)(s[i+1:]); err != nil {
		return err
	}
	o.Retained = append(o.Retained, r)
	return nil
}

// run measures, and tells.
func (o *checkOptions) run(ctx context.Context, p *program) error {
	p.quiet = o.Quiet
	if p.json {
		o.Format = formatJSON
	}
	p.json = o.Format == formatJSON
	out := newCheckPrinter(p, o.Format)
	t, err := o.aim(p)
	if err != nil {
		return out.failed("", err)
	}
	if err := o.await(ctx, p, t); err != nil {
		return out.failed(t.url, err)
	}
	l, cancel := p.newLink(ctx, &o.connectOptions, t.plan)
	defer cancel()
	po, err := t.probeOptions(l)
	if err != nil {
		return out.failed(t.url, err)
	}
	o.name(&po)
	limited, stop := context.WithTimeoutCause(l.ctx, o.Limit, fmt.Errorf("nothing came within %v", o.Limit))
	defer stop()
	measured, err := probe.Measure(limited, po, o.wanted())
	if cause := context.Cause(l.ctx); cause != nil {
		return l.outcome(cause, true)
	}
	if err != nil {
		return out.failed(t.url, l.outcome(err, true))
	}
	return out.print(t.url, o.judge(measured, time.Now()))
}

// aim is the broker, which has to have TLS where its days are asked for.
func (o *checkOptions) aim(p *program) (*target, error) {
	url, err := p.oneURL()
	if err != nil {
		return nil, err
	}
	if o.AgeFrom != "" && len(o.Retained) == 0 {
		return nil, usageIn(p.path, "--age-from is for --retained-age")
	}
	t, err := o.target(p, url)
	if err == nil && o.TLSDays != nil && !isTLS(t.place.target.Scheme) {
		err = usageIn(p.path, "--tls-days needs TLS, which %s is not", t.url)
	}
	return t, err
}

// name gives the topic and the client ids of the check.
func (o *checkOptions) name(po *probe.Options) {
	po.Topic, po.IDPrefix = "mqtk-check/"+randomID(), "mqtkcheck"+randomID()[:8]
	po.MaxPacket = 16 << 20 // that a retained message may have
	if o.Topic != "" {
		po.Topic = o.Topic + "/" + randomID()
	}
	if o.IDPrefix != "" {
		po.IDPrefix = o.IDPrefix + randomID()[:8]
	}
}

func (o *checkOptions) wanted() probe.Wanted {
	w := probe.Wanted{Certificate: o.TLSDays != nil, Receive: o.Receive != nil, QoS2: o.QoS2 != nil}
	for _, r := range o.Retained {
		w.Retained = append(w.Retained, r.Topic)
	}
	return w
}

// judge holds what was measured to the thresholds.
func (o *checkOptions) judge(m *probe.Measured, now time.Time) []finding {
	all := []finding{timed("connect", probe.Duration{Took: m.Connect}, o.Connect)}
	if o.TLSDays != nil {
		all = append(all, daysLeft(m.Certificate, *o.TLSDays, now))
	}
	if o.Receive != nil {
		all = append(all, timed("receive", m.Receive, o.Receive))
	}
	if o.QoS2 != nil {
		all = append(all, timed("qos2", m.QoS2, o.QoS2))
	}
	for i, kept := range m.Retained {
		all = append(all, o.aged(kept, o.Retained[i].Limit, now))
	}
	return all
}

// timed judges how long something took. That it did not come to an end is
// critical; that it was not allowed tells nothing of how long it would have
// taken.
func timed(name string, d probe.Duration, limit *threshold) finding {
	f := finding{Name: name, Unit: "s", Limit: limit}
	switch {
	case d.Err != nil && refusedRights(d.Err):
		return f.unknown(d.Err.Error())
	case d.Err != nil:
		f.Status, f.Detail = statusCritical, d.Err.Error()
		return f
	}
	return f.measured(d.Took.Seconds())
}

func refusedRights(err error) bool {
	var r *probe.Refusal
	return errors.As(err, &r)
}

func daysLeft(e probe.Expiry, limit threshold, now time.Time) finding {
	f := finding{Name: "tls_days", Unit: "days", Limit: &limit}
	if e.Err != nil {
		return f.unknown(e.Err.Error())
	}
	f.Detail = fmt.Sprintf("%s is valid until %s", quotedName(e.Subject), day(e.NotAfter))
	return f.measured(float64(int(e.NotAfter.Sub(now).Hours() / 24)))
}

func (o *checkOptions) aged(k probe.Kept, limit threshold, now time.Time) finding {
	f := finding{Name: "retained_age", Topic: k.Topic, Unit: "s", Limit: &limit}
	switch {
	case k.Err != nil:
		return f.unknown(k.Err.Error())
	case !k.Found:
		f.Status, f.Detail = statusCritical, "there is no retained message"
		return f
	}
	at, err := timeIn(k.Payload, o.AgeFrom)
	if err != nil {
		return f.unknown(err.Error())
	}
	age := now.Sub(at)
	if age < -time.Second {
		return f.unknown(fmt.Sprintf("its time is %v from now: the clocks are not the same", -age.Round(time.Second)))
	}
	return f.measured(max(0, age.Seconds()))
}
