package bench

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"time"

	"mqtk/mqttwire"
)

// A PlanError says which field of a Plan makes no sense, and why.
type PlanError struct{ Field, Text string }

func (e *PlanError) Error() string { return e.Text }

func nonsense(field, format string, a ...any) error {
	return &PlanError{Field: field, Text: fmt.Sprintf(format, a...)}
}

const (
	maxClients  = 1 << 24   // publishers have 24 bits in the header of a payload
	maxMessages = 1 << 40   // of one publisher, whose sequence has 40
	maxPayload  = 256 << 20 // with room for the rest it is the longest packet
	maxWindow   = math.MaxUint16
	minRate     = 1e-3 // a message in a quarter of an hour
	maxRate     = 1e9
)

// Check fills in what is zero and has a default, and refuses what makes no sense
// with a *PlanError. A Plan that passed passes again, unchanged.
func (p *Plan) Check() error {
	if p.Shape == "" {
		p.Shape = Pairs
	}
	if (&run{plan: *p}).course() == nil {
		return nonsense("Shape", "there is no shape %q", p.Shape)
	}
	if p.Target.Address == "" && p.Target.Dial == nil {
		return nonsense("Target", "there is no broker to connect to")
	}
	p.fillIn()
	for _, check := range []func() error{p.checkTopic, p.checkStored, p.checkClients, p.checkMessages, p.checkTimes, p.checkWire} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// fillIn sets what is zero to its default.
func (p *Plan) fillIn() {
	p.fillInStored()
	p.fillInClients()
	orElse(&p.Version, mqttwire.V5)
	orElse(&p.SizeMin, min(64, cmp.Or(p.SizeMax, 64)))
	orElse(&p.SizeMax, p.SizeMin)
	if p.Messages == 0 || p.Shape.connects() {
		orElse(&p.Duration, 10*time.Second)
	}
	switch p.Shape {
	case Retain, Offline:
		p.Warmup = 0
	case Ramp:
		orElse(&p.Hold, p.Duration)
		p.Warmup = 0
	case Storm:
		orElse(&p.Hold, stormHold)
		p.Warmup = 0
	default:
		orElse(&p.Warmup, time.Second)
	}
	orElse(&p.Window, 100)
	orElse(&p.Outstanding, 1000)
	orElse(&p.Patience, 5*time.Second)
	orElse(&p.Workers, max(1, runtime.NumCPU()/2))
	if p.Connect.ClientID == "" {
		p.Connect.ClientID = "mqtk-"
	}
}

func orElse[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// fillInClients sets the sizes of the shape.
func (p *Plan) fillInClients() {
	many := cmp.Or(p.Clients, 10)
	pubs, subs := many, many
	switch p.Shape {
	case FanIn:
		subs = 1
	case FanOut:
		pubs = 1
	case PubOnly:
		subs = 0
	case SubOnly:
		pubs = 0
	case Retain:
		pubs, subs = cmp.Or(p.Clients, 1), cmp.Or(p.Clients, 1)
	case Ramp, Churn, Storm:
		pubs = 0
	}
	orElse(&p.Publishers, pubs)
	orElse(&p.Subscribers, subs)
	orElse(&p.Topics, p.defaultTopics())
}

// defaultTopics is how many topics the shape has unless it is told.
func (p *Plan) defaultTopics() int {
	switch p.Shape {
	case Pairs, Offline, SubOnly:
		return max(p.Publishers, p.Subscribers)
	case FanOut:
		return 1
	}
	return max(1, p.Publishers)
}

// checkClients refuses numbers of clients that the shape cannot have.
func (p *Plan) checkClients() error {
	switch {
	case p.Publishers < 0 || p.Publishers > maxClients:
		return nonsense("Publishers", "%d publishers: there can be 1 to %d", p.Publishers, maxClients)
	case p.Subscribers < 0 || p.Subscribers > maxClients:
		return nonsense("Subscribers", "%d subscribers: there can be 1 to %d", p.Subscribers, maxClients)
	case p.Shape == PubOnly && p.Subscribers > 0:
		return nonsense("Subscribers", "nobody subscribes here: the subscribers are others")
	case p.Shape == SubOnly && p.Publishers > 0:
		return nonsense("Publishers", "nobody publishes here: the publishers are others")
	case p.Topics < 1 || p.Topics > maxClients:
		return nonsense("Topics", "%d topics: there can be 1 to %d", p.Topics, maxClients)
	case p.Workers < 1 || p.Workers > 1024:
		return nonsense("Workers", "%d workers: there can be 1 to 1024", p.Workers)
	case p.Shape.connects() && p.Publishers > 0:
		return nonsense("Publishers", "nobody publishes here: connections are measured")
	case p.ConnectRate < 0 || p.ConnectRate > maxRate || p.ConnectRate > 0 && p.ConnectRate < minRate || math.IsNaN(p.ConnectRate):
		return nonsense("ConnectRate", "a rate of %g connections a second: it can be %g to %g", p.ConnectRate, minRate, maxRate)
	}
	return nil
}

// checkMessages refuses what no message can be, and bounds that none keeps.
func (p *Plan) checkMessages() error {
	switch {
	case p.QoS > 2:
		return nonsense("QoS", "QoS %d: there are 0, 1 and 2", p.QoS)
	case p.SizeMin < HeaderSize:
		return nonsense("Size", "a payload of %d bytes: it takes %d to say which message it is", p.SizeMin, HeaderSize)
	case p.SizeMax < p.SizeMin || p.SizeMax > maxPayload:
		return nonsense("Size", "payloads of %d to %d bytes: the range must rise, and end by %d", p.SizeMin, p.SizeMax, maxPayload)
	case p.Messages < 0 || p.Messages > maxMessages:
		return nonsense("Messages", "%d messages: there can be 1 to %d", p.Messages, int64(maxMessages))
	case p.Rate < 0 || p.Rate > maxRate || p.Rate > 0 && p.Rate < minRate || math.IsNaN(p.Rate):
		return nonsense("Rate", "a rate of %g messages a second: it can be %g to %g", p.Rate, minRate, maxRate)
	case p.Window < 1 || p.Window > maxWindow:
		return nonsense("Window", "a window of %d messages: it can be 1 to %d", p.Window, maxWindow)
	}
	return nil
}

// checkTimes refuses times that do not fit each other.
func (p *Plan) checkTimes() error {
	switch {
	case p.Duration < 0 || p.Duration > 1000*time.Hour:
		return nonsense("Duration", "a duration of %v: it can be up to 1000h", p.Duration)
	case p.Ramp < 0 || p.Ramp > 0 && p.Rate == 0:
		return nonsense("Ramp", "a ramp needs a rate that it leads to")
	case p.Ramp > 0 && p.Duration > 0 && p.Ramp > p.Duration:
		return nonsense("Ramp", "a ramp of %v is longer than the %v that messages are sent", p.Ramp, p.Duration)
	case p.Hold < 0:
		return nonsense("Hold", "connections cannot be held for %v", p.Hold)
	case p.Patience < 0:
		return nonsense("Patience", "nobody can wait for %v", p.Patience)
	}
	return nil
}

// checkWire refuses what the version cannot say.
func (p *Plan) checkWire() error {
	if p.Version < mqttwire.V31 || p.Version > mqttwire.V5 {
		return nonsense("Version", "there is no MQTT of %v", p.Version)
	}
	if p.Version != mqttwire.V5 && len(p.PublishProperties) > 0 {
		return nonsense("PublishProperties", "MQTT %v has no properties: they need 5.0", p.Version)
	}
	if p.Version != mqttwire.V5 && p.Authenticator != nil {
		return nonsense("Authenticator", "MQTT %v has no enhanced authentication: it needs 5.0", p.Version)
	}
	if p.Version != mqttwire.V5 && p.Shape == Shared {
		return nonsense("Version", "MQTT %v has no shared subscriptions: they need 5.0", p.Version)
	}
	if _, aliased := p.PublishProperties.Number(mqttwire.TopicAlias); aliased {
		return nonsense("PublishProperties", "a topic alias would stand for one topic in the messages of all")
	}
	probe := mqttwire.Publish{Topic: "t", Properties: p.PublishProperties}
	if _, err := probe.Append(nil, p.Version); err != nil {
		return nonsense("PublishProperties", "no message can have these properties: %v", err)
	}
	return nil
}
