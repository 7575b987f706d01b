package broker

import "context"

// A Fabric joins brokers into one. A nil Fabric is a broker alone.
type Fabric interface {
	// Publish offers a message that a local client published, or left as its
	// will, to the others. It must neither block nor call the Broker.
	Publish(m *Message)
	// Interest tells that the number of local subscriptions on a filter changed.
	// It must not block.
	Interest(filter string, delta int)
	// Claim takes the session of a ClientID from whichever broker holds it.
	// It may block; a nil state means there is none. Nothing calls it yet: a
	// CONNECT will wait for it as it waits for an Authenticator.
	Claim(ctx context.Context, clientID string) (SessionState, error)
}

// SessionState is a session on its way between brokers: the Events that make it.
type SessionState []Event
