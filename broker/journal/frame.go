package journal

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// A frame is what is recovered whole or not at all:
//
//	length of the payload  uint32, little-endian as everything here
//	CRC-32C                uint32, of all that follows
//	kind                   byte
//	payload
//
// The checksum begins with the frame's own segment and offset, so that nothing
// passes for a frame but where it was written. That is why a frame need not
// carry its log sequence number: the header of a segment says the first one,
// and each frame stands where the one before it ends.
const frameHeader = 9

type frameKind byte

const (
	frameEvents frameKind = 1 + iota // the record half's
	frameMark                        // begins each commit
	frameClosed                      // a mark that ends a log which was closed in peace
)

// A frame as it was found. The payload is a view.
type frame struct {
	kind    frameKind
	offset  int64
	lsn     uint64
	payload []byte
}

func (f frame) length() int { return frameHeader + len(f.payload) }

// castagnoli is the table of the checksums. Package crc32 makes it once, when it
// is first asked for: who never opens a journal does not wait for that.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// checksum is of a frame that stands at an offset of a segment; body begins
// with the kind.
func checksum(number uint32, offset int64, body []byte) uint32 {
	return crc32.Update(number*0x9e3779b1^uint32(offset), castagnoli(), body)
}

// seal fills in the header of a frame whose payload is there already.
func seal(b []byte, kind frameKind, number uint32, offset int64) {
	b[8] = byte(kind)
	binary.LittleEndian.PutUint32(b, uint32(len(b)-frameHeader))
	binary.LittleEndian.PutUint32(b[4:], checksum(number, offset, b[8:]))
}

// open checks the frame at the beginning of b, which stands at an offset of a
// segment, and returns a view of its payload. ok is false if b holds no whole
// and good frame.
func open(b []byte, number uint32, offset int64) (kind frameKind, payload []byte, ok bool) {
	if len(b) < frameHeader {
		return 0, nil, false
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n > int64(len(b)-frameHeader) {
		return 0, nil, false
	}
	b = b[:frameHeader+int(n)]
	kind = frameKind(b[8])
	if kind < frameEvents || kind > frameClosed || kind != frameEvents && n != markLength {
		return 0, nil, false
	}
	if binary.LittleEndian.Uint32(b[4:]) != checksum(number, offset, b[8:]) {
		return 0, nil, false
	}
	return kind, b[frameHeader:], true
}

// A position is a boundary between frames of a stream.
type position struct {
	number uint32
	offset int64
}

func (p position) less(q position) bool {
	return p.number < q.number || p.number == q.number && p.offset < q.offset
}

// A mark begins a commit: everything of the stream before synced was on disk
// when the commit was made. So a bad frame before the synced position of any
// mark that follows it is damage, and no torn tail. It says too which segments
// of both generations must be there.
type mark struct {
	synced position
	clock  time.Time // max(clock, what the log has seen)
	lsn    uint64    // the mark's own, for who finds it amidst damage
	extents
}

const (
	markLength = 4 + 4 + 8 + 8 + 2*(4+4)
	markFrame  = frameHeader + markLength
)

func (m mark) put(b []byte) {
	binary.LittleEndian.PutUint32(b, m.synced.number)
	binary.LittleEndian.PutUint32(b[4:], uint32(m.synced.offset))
	binary.LittleEndian.PutUint64(b[8:], uint64(m.clock.UnixNano()))
	binary.LittleEndian.PutUint64(b[16:], m.lsn)
	for g, e := range m.extents {
		binary.LittleEndian.PutUint32(b[24+8*g:], e.first)
		binary.LittleEndian.PutUint32(b[28+8*g:], e.last)
	}
}

func readMark(b []byte) mark {
	m := mark{
		synced: position{binary.LittleEndian.Uint32(b), int64(binary.LittleEndian.Uint32(b[4:]))},
		clock:  time.Unix(0, int64(binary.LittleEndian.Uint64(b[8:]))),
		lsn:    binary.LittleEndian.Uint64(b[16:]),
	}
	for g := range m.extents {
		m.extents[g] = extent{binary.LittleEndian.Uint32(b[24+8*g:]), binary.LittleEndian.Uint32(b[28+8*g:])}
	}
	return m
}
