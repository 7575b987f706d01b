//go:build race

package condition

// raceEnabled: the race detector allocates, so allocations are not counted.
const raceEnabled = true
