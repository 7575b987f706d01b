package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const burnVariable = "MQTK_BENCH_TEST_BURN"

// TestProcessBurns is the child of the tests below: it uses memory and CPU, says
// what the system thinks that it used, and waits for the end of its input.
func TestProcessBurns(t *testing.T) {
	if os.Getenv(burnVariable) == "" {
		return // it is no child
	}
	memory := make([]byte, 64<<20)
	for i := 0; i < len(memory) || rusage(t) < 300*time.Millisecond; i += 511 {
		memory[i%len(memory)]++
	}
	fmt.Printf("\nburnt %d\n", rusage(t))
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println(memory[0])
}

func rusage(t *testing.T) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// A burner is a child that has burnt CPU time.
type burner struct {
	cmd   *exec.Cmd
	input io.Closer
	burnt time.Duration
}

// burn starts one, by a command whose last words start this test.
func burn(t *testing.T, words ...string) *burner {
	t.Helper()
	words = append(words, os.Args[0], "-test.run=^TestProcessBurns$")
	b := &burner{cmd: exec.Command(words[0], words[1:]...)}
	b.cmd.Env = append(os.Environ(), burnVariable+"=1")
	input, err := b.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.input = input
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.end)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "burnt %d", &b.burnt); err == nil {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return b
		}
	}
	t.Fatal("the child says nothing")
	return nil
}

func (b *burner) end() {
	b.input.Close()
	_ = b.cmd.Wait()
}

func (b *burner) used() time.Duration {
	return b.cmd.ProcessState.UserTime() + b.cmd.ProcessState.SystemTime()
}

