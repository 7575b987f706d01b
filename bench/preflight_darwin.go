package bench

import (
	"os"
	"syscall"
)

// readSystem takes what the kernel tells by number; how much memory is free, and
// how long its queues are, it does not.
func readSystem() system {
	s := system{root: os.Geteuid() == 0}
	s.raises = s.root
	s.filesSoft, s.filesHard = fileLimits()
	if open, err := os.ReadDir("/dev/fd"); err == nil {
		s.filesOpen = uint64(len(open))
	}
	s.filesCeiling = uint64(kernelNumber("kern.maxfilesperproc"))
	s.filesAll = uint64(kernelNumber("kern.maxfiles"))
	s.filesTaken = uint64(kernelNumber("kern.num_files"))
	if s.filesCeiling > 0 {
		s.filesHard = min(s.filesHard, s.filesCeiling)
	}
	s.backlog = kernelNumber("kern.ipc.somaxconn")
	s.portFirst, s.portLast = kernelNumber("net.inet.ip.portrange.first"), kernelNumber("net.inet.ip.portrange.last")
	return s
}

func kernelNumber(name string) int {
	n, err := syscall.SysctlUint32(name)
	if err != nil {
		return 0 // it is not known, then
	}
	return int(n)
}
