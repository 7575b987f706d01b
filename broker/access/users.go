package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"mqtk/mqttwire/sasl"
)

// Users asks one source of users after the other, as Chain does.
func Users(sources ...sasl.Users) sasl.Users { return &users{sources, []byte(rand.Text())} }

type users struct {
	sources []sasl.Users
	secret  []byte // for models; SASLOptions has one that lasts longer
}

// Verifier is that of the first source that knows the user; else a model.
func (u *users) Verifier(ctx context.Context, user, method string) (sasl.Verifier, error) {
	v, err, outage := u.verifier(ctx, user, method, u.secret)
	if err != nil && outage != nil {
		err = outage
	}
	return v, err
}

// verifier asks all sources, whichever knows the user, lest the time tell. outage
// is the error of one that could not answer: err, without it, is about the others,
// which a client must not learn before it has proved who it is. A user whom none
// can prove gets the model of one of them, which a keyed hash of the name chooses:
// so unknown names look as different as known ones.
func (u *users) verifier(ctx context.Context, user, method string, secret []byte) (found sasl.Verifier, err, outage error) {
	err = sasl.ErrUnknownUser
	var models []sasl.Verifier
	for i, source := range u.sources {
		v, said := verifierInTime(ctx, i > 0, source, user, method)
		unproven := errors.Is(said, sasl.ErrUnknownUser) || errors.Is(said, sasl.ErrNoVerifier)
		if said != nil && !unproven {
			outage = said
			break
		}
		if unproven && (v.Iterations != 0 || v.Password != nil) {
			models = append(models, v)
		}
		if errors.Is(err, sasl.ErrUnknownUser) && !errors.Is(said, sasl.ErrUnknownUser) {
			found, err = v, said
		}
	}
	if err != nil && len(models) > 0 {
		found = models[choose(secret, user, len(models))]
	} else if err != nil && outage != nil {
		err = outage // nobody's verifier could be before it
	}
	return found, err, outage
}

// verifierInTime leaves a part of the time for what comes behind a source that
// hangs: a user of one before it can log in all the same.
func verifierInTime(ctx context.Context, part bool, source sasl.Users, user, method string) (sasl.Verifier, error) {
	if end, ok := ctx.Deadline(); ok && part {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
	}
	return source.Verifier(ctx, user, method)
}

// choose gives a name one of n places, always the same one, that only we can tell.
func choose(secret []byte, name string, n int) int {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("model of " + name))
	return int(binary.BigEndian.Uint64(m.Sum(nil)) % uint64(n))
}

// Check answers a wrong password as an unknown user's, in the time of one.
func (u *users) Check(ctx context.Context, user string, password []byte) error {
	for i, source := range u.sources {
		err := source.Check(ctx, user, password)
		if errors.Is(err, sasl.ErrUnknownUser) {
			continue
		}
		if errors.Is(err, sasl.ErrBadCredentials) {
			for _, rest := range u.sources[i+1:] {
				if other := rest.Check(ctx, user, password); other != nil && !errors.Is(other, sasl.ErrBadCredentials) && !errors.Is(other, sasl.ErrUnknownUser) {
					return other
				}
			}
		}
		return err
	}
	return sasl.ErrUnknownUser
}
