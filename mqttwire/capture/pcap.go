package capture

import (
	"encoding/binary"
	"errors"
	"time"
)

// records is the older file format, pcap: a header, and records of one kind.
type records struct {
	order binary.ByteOrder
	link  LinkType
	unit  time.Duration // of the fractions of seconds
}

func openRecords(r *Reader, magic []byte) (*records, error) {
	f := &records{unit: time.Microsecond}
	switch {
	case binary.LittleEndian.Uint32(magic) == 0xa1b2c3d4:
		f.order = binary.LittleEndian
	case binary.BigEndian.Uint32(magic) == 0xa1b2c3d4:
		f.order = binary.BigEndian
	case binary.LittleEndian.Uint32(magic) == 0xa1b23c4d:
		f.order, f.unit = binary.LittleEndian, time.Nanosecond
	case binary.BigEndian.Uint32(magic) == 0xa1b23c4d:
		f.order, f.unit = binary.BigEndian, time.Nanosecond
	default:
		return nil, errors.New("this is no capture that can be read: it is neither pcap nor pcapng")
	}
	header, err := r.read(24, 0)
	if err != nil {
		return nil, err
	}
	f.link = LinkType(f.order.Uint32(header[20:])) // above 16 bits: how long frame check sequences are
	return f, nil
}

func (f *records) next(r *Reader) (Frame, error) {
	began := r.offset
	header, err := r.read(16, began)
	if err != nil {
		return Frame{}, err
	}
	seconds, fraction := f.order.Uint32(header), f.order.Uint32(header[4:])
	kept, length := f.order.Uint32(header[8:]), f.order.Uint32(header[12:])
	if kept > maxBlock {
		return Frame{}, damaged(began, "a frame of %d bytes", kept)
	}
	data, err := r.read(int(kept), began)
	if err != nil {
		return Frame{}, err
	}
	at := time.Unix(int64(seconds), 0).Add(time.Duration(fraction) * f.unit)
	return Frame{At: at, Link: f.link, Data: data, Length: int(max(length, kept))}, nil
}
