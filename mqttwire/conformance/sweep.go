package conformance

import (
	"context"
	"io"
	"time"

	"mqtk/mqttwire"
)

// Leftovers are what a script may leave on a broker that goes on living.
type leftovers struct {
	topics  map[string]bool // retained
	clients map[string]bool // kept sessions
}

func (l *leftovers) sent(p mqttwire.Packet, v mqttwire.Version) {
	if l.topics == nil {
		l.topics, l.clients = make(map[string]bool), make(map[string]bool)
	}
	switch p := p.(type) {
	case *mqttwire.Publish:
		if p.Retain && len(p.Payload) > 0 && p.Topic != "" {
			l.topics[p.Topic] = true
		}
	case *mqttwire.Connect:
		if p.Will != nil && p.Will.Retain && len(p.Will.Payload) > 0 {
			l.topics[p.Will.Topic] = true
		}
		expiry, _ := p.Properties.Number(mqttwire.SessionExpiryInterval)
		kept := expiry > 0
		if versionOf(p, v) != mqttwire.V5 {
			kept = !p.CleanStart
		}
		if kept && p.ClientID != "" {
			l.clients[p.ClientID] = true
		}
	}
}

// sweep ends the sessions that the script left and clears what it retained.
// It is a courtesy: it reports nothing. What ends the script does not end it.
func (r *runner) sweep(ctx context.Context) {
	if len(r.left.clients)+len(r.left.topics) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTime-500*time.Millisecond)
	defer cancel()
	for id := range r.left.clients {
		r.visit(ctx, id, nil)
	}
	if len(r.left.topics) > 0 {
		r.visit(ctx, r.variables["id"].text+"z", r.left.topics)
	}
}

// visit connects with Clean Session, clears the topics and leaves.
func (r *runner) visit(ctx context.Context, id string, topics map[string]bool) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Patience)
	defer cancel()
	conn, err := r.dial(ctx)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(r.options.Patience))
	packets := []mqttwire.Packet{&mqttwire.Connect{CleanStart: true, ClientID: id, HasUsername: r.options.Username != "",
		Username: r.options.Username, HasPassword: r.options.Username != "", Password: []byte(r.options.Password)}}
	for topic := range topics {
		packets = append(packets, &mqttwire.Publish{Topic: topic, Retain: true})
	}
	packets = append(packets, &mqttwire.Disconnect{})
	var bytes []byte
	for _, p := range packets {
		if c, ok := p.(*mqttwire.Connect); ok {
			c.Version = mqttwire.V311
		}
		if bytes, err = p.Append(bytes, mqttwire.V311); err != nil {
			return
		}
	}
	if _, err := conn.Write(bytes); err == nil {
		io.Copy(io.Discard, conn)
	}
}
