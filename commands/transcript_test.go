package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mqtk/broker"
	"mqtk/mqttwire/transport"
)

// TestTranscripts runs testdata/*.txtar: one behaviour each, as a user would
// see it. mqtk is a process of its own in them (main_test.go), a broker of
// package broker is at $BROKER, and these words are added to those of
// testscript:
//
//	mqtk WORDS...             run mqtk; it must end 0
//	ends CODE mqtk WORDS...   run it; it must end with the code
//	fake FILE                 start a fake server (fake_test.go), at $FAKE, port $FAKE_PORT
//	begin NAME mqtk WORDS...  start it beside the script
//	await NAME REGEXP         wait until its stdout or stderr holds a line like this
//	feed NAME FILE            write the file to its stdin
//	hush NAME                 close its stdin
//	deafen NAME               close the pipe that it writes to
//	signal NAME INT|TERM|KILL|HUP  send a signal
//	where NAME VARIABLE...         the addresses of a serve with --ready-fd 1
//	expand FILE...                 put the values of $VARIABLES into files
//	certify FILE NAME [HOST...]    write FILE.pem and FILE.key, signed by ca.pem
//	end NAME CODE             wait for its end; the output is in NAME.out and NAME.err
func TestTranscripts(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(env *testscript.Env) error { return setUpTranscript(env, self) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mqtk":   cmdMqtk,
			"ends":   cmdEnds,
			"fake":   cmdFake,
			"begin":  cmdBegin,
			"await":  cmdAwait,
			"feed":   cmdFeed,
			"hush":   cmdHush,
			"deafen": cmdDeafen,
			"signal": cmdSignal,
			"end":    cmdEnd,

			"where":   cmdWhere,
			"expand":  cmdExpand,
			"certify": cmdCertify,
		},
	})
}

// raceInAHurry: under -race a process would sleep for a second before it exits.
const raceInAHurry = "atexit_sleep_ms=0"

// companions are the processes that begin has started, by name.
type companions map[string]*actor

func setUpTranscript(env *testscript.Env, self string) error {
	bin := filepath.Join(env.WorkDir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return err
	}
	if err := os.Symlink(self, filepath.Join(bin, "mqtk")); err != nil {
		return err
	}
	b, err := broker.New(broker.Options{})
	if err != nil {
		return err
	}
	l, err := transport.Listen("mqtt://127.0.0.1:0", transport.ListenOptions{})
	if err != nil {
		return err
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = b.Serve(l)
	}()
	url := transport.URL(l)
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv(runAsMqtk, "1")
	env.Setenv("GORACE", raceInAHurry)
	env.Setenv("BROKER", url)
	env.Setenv("PORT", url[strings.LastIndex(url, ":")+1:])
	running := companions{}
	env.Values[companions{}.key()] = running
	env.Values["t"] = env.T()
	env.Values["authority"] = &authority{dir: env.WorkDir}
	env.Defer(func() {
		for _, p := range running {
			p.kill()
		}
		ctx, cancel := context.WithTimeout(context.Background(), actorPatience)
		defer cancel()
		_ = b.Shutdown(ctx)
		<-served
	})
	return nil
}

func (companions) key() string { return "companions" }

func cmdMqtk(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("say which code: ends CODE mqtk ...")
	}
	ts.Check(ts.Exec("mqtk", args...))
}

func cmdEnds(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: ends CODE PROGRAM WORDS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("ended with %d, not %d", got, want)
	}
}

func cmdFake(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: fake FILE")
	}
	f := startFake(tbOf(ts), ts.ReadFile(args[0]))
	ts.Defer(f.stop)
	ts.Setenv("FAKE", f.url())
	ts.Setenv("FAKE_PORT", f.url()[strings.LastIndex(f.url(), ":")+1:])
}

// scriptTB lets a fake server complain to the transcript that started it.
type scriptTB struct {
	testing.TB
	ts *testscript.TestScript
}

func tbOf(ts *testscript.TestScript) testing.TB {
	return scriptTB{ts: ts}
}

func (s scriptTB) Errorf(format string, a ...any) {
	s.ts.Value("t").(interface{ Log(...any) }).Log(fmt.Sprintf(format, a...))
	if t, ok := s.ts.Value("t").(interface{ Fail() }); ok {
		t.Fail()
	}
}

func (s scriptTB) Fatal(a ...any) { s.ts.Fatalf("%s", fmt.Sprint(a...)) }

// An actor is a process that begin has started.
type actor struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out, err *printout
	ended    chan struct{}
}

// A printout collects what an actor writes, and lets others wait for it.
type printout struct {
	file *os.File
	mu   sync.Mutex
	text []byte
	over bool
	more chan struct{} // closed with each change, then replaced
}

