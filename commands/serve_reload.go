package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mqtk/broker"
	"mqtk/commands/config"
)

// reloadTime is how long databases may take to answer at a reload.
const reloadTime = 30 * time.Second

// startReload reloads beside whatever else serve waits for, the end above all.
// Until it is over the house is its own.
func (s *service) startReload(ctx context.Context) (over <-chan struct{}) {
	s.notify.reloading()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.reload(ctx)
	}()
	return done
}

// reload reads the configuration and all that it names anew, and takes it over as a
// whole, or not at all. When ctx ends, serve does, and nothing is taken over.
func (s *service) reload(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	next, err := s.plan(within)
	if !s.hold(ctx) {
		if next != nil {
			next.close(s.house)
		}
		return
	}
	defer s.release()
	if err == nil {
		err = s.takeOver(within, next)
	}
	status := "serving on " + strings.Join(s.house.urls(), " ")
	if err != nil {
		status += "; the new configuration was not taken over, the log says why"
		s.tellRefused(err)
	}
	s.notify.ready(status)
}

// hold keeps the end of serve waiting, unless that has begun: whoever holds is the
// only one to change the house and what tells of it.
func (s *service) hold(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case s.moving <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *service) release() { <-s.moving }

// problemCount is an error that the log has all about.
type problemCount int

func (n problemCount) Error() string { return fmt.Sprintf("%d problems", int(n)) }

// plan makes a house of what the configuration says now. It changes nothing, and
// may take long.
func (s *service) plan(ctx context.Context) (*house, error) {
	c, problems := s.configure(s.getenv)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, p := range problems {
		s.complain(p.String())
	}
	if len(problems) > 0 {
		return nil, problemCount(len(problems))
	}
	s.keepFixed(c)
	if err := c.Limits.Validate(); err != nil {
		return nil, err
	}
	next, err := newHouse(ctx, c, s.house, s.log)
	if err != nil {
		return nil, err
	}
	if err := next.open(s.house, s.sockets); err != nil {
		return nil, err
	}
	return next, nil
}

// takeOver moves into the next house and says so, or closes it.
func (s *service) takeOver(ctx context.Context, next *house) error {
	restore, err := s.makeWay(next)
	if err != nil {
		next.close(s.house)
		return err
	}
	if err := s.move(ctx, next); err != nil {
		restore()
		next.close(s.house)
		return err
	}
	if err := s.ready.replaceFile(s.house.urls()); err != nil {
		s.log.Warn("the ready file was not written anew", "error", err)
	}
	s.reloaded++
	before := s.level.Level()
	setLevel(s.level, next.config)
	after := s.level.Level()
	s.level.Set(min(before, after)) // whoever reads either log is told
	s.log.Info("reloaded", "config", next.config.Path, "times", s.reloaded)
	s.level.Set(after)
	s.warn(next.config)
	return nil
}

func (s *service) tellRefused(err error) {
	const text = "the configuration was not reloaded: the one before holds"
	var n problemCount
	if errors.As(err, &n) {
		s.log.Error(text, "problems", int(n))
		return
	}
	s.log.Error(text, "error", err)
}

// complain logs each line of a problem.
func (s *service) complain(problem string) {
	for line := range strings.SplitSeq(problem, "\n") {
		s.log.Error(line)
	}
}

// keepFixed gives a new configuration what cannot change while the broker runs,
// and says so.
func (s *service) keepFixed(c *config.Config) {
	before := s.house.config
	for _, key := range before.NeedRestart(c) {
		s.log.Warn("needs a restart to change: the value before holds", "key", key)
	}
	c.Data, c.Durability, c.CommitDelay, c.Driver, c.LogFormat = before.Data, before.Durability, before.CommitDelay, before.Driver, before.LogFormat
	for _, limit := range broker.LimitTable() {
		if was, err := before.Limits.Get(limit.Key); limit.Fixed && err == nil {
			_ = c.Limits.Set(limit.Key, was) // as it was taken once
		}
	}
}
