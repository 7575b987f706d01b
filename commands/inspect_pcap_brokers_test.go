package commands

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/capture"
)

// wireBytes are packets of 5.0.
func wireBytes(t *testing.T, lines ...string) (b []byte) {
	t.Helper()
	for _, line := range lines {
		p, err := mqttwire.ParseText(line, mqttwire.V5)
		if err == nil {
			b, err = p.Append(b, mqttwire.V5)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestInspectPcapTwoBrokers: a client that is at two ports of one address, be it
// through a proxy, is taken over by nobody; at one port it is.
func TestInspectPcapTwoBrokers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ports [2]uint16
		code  int
		told  string
	}{
		"two ports": {[2]uint16{1883, 1884}, exitDone, ""},
		"one port":  {[2]uint16{1883, 1883}, exitUnexpected, "is taken over"},
	} {
		path := filepath.Join(t.TempDir(), "both.pcapng")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := capture.NewWriter(file)
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var tracks []*capture.Track
		for i, port := range c.ports {
			track := w.Open(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 9}), uint16(40000+i)), netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), port), at)
			track.Data(false, at, wireBytes(t, "CONNECT version=5 client-id=boiler session-expiry-interval=9"))
			at = at.Add(time.Second)
			track.Data(true, at, wireBytes(t, "CONNACK Success"))
			tracks = append(tracks, track)
		}
		at = at.Add(8 * time.Second)
		for _, track := range tracks {
			track.Data(false, at, wireBytes(t, "PINGREQ"))
			track.Data(true, at.Add(time.Millisecond), wireBytes(t, "PINGRESP"))
			track.Close(false, at.Add(time.Second), false)
			track.Close(true, at.Add(time.Second), false)
		}
		if err := w.Err(); err != nil {
			t.Fatal(err)
		}
		file.Close()
		r := runWords(t, "", "inspect", "pcap", path)
		if r.code != c.code || !strings.Contains(r.out, c.told) || strings.Contains(r.out, "violation") != (c.code != exitDone) {
			t.Errorf("%s: ended %d\n%s%s", name, r.code, r.out, r.err)
		}
	}
}

// TestSealedServers: what could not be looked into is named with the remedy.
func TestSealedServers(t *testing.T) {
	var l sealedServers
	for i := range 40 {
		server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), uint16(8000+i%20))
		l.add(&capture.Connection{Server: server, Inside: "tls"}, "it is encrypted")
	}
	var b strings.Builder
	l.print(&b)
	for _, want := range []string{"besides 2 connections to 10.0.0.1:8000: it is encrypted\n", "besides 8 connections to others", "--tls-keylog FILE"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if n := len(l.objects()); n != mostSealed {
		t.Errorf("%d servers", n)
	}
}

// TestComingFile: a key log may be written after the capture has begun.
func TestComingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	f := &comingFile{path: path}
	defer f.Close()
	b := make([]byte, 10)
	if n, err := f.Read(b); n != 0 || err != io.EOF {
		t.Errorf("read %d bytes of a file that is not there: %v", n, err)
	}
	if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Read(b); err != nil || string(b[:n]) != "secret" {
		t.Errorf("read %q: %v", b[:n], err)
	}
}

// TestCreatePrivate: a file that others could read is taken away from them.
func TestCreatePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := createPrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() != 0 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v of %d bytes, %v", info.Mode(), info.Size(), err)
	}
}
