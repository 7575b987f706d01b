package bench

import (
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"testing"
)

// roomy is a system that has enough of everything, as far as it is known.
func roomy() system {
	return system{
		filesSoft: 1024, filesHard: 1 << 20, filesOpen: 8, filesCeiling: 1 << 20, filesAll: 1 << 40, filesTaken: 2000, watches: 1 << 22,
		portFirst: 32768, portLast: 60999, backlog: 4096, synBacklog: 4096, memory: 8 << 30,
	}
}

func TestPreflightMissing(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	tests := []struct {
		name    string
		system  func(*system)
		need    need
		text    string // "": there is room
		command string
	}{
		{name: "all there", need: need{connections: 28232}},
		{name: "nothing known", system: func(s *system) { *s = system{} }, need: need{connections: 10_000_000}},
		{name: "files, lowered by a shell", system: func(s *system) { s.filesHard, s.root, s.filesInit = 4096, true, 1_048_576 }, need: need{connections: 20_000},
			text: "20000 connections need 20080 open files, and this process may have 4096: a shell lowered that for good, so start this from a fresh one", command: "ulimit -n 20100"},
		{name: "a port short", need: need{connections: 28233},
			text:    "28233 connections from one address need as many ports, and there are 28232: connect from 2 addresses with --bind 127.0.0.1-127.0.0.2, or take more ports",
			command: "sudo sysctl -w net.ipv4.ip_local_port_range='29944 60999'"},
		{name: "reserved ports", system: func(s *system) { s.portsReserved = 1 }, need: need{connections: 28232},
			text: "28232 connections from one address need as many ports, and there are 28231", command: "sudo sysctl -w net.ipv4.ip_local_port_range='29944 60999'"},
		{name: "enough sources", need: need{connections: 50_000, sources: 2}},
		{name: "sources short", need: need{connections: 90_000, sources: 3, target: netip.MustParseAddr("192.0.2.1")},
			text:    "90000 connections from 3 addresses need 30000 ports of each, and there are 28232: connect from 4 addresses with --bind, or take more ports",
			command: "sudo sysctl -w net.ipv4.ip_local_port_range='28000 60999'"},
		{name: "more ports than there are", need: need{connections: 70_000},
			text: "70000 connections from one address need as many ports, and there are 28232: connect from 3 addresses with --bind 127.0.0.1-127.0.0.3"},
		{name: "on macOS", system: func(s *system) { s.portFirst, s.portLast = 49152, 65535 }, need: need{connections: 20_000, system: "darwin"},
			text:    "20000 connections from one address need as many ports, and there are 16384: connect from 2 addresses with --bind, or take more ports",
			command: "sudo sysctl -w net.inet.ip.portrange.first=43536"},
		{name: "no ports of a Unix socket", need: need{connections: 70_000, target: netip.Addr{}}},
		{name: "files", system: func(s *system) { s.filesHard = 4096 }, need: need{connections: 20_000},
			text:    "20000 connections need 20080 open files, and this process may have 4096",
			command: "sudo prlimit --pid $$ --nofile=20100:20100"},
		{name: "files, to the last", system: func(s *system) { s.filesHard = 20_080 }, need: need{connections: 20_000}},
		{name: "files of both ends", system: func(s *system) { s.filesHard = 20_080 }, need: need{connections: 10_005, sockets: 2},
			text:    "10005 connections need 20090 open files, and this process may have 20080",
			command: "sudo prlimit --pid $$ --nofile=20100:20100"},
		{name: "files, who may raise", system: func(s *system) { s.filesHard, s.root, s.raises = 4096, true, true }, need: need{connections: 20_000},
			text: "20000 connections need 20080", command: "ulimit -n 20100"},
		{name: "files, beyond the ceiling", system: func(s *system) { s.filesHard, s.filesCeiling = 4096, 10_000 }, need: need{connections: 20_000},
			text: "20000 connections need 20080", command: "sudo sysctl -w fs.nr_open=20100 && sudo prlimit --pid $$ --nofile=20100:20100"},
		{name: "files, in a container", system: func(s *system) { s.filesHard, s.root = 4096, true }, need: need{connections: 20_000},
			text: "20000 connections need 20080 open files, and this process may have 4096: its container sets that, so start this with --ulimit nofile=20100:20100"},
		{name: "files, on macOS", system: func(s *system) { s.filesHard, s.filesCeiling = 4096, 4096 }, need: need{connections: 10_000, system: "darwin"},
			text: "10000 connections need 10080", command: "sudo sysctl -w kern.maxfiles=20200 kern.maxfilesperproc=10100 && ulimit -n 10100"},
		{name: "files of all", system: func(s *system) { s.filesAll = 20_000 }, need: need{connections: 20_000},
			text:    "20000 connections need 20080 open files beside the 2000 that all processes have, and the system allows 20000 in all",
			command: "sudo sysctl -w fs.file-max=45000"},
		{name: "files of all, by the superuser", system: func(s *system) { s.filesAll, s.root = 20_000, true }, need: need{connections: 20_000}},
		{name: "watches", system: func(s *system) { s.watches = 10_000 }, need: need{connections: 20_000, polled: true},
			text:    "20000 connections need 20000 files to be watched, and the system allows a user 10000",
			command: "sudo sysctl -w fs.epoll.max_user_watches=40000"},
		{name: "watches of goroutines", system: func(s *system) { s.watches = 10_000 }, need: need{connections: 20_000}},
		{name: "memory", system: func(s *system) { s.memory = 64 << 20 }, need: need{connections: 20_000},
			text: "20000 connections take at least 224 MB of memory, and 64 MB can be had here: take 5698 connections, or another machine beside this one"},
		{name: "memory, polled", system: func(s *system) { s.memory = 70 << 20 }, need: need{connections: 20_000, polled: true}},
	}
	for _, test := range tests {
		s, n := roomy(), test.need
		if test.system != nil {
			test.system(&s)
		}
		n.sockets, n.sources, n.workers = max(n.sockets, 1), max(n.sources, 1), 2
		if n.system == "" {
			n.system = "linux"
		}
		n.tcp = test.name != "no ports of a Unix socket"
		if !n.target.IsValid() {
			n.target = loopback
		}
		judge(t, test.name, n.missing(&s), test.text, test.command)
	}
}

