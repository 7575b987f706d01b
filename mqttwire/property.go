package mqttwire

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// A PropertyID names a property of 5.0.
type PropertyID byte

const (
	PayloadFormatIndicator           PropertyID = 0x01
	MessageExpiryInterval            PropertyID = 0x02
	ContentType                      PropertyID = 0x03
	ResponseTopic                    PropertyID = 0x08
	CorrelationData                  PropertyID = 0x09
	SubscriptionIdentifier           PropertyID = 0x0B
	SessionExpiryInterval            PropertyID = 0x11
	AssignedClientIdentifier         PropertyID = 0x12
	ServerKeepAlive                  PropertyID = 0x13
	AuthenticationMethod             PropertyID = 0x15
	AuthenticationData               PropertyID = 0x16
	RequestProblemInformation        PropertyID = 0x17
	WillDelayInterval                PropertyID = 0x18
	RequestResponseInformation       PropertyID = 0x19
	ResponseInformation              PropertyID = 0x1A
	ServerReference                  PropertyID = 0x1C
	ReasonString                     PropertyID = 0x1F
	ReceiveMaximum                   PropertyID = 0x21
	TopicAliasMaximum                PropertyID = 0x22
	TopicAlias                       PropertyID = 0x23
	MaximumQoS                       PropertyID = 0x24
	RetainAvailable                  PropertyID = 0x25
	UserProperty                     PropertyID = 0x26
	MaximumPacketSize                PropertyID = 0x27
	WildcardSubscriptionAvailable    PropertyID = 0x28
	SubscriptionIdentifiersAvailable PropertyID = 0x29
	SharedSubscriptionAvailable      PropertyID = 0x2A
)

// A PropertyKind is the data type of a property's value.
type PropertyKind byte

const (
	Byte         PropertyKind = 1 // 0 or 1 in every property there is
	TwoByte      PropertyKind = 2
	FourByte     PropertyKind = 3
	VariableByte PropertyKind = 4
	UTF8         PropertyKind = 5
	Binary       PropertyKind = 6
	StringPair   PropertyKind = 7
)

// A PropertyRule is a row of table 2-4 of the standard with the rules for the
// value that the sections on the packets add.
type PropertyRule struct {
	ID   PropertyID
	Name string // in kebab-case
	Kind PropertyKind

	in     uint16     // one bit for each PacketType, WillProperties among them
	repeat uint16     // the packets in which it may stand more than once
	client uint16     // the packets in which a client alone sends it
	server uint16     // the packets in which a server alone sends it
	zero   ReasonCode // what is answered to the value 0; Success: 0 is fine
}

const (
	inConnect     = 1 << CONNECT
	inPublish     = 1 << PUBLISH
	inWill        = 1 << WillProperties
	inMessage     = inPublish | inWill
	inSub         = 1 << SUBSCRIBE
	inUnsubscribe = 1 << UNSUBSCRIBE
	inReply       = inConnack | inRec | inRel | inSuback | inUnsub | inDisc | inAuth
	inAny         = inReply | inConnect | inMessage | inSub | inUnsubscribe
)

var propertyRules = [...]PropertyRule{
	PayloadFormatIndicator:           {Name: "payload-format-indicator", Kind: Byte, in: inMessage},
	MessageExpiryInterval:            {Name: "message-expiry-interval", Kind: FourByte, in: inMessage},
	ContentType:                      {Name: "content-type", Kind: UTF8, in: inMessage},
	ResponseTopic:                    {Name: "response-topic", Kind: UTF8, in: inMessage},
	CorrelationData:                  {Name: "correlation-data", Kind: Binary, in: inMessage},
	SubscriptionIdentifier:           {Name: "subscription-identifier", Kind: VariableByte, in: inPublish | inSub, repeat: inPublish, server: inPublish, zero: ProtocolError},
	SessionExpiryInterval:            {Name: "session-expiry-interval", Kind: FourByte, in: inConnect | inConnack | inDisc, client: inDisc},
	AssignedClientIdentifier:         {Name: "assigned-client-identifier", Kind: UTF8, in: inConnack},
	ServerKeepAlive:                  {Name: "server-keep-alive", Kind: TwoByte, in: inConnack},
	AuthenticationMethod:             {Name: "authentication-method", Kind: UTF8, in: inConnect | inConnack | inAuth},
	AuthenticationData:               {Name: "authentication-data", Kind: Binary, in: inConnect | inConnack | inAuth},
	RequestProblemInformation:        {Name: "request-problem-information", Kind: Byte, in: inConnect},
	WillDelayInterval:                {Name: "will-delay-interval", Kind: FourByte, in: inWill},
	RequestResponseInformation:       {Name: "request-response-information", Kind: Byte, in: inConnect},
	ResponseInformation:              {Name: "response-information", Kind: UTF8, in: inConnack},
	ServerReference:                  {Name: "server-reference", Kind: UTF8, in: inConnack | inDisc, server: inDisc},
	ReasonString:                     {Name: "reason-string", Kind: UTF8, in: inReply},
	ReceiveMaximum:                   {Name: "receive-maximum", Kind: TwoByte, in: inConnect | inConnack, zero: ProtocolError},
	TopicAliasMaximum:                {Name: "topic-alias-maximum", Kind: TwoByte, in: inConnect | inConnack},
	TopicAlias:                       {Name: "topic-alias", Kind: TwoByte, in: inPublish, zero: TopicAliasInvalid},
	MaximumQoS:                       {Name: "maximum-qos", Kind: Byte, in: inConnack},
	RetainAvailable:                  {Name: "retain-available", Kind: Byte, in: inConnack},
	UserProperty:                     {Name: "user-property", Kind: StringPair, in: inAny, repeat: inAny},
	MaximumPacketSize:                {Name: "maximum-packet-size", Kind: FourByte, in: inConnect | inConnack, zero: ProtocolError},
	WildcardSubscriptionAvailable:    {Name: "wildcard-subscription-available", Kind: Byte, in: inConnack},
	SubscriptionIdentifiersAvailable: {Name: "subscription-identifiers-available", Kind: Byte, in: inConnack},
	SharedSubscriptionAvailable:      {Name: "shared-subscription-available", Kind: Byte, in: inConnack},
}

