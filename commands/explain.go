package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/sasl"
	"mqtk/mqttwire/transport"
)

// explain turns what ended a client into a sentence with an exit code, and
// hints on likely causes and the flag to change.
func (l *link) explain(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	f := l.explainCause(err)
	var gaveUp *client.GaveUpError
	if errors.As(err, &gaveUp) && l.greeted.Load() {
		f.Code = exitLost
	}
	if n := l.unsent(err); n > 0 && !l.counted {
		f.Hints = append(f.Hints, plural(n, "message", "messages")+" without an answer from the broker")
	}
	return f
}

// unsent counts the messages that did not reach their QoS promise.
func (l *link) unsent(err error) int {
	var gaveUp *client.GaveUpError
	if errors.As(err, &gaveUp) {
		return gaveUp.Unsent
	}
	if l.Client == nil {
		return 0
	}
	return l.Client.Unsent()
}

func (l *link) explainCause(err error) *failure {
	var (
		refused      *client.RefusedError
		disconnected *client.DisconnectedError
		violation    *client.ViolationError
		lost         *client.LostError
		dial         *client.DialError
		timeout      *client.TimeoutError
		limit        *client.LimitError
		auth         *client.AuthError
		wire         *mqttwire.Error
		tls          *transport.TLSError
	)
	switch {
	case errors.As(err, &tls) && !l.greeted.Load():
		return l.explainTLS(l.connecting(err), tls)
	case errors.As(err, &refused):
		return l.explainRefusal(err, refused)
	case errors.As(err, &disconnected):
		return l.explainDisconnect(err, disconnected)
	case errors.As(err, &violation):
		f := fail(exitProtocol, err, l.whoSpoke()...)
		return f.withReason(violation.Err.Reason, mqttwire.DISCONNECT)
	case errors.As(err, &limit):
		return fail(exitPartly, err).withReason(limit.Reason, mqttwire.PUBACK)
	case errors.As(err, &auth):
		return l.explainAuth(err)
	case errors.As(err, &timeout):
		return l.explainTimeout(err, timeout)
	case errors.As(err, &lost):
		return l.explainLoss(err, lost)
	case errors.As(err, &dial):
		return l.explainDial(err)
	case errors.As(err, &wire):
		return usagef("%w", err)
	}
	return fail(exitFailed, err)
}

// explainAuth is about an exchange of AUTH packets that this side has ended: by
// what the server said in it, unless nobody here was to take part in one.
func (l *link) explainAuth(err error) *failure {
	if l.plan.options.Authenticator == nil {
		return fail(exitDenied, err, "--auth-method takes part in such an exchange")
	}
	return fail(exitProtocol, err, "this is not a server that knows this user, or it does not keep to the method")
}

// connecting puts before an error what it was that failed, where it does not say so.
func (l *link) connecting(err error) error {
	if errors.As(err, new(*client.DialError)) {
		return err
	}
	return fmt.Errorf("connect to %s: %w", l.plan.options.URL, err)
}

// withReason notes the reason code for --json.
func (f *failure) withReason(r mqttwire.ReasonCode, t mqttwire.PacketType) *failure {
	f.Reason, f.Number = r.Name(t), int(r)
	return f
}

func (l *link) explainRefusal(err error, e *client.RefusedError) *failure {
	f := fail(exitRefused, err).withReason(e.Reason, mqttwire.CONNACK)
	connect := &l.plan.options.Connect
	switch e.Reason {
	case mqttwire.BadUserNameOrPassword, mqttwire.NotAuthorized, mqttwire.Banned, mqttwire.BadAuthenticationMethod:
		f.Code = exitDenied
		method := l.plan.options.Authenticator
		switch {
		case e.Reason == mqttwire.BadAuthenticationMethod && method != nil:
			f.Hints = []string{"the method was " + method.Method() + "; --auth-method names another"}
		case method != nil && method.Method() == sasl.External:
			f.Hints = []string{"EXTERNAL proves the name in the certificate of --cert; --username, where it is given, must be that name"}
		case method != nil && e.Reason != mqttwire.Banned:
			f.Hints = []string{"user name and password were proved by " + method.Method()}
		case e.Reason == mqttwire.Banned:
			f.Hints = []string{"the broker has locked out this user, client id or address; --username and --id give others"}
		case e.Reason == mqttwire.BadAuthenticationMethod:
			f.Hints = []string{"the broker wants a method of its own: --auth-method names one"}
		case !connect.HasUsername:
			f.Hints = []string{"no user name was sent: --username and --password-from give one"}
		case !connect.HasPassword:
			f.Hints = []string{fmt.Sprintf("user name %q was sent, and no password: --password-from gives one", connect.Username)}
		default:
			f.Hints = []string{fmt.Sprintf("user name %q and a password of %s were sent", connect.Username, plural(len(connect.Password), "byte", "bytes"))}
		}
	case mqttwire.UnsupportedProtocolVersion:
		f.Hints = []string{fmt.Sprintf("MQTT %s was asked for; --protocol-version asks for another, or auto", e.Version)}
	case mqttwire.ClientIdentifierNotValid:
		f.Hints = []string{fmt.Sprintf("the client id was %q; --id gives another", connect.ClientID)}
	case mqttwire.UseAnotherServer, mqttwire.ServerMoved:
		f.Hints = []string{"--url names another broker"}
	case mqttwire.ServerBusy, mqttwire.ServerUnavailable, mqttwire.ConnectionRateExceeded, mqttwire.QuotaExceeded:
		if !errors.As(err, new(*client.GaveUpError)) {
			f.Hints = []string{"--retry or --wait-broker tries again"}
		}
	default:
		if cause := likelyCause(e.Reason); cause != "" {
			f.Hints = []string{cause}
		}
	}
	return f
}

