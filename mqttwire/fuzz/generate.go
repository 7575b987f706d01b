package fuzz

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// Generate makes up the case of a number. It depends on its arguments alone.
func Generate(seed uint64, number int, v mqttwire.Version) Case {
	g := &generator{
		Rand:    rand.New(rand.NewPCG(seed, uint64(number)<<8|uint64(v))),
		version: v,
		name:    "fz" + strconv.FormatUint(seed, 36) + "/" + strconv.Itoa(number),
	}
	g.tame = g.IntN(4) == 0
	g.plot()
	return Case{Seed: seed, Number: number, Version: v, Steps: g.steps}
}

// A generator makes one case up.
type generator struct {
	*rand.Rand
	version mqttwire.Version
	name    string // of the case: its topics begin with it
	steps   []Step
	actors  []*actor
	clients int
	tame    bool // every packet is a valid one
}

// An actor is someone who connects, perhaps more than once.
type actor struct {
	id     string
	client int // of the present connection
	nextID mqttwire.PacketID
	open   []mqttwire.PacketID // of QoS 2, published and not yet released
}

// plot has one actor subscribe and another publish, and then things happen.
func (g *generator) plot() {
	for i := range 2 + g.IntN(5)/4 {
		a := &actor{id: strings.ReplaceAll(g.name, "/", "-") + string(rune('a'+i))}
		g.actors = append(g.actors, a)
		g.connect(a, g.IntN(6) == 0)
		if i == 0 && g.IntN(6) > 0 {
			g.send(a, g.subscribe(a))
		}
	}
	for range 3 + g.IntN(10) {
		g.act(g.actors[g.IntN(len(g.actors))])
	}
}

// act has an actor do the next thing.
func (g *generator) act(a *actor) {
	switch k := g.IntN(100); {
	case k < 36:
		g.publish(a)
	case k < 48:
		g.send(a, g.subscribe(a))
	case k < 53:
		g.send(a, &mqttwire.Unsubscribe{PacketID: a.take(), Properties: g.propertiesOf(mqttwire.UNSUBSCRIBE), Filters: []string{g.filter(), g.filter()}[:1+g.IntN(2)]})
	case k < 65:
		g.answer(a)
	case k < 70:
		g.send(a, &mqttwire.Pingreq{})
	case k < 76:
		g.release(a)
	case k < 81:
		g.send(a, &mqttwire.Disconnect{Reason: g.leaving(), Properties: g.propertiesOf(mqttwire.DISCONNECT)})
		g.connect(a, true)
	case k < 86:
		g.connect(a, true) // takes the session over
	case k < 90:
		g.steps = append(g.steps, Step{Client: a.client, Op: Close})
		g.connect(a, true)
	case k < 92:
		g.send(a, &mqttwire.Auth{Reason: mqttwire.ReAuthenticate, Properties: mqttwire.Properties(nil).AddText(mqttwire.AuthenticationMethod, "SCRAM-SHA-256").AddBinary(mqttwire.AuthenticationData, []byte("n,,n=u,r=x"))})
	case k < 94:
		g.send(a, g.foreign())
	case k < 95:
		g.send(a, g.connectPacket(a)) // a second one
	case k < 97:
		pause := time.Duration(1+g.IntN(20)) * time.Millisecond
		if g.IntN(150) == 0 {
			pause = 1200 * time.Millisecond // what lasts a second is over then
		}
		g.steps = append(g.steps, Step{Op: Pause, Pause: pause})
	default:
		g.steps = append(g.steps, Step{Client: a.client, Op: Settle})
	}
}

func (a *actor) take() mqttwire.PacketID {
	a.nextID++
	return a.nextID
}

// connect opens a new connection of the actor.
func (g *generator) connect(a *actor, mayBreak bool) {
	g.clients++
	a.client = g.clients
	p := g.connectPacket(a)
	raw, err := p.Append(nil, g.version)
	if err != nil {
		return
	}
	if mayBreak && !g.tame && g.IntN(6) == 0 {
		raw = mutated(g.Rand, raw, g.version, g.name)
	}
	g.steps = append(g.steps, stepOf(a.client, Send, raw, g.version))
}

