package fuzz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A pair are two clients who do nothing wrong. One publishes three streams of
// numbered messages, each to a topic of its own, and the other must get them in
// order. A stream has the QoS of its number, or the highest that the broker
// announced and granted below it.
type pair struct {
	player   *player
	version  mqttwire.Version
	name     string
	from, to *peer
	sent     [3]int // messages by stream
	pings    int    // that the receiver sent
	readers  sync.WaitGroup
}

// A peer is one of them. Its reader answers what has to be answered.
type peer struct {
	conn net.Conn
	news chan<- struct{}

	mutex   sync.Mutex
	version mqttwire.Version
	counts  [16]int
	got     [3]int // the number of the last message, by stream
	qos     [3]int // what the streams come with
	wrong   string // what came that should not have come
	ended   error
	reason  mqttwire.ReasonCode
	terms   terms

	retained []string // topics of retained messages that came
}

// terms are what a broker announced in CONNACK and granted in SUBACK.
type terms struct {
	maximumQoS int
	keeps      bool // retained messages are available
	wildcards  bool // in filters
	granted    []mqttwire.ReasonCode
}

// errSilent: an answer that must come does not come in time.
var errSilent = errors.New("no answer in time")

// newPair connects the two and subscribes.
func newPair(ctx context.Context, p *player, v mqttwire.Version, name string) (*pair, error) {
	h := &pair{player: p, version: v, name: name}
	var err error
	if h.to, err = h.connect(ctx, "r"); err == nil {
		if h.from, err = h.connect(ctx, "s"); err != nil {
			h.close()
			return nil, err
		}
		err = h.subscribe(ctx)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// subscribe subscribes to each stream by its name, for wildcards may not be
// available, and takes what is granted.
func (h *pair) subscribe(ctx context.Context) error {
	s := &mqttwire.Subscribe{PacketID: 1}
	for stream := range 3 {
		s.Subscriptions = append(s.Subscriptions, mqttwire.Subscription{Filter: fmt.Sprintf("%s/%d", h.name, stream), QoS: 2})
	}
	h.to.write(s)
	if err := h.await(ctx, h.to, func(p *peer) bool { return p.counts[mqttwire.SUBACK] > 0 }); err != nil {
		return err
	}
	h.to.mutex.Lock()
	defer h.to.mutex.Unlock()
	for stream, granted := range h.to.terms.granted {
		if granted > 2 {
			return fmt.Errorf("the broker refuses a subscription to %s: %s (0x%02X)", s.Subscriptions[stream].Filter, granted.Text(mqttwire.SUBACK), byte(granted))
		}
		h.to.qos[stream] = min(h.publishes(stream), int(granted))
	}
	return nil
}

// publishes is the QoS at which a stream is published.
func (h *pair) publishes(stream int) int { return min(stream, h.from.terms.maximumQoS) }

// connect opens a connection and waits for CONNACK.
func (h *pair) connect(ctx context.Context, suffix string) (*peer, error) {
	return h.connectAs(ctx, clientID(h.name, suffix))
}

func (h *pair) connectAs(ctx context.Context, id string) (*peer, error) {
	within, cancel := context.WithTimeout(ctx, h.player.patience)
	defer cancel()
	conn, err := h.player.dial(within)
	if err != nil {
		if within.Err() != nil && ctx.Err() == nil {
			return nil, errSilent
		}
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	p := &peer{conn: conn, news: h.player.news, version: h.version, terms: terms{maximumQoS: 2, keeps: true, wildcards: true}}
	h.readers.Go(p.receive)
	p.send(h.greeting(id))
	if err := h.await(ctx, p, func(p *peer) bool { return p.counts[mqttwire.CONNACK] > 0 }); err != nil {
		conn.Close()
		return nil, err
	}
	if p.reason != 0 {
		conn.Close()
		return nil, &RefusedError{p.reason}
	}
	return p, nil
}

// A RefusedError: the broker said no to a client that did nothing wrong.
type RefusedError struct{ Reason mqttwire.ReasonCode }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the broker refuses the connection: %s (0x%02X)", e.Reason.Text(mqttwire.CONNACK), byte(e.Reason))
}

// clientID is one of at most 23 letters, which every broker takes.
func clientID(name, suffix string) string {
	var id []byte
	for _, c := range []byte(name) {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' {
			id = append(id, c)
		}
	}
	if len(id) > 20 {
		id = id[len(id)-20:]
	}
	return string(id) + suffix
}

// await waits until something is so at a peer.
func (h *pair) await(ctx context.Context, p *peer, so func(*peer) bool) error {
	var err error
	is := h.player.wait(ctx, h.player.patience, func() bool {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		err = p.ended
		return so(p) || err != nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !is:
		return errSilent
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if so(p) {
		return nil
	}
	return err
}

func (p *peer) write(packet mqttwire.Packet) {
	if b, err := packet.Append(nil, p.version); err == nil {
		p.send(b)
	}
}

func (p *peer) send(b []byte) {
	p.conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
	_, _ = p.conn.Write(b)
}

// receive reads until the connection ends.
func (p *peer) receive() {
	r := mqttwire.NewReader(p.conn)
	r.Version, r.From = p.version, mqttwire.Server
	for {
		packet, err := r.ReadPacket()
		p.mutex.Lock()
		if err != nil {
			p.ended = err
		} else {
			p.counts[packet.Type()]++
			p.came(packet)
		}
		p.mutex.Unlock()
		select {
		case p.news <- struct{}{}:
		default:
		}
		if err != nil {
			p.conn.Close()
			return
		}
	}
}

// came takes a packet, and answers it.
func (p *peer) came(packet mqttwire.Packet) {
	switch packet := packet.(type) {
	case *mqttwire.Connack:
		p.reason = packet.Reason
		p.terms.take(packet.Properties)
	case *mqttwire.Suback:
		if len(p.terms.granted) == 0 && len(packet.Reasons) == len(p.qos) {
			p.terms.granted = slices.Clone(packet.Reasons)
		}
	case *mqttwire.Disconnect:
		p.reason = packet.Reason
	case *mqttwire.Publish:
		if packet.Retain && len(p.retained) < 10_000 {
			p.retained = append(p.retained, strings.Clone(packet.Topic))
		}
		p.message(packet)
		switch packet.QoS {
		case 1:
			p.write(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: packet.PacketID})
		case 2:
			p.write(&mqttwire.Ack{Kind: mqttwire.PUBREC, PacketID: packet.PacketID})
		}
	case *mqttwire.Ack:
		switch packet.Kind {
		case mqttwire.PUBREC:
			p.write(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: packet.PacketID})
		case mqttwire.PUBREL:
			p.write(&mqttwire.Ack{Kind: mqttwire.PUBCOMP, PacketID: packet.PacketID})
		}
	}
}

// take takes what CONNACK announces; a limit that is not named is none.
func (t *terms) take(announced mqttwire.Properties) {
	if n, ok := announced.Number(mqttwire.MaximumQoS); ok {
		t.maximumQoS = int(n)
	}
	if n, ok := announced.Number(mqttwire.RetainAvailable); ok {
		t.keeps = n != 0
	}
	if n, ok := announced.Number(mqttwire.WildcardSubscriptionAvailable); ok {
		t.wildcards = n != 0
	}
}

// message holds one against what must come next.
func (p *peer) message(m *mqttwire.Publish) {
	var stream, number int
	n, err := fmt.Sscanf(string(m.Payload), "healthy %d %d", &stream, &number)
	switch {
	case p.wrong != "":
	case err != nil || n != 2 || stream > 2 || stream < 0 || !strings.HasSuffix(m.Topic, "/"+strconv.Itoa(stream)) || m.Retain:
		p.wrong = "the healthy pair got what it did not send: " + mqttwire.LineOf(m, p.version).String()
	case int(m.QoS) != p.qos[stream]:
		p.wrong = fmt.Sprintf("message %d of the healthy pair, of QoS %d, came with QoS %d", number, p.qos[stream], m.QoS)
	case number == p.got[stream]:
		p.wrong = fmt.Sprintf("message %d of the healthy pair at QoS %d came twice", number, p.qos[stream])
	case number != p.got[stream]+1:
		p.wrong = fmt.Sprintf("message %d of the healthy pair at QoS %d came behind message %d", number, p.qos[stream], p.got[stream])
	default:
		p.got[stream] = number
	}
}

// nudge publishes the next message of a stream.
func (h *pair) nudge(stream int) {
	h.sent[stream]++
	m := &mqttwire.Publish{Topic: fmt.Sprintf("%s/%d", h.name, stream), QoS: mqttwire.QoS(h.publishes(stream)), Payload: fmt.Appendf(nil, "healthy %d %d", stream, h.sent[stream])}
	if m.QoS > 0 {
		m.PacketID = mqttwire.PacketID((h.sent[stream]%30000)*2 + stream)
	}
	h.from.write(m)
}

// published is how many messages went out at a QoS.
func (h *pair) published(qos int) (n int) {
	for stream, sent := range h.sent {
		if h.publishes(stream) == qos {
			n += sent
		}
	}
	return n
}

// check sees to it that all is well: every message came, both are answered,
// and a new client is let in.
func (h *pair) check(ctx context.Context) *Trouble {
	for stream := range 3 {
		h.nudge(stream)
	}
	h.pings++
	h.to.write(&mqttwire.Pingreq{})
	err := h.await(ctx, h.to, func(p *peer) bool { return p.wrong != "" || p.got == h.sent && p.counts[mqttwire.PINGRESP] == h.pings })
	if err == nil && h.to.problem() == "" {
		pings := h.from.count(mqttwire.PINGRESP)
		h.from.write(&mqttwire.Pingreq{})
		err = h.await(ctx, h.from, func(p *peer) bool {
			return p.counts[mqttwire.PUBACK] == h.published(1) && p.counts[mqttwire.PUBCOMP] == h.published(2) && p.counts[mqttwire.PINGRESP] > pings
		})
	}
	if ctx.Err() != nil {
		return nil
	}
	third, refused := h.connect(ctx, "n")
	if refused == nil {
		third.write(&mqttwire.Disconnect{})
		third.conn.Close()
	}
	if ctx.Err() != nil {
		return nil
	}
	return h.diagnose(err, refused)
}

// diagnose says what the troubles of the pair, and of the third who tried to
// connect, amount to.
func (h *pair) diagnose(err, refused error) *Trouble {
	var no *RefusedError
	switch {
	case err == nil && refused == nil && h.to.problem() == "":
		return nil
	case errors.Is(refused, errSilent):
		return &Trouble{Verdict: Hang, Text: "a new client gets no answer to its CONNECT", mark: "CONNECT"}
	case errors.Is(refused, errRefused):
		return &Trouble{Verdict: Crash, Text: "the broker takes no connections any more", mark: "refused"}
	case errors.As(refused, &no):
		return &Trouble{Verdict: Disturbance, Text: "a new client that did nothing wrong is sent away: " + no.Error(), mark: "refused"}
	case refused != nil:
		return &Trouble{Verdict: Disturbance, Text: "a new client that did nothing wrong lost its connection before CONNACK", mark: "lost"}
	case h.to.problem() != "":
		return &Trouble{Verdict: Disturbance, Text: h.to.problem(), mark: "message"}
	case errors.Is(err, errSilent):
		return h.silence()
	}
	return &Trouble{Verdict: Disturbance, Text: "the healthy pair lost a connection: " + h.farewell(err), mark: "lost"}
}

// silence tells what did not come: a message alone, or all answers.
func (h *pair) silence() *Trouble {
	got := h.to.received()
	for stream := range 3 {
		if got[stream] != h.sent[stream] && h.to.count(mqttwire.PINGRESP) == h.pings {
			return &Trouble{Verdict: Disturbance, Text: fmt.Sprintf("message %d of the healthy pair at QoS %d did not come, while PINGREQ is answered", got[stream]+1, h.to.qos[stream]), mark: "message"}
		}
	}
	return &Trouble{Verdict: Hang, Text: "the healthy pair waits for answers in vain, while a new client is let in", mark: "answers"}
}

func (h *pair) farewell(err error) string {
	for _, p := range []*peer{h.to, h.from} {
		p.mutex.Lock()
		reason, said := p.reason, p.counts[mqttwire.DISCONNECT] > 0
		p.mutex.Unlock()
		if said {
			return fmt.Sprintf("DISCONNECT %s (0x%02X)", reason.Text(mqttwire.DISCONNECT), byte(reason))
		}
	}
	if isEOF(err) {
		return "closed by the broker"
	}
	return err.Error()
}

func (p *peer) count(t mqttwire.PacketType) int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.counts[t]
}

func (p *peer) received() [3]int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.got
}

func (p *peer) problem() string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.wrong
}

// close ends both connections, if there are any.
func (h *pair) close() {
	if h == nil {
		return
	}
	for _, p := range []*peer{h.from, h.to} {
		if p != nil {
			p.write(&mqttwire.Disconnect{})
			p.conn.Close()
		}
	}
	h.readers.Wait()
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
