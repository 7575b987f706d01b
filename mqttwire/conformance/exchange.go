package conformance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// send writes a packet or bytes, or keeps them for the next write.
func (r *runner) send(ctx context.Context, st *step) *failure {
	it := &st.items[0]
	var p mqttwire.Packet
	var bytes []byte
	var err error
	version := r.script.Version
	if it.isRaw {
		bytes, err = parseRaw(r.text(it.raw))
	} else {
		c := r.clients[st.clients[0]]
		if c != nil && it.line.Type != mqttwire.CONNECT {
			version = c.version
		}
		p, bytes, err = r.packet(it.line, version)
	}
	if err != nil {
		err = &UnsayableError{err}
		return &failure{step: st, got: err.Error(), err: err}
	}
	c, err := r.connected(ctx, st.clients[0], it.line.Type == mqttwire.CONNECT)
	if err != nil {
		return r.unreached(st, err)
	}
	if p != nil {
		c.sent(p, r.script.Version)
		r.left.sent(p, r.script.Version)
		line := mqttwire.LineOf(p, version)
		r.note(c.number, ">", line.String())
		r.tell(Seen{Client: c.number, Connection: c.serial, Sent: true, Line: line, Raw: bytes})
	} else {
		r.note(c.number, ">", fmt.Sprintf("hex=%x", bytes))
		r.tell(Seen{Client: c.number, Connection: c.serial, Sent: true, Raw: bytes})
	}
	c.leaves = c.leaves || isLeave(bytes, c.version)
	c.held = append(c.held, bytes...)
	if st.op == opSend {
		r.flush(c)
	}
	return nil
}

// isLeave tells a DISCONNECT that is well-formed.
func isLeave(b []byte, v mqttwire.Version) bool {
	if len(b) == 0 || mqttwire.PacketType(b[0]>>4) != mqttwire.DISCONNECT {
		return false
	}
	d := mqttwire.Decoder{Version: v, From: mqttwire.Client}
	_, n, err := d.Decode(b)
	return err == nil && n == len(b)
}

// flush writes what a client holds. That the broker has closed is no failure
// yet: a step will see it.
func (r *runner) flush(c *client) {
	if !r.options.Strict && !r.options.Literal {
		defer c.hangsUp()
	}
	if len(c.held) > 0 {
		c.conn.SetWriteDeadline(time.Now().Add(r.options.Patience))
		if _, err := c.conn.Write(c.held); err != nil {
			r.note(c.number, ">", "not sent: "+err.Error())
			r.tell(Seen{Client: c.number, Connection: c.serial, Sent: true, End: "not sent", Err: err})
		}
		c.held = nil
	}
	r.last = time.Now()
}

// packet makes the packet of a line and its bytes.
func (r *runner) packet(line mqttwire.Line, v mqttwire.Version) (mqttwire.Packet, []byte, error) {
	full := mqttwire.Line{Type: line.Type, Reasons: line.Reasons}
	for _, f := range line.Fields {
		if name, ok := variableName(f.Value); ok {
			value, ok := r.variables[name]
			if !ok {
				return nil, nil, fmt.Errorf("$%s has no value", name)
			}
			f.Value = value.text
			if value.hex {
				f.Key = hexKey(f.Key)
			}
		} else {
			f.Value = filled(r.text(f.Value))
		}
		full.Fields = append(full.Fields, f)
	}
	if _, named := full.Get("username"); full.Type == mqttwire.CONNECT && !named && r.options.Username != "" {
		full.Fields = append(full.Fields, mqttwire.Field{Key: "username", Value: r.options.Username},
			mqttwire.Field{Key: "password", Value: r.options.Password})
	}
	p, err := full.Packet(v)
	if err != nil {
		return nil, nil, err
	}
	if connect, ok := p.(*mqttwire.Connect); ok {
		v = versionOf(connect, v)
	}
	bytes, err := p.Append(nil, v)
	return p, bytes, err
}

// connected is the client's connection, opened if it must be.
func (r *runner) connected(ctx context.Context, number int, isConnect bool) (*client, error) {
	c := r.clients[number]
	if c != nil && !c.stale(isConnect) {
		return c, nil
	}
	if c != nil {
		c.close()
		if err := c.breach(); err != nil {
			return nil, err
		}
	}
	dialing, cancel := context.WithTimeout(ctx, r.options.Patience)
	defer cancel()
	conn, err := r.dial(dialing)
	if err != nil {
		return nil, &UnreachableError{err}
	}
	framed, err := r.script.reframe(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	c = newClient(number, framed, r.script.Version, r.wake)
	r.opened++
	c.serial, c.seen = r.opened, r.tell
	r.clients[number] = c
	r.readers.Go(c.read)
	return c, nil
}

// next waits for an event at one of the clients.
func (r *runner) next(ctx context.Context, clients []int, until time.Time) (*client, event, error) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for {
		for _, number := range clients {
			c := r.clients[number]
			if c == nil {
				return nil, event{}, fmt.Errorf("client %d has no connection", number)
			}
			if e, ok := c.peek(); ok {
				if e.end == "" || len(clients) == 1 {
					return c, e, nil
				}
			}
		}
		select {
		case <-r.wake:
		case <-timer.C:
			return nil, event{}, nil
		case <-ctx.Done():
			return nil, event{}, ctx.Err()
		}
	}
}

