package broker

import (
	"errors"
	"io"
	"log/slog"
	"time"

	"mqtk/mqttwire"
)

// attach gives a connection its session: a new one, or the stored one taken up
// again. Whatever else held the client id is ended. present: the session was
// there [MQTT-3.2.2-3]. With a refusal it gets none, and nothing has changed.
//
// Create, take-over and end of one client id are serialised by the registry's
// mutex; only what is in memory happens under it.
func (b *Broker) attach(batch *Batch, c *Conn, r *connectRequest) (s *Session, present bool, why refusal) {
	id := r.credentials.ClientID
	b.registry.Lock()
	old := b.registry.sessions.Get(id)
	if k := b.bans.Load(); k.bans(c.identity) || k.bar(addressOf(c.identity.Remote)) {
		b.registry.Unlock()
		return nil, false, refusal{refusedBanned, mqttwire.Banned, ""}
	}
	if old != nil && old.identity.Load().Username != c.identity.Username {
		b.registry.Unlock()
		b.log.Warn("connection refused: the session belongs to another user", "client", id, "remote", remoteOf(c))
		return nil, false, refusal{refusedClientID, mqttwire.NotAuthorized, "the session belongs to somebody else"}
	}
	if b.store.Full() && (r.expiry > 0 || r.will != nil) && !old.resumes(r.cleanStart) {
		b.registry.Unlock()
		return nil, false, refusal{refusedServer, mqttwire.ServerUnavailable, "the store has no room"}
	}
	if a := b.authority.Load(); a != nil && a.loader != nil && a != r.authority {
		b.registry.Unlock()
		return nil, false, refusal{reason: reload}
	}
	if b.overUsers(c, old) {
		b.registry.Unlock()
		return nil, false, refusal{refusedPerUser, mqttwire.QuotaExceeded, "too many connections of this user"}
	}
	var former *Conn // the live connection that is taken over
	var fire *will
	if old != nil {
		former, fire, present = old.handOver(batch, r.cleanStart)
		b.detach(former)
	}
	c.attached = true
	b.registry.crowds.enter(c, 1)
	if s = old; !present {
		s = b.newSession(c.identity, b.incarnations.Add(1))
		b.registry.sessions.Put(s)
	}
	s.mu.Lock()
	s.owner.Store(c)
	s.identity.Store(c.identity)
	s.expiry.Store(r.expiry)
	s.will = r.will
	s.epoch++
	if s.traffic != nil {
		b.busy.watch(s)
	}
	s.recordConnected(&batch.events)
	s.mu.Unlock()
	b.registry.Unlock()

	if former != nil {
		b.metrics.takeovers.Add(1)
		b.log.Info("session taken over", "client", id, "from", remoteOf(former), "by", remoteOf(c))
		former.kick(mqttwire.SessionTakenOver, "another connection took the session over")
	}
	if old != nil && !present {
		b.bury(batch, old)
	}
	if fire != nil {
		b.publishWill(batch, fire)
	}
	return s, present, refusal{}
}

// reload is attach's answer where another Authorizer than the one that has loaded
// the client's rights is in force by now.
const reload = mqttwire.ContinueAuthentication

