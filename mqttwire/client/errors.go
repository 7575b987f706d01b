package client

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// ErrClosed is returned by calls on a Client that was closed by its own side.
var ErrClosed = errors.New("the client is closed")

// ErrStop, returned by OnMessage, acknowledges that message and takes no more.
var ErrStop = errors.New("no more messages wanted")

// ErrLeave, returned by OnMessage, takes neither that message nor any more: at QoS
// 1 and 2 they stay with the server.
var ErrLeave = errors.New("the message is not wanted, nor are more")

// DialError: no connection came about.
type DialError struct {
	Target string // the URL without user name and password
	Err    error
}

func (e *DialError) Error() string {
	if t := new(transport.Error); errors.As(e.Err, &t) && (t.Kind == transport.Usage || t.Kind == transport.Unsupported) {
		return t.Error()
	}
	return fmt.Sprintf("connect to %s: %v", e.Target, bare(e.Err))
}
func (e *DialError) Unwrap() error { return e.Err }

// bare leaves out what an error of package transport repeats of the target.
func bare(err error) error {
	if t := new(transport.Error); errors.As(err, &t) && t.Err != nil {
		return t.Err
	}
	return err
}

// RefusedError: the server answered CONNECT with a refusal.
type RefusedError struct {
	Version         mqttwire.Version    // that was asked for
	Reason          mqttwire.ReasonCode // a 5.0 code on 3.x too
	ReasonString    string
	ServerReference string
}

func (e *RefusedError) Error() string {
	return reasonSentence("the server refused the connection", e.Reason, mqttwire.CONNACK, e.ReasonString, e.ServerReference)
}

// Retryable reports whether the same CONNECT may succeed later.
func (e *RefusedError) Retryable() bool {
	switch e.Reason {
	case mqttwire.UnspecifiedError, mqttwire.ServerUnavailable, mqttwire.ServerBusy,
		mqttwire.QuotaExceeded, mqttwire.ConnectionRateExceeded:
		return true
	}
	return false
}

// DisconnectedError: the server sent DISCONNECT.
type DisconnectedError struct {
	Reason          mqttwire.ReasonCode
	ReasonString    string
	ServerReference string
}

func (e *DisconnectedError) Error() string {
	return reasonSentence("the server ended the connection", e.Reason, mqttwire.DISCONNECT, e.ReasonString, e.ServerReference)
}

// Retryable reports whether connecting again is right: not after a take-over,
// which would be a fight for the client id, nor where the server would only
// say the same again.
func (e *DisconnectedError) Retryable() bool {
	switch e.Reason {
	case mqttwire.NormalDisconnection, mqttwire.UnspecifiedError, mqttwire.ImplementationSpecificError,
		mqttwire.ServerBusy, mqttwire.ServerShuttingDown, mqttwire.KeepAliveTimeout, mqttwire.MessageRateTooHigh,
		mqttwire.QuotaExceeded, mqttwire.ConnectionRateExceeded, mqttwire.MaximumConnectTime:
		return true
	}
	return false
}

// ViolationError: the server broke the protocol.
type ViolationError struct {
	Err *mqttwire.Error
}

func (e *ViolationError) Error() string {
	return fmt.Sprintf("the server broke the protocol: %v", e.Err)
}
func (e *ViolationError) Unwrap() error { return e.Err }

// LostError: the connection ended without a word.
type LostError struct {
	Handshake bool // before any CONNACK
	Longest   int  // bytes of the longest payload on its way without an answer (on 5.0 its properties, too)
	Err       error
}

func (e *LostError) Error() string {
	if e.Handshake {
		return fmt.Sprintf("the connection ended before CONNACK: %v", bare(e.Err))
	}
	return fmt.Sprintf("the connection was lost: %v", bare(e.Err))
}
func (e *LostError) Unwrap() error { return e.Err }

func lost(err error, handshake bool) error {
	if errors.As(err, new(*TimeoutError)) {
		return err
	}
	switch {
	case errors.Is(err, io.EOF):
		err = errors.New("the server closed it")
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the server closed it in the middle of a packet")
	case unread(err):
		err = errUnread
	}
	return &LostError{Handshake: handshake, Err: err}
}

// errUnread: the server's side is closed for what we send, a reset or a broken
// pipe.
var errUnread = errors.New("the server closed it and did not read all that was sent")

// unread tells a reset and a broken pipe, on Windows by their numbers there.
func unread(err error) bool {
	var code syscall.Errno
	if errors.As(err, &code) {
		return code == syscall.ECONNRESET || code == syscall.EPIPE || code == 10053 || code == 10054
	}
	return errors.Is(err, io.ErrClosedPipe)
}

// TimeoutError: the server did not answer in time.
type TimeoutError struct {
	Waiting string // "CONNACK", "SUBACK", "PINGRESP", ...
	After   time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("no %s within %v", e.Waiting, e.After)
}

// WaitingForReader is what a TimeoutError waited for when the server did not
// read.
const WaitingForReader = "reading by the server of what was sent"

// Timeout makes it a net.Error's kind of time-out.
func (e *TimeoutError) Timeout() bool { return true }

// LimitError: what was asked for is beyond what the server's CONNACK grants,
// so it was not sent.
type LimitError struct {
	Subject string              // "publish a/b", "subscribe a/#"
	Reason  mqttwire.ReasonCode // the code a server would answer with
	Detail  string              // "the server grants Maximum QoS 0"
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %s (0x%02X)", e.Subject, e.Detail, byte(e.Reason))
}

// AuthError: the enhanced authentication failed on this side.
type AuthError struct {
	Method string
	Err    error
}

func (e *AuthError) Error() string { return fmt.Sprintf("authentication with %s: %v", e.Method, e.Err) }
func (e *AuthError) Unwrap() error { return e.Err }

// GaveUpError: the retries that Retry allows are used up. Err is the last
// failure; Unsent counts the messages that never reached their QoS promise.
type GaveUpError struct {
	Attempts int
	Unsent   int
	Err      error
}

func (e *GaveUpError) Error() string {
	attempts := "attempts"
	if e.Attempts == 1 {
		attempts = "attempt"
	}
	return fmt.Sprintf("gave up after %d %s: %v", e.Attempts, attempts, e.Err)
}
func (e *GaveUpError) Unwrap() error { return e.Err }

// SubscribeError: a filter was refused; Again: it had been granted, and was
// subscribed anew after the server had lost the session.
type SubscribeError struct {
	Filter string
	Reason mqttwire.ReasonCode
	Again  bool
}

func (e *SubscribeError) Error() string {
	again := ""
	if e.Again {
		again = " again"
	}
	return fmt.Sprintf("subscribe %s%s: %s (0x%02X)", e.Filter, again, e.Reason.Text(mqttwire.SUBACK), byte(e.Reason))
}

func reasonSentence(what string, r mqttwire.ReasonCode, t mqttwire.PacketType, reason, reference string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (0x%02X)", what, r.Text(t), byte(r))
	if reason != "" {
		fmt.Fprintf(&b, ", it says %q", reason)
	}
	if reference != "" {
		fmt.Fprintf(&b, ", it names the server %q", reference)
	}
	return b.String()
}
