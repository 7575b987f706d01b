package bench

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestCurrentEnvironment(t *testing.T) {
	e := CurrentEnvironment()
	if e.OS != "linux" || e.Arch == "" || e.Kernel == "" || e.CPUs < 1 || e.MemoryBytes < 1<<20 || !strings.HasPrefix(e.Go, "go") {
		t.Errorf("%+v", e)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	want := []string{"arch", "cpu_model", "cpus", "go", "kernel", "memory_bytes", "os"}
	if got := slices.Sorted(maps.Keys(keys)); !slices.Equal(got, want) {
		t.Errorf("the keys are %q, want %q", got, want)
	}
}

func TestCPUModel(t *testing.T) {
	for text, want := range map[string]string{
		"processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.00GHz\n": "Intel(R) Xeon(R) CPU @ 2.00GHz",
		"processor\t: 0\nBogoMIPS\t: 108.00\nCPU part\t: 0xd08\n\nRevision\t: c03111\nModel\t\t: Raspberry Pi 4\n": "Raspberry Pi 4",
		"processor\t: 0\ncpu\t\t: POWER9, altivec supported\n":                                                     "POWER9, altivec supported",
		"processor\t: 0\nBogoMIPS\t: 243.75\n":                                                                     "",
		"":                                                                                                         "",
	} {
		if got := cpuModel(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestKilobytes(t *testing.T) {
	const status = "Name:\ta: VmRSS: 9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t4\n"
	for text, want := range map[string]int64{
		procField(status, "VmRSS"): 1 << 20, procField(status, "VmHWM"): 2 << 20, procField(status, "VmSwap"): 0,
		"-1 kB": 0, "99999999999999999999 kB": 0, "1 MB": 0,
	} {
		if got := kilobytes(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
