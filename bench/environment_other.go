//go:build !linux && !darwin

package bench

import "os"

// ask fills in what only the system knows. Windows says in a variable what CPU it
// runs on.
func (e *Environment) ask() { e.CPUModel = os.Getenv("PROCESSOR_IDENTIFIER") }
