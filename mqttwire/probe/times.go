package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"time"

	"mqtk/mqttwire"
)

// timed are the questions of how long things take. They are asked one after the
// other, so that none is in the way of another.
func (a *asker) timed() []question {
	all := []question{
		{"times", []string{"mqtt_connect"}, nothing, a.timeConnect},
		{"times", []string{"ping"}, nothing, a.timePing},
		{"times", []string{"qos0", "qos1", "qos2", "qos1_complete", "qos2_complete"}, topics, a.timeMessages},
	}
	if a.o.Bare != nil {
		all = append([]question{{"times", []string{"connect"}, nothing, a.timeBare}}, all...)
	}
	if a.o.TLS != nil {
		all = append(all, question{"times", []string{"tls_handshake"}, nothing, a.timeTLS})
	}
	return all
}

const (
	roundsTime  = time.Second // for the rounds of one kind, in which three at least are made
	roundsLeast = 3
)

// rounds measures as often as it was asked for, or for as long as there is time.
// The first round, in which caches are filled on the way, is not counted.
func (a *asker) rounds(section, key string, round func() (time.Duration, error)) error {
	if _, err := round(); err != nil {
		return err
	}
	start := time.Now()
	var all []time.Duration
	for len(all) < a.o.Rounds && (len(all) < roundsLeast || time.Since(start) < roundsTime) {
		d, err := round()
		if err != nil {
			return err
		}
		all = append(all, d)
	}
	slices.Sort(all)
	a.say(section, key, Fact{Value: Times{
		Min: Milliseconds(all[0]), Median: Milliseconds(median(all)), Max: Milliseconds(all[len(all)-1]), Rounds: len(all),
	}})
	return nil
}

func median(sorted []time.Duration) time.Duration {
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

func (a *asker) timeBare(ctx context.Context) error {
	return a.rounds("times", "connect", func() (time.Duration, error) {
		start := time.Now()
		nc, err := a.o.Bare(ctx)
		if err != nil {
			return 0, err
		}
		took := time.Since(start)
		return took, nc.Close()
	})
}

func (a *asker) timeTLS(ctx context.Context) error {
	return a.rounds("times", "tls_handshake", func() (time.Duration, error) {
		nc, err := a.o.Bare(ctx)
		if err != nil {
			return 0, err
		}
		defer nc.Close()
		start := time.Now()
		err = tls.Client(nc, a.o.TLS.config()).HandshakeContext(ctx)
		return time.Since(start), err
	})
}

func (a *asker) timeConnect(ctx context.Context) error {
	return a.rounds("times", "mqtt_connect", func() (time.Duration, error) {
		nc, err := a.o.Dial(ctx)
		if err != nil {
			return 0, err
		}
		start := time.Now()
		p, err := a.greet(ctx, nc, hello{})
		if err != nil {
			return 0, err
		}
		took := time.Since(start)
		p.leave(nil)
		return took, nil
	})
}

func (a *asker) timePing(ctx context.Context) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	return a.rounds("times", "ping", func() (time.Duration, error) {
		start := time.Now()
		if err := p.send(ctx, &mqttwire.Pingreq{}); err != nil {
			return 0, err
		}
		e, err := p.await(ctx, mqttwire.PINGRESP, 0)
		return e.at.Sub(start), err
	})
}

// timeMessages measures what goes on in a connection: from one client to
// another one.
func (a *asker) timeMessages(ctx context.Context) error {
	from, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer from.leave(nil)
	to, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer to.leave(nil)
	top := number(a.base, mqttwire.MaximumQoS, 2)
	for qos, keys := range [][2]string{{"qos0", ""}, {"qos1", "qos1_complete"}, {"qos2", "qos2_complete"}} {
		if qos > top {
			return errors.New("the broker takes no such QoS")
		}
		if err := a.timeQoS(ctx, from, to, mqttwire.QoS(qos), keys[0], keys[1]); err != nil {
			return err
		}
	}
	return nil
}

// timeQoS measures until a message is received, and, in rounds of their own,
// until its handshake is complete.
func (a *asker) timeQoS(ctx context.Context, from, to *peer, qos mqttwire.QoS, received, complete string) error {
	topic := a.topic("time/" + received)
	if _, err := to.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic, QoS: qos}); err != nil {
		return err
	}
	err := a.rounds("times", received, func() (time.Duration, error) {
		start := time.Now()
		if _, err := from.publish(ctx, mqttwire.Publish{Topic: topic, QoS: qos, Payload: []byte("time")}); err != nil {
			return 0, err
		}
		m, err := to.message(ctx, topic, a.patience)
		switch {
		case err != nil:
			return 0, err
		case m == nil:
			return 0, &silenceError{mqttwire.PUBLISH, a.patience}
		}
		return m.at.Sub(start), nil
	})
	if err != nil || complete == "" {
		return err
	}
	return a.rounds("times", complete, func() (time.Duration, error) {
		start := time.Now()
		_, err := from.publish(ctx, mqttwire.Publish{Topic: a.topic("time/nobody"), QoS: qos, Payload: []byte("time")})
		return time.Since(start), err
	})
}
