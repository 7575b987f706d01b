package crash

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A shelf is the retained set as the acknowledgements say it must be. Each key
// has one writer and one QoS, so that its writes have an order.
type shelf struct {
	mu   sync.Mutex
	size int
	keys map[string]*key
}

// A key is a topic with its writes, numbered from 1. What the broker retains
// may be any of them from the last acknowledged one on.
type key struct {
	topic   string
	qos     mqttwire.QoS
	cleared []bool // by number: the write was a clear
	acked   int    // the last acknowledged write, 0: none, and so nothing is retained
	excused bool   // nothing is retained, which was found already
}

func newShelf(size int) *shelf { return &shelf{size: size, keys: make(map[string]*key)} }

func (s *shelf) add(topic string, qos mqttwire.QoS) *key {
	k := &key{topic: topic, qos: qos, cleared: []bool{true}}
	s.keys[topic] = k
	return k
}

// write gives the next write of k its number and payload; a clear has none.
func (s *shelf) write(k *key, clear bool) (number int, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.cleared = append(k.cleared, clear)
	number = len(k.cleared) - 1
	if !clear {
		payload = k.payload(number, s.size)
	}
	return number, payload
}

func (k *key) payload(number, size int) []byte { return (&line{size: size}).payload(number) }

func (s *shelf) acknowledged(k *key, number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.acked, k.excused = max(k.acked, number), false
}

// judge holds what is retained for k against its writes. A key that was found
// wrong is believed from then on, so that it is found once.
func (s *shelf) judge(k *key, payload []byte) (kind Kind, e Example, bad bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e = Example{Topic: k.topic, Number: k.acked}
	if len(payload) == 0 {
		for number := k.acked; number < len(k.cleared); number++ {
			if k.cleared[number] || k.excused {
				return 0, e, false
			}
		}
		k.excused = true
		e.Detail = fmt.Sprintf("nothing is retained, and write %d was acknowledged", k.acked)
		return LostRetained, e, true
	}
	head, _, _ := bytes.Cut(payload, []byte(" "))
	number, err := strconv.Atoi(string(head))
	if err != nil || number < 1 || number >= len(k.cleared) || k.cleared[number] || !bytes.Equal(payload, k.payload(number, s.size)) {
		e.Detail = fmt.Sprintf("%q is retained", payload[:min(len(payload), 40)])
		return Corrupted, e, true
	}
	if number >= k.acked {
		return 0, e, false
	}
	e.Detail = fmt.Sprintf("write %d is retained", number)
	if k.cleared[k.acked] {
		e.Detail += ", and the acknowledged one cleared it"
	}
	k.acked = number
	return StaleRetained, e, true
}

// checkRetained reads all retained messages and judges them. Nobody else is
// connected then. last tells that more patience is right.
func (r *run) checkRetained(ctx context.Context, last bool) error {
	if len(r.shelf.keys) == 0 {
		return nil
	}
	connect := &mqttwire.Connect{Version: r.version(r.kills), ClientID: r.prefix + "reader", CleanStart: true, KeepAlive: keepAlive}
	conn, _, err := r.connect(ctx, connect)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.WritePacket(&mqttwire.Subscribe{PacketID: subscribeID, Subscriptions: []mqttwire.Subscription{{Filter: r.topic("retained/#")}}})
	found := make(map[string][]byte)
	take := func(p *mqttwire.Publish) { found[clone(p.Topic)] = bytes.Clone(p.Payload) }
	quiet := 50 * time.Millisecond
	if last {
		quiet *= 8
	}
	if err := r.gather(conn, quiet, take, func() bool { return false }); err != nil {
		r.violated(connect.ClientID, err)
		return err
	}
	for topic, payload := range found {
		if r.shelf.keys[topic] == nil {
			r.ledger.find(Corrupted, Example{Topic: topic, Detail: fmt.Sprintf("%q is retained where nobody wrote", payload[:min(len(payload), 40)])})
		}
	}
	for _, k := range r.keys {
		if kind, e, bad := r.shelf.judge(k, found[k.topic]); bad {
			e.Client = connect.ClientID
			r.ledger.find(kind, e)
		}
	}
	return nil
}
