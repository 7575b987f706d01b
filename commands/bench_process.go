package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A brokerProcess is the broker that bench starts, and bench crash kills: a command
// with its own process group, its data, and the end of its output.
type brokerProcess struct {
	command    []string
	purpose    string // crash or bench, in the name of the directory
	chosenPort uint16 // 0: the command has no {port}
	data       string // the directory, empty: the command has no {data}
	logPath    string
	output     lastOutput
	cmd        *exec.Cmd
	ended      chan struct{}
}

func newBrokerProcess(purpose string, command []string, logPath string) *brokerProcess {
	b := &brokerProcess{command: command, purpose: purpose, logPath: logPath, ended: make(chan struct{})}
	close(b.ended)
	return b
}

func (b *brokerProcess) uses(place string) bool {
	return strings.Contains(strings.Join(b.command, "\x00"), place)
}

func (b *brokerProcess) usesPort() bool { return b.uses("{port}") }
func (b *brokerProcess) usesData() bool { return b.uses("{data}") }

// words is the command as it is run.
func (b *brokerProcess) words() []string { return replacePlaces(b.command, b.chosenPort, b.data) }

// prepare makes the directory and opens the log.
func (b *brokerProcess) prepare() (err error) {
	if b.logPath != "" {
		if b.output.file, err = os.OpenFile(b.logPath, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
			return usagef("--broker-log: %w", err)
		}
	}
	if b.usesData() {
		if b.data, err = os.MkdirTemp("", "mqtk-"+b.purpose+"-"); err != nil {
			return fmt.Errorf("make the directory of {data}: %w", err)
		}
	}
	return nil
}

// Start runs the command. What escaped its process group holds the other end of
// the pipe of its output: waiting for that is bounded, and the pipe stays open,
// or the escaped would die of writing and look like what was killed.
func (b *brokerProcess) Start() error {
	words := b.words()
	from, to, err := os.Pipe()
	if err != nil {
		return err
	}
	defer to.Close()
	b.cmd = exec.Command(words[0], words[1:]...)
	b.cmd.Stdout, b.cmd.Stderr = to, to
	ownGroup(b.cmd)
	dieWithUs(b.cmd)
	started, silent, ended := make(chan error), make(chan struct{}), make(chan struct{})
	go func(cmd *exec.Cmd) {
		runtime.LockOSThread() // dieWithUs counts from the end of the thread that starts it
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait()
		killGroup(cmd) // what it had started and left behind
		waitFor(silent, time.Second)
		close(ended)
	}(b.cmd)
	if err := <-started; err != nil {
		from.Close()
		return fmt.Errorf("cannot run %s: %w", words[0], err)
	}
	b.ended = ended
	go func() {
		defer close(silent)
		defer from.Close()
		_, _ = io.Copy(&b.output, from)
	}()
	return nil
}

// await waits until the port accepts connections.
func (b *brokerProcess) await(ctx context.Context, limit time.Duration) error {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(b.chosenPort)))
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		nc, err := new(net.Dialer).DialContext(within, "tcp", address)
		if err == nil {
			return nc.Close()
		}
		select {
		case <-again.C:
		case <-b.ended:
			return &startError{strings.Join(b.words(), " "), errors.New("it has ended by itself, before it accepted connections on port " + strconv.Itoa(int(b.chosenPort)))}
		case <-within.Done():
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return &startError{strings.Join(b.words(), " "), fmt.Errorf("nothing accepts connections on port %d after %v", b.chosenPort, limit)}
		}
	}
}

// A startError: a command did not become a broker.
type startError struct {
	command string
	err     error
}

func (e *startError) Error() string { return fmt.Sprintf("%s: %v", e.command, e.err) }
func (e *startError) Unwrap() error { return e.err }

func waitFor(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// Kill ends the command and all of its group.
func (b *brokerProcess) Kill() error {
	select {
	case <-b.ended:
		return nil
	default:
	}
	killGroup(b.cmd)
	if !waitFor(b.ended, dieLimit) {
		return fmt.Errorf("process %d is still there %s after SIGKILL", b.cmd.Process.Pid, dieLimit)
	}
	return nil
}

// Stop asks the command to end, kills what does not, and removes its data.
func (b *brokerProcess) Stop() error {
	select {
	case <-b.ended:
	default:
		terminateGroup(b.cmd)
		waitFor(b.ended, stopLimit)
	}
	err := b.Kill()
	_, cleaned := b.cleanUp(false)
	return errors.Join(err, cleaned)
}

// stopLimit is how long a broker that was asked to end may take.
const stopLimit = 5 * time.Second

// Ended is closed when the command has ended.
func (b *brokerProcess) Ended() <-chan struct{} { return b.ended }

// cleanUp removes the data, or tells where they are kept.
func (b *brokerProcess) cleanUp(keep bool) (kept string, err error) {
	err = b.output.closeFile()
	if b.data == "" || keep {
		return b.data, err
	}
	return "", errors.Join(err, os.RemoveAll(b.data))
}

// lastWords is how the output of the broker ends.
func (b *brokerProcess) lastWords() []string {
	lines := b.output.lines()
	if len(lines) == 0 {
		return []string{"the broker printed nothing"}
	}
	return append([]string{"what " + filepath.Base(b.command[0]) + " printed last:"}, lines...)
}

// lastLines are all lines of the end of its output that were kept.
func (b *brokerProcess) lastLines() []string { return b.output.all() }

// lastOutput keeps the end of what is written to it, and all of it in a file,
// if there is one.
type lastOutput struct {
	file *os.File
	mu   sync.Mutex
	end  []byte
}

const (
	outputKept  = 8 << 10
	outputShown = 12 // lines
)

func (o *lastOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end = append(o.end, p...)
	if n := len(o.end) - outputKept; n > outputKept {
		o.end = append(o.end[:0], o.end[n:]...)
	}
	if o.file != nil {
		return o.file.Write(p)
	}
	return len(p), nil
}

// forget lets go of what was kept.
func (o *lastOutput) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end = nil
}

func (o *lastOutput) closeFile() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil {
		return nil
	}
	defer func() { o.file = nil }() // what escaped may write on
	return o.file.Close()
}

func (o *lastOutput) lines() []string {
	lines := o.all()
	return lines[max(0, len(lines)-outputShown):]
}

// all are the lines that were kept.
func (o *lastOutput) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var lines []string
	for line := range strings.Lines(string(o.end)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