func TestProcessWatch(t *testing.T) {
	b := burn(t)
	w, err := watch(b.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	s, err := w.sample()
	if err != nil {
		t.Fatal(err)
	}
	if s.RSS < 64<<20 || s.HighRSS < s.RSS || s.Threads < 1 || s.Processes != 1 || s.At.IsZero() {
		t.Errorf("a child with 64 MiB: %+v", s)
	}
	b.end()
	if low, high := b.burnt-time.Microsecond, b.used()+time.Millisecond; s.CPU < low || s.CPU > high {
		t.Errorf("used %v, want %v to %v", s.CPU, low, high)
	}
	if _, err := w.sample(); err != errProcessEnded {
		t.Errorf("a sample of a process that has ended: %v", err)
	}
}

// TestProcessWatchDescendants: what a shell started is watched with it, and stays
// counted when it has ended.
func TestProcessWatchDescendants(t *testing.T) {
	b := burn(t, "sh", "-c", `sh -c '"$0" "$@"; echo; read -r line; :' "$0" "$@"; :`)
	w, err := watch(b.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	s, err := w.sample()
	if err != nil {
		t.Fatal(err)
	}
	if s.Processes != 3 || s.RSS < 64<<20 || s.CPU < b.burnt-4*tick {
		t.Errorf("a shell whose grandchild has burnt %v: %+v", b.burnt, s)
	}
	b.end()
	if used := b.used(); s.CPU > used+8*tick {
		t.Errorf("used %v, want at most %v", s.CPU, used)
	}
}

// TestProcessWatchEndOfChild: CPU time never goes back.
func TestProcessWatchEndOfChild(t *testing.T) {
	shell := exec.Command("sh", "-c", `read -r line; "$0" -test.run='^TestProcessBurns$' </dev/null >/dev/null; echo done; read -r line; read -r line`, os.Args[0])
	shell.Env = append(os.Environ(), burnVariable+"=1")
	input, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { input.Close(); _ = shell.Wait() }()
	w, err := watch(shell.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	samples := []ProcessSample{mustSample(t, w)}
	fmt.Fprintln(input)
	ended := make(chan struct{})
	go func() { defer close(ended); bufio.NewScanner(out).Scan() }()
	for going := true; going; {
		select {
		case <-ended:
			going = false
		default:
		}
		s := mustSample(t, w)
		if last := samples[len(samples)-1]; s.CPU < last.CPU {
			t.Fatalf("from %+v to %+v", last, s)
		}
		samples = append(samples, s)
	}
	if cores := samples[0].cores(samples[len(samples)-1]); cores <= 0 {
		t.Errorf("%v cores were in use", cores)
	}
	p := processTook(shell.Process.Pid, samples)
	if p.CPUSeconds < 0.3-4*tick.Seconds() || p.Seconds <= 0 || p.PeakRSS < 64<<20 || p.RSS > p.PeakRSS {
		t.Errorf("with a child that burnt 0.3 s and 64 MiB: %+v", p)
	}
}

func mustSample(t *testing.T, w *processWatch) ProcessSample {
	t.Helper()
	s, err := w.sample()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestProcessNotWatched: what cannot be watched is told in a sentence.
func TestProcessNotWatched(t *testing.T) {
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	thread := 0
	for _, d := range threads {
		if d.Name() != fmt.Sprint(os.Getpid()) {
			_, _ = fmt.Sscan(d.Name(), &thread)
		}
	}
	for pid, want := range map[int]string{
		child.Process.Pid: "there is none of this id",
		0:                 "there is none of this id",
		-1:                "there is none of this id",
		os.Getpid():       "it is this one",
		os.Getppid():      "it has started this one",
		thread:            fmt.Sprintf("it is a thread of the process %d", os.Getpid()),
	} {
		if w, err := watch(pid); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprint(pid)) {
			t.Errorf("%d: %v, %v, want %q", pid, w, err, want)
		}
	}
}

// TestProcessError: what the files of /proc answer for others' processes.
func TestProcessError(t *testing.T) {
	for err, want := range map[error]string{
		&os.PathError{Op: "read", Path: "/proc/1/stat", Err: syscall.ESRCH}:  "it has ended",
		&os.PathError{Op: "open", Path: "/proc/1/stat", Err: syscall.EACCES}: "it is another user's: be that user, or root",
		errors.New("odd"): "odd",
	} {
		if got := procError(err).Error(); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestParseStat(t *testing.T) {
	const rest = " 1 2 2 0 -1 4194560 1 2 3 4 120 30 7 3 20 0 42 0 9000 1000000 500 18446744073709551615"
	good := procStat{pid: 12, state: 'S', own: 150 * tick, waited: 10 * tick, threads: 42}
	for text, want := range map[string]procStat{
		"12 (mosquitto) S" + rest:        good,
		"12 (mosquitto) S" + rest + "\n": good,
		"12 (a b) R 0 (c) S" + rest:      good,
		"12 () S" + rest:                 good,
		"12 (\n) S" + rest:               good,
		"12 ()) R 1 1 1 1 1 1) S" + rest: good,
		"12 (sh) S" + strings.TrimSuffix(rest, " 42 0 9000 1000000 500 18446744073709551615"): {},
		"12 (sh) SS" + rest: {},
		"x (sh) S" + rest:   {},
		"12 sh S" + rest:    {},
		"":                  {},
		")":                 {},
		"12 (sh) S" + strings.Replace(rest, "120", "-1", 1):                   {},
		"12 (sh) S" + strings.Replace(rest, "120", "99999999999999999999", 1): {},
		"12 (sh) S" + strings.Replace(rest, "120", "900000000000000000", 1):   {},
		"12 (sh) S" + strings.Replace(rest, " 42 ", " many ", 1):              {},
	} {
		got, err := parseStat([]byte(text))
		if got != want || (err == nil) != (want == good) {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// FuzzParseStat: a name says nothing, whatever it is, and no line breaks it.
func FuzzParseStat(f *testing.F) {
	f.Add("mosquitto", int64(12), 3)
	f.Add("a) S 1 (b", int64(0), 0)
	f.Add("12 (sh) S 1 2 2 0 -1 4194560 1 2 3 4 120 30 7 3 20 0 42 0 9000", int64(1<<40), 1<<20)
	f.Fuzz(func(t *testing.T, name string, ticks int64, threads int) {
		if s, err := parseStat([]byte(name)); err == nil && (s.own < 0 || s.waited < 0 || s.threads < 0) {
			t.Errorf("%q: %+v", name, s)
		}
		line := fmt.Sprintf("7 (%s) S 1 2 2 0 -1 4194560 1 2 3 4 %d 0 0 0 20 0 %d 0 9000 1000000 500\n", name, ticks, threads)
		s, err := parseStat([]byte(line))
		if fits := ticks >= 0 && ticks < 1<<36 && threads >= 0; fits && (err != nil || s != procStat{7, 'S', time.Duration(ticks) * tick, 0, threads}) {
			t.Errorf("%q: %+v, %v", line, s, err)
		}
	})
}
