package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// A Reader reads the frames of a capture file: pcap or pcapng, packed with gzip
// or not. What it holds in memory is bounded, whatever the file says.
type Reader struct {
	in     *bufio.Reader
	offset int64 // of the next byte, in the unpacked file
	number int   // of the last frame
	format interface {
		next(r *Reader) (Frame, error)
	}
	buffer []byte // of the record that was read last
	keys   []byte
	err    error
}

// maxBlock is how long a record or block may be: longer ones are damage. Ethernet with
// offloading makes frames of 64 KiB, and 256 KiB is what tcpdump keeps at most.
const maxBlock = 16 << 20

// maxKeys is how many bytes of TLS keys a capture may carry.
const maxKeys = 16 << 20

// Open reads the beginning of a capture file, whatever its kind.
func Open(r io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("this begins like a file of gzip and is none: %w", err)
		}
		in = bufio.NewReaderSize(unpacked, 64<<10)
	}
	reader := &Reader{in: in}
	magic, err := in.Peek(4)
	switch {
	case len(magic) == 0 && err == io.EOF:
		return nil, errors.New("this file is empty, and no capture")
	case err != io.EOF && len(magic) < 4:
		return nil, fmt.Errorf("read the capture: %w", err)
	case len(magic) < 4:
		return nil, fmt.Errorf("this is no capture, but %d bytes", len(magic))
	case bytes.Equal(magic, []byte{0x0a, 0x0d, 0x0d, 0x0a}):
		reader.format = &blocks{}
		return reader, nil
	}
	records, err := openRecords(reader, magic)
	if err != nil {
		return nil, err
	}
	reader.format = records
	return reader, nil
}

// Next returns the next frame, whose Data is good until the one after it. At
// the end it returns io.EOF; of a file that was cut or damaged it returns what
// is whole, and then an error that says at which byte.
func (r *Reader) Next() (Frame, error) {
	if r.err != nil {
		return Frame{}, r.err
	}
	f, err := r.format.next(r)
	if err != nil {
		r.err = err
		return Frame{}, err
	}
	r.number++
	f.Number = r.number
	return f, nil
}

// Keys returns the lines of TLS key logs that the capture has carried so far.
func (r *Reader) Keys() []byte { return r.keys }

// read returns the next n bytes, good until the next read; began is where the
// record began that they belong to. io.EOF: the file ended right there.
func (r *Reader) read(n int, began int64) ([]byte, error) {
	r.buffer = r.buffer[:0]
	for len(r.buffer) < n {
		part := min(n-len(r.buffer), 64<<10) // so that a length costs no memory before its bytes are here
		at := len(r.buffer)
		r.buffer = append(r.buffer, make([]byte, part)...)
		got, err := io.ReadFull(r.in, r.buffer[at:])
		r.offset += int64(got)
		if err != nil {
			return nil, r.broken(err, began)
		}
	}
	return r.buffer, nil
}

func (r *Reader) broken(err error, began int64) error {
	switch {
	case err == io.EOF && r.offset == began:
		return io.EOF
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return fmt.Errorf("the capture was cut: it ends at byte %d, amid a record that begins at byte %d: %w", r.offset, began, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the capture cannot be read beyond byte %d: %w", r.offset, err)
}

// damaged is the error of a record that cannot be as it is.
func damaged(began int64, format string, args ...any) error {
	return fmt.Errorf("the capture is damaged at byte %d: %s", began, fmt.Sprintf(format, args...))
}
