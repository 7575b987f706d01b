package commands

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A tap forwards connections to a broker and keeps what passes. It writes that
// as a capture file, so no right to capture on an interface is needed, and the
// bytes are the same.
type tap struct {
	target   string
	listener net.Listener
	open     sync.WaitGroup

	mu       sync.Mutex
	conns    []net.Conn
	isCut    bool
	segments []segment
	moved    chan struct{} // something passed
}

// A segment is what one read returned.
type segment struct {
	connection int
	toBroker   bool
	data       []byte
}

func newTap(t *testing.T, b testBroker) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{target: net.JoinHostPort(b.host, b.port), listener: l, moved: make(chan struct{}, 1)}
	t.Cleanup(func() { l.Close() })
	p.open.Go(p.accept)
	return p
}

// broker is the tapped broker's other address.
func (p *tap) broker(b testBroker) testBroker {
	b.host, b.port, _ = net.SplitHostPort(p.listener.Addr().String())
	return b
}

func (p *tap) accept() {
	for n := 0; ; n++ {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			return
		}
		p.mu.Lock()
		if p.isCut {
			client.Close()
			server.Close()
		}
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.open.Go(func() { p.forward(n, true, client, server) })
		p.open.Go(func() { p.forward(n, false, server, client) })
	}
}

func (p *tap) forward(connection int, toBroker bool, from, to net.Conn) {
	defer to.Close()
	buffer := make([]byte, 1400)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			p.mu.Lock()
			p.segments = append(p.segments, segment{connection, toBroker, append([]byte(nil), buffer[:n]...)})
			p.mu.Unlock()
			select {
			case p.moved <- struct{}{}:
			default:
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// close waits until all has passed.
func (p *tap) close() {
	p.listener.Close()
	p.open.Wait()
}

// cut ends it, whatever still passes.
func (p *tap) cut() {
	p.listener.Close()
	p.mu.Lock()
	p.isCut = true
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.open.Wait()
}

// write makes a capture file of raw IPv4 packets (link type 101), each with a
// TCP header whose sequence numbers are right and whose checksum is not, which
// nobody looks at.
func (p *tap) write(w io.Writer) error {
	file := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	file = append(file, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0)
	type flow struct {
		connection int
		toBroker   bool
	}
	next := make(map[flow]uint32)
	for i, s := range p.segments {
		here, there := flow{s.connection, s.toBroker}, flow{s.connection, !s.toBroker}
		packet := ipPacket(s, next[here]+1, next[there]+1)
		next[here] += uint32(len(s.data))
		file = binary.LittleEndian.AppendUint32(file, 1)         // seconds
		file = binary.LittleEndian.AppendUint32(file, uint32(i)) // microseconds
		file = binary.LittleEndian.AppendUint32(file, uint32(len(packet)))
		file = binary.LittleEndian.AppendUint32(file, uint32(len(packet)))
		file = append(file, packet...)
	}
	_, err := w.Write(file)
	return err
}

func ipPacket(s segment, sequence, acknowledged uint32) []byte {
	const mqttPort, pushAndAck = 1883, 0x5018
	client, source, destination := uint16(40000+s.connection), uint16(mqttPort), uint16(mqttPort)
	from, to := byte(2), byte(1)
	if s.toBroker {
		source, from, to = client, 1, 2
	} else {
		destination = client
	}
	b := []byte{0x45, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(40+len(s.data)))
	b = append(b, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, from, 10, 0, 0, to)
	b = binary.BigEndian.AppendUint16(b, source)
	b = binary.BigEndian.AppendUint16(b, destination)
	b = binary.BigEndian.AppendUint32(b, sequence)
	b = binary.BigEndian.AppendUint32(b, acknowledged)
	b = binary.BigEndian.AppendUint16(b, pushAndAck)
	b = append(b, 0xff, 0xff, 0, 0, 0, 0)
	return append(b, s.data...)
}

// TestInteropDissector has tshark read what our clients and our broker say to
// each other: nothing malformed, and every packet type but AUTH seen.
func TestInteropDissector(t *testing.T) {
	t.Parallel()
	tshark := needProgram(t, "tshark")
	direct := startMqtk(t)
	p := newTap(t, direct)
	b := p.broker(direct)
	for _, version := range versions() {
		tappedTraffic(t, b, version)
	}
	p.close()
	path := filepath.Join(t.TempDir(), "mqtt.pcap")
	f, err := os.Create(path)
	if err == nil {
		err = p.write(f)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	dissect := func(args ...string) string {
		out, err := exec.Command(tshark, append([]string{"-r", path}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if bad := dissect("-2", "-Y", "_ws.malformed || (!mqtt && !tcp.reassembled_in)"); bad != "" {
		t.Errorf("tshark finds malformed:\n%s", bad)
	}
	seen := make(map[string]int)
	for _, kind := range strings.FieldsFunc(dissect("-Y", "mqtt", "-T", "fields", "-e", "mqtt.msgtype"), func(r rune) bool { return r == ',' || r == '\n' }) {
		seen[kind]++
	}
	for _, kind := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"} {
		if seen[kind] == 0 {
			t.Errorf("no packet of type %s was seen: %v", kind, seen)
		}
	}
	if levels := dissect("-Y", "mqtt.ver", "-T", "fields", "-e", "mqtt.ver"); !strings.Contains(levels, "3") || !strings.Contains(levels, "4") || !strings.Contains(levels, "5") {
		t.Errorf("versions seen: %q", levels)
	}
}

// tappedTraffic is a bit of everything that one version can say.
func tappedTraffic(t *testing.T, b testBroker, version string) {
	t.Helper()
	flags := func(more ...string) []string { return append([]string{"-L", b.url(), "-V", version}, more...) }
	sub := flags("-q", "2", "-d", "-k", "1", "-F", "MSG %t", "-U", "not/subscribed", "--will-topic", "w", "--will-payload", "gone", "tap/#", "$SYS/broker/version")
	pub := flags("-q", "2", "-r")
	if version == "5.0" {
		sub = append(sub, "--sub-id", "7", "-D", "connect", "receive-maximum", "5", "-D", "connect", "user-property", "a", "b", "--will-delay", "1")
		pub = append(pub, "--content-type", "text/plain", "--user-property", "k=v", "--response-topic", "r", "--correlation-data", "c",
			"--message-expiry", "60", "--payload-format", "utf8")
	}
	s := launch(t, mqtkCommand(t, append([]string{"sub"}, sub...)...))
	s.next("SUBACK")
	for _, payload := range []string{"", "short", strings.Repeat("long ", 20_000)} {
		for _, qos := range []string{"0", "1"} {
			launch(t, mqtkCommand(t, append([]string{"pub"}, flags("-q", qos, "-t", "tap/"+qos, "-m", payload)...)...)).succeeds()
		}
		launch(t, mqtkCommand(t, append([]string{"pub"}, append(pub, "-t", "tap/2", "-m", payload)...)...)).succeeds()
	}
	s.next("PINGRESP")
	s.terminate()
	s.ends()
}
