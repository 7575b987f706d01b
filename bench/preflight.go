package bench

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
)

// A PreflightError: the system, as it is set up, has no room for the run.
type PreflightError struct {
	Text    string // a sentence
	Command string // for the shell that the run is started from, to make room; empty: there is none
}

func (e *PreflightError) Error() string {
	if e.Command == "" {
		return e.Text
	}
	return e.Text + "; run: " + e.Command
}

// preflight tells whether so many connections can be had at one time, before
// the first of them is made. It raises the soft limit of open files by itself.
func preflight(p *Plan, connections int) error {
	if err := checkSources(&p.Target); err != nil {
		return err
	}
	s, n := readSystem(), needs(p, connections)
	if err := n.missing(&s); err != nil {
		return err
	}
	if s.filesSoft > 0 && n.files(&s) > s.filesSoft {
		if err := raiseFiles(s.filesHard); err != nil {
			return &PreflightError{Text: fmt.Sprintf("the limit of open files cannot be raised from %d: %v", s.filesSoft, err)}
		}
	}
	return nil
}

// preflightNotes are sentences about what may hold so many connections up, and
// does not forbid them.
func preflightNotes(p *Plan, connections int) []string {
	s := readSystem()
	return needs(p, connections).notes(&s)
}

// A system is what this machine allows. What is 0 is not known.
type system struct {
	filesSoft, filesHard uint64 // open files of this process
	filesOpen            uint64 // that it has open now
	filesInit            uint64 // that the first process of the system, or of the container, may have
	filesCeiling         uint64 // to which the hard limit can be raised
	filesAll, filesTaken uint64 // open files of all processes
	raises               bool   // this process may raise its hard limit
	root                 bool   // it is the superuser's, which filesAll does not bind
	watches              uint64 // files of one user that epoll may watch
	portFirst, portLast  int    // for connections that choose no port
	portsReserved        int    // of these, the ones that are not given out
	backlog, synBacklog  int    // connections that may wait to be accepted; to be completed
	tracked, trackable   int    // connections that the firewall knows; may know
	memory               uint64 // bytes that can be had without swapping
}

// A need is what a run asks of the system.
type need struct {
	connections int
	burst       int // of connections that may wait for the broker at one time
	workers     int
	sockets     int // of this process for each connection: two if the broker is in it
	tcp         bool
	polled      bool // by epoll, where there is one
	target      netip.Addr
	sources     int
	system      string // GOOS
}

func needs(p *Plan, connections int) need {
	n := need{connections: connections, workers: p.Workers, sockets: 1, sources: max(1, len(p.Target.Sources)), system: runtime.GOOS}
	n.burst = min(connections, maxHalfOpen)
	if p.ConnectRate > 0 { // a second's worth
		n.burst = int(min(float64(connections), p.ConnectRate))
	}
	if p.Target.InProcess {
		n.sockets = 2
	}
	n.polled = p.Target.Network != ""
	n.tcp = overTCP(&p.Target)
	if at, err := netip.ParseAddrPort(p.Target.Address); err == nil {
		n.target = at.Addr().Unmap()
	}
	return n
}

// overTCP tells whether each connection takes a port of this side.
func overTCP(t *Target) bool {
	if t.Network != "" {
		return t.Network == "tcp"
	}
	scheme, _, ok := strings.Cut(t.Name, "://")
	return ok && scheme != "unix" && scheme != "mem"
}

// missing is the first thing that the system has too little of.
func (n need) missing(s *system) error {
	for _, look := range []func(*system) *PreflightError{n.filesOfProcess, n.filesOfAll, n.watched, n.ports, n.memory} {
		if err := look(s); err != nil {
			return err
		}
	}
	return nil
}

// Beside its connections the process has open what it had, and for each worker
// what it waits with; the rest is to spare.
const (
	filesPerWorker = 4
	filesToSpare   = 64
)

func (n need) files(s *system) uint64 {
	return uint64(n.connections*n.sockets+n.workers*filesPerWorker+filesToSpare) + s.filesOpen
}

func (n need) filesOfProcess(s *system) *PreflightError {
	want := n.files(s)
	if s.filesHard == 0 || want <= s.filesHard {
		return nil
	}
	return n.moreFiles(s, want, fmt.Sprintf("%d connections need %d open files, and this process may have %d", n.connections, want, s.filesHard))
}

