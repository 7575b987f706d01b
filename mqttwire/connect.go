package mqttwire

import "fmt"

// Connect is a CONNECT packet. ClientID, the Will, Username and Password are
// views into the read buffer.
type Connect struct {
	ProtocolName string // decode sets it; empty on append: the name that belongs to Version
	Version      Version
	CleanStart   bool   // Clean Session in 3.x
	KeepAlive    uint16 // seconds; 0 turns it off
	Properties   Properties
	ClientID     string
	Will         *Will // nil: none; after decode it points into the Connect's own storage
	HasUsername  bool
	Username     string
	HasPassword  bool
	Password     []byte

	will Will
}

// Will is the message that the server publishes when the connection ends
// without a DISCONNECT.
type Will struct {
	Topic      string
	Payload    []byte
	QoS        QoS
	Retain     bool
	Properties Properties
}

// Type is CONNECT.
func (*Connect) Type() PacketType { return CONNECT }

// The bits of the connect flags.
const (
	ConnectFlagReserved   = 1 << 0
	ConnectFlagCleanStart = 1 << 1
	ConnectFlagWill       = 1 << 2
	ConnectFlagWillQoS    = 3 << 3
	ConnectFlagWillRetain = 1 << 5
	ConnectFlagPassword   = 1 << 6
	ConnectFlagUsername   = 1 << 7
)

// protocolNames are the names that belong to the levels 3, 4 and 5.
var protocolNames = [...]string{V31: "MQIsdp", V311: "MQTT", V5: "MQTT"}

// Append writes the packet in the version that Version names, or in v if that
// is none of ours; a ProtocolName or a level that do not exist are written as
// they are, so that a server's answer to them can be seen.
func (p *Connect) Append(dst []byte, v Version) ([]byte, error) {
	level := p.Version
	if level.known() {
		v = level
	} else if level == 0 {
		level = v
	}
	a := begin(dst, CONNECT, v)
	if !v.known() {
		return a.finish()
	}
	name := p.ProtocolName
	if name == "" {
		name = protocolNames[v]
	}
	a.text("protocol name", name)
	a.byte(byte(level))
	a.byte(p.flags(&a))
	a.uint16(p.KeepAlive)
	a.properties(CONNECT, p.Properties)
	if v == V5 && dataWithoutMethod(p.Properties) {
		a.fail(ProtocolError, "3.1.2.11.10", "CONNECT with authentication data and no method")
	}
	a.text("client id", p.ClientID)
	if p.Will != nil {
		a.properties(WillProperties, p.Will.Properties)
		a.topic(p.Will.Topic)
		a.binary("will payload", p.Will.Payload)
	}
	if p.HasUsername {
		a.text("user name", p.Username)
	}
	if p.HasPassword {
		a.binary("password", p.Password)
	}
	return a.finish()
}

func (p *Connect) flags(a *appender) (flags byte) {
	if p.CleanStart {
		flags |= ConnectFlagCleanStart
	}
	if w := p.Will; w != nil {
		if w.QoS > 2 {
			a.fail(MalformedPacket, a.version.clause("MQTT-3.1.2-12", "MQTT-3.1.2-14"), "CONNECT with will QoS 3")
		}
		flags |= ConnectFlagWill | byte(w.QoS)<<3
		if w.Retain {
			flags |= ConnectFlagWillRetain
		}
	}
	if p.HasUsername {
		flags |= ConnectFlagUsername
	}
	if p.HasPassword {
		flags |= ConnectFlagPassword
		if a.version != V5 && !p.HasUsername {
			a.fail(MalformedPacket, "MQTT-3.1.2-22", "CONNECT with a password and no user name")
		}
	}
	return flags
}

func (p *Connect) decode(header byte, c *cursor, _ Version) error {
	if err := p.decodeVersion(c); err != nil {
		return err
	}
	v := p.Version
	if header != 0 && v != V31 {
		c.fail(MalformedPacket, v.clause("MQTT-2.1.3-1", "MQTT-2.2.2-2"), "CONNECT with reserved header flags")
	}
	if c.padded && v == V5 {
		c.fail(MalformedPacket, "MQTT-1.5.5-1", "CONNECT with a remaining length that is longer than needed")
	}
	flags := c.byte()
	p.CleanStart = flags&ConnectFlagCleanStart != 0
	p.KeepAlive = c.uint16()
	flags = p.checkFlags(flags, c)
	if v == V5 {
		p.Properties = c.properties(CONNECT)
		if dataWithoutMethod(p.Properties) {
			c.fail(ProtocolError, "3.1.2.11.10", "CONNECT with authentication data and no method")
		}
	}
	p.ClientID = c.text()
	if flags&ConnectFlagWill != 0 {
		p.decodeWill(flags, c)
	}
	p.decodeCredentials(flags, c)
	if v == V31 && c.err == nil {
		c.rest = nil // 3.1 does not forbid bytes behind the last field
	}
	return c.close()
}

