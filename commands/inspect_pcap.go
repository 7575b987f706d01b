package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/capture"
)

// pcapOptions is what the flags of inspect pcap fill.
type pcapOptions struct {
	Interface string
	KeyLog    string
	Version   mqttwire.Version
	Apart     bool

	Clients  []string
	Topic    string
	Ports    []uint16
	Findings bool

	Packets bool
	Secrets bool
	Write   string
}

// inspectPcapCommand is mqtk inspect pcap.
func (p *program) inspectPcapCommand() *cli.Command {
	var o pcapOptions
	return &cli.Command{
		Name:      "pcap",
		Usage:     "follow the MQTT sessions of a capture, and list what is wrong in them",
		UsageText: "mqtk inspect pcap [FLAGS] FILE|-\nmqtk inspect pcap [FLAGS] -i INTERFACE",
		ArgsUsage: "FILE|-",
		Description: `Reads a capture (pcap or pcapng, of tcpdump, Wireshark or others; - is stdin), puts the TCP connections in it together
again, with what was lost, repeated or out of order, looks into TLS whose secrets it is told and into WebSocket, and follows every
MQTT session in it. Of each it tells who it was, how long it took and how it ended, and what is wrong in it: violations of the
standard by the client or the broker, with the number of the statement (that of 3.1.1 where MQTT 3.1 is spoken, which numbers none); requests without an answer;
packets that were sent again; missed keep-alives; bytes that the capture lacks. At the end come the totals, and how long each kind of hand-shake took.

-i captures on an interface of this machine instead, until SIGINT, on Linux; elsewhere let tcpdump -w - do that. A record that
inspect proxy wrote is read as a capture, too.

It ends with 10 if there are violations, with 9 if the capture is damaged, and with 1 if there is no MQTT in it.`,
		Flags: o.flags(p),
		Action: func(c *cli.Context) error {
			return o.run(c.Context, p)
		},
	}
}

func (o *pcapOptions) flags(p *program) []cli.Flag {
	flags := inCategory("What to read",
		valued("interface i", "capture on the interface `NAME`, or on any", toString(&o.Interface)),
		valued("tls-keylog", "decrypt TLS with the secrets in `FILE`, which SSLKEYLOGFILE or --tls-keylog had a client write (default: SSLKEYLOGFILE)", toString(&o.KeyLog)),
		valued("protocol-version V", "take connections whose CONNECT was not seen for MQTT `VERSION`: 5, 311 or 31 (default auto: by their packets)", toVersion(&o.Version)),
		onOff("apart", "judge each connection by itself: the capture does not hold all connections of these clients", &o.Apart))
	flags = append(flags, inCategory("Which sessions",
		valued("client", "those of client `ID` (repeatable)", toList(&o.Clients)),
		valued("topic", "those in which a message passed that matches the topic filter `FILTER`; of packets, these messages and the answers to them", o.setTopic),
		valued("port", "those with the port `PORT`, whatever their first bytes are (repeatable; default: all connections that begin as MQTT does)", o.addPort),
		onOff("findings", "those in which something was found", &o.Findings))...)
	return append(flags, inCategory("Output",
		onOff("packets", "list each packet in words, with its time, connection and side", &o.Packets),
		onOff("secrets", "print passwords and authentication data", &o.Secrets),
		valued("pcapng", "write the sessions to `FILE` as a capture, out of TLS and WebSocket", toString(&o.Write)),
		onOff("json", "print a JSON object for each packet, finding and session, and one at the end", &p.json))...)
}

func (o *pcapOptions) setTopic(s string) error {
	if err := mqttwire.CheckTopicFilter(s); err != nil {
		return errors.New(detailOf(err))
	}
	o.Topic = s
	return nil
}

func (o *pcapOptions) addPort(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("%s is no port: a number from 1 to 65535 is", s)
	}
	o.Ports = append(o.Ports, uint16(n))
	return nil
}

