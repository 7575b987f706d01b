package commands

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// TestPaced: the times are planned from the first item on, a late one is made
// up for, and a pause is not followed by a flood.
func TestPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := &paced{source: &oneMessage{times: 6}, every: 50 * time.Millisecond}
		var got []time.Duration
		var it item
		for _, busy := range []time.Duration{0, 20 * time.Millisecond, 70 * time.Millisecond, 0, 500 * time.Millisecond, 0} {
			if ok, err := s.next(t.Context(), nil, &it); !ok || err != nil {
				t.Fatal(ok, err)
			}
			got = append(got, time.Since(start)/time.Millisecond)
			time.Sleep(busy)
		}
		if want := []time.Duration{0, 50, 100, 170, 200, 700}; !slices.Equal(got, want) {
			t.Errorf("sent at %d ms, want %d", got, want)
		}
		if ok, err := s.next(t.Context(), nil, &it); ok || err != nil || time.Since(start) != 700*time.Millisecond {
			t.Errorf("the end: %v, %v, after %v", ok, err, time.Since(start))
		}
	})
}

// TestRateCountsMessages: a payload is one for each topic; repetitions and whole
// messages are counted as they are.
func TestRateCountsMessages(t *testing.T) {
	text := "x"
	for _, test := range []struct {
		o    pubOptions
		want time.Duration
	}{
		{pubOptions{Message: &text, Interval: time.Second}, 3 * time.Second},
		{pubOptions{Lines: true, Interval: time.Second}, 3 * time.Second},
		{pubOptions{Message: &text, Interval: time.Second, RepeatDelay: time.Second}, time.Second},
		{pubOptions{JSONL: true, Interval: time.Second}, time.Second},
	} {
		s, err := test.o.open(&program{Stdio: Stdio{In: strings.NewReader("")}}, make([]mqttwire.Publish, 3))
		if err != nil {
			t.Fatal(err)
		}
		if every := s.(*paced).every; every != test.want {
			t.Errorf("%v between two, want %v", every, test.want)
		}
	}
}

// TestLeftOfMessagesForSeveralTopics: each line is a message to each of them.
func TestLeftOfMessagesForSeveralTopics(t *testing.T) {
	o := pubOptions{JSONL: true}
	in := strings.NewReader(strings.Repeat(`{"topic":"a","payload":"x"}`+"\n", 3))
	s, err := o.open(&program{Stdio: Stdio{In: in}}, []mqttwire.Publish{{Topic: "b"}, {Topic: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	var it item
	if ok, err := s.next(t.Context(), nil, &it); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if n, _ := s.left(); n != 5 {
		t.Errorf("%d left, want 5", n)
	}
}

// TestPacedEnds: a wait ends with the context and with the client, and the item
// that waited is still to be sent.
func TestPacedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &paced{source: &oneMessage{times: 2}, every: time.Hour}
		var it item
		if ok, _ := s.next(t.Context(), nil, &it); !ok {
			t.Fatal("nothing came")
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errTimeUp)
		defer cancel()
		if ok, err := s.next(ctx, nil, &it); ok || !errors.Is(err, errTimeUp) || !s.pending() {
			t.Errorf("%v, %v, pending %v", ok, err, s.pending())
		}
		ended := make(chan struct{})
		close(ended)
		s = &paced{source: &oneMessage{times: 1}, every: time.Hour, at: time.Now().Add(time.Hour)}
		if ok, err := s.next(t.Context(), ended, &it); ok || err != nil || !s.pending() {
			t.Errorf("%v, %v, pending %v", ok, err, s.pending())
		}
	})
}

