package capture

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// begun is a connection on a wire, up to its first bytes.
func begun() *wire { return newWire().say(">S 99", "<SA 499 100", "> 100 500 one") }

// wait lets time pass before the next frame.
func (w *wire) wait(d time.Duration) *wire {
	w.at = w.at.Add(d - time.Millisecond)
	return w
}

// unrelated is a frame of nothing, by which time passes.
func (w *wire) unrelated() *wire { return w.add(linkRaw, []byte{0}) }

// added is what an assembler says to frames before the capture ends.
func added(a *Assembler, frames []Frame) string {
	var lines []string
	for _, f := range frames {
		for _, e := range a.Add(f) {
			lines = append(lines, e.line())
		}
	}
	return strings.Join(lines, "|")
}

// TestGapInTime: what both sides know of is waited for a moment, what was lost
// on the way for as long as it may take to be sent again.
func TestGapInTime(t *testing.T) {
	const start = "0> 1 opened|0> 3 one|"
	for _, test := range []struct {
		name string
		wire *wire
		want string
	}{
		{"acknowledged, a little later", begun().say("< 500 106 ANSWER").wait(acknowledgedWait - 1).unrelated(), ""},
		{"acknowledged, later", begun().say("< 500 106 ANSWER").wait(acknowledgedWait).unrelated(), "0> 4 missed 3|0< 4 ANSWER"},
		{"acknowledged without an answer", begun().say("< 500 106").wait(acknowledgedWait).unrelated(), "0> 4 missed 3"},
		{"acknowledged, and here after all", begun().say("< 500 106 ANSWER").wait(time.Millisecond).say("> 103 500 two"), "0> 5 two|0< 4 ANSWER"},
		{"lost", begun().say("> 106 500 three").wait(lostWait - 1).unrelated(), ""},
		{"lost for good", begun().say("> 106 500 three").wait(lostWait).unrelated(), "0> 4 missed 3|0> 4 three"},
		{"lost, and acknowledged later", begun().say("> 106 500 three").wait(lostWait / 2).say("< 500 106 X").wait(acknowledgedWait - 1).unrelated(), ""},
		{"lost, and acknowledged for long", begun().say("> 106 500 three").wait(lostWait / 2).say("< 500 106 X").wait(acknowledgedWait).unrelated(),
			"0> 4 missed 3|0> 4 three|0< 5 X"},
		{"lost, and the end", begun().say("> 106 500 three", ">FA 111 500").wait(acknowledgedWait).unrelated(), "0> 4 missed 3|0> 4 three|0> 5 closed"},
		{"lost, and broken off", begun().say("> 106 500 three", "<RA 500 103").wait(acknowledgedWait).unrelated(), "0< 5 reset|0> 4 missed 3|0> 4 three"},
		{"two gaps", begun().say("> 106 500 three", "> 114 500 five", "< 500 118 X").wait(acknowledgedWait).unrelated(),
			"0> 4 missed 3|0> 4 three|0> 5 missed 3|0> 5 five|0< 6 X"},
		{"gaps of both sides", begun().say("> 106 500 three", "< 506 111 X", "> 111 507 four").wait(acknowledgedWait).unrelated(),
			"0> 4 missed 3|0> 4 three|0< 5 missed 6|0< 5 X|0> 6 four"},
	} {
		a := NewAssembler(AssemblerOptions{})
		if got := strings.TrimPrefix(added(a, test.wire.frames)+"|", start); got != strings.TrimPrefix(test.want+"|", "|") {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

// TestNow gives up without a frame.
func TestNow(t *testing.T) {
	w := begun().say("< 500 106 ANSWER")
	a := NewAssembler(AssemblerOptions{})
	added(a, w.frames)
	if events := a.Now(w.at.Add(acknowledgedWait - 1)); len(events) != 0 {
		t.Errorf("at once: %v", events)
	}
	if events := a.Now(w.at.Add(acknowledgedWait)); len(events) != 2 || events[0].line() != "0> 4 missed 3" || events[1].line() != "0< 4 ANSWER" {
		t.Errorf("later: %v", events)
	}
}

// TestSnap has frames of which only the beginning was kept.
func TestSnap(t *testing.T) {
	w := begun().say("> 103 500 twotwotwo", "> 112 500 three")
	f := &w.frames[3]
	f.Data = f.Data[:len(f.Data)-6]
	want := "0> 1 opened|0> 3 one|0> 4 two|0> 4 missed 6|0> 5 three"
	if got := added(NewAssembler(AssemblerOptions{}), w.frames); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	f.Data = f.Data[:40]
	want = "0> 1 opened|0> 3 one|0> 4 missed 9|0> 5 three"
	if got := added(NewAssembler(AssemblerOptions{}), w.frames); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestFarOff: a segment of another time is passed over, and a connection that
// went on unseen for long is found again.
func TestFarOff(t *testing.T) {
	w := begun().say("> 1000000000 500 stale", "< 3000000000 1000000005 stale", "> 103 500 two", "<R 3000000000",
		"> 1000000000 500 far", "> 1000000003 500 again", "> 1000000008 500 and again")
	want := "0> 1 opened|0> 3 one|0> 6 two|0> 9 missed 0|0> 9 again|0> 10 and again"
	if got := added(NewAssembler(AssemblerOptions{}), w.frames); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestPorts follows the connections that were asked for, and counts them all.
func TestPorts(t *testing.T) {
	w := newWire()
	say := func(port uint16, lines ...string) {
		w.server = netip.AddrPortFrom(w.server.Addr(), port)
		w.say(lines...)
	}
	say(80, "> 1 1 http")
	say(60001, "> 1 1 mqtt")
	say(1883, "> 1 1 mqtt")
	want := "1> 2 opened|1> 2 mqtt"
	a := NewAssembler(AssemblerOptions{Ports: []uint16{60001}})
	got := added(a, w.frames)
	for _, e := range a.Flush() {
		got += "|" + e.line()
		if e.Connection.Server.Port() != 60001 || !e.Connection.Midway {
			t.Errorf("the server is %v", e.Connection.Server)
		}
	}
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := shown(AssemblerOptions{}, w.frames); !strings.Contains(got, "2> 3 mqtt") || !strings.Contains(got, "1< 2 mqtt") {
		t.Errorf("without ports: %s", got)
	}
}

func TestIgnore(t *testing.T) {
	a := NewAssembler(AssemblerOptions{})
	w := begun()
	for _, f := range w.frames {
		for _, e := range a.Add(f) {
			if e.Kind == Data {
				e.Connection.Ignore()
			}
		}
	}
	w.frames = nil
	w.say("> 103 500 two", "> 109 500 four")
	if got := added(a, w.frames); got != "" || a.held != 0 {
		t.Errorf("%q, and %d bytes are held", got, a.held)
	}
}

// TestMemory has far too much wait: out of order in one connection, a little in
// each of many, and in more connections than are kept.
func TestMemory(t *testing.T) {
	block := strings.Repeat("x", 1400)
	a := NewAssembler(AssemblerOptions{Memory: 1 << 20})
	w := begun()
	added(a, w.frames)
	missed, told := 0, 0
	take := func(events []Event) {
		for _, e := range events {
			told += len(e.Data)
			missed += e.Missing
		}
		if a.held > 1<<20+maxHeld || len(a.newest) > maxConversations {
			t.Fatalf("%d bytes are held, of %d connections", a.held, len(a.newest))
		}
	}
	for i := range 3000 {
		w.frames = nil
		w.say(fmt.Sprintf("> %d 500 %s", 1000+i*1500, block))
		take(a.Add(w.frames[0]))
	}
	if missed == 0 || told < 2000*1400 {
		t.Errorf("%d bytes missed, %d told", missed, told)
	}
	missed, told = 0, 0
	for i := range maxConversations + 1000 {
		w.frames = nil
		w.client = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 16), byte(i >> 8)}), uint16(2000+i&255))
		w.say(">S 99", "> 200 500 held")
		take(a.Add(w.frames[0]))
		take(a.Add(w.frames[1]))
	}
	if a.held > 1<<20 || missed < 50000*100 || told < 50000*4 {
		t.Errorf("%d bytes are held of many, %d missed, %d told", a.held, missed, told)
	}
	take(a.Flush())
	if a.held != 0 {
		t.Errorf("%d bytes are held after all", a.held)
	}
}
