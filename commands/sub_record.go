package commands

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"mqtk/mqttwire"
)

// A recorder appends each message to a file, as a line of --json. Lines are
// written whole, so that a file may have several writers.
type recorder struct {
	file *outputFile
	b    []byte
}

// tornLimit is how much may stand behind the last line end of a recording: a
// line of a message as large as one can be, all of it escaped.
const tornLimit = 6*maxPayload + 1<<20

// newRecorder opens a recording, and mends its end: a process that was killed
// while it wrote may have left a part of a line.
func (l *link) newRecorder(name string) (r *recorder, torn int64, err error) {
	file, err := l.openOutput(name, os.O_RDWR)
	if err != nil {
		return nil, 0, err
	}
	torn, err = mendEnd(file.File)
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return &recorder{file: file}, torn, nil
}

var errNoRecording = errors.New("holds something else than the lines of --json")

// mendEnd takes off a part of a line, or ends a line that is whole, and tells
// how many bytes it took.
func mendEnd(file *os.File) (torn int64, err error) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return 0, err
	}
	size := info.Size()
	start, err := lastLine(file, size)
	if err != nil {
		return 0, err
	}
	if start > 0 && !beginsWithMessage(file, start) {
		return 0, errNoRecording
	}
	line := make([]byte, size-start)
	if _, err := file.ReadAt(line, start); err != nil || len(line) == 0 {
		return 0, err
	}
	if _, err := parseMessageJSON(line); err == nil {
		_, err = file.Write([]byte("\n"))
		return 0, err
	}
	if !isTorn(line, start == 0) {
		return 0, errNoRecording
	}
	return size - start, file.Truncate(start)
}

// beginsWithMessage tells whether the first line of a file, which ends before
// limit, is a message.
func beginsWithMessage(file *os.File, limit int64) bool {
	line, err := bufio.NewReader(io.NewSectionReader(file, 0, min(limit, tornLimit))).ReadBytes('\n')
	if err != nil {
		return false
	}
	_, err = parseMessageJSON(bytes.TrimSuffix(line, []byte("\n")))
	return err == nil
}

// isTorn tells the beginning of a line from anything else, which is not ours to
// take off. The first of a file has to begin as ours do.
func isTorn(line []byte, first bool) bool {
	begin := []byte(`{"tst":"`)
	if !first {
		begin = begin[:1]
	}
	n := min(len(line), len(begin))
	return bytes.Equal(line[:n], begin[:n]) && !json.Valid(line)
}

// lastLine is where the text behind the last line end begins.
func lastLine(file *os.File, size int64) (int64, error) {
	block := make([]byte, 64<<10)
	for end := size; end > 0; {
		if size-end > tornLimit {
			return 0, errNoRecording
		}
		n := min(end, int64(len(block)))
		if _, err := file.ReadAt(block[:n], end-n); err != nil && err != io.EOF {
			return 0, err
		}
		if i := bytes.LastIndexByte(block[:n], '\n'); i >= 0 {
			return end - n + int64(i) + 1, nil
		}
		end -= n
	}
	return 0, nil
}

func (r *recorder) take(m *mqttwire.Publish, at time.Time) error {
	r.b, _ = appendMessageJSON(r.b, m, at, false)
	r.b = append(r.b, '\n')
	if len(r.b) < 64<<10 {
		return nil
	}
	return r.flush()
}

func (r *recorder) flush() error {
	if len(r.b) == 0 {
		return nil
	}
	_, err := r.file.Write(r.b)
	if r.b = r.b[:0]; cap(r.b) > 1<<20 {
		r.b = nil
	}
	return err
}

func (r *recorder) close() error { return r.file.Close() }

// openRecorder is the taker of --record.
func (s *subscriber) openRecorder() (taker, error) {
	r, torn, err := s.newRecorder(s.o.Record)
	if err != nil {
		return nil, notOpened("--record", s.o.Record, err)
	}
	if torn > 0 {
		s.say("%s ended in the middle of a line: its last %s taken off", s.o.Record, bytesWere(torn))
	}
	return r, nil
}

func bytesWere(n int64) string {
	if n == 1 {
		return "byte was"
	}
	return fmt.Sprintf("%d bytes were", n)
}
