package anatomy

import (
	"fmt"
	"strconv"

	"mqtk/mqttwire"
)

// walk reads a packet. It judges in the order in which the Decoder does, so
// that both speak of the same thing.
func walk(b []byte, v mqttwire.Version, from mqttwire.Side) *walker {
	w := &walker{b: b, end: len(b), packet: mqttwire.PacketType(b[0] >> 4), version: v, from: from, wrong: -1}
	w.header(b[0])
	length, size := variableByte(b[1:])
	switch {
	case size == 0:
		w.missing = 1
		w.lose("remaining-length", "cut short")
		return w
	case size < 0 || w.packet == 0:
		w.fail(1, "remaining-length")
		w.lose("remaining-length", "longer than 4 bytes")
		return w
	}
	if total := 1 + size + length; total <= len(b) {
		w.b, w.end = b[:total:total], total
	} else {
		w.missing = total - len(b)
	}
	w.at += size
	w.span(size, "remaining-length", strconv.Itoa(length))
	padded := size > 1 && b[size] == 0
	if padded && w.packet != mqttwire.CONNECT && v == mqttwire.V5 {
		w.fail(1, "remaining-length")
	}
	w.body(b[0]&0xF, padded)
	if w.more() {
		w.fail(w.at, "end")
		w.lose("surplus", "behind the end")
	}
	w.spans = w.parts(0)
	return w
}

// header reads and judges the first byte.
func (w *walker) header(b byte) {
	flags := b & 0xF
	t := w.packet
	name := t.String()
	if t == 0 {
		name = "reserved"
	}
	bits := []Bits{{0xF0, "packet-type", fmt.Sprintf("%d %s", t, name)}}
	if t == mqttwire.PUBLISH {
		bits = append(bits, someBits(b, 8, "dup"), someBits(b, 6, "qos"), someBits(b, 1, "retain"))
	} else {
		bits = append(bits, Bits{0xF, "flags", fmt.Sprintf("%04b", flags)})
	}
	w.at = 1
	w.span(1, "header", name, bits...)
	known := w.version >= mqttwire.V31 && w.version <= mqttwire.V5
	switch {
	case t == mqttwire.CONNECT:
		// its flags are judged by its own version
	case t == 0, !known, t == mqttwire.AUTH && w.version != mqttwire.V5:
		w.fail(0, "packet-type")
	case t != mqttwire.PUBLISH && !w.flagsFit(flags):
		w.fail(0, "flags")
	}
	if sender := senderOf(t, w.version); sender != mqttwire.Either && w.from != mqttwire.Either && sender != w.from {
		w.fail(0, "packet-type")
	}
}

// flagsFit: 3.1 looks at the bits of the QoS alone, and only where they are used.
func (w *walker) flagsFit(flags byte) bool {
	want := byte(0)
	switch w.packet {
	case mqttwire.PUBREL, mqttwire.SUBSCRIBE, mqttwire.UNSUBSCRIBE:
		want = 2
	}
	return flags == want || w.version == mqttwire.V31 && (want == 0 || flags&6 == want)
}

func senderOf(t mqttwire.PacketType, v mqttwire.Version) mqttwire.Side {
	switch t {
	case mqttwire.CONNECT, mqttwire.SUBSCRIBE, mqttwire.UNSUBSCRIBE, mqttwire.PINGREQ:
		return mqttwire.Client
	case mqttwire.CONNACK, mqttwire.SUBACK, mqttwire.UNSUBACK, mqttwire.PINGRESP:
		return mqttwire.Server
	case mqttwire.DISCONNECT:
		if v != mqttwire.V5 {
			return mqttwire.Client
		}
	}
	return mqttwire.Either
}

func (w *walker) body(flags byte, padded bool) {
	if w.packet != mqttwire.CONNECT && (w.version < mqttwire.V31 || w.version > mqttwire.V5) {
		w.lose("unread", "the version is not known")
		return
	}
	switch w.packet {
	case mqttwire.CONNECT:
		w.connect(flags, padded)
	case mqttwire.CONNACK:
		w.connack()
	case mqttwire.PUBLISH:
		w.publish(flags)
	case mqttwire.PUBACK, mqttwire.PUBREC, mqttwire.PUBREL, mqttwire.PUBCOMP:
		w.packetID()
		w.reasonAndProperties()
	case mqttwire.SUBSCRIBE:
		w.subscribe()
	case mqttwire.UNSUBSCRIBE:
		w.unsubscribe()
	case mqttwire.SUBACK:
		w.packetID()
		w.optional5(w.packet)
		w.reasons()
	case mqttwire.UNSUBACK:
		w.packetID()
		if w.version == mqttwire.V5 {
			w.properties("properties", w.packet)
			w.reasons()
		}
	case mqttwire.DISCONNECT:
		w.reasonAndProperties()
	case mqttwire.AUTH:
		w.auth()
	}
}

func (w *walker) packetID() {
	at := w.at
	if id, ok := w.uint16("packet-id"); ok && id == 0 {
		w.fail(at, "packet-id")
	}
}

// optional5 reads the properties, which 5.0 alone has.
func (w *walker) optional5(t mqttwire.PacketType) offsets {
	if w.version != mqttwire.V5 {
		return nil
	}
	return w.properties("properties", t)
}

