package transport

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// permessage-deflate, RFC 7692, without context takeover on either side: each
// message is compressed by itself, so that nothing is kept between two.

const (
	// maxPacked is how long a compressed message may be. It is held until its last
	// frame is here, since what inflates cannot stop in the middle of its input;
	// what comes out goes to the reader as it comes.
	maxPacked = 1 << 20
	// minPack is how long a message must be to be worth it.
	minPack = 128
)

// deflateTail is what a sender leaves out at the end of each message, and an
// empty last block, which has the reader see an end.
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

var (
	inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}
	deflaters = sync.Pool{New: func() any { w, _ := flate.NewWriter(nil, flate.BestSpeed); return w }}
)

// inflation is a compressed message: first its bytes, then what reads them.
type inflation struct {
	bytes  []byte
	source *bytes.Reader
	reader io.ReadCloser
}

func (i *inflation) inflating() bool { return i.reader != nil }

// collect reads compressed payload, for which it takes room as it arrives.
func (u *unframer) collect(source io.Reader) error {
	for u.left > 0 {
		if len(u.bytes) == cap(u.bytes) {
			u.bytes = append(u.bytes, 0)[:len(u.bytes)]
		}
		n, err := u.take(source, u.bytes[len(u.bytes):cap(u.bytes)])
		if err != nil {
			return err
		}
		u.bytes = u.bytes[:len(u.bytes)+n]
		if len(u.bytes) > maxPacked {
			return &frameError{closeTooBig, "a compressed message over 1 MiB"}
		}
	}
	return nil
}

func (u *unframer) startInflating() error {
	u.source = bytes.NewReader(append(u.bytes, deflateTail...))
	u.reader = inflaters.Get().(io.ReadCloser)
	u.packed = false
	return u.reader.(flate.Resetter).Reset(u.source, nil)
}

// inflate reads on in the message, and ends it.
func (u *unframer) inflate(p []byte) (int, error) {
	n, err := u.reader.Read(p)
	if n > 0 || err == nil {
		return n, nil
	}
	// A sender may have made its last block a last one: then there is the tail left.
	left := u.source.Len()
	u.stopInflating()
	if err != io.EOF || left > len(deflateTail)+1 {
		return 0, &frameError{closeBadData, "a message that is not deflate's"}
	}
	return 0, nil
}

func (u *unframer) stopInflating() {
	if u.reader != nil {
		_ = u.reader.(flate.Resetter).Reset(bytes.NewReader(nil), nil) // let go of the message
		inflaters.Put(u.reader)
	}
	u.inflation = inflation{}
}

// deflate adds p, compressed, to dst.
func deflate(dst []byte, p []byte) []byte {
	sink := bytes.NewBuffer(dst)
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(sink)
	_, _ = w.Write(p) // a bytes.Buffer takes all
	_ = w.Flush()
	return sink.Bytes()[:sink.Len()-4]
}
