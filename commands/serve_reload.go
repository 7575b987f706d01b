package commands

import (
	"context"
	"strings"
	"time"

	"mqtk/broker"
	"mqtk/commands/config"
)

// reload reads the configuration and all that it names anew, and takes it over as a
// whole, or not at all.
func (s *service) reload(ctx context.Context) {
	s.notify.reloading()
	status := "serving on " + strings.Join(s.house.urls(), " ")
	if s.tryReload(ctx) {
		status = "serving on " + strings.Join(s.house.urls(), " ")
	} else {
		status += "; the new configuration was not taken over, the log says why"
	}
	s.notify.ready(status)
}

// reloadTime is how long databases may take to answer at a reload: nothing else is
// done meanwhile, not even ending.
const reloadTime = 30 * time.Second

func (s *service) tryReload(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	c, problems := s.configure(s.getenv)
	for _, p := range problems {
		s.complain(p.String())
	}
	if len(problems) > 0 {
		s.log.Error("the configuration was not reloaded: the one before holds", "problems", len(problems))
		return false
	}
	s.keepFixed(c)
	if err := s.rebuild(ctx, c); err != nil {
		s.log.Error("the configuration was not reloaded: the one before holds", "error", err)
		return false
	}
	if err := s.ready.replaceFile(s.house.urls()); err != nil {
		s.log.Warn("the ready file was not written anew", "error", err)
	}
	s.reloaded++
	before := s.level.Level()
	setLevel(s.level, c)
	after := s.level.Level()
	s.level.Set(min(before, after)) // whoever reads either log is told
	s.log.Info("reloaded", "config", c.Path, "times", s.reloaded)
	s.level.Set(after)
	return true
}

func (s *service) rebuild(ctx context.Context, c *config.Config) error {
	if err := c.Limits.Validate(); err != nil {
		return err
	}
	next, err := newHouse(ctx, c, s.house, s.log)
	if err != nil {
		return err
	}
	if err := next.open(s.house, s.sockets); err != nil {
		return err
	}
	if err := s.move(ctx, next); err != nil {
		next.close(s.house)
		return err
	}
	return nil
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
