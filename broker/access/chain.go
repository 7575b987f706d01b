package access

import (
	"context"
	"errors"
	"fmt"

	"mqtk/broker"
)

// Link is an Authenticator in a Chain.
type Link struct {
	Name          string // as the configuration has it, for the log
	Authenticator broker.Authenticator
}

// Chain asks one link after the other. Enhanced authentication goes to the first
// link that speaks the method.
func Chain(links ...Link) broker.ChallengeAuthenticator { return chain(links) }

type chain []Link

func (c chain) Authenticate(ctx context.Context, given *broker.Credentials) (broker.Identity, error) {
	for i, link := range c {
		id, err := link.Authenticator.Authenticate(ctx, given)
		if errors.Is(err, broker.ErrUnknownUser) {
			continue
		}
		if errors.Is(err, broker.ErrBadCredentials) {
			if other := c[i+1:].otherwise(ctx, given); other != nil {
				err = other
			}
		}
		if err == broker.ErrBadCredentials { // says no more than the client may hear
			err = fmt.Errorf("%w: the password is not the one that %s has of this user", err, link.Name)
		}
		return id, err
	}
	if !given.HasUsername && !given.HasPassword {
		return broker.Identity{}, broker.ErrNotAuthorized
	}
	if !given.HasPassword {
		return broker.Identity{}, fmt.Errorf("%w: there is no password", broker.ErrBadCredentials)
	}
	return broker.Identity{}, fmt.Errorf("%w: nobody knows this user", broker.ErrBadCredentials)
}

// otherwise asks the links as they would be for an unknown user. It takes that
// time, and tells what an unknown user would get but a refusal of credentials: a
// known one must not be told by getting something else.
func (c chain) otherwise(ctx context.Context, given *broker.Credentials) error {
	for _, link := range c {
		if _, err := link.Authenticator.Authenticate(ctx, given); err != nil && !errors.Is(err, broker.ErrBadCredentials) {
			return err
		}
	}
	return nil
}

func (c chain) Begin(method string, given *broker.Credentials) (broker.Challenge, error) {
	for _, link := range c {
		challenger, ok := link.Authenticator.(broker.ChallengeAuthenticator)
		if !ok {
			continue
		}
		challenge, err := challenger.Begin(method, given)
		if !errors.Is(err, broker.ErrUnknownMethod) {
			return challenge, err
		}
	}
	return nil, broker.ErrUnknownMethod
}

// Anonymous lets in who gives neither user name nor password, without a name. Who
// gives one meant somebody, and is not let in as nobody.
type Anonymous struct{}

// Authenticate is the link's answer.
func (Anonymous) Authenticate(_ context.Context, given *broker.Credentials) (broker.Identity, error) {
	if given.HasUsername || given.HasPassword {
		return broker.Identity{}, broker.ErrUnknownUser
	}
	return broker.Identity{}, nil
}