// resumes says whether a CONNECT takes the session up, in place of a new one.
func (s *Session) resumes(cleanStart bool) bool {
	if s == nil || cleanStart {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owner.Load() == nil || s.persistent()
}

// settled waits for the packet of a former connection that is still changing the
// session, and, since that one has lost it, for the last. What the new connection
// is told to be durable stands behind the events of both then.
func (s *Session) settled() {
	s.handling.Lock()
	defer s.handling.Unlock()
}

func (b *Broker) newSession(id *Identity, incarnation uint64) *Session {
	s := &Session{b: b, incarnation: incarnation}
	s.identity.Store(id)
	return s
}

// handOver takes the session from whoever has it: a live connection, or the
// deadlines of one that is away. fire is the will that this sends [3.1.2.5, 3.1.3.2.2].
// Not resumed, the session is at its end. The registry is locked.
func (s *Session) handOver(batch *Batch, cleanStart bool) (former *Conn, fire *will, resumed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	former = s.owner.Load()
	resumed = !cleanStart && (former == nil || s.persistent())
	if w := s.takeWill(&batch.events); w != nil && (!resumed || former != nil && w.delay == 0) {
		fire = w
	}
	s.b.deadlines.disarm((*sessionEnd)(s))
	s.b.deadlines.disarm((*willDelay)(s))
	s.owner.Store(nil)
	if !resumed {
		s.expiry.Store(0)          // nobody gives it anything any more
		s.recordEnd(&batch.events) // before the next one begins
	}
	return former, fire, resumed
}

// recordConnected is for the Store: a session that outlives its connection, or
// did so far, is taken up by one; and its will. mu is held.
func (s *Session) recordConnected(events *[]Event) {
	if s.kept = s.kept || s.persistent(); s.kept {
		e := s.sessionEvent()
		e.Connected = true
		*events = append(*events, e)
	}
	if s.will != nil {
		*events = append(*events, s.willEvent(time.Time{}))
	}
}

func (s *Session) sessionEvent() Event {
	e := s.change(EventSession)
	id := s.identity.Load()
	e.Username, e.Remote, e.SessionExpiry = id.Username, id.Remote, s.expiry.Load()
	return e
}

// willEvent tells the Store of the session's will, and, while the client is
// away, when it goes out.
func (s *Session) willEvent(due time.Time) Event {
	e := s.change(EventWill)
	e.Message, e.WillDelay, e.Ends = s.will.message, s.will.delay, due
	return e
}

// recordAway tells the Store since when the session is without a connection, and
// when it ends. mu is held.
func (s *Session) recordAway(events *[]Event, now time.Time) {
	if !s.kept {
		return
	}
	away := s.sessionEvent()
	if expiry := s.expiry.Load(); expiry != noExpiry {
		away.Ends = now.Add(time.Duration(expiry) * time.Second)
	}
	*events = append(*events, away)
}

// recordEnd tells the Store that the session is no more, once; or, where it
// leaves something that the Store has to keep a while, that its time is over.
// mu is held.
func (s *Session) recordEnd(events *[]Event) {
	switch {
	case !s.kept:
	case s.bequest() == nil:
		*events = append(*events, s.event(EventSessionEnd, 0))
		s.kept = false
	default:
		over := s.sessionEvent()
		over.Ends = time.Now()
		*events = append(*events, over)
	}
}

// takeWill takes the will out of the session, to be sent or forgotten, and out
// of the Store. mu is held.
func (s *Session) takeWill(events *[]Event) *will {
	w := s.will
	if s.will = nil; w != nil {
		*events = append(*events, s.change(EventWill))
	}
	return w
}

// leave tells the session that its connection is gone. What follows depends on
// how it went [3.1.2.5, 3.1.2.11.2]: the will goes out now, later or never, and
// the session ends now, later or never.
func (b *Broker) leave(s *Session, c *Conn, cause error) {
	var fire *will
	var events []Event
	b.registry.Lock()
	b.detach(c) // before the session can be taken up again: it is one of its user's no more
	s.mu.Lock()
	if s.owner.Load() != c {
		s.mu.Unlock()
		b.registry.Unlock()
		return // taken over: the new connection has decided
	}
	now := time.Now()
	s.owner.Store(nil)
	expiry := s.expiry.Load()
	ends := expiry == 0
	switch {
	case ends:
		b.registry.sessions.Delete(s.ClientID())
		fire = s.takeWill(&events)
	default:
		s.recordAway(&events, now)
		s.rest()
		if expiry != noExpiry {
			b.deadlines.arm((*sessionEnd)(s), now.Add(time.Duration(expiry)*time.Second))
		}
		if w := s.will; w != nil && w.delay == 0 {
			fire = s.takeWill(&events)
		} else if w != nil && w.delay < expiry {
			due := now.Add(time.Duration(w.delay) * time.Second)
			events = append(events, s.willEvent(due))
			b.deadlines.arm((*willDelay)(s), due)
		}
	}
	s.mu.Unlock()
	b.registry.Unlock()
	b.background(func(batch *Batch) {
		batch.events = append(batch.events, events...)
		if ends {
			b.bury(batch, s)
		}
		if fire != nil {
			b.publishWill(batch, fire)
		}
	})
}

// dropAtOnce is how many subscriptions of a session that ends are dropped on the
// thread that ends it, which others wait for: a few hundred microseconds.
const dropAtOnce = 256

// dropAll drops the subscriptions of a session that has ended, one by one:
// others subscribe and publish in between.
func (b *Broker) dropAll(o *ownSubscriptions) {
	for sub := range o.all {
		b.subscriptions.drop(sub)
		b.tellInterest(change{old: sub})
	}
}

// bury takes apart a session that is no longer in the registry.
func (b *Broker) bury(batch *Batch, s *Session) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	bequest := s.bequest()
	if s.traffic != nil && len(s.unwritten) > 0 {
		s.left, bequest = bequest, nil // a bequest that is not written yet cannot be read
	}
	s.recordEnd(&batch.events)
	subscriptions := s.subscriptions
	orphans := s.orphans(&batch.events)
	s.subscriptions = ownSubscriptions{}
	if t := s.traffic; t != nil {
		b.metrics.queued(-t.queue.len()-t.queue.stored.count, -t.queue.bytes-t.queue.stored.payload())
		t.window, t.queue, t.held, t.cursors = inflight{}, queue{}, heldIDs{}, nil
	}
	s.mu.Unlock()
	if subscriptions.len() <= dropAtOnce {
		b.dropAll(&subscriptions)
	} else { // whom they still lead to takes nothing
		b.goroutines.Go(func() { b.dropAll(&subscriptions) })
	}
	b.rehome(batch, orphans)
	if bequest != nil {
		b.goroutines.Go(func() { b.execute(bequest) })
	}
}

