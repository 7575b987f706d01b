package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// readSystem takes what /proc and /sys say.
func readSystem() system {
	var s system
	s.filesSoft, s.filesHard = fileLimits()
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.filesOpen = uint64(len(open))
	}
	s.filesInit = parseHardLimit(readText("/proc/1/limits"), "Max open files")
	s.filesCeiling = kernelNumber("fs/nr_open")
	s.filesAll = kernelNumber("fs/file-max")
	s.filesTaken = kernelNumber("fs/file-nr")
	s.watches = kernelNumber("fs/epoll/max_user_watches")
	s.backlog = int(kernelNumber("net/core/somaxconn"))
	s.synBacklog = int(kernelNumber("net/ipv4/tcp_max_syn_backlog"))
	s.tracked = int(kernelNumber("net/netfilter/nf_conntrack_count"))
	s.trackable = int(kernelNumber("net/netfilter/nf_conntrack_max"))
	s.portFirst, s.portLast = parsePortRange(readText("/proc/sys/net/ipv4/ip_local_port_range"))
	s.portsReserved = countPorts(readText("/proc/sys/net/ipv4/ip_local_reserved_ports"), s.portFirst, s.portLast)
	s.root = os.Geteuid() == 0
	s.raises = parseCapability(readText("/proc/self/status"), capSysResource)
	s.memory = availableMemory()
	return s
}

// parseHardLimit is the second number behind the name of a limit.
func parseHardLimit(limits, name string) uint64 {
	_, rest, _ := strings.Cut(limits, name)
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	return parseFirst(fields[1])
}

const capSysResource = 24 // capability that lets a process raise its hard limits

// availableMemory is the least of what the system has and what the groups of
// this process may still take.
func availableMemory() uint64 {
	least := parseField(readText("/proc/meminfo"), "MemAvailable:") << 10
	_, group, _ := strings.Cut(readText("/proc/self/cgroup"), "0::")
	group, _, _ = strings.Cut(group, "\n")
	for dir := filepath.Clean("/" + group); ; dir = filepath.Dir(dir) {
		limit := parseFirst(readText(filepath.Join("/sys/fs/cgroup", dir, "memory.max")))
		taken := parseFirst(readText(filepath.Join("/sys/fs/cgroup", dir, "memory.current")))
		if limit > 0 && limit-min(taken, limit) < least {
			least = limit - min(taken, limit)
		}
		if dir == "/" {
			return least
		}
	}
}

// kernelNumber is the first number of a file of /proc/sys; 0: there is none.
func kernelNumber(name string) uint64 { return parseFirst(readText("/proc/sys/" + name)) }

func readText(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "" // it is not known, then
	}
	return string(b)
}

func parseFirst(text string) uint64 {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseUint(fields[0], 10, 64)
	return n
}

// parseField is the number that stands behind name.
func parseField(text, name string) uint64 {
	_, rest, _ := strings.Cut(text, name)
	return parseFirst(rest)
}

// parseCapability tells whether a process has a capability, from its status.
func parseCapability(status string, number int) bool {
	_, rest, _ := strings.Cut(status, "CapEff:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return false
	}
	set, _ := strconv.ParseUint(fields[0], 16, 64)
	return set>>number&1 == 1
}

// parsePortRange is of "FIRST LAST"; 0, 0: not known.
func parsePortRange(text string) (first, last int) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return 0, 0
	}
	a, errA := strconv.ParseUint(fields[0], 10, 16)
	b, errB := strconv.ParseUint(fields[1], 10, 16)
	if errA != nil || errB != nil || a > b {
		return 0, 0
	}
	return int(a), int(b)
}

// countPorts is how many of a list like "8080,9000-9100" are from first to last.
func countPorts(list string, first, last int) (n int) {
	for item := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		from, to, ranged := strings.Cut(item, "-")
		if !ranged {
			to = from
		}
		a, errA := strconv.ParseUint(from, 10, 16)
		b, errB := strconv.ParseUint(to, 10, 16)
		if errA == nil && errB == nil {
			n += max(0, min(int(b), last)-max(int(a), first)+1)
		}
	}
	return n
}
