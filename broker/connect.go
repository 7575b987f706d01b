package broker

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// connectRequest is what outlives the bytes of a CONNECT until it is answered.
type connectRequest struct {
	credentials    Credentials
	cleanStart     bool
	assigned       bool   // the client id is the broker's
	keepAlive      uint16 // as in force
	askedKeepAlive uint16
	expiry         uint32 // seconds; noExpiry: never
	asked          uint32 // the expiry as the client asked for it
	wantsResponse  bool
	will           *will
	enhanced       bool // there is an Authentication Method
	method         string
	data           []byte
	maxPacketSize  uint32
	receiveMaximum int
	aliasMaximum   uint16
	quiet          bool
	present        bool       // the session was there
	authority      *authority // that has loaded the rights
}

// noExpiry is the Session Expiry Interval of a session that never ends.
const noExpiry = 0xFFFFFFFF

// handleConnect takes a CONNECT that is well-formed.
func (c *Conn) handleConnect(batch *Batch, p *mqttwire.Connect) {
	c.b.metrics.connects.Add(1)
	c.version = p.Version
	c.agree()
	r := c.read(p)
	c.connect = r
	c.maxPacketSize, c.quiet = r.maxPacketSize, r.quiet
	if why := c.b.checkConnect(c, p, r); why.kind != notRefused {
		c.refuse(why)
		return
	}
	if r.enhanced || c.authenticator() != nil || c.b.loads() || c.b.keeps {
		// The authentication has its own time, and its context ends a moment before.
		c.b.deadlines.arm((*openLimit)(c), batch.now.Add(c.b.limits().ConnectTimeout+time.Second))
	}
	c.b.authenticate(batch, c, r)
}

// read copies a CONNECT into a request, with the defaults of its version.
func (c *Conn) read(p *mqttwire.Connect) *connectRequest {
	l := c.terms.limits
	r := &connectRequest{
		credentials: Credentials{
			ClientID: strings.Clone(p.ClientID), HasUsername: p.HasUsername, Username: strings.Clone(p.Username),
			HasPassword: p.HasPassword, Password: bytes.Clone(p.Password),
			Remote: c.identity.Remote, TLS: tlsOf(c.link), Version: p.Version,
		},
		cleanStart: p.CleanStart, keepAlive: p.KeepAlive, askedKeepAlive: p.KeepAlive, receiveMaximum: l.MaxInflight,
	}
	if p.Version != mqttwire.V5 {
		if !p.CleanStart {
			r.expiry = uint32(l.SessionExpiry3x / time.Second)
		}
		r.asked = r.expiry
	} else {
		r.readProperties(p.Properties, l)
	}
	if w := p.Will; w != nil {
		topic := strings.Clone(w.Topic)
		if c.mounted && !strings.HasPrefix(topic, "$") {
			topic = c.mountPoint() + topic
		}
		r.will = newWill(w, topic, r.credentials.ClientID)
	}
	return r
}

func (r *connectRequest) readProperties(p mqttwire.Properties, l *Limits) {
	r.asked, _ = p.Number(mqttwire.SessionExpiryInterval)
	r.expiry = capExpiry(r.asked, l)
	r.maxPacketSize, _ = p.Number(mqttwire.MaximumPacketSize)
	if n, ok := p.Number(mqttwire.ReceiveMaximum); ok {
		r.receiveMaximum = min(r.receiveMaximum, int(n))
	}
	n, _ := p.Number(mqttwire.TopicAliasMaximum)
	r.aliasMaximum = uint16(min(int(n), l.TopicAliasOut))
	if n, ok := p.Number(mqttwire.RequestProblemInformation); ok {
		r.quiet = n == 0
	}
	n, _ = p.Number(mqttwire.RequestResponseInformation)
	r.wantsResponse = n == 1
	method, enhanced := p.Text(mqttwire.AuthenticationMethod)
	r.method, r.enhanced = strings.Clone(method), enhanced
	data, _ := p.Binary(mqttwire.AuthenticationData)
	r.data = bytes.Clone(data)
}

// capExpiry holds a Session Expiry Interval under max_session_expiry.
func capExpiry(asked uint32, l *Limits) uint32 {
	if most := l.MaxSessionExpiry / time.Second; most < noExpiry && time.Duration(asked) > most {
		return uint32(most)
	}
	return asked
}

