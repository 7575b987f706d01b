package referee

import (
	"time"

	"mqtk/mqttwire"
)

// A connection is what both sides have told about it.
type connection struct {
	connects     int
	connacks     int
	unsupported  bool // the CONNECT was of a version that nobody knows
	bridge       bool // a mosquitto that gets messages with RETAIN as they were published
	misshapen    bool // the CONNECT breaks its format
	cleanStart   bool
	resumed      bool // the session has a past, or may have
	hasty        bool // more of its last connection may yet be seen
	emptyID      bool
	accepted     bool
	refused      bool
	connackAt    time.Time
	early        bool // the client did not wait for CONNACK
	proven       bool // the client has answered what came after CONNACK
	keepAlive    time.Duration
	silent       bool   // the client's silence was told
	agreed       uint32 // by the server
	expiry       uint32 // of the session
	asksNoExpiry bool
	willQoS      mqttwire.QoS
	willRetain   bool
	quiet        bool   // Request Problem Information 0
	wantsReply   bool   // Request Response Information 1
	method       string // of authentication
	hasMethod    bool
	asked        asked // CONNECT
	auth         asked // AUTH that was not answered
	reauth       asked // AUTH ReAuthenticate that has not come to its end
	pings        []asked
	morePings    int // than are remembered one by one
	requests     map[mqttwire.PacketID]*request
	murky        map[mqttwire.PacketID]time.Time // ids of which something looked strange
	doomed       asked                           // a packet of the client that had to end the connection
	doomedBy     string                          // the statement that it broke
	strange      bool                            // the server tells a client without a session that it has one
	takenOver    time.Time
	told         bool          // that it goes on after a take-over
	rival        *Conversation // that had the client id still when this one asked for it
	overtook     int           // how many connections in a row took this client id over
	late         asked         // the packet before which the client was silent for too long
	lateBy       time.Duration
	leaver       mqttwire.Side // who ended it
	leftAt       time.Time
	over         bool
}

// asked is a packet that wants an answer: its number and its time.
type asked struct {
	number int
	at     time.Time
}

func (c *Conversation) begin() {
	c.requests = make(map[mqttwire.PacketID]*request)
	c.murky = make(map[mqttwire.PacketID]time.Time)
	for i := range c.halves {
		c.halves[i].echoes = make(map[mqttwire.PacketID]int)
	}
}

// ask remembers the packet that is judged.
func (c *Conversation) ask() asked {
	if c.packet == nil {
		return asked{}
	}
	return asked{c.packet.Number, c.now}
}

// answers notes that the packet that is judged answers an earlier one.
func (c *Conversation) answers(a asked) {
	if a.number > 0 && c.packet != nil {
		c.goesOn(a)
		c.answersLate(a)
		c.packet.Answers, c.packet.After = a.number, c.now.Sub(a.at)
	}
}

// ends notes that it makes a hand-shake whole.
func (c *Conversation) ends(h Handshake, a asked) {
	if a.number > 0 && c.packet != nil {
		c.packet.Ends, c.packet.Took = h, c.now.Sub(a.at)
	}
}

// see judges a packet that is well-formed.
func (c *Conversation) see(from mqttwire.Side, p mqttwire.Packet, size int) {
	if from == mqttwire.Client {
		c.clientMay(p)
	} else {
		c.serverMay(p)
	}
	c.fits(from, p, size)
	switch p := p.(type) {
	case *mqttwire.Connect:
		c.connecting(p)
	case *mqttwire.Connack:
		c.connacked(p)
	case *mqttwire.Auth:
		c.authenticating(from, p)
	case *mqttwire.Disconnect:
		c.disconnecting(from, p)
	}
	if c.session == nil {
		return
	}
	c.session.touched = c.now
	switch p := p.(type) {
	case *mqttwire.Publish:
		c.published(from, p)
	case *mqttwire.Ack:
		c.acknowledged(from, p)
	case *mqttwire.Subscribe:
		c.subscribing(p)
	case *mqttwire.Unsubscribe:
		c.unsubscribing(p)
	case *mqttwire.Suback:
		c.subacked(p)
	case *mqttwire.Unsuback:
		c.unsubacked(p)
	case *mqttwire.Pingreq:
		if len(c.pings) < 1<<16 && c.morePings == 0 {
			c.pings = append(c.pings, c.ask())
		} else {
			c.morePings++
		}
	case *mqttwire.Pingresp:
		c.ponged()
	}
}

