package anatomy

import (
	"fmt"

	"mqtk/mqttwire"
)

func (w *walker) connect(header byte, padded bool) {
	if !w.protocol() {
		return
	}
	v := w.version
	if header != 0 && v != mqttwire.V31 {
		w.fail(0, "flags")
	}
	if padded && v == mqttwire.V5 {
		w.fail(1, "remaining-length")
	}
	at := w.at
	b, ok := w.take("connect-flags", 1)
	if !ok {
		return
	}
	flags := b[0]
	w.span(1, "connect-flags", "", someBits(flags, mqttwire.ConnectFlagUsername, "username"), someBits(flags, mqttwire.ConnectFlagPassword, "password"),
		someBits(flags, mqttwire.ConnectFlagWillRetain, "will-retain"), someBits(flags, mqttwire.ConnectFlagWillQoS, "will-qos"), someBits(flags, mqttwire.ConnectFlagWill, "will"),
		someBits(flags, mqttwire.ConnectFlagCleanStart, "clean-start"), someBits(flags, mqttwire.ConnectFlagReserved, "reserved"))
	w.uint16("keep-alive")
	w.connectFlags(flags, at)
	seen := w.optional5(mqttwire.CONNECT)
	if at, data := seen[mqttwire.AuthenticationData]; data {
		if _, method := seen[mqttwire.AuthenticationMethod]; !method {
			w.fail(at, "authentication-data")
		}
	}
	w.text("client-id", nil)
	if flags&mqttwire.ConnectFlagWill != 0 {
		w.will()
	}
	optional := v == mqttwire.V31 // there the flags may be set and the fields missing
	if flags&mqttwire.ConnectFlagUsername != 0 && (!optional || w.more()) {
		w.text("username", nil)
	}
	if flags&mqttwire.ConnectFlagPassword != 0 && (!optional || w.more()) {
		w.field("password", showBinary)
	}
	if optional && w.more() {
		w.lose("unused", "3.1 does not forbid it")
	}
}

// protocol reads name and level, which say how all the rest is to be read.
func (w *walker) protocol() bool {
	nameAt := w.at
	name := w.text("protocol-name", nil)
	levelAt := w.at
	level, ok := w.take("version", 1)
	if !ok {
		return false
	}
	v := mqttwire.Version(level[0])
	w.span(1, "version", fmt.Sprintf("%d (%s)", v, v))
	switch {
	case w.wrong >= 0 && w.wrongName == "protocol-name":
		// no text
	case name == "MQIsdp" && v == mqttwire.V31, name == "MQTT" && (v == mqttwire.V311 || v == mqttwire.V5):
		w.version = v
		return true
	case name == "MQIsdp" || name == "MQTT":
		w.fail(levelAt, "version")
	default:
		w.fail(nameAt, "protocol-name")
	}
	w.lose("unread", "only the version tells how")
	return false
}

func (w *walker) connectFlags(flags byte, at int) {
	v := w.version
	if v == mqttwire.V31 && flags&mqttwire.ConnectFlagWill == 0 {
		flags &^= mqttwire.ConnectFlagWillQoS | mqttwire.ConnectFlagWillRetain
	}
	switch {
	case flags&mqttwire.ConnectFlagReserved != 0 && v != mqttwire.V31:
		w.fail(at, "reserved")
	case flags&mqttwire.ConnectFlagWillQoS == mqttwire.ConnectFlagWillQoS, flags&mqttwire.ConnectFlagWill == 0 && flags&mqttwire.ConnectFlagWillQoS != 0:
		w.fail(at, "will-qos")
	case flags&mqttwire.ConnectFlagWill == 0 && flags&mqttwire.ConnectFlagWillRetain != 0:
		w.fail(at, "will-retain")
	case v != mqttwire.V5 && flags&mqttwire.ConnectFlagPassword != 0 && flags&mqttwire.ConnectFlagUsername == 0:
		w.fail(at, "password")
	}
}

func (w *walker) will() {
	if w.version == mqttwire.V5 {
		w.properties("will-properties", mqttwire.WillProperties)
	}
	at := w.at
	topic, _ := w.field("will-topic", showText)
	if _, ok := w.field("will-payload", showBinary); ok && mqttwire.CheckTopicName(string(topic)) != nil {
		w.fail(at, "will-topic")
	}
}
