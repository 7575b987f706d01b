package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mqtk/bench/loop"
)

// A processWatch reads what /proc tells of a process and its descendants. It holds
// the files of the process open, which never speak of another one that got the
// same id. It is not safe for concurrent use.
type processWatch struct {
	pid          int
	stat, status *os.File
	buffer       []byte
	cpu          time.Duration // of the last sample
}

// tick is the unit of times in /proc: USER_HZ is 100 wherever Go runs on Linux.
const tick = time.Second / 100

// watch begins to watch a process; close ends it.
func watch(pid int) (*processWatch, error) {
	w := &processWatch{pid: pid, buffer: make([]byte, 4096)}
	if err := w.open(); err != nil {
		w.close()
		return nil, fmt.Errorf("the process %d cannot be watched: %w", pid, err)
	}
	return w, nil
}

func (w *processWatch) open() (err error) {
	if w.pid == os.Getpid() {
		return errors.New("it is this one: give the id of the broker's")
	}
	if w.stat, err = os.Open(procPath(w.pid, "stat")); err != nil {
		return procError(err)
	}
	if w.status, err = os.Open(procPath(w.pid, "status")); err != nil {
		return procError(err)
	}
	text, err := w.read(w.status)
	if err != nil {
		return procError(err)
	}
	if group := procField(string(text), "Tgid"); group != strconv.Itoa(w.pid) {
		return fmt.Errorf("it is a thread of the process %s: give that one", group)
	}
	if _, err = w.sample(); err != nil {
		return err
	}
	for pid := range descendants(w.pid) {
		if pid == os.Getpid() {
			return errors.New("it has started this one, whose CPU time would count as its own: give the id of the broker's")
		}
	}
	return nil
}

func (w *processWatch) close() {
	for _, f := range []*os.File{w.stat, w.status} {
		if f != nil {
			f.Close()
		}
	}
}

// sample says how they stand. A process that has ended is errProcessEnded.
func (w *processWatch) sample() (s ProcessSample, err error) {
	s.At = time.Now()
	if err := w.add(&s, w.stat, w.status); err != nil {
		return ProcessSample{}, err
	}
	for pid := range descendants(w.pid) {
		w.addChild(&s, pid)
	}
	// What a child used is its own until the parent has waited for it, then the
	// parent's: between two reads it may be neither's.
	w.cpu = max(w.cpu, s.CPU)
	s.CPU = w.cpu
	return s, nil
}

// addChild adds a descendant to s. One that ends meanwhile is no error.
func (w *processWatch) addChild(s *ProcessSample, pid int) {
	stat, err := os.Open(procPath(pid, "stat"))
	if err != nil {
		return
	}
	defer stat.Close()
	if status, err := os.Open(procPath(pid, "status")); err == nil {
		defer status.Close()
		_ = w.add(s, stat, status)
	}
}

// add adds one process to s.
func (w *processWatch) add(s *ProcessSample, statFile, statusFile *os.File) error {
	text, err := w.read(statFile)
	if err != nil {
		return procError(err)
	}
	stat, err := parseStat(text)
	if err != nil {
		return err
	}
	if stat.state == 'Z' || stat.state == 'X' {
		if statFile == w.stat {
			return errProcessEnded
		}
		s.CPU += stat.own + stat.waited // until somebody waits for it
		return nil
	}
	// The resident set of stat is up to some MB behind where threads are many.
	if text, err = w.read(statusFile); err != nil {
		return procError(err)
	}
	status := string(text)
	s.CPU += stat.waited + ownTime(&stat)
	s.RSS += kilobytes(procField(status, "VmRSS"))
	s.HighRSS += kilobytes(procField(status, "VmHWM"))
	s.Threads += stat.threads
	s.Processes++
	return nil
}

// ownTime is the CPU time of a process alone: by its clock, whose hand stands
// between the ticks, unless that is not to be had. The files that were read
// before are those of a process that is still there, so the id is its own.
func ownTime(stat *procStat) time.Duration {
	t, err := loop.ProcessTime(stat.pid)
	if err != nil {
		return stat.own
	}
	return max(t, stat.own)
}

// read is the whole of a file of /proc, which is made anew for each read from its
// start. It is good until the next one.
func (w *processWatch) read(f *os.File) ([]byte, error) {
	for {
		n, err := f.ReadAt(w.buffer, 0)
		if err == io.EOF && n > 0 {
			return w.buffer[:n], nil
		}
		if err != nil {
			return nil, err
		}
		w.buffer = make([]byte, 2*len(w.buffer))
	}
}

// descendants yields the children of all threads of pid, and theirs.
func descendants(pid int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for open := []int{pid}; len(open) > 0; open = open[1:] {
			for _, child := range children(open[0]) {
				if !yield(child) {
					return
				}
				open = append(open, child)
			}
		}
	}
}

// children are those of all threads of pid. Kernels without CONFIG_PROC_CHILDREN
// tell of none.
func children(pid int) (list []int) {
	threads, _ := os.ReadDir(procPath(pid, "task"))
	for _, t := range threads {
		text, err := os.ReadFile(procPath(pid, "task/"+t.Name()+"/children"))
		if errors.Is(err, fs.ErrNotExist) && len(threads) == 1 {
			return nil
		}
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

func procPath(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// procError is what it means that a file of /proc cannot be read.
func procError(err error) error {
	switch {
	case errors.Is(err, syscall.ESRCH):
		return errProcessEnded
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is none of this id, or it is hidden from you: give the id of a process that runs, and be its user or root")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("it is another user's: be that user, or root")
	}
	return err
}

// A procStat is what is read of /proc/PID/stat.
type procStat struct {
	pid     int
	state   byte
	own     time.Duration // CPU time of all its threads
	waited  time.Duration // and of the children that it has waited for
	threads int
}

// parseStat reads /proc/PID/stat: the id, the name in parentheses, which may hold
// anything, and then fields that hold neither spaces nor parentheses.
func parseStat(text []byte) (s procStat, err error) {
	i := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[i+1:])
	if i < 0 || len(fields) < 18 || len(fields[0]) != 1 {
		return s, fmt.Errorf("/proc says %.100q of it, which is not understood", text)
	}
	if s.pid, err = strconv.Atoi(string(text[:max(bytes.IndexByte(text, ' '), 0)])); err != nil {
		return procStat{}, fmt.Errorf("/proc says %.100q of it, which begins with no id", text)
	}
	s.state = fields[0][0]
	const utime, cutime, threads = 14 - 3, 16 - 3, 20 - 3 // as proc(5) counts them, the state being 3
	for i := range 4 {
		ticks, err := strconv.ParseInt(string(fields[utime+i]), 10, 64)
		if err != nil || ticks < 0 || ticks > math.MaxInt64/4/int64(tick) {
			return procStat{}, fmt.Errorf("/proc says %.100q of its CPU time, which is not understood", fields[utime+i])
		}
		if utime+i < cutime {
			s.own += time.Duration(ticks) * tick
		} else {
			s.waited += time.Duration(ticks) * tick
		}
	}
	if s.threads, err = strconv.Atoi(string(fields[threads])); err != nil || s.threads < 0 {
		return procStat{}, fmt.Errorf("/proc says %.100q of its threads, which is not understood", fields[threads])
	}
	return s, nil
}
