package mqttwire

import "fmt"

// A ReasonCode tells how an operation went; from 0x80 on it failed. Inside
// this package 3.x has reason codes too, translated where bytes are read.
type ReasonCode byte

const (
	Success                             ReasonCode = 0x00
	NormalDisconnection                 ReasonCode = 0x00 // Success in a DISCONNECT
	GrantedQoS0                         ReasonCode = 0x00 // Success in a SUBACK
	GrantedQoS1                         ReasonCode = 0x01
	GrantedQoS2                         ReasonCode = 0x02
	DisconnectWithWill                  ReasonCode = 0x04
	NoMatchingSubscribers               ReasonCode = 0x10
	NoSubscriptionExisted               ReasonCode = 0x11
	ContinueAuthentication              ReasonCode = 0x18
	ReAuthenticate                      ReasonCode = 0x19
	UnspecifiedError                    ReasonCode = 0x80
	MalformedPacket                     ReasonCode = 0x81
	ProtocolError                       ReasonCode = 0x82
	ImplementationSpecificError         ReasonCode = 0x83
	UnsupportedProtocolVersion          ReasonCode = 0x84
	ClientIdentifierNotValid            ReasonCode = 0x85
	BadUserNameOrPassword               ReasonCode = 0x86
	NotAuthorized                       ReasonCode = 0x87
	ServerUnavailable                   ReasonCode = 0x88
	ServerBusy                          ReasonCode = 0x89
	Banned                              ReasonCode = 0x8A
	ServerShuttingDown                  ReasonCode = 0x8B
	BadAuthenticationMethod             ReasonCode = 0x8C
	KeepAliveTimeout                    ReasonCode = 0x8D
	SessionTakenOver                    ReasonCode = 0x8E
	TopicFilterInvalid                  ReasonCode = 0x8F
	TopicNameInvalid                    ReasonCode = 0x90
	PacketIdentifierInUse               ReasonCode = 0x91
	PacketIdentifierNotFound            ReasonCode = 0x92
	ReceiveMaximumExceeded              ReasonCode = 0x93
	TopicAliasInvalid                   ReasonCode = 0x94
	PacketTooLarge                      ReasonCode = 0x95
	MessageRateTooHigh                  ReasonCode = 0x96
	QuotaExceeded                       ReasonCode = 0x97
	AdministrativeAction                ReasonCode = 0x98
	PayloadFormatInvalid                ReasonCode = 0x99
	RetainNotSupported                  ReasonCode = 0x9A
	QoSNotSupported                     ReasonCode = 0x9B
	UseAnotherServer                    ReasonCode = 0x9C
	ServerMoved                         ReasonCode = 0x9D
	SharedSubscriptionsNotSupported     ReasonCode = 0x9E
	ConnectionRateExceeded              ReasonCode = 0x9F
	MaximumConnectTime                  ReasonCode = 0xA0
	SubscriptionIdentifiersNotSupported ReasonCode = 0xA1
	WildcardSubscriptionsNotSupported   ReasonCode = 0xA2
)

// The packets a reason may stand in, one bit for each PacketType; the upper
// half of a rule's mask is for the reasons that only one side may give.
const (
	inConnack = 1 << CONNACK
	inRec     = 1<<PUBACK | 1<<PUBREC
	inRel     = 1<<PUBREL | 1<<PUBCOMP
	inSuback  = 1 << SUBACK
	inUnsub   = 1 << UNSUBACK
	inDisc    = 1 << DISCONNECT
	inAuth    = 1 << AUTH
)

type reasonRule struct {
	name, text string
	both       uint16 // packets in which both sides give it
	client     uint16 // in which a client alone gives it
	server     uint16 // in which a server alone gives it; CONNACK, SUBACK and UNSUBACK need no direction
}

