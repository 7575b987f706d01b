package client

import (
	"context"

	"mqtk/mqttwire"
)

// Client is a session with a server that outlives its connections: it keeps
// the outgoing window, the incoming QoS 2 ids and the subscriptions, connects
// again as Retry says, and resends what the standard asks to resend.
//
// All methods may be called from several goroutines. A Client has two
// goroutines while it lives; both are gone when Close or Disconnect returns.
type Client struct{}

// Connect dials, greets and returns a Client once the server has accepted. It
// tries as often as o.Retry allows. ctx bounds only this call. The errors are
// *DialError, *RefusedError, *LostError, *TimeoutError, *ViolationError,
// *AuthError, or *GaveUpError around one of them.
func Connect(ctx context.Context, o Options) (*Client, error) { panic("client: declaration only") }

// Grants are those of the last CONNACK.
func (c *Client) Grants() Grants { panic("client: declaration only") }

// Publish sends a message; of p it takes Topic, Payload, QoS, Retain and
// Properties, and keeps no part of p after it returned. It blocks while the
// client is offline, the window is full or the peer does not read, until ctx
// ends. An error means that the message was not and will not be sent: a
// *LimitError where the server's grants forbid it, a *mqttwire.Error where it
// is not valid, ctx's error, or what ended the client.
//
// done, which may be nil, is called once for each message accepted, when its
// promise is kept: at QoS 0 before Publish returns (the bytes are in the
// output buffer; Flush, Wait or Disconnect sees them off), at QoS 1 and 2 with
// the server's answer, on the reading goroutine. A reason of 0x80 or above
// means that the server refused the message. err is set when the client ended
// first.
func (c *Client) Publish(ctx context.Context, p *mqttwire.Publish, done func(reason mqttwire.ReasonCode, err error)) error {
	panic("client: declaration only")
}

// PublishWait publishes and waits for the promise: the reason is that of
// PUBACK, PUBREC or PUBCOMP, Success at QoS 0 once the bytes were handed to
// the network.
func (c *Client) PublishWait(ctx context.Context, p *mqttwire.Publish) (mqttwire.ReasonCode, error) {
	panic("client: declaration only")
}

// Wait flushes and returns when every accepted message has its answer.
func (c *Client) Wait(ctx context.Context) error { panic("client: declaration only") }

// Flush returns when everything accepted so far was handed to the network.
func (c *Client) Flush(ctx context.Context) error { panic("client: declaration only") }

// Unsent counts the QoS 1 and 2 messages accepted and not yet answered.
func (c *Client) Unsent() int { panic("client: declaration only") }

// Subscribe sends one SUBSCRIBE and returns the SUBACK's reasons, one for each
// subscription; those of 0x80 and above are refusals, and looking at them is
// the caller's. Filters granted are subscribed anew when the session is lost.
// properties may hold a Subscription Identifier and User Properties.
func (c *Client) Subscribe(ctx context.Context, subscriptions []mqttwire.Subscription, properties mqttwire.Properties) ([]mqttwire.ReasonCode, error) {
	panic("client: declaration only")
}

// Unsubscribe sends one UNSUBSCRIBE and returns the UNSUBACK's reasons; 3.x
// has none and Success stands in for them.
func (c *Client) Unsubscribe(ctx context.Context, filters []string, properties mqttwire.Properties) ([]mqttwire.ReasonCode, error) {
	panic("client: declaration only")
}

// Ping sends PINGREQ and waits for the PINGRESP. All that the server sent
// before it has then passed OnMessage.
func (c *Client) Ping(ctx context.Context) error { panic("client: declaration only") }

// Reauthenticate runs the Authenticator again on the living connection.
func (c *Client) Reauthenticate(ctx context.Context) error { panic("client: declaration only") }

// Done is closed when the client has ended, by either side; Err says why.
func (c *Client) Done() <-chan struct{} { panic("client: declaration only") }

// Err is nil while the client lives, ErrClosed after Close or Disconnect, else
// what ended it.
func (c *Client) Err() error { panic("client: declaration only") }

// Disconnect ends orderly: what is buffered is sent, then d (nil: a normal
// disconnection), then the connection is closed. It returns nil if the
// DISCONNECT was written. Messages without an answer are given up: call Wait
// before.
func (c *Client) Disconnect(ctx context.Context, d *mqttwire.Disconnect) error {
	panic("client: declaration only")
}

// EndSession is Disconnect that also ends the session on the server: on 5.0 by
// Session Expiry Interval 0, on 3.x by connecting once more with Clean Session.
func (c *Client) EndSession(ctx context.Context) error { panic("client: declaration only") }

// Close ends at once, without DISCONNECT: the server sends the Will.
func (c *Client) Close() error { panic("client: declaration only") }
