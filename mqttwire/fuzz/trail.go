package fuzz

import (
	"encoding/binary"
	"strings"

	"mqtk/mqttwire"
)

// A trail is what the cases may have left on a broker that is not ours.
type trail struct {
	sessions map[string]bool // by client id
	topics   map[string]bool // of retained messages
}

func newTrail() *trail {
	return &trail{sessions: make(map[string]bool), topics: make(map[string]bool)}
}

func (t *trail) isEmpty() bool { return len(t.sessions)+len(t.topics) == 0 }

// add takes up what the steps may leave. Bytes are read as a lenient broker
// might read them: one packet behind the other, whatever is wrong with them.
func (t *trail) add(steps []Step, v mqttwire.Version) {
	sent := make(map[int][]byte)
	var order []int
	for i := range steps {
		s := &steps[i]
		if s.Op > Hold {
			continue
		}
		if sent[s.Client] == nil {
			order = append(order, s.Client)
		}
		b, _ := s.bytes(v)
		sent[s.Client] = append(sent[s.Client], b...)
	}
	for _, client := range order {
		t.follow(sent[client], v)
	}
}

// follow reads what one client sent on one connection.
func (t *trail) follow(sent []byte, v mqttwire.Version) {
	var topics []string
	aliased := false
	for len(sent) > 0 {
		n := packetLen(sent)
		if n == 0 {
			break
		}
		p := looseOf(sent[:min(n, len(sent))], v)
		sent = sent[min(n, len(sent)):]
		if v = p.version; p.id != "" && p.stays {
			t.sessions[p.id] = true
		}
		if p.topic != "" {
			topics = append(topics, p.topic)
		}
		aliased = aliased || p.retain && p.topic == ""
		if p.retain && p.topic != "" {
			t.topics[p.topic] = true
		}
	}
	if aliased { // it may be any of them
		for _, topic := range topics {
			t.topics[topic] = true
		}
	}
}

// A loose packet is what matters here of a CONNECT or PUBLISH, which may be
// broken.
type loose struct {
	version mqttwire.Version
	id      string // of a CONNECT
	stays   bool   // its session may outlive the connection
	topic   string // of a message or will
	retain  bool   // it is kept
	flag    int    // where the retain flag is
	bit     byte
}

// looseOf reads one packet as far as it goes. What is too short reads as empty.
func looseOf(b []byte, v mqttwire.Version) loose {
	p := loose{version: v}
	if len(b) < 2 {
		return p
	}
	_, size := binary.Uvarint(b[1:])
	r := looseReader{b: b, at: 1 + max(size, 1)}
	switch mqttwire.PacketType(b[0] >> 4) {
	case mqttwire.PUBLISH:
		p.flag, p.bit = 0, 1
		p.retain, p.topic = b[0]&1 != 0, r.text()
	case mqttwire.CONNECT:
		p.connect(&r)
	}
	return p
}

func (p *loose) connect(r *looseReader) {
	r.text()
	if level := r.byte(); level >= 3 && level <= 5 {
		p.version = mqttwire.Version(level)
	}
	p.flag, p.bit = r.at, 0x20
	flags := r.byte()
	r.skip(2)
	p.stays = flags&2 == 0
	if p.version == mqttwire.V5 {
		p.stays = r.section() > 0 // an expiry interval may be among them
	}
	p.id = r.text()
	if flags&4 == 0 {
		return
	}
	if p.version == mqttwire.V5 {
		r.section()
	}
	p.topic, p.retain = r.text(), flags&p.bit != 0
}

// A looseReader reads on behind the end of what there is, where all is zero.
type looseReader struct {
	b  []byte
	at int
}

func (r *looseReader) skip(n int) { r.at = min(len(r.b), r.at+n) }

func (r *looseReader) byte() byte {
	if r.at >= len(r.b) {
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *looseReader) text() string {
	n := int(r.byte())<<8 | int(r.byte())
	from := min(r.at, len(r.b))
	if r.skip(n); r.at-from < n {
		return ""
	}
	return string(r.b[from:r.at])
}

// section skips properties and tells how many bytes they are.
func (r *looseReader) section() int {
	n, size := binary.Uvarint(r.b[min(r.at, len(r.b)):])
	if size <= 0 || n > uint64(len(r.b)) {
		r.at = len(r.b)
		return len(r.b)
	}
	r.skip(size + int(n))
	return int(n)
}

// contained clears the retain flag of a changed packet whose topic is not
// below the run's own any more: it would stay among the messages of others.
func contained(raw []byte, v mqttwire.Version, prefix string) []byte {
	if p := looseOf(raw, v); p.retain && p.topic != "" && !strings.HasPrefix(p.topic, prefix) {
		raw[p.flag] &^= p.bit
	}
	return raw
}