// reasonRules are the tables 3-1 and 3-4 to 3-11 of the standard in one.
// BadAuthenticationMethod is missing in table 3-10 but stands under
// DISCONNECT in table 2-6: it is accepted from a server.
var reasonRules = [...]reasonRule{
	Success:                             {"Success", "success", inConnack | inRec | inRel | inSuback | inUnsub | inDisc, 0, inAuth},
	GrantedQoS1:                         {"GrantedQoS1", "granted QoS 1", inSuback, 0, 0},
	GrantedQoS2:                         {"GrantedQoS2", "granted QoS 2", inSuback, 0, 0},
	DisconnectWithWill:                  {"DisconnectWithWill", "disconnect with will message", 0, inDisc, 0},
	NoMatchingSubscribers:               {"NoMatchingSubscribers", "no matching subscribers", 0, 0, inRec},
	NoSubscriptionExisted:               {"NoSubscriptionExisted", "no subscription existed", inUnsub, 0, 0},
	ContinueAuthentication:              {"ContinueAuthentication", "continue authentication", inAuth, 0, 0},
	ReAuthenticate:                      {"ReAuthenticate", "re-authenticate", 0, inAuth, 0},
	UnspecifiedError:                    {"UnspecifiedError", "unspecified error", inConnack | inRec | inSuback | inUnsub | inDisc, 0, 0},
	MalformedPacket:                     {"MalformedPacket", "malformed packet", inConnack | inDisc, 0, 0},
	ProtocolError:                       {"ProtocolError", "protocol error", inConnack | inDisc, 0, 0},
	ImplementationSpecificError:         {"ImplementationSpecificError", "implementation specific error", inConnack | inRec | inSuback | inUnsub | inDisc, 0, 0},
	UnsupportedProtocolVersion:          {"UnsupportedProtocolVersion", "unsupported protocol version", inConnack, 0, 0},
	ClientIdentifierNotValid:            {"ClientIdentifierNotValid", "client identifier not valid", inConnack, 0, 0},
	BadUserNameOrPassword:               {"BadUserNameOrPassword", "bad user name or password", inConnack, 0, 0},
	NotAuthorized:                       {"NotAuthorized", "not authorized", inConnack | inRec | inSuback | inUnsub, 0, inDisc},
	ServerUnavailable:                   {"ServerUnavailable", "server unavailable", inConnack, 0, 0},
	ServerBusy:                          {"ServerBusy", "server busy", inConnack, 0, inDisc},
	Banned:                              {"Banned", "banned", inConnack, 0, 0},
	ServerShuttingDown:                  {"ServerShuttingDown", "server shutting down", 0, 0, inDisc},
	BadAuthenticationMethod:             {"BadAuthenticationMethod", "bad authentication method", inConnack, 0, inDisc},
	KeepAliveTimeout:                    {"KeepAliveTimeout", "keep alive timeout", 0, 0, inDisc},
	SessionTakenOver:                    {"SessionTakenOver", "session taken over", 0, 0, inDisc},
	TopicFilterInvalid:                  {"TopicFilterInvalid", "topic filter invalid", inSuback | inUnsub, 0, inDisc},
	TopicNameInvalid:                    {"TopicNameInvalid", "topic name invalid", inConnack | inRec | inDisc, 0, 0},
	PacketIdentifierInUse:               {"PacketIdentifierInUse", "packet identifier in use", inRec | inSuback | inUnsub, 0, 0},
	PacketIdentifierNotFound:            {"PacketIdentifierNotFound", "packet identifier not found", inRel, 0, 0},
	ReceiveMaximumExceeded:              {"ReceiveMaximumExceeded", "receive maximum exceeded", inDisc, 0, 0},
	TopicAliasInvalid:                   {"TopicAliasInvalid", "topic alias invalid", inDisc, 0, 0},
	PacketTooLarge:                      {"PacketTooLarge", "packet too large", inConnack | inDisc, 0, 0},
	MessageRateTooHigh:                  {"MessageRateTooHigh", "message rate too high", inDisc, 0, 0},
	QuotaExceeded:                       {"QuotaExceeded", "quota exceeded", inConnack | inRec | inSuback | inDisc, 0, 0},
	AdministrativeAction:                {"AdministrativeAction", "administrative action", inDisc, 0, 0},
	PayloadFormatInvalid:                {"PayloadFormatInvalid", "payload format invalid", inConnack | inRec | inDisc, 0, 0},
	RetainNotSupported:                  {"RetainNotSupported", "retain not supported", inConnack, 0, inDisc},
	QoSNotSupported:                     {"QoSNotSupported", "QoS not supported", inConnack, 0, inDisc},
	UseAnotherServer:                    {"UseAnotherServer", "use another server", inConnack, 0, inDisc},
	ServerMoved:                         {"ServerMoved", "server moved", inConnack, 0, inDisc},
	SharedSubscriptionsNotSupported:     {"SharedSubscriptionsNotSupported", "shared subscriptions not supported", inSuback, 0, inDisc},
	ConnectionRateExceeded:              {"ConnectionRateExceeded", "connection rate exceeded", inConnack, 0, inDisc},
	MaximumConnectTime:                  {"MaximumConnectTime", "maximum connect time", 0, 0, inDisc},
	SubscriptionIdentifiersNotSupported: {"SubscriptionIdentifiersNotSupported", "subscription identifiers not supported", inSuback, 0, inDisc},
	WildcardSubscriptionsNotSupported:   {"WildcardSubscriptionsNotSupported", "wildcard subscriptions not supported", inSuback, 0, inDisc},
}

