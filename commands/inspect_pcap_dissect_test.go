package commands

import (
	"fmt"

	"mqtk/mqttwire"
)

// A dissection is a packet in the fields that tshark shows, in its order.
type dissection []string

func (d *dissection) number(name string, n int) {
	*d = append(*d, fmt.Sprintf("%s=%d", name, n))
}

func (d *dissection) flag(name string, on bool) {
	n := 0
	if on {
		n = 1
	}
	d.number(name, n)
}

func (d *dissection) bytes(name string, b []byte) { *d = append(*d, fmt.Sprintf("%s=%x", name, b)) }

func (d *dissection) text(name, s string) { d.bytes(name, []byte(s)) }

func (d *dissection) properties(all mqttwire.Properties) {
	for p := range all.All() {
		d.number("property_id", int(p.ID))
		switch rule, _ := p.ID.Rule(); rule.Kind {
		case mqttwire.StringPair:
			d.bytes("prop_key", p.Name)
			d.bytes("prop_value", p.Value)
		case mqttwire.UTF8, mqttwire.Binary:
			d.bytes("prop_string", p.Value)
		default:
			d.number("prop_number", int(p.Number))
		}
	}
}

// dissected is what tshark shows of a packet of so many bytes.
func dissected(packet mqttwire.Packet, v mqttwire.Version, size int) []string {
	d := &dissection{}
	d.number("msgtype", int(packet.Type()))
	five := v == mqttwire.V5
	switch t := packet.Type(); {
	case v == mqttwire.V31 && (t == mqttwire.PUBREL || t == mqttwire.SUBSCRIBE || t == mqttwire.UNSUBSCRIBE):
		d.flag("dupflag", false)
		d.number("qos", 1)
	}
	switch p := packet.(type) {
	case *mqttwire.Connect:
		d.connect(p)
	case *mqttwire.Connack:
		if v != mqttwire.V31 {
			d.flag("conack.flags.sp", p.SessionPresent)
		}
		if code, ok := p.Reason.ReturnCode(); ok && !five {
			d.number("conack.val", int(code))
		} else {
			d.number("connack.reason_code", int(p.Reason))
		}
		d.properties(p.Properties)
	case *mqttwire.Publish:
		d.publish(p)
	case *mqttwire.Ack:
		d.number("msgid", int(p.PacketID))
		if five && size > 4 {
			d.number(map[mqttwire.PacketType]string{4: "puback", 5: "pubrec", 6: "pubrel", 7: "pubcomp"}[p.Type()]+".reason_code", int(p.Reason))
		}
		d.properties(p.Properties)
	case *mqttwire.Subscribe:
		d.number("msgid", int(p.PacketID))
		d.properties(p.Properties)
		for _, s := range p.Subscriptions {
			d.subscription(&s, five)
		}
	case *mqttwire.Suback:
		d.number("msgid", int(p.PacketID))
		d.properties(p.Properties)
		for _, r := range p.Reasons {
			d.number(map[bool]string{true: "suback.reason_code", false: "suback.qos"}[five], int(r))
		}
	case *mqttwire.Unsubscribe:
		d.number("msgid", int(p.PacketID))
		d.properties(p.Properties)
		for _, f := range p.Filters {
			d.text("topic", f)
		}
	case *mqttwire.Unsuback:
		d.number("msgid", int(p.PacketID))
		d.properties(p.Properties)
		for _, r := range p.Reasons {
			d.number("unsuback.reason_code", int(r))
		}
	case *mqttwire.Disconnect:
		if five && size > 2 {
			d.number("disconnect.reason_code", int(p.Reason))
			d.properties(p.Properties)
		}
	}
	return *d
}

func (d *dissection) connect(p *mqttwire.Connect) {
	name := map[bool]string{true: "MQIsdp", false: "MQTT"}[p.Version == mqttwire.V31]
	d.text("protoname", name)
	d.number("ver", int(p.Version))
	will := p.Will
	if will == nil {
		will = &mqttwire.Will{}
	}
	d.flag("conflag.uname", p.HasUsername)
	d.flag("conflag.passwd", p.HasPassword)
	d.flag("conflag.retain", will.Retain)
	d.number("conflag.qos", int(will.QoS))
	d.flag("conflag.willflag", p.Will != nil)
	d.flag("conflag.cleansess", p.CleanStart)
	d.number("kalive", int(p.KeepAlive))
	d.properties(p.Properties)
	d.text("clientid", p.ClientID)
	if p.Will != nil {
		d.properties(will.Properties)
		d.text("willtopic", will.Topic)
		d.bytes("willmsg", will.Payload)
	}
	if p.HasUsername {
		d.text("username", p.Username)
	}
	if p.HasPassword {
		d.bytes("passwd", p.Password)
	}
}

func (d *dissection) publish(p *mqttwire.Publish) {
	d.flag("dupflag", p.Dup)
	d.number("qos", int(p.QoS))
	d.flag("retain", p.Retain)
	d.text("topic", p.Topic)
	if p.QoS > 0 {
		d.number("msgid", int(p.PacketID))
	}
	d.properties(p.Properties)
	d.bytes("msg", p.Payload)
}

func (d *dissection) subscription(s *mqttwire.Subscription, five bool) {
	d.text("topic", s.Filter)
	if !five {
		d.number("sub.qos", int(s.QoS))
		return
	}
	d.number("subscription_options_retain", int(s.RetainHandling))
	d.flag("subscription_options_rap", s.RetainAsPublished)
	d.flag("subscription_options_nl", s.NoLocal)
	d.number("subscription_options_qos", int(s.QoS))
}
