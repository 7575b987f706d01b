//go:build !race

package broker_test

// raceEnabled: everything takes several times as long and as much memory.
const raceEnabled = false