// decodeVersion reads the protocol name and level, which say how all the rest
// is to be read. It leaves both as they are, so that an answer can be found.
func (p *Connect) decodeVersion(c *cursor) error {
	*p = Connect{}
	p.ProtocolName = c.text()
	p.Version = Version(c.byte())
	if c.err != nil {
		p.ProtocolName, p.Version = "", 0
		return c.err
	}
	if !p.Version.known() || protocolNames[p.Version] != p.ProtocolName {
		clause := "MQTT-3.1.2-2"
		if p.ProtocolName != protocolNames[V31] && p.ProtocolName != protocolNames[V5] {
			clause = "MQTT-3.1.2-1"
		}
		return &Error{UnsupportedProtocolVersion, clause, fmt.Sprintf("CONNECT with protocol %q level %d", p.ProtocolName, byte(p.Version))}
	}
	c.version = p.Version
	return nil
}

// checkFlags judges the connect flags and gives those that count.
func (p *Connect) checkFlags(flags byte, c *cursor) byte {
	v := p.Version
	if v == V31 && flags&ConnectFlagWill == 0 {
		flags &^= ConnectFlagWillQoS | ConnectFlagWillRetain
	}
	switch {
	case flags&ConnectFlagReserved != 0 && v != V31:
		c.fail(MalformedPacket, "MQTT-3.1.2-3", "CONNECT with the reserved connect flag")
	case flags&ConnectFlagWillQoS == ConnectFlagWillQoS:
		c.fail(MalformedPacket, v.clause("MQTT-3.1.2-12", "MQTT-3.1.2-14"), "CONNECT with will QoS 3")
	case flags&ConnectFlagWill == 0 && flags&ConnectFlagWillQoS != 0:
		c.fail(MalformedPacket, v.clause("MQTT-3.1.2-11", "MQTT-3.1.2-13"), "CONNECT with will QoS and no will")
	case flags&ConnectFlagWill == 0 && flags&ConnectFlagWillRetain != 0:
		c.fail(MalformedPacket, v.clause("MQTT-3.1.2-13", "MQTT-3.1.2-15"), "CONNECT with will retain and no will")
	case v != V5 && flags&ConnectFlagPassword != 0 && flags&ConnectFlagUsername == 0:
		c.fail(MalformedPacket, "MQTT-3.1.2-22", "CONNECT with a password and no user name")
	}
	return flags
}

func (p *Connect) decodeWill(flags byte, c *cursor) {
	w := &p.will
	w.QoS = QoS(flags >> 3 & 3)
	w.Retain = flags&ConnectFlagWillRetain != 0
	if p.Version == V5 {
		w.Properties = c.properties(WillProperties)
	}
	topic := view(c.binary())
	w.Payload = c.binary()
	if c.err != nil {
		return
	}
	if err := textError("will topic", topic, p.Version); err != nil {
		c.fail(err.Reason, err.Clause, "CONNECT with "+err.Detail)
	} else if len(topic) == 0 {
		c.fail(ProtocolError, "MQTT-4.7.3-1", "CONNECT with an empty will topic")
	} else if checkName(topic, p.Version) != nil {
		c.fail(TopicNameInvalid, p.Version.clause("MQTT-4.7.0-1", "MQTT-4.7.1-1"), "CONNECT with a wildcard in the will topic")
	}
	w.Topic = topic
	p.Will = w
}

// decodeCredentials reads user name and password. On 3.1 their flags may be
// set and the fields missing.
func (p *Connect) decodeCredentials(flags byte, c *cursor) {
	optional := p.Version == V31
	if flags&ConnectFlagUsername != 0 && !(optional && len(c.rest) == 0) {
		p.HasUsername = true
		p.Username = c.text()
	}
	if flags&ConnectFlagPassword != 0 && !(optional && len(c.rest) == 0) {
		p.HasPassword = true
		p.Password = c.binary()
	}
}

func dataWithoutMethod(p Properties) bool {
	_, data := p.Binary(AuthenticationData)
	_, method := p.Text(AuthenticationMethod)
	return data && !method
}