// sessionEnd is a Session as what ends while its client is away.
type sessionEnd Session

func (s *sessionEnd) deadline() *deadline { return &s.ends }
func (s *sessionEnd) fire(time.Time)      { (*Session)(s).endsNow() }

// endsNow is the deadline of an offline session.
func (s *Session) endsNow() {
	b := s.b
	b.registry.Lock()
	s.mu.Lock()
	// It may have been taken up since the time came, and left again, to end later or never.
	if s.owner.Load() != nil || s.ended || b.registry.sessions.Get(s.ClientID()) != s ||
		s.expiry.Load() == noExpiry || b.deadlines.armed((*sessionEnd)(s)) {
		s.mu.Unlock()
		b.registry.Unlock()
		return
	}
	b.registry.sessions.Delete(s.ClientID())
	var events []Event
	fire := s.takeWill(&events)
	s.mu.Unlock()
	b.registry.Unlock()
	b.deadlines.disarm((*willDelay)(s))
	b.metrics.expired.Add(1)
	b.log.Info("session expired", "client", s.ClientID())
	b.background(func(batch *Batch) {
		batch.events = append(batch.events, events...)
		b.bury(batch, s)
		if fire != nil {
			b.publishWill(batch, fire)
		}
	})
}

// willDelay is a Session as what has a will that goes out later.
type willDelay Session

func (s *willDelay) deadline() *deadline { return &s.willDue }
func (s *willDelay) fire(time.Time)      { (*Session)(s).willIsDue() }

// willIsDue is the deadline of a will whose delay has passed.
func (s *Session) willIsDue() {
	var events []Event
	var fire *will
	s.mu.Lock()
	// That of a later connection may be another will, which is due with the session.
	if s.owner.Load() == nil && !s.ended && s.will != nil && s.will.delay < s.expiry.Load() && !s.b.deadlines.armed((*willDelay)(s)) {
		fire = s.takeWill(&events)
	}
	s.mu.Unlock()
	if fire == nil {
		return
	}
	s.b.background(func(batch *Batch) {
		batch.events = append(batch.events, events...)
		s.b.publishWill(batch, fire)
	})
}

