//go:build race

package mqttwire

// raceEnabled: the race detector allocates, so allocations are not counted.
const raceEnabled = true
