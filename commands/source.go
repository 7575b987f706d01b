package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"mqtk/mqttwire"
)

// A source gives what pub publishes.
type source interface {
	// waits tells that next has, or may have, to wait: for input or for its time.
	waits() bool
	// pending tells that there is an item that next has not given.
	pending() bool
	// left counts the items that were read and that next has not given; whole
	// tells that there are no others.
	left() (n int, whole bool)
	// next fills it, which is good until the next call; ok is false at the end.
	// It ends early with ctx, or when the client is done. An *inputError is
	// about the input alone: what was given before it is to be published.
	next(ctx context.Context, done <-chan struct{}, it *item) (ok bool, err error)
}

// An item is a payload for the topics of the command line, or a message of its
// own: with topic, QoS, retain flag, properties and payload.
type item struct {
	payload []byte
	own     *mqttwire.Publish // nil: there is a payload
	input   string            // what it was read from
	number  int               // of its line there; 0: there are none
}

// An inputError tells which line of an input cannot be published, and why.
type inputError struct {
	name   string // of the input
	number int
	err    error
}

func (e *inputError) Error() string {
	if e.number == 0 {
		return e.err.Error()
	}
	return fmt.Sprintf("%s:%d: %v", e.name, e.number, e.err)
}

func (e *inputError) Unwrap() error { return e.err }

// maxPayload is what a PUBLISH can hold at most, topic left aside.
const maxPayload = 268435455

// open opens the source that the flags name. What can be read at once is, so
// that its failure comes before any connection.
func (o *pubOptions) open(p *program, messages []mqttwire.Publish) (source, error) {
	s, err := o.openInput(p, messages)
	if err != nil {
		return nil, err
	}
	shape, err := o.shape(messages)
	if err != nil {
		return nil, err
	}
	if one, single := s.(*oneMessage); single && shape.template == nil {
		if one.payload, err = shape.bytes(one.payload); err != nil {
			return nil, usagef("%w", err)
		}
		shape = nil
	}
	if o.Interval > 0 {
		s = &paced{source: s, every: o.between(len(messages))}
	}
	if shape == nil || shape.idle() {
		return s, nil
	}
	shape.source = s // outside, so that the time in a template is that of sending
	return shape, nil
}

// openInput opens what the messages come from.
func (o *pubOptions) openInput(p *program, messages []mqttwire.Publish) (source, error) {
	switch {
	case o.Replay != "":
		return o.openRecording(p, o.override(p, messages))
	case o.JSONL:
		o.input = p.In
		return &messageLines{lines: newLines("stdin", p.In, "\n"), override: o.override(p, messages)}, nil
	case o.split():
		o.input = p.In
		return newLines("stdin", p.In, o.delimiter()), nil
	}
	payload, err := o.readPayload(p)
	return &oneMessage{payload: payload, times: o.Repeat}, err
}

// readPayload reads the one message that there is.
func (o *pubOptions) readPayload(p *program) ([]byte, error) {
	switch {
	case o.Message != nil:
		return []byte(*o.Message), nil
	case o.Stdin || o.File == "-":
		return readMessage("stdin", p.In)
	case o.File == "": // -n, or a template alone
		return nil, nil
	}
	file, err := openFile(p, "file", o.File)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	payload, err := readMessage(o.File, file)
	return payload, badFile(p, "file", o.File, err)
}

// openFile opens the file that a flag names.
func openFile(p *program, flag, name string) (*os.File, error) {
	file, err := os.Open(name)
	return file, badFile(p, flag, name, err)
}

// badFile makes a usage error of that of a file which is none, or a folder.
func badFile(p *program, flag, name string, err error) error {
	if bad := new(fs.PathError); errors.As(err, &bad) {
		return usagef("%s %s: %w", p.line.asTyped(flag, name), name, bad.Err)
	}
	return err
}

// readMessage reads all. A file tells how much room that takes; to find it out
// by reading takes more than twice as much.
func readMessage(name string, r io.Reader) ([]byte, error) {
	room := 0
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			room = int(min(info.Size(), maxPayload))
		}
	}
	payload := bytes.NewBuffer(make([]byte, 0, room+bytes.MinRead))
	_, err := payload.ReadFrom(io.LimitReader(r, maxPayload+1))
	switch {
	case err != nil:
		return nil, err
	case payload.Len() > maxPayload:
		return nil, usagef("%s is longer than a message can be, which is %d bytes", name, maxPayload)
	}
	return payload.Bytes(), nil
}

// endless is how often a message is repeated that has no last time.
const endless = -1

// oneMessage is a source of one payload, given once or several times.
type oneMessage struct {
	payload []byte
	times   int // that are left, or endless
}

func (s *oneMessage) waits() bool   { return false }
func (s *oneMessage) pending() bool { return s.times != 0 }

func (s *oneMessage) left() (n int, whole bool) { return max(s.times, 0), true }

func (s *oneMessage) next(_ context.Context, done <-chan struct{}, it *item) (bool, error) {
	if s.times == 0 {
		return false, nil
	}
	if s.times > 0 {
		s.times--
	}
	it.payload = s.payload
	return true, nil
}
