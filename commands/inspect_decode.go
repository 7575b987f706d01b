package commands

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/anatomy"
)

// decodeOptions is what the flags of inspect decode fill.
type decodeOptions struct {
	Version mqttwire.Version
	From    string
	Bytes   bool
	Encode  bool
	Raw     bool
	Base64  bool
}

// inspectDecodeCommand is mqtk inspect decode.
func (p *program) inspectDecodeCommand() *cli.Command {
	var o decodeOptions
	return &cli.Command{
		Name:      "decode",
		Usage:     "turn bytes into packets in words, or words into bytes",
		UsageText: "mqtk inspect decode [FLAGS] HEX|FILE|-\nmqtk inspect decode --encode [FLAGS] TEXT|FILE|-",
		ArgsUsage: "HEX|FILE|-",
		Description: `Prints the packets that the bytes hold, one on a line, in the text form that pub -d and sub -d print and
inspect send plays. The operand is a file, if there is one of that name, otherwise hexadecimal digits, in one word or in
several; - is stdin. A file holds bytes as they are or hexadecimal digits, as tools print them: with blanks, colons, commas,
0x or \x, as a C array, or as a dump with offsets (xxd, hexdump -C, Wireshark).

Bytes are taken for MQTT 5.0 until a CONNECT among them says otherwise, or all of them for the version that -V names.
Bytes that are no packet are printed as hex=..., with a comment that says at which offset what is wrong, which statement of the
standard forbids it and which reason code answers it; the packets behind them are still read, where their length says
where they begin. It then ends with 7, as it does where the end of a packet is missing. --bytes prints what each byte is.

--encode goes the other way: each line of text is a packet, and is printed as hexadecimal digits. What decode printed
encodes to the same bytes, apart from what has two forms on the wire, of which the shorter is written. An arrow before a
packet, as inspect proxy writes it, is skipped. What the standard forbids is refused with 7, but hex=... is taken as it is.`,
		Flags: o.flags(p),
		Action: func(*cli.Context) error {
			return o.run(p)
		},
	}
}

func (o *decodeOptions) flags(p *program) []cli.Flag {
	flags := inCategory("The bytes",
		valued("protocol-version V", "take them for MQTT `VERSION`: 5, 311 or 31 (default auto: what a CONNECT says, and 5 before it)", toVersion(&o.Version)),
		valued("from", "hold them to what `SIDE` may send: client or server (default either)", toOneOf(&o.From, "client", "server")),
		onOff("raw", "bytes as they are, in or, with --encode, out", &o.Raw),
		onOff("base64", "base64 instead of hexadecimal digits, in or out", &o.Base64))
	return append(flags, inCategory("Output",
		onOff("bytes", "say of each byte what it is", &o.Bytes),
		onOff("encode", "turn packets in words into bytes", &o.Encode),
		onOff("json", "print a JSON object for each packet", &p.json))...)
}

func (o *decodeOptions) run(p *program) error {
	switch {
	case o.Raw && o.Base64:
		return usageIn(p.path, "--raw and --base64 are one at a time")
	case o.Raw && o.Encode && p.json:
		return usageIn(p.path, "--raw and --json are one at a time")
	case o.Encode && o.Bytes:
		return usageIn(p.path, "--bytes says what bytes are; with --encode there are none yet")
	case o.Encode && o.From != "":
		return usageIn(p.path, "--from judges bytes; with --encode there are none yet")
	}
	in, fromFile, err := o.input(p)
	if err != nil {
		return err
	}
	defer ignoreBrokenPipe()()
	out := decodePrinter{journalPrinter: journalPrinter{Writer: bufio.NewWriterSize(p.Out, 64<<10), json: p.json, ink: p.inkFor(p.Out)}, options: o}
	if o.Encode {
		return out.finish(o.encode(&out, string(in)))
	}
	b, err := o.unwrap(in, fromFile)
	if err != nil {
		return usageIn(p.path, "%w", err)
	}
	return out.finish(o.decode(&out, b))
}

// maxDecode is how much is read: more than any packet can hold.
const maxDecode = 512 << 20

// input is the operand, or what the file holds that it names.
func (o *decodeOptions) input(p *program) (in []byte, fromFile bool, err error) {
	words := p.line.words()
	switch {
	case len(words) == 0 && o.Encode:
		return nil, false, usageIn(p.path, "needs packets in words, a file that holds them, or - for stdin")
	case len(words) == 0:
		return nil, false, usageIn(p.path, "needs hexadecimal digits, a file, or - for stdin")
	case len(words) == 1 && words[0] == "-":
		in, err = readWhole("stdin", p.In)
		return in, true, err
	case len(words) == 1:
		file, err := os.Open(words[0])
		if err == nil {
			defer file.Close()
			in, err = readWhole(words[0], file)
			return in, true, err
		}
		if errors.Is(err, fs.ErrPermission) {
			return nil, false, err
		}
	}
	return []byte(strings.Join(words, " ")), false, nil
}

func readWhole(name string, r io.Reader) ([]byte, error) {
	in, err := io.ReadAll(io.LimitReader(r, maxDecode+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, withoutPath(err))
	case len(in) > maxDecode:
		return nil, usagef("%s is longer than %d MB; split it between packets", name, maxDecode>>20)
	}
	return in, nil
}