// checkConnect holds a CONNECT against the broker's limits. It settles the
// client id and the keep alive.
func (b *Broker) checkConnect(c *Conn, p *mqttwire.Connect, r *connectRequest) refusal {
	l, id := b.limits(), p.ClientID
	if why := b.mayCome(c, p); why.kind != notRefused {
		return why
	}
	switch {
	case len(id) > l.MaxClientID:
		return refusal{refusedClientID, mqttwire.ClientIdentifierNotValid, "the client identifier is too long"}
	case id == "" && (p.Version == mqttwire.V31 || p.Version == mqttwire.V311 && !p.CleanStart || !l.AllowZeroLengthClientID):
		return refusal{refusedClientID, mqttwire.ClientIdentifierNotValid, "the client identifier is empty"}
	case p.Version == mqttwire.V31 && l.Strict31 && len([]rune(id)) > 23:
		return refusal{refusedClientID, mqttwire.ClientIdentifierNotValid, "the client identifier has more than 23 characters"}
	case id == "":
		r.credentials.ClientID, r.assigned = b.assignID(), true
		if r.will != nil {
			r.will.message.From = r.credentials.ClientID
		}
	}
	if most := uint16(l.MaxKeepAlive); r.keepAlive > most || r.keepAlive == 0 && most < 0xFFFF {
		if p.Version == mqttwire.V5 {
			r.keepAlive = most
		}
	}
	if r.will != nil {
		return b.checkWill(c, r.will)
	}
	return refusal{}
}

// mayCome says whether a client that is not asked for anything may come.
func (b *Broker) mayCome(c *Conn, p *mqttwire.Connect) refusal {
	bans := b.bans.Load()
	crowd := b.crowd(c)
	switch {
	case !c.terms.rules.speaks(p.Version):
		return refusal{refusedVersion, mqttwire.UnsupportedProtocolVersion, "the listener does not take this version"}
	case b.draining.Load():
		return refusal{refusedDraining, b.elsewhere(mqttwire.ServerUnavailable), "the server is shutting down"}
	case crowd.kind != notRefused:
		return crowd
	case bans.bar(addressOf(c.identity.Remote)) || bans.bans(&Identity{ClientID: p.ClientID}):
		return refusal{refusedBanned, mqttwire.Banned, ""}
	case b.strained(refusing) && b.findSession(p.ClientID) == nil: // who has a session comes for what waits there
		return refusal{refusedMemory, b.elsewhere(mqttwire.ServerUnavailable), "the server is short of memory"}
	case b.connectsTooFast(time.Now()):
		return refusal{refusedRate, b.elsewhere(mqttwire.ConnectionRateExceeded), "too many connections in a second"}
	}
	return refusal{}
}

// assignID makes a client id that nobody can guess and no session has.
func (b *Broker) assignID() string {
	for {
		id := b.limits().AutoIDPrefix + rand.Text()
		if b.findSession(id) == nil {
			return id
		}
	}
}

// accept attaches an authenticated client to its session. CONNACK leaves once
// the store has what that changed.
func (c *Conn) accept(batch *Batch, id Identity) {
	r := c.connect
	c.identity.Username, c.identity.ClientID, c.identity.Expires = id.Username, r.credentials.ClientID, id.Expires
	if !c.terms.rules.binds(c.identity.ClientID, c.identity.Username) {
		c.refuse(refusal{refusedClientID, mqttwire.NotAuthorized, "the client identifier is not one of the user's"})
		return
	}
	if r.will != nil && !c.b.authorized(c.identity, Publish, r.will.message.Topic) {
		c.refuse(refusal{refusedWill, mqttwire.NotAuthorized, "the will may not be published"})
		return
	}
	if r.will != nil {
		r.will.message.Owner = c.identity
	}
	c.watch.keepAlive, c.receiveMaximum, c.aliasMaximum = r.keepAlive, uint16(r.receiveMaximum), r.aliasMaximum
	c.phase = connecting
	s, present, why := c.b.attach(batch, c, r)
	switch {
	case why.reason == reload:
		c.ask(func(ctx context.Context) func(*Batch) { return c.acceptable(ctx, id) })
		return
	case why.kind != notRefused:
		c.refuse(why)
		return
	}
	c.session = s
	s.settled()
	if err := batch.append(); err != nil {
		s.forsake(c, !present)
		c.refuse(refusal{refusedServer, mqttwire.ServerUnavailable, "the store has no room"})
		return
	}
	c.pause()
	seg := c.segment()
	r.present = present
	seg.then = append(seg.then, func() { c.session.resume(c, c.connack(r)) })
	c.phase = connected
	if c.auth == nil {
		c.handshake = nil
	}
	c.commit(batch)
}

