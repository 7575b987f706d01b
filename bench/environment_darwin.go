package bench

import (
	"encoding/binary"
	"syscall"
)

// ask fills in what only the system knows.
func (e *Environment) ask() {
	e.Kernel, _ = syscall.Sysctl("kern.osrelease")
	e.CPUModel, _ = syscall.Sysctl("machdep.cpu.brand_string")
	// Sysctl takes all for text and one zero at the end away.
	if memory, err := syscall.Sysctl("hw.memsize"); err == nil && len(memory) <= 8 {
		e.MemoryBytes = int64(binary.LittleEndian.Uint64(append([]byte(memory), make([]byte, 8)...)))
	}
}
