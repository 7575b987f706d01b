package eventloop_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// The last stage of a message's way, after those of BenchmarkPath in package
// broker: real sockets behind real loops. A round is a burst of messages that is
// read by all its receivers, and acknowledged at QoS 1; calls/delivery are the
// broker's reads and writes alone, as the kernel counts them, without waits.
func BenchmarkSocket(b *testing.B) {
	for _, c := range []struct{ qos, receivers, burst int }{
		{0, 1, 1}, {0, 1, 100}, {0, 10, 100},
		{1, 1, 1}, {1, 1, 50}, {1, 10, 50},
	} {
		b.Run(fmt.Sprintf("qos=%d/receivers=%d/burst=%d", c.qos, c.receivers, c.burst), func(b *testing.B) {
			benchmarkSocket(b, c.qos, c.receivers, c.burst)
		})
	}
}

func benchmarkSocket(b *testing.B, qos, receivers, burst int) {
	path := filepath.Join(b.TempDir(), "mqtt")
	run(b, broker.Options{Driver: newDriver(b)}, "unix", path)
	var all []*rawClient
	for i := range receivers {
		all = append(all, rawConnect(b, path, fmt.Sprint("r", i)))
		all[i].say(encode(b, fmt.Sprintf("SUBSCRIBE packet-id=1 filter=t qos=%d", qos)), 6)
	}
	pub := rawConnect(b, path, "pub")
	message := encode(b, fmt.Sprintf("PUBLISH topic=t qos=%d packet-id=%d payload=%s", qos, qos, strings.Repeat("x", 64)))
	in := bytes.Repeat(message, burst)
	for i := range burst * qos {
		in[i*len(message)+idInT+1] = byte(i + 1)
	}
	before, own := calls(b), 0
	b.ReportAllocs()
	for b.Loop() {
		pub.write(in)
		for _, c := range all {
			got := c.read(len(in))
			if qos == 1 {
				c.acknowledge(got, len(message))
			}
		}
		if qos == 1 {
			pub.read(4 * burst)
		}
	}
	deliveries := float64(b.N * burst * receivers)
	for _, c := range append(all, pub) {
		own += c.calls - c.greeted
	}
	b.ReportMetric(float64(calls(b)-before-own)/deliveries, "calls/delivery")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/deliveries, "ns/delivery")
	b.ReportMetric(0, "ns/op")
}

// idInT is where the packet id of a PUBLISH to the topic t stands.
const idInT = 5

// BenchmarkConnect is a client's coming and going, over a socket.
func BenchmarkConnect(b *testing.B) {
	path := filepath.Join(b.TempDir(), "mqtt")
	run(b, broker.Options{Driver: newDriver(b)}, "unix", path)
	connect := encode(b, "CONNECT version=5 clean-start=1 client-id=a")
	before, own := calls(b), 0
	b.ReportAllocs()
	for b.Loop() {
		c := rawDial(b, path)
		c.say(connect, 3)
		c.write([]byte{0xE0, 0})
		if n := c.once(0); n != 0 {
			b.Fatalf("%d bytes after DISCONNECT", n)
		}
		unix.Close(c.fd)
		own += c.calls
	}
	b.ReportMetric(float64(calls(b)-before-own)/float64(b.N), "calls/connection")
}

// calls is how often this process has called read, write and their kin.
func calls(b testing.TB) (n int) {
	b.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip("this system does not count system calls: ", err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if name == "syscr" || name == "syscw" {
			count, err := strconv.Atoi(value)
			if err != nil {
				b.Fatal(err)
			}
			n += count
		}
	}
	return n
}

// A rawClient counts its own system calls, and has no scheduler between itself
// and its socket.
type rawClient struct {
	b       testing.TB
	fd      int
	calls   int
	greeted int // calls before the rounds began
	in      []byte
	acks    []byte
}

func rawDial(b testing.TB, path string) *rawClient {
	b.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20})
	}
	if err != nil {
		b.Fatal(err)
	}
	return &rawClient{b: b, fd: fd, in: make([]byte, 256)}
}

func rawConnect(b testing.TB, path, id string) *rawClient {
	b.Helper()
	c := rawDial(b, path)
	b.Cleanup(func() { unix.Close(c.fd) })
	c.say(encode(b, "CONNECT version=5 clean-start=1 client-id="+id), 3)
	return c
}

func encode(b testing.TB, line string) []byte {
	b.Helper()
	p, err := mqttwire.ParseText(line, mqttwire.V5)
	if err != nil {
		b.Fatal(err)
	}
	out, err := p.Append(nil, mqttwire.V5)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// say sends a packet and takes its answer, of which at least so many bytes come.
func (c *rawClient) say(packet []byte, least int) {
	c.b.Helper()
	c.write(packet)
	if n := c.once(0); n < least {
		c.b.Fatalf("%d bytes came in answer to %x", n, packet)
	}
	c.greeted = c.calls
}

func (c *rawClient) write(out []byte) {
	if n, err := unix.Write(c.fd, out); n != len(out) || err != nil {
		c.b.Fatalf("wrote %d of %d bytes, %v", n, len(out), err)
	}
	c.calls++
}

// once is one read that brought something, or 0 at the end.
func (c *rawClient) once(at int) int {
	for {
		n, err := unix.Read(c.fd, c.in[at:])
		c.calls++
		if err == nil {
			return n
		}
		if err != unix.EINTR {
			c.b.Fatal(err)
		}
	}
}

// read takes n bytes.
func (c *rawClient) read(n int) []byte {
	if len(c.in) < n {
		c.in = make([]byte, n)
	}
	for got := 0; got < n; {
		m := c.once(got)
		if m == 0 {
			c.b.Fatalf("only %d bytes of %d came", got, n)
		}
		got += m
		if got > n {
			c.b.Fatalf("%d bytes came where %d were to", got, n)
		}
	}
	return c.in[:n]
}

// acknowledge answers the messages of one length in what was read.
func (c *rawClient) acknowledge(read []byte, length int) {
	c.acks = c.acks[:0]
	for at := 0; at < len(read); at += length {
		c.acks = append(c.acks, 0x40, 2, read[at+idInT], read[at+idInT+1])
	}
	c.write(c.acks)
}
