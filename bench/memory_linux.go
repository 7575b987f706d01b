package bench

import "os"

// residentSize is how many bytes of this process are in memory; 0: unknown. What
// statm says may be some MB behind.
func residentSize() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	return kilobytes(procField(string(text), "VmRSS"))
}
