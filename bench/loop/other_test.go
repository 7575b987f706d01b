//go:build !linux

package loop

func polledWorlds() []world { return nil }
