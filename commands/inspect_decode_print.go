package commands

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"mqtk/mqttwire"
	"mqtk/mqttwire/anatomy"
)

// A decodePrinter writes packets and what their bytes are.
type decodePrinter struct {
	journalPrinter
	options *decodeOptions
	printed int
	err     error // of the output
}

// A packetObject is a packet as --json prints it.
type packetObject struct {
	Offset  int    `json:"offset"`
	Size    int    `json:"size"`
	Version string `json:"version"`
	Type    string `json:"type"`
	wordsObject
	Hex     string       `json:"hex"`
	Missing int          `json:"missing,omitempty"`
	Error   *wrongObject `json:"error,omitempty"`
	Bytes   []spanObject `json:"bytes,omitempty"`
}

// A wordsObject is what a packet says, in one text and taken apart.
type wordsObject struct {
	Text    string      `json:"text,omitempty"`
	Reasons []string    `json:"reasons,omitempty"`
	Fields  []fieldPair `json:"fields,omitempty"`
}

func wordsOf(line mqttwire.Line) wordsObject {
	o := wordsObject{Text: line.String(), Reasons: line.Reasons}
	for _, f := range line.Fields {
		o.Fields = append(o.Fields, fieldPair(f))
	}
	return o
}

type fieldPair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type wrongObject struct {
	Offset     int    `json:"offset"`
	Name       string `json:"name"`
	Statement  string `json:"statement"`
	Reason     string `json:"reason"`
	ReasonCode int    `json:"reason_code"`
	Detail     string `json:"detail"`
}

type spanObject struct {
	Offset int          `json:"offset"`
	Size   int          `json:"size"`
	Name   string       `json:"name"`
	Value  string       `json:"value,omitempty"`
	Bits   []bitsObject `json:"bits,omitempty"`
	Parts  []spanObject `json:"parts,omitempty"`
}