// TestReplayClock: messages come when they came, scaled, from the first one in
// the window on.
func TestReplayClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recording := `{"ts":"2026-11-22T08:30:00Z","topic":"a"}
{"ts":"2026-11-22T08:30:02Z","topic":"b"}
{"ts":"2026-11-22T08:30:01Z","topic":"c"}
{"ts":"2026-11-22T08:30:06Z","topic":"d"}
{"ts":"2026-11-22T08:31:00Z","topic":"e"}
`
		for _, test := range []struct {
			clock replayClock
			want  string
		}{
			{replayClock{speed: 1}, "a0s b2s c2s d6s e1m0s "},
			{replayClock{speed: 2}, "a0s b1s c1s d3s e30s "},
			{replayClock{speed: 0.5}, "a0s b4s c4s d12s e2m0s "},
			{replayClock{speed: 1e-6}, "a0s b555h33m20s c555h33m20s d1666h40m0s e16666h40m0s "},
			{replayClock{}, "a0s b0s c0s d0s e0s "},
			{replayClock{speed: 1, from: moment{set: true, after: 2 * time.Second}, to: moment{set: true, at: time.Date(2026, 11, 22, 8, 30, 59, 0, time.UTC)}}, "b0s d4s "},
		} {
			test.clock.say = func(string, ...any) {}
			s := &messageLines{lines: newLines("file", strings.NewReader(recording), "\n"), override: override{topics: make([]mqttwire.Publish, 1)}, clock: &test.clock}
			start, got := time.Now(), ""
			var it item
			for {
				ok, err := s.next(t.Context(), nil, &it)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				got += it.own.Topic + time.Since(start).String() + " "
			}
			if got != test.want {
				t.Errorf("%+v: %s, want %s", test.clock, got, test.want)
			}
		}
	})
}

// TestReplaySpeed: what is longer than a duration can be is the longest.
func TestReplaySpeed(t *testing.T) {
	day := 24 * time.Hour
	for _, test := range []struct {
		speed   replaySpeed
		d, want time.Duration
	}{
		{1e-6, 15 * time.Hour, math.MaxInt64},
		{1e-6, -15 * time.Hour, math.MinInt64},
		{0.001, 365 * day, math.MaxInt64},
		{0.5, day, 2 * day},
		{0, day, 0},
	} {
		if got := test.speed.scale(test.d); got != test.want {
			t.Errorf("%v at %v: %v, want %v", test.d, test.speed, got, test.want)
		}
	}
}

func TestRewriting(t *testing.T) {
	for _, test := range []struct{ rules, topic, want string }{
		{"old/#=new/#", "old/a/b", "new/a/b"},
		{"old/#=new/#", "old", "new"},
		{"old/#=new/#", "older/a", "older/a"},
		{"#=copy/#", "a//b/", "copy/a//b/"},
		{"#=copy/#", "$SYS/x", "$SYS/x"},
		{"+/x/+=+/+", "a/x/b", "a/b"},
		{"+/x/+=only/+", "a/x/b", "only/a"},
		{"s/+/#=+/raw/#/end", "s/7/a/b", "7/raw/a/b/end"},
		{"a=b a=c #=rest", "a", "b"},
		{"a=b a=c #=rest", "z", "rest"},
		{"a/#=#", "a", ""},
		{"a=b=c", "a", "b=c"},
	} {
		var rules rewriting
		for _, rule := range strings.Fields(test.rules) {
			if err := toRewriting(&rules)(rule); err != nil {
				t.Fatal(rule, err)
			}
		}
		if got := rules.topic(test.topic); got != test.want {
			t.Errorf("%s: %s -> %s, want %s", test.rules, test.topic, got, test.want)
		}
	}
}

// A rule that is taken makes topics out of topics, or nothing.
func FuzzRewriting(f *testing.F) {
	f.Add("a/+/#=+/b/#", "a/x/y/z")
	f.Add("#=copy/#", "a")
	f.Add("a/#=#", "a")
	f.Add("+=+/+", "a")
	f.Fuzz(func(t *testing.T, rule, topic string) {
		var rules rewriting
		if mqttwire.CheckTopicName(topic) != nil || toRewriting(&rules)(rule) != nil {
			return
		}
		got := rules.topic(topic)
		if len(got) < 1000 && got != "" && !strings.ContainsAny(rule, "\x00") && mqttwire.CheckTopicName(strings.ToValidUTF8(got, "x")) != nil {
			t.Errorf("%q turns %q into %q", rule, topic, got)
		}
	})
}

// Stdin is parted like strings.Split does it, however it arrives.
func FuzzParts(f *testing.F) {
	f.Add("a;b;;c", ";")
	f.Add("aaaa", "aa")
	f.Add("xaaay\xaa", "aa")
	f.Add(strings.Repeat("ab", 2000), "aba")
	f.Fuzz(func(t *testing.T, text, delim string) {
		if delim == "" {
			return
		}
		want := strings.Split(text, delim)
		if want[len(want)-1] == "" {
			want = want[:len(want)-1] // nothing behind the last delimiter is no part
		}
		for _, r := range []io.Reader{strings.NewReader(text), &dribble{text: text}} {
			got, err := collect(t, newLines("stdin", r, delim))
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%q by %q: got %q (%v), want %q", text, delim, got, err, want)
			}
		}
	})
}