// known tells whether the standard names r.
func (r ReasonCode) known() bool {
	return int(r) < len(reasonRules) && reasonRules[r].name != ""
}

// String gives the code's name, "KeepAliveTimeout", or "0x7F" for one that
// the standard does not have. Name knows the packet too.
func (r ReasonCode) String() string { return r.Name(CONNACK) }

// Name gives the code's name in packets of type t: 0x00 is NormalDisconnection
// in a DISCONNECT, GrantedQoS0 in a SUBACK and Success elsewhere.
func (r ReasonCode) Name(t PacketType) string {
	switch {
	case !r.known():
		return fmt.Sprintf("0x%02X", byte(r))
	case r == Success && t == DISCONNECT:
		return "NormalDisconnection"
	case r == Success && t == SUBACK:
		return "GrantedQoS0"
	}
	return reasonRules[r].name
}

// Text gives the code's name in packets of type t as words: "keep alive timeout".
func (r ReasonCode) Text(t PacketType) string {
	switch {
	case !r.known():
		return fmt.Sprintf("unknown reason 0x%02X", byte(r))
	case r == Success && t == DISCONNECT:
		return "normal disconnection"
	case r == Success && t == SUBACK:
		return "granted QoS 0"
	}
	return reasonRules[r].text
}

// AllowedIn tells whether from may give the code in a packet of type t on
// 5.0; Either asks whether anyone may.
func (r ReasonCode) AllowedIn(t PacketType, from Side) bool {
	if !r.known() || t > AUTH {
		return false
	}
	rule := &reasonRules[r]
	in := rule.both
	if from != Client {
		in |= rule.server
	}
	if from != Server {
		in |= rule.client
	}
	return in>>t&1 != 0
}

// ReturnCode gives the CONNACK return code that says the same on 3.x. Where
// there is none the connection is closed without a CONNACK.
func (r ReasonCode) ReturnCode() (code byte, ok bool) {
	switch r {
	case Success:
		return 0, true
	case UnsupportedProtocolVersion:
		return 1, true
	case ClientIdentifierNotValid:
		return 2, true
	case ServerUnavailable, ServerBusy, QuotaExceeded, UseAnotherServer, ServerMoved, ConnectionRateExceeded:
		return 3, true
	case BadUserNameOrPassword:
		return 4, true
	case NotAuthorized, Banned:
		return 5, true
	}
	return 0, false
}

// returnCodes are the reasons behind the return codes 0 to 5 of 3.x.
var returnCodes = [...]ReasonCode{
	Success, UnsupportedProtocolVersion, ClientIdentifierNotValid,
	ServerUnavailable, BadUserNameOrPassword, NotAuthorized,
}

// ParseReasonCode finds a code of packets of type t by its name.
func ParseReasonCode(name string, t PacketType) (ReasonCode, bool) {
	for i := range reasonRules {
		r := ReasonCode(i)
		if r.known() && r.AllowedIn(t, Either) && (r.Name(t) == name || reasonRules[i].name == name) {
			return r, true
		}
	}
	return 0, false
}
