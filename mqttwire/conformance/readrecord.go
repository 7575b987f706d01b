package conformance

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A Recorded is what was seen at one moment of a record.
type Recorded struct {
	Connection int
	FromServer bool
	At         time.Duration // since the record began
	Time       time.Time     // the same on the clock
	Raw        []byte
	Closed     bool // this side has closed its direction
}

const recordTitle = "=== recorded "

// maxRecord bounds what ReadRecord reads.
const maxRecord = 1 << 30

// IsRecord tells whether a file that begins so is a record.
func IsRecord(head []byte) bool { return bytes.HasPrefix(head, []byte(recordTitle)) }

// ReadRecord reads what a Recorder has written, byte for byte as it was seen.
func ReadRecord(r io.Reader) ([]Recorded, error) {
	reader := recordReader{
		versions: make(map[int]mqttwire.Version), version: mqttwire.V5,
		arrow: regexp.MustCompile(`^(\d{1,9})([<>])~? (.*)$`),
		stamp: regexp.MustCompile(`^(\d{1,9}\.\d{6})s(?: ([0-9a-f]+))?$`),
	}
	limited := &io.LimitedReader{R: r, N: maxRecord}
	lines := bufio.NewReader(limited)
	for {
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		reader.number++
		if bad := reader.line(strings.TrimRight(line, "\r\n")); bad != nil {
			return nil, fmt.Errorf("line %d: %w", reader.number, bad)
		}
		if err == io.EOF && limited.N == 0 {
			return nil, fmt.Errorf("a record of more than %d MiB is not read", maxRecord>>20)
		}
		if err == io.EOF {
			return reader.all, nil
		}
	}
}

type recordReader struct {
	number   int
	began    time.Time
	version  mqttwire.Version
	versions map[int]mqttwire.Version
	all      []Recorded
	arrow    *regexp.Regexp // connection, direction, what was said
	stamp    *regexp.Regexp // seconds, bytes
}

func (r *recordReader) line(line string) (err error) {
	if r.number == 1 {
		began, ok := strings.CutPrefix(line, recordTitle)
		if !ok {
			return errors.New("this is no record: one begins with " + recordTitle + "TIME")
		}
		if r.began, err = time.Parse(time.RFC3339Nano, began); err != nil {
			return fmt.Errorf("%s: a time such as 2026-01-31T12:00:00Z is expected", began)
		}
		return nil
	}
	said, after := strings.CutPrefix(line, "#| ")
	if !after && (line == "" || line[0] == '#' || line[0] == '+') {
		for _, v := range []mqttwire.Version{mqttwire.V31, mqttwire.V311} {
			if line == "# "+v.String()+":" {
				r.version = v
			}
		}
		return nil
	}
	return r.step(said)
}

func (r *recordReader) step(line string) error {
	text, tail, _ := cutLast(line, " # ")
	stamp := r.stamp.FindStringSubmatch(tail)
	arrow := r.arrow.FindStringSubmatch(text)
	if stamp == nil || arrow == nil {
		return fmt.Errorf("this is no line of a record as inspect proxy writes it, with its time at the end: it can be played, and not exported")
	}
	e := Recorded{FromServer: arrow[2] == "<"}
	e.Connection, _ = strconv.Atoi(arrow[1])
	seconds, fraction, _ := strings.Cut(stamp[1], ".")
	whole, _ := strconv.ParseInt(seconds, 10, 64)
	micros, _ := strconv.ParseInt(fraction, 10, 64)
	e.At = time.Duration(whole)*time.Second + time.Duration(micros)*time.Microsecond
	e.Time = r.began.Add(e.At)
	if arrow[3] == "EOF" {
		e.Closed = true
		r.all = append(r.all, e)
		return nil
	}
	raw, err := r.bytes(e.Connection, arrow[3], stamp[2])
	if err != nil {
		return err
	}
	e.Raw = raw
	r.all = append(r.all, e)
	return nil
}

// bytes are those of a line: told at its end, or those of the packet it says.
// A CONNECT is read in any case, for its version.
func (r *recordReader) bytes(connection int, text, digits string) ([]byte, error) {
	raw, isRaw := strings.CutPrefix(text, "hex=")
	if digits == "" && isRaw {
		digits = raw
	}
	if digits != "" && !strings.HasPrefix(text, mqttwire.CONNECT.String()+" ") {
		return hex.DecodeString(digits)
	}
	v := r.versions[connection]
	if v == 0 {
		v = r.version
	}
	packet, err := mqttwire.ParseText(text, v)
	if err != nil {
		return nil, err
	}
	if c, ok := packet.(*mqttwire.Connect); ok {
		v = versionOf(c, v)
		r.versions[connection] = v
	}
	if digits != "" {
		return hex.DecodeString(digits)
	}
	return packet.Append(nil, v)
}