// A dribble gives three bytes at a time.
type dribble struct{ text string }

func (d *dribble) Read(b []byte) (int, error) {
	n := copy(b[:min(3, len(b))], d.text)
	if d.text = d.text[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// What was encoded is decoded, with blanks and line ends in it; other text is
// refused or decoded, and nothing more.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("hello"))
	f.Add([]byte{0, 0xFF, 0xFE})
	f.Add([]byte("A=== x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		spaced := func(s string) []byte { return []byte(strings.Join(strings.Split(s, ""), " \r\n")) }
		for name, pair := range map[string]struct {
			text   string
			decode decoder
		}{
			"hex":        {hex.EncodeToString(b), decodeHex},
			"HEX":        {strings.ToUpper(hex.EncodeToString(b)), decodeHex},
			"base64":     {base64.StdEncoding.EncodeToString(b), decodeBase64},
			"of URLs":    {base64.URLEncoding.EncodeToString(b), decodeBase64},
			"not padded": {base64.RawStdEncoding.EncodeToString(b), decodeBase64},
		} {
			if got, err := pair.decode(spaced(pair.text)); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%s %q: %q, %v", name, pair.text, got, err)
			}
		}
		_, _ = decodeHex(slices.Clone(b))
		_, _ = decodeBase64(slices.Clone(b))
	})
}

func TestHexWithMarks(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0xff01", "ff:01", "0xFF 0X01", "0xff:0x01\n", "ff01"} {
		if got, err := decodeHex([]byte(text)); err != nil || string(got) != "\xff\x01" {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"f0x1", "0x0xff", "x1", "0xf"} {
		if got, err := decodeHex([]byte(text)); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// No template makes the parser or a function panic.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{
		"", "{{", "}}", "{{}}", "{{.n}} {{.line}}", `{{printf "%05d" .n}}`, `{{random 1 6 | add 2}}`, `{{(((.n)))}}`,
		`{{choose "a" "b" (mul 2 3.5)}}`, `{{field 2 "," .line | json}}`, "{{mod .n 0}}", "{{random -9223372036854775808 9223372036854775807}}",
		`{{time "%Y%%%"}}`, "{{mod -9223372036854775808 -1}}", "{{.n|uuid}}", `{{env "PATH"}}`, "{{" + strings.Repeat("(", 1000),
	} {
		f.Add(text, "a,b")
	}
	f.Fuzz(func(t *testing.T, text, line string) {
		if strings.Contains(text, "%") && strings.ContainsAny(text, "0123456789*") && len(text) > 40 {
			return // a width of a million is slow, and asked for
		}
		p, err := newPayloadTemplate(text)
		if err != nil {
			return
		}
		for range 3 {
			if got, err := p.fill([]byte(line)); err == nil && !strings.Contains(text, "{{") && string(got) != text {
				t.Errorf("%q became %q", text, got)
			}
		}
	})
}

// TestSqueeze: what is compressed comes back, is compressed once, and is marked.
func TestSqueeze(t *testing.T) {
	s := &shaped{gzip: &squeezer{}}
	for _, payload := range []string{"a", strings.Repeat("long ", 1000)} {
		m := &mqttwire.Publish{Topic: "a", Payload: []byte(payload)}
		s.squeeze(m)
		s.squeeze(m) // it is marked: not again
		r, err := gzip.NewReader(bytes.NewReader(m.Payload))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != payload {
			t.Errorf("%.20q: %.20q, %v", payload, got, err)
		}
		if want := mqttwire.Properties(nil).AddUser("content-encoding", "gzip"); !bytes.Equal(m.Properties, want) {
			t.Errorf("%q is not %q", m.Properties, want)
		}
	}
	if m := (&mqttwire.Publish{Topic: "a"}); true {
		if s.squeeze(m); len(m.Payload)+len(m.Properties) > 0 {
			t.Error("an empty payload is one no more")
		}
	}
}

// TestLinesCost: a line costs no memory of its own.
func TestLinesCost(t *testing.T) {
	s := newLines("stdin", strings.NewReader(strings.Repeat("a line\n", 9000)), "\n") // one chunk
	var it item
	if ok, err := s.next(t.Context(), nil, &it); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if n := testing.AllocsPerRun(8000, func() { _, _ = s.next(t.Context(), nil, &it) }); n > 0 {
		t.Errorf("%v allocations a line", n)
	}
}
