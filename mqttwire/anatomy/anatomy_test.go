package anatomy

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"mqtk/mqttwire"
)

type vector struct {
	ID         string `json:"id"`
	Version    string `json:"version"`
	Direction  string `json:"direction"`
	Hex        string `json:"hex"`
	Valid      bool   `json:"valid"`
	Incomplete bool   `json:"incomplete"`

	bytes   []byte
	version mqttwire.Version
	from    mqttwire.Side
}

func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Packets []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Packets) < 100 {
		t.Fatalf("only %d vectors", len(file.Packets))
	}
	for i := range file.Packets {
		v := &file.Packets[i]
		if v.bytes, err = hex.DecodeString(v.Hex); err != nil {
			t.Fatal(err)
		}
		v.version = map[string]mqttwire.Version{"3.1": mqttwire.V31, "3.1.1": mqttwire.V311, "5.0": mqttwire.V5}[v.Version]
		v.from = map[string]mqttwire.Side{"c2s": mqttwire.Client, "s2c": mqttwire.Server}[v.Direction]
	}
	return file.Packets
}

// check holds what Of gives to its promises.
func check(t *testing.T, b []byte, v mqttwire.Version, from mqttwire.Side) Packet {
	t.Helper()
	p := Of(b, v, from)
	if len(b) == 0 {
		return p
	}
	at := 0
	for _, leaf := range p.Leaves() {
		if leaf.From != at || leaf.To <= at {
			t.Fatalf("%x: %s covers %d to %d, behind %d\n%s", b, leaf.Name, leaf.From, leaf.To, at, dump(&p))
		}
		at = leaf.To
	}
	if at != p.Size || p.Size > len(b) {
		t.Fatalf("%x: spans end at %d of %d\n%s", b, at, p.Size, dump(&p))
	}
	checkNested(t, p.Spans)
	d := mqttwire.Decoder{Version: v, From: from}
	_, n, err := d.Decode(b)
	w := walk(b, v, from)
	switch {
	case err != nil && w.wrong < 0:
		t.Fatalf("%x, version %v, from %v: %v, and the walk finds nothing\n%s", b, v, from, err, dump(&p))
	case n > 0 && w.wrong >= 0:
		t.Fatalf("%x, version %v, from %v: fine, and the walk finds %s at %d\n%s", b, v, from, w.wrongName, w.wrong, dump(&p))
	case n > 0 && (n != p.Size || p.Missing != 0 || p.Packet == nil):
		t.Fatalf("%x: %d bytes, missing %d, of %d", b, p.Size, p.Missing, n)
	case n == 0 && err == nil && p.Missing <= 0:
		t.Fatalf("%x: nothing is missing of what is not whole", b)
	case p.Err != nil && (p.At < 0 || p.At > p.Size || p.Name == ""):
		t.Fatalf("%x: wrong at %d of %d, %q", b, p.At, p.Size, p.Name)
	}
	return p
}

func checkNested(t *testing.T, spans []Span) {
	t.Helper()
	for _, s := range spans {
		if s.Name == "" {
			t.Fatalf("a span without a name: %+v", s)
		}
		if n := len(s.Parts); n > 0 && (s.Parts[0].From != s.From || s.Parts[n-1].To != s.To) {
			t.Fatalf("parts do not cover %+v", s)
		}
		var mask byte
		for _, b := range s.Bits {
			if mask&b.Mask != 0 {
				t.Fatalf("bits overlap in %+v", s)
			}
			mask |= b.Mask
		}
		if s.Bits != nil && mask != 0xFF {
			t.Fatalf("bits of %+v leave some out", s)
		}
		checkNested(t, s.Parts)
	}
}

func dump(p *Packet) string {
	var b strings.Builder
	dumpSpans(&b, p.Spans, "  ")
	if p.Err != nil {
		fmt.Fprintf(&b, "  wrong at %d, %s: %v\n", p.At, p.Name, p.Err)
	}
	if p.Missing > 0 {
		fmt.Fprintf(&b, "  missing %d\n", p.Missing)
	}
	return b.String()
}

func dumpSpans(b *strings.Builder, spans []Span, indent string) {
	for _, s := range spans {
		fmt.Fprintf(b, "%s%d-%d %s %s", indent, s.From, s.To, s.Name, s.Value)
		for _, x := range s.Bits {
			fmt.Fprintf(b, " [%08b %s %s]", x.Mask, x.Name, x.Value)
		}
		b.WriteString("\n")
		dumpSpans(b, s.Parts, indent+"  ")
	}
}

// TestGolden: each vector of the codec, and what is said of it. MQTK_UPDATE=1
// writes the file anew.
func TestGolden(t *testing.T) {
	const name = "testdata/anatomy.golden"
	var b strings.Builder
	for _, v := range vectors(t) {
		p := check(t, v.bytes, v.version, v.from)
		if v.Incomplete && p.Missing == 0 && p.Err == nil {
			t.Errorf("%s: nothing is missing", v.ID)
		}
		fmt.Fprintf(&b, "%s %s %x\n%s", v.ID, v.Version, clipped(v.bytes), dump(&p))
	}
	if os.Getenv("MQTK_UPDATE") != "" {
		if err := os.WriteFile(name, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, lines := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(got), len(lines)) {
		if got[i] != lines[i] {
			t.Fatalf("line %d\n got %s\nwant %s", i+1, got[i], lines[i])
		}
	}
	if len(got) != len(lines) {
		t.Fatalf("%d lines, not %d", len(got), len(lines))
	}
}

func clipped(b []byte) []byte { return b[:min(len(b), 60)] }

// TestCuts: whatever is missing, what is there is told.
func TestCuts(t *testing.T) {
	for _, v := range vectors(t) {
		for n := range min(len(v.bytes), 200) {
			check(t, v.bytes[:n], v.version, v.from)
		}
	}
}

// TestManySpans: what a packet costs in spans has an end, and its judgement
// goes on behind that.
func TestManySpans(t *testing.T) {
	var properties mqttwire.Properties
	for range 50_000 {
		properties = properties.AddUser("", "")
	}
	b, err := (&mqttwire.Disconnect{Reason: mqttwire.UnspecifiedError, Properties: properties}).Append(nil, mqttwire.V5)
	if err != nil {
		t.Fatal(err)
	}
	p := check(t, b, mqttwire.V5, mqttwire.Either)
	if n := len(p.Leaves()); n > most+10 || n < most/2 {
		t.Errorf("%d leaves", n)
	}
	b[len(b)-5] = 0x7F
	p = check(t, b, mqttwire.V5, mqttwire.Either)
	if p.Err == nil || p.At != len(b)-5 {
		t.Errorf("wrong at %d of %d: %v", p.At, len(b), p.Err)
	}
}

func FuzzOf(f *testing.F) {
	for _, v := range vectors(f) {
		if len(v.bytes) < 500 {
			f.Add(v.bytes, byte(v.version), byte(v.from))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, version, from byte) {
		check(t, b, mqttwire.Version(version%6), mqttwire.Side(from%3))
	})
}