// moreFiles says how a process comes to have so many open files.
func (n need) moreFiles(s *system, want uint64, text string) *PreflightError {
	want = (want + 99) / 100 * 100
	if n.contained(s) && s.filesInit >= want {
		text += ": a shell lowered that for good, so start this from a fresh one"
		return &PreflightError{Text: text, Command: fmt.Sprintf("ulimit -n %d", want)}
	}
	if n.contained(s) {
		text += fmt.Sprintf(": its container sets that, so start this with --ulimit nofile=%d:%d (docker, podman)", want, want)
	}
	return &PreflightError{Text: text, Command: n.raise(s, want)}
}

// contained tells that the limits of this process come from outside: not even the
// superuser may raise them here.
func (n need) contained(s *system) bool { return n.system == "linux" && s.root && !s.raises }

// raise is the command after which a process of the shell may have so many
// files open.
func (n need) raise(s *system, files uint64) string {
	switch n.system {
	case "linux":
	case "windows":
		return ""
	case "darwin":
		if s.filesCeiling > 0 && files > s.filesCeiling {
			return fmt.Sprintf("sudo sysctl -w kern.maxfiles=%d kern.maxfilesperproc=%d && ulimit -n %d", 2*files, files, files)
		}
		return fmt.Sprintf("ulimit -n %d", files)
	default:
		return fmt.Sprintf("ulimit -n %d", files)
	}
	ceiling := ""
	if s.filesCeiling > 0 && files > s.filesCeiling {
		ceiling = fmt.Sprintf("sysctl -w fs.nr_open=%d && ", files)
	}
	switch {
	case s.raises:
		return fmt.Sprintf("%sulimit -n %d", ceiling, files)
	case n.contained(s):
		return ""
	case ceiling != "":
		ceiling = "sudo " + ceiling
	}
	return fmt.Sprintf("%ssudo prlimit --pid $$ --nofile=%d:%d", ceiling, files, files)
}

func (n need) filesOfAll(s *system) *PreflightError {
	want := s.filesTaken + n.files(s)
	if s.filesAll == 0 || s.root || want <= s.filesAll {
		return nil
	}
	return &PreflightError{
		Text: fmt.Sprintf("%d connections need %d open files beside the %d that all processes have, and the system allows %d in all",
			n.connections, n.files(s), s.filesTaken, s.filesAll),
		Command: n.raiseAll((2*want + 999) / 1000 * 1000),
	}
}

func (n need) raiseAll(files uint64) string {
	switch n.system {
	case "linux":
		return fmt.Sprintf("sudo sysctl -w fs.file-max=%d", files)
	case "darwin":
		return fmt.Sprintf("sudo sysctl -w kern.maxfiles=%d", files)
	}
	return ""
}

func (n need) watched(s *system) *PreflightError {
	want := uint64(n.connections * n.sockets)
	if !n.polled || s.watches == 0 || want <= s.watches {
		return nil
	}
	return &PreflightError{
		Text:    fmt.Sprintf("%d connections need %d files to be watched, and the system allows a user %d", n.connections, want, s.watches),
		Command: fmt.Sprintf("sudo sysctl -w fs.epoll.max_user_watches=%d", 2*want),
	}
}

const lowestPort = 1024 // below, they are for services

// ports looks at those that connections from one address to one target have:
// no two may have the same.
func (n need) ports(s *system) *PreflightError {
	each, have := n.perSource(), s.portLast-s.portFirst+1-s.portsReserved
	if !n.tcp || s.portLast == 0 || each <= have {
		return nil
	}
	enough := (n.connections + max(have, 1) - 1) / max(have, 1)
	text := fmt.Sprintf("%d connections from %d addresses need %d ports of each, and there are %d", n.connections, n.sources, each, have)
	if n.sources == 1 {
		text = fmt.Sprintf("%d connections from one address need as many ports, and there are %d", n.connections, have)
	}
	text += fmt.Sprintf(": connect from %d addresses with --bind", enough)
	if example := n.addresses(enough); example != "" {
		text += " " + example
	}
	e := &PreflightError{Text: text}
	if last := max(s.portLast, 60999); last-lowestPort+1-s.portsReserved >= each {
		e.Text += ", or take more ports"
		e.Command = widen(n.system, max(lowestPort, last+1-s.portsReserved-each-each/10), last)
	}
	return e
}

// portsUsedUp is about ports that were enough for the connections, and yet are
// not there.
func (n need) portsUsedUp(s *system) *PreflightError {
	text := "no port is left on this side"
	if s.portLast > 0 {
		text += fmt.Sprintf(", where an address has %d", s.portLast-s.portFirst+1-s.portsReserved)
	}
	text += " and a connection that has ended may keep its own for a minute: connect from more addresses with --bind"
	if example := n.addresses(2 * n.sources); example != "" {
		text += " " + example
	}
	return &PreflightError{Text: text + ", or take more ports", Command: widen(n.system, lowestPort, max(s.portLast, 60999))}
}

