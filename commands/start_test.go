package commands

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mqtk/mqttwire"
)

// TestOneShotGoroutines: each goroutine may wake a thread, and each thread that is
// started costs as much as the whole exchange with a broker. Up to the CONNACK
// there is nothing to do at the same time, and behind it there are the client's
// reader and writer.
func TestOneShotGoroutines(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	self := fmt.Sprintf("in goroutine %d", ownGoroutine(t))
	started := make(chan map[mqttwire.PacketType][]string, 1)
	go func() {
		at := map[mqttwire.PacketType][]string{}
		defer func() { started <- at }()
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		eachPacketOf(nc, func(p mqttwire.Packet) {
			at[p.Type()] = goroutinesCreated(self)
			switch p := p.(type) {
			case *mqttwire.Connect:
				_, _ = nc.Write([]byte{0x20, 3, 0, 0, 0})
			case *mqttwire.Publish:
				_, _ = nc.Write([]byte{0x40, 2, byte(p.PacketID >> 8), byte(p.PacketID)})
			}
		})
	}()
	var out, problems bytes.Buffer
	if code := Run(t.Context(), []string{"pub", "-L", "mqtt://" + l.Addr().String(), "-q", "1", "a", "b"}, Stdio{In: strings.NewReader(""), Out: &out, Err: &problems}); code != 0 {
		t.Fatalf("%d: %s", code, &problems)
	}
	at := <-started
	for packet, most := range map[mqttwire.PacketType]int{mqttwire.CONNECT: 0, mqttwire.PUBLISH: 2} {
		if got, seen := at[packet]; !seen || len(got) > most {
			t.Errorf("at %v (%t) there are %d goroutines of a one-shot pub, not %d:\n%s", packet, seen, len(got), most, strings.Join(got, "\n"))
		}
	}
}

// goroutinesCreated names what product code has started "in goroutine N" and is
// still there.
func goroutinesCreated(by string) (creators []string) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for line := range strings.Lines(string(stacks)) {
		creator, created := strings.CutPrefix(strings.TrimSpace(line), "created by mqtk/")
		if creator, own := strings.CutSuffix(creator, " "+by); created && own && !strings.Contains(creator, ".Test") {
			creators = append(creators, creator)
		}
	}
	return creators
}

func ownGoroutine(t *testing.T) (id int) {
	stack := make([]byte, 64)
	if _, err := fmt.Sscanf(string(stack[:runtime.Stack(stack, false)]), "goroutine %d ", &id); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestInitAllocates: what packages build when the program starts, every run pays
// for. Those of the house build nothing, and what they bring along has a bound.
func TestInitAllocates(t *testing.T) {
	var reached []string
	for _, p := range listPackages(t) {
		if p.ImportPath == "mqtk" {
			reached = append(p.Deps, "mqtk")
		}
	}
	cmd := mqtkCommand(t, "version")
	cmd.Env = append(cmd.Env, "GODEBUG=inittrace=1")
	trace, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, trace)
	}
	bytes, objects := 0, 0
	for line := range strings.Lines(string(trace)) {
		var path string
		var at, clock float64
		var size, count int
		if n, _ := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &path, &at, &clock, &size, &count); n < 5 || !slices.Contains(reached, path) {
			continue
		}
		bytes, objects = bytes+size, objects+count
		if isHouse(path) && count > 0 || isBuiltForNobody(path) && count > 0 {
			t.Errorf("%s allocates %d objects, %d bytes, before main", path, count, size)
		}
	}
	const mostBytes, mostObjects = 120_000, 700
	t.Logf("%d objects, %d bytes", objects, bytes)
	if objects == 0 || objects > mostObjects || bytes > mostBytes {
		t.Errorf("%d objects, %d bytes are allocated before main; the bounds are %d and %d", objects, bytes, mostObjects, mostBytes)
	}
}

// isBuiltForNobody names packages that go.mod replaces, or that are done without,
// for what their tables take.
func isBuiltForNobody(path string) bool {
	return path == "github.com/dustin/go-humanize"
}
