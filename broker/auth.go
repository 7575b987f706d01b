package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"mqtk/mqttwire"
)

// Credentials is what a client says of itself in CONNECT.
type Credentials struct {
	ClientID    string
	HasUsername bool
	Username    string
	HasPassword bool
	Password    []byte
	Remote      net.Addr
	TLS         *tls.ConnectionState // nil: not encrypted
	Version     mqttwire.Version
}

// Identity is who a connection was found to be. Take-over of a session needs
// the same Username; the empty one is every anonymous client. ClientID and Remote
// are the connection's own, whatever an Authenticator says of them.
type Identity struct {
	Username string
	ClientID string
	Remote   net.Addr
	Rights   *Rights // for the Authorizer; made by the broker, nil where there is none
	Expires  int64   // Unix time at which the connection ends, whatever it does; 0: never
}

// Action is what an Authorizer is asked about.
type Action byte

const (
	Publish   Action = 1 + iota // the topic is a TopicName
	Receive                     // the topic is the TopicName of a message about to be delivered
	Subscribe                   // the topic is a TopicFilter, without its $share prefix
)

// Errors that an Authenticator returns to choose the reason of the refusal;
// any other error refuses with Server unavailable.
var (
	ErrBadCredentials = errors.New("bad user name or password")
	ErrNotAuthorized  = errors.New("not authorized")
	ErrBanned         = errors.New("banned")
)

// ErrUnknownUser is ErrBadCredentials of an Authenticator that does not know the
// user at all: in a chain of them the next is asked.
var ErrUnknownUser error = unknownUser{}

// unknownUser is a type, and not made by fmt.Errorf, which every start would call.
type unknownUser struct{}

func (unknownUser) Error() string { return ErrBadCredentials.Error() + ": no such user" }
func (unknownUser) Unwrap() error { return ErrBadCredentials }

// An Authenticator says who a client is. It may block: it is called on a
// goroutine of its own, and the connection is not read until it answers.
type Authenticator interface {
	Authenticate(ctx context.Context, c *Credentials) (Identity, error)
}

// A ChallengeAuthenticator speaks enhanced authentication as well: AUTH packets
// of MQTT 5 section 4.12. Begin returns ErrUnknownMethod for a method it does
// not have.
type ChallengeAuthenticator interface {
	Authenticator
	Begin(method string, c *Credentials) (Challenge, error)
}

// ErrUnknownMethod is Begin's answer to a method it does not speak.
var ErrUnknownMethod = errors.New("unknown authentication method")

// A Challenge is one enhanced authentication under way. Next takes what the
// client sent and returns what to send; done ends it with an Identity. It may
// block.
type Challenge interface {
	Next(ctx context.Context, data []byte) (reply []byte, done bool, id Identity, err error)
}

// An Authorizer decides at SUBSCRIBE, at PUBLISH and at each delivery. It is on
// the hot path: it must neither block nor allocate, nor call the Broker, since
// a session may be locked while it is asked about what waits there.
type Authorizer interface {
	Authorize(id *Identity, a Action, topic string) bool
}

// reasonOf is the reason that an Authenticator's error stands for.
func reasonOf(err error) mqttwire.ReasonCode {
	switch {
	case errors.Is(err, ErrBadCredentials):
		return mqttwire.BadUserNameOrPassword
	case errors.Is(err, ErrNotAuthorized):
		return mqttwire.NotAuthorized
	case errors.Is(err, ErrBanned):
		return mqttwire.Banned
	case errors.Is(err, ErrUnknownMethod):
		return mqttwire.BadAuthenticationMethod
	}
	return mqttwire.ServerUnavailable
}
