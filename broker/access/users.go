package access

import (
	"context"
	"errors"

	"mqtk/mqttwire/sasl"
)

// Users asks one source of users after the other, as Chain does.
func Users(sources ...sasl.Users) sasl.Users { return users(sources) }

type users []sasl.Users

// Verifier is that of the first source that knows the user; else the first model
// that any of them gave.
func (u users) Verifier(ctx context.Context, user, method string) (sasl.Verifier, error) {
	var model sasl.Verifier
	for _, source := range u {
		v, err := source.Verifier(ctx, user, method)
		if !errors.Is(err, sasl.ErrUnknownUser) {
			return v, err
		}
		if model.Iterations == 0 && model.Password == nil {
			model = v
		}
	}
	return model, sasl.ErrUnknownUser
}

func (u users) Check(ctx context.Context, user string, password []byte) error {
	for i, source := range u {
		err := source.Check(ctx, user, password)
		if errors.Is(err, sasl.ErrUnknownUser) {
			continue
		}
		if errors.Is(err, sasl.ErrBadCredentials) {
			for _, rest := range u[i+1:] { // the time that an unknown user would take
				_ = rest.Check(ctx, user, password)
			}
		}
		return err
	}
	return sasl.ErrUnknownUser
}
