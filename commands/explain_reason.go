package commands

import (
	"fmt"

	"mqtk/mqttwire"
)

// likelyCause is what may lie behind a reason code, and the flag to change.
// Codes of which only the broker knows more have none.
func likelyCause(reason mqttwire.ReasonCode) string {
	switch reason {
	case mqttwire.MalformedPacket, mqttwire.ProtocolError:
		return "-d/--debug prints what was sent; some brokers refuse topics with control characters"
	case mqttwire.TopicNameInvalid, mqttwire.TopicFilterInvalid:
		return "it is well formed: the broker has limits of its own on levels, length, characters or names that begin with $"
	case mqttwire.PacketTooLarge:
		return "a payload, a will or properties are larger than the broker takes"
	case mqttwire.MessageRateTooHigh:
		return "--rate publishes more slowly"
	case mqttwire.QuotaExceeded:
		return "a limit that the broker has for this client, or a full disk"
	case mqttwire.PayloadFormatInvalid:
		return "--payload-format 1 says that the payload is UTF-8"
	case mqttwire.RetainNotSupported:
		return "it keeps no messages: leave out --retain or --will-retain"
	case mqttwire.QoSNotSupported:
		return "--qos, or --will-qos for the will, asks for a lower one"
	case mqttwire.SharedSubscriptionsNotSupported:
		return "$share/GROUP/FILTER shares a subscription; the filter alone does not"
	case mqttwire.SubscriptionIdentifiersNotSupported:
		return "--sub-id asked for one"
	case mqttwire.WildcardSubscriptionsNotSupported:
		return "without + and # a filter is one topic; several may be given"
	case mqttwire.KeepAliveTimeout:
		return "a shorter --keep-alive sends PINGREQ more often"
	}
	return ""
}

// causeOf is the likely cause of a refusal, once connected, as hints. On 3.1.1
// a refused filter has no reason, and rights are the likely one.
func (l *link) causeOf(reason mqttwire.ReasonCode) []string {
	old := l.spoken() != mqttwire.V5 && reason == mqttwire.UnspecifiedError
	cause := likelyCause(reason)
	if reason == mqttwire.NotAuthorized || old {
		cause = l.whoAsked()
	}
	switch {
	case old:
		cause = fmt.Sprintf("MQTT %s knows no reasons; rights are the likely one: %s", l.spoken(), cause)
	case cause == "":
		return nil
	}
	return []string{cause}
}

// whoAsked says to whom the broker did not give a right.
func (l *link) whoAsked() string {
	connect := &l.plan.options.Connect
	if !connect.HasUsername {
		return "no user name was sent: --username and --password-from give one"
	}
	return fmt.Sprintf("user name %q was sent: does the broker give it this right?", connect.Username)
}
