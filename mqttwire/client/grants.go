package client

import (
	"fmt"
	"slices"
	"time"

	"mqtk/mqttwire"
)

// granted reads a CONNACK; what it does not say has the standard's default.
func granted(connect *mqttwire.Connect, p *mqttwire.Connack, again bool) *Grants {
	g := &Grants{
		Version:              connect.Version,
		SessionPresent:       p.SessionPresent,
		Reconnected:          again,
		ClientID:             connect.ClientID,
		KeepAlive:            time.Duration(connect.KeepAlive) * time.Second,
		ReceiveMaximum:       0xFFFF,
		MaximumQoS:           2,
		RetainAvailable:      true,
		WildcardAvailable:    true,
		IdentifiersAvailable: connect.Version == mqttwire.V5,
		SharedAvailable:      true,
	}
	if connect.Version != mqttwire.V5 {
		if !connect.CleanStart {
			g.SessionExpiry = 0xFFFFFFFF
		}
		return g
	}
	g.read(connect, p.Properties)
	return g
}

// read takes the properties of 5.0.
func (g *Grants) read(connect *mqttwire.Connect, p mqttwire.Properties) {
	g.Properties = slices.Clone(p)
	number := func(id mqttwire.PropertyID, absent uint32) uint32 {
		if n, ok := g.Properties.Number(id); ok {
			return n
		}
		return absent
	}
	text := func(id mqttwire.PropertyID, absent string) string {
		if s, ok := g.Properties.Text(id); ok {
			return s
		}
		return absent
	}
	asked, _ := connect.Properties.Number(mqttwire.SessionExpiryInterval)
	g.SessionExpiry = number(mqttwire.SessionExpiryInterval, asked)
	g.ClientID = text(mqttwire.AssignedClientIdentifier, connect.ClientID)
	g.KeepAlive = time.Duration(number(mqttwire.ServerKeepAlive, uint32(connect.KeepAlive))) * time.Second
	g.ReceiveMaximum = uint16(number(mqttwire.ReceiveMaximum, 0xFFFF))
	g.MaximumQoS = mqttwire.QoS(number(mqttwire.MaximumQoS, 2))
	g.RetainAvailable = number(mqttwire.RetainAvailable, 1) == 1
	g.MaximumPacketSize = number(mqttwire.MaximumPacketSize, 0)
	g.TopicAliasMaximum = uint16(number(mqttwire.TopicAliasMaximum, 0))
	g.WildcardAvailable = number(mqttwire.WildcardSubscriptionAvailable, 1) == 1
	g.IdentifiersAvailable = number(mqttwire.SubscriptionIdentifiersAvailable, 1) == 1
	g.SharedAvailable = number(mqttwire.SharedSubscriptionAvailable, 1) == 1
	g.ResponseInformation = text(mqttwire.ResponseInformation, "")
	g.ServerReference = text(mqttwire.ServerReference, "")
	g.ReasonString = text(mqttwire.ReasonString, "")
}

// allowsMessage checks a message, size being that of its whole packet.
func (g *Grants) allowsMessage(topic string, q mqttwire.QoS, retain bool, size int) error {
	switch {
	case q > g.MaximumQoS:
		return &LimitError{"publish " + topic, mqttwire.QoSNotSupported,
			fmt.Sprintf("QoS %d is more than the server's Maximum QoS %d", q, g.MaximumQoS)}
	case retain && !g.RetainAvailable:
		return &LimitError{"publish " + topic, mqttwire.RetainNotSupported, "the server has no retained messages (Retain Available 0)"}
	}
	return g.allowsSize("publish ", topic, size)
}

func (g *Grants) allowsSize(verb, object string, size int) error {
	if g.MaximumPacketSize > 0 && uint64(size) > uint64(g.MaximumPacketSize) {
		return &LimitError{verb + object, mqttwire.PacketTooLarge,
			fmt.Sprintf("a packet of %d bytes is more than the server's Maximum Packet Size %d", size, g.MaximumPacketSize)}
	}
	return nil
}

// allowsAlias checks a topic alias that the caller chose.
func (g *Grants) allowsAlias(subject string, alias uint32) error {
	if alias == 0 || alias > uint32(g.TopicAliasMaximum) {
		return &LimitError{"publish " + subject, mqttwire.TopicAliasInvalid,
			fmt.Sprintf("topic alias %d is not within the server's Topic Alias Maximum %d", alias, g.TopicAliasMaximum)}
	}
	return nil
}

// allowsFilter checks one subscription.
func (g *Grants) allowsFilter(filter string, identifier bool) error {
	_, rest, shared := mqttwire.SplitShared(filter)
	wild := false
	for i := range len(rest) {
		wild = wild || rest[i] == '+' || rest[i] == '#'
	}
	switch {
	case shared && !g.SharedAvailable:
		return &LimitError{"subscribe " + filter, mqttwire.SharedSubscriptionsNotSupported, "the server has no shared subscriptions"}
	case wild && !g.WildcardAvailable:
		return &LimitError{"subscribe " + filter, mqttwire.WildcardSubscriptionsNotSupported, "the server has no wildcard subscriptions"}
	case identifier && !g.IdentifiersAvailable:
		return &LimitError{"subscribe " + filter, mqttwire.SubscriptionIdentifiersNotSupported, "the server has no subscription identifiers"}
	}
	return nil
}