func (g *generator) connectPacket(a *actor) *mqttwire.Connect {
	p := &mqttwire.Connect{Version: g.version, CleanStart: g.IntN(3) > 0, ClientID: a.id, Properties: g.propertiesOf(mqttwire.CONNECT)}
	if p.CleanStart && g.IntN(20) == 0 {
		p.ClientID = ""
	}
	p.KeepAlive = []uint16{0, 0, 30, 60, 65535}[g.IntN(5)]
	if g.IntN(3) == 0 {
		p.Will = &mqttwire.Will{Topic: g.topic(), QoS: mqttwire.QoS(g.IntN(3)), Retain: g.IntN(3) == 0, Payload: g.payload(), Properties: g.propertiesOf(mqttwire.WillProperties)}
	}
	if g.IntN(12) == 0 {
		p.HasUsername, p.Username = true, "u"
		p.HasPassword, p.Password = true, []byte("p")
	}
	return p
}

func (g *generator) subscribe(a *actor) mqttwire.Packet {
	p := &mqttwire.Subscribe{PacketID: a.take(), Properties: g.propertiesOf(mqttwire.SUBSCRIBE)}
	for range 1 + g.IntN(6)/4 + g.IntN(6)/4 {
		s := mqttwire.Subscription{Filter: g.filter(), QoS: mqttwire.QoS(g.IntN(3))}
		if g.version == mqttwire.V5 {
			s.NoLocal = g.IntN(8) == 0 && !strings.HasPrefix(s.Filter, "$share")
			s.RetainAsPublished, s.RetainHandling = g.IntN(4) == 0, byte(g.IntN(3))
		}
		p.Subscriptions = append(p.Subscriptions, s)
	}
	return p
}

func (g *generator) publish(a *actor) {
	p := &mqttwire.Publish{Topic: g.topic(), QoS: mqttwire.QoS(g.IntN(3)), Retain: g.IntN(5) == 0, Payload: g.payload(), Properties: g.propertiesOf(mqttwire.PUBLISH)}
	if p.QoS > 0 {
		p.PacketID = a.take()
		if g.IntN(12) == 0 {
			p.PacketID = mqttwire.PacketID(1 + g.IntN(3)) // in use, perhaps
		}
		p.Dup = g.IntN(10) == 0
	}
	if _, aliased := p.Properties.Number(mqttwire.TopicAlias); aliased && g.IntN(2) == 0 {
		p.Topic = ""
	}
	if p.QoS == 2 {
		a.open = append(a.open, p.PacketID)
	}
	g.send(a, p)
}

// release goes on with a message of QoS 2, or with one that there is not.
func (g *generator) release(a *actor) {
	id := mqttwire.PacketID(1 + g.IntN(4))
	if len(a.open) > 0 && g.IntN(5) > 0 {
		id, a.open = a.open[0], a.open[1:]
	}
	g.send(a, &mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: id})
}

// answer acknowledges what the broker may have sent: brokers count packet ids
// from 1.
func (g *generator) answer(a *actor) {
	if g.IntN(2) == 0 {
		g.steps = append(g.steps, Step{Client: a.client, Op: Settle})
	}
	p := &mqttwire.Ack{Kind: []mqttwire.PacketType{mqttwire.PUBACK, mqttwire.PUBREC, mqttwire.PUBREC, mqttwire.PUBCOMP}[g.IntN(4)], PacketID: mqttwire.PacketID(1 + g.IntN(3))}
	if g.version == mqttwire.V5 && g.IntN(6) == 0 {
		p.Reason = []mqttwire.ReasonCode{mqttwire.UnspecifiedError, mqttwire.PacketIdentifierNotFound, mqttwire.QuotaExceeded, mqttwire.NoMatchingSubscribers}[g.IntN(4)]
		p.Properties = g.propertiesOf(p.Kind)
	}
	g.send(a, p)
}

