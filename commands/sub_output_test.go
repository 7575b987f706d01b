package commands

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

func TestFileNames(t *testing.T) {
	long := strings.Repeat("ü", 150)
	names := map[string]string{}
	for topic, want := range map[string]string{
		"a/b": "a/b", "a//b": "a/%/b", "/a": "%/a", "a/": "a/%", "..": "%2E%2E", "../x": "%2E%2E/x", "a/.": "a/%2E",
		"a.b": "a.b", "%": "%25", "a:b\\c": "a%3Ab%5Cc", " a ": "%20a%20", "a b": "a b", "con": "%63on", "NUL.txt": "%4EUL.txt",
		"com1": "%63om1", "com": "com", "ü\u202e": "ü%E2%80%AE", "\x7f": "%7F", "%payload": "%25payload",
		long: strings.Repeat("ü", 80) + "%+", long + "x": strings.Repeat("ü", 80) + "%+",
	} {
		got := filepath.ToSlash(topicPath(topic))
		if !strings.HasPrefix(got, want) || len(got) != len(want) && !strings.HasSuffix(want, "%+") {
			t.Errorf("%q is named %q, not %q", topic, got, want)
		}
		if other, known := names[got]; known {
			t.Errorf("%q and %q are both named %q", topic, other, got)
		}
		names[got] = topic
	}
}

// FuzzFileNames: no topic leads out, and two topics have two names.
func FuzzFileNames(f *testing.F) {
	for _, s := range []string{"a/b", "../..", "a//", "%", ".", "con/aux.txt", "\xff", strings.Repeat("x", 300)} {
		f.Add(s, s+"x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		path := topicPath(a)
		if !filepath.IsLocal(path) || path == "." || strings.ContainsAny(path, "\x00\n") {
			t.Errorf("%q is named %q", a, path)
		}
		for level := range strings.SplitSeq(filepath.ToSlash(path), "/") {
			if len(level) > nameLimit || strings.Trim(level, ".") == "" {
				t.Errorf("%q is named %q", a, path)
			}
		}
		if a != b && path == topicPath(b) {
			t.Errorf("%q and %q are both named %q", a, b, path)
		}
	})
}

func packed(t testing.TB, payload string) *mqttwire.Publish {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(payload)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m := &mqttwire.Publish{Topic: "t", Payload: b.Bytes()}
	m.Properties = m.Properties.AddNumber(mqttwire.PayloadFormatIndicator, 1).AddUser("a", "1").AddUser("Content-Encoding", "GZIP").
		AddUser("a", "2").AddText(mqttwire.ContentType, "text/plain").AddBinary(mqttwire.CorrelationData, []byte{0, 1})
	return m
}

// TestUnpack: the payload is unpacked, and all properties but the mark stay.
func TestUnpack(t *testing.T) {
	var u unpacker
	var want mqttwire.Properties
	want = want.AddNumber(mqttwire.PayloadFormatIndicator, 1).AddUser("a", "1").
		AddUser("a", "2").AddText(mqttwire.ContentType, "text/plain").AddBinary(mqttwire.CorrelationData, []byte{0, 1})
	for _, payload := range []string{"hello", "", strings.Repeat("x", 3<<20), "again"} {
		m := packed(t, payload)
		if !isPacked(m) {
			t.Fatal("is not taken for packed")
		}
		got, err := u.unpack(m)
		if err != nil || string(got.Payload) != payload || got.Topic != "t" || !bytes.Equal(got.Properties, want) {
			t.Fatalf("%d bytes: got %v, %v", len(payload), got, err)
		}
		m.Payload = m.Payload[:len(m.Payload)-1]
		if _, err := u.unpack(m); err == nil {
			t.Error("a cut payload is unpacked")
		}
	}
	plain := &mqttwire.Publish{Properties: mqttwire.Properties{}.AddUser("content-encoding", "br").AddUser("x", "gzip")}
	if isPacked(plain) {
		t.Error("a message without the mark is taken for packed")
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte(packed(f, "hello").Payload))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var u unpacker
		got, err := u.unpack(&mqttwire.Publish{Payload: payload})
		if err == nil && len(got.Payload) > unpackedLimit {
			t.Errorf("unpacked to %d bytes", len(got.Payload))
		}
	})
}