func (l *link) explainDisconnect(err error, e *client.DisconnectedError) *failure {
	f := fail(exitProtocol, err).withReason(e.Reason, mqttwire.DISCONNECT)
	switch {
	case e.Reason == mqttwire.NotAuthorized:
		f.Code = exitDenied
		f.Hints = l.causeOf(e.Reason)
	case e.Reason < mqttwire.UnspecifiedError:
		f.Code = exitLost
	case e.Reason == mqttwire.SessionTakenOver:
		id := l.plan.options.Connect.ClientID
		f.Hints = []string{fmt.Sprintf("another client has connected with the client id %q; give each its own with --id", id)}
	case e.Reason == mqttwire.UseAnotherServer, e.Reason == mqttwire.ServerMoved:
		f.Hints = []string{"--url names another broker"}
	default:
		f.Hints = l.causeOf(e.Reason)
	}
	return f
}

func (l *link) explainTimeout(err error, e *client.TimeoutError) *failure {
	switch {
	case e.Waiting == "CONNACK" || !l.greeted.Load():
		f := fail(exitUnreachable, fmt.Errorf("connect to %s: %w", l.plan.options.URL, err))
		if f.Hints = l.whoSpoke(); len(f.Hints) == 0 {
			f.Hints = []string{"the port accepts connections and says nothing: is it an MQTT port without TLS?"}
		}
		return f
	case e.Waiting == "PINGRESP", e.Waiting == client.WaitingForReader:
		return fail(exitLost, err)
	}
	return fail(exitProtocol, err)
}

func (l *link) explainLoss(err error, e *client.LostError) *failure {
	if door := new(transport.Error); errors.As(err, &door) && door.Kind == transport.Violation {
		return fail(exitProtocol, err)
	}
	if !e.Handshake {
		return fail(exitLost, err)
	}
	f := fail(exitUnreachable, fmt.Errorf("connect to %s: %w", l.plan.options.URL, err))
	if f.Hints = l.whoSpoke(); len(f.Hints) == 0 {
		f.Hints = []string{"likely causes: " + l.lossCause() + ", the broker is full, or it speaks an older MQTT (--protocol-version 311)"}
	}
	return f
}

// lossCause is the first of the likely causes why somebody hangs up on a CONNECT.
func (l *link) lossCause() string {
	switch {
	case l.isSecure():
		return l.certificateCause()
	case strings.HasPrefix(l.plan.options.URL, "ws://"):
		return "the port wants TLS (wss://)"
	}
	return "the port wants TLS (mqtts://) or WebSocket (ws://)"
}

func (l *link) explainDial(err error) *failure {
	f := fail(exitUnreachable, err)
	var (
		door *transport.Error
		dns  *net.DNSError
	)
	if errors.As(err, &door) && (door.Kind == transport.Usage || door.Kind == transport.Unsupported) {
		f.Code = exitUsage
		if errors.Is(err, transport.ErrKeyEncrypted) {
			f.Hints = []string{"--key-password-from gives the password"}
		}
		return f
	}
	var (
		web   *transport.WebSocketError
		proxy *transport.ProxyError
		srv   *transport.SRVError
	)
	switch {
	case errors.As(err, &web):
		return l.explainUpgrade(err, web)
	case errors.As(err, &proxy):
		return l.explainProxy(err, proxy)
	case errors.As(err, &srv):
		f.Hints = []string{"--srv asked DNS where the broker is; without it --host is the broker"}
	case errors.As(err, &dns):
		f.Hints = []string{"there is no such host name; --host or --url gives another"}
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Hints = []string{"nothing listens there: is the broker running (mqtk serve), and is --port right?"}
	case errors.Is(err, fs.ErrNotExist):
		f.Hints = []string{"there is no such socket: is the broker running?"}
	case errors.Is(err, fs.ErrPermission):
		f.Hints = []string{"the socket is there, and this user may not use it"}
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		f.Hints = []string{"no answer at all: a firewall, or a wrong --host"}
	}
	return f
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// whoSpoke guesses from the first bytes who answered in place of a broker.
func (l *link) whoSpoke() []string {
	if l.greeted.Load() {
		return nil
	}
	b := l.first.get()
	switch {
	case len(b) == 0:
		return nil
	case bytes.HasPrefix(b, []byte("HTTP/")):
		return []string{"the port speaks HTTP: " + l.webScheme() + " is MQTT over WebSocket, or --port is wrong"}
	case len(b) > 2 && (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3:
		return []string{"the port speaks TLS: mqtts:// in place of mqtt://, or --cafile; plain MQTT is usually on 1883"}
	case bytes.HasPrefix(b, []byte("SSH-")):
		return []string{"the port speaks SSH: is --port right?"}
	case bytes.HasPrefix(b, []byte("AMQP")):
		return []string{"the port speaks AMQP: is --port right?"}
	case b[0] == 0x20:
		return nil // a CONNACK, whatever is wrong with it
	}
	return []string{fmt.Sprintf("the first bytes that came were % x: is there an MQTT broker on this port?", b)}
}

// plural is a count with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// detailOf is what is wrong, without the reason code that a peer would get.
func detailOf(err error) string {
	var e *mqttwire.Error
	if errors.As(err, &e) {
		return strings.TrimPrefix(strings.TrimPrefix(e.Detail, "a "), "an ")
	}
	return err.Error()
}
