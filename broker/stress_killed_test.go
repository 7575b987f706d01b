package broker_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/broker/journal"
	"mqtk/mqttwire"
)

// The broker over its journal is killed over and over, or told to end, at any
// moment, while the members of a storm are at work: to each of them it keeps all that it ever
// acknowledged, sends nothing of QoS 2 twice, and goes on in order.
func TestKilledOverAndOver(t *testing.T) {
	if dir := os.Getenv("MQTK_TEST_JOURNAL"); dir != "" {
		serveUntilKilled(t, dir)
		return
	}
	w := &storm{T: t, seed: stressSeed(t), deep: true, mortal: true, shared: map[string]int{}}
	r := rand.New(rand.NewPCG(w.seed, 5))
	v := &victim{T: t, dir: t.TempDir()}
	w.dial = v.dial
	v.start()
	for i := range 5 {
		m := newMember(w, i)
		w.members = append(w.members, m)
		if !m.connect() || !m.enlist() {
			t.Fatal("the first connection fails")
		}
	}
	for range 3 + scale(50)/10 {
		w.until = time.Now().Add(time.Duration(5+r.IntN(150)) * time.Millisecond)
		var work sync.WaitGroup
		for _, m := range w.members {
			work.Go(m.toil)
		}
		<-time.NewTimer(time.Until(w.until)).C
		v.end(r.IntN(3) == 0)
		work.Wait()
		if t.Failed() {
			return
		}
		v.start()
		for _, m := range w.members {
			if !m.connect() {
				t.Fatalf("%s cannot connect", m.name)
			}
		}
	}
	w.recover()
	v.end(true)
}

// toil is a member's life until the broker's end.
func (m *member) toil() {
	for !m.Failed() && m.act() {
	}
	m.end()
}

// recover lets everything arrive, and wants nothing to be missing, nor anything to
// come in half a second beyond it.
func (w *storm) recover() {
	var all sync.WaitGroup
	posted, end := 0, time.Now().Add(ample)
	for _, m := range w.members {
		posted += m.posts
	}
	for _, m := range w.members {
		all.Go(func() {
			defer m.end()
			quiet := 0
			for (quiet < 25 || !m.hasAll(posted)) && time.Now().Before(end) && !w.Failed() {
				before := m.took
				if !m.answer() || !m.read(20*time.Millisecond) {
					w.Errorf("%s: the connection ends", m.name)
					return
				}
				if quiet++; before != m.took {
					quiet = 0
				}
			}
		})
	}
	all.Wait()
	for _, m := range w.members {
		if len(m.sent) > 0 {
			w.Errorf("%s: %d messages are not acknowledged", m.name, len(m.sent))
		}
		for s, n := range m.published {
			for _, other := range w.members {
				if s.qos > 0 && other.seen[s] != n {
					w.Errorf("%s got %d messages of %v, not %d", other.name, other.seen[s], s, n)
				}
			}
		}
	}
	if len(w.shared) != posted {
		w.Errorf("%d messages went to the share, and %d arrived", posted, len(w.shared))
	}
	w.Logf("%d messages to the share", posted)
}

// hasAll tells whether m has what everybody has published, and the share what has
// gone to it, while nobody publishes.
func (m *member) hasAll(posted int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	missing := len(m.sent) > 0 || len(m.shared) < posted
	for _, other := range m.members {
		for s, n := range other.published {
			missing = missing || s.qos > 0 && m.seen[s] < n
		}
	}
	return !missing
}

// A victim is a process with a broker.
type victim struct {
	*testing.T
	dir     string
	mu      sync.Mutex // address
	address string
	process *exec.Cmd
	in      io.Closer
	said    bytes.Buffer
}

func (v *victim) dial() (net.Conn, error) {
	v.mu.Lock()
	address := v.address
	v.mu.Unlock()
	return net.Dial("tcp", address)
}

func (v *victim) start() {
	v.Helper()
	v.process = exec.Command(os.Args[0], "-test.run=^TestKilledOverAndOver$")
	v.process.Env = append(os.Environ(), "MQTK_TEST_JOURNAL="+v.dir)
	v.said.Reset()
	v.process.Stderr = &v.said
	in, err := v.process.StdinPipe() // ends with this process
	if err != nil {
		v.Fatal(err)
	}
	v.in = in
	out, err := v.process.StdoutPipe()
	if err == nil {
		err = v.process.Start()
	}
	if err != nil {
		v.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		v.end(false)
		v.Fatalf("the broker does not begin: %v", err)
	}
	v.mu.Lock()
	v.address = strings.TrimSpace(line)
	v.mu.Unlock()
}

// end ends the process, and wants it to have had nothing to complain of.
func (v *victim) end(gently bool) {
	if gently {
		v.in.Close()
	} else {
		v.process.Process.Kill()
	}
	if err := v.process.Wait(); gently && err != nil {
		v.Errorf("Shutdown: %v", err)
	}
	if v.said.Len() > 0 {
		v.Errorf("the broker says:\n%s", &v.said)
	}
}

// The same while members of a share come and go, and leave to one another what
// they have on disk: every message that was acknowledged is taken by somebody.
func TestKilledBequests(t *testing.T) {
	seed := stressSeed(t)
	r := rand.New(rand.NewPCG(seed, 5))
	v := &victim{T: t, dir: t.TempDir()}
	e := &estate{T: t, mortal: true, dial: v.dial, over: make(chan struct{}), taken: map[string]bool{}}
	v.start()
	stays := e.visit("stays", true, 1000)
	e.subscribe(stays)
	if p, err := stays.r.ReadPacket(); err != nil || p.Type() != mqttwire.SUBACK {
		t.Fatal(p, err)
	}
	stays.nc.Close()
	var lodgers sync.WaitGroup
	for i := range 4 {
		l := &lodger{e, rand.New(rand.NewPCG(seed, uint64(i))), fmt.Sprint("lodger-", i)}
		lodgers.Go(l.live)
	}
	published := make(chan int)
	go func() { published <- e.publish(2500 * time.Millisecond) }()
	for range 8 {
		<-time.NewTimer(time.Duration(50+r.IntN(250)) * time.Millisecond).C
		v.end(r.IntN(3) == 0)
		v.start()
	}
	n := <-published
	close(e.over)
	lodgers.Wait()
	stays = e.visit("stays", false, 1000)
	if stays == nil {
		t.Fatal("who stays cannot connect")
	}
	go e.receive(stays)
	if !eventually(func() bool { return e.missing(n) == nil }) {
		t.Errorf("of %d messages these never came: %v", n, e.missing(n))
	}
	v.end(true)
	t.Logf("%d messages", n)
}

// serveUntilKilled is what the process does.
func serveUntilKilled(t *testing.T, dir string) {
	store, err := journal.Open(journal.Options{Dir: dir, Durability: journal.Fsync, SegmentSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(broker.Options{Store: store, Limits: limits(t, "max_outbox_bytes", "12KiB", "max_queued_messages", "6",
		"max_inflight", "5", "session_expiry_3x", "1000s", "connect_timeout", "60s", "sys_interval", "1s"),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(l.Addr())
	go b.Serve(l)
	io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), ample)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if n := b.Panics(); n != 0 {
		t.Fatalf("%d panics were caught", n)
	}
}
