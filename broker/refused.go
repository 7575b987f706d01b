package broker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"mqtk/mqttwire"
)

// A refusal is why a connection is not let in: the kind it is counted as, what
// the client is told, and how the log says it. Its zero value is none.
type refusal struct {
	kind   refused
	reason mqttwire.ReasonCode
	detail string
}

// refused is what connections that were not let in are counted by.
type refused byte

const (
	notRefused         refused = iota
	refusedAddress             // its listener does not admit the address
	refusedBanned              // address, client id or user
	refusedConnections         // over max_connections
	refusedListener            // over the limit of its listener
	refusedPerAddress          // over max_connections_per_address
	refusedPerUser             // over max_connections_per_user
	refusedRate                // over max_connection_rate
	refusedMemory              // near the memory limit
	refusedDraining            // the server is shutting down
	refusedHandshake           // TLS, WebSocket or PROXY header went wrong, or took too long
	refusedTimeout             // no complete CONNECT in time
	refusedProtocol            // no CONNECT, or a malformed one
	refusedVersion             // not spoken here
	refusedClientID            // too long, empty, not the user's, another user's
	refusedWill                // may not be published
	refusedCredentials         // wrong
	refusedFailures            // over max_auth_failures
	refusedMethod              // of enhanced authentication, unknown
	refusedServer              // an authenticator or the store failed
	refusals
)

// RefusalTopics lists the $SYS topics that count connections which were not let
// in, in the order of their reasons.
func RefusalTopics() []SysTopic {
	return []SysTopic{
		{"clients/refused/address", "Connections closed at once, for the listener does not admit their address."},
		{"clients/refused/banned", "Connections refused for a ban of their address, client identifier or user."},
		{"clients/refused/connections", "Connections refused over max_connections."},
		{"clients/refused/listener", "Connections refused over the limit of their listener."},
		{"clients/refused/per-address", "Connections refused over max_connections_per_address."},
		{"clients/refused/per-user", "Connections refused over max_connections_per_user."},
		{"clients/refused/rate", "Connections refused over max_connection_rate."},
		{"clients/refused/memory", "Connections refused near the memory limit."},
		{"clients/refused/draining", "Connections refused while the server was shutting down."},
		{"clients/refused/handshake", "Connections whose TLS or WebSocket handshake or PROXY header went wrong, or was not complete in time."},
		{"clients/refused/timeout", "Connections that had no complete CONNECT in time."},
		{"clients/refused/protocol", "Connections that did not begin with a CONNECT, or with a malformed one."},
		{"clients/refused/version", "Connections refused for a version of MQTT that is not spoken, or not by their listener."},
		{"clients/refused/client-id", "Connections refused for a client identifier that is ill-formed, or another user's."},
		{"clients/refused/will", "Connections refused for a will that may not be published."},
		{"clients/refused/credentials", "Connections refused for wrong credentials."},
		{"clients/refused/failures", "Connections refused over max_auth_failures."},
		{"clients/refused/method", "Connections refused for an authentication method that is not spoken."},
		{"clients/refused/server", "Connections refused because an authenticator or the store failed."},
	}
}

// String is the reason as metrics name it.
func (r refused) String() string {
	return RefusalTopics()[r-1].Name[len("clients/refused/"):]
}

// sysRefusals tells how many connections were not let in, in the order of
// RefusalTopics.
func sysRefusals(s *sysState) []sysTopic {
	topics := make([]sysTopic, 0, refusals)
	for i, t := range RefusalTopics() {
		topics = append(topics, sysTopic{t.Name, s.counts.refused[i+1]})
	}
	return topics
}

// turnedAway counts a connection that was not let in.
func (m *metrics) turnedAway(r refused) { m.refused[r].Add(1) }

// elsewhere is the reason for turning a client away that another server may
// take, where there is one to name.
func (b *Broker) elsewhere(reason mqttwire.ReasonCode) mqttwire.ReasonCode {
	if b.limits().ServerReference != "" {
		return mqttwire.UseAnotherServer
	}
	return reason
}

