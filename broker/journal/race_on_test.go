//go:build race

package journal

// raceEnabled: under the race detector a sync.Pool forgets on purpose.
const raceEnabled = true
