package bench

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

var somewhere = Target{Name: "mqtt://127.0.0.1:1", Network: "tcp", Address: "127.0.0.1:1"}

func TestCheckFillsIn(t *testing.T) {
	for _, test := range []struct {
		shape              Shape
		pubs, subs, topics int
		topic              string
	}{
		{"", 10, 10, 10, ownTopics}, {Pairs, 10, 10, 10, ownTopics}, {FanIn, 10, 1, 10, ownTopics}, {FanOut, 1, 10, 1, ownTopics},
		{Shared, 10, 10, 10, ownTopics}, {PubOnly, 10, 0, 10, agreedTopics}, {SubOnly, 0, 10, 10, agreedTopics},
	} {
		p := Plan{Shape: test.shape, Target: somewhere}
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", test.shape, err)
			continue
		}
		if p.Publishers != test.pubs || p.Subscribers != test.subs || p.Topics != test.topics || p.Topic != test.topic {
			t.Errorf("%s: %d publishers, %d subscribers, %d topics %s", test.shape, p.Publishers, p.Subscribers, p.Topics, p.Topic)
		}
		if p.Duration != 10*time.Second || p.Warmup != time.Second || p.SizeMin != 64 || p.SizeMax != 64 || p.Window != 100 || p.Outstanding != 1000 || p.Workers < 1 {
			t.Errorf("%s: %+v", test.shape, p)
		}
		again := p
		if err := again.Check(); err != nil || !reflect.DeepEqual(p, again) {
			t.Errorf("%s: another check makes %+v of %+v, %v", test.shape, again, p, err)
		}
	}
	p := Plan{Shape: Pairs, Messages: 5, Target: somewhere, SizeMax: 30}
	if err := p.Check(); err != nil || p.Duration != 0 || p.SizeMin != 30 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, test := range []struct {
		field string
		spoil func(*Plan)
	}{
		{"Shape", func(p *Plan) { p.Shape = "ring" }},
		{"Target", func(p *Plan) { p.Target = Target{Name: "nowhere"} }},
		{"Publishers", func(p *Plan) { p.Publishers = -1 }},
		{"Publishers", func(p *Plan) { p.Publishers, p.Subscribers = maxClients+1, 1 }},
		{"Publishers", func(p *Plan) { p.Shape, p.Publishers = SubOnly, 1 }},
		{"Subscribers", func(p *Plan) { p.Shape, p.Subscribers = PubOnly, 1 }},
		{"Subscribers", func(p *Plan) { p.Subscribers = -1 }},
		{"Topics", func(p *Plan) { p.Topics = -1 }},
		{"Workers", func(p *Plan) { p.Workers = 4711 }},
		{"ConnectRate", func(p *Plan) { p.ConnectRate = -1 }},
		{"QoS", func(p *Plan) { p.QoS = 3 }},
		{"Size", func(p *Plan) { p.SizeMin = HeaderSize - 1 }},
		{"Size", func(p *Plan) { p.SizeMin, p.SizeMax = 100, 50 }},
		{"Size", func(p *Plan) { p.SizeMax = 1 << 30 }},
		{"Messages", func(p *Plan) { p.Messages = -1 }},
		{"Rate", func(p *Plan) { p.Rate = -1 }},
		{"Rate", func(p *Plan) { p.Rate = math.NaN() }},
		{"Rate", func(p *Plan) { p.Rate = math.Inf(1) }},
		{"Rate", func(p *Plan) { p.Rate = 1e-9 }},
		{"Window", func(p *Plan) { p.Window = -1 }},
		{"Window", func(p *Plan) { p.Window = 1 << 16 }},
		{"Duration", func(p *Plan) { p.Duration = -1 }},
		{"Ramp", func(p *Plan) { p.Ramp = time.Second }},
		{"Ramp", func(p *Plan) { p.Rate, p.Ramp, p.Duration = 10, time.Minute, time.Second }},
		{"Hold", func(p *Plan) { p.Hold = -1 }},
		{"Patience", func(p *Plan) { p.Patience = -1 }},
		{"Topic", func(p *Plan) { p.Topic = "a/+/%i" }},
		{"Topic", func(p *Plan) { p.Topic = "a/%x" }},
		{"Topic", func(p *Plan) { p.Topic, p.Topics = "a", 3 }},
		{"Version", func(p *Plan) { p.Version = 6 }},
		{"Version", func(p *Plan) { p.Version, p.Shape = mqttwire.V311, Shared }},
		{"PublishProperties", func(p *Plan) {
			p.Version, p.PublishProperties = mqttwire.V311, mqttwire.Properties{}.AddText(mqttwire.ContentType, "x")
		}},
		{"PublishProperties", func(p *Plan) { p.PublishProperties = mqttwire.Properties{}.AddNumber(mqttwire.ServerKeepAlive, 1) }},
		{"PublishProperties", func(p *Plan) { p.PublishProperties = mqttwire.Properties{}.AddNumber(mqttwire.TopicAlias, 1) }},
		{"Authenticator", func(p *Plan) {
			p.Version, p.Authenticator = mqttwire.V31, func() (client.Authenticator, error) { return nil, nil }
		}},
	} {
		p := Plan{Shape: Pairs, Target: somewhere}
		test.spoil(&p)
		var known *PlanError
		if err := p.Check(); !errors.As(err, &known) || known.Field != test.field || len(known.Text) < 20 {
			t.Errorf("%s: %v", test.field, err)
		}
	}
}