// addresses is an example of so many source addresses, where it is known which
// ones there are.
func (n need) addresses(count int) string {
	if n.system != "linux" || !n.target.Is4() || !n.target.IsLoopback() || count > 254 {
		return ""
	}
	return fmt.Sprintf("127.0.0.1-127.0.0.%d", count)
}

func widen(system string, first, last int) string {
	switch system {
	case "linux":
		return fmt.Sprintf("sudo sysctl -w net.ipv4.ip_local_port_range='%d %d'", first, last)
	case "darwin", "freebsd":
		return fmt.Sprintf("sudo sysctl -w net.inet.ip.portrange.first=%d", first)
	}
	return ""
}

// The least that a connection takes: of the kernel for its socket, and of the
// process, where a loop polls it and where a goroutine has it.
const (
	memoryPerSocket    = 3 << 10
	memoryPerPolled    = 1 << 9
	memoryPerGoroutine = 8 << 10
)

func (n need) memory(s *system) *PreflightError {
	each := uint64(n.sockets*memoryPerSocket + memoryPerPolled)
	if !n.polled {
		each += memoryPerGoroutine
	}
	want := each * uint64(n.connections)
	if s.memory == 0 || want <= s.memory {
		return nil
	}
	return &PreflightError{Text: fmt.Sprintf("%d connections take at least %d MB of memory, and %d MB can be had here: take %d connections, or another machine beside this one",
		n.connections, want>>20, s.memory>>20, s.memory/each)}
}

func (n need) notes(s *system) (notes []string) {
	note := func(format string, a ...any) { notes = append(notes, fmt.Sprintf(format, a...)) }
	if n.tcp && n.here() {
		for _, queue := range []struct {
			name  string
			holds int
		}{{"net.core.somaxconn", s.backlog}, {"net.ipv4.tcp_max_syn_backlog", s.synBacklog}} {
			if queue.holds > 0 && n.burst > queue.holds {
				note("%s is %d: while the broker stalls, the system may have some of %d connections a second wait before the broker sees them", queue.name, queue.holds, n.burst)
			}
		}
	}
	if each, have := n.perSource(), s.portLast-s.portFirst+1-s.portsReserved; n.tcp && n.system == "linux" && s.portLast > 0 && each > have/2 {
		note("Linux looks for a free port the longer the fewer are left, from half of the %d of an address on: connecting from %d addresses with --bind is faster", have, 2*n.connections/have+1)
	}
	if n.tcp && s.trackable > 0 && s.tracked+n.connections > s.trackable {
		note("net.netfilter.nf_conntrack_max is %d, and %d connections are tracked already: the firewall may drop some of %d", s.trackable, s.tracked, n.connections)
	}
	return notes
}

// perSource is how many connections one address makes.
func (n need) perSource() int { return (n.connections + n.sources - 1) / n.sources }

// here tells that the target is of this machine, as far as its address says.
func (n need) here() bool { return n.target.IsLoopback() }

// CheckSources tells whether this machine has the addresses. Nothing is sent.
func CheckSources(sources []netip.Addr) error { return checkSources(&Target{Sources: sources}) }

// checkSources tries whether the source addresses are this machine's, and a way
// leads from them to the target. Nothing is sent.
func checkSources(t *Target) error {
	at, err := netip.ParseAddrPort(t.Address)
	for _, from := range t.Sources {
		local := &net.UDPAddr{IP: from.AsSlice(), Zone: from.Zone()}
		c, bound := net.ListenUDP("udp", local)
		if bound != nil {
			return &PreflightError{Text: fmt.Sprintf("cannot connect from %s: this machine does not have that address", from), Command: assign(runtime.GOOS, from)}
		}
		c.Close()
		if t.Network != "tcp" || err != nil {
			continue
		}
		if from.Is4() != at.Addr().Unmap().Is4() {
			return &PreflightError{Text: fmt.Sprintf("cannot connect from %s to %s: one is of IPv4, the other of IPv6", from, t.Address)}
		}
		way, connected := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(at))
		if connected != nil {
			return &PreflightError{Text: fmt.Sprintf("cannot connect from %s to %s: no way leads from the one to the other", from, t.Address)}
		}
		way.Close()
	}
	return nil
}

// assign gives an address to this machine, where that is one command.
func assign(system string, a netip.Addr) string {
	if system == "darwin" && a.IsLoopback() {
		return fmt.Sprintf("sudo ifconfig lo0 alias %s", a)
	}
	return ""
}
