package commands

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// lines is the source of --stdin-line and --delim: each line of an input, or
// each part between two delimiters. A goroutine reads, since a read of a
// terminal or pipe knows no cancellation; it hands over as many whole lines as
// there are, so that the cost of the hand-over is shared by many.
type lines struct {
	name   string // of the input
	delim  []byte
	number int // of the line given last
	chunks chan chunk
	chunk  chunk
}

// A chunk is whole lines, the last of which may lack its delimiter at the end
// of the input.
type chunk struct {
	text []byte
	err  error // after the text
}

// newLines starts to read.
func newLines(name string, r io.Reader, delim string) *lines {
	s := &lines{name: name, delim: []byte(delim), chunks: make(chan chunk, 1)}
	go s.read(bufio.NewReaderSize(r, 64<<10))
	return s
}

// read ends with the input, or with the process.
func (s *lines) read(r *bufio.Reader) {
	for {
		text, err := readLines(r, s.delim)
		s.chunks <- chunk{text, err}
		if err != nil {
			return
		}
	}
}

// readLines waits for one line and takes what other whole lines have come with
// it. The result is a copy.
func readLines(r *bufio.Reader, delim []byte) ([]byte, error) {
	var text []byte
	last := delim[len(delim)-1]
	for {
		part, err := r.ReadSlice(last)
		text = append(text, part...)
		switch {
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return text, err
		case len(text) > maxPayload:
			return nil, fmt.Errorf("a line is longer than a message can be, which is %d bytes", maxPayload)
		}
		if err == nil && bytes.HasSuffix(text, delim) {
			break
		}
	}
	buffered, _ := r.Peek(r.Buffered())
	if end := wholeLines(buffered, delim); end > 0 {
		text = append(text, buffered[:end]...)
		_, _ = r.Discard(end)
	}
	return text, nil
}

// wholeLines is the length of the lines in b that have their delimiter. They are
// counted from the left, since a delimiter such as ;; may overlap with itself.
func wholeLines(b, delim []byte) int {
	if len(delim) == 1 {
		return bytes.LastIndexByte(b, delim[0]) + 1
	}
	end := 0
	for {
		i := bytes.Index(b[end:], delim)
		if i < 0 {
			return end
		}
		end += i + len(delim)
	}
}

// ended tells that all of the input was given.
func (s *lines) ended() bool { return len(s.chunk.text) == 0 && s.chunk.err == io.EOF }

func (s *lines) waits() bool {
	return len(s.chunk.text) == 0 && s.chunk.err == nil && len(s.chunks) == 0
}

func (s *lines) pending() bool {
	if len(s.chunk.text) == 0 && len(s.chunks) > 0 {
		s.chunk = <-s.chunks
	}
	return len(s.chunk.text) > 0
}

// left counts what the goroutine has handed over, and a little more.
func (s *lines) left() (n int, whole bool) {
	if s.chunk.err == nil && len(s.chunks) > 0 {
		more := <-s.chunks
		s.chunk = chunk{append(s.chunk.text, more.text...), more.err}
	}
	n = bytes.Count(s.chunk.text, s.delim)
	if len(s.chunk.text) > 0 && !bytes.HasSuffix(s.chunk.text, s.delim) {
		n++
	}
	return n, s.chunk.err == io.EOF
}

func (s *lines) next(ctx context.Context, done <-chan struct{}, it *item) (bool, error) {
	for len(s.chunk.text) == 0 {
		if err := s.chunk.err; err == io.EOF {
			return false, nil
		} else if err != nil {
			return false, fail(exitFailed, fmt.Errorf("read %s: %w", s.name, withoutPath(err)))
		}
		select {
		case s.chunk = <-s.chunks:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-done:
			return false, nil // Wait tells why
		}
	}
	line, rest, _ := bytes.Cut(s.chunk.text, s.delim)
	s.number++
	s.chunk.text, it.payload, it.input, it.number = rest, line, s.name, s.number
	return true, nil
}
