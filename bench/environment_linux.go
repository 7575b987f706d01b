package bench

import (
	"os"
	"strconv"
	"strings"
)

// ask fills in what only the system knows.
func (e *Environment) ask() {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	e.Kernel = strings.TrimSpace(string(kernel))
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	e.CPUModel = cpuModel(string(cpus))
	memory, _ := os.ReadFile("/proc/meminfo")
	e.MemoryBytes = kilobytes(procField(string(memory), "MemTotal"))
}

// cpuModel looks through /proc/cpuinfo, where each architecture has a word of its
// own: x86 and others; arm and riscv boards; power.
func cpuModel(text string) string {
	for _, name := range []string{"model name", "Model", "Hardware", "cpu model", "cpu", "uarch"} {
		if value := procField(text, name); value != "" {
			return value
		}
	}
	return ""
}

// procField is the first value of a file with lines NAME: VALUE.
func procField(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads "123 kB" as bytes; what is no such number is 0.
func kilobytes(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(s, " kB"), 10, 64)
	if err != nil || n < 0 || n > 1<<53 {
		return 0
	}
	return n << 10
}
