package bench

import (
	"net/netip"
	"syscall"
	"testing"
)

func TestReadSystem(t *testing.T) {
	s := readSystem()
	if s.filesSoft == 0 || s.filesHard < s.filesSoft || s.filesOpen < 3 || s.filesCeiling == 0 || s.filesAll == 0 || s.filesTaken == 0 {
		t.Errorf("files: %+v", s)
	}
	if s.portFirst == 0 || s.portLast < s.portFirst || s.backlog == 0 || s.synBacklog == 0 || s.memory == 0 || s.watches == 0 {
		t.Errorf("the rest: %+v", s)
	}
}

// TestPreflightRaises lowers the soft limit of this process, which Go raised at
// its start, and finds it at the hard one again.
func TestPreflightRaises(t *testing.T) {
	soft, hard := fileLimits()
	if hard < 600 {
		t.Skipf("this process may have %d open files", hard)
	}
	low := syscall.Rlimit{Cur: 300, Max: hard}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: soft, Max: hard})
	plan := Plan{Workers: 1, Target: Target{Network: "tcp", Address: "127.0.0.1:1883"}}
	if err := preflight(&plan, 10); err != nil {
		t.Error(err)
	}
	if now, _ := fileLimits(); now != 300 {
		t.Errorf("the limit was raised from 300 to %d for 10 connections", now)
	}
	if err := preflight(&plan, 400); err != nil {
		t.Error(err)
	}
	if now, _ := fileLimits(); now != hard {
		t.Errorf("the limit is %d, and the hard one %d", now, hard)
	}
}

func TestPreflightWithoutWay(t *testing.T) {
	target := Target{Network: "tcp", Address: "192.0.2.1:1883", Sources: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	judge(t, "no way", checkSources(&target), "cannot connect from 127.0.0.1 to 192.0.2.1:1883: no way leads", "")
	target.Address = "127.0.0.1:1883"
	target.Sources = append(target.Sources, netip.MustParseAddr("127.0.0.77"))
	judge(t, "loopback", checkSources(&target), "", "")
}

func TestParseSystem(t *testing.T) {
	for _, test := range []struct {
		text        string
		first, last int
	}{
		{"32768\t60999\n", 32768, 60999}, {"1024 65535", 1024, 65535}, {"", 0, 0}, {"5 4", 0, 0}, {"1 70000", 0, 0}, {"a b", 0, 0},
	} {
		if first, last := parsePortRange(test.text); first != test.first || last != test.last {
			t.Errorf("ports %q: %d to %d", test.text, first, last)
		}
	}
	for text, want := range map[string]int{"": 0, "\n": 0, "8080": 0, "33000,33002-33004,60000-65535\n": 1 + 3 + 1000, "30000-32768": 1, "x,40000": 1} {
		if got := countPorts(text, 32768, 60999); got != want {
			t.Errorf("reserved %q: %d, want %d", text, got, want)
		}
	}
	status := "Name:\tmqtk\nCapEff:\t0000000001000000\nCapBnd:\t000001ffffffffff\n"
	if !parseCapability(status, 24) || parseCapability(status, 23) || parseCapability("", 24) {
		t.Error("capabilities")
	}
	if got := parseField("MemTotal:  1 kB\nMemAvailable:   123 kB\n", "MemAvailable:"); got != 123 {
		t.Errorf("MemAvailable: %d", got)
	}
	if parseFirst("max\n") != 0 || parseFirst("4096 0 9") != 4096 || parseFirst("") != 0 {
		t.Error("first numbers")
	}
}
