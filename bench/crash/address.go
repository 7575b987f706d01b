package crash

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// OtherError: something else than what was started answers at the address of
// the broker, so that nothing can be said about the broker.
type OtherError struct {
	// Before tells that nothing was started and nothing loaded.
	Before bool
	detail string
}

func (e *OtherError) Error() string { return e.detail }

// answers tells whether anything takes a connection at the address.
func (r *run) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, min(r.o.Patience, 2*time.Second))
	defer cancel()
	nc, err := r.o.Dial(ctx)
	if err != nil {
		return false
	}
	nc.Close()
	return true
}

// vacant refuses an address that something listens on before the broker does:
// that would be loaded, and never killed.
func (r *run) vacant(ctx context.Context) error {
	if r.answers(ctx) {
		return &OtherError{true, "something already listens here; stop it, or choose another port"}
	}
	return ctx.Err()
}

// kill ends the broker and sees that nothing answers any more. One that
// answers on is not what was started.
func (r *run) kill(ctx context.Context) error {
	if err := r.o.Broker.Kill(); err != nil {
		return err
	}
	begun := time.Now()
	for wait := 5 * time.Millisecond; r.answers(ctx); wait = min(2*wait, 200*time.Millisecond) {
		if after := time.Since(begun); after >= r.o.Patience {
			return &OtherError{false, fmt.Sprintf("something answers here %s after SIGKILL: the command that was started is not the broker that answers", after.Round(time.Millisecond))}
		}
		pause(ctx, wait)
	}
	return ctx.Err()
}

// whyEnded is the error of a start whose command has ended by itself.
func (r *run) whyEnded(ctx context.Context, after time.Duration) error {
	if r.answers(ctx) {
		return &OtherError{false, "the command that was started has ended, and something else answers here"}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &StartError{after, errEnded}
}

var errEnded = errors.New("it ended by itself")
