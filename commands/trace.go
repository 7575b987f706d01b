package commands

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// tracedBytes is how much of a payload --debug prints.
const tracedBytes = 64

// trace prints a packet in the text form.
func (l *link) trace(sent bool, packet mqttwire.Packet) {
	arrow := "< "
	if sent {
		arrow = "> "
	}
	line := arrow + traced(packet, l.spoken()) + "\n"
	l.mu.Lock()
	defer l.mu.Unlock()
	l.p.Err.Write([]byte(line))
}

// traced is a packet for people: without secrets, a version by its name, and a
// long payload cut, with its length in a comment.
func traced(packet mqttwire.Packet, v mqttwire.Version) string {
	comment := ""
	switch p := packet.(type) {
	case *mqttwire.Publish:
		short := *p
		short.Payload, comment = cutPayload(p.Payload)
		packet = &short
	case *mqttwire.Connect:
		if p.Will != nil {
			short, will := *p, *p.Will
			will.Payload, comment = cutPayload(will.Payload)
			short.Will = &will
			packet = &short
		}
	}
	line := unsecret(mqttwire.LineOf(packet, v))
	for i := range line.Fields {
		if f := &line.Fields[i]; f.Key == "version" {
			if c, ok := packet.(*mqttwire.Connect); ok {
				f.Value = c.Version.String()
			}
		}
	}
	return line.String() + comment
}

// unsecret is a line with stars in place of what proves who somebody is.
func unsecret(line mqttwire.Line) mqttwire.Line {
	fields := slices.Clone(line.Fields)
	for i := range fields {
		switch f := &fields[i]; f.Key {
		case "password", "password-hex":
			*f = mqttwire.Field{Key: "password", Value: "***"}
		case "authentication-data", "authentication-data-hex":
			*f = mqttwire.Field{Key: "authentication-data", Value: "***"}
		}
	}
	line.Fields = fields
	return line
}

// cutPayload shortens a payload and tells how long it was. Text is cut between
// two characters.
func cutPayload(payload []byte) (short []byte, comment string) {
	if len(payload) <= tracedBytes {
		return payload, ""
	}
	end := tracedBytes
	for i := end; i > end-utf8.UTFMax; i-- {
		if utf8.RuneStart(payload[i]) {
			end = i
			break
		}
	}
	return payload[:end], fmt.Sprintf(" # %d bytes", len(payload))
}
