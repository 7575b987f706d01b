package commands

import (
	"encoding/json"
	"math"
	"net"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/broker/journal"
	"mqtk/mqttwire"
)

// Every kind of record, as inspect journal prints it.
func TestEventText(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 60_000_000, time.UTC)
	message := &broker.Message{Topic: "a/b", Payload: []byte("x y"), QoS: 1, From: "boss", Arrived: at, Expires: at.Add(time.Minute),
		Properties: mqttwire.Properties(nil).AddUser("k", "v")}
	worker := broker.Event{ClientID: "worker", Incarnation: 3, Sequence: 7}
	event := func(kind broker.EventKind, set func(*broker.Event)) *broker.Event {
		e := worker
		e.Kind = kind
		if set != nil {
			set(&e)
		}
		return &e
	}
	const whose = " client-id=worker incarnation=3 sequence=7"
	const whoseJSON = `{"client_id":"worker","incarnation":3,"sequence":7`
	const publish = ` from=boss arrived=2026-01-02T03:04:05.06Z expires=2026-01-02T03:05:05.06Z PUBLISH topic=a/b qos=1 user-property="k=v" payload="x y"`
	const publishJSON = `"from":"boss","expires":"2026-01-02T03:05:05.06Z","message":{"tst":"2026-01-02T03:04:05.060000+0000","ts":"2026-01-02T03:04:05.060000000Z",` +
		`"topic":"a/b","qos":1,"retain":0,"dup":0,"payloadlen":3,"mid":0,"properties":{"user-properties":{"k":"v"}},"payload":"x y"}}`
	for _, c := range []struct {
		kind       string
		event      *broker.Event
		text, json string
	}{
		{"enqueue", event(broker.EventEnqueue, func(e *broker.Event) {
			e.Message, e.QoS, e.Retain, e.Share, e.Identifiers = message, 1, true, "$share/g/a/+", []uint32{4, 5}
		}), whose + " qos=1 retain=1 share=$share/g/a/+ subscription-identifier=4 subscription-identifier=5" + publish,
			whoseJSON + `,"qos":1,"share":"$share/g/a/+","subscription_identifiers":[4,5],` + publishJSON},
		{"inflight", event(broker.EventInflight, func(e *broker.Event) { e.PacketID = 9 }), whose + " packet-id=9", whoseJSON + `,"packet_id":9}`},
		{"released", event(broker.EventReleased, func(e *broker.Event) { e.PacketID = 9 }), whose + " packet-id=9", whoseJSON + `,"packet_id":9}`},
		{"dequeue", event(broker.EventDequeue, nil), whose, whoseJSON + `}`},
		{"held", event(broker.EventHeld, func(e *broker.Event) { e.PacketID = 2 }), whose + " packet-id=2", whoseJSON + `,"packet_id":2}`},
		{"forgotten", event(broker.EventForgotten, func(e *broker.Event) { e.PacketID = 2 }), whose + " packet-id=2", whoseJSON + `,"packet_id":2}`},
		{"retain", &broker.Event{Kind: broker.EventRetain, Topic: "a/b", Sequence: 8, Replaces: 6, Message: message},
			" sequence=8 replaces=6" + publish, `{"sequence":8,"replaces":6,"topic":"a/b",` + publishJSON},
		{"retain", &broker.Event{Kind: broker.EventRetain, Topic: "a b", Sequence: 8}, ` sequence=8 cleared="a b"`, `{"sequence":8,"topic":"a b"}`},
		{"subscribe", event(broker.EventSubscribe, func(e *broker.Event) {
			e.Identifier = 4
			e.Subscription = mqttwire.Subscription{Filter: "a/#", QoS: 2, NoLocal: true, RetainAsPublished: true, RetainHandling: 1}
		}), whose + " subscription-identifier=4 SUBSCRIBE filter=a/# qos=2 no-local=1 retain-as-published=1 retain-handling=1",
			whoseJSON + `,"qos":2,"subscription_identifiers":[4],"filter":"a/#","no_local":true,"retain_as_published":true,"retain_handling":1}`},
		{"unsubscribe", event(broker.EventUnsubscribe, func(e *broker.Event) { e.Subscription.Filter = "a/#" }), whose + " filter=a/#", whoseJSON + `,"filter":"a/#"}`},
		{"session", event(broker.EventSession, func(e *broker.Event) {
			e.Username, e.Remote, e.SessionExpiry, e.Connected = "ada", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 99}, 60, true
		}), whose + " username=ada remote=127.0.0.1:99 session-expiry-interval=60 connected=1",
			whoseJSON + `,"username":"ada","remote":"127.0.0.1:99","session_expiry":60,"connected":true}`},
		{"session", event(broker.EventSession, func(e *broker.Event) { e.SessionExpiry, e.Ends = 60, at }),
			whose + " session-expiry-interval=60 ends=2026-01-02T03:04:05.06Z", whoseJSON + `,"session_expiry":60,"connected":false,"ends":"2026-01-02T03:04:05.06Z"}`},
		{"session", event(broker.EventSession, func(e *broker.Event) { e.SessionExpiry = math.MaxUint32 }),
			whose + " session-expiry-interval=inf", whoseJSON + `,"session_expiry":4294967295,"connected":false}`},
		{"session-end", &broker.Event{Kind: broker.EventSessionEnd, ClientID: "w\n", Incarnation: 3}, ` client-id="w\n" incarnation=3`, `{"client_id":"w\n","incarnation":3}`},
		{"will", event(broker.EventWill, func(e *broker.Event) { e.Message, e.WillDelay = message, 5 }), whose + " will-delay-interval=5" + publish,
			whoseJSON + `,"will_delay":5,` + publishJSON},
	} {
		if got := eventName(c.event.Kind); got != c.kind {
			t.Errorf("kind %d is %s, want %s", c.event.Kind, got, c.kind)
		}
		if got := string(appendEvent(nil, c.event)); got != c.text {
			t.Errorf("%s:\ngot  %s\nwant %s", c.kind, got, c.text)
		}
		got, err := json.Marshal(newEventObject(c.event))
		if err != nil || string(got) != c.json {
			t.Errorf("%s: %v\ngot  %s\nwant %s", c.kind, err, got, c.json)
		}
	}
	if got := eventName(99); got != "kind-99" {
		t.Errorf("a kind that nobody knows is %s", got)
	}
}

func TestDamagedPlace(t *testing.T) {
	for want, d := range map[string]journal.Damage{
		"d/0000000002.young:64": {File: "0000000002.young", Offset: 64},
		"d/0000000001.young":    {File: "0000000001.young", Missing: true},
		"/e/0000000001.old:9":   {File: "/e/0000000001.old", Offset: 9},
	} {
		if got := damagedPlace("d", d); got != want {
			t.Errorf("%+v is at %s, and not at %s", d, got, want)
		}
	}
}
