package fuzz

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// lastSweep is how long the end of a run may take.
const lastSweep = 4 * time.Second

// finish sweeps once more at the end, also when the run was broken off.
func (h *hunt) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSweep)
	defer cancel()
	h.sweep(ctx)
}

// sweep ends the sessions that the cases may have left on a broker that is not
// ours, and then, for their wills may come by that, clears what they retained.
// It is a courtesy: it reports nothing. What a silent broker keeps is tried
// again the next time.
func (h *hunt) sweep(ctx context.Context) {
	if h.Process != nil || len(h.versions) == 0 {
		return
	}
	for _, id := range h.player.assigned {
		h.trail.sessions[id] = true
	}
	h.player.assigned = nil
	if h.trail.isEmpty() || ctx.Err() != nil {
		return
	}
	broom := &pair{player: h.player, version: h.versions[0], name: h.prefix() + "/sweep"}
	defer broom.readers.Wait()
	for _, id := range sorted(h.trail.sessions) {
		p, err := broom.connectAs(ctx, id)
		if err == nil {
			p.write(&mqttwire.Disconnect{})
			p.conn.Close()
		} else if isAway(err) || ctx.Err() != nil {
			return
		}
		delete(h.trail.sessions, id)
	}
	broom.clear(ctx, h.trail.topics, h.prefix()+"/#")
}

// isAway tells of an error that it is the broker's silence or absence, and not
// its refusal of just this client.
func isAway(err error) bool { return errors.Is(err, errSilent) || errors.Is(err, errRefused) }

func sorted(set map[string]bool) []string {
	all := make([]string, 0, len(set))
	for s := range set {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// clear clears the retained messages of topics, those below the run's own by
// one look at what is there, where the broker has wildcards.
func (h *pair) clear(ctx context.Context, topics map[string]bool, own string) {
	if len(topics) == 0 {
		return
	}
	p, err := h.connect(ctx, "c")
	if err != nil {
		return
	}
	defer func() { p.conn.Close() }()
	if !p.terms.keeps {
		clear(topics)
		return
	}
	looked := p.terms.wildcards && h.clearBelow(ctx, p, own)
	for _, topic := range sorted(topics) {
		if !looked || !strings.HasPrefix(topic, strings.TrimSuffix(own, "#")) {
			if err := h.clearTopic(ctx, p, topic); isAway(err) || ctx.Err() != nil {
				return
			} else if err != nil { // the broker takes no such topic
				next, err := h.connect(ctx, "c")
				if err != nil {
					return
				}
				p = next
			}
		}
		delete(topics, topic)
	}
	p.write(&mqttwire.Disconnect{})
}

// clearTopic clears one and waits until the broker has read that.
func (h *pair) clearTopic(ctx context.Context, p *peer, topic string) error {
	body := append(binary.BigEndian.AppendUint16(nil, uint16(len(topic))), topic...)
	if h.version == mqttwire.V5 {
		body = append(body, 0)
	}
	p.send(append(appendVarint([]byte{byte(mqttwire.PUBLISH)<<4 | 1}, uint32(len(body)), 0), body...))
	return h.fence(ctx, p)
}

// fence waits for the answer to a PINGREQ.
func (h *pair) fence(ctx context.Context, p *peer) error {
	pongs := p.count(mqttwire.PINGRESP)
	p.write(&mqttwire.Pingreq{})
	return h.await(ctx, p, func(p *peer) bool { return p.counts[mqttwire.PINGRESP] > pongs })
}

// clearBelow clears what matches a filter, and tells whether nothing is left.
func (h *pair) clearBelow(ctx context.Context, p *peer, filter string) bool {
	for range 100 {
		p.mutex.Lock()
		p.retained = nil
		acks := p.counts[mqttwire.SUBACK]
		p.mutex.Unlock()
		p.write(&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: filter}}})
		if h.await(ctx, p, func(p *peer) bool { return p.counts[mqttwire.SUBACK] > acks }) != nil || h.fence(ctx, p) != nil {
			return false
		}
		p.mutex.Lock()
		topics := p.retained
		p.mutex.Unlock()
		if len(topics) == 0 {
			return true
		}
		for _, topic := range topics {
			p.write(&mqttwire.Publish{Topic: topic, Retain: true})
		}
	}
	return false
}

// greeting is a CONNECT, also for a client id that is no text.
func (h *pair) greeting(id string) []byte {
	c := &mqttwire.Connect{Version: h.version, CleanStart: true, ClientID: strings.Repeat("~", len(id))}
	if h.player.username != nil {
		c.HasUsername, c.Username = true, *h.player.username
		c.HasPassword, c.Password = h.player.password != nil, h.player.password
	}
	b, err := c.Append(nil, h.version)
	if err != nil {
		return nil
	}
	return bytes.Replace(b, []byte(c.ClientID), []byte(id), 1)
}
