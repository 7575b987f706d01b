package commands

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"mqtk/mqttwire"
)

// encode prints the bytes of the packets that text says, one on a line.
func (o *decodeOptions) encode(out *decodePrinter, text string) error {
	version, number, packets := o.begin(), 0, 0
	for line := range strings.Lines(text) {
		number++
		line = withoutArrow(strings.TrimSpace(line))
		if line == "" || line[0] == '#' {
			continue
		}
		b, err := o.encodeLine(line, &version)
		if err != nil {
			return o.unsayable(err, number, strings.Contains(strings.TrimSpace(text), "\n"))
		}
		packets++
		if out.encoded(line, b, version); out.err != nil {
			return out.err
		}
	}
	if packets == 0 {
		return usagef("there are no packets")
	}
	return nil
}

func (o *decodeOptions) unsayable(err error, line int, several bool) error {
	if several {
		err = fmt.Errorf("line %d: %w", line, err)
	}
	var broken *mqttwire.Error
	if !errors.As(err, &broken) {
		return fail(exitUsage, err)
	}
	f := fail(exitProtocol, err, "hex=... instead of the packet is taken as it is")
	f.Reason, f.Number = broken.Reason.Name(mqttwire.DISCONNECT), int(broken.Reason)
	return f
}

// encodeLine makes the bytes of one packet. A CONNECT says in which version
// those behind it are.
func (o *decodeOptions) encodeLine(line string, version *mqttwire.Version) ([]byte, error) {
	if strings.HasPrefix(line, "hex=") {
		return readHex(line)
	}
	p, err := mqttwire.ParseText(line, *version)
	if err != nil {
		return nil, err
	}
	if c, ok := p.(*mqttwire.Connect); ok && c.Version >= mqttwire.V31 && c.Version <= mqttwire.V5 {
		*version = c.Version
	}
	return p.Append(nil, *version)
}

// withoutArrow is a line of a script without what says who sends.
func withoutArrow(line string) string {
	rest := strings.TrimLeft(line, "0123456789")
	if rest == "" || rest[0] != '>' && rest[0] != '<' {
		return line
	}
	return strings.TrimLeft(strings.TrimLeft(rest[1:], "+~?"), " ")
}

func (d *decodePrinter) encoded(line string, b []byte, v mqttwire.Version) {
	switch {
	case d.json:
		d.err = d.object(struct {
			Text    string `json:"text"`
			Version string `json:"version"`
			Size    int    `json:"size"`
			Hex     string `json:"hex"`
		}{line, v.String(), len(b), hex.EncodeToString(b)})
	case d.options.Raw:
		_, d.err = d.Write(b)
	case d.options.Base64:
		_, d.err = fmt.Fprintln(d, base64.StdEncoding.EncodeToString(b))
	default:
		_, d.err = fmt.Fprintf(d, "%x\n", b)
	}
}