type bitsObject struct {
	Mask  string `json:"mask"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// packet prints the packet at an offset of the input.
func (d *decodePrinter) packet(at int, raw []byte, p *anatomy.Packet) {
	switch {
	case d.json:
		d.err = d.object(d.packetObject(at, raw, p))
	case d.options.Bytes:
		if d.printed++; d.printed > 1 {
			fmt.Fprintln(d)
		}
		fmt.Fprintln(d, d.ink.head(packetText(at, raw, p)))
		d.err = d.rows(at, raw, p)
	default:
		_, d.err = fmt.Fprintln(d, packetText(at, raw, p))
	}
}

// packetText is a packet in words, or its bytes with what is wrong about them.
func packetText(at int, raw []byte, p *anatomy.Packet) string {
	switch {
	case p.Packet != nil:
		return string(mqttwire.AppendText(nil, p.Packet, p.Version))
	case p.Err == nil:
		return fmt.Sprintf("hex=%x # %s, %s missing", raw, p.Type, plural(p.Missing, "byte is", "bytes are"))
	}
	return visible(fmt.Sprintf("hex=%x # offset %d, %s: %v", raw, at+p.At, p.Name, p.Err))
}

func (d *decodePrinter) packetObject(at int, raw []byte, p *anatomy.Packet) packetObject {
	o := packetObject{Offset: at, Size: p.Size, Version: p.Version.String(), Type: p.Type.String(), Hex: hex.EncodeToString(raw), Missing: p.Missing}
	if p.Type == 0 {
		o.Type = "reserved"
	}
	if p.Packet != nil {
		o.wordsObject = wordsOf(mqttwire.LineOf(p.Packet, p.Version))
	}
	if e := p.Err; e != nil {
		o.Error = &wrongObject{at + p.At, p.Name, e.Clause, e.Reason.Name(mqttwire.DISCONNECT), int(e.Reason), e.Detail}
	}
	if d.options.Bytes {
		o.Bytes = spanObjects(at, p.Spans)
	}
	return o
}

func spanObjects(at int, spans []anatomy.Span) []spanObject {
	var objects []spanObject
	for _, s := range spans {
		o := spanObject{Offset: at + s.From, Size: s.To - s.From, Name: s.Name, Value: s.Value, Parts: spanObjects(at, s.Parts)}
		for _, b := range s.Bits {
			o.Bits = append(o.Bits, bitsObject{fmt.Sprintf("0x%02x", b.Mask), b.Name, b.Value})
		}
		objects = append(objects, o)
	}
	return objects
}

// A byteRow is a line of --bytes: bytes, the bits of one, or neither, above
// what is a part of it.
type byteRow struct {
	at, to      int // to = at: no bytes
	bits        string
	depth       int
	name, value string
}

// rows prints what each byte is, eight bytes on a line.
func (d *decodePrinter) rows(at int, raw []byte, p *anatomy.Packet) error {
	rows := appendRows(nil, raw, p.Spans, 0)
	marked := -1
	if p.Err != nil {
		marked = markedRow(rows, p)
		if marked == len(rows) {
			rows = append(rows, byteRow{at: p.Size, to: p.Size, name: p.Name, value: "is not there"})
		}
	}
	width := 0
	for _, r := range rows {
		width = max(width, 2*r.depth+len(r.name))
	}
	for i, r := range rows {
		note := ""
		if i == marked {
			note = "  " + d.ink.bad("<-- "+visible(p.Err.Error()))
		}
		d.row(at, raw, &r, width, note)
	}
	if p.Missing > 0 {
		fmt.Fprintf(d, "%6d  %s\n", at+p.Size, d.ink.bad(plural(p.Missing, "byte is", "bytes are")+" missing"))
	}
	_, err := d.Write(nil)
	return err
}

func (d *decodePrinter) row(at int, raw []byte, r *byteRow, width int, note string) {
	const perLine = 8
	shown := r.bits
	if shown == "" {
		shown = fmt.Sprintf("% x", raw[r.at:min(r.to, r.at+perLine)])
	}
	name := strings.Repeat("  ", r.depth) + r.name
	offset := ""
	if r.to > r.at {
		offset = strconv.Itoa(at + r.at)
	}
	line := fmt.Sprintf("%6s  %-23s  %-*s  %s", offset, shown, width, name, visible(r.value))
	fmt.Fprintf(d, "%s%s\n", strings.TrimRight(line, " "), note)
	for from := r.at + perLine; from < r.to; from += perLine {
		fmt.Fprintf(d, "%6d  % x\n", at+from, raw[from:min(r.to, from+perLine)])
	}
}

func appendRows(rows []byteRow, raw []byte, spans []anatomy.Span, depth int) []byteRow {
	for _, s := range spans {
		if s.Parts == nil {
			rows = append(rows, byteRow{s.From, s.To, "", depth, s.Name, s.Value})
			for _, b := range s.Bits {
				rows = append(rows, byteRow{s.From, s.From, bitPattern(raw[s.From], b.Mask), depth + 1, b.Name, b.Value})
			}
			continue
		}
		if s.Parts[0].Name == "length" && (len(s.Parts) == 1 || s.Parts[1].Name == s.Name) {
			first := s.Parts[0]
			rows = append(rows, byteRow{first.From, first.To, "", depth, s.Name + " length", first.Value})
			rows = appendRows(rows, raw, s.Parts[1:], depth)
			continue
		}
		rows = append(rows, byteRow{s.From, s.From, "", depth, s.Name, s.Value})
		rows = appendRows(rows, raw, s.Parts, depth+1)
	}
	return rows
}

// bitPattern is the bits of a byte that mask has, and dots for the others.
func bitPattern(b, mask byte) string {
	pattern := []byte(fmt.Sprintf("%08b", b))
	for i := range pattern {
		if mask<<i&0x80 == 0 {
			pattern[i] = '.'
		}
	}
	return string(pattern)
}

// markedRow is the row that the error is about: of that name, or with that
// byte, or one behind all.
func markedRow(rows []byteRow, p *anatomy.Packet) int {
	for i, r := range rows {
		if r.at == p.At && r.name == p.Name {
			return i
		}
	}
	for i, r := range rows {
		if r.at <= p.At && p.At < r.to {
			return i
		}
	}
	return len(rows)
}