// refuseConnectBytes answers a CONNECT that is malformed or of an unknown
// version, where there is an answer.
func (c *Conn) refuseConnectBytes(p *mqttwire.Connect, reason mqttwire.ReasonCode, detail string) {
	if reason == mqttwire.UnsupportedProtocolVersion {
		switch {
		case p.ProtocolName == "MQTT" && p.Version > mqttwire.V5:
			c.version = mqttwire.V5
		case p.ProtocolName == "MQTT" || p.ProtocolName == "MQIsdp":
			c.version = mqttwire.V311
		default:
			return // not MQTT at all: no word
		}
		c.send(&mqttwire.Connack{Reason: reason})
		c.turnOut(refusal{refusedVersion, reason, detail})
		return
	}
	if p.Version == mqttwire.V5 && p.ProtocolName == "MQTT" {
		c.version = mqttwire.V5
		c.refuse(refusal{refusedProtocol, reason, detail})
	}
}

// refuse answers a CONNECT with a reason, where the version has a word for it,
// and closes.
func (c *Conn) refuse(r refusal) {
	p := &mqttwire.Connack{Reason: r.reason}
	_, sayable := r.reason.ReturnCode()
	if c.version == mqttwire.V5 {
		sayable = true
		if !r.reason.AllowedIn(mqttwire.CONNACK, mqttwire.Server) {
			p.Reason = mqttwire.UnspecifiedError
		}
		if r.detail != "" {
			p.Properties = p.Properties.AddText(mqttwire.ReasonString, r.detail)
		}
		if there := c.b.limits().ServerReference; there != "" && (r.reason == mqttwire.UseAnotherServer || r.reason == mqttwire.ServerMoved) {
			p.Properties = p.Properties.AddText(mqttwire.ServerReference, there)
		}
	}
	if sayable {
		c.send(p)
	}
	c.turnOut(r)
}

// turnOut closes without an answer.
func (c *Conn) turnOut(r refusal) {
	if c.endFor(&endCause{r.reason, r.detail, r.kind}) {
		c.b.metrics.turnedAway(r.kind)
	}
}

// tooManyFailures is the answer to who goes on guessing.
func tooManyFailures() refusal {
	return refusal{refusedFailures, mqttwire.ConnectionRateExceeded, "too many failed authentications"}
}

// notConnect says what is wrong with bytes that cannot be the front of a CONNECT,
// nothing where they can.
func notConnect(in []byte) string {
	const other = "the first bytes are not MQTT but "
	begins := func(text string) bool { return len(in) >= len(text) && string(in[:len(text)]) == text }
	switch {
	case begins("\x16\x03"):
		return other + "TLS, which this listener does not speak"
	case begins("GET "), begins("POST"), begins("HEAD"), begins("PUT "), begins("OPTI"), begins("PRI "):
		return other + "HTTP, which this listener does not speak"
	case begins("PROX"), begins("\r\n\r\n\x00\r\nQUIT\n"):
		return other + "a PROXY header, which this listener does not take"
	case in[0]>>4 != byte(mqttwire.CONNECT):
		return "the first packet is not CONNECT"
	}
	return ""
}

// turnAway refuses over an Authenticator's error. The client is told its kind;
// what it says of the inside of the house goes to the log.
func (c *Conn) turnAway(err error) {
	r := refusal{refusedServer, reasonOf(err), "the authentication cannot be done now"}
	c.logAuthentication(r.reason, err)
	switch r.reason {
	case mqttwire.ServerUnavailable:
	case mqttwire.Banned:
		r.kind = refusedBanned
	case mqttwire.BadAuthenticationMethod:
		r.kind = refusedMethod
	default:
		r.kind = refusedCredentials
		c.blame(time.Now())
	}
	if r.reason != mqttwire.ServerUnavailable {
		r.detail = r.reason.Text(mqttwire.CONNACK)
	}
	c.refuse(r)
}

// logAuthentication writes what an Authenticator's error says beyond its kind. One
// that ran out of time may have had too many to look at.
func (c *Conn) logAuthentication(reason mqttwire.ReasonCode, err error) {
	level, what := slog.LevelInfo, "authentication failed"
	switch {
	case slices.ContainsFunc([]error{ErrBadCredentials, ErrUnknownUser, ErrNotAuthorized, ErrBanned, ErrUnknownMethod},
		func(kind error) bool { return err.Error() == kind.Error() }):
		return
	case reason != mqttwire.ServerUnavailable:
	case errors.Is(err, context.DeadlineExceeded):
		level, what = slog.LevelWarn, "the authenticator did not answer in time"
	default:
		level, what = slog.LevelError, "the authenticator failed"
	}
	given := &c.connect.credentials
	c.b.log.Log(c.b.context, level, what, "client", given.ClientID, "user", given.Username, "remote", remoteOf(c), "error", err)
}