// clientMay judges whether the client may send this now.
func (c *Conversation) clientMay(p mqttwire.Packet) {
	h := c.half(mqttwire.Client)
	c.silent = false
	c.lateAgain()
	t := p.Type()
	if h.left > 0 {
		c.broken(mqttwire.Client, c.clause("MQTT-3.14.4-1", "MQTT-3.14.4-2"), "%s after DISCONNECT", t)
	}
	c.mustHaveClosed(t)
	if c.accepted || t == mqttwire.CONNECT || t == mqttwire.AUTH {
		return
	}
	c.early = true
	if c.hasMethod && t != mqttwire.DISCONNECT && !c.refused {
		f := c.finding(Violation, mqttwire.Client, "MQTT-3.1.2-30", "%s before CONNACK, though the authentication has not come to its end", t)
		c.doubt(f, mqttwire.Server, func(p mqttwire.Packet) bool { return p.Type() == mqttwire.CONNACK }, nil)
	}
}

// serverMay judges whether the server may send this now.
func (c *Conversation) serverMay(p mqttwire.Packet) {
	h := c.half(mqttwire.Server)
	t := p.Type()
	switch {
	case h.left > 0:
		c.broken(mqttwire.Server, "MQTT-3.14.4-1", "%s after DISCONNECT", t)
	case c.refused && t == mqttwire.DISCONNECT:
		c.broken(mqttwire.Server, "MQTT-3.14.0-1", "DISCONNECT after a CONNACK that refused the connection")
	case c.refused && t != mqttwire.CONNACK:
		c.broken(mqttwire.Server, c.clause("MQTT-3.2.2-7", "MQTT-3.2.2-5"), "%s after a CONNACK that refused the connection", t)
	case c.accepted || t == mqttwire.CONNACK || h.partial:
	case t == mqttwire.DISCONNECT:
		c.broken(mqttwire.Server, "MQTT-3.14.0-1", "DISCONNECT before CONNACK")
	case t != mqttwire.AUTH:
		c.broken(mqttwire.Server, "MQTT-3.2.0-1", "%s before CONNACK", t)
	}
	if t == mqttwire.DISCONNECT {
		return
	}
	c.stillOpen()
}

// waitsForConnect tells whether the server's bytes have to wait until the
// client's CONNECT is seen.
func (c *Conversation) waitsForConnect() bool {
	if c.connects > 0 || c.options.Midway {
		return false
	}
	h := c.half(mqttwire.Server)
	if h.last.IsZero() {
		h.last = c.now
	}
	if c.skew > 0 && !c.now.After(h.last.Add(c.skew)) && len(h.tail) <= c.options.MaxPacket {
		return true
	}
	if tail := c.half(mqttwire.Client).tail; len(tail) > 0 && mqttwire.PacketType(tail[0]>>4) == mqttwire.CONNECT {
		c.version = levelOf(tail) // it did not wait for all of the CONNECT
		c.unsupported = c.version == 0
		return false
	}
	c.spokeFirst()
	return true
}

// midway makes it a connection whose beginning was not seen.
func (c *Conversation) midway() {
	c.options.Midway, c.accepted, c.resumed = true, true, true
	c.session = newSession("", false)
	for i := range c.halves {
		h := &c.halves[i]
		h.drop(max(h.state, seeking))
		h.partial = true
	}
}

func (c *Conversation) spokeFirst() {
	c.broken(mqttwire.Server, "3.2", "the server speaks before a CONNECT")
	c.half(mqttwire.Server).lose()
}

// refusable is a CONNECT that is not valid, or of a version that nobody knows.
func (c *Conversation) refusable(bad *mqttwire.Error) {
	if c.connects++; c.connects == 1 {
		c.unsupported = c.version == 0
		c.misshapen = misshapen(bad)
		c.asked = c.ask()
	}
}

// misshapen tells whether a CONNECT breaks its format: the statements on topics
// say nothing of it, and some values are no format.
func misshapen(bad *mqttwire.Error) bool {
	switch bad.Clause {
	case "MQTT-3.3.2-14", "MQTT-4.7.0-1", "MQTT-4.7.1-1", "MQTT-4.7.3-1":
		return false
	}
	return bad.Reason == mqttwire.MalformedPacket || bad.Clause != "3.1"
}

// connackShape finds the version of the answer to such a CONNECT.
func (c *Conversation) connackShape(from mqttwire.Side, b []byte) {
	if from != mqttwire.Server || !c.unsupported || c.version != 0 || len(b) < 2 {
		return
	}
	if c.version = mqttwire.V5; b[1] == 2 && mqttwire.PacketType(b[0]>>4) == mqttwire.CONNACK {
		c.version = mqttwire.V311
	}
}

func (c *Conversation) connecting(p *mqttwire.Connect) {
	if c.connects++; c.connects > 1 {
		c.broken(mqttwire.Client, "MQTT-3.1.0-2", "a second CONNECT")
		c.doom("MQTT-3.1.0-2")
		return
	}
	if c.numbers == 1 && c.options.Midway { // it was not, then
		c.accepted, c.resumed = false, false
		for i := range c.halves {
			c.halves[i].partial, c.halves[i].state = false, following
		}
	}
	c.asked = c.ask()
	c.cleanStart, c.emptyID = p.CleanStart, p.ClientID == ""
	c.keepAlive = time.Duration(p.KeepAlive) * time.Second
	if c.expiry = 0; p.Version != mqttwire.V5 && !p.CleanStart {
		c.expiry = forever
	}
	c.emptyClientID(p)
	c.grants(p)
	c.wills(p)
	c.findSession(p)
}

