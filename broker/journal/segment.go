package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	headerSize    = 64
	formatVersion = 1
)

var headerMagic = []byte("mqtklog\n")

// A segment is one file of a stream. Its number, its first log sequence number
// and what came before it never change; the rest is guarded by log.mu.
type segment struct {
	header
	size    int64 // with what is still pending
	live    int64 // bytes of it that are needed, by the size classes
	records int64 // how many are needed
	readers int   // nobody removes the file meanwhile
}

// A header begins each segment and ties it to the one before it.
type header struct {
	generation   generation
	number       uint32 // one count for both generations
	first        uint64 // log sequence number of the first frame
	previous     uint32 // the segment before it in its generation, 0: none
	previousSize int64
}

// The bytes: magic 8, format 4, generation 4, number 4, previous 4, first 8,
// previousSize 8, nothing 20, CRC-32C 4.
func (h header) bytes() []byte {
	b := make([]byte, headerSize)
	copy(b, headerMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(h.generation))
	binary.LittleEndian.PutUint32(b[16:], h.number)
	binary.LittleEndian.PutUint32(b[20:], h.previous)
	binary.LittleEndian.PutUint64(b[24:], h.first)
	binary.LittleEndian.PutUint64(b[32:], uint64(h.previousSize))
	sealHeader(b)
	return b
}

func sealHeader(b []byte) {
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli()))
}

var (
	errNoHeader = errors.New("no header of a segment")
	errFormat   = errors.New("this version of mqtk does not read it")
)

func readHeader(b []byte) (h header, err error) {
	if len(b) < headerSize || !bytes.Equal(b[:8], headerMagic) ||
		binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli()) {
		return h, errNoHeader
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return h, fmt.Errorf("format %d: %w", v, errFormat)
	}
	return header{
		generation:   generation(b[12]),
		number:       binary.LittleEndian.Uint32(b[16:]),
		previous:     binary.LittleEndian.Uint32(b[20:]),
		first:        binary.LittleEndian.Uint64(b[24:]),
		previousSize: int64(binary.LittleEndian.Uint64(b[32:])),
	}, nil
}

func (g generation) String() string {
	if g == old {
		return "old"
	}
	return "young"
}

// name is the segment's file.
func (h header) name() string { return fmt.Sprintf("%010d.%s", h.number, h.generation) }

// A segmentFile is a segment as a directory shows it.
type segmentFile struct {
	entry
	generation generation
	number     uint32
}

func parseSegmentName(e entry) (segmentFile, bool) {
	digits, suffix, _ := strings.Cut(e.name, ".")
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || len(digits) != 10 || n == 0 || n > maxNumber {
		return segmentFile{}, false
	}
	for _, g := range []generation{young, old} {
		if suffix == g.String() {
			return segmentFile{e, g, uint32(n)}, true
		}
	}
	return segmentFile{}, false
}

// listSegments finds the segments: the old generation first, each in order.
func listSegments(d filesystem) ([]segmentFile, error) {
	entries, err := d.list()
	if err != nil {
		return nil, err
	}
	var found []segmentFile
	for _, e := range entries {
		if s, ok := parseSegmentName(e); ok {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b segmentFile) int {
		if a.generation != b.generation {
			return int(b.generation) - int(a.generation)
		}
		return int(a.number) - int(b.number)
	})
	return found, nil
}

// load reads a whole file, into buf if that is large enough.
func load(d filesystem, name string, buf []byte) ([]byte, error) {
	f, err := d.view(name)
	if err != nil {
		return nil, err
	}
	defer f.close()
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if int64(int(size)) != size {
		return nil, fmt.Errorf("%s has %d bytes, more than this machine reads at once", name, size)
	}
	buf = slices.Grow(buf[:0], int(size))[:size]
	n, err := f.readAt(buf, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return buf[:n], err
}

// walkFrames visits the frames of a segment's bytes and returns where the good
// ones end: len(data), or at a bad frame. next is the log sequence number that
// would be the next frame's.
func walkFrames(h header, data []byte, visit func(frame) error) (end int64, next uint64, err error) {
	return walkFrom(h, data, headerSize, visit)
}

// walkFrom is walkFrames from an offset on, where the frame h.first stands.
func walkFrom(h header, data []byte, start int64, visit func(frame) error) (end int64, next uint64, err error) {
	end, next = start, h.first
	for end < int64(len(data)) {
		kind, payload, ok := open(data[end:], h.number, end)
		if !ok {
			break
		}
		f := frame{kind, end, next, payload}
		if err := visit(f); err != nil {
			return end, next, err
		}
		end += int64(f.length())
		next++
	}
	return end, next, nil
}

// findMark searches for a good mark at or after an offset, byte by byte: what
// stands before it may be damaged in its lengths too.
func findMark(number uint32, data []byte, from int64) (at int64, m mark, found bool) {
	for i := from; i+markFrame <= int64(len(data)); i++ {
		if binary.LittleEndian.Uint32(data[i:]) != markLength {
			continue
		}
		kind, payload, ok := open(data[i:], number, i)
		if ok && kind != frameEvents {
			return i, readMark(payload), true
		}
	}
	return 0, mark{}, false
}