// connack is the CONNACK of success: it states what differs from the defaults.
func (c *Conn) connack(r *connectRequest) *mqttwire.Connack {
	p := &mqttwire.Connack{SessionPresent: r.present}
	if c.version != mqttwire.V5 {
		return p
	}
	l := c.terms.limits
	add := func(id mqttwire.PropertyID, n, standard uint32) {
		if n != standard {
			p.Properties = p.Properties.AddNumber(id, n)
		}
	}
	add(mqttwire.SessionExpiryInterval, r.expiry, r.asked)
	add(mqttwire.ReceiveMaximum, uint32(l.ReceiveMaximum), 65535)
	add(mqttwire.MaximumQoS, uint32(l.MaxQoS), 2)
	add(mqttwire.RetainAvailable, flag(l.RetainAvailable), 1)
	add(mqttwire.MaximumPacketSize, uint32(l.MaxPacketSize), 0)
	if r.assigned {
		p.Properties = p.Properties.AddText(mqttwire.AssignedClientIdentifier, r.credentials.ClientID)
	}
	add(mqttwire.TopicAliasMaximum, uint32(l.TopicAliasIn), 0)
	add(mqttwire.WildcardSubscriptionAvailable, flag(l.WildcardAvailable), 1)
	add(mqttwire.SubscriptionIdentifiersAvailable, flag(l.SubscriptionIdentifiersAvailable), 1)
	add(mqttwire.SharedSubscriptionAvailable, flag(l.SharedAvailable), 1)
	if c.watch.keepAlive != r.askedKeepAlive {
		p.Properties = p.Properties.AddNumber(mqttwire.ServerKeepAlive, uint32(c.watch.keepAlive))
	}
	if r.wantsResponse && l.ResponseInformation != "" {
		p.Properties = p.Properties.AddText(mqttwire.ResponseInformation, c.responseInformation())
	}
	if r.enhanced {
		p.Properties = p.Properties.AddText(mqttwire.AuthenticationMethod, r.method)
		if r.data != nil {
			p.Properties = p.Properties.AddBinary(mqttwire.AuthenticationData, r.data)
		}
	}
	return p
}

// responseInformation fills in the template of response_information.
func (c *Conn) responseInformation() string {
	return strings.NewReplacer("%c", c.clientID(), "%u", c.identity.Username).Replace(c.b.limits().ResponseInformation)
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// authenticate asks the Authenticator, on a goroutine of its own while the
// connection is not read, or accepts at once where there is none.
func (b *Broker) authenticate(batch *Batch, c *Conn, r *connectRequest) {
	a := c.authenticator()
	if a != nil && !r.enhanced && c.suspected(batch.now) {
		c.refuse(tooManyFailures())
		return
	}
	switch {
	case r.enhanced:
		c.beginExchange(batch, r)
	case a != nil:
		c.ask(func(ctx context.Context) func(*Batch) {
			id, err := a.Authenticate(ctx, &r.credentials)
			if err != nil {
				return func(*Batch) { c.turnAway(err) }
			}
			return c.acceptable(ctx, id)
		})
	case b.loads():
		c.ask(func(ctx context.Context) func(*Batch) { return c.acceptable(ctx, Identity{}) })
	default:
		c.accept(batch, Identity{}) // a user name that nobody checked is nobody's
	}
}

// authenticator is the gate's as it is now.
func (c *Conn) authenticator() Authenticator { return c.terms.gate.Rules().Authenticator }

// loads says whether rights have to be loaded before CONNACK.
func (b *Broker) loads() bool {
	a := b.authority.Load()
	return a != nil && a.loader != nil
}

// acceptable loads the rights of an authenticated client, and accepts it.
func (c *Conn) acceptable(ctx context.Context, id Identity) func(*Batch) {
	c.b.failures.forgive(c.suspectAs(id.Username)) // and nobody else, whoever CONNECT has named
	authority := c.b.authority.Load()
	if authority != nil && authority.loader != nil {
		who := &Identity{Username: id.Username, ClientID: c.connect.credentials.ClientID, Remote: c.identity.Remote, Rights: c.identity.Rights}
		if err := authority.loader.LoadRights(ctx, who); err != nil {
			return func(*Batch) { c.turnAway(fmt.Errorf("rights: %w", err)) }
		}
	}
	c.connect.authority = authority
	return func(batch *Batch) { c.accept(batch, id) }
}

// ask has a question that may block asked once Receive is done. The connection
// is not read until the answer.
func (c *Conn) ask(question func(context.Context) (answer func(*Batch))) {
	c.pause()
	c.question = question
}

// inquire asks the question on a goroutine of its own. The answer then acts for
// the driver's thread, unless the connection is gone by then.
func (c *Conn) inquire() {
	question, again := c.question, c.phase == connected
	c.question = nil
	ctx, cancel := context.WithTimeout(c.b.context, c.b.limits().ConnectTimeout)
	c.handover.Lock()
	c.cancel = cancel
	c.handover.Unlock()
	c.b.goroutines.Go(func() {
		defer cancel()
		defer c.catchAside()
		answer := question(ctx)
		c.b.background(func(batch *Batch) { c.take(batch, answer) })
		if c.closing.Load() {
			c.kick(mqttwire.Success, "")
			return
		}
		if c.phase == connecting && c.asks() { // connected, the question could be one of the driver's thread
			c.inquire()
			return
		}
		c.link.Flush()
		if again || c.phase != connected { // otherwise CONNACK ends the pause
			c.released()
		}
	})
}

// take lets an answer act, unless the connection is at its end: a session it must not
// take over any more.
func (c *Conn) take(batch *Batch, answer func(*Batch)) {
	c.handover.Lock()
	defer c.handover.Unlock()
	defer c.catch(batch)
	if !c.gone && !c.closing.Load() {
		answer(batch)
	}
}