// deadline is when what comes next must have come.
func (r *runner) deadline() time.Time {
	if r.waited {
		r.waited = false
		return time.Now()
	}
	if r.window != nil {
		return r.last.Add(r.window.to + r.options.Late)
	}
	return time.Now().Add(r.options.Patience)
}

// expect waits for one of the items of a step.
func (r *runner) expect(ctx context.Context, st *step) *failure {
	items, op := r.wanted(st)
	if len(items) == 0 {
		return nil
	}
	until := r.deadline()
	c, e, err := r.next(ctx, st.clients, until)
	if err != nil {
		return &failure{step: st, got: err.Error()}
	}
	if c == nil {
		if op != opExpect {
			r.waited = true // the step behind, of what must come, need not
			return nil
		}
		return &failure{step: st, got: fmt.Sprintf("nothing until %.3fs", time.Since(r.begun).Seconds())}
	}
	why := r.matchAny(items, &e, c.version)
	if why != "" {
		if op != opExpect {
			return nil
		}
		if lacking := lacks(r.script.Uses, &e); lacking != "" {
			return &failure{step: st, got: "the broker has no " + lacking, skip: true}
		}
		return r.mismatch(st, &e, why)
	}
	r.note(c.number, "<", e.String())
	if op == opSkip {
		return &failure{step: st, got: "the broker does otherwise, as it may: " + e.String(), skip: true}
	}
	c.take()
	if lacking := lacks(r.script.Uses, &e); lacking != "" && !r.options.Literal {
		return &failure{step: st, got: "the broker has no " + lacking, skip: true}
	}
	return r.arrived(st, &e)
}

// lacks tells which of the capabilities a CONNACK denies, if it is one.
func lacks(uses []string, e *event) string {
	if e.line.Type != mqttwire.CONNACK {
		return ""
	}
	for _, use := range uses {
		for _, denial := range denials(use) {
			if value, ok := e.line.Get(denial.Key); ok && value == denial.Value {
				return use
			}
		}
		if _, ok := e.line.Get("topic-alias-maximum"); use == "alias" && !ok {
			return use
		}
	}
	return ""
}

// denials are the fields of CONNACK that deny a capability.
func denials(use string) []mqttwire.Field {
	switch use {
	case "qos1":
		return []mqttwire.Field{{Key: "maximum-qos", Value: "0"}}
	case "qos2":
		return []mqttwire.Field{{Key: "maximum-qos", Value: "0"}, {Key: "maximum-qos", Value: "1"}}
	case "retain":
		return []mqttwire.Field{{Key: "retain-available", Value: "0"}}
	case "wildcard":
		return []mqttwire.Field{{Key: "wildcard-subscription-available", Value: "0"}}
	case "shared":
		return []mqttwire.Field{{Key: "shared-subscription-available", Value: "0"}}
	case "identifiers":
		return []mqttwire.Field{{Key: "subscription-identifiers-available", Value: "0"}}
	}
	return nil
}

// mismatch is the failure of a step that got another event.
func (r *runner) mismatch(st *step, e *event, why string) *failure {
	got := e.String()
	if why != got && e.err == nil && e.end == "" && len(why) < 300 {
		got += " (" + why + ")"
	}
	if e.err != nil {
		return &failure{step: st, got: got, clause: clauseOf(e.err, r.script.Version), packet: true}
	}
	return &failure{step: st, got: got, clause: r.repeatClause(st, e), packet: e.end == "", skip: declines(e) && !r.options.Strict && !r.options.Literal}
}

// declines tells an answer by which a broker, as the standard lets it, does not
// do what is asked, for reasons that are its own.
func declines(e *event) bool {
	for _, reason := range e.line.Reasons {
		switch reason {
		case "NotAuthorized", "QuotaExceeded", "ServerBusy", "ServerUnavailable", "ConnectionRateExceeded", "UseAnotherServer", "ServerMoved", "Banned":
			return true
		case "Failure":
			return e.line.Type == mqttwire.SUBACK // of 3.1.1
		}
	}
	return false
}

