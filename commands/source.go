package commands

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A source gives the payloads that pub publishes.
type source interface {
	// waits tells that next would have to wait for input.
	waits() bool
	// pending tells that there is a payload that next has not given.
	pending() bool
	// next gives a payload, which is good until the next call; ok is false at
	// the end. It ends early with ctx, or when the client is done.
	next(ctx context.Context, done <-chan struct{}) (payload []byte, ok bool, err error)
}

// maxPayload is what a PUBLISH can hold at most, topic left aside.
const maxPayload = 268435455

// open opens the source that the flags name. What can be read at once is, so
// that its failure comes before any connection.
func (o *pubOptions) open(p *program) (source, error) {
	switch {
	case o.Message != nil:
		return &oneMessage{payload: []byte(*o.Message)}, nil
	case o.Null:
		return &oneMessage{}, nil
	case o.Lines:
		return newLines(p.In), nil
	case o.Stdin || o.File == "-":
		return readMessage("stdin", p.In)
	}
	s, err := readFile(o.File)
	var bad *fs.PathError // no such file, or a folder
	if errors.As(err, &bad) {
		return nil, usagef("%s %s: %w", p.line.asTyped("file", o.File), o.File, bad.Err)
	}
	return s, err
}

func readFile(name string) (source, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readMessage(name, file)
}

func readMessage(name string, r io.Reader) (source, error) {
	payload, err := io.ReadAll(io.LimitReader(r, maxPayload+1))
	switch {
	case err != nil:
		return nil, err
	case len(payload) > maxPayload:
		return nil, usagef("%s is longer than a message can be, which is %d bytes", name, maxPayload)
	}
	return &oneMessage{payload: payload}, nil
}

// oneMessage is a source of one payload.
type oneMessage struct {
	payload []byte
	given   bool
}

func (s *oneMessage) waits() bool   { return false }
func (s *oneMessage) pending() bool { return !s.given }

func (s *oneMessage) next(context.Context, <-chan struct{}) ([]byte, bool, error) {
	given := s.given
	s.given = true
	return s.payload, !given, nil
}

// lines is the source of --stdin-line. A goroutine reads, since a read of a
// terminal or pipe knows no cancellation; it hands over as many whole lines as
// there are, so that the cost of the hand-over is shared by many.
type lines struct {
	chunks chan chunk
	chunk  chunk
}

// A chunk is whole lines, the last of which may lack its line end at the end
// of the input.
type chunk struct {
	text []byte
	err  error // after the text
}

func newLines(r io.Reader) *lines {
	s := &lines{chunks: make(chan chunk, 1)}
	go s.read(bufio.NewReaderSize(r, 64<<10))
	return s
}

// read ends with the input, or with the process.
func (s *lines) read(r *bufio.Reader) {
	for {
		text, err := readLines(r)
		s.chunks <- chunk{text, err}
		if err != nil {
			return
		}
	}
}

// readLines waits for one line and takes what other whole lines have come with
// it. The result is a copy.
func readLines(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := r.ReadSlice('\n')
		text = append(text, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
		if len(text) > maxPayload {
			return nil, fmt.Errorf("a line is longer than a message can be, which is %d bytes", maxPayload)
		}
	}
	buffered, _ := r.Peek(r.Buffered())
	if end := bytes.LastIndexByte(buffered, '\n'); end >= 0 {
		text = append(text, buffered[:end+1]...)
		_, _ = r.Discard(end + 1)
	}
	return text, nil
}

func (s *lines) waits() bool {
	return len(s.chunk.text) == 0 && s.chunk.err == nil && len(s.chunks) == 0
}

func (s *lines) pending() bool {
	if len(s.chunk.text) == 0 && len(s.chunks) > 0 {
		s.chunk = <-s.chunks
	}
	return len(s.chunk.text) > 0
}

func (s *lines) next(ctx context.Context, done <-chan struct{}) ([]byte, bool, error) {
	for len(s.chunk.text) == 0 {
		if err := s.chunk.err; err == io.EOF {
			return nil, false, nil
		} else if err != nil {
			return nil, false, fail(exitFailed, fmt.Errorf("read stdin: %w", err))
		}
		select {
		case s.chunk = <-s.chunks:
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		case <-done:
			return nil, false, nil // Wait tells why
		}
	}
	line, rest, _ := bytes.Cut(s.chunk.text, []byte("\n"))
	s.chunk.text = rest
	return line, true, nil
}
