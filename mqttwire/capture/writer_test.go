package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// conversations writes a few, of all shapes.
func conversations(w io.Writer) error {
	writer := NewWriter(w)
	at := time.Unix(1700000000, 123456789)
	later := func() time.Time { at = at.Add(time.Millisecond); return at }
	big := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	for _, ends := range [][2]string{
		{"10.0.0.1:50000", "10.0.0.2:1883"},
		{"[2001:db8::1]:50000", "[2001:db8::2]:1883"},
		{"10.0.0.1:50001", "[2001:db8::2]:1883"},
		{"10.0.0.1:50000", "10.0.0.2:1883"}, // again
		{"", ""},
	} {
		client, _ := netip.ParseAddrPort(ends[0])
		server, _ := netip.ParseAddrPort(ends[1])
		t := writer.Open(client, server, later())
		t.Data(false, later(), []byte("\xc0\x00"))
		t.Data(true, later(), []byte("\xd0\x00"))
		t.Data(false, later(), append([]byte("\x30\x80\xc4\x13\x00\x01t"), big[:320000-3]...))
		t.Data(true, later(), []byte("\xd0\x00\xd0\x00"))
		t.Close(false, later(), false)
		t.Data(true, later(), []byte("\xd0\x00"))
		t.Close(true, later(), ends[0] == "")
		t.Close(true, later(), true)
		t.Data(true, later(), []byte("too late"))
	}
	return writer.Err()
}

func TestWriter(t *testing.T) {
	var file bytes.Buffer
	if err := conversations(&file); err != nil {
		t.Fatal(err)
	}
	r, err := Open(&file)
	if err != nil {
		t.Fatal(err)
	}
	said := make(map[string]int)
	ends := make(map[int]string)
	a := NewAssembler(AssemblerOptions{})
	for {
		f, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Number == 1 && !f.At.Equal(time.Unix(1700000000, 124456789)) {
			t.Errorf("the first frame is of %v", f.At)
		}
		for _, e := range a.Add(f) {
			key := fmt.Sprint(e.Connection.Number, e.FromServer)
			switch e.Kind {
			case Opened:
				ends[e.Connection.Number] = fmt.Sprint(e.Connection.Client, " ", e.Connection.Server)
			case Data:
				said[key] += len(e.Data)
			case Closed, Reset:
				said[key] += 1_000_000 * int(e.Kind)
			default:
				t.Errorf("%s", e.line())
			}
		}
	}
	if more := a.Flush(); len(more) > 0 {
		t.Errorf("held back: %v", more)
	}
	for n, want := range []string{
		"10.0.0.1:50000 10.0.0.2:1883", "[2001:db8::1]:50000 [2001:db8::2]:1883", "[::ffff:10.0.0.1]:50001 [2001:db8::2]:1883",
		"10.0.0.1:50000 10.0.0.2:1883", "127.0.0.1:32773 127.0.0.1:1883",
	} {
		if ends[n] != want {
			t.Errorf("connection %d is of %s, not of %s", n, ends[n], want)
		}
		end := Closed
		if n == 4 {
			end = Reset
		}
		if got, want := said[fmt.Sprint(n, false)], 320006+1_000_000*int(Closed); got != want {
			t.Errorf("client %d: %d, not %d", n, got, want)
		}
		if got, want := said[fmt.Sprint(n, true)], 8+1_000_000*int(end); got != want {
			t.Errorf("server %d: %d, not %d", n, got, want)
		}
	}
}

type brokenWriter struct{ left int }

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.left--; b.left < 0 {
		return 0, errors.New("no space")
	}
	return len(p), nil
}

func TestWriterTellsOfErrors(t *testing.T) {
	for left := range 6 {
		if err := conversations(&brokenWriter{left}); err == nil || err.Error() != "no space" {
			t.Errorf("after %d writes: %v", left, err)
		}
	}
}

// tshark runs it over a capture.
func tshark(t *testing.T, path string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	out, err := exec.Command(program, append([]string{"-n", "-r", path}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestWriterTshark has Wireshark look for anything that is odd.
func TestWriterTshark(t *testing.T) {
	var file bytes.Buffer
	if err := conversations(&file); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "written.pcapng")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	check := []string{"-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"}
	complaints := tshark(t, path, append(check, "-Y", "_ws.malformed || _ws.expert.severity >= 0x400000 && !tcp.flags.reset || tcp.checksum.status != 1 || ip.checksum.status == 0 || tcp.analysis.flags && !tcp.analysis.reused_ports")...)
	if complaints != "" {
		t.Errorf("tshark complains:\n%s", complaints)
	}
	if n := strings.Count(tshark(t, path, "-Y", "mqtt.msgtype == 13"), "\n"); n != 5*3 {
		t.Errorf("%d frames with PINGRESP, not 15", n)
	}
	lengths := tshark(t, path, "-Y", "mqtt.msgtype == 3", "-T", "fields", "-e", "mqtt.len")
	if lengths != strings.Repeat("320000\n", 5) {
		t.Errorf("messages of %q bytes", lengths)
	}
}