// PropertyTable walks the properties of the standard in the order of their
// identifiers.
func PropertyTable() iter.Seq[PropertyRule] {
	return func(yield func(PropertyRule) bool) {
		for i, rule := range propertyRules {
			rule.ID = PropertyID(i)
			if rule.Kind != 0 && !yield(rule) {
				return
			}
		}
	}
}

// Rule gives id's row of the table; ok tells whether the standard has it.
func (id PropertyID) Rule() (rule PropertyRule, ok bool) {
	if int(id) < len(propertyRules) {
		rule = propertyRules[id]
	}
	rule.ID = id
	return rule, rule.Kind != 0
}

// String gives the name in kebab-case, "0x7F" for one that the standard does
// not have.
func (id PropertyID) String() string {
	if int(id) < len(propertyRules) && propertyRules[id].Name != "" {
		return propertyRules[id].Name
	}
	return fmt.Sprintf("0x%02X", byte(id))
}

// ParsePropertyID finds a property by its name in kebab-case.
func ParsePropertyID(name string) (PropertyID, bool) {
	for i := range propertyRules {
		if propertyRules[i].Name == name && name != "" {
			return PropertyID(i), true
		}
	}
	return 0, false
}

// AllowedIn tells whether from may put the property into a packet of type t,
// or, for WillProperties, into a Will; Either asks whether anyone may.
func (r PropertyRule) AllowedIn(t PacketType, from Side) bool {
	return t <= AUTH && r.in>>t&1 != 0 && r.sentBy(t, from)
}

// sentBy tells whether from is not the wrong side for the property in t.
func (r *PropertyRule) sentBy(t PacketType, from Side) bool {
	switch from {
	case Client:
		return r.server>>t&1 == 0
	case Server:
		return r.client>>t&1 == 0
	}
	return true
}

// Repeats tells whether the property may stand more than once in t.
func (r PropertyRule) Repeats(t PacketType) bool { return t <= AUTH && r.repeat>>t&1 != 0 }

// Properties are the encoded properties of a packet without their length; nil
// is none. Those of a decoded packet are checked, once, and are a view into
// the read buffer. They are read by a walk and forwarded by a copy, so their
// order is kept and none of them costs memory.
//
// The Add methods work like append. What cannot be written, such as a text of
// more than 65,535 bytes or a number for a property that is a text, leaves a
// mark that makes Append fail.
type Properties []byte

// A Property is one property. Number holds a number, Value a text or binary
// value or the value of a user property, Name the name of a user property.
type Property struct {
	ID     PropertyID
	Number uint32
	Name   []byte
	Value  []byte
}

// Number gives the first property id, if it is a number of any width.
func (p Properties) Number(id PropertyID) (uint32, bool) {
	value, kind := p.find(id)
	if kind == 0 || kind > VariableByte {
		return 0, false
	}
	return number(value, kind), true
}

// Text gives the first property id, if it is a string, as a view.
func (p Properties) Text(id PropertyID) (string, bool) {
	value, kind := p.find(id)
	if kind != UTF8 {
		return "", false
	}
	return view(value[2:]), true
}

// Binary gives the first property id, if it is binary data, as a view.
func (p Properties) Binary(id PropertyID) ([]byte, bool) {
	value, kind := p.find(id)
	if kind != Binary {
		return nil, false
	}
	return value[2:], true
}

// All walks the properties in wire order. The slices are views.
func (p Properties) All() iter.Seq[Property] {
	return func(yield func(Property) bool) {
		for rest := p; len(rest) > 0; {
			n := propertyLen(rest)
			if n == 0 || !yield(property(rest[:n:n])) {
				return
			}
			rest = rest[n:]
		}
	}
}