func newPrintout(file *os.File) *printout {
	c := &printout{file: file, more: make(chan struct{})}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := file.Read(buffer)
			c.mu.Lock()
			c.text = append(c.text, buffer[:n]...)
			c.over = err != nil
			close(c.more)
			c.more = make(chan struct{})
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

func (c *printout) state() (text string, over bool, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text), c.over, c.more
}

func cmdBegin(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: begin NAME PROGRAM WORDS...")
	}
	program, err := exec.LookPath(filepath.Join(ts.Getenv("WORK"), "bin", args[1]))
	ts.Check(err)
	cmd := exec.Command(program, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), runAsMqtk + "=1", "GORACE=" + raceInAHurry, "HOME=" + ts.Getenv("HOME")}
	outRead, outWrite, err := os.Pipe()
	ts.Check(err)
	errRead, errWrite, err := os.Pipe()
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = outWrite, errWrite
	in, err := cmd.StdinPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	outWrite.Close()
	errWrite.Close()
	p := &actor{cmd: cmd, in: in, out: newPrintout(outRead), err: newPrintout(errRead), ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	ts.Value(companions{}.key()).(companions)[args[0]] = p
}

func processOf(ts *testscript.TestScript, args []string, words int, usage string) *actor {
	if len(args) != words {
		ts.Fatalf("usage: %s", usage)
	}
	p := ts.Value(companions{}.key()).(companions)[args[0]]
	if p == nil {
		ts.Fatalf("nothing has begun as %s", args[0])
	}
	return p
}

const actorPatience = time.Minute

func cmdAwait(ts *testscript.TestScript, _ bool, args []string) {
	p := processOf(ts, args, 2, "await NAME REGEXP")
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	deadline := time.After(actorPatience)
	for {
		out, outOver, outMore := p.out.state()
		problems, errOver, errMore := p.err.state()
		if pattern.MatchString(out) || pattern.MatchString(problems) {
			return
		}
		if outOver && errOver {
			ts.Fatalf("%s has ended without %s\nstdout:\n%s\nstderr:\n%s", args[0], args[1], out, problems)
		}
		select {
		case <-outMore:
		case <-errMore:
		case <-deadline:
			ts.Fatalf("%s says no %s\nstdout:\n%s\nstderr:\n%s", args[0], args[1], out, problems)
		}
	}
}

func cmdFeed(ts *testscript.TestScript, _ bool, args []string) {
	p := processOf(ts, args, 2, "feed NAME FILE")
	_, err := io.WriteString(p.in, ts.ReadFile(args[1]))
	ts.Check(err)
}

func cmdHush(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(processOf(ts, args, 1, "hush NAME").in.Close())
}

func cmdDeafen(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(processOf(ts, args, 1, "deafen NAME").out.file.Close())
}

func cmdSignal(ts *testscript.TestScript, _ bool, args []string) {
	p := processOf(ts, args, 2, "signal NAME INT|TERM|KILL|HUP")
	s := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill, "HUP": syscall.SIGHUP}[args[1]]
	ts.Check(p.cmd.Process.Signal(s))
}

func cmdWhere(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: where NAME VARIABLE...")
	}
	cmdAwait(ts, false, []string{args[0], `"ready":true`})
	out, _, _ := processOf(ts, args[:1], 1, "").out.state()
	var ready struct{ Listeners []string }
	ts.Check(json.Unmarshal([]byte(out), &ready))
	for i, variable := range args[1:] {
		ts.Setenv(variable, ready.Listeners[i])
	}
}

func cmdExpand(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(os.Expand(ts.ReadFile(file), ts.Getenv)), 0o600))
	}
}

func cmdCertify(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: certify FILE NAME [HOST...]")
	}
	ts.Check(ts.Value("authority").(*authority).issue(args[0], args[1], args[2:]...))
}

func cmdEnd(ts *testscript.TestScript, _ bool, args []string) {
	p := processOf(ts, args, 2, "end NAME CODE")
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	select {
	case <-p.ended:
	case <-time.After(actorPatience):
		problems, _, _ := p.err.state()
		ts.Fatalf("%s does not end\nstderr:\n%s", args[0], problems)
	}
	for name, c := range map[string]*printout{"out": p.out, "err": p.err} {
		text, over, more := c.state()
		for !over {
			<-more
			text, over, more = c.state()
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+"."+name), []byte(text), 0o600))
	}
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		problems, _, _ := p.err.state()
		ts.Fatalf("%s has ended with %d, not %d\nstderr:\n%s", args[0], got, want, problems)
	}
	delete(ts.Value(companions{}.key()).(companions), args[0])
}

func (p *actor) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
	p.out.file.Close()
	p.err.file.Close()
}
