package client

import (
	"context"
	"net"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// Options say where a Client connects, as whom, and what it does when things
// happen. The zero value of every field but URL (or Dial) and Connect.ClientID
// is what most programs want.
type Options struct {
	// URL of the server, as transport.Dial takes it. A user name and password
	// in it are used when Connect has none.
	URL         string
	DialOptions transport.DialOptions
	// Dial replaces the dialling of URL, for in-memory and wrapped connections.
	Dial func(ctx context.Context) (net.Conn, error)

	// Connect is the CONNECT packet to send. Version 0 means 5.0 with a step
	// down to 3.1.1 when the server refuses the version; Properties are left
	// out on 3.x. Receive Maximum, Maximum Packet Size and Topic Alias Maximum
	// in it are promises that the server is held to. On a reconnect Clean
	// Start is 0 if the session outlives the connection.
	Connect mqttwire.Connect

	// Authenticator, if not nil, runs enhanced authentication; its method and
	// first data are added to the CONNECT.
	Authenticator Authenticator

	// MaxInflight bounds the QoS 1 and 2 messages sent and not yet
	// acknowledged, beside the server's Receive Maximum; 0 means 256, and 20 on
	// 3.x, where a server cannot say what it bears.
	MaxInflight int
	// TopicAliases is how many topic aliases to assign to outgoing topics, at
	// most as many as the server allows; 0 assigns none.
	TopicAliases int

	ConnectTimeout time.Duration // to the CONNACK, dialling included; 0 means 30 s
	ReplyTimeout   time.Duration // SUBACK, UNSUBACK, AUTH, the end of a half-sent packet; 0 means 30 s
	WriteTimeout   time.Duration // one write to a peer that does not read; 0 means 30 s

	// Gather lets messages that come in quick succession wait for each other,
	// for up to 0.4 ms, to take less CPU time for each. Linux.
	Gather bool

	// Corked has Publish wake nobody: what it accepted is sent by the first call
	// that has to wait, such as Flush, Wait, or a Publish without room. For few
	// messages that is less work.
	Corked bool

	Retry Retry
	Hooks Hooks
}

// Retry is the reconnect policy. The zero value never retries.
type Retry struct {
	// First is how many more attempts may follow a failed first one; Unlimited
	// for no bound. FirstFor bounds the same by time since the first attempt.
	// With either set, whatever comes first ends the attempts.
	First    int
	FirstFor time.Duration
	// Again is how many attempts in a row may follow the loss of a connection
	// that had its CONNACK; Unlimited for no bound. A connection that stood for
	// 10 s, or on which a message of QoS 1 or 2 got its answer, ends the row.
	Again int
	// Wait comes before the first retry and doubles up to MaxWait, each with a
	// quarter of jitter; 0 means 1 s and 30 s.
	Wait, MaxWait time.Duration
	// MaxFirstWait is MaxWait before the first CONNACK; 0 means the same.
	MaxFirstWait time.Duration
}

// Unlimited as a count in Retry: try until it works or the refusal is final.
const Unlimited = -1

// Hooks are called by the client, one at a time, on its reading goroutine
// (OnConnect of the first connection, OnFallback and OnRetry before it, on the
// caller of Connect). A hook may call Publish with care: while it runs nothing
// is read, so a Publish that waits for room in the window waits for ever. It must
// not call Close, Disconnect, Wait or Subscribe. Nil hooks are skipped.
type Hooks struct {
	// OnMessage takes a PUBLISH; topic aliases are resolved, a QoS 2 message
	// comes once. The packet is a view, good until OnMessage returns. The
	// acknowledgement follows a nil return, behind the next OnDrained. ErrStop
	// acknowledges this message and takes no more, ErrLeave not even this one:
	// later QoS 1 and 2 messages stay with the server. Any other error leaves the
	// message unacknowledged, but not those before it, and ends the client with
	// that error. It is never called after Close or Disconnect has returned.
	OnMessage func(p *mqttwire.Publish) error
	// OnDrained is called when all that was read has been handed to OnMessage
	// and the client is about to wait for the network, and when that takes long:
	// the time to flush. An error leaves the messages since the last call
	// unacknowledged and ends the client with it.
	OnDrained func() error
	// OnConnect is called after each successful CONNACK.
	OnConnect func(g *Grants)
	// OnRetry is called when an attempt failed or a connection was lost and
	// another attempt follows in wait; an error ends the client in its place.
	OnRetry func(cause error, wait time.Duration) error
	// OnSessionLost is called when a reconnect found that the server no longer
	// holds the session, before messages and subscriptions are sent anew.
	OnSessionLost func(l SessionLost)
	// OnFallback is called when the server refused the version and the client
	// is about to try again in version to; an error ends the attempt.
	OnFallback func(to mqttwire.Version) error
	// Trace sees every packet sent and received. It must not keep p and must
	// not call the client.
	Trace func(sent bool, p mqttwire.Packet)
}

// SessionLost says what was open when the server's session had gone.
type SessionLost struct {
	Republished   int  // messages without an answer: they are published anew, as new messages
	QoS2          int  // those among them at QoS 2: may arrive twice
	InDoubt       int  // QoS 2 messages the server had received but not completed: counted as done
	Subscriptions int  // filters that are subscribed anew
	Expected      bool // the session was to end with its connection anyway
}

// Grants are what the server's CONNACK granted, defaults filled in.
type Grants struct {
	Version              mqttwire.Version
	SessionPresent       bool
	Reconnected          bool          // false for the first connection
	ClientID             string        // the assigned one, where the server assigned it
	SessionExpiry        uint32        // seconds, in force
	KeepAlive            time.Duration // in force; 0 is off
	ReceiveMaximum       uint16
	MaximumQoS           mqttwire.QoS
	RetainAvailable      bool
	MaximumPacketSize    uint32 // 0: no limit
	TopicAliasMaximum    uint16
	WildcardAvailable    bool
	IdentifiersAvailable bool
	SharedAvailable      bool
	ResponseInformation  string
	ServerReference      string
	ReasonString         string
	Properties           mqttwire.Properties // of the CONNACK, a copy
}