// run reads all there is and reports on it.
func (o *pcapOptions) run(ctx context.Context, p *program) error {
	words := p.line.words()
	switch {
	case o.Interface != "" && len(words) > 0:
		return usageIn(p.path, "%s: a file and -i/--interface are one at a time", words[0])
	case o.Interface == "" && len(words) != 1:
		return usageIn(p.path, "needs one capture file, or - for stdin, or -i and an interface")
	}
	defer ignoreBrokenPipe()()
	ctx, stop := untilSignal(ctx)
	defer stop()
	source, err := o.open(ctx, p)
	if err != nil {
		return err
	}
	defer source.close()
	out := &pcapPrinter{
		journalPrinter: journalPrinter{Writer: bufio.NewWriterSize(p.Out, 64<<10), json: p.json, ink: p.inkFor(p.Out)},
		options:        o, live: source.live != nil,
	}
	follower := newPcapFollower(o, out, source.isRecord)
	if o.Write != "" {
		if source.reads(o.Write) {
			return usageIn(p.path, "--pcapng %s: that is the file to read; name another", o.Write)
		}
		file, err := createPrivate(o.Write)
		if err != nil {
			return fmt.Errorf("--pcapng: %w", err)
		}
		defer file.Close()
		follower.writer = capture.NewWriter(file)
	}
	if source.live != nil {
		p.warn("capturing on %s; Ctrl-C ends it and gives the totals", source.name)
	}
	damage := source.each(follower.event)
	follower.finish()
	return out.finish(o.verdict(p, follower, source, damage))
}

// verdict is what the command ends with.
func (o *pcapOptions) verdict(p *program, f *pcapFollower, s *pcapSource, damage error) error {
	if f.writer != nil && f.writer.Err() != nil {
		return fmt.Errorf("--pcapng %s: %w", o.Write, f.writer.Err())
	}
	if f.cut > 0 {
		p.warn("%s in %s at the first bytes that the capture lacks", plural(f.cut, "session ends", "sessions end"), o.Write)
	}
	if n := s.lost; n > 0 {
		p.warn("%s lost: the system had no room for them; what follows from their absence is no finding", plural(n, "packet was", "packets were"))
	}
	if isReaderGone(f.out.err) {
		return f.out.err
	}
	s.warnOfStrange(p)
	if f.totals.findings[0] > 0 {
		if damage != nil {
			p.warn("%s: %s", s.name, damage)
		}
		return fail(exitUnexpected, fmt.Errorf("%s", plural(f.totals.findings[0], "violation of the standard", "violations of the standard")))
	}
	if damage != nil {
		return fail(exitPartly, fmt.Errorf("%s: %w", s.name, damage))
	}
	if f.totals.sessions == 0 && s.live == nil {
		return f.nothing(s)
	}
	return nil
}

// nothing is the error of a capture without MQTT.
func (f *pcapFollower) nothing(s *pcapSource) error {
	var none *failure
	name := s.name
	switch {
	case f.seen > 0:
		return fail(exitFailed, fmt.Errorf("%s: none of the %s in it is one of those", name, plural(f.seen, "MQTT session", "MQTT sessions")))
	case f.connections == 0:
		none = fail(exitFailed, fmt.Errorf("%s: there is no TCP connection in it", name))
		if s.shortest > 0 {
			none.Hints = append(none.Hints, fmt.Sprintf("frames were cut to %s when it was made: tcpdump -s 0 keeps them whole", plural(s.shortest, "byte", "bytes")))
		}
	default:
		none = fail(exitFailed, fmt.Errorf("%s: there is no MQTT in its %s", name, plural(f.connections, "TCP connection", "TCP connections")))
		none.Hints = append(none.Hints, "--port PORT names the port of the broker, if it is none of 1883 and 8883 and the beginning of the connections is missing")
	}
	if strings.Contains(f.trouble, "key") {
		none.Hints = append([]string{keysRemedy}, none.Hints...)
	}
	if f.trouble != "" {
		none.Hints = append([]string{"of one: " + f.trouble}, none.Hints...)
	}
	return none
}
