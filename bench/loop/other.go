//go:build !linux

package loop

// newPolled is nil: goroutines drive everything here.
func newPolled(Options) (driver, error) { return nil, nil }
