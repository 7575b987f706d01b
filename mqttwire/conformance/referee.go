package conformance

import (
	"fmt"

	"mqtk/mqttwire"
)

// A referee watches one connection for what holds whatever a script is about:
// the broker keeps to what the client's CONNECT grants, and to packet ids.
type referee struct {
	maxPacketSize  uint32
	aliasMaximum   uint32
	receiveMaximum int
	noProblemInfo  bool
	isV5           bool
	connacks       int
	over           string                         // the statement by which nothing more may come
	open           map[mqttwire.PacketID]exchange // what the broker sends
	counted        int                            // of open, what takes quota
	aliases        map[uint32]bool
}

type exchange struct {
	qos      mqttwire.QoS
	released bool // PUBREL came
	counts   bool // its PUBLISH came on this connection
}

// A breach is what a broker may never do.
type breach struct{ clause, text string }

func (b *breach) Error() string { return b.text + " [" + b.clause + "]" }

// breach names the statement of 5.0, or what 3.1.1 has in its place.
func (r *referee) breach(clause, format string, a ...any) error {
	if !r.isV5 {
		switch clause {
		case "MQTT-2.2.1-4":
			clause = "MQTT-2.3.1-4"
		case "MQTT-3.2.0-2":
			clause = "s3.2-once"
		case "MQTT-3.2.2-7":
			clause = "MQTT-3.2.2-5"
		}
	}
	return &breach{clause, fmt.Sprintf(format, a...)}
}

func newReferee() referee {
	return referee{open: make(map[mqttwire.PacketID]exchange), aliases: make(map[uint32]bool), receiveMaximum: 65535}
}

func (r *referee) sent(p mqttwire.Packet) {
	switch p := p.(type) {
	case *mqttwire.Connect:
		r.maxPacketSize, _ = p.Properties.Number(mqttwire.MaximumPacketSize)
		r.aliasMaximum, _ = p.Properties.Number(mqttwire.TopicAliasMaximum)
		if n, ok := p.Properties.Number(mqttwire.ReceiveMaximum); ok {
			r.receiveMaximum = int(n)
		}
		n, ok := p.Properties.Number(mqttwire.RequestProblemInformation)
		r.noProblemInfo = ok && n == 0
		r.isV5 = p.Version == mqttwire.V5
	case *mqttwire.Ack:
		r.acknowledged(p)
	}
}

// acknowledged ends an exchange that the client answers to the end.
func (r *referee) acknowledged(p *mqttwire.Ack) {
	if p.Kind == mqttwire.PUBREL || p.Kind == mqttwire.PUBREC && p.Reason < 0x80 {
		return
	}
	if x, ok := r.open[p.PacketID]; ok {
		delete(r.open, p.PacketID)
		if x.counts {
			r.counted--
		}
	}
}

// received judges a packet of the broker.
func (r *referee) received(p mqttwire.Packet, size int) error {
	if r.over != "" {
		return r.breach(r.over, "a packet after the last one")
	}
	if r.maxPacketSize > 0 && uint32(size) > r.maxPacketSize {
		return r.breach("MQTT-3.1.2-24", "%d bytes, the client takes %d", size, r.maxPacketSize)
	}
	switch p := p.(type) {
	case *mqttwire.Connack:
		if p.Reason >= 0x80 {
			r.over = "MQTT-3.2.2-7"
		}
		if r.connacks++; r.connacks > 1 {
			return r.breach("MQTT-3.2.0-2", "a second CONNACK")
		}
	case *mqttwire.Disconnect:
		r.over = "MQTT-3.14.4-1"
		if r.connacks == 0 {
			return r.breach("MQTT-3.14.0-1", "DISCONNECT before CONNACK")
		}
	case *mqttwire.Auth:
		return nil
	case *mqttwire.Publish:
		return r.published(p)
	case *mqttwire.Ack:
		if p.Kind == mqttwire.PUBREL && p.Reason < 0x80 {
			x := r.open[p.PacketID] // none: its PUBLISH came on an earlier connection
			x.released = true
			r.open[p.PacketID] = x
		}
		return r.silent(p.Type(), p.Properties)
	case *mqttwire.Suback:
		return r.silent(p.Type(), p.Properties)
	case *mqttwire.Unsuback:
		return r.silent(p.Type(), p.Properties)
	}
	if r.connacks == 0 {
		return r.breach("MQTT-3.2.0-1", "%s before CONNACK", p.Type())
	}
	return nil
}

// silent holds acknowledgements to Request Problem Information 0.
func (r *referee) silent(t mqttwire.PacketType, properties mqttwire.Properties) error {
	if r.connacks == 0 {
		return r.breach("MQTT-3.2.0-1", "%s before CONNACK", t)
	}
	if r.noProblemInfo && len(properties) > 0 {
		return r.breach("MQTT-3.1.2-29", "%s with a reason that the client did not want", t)
	}
	return nil
}

func (r *referee) published(p *mqttwire.Publish) error {
	if r.connacks == 0 {
		return r.breach("MQTT-3.2.0-1", "PUBLISH before CONNACK")
	}
	if alias, ok := p.Properties.Number(mqttwire.TopicAlias); ok {
		if alias == 0 || alias > r.aliasMaximum {
			return r.breach("MQTT-3.1.2-26", "topic alias %d, the client takes %d", alias, r.aliasMaximum)
		}
		if p.Topic == "" && !r.aliases[alias] {
			return r.breach("MQTT-3.3.2-7", "topic alias %d was never set on this connection", alias)
		}
		r.aliases[alias] = true
	}
	if p.QoS == 0 {
		return nil
	}
	if x, ok := r.open[p.PacketID]; ok {
		if x.released || !p.Dup || x.qos != p.QoS {
			return r.breach("MQTT-2.2.1-4", "packet id %d is in use", p.PacketID)
		}
		if r.isV5 {
			return r.breach("MQTT-4.4.0-1", "packet id %d comes again on one connection", p.PacketID)
		}
		return nil
	}
	r.open[p.PacketID] = exchange{qos: p.QoS, counts: true}
	if r.counted++; r.counted > r.receiveMaximum {
		return r.breach("MQTT-3.3.4-9", "%d messages under way, the client takes %d", r.counted, r.receiveMaximum)
	}
	return nil
}