// emptyClientID judges the client id by the rules of 3.x.
func (c *Conversation) emptyClientID(p *mqttwire.Connect) {
	switch {
	case p.Version == mqttwire.V311 && p.ClientID == "" && !p.CleanStart:
		c.broken(mqttwire.Client, "MQTT-3.1.3-7", "an empty client id without a clean session")
	case p.Version == mqttwire.V31 && p.ClientID == "":
		c.broken(mqttwire.Client, "3.1", "an empty client id, which 3.1 does not have")
	case p.Version == mqttwire.V31 && len(p.ClientID) > 23:
		c.find(Note, mqttwire.Client, "3.1", "a client id of more than the 23 characters that 3.1 allows")
	}
}

func (c *Conversation) connacked(p *mqttwire.Connack) {
	c.connacks++
	if c.connects == 0 {
		return // it was not seen
	}
	if c.connacks > 1 {
		c.broken(mqttwire.Server, c.clause("MQTT-3.2.0-2", "3.2"), "a second CONNACK")
		return
	}
	c.answers(c.asked)
	c.ends(ConnectHandshake, c.asked)
	if p.Reason != mqttwire.Success {
		c.refused = true
		c.leave(mqttwire.Server)
		return
	}
	c.accepted, c.connackAt = true, c.now
	if c.misshapen && c.version != mqttwire.V31 {
		c.broken(mqttwire.Server, "MQTT-3.1.4-1", "CONNACK accepts a CONNECT that is not valid")
	}
	if c.session == nil {
		c.session = newSession("", false)
	}
	c.sessionPresent(p)
	c.restrains(p)
	id := c.session.clientID
	assigned, ok := p.Properties.Text(mqttwire.AssignedClientIdentifier)
	switch {
	case c.emptyID && ok:
		id = string(append([]byte(nil), assigned...))
	case c.emptyID && c.version == mqttwire.V5:
		c.broken(mqttwire.Server, "MQTT-3.2.2-16", "CONNACK without an assigned client identifier, though the client has none")
	case ok:
		c.find(Note, mqttwire.Server, "3.2.2.3.7", "CONNACK assigns the client identifier %s to a client that has one", clip(assigned))
	case c.emptyID && !c.cleanStart && c.version == mqttwire.V311:
		c.broken(mqttwire.Server, "MQTT-3.1.3-8", "CONNACK accepts an empty client id without a clean session")
	}
	c.attach(id)
}

// sessionPresent holds the flag to what the client asked for and to what was
// seen of its session.
func (c *Conversation) sessionPresent(p *mqttwire.Connack) {
	if c.version == mqttwire.V31 { // which does not tell
		c.session.whole = c.session.whole && c.cleanStart
		c.resumed = !c.cleanStart
		return
	}
	var gone, lives bool
	if c.known != nil && !c.cleanStart {
		gone, lives = c.known.fate(c.now, c.skew)
	}
	switch {
	case c.cleanStart && p.SessionPresent:
		c.strange = c.version == mqttwire.V5
		c.broken(mqttwire.Server, c.clause("MQTT-3.2.2-2", "MQTT-3.2.2-1"), "CONNACK with a session present, though the client wanted a clean one")
	case p.SessionPresent && gone:
		c.broken(mqttwire.Server, "MQTT-3.2.2-3", "CONNACK with a session present, though the last one of this client has ended")
	case p.SessionPresent:
	case c.cleanStart:
	case lives:
		c.find(Note, mqttwire.Server, c.clause("MQTT-3.2.2-3", "MQTT-3.2.2-2"), "CONNACK without the session that this client had")
		fallthrough
	default:
		c.session, c.resumed = c.session.renew(c.serial), false
	}
	if p.SessionPresent {
		c.resumed = true
	}
}

func (c *Conversation) disconnecting(from mqttwire.Side, p *mqttwire.Disconnect) {
	h := c.half(from)
	if h.left == 0 {
		h.left = c.packet.Number
	}
	c.leave(from)
	if from == mqttwire.Server {
		c.tooEarly(p)
		return
	}
	expiry, ok := p.Properties.Number(mqttwire.SessionExpiryInterval)
	if !ok {
		return
	}
	if c.asksNoExpiry && expiry > 0 {
		c.broken(mqttwire.Client, "3.14.2.2.2", "DISCONNECT with a session expiry interval, though that of CONNECT was 0")
		return
	}
	c.expiry = expiry
}

// leave notes who was the first to end the connection.
func (c *Conversation) leave(side mqttwire.Side) {
	if c.leaver == 0 {
		c.leaver, c.leftAt = side, c.now
	}
}

// clip shortens what a peer said.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