// judge wants no error where text is empty, and otherwise one that begins so.
func judge(t *testing.T, name string, err error, text, command string) {
	t.Helper()
	var short *PreflightError
	switch {
	case text == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case text == "":
	case !errors.As(err, &short):
		t.Errorf("%s: got %v, want a *PreflightError", name, err)
	case !strings.HasPrefix(short.Text, text) || short.Command != command:
		t.Errorf("%s:\ngot  %s\n     %s\nwant %s\n     %s", name, short.Text, short.Command, text, command)
	case command != "" && !strings.HasSuffix(short.Error(), "; run: "+command):
		t.Errorf("%s: the error does not tell the command: %s", name, short)
	}
}

func TestPreflightNotes(t *testing.T) {
	loopback, far := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.1")
	small := func(s *system) { s.tracked, s.trackable = 60_000, 62_000 }
	for _, test := range []struct {
		name   string
		need   need
		system func(*system)
		want   []string
	}{
		{"few at one time", need{connections: 14_000, burst: 64, target: loopback}, nil, nil},
		{"many at one time", need{connections: 14_000, burst: 5000, target: loopback}, nil, []string{
			"net.core.somaxconn is 4096: while the broker stalls, the system may have some of 5000 connections a second wait",
			"net.ipv4.tcp_max_syn_backlog is 4096: "}},
		{"another's queues", need{connections: 14_000, burst: 5000, target: far}, nil, nil},
		{"many ports", need{connections: 20_000, burst: 64, target: loopback}, nil, []string{
			"Linux looks for a free port the longer the fewer are left, from half of the 28232 of an address on: connecting from 2 addresses"}},
		{"ports of several", need{connections: 20_000, burst: 64, target: loopback, sources: 2}, nil, nil},
		{"a firewall", need{connections: 5000, burst: 64, target: far}, small, []string{"net.netfilter.nf_conntrack_max is 62000, and 60000"}},
		{"a large firewall", need{connections: 2000, burst: 64, target: far}, small, nil},
	} {
		s, n := roomy(), test.need
		if test.system != nil {
			test.system(&s)
		}
		n.tcp, n.system, n.sources = true, "linux", max(1, n.sources)
		notes := n.notes(&s)
		if len(notes) != len(test.want) {
			t.Errorf("%s: %q", test.name, notes)
			continue
		}
		for i, want := range test.want {
			if !strings.HasPrefix(notes[i], want) {
				t.Errorf("%s: %s", test.name, notes[i])
			}
		}
	}
}

func TestNeeds(t *testing.T) {
	tests := []struct {
		target Target
		want   need
	}{
		{Target{Network: "tcp", Address: "127.0.0.1:1883", InProcess: true},
			need{sockets: 2, sources: 1, tcp: true, polled: true, target: netip.MustParseAddr("127.0.0.1")}},
		{Target{Network: "unix", Address: "/run/mqtk"}, need{sockets: 1, sources: 1, polled: true}},
		{Target{Name: "wss://example.com", Sources: make([]netip.Addr, 3)}, need{sockets: 1, sources: 3, tcp: true}},
		{Target{Name: "mem://broker"}, need{sockets: 1, sources: 1}},
	}
	for _, test := range tests {
		test.want.connections, test.want.burst, test.want.workers, test.want.system = 7, 7, 2, runtime.GOOS
		if got := needs(&Plan{Workers: 2, Target: test.target}, 7); got != test.want {
			t.Errorf("%+v:\ngot  %+v\nwant %+v", test.target, got, test.want)
		}
	}
}

// TestBurst: connections are made a few at a time, unless a rate says otherwise.
func TestBurst(t *testing.T) {
	for rate, want := range map[float64]int{0: maxHalfOpen, 10: 10, 5000: 5000, 1e6: 20_000} {
		if got := needs(&Plan{ConnectRate: rate}, 20_000).burst; got != want {
			t.Errorf("at %g a second: %d, want %d", rate, got, want)
		}
	}
}

func TestPreflightOfThisMachine(t *testing.T) {
	plan := Plan{Workers: 1, Target: Target{Network: "tcp", Address: "127.0.0.1:1883"}}
	if err := preflight(&plan, 10); err != nil {
		t.Error(err)
	}
	plan.Target.Sources = []netip.Addr{netip.MustParseAddr("203.0.113.77")}
	judge(t, "foreign", preflight(&plan, 10), "cannot connect from 203.0.113.77: this machine does not have that address", "")
	plan.Target.Address = "[2001:db8::1]:1883"
	plan.Target.Sources = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	judge(t, "of two kinds", preflight(&plan, 10), "cannot connect from 127.0.0.1 to [2001:db8::1]:1883: one is of IPv4, the other of IPv6", "")
}

func TestAssign(t *testing.T) {
	for _, test := range []struct{ system, address, want string }{
		{"darwin", "127.0.0.2", "sudo ifconfig lo0 alias 127.0.0.2"},
		{"darwin", "10.0.0.2", ""},
		{"linux", "10.0.0.2", ""},
	} {
		if got := assign(test.system, netip.MustParseAddr(test.address)); got != test.want {
			t.Errorf("%s on %s: %q", test.address, test.system, got)
		}
	}
}