func (g *generator) leaving() mqttwire.ReasonCode {
	if g.version != mqttwire.V5 {
		return mqttwire.Success
	}
	return []mqttwire.ReasonCode{mqttwire.Success, mqttwire.Success, mqttwire.DisconnectWithWill, mqttwire.UnspecifiedError, mqttwire.ProtocolError}[g.IntN(5)]
}

// foreign is a packet that only a server sends.
func (g *generator) foreign() mqttwire.Packet {
	switch g.IntN(4) {
	case 0:
		return &mqttwire.Connack{}
	case 1:
		return &mqttwire.Suback{PacketID: 1, Reasons: []mqttwire.ReasonCode{0}}
	case 2:
		return &mqttwire.Unsuback{PacketID: 1, Reasons: []mqttwire.ReasonCode{0}}
	}
	return &mqttwire.Pingresp{}
}

// send has an actor send a packet: as it is, changed, together with the next
// one, or in two pieces.
func (g *generator) send(a *actor, p mqttwire.Packet) {
	raw, err := p.Append(nil, g.version)
	if err != nil {
		return // not in this version
	}
	if !g.tame && g.IntN(100) < 28 {
		raw = mutated(g.Rand, raw, g.version, g.name)
	}
	op := Send
	switch k := g.IntN(40); {
	case k < 5:
		op = Hold
	case k < 7 && len(raw) > 1:
		at := 1 + g.IntN(len(raw)-1)
		g.steps = append(g.steps, Step{Client: a.client, Raw: raw[:at:at]})
		if g.IntN(4) == 0 {
			g.steps = append(g.steps, Step{Op: Pause, Pause: time.Millisecond})
		}
		raw = raw[at:]
		g.steps = append(g.steps, Step{Client: a.client, Raw: raw})
		return
	}
	g.steps = append(g.steps, stepOf(a.client, op, raw, g.version))
}

func (g *generator) topic() string {
	names := []string{"a", "a", "a", "b", "a/b", "a/b/c", "é", "/", "a//b", ""}
	if name := names[g.IntN(len(names))]; name != "" {
		return g.name + "/" + name
	}
	return g.name
}

func (g *generator) filter() string {
	n := g.name
	filters := []string{n + "/a", n + "/a", n + "/+", n + "/#", n + "/#", n + "/+/b", n + "/a/#", n + "/+/+", n, n + "/+/#",
		"$share/g/" + n + "/#", "$share/g/" + n + "/a", "$share/h/" + n + "/+"}
	return filters[g.IntN(len(filters))]
}

func (g *generator) payload() []byte {
	switch k := g.IntN(40); {
	case k < 6:
		return nil
	case k < 8:
		return []byte(strings.Repeat("x", 4000+g.IntN(200)))
	case k < 9:
		return []byte(strings.Repeat("x", 70_000))
	}
	return fmt.Appendf(nil, "m%d", g.IntN(1000))
}

// propertiesOf are a few that a client may send in a packet.
func (g *generator) propertiesOf(t mqttwire.PacketType) mqttwire.Properties {
	if g.version != mqttwire.V5 {
		return nil
	}
	count := max(0, g.IntN(5)-2)
	var all []byte
	var had [256]bool
	for range count {
		p := anyProperty(g.Rand, func(r mqttwire.PropertyRule) bool {
			return r.AllowedIn(t, mqttwire.Client) && r.ID != mqttwire.AuthenticationMethod && r.ID != mqttwire.AuthenticationData
		})
		id := p.kids[0].bytes[0]
		if rule, _ := mqttwire.PropertyID(id).Rule(); had[id] && !rule.Repeats(t) {
			continue
		}
		had[id] = true
		all = p.append(all)
	}
	return all
}
