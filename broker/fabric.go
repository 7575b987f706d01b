package broker

import "context"

// A Fabric joins brokers into one. A nil Fabric is a broker alone.
type Fabric interface {
	// Publish offers a message that a local client published to the others.
	Publish(m *Message)
	// Interest tells that the number of local subscriptions on a filter changed.
	Interest(filter string, delta int)
	// Claim takes the session of a ClientID from whichever broker holds it.
	// It may block; a nil state means there is none.
	Claim(ctx context.Context, clientID string) (SessionState, error)
}

// SessionState is a session on its way between brokers: the Events that make it.
type SessionState []Event
