package capture

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mixed is a conversation of made-up MQTT packets, of which segments were lost
// and sent again, or mixed up by the capture.
func mixed(seed uint64) *traffic {
	t := newTraffic(seed)
	t.handshake()
	t.say(client, []byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c"))
	t.say(server, []byte("\x20\x02\x00\x00"))
	for range 1 + t.random.IntN(20) {
		var b []byte
		for range 1 + t.random.IntN(4) {
			n := t.random.IntN(100)
			b = append(b, 0x30, byte(3+n), 0, 1, 't')
			b = append(b, bytes.Repeat([]byte{'x'}, n)...)
		}
		t.say(t.random.IntN(2), b)
	}
	t.finish()
	return t
}

// packetsOf cuts what each side says into MQTT packets, and says of each which
// frame completed it.
func packetsOf(frames []Frame) (lines []string) {
	a := NewAssembler(AssemblerOptions{})
	tails := make(map[string][]byte)
	take := func(events []Event) {
		for _, e := range events {
			if e.Kind != Data {
				continue
			}
			key := fmt.Sprint(e.Connection.Number, e.FromServer)
			tail := append(tails[key], e.Data...)
			for len(tail) >= 2 && len(tail) >= 2+int(tail[1]) {
				lines = append(lines, fmt.Sprintf("%d\t%d\t%d", e.Frame, e.Connection.Number, tail[0]>>4))
				tail = tail[2+int(tail[1]):]
			}
			tails[key] = tail
		}
	}
	for _, f := range frames {
		take(a.Add(f))
	}
	take(a.Flush())
	return lines
}

// TestAssemblerTshark has Wireshark follow the same capture: it finds the same
// packets in the same connections, each completed by the same frame.
func TestAssemblerTshark(t *testing.T) {
	var frames []Frame
	for seed := range uint64(80) {
		c := mixed(seed)
		switch seed % 4 {
		case 1:
			c.repeat(5)
		case 2:
			c.lose(5)
		case 3:
			c.shuffle(5)
		}
		frames = append(frames, c.framesOf(uint16(40000+seed%60), len(frames))...) // some ports are used again
	}
	path := filepath.Join(t.TempDir(), "mixed.pcap")
	if err := os.WriteFile(path, pcapOf(frames), 0o600); err != nil {
		t.Fatal(err)
	}
	var want []string
	out := tshark(t, path, "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "mqtt", "-T", "fields", "-e", "frame.number", "-e", "tcp.stream", "-e", "mqtt.msgtype")
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		for kind := range strings.SplitSeq(fields[2], ",") {
			want = append(want, fields[0]+"\t"+fields[1]+"\t"+kind)
		}
	}
	got := packetsOf(frames)
	slices.Sort(got)
	slices.Sort(want)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%d packets, Wireshark finds %d; the first that differ:\n%q\n%q", len(got), len(want), got[i:min(i+5, len(got))], want[i:min(i+5, len(want))])
		}
	}
	if len(got) < 1500 {
		t.Errorf("no more than %d packets", len(got))
	}
}
