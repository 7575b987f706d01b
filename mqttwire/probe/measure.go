package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mqtk/mqttwire"
)

// Wanted is what Measure measures besides the connection.
type Wanted struct {
	Certificate   bool
	Receive, QoS2 bool
	Retained      []string // topics
}

// Measured is what came of it. Where something has an Err, it could not be
// measured.
type Measured struct {
	Connect       time.Duration // from dialling to the CONNACK
	Certificate   Expiry
	Receive, QoS2 Duration
	Retained      []Kept // as Wanted has them
}

// Duration is how long something took: the median of three rounds.
type Duration struct {
	Took time.Duration
	Err  error
}

// Expiry is when the first certificate of a chain ends.
type Expiry struct {
	NotAfter time.Time
	Subject  string
	Err      error
}

// Kept is the retained message of a topic.
type Kept struct {
	Topic   string
	Found   bool
	Payload []byte
	Err     error
}

// Measure measures the connection, and then each thing thrice, one after the other. An error is one of the
// connection, or of ctx. Nothing is left of it.
func Measure(ctx context.Context, o Options, want Wanted) (*Measured, error) {
	a := &asker{o: o, patience: patience}
	if limit, ok := ctx.Deadline(); ok {
		a.patience = time.Until(limit)
	}
	p, took, err := a.firstTimed(ctx)
	if err != nil {
		return nil, err
	}
	defer p.leave(nil)
	m := &Measured{Connect: took}
	if want.Certificate {
		m.Certificate = a.expiry(ctx)
	}
	for _, topic := range want.Retained {
		m.Retained = append(m.Retained, p.kept(ctx, topic))
	}
	if want.Receive {
		m.Receive.Took, m.Receive.Err = a.receive(ctx, p)
	}
	if want.QoS2 {
		m.QoS2.Took, m.QoS2.Err = thrice(func() (time.Duration, error) {
			start := time.Now()
			_, err := p.publish(ctx, mqttwire.Publish{Topic: a.topic("qos2"), QoS: 2, Payload: []byte("check")})
			return time.Since(start), err
		})
	}
	return m, nil
}

// receive is the time from the PUBLISH of one client to its arrival at p.
func (a *asker) receive(ctx context.Context, p *peer) (time.Duration, error) {
	topic := a.topic("receive")
	if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic, QoS: a.qos}); err != nil {
		return 0, err
	}
	from, err := a.connect(ctx, hello{})
	if err != nil {
		return 0, err
	}
	defer from.leave(nil)
	return thrice(func() (time.Duration, error) {
		start := time.Now()
		if _, err := from.publish(ctx, mqttwire.Publish{Topic: topic, QoS: a.qos, Payload: []byte("check")}); err != nil {
			return 0, err
		}
		m, err := p.message(ctx, topic, a.patience)
		switch {
		case err != nil:
			return 0, err
		case m == nil:
			return 0, &silenceError{mqttwire.PUBLISH, a.patience}
		}
		return m.at.Sub(start), nil
	})
}

// thrice is the median of three rounds: the first packet that a broker writes
// behind another one may wait 40 ms for TCP's delayed acknowledgement.
func thrice(round func() (time.Duration, error)) (time.Duration, error) {
	var all [3]time.Duration
	for i := range all {
		var err error
		if all[i], err = round(); err != nil {
			return 0, err
		}
	}
	slices.Sort(all[:])
	return all[1], nil
}

// kept is the retained message of a topic.
func (p *peer) kept(ctx context.Context, topic string) Kept {
	k := Kept{Topic: topic}
	if _, k.Err = p.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic, QoS: p.a.qos}); k.Err != nil {
		return k
	}
	m, err := p.arrived(ctx, topic)
	if k.Err = err; m != nil {
		k.Found, k.Payload = true, m.Payload
	}
	return k
}

// expiry is that of the certificate of the chain that ends first.
func (a *asker) expiry(ctx context.Context) (e Expiry) {
	if a.o.TLS == nil || a.o.Bare == nil {
		return Expiry{Err: errors.New("there is no TLS")}
	}
	state, err := a.shake(ctx, a.o.TLS.config())
	if err != nil {
		return Expiry{Err: fmt.Errorf("TLS handshake: %w", err)}
	}
	for _, c := range state.PeerCertificates {
		if e.Subject == "" || c.NotAfter.Before(e.NotAfter) {
			e.NotAfter, e.Subject = c.NotAfter, c.Subject.String()
		}
	}
	return e
}
