package broker_test

import (
	"fmt"
	"slices"
	"testing"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// Limits of one client are answered with their codes, and cost the others
// nothing.
func TestHostileClientLimits(t *testing.T) {
	o := broker.Options{Limits: limits(t, "max_filters", "100", "max_subscriptions", "150", "max_packet_size", "64KiB", "max_retained", "10", "max_client_id", "30")}
	inBubble(t, o, func(s *siege) {
		filters := func(from, n int) (all []mqttwire.Subscription) {
			for i := range n {
				all = append(all, mqttwire.Subscription{Filter: fmt.Sprintf("a/%d", from+i)})
			}
			return all
		}
		g := s.connect("version=5 client-id=a")
		g.put(&mqttwire.Subscribe{PacketID: 1, Subscriptions: filters(0, 100)}, &mqttwire.Subscribe{PacketID: 2, Subscriptions: filters(100, 100)})
		g.expect("SUBACK packet-id=1")
		for i, reason := range g.expect("SUBACK packet-id=2").(*mqttwire.Suback).Reasons {
			if full := i >= 50; full != (reason == mqttwire.QuotaExceeded) {
				s.Errorf("filter %d of a client that may have 150: %v", 100+i, reason)
			}
		}
		g.put(&mqttwire.Subscribe{PacketID: 3, Subscriptions: filters(0, 1)}) // one that is there may be replaced
		g.expect("SUBACK GrantedQoS0")
		g.put(&mqttwire.Subscribe{PacketID: 4, Subscriptions: filters(0, 101)})
		g.expectClosed("DISCONNECT QuotaExceeded")

		g = s.connect("version=5 client-id=a")
		g.put(&mqttwire.Unsubscribe{PacketID: 4, Filters: slices.Repeat([]string{"a"}, 101)})
		g.expectClosed("DISCONNECT QuotaExceeded")

		g = s.connect("version=5 client-id=a")
		g.put(&mqttwire.Publish{Topic: "a", Payload: make([]byte, 64*kibibyte)})
		g.expectClosed("DISCONNECT PacketTooLarge")

		g = s.connect("version=5 client-id=a")
		for i := range 20 { // those beyond the room are not kept
			g.send(fmt.Sprintf("PUBLISH topic=keep/%d retain=1 payload=x", i))
		}
		g.send("SUBSCRIBE packet-id=1 filter=keep/#")
		g.expect("SUBACK GrantedQoS0")
		for range 10 {
			g.expect("PUBLISH retain=1")
		}
		g.send("PINGREQ")
		g.expect("PINGRESP")

		g = s.ask("version=5 client-id=0123456789012345678901234567890")
		g.expect("CONNACK ClientIdentifierNotValid")
		g.expectEnd()
	})
}