// User walks the user properties in wire order: name, value. Both are views.
func (p Properties) User() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for rest := p; len(rest) > 0; {
			n := propertyLen(rest)
			if n == 0 {
				return
			}
			if PropertyID(rest[0]) == UserProperty {
				name, value := pair(rest[1:n:n])
				if !yield(view(name), view(value)) {
					return
				}
			}
			rest = rest[n:]
		}
	}
}

// find gives the encoded value of the first property id; kind 0: none.
func (p Properties) find(id PropertyID) (value []byte, kind PropertyKind) {
	for len(p) > 0 {
		n := propertyLen(p)
		if n == 0 {
			break
		}
		if PropertyID(p[0]) == id {
			return p[1:n:n], propertyRules[id].Kind
		}
		p = p[n:]
	}
	return nil, 0
}

// AddNumber appends a property that is a number of any width.
func (p Properties) AddNumber(id PropertyID, n uint32) Properties {
	rule, _ := id.Rule()
	switch {
	case rule.Kind == Byte && n <= 0xFF:
		return append(p, byte(id), byte(n))
	case rule.Kind == TwoByte && n <= 0xFFFF:
		return append(p, byte(id), byte(n>>8), byte(n))
	case rule.Kind == FourByte:
		return binary.BigEndian.AppendUint32(append(p, byte(id)), n)
	case rule.Kind == VariableByte && n <= maxVariableByte:
		return appendVariableByte(append(p, byte(id)), n)
	}
	return append(p, unsayable)
}

// AddText appends a property that is a string.
func (p Properties) AddText(id PropertyID, s string) Properties {
	rule, _ := id.Rule()
	if rule.Kind != UTF8 || len(s) > maxString {
		return append(p, unsayable)
	}
	return appendString(append(p, byte(id)), s)
}

// AddBinary appends a property that is binary data.
func (p Properties) AddBinary(id PropertyID, b []byte) Properties {
	rule, _ := id.Rule()
	if rule.Kind != Binary || len(b) > maxString {
		return append(p, unsayable)
	}
	return appendString(append(p, byte(id)), b)
}

// AddUser appends a user property.
func (p Properties) AddUser(name, value string) Properties {
	if len(name) > maxString || len(value) > maxString {
		return append(p, unsayable)
	}
	return appendString(appendString(append(p, byte(UserProperty)), name), value)
}

// AppendWithout appends p to dst without the properties ids.
func (p Properties) AppendWithout(dst Properties, ids ...PropertyID) Properties {
	var without uint64
	for _, id := range ids {
		without |= 1 << id
	}
	for len(p) > 0 {
		n := propertyLen(p)
		if n == 0 {
			break
		}
		if without>>p[0]&1 == 0 {
			dst = append(dst, p[:n]...)
		}
		p = p[n:]
	}
	return dst
}

// unsayable stands where an Add method had something that has no encoding. No
// property has this identifier, so no packet with it is ever appended.
const unsayable = 0x00

// propertyLen gives the encoded length of the property that p begins with; 0
// if p ends before it does or the identifier or a length is none.
func propertyLen(p []byte) int {
	if int(p[0]) >= len(propertyRules) {
		return 0
	}
	n := 0
	switch propertyRules[p[0]].Kind {
	case Byte:
		n = 2
	case TwoByte:
		n = 3
	case FourByte:
		n = 5
	case VariableByte:
		_, size := variableByte(p[1:])
		if size <= 0 {
			return 0
		}
		n = 1 + size
	case UTF8, Binary:
		if len(p) < 3 {
			return 0
		}
		n = 3 + int(binary.BigEndian.Uint16(p[1:]))
	case StringPair:
		if len(p) < 3 {
			return 0
		}
		n = 3 + int(binary.BigEndian.Uint16(p[1:]))
		if len(p) < n+2 {
			return 0
		}
		n += 2 + int(binary.BigEndian.Uint16(p[n:]))
	}
	if len(p) < n {
		return 0
	}
	return n
}

// property reads one property that propertyLen has measured.
func property(p []byte) Property {
	x := Property{ID: PropertyID(p[0])}
	value := p[1:]
	switch kind := propertyRules[x.ID].Kind; kind {
	case UTF8, Binary:
		x.Value = value[2:]
	case StringPair:
		x.Name, x.Value = pair(value)
	default:
		x.Number = number(value, kind)
	}
	return x
}

func number(value []byte, kind PropertyKind) uint32 {
	switch kind {
	case Byte:
		return uint32(value[0])
	case TwoByte:
		return uint32(binary.BigEndian.Uint16(value))
	case FourByte:
		return binary.BigEndian.Uint32(value)
	}
	n, _ := variableByte(value)
	return n
}

func pair(value []byte) (name, val []byte) {
	n := 2 + int(binary.BigEndian.Uint16(value))
	return value[2:n:n], value[n+2:]
}