// unwrap is the bytes that the input stands for.
func (o *decodeOptions) unwrap(in []byte, fromFile bool) ([]byte, error) {
	switch {
	case o.Raw:
		return in, nil
	case o.Base64:
		text := strings.Join(strings.Fields(string(in)), "")
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "="))
		if err != nil {
			return nil, fmt.Errorf("--base64: %w", err)
		}
		return b, nil
	case fromFile && isBinary(in):
		return in, nil
	}
	b, err := readHex(string(in))
	if err != nil && !fromFile {
		return nil, fmt.Errorf("%s: no file of that name is there, and as hexadecimal digits: %w", shortened(string(in)), err)
	}
	return b, err
}

// isBinary tells bytes from text that stands for bytes: every packet but PINGREQ
// and its like holds a byte that no text does.
func isBinary(in []byte) bool {
	for _, c := range in {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c >= 0x7F {
			return true
		}
	}
	return false
}

func shortened(s string) string {
	if len(s) > 40 {
		return visible(s[:37]) + "..."
	}
	return visible(s)
}

func (o *decodeOptions) side() mqttwire.Side {
	return map[string]mqttwire.Side{"client": mqttwire.Client, "server": mqttwire.Server}[o.From]
}

// begin is the version in which bytes are read before a CONNECT says one.
func (o *decodeOptions) begin() mqttwire.Version {
	if o.Version != 0 {
		return o.Version
	}
	return mqttwire.V5
}

// decode prints the packets of b.
func (o *decodeOptions) decode(out *decodePrinter, b []byte) error {
	if len(b) == 0 {
		return usagef("there are no bytes")
	}
	if isCapture(b) {
		return fail(exitProtocol, errors.New("this is a capture, and no packets"), "mqtk inspect pcap FILE reads it")
	}
	version, wrong, total := o.begin(), 0, 0
	var first *failure
	for at := 0; at < len(b); total++ {
		packet := anatomy.Of(b[at:], version, o.side())
		if out.packet(at, b[at:at+packet.Size], &packet); out.err != nil {
			return out.err
		}
		if packet.Err != nil || packet.Missing > 0 {
			if wrong++; first == nil {
				first = wrongPacket(at, b[at:at+packet.Size], &packet)
			}
		}
		version = packet.Version
		at += packet.Size
	}
	if first == nil {
		return nil
	}
	if wrong > 1 {
		first.Err = fmt.Errorf("%d of %d packets are wrong; the first: %w", wrong, total, first.Err)
	}
	if hint := o.otherVersion(b); hint != "" {
		first.Hints = append(first.Hints, hint)
	}
	if hint := otherProtocol(b); hint != "" {
		first.Hints = append(first.Hints, hint)
	}
	if !o.Bytes && !out.json {
		first.Hints = append(first.Hints, "--bytes says of each byte what it is")
	}
	return first
}

// wrongPacket is the error about a packet that is none, or not whole.
func wrongPacket(at int, raw []byte, p *anatomy.Packet) *failure {
	if p.Err == nil {
		return fail(exitProtocol, fmt.Errorf("offset %d: %s is not whole: %s missing", at, p.Type, plural(p.Missing, "byte is", "bytes are")))
	}
	where := fmt.Sprintf("offset %d, %s", at+p.At, p.Name)
	if p.At < len(raw) {
		where += fmt.Sprintf(", byte 0x%02x", raw[p.At])
	}
	f := fail(exitProtocol, fmt.Errorf("%s: %w", where, p.Err))
	f.Reason, f.Number = p.Err.Reason.Name(mqttwire.DISCONNECT), int(p.Err.Reason)
	return f
}

// otherVersion tells of a version in which there is nothing wrong.
func (o *decodeOptions) otherVersion(b []byte) string {
	for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311, mqttwire.V31} {
		if v == o.begin() {
			continue
		}
		d := mqttwire.Decoder{Version: v, From: o.side()}
		rest := b
		for len(rest) > 0 {
			_, n, err := d.Decode(rest)
			if err != nil || n == 0 {
				break
			}
			rest = rest[n:]
		}
		if len(rest) == 0 {
			return fmt.Sprintf("as MQTT %s nothing is wrong: -V %s", v, strings.ReplaceAll(strings.TrimSuffix(v.String(), ".0"), ".", ""))
		}
	}
	return ""
}

// isCapture tells whether bytes begin as a pcap or pcapng file does, which is no
// way for a packet to begin.
func isCapture(b []byte) bool {
	switch string(b[:min(len(b), 4)]) {
	case "\n\r\r\n", "\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d":
		return true
	}
	return false
}

// otherProtocol tells of bytes that begin as those of others do.
func otherProtocol(b []byte) string {
	begin := string(b[:min(len(b), 4)])
	switch {
	case begin == "GET " || begin == "HTTP":
		return "this is HTTP; MQTT comes behind it, in WebSocket frames, which inspect pcap reads"
	case len(b) > 2 && b[0] >= 0x14 && b[0] <= 0x17 && b[1] == 3 && b[2] <= 4:
		return "this is TLS: the packets are inside of it, encrypted; inspect pcap reads it with a key log"
	case strings.HasPrefix(string(b), "PROXY ") || strings.HasPrefix(string(b), "\r\n\r\n\x00\r\nQUIT\n"):
		return "this is a PROXY header; MQTT comes behind it"
	}
	return ""
}
