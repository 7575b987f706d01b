package journal

import "math/bits"

// A place says where a frame stands and about how long it is: the segment's
// number (30 bits), the frame's offset in it (26) and the class of its size (8).
// The index holds millions of them, so they are one word. 0 is no place.
//
//	63        34 33       8 7    0
//	number       offset     class
type place uint64

const (
	maxNumber = 1<<30 - 1
	maxOffset = 1<<26 - 1
)

func newPlace(number uint32, offset int64, size int) place {
	return place(number)<<34 | place(offset)<<8 | place(sizeClass(size))
}

// segment is the number of the segment the frame stands in.
func (p place) segment() uint32 { return uint32(p >> 34) }

func (p place) offset() int64 { return int64(p >> 8 & maxOffset) }

// size is the frame's length, or the share of it that share left, within 6.25 %.
func (p place) size() int {
	c := uint(p & 0xff)
	if c < 16 {
		return int(c)
	}
	return int(min(int64(c%8+8)<<(c/8-1), 1<<31-1))
}

// share is the same place with 1/n of the size, for the n records of one frame
// that live and die alone: their sizes add up to the frame's.
func (p place) share(n int) place {
	return p&^0xff | place(sizeClass(max(p.size()/max(n, 1), 1)))
}

// sizeClass is a floating-point number of five bits and three, rounded to the
// nearest; exact below 16.
func sizeClass(n int) uint8 {
	if n < 16 {
		return uint8(max(n, 0))
	}
	e := bits.Len(uint(n)) - 4
	m := (n>>(e-1) + 1) >> 1 // 8 to 16: 16 carries into the next exponent by itself
	return uint8(min(8*e+m, 255))
}