// FuzzPretty: what is laid out is the same JSON, and of a bounded size.
func FuzzPretty(f *testing.F) {
	f.Add([]byte(`{"a":[1,"\"]",{}],"b":null}`))
	f.Add([]byte(strings.Repeat("[", 101) + strings.Repeat("]", 101)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if !isLayable(payload) {
			return
		}
		o := &printer{laidOut: true}
		got, _ := o.pretty(nil, &mqttwire.Publish{Payload: payload}, time.Time{})
		var before, after bytes.Buffer
		if err := json.Compact(&before, payload); err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&after, got); err != nil || before.String() != after.String() {
			t.Errorf("%q was laid out as %q", payload, got)
		}
		if most := (2*prettyDepth + 3) * (len(payload) + 1); len(got) > most {
			t.Errorf("%d bytes were laid out in %d", len(payload), len(got))
		}
		o.terminal, o.ink.on = true, true
		painted, _ := o.pretty(nil, &mqttwire.Publish{Payload: payload}, time.Time{})
		plain := strings.NewReplacer("\x1b[36m", "", "\x1b[0m", "").Replace(string(painted))
		if strings.ContainsFunc(plain, func(r rune) bool { return r != '\n' && r != '\t' && isHidden(r) }) {
			t.Errorf("%q reaches the terminal as %q", payload, plain)
		}
	})
}

// TestMendEnd: what a crash leaves at the end of a recording.
func TestMendEnd(t *testing.T) {
	line := `{"topic":"a","payload":"1"}` + "\n"
	for _, test := range []struct{ before, after string }{
		{"", ""},
		{line, line},
		{line + line, line + line},
		{line + `{"topic":"a","payl`, line},
		{`{"ts`, ""},
		{`{"tst":"2026-01-01T`, ""},
		{`{"top`, "refused"},
		{`{"name":"my config","keep":"me"}`, "refused"},
		{`{"name":"my config","keep":"me"}` + "\n", "refused"},
		{"{\n  \"name\": 1\n}", "refused"},
		{line + `{"name":"mine"}`, "refused"},
		{line[:len(line)-1], line},
		{line + line[:len(line)-1], line + line},
		{line + `{"topic":"` + strings.Repeat("x", 200_000), line},
		{line + "my notes", "refused"},
		{"my notes\n", "refused"},
	} {
		name := filepath.Join(t.TempDir(), "rec")
		if err := os.WriteFile(name, []byte(test.before), 0o600); err != nil {
			t.Fatal(err)
		}
		r, torn, err := (&link{ctx: t.Context()}).newRecorder(name)
		after, _ := os.ReadFile(name)
		switch {
		case test.after == "refused" && (err == nil || string(after) != test.before):
			t.Errorf("%.40q is taken for a recording", test.before)
		case test.after == "refused":
			continue
		case err != nil || string(after) != test.after:
			t.Errorf("%.40q: is %.40q now, %v", test.before, after, err)
		case torn != int64(max(0, len(test.before)-len(test.after))):
			t.Errorf("%.40q: %d bytes taken off", test.before, torn)
		}
		if err == nil {
			r.close()
		}
	}
}

// TestMirrorCleans: what a killed process has left half written goes with the
// next start, and nothing else does.
func TestMirrorCleans(t *testing.T) {
	name := t.TempDir()
	const nobody = 1 << 30                                                                  // more than process numbers go to
	gone := []string{fmt.Sprintf("%%new.%d", nobody), fmt.Sprintf("%%new.%d", os.Getpid())} // ours is of a former life
	kept := []string{fmt.Sprintf("%%new.%d", os.Getppid()), fmt.Sprintf("%%new.%d.aside", nobody), "%new.x", "%new", fmt.Sprintf("new.%d", nobody), fmt.Sprint(nobody)}
	for _, file := range append(gone, kept...) {
		if err := os.WriteFile(filepath.Join(name, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := newMirror(name, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	for _, file := range gone {
		if _, err := os.Stat(filepath.Join(name, file)); err == nil {
			t.Errorf("%s is still there", file)
		}
	}
	for _, file := range kept {
		if _, err := os.Stat(filepath.Join(name, file)); err != nil {
			t.Error(err)
		}
	}
}
