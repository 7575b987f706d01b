package commands

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"mqtk/mqttwire"
)

// The user property that marks a compressed payload, as pub --gzip sets it.
const (
	encodingName = "content-encoding"
	encodingGzip = "gzip"
)

// unpackedLimit bounds what a payload may unpack to: a few kilobytes can hold
// gigabytes of zeros.
const unpackedLimit = 64 << 20

// An unpacker undoes the compression of payloads.
type unpacker struct {
	reader  *gzip.Reader // nil: there was none
	payload bytes.Buffer
	message mqttwire.Publish
}

// isPacked tells whether a message says that its payload is compressed.
func isPacked(m *mqttwire.Publish) bool {
	if len(m.Properties) == 0 {
		return false
	}
	for name, value := range m.Properties.User() {
		if strings.EqualFold(name, encodingName) && strings.EqualFold(value, encodingGzip) {
			return true
		}
	}
	return false
}

// looksPacked tells a payload that begins as gzip does.
func looksPacked(payload []byte) bool {
	const header, trailer = 10, 8
	return len(payload) >= header+trailer && payload[0] == 0x1F && payload[1] == 0x8B && payload[2] == 8
}

// said is a message with its payload unpacked.
func (s *subscriber) said(m *mqttwire.Publish) *mqttwire.Publish {
	switch {
	case isPacked(m):
	case !looksPacked(m.Payload):
		return m
	case !s.o.Gunzip:
		s.hintPacked(m)
		return m
	}
	said, err := s.unpack.unpack(m)
	if err != nil {
		s.say("message on %s: %v: it stays as it is", short(m.Topic), err)
		return m
	}
	return said
}

// hintPacked says once why a payload is not unpacked that may be meant to be:
// before 5.0 nothing can mark it. Where only bytes are kept there is nothing to say.
func (s *subscriber) hintPacked(m *mqttwire.Publish) {
	looked := len(s.o.Where)+len(s.o.Grep) > 0 || s.trial != nil
	if s.spoken() != mqttwire.V5 && (looked || s.o.prints() && !s.o.exactly()) {
		s.sayOnce(&s.hinted, "message on %s: the payload begins as gzip does, and MQTT %s has no user property to mark it by, so it stays as it is: -V 5 unpacks what is marked, --gunzip what is not, too", short(m.Topic), s.spoken())
	}
}

// unpack is the message without its compression, good until the next one.
func (u *unpacker) unpack(m *mqttwire.Publish) (*mqttwire.Publish, error) {
	if u.payload.Cap() > 1<<20 {
		u.payload = bytes.Buffer{} // one large message is no reason to keep so much
	}
	u.payload.Reset()
	var err error
	if packed := bytes.NewReader(m.Payload); u.reader == nil {
		u.reader, err = gzip.NewReader(packed)
	} else {
		err = u.reader.Reset(packed)
	}
	if err == nil {
		_, err = io.Copy(&u.payload, io.LimitReader(u.reader, unpackedLimit+1))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the payload is to be gzip and cannot be unpacked: %w", err)
	case u.payload.Len() > unpackedLimit:
		return nil, fmt.Errorf("the payload unpacks to more than %d MiB", unpackedLimit>>20)
	}
	u.message = *m
	u.message.Payload = u.payload.Bytes()
	u.message.Properties = withoutEncoding(m.Properties)
	return &u.message, nil
}

// withoutEncoding is a copy of properties without the mark.
func withoutEncoding(properties mqttwire.Properties) (without mqttwire.Properties) {
	for p := range properties.All() {
		rule, _ := p.ID.Rule()
		switch {
		case p.ID != mqttwire.UserProperty:
		case strings.EqualFold(string(p.Name), encodingName):
			continue
		default:
			without = without.AddUser(string(p.Name), string(p.Value))
			continue
		}
		switch rule.Kind {
		case mqttwire.UTF8:
			without = without.AddText(p.ID, string(p.Value))
		case mqttwire.Binary:
			without = without.AddBinary(p.ID, p.Value)
		default:
			without = without.AddNumber(p.ID, p.Number)
		}
	}
	return without
}