// findSession returns the session of a client id, nil for none.
func (b *Broker) findSession(id string) *Session {
	b.registry.Lock()
	defer b.registry.Unlock()
	return b.registry.sessions.Get(id)
}

// exit takes it out and says why it ended.
func (b *Broker) exit(c *Conn, cause error) {
	b.stir()
	b.registry.Lock()
	b.unseat(c)
	if c.live.Load() {
		b.registry.live--
	}
	b.registry.Unlock()
	why := c.cause.Load()
	switch {
	case why == nil && c.clientID() == "":
		b.log.Debug("connection closed before CONNECT", "remote", remoteOf(c))
		return
	case why != nil && (why.kind != notRefused || c.clientID() == ""):
		b.log.Info("connection refused", append(c.claims(why.kind), slog.String("reason", c.farewell(cause)))...)
		return
	}
	if h := b.log.Handler(); h.Enabled(b.context, slog.LevelInfo) {
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "disconnected", 0)
		r.AddAttrs(slog.String("client", c.clientID()), slog.String("remote", remoteOf(c)), slog.String("reason", c.farewell(cause)))
		_ = h.Handle(b.context, r)
	}
}

// claims is what a client that is not in said of itself, and how it came, for the
// log.
func (c *Conn) claims(kind refused) (said []any) {
	add := func(key, value string) { said = append(said, slog.String(key, value)) }
	if c.handshake != nil && c.connect != nil {
		r := c.connect
		add("client", r.credentials.ClientID)
		if r.credentials.HasUsername {
			add("user", r.credentials.Username)
		} else if c.identity.Username != "" {
			add("user", c.identity.Username)
		}
		if r.enhanced {
			add("method", r.method)
		}
		if kind == refusedWill {
			add("topic", r.will.message.Topic)
		}
	}
	add("remote", remoteOf(c))
	if name := c.terms.rules.Name; name != "" {
		add("listener", name)
	}
	return said
}

// welcome notes a connection that has got its CONNACK.
func (b *Broker) welcome(c *Conn) {
	b.deadlines.disarm((*openLimit)(c))
	b.wheel.add(c, c.watch.keepAlive, time.Now())
	c.expire()
	if c.closing.Load() { // Closed may have been here before
		b.wheel.remove(c)
		b.deadlines.disarm((*openLimit)(c))
	}
	b.registry.Lock()
	b.registry.live++
	b.registry.maximum = max(b.registry.maximum, b.registry.live)
	b.registry.Unlock()
	if h := b.log.Handler(); h.Enabled(b.context, slog.LevelInfo) {
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "connected", 0) // without the caller's address, which costs most of it
		r.AddAttrs(slog.String("client", c.clientID()), slog.String("remote", remoteOf(c)), slog.String("version", c.version.String()))
		if c.identity.Username != "" {
			r.AddAttrs(slog.String("user", c.identity.Username))
		}
		_ = h.Handle(b.context, r)
	}
}

// farewell says why a connection ended, as a person would.
func (c *Conn) farewell(cause error) string {
	if e := c.cause.Load(); e != nil {
		switch {
		case e.detail == "", e.detail == e.reason.Text(mqttwire.CONNACK):
			return e.reason.Text(mqttwire.DISCONNECT)
		case e.reason == mqttwire.UnspecifiedError:
			return e.detail
		}
		return e.reason.Text(mqttwire.DISCONNECT) + ": " + e.detail
	}
	switch {
	case c.said:
		if c.version != mqttwire.V5 || c.lastWord == mqttwire.NormalDisconnection {
			return "the client said DISCONNECT"
		}
		return "the client said DISCONNECT: " + c.lastWord.Text(mqttwire.DISCONNECT)
	case errors.Is(cause, io.EOF):
		return "the client closed the connection without DISCONNECT"
	case errors.Is(cause, io.ErrUnexpectedEOF):
		return "the client closed the connection inside a packet"
	case cause != nil:
		return cause.Error()
	}
	return "closed"
}

func remoteOf(c *Conn) string {
	if c.identity.Remote == nil {
		return ""
	}
	return c.identity.Remote.String()
}