// wanted are the items of a step as the options and the version read them.
func (r *runner) wanted(st *step) ([]item, operation) {
	if r.options.Strict && st.op == opSkip {
		return nil, st.op
	}
	items, op := st.items, st.op
	if op == opMaybe {
		c := r.clients[st.clients[0]]
		if c != nil && c.version != mqttwire.V5 {
			if items = said3x(items); len(items) == 0 {
				return nil, op
			}
		}
		if r.options.Strict && isFarewell(items[0]) {
			op = opExpect
		}
	}
	if r.options.Strict && op != opMaybe {
		items = []item{firstChoice(items[0])}
	}
	return items, op
}

// said3x leaves out what 3.x cannot say: DISCONNECT, and CONNACK with a code
// that has none of 3.x.
func said3x(items []item) (said []item) {
	for _, it := range items {
		switch it.line.Type {
		case mqttwire.DISCONNECT:
			continue
		case mqttwire.CONNACK:
			if len(it.line.Reasons) > 0 {
				name, _, _ := strings.Cut(it.line.Reasons[0], "|")
				code, ok := mqttwire.ParseReasonCode(name, mqttwire.CONNACK)
				if _, has := code.ReturnCode(); !ok || !has {
					continue
				}
			}
		}
		said = append(said, it)
	}
	return said
}

// isFarewell tells whether it is a word that may precede a close.
func isFarewell(it item) bool {
	return it.isRaw || it.line.Type == mqttwire.DISCONNECT || it.line.Type == mqttwire.CONNACK
}

// firstChoice leaves of each reason of a packet the first alternative.
func firstChoice(it item) item {
	if it.isRaw || it.eof {
		return it
	}
	reasons := make([]string, len(it.line.Reasons))
	for i, reason := range it.line.Reasons {
		reasons[i], _, _ = strings.Cut(reason, "|")
	}
	it.line.Reasons = reasons
	return it
}

// arrived judges the time of an event that matched.
func (r *runner) arrived(st *step, e *event) *failure {
	if w := r.window; w != nil {
		r.window = nil
		after := max(0, e.at.Sub(r.last)) // it may be read before the write of what it answers returns
		if after < w.from-slackEarly || after > w.to+r.options.Late {
			return &failure{step: st, got: fmt.Sprintf("%s after %.3fs, not %s", e, after.Seconds(), w.text)}
		}
	}
	r.last = e.at
	return nil
}

// group waits for all items of several steps, in any order.
func (r *runner) group(ctx context.Context, steps []step) *failure {
	rest := make([]*step, len(steps))
	for i := range steps {
		rest[i] = &steps[i]
	}
	for len(rest) > 0 {
		c, e, err := r.next(ctx, rest[0].clients, r.deadline())
		if err != nil {
			return &failure{step: rest[0], got: err.Error()}
		}
		if c == nil {
			return &failure{step: rest[0], got: fmt.Sprintf("nothing until %.3fs", time.Since(r.begun).Seconds())}
		}
		found, why := -1, ""
		for i, st := range rest {
			items, _ := r.wanted(st)
			if w := r.matchAny(items, &e, c.version); w == "" {
				found = i
				break
			} else if why == "" {
				why = w
			}
		}
		if found < 0 {
			return r.strange(rest, &e, why)
		}
		r.note(c.number, "<", e.String())
		c.take()
		if f := r.arrived(rest[found], &e); f != nil {
			return f
		}
		rest = append(rest[:found:found], rest[found+1:]...)
	}
	return nil
}

// strange is the failure of a group that got none of its packets.
func (r *runner) strange(rest []*step, e *event, why string) *failure {
	for _, st := range rest {
		if clause := r.repeatClause(st, e); clause != "" {
			return &failure{step: st, got: e.String(), clause: clause, packet: true}
		}
	}
	return r.mismatch(rest[0], e, why)
}

// nothing waits, and fails on whatever comes.
func (r *runner) nothing(ctx context.Context, st *step) *failure {
	c, e, err := r.next(ctx, st.clients, time.Now().Add(st.from))
	if err != nil {
		return &failure{step: st, got: err.Error()}
	}
	if c != nil {
		return &failure{step: st, got: e.String()}
	}
	r.last = time.Now()
	return nil
}

// anything takes what comes until for a while nothing does, or the end. What
// is wrong with it is told when the script ends.
func (r *runner) anything(ctx context.Context, st *step) *failure {
	number := st.clients[0]
	for r.clients[number] != nil {
		c, e, err := r.next(ctx, st.clients, time.Now().Add(st.from))
		if err != nil {
			return &failure{step: st, got: err.Error()}
		}
		if c == nil || e.end != "" {
			break
		}
		r.note(c.number, "<", e.String())
		c.pass()
	}
	r.last = time.Now()
	return nil
}
