package commands

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// eventNames are the kinds of records as --kind takes them and as they are
// printed.
func eventNames() []string {
	return []string{"enqueue", "inflight", "released", "dequeue", "held", "forgotten", "retain",
		"subscribe", "unsubscribe", "session", "session-end", "will", "queued"}
}

func eventName(k broker.EventKind) string {
	if names := eventNames(); k >= broker.EventEnqueue && int(k) <= len(names) {
		return names[k-1]
	}
	return "kind-" + strconv.Itoa(int(k))
}

// eventTopic is the topic that an event is about; of subscriptions their filter.
func eventTopic(e *broker.Event) string {
	switch {
	case e.Message != nil:
		return e.Message.Topic
	case e.Topic != "":
		return e.Topic
	}
	return ""
}

// appendEvent appends an event in the text form of packets: words and key=value,
// and a message at the end as the PUBLISH that it is.
func appendEvent(dst []byte, e *broker.Event) []byte {
	t := textFields{dst}
	t.text("client-id", e.ClientID)
	t.number("incarnation", e.Incarnation)
	t.number("sequence", e.Sequence)
	t.number("packet-id", uint64(e.PacketID))
	switch e.Kind {
	case broker.EventEnqueue, broker.EventQueued:
		t.number("last", e.Last)
		t.number("qos", uint64(e.QoS))
		t.flag("retain", e.Retain)
		t.text("share", e.Share)
		for _, id := range e.Identifiers {
			t.number("subscription-identifier", uint64(id))
		}
	case broker.EventRetain:
		t.number("replaces", e.Replaces)
		if e.Message == nil {
			t.text("cleared", e.Topic)
		}
	case broker.EventSubscribe:
		t.number("subscription-identifier", uint64(e.Identifier))
		t.packet(&mqttwire.Subscribe{Subscriptions: []mqttwire.Subscription{e.Subscription}})
	case broker.EventUnsubscribe:
		t.text("filter", e.Subscription.Filter)
	case broker.EventSession:
		t.text("username", e.Username)
		if e.Remote != nil {
			t.text("remote", e.Remote.String())
		}
		if e.SessionExpiry == math.MaxUint32 {
			t.text("session-expiry-interval", "inf")
		} else {
			t.number("session-expiry-interval", uint64(e.SessionExpiry))
		}
		t.flag("connected", e.Connected)
		t.time("ends", e.Ends)
	case broker.EventWill:
		t.number("will-delay-interval", uint64(e.WillDelay))
	}
	if e.Message != nil {
		t.message(e.Message)
	}
	return t.dst
}

// textFields appends " key=value" for what is not zero.
type textFields struct{ dst []byte }

func (t *textFields) key(key string) { t.dst = append(append(append(t.dst, ' '), key...), '=') }

func (t *textFields) text(key, value string) {
	if value != "" {
		t.key(key)
		t.dst = append(t.dst, textValue(value)...)
	}
}

func (t *textFields) number(key string, n uint64) {
	if n != 0 {
		t.key(key)
		t.dst = strconv.AppendUint(t.dst, n, 10)
	}
}

func (t *textFields) flag(key string, on bool) {
	if on {
		t.number(key, 1)
	}
}

func (t *textFields) time(key string, at time.Time) {
	if !at.IsZero() {
		t.key(key)
		t.dst = at.UTC().AppendFormat(t.dst, time.RFC3339Nano)
	}
}

func (t *textFields) packet(p mqttwire.Packet) {
	t.dst = mqttwire.AppendText(append(t.dst, ' '), p, mqttwire.V5)
}

func (t *textFields) message(m *broker.Message) {
	t.text("from", m.From)
	t.time("arrived", m.Arrived)
	t.time("expires", m.Expires)
	t.packet(publishOf(m))
}

func publishOf(m *broker.Message) *mqttwire.Publish {
	return &mqttwire.Publish{QoS: m.QoS, Retain: m.Retain, Topic: m.Topic, Properties: m.Properties, Payload: m.Payload}
}

// textValue quotes as the text form of packets does.
func textValue(s string) string {
	if s == "" || strings.ContainsAny(s, " \"=;|") || visible(s) != s {
		return strconv.Quote(s)
	}
	return s
}

// An eventObject is an event as --json prints it.
type eventObject struct {
	ClientID      string           `json:"client_id,omitempty"`
	Incarnation   uint64           `json:"incarnation,omitempty"`
	Sequence      uint64           `json:"sequence,omitempty"`
	Last          uint64           `json:"last,omitempty"`
	Replaces      uint64           `json:"replaces,omitempty"`
	PacketID      uint16           `json:"packet_id,omitempty"`
	QoS           *byte            `json:"qos,omitempty"`
	Share         string           `json:"share,omitempty"`
	Identifiers   []uint32         `json:"subscription_identifiers,omitempty"`
	Topic         string           `json:"topic,omitempty"`
	Filter        string           `json:"filter,omitempty"`
	NoLocal       bool             `json:"no_local,omitempty"`
	AsPublished   bool             `json:"retain_as_published,omitempty"`
	Handling      byte             `json:"retain_handling,omitempty"`
	Username      string           `json:"username,omitempty"`
	Remote        string           `json:"remote,omitempty"`
	SessionExpiry *uint32          `json:"session_expiry,omitempty"`
	Connected     *bool            `json:"connected,omitempty"`
	Ends          string           `json:"ends,omitempty"`
	WillDelay     uint32           `json:"will_delay,omitempty"`
	From          string           `json:"from,omitempty"`
	Expires       string           `json:"expires,omitempty"`
	Message       *json.RawMessage `json:"message,omitempty"`
}

func newEventObject(e *broker.Event) eventObject {
	o := eventObject{
		ClientID: e.ClientID, Incarnation: e.Incarnation, Sequence: e.Sequence, Last: e.Last, Replaces: e.Replaces,
		PacketID: uint16(e.PacketID), Share: e.Share, Identifiers: e.Identifiers, Topic: e.Topic,
		Filter: e.Subscription.Filter, NoLocal: e.Subscription.NoLocal, AsPublished: e.Subscription.RetainAsPublished,
		Handling: e.Subscription.RetainHandling, Username: e.Username, Ends: jsonTime(e.Ends), WillDelay: e.WillDelay,
	}
	qos := byte(e.QoS)
	switch e.Kind {
	case broker.EventEnqueue:
		o.QoS = &qos
	case broker.EventSubscribe:
		qos = byte(e.Subscription.QoS)
		o.QoS = &qos
		if e.Identifier != 0 {
			o.Identifiers = []uint32{e.Identifier}
		}
	case broker.EventSession:
		o.SessionExpiry, o.Connected = &e.SessionExpiry, &e.Connected
		if e.Remote != nil {
			o.Remote = e.Remote.String()
		}
	}
	if m := e.Message; m != nil {
		o.From, o.Expires = m.From, jsonTime(m.Expires)
		text, _ := appendMessageJSON(nil, publishOf(m), m.Arrived, false) // false concerns raw payloads alone
		o.Message = (*json.RawMessage)(&text)
	}
	return o
}

func jsonTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
