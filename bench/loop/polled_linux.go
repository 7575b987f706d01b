package loop

// newPolled is nil where goroutines are to drive.
func newPolled(Options) (driver, error) { return nil, nil }
