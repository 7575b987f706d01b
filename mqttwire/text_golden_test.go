package mqttwire

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

type goldenLine struct {
	version Version
	bytes   []byte
	text    string
}

// goldenLines reads testdata/text.golden: version, bytes in hexadecimal and
// the text, a blank between them; lines that begin with # are for people.
func goldenLines(t testing.TB) (lines []goldenLine) {
	file, err := os.ReadFile("testdata/text.golden")
	if err != nil {
		t.Fatal(err)
	}
	for row := range strings.Lines(string(file)) {
		if row = strings.TrimSuffix(row, "\n"); row == "" || row[0] == '#' {
			continue
		}
		version, rest, _ := strings.Cut(row, " ")
		digits, text, _ := strings.Cut(rest, " ")
		v, err := versionNamed(version)
		if err != nil {
			t.Fatalf("%s: %v", row, err)
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("%s: %v", row, err)
		}
		lines = append(lines, goldenLine{v, b, text})
	}
	return lines
}

func TestTextGolden(t *testing.T) {
	seen := make(map[string]bool)
	for _, line := range goldenLines(t) {
		d := Decoder{Version: line.version}
		p, n, err := d.Decode(line.bytes)
		if err != nil || n != len(line.bytes) {
			t.Errorf("%x: %d bytes used, %v", line.bytes, n, err)
			continue
		}
		seen[line.version.String()+" "+p.Type().String()] = true
		if got := string(AppendText(nil, p, line.version)); got != line.text {
			t.Errorf("%x as text\n got %s\nwant %s", line.bytes, got, line.text)
		}
		p, err = ParseText(line.text, line.version)
		if err != nil {
			t.Errorf("%s: %v", line.text, err)
			continue
		}
		if got, err := p.Append(nil, line.version); err != nil || !bytes.Equal(got, line.bytes) {
			t.Errorf("%s\n got %x, %v\nwant %x", line.text, got, err, line.bytes)
		}
	}
	for _, v := range []Version{V31, V311, V5} {
		for packet := CONNECT; packet <= AUTH; packet++ {
			if name := v.String() + " " + packet.String(); !seen[name] && (v == V5 || packet != AUTH) {
				t.Errorf("no line for %s", name)
			}
		}
	}
}

// What parses prints, and the print parses to the same packet.
func FuzzParseText(f *testing.F) {
	for _, line := range goldenLines(f) {
		f.Add(line.text, byte(line.version))
	}
	f.Add("PUBLISH topic=`a b` user-property-hex=613d62=63 hex=\"00 01\" # c", byte(5))
	f.Fuzz(func(t *testing.T, text string, level byte) {
		v := Version(level)
		p, err := ParseText(text, v)
		if err != nil {
			if bareControl(err.Error()) {
				t.Fatalf("control characters in the error %q", err)
			}
			return
		}
		printed := string(AppendText(nil, p, v))
		if bareControl(printed) {
			t.Fatalf("control characters in %q", printed)
		}
		again, err := ParseText(printed, v)
		if err != nil {
			t.Fatalf("%q\nprinted %q: %v", text, printed, err)
		}
		if reprinted := string(AppendText(nil, again, v)); reprinted != printed {
			t.Fatalf("%q\nfirst  %q\nsecond %q", text, printed, reprinted)
		}
		one, err1 := p.Append(nil, v)
		two, err2 := again.Append(nil, v)
		if !bytes.Equal(one, two) || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%q\nfirst  %x %v\nsecond %x %v", text, one, err1, two, err2)
		}
	})
}

// Every packet that decodes is the same packet after a trip through text.
func FuzzTextOfPacket(f *testing.F) {
	for _, line := range goldenLines(f) {
		f.Add(line.bytes, byte(line.version))
	}
	f.Fuzz(func(t *testing.T, b []byte, level byte) {
		d := Decoder{Version: V31 + Version(level%3)}
		p, n, err := d.Decode(b)
		if err != nil || n == 0 {
			return
		}
		want, err := p.Append(nil, d.Version)
		if err != nil {
			t.Fatalf("%x: decoded, but not appended: %v", b[:n], err)
		}
		text := string(AppendText(nil, p, d.Version))
		again, err := ParseText(text, d.Version)
		if err != nil {
			t.Fatalf("%x as text %q: %v", b[:n], text, err)
		}
		if got, err := again.Append(nil, d.Version); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q\n got %x, %v\nwant %x", text, got, err, want)
		}
	})
}
