//go:build !linux

package commands

// monotonicTime is for systemd, which is on Linux alone.
func monotonicTime() []string { return nil }
