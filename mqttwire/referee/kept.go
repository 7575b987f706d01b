package referee

import (
	"slices"

	"mqtk/mqttwire"
)

// kept is a packet that outlives the next one of its decoder.
func kept(p mqttwire.Packet) mqttwire.Packet {
	switch p := p.(type) {
	case *mqttwire.Connect:
		return alone(p)
	case *mqttwire.Connack:
		return alone(p)
	case *mqttwire.Publish:
		return alone(p)
	case *mqttwire.Ack:
		return alone(p)
	case *mqttwire.Subscribe:
		return with(p, func(c *mqttwire.Subscribe) { c.Subscriptions = slices.Clone(c.Subscriptions) })
	case *mqttwire.Suback:
		return with(p, func(c *mqttwire.Suback) { c.Reasons = slices.Clone(c.Reasons) })
	case *mqttwire.Unsubscribe:
		return with(p, func(c *mqttwire.Unsubscribe) { c.Filters = slices.Clone(c.Filters) })
	case *mqttwire.Unsuback:
		return with(p, func(c *mqttwire.Unsuback) { c.Reasons = slices.Clone(c.Reasons) })
	case *mqttwire.Disconnect:
		return alone(p)
	case *mqttwire.Auth:
		return alone(p)
	}
	return p // it says nothing
}

func alone[T any](p *T) *T {
	c := *p
	return &c
}

// with is p alone, and its list too, which own gives it.
func with[T any](p *T, own func(*T)) *T {
	c := alone(p)
	own(c)
	return c
}
