package broker_test

import (
	"context"

	"mqtk/broker"
)

// only lets in the user of that name, with any password.
type only string

func (u only) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	if c.Username != string(u) {
		return broker.Identity{}, broker.ErrBadCredentials
	}
	return broker.Identity{Username: c.Username}, nil
}
