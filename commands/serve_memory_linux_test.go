//go:build !race

// The memory of a process under -race says nothing of the one without.

package commands

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"testing"

	"mqtk/mqttwire"
)

// residentBytes reads a line of /proc/PID/status, RssAnon or VmHWM.
func residentBytes(t *testing.T, pid int, line string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(status, []byte(line+":"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		t.Fatalf("no %s in\n%s", line, status)
	}
	kib, err := strconv.Atoi(string(fields[0]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// TestServeGivesMemoryBack lets 2,000 clients come and go, twice: 400 bytes of each
// may stay, which is what the tables that were made for them keep, and the second
// time nothing is added to that.
func TestServeGivesMemoryBack(t *testing.T) {
	const clients, mayStay = 2000, 2000*400 + 1<<20
	b := startMqtk(t, "--log-level", "debug")
	before := residentBytes(t, b.process.cmd.Process.Pid, "RssAnon")
	for round := range 2 {
		conns := make([]net.Conn, clients)
		for i := range conns {
			conns[i] = b.comer(t, fmt.Sprintf("client%d", i))
		}
		top := residentBytes(t, b.process.cmd.Process.Pid, "RssAnon")
		for _, nc := range conns {
			nc.Close()
		}
		for range clients {
			b.process.next("disconnected")
		}
		b.process.next("memory given back")
		if after := residentBytes(t, b.process.cmd.Process.Pid, "RssAnon"); after > before+mayStay {
			t.Errorf("round %d, resident: %d KiB before, %d with %d clients, %d when they had left", round, before>>10, top>>10, clients, after>>10)
		}
	}
}

// comer is the connection of a client that has been greeted.
func (b testBroker) comer(t *testing.T, id string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", net.JoinHostPort(b.host, b.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	hello, err := (&mqttwire.Connect{ClientID: id, CleanStart: true}).Append(nil, mqttwire.V311)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write(hello); err != nil {
		t.Fatal(err)
	}
	var connack [4]byte
	if _, err := io.ReadFull(nc, connack[:]); err != nil {
		t.Fatal(err)
	}
	return nc
}