func (w *walker) reason() (r mqttwire.ReasonCode, ok bool) {
	b, ok := w.take("reason", 1)
	if !ok {
		return 0, false
	}
	r = mqttwire.ReasonCode(b[0])
	w.span(1, "reason", showReason(r, w.packet))
	if !r.AllowedIn(w.packet, w.from) {
		w.fail(w.at-1, "reason")
	}
	return r, true
}

// reasonAndProperties are both left out where they say nothing.
func (w *walker) reasonAndProperties() {
	if w.version == mqttwire.V5 && w.more() {
		w.reason()
		if w.more() {
			w.properties("properties", w.packet)
		}
	}
}

// reasons reads the list of a SUBACK or UNSUBACK.
func (w *walker) reasons() {
	if w.lost {
		return
	}
	if w.at == w.end {
		w.fail(w.at, "reason")
	}
	for w.more() {
		if w.version == mqttwire.V5 {
			w.reason()
			continue
		}
		b, _ := w.take("reason", 1)
		r := mqttwire.ReasonCode(b[0])
		w.span(1, "reason", showReason(r, w.packet))
		if r > mqttwire.GrantedQoS2 && (r != 0x80 || w.version == mqttwire.V31) {
			w.fail(w.at-1, "reason")
		}
	}
}

func (w *walker) connack() {
	at := w.at
	b, ok := w.take("connack-flags", 1)
	if !ok {
		return
	}
	flags := b[0]
	w.span(1, "connack-flags", "", someBits(flags, 0xFE, "reserved"), someBits(flags, 1, "session-present"))
	if flags > 1 && w.version != mqttwire.V31 {
		w.fail(at, "connack-flags")
	}
	present := flags == 1 && w.version != mqttwire.V31
	var refused bool
	if w.version == mqttwire.V5 {
		r, _ := w.reason()
		refused = r != mqttwire.Success
		w.properties("properties", mqttwire.CONNACK)
	} else if b, ok := w.take("return-code", 1); ok {
		w.span(1, "return-code", fmt.Sprintf("%d %s", b[0], returnCode(b[0])))
		if refused = b[0] != 0; b[0] > 5 {
			w.fail(w.at-1, "return-code")
		}
	}
	if present && refused {
		w.fail(at, "session-present")
	}
}

// returnCode is the name of the reason that a return code of 3.x stands for.
func returnCode(code byte) string {
	for i := range 256 {
		if c, ok := mqttwire.ReasonCode(i).ReturnCode(); ok && c == code {
			return mqttwire.ReasonCode(i).Name(mqttwire.CONNACK)
		}
	}
	return "reserved"
}

func (w *walker) publish(flags byte) {
	qos := flags >> 1 & 3
	switch {
	case qos > 2:
		w.fail(0, "qos")
	case qos == 0 && flags&8 != 0:
		w.fail(0, "dup")
	}
	at := w.at
	topic := w.text("topic", func(s string) bool { return s == "" || mqttwire.CheckTopicName(s) == nil })
	if qos > 0 {
		w.packetID()
	}
	seen := w.optional5(mqttwire.PUBLISH)
	if _, alias := seen[mqttwire.TopicAlias]; topic == "" && !alias && !w.lost {
		w.fail(at, "topic")
	}
	if w.more() {
		b, _ := w.take("payload", w.end-w.at)
		w.span(len(b), "payload", showBinary(b))
	}
}

func (w *walker) subscribe() {
	w.packetID()
	w.optional5(mqttwire.SUBSCRIBE)
	if w.at == w.end && !w.lost {
		w.fail(w.at, "filter")
	}
	for w.more() {
		w.group("subscription", func() string {
			filter := w.text("filter", isFilter)
			if b, ok := w.take("options", 1); ok {
				w.options(b[0], filter)
			}
			return ""
		})
	}
}

func isFilter(s string) bool { return mqttwire.CheckTopicFilter(s) == nil }

// options are those of a subscription. 3.1 does not use the upper six bits.
func (w *walker) options(b byte, filter string) {
	if w.version != mqttwire.V5 {
		w.span(1, "options", "", someBits(b, 0xFC, "reserved"), someBits(b, 3, "qos"))
		if w.version == mqttwire.V311 && b > 2 || b&3 == 3 {
			w.fail(w.at-1, "options")
		}
		return
	}
	w.span(1, "options", "", someBits(b, 0xC0, "reserved"), someBits(b, 0x30, "retain-handling"),
		someBits(b, 8, "retain-as-published"), someBits(b, 4, "no-local"), someBits(b, 3, "qos"))
	_, _, shared := mqttwire.SplitShared(filter)
	if b>>6 != 0 || b&3 == 3 || b>>4&3 == 3 || shared && b&4 != 0 {
		w.fail(w.at-1, "options")
	}
}

func (w *walker) unsubscribe() {
	w.packetID()
	w.optional5(mqttwire.UNSUBSCRIBE)
	if w.at == w.end && !w.lost {
		w.fail(w.at, "filter")
	}
	for w.more() {
		w.text("filter", isFilter)
	}
}

// auth always has a method, so its short form is none.
func (w *walker) auth() {
	if w.version != mqttwire.V5 {
		w.lose("unread", "3.x has no such packet")
		return
	}
	var seen offsets
	if w.more() {
		w.reason()
		seen = w.properties("properties", mqttwire.AUTH)
	}
	if _, method := seen[mqttwire.AuthenticationMethod]; !method && !w.lost {
		w.fail(w.end, "authentication-method")
	}
}
